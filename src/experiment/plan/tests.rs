use std::path::Path;

use super::*;
use crate::experiment::knob::KnobRole;
use crate::experiment::load_text;
use crate::experiment::method::{ExpansionContext, Method};
use crate::experiment::objective::{Loss, Term, TruthTarget, View};
use crate::experiment::problem::Problem;
use crate::experiment::read_spec;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::{RoundSpec, Spec};

const TEXT: &str = r"(
    data: (train: Shapes(count: 200, size: 16)),
    teacher: (model: Cnn(channels: [8, 16]), weights: Train(epochs: 2, p1: 0.25)),
    student: (model: Cnn(channels: [4, 8])),
    augment: [HorizontalFlip],
    method: METHOD,
    epochs: 5,
    batch: 32,
)";

const ORIGIN: &str = "experiments/small.ron";

fn spec(method: &str) -> Spec {
    read_spec(&TEXT.replace("METHOD", method), Path::new(ORIGIN)).unwrap()
}

fn plan(method: &str) -> Plan {
    Plan::new(spec(method), Path::new(ORIGIN)).unwrap()
}

fn terms(plan: &Plan) -> Vec<(&str, &str)> {
    let terms = &plan.training.objective.terms;
    terms
        .iter()
        .map(|term| (term.name.as_str(), term.weight.as_str()))
        .collect()
}

fn knob(plan: &Plan, name: &str) -> f64 {
    let knob = plan.training.knobs().find(|knob| knob.name == name);
    knob.unwrap().schedule.at(0.0, 1.0)
}

#[test]
fn the_name_is_the_files_unless_it_is_written() {
    assert_eq!(plan("Vanilla()").name, "small");
}

#[test]
fn vanilla_is_one_view_with_both_losses() {
    let plan = plan("Vanilla(w: 0.7, w_truth: 0.2)");
    assert_eq!(plan.training.objective.views.len(), 1);
    assert_eq!(terms(&plan), [("distill", "w"), ("truth", "w_truth")]);
    assert_eq!(knob(&plan, "w"), 0.7);
    assert_eq!(knob(&plan, "w_truth"), 0.2);
    assert!(plan.training.objective.controller.is_none());
}

#[test]
fn adaptive_augmentation_distils_on_the_first_view_and_learns_on_the_second() {
    let plan = plan("AdaptiveAugmentation(p1: 0.1, p_max: 0.5)");
    let objective = &plan.training.objective;
    assert_eq!(objective.terms[0].loss.views(), [0]);
    assert_eq!(objective.terms[1].loss.views(), [1]);
    assert_eq!(knob(&plan, "p1"), 0.1);
    assert!((knob(&plan, "p2") - 0.2).abs() < 1e-12);
}

#[test]
fn a_target_from_the_teacher_needs_no_label() {
    let plan = plan("AdaptiveAugmentation(truth: TeacherSoft)");
    let truth = &plan.training.objective.terms[1].loss;
    assert!(truth.needs_teacher());
}

#[test]
fn multi_view_compares_every_pair_and_the_teacher_on_one_or_all() {
    let one = plan("MultiView()");
    assert_eq!(one.training.objective.views.len(), 3);
    let views = |plan: &Plan| -> Vec<Vec<usize>> {
        let terms = &plan.training.objective.terms;
        terms.iter().map(|term| term.loss.views()).collect()
    };
    assert_eq!(views(&one), [vec![0, 1, 2], vec![0], vec![0]]);
    let all = plan("MultiView(views: 2, teacher_views: All)");
    assert_eq!(views(&all), [vec![0, 1], vec![0, 1], vec![0]]);
}

#[test]
fn methods_combine_in_a_custom_one() {
    let plan = plan(
        "Custom(views: [(p: 0.1), (), ()], \
         terms: [Distill(), Truth(view: 2), Consistency()], \
         controller: AdaptiveAugmentation(second: [2, 3], p_max: 0.6))",
    );
    assert_eq!(
        terms(&plan),
        [
            ("distill", "w"),
            ("truth", "w_truth"),
            ("consistency", "w_consistency")
        ]
    );
    for second in ["p2", "p3"] {
        assert!((knob(&plan, second) - 0.22).abs() < 1e-12);
    }
}

#[test]
fn what_unlabelled_data_cannot_have_is_left_out_or_refused() {
    let context = ExpansionContext {
        rounds: 5,
        epochs: 5,
        labelled: false,
    };
    let expand = |method: &str| spec(method).method.method().expand(&context);
    assert_eq!(expand("Vanilla()").unwrap().terms.len(), 1);
    assert_eq!(expand("MultiView()").unwrap().terms.len(), 2);
    assert!(expand("AdaptiveAugmentation()").is_err());
    assert!(expand("AdaptiveAugmentation(truth: TeacherHard)").is_ok());
    let problems = expand("Vanilla(divergence: Dkd())").unwrap_err();
    assert_eq!(problems[0].path, "divergence");
}

#[test]
fn a_teacher_is_trained_as_the_student_is_but_for_what_it_says() {
    let plan = plan("Vanilla()");
    let TeacherSource::Train(training) = &plan.teacher.as_ref().unwrap().weights else {
        panic!("the teacher is trained");
    };
    assert_eq!(training.epochs, 2);
    assert_eq!(training.batch, 32);
    assert_eq!(training.lr, plan.training.lr);
    assert!(!training.objective.needs_teacher());
    let p1 = training.objective.knob("p1").unwrap();
    assert_eq!(p1.schedule, Schedule::Constant(0.25));
}

#[test]
fn a_schedule_of_a_knob_replaces_its_constant() {
    let text = TEXT.replace("METHOD", "Vanilla()").replace(
        "epochs: 5",
        "knobs: {\"temperature\": Linear(from: 6.0, to: 2.0)}, epochs: 5",
    );
    let plan = load_text(&text, Path::new(ORIGIN), &[]).unwrap().plan;
    let temperature = plan.training.objective.knob("temperature").unwrap();
    assert_eq!(temperature.schedule.at(5.0, 5.0), 2.0);
}

#[test]
fn a_finish_is_the_end_of_the_training_with_a_learning_rate_of_its_own() {
    let text = TEXT.replace(
        "METHOD",
        "Vanilla(), knobs: {\"temperature\": Linear(from: 4, to: 2)}, \
         lr: Warmup(epochs: 1, then: Cosine(from: 0.2, to: 0)), finish: Quantize(epochs: 2)",
    );
    let read = |text: &str| {
        let spec = read_spec(text, Path::new(ORIGIN)).unwrap();
        Plan::new(spec, Path::new(ORIGIN)).unwrap()
    };
    let plan = read(&text);
    let training = &plan.training;
    assert_eq!(training.epochs, 7);
    let timeline = training.timeline(10);
    assert_eq!((timeline.steps, timeline.steps_of_rounds), (70, 50));
    assert_eq!(timeline.rounds(), 5);
    let value = |name: &str, epoch: f64| {
        let knob = training.knobs().find(|knob| knob.name == name).unwrap();
        knob.schedule.at(epoch, 7.0)
    };
    // As without a finish before it.
    let before = self::plan("Vanilla(), lr: Warmup(epochs: 1, then: Cosine(from: 0.2, to: 0))");
    for epoch in [0.0, 0.5, 1.0, 3.7, 4.99] {
        let expected = before.training.lr.schedule.at(epoch, 5.0);
        assert_eq!(value("lr", epoch), expected, "epoch {epoch}");
    }
    assert_eq!(value("lr", 5.0), 0.002);
    assert!(value("lr", 6.99) < 1e-6);
    for (epoch, temperature) in [(0.0, 4.0), (2.5, 3.0), (5.0, 2.0), (7.0, 2.0)] {
        assert_eq!(value("temperature", epoch), temperature);
    }
    let own = read(&text.replace("epochs: 2)", "epochs: 2, learning_rate: 0.03)"));
    assert_eq!(own.training.lr.schedule.at(5.0, 7.0), 0.03);
    let Some(TeacherPlan {
        weights: TeacherSource::Train(teacher),
        ..
    }) = &plan.teacher
    else {
        panic!("the teacher is trained");
    };
    assert_eq!((teacher.epochs, teacher.finish), (2, None));
}

#[test]
fn rounds_of_steps_settle_p2_once_the_steps_are_counted() {
    let mut spec = spec("AdaptiveAugmentation(p_max: 0.5)");
    spec.round = RoundSpec::Steps(10);
    let plan = Plan::new(spec, Path::new(ORIGIN)).unwrap();
    // Five epochs of seven steps are 35 steps, so four rounds.
    let resolved = plan.resolve(&facts(7)).unwrap();
    assert_eq!(resolved.timeline().rounds(), 4);
    assert_eq!(knob(&resolved.plan, "p2"), 0.125);
    assert_eq!(knob(&resolved.plan, "p1"), 0.0);
}

#[test]
fn settling_changes_nothing_where_an_round_is_an_epoch() {
    let plan = plan("AdaptiveAugmentation()");
    let resolved = plan.clone().resolve(&facts(1000)).unwrap();
    assert_eq!(resolved.plan.training, plan.training);
}

fn facts(steps_per_epoch: u64) -> DataFacts {
    DataFacts {
        train: 100_000,
        unlabelled: 0,
        classes: 4,
        labelled: true,
        per_class: Vec::new(),
        size: (32, 32),
        normalization: None,
        steps_per_epoch,
        teacher_steps_per_epoch: steps_per_epoch,
    }
}

/// A method that no file can name.
struct TwoTemperatures;

impl Method for TwoTemperatures {
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        if context.rounds == 1 {
            return Err(vec![Problem::new("hot", "one round is too short")]);
        }
        Ok(Objective {
            views: vec![View::numbered(1)],
            terms: vec![Term {
                name: "truth".to_owned(),
                weight: "w_truth".to_owned(),
                loss: Loss::Truth {
                    view: 0,
                    target: TruthTarget::TeacherHard,
                },
            }],
            knobs: vec![
                Knob::constant("p1", KnobRole::Probability, 0.5),
                Knob::constant("w_truth", KnobRole::Weight, 1.0),
            ],
            controller: None,
        })
    }
}

#[test]
fn a_method_that_no_file_names_is_planned_like_the_others() {
    let with = |spec: Spec| {
        Plan::with_method(spec, "TwoTemperatures", &TwoTemperatures, Path::new(ORIGIN))
    };
    let plan = with(spec("Vanilla()")).unwrap();
    assert_eq!(plan.method, "TwoTemperatures");
    assert_eq!(terms(&plan), [("truth", "w_truth")]);

    let mut alone = spec("Vanilla()");
    alone.teacher = None;
    assert_eq!(with(alone).unwrap_err()[0].path, "method");

    let mut short = spec("Vanilla()");
    short.epochs = 1;
    let problems = with(short).unwrap_err();
    assert!(problems.iter().any(|p| p.path == "method.hot"));
}

/// What is wrong with the experiment of a method and other fields.
fn refusals(method: &str, fields: &str) -> Vec<String> {
    let text = TEXT
        .replace("METHOD", method)
        .replace("epochs: 5,", &format!("epochs: 5,{fields}"));
    let report = load_text(&text, Path::new(ORIGIN), &[]).unwrap_err();
    let found = report.diagnostics.into_iter();
    found.map(|diagnostic| diagnostic.message).collect()
}

#[test]
fn schedules_are_held_against_the_whole_training_that_they_are_for() {
    assert_eq!(
        refusals(
            "Vanilla()",
            "knobs: {\"temperature\": Warmup(epochs: 1, then: Constant(4))},"
        ),
        ["temperature is 0 at epoch 0, below its minimum 0.05"]
    );
    assert_eq!(
        refusals(
            "Vanilla()",
            "knobs: {\"p1\": Exponential(from: 0.1, decay: 2.0)},"
        ),
        ["p1 is 3.2 at epoch 5, above its maximum 1"]
    );
    assert_eq!(
        refusals(
            "Vanilla()",
            "lr: Steps(from: 0.1, factor: 1e300, at: [2, 4]),"
        ),
        ["lr is 1e299 at epoch 2, above its maximum 100"]
    );
}

#[test]
fn a_scheduled_p1_stays_below_p_max_and_is_not_cut_off_there() {
    let update = "AdaptiveAugmentation(update: Scheduled(P1(Linear(from: 0, to: 0.6))))";
    assert_eq!(
        refusals(update, ""),
        ["p1 is 0.6 at epoch 5, above its maximum 0.5"]
    );
    plan("AdaptiveAugmentation(p_max: 0.6, update: Scheduled(P1(Linear(from: 0, to: 0.6))))");
    let custom = "Custom(views: [(), ()], terms: [Distill(views: [2]), Truth()], \
                  controller: AdaptiveAugmentation(first: 2, second: [1], \
                  update: Scheduled(P1(Constant(0.7)))))";
    assert_eq!(refusals(custom, ""), ["p2 is 0.7, above its maximum 0.5"]);
    let weight = "AdaptiveAugmentation(update: Scheduled(W(Exponential(from: 1, decay: 1e9))))";
    assert_eq!(
        refusals(weight, ""),
        ["w is 1e45 at epoch 5, above its maximum 1000"]
    );
}

#[test]
fn a_teacher_without_a_schedule_of_its_own_may_end_within_the_students_warmup() {
    // The student has five epochs and the teacher two.
    let warmup = "lr: Warmup(epochs: 2, then: Constant(0.1)),";
    let text = TEXT.replace("METHOD", "Vanilla()");
    let text = text.replace("epochs: 5,", &format!("epochs: 5,{warmup}"));
    load_text(&text, Path::new(ORIGIN), &[]).unwrap();
    let own = TEXT
        .replace("METHOD", "Vanilla()")
        .replace("p1: 0.25", "lr: Constant(0.1)")
        .replace("epochs: 5,", &format!("epochs: 5,{warmup}"));
    load_text(&own, Path::new(ORIGIN), &[]).unwrap();
    let refused = own.replace(
        "lr: Constant(0.1)",
        "lr: Warmup(epochs: 3, then: Constant(0.1))",
    );
    assert!(load_text(&refused, Path::new(ORIGIN), &[]).is_err());
}

#[test]
fn a_batch_of_one_is_refused_where_images_need_others_beside_them() {
    let one = |method: &str| {
        let text = TEXT
            .replace("METHOD", method)
            .replace("batch: 32", "batch: 1");
        load_text(&text, Path::new(ORIGIN), &[]).map_err(|report| report.to_string())
    };
    let refused = one("Vanilla(divergence: Dist())").unwrap_err();
    assert!(
        refused.contains("Dist correlates the images of a batch"),
        "{refused}"
    );
    let refused = one("Vanilla(divergence: Mlkd)").unwrap_err();
    assert!(
        refused.contains("Mlkd compares the images of a batch"),
        "{refused}"
    );
    one("Vanilla(divergence: Dist(gamma: 0))").unwrap();
    one("Vanilla(divergence: SymmetricKl)").unwrap();
    one("Vanilla()").unwrap();
}

#[test]
fn a_clip_that_rounds_to_0_is_refused() {
    let refused = |spec: Spec| {
        let problems = Plan::new(spec, Path::new(ORIGIN)).unwrap_err();
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        texts.join("\n")
    };
    let text = refused(Spec {
        clip: Some(1e-46),
        ..spec("Vanilla()")
    });
    assert!(
        text.contains("clip: 1e-46 is not between 1e-30 and 1e30"),
        "{text}"
    );
}
