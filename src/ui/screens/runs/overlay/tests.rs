//! Curves of several runs by keys and by mouse.

use crossterm::event::{MouseButton, MouseEventKind};

use super::super::testing::{ADAPTIVE, CRASHED, apply, evaluated, runs, screen};
use crate::event::{RunEvent, Split};
use crate::store::Runs;
use crate::ui::testing::Harness;

/// The curves of all CIFAR-10 runs that were evaluated.
fn curves(size: (u16, u16), runs: Runs) -> Harness {
    let mut harness = screen(size.0, size.1, runs);
    harness.keys(&["/"]).text("cifar10 best>0\n");
    harness.keys(&["home", "space", "space", "space", "space", "o"]);
    harness
}

/// The title above the curves.
fn title(harness: &mut Harness) -> String {
    let screen = harness.screen();
    let title = screen.lines().nth(1).unwrap();
    let title = title.trim_matches(['"', '┌', '─', '┐', ' ']);
    title.to_owned()
}

#[test]
fn one_goes_through_everything_that_runs_evaluated_and_logged() {
    let mut harness = curves((80, 24), runs());
    let mut titles = Vec::new();
    for _ in 0..6 {
        titles.push(title(&mut harness));
        harness.keys(&["right"]);
    }
    assert_eq!(titles[0], "‹ valid top-1 › 1 of 6");
    assert_eq!(titles[2], "‹ loss/total › 3 of 6");
    assert_eq!(title(&mut harness), titles[0]);
    assert_eq!(title(harness.keys(&["left"])), titles[5]);
}

#[test]
fn keys_do_what_they_do_on_the_live_screen() {
    let mut harness = curves((80, 24), runs());
    let mut after = |key: &str| harness.keys(&[key]).screen();
    assert!(after("y").contains("▸valid top-1 log"));
    assert!(after("a").contains(" s╰┬0"));
    assert!(after("a").contains("step╰┬0"));
    assert!(after("s").contains("smoothed 0.6"));
    assert!(after(",").contains("at step 1000"));
    assert!(!after("+").contains("╰┬0"));
    let alone = after("enter");
    assert!(!alone.contains("valid loss"), "{alone}");
    assert!(alone.contains(" enter all "), "{alone}");
    // What was entered last is left first.
    assert!(!after("esc").contains("at step 1000"));
    assert!(after("esc").contains("valid loss"));
    assert!(after("0").contains("epoch╰┬0"));
    assert!(after("esc").contains("Runs 4 of 8"));
}

#[test]
fn the_mouse_selects_a_chart_sets_the_crosshair_and_zooms() {
    let mut harness = curves((80, 24), runs());
    let left = MouseButton::Left;
    harness.mouse(MouseEventKind::Down(left), 60, 12);
    assert_eq!(title(&mut harness), "‹ agreement with teacher › 4 of 6");
    let at = |harness: &mut Harness| {
        let screen = harness.screen();
        let place = screen.split(" at epoch ").nth(1).unwrap_or_default();
        place.split(' ').next().unwrap_or_default().to_owned()
    };
    let clicked = at(&mut harness);
    harness.mouse(MouseEventKind::Drag(left), 70, 2);
    harness.mouse(MouseEventKind::Up(left), 70, 2);
    let dragged = at(&mut harness);
    assert_ne!(clicked, dragged);
    harness.mouse(MouseEventKind::ScrollUp, 70, 12);
    assert!(!harness.screen().contains("╰┬0"));
    assert_eq!(at(&mut harness), dragged);
}

#[test]
fn a_run_that_diverged_leaves_the_others_their_room() {
    let mut all = runs();
    let RunEvent::Evaluated(mut burst) = evaluated(Split::Valid, 5, 0.1) else {
        unreachable!()
    };
    burst.loss = 4e5;
    apply(all.get_mut(CRASHED).unwrap(), &[RunEvent::Evaluated(burst)]);
    let mut harness = curves((120, 30), all);
    let shown = harness.keys(&["right", "enter"]).screen();
    assert!(shown.contains("diverged, off the chart"), "{shown}");
    assert!(shown.contains(" 0.8┤") && !shown.contains("k┤"), "{shown}");
    // On a logarithmic axis there is room for all.
    let shown = harness.keys(&["y"]).screen();
    assert!(
        shown.contains("100k┤") && !shown.contains("off the chart"),
        "{shown}"
    );
}

#[test]
fn curves_of_training_runs_are_updated_and_those_of_removed_runs_dropped() {
    let mut harness = curves((80, 24), runs());
    let before = harness.keys(&["enter"]).screen();
    let evaluation = evaluated(Split::Valid, 11, 0.99);
    harness.runs.apply(ADAPTIVE, &evaluation);
    harness.news(crate::ui::News::RunsChanged);
    assert_ne!(harness.screen(), before);
    harness.runs = Runs::new();
    harness.news(crate::ui::News::RunsChanged);
    assert!(harness.screen().contains("nothing logged"));
}

#[test]
fn the_palette_leads_to_the_curves() {
    let mut harness = screen(80, 24, runs());
    harness.keys(&["1", ":"]).text("log-curves\n");
    assert!(harness.screen().contains(" log"));
    assert!(title(&mut harness).starts_with("‹") || title(&mut harness) == "Curves");
}
