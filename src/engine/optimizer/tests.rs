use std::collections::BTreeMap;

use burn::tensor::{Device, TensorData};
use serde::Deserialize;

use super::*;
use crate::engine::weights::Array;
use crate::experiment::architecture::build;
use crate::experiment::model::Model;

/// What `tests/fixtures/optimizers.py` did in PyTorch: weight of three and bias
/// of one value in one list.
#[derive(Deserialize)]
struct Fixture {
    gradients: Vec<Vec<f32>>,
    rates: Vec<f64>,
    start: Vec<f32>,
    traces: BTreeMap<String, Vec<Vec<f32>>>,
    /// What the weight's learning rate is multiplied by.
    factor: f64,
    with_factor: BTreeMap<String, Vec<Vec<f32>>>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/fixtures/optimizers.json")).unwrap()
}

fn tensor(values: &[f32]) -> Tensor<1> {
    Tensor::from_data(
        TensorData::new(values.to_vec(), [values.len()]),
        &Device::flex(),
    )
}

fn parameters(values: &[f32]) -> Vec<Parameter> {
    let (weight, bias) = values.split_at(3);
    [("weight", weight, true), ("bias", bias, false)]
        .map(|(name, values, decays)| Parameter {
            name: name.to_owned(),
            shape: vec![values.len()],
            value: tensor(values),
            decays,
            frozen: false,
            lr_factor: 1.0,
        })
        .into()
}

fn values(parameters: &[Parameter]) -> Vec<f32> {
    let lists = parameters
        .iter()
        .map(|parameter| parameter.value.to_data().try_to_vec::<f32>().unwrap());
    lists.flatten().collect()
}

fn gradients(values: &[f32]) -> Vec<Tensor<1>> {
    vec![tensor(&values[..3]), tensor(&values[3..])]
}

/// An optimizer for `parameters`, which belong to no network.
fn optimizer(spec: &str, parameters: &[Parameter]) -> Optimizer {
    let graph = build(&Model::Mlp { hidden: vec![] }, (1, 1), 2).unwrap();
    let mut network = Network::new(graph, 0, &Device::flex());
    network.parameters_mut().clone_from_slice(parameters);
    Optimizer::new(&ron::from_str(spec).unwrap(), &network)
}

#[test]
fn every_rule_takes_the_steps_of_pytorch() {
    let known = fixture();
    let with_factor = known.with_factor.iter().map(|it| (it, known.factor));
    for ((spec, trace), factor) in known.traces.iter().map(|it| (it, 1.0)).chain(with_factor) {
        let mut parameters = parameters(&known.start);
        parameters[0].lr_factor = factor;
        let mut optimizer = optimizer(spec, &parameters);
        let steps = known.gradients.iter().zip(&known.rates).zip(trace);
        for (step, ((gradient, lr), expected)) in steps.enumerate() {
            optimizer.step(&mut parameters, gradients(gradient), *lr);
            for (ours, theirs) in values(&parameters).iter().zip(expected) {
                let message = format!("{spec}, step {step}: {ours}, not {theirs}");
                assert!((ours - theirs).abs() < 2e-6, "{message}");
            }
        }
    }
}

#[test]
fn a_restored_optimizer_goes_on_with_the_same_bits() {
    let known = fixture();
    for spec in known.traces.keys() {
        for saved_after in 0..3 {
            let mut parameters = parameters(&known.start);
            let mut first = optimizer(spec, &parameters);
            for gradient in &known.gradients[..saved_after] {
                first.step(&mut parameters, gradients(gradient), 0.1);
            }
            let mut second = optimizer(spec, &parameters);
            second
                .restore(&first.state().unwrap(), &Device::flex())
                .unwrap();
            let mut copy = parameters.clone();
            for gradient in &known.gradients {
                first.step(&mut parameters, gradients(gradient), 0.1);
                second.step(&mut copy, gradients(gradient), 0.1);
            }
            assert_eq!(values(&parameters), values(&copy), "{spec}");
            assert_eq!(first.state().unwrap(), second.state().unwrap());
        }
    }
}

#[test]
fn the_state_of_another_optimizer_or_model_is_refused_and_changes_nothing() {
    let known = fixture();
    let parameters = parameters(&known.start);
    let device = Device::flex();
    let adamw = optimizer("AdamW()", &parameters).state().unwrap();
    let mut sgd = optimizer("Sgd()", &parameters);
    assert_eq!(
        sgd.restore(&adamw, &device).unwrap_err().to_string(),
        "the optimizer's state lacks `velocity.weight`; it is of another optimizer or model"
    );
    assert!(sgd.state().unwrap().is_empty());
    let mut other = optimizer("AdamW()", &parameters);
    let mut changed = adamw.clone();
    changed[1] = Array::floats("first_moment.weight", vec![4], vec![0.0; 4]);
    let mismatch = other.restore(&changed, &device).unwrap_err();
    assert!(matches!(
        mismatch,
        OptimizerStateError::ShapeMismatch { .. }
    ));
    changed = adamw;
    changed.push(Array::floats("more", vec![0], vec![]));
    let unexpected = other.restore(&changed, &device).unwrap_err();
    assert!(matches!(unexpected, OptimizerStateError::Unexpected { .. }));
}

/// Values that no other place has.
fn uneven(len: usize, seed: f32) -> Vec<f32> {
    let value = |at: usize| ((at as f32 + 1.0) * seed).sin();
    (0..len).map(value).collect()
}

#[test]
fn parameters_that_are_updated_side_by_side_have_the_bits_that_each_has_alone() {
    // One longer than a row may be, and every setting that an update depends on.
    let sizes = [5, 1, (1 << 20) + 1, 7, 1 << 19, 1 << 19, 1 << 19, 3];
    let settings = [
        (true, false, 1.0),
        (false, false, 1.0),
        (true, true, 1.0),
        (true, false, 0.5),
    ];
    let all: Vec<Parameter> = (0..sizes.len())
        .map(|at| {
            let (decays, frozen, lr_factor) = settings[at % settings.len()];
            Parameter {
                name: format!("p{at}"),
                shape: vec![sizes[at]],
                value: tensor(&uneven(sizes[at], 0.1 + at as f32)),
                decays,
                frozen,
                lr_factor,
            }
        })
        .collect();
    let gradient = |at: usize, step: usize| tensor(&uneven(sizes[at], 0.7 + (at + step) as f32));
    for spec in [
        "Sgd(momentum: 0.9, nesterov: true, weight_decay: 0.01)",
        "Sgd(momentum: 0.0, weight_decay: 0.0)",
        "AdamW(weight_decay: 0.01)",
    ] {
        let spec = ron::from_str(spec).unwrap();
        let (mut together, mut alone) = (all.clone(), all.clone());
        let mut optimizer = Optimizer::of(&spec, &together);
        for step in 0..3 {
            let gradients = (0..all.len()).map(|at| gradient(at, step)).collect();
            optimizer.step(&mut together, gradients, 0.1);
        }
        for (at, parameter) in alone.iter_mut().enumerate() {
            let mut optimizer = Optimizer::of(&spec, [&*parameter]);
            for step in 0..3 {
                optimizer.step([&mut *parameter], vec![gradient(at, step)], 0.1);
            }
        }
        let bits = |parameters: &[Parameter]| -> Vec<u32> {
            let values = values(parameters);
            values.into_iter().map(f32::to_bits).collect()
        };
        assert!(bits(&together) == bits(&alone), "{spec:?}");
    }
}

#[test]
fn only_gradients_longer_than_the_greatest_norm_are_scaled() {
    assert_eq!(clip_factor(0.5, 1.0), None);
    assert_eq!(clip_factor(0.0, 1.0), None);
    let factor = clip_factor(4.0, 1.0).unwrap();
    assert!((factor - 0.25).abs() < 1e-6);
}
