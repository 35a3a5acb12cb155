use super::*;
use crate::event::inspection::metrics::TruthLoss;
use crate::experiment::method::{ExpansionContext, MethodSpec};
use crate::experiment::objective::ConsistencySpace;
use crate::experiment::spec::BinarySpec;

const CLASSES: usize = 4;
const BATCH: usize = 3;

/// What a method expands to.
pub fn objective(method: &str) -> Objective {
    let written = ron::Options::default()
        .with_default_extension(ron::extensions::Extensions::UNWRAP_VARIANT_NEWTYPES)
        .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
    let method: MethodSpec = written.from_str(method).unwrap();
    let context = ExpansionContext {
        rounds: 10,
        epochs: 10,
        labelled: true,
    };
    method.method().expand(&context).unwrap()
}

fn knobs(objective: &Objective) -> BTreeMap<String, f64> {
    let knobs = objective.knobs.iter();
    knobs
        .map(|knob| (knob.name.clone(), knob.schedule.at(0.0, 1.0)))
        .collect()
}

/// Logits that depend on a seed.
fn table(seed: u16, classes: usize) -> Tensor<2> {
    let values: Vec<f32> = (0..BATCH * classes)
        .map(|i| (f32::from(seed) + 1.7 * i as f32).sin() * 2.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [BATCH, classes]), &Device::flex())
}

fn logits(views: usize) -> Logits {
    let numbered = |from: u16| (0..views).zip(from..).map(|(v, s)| (v, table(s, CLASSES)));
    Logits {
        student: numbered(10).collect(),
        teacher: numbered(20).collect(),
        ..Logits::default()
    }
}

fn value(loss: &Tensor<1>) -> f64 {
    f64::from(loss.clone().into_scalar::<f32>())
}

#[track_caller]
fn assert_close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-5 * b.abs().max(1.0), "{a} is not {b}");
}

/// The same labels on every view.
fn everywhere(labels: &[u32]) -> [Vec<u32>; 3] {
    std::array::from_fn(|_| labels.to_vec())
}

/// With the first images labelled.
fn evaluated(objective: &Objective, labels: &[u32]) -> Losses {
    let knobs = knobs(objective);
    let share = Share {
        labelled: labels.len() as f64 / BATCH as f64,
        ..Share::WHOLE
    };
    let context = Context {
        labels: &everywhere(labels),
        mixed: &[],
        knobs: &knobs,
        truth: TruthSettings::default(),
        regressors: &BTreeMap::new(),
        share: &[share; 3],
    };
    evaluate(objective, &logits(objective.views.len()), &context).unwrap()
}

#[test]
fn the_total_is_the_sum_of_weight_times_loss() {
    let objective = objective("Vanilla(w: 0.3, w_truth: 2.0)");
    let losses = evaluated(&objective, &[0, 1, 2]);
    let terms: Vec<f64> = losses.terms.iter().map(value).collect();
    assert_close(value(&losses.total), 0.3 * terms[0] + 2.0 * terms[1]);
}

#[test]
fn distillation_over_several_views_is_the_mean_over_them() {
    let objective = objective("MultiView(teacher_views: All, temperature: 2.0)");
    let losses = evaluated(&objective, &[0, 1, 2]);
    let Logits {
        student, teacher, ..
    } = logits(3);
    let sum: f64 = (0..3)
        .map(|v| {
            value(&loss::distillation(
                student[&v].clone(),
                teacher[&v].clone(),
                2.0,
            ))
        })
        .sum();
    assert_close(value(&losses.terms[1]), sum / 3.0);
}

#[test]
fn only_the_views_that_a_term_names_are_needed() {
    let objective = objective("AdaptiveAugmentation()");
    assert_eq!(objective.student_views(), BTreeSet::from([0, 1]));
    assert_eq!(teacher_views(&objective), BTreeSet::from([0]));
    let knobs = knobs(&objective);
    let context = Context {
        labels: &everywhere(&[0, 1, 2]),
        mixed: &[],
        knobs: &knobs,
        truth: TruthSettings::default(),
        regressors: &BTreeMap::new(),
        share: &[Share::WHOLE; 3],
    };
    let mut logits = logits(2);
    logits.teacher.remove(&1);
    assert!(evaluate(&objective, &logits, &context).is_ok());
    logits.teacher.remove(&0);
    assert_eq!(
        evaluate(&objective, &logits, &context)
            .unwrap_err()
            .to_string(),
        "the term `distill` needs the teacher's logits on view 1"
    );
}

#[test]
fn images_without_labels_take_part_in_distillation_but_not_in_truth() {
    let objective = objective("Vanilla()");
    let (some, all) = (
        evaluated(&objective, &[1, 2]),
        evaluated(&objective, &[1, 2, 3]),
    );
    assert_close(value(&some.terms[0]), value(&all.terms[0]));
    let rows = logits(1).student[&0].clone().narrow(0, 0, 2);
    let labels = label_tensor(&[1, 2], 2, CLASSES, &Device::flex())
        .unwrap()
        .unwrap();
    assert_close(
        value(&some.terms[1]),
        value(&loss::cross_entropy(rows, labels, 0.0)),
    );
}

#[test]
fn an_image_counts_alike_in_terms_of_labels_and_in_others() {
    for method in [
        "Vanilla(w: 0.3, w_truth: 2.0)",
        "AdaptiveAugmentation(w: 0.3)",
        "MultiView(w: 0.3, divergence: Dkd())",
        "Custom(views: [(), ()], terms: [Truth(view: 2), Consistency(), Truth(name: \"more\", w_truth: 0.5)])",
    ] {
        let objective = objective(method);
        let weights = knobs(&objective);
        let losses = evaluated(&objective, &[1]);
        let terms = objective.terms.iter().zip(&losses.terms);
        let expected: f64 = terms
            .map(|(term, loss)| {
                let share = if term.loss.is_of_labels() { 3.0 } else { 1.0 };
                weights[&term.weight] * value(loss) / share
            })
            .sum();
        assert_close(value(&losses.total), expected);
    }
    // A label more of the same loss adds as much again.
    let same = |labelled: usize| {
        let objective = objective("Vanilla(w: 0.0)");
        value(&evaluated(&objective, &[2, 2, 2][..labelled]).total)
    };
    let each: Vec<f64> = (1..=3).map(same).collect();
    let alone = |image| {
        let rows = logits(1).student[&0].clone().narrow(0, image, 1);
        let label = label_tensor(&[2], 1, CLASSES, &Device::flex()).unwrap();
        value(&loss::cross_entropy(rows, label.unwrap(), 0.0)) / 3.0
    };
    assert_close(each[0], alone(0));
    assert_close(each[1] - each[0], alone(1));
    assert_close(each[2] - each[1], alone(2));
}

#[test]
fn where_no_term_looks_at_unlabelled_images_the_labelled_ones_are_all_that_counts() {
    for method in ["Scratch()", "Vanilla(w: 0.3, divergence: Dkd())"] {
        let objective = objective(method);
        let weights = knobs(&objective);
        let losses = evaluated(&objective, &[1]);
        let terms = objective.terms.iter().zip(&losses.terms);
        let sum: f64 = terms
            .map(|(term, loss)| weights[&term.weight] * value(loss))
            .sum();
        assert_close(value(&losses.total), sum);
    }
}

#[test]
fn decoupled_distillation_looks_at_labelled_images_only() {
    let objective = objective("Vanilla(divergence: Dkd(), temperature: 2.0)");
    let losses = evaluated(&objective, &[1]);
    let Logits {
        student, teacher, ..
    } = logits(1);
    let row = |logits: &Tensor<2>| logits.clone().narrow(0, 0, 1);
    let label = label_tensor(&[1], 1, CLASSES, &Device::flex())
        .unwrap()
        .unwrap();
    let expected = loss::decoupled(row(&student[&0]), row(&teacher[&0]), label, 2.0, (1.0, 8.0));
    assert_close(value(&losses.terms[0]), value(&expected));
}

#[test]
fn a_batch_without_labels_has_no_truth_loss() {
    let losses = evaluated(&objective("Vanilla(divergence: Dkd())"), &[]);
    assert_eq!(value(&losses.total), 0.0);
}

#[test]
fn truth_can_come_from_the_teacher_on_the_same_view() {
    let Logits {
        student, teacher, ..
    } = logits(2);
    let (student, teacher) = (student[&1].clone(), teacher[&1].clone());
    let hard = loss::cross_entropy(
        student.clone(),
        teacher.clone().argmax(1).squeeze_dim(1),
        0.0,
    );
    let soft = loss::soft_cross_entropy(student, teacher);
    for (truth, expected) in [("TeacherHard", hard), ("TeacherSoft", soft)] {
        let objective = objective(&format!("AdaptiveAugmentation(truth: {truth})"));
        let losses = evaluated(&objective, &[]);
        assert_close(value(&losses.terms[1]), value(&expected));
    }
}

#[test]
fn every_divergence_can_be_named_in_a_file() {
    for divergence in [
        "Kd",
        "L2()",
        "L2(space: Logits)",
        "Dkd(alpha: 2.0)",
        "LogitStd",
        "Dist()",
        "Dist(beta: 0.5, gamma: 2.0)",
    ] {
        let objective = objective(&format!("Vanilla(divergence: {divergence})"));
        let loss = value(&evaluated(&objective, &[0, 1, 2]).terms[0]);
        assert!(loss > 0.0 && loss.is_finite(), "{divergence}: {loss}");
    }
}

#[test]
fn smoothing_changes_the_loss_with_labels() {
    let objective = objective("Scratch()");
    let knobs = knobs(&objective);
    let at = |label_smoothing| {
        let context = Context {
            labels: &everywhere(&[0, 0, 0]),
            mixed: &[],
            knobs: &knobs,
            truth: TruthSettings {
                label_smoothing,
                ..TruthSettings::default()
            },
            regressors: &BTreeMap::new(),
            share: &[Share::WHOLE; 3],
        };
        value(&evaluate(&objective, &logits(1), &context).unwrap().total)
    };
    assert!((at(0.0) - at(0.2)).abs() > 1e-3);
}

#[test]
fn a_mixed_image_is_held_against_both_labels_by_their_shares() {
    let objective = objective("AdaptiveAugmentation()");
    let knobs = knobs(&objective);
    let at = |labels: &[u32], mixed: &[Vec<MixedLabel>], label_smoothing, loss| {
        let context = Context {
            labels: &everywhere(labels),
            mixed,
            knobs: &knobs,
            truth: TruthSettings {
                loss,
                label_smoothing,
                ..TruthSettings::default()
            },
            regressors: &BTreeMap::new(),
            share: &[Share::WHOLE; 3],
        };
        let losses = evaluate(&objective, &logits(2), &context).unwrap();
        losses.terms.iter().map(value).collect::<Vec<f64>>()
    };
    let others = [2, 0, 1];
    for (loss, smoothing) in [
        (TruthLossSpec::CrossEntropy, 0.0),
        (TruthLossSpec::CrossEntropy, 0.2),
        (
            TruthLossSpec::BinaryCrossEntropy(BinarySpec::default()),
            0.2,
        ),
    ] {
        let at = |labels: &[u32], mixed: &[Vec<MixedLabel>]| at(labels, mixed, smoothing, loss);
        let own = at(&[0, 1, 2], &[]);
        let of_others = at(&others, &[]);
        for share in [1.0, 0.7, 0.0] {
            let mixed = others.map(|other| MixedLabel { own: share, other });
            let both = [Vec::new(), mixed.to_vec()];
            let mixed = at(&[0, 1, 2], &both);
            assert_eq!(mixed[0], own[0], "the teacher answers for itself");
            let share = f64::from(share);
            assert_close(mixed[1], share * own[1] + (1.0 - share) * of_others[1]);
        }
    }
}

/// What a controller compares with the truth term is the same loss on other images.
#[test]
fn the_truth_loss_of_an_evaluation_is_that_of_the_truth_term() {
    let binary = |target_threshold, sum_classes| {
        TruthLossSpec::BinaryCrossEntropy(BinarySpec {
            target_threshold,
            sum_classes,
        })
    };
    let losses = [
        TruthLossSpec::CrossEntropy,
        binary(None, false),
        binary(None, true),
        binary(Some(0.3), false),
    ];
    let labels = [2, 0, 3];
    let rows = |logits: &Tensor<2>| -> Vec<f32> {
        let data = logits.clone().into_data();
        data.try_to_vec().unwrap()
    };
    let logits = logits(1);
    let (ours, theirs) = (rows(&logits.student[&0]), rows(&logits.teacher[&0]));
    for target in ["Label", "TeacherHard", "TeacherSoft"] {
        let written = format!("Custom(views: [()], terms: [Truth(target: {target})])");
        let objective = objective(&written);
        let knobs = knobs(&objective);
        let Loss::Truth { target, .. } = objective.terms[0].loss else {
            panic!("a truth term was written");
        };
        for loss in losses {
            for label_smoothing in [0.0, 0.1] {
                for class_weights in [None, Some(&[0.5, 1.0, 2.0, 4.0][..])] {
                    let truth = TruthSettings {
                        loss,
                        label_smoothing,
                        class_weights,
                    };
                    let context = Context {
                        labels: &everywhere(&labels),
                        mixed: &[],
                        knobs: &knobs,
                        truth,
                        regressors: &BTreeMap::new(),
                        share: &[Share::WHOLE; 3],
                    };
                    let term = evaluate(&objective, &logits, &context).unwrap().terms;
                    let mut evaluated = TruthLoss::new(target, truth);
                    for (image, &label) in labels.iter().enumerate() {
                        let row = image * CLASSES..(image + 1) * CLASSES;
                        let teacher = Some(&theirs[row.clone()]);
                        evaluated.count(&ours[row], label as usize, teacher);
                    }
                    assert_close(evaluated.mean(), value(&term[0]));
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_an_error_that_says_so() {
    let objective = objective("MultiView(views: 2)");
    let all = knobs(&objective);
    let failure = |labels: &[u32], knobs: &BTreeMap<String, f64>, logits: &Logits| {
        let context = Context {
            labels: &everywhere(labels),
            mixed: &[],
            knobs,
            truth: TruthSettings::default(),
            regressors: &BTreeMap::new(),
            share: &[Share::WHOLE; 3],
        };
        evaluate(&objective, logits, &context)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        failure(&[4], &all, &logits(2)),
        "the label 4 is not one of 4 classes"
    );
    assert_eq!(
        failure(&[0; 4], &all, &logits(2)),
        "4 labels were given for a batch of 3 images"
    );
    let mut fewer = all.clone();
    fewer.remove("temperature");
    assert_eq!(
        failure(&[0], &fewer, &logits(2)),
        "the term `distill` needs the knob `temperature`, which has no value"
    );
    let mut other = logits(2);
    other.teacher.insert(0, table(1, 5));
    assert!(failure(&[0], &all, &other).contains("[3, 4] with logits of [3, 5]"));
    other.student.insert(1, table(1, 5));
    assert!(failure(&[0], &all, &other).contains("`consistency`"));
}

#[test]
fn an_objective_without_terms_or_views_is_refused() {
    let mut objective = objective("MultiView(views: 2)");
    objective.terms.truncate(1);
    objective.terms[0].loss = Loss::Consistency {
        views: vec![0],
        space: ConsistencySpace::Logits,
    };
    let knobs = knobs(&objective);
    let context = Context {
        labels: &everywhere(&[]),
        mixed: &[],
        knobs: &knobs,
        truth: TruthSettings::default(),
        regressors: &BTreeMap::new(),
        share: &[Share::WHOLE; 3],
    };
    let error = evaluate(&objective, &logits(2), &context).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the term `consistency` names too few views"
    );
    objective.terms.clear();
    let error = evaluate(&objective, &logits(2), &context).unwrap_err();
    assert_eq!(error, ObjectiveError::NoTerms);
}
