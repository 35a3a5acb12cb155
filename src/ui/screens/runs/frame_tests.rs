use super::testing::{ADAPTIVE, STOPPED, VANILLA, changed, measured_runs, runs, screen, troubled};
use crate::store::Runs;
use crate::ui::testing::Harness;

/// Snapshots of the screen at both sizes after the same keys.
fn shown(name: &str, runs: &Runs, keys: &[&str]) {
    shown_with(name, runs, |harness| {
        harness.keys(keys);
    });
}

fn shown_with(name: &str, runs: &Runs, act: impl Fn(&mut Harness)) {
    for (width, height) in [(80, 24), (200, 60)] {
        let mut harness = screen(width, height, runs.clone());
        act(&mut harness);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), harness.screen());
    }
}

#[test]
fn without_runs_the_screen_says_how_to_begin() {
    shown("empty", &Runs::new(), &[]);
}

#[test]
fn every_state_is_distinct() {
    shown("table", &runs(), &[]);
}

#[test]
fn a_crashed_run_says_what_to_do() {
    shown("crashed", &runs(), &["down", "down", "down", "down"]);
}

#[test]
fn accuracy_is_drawn_against_what_it_costs() {
    shown("pareto", &measured_runs(), &["p", "right"]);
    shown("pareto_macs", &measured_runs(), &["p", "a", "a", "a"]);
    shown("pareto_unmeasured", &runs(), &["p"]);
}

#[test]
fn metrics_are_compared_with_the_baseline() {
    shown_with("baseline", &runs(), |harness| {
        harness
            .keys(&["/"])
            .text("paper\n")
            .keys(&["end", "b", "home", "space"]);
    });
}

#[test]
fn narrow_screens_scroll_to_the_other_columns() {
    shown("scrolled", &runs(), &["right", "right", "right", "right"]);
}

#[test]
fn everything_about_a_run_fits_the_screen() {
    shown_with("details", &runs(), |harness| {
        harness.keys(&["/"]).text("paper\n");
        if !harness.screen().contains("lowest on") {
            harness.keys(&["i"]);
        }
    });
}

#[test]
fn gates_commands_and_warnings_of_a_run_are_shown() {
    let mut runs = runs();
    troubled(runs.get_mut(STOPPED).unwrap());
    shown_with("troubled", &runs, |harness| {
        harness.keys(&["/"]).text("state:stopped\n");
        if !harness.screen().contains("lowest on") {
            harness.keys(&["i"]);
        }
    });
}

#[test]
fn what_is_too_long_scrolls() {
    let mut runs = runs();
    troubled(runs.get_mut(STOPPED).unwrap());
    let mut harness = screen(80, 24, runs);
    harness
        .keys(&["/"])
        .text("state:stopped\n")
        .keys(&["i", "right", "right"]);
    let screen = harness.screen();
    assert!(screen.contains("checkpoints/quickstart"), "{screen}");
    assert!(!screen.contains("epoch 1 of"), "{screen}");
    assert!(
        harness
            .keys(&["left", "left"])
            .screen()
            .contains("epoch 1 of")
    );
}

#[test]
fn a_filter_is_typed_with_its_language_in_view() {
    shown_with("filtering", &runs(), |harness| {
        harness.keys(&["/"]).text("best>0.8 not tag:x");
    });
}

#[test]
fn a_wrong_filter_is_reported_at_its_column() {
    shown_with("filter_error", &runs(), |harness| {
        harness.keys(&["/"]).text("best>0.8 bets<1\n");
    });
}

#[test]
fn a_filter_that_nothing_passes_says_how_to_leave_it() {
    shown_with("nothing_found", &runs(), |harness| {
        harness.keys(&["/"]).text("state:failed tag:paper\n");
    });
}

#[test]
fn marked_runs_are_drawn_over_one_another() {
    shown_with("overlay", &runs(), |harness| {
        harness.keys(&["/"]).text("cifar10 best>0\n");
        harness.keys(&["home", "space", "space", "space", "space", "end", "b", "o"]);
    });
}

#[test]
fn only_what_differs_is_shown() {
    shown_with("diff", &runs(), |harness| {
        harness.keys(&["/"]).text("cifar10 best>0\n");
        harness.keys(&["home", "space", "space", "end", "b", "d"]);
    });
}

#[test]
fn what_was_changed_live_is_part_of_what_differs_and_of_the_details() {
    let mut runs = runs();
    changed(runs.get_mut(ADAPTIVE).unwrap());
    shown_with("changed", &runs, |harness| {
        harness.keys(&["/"]).text("paper\n");
        harness.keys(&["home", "space", "end", "b", "d"]);
    });
    shown_with("changed_details", &runs, |harness| {
        harness.keys(&["/"]).text("tag:seed7\n");
        if !harness.screen().contains("lowest on") {
            harness.keys(&["i"]);
        }
    });
}

#[test]
fn the_trash_is_asked_for_and_shown() {
    shown("trash_question", &runs(), &["end", "X"]);
    let mut runs = runs();
    let thrown = [ADAPTIVE, VANILLA].map(|name| runs.remove(name).unwrap());
    runs.set_trash(thrown);
    shown("trash", &runs, &["T"]);
}

#[test]
fn any_field_of_the_experiments_can_be_a_column() {
    let mut runs = runs();
    changed(runs.get_mut(ADAPTIVE).unwrap());
    shown("choosing_columns", &runs, &["c"]);
    shown_with("chosen_columns", &runs, |harness| {
        for field in ["batch", "temperature"] {
            harness.keys(&["c"]).text(field).keys(&["enter", "esc"]);
        }
    });
}
