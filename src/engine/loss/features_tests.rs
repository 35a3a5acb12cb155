use std::collections::BTreeMap;

use burn::tensor::{Device, TensorData};
use serde::Deserialize;

use super::*;
use crate::engine::loss::tests::devices;

const BATCH: usize = 5;
const STUDENT: [usize; 4] = [BATCH, 3, 4, 4];

/// What `tests/fixtures/features.py` computed in PyTorch.
#[derive(Deserialize)]
struct Fixture {
    student: Vec<f32>,
    teacher: Vec<f32>,
    small: Vec<f32>,
    kernel: Vec<f32>,
    bias: Vec<f32>,
    losses: BTreeMap<String, f64>,
    gradients: BTreeMap<String, Vec<f64>>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/fixtures/features.json")).unwrap()
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

type LossOfStudent = Box<dyn Fn(Tensor<4>) -> Tensor<1>>;

/// Every loss as a function of the student's map, the rest being constant.
fn all(known: &Fixture, device: &Device) -> Vec<(&'static str, LossOfStudent)> {
    fn boxed(loss: impl Fn(Tensor<4>) -> Tensor<1> + 'static) -> LossOfStudent {
        Box::new(loss)
    }
    let teacher = tensor(&known.teacher, [BATCH, 6, 4, 4], device);
    let small = tensor(&known.small, [BATCH, 6, 2, 2], device);
    let (kernel, bias) = (
        tensor(&known.kernel, [6, 3], device),
        tensor(&known.bias, [6], device),
    );
    let [t1, t2] = std::array::from_fn(|_| teacher.clone());
    let [s1, s2, s3] = std::array::from_fn(|_| small.clone());
    vec![
        (
            "hint",
            boxed(move |s| hint(regress(s, kernel.clone(), bias.clone()), t1.clone())),
        ),
        ("attention", boxed(move |s| attention(s, t2.clone()))),
        ("attention_pooled", boxed(move |s| attention(s, s1.clone()))),
        ("similarity", boxed(move |s| similarity(s, s2.clone()))),
        (
            "relation",
            boxed(move |s| relation(s, s3.clone(), (25.0, 50.0))),
        ),
    ]
}

fn value(loss: Tensor<1>) -> f64 {
    f64::from(loss.into_scalar::<f32>())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    let values: Vec<f32> = tensor.into_data().try_to_vec().unwrap();
    values.into_iter().map(f64::from).collect()
}

fn assert_close(name: &str, ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let greatest = theirs.iter().fold(0.0_f64, |most, it| most.max(it.abs()));
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let apart = (ours - theirs).abs() / greatest;
        assert!(apart < 1e-5, "{name}[{at}]: {ours}, not {theirs}");
    }
}

#[test]
fn every_loss_and_its_gradient_are_what_pytorch_computes() {
    let known = fixture();
    for device in devices() {
        let losses = all(&known, &device);
        assert_eq!(losses.len(), known.losses.len());
        for (name, loss) in losses {
            let leaf = tensor(&known.student, STUDENT, &device);
            let leaf = leaf.autodiff().require_grad();
            let result = loss(leaf.clone());
            assert_close(name, &[value(result.clone())], &[known.losses[name]]);
            let gradient = leaf.grad(&result.backward()).unwrap();
            assert_close(name, &values(gradient), &known.gradients[name]);
        }
        let student = tensor(&known.student, STUDENT, &device).autodiff();
        let teacher = tensor(&known.teacher, [BATCH, 6, 4, 4], &device);
        let kernel = tensor(&known.kernel, [6, 3], &device);
        let kernel = kernel.autodiff().require_grad();
        let bias = tensor(&known.bias, [6], &device).autodiff().require_grad();
        let loss = hint(regress(student, kernel.clone(), bias.clone()), teacher);
        let gradients = loss.backward();
        let of_kernel = values(kernel.grad(&gradients).unwrap());
        assert_close("kernel", &of_kernel, &known.gradients["kernel"]);
        let of_bias = values(bias.grad(&gradients).unwrap());
        assert_close("bias", &of_bias, &known.gradients["bias"]);
    }
}

#[test]
fn every_gradient_is_that_of_finite_differences() {
    /// The step balances the truncation and the rounding of 32-bit floats.
    const STEP: f32 = 0.02;
    let known = fixture();
    let device = Device::flex();
    for (name, loss) in all(&known, &device) {
        let exact = &known.gradients[name];
        let greatest = exact.iter().fold(0.0_f64, |most, it| most.max(it.abs()));
        for (i, exact) in exact.iter().enumerate().step_by(7) {
            let at = |offset: f32| {
                let mut moved = known.student.clone();
                moved[i] += offset;
                value(loss(tensor(&moved, STUDENT, &device)))
            };
            // Five points: the error falls with the fourth power of the step.
            let slope = (8.0 * (at(STEP) - at(-STEP)) - (at(2.0 * STEP) - at(-2.0 * STEP)))
                / f64::from(12.0 * STEP);
            let error = (slope - exact).abs();
            assert!(
                error < 5e-3 * greatest,
                "{name}[{i}]: {exact}, but the slope is {slope}"
            );
        }
    }
}

#[test]
fn maps_of_nothing_and_of_equal_images_give_finite_losses_and_gradients() {
    let known = fixture();
    let device = Device::flex();
    let one = known.student[..3 * 16].repeat(BATCH);
    for student in [
        vec![0.0; known.student.len()],
        vec![1e4; known.student.len()],
        one,
    ] {
        for (name, loss) in all(&known, &device) {
            let leaf = tensor(&student, STUDENT, &device).autodiff().require_grad();
            let result = loss(leaf.clone());
            assert!(value(result.clone()).is_finite(), "{name}");
            let sum: f32 = leaf
                .grad(&result.backward())
                .unwrap()
                .abs()
                .sum()
                .into_scalar();
            assert!(sum.is_finite(), "the gradient of {name}");
        }
    }
}

#[test]
fn a_map_that_is_the_teachers_has_no_loss() {
    let known = fixture();
    let map = tensor(&known.student, STUDENT, &Device::flex());
    let losses = [
        hint(map.clone(), map.clone()),
        attention(map.clone(), map.clone()),
        similarity(map.clone(), map.clone()),
        relation(map.clone(), map.clone() * 3.0 + 1.0, (25.0, 50.0)),
    ];
    // Relations are those of another scale and another zero as well.
    for loss in losses {
        assert!(value(loss) < 1e-9);
    }
}
