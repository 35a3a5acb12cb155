//! Changes of a knob, one after the other.

use super::*;
use crate::ui::screens::live::knobs::board::Role;

const TIME: Time = Time {
    now: 2.0,
    end: 10.0,
    step: 0.1,
    round_end: 3.0,
};

fn draft(schedule: Schedule, range: Range) -> Draft {
    let knob = KnobNow {
        name: "knob",
        range,
        value: schedule.at(TIME.now, TIME.end),
        schedule,
        adjusted: false,
        role: Role::Free,
        request: None,
    };
    Draft::new(&knob, TIME)
}

#[test]
fn a_nudge_moves_the_whole_future_and_can_be_undone() {
    let mut draft = draft(Schedule::Constant(0.5), Range::PROBABILITY);
    assert!(!draft.changed());
    draft.nudge(true).unwrap();
    assert_eq!(draft.schedule(), Schedule::Constant(0.52));
    assert_eq!(draft.at_bound(), None);
    while draft.nudge(true).is_ok() {}
    assert_eq!(draft.schedule(), Schedule::Constant(1.0));
    assert_eq!(draft.at_bound().unwrap(), "at its maximum, 1");
    assert_eq!(
        draft.nudge(true).unwrap_err(),
        "knob stays at 1, its maximum"
    );
    while draft.undo() {}
    assert_eq!(draft.schedule(), Schedule::Constant(0.5));
    assert!(!draft.changed());
}

#[test]
fn every_schedule_becomes_points_that_say_the_same_from_now_on() {
    let steps = Schedule::Steps {
        from: 0.4,
        factor: 0.5,
        at: vec![1.0, 4.0, 7.0],
    };
    let linear = Schedule::Linear {
        from: 1.0,
        to: 0.0,
        epochs: Some(5.0),
    };
    let cosine = Schedule::Cosine {
        from: 0.1,
        to: 0.0,
        epochs: None,
    };
    let warmup = Schedule::Warmup {
        epochs: 3.0,
        then: Box::new(Schedule::Constant(0.3)),
    };
    let points = Schedule::Piecewise(vec![(0.0, 0.0), (6.0, 1.0), (20.0, 0.0)]);
    for (schedule, tolerance) in [
        (steps, 1e-3),
        (linear, 1e-3),
        (cosine, 1e-3),
        (warmup, 0.02),
        (points, 0.3),
    ] {
        let draft = draft(schedule.clone(), Range::WEIGHT);
        let sent = draft.schedule();
        assert_eq!(draft.problem(), None, "{sent:?}");
        for step in 20..=100 {
            let epoch = f64::from(step) * 0.1;
            let (was, is) = (schedule.at(epoch, TIME.end), sent.at(epoch, TIME.end));
            assert!(
                (was - is).abs() <= tolerance,
                "{schedule:?} at {epoch}: {was} {is}"
            );
        }
    }
}

#[test]
fn points_are_inserted_dragged_between_their_neighbours_and_removed() {
    let mut draft = draft(Schedule::Constant(0.5), Range::PROBABILITY);
    draft.insert().unwrap();
    assert_eq!(draft.points(), [(2.0, 0.5), (6.0, 0.5)]);
    assert_eq!(draft.selected, Some(1));
    draft.begin();
    draft.drag((0.0, 7.0));
    assert_eq!(draft.points()[1], (2.1, 1.0));
    draft.drag((99.0, -7.0));
    assert_eq!(draft.points()[1], (10.0, 0.0));
    assert_eq!(draft.at_bound().unwrap(), "at its minimum, 0");
    draft.remove().unwrap();
    assert_eq!(draft.points(), [(2.0, 0.5)]);
    assert!(draft.remove().is_err());
    draft.undo();
    draft.undo();
    assert_eq!(draft.points(), [(2.0, 0.5), (6.0, 0.5)]);
}

#[test]
fn shapes_lead_from_now_to_the_end_and_stay_in_range() {
    let mut draft = draft(Schedule::Constant(0.1), Range::LEARNING_RATE);
    for expected in [
        Shape::Linear,
        Shape::Cosine,
        Shape::Exponential,
        Shape::Constant,
    ] {
        assert_eq!(draft.next_shape(), expected);
        let schedule = draft.schedule();
        assert_eq!(draft.problem(), None, "{schedule:?}");
        assert_eq!(schedule.at(TIME.now, TIME.end), 0.1);
        let end = schedule.at(TIME.end, TIME.end);
        assert!(
            if expected == Shape::Constant {
                end == 0.1
            } else {
                end < 0.01
            },
            "{schedule:?}"
        );
    }
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    let mut draft = draft(Schedule::Constant(0.1), Range::PROBABILITY);
    assert_eq!(
        draft.set(1.5).unwrap_err(),
        "knob cannot be 1.5; its range is 0 to 1"
    );
    assert!(draft.set(f64::NAN).is_err());
    draft.set(0.25).unwrap();
    assert_eq!(draft.schedule(), Schedule::Constant(0.25));
}

#[test]
fn at_the_end_of_training_there_is_nothing_to_shape() {
    let knob = KnobNow {
        name: "knob",
        range: Range::PROBABILITY,
        value: 0.5,
        schedule: Schedule::Constant(0.5),
        adjusted: false,
        role: Role::Free,
        request: None,
    };
    let time = Time { now: 10.0, ..TIME };
    let mut draft = Draft::new(&knob, time);
    assert!(draft.insert().is_err());
    assert!(draft.nudge(true).unwrap_err().contains("no steps remain"));
    assert!(!draft.changed());
    draft.next_shape();
    draft.insert_at((50.0, 0.3));
    draft.drag((f64::NAN, 0.2));
    assert_eq!(draft.problem(), None, "{:?}", draft.schedule());
}
