//! The screen as a whole: what is asked, what is shown.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::testing::{fumble, probe, with_runs};
use crate::event::inspection::Probe;
use crate::event::{Phase, RunEvent};
use crate::ui::action::Context;
use crate::ui::graphics::{Graphics, Protocol};
use crate::ui::testing::Harness;
use crate::ui::{Effect, News};

/// The screen with the first run's answers.
fn full(width: u16, height: u16) -> (Harness, Vec<String>) {
    let (mut harness, names) = with_runs(width, height);
    harness.keys(&["4"]);
    answered(&mut harness, &names[0], Ok(probe()));
    harness.take();
    (harness, names)
}

fn answered(harness: &mut Harness, run: &str, probe: Result<Probe, &str>) {
    harness.news(News::ProbeRead {
        run: run.to_owned(),
        folder: None,
        probe: probe.map(Box::new).map_err(str::to_owned),
    });
}

#[test]
fn without_runs_it_is_said_how_to_come_to_one() {
    insta::assert_snapshot!(Harness::new(80, 24).keys(&["4"]).screen());
}

#[test]
fn the_newest_run_is_read_and_a_run_without_answers_says_what_to_do() {
    let (mut harness, names) = with_runs(80, 24);
    harness.keys(&["4"]);
    assert_eq!(harness.take(), [Effect::ReadProbe(names[0].clone())]);
    insta::assert_snapshot!("reading", harness.screen());
    answered(
        &mut harness,
        &names[0],
        Err("it saved no checkpoint of its student yet"),
    );
    insta::assert_snapshot!("without_a_probe", harness.screen());
    harness.keys(&["]"]);
    assert_eq!(harness.take(), [Effect::ReadProbe(names[1].clone())]);
}

#[test]
fn images_stand_beside_the_answers_on_the_selected_one() {
    insta::assert_snapshot!("images_80", full(80, 24).0.screen());
    insta::assert_snapshot!("images_200", full(200, 60).0.screen());
    insta::assert_snapshot!("images_50", full(50, 24).0.screen());
}

/// The words of a real picture on a terminal that shows them, and where its
/// first cell is.
fn real(protocol: Protocol) -> (Harness, (u16, u16), &'static str) {
    let (harness, names) = with_runs(120, 40);
    let graphics = Graphics {
        protocol,
        cell: (10, 20),
        ..Graphics::default()
    };
    let mut harness = harness.with_graphics(graphics);
    harness.keys(&["4"]);
    answered(&mut harness, &names[0], Ok(probe()));
    let words = match protocol {
        Protocol::Kitty => "\x1b_Gq=2,i=",
        Protocol::Iterm2 => "]1337;File=inline=1",
        Protocol::Sixel => "\x1bP",
        Protocol::HalfBlocks => "▀",
    };
    harness.screen();
    (harness, (59, 4), words)
}

#[test]
fn the_selected_image_is_a_real_picture_where_the_terminal_shows_them() {
    for protocol in [Protocol::Kitty, Protocol::Iterm2, Protocol::Sixel] {
        let (mut harness, (x, y), words) = real(protocol);
        assert!(harness.cell(x, y).contains(words), "{protocol:?}");
        let first = harness.cell(x, y).to_owned();
        harness.keys(&["down"]).screen();
        assert!(harness.cell(x, y).contains(words), "{protocol:?}");
        assert_ne!(harness.cell(x, y), first, "{protocol:?}");
    }
}

#[test]
fn a_real_picture_goes_away_under_a_dialog_and_on_another_screen() {
    for protocol in [Protocol::Kitty, Protocol::Iterm2, Protocol::Sixel] {
        let (mut harness, (x, y), _) = real(protocol);
        for keys in [["o", "esc"], ["v", "V"], ["5", "4"]] {
            harness.keys(&keys[..1]).screen();
            for column in x..120 {
                for row in 1..39 {
                    let cell = harness.cell(column, row);
                    assert!(!cell.contains(['\x1b', '\u{10eeee}']), "{protocol:?}");
                }
            }
            harness.keys(&keys[1..]).screen();
            let drawn = harness.cell(x, y);
            assert!(
                drawn.contains(['\x1b', '\u{10eeee}']),
                "{protocol:?}: {keys:?}"
            );
        }
    }
}

#[test]
fn every_view_shows_the_same_answers() {
    for (width, height) in [(80, 24), (200, 60)] {
        let (mut harness, _) = full(width, height);
        for view in ["agreement", "student", "teacher", "classes"] {
            harness.keys(&["v", "down", "right"]);
            insta::assert_snapshot!(format!("{view}_{width}"), harness.screen());
        }
    }
}

#[test]
fn a_cell_of_a_matrix_opens_its_images_and_leaving_shows_all() {
    let (mut harness, _) = full(120, 30);
    harness.keys(&["v", "v", "w"]);
    assert!(
        harness
            .screen()
            .contains("200 validation images at step 600")
    );
    harness.keys(&["w", "down", "right", "right", "enter"]);
    let screen = harness.screen();
    assert!(screen.contains("label cat, student dog"), "{screen}");
    harness.keys(&["esc"]);
    assert!(harness.screen().contains(" 12 images"));
}

#[test]
fn scrubbing_moves_the_answers_and_the_selected_image_stays() {
    let (mut harness, _) = full(120, 30);
    harness.keys(&["s", "s", "s", "s", "down", "down"]);
    assert!(harness.screen().contains("┌ test/airplane/0008.png"));
    for (key, step) in [
        ("left", "step 600"),
        (",", "step 300"),
        (",", "step 300"),
        (".", "step 600"),
    ] {
        let screen = harness.keys(&[key]).screen();
        assert!(
            screen.contains(step) && screen.contains("┌ test/airplane/0008.png"),
            "{screen}"
        );
    }
    assert!(harness.screen().contains("✗───"));
}

#[test]
fn the_newest_answers_are_followed_and_older_ones_stay() {
    let (mut harness, names) = full(80, 24);
    let mut longer = probe();
    let mut newest = longer.students[2].clone();
    newest.step = 1500;
    longer.students.push(newest);
    answered(&mut harness, &names[0], Ok(longer.clone()));
    assert!(
        harness
            .screen()
            .contains("step 1,500 · epoch 4.0 · checkpoint 4 of 4")
    );
    harness.keys(&["left"]);
    let mut newest = longer.students[2].clone();
    newest.step = 1800;
    longer.students.push(newest);
    answered(&mut harness, &names[0], Ok(longer));
    assert!(
        harness
            .screen()
            .contains("step 1,200 · epoch 4.0 · checkpoint 3 of 5")
    );
}

#[test]
fn a_run_that_came_further_is_read_again_while_its_answers_stay() {
    let (mut harness, names) = full(80, 24);
    harness.news(News::RunsChanged);
    assert_eq!(harness.take(), []);
    let saved = RunEvent::CheckpointSaved {
        at: crate::event::Position {
            phase: Phase::Student,
            step: 1500,
        },
        folder: PathBuf::from("latest"),
        best: false,
    };
    harness.runs.apply(&names[0], &saved);
    harness.news(News::RunsChanged).news(News::RunsChanged);
    assert_eq!(harness.take(), [Effect::ReadProbe(names[0].clone())]);
    assert!(harness.screen().contains("12 images"));
}

#[test]
fn a_higher_temperature_softens_what_is_shown() {
    let (mut harness, _) = full(120, 30);
    let before = harness.screen();
    let after = harness.keys(&["+", "+", "+"]).screen();
    assert!(before.contains("temperature 1 ╶──●") && after.contains("temperature 3 ╶─────●"));
    assert_eq!(harness.keys(&["0"]).screen(), before);
}

#[test]
fn a_second_run_stands_beside_the_first_or_says_why_not() {
    let (mut harness, names) = full(200, 60);
    harness.keys(&["a"]);
    assert_eq!(harness.take(), [Effect::ReadProbe(names[1].clone())]);
    let mut other = probe();
    other.classes[3] = "boat".to_owned();
    answered(&mut harness, &names[1], Ok(other));
    let screen = harness.screen();
    assert!(
        screen.contains("its classes are others: `boat`, not `ship`"),
        "{screen}"
    );
    harness.keys(&["a"]);
    let mut other = probe();
    other.students.truncate(2);
    answered(&mut harness, &names[1], Ok(other));
    harness.at(Duration::from_secs(20));
    insta::assert_snapshot!("two_runs_200", harness.screen());
    harness.input(Event::Resize(80, 24));
    insta::assert_snapshot!("two_runs_80", harness.screen());
}

#[test]
fn a_folder_is_asked_for_and_its_answers_replace_the_probe() {
    let (mut harness, names) = full(80, 24);
    harness.keys(&["o"]).text("/data/new\n");
    let folder = PathBuf::from("/data/new");
    let asked = Effect::ProbeFolder {
        run: names[0].clone(),
        folder: folder.clone(),
    };
    assert_eq!(harness.take(), [asked]);
    let mut other = probe();
    other.images.iter_mut().for_each(|image| image.label = None);
    other.students.truncate(1);
    harness.news(News::ProbeRead {
        run: names[0].clone(),
        folder: Some(folder),
        probe: Ok(Box::new(other)),
    });
    insta::assert_snapshot!("folder_80", harness.screen());
    harness.keys(&["o"]).text("er\n");
    harness.news(News::ProbeRead {
        run: names[0].clone(),
        folder: Some(PathBuf::from("/data/newer")),
        probe: Err("there is no folder /data/newer".to_owned()),
    });
    insta::assert_snapshot!("no_such_folder", harness.screen());
    harness.take();
    harness.keys(&["O"]);
    assert_eq!(harness.take(), [Effect::ReadProbe(names[0].clone())]);
}

#[test]
fn the_mouse_selects_images_views_and_points_of_the_training() {
    let (mut harness, _) = full(80, 24);
    let mut click = |column, row| {
        harness.input(Event::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }));
        harness.screen()
    };
    let before = click(5, 5);
    assert_ne!(click(5, 7), before);
    assert!(click(11, 21).contains("checkpoint 1 of 3"));
    assert!(click(12, 2).contains("teacher ↓ by student →"));
}

#[test]
fn no_teacher_no_labels_and_answers_that_are_no_numbers_are_dashes() {
    let (mut harness, names) = full(120, 30);
    let mut broken = probe();
    broken.teacher = None;
    broken.images[0].label = None;
    broken.images[1].picture.rgb.clear();
    for answers in &mut broken.students {
        answers.logits[0][0] = f32::NAN;
        answers.logits.truncate(6);
    }
    answered(&mut harness, &names[0], Ok(broken));
    for view in ["images", "agreement", "student", "teacher", "classes"] {
        let screen = harness.screen();
        assert!(screen.contains("no teacher"), "{view}");
        for _ in 0..14 {
            harness.keys(&["down", "right", "s"]).screen();
        }
        harness.keys(&["v"]);
    }
}

#[test]
fn any_size_is_drawn_in_every_view() {
    let (mut harness, _) = full(80, 24);
    for (width, height) in [
        (40, 10),
        (41, 11),
        (63, 13),
        (64, 14),
        (300, 80),
        (400, 12),
        (45, 90),
        (3, 1),
    ] {
        harness.input(Event::Resize(width, height));
        for _ in 0..5 {
            harness.keys(&["v"]).screen();
        }
    }
}

#[test]
fn nothing_that_is_pressed_in_whatever_order_ends_it() {
    let (mut harness, names) = full(80, 24);
    harness.keys(&["a"]);
    answered(&mut harness, &names[1], Ok(probe()));
    fumble(&mut harness, Context::Compare, 250);
}

#[test]
fn answers_stay_when_they_cannot_be_read_again() {
    let (mut harness, names) = full(80, 24);
    harness.keys(&["r"]);
    answered(&mut harness, &names[0], Err("the disk is gone"));
    let screen = harness.screen();
    assert!(
        screen.contains("12 images") && screen.contains("the disk is gone"),
        "{screen}"
    );
}
