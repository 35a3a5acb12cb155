use burn::tensor::Tensor;

use super::*;
use crate::engine::network::StepGradients;
use crate::experiment::architecture::{
    Activation, AveragePool, BatchNorm, Concat, Conv, ConvInit, Layer, Linear, LinearInit, MaxPool,
    Residual, Scale, Shuffle, build,
};
use crate::experiment::model::{
    EfficientNetVariant, MobileNetV3Variant, Model, RegNetVariant, Stem,
};
use crate::experiment::spec::Precision;

const CLASSES: usize = 5;

/// Numbers that look like any others, about `middle`.
fn numbers(count: usize, seed: usize, middle: f32, reach: f32) -> Vec<f32> {
    let number = |at: usize| ((at + 1) as f32 * 0.731 + seed as f32 * 1.913).sin();
    let wild = |at: usize| (number(at) * 917.3).fract();
    (0..count).map(|at| middle + reach * wild(at)).collect()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn images(count: usize, [height, width]: [usize; 2]) -> Tensor<4> {
    let values = numbers(count * IMAGE_CHANNELS * height * width, 3, 0.1, 1.5);
    tensor(values, [count, IMAGE_CHANNELS, height, width])
}

/// A network whose normalisations have scales, shifts and statistics of their own.
fn network(graph: Graph) -> Network {
    let mut network = Network::new(graph, 1, &Device::flex());
    for (at, parameter) in network.parameters_mut().iter_mut().enumerate() {
        if parameter.shape.len() == 1 {
            let middle = if parameter.name.ends_with("weight") {
                1.0
            } else {
                0.2
            };
            let values = numbers(parameter.shape[0], at, middle, 0.4);
            parameter.value = tensor(values, [parameter.shape[0]]);
        }
    }
    for (at, statistics) in network.statistics_mut().iter_mut().enumerate() {
        let channels = statistics.mean.dims()[0];
        statistics.mean = tensor(numbers(channels, at, 0.0, 0.3), [channels]);
        statistics.variance = tensor(numbers(channels, at + 7, 1.0, 0.4), [channels]);
    }
    network
}

/// A loss of logits that weighs each differently.
fn loss(logits: Tensor<2>) -> Tensor<1> {
    let [images, classes] = logits.dims();
    let weights = tensor(numbers(images * classes, 11, 0.3, 1.0), [images, classes]);
    let weights = if logits.is_autodiff() {
        weights.autodiff()
    } else {
        weights
    };
    (logits.clone() * weights + logits.powf_scalar(2.0) * 0.1).sum()
}

/// Two passes through burn's operations and autodiff.
fn by_burn(network: &Network, views: &[Tensor<4>]) -> StepGradients {
    let mut copy = network.tracked();
    let losses = views.iter().map(|view| {
        let images = view.clone();
        loss(copy.forward_train(images, &[]).logits)
    });
    let total = losses.reduce(|sum, one| sum + one).unwrap();
    let mut found = total.backward();
    StepGradients {
        gradients: copy
            .parameters
            .iter()
            .map(|parameter| parameter.value.grad_remove(&mut found).unwrap())
            .collect(),
        statistics: copy.statistics,
        observed: Vec::new(),
    }
}

fn here(network: &Network, views: &[Tensor<4>]) -> StepGradients {
    let mut passes = network.passes(Precision::Fp32);
    let losses: Vec<_> = views
        .iter()
        .map(|view| loss(passes.forward(view.clone())))
        .collect();
    let total = losses.into_iter().reduce(|sum, one| sum + one).unwrap();
    passes.finish(&total)
}

fn assert_close(what: &str, ours: &[f32], theirs: &[f32], scale: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs
        .iter()
        .fold(scale, |most, value| most.max(value.abs()));
    for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let apart = (ours - theirs).abs() / largest;
        assert!(
            apart < 1e-4,
            "{what}[{at}]: {ours} and {theirs}, of at most {largest}"
        );
    }
}

/// Holds everything against burn's operations.
fn assert_agrees(graph: Graph, count: usize) {
    let size = [graph.size.0 as usize, graph.size.1 as usize];
    let network = network(graph);
    let name = network.graph.name.clone();
    let views = [
        images(count, size),
        images(count, size).neg().add_scalar(0.3),
    ];
    let logits = [
        network.forward(views[0].clone()),
        network.forward_burn(views[0].clone(), &[]).logits,
    ];
    let [ours, theirs] = logits.map(|logits| host(&logits));
    assert_close(&format!("{name}: logits"), &ours, &theirs, 1e-6);
    let (ours, theirs) = (here(&network, &views), by_burn(&network, &views));
    let both = ours.gradients.iter().zip(&theirs.gradients);
    // A bias in front of a normalisation has no gradient but for rounding.
    let largest = theirs
        .gradients
        .iter()
        .flat_map(host)
        .fold(0.0_f32, |a, b| a.max(b.abs()));
    for ((ours, theirs), parameter) in both.zip(network.parameters()) {
        let what = format!("{name}: gradient of {}", parameter.name);
        assert_close(&what, &host(ours), &host(theirs), 1e-2 * largest);
    }
    for (ours, theirs) in ours.statistics.iter().zip(&theirs.statistics) {
        assert_close(
            &format!("{name}: {}.mean", ours.name),
            &host(&ours.mean),
            &host(&theirs.mean),
            1e-2,
        );
        let (our, their) = (host(&ours.variance), host(&theirs.variance));
        assert_close(
            &format!("{name}: {}.variance", ours.name),
            &our,
            &their,
            1e-2,
        );
        assert_eq!(ours.batches, theirs.batches);
    }
}

fn conv(
    name: &str,
    [inputs, outputs]: [usize; 2],
    [kernel, stride, padding, groups]: [usize; 4],
) -> Layer {
    Layer::Conv(Conv {
        name: name.to_owned(),
        inputs,
        outputs,
        kernel,
        stride,
        padding,
        groups,
        bias: outputs % 2 == 1,
        init: ConvInit::Default,
    })
}

fn norm(name: &str, channels: usize) -> Layer {
    Layer::BatchNorm(BatchNorm {
        name: name.to_owned(),
        channels,
        epsilon: 1e-5,
        momentum: 0.1,
    })
}

fn relu() -> Layer {
    Layer::Activation(Activation::Relu)
}

/// Some layers with what makes logits of `features` after them.
fn graph(name: &str, size: (u32, u32), layers: Vec<Layer>, features: usize) -> Graph {
    let linear = Layer::Linear(Linear {
        name: "fc".to_owned(),
        inputs: features,
        outputs: CLASSES,
        init: LinearInit::Default,
    });
    Graph {
        name: name.to_owned(),
        size,
        classes: CLASSES,
        layers: layers.into_iter().chain([Layer::Flatten, linear]).collect(),
    }
}

#[test]
fn convolutions_of_every_shape_agree_with_burns() {
    let shapes = [
        ([8, 7], [1, 1, 0, 1]),
        ([8, 20], [1, 2, 0, 1]),
        ([8, 16], [3, 1, 1, 1]),
        ([8, 33], [3, 2, 1, 1]),
        ([8, 6], [3, 1, 0, 1]),
        ([8, 9], [5, 2, 2, 1]),
        ([8, 4], [5, 3, 1, 1]),
        ([8, 24], [2, 2, 0, 1]),
        ([8, 12], [3, 1, 1, 2]),
        ([8, 12], [3, 2, 1, 4]),
        ([8, 16], [1, 1, 0, 8]),
        ([8, 8], [3, 1, 1, 8]),
        ([8, 8], [5, 2, 2, 8]),
        ([8, 8], [1, 1, 0, 8]),
    ];
    for (channels, window) in shapes {
        let [kernel, stride, padding, _] = window;
        let side = |side: usize| (side + 2 * padding - kernel) / stride + 1;
        let features = channels[1] * side(9) * side(8);
        let layers = vec![
            conv("first", [3, 8], [3, 1, 1, 1]),
            norm("norm", 8),
            conv("second", channels, window),
        ];
        let name = format!("{channels:?} {window:?}");
        assert_agrees(graph(&name, (9, 8), layers, features), 3);
    }
}

#[test]
fn every_activation_agrees_with_burns() {
    let kinds = [
        Activation::Relu,
        Activation::Relu6,
        Activation::Sigmoid,
        Activation::HardSigmoid,
        Activation::Silu,
        Activation::HardSwish,
    ];
    for kind in kinds {
        // One that follows an operation, and one that does not.
        let layers = vec![
            conv("conv", [3, 6], [3, 1, 1, 1]),
            norm("norm", 6),
            Layer::Activation(kind),
            Layer::MaxPool(MaxPool {
                kernel: 3,
                stride: 2,
                padding: 1,
            }),
            Layer::Activation(kind),
        ];
        assert_agrees(graph(&format!("{kind:?}"), (7, 6), layers, 6 * 4 * 3), 3);
    }
}

#[test]
fn pools_branches_and_moved_channels_agree_with_burns() {
    let factors = vec![
        Layer::AveragePool(AveragePool { side: 1 }),
        conv("squeeze", [8, 3], [1, 1, 0, 1]),
        relu(),
        conv("excite", [3, 8], [1, 1, 0, 1]),
        Layer::Activation(Activation::Sigmoid),
    ];
    let concat = |halves, first, second| {
        Layer::Concat(Concat {
            halves,
            first,
            second,
        })
    };
    let residual = |body, shortcut| Layer::Residual(Residual { body, shortcut });
    let cases = [
        (
            "average pool",
            vec![Layer::AveragePool(AveragePool { side: 3 })],
            8 * 9,
        ),
        (
            "max pool",
            vec![Layer::MaxPool(MaxPool {
                kernel: 2,
                stride: 2,
                padding: 0,
            })],
            8 * 4 * 3,
        ),
        ("scale", vec![Layer::Scale(Scale { factors })], 8 * 8 * 7),
        (
            "shuffle",
            vec![Layer::Shuffle(Shuffle { groups: 4 })],
            8 * 8 * 7,
        ),
        (
            "halves",
            vec![concat(
                true,
                Vec::new(),
                vec![conv("half", [4, 6], [1, 1, 0, 1]), relu()],
            )],
            10 * 8 * 7,
        ),
        (
            "both",
            vec![concat(
                false,
                vec![conv("one", [8, 3], [3, 2, 1, 1])],
                vec![conv("other", [8, 4], [1, 2, 0, 1])],
            )],
            7 * 4 * 4,
        ),
        (
            "residual",
            vec![
                residual(
                    vec![conv("body", [8, 8], [3, 1, 1, 1]), norm("n", 8)],
                    Vec::new(),
                ),
                relu(),
            ],
            8 * 8 * 7,
        ),
        (
            "residual without a norm, read again",
            vec![
                residual(vec![relu(), conv("body", [8, 8], [3, 1, 1, 1])], Vec::new()),
                residual(
                    vec![relu()],
                    vec![conv("short", [8, 8], [1, 1, 0, 1]), norm("s", 8)],
                ),
                relu(),
            ],
            8 * 8 * 7,
        ),
        (
            "a sum of nothing but the input",
            vec![
                residual(Vec::new(), Vec::new()),
                residual(vec![relu()], vec![relu()]),
            ],
            8 * 8 * 7,
        ),
    ];
    for (name, layers, features) in cases {
        let first = [conv("first", [3, 8], [3, 1, 1, 1]), norm("norm", 8)];
        let layers = first.into_iter().chain(layers).collect();
        assert_agrees(graph(name, (8, 7), layers, features), 3);
    }
}

#[test]
fn whole_layouts_agree_with_burns() {
    let models = [
        Model::Mlp { hidden: vec![7, 6] },
        Model::Cnn {
            channels: vec![4, 6],
        },
        Model::ResNetCifar {
            depth: 8,
            width: 16,
        },
        Model::WideResNet {
            depth: 10,
            width: 1,
        },
        Model::Vgg { depth: 8 },
        Model::ResNet {
            depth: 18,
            stem: Stem::Small,
        },
        Model::ShuffleNetV2 {
            width: 0.5,
            stem: Stem::Small,
        },
        Model::MobileNetV3 {
            variant: MobileNetV3Variant::Small,
            stem: Stem::Small,
        },
        Model::EfficientNet {
            variant: EfficientNetVariant::Lite0,
            stem: Stem::Small,
        },
        Model::RegNet {
            variant: RegNetVariant::Y400MF,
            stem: Stem::Small,
        },
    ];
    for model in models {
        let network = network(build(&model, (32, 32), CLASSES).unwrap());
        let images = images(2, [32, 32]);
        let logits = [
            network.forward(images.clone()),
            network.forward_burn(images, &[]).logits,
        ];
        let [ours, theirs] = logits.map(|logits| host(&logits));
        assert_close(&format!("{model:?}"), &ours, &theirs, 1e-6);
    }
    for model in [
        Model::Cnn {
            channels: vec![4, 6],
        },
        Model::ResNetCifar {
            depth: 8,
            width: 16,
        },
    ] {
        assert_agrees(build(&model, (16, 16), CLASSES).unwrap(), 6);
    }
}

#[test]
fn gradients_are_those_that_differences_show() {
    let layers = vec![
        conv("first", [3, 8], [3, 2, 1, 1]),
        norm("norm", 8),
        Layer::Activation(Activation::Silu),
        conv("alone", [8, 8], [3, 1, 1, 8]),
        norm("last", 8),
        Layer::Activation(Activation::Sigmoid),
        Layer::AveragePool(AveragePool { side: 1 }),
    ];
    let network = network(graph("differences", (6, 6), layers, 8));
    let views = [images(3, [6, 6])];
    let at = |network: &Network| -> f64 {
        let mut passes = network.passes(Precision::Fp32);
        let value: f32 = loss(passes.forward(views[0].clone())).inner().into_scalar();
        f64::from(value)
    };
    let gradients = here(&network, &views).gradients;
    for (which, gradient) in gradients.iter().enumerate() {
        let gradient = host(gradient);
        let largest = gradient
            .iter()
            .fold(1e-2_f32, |most, value| most.max(value.abs()));
        for place in [0, gradient.len() / 2, gradient.len() - 1] {
            let moved = |by: f32| {
                let mut network = network.clone();
                let parameter = &mut network.parameters_mut()[which];
                let mut values = host(&parameter.value);
                values[place] += by;
                let count = values.len();
                parameter.value = tensor(values, [count]);
                at(&network)
            };
            let step = 2e-2;
            let slope = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            let apart = (slope - f64::from(gradient[place])).abs() / f64::from(largest);
            let name = &network.parameters()[which].name;
            assert!(
                apart < 2e-2,
                "{name}[{place}]: {slope} and {}",
                gradient[place]
            );
        }
    }
}

#[test]
fn threads_decide_no_bit() {
    let models = [
        Model::ResNetCifar { depth: 8, width: 4 },
        Model::ShuffleNetV2 {
            width: 0.5,
            stem: Stem::Small,
        },
    ];
    for model in models {
        let network = network(build(&model, (16, 16), CLASSES).unwrap());
        let views = [images(37, [16, 16])];
        let bits = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let step = here(&network, &views);
                let known = step
                    .statistics
                    .into_iter()
                    .flat_map(|it| [it.mean, it.variance]);
                let logits = network.forward(views[0].clone()).flatten::<1>(0, 1);
                let all = step.gradients.into_iter().chain(known).chain([logits]);
                all.flat_map(|it| host(&it))
                    .map(f32::to_bits)
                    .collect::<Vec<_>>()
            })
        };
        let alone = bits(1);
        assert!(alone == bits(2) && alone == bits(5), "{model:?}");
    }
}

#[test]
fn an_images_logits_are_those_that_it_has_alone() {
    let model = Model::ResNetCifar { depth: 8, width: 4 };
    let network = network(build(&model, (16, 16), CLASSES).unwrap()).folded();
    let all = images(11, [16, 16]);
    let together = host(&network.forward(all.clone()));
    for at in 0..11 {
        let alone = host(&network.forward(all.clone().narrow(0, at, 1)));
        assert_eq!(alone, together[at * CLASSES..][..CLASSES]);
    }
}

#[test]
fn what_is_no_number_reaches_the_logits() {
    let layers = vec![
        conv("conv", [3, 6], [3, 1, 1, 1]),
        norm("norm", 6),
        relu(),
        Layer::MaxPool(MaxPool {
            kernel: 2,
            stride: 2,
            padding: 0,
        }),
        conv("alone", [6, 6], [3, 1, 1, 6]),
        Layer::Activation(Activation::Relu6),
        Layer::AveragePool(AveragePool { side: 1 }),
    ];
    let network = network(graph("no number", (6, 6), layers, 6));
    let images = images(2, [6, 6]).slice_fill([0..1, 0..3, 0..6, 0..6], f32::NAN);
    let logits = host(&network.forward(images));
    assert!(logits[..CLASSES].iter().all(|value| value.is_nan()));
    assert!(logits[CLASSES..].iter().all(|value| value.is_finite()));
}

/// Layouts with maps behind sums, in the middle of concatenations, before and behind
/// rectifications.
fn with_stages() -> Vec<Graph> {
    let models = [
        (Model::Mlp { hidden: vec![7] }, 8),
        (
            Model::Cnn {
                channels: vec![4, 5],
            },
            12,
        ),
        (Model::ResNetCifar { depth: 8, width: 4 }, 12),
        (
            Model::WideResNet {
                depth: 10,
                width: 2,
            },
            12,
        ),
        (Model::Vgg { depth: 8 }, 32),
        (
            Model::MobileNetV2 {
                width: 0.25,
                stem: Stem::Small,
            },
            32,
        ),
        (
            Model::ShuffleNetV2 {
                width: 0.5,
                stem: Stem::Small,
            },
            32,
        ),
        (
            Model::PpLcNet {
                width: 0.35,
                stem: Stem::Small,
            },
            32,
        ),
    ];
    let graphs = models.map(|(model, side)| build(&model, (side, side), CLASSES).unwrap());
    graphs.into()
}

/// A loss of maps that weighs each value differently.
fn loss_of_maps(maps: &[Tensor<4>]) -> Tensor<1> {
    let losses = maps.iter().enumerate().map(|(at, map)| {
        let shape = map.dims();
        let values = numbers(shape.iter().product(), 13 + at, 0.2, 1.0);
        let weights = tensor(values, shape).autodiff();
        (map.clone() * weights + map.clone().square() * 0.1).mean()
    });
    losses.reduce(|sum, one| sum + one).unwrap()
}

#[test]
fn maps_of_every_stage_and_their_gradients_agree_with_burns() {
    for graph in with_stages() {
        let size = [graph.size.0 as usize, graph.size.1 as usize];
        let network = network(graph);
        let name = &network.graph.name;
        let stages = network.graph.stages();
        // Not in the order of the layers.
        let names: Vec<String> = stages.iter().rev().map(|it| it.name.clone()).collect();
        let after = crate::engine::network::places(&network.graph, &names);
        let images = images(4, size);
        let ours = network.forward_with(Precision::Fp32, images.clone(), &names);
        let theirs = network.forward_burn(images.clone(), &after);
        assert_eq!(ours.maps.len(), stages.len());
        for ((ours, theirs), stage) in ours.maps.iter().zip(&theirs.maps).zip(stages.iter().rev()) {
            let [_, channels, height, width] = ours.dims();
            assert_eq!(
                [channels, height, width],
                stage.shape,
                "{name}: {}",
                stage.name
            );
            assert_eq!(ours.dims(), theirs.dims());
            let what = format!("{name}: {}", stage.name);
            assert_close(&what, &host(ours), &host(theirs), 1e-6);
        }
        // A map is what the image has alone, and logits are as without maps.
        let first = images.clone().narrow(0, 0, 1);
        let alone = network.forward_with(Precision::Fp32, first, &names);
        for (alone, together) in alone.maps.iter().zip(&ours.maps) {
            assert_eq!(host(alone), host(&together.clone().narrow(0, 0, 1)));
        }
        assert_eq!(host(&ours.logits), host(&network.forward(images.clone())));

        // Rounding may move what comes to a ReLU over zero, and all behind it has a part more or
        // less: with images that lie there by chance, not with all.
        let shifted = [0.0, 0.02, 0.04].map(|shift| images.clone().add_scalar(shift));
        let apart = shifted.map(|images| gradients_apart(&network, &names, &after, &images));
        assert!(
            apart.iter().any(|(_, most)| *most < 1e-4),
            "{name}: {apart:?}"
        );
    }
}

/// The parameter whose gradients are farthest from burn's, and how far, as a share of the
/// greatest; of a loss of maps and logits, and a second pass that is asked for logits alone.
fn gradients_apart(
    network: &Network,
    names: &[String],
    after: &[usize],
    images: &Tensor<4>,
) -> (String, f32) {
    let mut passes = network.passes_with(Precision::Fp32, names);
    let given = passes.forward_views(vec![(images.clone(), true)]).remove(0);
    let second = passes.forward(images.clone());
    let total = loss(given.logits) + loss_of_maps(&given.maps) + loss(second);
    let here = passes.finish(&total);
    let mut copy = network.tracked();
    let given = copy.forward_train(images.clone(), after);
    let second = copy.forward_train(images.clone(), after).logits;
    let total = loss(given.logits) + loss_of_maps(&given.maps) + loss(second);
    let mut found = total.backward();
    let theirs = copy.parameters.iter();
    let theirs: Vec<Tensor<1>> = theirs
        .map(|it| it.value.grad_remove(&mut found).unwrap())
        .collect();
    let values = theirs.iter().flat_map(host);
    let largest = values.fold(0.0_f32, |most, value| most.max(value.abs()));
    let gradients = here.gradients.iter().zip(&theirs).zip(network.parameters());
    let apart = gradients.map(|((ours, theirs), parameter)| {
        let (ours, theirs) = (host(ours), host(theirs));
        let scale = theirs
            .iter()
            .fold(1e-2 * largest, |most, it| most.max(it.abs()));
        let pairs = ours.iter().zip(&theirs);
        let most = pairs.fold(0.0_f32, |most, (one, other)| most.max((one - other).abs()));
        (parameter.name.clone(), most / scale)
    });
    apart
        .max_by(|one, other| one.1.total_cmp(&other.1))
        .unwrap()
}

#[test]
fn maps_alone_give_the_layers_before_them_gradients() {
    let graph = build(
        &Model::ResNetCifar { depth: 8, width: 4 },
        (12, 12),
        CLASSES,
    )
    .unwrap();
    let network = network(graph);
    let mut passes = network.passes_with(Precision::Fp32, &["layer2".to_owned()]);
    let given = passes
        .forward_views(vec![(images(3, [12, 12]), true)])
        .remove(0);
    let step = passes.finish(&loss_of_maps(&given.maps));
    for (gradient, parameter) in step.gradients.iter().zip(network.parameters()) {
        let is_behind = ["layer3", "fc"]
            .iter()
            .any(|it| parameter.name.starts_with(it));
        let largest: f32 = gradient.clone().abs().max().into_scalar();
        assert_eq!(largest == 0.0, is_behind, "{}", parameter.name);
    }
}
