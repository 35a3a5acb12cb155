//! Against PyTorch, against differences, and against the graph that is written.

use burn::tensor::{Device, TensorData};
use serde::Deserialize;

use super::*;
use crate::experiment::architecture::build;
use crate::experiment::model::{EfficientNetVariant, Model, Stem};
use crate::experiment::spec::Precision;

#[derive(Deserialize)]
struct Fixture {
    activations: Vec<Activations>,
    weights: Vec<Weights>,
}

#[derive(Deserialize)]
struct Activations {
    scale: f64,
    zero_point: u8,
    values: Vec<f32>,
    rounded: Vec<f32>,
    upstream: Vec<f32>,
    gradient: Vec<f32>,
}

#[derive(Deserialize)]
struct Weights {
    bits: u8,
    rows: Vec<Vec<f32>>,
    rounded: Vec<Vec<f32>>,
    upstream: Vec<Vec<f32>>,
    gradient: Vec<Vec<f32>>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/fixtures/fake_quantize.json")).unwrap()
}

fn leaf<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    plain(values, shape).autodiff().require_grad()
}

fn plain<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.inner().into_data().try_to_vec().unwrap()
}

/// Equal up to the rounding of a division.
fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let close = (found - expected).abs() <= 1e-6 * expected.abs().max(1e-3);
        assert!(close, "{found} is not {expected}");
    }
}

#[test]
fn activations_are_rounded_and_differentiated_as_pytorch_does() {
    for case in fixture().activations {
        let by = Rounding {
            scale: case.scale,
            zero_point: case.zero_point,
        };
        let count = case.values.len();
        let values = leaf(case.values, [count]);
        let rounded = fake_quantize(values.clone(), by);
        assert_close(&host(rounded.clone()), &case.rounded);
        assert_close(
            &host(fake_quantize(values.clone().inner(), by)),
            &case.rounded,
        );
        let mut gradients = (rounded * plain(case.upstream, [count])).sum().backward();
        assert_close(
            &host(values.grad_remove(&mut gradients).unwrap()),
            &case.gradient,
        );
    }
}

#[test]
fn weights_are_rounded_and_differentiated_as_pytorch_does() {
    for case in fixture().weights {
        let shape = [case.rows.len(), case.rows[0].len()];
        let rows = leaf(case.rows.concat(), shape);
        let rounded = fake_quantize_rows(rows.clone(), case.bits);
        assert_close(&host(rounded.clone()), &case.rounded.concat());
        let upstream = plain(case.upstream.concat(), shape);
        let mut gradients = (rounded * upstream).sum().backward();
        assert_close(
            &host(rows.grad_remove(&mut gradients).unwrap()),
            &case.gradient.concat(),
        );
    }
}

fn images(count: usize, side: usize) -> Tensor<4> {
    let values = (0..count * 3 * side * side).map(|at| ((at as f32) * 0.37).sin());
    plain(values.collect(), [count, 3, side, side])
}

/// A network whose running statistics are none that it began with.
fn network(model: &Model, side: u32) -> Network {
    let graph = build(model, (side, side), 5).unwrap();
    let mut network = Network::new(graph, 3, &Device::flex());
    let mut passes = network.passes(Precision::Fp32);
    let logits = passes.forward(images(16, side as usize));
    let statistics = passes.finish(&logits.sum()).statistics;
    network.statistics_mut().clone_from_slice(&statistics);
    network
}

fn models() -> Vec<(Model, u32)> {
    vec![
        (Model::Mlp { hidden: vec![7, 6] }, 8),
        (Model::ResNetCifar { depth: 8, width: 4 }, 12),
        (Model::Vgg { depth: 8 }, 32),
        (
            Model::WideResNet {
                depth: 10,
                width: 1,
            },
            12,
        ),
        (
            Model::ShuffleNetV2 {
                width: 0.5,
                stem: Stem::Small,
            },
            32,
        ),
        (
            Model::EfficientNet {
                variant: EfficientNetVariant::B0,
                stem: Stem::Small,
            },
            32,
        ),
    ]
}

fn ranges(observed: Vec<Extremes>) -> Vec<Range> {
    let range = |[low, high]: Extremes| Range {
        low: host(low)[0],
        high: host(high)[0],
    };
    observed.into_iter().map(range).collect()
}

#[test]
fn without_ranges_the_folded_network_gives_the_logits_of_the_network() {
    for (model, side) in models() {
        let network = network(&model, side);
        let images = images(2, side as usize);
        let watched = FakeQuantization::new(network.graph(), 8);
        let (logits, observed) = network.forward_quantized(&watched, images.clone());
        let expected = host(network.forward(images));
        let most = expected.iter().fold(0.0_f32, |most, it| most.max(it.abs()));
        for (found, expected) in host(logits).iter().zip(&expected) {
            let close = (found - expected).abs() <= 1e-4 * most.max(1e-3);
            assert!(close, "{model:?}: {found} is not {expected}");
        }
        // As many as the file has, the images among them.
        assert_eq!(observed.len(), watched.rules.count, "{model:?}");
        let ranges = ranges(observed);
        assert!(watched.with(&ranges).is_some());
        assert!(watched.with(&ranges[1..]).is_none());
    }
}

#[test]
fn a_folded_network_answers_the_same_but_for_rounding() {
    for (model, side) in models() {
        let network = network(&model, side);
        let folded = network.folded();
        assert!(folded.statistics().len() <= network.statistics().len());
        let images = images(3, side as usize);
        let [logits, of_folded] = [&network, &folded].map(|network| {
            let logits = network.forward(images.clone()).into_data();
            logits.try_to_vec::<f32>().unwrap()
        });
        let largest = logits
            .iter()
            .fold(0.0_f32, |most, logit| most.max(logit.abs()));
        for (one, other) in logits.iter().zip(&of_folded) {
            assert!(
                (one - other).abs() <= 1e-4 * largest,
                "{model:?}: {one} and {other}"
            );
        }
    }
}

#[test]
fn a_rounding_network_learns_with_running_statistics_that_stay() {
    let mut network = network(&Model::ResNetCifar { depth: 8, width: 4 }, 12);
    let images = images(4, 12);
    let watched = FakeQuantization::new(network.graph(), 8);
    let (_, observed) = network.forward_quantized(&watched, images.clone());
    network.quantize(watched.with(&ranges(observed)));
    let evaluated = host(network.forward(images.clone()));
    let mut passes = network.passes(Precision::Fp32);
    let logits = passes.forward(images.clone());
    assert_eq!(host(logits.clone()), evaluated);
    let _ = passes.forward(images);
    let lesson = passes.finish(&logits.powf_scalar(2.0).sum());
    for (parameter, gradient) in network.parameters().iter().zip(lesson.gradients) {
        let gradient = host(gradient);
        assert!(
            gradient.iter().all(|value| value.is_finite()),
            "{}",
            parameter.name
        );
        assert!(
            gradient.iter().any(|value| *value != 0.0),
            "{}",
            parameter.name
        );
    }
    assert_eq!(lesson.observed.len(), watched.rules.count);
    for (after, before) in lesson.statistics.iter().zip(network.statistics()) {
        assert_eq!(host(after.mean.clone()), host(before.mean.clone()));
        assert_eq!(after.batches, before.batches);
    }
}

#[test]
fn folded_and_watched_networks_give_the_maps_of_the_network() {
    for (model, side) in models() {
        let network = network(&model, side);
        let stages = network.graph().stages().into_iter().map(|stage| stage.name);
        let stages: Vec<String> = stages.collect();
        let images = images(3, side as usize);
        let mut watched = network.clone();
        watched.quantize(Some(FakeQuantization::new(network.graph(), 8)));
        let expected = network.forward_with(Precision::Fp32, images.clone(), &stages);
        for other in [network.folded(), watched.clone()] {
            let found = other.forward_with(Precision::Fp32, images.clone(), &stages);
            for ((found, expected), stage) in found.maps.iter().zip(&expected.maps).zip(&stages) {
                let (found, expected) = (host(found.clone()), host(expected.clone()));
                let most = expected.iter().fold(0.0_f32, |most, it| most.max(it.abs()));
                for (found, expected) in found.iter().zip(&expected) {
                    let close = (found - expected).abs() <= 1e-4 * most.max(1e-3);
                    assert!(close, "{model:?}: {stage}: {found} is not {expected}");
                }
            }
        }
        // What is noted of the values is the same, whatever is taken of them.
        let mut passes = watched.passes_with(Precision::Fp32, &stages);
        let given = passes.forward_views(vec![(images.clone(), true)]).remove(0);
        let sums = given.maps.iter().map(|map| map.clone().square().mean());
        let step = passes.finish(&sums.fold(given.logits.sum(), |sum, one| sum + one));
        let mut plain = watched.passes(Precision::Fp32);
        let logits = plain.forward(images).sum();
        let expected = ranges(plain.finish(&logits).observed);
        assert_eq!(ranges(step.observed), expected, "{model:?}");
    }
}
