//! What a person should look at.

use std::collections::BTreeMap;

use super::story::{adjust, events, feed, screen, step};
use crate::event::{Outcome, RunEvent, SkippedImage};
use crate::experiment::schedule::Schedule;
use crate::store::Owner;
use crate::ui::testing::Harness;

#[test]
fn a_loss_that_is_not_finite_is_an_alert_that_one_can_jump_to() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(100));
    let knobs = BTreeMap::from([("w", f64::NAN)]);
    feed(&mut harness, &name, &[step(100, &knobs), step(101, &knobs)]);
    assert!(
        harness
            .screen()
            .contains("loss/total is not finite at step 100 and 1 more")
    );
    harness.keys(&["a", "a", "w"]);
    assert!(
        harness.screen().contains("at step 100"),
        "{}",
        harness.screen()
    );
}

/// A step whose truth loss is given; the total is small, as where a controller
/// lowered its weights.
fn with_truth(at: u64, truth: f64) -> RunEvent {
    let mut event = step(at, &BTreeMap::from([("w", 0.0)]));
    if let RunEvent::StepLogged(row) = &mut event {
        row.values.insert("loss/truth".to_owned(), truth);
        row.values.insert("loss/total".to_owned(), truth / 100.0);
    }
    event
}

#[test]
fn a_loss_that_grows_is_an_alert_whatever_the_weights_are() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(200));
    let growing: Vec<RunEvent> = (200..300)
        .map(|at| with_truth(at, (at as f64 - 199.0) * 0.1))
        .collect();
    feed(&mut harness, &name, &growing);
    assert!(
        harness.screen().contains("the loss diverges since step"),
        "{}",
        harness.screen()
    );
}

#[test]
fn a_loss_that_grows_after_a_knob_was_changed_names_the_change() {
    let rows = |from: u64| (from..from + 100).map(move |at| with_truth(at, (at - from) as f64));
    // 300 steps later the change is no reason.
    for (quiet, expected, other) in [(0, "check ", "lower "), (300, "lower ", "check ")] {
        let (mut harness, name) = screen((200, 60), Owner::Here, &events(200));
        let changed = adjust("x", "temperature", Schedule::Constant(2.5), Some(Ok(200)));
        feed(&mut harness, &name, &changed);
        let calm: Vec<RunEvent> = (200..200 + quiet).map(|at| with_truth(at, 0.1)).collect();
        feed(&mut harness, &name, &calm);
        let growing: Vec<RunEvent> = rows(200 + quiet).collect();
        feed(&mut harness, &name, &growing);
        let alerts = alerts(&mut harness);
        assert!(alerts.contains("the loss diverges"), "{alerts}");
        assert!(alerts.contains(expected), "{quiet}: {alerts}");
        assert!(!alerts.contains(other), "{quiet}: {alerts}");
    }
}

#[test]
fn a_total_that_a_controller_moves_is_no_alert() {
    let (mut harness, name) = screen((200, 60), Owner::Here, &events(200));
    // The weight falls, which makes the total small, and is raised again by hand.
    for (from, w) in [(200, 1e-3), (300, 5.0)] {
        let steps: Vec<RunEvent> = (from..from + 100)
            .map(|at| step(at, &BTreeMap::from([("w", w)])))
            .collect();
        feed(&mut harness, &name, &steps);
        assert!(alerts(&mut harness).contains("none"));
    }
}

/// The alerts of a wide screen.
fn alerts(harness: &mut Harness) -> String {
    let screen = harness.screen();
    let from = screen.find("─ alerts").unwrap();
    let alerts: Vec<&str> = screen[from..].lines().take(8).collect();
    alerts.join("\n")
}

#[test]
fn a_short_training_that_explodes_is_an_alert() {
    let (mut harness, name) = screen((200, 60), Owner::Here, &events(3));
    let exploded: Vec<RunEvent> = (3..6).map(|at| with_truth(at, 1e9)).collect();
    feed(&mut harness, &name, &exploded);
    let alerts = alerts(&mut harness);
    assert!(
        alerts.contains("the loss diverges since step 3"),
        "{alerts}"
    );
}

#[test]
fn an_accuracy_that_is_lost_is_an_alert_once_it_is_confirmed() {
    let (mut harness, name) = screen((200, 60), Owner::Here, &events(100));
    assert!(alerts(&mut harness).contains("none"));
    let store = &harness.runs.get(&name).unwrap().store;
    let mut lost = store.evaluations.last().unwrap().clone();
    (lost.step, lost.top1, lost.loss) = (120, 0.2, 1125.0);
    feed(&mut harness, &name, &[RunEvent::Evaluated(lost.clone())]);
    assert!(alerts(&mut harness).contains("none"));
    lost.step = 160;
    feed(&mut harness, &name, &[RunEvent::Evaluated(lost)]);
    let alerts = alerts(&mut harness);
    assert!(alerts.contains("valid top-1 fell from"), "{alerts}");
}

#[test]
fn images_that_were_left_out_and_a_run_that_failed_are_alerts() {
    let (mut harness, name) = screen((200, 60), Owner::None, &events(100));
    let mut data = harness.runs.get(&name).unwrap().store.data.clone().unwrap();
    data.skipped = vec![SkippedImage {
        path: "cat/bad.png".into(),
        reason: "is cut off".to_owned(),
    }];
    let failed = RunEvent::RunEnded(Outcome::Failed {
        message: "the loss of `truth` is NaN".to_owned(),
    });
    feed(&mut harness, &name, &[RunEvent::DataIndexed(data), failed]);
    let text = alerts(&mut harness);
    assert!(text.contains("an image could not be read"), "{text}");
    assert!(text.contains("the run failed: the loss of"), "{text}");
}

#[test]
fn an_alert_is_shown_whole_on_wide_and_narrow_screens() {
    for size in [(80, 24), (200, 60)] {
        let (mut harness, name) = screen(size, Owner::Here, &events(100));
        let message =
            "the validation images hold 12 that are among the training images, too; their \
                       accuracy is too good"
                .to_owned();
        feed(&mut harness, &name, &[RunEvent::Warned { message }]);
        let shown = harness.screen();
        assert!(shown.contains("! the validation images"), "{shown}");
        assert!(shown.contains("too good"), "{shown}");
    }
}
