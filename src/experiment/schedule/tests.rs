use super::*;
use crate::experiment::range::Range;

const EPOCHS: f64 = 10.0;

fn at(schedule: &Schedule, epochs: &[f64]) -> Vec<f64> {
    epochs
        .iter()
        .map(|&epoch| (schedule.at(epoch, EPOCHS) * 1e6).round() / 1e6)
        .collect()
}

#[test]
fn a_line_ends_with_the_training_or_after_its_own_epochs() {
    let whole = Schedule::Linear {
        from: 1.0,
        to: 0.0,
        epochs: None,
    };
    assert_eq!(at(&whole, &[0.0, 5.0, 10.0, 11.0]), [1.0, 0.5, 0.0, 0.0]);
    let short = Schedule::Linear {
        from: 1.0,
        to: 0.0,
        epochs: Some(2.0),
    };
    assert_eq!(at(&short, &[0.0, 1.0, 2.0, 9.0]), [1.0, 0.5, 0.0, 0.0]);
}

#[test]
fn a_cosine_is_halfway_in_the_middle_and_flat_at_its_ends() {
    let cosine = Schedule::Cosine {
        from: 0.1,
        to: 0.0,
        epochs: None,
    };
    assert_eq!(at(&cosine, &[0.0, 5.0, 10.0]), [0.1, 0.05, 0.0]);
    assert!(cosine.at(0.1, EPOCHS) > 0.0999);
}

#[test]
fn an_exponential_multiplies_every_epoch() {
    let schedule = Schedule::Exponential {
        from: 8.0,
        decay: 0.5,
    };
    assert_eq!(at(&schedule, &[0.0, 1.0, 3.0]), [8.0, 4.0, 1.0]);
}

#[test]
fn a_milestone_counts_from_its_own_epoch_on() {
    let steps = Schedule::Steps {
        from: 1.0,
        factor: 0.1,
        at: vec![3.0, 6.0],
    };
    assert_eq!(at(&steps, &[2.99, 3.0, 5.0, 6.0]), [1.0, 0.1, 0.1, 0.01]);
}

#[test]
fn a_piecewise_line_is_constant_outside_its_points() {
    let lines = Schedule::Piecewise(vec![(2.0, 1.0), (4.0, 3.0)]);
    assert_eq!(
        at(&lines, &[0.0, 2.0, 3.0, 4.0, 9.0]),
        [1.0, 1.0, 2.0, 3.0, 3.0]
    );
}

#[test]
fn a_warm_up_rises_to_where_the_rest_begins_and_leaves_it_the_rest() {
    let schedule = Schedule::Warmup {
        epochs: 2.0,
        then: Box::new(Schedule::Cosine {
            from: 0.1,
            to: 0.0,
            epochs: None,
        }),
    };
    assert_eq!(
        at(&schedule, &[0.0, 1.0, 2.0, 6.0, 10.0]),
        [0.0, 0.05, 0.1, 0.05, 0.0]
    );
}

#[test]
fn a_line_ends_at_what_is_written_and_never_leaves_its_ends() {
    // 100 + (0.05 − 100) is a little below 0.05.
    let line = Schedule::Linear {
        from: 100.0,
        to: 0.05,
        epochs: None,
    };
    assert_eq!(line.at(EPOCHS, EPOCHS), 0.05);
    assert!(
        line.problems("temperature", Range::TEMPERATURE, 0.0, EPOCHS)
            .is_empty()
    );
    let lines = Schedule::Piecewise(vec![(0.0, 0.05), (10.0, 100.0)]);
    for step in 0..=1000 {
        let value = lines.at(f64::from(step) / 100.0, EPOCHS);
        assert!(Range::TEMPERATURE.contains(value), "{value}");
    }
}

#[test]
fn a_schedule_that_ends_where_it_would_have_is_the_same_until_then_and_holds() {
    let cosine = Schedule::Cosine {
        from: 0.1,
        to: 0.01,
        epochs: None,
    };
    let warm = |rise| Schedule::Warmup {
        epochs: rise,
        then: Box::new(cosine.clone()),
    };
    for schedule in [cosine.clone(), warm(3.0), warm(10.0)] {
        let held = schedule.ending_at(10.0);
        assert_ne!(held, schedule);
        assert_eq!(held.ending_at(20.0), held);
        for step in 0..=40 {
            let epoch = f64::from(step) / 4.0;
            assert_eq!(held.at(epoch, 25.0), schedule.at(epoch, 10.0), "{epoch}");
        }
        assert_eq!(held.at(17.0, 25.0), 0.01);
    }
    let steps = Schedule::Constant(3.0);
    assert_eq!(steps.ending_at(10.0), steps);
}

#[test]
fn one_schedule_follows_another_with_a_time_of_its_own() {
    let line = |from, to| {
        Box::new(Schedule::Linear {
            from,
            to,
            epochs: None,
        })
    };
    let schedule = Schedule::Until {
        epochs: 4.0,
        first: line(1.0, 0.0),
        then: line(6.0, 0.0),
    };
    assert_eq!(
        at(&schedule, &[0.0, 2.0, 4.0, 7.0, 10.0]),
        [1.0, 0.5, 6.0, 3.0, 0.0]
    );
    assert_eq!(schedule.start(), 1.0);
    assert_eq!(schedule.greatest(EPOCHS), 6.0);
    // A training that ends within the first knows nothing of the second.
    assert_eq!(schedule.at(1.0, 2.0), 0.75);
    assert_eq!(schedule.greatest(2.0), 1.0);
    let problems = schedule.problems("p1", Range::PROBABILITY, 0.0, EPOCHS);
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert_eq!(problem.path, "Until.then.Linear.from");
    assert_eq!(
        schedule.to_string(),
        "linear 1 to 0, from epoch 4 on linear 6 to 0"
    );
}

#[test]
fn what_was_to_be_finished_later_is_from_where_the_training_ended() {
    let until = |first: Schedule, then: Schedule| Schedule::Until {
        epochs: 8.0,
        first: Box::new(first),
        then: Box::new(then),
    };
    let line = |from, to| Schedule::Linear {
        from,
        to,
        epochs: None,
    };
    let (end, now, last) = (10.0, 5.0, 2.0);
    let lr = until(line(0.8, 0.0), line(0.02, 0.0));
    let early = lr.finished_early(8.0, now, last);
    for epoch in [0.0, 2.5, 4.75] {
        assert_eq!(early.at(epoch, end), lr.at(epoch, end), "{epoch}");
    }
    assert_eq!(at(&early, &[5.0, 6.0, 7.0]), [0.02, 0.01, 0.0]);
    // What was to be held at its last value is held at that of now.
    let held = until(line(4.0, 0.0), Schedule::Constant(0.0));
    let early = held.finished_early(8.0, now, last);
    assert_eq!(at(&early, &[4.0, 5.0, 7.0]), [2.0, 1.5, 1.5]);
    // It is done once, and not to what a person changed in the finish.
    assert_eq!(early.finished_early(8.0, now, last), early);
    let other = Schedule::Constant(0.1);
    assert_eq!(other.finished_early(8.0, now, last), other);
}
