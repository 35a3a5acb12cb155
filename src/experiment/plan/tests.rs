use std::path::Path;

use super::*;
use crate::experiment::load_text;
use crate::experiment::method::{ExpansionContext, Method};
use crate::experiment::objective::{Loss, Term, TruthTarget, View};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;
use crate::experiment::read_spec;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::{IterationSpec, Spec};

const TEXT: &str = r"(
    data: (train: Shapes(count: 200, size: 16)),
    teacher: (model: Cnn(channels: [8, 16]), weights: Train(epochs: 2, p: 0.25)),
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
    let plan = plan("Vanilla(weight: 0.7, truth_weight: 0.2)");
    assert_eq!(plan.training.objective.views.len(), 1);
    assert_eq!(terms(&plan), [("distill", "w"), ("truth", "w_truth")]);
    assert_eq!(knob(&plan, "w"), 0.7);
    assert_eq!(knob(&plan, "w_truth"), 0.2);
    assert!(plan.training.objective.controller.is_none());
}

#[test]
fn adaptive_augmentation_distils_on_the_first_view_and_learns_on_the_second() {
    let plan = plan("AdaptiveAugmentation(p_first: 0.1, p_max: 0.5)");
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
        iterations: 5,
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
fn iterations_of_steps_settle_p2_once_the_steps_are_counted() {
    let mut spec = spec("AdaptiveAugmentation(p_max: 0.5)");
    spec.iteration = IterationSpec::Steps(10);
    let plan = Plan::new(spec, Path::new(ORIGIN)).unwrap();
    // Five epochs of seven steps are 35 steps, so four iterations.
    let resolved = plan.resolve(&facts(7)).unwrap();
    assert_eq!(resolved.timeline().iterations(), 4);
    assert_eq!(knob(&resolved.plan, "p2"), 0.125);
    assert_eq!(knob(&resolved.plan, "p1"), 0.0);
}

#[test]
fn settling_changes_nothing_where_an_iteration_is_an_epoch() {
    let plan = plan("AdaptiveAugmentation()");
    let resolved = plan.clone().resolve(&facts(1000)).unwrap();
    assert_eq!(resolved.plan.training, plan.training);
}

fn facts(steps_per_epoch: u64) -> DataFacts {
    DataFacts {
        train: 100_000,
        labelled: true,
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
        if context.iterations == 1 {
            return Err(vec![Problem::new("hot", "one iteration is too short")]);
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
                Knob::constant("p1", Range::PROBABILITY, 0.5),
                Knob::constant("w_truth", Range::WEIGHT, 1.0),
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
