//! What a person should look at.

use std::collections::BTreeMap;

use super::story::{events, feed, screen, step};
use crate::event::{Outcome, RunEvent, SkippedImage};
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

#[test]
fn a_loss_that_grows_is_an_alert() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(200));
    let growing: Vec<RunEvent> = (200..300)
        .map(|at| step(at, &BTreeMap::from([("w", (at as f64 - 199.0) * 3.0)])))
        .collect();
    feed(&mut harness, &name, &growing);
    assert!(
        harness.screen().contains("loss/total diverges"),
        "{}",
        harness.screen()
    );
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
    let exploded = step(3, &BTreeMap::from([("w", 1e9)]));
    feed(&mut harness, &name, &[exploded]);
    let alerts = alerts(&mut harness);
    assert!(alerts.contains("loss/total diverges"), "{alerts}");
    assert!(alerts.contains("at the start"), "{alerts}");
}

#[test]
fn an_accuracy_that_is_lost_is_an_alert() {
    let (mut harness, name) = screen((200, 60), Owner::Here, &events(100));
    assert!(alerts(&mut harness).contains("none"));
    let store = &harness.runs.get(&name).unwrap().store;
    let mut lost = store.evaluations.last().unwrap().clone();
    (lost.step, lost.top1, lost.loss) = (120, 0.2, 1125.0);
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
