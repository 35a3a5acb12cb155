//! The screen as a whole: what is asked, what is shown.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::Event;

use super::testing::{fumble, probe, with_runs};
use crate::event::inspection::{Probe, ProbeSource};
use crate::event::{Phase, RunEvent};
use crate::ui::action::Context;
use crate::ui::testing::Harness;
use crate::ui::{Effect, News};

/// The screen with the first run's answers.
pub(super) fn full(width: u16, height: u16) -> (Harness, Vec<String>) {
    let (mut harness, names) = with_runs(width, height);
    harness.keys(&["4"]);
    answered(&mut harness, &names[0], Ok(probe()));
    harness.take();
    (harness, names)
}

/// A run's answers on its own images are asked for.
pub(super) fn asks(run: &str) -> [Effect; 1] {
    [Effect::ReadProbe {
        run: run.to_owned(),
        source: ProbeSource::Recorded,
    }]
}

pub(super) fn answered(harness: &mut Harness, run: &str, probe: Result<Probe, &str>) {
    answered_on(harness, run, ProbeSource::Recorded, probe);
}

pub(super) fn answered_on(
    harness: &mut Harness,
    run: &str,
    source: ProbeSource,
    probe: Result<Probe, &str>,
) {
    harness.news(News::ProbeRead {
        run: run.to_owned(),
        source,
        probe: probe.map(Box::new).map_err(str::to_owned),
    });
}

#[test]
fn answers_that_are_no_numbers_are_named_and_neither_shown_nor_counted() {
    let (mut harness, names) = with_runs(120, 40);
    harness.keys(&["4"]);
    let mut broken = probe();
    for logits in &mut broken.students[2].logits {
        logits[0] = f32::NAN;
    }
    broken.teacher.as_mut().unwrap()[3][1] = f32::INFINITY;
    answered(&mut harness, &names[0], Ok(broken));
    let screen = harness.screen();
    let warning = "logits are not finite (NaN or infinite) and not counted: student's on 12, \
                 teacher's on 1 of 12 images";
    assert!(screen.contains(warning), "{screen}");
    assert!(screen.contains("! NaN"), "{screen}");
    // The earlier answers are as they were.
    let screen = harness.keys(&[","]).screen();
    assert!(!screen.contains("student's on"), "{screen}");
}

#[test]
fn without_runs_the_screen_says_how_to_make_one() {
    insta::assert_snapshot!(Harness::new(80, 24).keys(&["4"]).screen());
}

#[test]
fn the_newest_run_is_read_and_a_run_without_answers_says_what_to_do() {
    let (mut harness, names) = with_runs(80, 24);
    harness.keys(&["4"]);
    assert_eq!(harness.take(), asks(&names[0]));
    insta::assert_snapshot!("reading", harness.screen());
    answered(
        &mut harness,
        &names[0],
        Err("it saved no checkpoint of its student yet"),
    );
    insta::assert_snapshot!("without_a_probe", harness.screen());
    harness.keys(&["]"]);
    assert_eq!(harness.take(), asks(&names[1]));
}

#[test]
fn images_stand_beside_the_answers_on_the_selected_one() {
    insta::assert_snapshot!("images_80", full(80, 24).0.screen());
    insta::assert_snapshot!("images_200", full(200, 60).0.screen());
    insta::assert_snapshot!("images_50", full(50, 24).0.screen());
}

#[test]
fn small_terminals_show_what_matters_most() {
    for (width, height) in [(60, 15), (40, 10)] {
        let (mut harness, _) = full(width, height);
        for view in ["images", "agreement", "student", "teacher", "classes"] {
            insta::assert_snapshot!(format!("{view}_{width}"), harness.screen());
            harness.keys(&["v"]);
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
    harness.keys(&["v", "v"]);
    assert!(
        harness
            .screen()
            .contains("200 validation images · step 1200")
    );
    harness.keys(&["w", "down", "right", "right", "enter"]);
    let screen = harness.screen();
    assert!(screen.contains("label cat, student dog"), "{screen}");
    harness.keys(&["esc"]);
    assert!(harness.screen().contains("12 probe images"));
    harness.keys(&["esc"]);
    assert!(harness.screen().contains(" 12 probe images · "));
}

#[test]
fn images_of_the_class_or_the_cell_that_is_looked_at_use_the_room_beside_it() {
    let (mut harness, _) = full(200, 60);
    harness.keys(&["v", "v", "down", "right", "right"]);
    let screen = harness.screen();
    assert!(
        screen.contains("1 of 12 probe images · label cat, student dog"),
        "{screen}"
    );
    assert_eq!(screen.matches("label cat").count(), 3, "{screen}");
    // Below it where the screen is narrow, and nowhere where it is low.
    harness.input(Event::Resize(80, 24));
    assert!(harness.screen().contains("1 of 12 probe images"));
    harness.input(Event::Resize(80, 18));
    assert!(!harness.screen().contains("1 of 12 probe images"));
    harness.input(Event::Resize(200, 60));
    harness.keys(&["v", "v", "down"]);
    let screen = harness.screen();
    assert!(screen.contains("3 of 12 probe images · only "), "{screen}");
}

#[test]
fn a_run_without_a_teacher_offers_no_view_order_or_column_of_one() {
    for (width, height) in [(80, 24), (200, 60)] {
        let (mut harness, names) = with_runs(width, height);
        for name in &names {
            let run = harness.runs.get_mut(name).unwrap();
            run.store.models.remove(&Phase::Teacher);
            for evaluation in &mut run.store.evaluations {
                evaluation.teacher = None;
                evaluation.predictions.clear();
            }
        }
        let mut alone = probe();
        alone.teacher = None;
        harness.keys(&["4"]);
        answered(&mut harness, &names[0], Ok(alone.clone()));
        // The order of a run with a teacher is what it was.
        harness.keys(&["]"]);
        answered(&mut harness, &names[1], Ok(probe()));
        let screen = harness.screen();
        assert!(screen.contains("12 probe images · highest KL"), "{screen}");
        harness.keys(&["["]);
        answered(&mut harness, &names[0], Ok(alone));
        let screen = harness.screen();
        assert!(
            screen.contains("12 probe images · highest loss"),
            "{screen}"
        );
        insta::assert_snapshot!(format!("alone_images_{width}"), screen);
        let (mut views, mut orders, mut choices) = (0, 0, 0);
        let check = |screen: &str| {
            let about_run = screen.replace(" · no teacher", "");
            for word in ["teacher", "Agree", "KL", "NaN", "disagree"] {
                assert!(!about_run.contains(word), "{word}: {screen}");
            }
        };
        check(&harness.screen());
        for (key, seen) in [("s", &mut orders), ("f", &mut choices), ("v", &mut views)] {
            let first = harness.screen();
            loop {
                let screen = harness.keys(&[key]).screen();
                check(&screen);
                *seen += 1;
                if screen == first {
                    break;
                }
                assert!(*seen < 9);
            }
        }
        assert_eq!((views, orders, choices), (3, 4, 2));
        harness.keys(&["v"]);
        insta::assert_snapshot!(format!("alone_student_{width}"), harness.screen());
        harness.keys(&["v"]);
        insta::assert_snapshot!(format!("alone_classes_{width}"), harness.screen());
    }
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
            .contains("step 1500 · epoch 4 · evaluation 4 of 4")
    );
    harness.keys(&["left"]);
    let mut newest = longer.students[2].clone();
    newest.step = 1800;
    longer.students.push(newest);
    answered(&mut harness, &names[0], Ok(longer));
    assert!(
        harness
            .screen()
            .contains("step 1200 · epoch 4 · evaluation 3 of 5")
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
        weights: None,
    };
    harness.runs.apply(&names[0], &saved);
    harness.news(News::RunsChanged).news(News::RunsChanged);
    assert_eq!(harness.take(), asks(&names[0]));
    assert!(harness.screen().contains("12 probe images"));
}

#[test]
fn a_higher_temperature_softens_what_is_shown() {
    let (mut harness, _) = full(120, 30);
    let before = harness.screen();
    let after = harness.keys(&["+", "+", "+"]).screen();
    assert!(
        before.contains("temperature 1    - ╶──●") && after.contains("temperature 3    - ╶─────●")
    );
    assert_eq!(harness.keys(&["0"]).screen(), before);
}

#[test]
fn images_are_filtered_by_who_is_right_and_the_sort_can_be_reversed() {
    let (mut harness, _) = full(120, 30);
    for title in [
        "4 of 12 probe images · only teacher ✓ ",
        "0 of 12 probe images · both ✗",
        "2 of 12 probe images · only student ✓",
        "6 of 12 probe images · disagreement",
        "┌ 12 probe images · highest KL ",
    ] {
        let screen = harness.keys(&["f"]).screen();
        assert!(screen.contains(title), "{screen}");
    }
    let first = |screen: String| screen.lines().nth(8).map(str::to_owned);
    let before = first(harness.screen());
    let screen = harness.keys(&["S"]).screen();
    assert!(screen.contains("reversed"), "{screen}");
    assert_ne!(first(screen), before);
    assert_eq!(first(harness.keys(&["S"]).screen()), before);
}

#[test]
fn a_second_run_is_offered_taken_and_put_away_by_the_keys_that_are_shown() {
    let (mut harness, names) = full(80, 24);
    assert!(harness.screen().contains(" a add run "));
    harness.keys(&["a"]);
    let screen = harness.screen();
    assert!(
        screen.contains("A remove") && screen.contains("↔ wide"),
        "{screen}"
    );
    let mut other = probe();
    other.students[2].logits[11] = super::testing::logits(1, 4.0);
    answered(&mut harness, &names[1], Ok(other));
    let screen = harness.screen();
    assert!(screen.contains("✗ airpl… ✗ cat "), "in the list: {screen}");
    insta::assert_snapshot!("second_in_list_80", screen);
    harness.keys(&["v", "v", "v", "v"]);
    insta::assert_snapshot!("second_in_classes_80", harness.screen());
    harness.keys(&["v"]);
    assert!(harness.screen().contains(" ↔ "));
    assert!(!harness.keys(&["A"]).screen().contains('↔'));
}

#[test]
fn a_second_run_stands_beside_the_first_or_says_why_not() {
    let (mut harness, names) = full(200, 60);
    harness.keys(&["a"]);
    assert_eq!(harness.take(), asks(&names[1]));
    let mut other = probe();
    other.classes[3] = "boat".to_owned();
    answered(&mut harness, &names[1], Ok(other));
    let screen = harness.screen();
    assert!(
        screen.contains("the classes differ: `boat`, not `ship`"),
        "{screen}"
    );
    // It stays to be read when the message is gone.
    let screen = harness.at(Duration::from_secs(20)).screen();
    assert!(
        screen.contains("└ not comparable: the classes differ"),
        "{screen}"
    );
    harness.keys(&["a"]);
    let mut other = probe();
    other.students.truncate(2);
    answered(&mut harness, &names[1], Ok(other));
    harness.at(Duration::from_secs(40));
    insta::assert_snapshot!("two_runs_200", harness.screen());
    harness.input(Event::Resize(80, 24));
    insta::assert_snapshot!("two_runs_80", harness.screen());
}

#[test]
fn without_another_run_that_was_evaluated_the_screen_says_that_there_is_none() {
    let (mut harness, names) = full(80, 24);
    let second = harness.runs.get_mut(&names[1]).unwrap();
    second.store.evaluations.clear();
    let screen = harness.keys(&["a"]).screen();
    assert!(
        screen.contains("no other run has been evaluated"),
        "{screen}"
    );
    assert_eq!(harness.take(), []);
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
        screen.contains("12 probe images") && screen.contains("the disk is gone"),
        "{screen}"
    );
}
