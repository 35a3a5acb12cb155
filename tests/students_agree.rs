//! The small networks agree with torchvision and timm: parameters, multiply-accumulates,
//! logits, and a pass in training. The other side is `tests/fixtures/students.py`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;
use workbench::engine::network::{Network, RunningStatistics};
use workbench::experiment::architecture::{Graph, build};
use workbench::experiment::model::{
    EfficientNetVariant, MobileNetV3Variant, Model, RegNetVariant, Stem,
};

const CLASSES: usize = 7;
const IMAGES: usize = 4;
/// Greatest difference, as a share of the greatest value: ours are single precision.
const TOLERANCE: f64 = 1e-4;
/// The same of gradients, which add up many of these.
const GRADIENT_TOLERANCE: f64 = 1e-3;

/// What a library says of one of its networks.
#[derive(Deserialize)]
struct Theirs {
    parameters: u64,
    macs: u64,
    #[serde(flatten)]
    computed: Option<Computed>,
}

#[derive(Deserialize)]
struct Computed {
    gain: f64,
    standard: Evaluated,
    small: Evaluated,
    training: Training,
}

#[derive(Deserialize)]
struct Evaluated {
    side: u32,
    macs: u64,
    logits: Vec<f64>,
}

#[derive(Deserialize)]
struct Training {
    side: u32,
    loss: f64,
    gradient_norm: f64,
    gradients: BTreeMap<String, f64>,
    statistics: BTreeMap<String, f64>,
}

fn fixture() -> BTreeMap<String, Theirs> {
    serde_json::from_str(include_str!("fixtures/students.json")).unwrap()
}

/// Our model of that name.
fn model(name: &str, stem: Stem) -> Model {
    let shuffle = |width| Model::ShuffleNetV2 { width, stem };
    let lcnet = |width| Model::PpLcNet { width, stem };
    let mobile = |variant| Model::MobileNetV3 { variant, stem };
    let efficient = |variant| Model::EfficientNet { variant, stem };
    match name {
        "mobilenet_v3_small" => mobile(MobileNetV3Variant::Small),
        "mobilenet_v3_large" => mobile(MobileNetV3Variant::Large),
        "shufflenet_v2_x0_5" => shuffle(0.5),
        "shufflenet_v2_x1_0" => shuffle(1.0),
        "shufflenet_v2_x1_5" => shuffle(1.5),
        "shufflenet_v2_x2_0" => shuffle(2.0),
        "efficientnet_b0" => efficient(EfficientNetVariant::B0),
        "efficientnet_lite0" => efficient(EfficientNetVariant::Lite0),
        "lcnet_035" => lcnet(0.35),
        "lcnet_050" => lcnet(0.5),
        "lcnet_075" => lcnet(0.75),
        "lcnet_100" => lcnet(1.0),
        "lcnet_150" => lcnet(1.5),
        "regnet_y_400mf" => Model::RegNet {
            variant: RegNetVariant::Y400MF,
            stem,
        },
        _ => panic!("there is no {name} here"),
    }
}

#[test]
fn students_are_as_large_and_cost_as_much_as_theirs() {
    for (name, theirs) in fixture() {
        let graph = build(&model(&name, Stem::Auto), (224, 224), 1000).unwrap();
        let ours = (graph.parameter_count(), graph.macs());
        assert_eq!(ours, (theirs.parameters, theirs.macs), "{name}");
    }
}

#[test]
fn mobilenets_agree() {
    assert_agrees("mobilenet_v3_small");
    assert_agrees("mobilenet_v3_large");
}

#[test]
fn shufflenets_agree() {
    assert_agrees("shufflenet_v2_x0_5");
    assert_agrees("shufflenet_v2_x1_0");
}

#[test]
fn efficientnets_agree() {
    assert_agrees("efficientnet_b0");
    assert_agrees("efficientnet_lite0");
}

#[test]
fn lcnets_agree() {
    assert_agrees("lcnet_050");
    assert_agrees("lcnet_100");
}

#[test]
fn regnets_agree() {
    assert_agrees("regnet_y_400mf");
}

fn assert_agrees(name: &str) {
    let theirs = fixture().remove(name).unwrap().computed.unwrap();
    for device in devices() {
        for (stem, expected) in [
            (Stem::Standard, &theirs.standard),
            (Stem::Small, &theirs.small),
        ] {
            let network = network(name, stem, expected.side, theirs.gain, &device);
            assert_eq!(network.graph().macs(), expected.macs, "{name}, {stem:?}");
            let logits = host(network.forward(images(expected.side, &device)));
            assert_close(&format!("{name}, {stem:?}"), &logits, &expected.logits);
        }
        assert_trains_alike(name, &theirs, &device);
    }
}

fn assert_trains_alike(name: &str, theirs: &Computed, device: &Device) {
    let expected = &theirs.training;
    let network = network(name, Stem::Standard, expected.side, theirs.gain, device);
    let mut passes = network.passes(workbench::experiment::spec::Precision::Fp32);
    let logits = passes.forward(images(expected.side, device));
    let weights = floats("loss", IMAGES * CLASSES, 0.0, 1.0);
    let weights = TensorData::new(weights, [IMAGES, CLASSES]);
    let loss = (logits * Tensor::from_data(weights, device)).sum();
    let value = host(loss.clone().inner());
    assert_within(&format!("{name}, loss"), value[0], expected.loss);
    let step = passes.finish(&loss);
    let norms: BTreeMap<&str, f64> = network
        .parameters()
        .iter()
        .map(|parameter| parameter.name.as_str())
        .zip(step.gradients.into_iter().map(|values| norm(&host(values))))
        .collect();
    let whole = norm(&norms.values().copied().collect::<Vec<f64>>());
    assert_within(&format!("{name}, gradient"), whole, expected.gradient_norm);
    for (parameter, theirs) in &expected.gradients {
        let ours = norms[parameter.as_str()];
        // Ahead of a normalisation a bias has no gradient but rounding.
        let difference = (ours - theirs).abs();
        assert!(
            difference <= GRADIENT_TOLERANCE * theirs.max(1e-3 * whole),
            "{name}, gradient of {parameter}: {ours} and {theirs}"
        );
    }
    for (statistic, theirs) in &expected.statistics {
        let ours = norm(&host(statistic_of(&step.statistics, statistic)));
        assert_within(&format!("{name}, {statistic}"), ours, *theirs);
    }
}

fn statistic_of(all: &[RunningStatistics], name: &str) -> Tensor<1> {
    let (module, part) = name.rsplit_once('.').unwrap();
    let known = all.iter().find(|known| known.name == module).unwrap();
    match part {
        "running_mean" => known.mean.clone(),
        _ => known.variance.clone(),
    }
}

/// Where it is computed: on both backends where both are there.
fn devices() -> Vec<Device> {
    vec![
        Device::flex(),
        #[cfg(feature = "libtorch")]
        #[expect(
            deprecated,
            reason = "burn 0.22 is the last line that has libtorch; the version is pinned"
        )]
        Device::libtorch(),
    ]
}

fn network(name: &str, stem: Stem, side: u32, gain: f64, device: &Device) -> Network {
    let graph = build(&model(name, stem), (side, side), CLASSES).unwrap();
    let (parameters, statistics) = values(&graph, gain);
    let mut network = Network::new(graph, 0, device);
    let tensor = |values: Vec<f32>| {
        let length = values.len();
        Tensor::from_data(TensorData::new(values, [length]), device)
    };
    for (parameter, values) in network.parameters_mut().iter_mut().zip(parameters) {
        parameter.value = tensor(values);
    }
    for (known, [mean, variance]) in network.statistics_mut().iter_mut().zip(statistics) {
        known.mean = tensor(mean);
        known.variance = tensor(variance);
    }
    network
}

type Drawn = (Vec<Vec<f32>>, Vec<[Vec<f32>; 2]>);

/// Values of parameters and statistics, as the fixture's script draws them.
fn values(graph: &Graph, gain: f64) -> Drawn {
    let parameters = graph.parameters().into_iter().map(|spec| {
        let length = spec.shape.iter().product();
        let (middle, reach) = if spec.shape.len() > 1 {
            let fan_in: usize = spec.shape[1..].iter().product();
            (0.0, (gain / fan_in as f64).sqrt())
        } else if spec.name.ends_with(".weight") {
            (1.0, 0.2)
        } else {
            (0.0, 0.1)
        };
        floats(&spec.name, length, middle, reach)
    });
    let statistics = graph.statistics().into_iter().map(|spec| {
        let part = |part: &str, middle, reach| {
            floats(
                &format!("{}.{part}", spec.name),
                spec.channels,
                middle,
                reach,
            )
        };
        [
            part("running_mean", 0.0, 0.1),
            part("running_var", 1.0, 0.3),
        ]
    });
    (parameters.collect(), statistics.collect())
}

fn images(side: u32, device: &Device) -> Tensor<4> {
    let pixels = side as usize;
    let values = floats(
        &format!("images {side}"),
        IMAGES * 3 * pixels * pixels,
        0.0,
        1.5,
    );
    Tensor::from_data(TensorData::new(values, [IMAGES, 3, pixels, pixels]), device)
}

/// FNV-1a of the name, then `SplitMix64`.
fn floats(name: &str, count: usize, middle: f64, reach: f64) -> Vec<f32> {
    let seed = name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut x = state;
            x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            x ^= x >> 31;
            let unit = (x >> 11) as f64 * 2.0_f64.powi(-53);
            (middle + reach * (2.0 * unit - 1.0)) as f32
        })
        .collect()
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    let values: Vec<f32> = tensor.into_data().try_to_vec().unwrap();
    values.into_iter().map(f64::from).collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

#[track_caller]
fn assert_close(what: &str, ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let scale = theirs
        .iter()
        .fold(0.0, |most: f64, value| most.max(value.abs()));
    for (ours, theirs) in ours.iter().zip(theirs) {
        let difference = (ours - theirs).abs();
        assert!(
            difference <= TOLERANCE * scale,
            "{what}: {ours} and {theirs}, of {scale}"
        );
    }
}

#[track_caller]
fn assert_within(what: &str, ours: f64, theirs: f64) {
    let relative = (ours / theirs - 1.0).abs();
    assert!(
        relative <= GRADIENT_TOLERANCE,
        "{what}: {ours} and {theirs}"
    );
}
