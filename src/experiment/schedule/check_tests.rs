//! What is refused where, and that nothing else is.

use proptest::prelude::*;

use super::*;

const EPOCHS: f64 = 10.0;

fn problems(written: &str, knob: &str, range: Range) -> Vec<String> {
    let options =
        ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
    let schedule: Schedule = options.from_str(written).unwrap();
    let problems = schedule.problems(knob, range, 0.0, EPOCHS);
    problems.iter().map(ToString::to_string).collect()
}

fn temperature(written: &str) -> Vec<String> {
    problems(written, "temperature", Range::TEMPERATURE)
}

fn p1(written: &str) -> Vec<String> {
    problems(written, "p1", Range::PROBABILITY)
}

#[test]
fn a_warmup_of_a_knob_that_cannot_be_0_is_refused_with_what_to_write() {
    assert_eq!(
        temperature("Warmup(epochs: 1, then: Constant(4))"),
        [
            "Warmup.epochs: temperature is 0 at epoch 0, below its minimum 0.05 \
          (a warmup starts at 0; start higher: Linear(from: 0.05, to: 4, epochs: 1))"
        ]
    );
    let cosine = temperature("Warmup(epochs: 2, then: Cosine(from: 4, to: 1))");
    assert!(
        cosine[0].contains("Piecewise([(0, 0.05), (2, 4), …])"),
        "{cosine:?}"
    );
    assert!(temperature("Linear(from: 0.05, to: 4, epochs: 1)").is_empty());
    assert!(p1("Warmup(epochs: 1, then: Constant(0.5))").is_empty());
}

#[test]
fn what_overflows_or_grows_out_of_its_range_is_refused_with_the_time() {
    assert_eq!(
        temperature("Exponential(from: 4, decay: 1e300)"),
        [
            "Exponential.decay: temperature is infinite at epoch 10, above its maximum 100 \
          (decay is the factor of every epoch, and there are 10; bring it nearer to 1)"
        ]
    );
    assert_eq!(
        temperature("Exponential(from: 0, decay: 1e300)")[1],
        "Exponential.decay: temperature is not a number at epoch 10 (decay is the factor of \
         every epoch, and there are 10; bring it nearer to 1)"
    );
    let steps = temperature("Steps(from: 4, factor: 1e300, at: [3, 6])");
    assert_eq!(steps.len(), 1);
    assert!(
        steps[0].starts_with("Steps.factor: temperature is 4e300 at epoch 3, above"),
        "{steps:?}"
    );
    assert!(
        p1("Exponential(from: 0.1, decay: 1.5)")[0]
            .starts_with("Exponential.decay: p1 is 5.7665 at epoch 10, above")
    );
    assert_eq!(
        temperature("Exponential(from: 4, decay: 0.5)").len(),
        1,
        "it falls below its minimum"
    );
}

#[test]
fn values_out_of_range_and_times_out_of_order_are_all_named() {
    let paths = |written: &str| -> Vec<String> {
        let problems = p1(written);
        let path = |problem: &String| problem.split(": ").next().unwrap_or_default().to_owned();
        problems.iter().map(path).collect()
    };
    assert_eq!(
        p1("Constant(1.5)"),
        ["Constant: p1 is 1.5, above its maximum 1 (write a value from 0 to 1)"]
    );
    assert_eq!(paths("Constant(NaN)"), ["Constant"]);
    assert_eq!(
        paths("Linear(from: -1, to: 2)"),
        ["Linear.from", "Linear.to"]
    );
    assert_eq!(
        paths("Linear(from: -1, to: 2, epochs: 0)"),
        ["Linear.epochs"]
    );
    assert_eq!(paths("Piecewise([(1, 0.5), (1, 7)])"), ["Piecewise"]);
    assert_eq!(
        paths("Piecewise([(1, 0.5), (2, 7), (3, 0), (4, -1)])"),
        ["Piecewise[1]", "Piecewise[3]"]
    );
    assert_eq!(
        paths("Warmup(epochs: -1, then: Linear(from: 3, to: 0, epochs: -2))"),
        ["Warmup.epochs", "Warmup.then.Linear.epochs"]
    );
    assert_eq!(
        paths("Warmup(epochs: 1, then: Constant(3))"),
        ["Warmup.then.Constant"]
    );
    assert_eq!(paths("Cosine(from: inf, to: 0)"), ["Cosine.from"]);
    assert_eq!(
        paths("Steps(from: 1, factor: 0.5, at: [2, 1])"),
        ["Steps.at"]
    );
}

#[test]
fn a_warmup_that_leaves_nothing_of_the_training_is_refused() {
    assert_eq!(
        p1("Warmup(epochs: 10, then: Constant(0.5))"),
        [
            "Warmup.epochs: warmup (10 epochs) covers the whole training (10 epochs) (make it \
          shorter than the training)"
        ]
    );
    let both = p1("Warmup(epochs: 12, then: Linear(from: -1, to: 0))");
    assert_eq!(both.len(), 2);
    assert!(
        both[1].starts_with("Warmup.then.Linear.from: p1 is -1 at epoch 12, below"),
        "{both:?}"
    );
    let nested = p1("Warmup(epochs: 4, then: Warmup(epochs: 6, then: Constant(0.5)))");
    assert!(
        nested[0].starts_with("Warmup.then.Warmup.epochs: warmup (6 epochs)"),
        "{nested:?}"
    );
}

#[test]
fn what_is_written_after_the_end_of_the_training_must_be_numbers_in_order_and_no_more() {
    for written in [
        "Steps(from: 0.5, factor: 100, at: [100, 200])",
        "Linear(from: 0, to: 5, epochs: 50)",
        "Piecewise([(0, 0), (10, 1), (20, 300)])",
        "Piecewise([(0, 0.5), (100, 5)])",
    ] {
        assert_eq!(p1(written), Vec::<String>::new(), "{written}");
    }
    assert_eq!(p1("Steps(from: 0.5, factor: 100, at: [200, 100])").len(), 1);
    assert_eq!(p1("Steps(from: 0.5, factor: 100, at: [100, inf])").len(), 1);
    assert_eq!(p1("Piecewise([(0, 0), (20, NaN)])").len(), 1);
    let steep = p1("Piecewise([(0, 0), (20, 3), (30, 9)])");
    assert_eq!(steep.len(), 1);
    assert!(
        steep[0].starts_with("Piecewise[1]: p1 is 1.5 at epoch 10, above"),
        "{steep:?}"
    );
}

#[test]
fn a_change_under_way_answers_for_what_is_still_to_come() {
    let warmup = Schedule::Warmup {
        epochs: 1.0,
        then: Box::new(Schedule::Constant(4.0)),
    };
    let range = Range::TEMPERATURE;
    assert!(
        warmup
            .problems("temperature", range, 1.0, EPOCHS)
            .is_empty()
    );
    assert!(
        warmup
            .problems("temperature", range, 0.5, EPOCHS)
            .is_empty()
    );
    let early = warmup.problems("temperature", range, 0.01, EPOCHS);
    assert!(
        early[0]
            .message
            .starts_with("temperature is 0.04 at epoch 0.01, below"),
        "{early:?}"
    );
    let falling = Schedule::Linear {
        from: 200.0,
        to: 0.0,
        epochs: None,
    };
    let late = falling.problems("temperature", range, 6.0, EPOCHS);
    assert_eq!(late.len(), 1);
    assert!(late[0].message.contains("is 0 at epoch 10"), "{late:?}");
}

#[test]
fn a_schedule_of_many_points_over_a_million_epochs_is_checked_at_once() {
    let began = std::time::Instant::now();
    let at: Vec<f64> = (0..100_000).map(f64::from).collect();
    let steps = Schedule::Steps {
        from: 1.0,
        factor: 0.999_999,
        at: at.clone(),
    };
    let points = Schedule::Piecewise(at.into_iter().map(|at| (at, 7.0)).collect());
    assert!(
        steps
            .problems("p1", Range::PROBABILITY, 0.0, 1e6)
            .is_empty()
    );
    assert_eq!(
        points.problems("p1", Range::PROBABILITY, 0.0, 1e6).len(),
        100_000
    );
    assert!(began.elapsed().as_secs() < 5);
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        -0.5_f64..1.5,
        0.0_f64..1.0,
        0.0_f64..1.0,
        Just(0.0),
        Just(1.0)
    ]
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let time = || prop_oneof![0.1_f64..12.0, (1_u8..12).prop_map(f64::from)];
    let leaf = prop_oneof![
        number().prop_map(Schedule::Constant),
        (number(), number(), prop::option::of(time()))
            .prop_map(|(from, to, epochs)| Schedule::Linear { from, to, epochs }),
        (number(), number(), prop::option::of(time()))
            .prop_map(|(from, to, epochs)| Schedule::Cosine { from, to, epochs }),
        (number(), 0.5_f64..1.5).prop_map(|(from, decay)| Schedule::Exponential { from, decay }),
        (
            number(),
            0.2_f64..2.0,
            prop::collection::btree_set(0_u8..14, 0..4)
        )
            .prop_map(|(from, factor, at)| Schedule::Steps {
                from,
                factor,
                at: at.into_iter().map(|at| f64::from(at) * 0.7).collect(),
            }),
        prop::collection::btree_map(-3_i8..14, number(), 1..5).prop_map(|points| {
            Schedule::Piecewise(
                points
                    .into_iter()
                    .map(|(at, value)| (f64::from(at), value))
                    .collect(),
            )
        }),
    ];
    leaf.prop_recursive(2, 4, 1, move |then| {
        (0.1_f64..4.0, then).prop_map(|(epochs, then)| Schedule::Warmup {
            epochs,
            then: Box::new(then),
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_accepted_stays_in_range_at_every_step_and_what_is_refused_leaves_it(
        schedule in schedule(),
        now in prop_oneof![Just(0.0), 0.0_f64..10.0],
    ) {
        let range = Range::PROBABILITY;
        let problems = schedule.problems("p1", range, now, EPOCHS);
        prop_assume!(!problems.iter().any(|problem| problem.message.starts_with("warmup")));
        // A sample of steps, and the times at which a schedule of this kind can turn.
        let sampled = (0..=20_000).map(|step| f64::from(step) * 0.0005);
        let mut corners: Vec<f64> = schedule.corners(EPOCHS).iter().map(|c| c.epoch).collect();
        corners.push(now);
        let leaves = sampled
            .chain(corners)
            .filter(|epoch| (now..=EPOCHS).contains(epoch))
            .any(|epoch| !range.contains(schedule.at(epoch, EPOCHS)));
        prop_assert_eq!(leaves, !problems.is_empty(), "{:?} {:?}", schedule, problems);
    }
}
