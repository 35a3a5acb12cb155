//! The screen as a whole: what is asked, what is shown.

use std::path::PathBuf;
use std::time::Duration;

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use ratatui::layout::{Position, Rect};

use super::super::compare::testing::{fumble, logits, with_runs, with_sisters};
use crate::event::SkippedImage;
use crate::event::inspection::{
    Answering, Asked, Classified, InferenceEvent, InferenceRequest, Weights,
};
use crate::ui::action::Context;
use crate::ui::testing::Harness;
use crate::ui::widget::Selection;
use crate::ui::{Effect, News};

pub(super) use super::super::compare::testing::picture;

/// An image of which student and teacher are the surer, the later it is, and
/// differ on every third.
pub(super) fn classified(at: usize) -> Classified {
    let class = at % 4;
    Classified {
        label: None,
        path: PathBuf::from(format!("new/{at:04}.png")),
        picture: picture(at, 32),
        student: Some(logits(class, 0.2 + at as f32 * 0.1)),
        teacher: Some(logits(
            (class + usize::from(at % 3 == 2)) % 4,
            2.0 + at as f32 * 0.1,
        )),
        milliseconds: 1.0 + at as f64 * 0.125,
    }
}

fn news(harness: &mut Harness, event: InferenceEvent) {
    harness.news(News::Inference(event));
}

fn began(harness: &mut Harness, images: usize) {
    let classes = ["airplane", "cat", "dog", "ship"]
        .map(str::to_owned)
        .to_vec();
    news(harness, InferenceEvent::Began { images, classes });
}

fn unreadable(harness: &mut Harness) {
    news(
        harness,
        InferenceEvent::Unreadable(SkippedImage {
            path: PathBuf::from("new/broken.png"),
            reason: "the file ends before its last row".to_owned(),
        }),
    );
}

/// A folder is chosen and classified half, five seconds long.
fn half(width: u16, height: u16, models: &[&str]) -> (Harness, Vec<String>) {
    let (mut harness, names) = with_runs(width, height);
    harness
        .keys(&["5", "o"])
        .text("/data/new\n")
        .keys(models)
        .keys(&["enter"]);
    began(&mut harness, 40);
    for at in 0..19 {
        let mut image = classified(at);
        if models.is_empty() {
            image.teacher = None;
        }
        news(&mut harness, InferenceEvent::Classified(Box::new(image)));
    }
    unreadable(&mut harness);
    harness.at(Duration::from_secs(5));
    (harness, names)
}

fn ended(harness: &mut Harness, cancelled: bool) {
    let seconds = 9.5;
    news(harness, InferenceEvent::Ended { cancelled, seconds });
    harness.at(Duration::from_secs(20));
}

#[test]
fn without_runs_and_without_a_folder_the_screen_says_what_to_do() {
    insta::assert_snapshot!("no_runs", Harness::new(80, 24).keys(&["5"]).screen());
    let (mut harness, _) = with_runs(80, 24);
    insta::assert_snapshot!("no_folder", harness.keys(&["5"]).screen());
}

#[test]
fn the_prompt_follows_what_is_there_and_what_is_missing() {
    let mut harness = Harness::new(80, 24);
    let assert_shows = |harness: &mut Harness, words: &str| {
        let screen = harness.screen();
        assert!(screen.contains(words), "{words}: {screen}");
    };
    assert_shows(harness.keys(&["5"]), "no run; press 1 to train one");
    let (mut harness, names) = with_runs(80, 24);
    assert_shows(harness.keys(&["5"]), "press o to choose a folder of images");
    harness.keys(&["o"]).text("/data/new\n");
    assert_shows(&mut harness, "press enter to classify");
    let store = &mut harness.runs.get_mut(&names[0]).unwrap().store;
    let saved = std::mem::take(&mut store.checkpoints);
    assert_shows(
        &mut harness,
        "quick has no checkpoint yet; press ] for another run",
    );
    harness.runs.get_mut(&names[0]).unwrap().store.checkpoints = saved;
    harness.keys(&["enter"]);
    assert_shows(&mut harness, "looking for images");
    began(&mut harness, 1);
    news(
        &mut harness,
        InferenceEvent::Classified(Box::new(classified(0))),
    );
    ended(&mut harness, false);
    assert_shows(&mut harness, "done: 1 file ");
    // What is there was answered by others.
    let again = "press r to classify again";
    let other = format!("these results are of the student's best weights; {again}");
    assert_shows(harness.keys(&["w"]), &other);
    assert_shows(&mut harness, "r classify  m models  w weights  ] next run");
    assert_shows(&mut harness, "outdated: 1 image");
    assert_shows(harness.keys(&["w"]), "done: 1 file");
    assert_shows(harness.keys(&["]"]), "these results are of quick-202");
    harness.keys(&["[", "o"]).text("/data/newer\n");
    assert_shows(
        &mut harness,
        &format!("these results are of /data/new; {again}"),
    );
    harness.keys(&["o"]).text("/data/new\n");
    assert_shows(&mut harness, "done: 1 file");
    // The run trained on.
    let store = &mut harness.runs.get_mut(&names[0]).unwrap().store;
    let mut newer = store.checkpoints.last().unwrap().clone();
    let before = newer.at.step;
    (newer.at.step, newer.best) = (before + 12_000, true);
    store.checkpoints.push(newer);
    assert_shows(&mut harness, ", not 13");
    assert_shows(&mut harness, again);
    // The image is still there to be looked at.
    harness.take();
    harness.keys(&["enter"]);
    assert!(
        !harness
            .take()
            .iter()
            .any(|it| matches!(it, Effect::Infer(_))),
        "asked twice"
    );
    harness.keys(&["r"]);
    assert_shows(&mut harness, "looking for images");
}

#[test]
fn runs_of_one_experiment_show_their_ids_where_their_names_have_no_room() {
    let (mut harness, names) = with_sisters(80, 24);
    let first = harness.keys(&["5"]).screen();
    let second = harness.keys(&["]"]).screen();
    for (name, screen) in names.iter().zip([first, second]) {
        let id = &name[name.len() - 6..];
        let field = screen
            .lines()
            .find(|line| line.contains("run     ]"))
            .unwrap();
        assert!(field.contains(&format!("…{id}")), "{screen}");
    }
}

#[test]
fn what_is_chosen_is_asked_for_and_only_once() {
    let (mut harness, names) = with_runs(80, 24);
    harness
        .keys(&["5", "enter"])
        .text("/data/new\n")
        .keys(&["m", "m", "w", "]", "enter", "enter", "r"]);
    let request = InferenceRequest {
        folder: PathBuf::from("/data/new"),
        run: names[1].clone(),
        asked: Asked {
            answering: Answering::Both,
            weights: Weights::Latest,
        },
    };
    assert_eq!(harness.take(), [Effect::Infer(request)]);
    insta::assert_snapshot!("asked", harness.screen());
}

#[test]
fn results_are_shown_as_they_arrive() {
    insta::assert_snapshot!("running_80", half(80, 24, &[]).0.screen());
    insta::assert_snapshot!("running_both_80", half(80, 24, &["m", "m"]).0.screen());
    let (mut harness, _) = half(200, 60, &["m", "m"]);
    ended(&mut harness, false);
    insta::assert_snapshot!("done_200", harness.keys(&["down"]).screen());
    insta::assert_snapshot!("done_50", {
        harness.input(Event::Resize(50, 24));
        harness.screen()
    });
    insta::assert_snapshot!("alone_80", {
        harness.input(Event::Resize(80, 24));
        harness.keys(&["enter"]).screen()
    });
}

#[test]
fn small_terminals_show_what_matters_most() {
    for (width, height) in [(60, 15), (40, 10)] {
        let (mut harness, _) = half(width, height, &["m", "m"]);
        insta::assert_snapshot!(format!("running_{width}"), harness.screen());
        insta::assert_snapshot!(format!("alone_{width}"), harness.keys(&["enter"]).screen());
        ended(&mut harness, false);
        insta::assert_snapshot!(format!("unreadable_{width}"), harness.keys(&["u"]).screen());
    }
}

#[test]
fn a_click_on_a_thumbnail_selects_its_image() {
    let (mut harness, _) = half(200, 60, &["m", "m"]);
    harness.mouse(MouseEventKind::Down(MouseButton::Left), 3, 11);
    let screen = harness.screen();
    assert!(screen.contains("┌ new/0001.png"), "{screen}");
}

#[test]
fn it_is_cancelled_once_and_what_is_done_stays() {
    let (mut harness, _) = half(80, 24, &[]);
    harness.take();
    harness.keys(&["x", "esc", "x"]);
    assert_eq!(harness.take(), [Effect::CancelInference]);
    ended(&mut harness, true);
    let screen = harness.screen();
    assert!(screen.contains("cancelled after 20 files"), "{screen}");
    assert!(screen.contains("19 images"), "{screen}");
}

#[test]
fn files_that_could_not_be_read_are_listed_with_their_reasons() {
    let (mut harness, _) = half(80, 24, &[]);
    insta::assert_snapshot!("unreadable_80", harness.keys(&["u"]).screen());
    assert!(harness.keys(&["esc"]).screen().contains("19 images"));
}

#[test]
fn failures_and_folders_without_images_are_explained() {
    let (mut harness, _) = with_runs(80, 24);
    harness.keys(&["5", "o"]).text("/nowhere\n").keys(&["r"]);
    news(
        &mut harness,
        InferenceEvent::Failed("there is no folder /nowhere".to_owned()),
    );
    harness.at(Duration::from_secs(20));
    insta::assert_snapshot!("failed", harness.screen());
    harness.keys(&["r"]);
    began(&mut harness, 0);
    ended(&mut harness, false);
    insta::assert_snapshot!("no_images", harness.screen());
    harness.keys(&["r"]);
    began(&mut harness, 1);
    unreadable(&mut harness);
    ended(&mut harness, false);
    assert!(harness.screen().contains("No readable images"));
}

#[test]
fn what_is_filtered_is_what_is_written() {
    let (mut harness, names) = half(80, 24, &[]);
    ended(&mut harness, false);
    harness.take();
    harness
        .keys(&["/"])
        .text("000[12]\n")
        .keys(&["s", "s", "s", "e", "enter"]);
    let effects = harness.take();
    let [Effect::WriteFile { path, text }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(path, &PathBuf::from(format!("{}-new.csv", names[0])));
    let files: Vec<&str> = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split(',').next())
        .collect();
    assert_eq!(files, ["new/0001.png", "new/0002.png"]);
    harness.keys(&["E", "enter"]);
    assert!(
        matches!(&harness.take()[..], [Effect::WriteFile { text, .. }] if text.starts_with('{'))
    );
    harness.keys(&["e"]).text(".txt\n");
    assert_eq!(harness.take(), []);
    assert!(
        harness.screen().contains("must end in .csv"),
        "{}",
        harness.screen()
    );
    assert!(
        harness
            .at(Duration::from_mins(1))
            .keys(&["esc"])
            .screen()
            .contains(" 19 images")
    );
}

#[test]
fn the_border_between_the_table_and_the_image_is_dragged() {
    let (mut harness, _) = half(120, 30, &[]);
    let left = MouseButton::Left;
    harness.take();
    harness.mouse(MouseEventKind::Down(left), 120 - 43, 12);
    harness.mouse(MouseEventKind::Drag(left), 60, 12);
    assert!(harness.take().is_empty());
    harness.mouse(MouseEventKind::Up(left), 60, 12);
    let effects = harness.take();
    let [Effect::KeepLayout(layout)] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(layout.panes.classified, Some(60));
}

#[test]
fn a_click_selects_and_the_wheel_scrolls() {
    let (mut harness, _) = half(80, 24, &[]);
    let mut mouse = |kind, row| {
        harness.mouse(kind, 4, row);
        harness.screen()
    };
    let first = mouse(MouseEventKind::Down(MouseButton::Left), 8);
    let third = mouse(MouseEventKind::Down(MouseButton::Left), 10);
    assert_ne!(first, third);
    mouse(MouseEventKind::ScrollUp, 10);
    assert_eq!(mouse(MouseEventKind::ScrollUp, 10), first);
}

#[test]
fn a_click_selects_a_file_that_could_not_be_read() {
    let list = Rect::new(0, 6, 80, 10);
    let at = |y| super::unreadable::row_at(Selection::default(), 3, list, Position::new(4, y));
    assert_eq!(
        [at(6), at(7), at(9), at(10)],
        [None, Some(0), Some(2), None]
    );
    let (mut harness, _) = half(80, 24, &[]);
    unreadable(&mut harness);
    harness.keys(&["u", "down"]);
    let mouse = |row| {
        Event::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: 4,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    let before = harness.screen();
    assert_eq!(harness.input(mouse(20)).screen(), before);
}

#[test]
fn any_size_is_drawn_in_every_state() {
    let (mut harness, _) = half(80, 24, &["m", "m"]);
    let mut broken = classified(3);
    broken.student = Some(vec![f32::NAN; 2]);
    broken.teacher = Some(vec![f32::INFINITY; 9]);
    broken.milliseconds = f64::NAN;
    broken.path = PathBuf::from("日本語/".repeat(30));
    news(&mut harness, InferenceEvent::Classified(Box::new(broken)));
    for (width, height) in [
        (40, 10),
        (41, 12),
        (67, 13),
        (68, 14),
        (300, 80),
        (400, 12),
        (3, 1),
    ] {
        harness.input(Event::Resize(width, height));
        for keys in [["end", "enter"], ["u", "u"], ["enter", "home"]] {
            harness.keys(&keys[..1]).screen();
            harness.keys(&keys[1..]).screen();
        }
    }
}

#[test]
fn nothing_that_is_pressed_in_whatever_order_ends_it() {
    let (mut harness, _) = half(80, 24, &["m", "m"]);
    fumble(&mut harness, Context::Inference, 250);
}

#[test]
fn images_in_folders_that_are_named_like_classes_are_scored_class_by_class() {
    let (mut harness, _) = with_runs(100, 30);
    harness
        .keys(&["5", "o"])
        .text("/data/new\n")
        .keys(&["m", "m", "enter"]);
    began(&mut harness, 12);
    harness.keys(&["v"]);
    assert!(
        harness.screen().contains("No labels"),
        "{}",
        harness.screen()
    );
    harness.keys(&["v"]);
    for at in 0..12 {
        let mut image = classified(at);
        image.label = Some((at + usize::from(at == 5)) % 4);
        news(&mut harness, InferenceEvent::Classified(Box::new(image)));
    }
    ended(&mut harness, false);
    insta::assert_snapshot!("labelled_100", harness.screen());
    insta::assert_snapshot!("scores_100", harness.keys(&["v"]).screen());
    harness.keys(&["u"]);
    assert!(harness.screen().contains("No unreadable files"));
    assert!(
        !harness
            .keys(&["esc"])
            .screen()
            .contains("No unreadable files")
    );
}
