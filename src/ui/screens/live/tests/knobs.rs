//! Turning knobs, from the key to what is asked of the training.

use crossterm::event::{MouseButton, MouseEventKind};

use super::story::{adjust, events, feed, screen};
use crate::event::{Command, CommandRecord, Origin, Outcome, Phase, RunEvent};
use crate::experiment::range::Range;
use crate::experiment::schedule::Schedule;
use crate::store::Owner;
use crate::ui::Effect;
use crate::ui::news::News;
use crate::ui::testing::Harness;

fn adjusted(harness: &mut Harness) -> (String, Schedule) {
    match harness.take().as_slice() {
        [
            Effect::Command {
                command: Command::Adjust { knob, schedule },
                ..
            },
        ] => (knob.clone(), schedule.clone()),
        other => panic!("{other:?}"),
    }
}

/// The controller lets go of the knobs after 100 steps.
fn let_go(harness: &mut Harness, name: &str) {
    let record = CommandRecord {
        id: "off".to_owned(),
        origin: Origin::User,
        command: Command::SetController { on: false },
    };
    let applied = RunEvent::CommandApplied {
        id: "off".to_owned(),
        phase: Phase::Student,
        step: 100,
        from: None,
    };
    let events = [RunEvent::CommandReceived(record), applied];
    feed(harness, name, &events);
}

#[test]
fn a_value_is_sent_and_its_fate_is_shown() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(100));
    // lr, p1, p2, temperature …: select the temperature.
    harness.keys(&["K"]);
    while !harness.screen().contains("▸temperature") {
        harness.keys(&["n"]);
    }
    harness.keys(&["v", "ctrl+u"]).text("2.5\n");
    assert!(harness.screen().contains("pending: 2.5"));
    harness.keys(&["enter"]);
    assert_eq!(
        adjusted(&mut harness),
        ("temperature".to_owned(), Schedule::Constant(2.5))
    );
    assert!(harness.screen().contains("requested"));
    let schedule = Schedule::Constant(2.5);
    feed(
        &mut harness,
        &name,
        &adjust("x", "temperature", schedule.clone(), Some(Ok(101))),
    );
    assert!(harness.screen().contains("last change applied at step 101"));
    feed(
        &mut harness,
        &name,
        &adjust("y", "temperature", schedule, Some(Err("too hot"))),
    );
    assert!(harness.screen().contains("last change rejected: too hot"));
}

#[test]
fn a_change_that_was_not_sent_when_the_next_training_begins_is_reported() {
    let teacher = RunEvent::PhaseStarted {
        phase: Phase::Teacher,
        steps: 80,
        steps_per_epoch: 40,
        step: 0,
    };
    let (mut harness, name) = screen((80, 24), Owner::Here, &[teacher]);
    harness.keys(&["K", "up"]);
    assert!(
        harness.screen().contains("pending: "),
        "{}",
        harness.screen()
    );
    let student = RunEvent::PhaseStarted {
        phase: Phase::Student,
        steps: 480,
        steps_per_epoch: 40,
        step: 0,
    };
    feed(&mut harness, &name, &[student]);
    let shown = harness.screen();
    assert!(shown.contains("knobs of the student"), "{shown}");
    assert!(
        shown.contains("the pending change of lr is discarded"),
        "{shown}"
    );
}

#[test]
fn a_change_can_be_undone_before_it_is_sent() {
    let (mut harness, _) = screen((80, 24), Owner::Here, &events(100));
    harness.keys(&["K", "up", "up", "s"]);
    assert!(harness.screen().contains("pending"));
    harness.keys(&["u", "u", "u"]);
    assert!(!harness.screen().contains("pending"));
    harness.keys(&["enter"]);
    assert_eq!(harness.take(), []);
}

#[test]
fn a_run_that_nobody_trains_takes_no_turn_and_says_why() {
    let mut events = events(100);
    events.push(RunEvent::RunEnded(Outcome::Completed));
    let (mut harness, _) = screen((80, 24), Owner::None, &events);
    harness.keys(&["K", "up", "enter"]);
    assert_eq!(harness.take(), []);
    assert!(
        harness
            .screen()
            .contains("cannot change this run: it has completed")
    );
}

#[test]
fn what_the_controller_does_with_a_change_is_shown() {
    let (mut harness, _) = screen((200, 60), Owner::Here, &events(100));
    harness.keys(&["K", "n"]);
    let mut seen = String::new();
    for _ in 0..6 {
        seen += &harness.keys(&["n"]).screen();
    }
    assert!(seen.contains("the controller may change w at epoch 3"));
    // And what it did last, with the reason.
    assert!(seen.contains("epoch 2: p1 "), "{seen}");
    assert!(seen.contains("; truth loss 0.8312, better than the best so far (0.8400)"));
    assert!(seen.contains("the controller sets p2 from p1 at epoch"));
}

#[test]
fn a_changed_knob_is_written_with_what_it_did_and_will_do() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(100));
    harness.keys(&["K", "w"]);
    assert_eq!(harness.take(), [], "nothing differs from the experiment");
    feed(
        &mut harness,
        &name,
        &adjust("a", "lr", Schedule::Constant(0.03), Some(Ok(100))),
    );
    harness.keys(&["w"]);
    let effects = harness.take();
    let [Effect::WriteKnob { run, settings }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert_eq!(*run, name);
    let schedule = settings[0].strip_prefix("lr=").unwrap();
    let schedule: Schedule = ron::from_str(schedule).unwrap();
    // The warm-up's end.
    assert!((schedule.at(1.0, 12.0) - 0.1).abs() < 0.003, "{schedule:?}");
    assert!(settings[0].contains("), ("), "{settings:?}");
    // The teacher of that experiment had its schedule from the student.
    assert_eq!(
        settings[1],
        "teacher.weights.Train.lr=Warmup(epochs: 1.0, then: Cosine(from: 0.1, to: 0.0))"
    );
    assert!(harness.screen().contains("its own lr is written too"));
}

#[test]
fn one_value_is_shown_of_a_knob_that_was_changed_and_not_logged_since() {
    let (mut harness, name) = screen((200, 60), Owner::Here, &events(250));
    feed(
        &mut harness,
        &name,
        &adjust("a", "lr", Schedule::Constant(0.03), Some(Ok(250))),
    );
    let was = crate::format::short(
        harness
            .runs
            .get(&name)
            .unwrap()
            .store
            .table(Phase::Student)
            .last("knob/lr")
            .unwrap(),
    );
    for text in [harness.screen(), harness.keys(&["K"]).screen()] {
        // The event shows what it was.
        let mut now = text
            .lines()
            .filter(|line| !line.contains("applied at step"));
        assert!(now.all(|line| !line.contains(&was)), "{text}");
        assert!(text.contains("0.03"), "{text}");
    }
}

#[test]
fn a_value_that_is_not_a_number_stays_to_be_fixed() {
    let (mut harness, _) = screen((80, 24), Owner::Here, &events(100));
    harness.keys(&["K", "v", "ctrl+u"]).text("0.0x5\n");
    let text = harness.screen();
    assert!(text.contains("`0.0x5` is not a number"), "{text}");
    harness.keys(&["backspace", "backspace"]).text("5\n");
    assert!(
        harness.screen().contains("pending: 0.05"),
        "{}",
        harness.screen()
    );
    assert!(harness.screen().contains(" enter send  u undo "));
    harness.keys(&["v", "ctrl+u"]).text("-1\n");
    assert!(
        harness
            .screen()
            .contains("lr cannot be -1; its range is 0 to 100")
    );
}

#[test]
fn a_knob_taken_from_the_controller_can_be_written() {
    let (mut harness, name) = screen((80, 24), Owner::Here, &events(100));
    let_go(&mut harness, &name);
    harness.keys(&["K", "n", "up", "w"]);
    assert_eq!(harness.take(), []);
    let refused = harness.screen();
    assert!(
        refused.contains("send or undo the pending change of p1 first"),
        "{refused}"
    );
    feed(
        &mut harness,
        &name,
        &adjust("a", "p1", Schedule::Constant(0.25), Some(Ok(100))),
    );
    harness.keys(&["u", "w"]);
    let effects = harness.take();
    let [Effect::WriteKnob { settings, .. }] = effects.as_slice() else {
        panic!("{effects:?}");
    };
    assert!(
        settings[1].starts_with("method.AdaptiveAugmentation.update=Scheduled(P1(Piecewise("),
        "{settings:?}"
    );
}

#[test]
fn a_point_is_dragged_with_the_mouse() {
    let (mut harness, _) = screen((80, 24), Owner::Here, &events(100));
    harness.keys(&["K"]);
    let mut mouse = |kind, column, row| {
        harness.mouse(kind, column, row);
    };
    mouse(MouseEventKind::Down(MouseButton::Left), 60, 12);
    mouse(MouseEventKind::Drag(MouseButton::Left), 70, 9);
    mouse(MouseEventKind::Up(MouseButton::Left), 70, 9);
    mouse(MouseEventKind::Drag(MouseButton::Left), 75, 12);
    harness.keys(&["enter"]);
    let (knob, schedule) = adjusted(&mut harness);
    assert_eq!(knob, "lr");
    let Schedule::Piecewise(points) = &schedule else {
        panic!("{schedule:?}");
    };
    // The point went up and as far to the right as its neighbour lets it.
    let higher = points.windows(2).filter(|pair| pair[1].1 > pair[0].1);
    let at: Vec<f64> = higher.map(|pair| pair[1].0).collect();
    assert_eq!(at.len(), 1, "{points:?}");
    assert!((7.0..8.0).contains(&at[0]), "{points:?}");
    assert!(
        schedule
            .problems("lr", Range::LEARNING_RATE, 0.0, 12.0)
            .is_empty()
    );
}

#[test]
fn in_the_last_round_the_controller_moves_nothing_more() {
    let (mut harness, _) = screen((200, 60), Owner::Here, &events(450));
    harness.keys(&["K", "n"]);
    assert!(
        harness
            .screen()
            .contains("the controller will not change p1 again; a change holds to the end")
    );
}

#[test]
fn the_knobs_are_taken_from_the_controller_and_given_back() {
    let (mut harness, name) = screen((200, 60), Owner::Here, &events(100));
    harness.keys(&["K", "n", "a"]);
    let asked = |harness: &mut Harness| match harness.take().as_slice() {
        [
            Effect::Command {
                command: Command::SetController { on },
                ..
            },
        ] => *on,
        other => panic!("{other:?}"),
    };
    assert!(!asked(&mut harness));
    let_go(&mut harness, &name);
    let text = harness.screen();
    assert!(text.contains("manual"), "{text}");
    assert!(text.contains("manual: p1 stays at this value"), "{text}");
    harness.keys(&["a"]);
    assert!(asked(&mut harness));
}

#[test]
fn a_run_without_a_plan_says_that_its_knobs_are_not_known() {
    let (mut harness, name) = screen((200, 60), Owner::Here, &events(450));
    harness.runs.get_mut(&name).unwrap().plan = None;
    harness.news(News::RunsChanged);
    harness.keys(&["K"]);
    let shown = harness.screen();
    assert!(shown.contains("because plan.json is missing"), "{shown}");
    harness.keys(&["+"]);
    assert!(harness.take().is_empty());
    let entry = harness.runs.get_mut(&name).unwrap();
    let problem = "plan.json is damaged: it does not agree with its checksum";
    entry.problems.push(problem.to_owned());
    let shown = harness.screen();
    assert!(shown.contains(problem), "{shown}");
}

#[test]
fn knobs_of_a_completed_run_offer_what_can_be_done_with_them() {
    let mut events = events(100);
    events.push(RunEvent::RunEnded(Outcome::Completed));
    let (mut harness, _) = screen((80, 24), Owner::None, &events);
    let shown = harness.keys(&["K"]).screen();
    let foot = shown.lines().last().unwrap();
    assert!(foot.contains("n next knob  w write  "), "{foot}");
    assert!(!foot.contains("raise"), "{foot}");
}
