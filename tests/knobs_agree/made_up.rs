//! Experiments of every method, with schedules of every kind, and what happens to
//! their trainings.

use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop};
use proptest::prop_oneof;
use workbench::event::Phase;
use workbench::experiment::plan::DataFacts;
use workbench::experiment::schedule::Schedule;

use crate::play::{Story, Turn};

/// What images decide.
pub fn facts(labelled: bool, steps: u64, teacher_steps: u64) -> DataFacts {
    DataFacts {
        train: 10_000,
        unlabelled: 0,
        classes: 4,
        labelled,
        per_class: Vec::new(),
        size: (32, 32),
        normalization: Some(([0.5; 3], [0.25; 3])),
        steps_per_epoch: steps,
        teacher_steps_per_epoch: teacher_steps,
    }
}

/// A value of a knob in a range.
fn value(least: f64, most: f64) -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(least),
        Just(most),
        (0_u32..=1000).prop_map(move |part| least + (most - least) * f64::from(part) / 1000.0),
    ]
}

/// A schedule in a range, over `epochs`.
fn schedule(least: f64, most: f64, epochs: u32) -> BoxedStrategy<Schedule> {
    let value = move || value(least, most);
    let end = f64::from(epochs);
    let duration = move || prop::option::of(0.5_f64..end * 1.5);
    let plain = prop_oneof![
        value().prop_map(Schedule::Constant),
        (value(), value(), duration()).prop_map(|(from, to, epochs)| Schedule::Linear {
            from,
            to,
            epochs
        }),
        (value(), value(), duration()).prop_map(|(from, to, epochs)| Schedule::Cosine {
            from,
            to,
            epochs
        }),
        (prop::collection::btree_set(0_u32..=epochs, 0..3)).prop_map(move |at| Schedule::Steps {
            from: most,
            factor: (least.max(most / 8.0) / most).powf(0.25),
            at: at.into_iter().map(f64::from).collect(),
        }),
        prop::collection::btree_map(0_u32..=epochs * 2, value(), 1..5).prop_map(|points| {
            let points = points.into_iter();
            Schedule::Piecewise(points.map(|(at, value)| (f64::from(at), value)).collect())
        }),
        Just(Schedule::Exponential {
            from: most,
            decay: (least.max(most / 8.0) / most).powf(1.0 / (2.0 * end)),
        }),
    ];
    if least > 0.0 || epochs < 2 {
        return plain.boxed();
    }
    let warmed = (plain.clone(), 0.25_f64..end * 0.5).prop_map(|(then, epochs)| Schedule::Warmup {
        epochs,
        then: Box::new(then),
    });
    prop_oneof![3 => plain, 1 => warmed].boxed()
}

fn written(schedule: &Schedule) -> String {
    ron::to_string(schedule).unwrap()
}

/// A method as it is written, whether it needs a teacher, and whether it can do
/// without labels.
fn method(epochs: u32) -> BoxedStrategy<(String, bool, bool)> {
    let p = || value(0.0, 1.0);
    let w = || value(0.0, 10.0);
    let t = || value(0.5, 20.0);
    let update = (
        value(0.0, 2.0),
        schedule(0.0, 0.5, epochs),
        schedule(0.0, 5.0, epochs),
        (0..5, value(0.0, 0.5), 1..4_u32, 1..4_u32),
    )
        .prop_map(|(w_min, p1, w, (which, margin, window, patience))| match which {
            0 => format!("Feedback(decay: 0.7, w_min: {w_min:?}, tolerance: 0.0)"),
            1 => format!("Scheduled(P1({}))", written(&p1)),
            2 => format!("Gap(margin: {margin:?}, window: {window}, patience: {patience})"),
            3 => format!(
                "Gap(margin: {margin:?}, window: {window}, when_underfitting: LowerWeight(decay: \
                 0.7, w_min: {w_min:?}))"
            ),
            _ => format!("Scheduled(W({}))", written(&w)),
        })
        .boxed();
    let target = prop::sample::select(vec!["Label", "TeacherHard", "TeacherSoft"]);
    let step = prop::sample::select(vec!["EqualSteps", "Ratio"]);
    let start = (value(0.0, 0.5), step.clone()).boxed();
    let adaptive = (start.clone(), w(), t(), target.clone(), update.clone()).prop_map(
        |((p1, p2), w, t, truth, update)| {
            let method = format!(
                "AdaptiveAugmentation(p1: {p1:?}, p_max: 0.5, w: {w:?}, temperature: {t:?}, \
                 truth: {truth}, p2: {p2}, update: {update})"
            );
            (method, true, truth != "Label")
        },
    );
    let steered = (start, w(), w(), target.clone(), (value(0.0, 0.5), 1..4_u32)).prop_map(
        |((p1, step), w, w_truth, truth, (margin, patience))| {
            let method = format!(
                "SteeredKd(p1: {p1:?}, p_max: 0.5, step: {step}, w: {w:?}, w_truth: {w_truth:?}, \
                 truth: {truth}, margin: {margin:?}, window: 2, patience: {patience})"
            );
            (method, true, truth != "Label")
        },
    );
    let second = prop::sample::select(vec!["[]", "[2]"]);
    let custom = (
        p(),
        w(),
        w(),
        target,
        prop::option::of((update, second, step)),
    )
        .prop_map(|(p2, w, soft, target, controller)| {
            let controller = controller.map_or_else(
                || "None".to_owned(),
                |(update, second, step)| {
                    format!(
                        "AdaptiveAugmentation(first: 1, second: {second}, w: \"soft\", p_max: 0.5, \
                         p2: {step}, update: {update})"
                    )
                },
            );
            let method = format!(
                "Custom(views: [(p: 0.25), (p: {p2:?})], terms: [Distill(w: {w:?}), \
                 Distill(name: \"soft\", views: [2], w: {soft:?}), \
                 Truth(view: 2, target: {target}), Consistency()], controller: {controller})"
            );
            (method, true, target != "Label")
        });
    prop_oneof![
        p().prop_map(|p1| (format!("Scratch(p1: {p1:?})"), false, false)),
        (p(), w(), w(), t()).prop_map(|(p1, w, truth, t)| {
            let fields = format!("p1: {p1:?}, w: {w:?}, w_truth: {truth:?}, temperature: {t:?}");
            (format!("Vanilla({fields})"), true, true)
        }),
        (2_usize..5, p(), w(), w()).prop_map(|(views, p, w, consistency)| {
            let fields =
                format!("views: {views}, p: {p:?}, w: {w:?}, w_consistency: {consistency:?}");
            (format!("MultiView({fields})"), true, true)
        }),
        adaptive,
        steered,
        custom,
    ]
    .boxed()
}

fn story(epochs: u32, steps: u64) -> BoxedStrategy<Story> {
    let any_schedule = prop_oneof![
        schedule(0.0, 1.0, epochs),
        schedule(0.5, 20.0, epochs),
        schedule(0.0, 2000.0, epochs),
    ];
    let turn = prop_oneof![
        3 => (any::<prop::sample::Index>(), any_schedule).prop_map(|(k, s)| Turn::Adjust(k, s)),
        1 => any::<bool>().prop_map(Turn::SetController),
    ];
    let commands = prop::collection::btree_map(0..steps, prop::collection::vec(turn, 1..3), 0..6);
    let kill = prop::option::of((1..steps.max(2), 0..6_u64));
    let losses = prop::collection::vec(0.1_f64..3.0, 1..20);
    let of = prop_oneof![3 => Just(Phase::Student), 1 => Just(Phase::Teacher)];
    (of, commands, kill, losses)
        .prop_map(|(of, commands, kill, losses)| Story {
            of,
            commands,
            kill: kill.map(|(at, lost)| (at, lost.min(at))),
            losses,
        })
        .boxed()
}

/// An experiment's text, what its images decide, and what happens to it.
pub fn experiment() -> impl Strategy<Value = (String, DataFacts, Story)> {
    let sizes = (1_u32..9, 1_u64..10, 1_u64..6, 1_u32..4, any::<bool>());
    sizes.prop_flat_map(|(epochs, steps, teacher_steps, log_every, labelled)| {
        let round = prop_oneof![
            Just("Epoch".to_owned()),
            (1_u32..30).prop_map(|steps| format!("Steps({steps})")),
        ];
        let lr = schedule(0.0, 1.0, epochs);
        let temperature = prop::option::of(schedule(0.5, 20.0, epochs));
        let story = story(epochs, steps * u64::from(epochs));
        (method(epochs), round, lr, temperature, story).prop_map(
            move |((method, distils, unlabelled), round, lr, temperature, story)| {
                let labelled = labelled || !unlabelled;
                let teacher = match (distils, labelled) {
                    (false, _) => String::new(),
                    // A teacher is trained on labels.
                    (true, false) => "teacher: (model: Mlp(hidden: [4]), weights: \
                                      File(\"teacher.pt\")),"
                        .to_owned(),
                    (true, true) => "teacher: (model: Mlp(hidden: [4]), weights: Train(epochs: 2, \
                                     p1: 0.3, lr: Linear(from: 0.1, to: 0))),"
                        .to_owned(),
                };
                let knobs = temperature
                    .filter(|_| distils)
                    .map_or_else(String::new, |schedule| {
                        format!("knobs: {{\"temperature\": {}}},", written(&schedule))
                    });
                let text = format!(
                    "(data: (train: Shapes(count: 5000)), {teacher} student: (model: Mlp(hidden: \
                     [4])), method: {method}, lr: {}, {knobs} epochs: {epochs}, round: \
                     {round}, log_every: {log_every})",
                    written(&lr)
                );
                (text, facts(labelled, steps, teacher_steps), story)
            },
        )
    })
}
