use std::collections::BTreeMap;

use burn::tensor::{Device, TensorData};
use serde::Deserialize;

use super::*;
use crate::experiment::objective::ConsistencySpace::{Logits, Probabilities};
use crate::experiment::spec::BinarySpec;

const BATCH: usize = 4;
const CLASSES: usize = 5;
const TEMPERATURE: f64 = 3.0;

/// What `tests/fixtures/losses.py` computed in PyTorch.
#[derive(Deserialize)]
struct Fixture {
    temperature: f64,
    smoothing: f64,
    student: Vec<f32>,
    other: Vec<f32>,
    teacher: Vec<f32>,
    labels: Vec<i32>,
    losses: BTreeMap<String, f64>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/fixtures/losses.json")).unwrap()
}

/// Every backend of this build.
#[cfg(not(feature = "libtorch"))]
pub(super) fn devices() -> Vec<Device> {
    vec![Device::flex()]
}

/// Every backend of this build.
#[cfg(feature = "libtorch")]
#[expect(deprecated, reason = "burn 0.22 is the last line that has libtorch")]
pub(super) fn devices() -> Vec<Device> {
    vec![Device::flex(), Device::libtorch()]
}

fn logits(values: &[f32]) -> Tensor<2> {
    logits_on(values, &Device::flex())
}

fn logits_on(values: &[f32], device: &Device) -> Tensor<2> {
    let rows = values.len() / CLASSES;
    Tensor::from_data(TensorData::new(values.to_vec(), [rows, CLASSES]), device)
}

fn labels(values: &[i32]) -> Tensor<1, Int> {
    labels_on(values, &Device::flex())
}

fn labels_on(values: &[i32], device: &Device) -> Tensor<1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}

/// Those of the fixture.
fn weights(device: &Device) -> Tensor<1> {
    Tensor::from_floats([0.5, 2.0, 1.0, 3.0, 0.25], device)
}

/// The labels of the fixture, each mixed with the one before it: 1 and 1, 4 and 1, 0 and 4, 1
/// and 0.
fn mixed_labels(smoothing: f32, device: &Device) -> Tensor<2> {
    let mixed = [
        [0.0, 1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 1.0],
        [0.25, 0.0, 0.0, 0.0, 0.75],
        [0.5, 0.5, 0.0, 0.0, 0.0],
    ];
    smoothed(Tensor::from_floats(mixed, device), smoothing)
}

fn smoothed(targets: Tensor<2>, smoothing: f32) -> Tensor<2> {
    targets * (1.0 - smoothing) + smoothing / CLASSES as f32
}

type LossOfStudent = Box<dyn Fn(Tensor<2>) -> Tensor<1>>;

/// Every loss as a function of the student's logits, the rest being constant.
fn all(
    other: Tensor<2>,
    teacher: Tensor<2>,
    labels: Tensor<1, Int>,
) -> Vec<(&'static str, LossOfStudent)> {
    fn boxed(loss: impl Fn(Tensor<2>) -> Tensor<1> + 'static) -> LossOfStudent {
        Box::new(loss)
    }
    let t = teacher;
    let hard = t.clone().argmax(1).squeeze_dim::<1>(1);
    let device = t.device();
    let [w1, w2] = std::array::from_fn(|_| weights(&device));
    let [mixed, mixed_smoothed] = [0.0, 0.1].map(|smoothing| mixed_labels(smoothing, &device));
    let binary = binary(&t, &labels);
    let views = move |s, other: &Tensor<2>, t: &Tensor<2>| vec![s, other.clone(), t.clone()];
    let (o1, o2) = (other.clone(), other);
    let [l1, l2, l3, l4] = std::array::from_fn(|_| labels.clone());
    let [t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11] = std::array::from_fn(|_| t.clone());
    let others = vec![
        (
            "kd",
            boxed(move |s| distillation(s, t1.clone(), TEMPERATURE)),
        ),
        (
            "dkd",
            boxed(move |s| decoupled(s, t2.clone(), l1.clone(), TEMPERATURE, (1.0, 8.0))),
        ),
        (
            "logit_std",
            boxed(move |s| standardized_distillation(s, t3.clone(), TEMPERATURE)),
        ),
        (
            "dist",
            boxed(move |s| dist(s, t4.clone(), TEMPERATURE, (1.0, 2.0))),
        ),
        ("symmetric_kl", boxed(move |s| symmetric_kl(s, t10.clone()))),
        ("mlkd", boxed(move |s| multi_level(&s, &t11, TEMPERATURE))),
        (
            "l2_probabilities",
            boxed(move |s| squared_difference(s, t5.clone(), Probabilities)),
        ),
        (
            "l2_logits",
            boxed(move |s| squared_difference(s, t6.clone(), Logits)),
        ),
        ("label", boxed(move |s| cross_entropy(s, l2.clone(), 0.0))),
        (
            "label_smoothed",
            boxed(move |s| cross_entropy(s, labels.clone(), 0.1)),
        ),
        (
            "label_weighted",
            boxed(move |s| weighted_cross_entropy(s, l3.clone(), 0.0, w1.clone())),
        ),
        (
            "label_weighted_smoothed",
            boxed(move |s| weighted_cross_entropy(s, l4.clone(), 0.1, w2.clone())),
        ),
        (
            "label_mixed",
            boxed(move |s| target_cross_entropy(s, mixed.clone())),
        ),
        (
            "label_mixed_smoothed",
            boxed(move |s| target_cross_entropy(s, mixed_smoothed.clone())),
        ),
        (
            "teacher_hard",
            boxed(move |s| cross_entropy(s, hard.clone(), 0.0)),
        ),
        (
            "teacher_soft",
            boxed(move |s| soft_cross_entropy(s, t7.clone())),
        ),
        (
            "consistency_probabilities",
            boxed(move |s| consistency(views(s, &o1, &t8), Probabilities).unwrap()),
        ),
        (
            "consistency_logits",
            boxed(move |s| consistency(views(s, &o2, &t9), Logits).unwrap()),
        ),
    ];
    others.into_iter().chain(binary).collect()
}

/// Those of every class for itself.
fn binary(teacher: &Tensor<2>, labels: &Tensor<1, Int>) -> Vec<(&'static str, LossOfStudent)> {
    let device = teacher.device();
    let plain = BinarySpec::default();
    let summed = BinarySpec {
        sum_classes: true,
        ..plain
    };
    let threshold = BinarySpec {
        target_threshold: Some(0.2),
        ..plain
    };
    let hot = one_hot(labels.clone(), CLASSES).float();
    let mixed = mixed_labels(0.1, &device);
    let hard = one_hot(teacher.clone().argmax(1).squeeze_dim(1), CLASSES).float();
    let soft = log_softmax(teacher.clone(), 1).exp();
    let counts = weights(&device).select(0, labels.clone());
    let losses = [
        ("binary", hot.clone(), plain, None),
        ("binary_smoothed", smoothed(hot.clone(), 0.1), plain, None),
        ("binary_summed", smoothed(hot.clone(), 0.1), summed, None),
        ("binary_weighted", hot, plain, Some(counts)),
        ("binary_mixed_smoothed", mixed.clone(), plain, None),
        ("binary_mixed_threshold", mixed, threshold, None),
        ("binary_teacher_hard", hard, plain, None),
        ("binary_teacher_soft", soft, plain, None),
    ];
    let boxed = losses.map(|(name, targets, spec, counts)| {
        let loss: LossOfStudent =
            Box::new(move |s| binary_cross_entropy(s, targets.clone(), spec, counts.clone()));
        (name, loss)
    });
    boxed.into()
}

fn value(loss: Tensor<1>) -> f64 {
    f64::from(loss.into_scalar::<f32>())
}

#[test]
fn every_loss_is_what_pytorch_computes() {
    let known = fixture();
    assert_eq!((known.temperature, known.smoothing), (TEMPERATURE, 0.1));
    for device in devices() {
        let on = |values: &[f32]| logits_on(values, &device);
        let student = on(&known.student);
        let labels = labels_on(&known.labels, &device);
        let losses = all(on(&known.other), on(&known.teacher), labels);
        assert_eq!(losses.len(), known.losses.len());
        for (name, loss) in losses {
            let (ours, theirs) = (value(loss(student.clone())), known.losses[name]);
            assert!(
                (ours / theirs - 1.0).abs() < 2e-6,
                "{name}: {ours}, not {theirs}"
            );
        }
    }
}

#[test]
fn the_gradient_of_a_binary_loss_is_right_where_a_logit_is_0() {
    for device in devices() {
        let leaf = logits_on(&[0.0, -0.0, 1e-8, -1e-8, 0.0], &device);
        let leaf = leaf.autodiff().require_grad();
        let targets = logits_on(&[1.0, 0.0, 0.5, 0.25, 0.0], &device);
        let loss = binary_cross_entropy(leaf.clone(), targets, BinarySpec::default(), None);
        let gradient = leaf.grad(&loss.backward()).unwrap() * CLASSES as f32;
        let gradient: Vec<f32> = gradient.into_data().try_to_vec().unwrap();
        // σ(0) − t.
        for (ours, exact) in gradient.into_iter().zip([-0.5, 0.5, 0.0, 0.25, 0.5]) {
            assert!((ours - exact).abs() < 1e-6, "{ours}, not {exact}");
        }
    }
}

#[test]
fn every_gradient_is_that_of_finite_differences() {
    /// The step balances the truncation and the rounding of 32-bit floats.
    const STEP: f32 = 0.02;
    let known = fixture();
    let losses = all(
        logits(&known.other),
        logits(&known.teacher),
        labels(&known.labels),
    );
    for (name, loss) in losses {
        let leaf = logits(&known.student).autodiff().require_grad();
        let gradients = loss(leaf.clone()).backward();
        let gradient: Vec<f32> = leaf
            .grad(&gradients)
            .unwrap()
            .into_data()
            .try_to_vec()
            .unwrap();
        let greatest = gradient.iter().fold(0.0_f32, |a, g| a.max(g.abs()));
        assert!(greatest > 0.0, "{name} has no gradient");
        for (i, exact) in gradient.iter().enumerate() {
            let at = |offset: f32| {
                let mut moved = known.student.clone();
                moved[i] += offset;
                value(loss(logits(&moved)))
            };
            // Five points: the error falls with the fourth power of the step.
            let slope = (8.0 * (at(STEP) - at(-STEP)) - (at(2.0 * STEP) - at(-2.0 * STEP)))
                / f64::from(12.0 * STEP);
            let error = (slope - f64::from(*exact)).abs();
            assert!(
                error < 2e-3 * f64::from(greatest),
                "{name}[{i}]: {exact}, but the slope is {slope}"
            );
        }
    }
}

#[test]
fn extreme_logits_give_finite_losses_and_gradients() {
    let patterns: [[f32; CLASSES]; 5] = [
        [1e4, -1e4, 0.0, 0.0, 0.0],
        [-1e4, 1e4, 1e4, -1e4, 1e4],
        [-1e4; CLASSES],
        [0.0; CLASSES],
        [1e4, 1e4, 1e4, 1e4, -1e4],
    ];
    let labels = labels(&[0, 1, 4, 2]);
    for student in patterns {
        for teacher in patterns {
            let teacher = logits(&teacher.repeat(BATCH));
            for (name, loss) in all(teacher.clone(), teacher.clone(), labels.clone()) {
                let leaf = logits(&student.repeat(BATCH)).autodiff().require_grad();
                let result = loss(leaf.clone());
                assert!(value(result.clone()).is_finite(), "{name} of {student:?}");
                let gradient = leaf.grad(&result.backward()).unwrap();
                let sum: f32 = gradient.abs().sum().into_scalar();
                assert!(sum.is_finite(), "gradient of {name} at {student:?}");
            }
        }
    }
}

#[test]
fn the_lowest_temperature_gives_finite_losses() {
    let student = logits(&[1e4, -1e4, 0.0, 3.0, -1e4]);
    let teacher = logits(&[-1e4, 1e4, 1e4, 0.0, 0.0]);
    let label = labels(&[3]);
    for loss in [
        distillation(student.clone(), teacher.clone(), 0.05),
        decoupled(student.clone(), teacher.clone(), label, 0.05, (1.0, 8.0)),
        dist(student.clone(), teacher.clone(), 0.05, (1.0, 1.0)),
        symmetric_kl(student.clone(), teacher.clone()),
        multi_level(&student, &teacher, 0.05),
    ] {
        assert!(value(loss).is_finite());
    }
}

#[test]
fn distillation_is_its_decoupled_parts_weighed_by_the_teachers_doubt() {
    let known = fixture();
    let (student, teacher) = (logits(&known.student), logits(&known.teacher));
    for row in 0..BATCH {
        let (s, t) = (
            student.clone().narrow(0, row, 1),
            teacher.clone().narrow(0, row, 1),
        );
        let label = labels(&known.labels[row..=row]);
        let index = usize::try_from(known.labels[row]).unwrap();
        let p: Vec<f32> = log_softmax(t.clone() / TEMPERATURE, 1)
            .exp()
            .into_data()
            .try_to_vec()
            .unwrap();
        let parts = (1.0, 1.0 - f64::from(p[index]));
        let whole = value(distillation(s.clone(), t.clone(), TEMPERATURE));
        let sum = value(decoupled(s, t, label, TEMPERATURE, parts));
        assert!((whole - sum).abs() < 1e-5 * whole, "{whole} is not {sum}");
    }
}

#[test]
fn a_student_that_equals_its_teacher_has_no_divergence() {
    let same = logits(&fixture().teacher);
    let label = labels(&fixture().labels);
    for loss in [
        distillation(same.clone(), same.clone(), 4.0),
        decoupled(same.clone(), same.clone(), label, 4.0, (1.0, 8.0)),
        standardized_distillation(same.clone(), same.clone(), 4.0),
        dist(same.clone(), same.clone(), 4.0, (1.0, 1.0)),
        symmetric_kl(same.clone(), same.clone()),
        multi_level(&same, &same, 4.0),
        squared_difference(same.clone(), same, Logits),
    ] {
        let loss = value(loss);
        assert!(loss.abs() < 1e-4, "{loss}");
    }
}

#[test]
fn one_view_has_nothing_to_be_consistent_with() {
    assert!(consistency(vec![logits(&fixture().student)], Logits).is_none());
}
