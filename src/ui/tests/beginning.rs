//! What the screen does when a run begins.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::run::RunFolder;
use crate::store::{Owner, RunEntry};
use crate::ui::effect::Waiting;
use crate::ui::screen::Screen;
use crate::ui::testing::Harness;
use crate::ui::{Effect, News};

/// A screen on which a launch was requested, and is being prepared.
fn launched() -> Harness {
    let mut harness = Harness::new(80, 24);
    let path = PathBuf::from("e/small.ron");
    harness.ui.shared.ask(Effect::Launch(path.clone()));
    harness.news(News::Queue {
        preparing: Some(path),
        ahead: None,
        waiting: Vec::new(),
    });
    harness
}

fn begin(harness: &mut Harness) -> String {
    let place = tempfile::tempdir().unwrap();
    let started = SystemTime::UNIX_EPOCH;
    let folder = RunFolder::create(place.path(), "small", "Experiment()", started).unwrap();
    let mut run = RunEntry::new(folder, started);
    run.owner = Owner::Here;
    let name = run.folder.name();
    harness.runs.insert(run);
    harness.news(News::RunBegan(name.clone()));
    name
}

#[test]
fn a_person_who_launched_a_run_and_waits_is_shown_it() {
    let mut harness = launched();
    assert!(harness.screen().contains("preparing small"));
    let name = begin(&mut harness);
    assert_eq!(harness.ui.screen, Screen::Live);
    assert_eq!(harness.ui.shared.training, Some(name));
    assert_eq!(harness.ui.shared.status(), None);
}

#[test]
fn what_trains_and_what_waits_is_shown_where_a_name_has_no_room_beside_it() {
    let mut harness = launched();
    begin(&mut harness);
    harness.keys(&["2"]);
    assert!(harness.screen().contains("training small-"));
    harness.ui.shared.queue = vec![Waiting::Resume("a".to_owned())];
    assert!(harness.screen().contains("training, 1 queued"));
}

#[test]
fn a_person_who_moved_on_is_notified_and_finds_the_run_on_the_live_screen() {
    let mut harness = launched();
    harness.keys(&["2"]);
    let name = begin(&mut harness);
    assert_eq!(harness.ui.screen, Screen::Runs);
    let message = format!("{name} is training; press 3 to watch");
    assert!(harness.screen().contains(&message), "{}", harness.screen());
    harness.keys(&["3"]);
    assert_eq!(harness.ui.shared.selected, Some(name));
}

#[test]
fn a_person_who_waits_on_the_live_screen_is_shown_the_run_there() {
    let mut harness = launched();
    harness.keys(&["3"]);
    let name = begin(&mut harness);
    assert_eq!(harness.ui.screen, Screen::Live);
    assert_eq!(harness.ui.shared.selected, Some(name));
}

#[test]
fn a_run_that_waited_for_another_takes_nobody_away() {
    let mut harness = launched();
    begin(&mut harness);
    harness.keys(&["1"]);
    begin(&mut harness);
    assert_eq!(harness.ui.screen, Screen::Experiments);
}
