//! Training what is selected: at the start, and before it is planned.

use super::{QUICKSTART, World, path, training};
use crate::event::{Phase, RunEvent};
use crate::ui::effect::Effect;
use crate::ui::news::News;

/// A folder of one experiment, whose text and plan are not there yet.
fn unread() -> World {
    let mut world = World::empty((100, 30));
    world.files.insert(path("a.ron"), QUICKSTART.to_owned());
    world.screen.news(News::Experiments(vec![path("a.ron")]));
    world
}

#[test]
fn an_experiment_that_is_launched_before_it_is_planned_is_trained_once_it_is() {
    let mut world = unread();
    world.screen.keys(&["r"]);
    assert!(world.shows("a starts when its plan is ready"));
    world.answer();
    assert!(matches!(&world.asked[..], [Effect::Launch(launched)] if *launched == path("a.ron")));
    // Once.
    world.elsewhere("a.ron", &QUICKSTART.replace("seed: 7", "seed: 8"));
    assert_eq!(world.asked.len(), 1);
}

#[test]
fn what_cannot_be_read_or_is_edited_before_it_is_planned_is_not_trained() {
    let mut world = unread();
    world.files.clear();
    world.screen.keys(&["r"]);
    world.answer();
    assert!(world.asked.is_empty());
    assert!(world.shows("there is no file"));
    let mut world = unread();
    let effects = world.screen.take();
    world.files.insert(path("a.ron"), "// ".to_owned());
    for effect in effects {
        world.execute(effect);
    }
    world.screen.keys(&["r", "enter"]).text("x");
    world.answer();
    assert!(world.asked.is_empty());
    assert!(!world.screen().contains("cannot train"));
}

#[test]
fn an_experiment_whose_images_are_not_there_is_not_listed_as_wrong() {
    let elsewhere = QUICKSTART.replacen(
        "Shapes(classes: 5, count: 1500, size: 16, difficulty: 0.4, seed: 1)",
        "ImageFolder(\"nowhere/train\")",
        1,
    );
    assert!(elsewhere.contains("nowhere"));
    let wrong = elsewhere.replace("epochs: ", "epoch: ");
    let files = [("a.ron", elsewhere.as_str()), ("b.ron", wrong.as_str())];
    let mut world = World::new((100, 30), &files);
    let screen = world.screen();
    let row = |name: &str| {
        let found = screen.lines().find(|line| line.contains(name));
        found.unwrap_or_else(|| panic!("{screen}")).to_owned()
    };
    assert!(row("│  a ").contains("no data"), "{screen}");
    assert!(row("│  b ").contains("✗ "), "{screen}");
}

#[test]
fn the_first_experiment_that_can_be_trained_is_selected_until_somebody_chooses() {
    let files = [
        ("a.ron", "Experiment("),
        ("b.ron", QUICKSTART),
        ("c.ron", QUICKSTART),
    ];
    let mut world = World::new((100, 30), &files);
    world.keys(&["r"]);
    assert!(matches!(&world.asked[..], [Effect::Launch(launched)] if *launched == path("b.ron")));
    world.keys(&["up"]);
    world.elsewhere("c.ron", &QUICKSTART.replace("seed: 7", "seed: 8"));
    assert!(world.shows("┌ a.ron"), "{}", world.screen());
}

#[test]
fn epochs_of_a_teacher_are_marked_as_such() {
    let mut world = World::new((100, 30), &[("a.ron", QUICKSTART)]);
    let mut entry = training("quickstart", 0);
    entry.store.apply(&RunEvent::PhaseStarted {
        phase: Phase::Teacher,
        steps: 168,
        steps_per_epoch: 21,
        step: 126,
    });
    world.screen.runs.insert(entry);
    world.screen.news(News::RunsChanged);
    assert!(world.shows("▶ T 7/8"), "{}", world.screen());
}
