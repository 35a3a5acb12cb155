//! Pictures of the screen.

use insta::assert_snapshot;

use super::{ADAPTIVE, QUICKSTART, World, path, run, training};
use crate::event::{EvaluatedWeights, RunEvent, Split};
use crate::ui::effect::Waiting;
use crate::ui::news::News;
use crate::ui::testing::Harness;

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (200, 60);

/// Files in every state.
fn full(size: (u16, u16)) -> World {
    let broken = ADAPTIVE
        .replace("epochs: 30", "epoch: 30")
        .replace("Cutout(8)", "Cutot(8)");
    let scratch = include_str!("../../../../../experiments/cifar10-scratch.ron");
    let vanilla = include_str!("../../../../../experiments/cifar10-vanilla.ron");
    let files = [
        ("cifar10-adaptive.ron", ADAPTIVE),
        ("cifar10-broken.ron", broken.as_str()),
        ("cifar10-scratch.ron", scratch),
        ("cifar10-vanilla.ron", vanilla),
        ("a-rather-long-name-of-an-experiment.ron", vanilla),
        ("quickstart.ron", QUICKSTART),
        ("日本語.ron", QUICKSTART),
    ];
    let mut world = World::new(size, &files);
    world.screen.runs.insert(run("quickstart", 2, 0.8734));
    world.screen.runs.insert(training("cifar10-vanilla", 103));
    world.screen.news(News::Queue {
        preparing: None,
        ahead: Some("quickstart.ron".to_owned()),
        waiting: vec![Waiting::Experiment(path("cifar10-scratch.ron"))],
    });
    world.keys(&["end", "up"]);
    world
}

#[test]
fn before_anything_is_known() {
    assert_snapshot!("loading_80x24", Harness::new(80, 24).screen());
    assert_snapshot!("loading_200x60", Harness::new(200, 60).screen());
}

#[test]
fn without_any_experiment() {
    assert_snapshot!("empty_80x24", World::new(SMALL, &[]).screen());
    assert_snapshot!("empty_200x60", World::new(LARGE, &[]).screen());
}

#[test]
fn files_in_every_state() {
    assert_snapshot!("list_80x24", full(SMALL).screen());
    assert_snapshot!("list_200x60", full(LARGE).screen());
}

#[test]
fn a_text_with_errors() {
    for (name, size) in [("errors_80x24", SMALL), ("errors_200x60", LARGE)] {
        let mut world = full(size);
        world.keys(&["home", "down", "down", "enter", "f8"]);
        assert_snapshot!(name, world.screen());
    }
}

#[test]
fn what_can_be_written() {
    for (name, size) in [("completion_80x24", SMALL), ("completion_200x60", LARGE)] {
        let mut world = full(size);
        world.keys(&["enter", "ctrl+f"]).text("    lr:\n");
        world.keys(&["end", "enter"]).text("round: ");
        world.keys(&["ctrl+space", "down"]);
        assert_snapshot!(name, world.screen());
    }
}

#[test]
fn the_plan_beside_the_text() {
    let mut world = full(SMALL);
    assert_snapshot!("plan_80x24", world.keys(&["p"]).screen());
    assert_snapshot!("plan_editing_80x24", world.keys(&["enter"]).screen());
}

#[test]
fn a_file_that_was_changed_here_and_on_disk() {
    for (name, size) in [("conflict_80x24", SMALL), ("conflict_200x60", LARGE)] {
        let mut world = full(size);
        world.keys(&["enter"]).text("// mine\n");
        let theirs = QUICKSTART
            .replace("batch: 64", "batch: 32")
            .replace("seed: 7", "seed: 8");
        world.elsewhere("quickstart.ron", &theirs);
        assert_snapshot!(name.replace("conflict", "changed"), world.screen());
        assert_snapshot!(name, world.keys(&["ctrl+s"]).screen());
    }
}

#[test]
fn a_file_that_cannot_be_read() {
    let mut world = World::new(SMALL, &[("a.ron", QUICKSTART)]);
    world.files.clear();
    world.screen.news(News::Experiments(vec![path("b.ron")]));
    world.answer();
    assert_snapshot!("unreadable_80x24", world.screen());
}

#[test]
fn the_plan_stands_beside_the_text_where_both_have_room() {
    for (width, listed, edited) in [(100, false, false), (118, false, true), (200, true, true)] {
        let mut world = World::new((width, 40), &[("quickstart.ron", QUICKSTART)]);
        assert_eq!(world.shows("┌ Plan"), listed, "{width}");
        world.keys(&["enter"]);
        assert_eq!(world.shows("┌ Plan"), edited, "{}", world.screen());
        assert!(world.shows("┌ quickstart.ron"), "{}", world.screen());
    }
}

#[test]
fn keys_scroll_the_plan_as_far_as_there_is_more() {
    let mut world = World::new((80, 16), &[("quickstart.ron", QUICKSTART)]);
    world.keys(&["p"]);
    assert!(world.shows("more ↓ J"), "{}", world.screen());
    let bottom = world.keys(&["J"; 20]).screen();
    assert!(bottom.contains(" ↑ K "), "{bottom}");
    assert!(bottom.contains("w_truth"), "{bottom}");
    // No key is needed to come back from beyond the end.
    world.keys(&["K"]);
    assert_ne!(world.screen(), bottom);
    assert!(world.shows("more ↓ J"), "{}", world.screen());
    world.keys(&["enter", "alt+j"]);
    assert!(
        world.shows("more ↓ alt+j") || world.shows("↑ alt+k"),
        "{}",
        world.screen()
    );
}

#[test]
fn experiments_are_compared_on_validation_images_and_the_list_says_so() {
    let mut world = World::new((100, 40), &[("quickstart.ron", QUICKSTART)]);
    let mut tested = run("quickstart", 2, 0.8734);
    let mut test = tested.store.evaluations[0].clone();
    (test.split, test.weights, test.top1) = (Split::Test, EvaluatedWeights::Best, 0.91);
    tested.store.apply(&RunEvent::Evaluated(test));
    world.screen.runs.insert(tested);
    let screen = world.screen();
    let title = screen.lines().find(|line| line.contains(" Experiments ─"));
    assert!(title.unwrap().contains(" valid top-1 "), "{screen}");
    assert!(screen.contains("valid  87.3 %, test 91.0 %"), "{screen}");
    let row = screen.lines().find(|line| line.contains(" quickstart  "));
    assert!(row.unwrap().contains(" 87.3 % "), "{screen}");
}
