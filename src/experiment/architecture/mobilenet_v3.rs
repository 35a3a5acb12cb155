//! `MobileNetV3` (Howard et al., 2019) as torchvision builds it
//! (`mobilenet_v3_small`, `mobilenet_v3_large`), without the dropout before its
//! classifier (see `vgg` for why). Running statistics move by a hundredth a step,
//! so that an evaluation lags behind a training of a few hundred steps.
//!
//! The small stem, for small images, drops the strides of the first convolution and
//! of the first block that has one.

use super::IMAGE_CHANNELS;
use super::blocks::{
    conv, conv_norm_activation, depthwise, divisible, linear, residual_where_it_fits,
    squeeze_excitation,
};
use super::graph::Activation::{self, HardSigmoid, HardSwish, Relu};
use super::graph::{AveragePool, Conv, Layer, LinearInit};
use crate::experiment::model::MobileNetV3Variant;

/// Added to the variance by its normalisations.
const EPSILON: f64 = 1e-3;
/// Share of the newest batch in running statistics.
const MOMENTUM: f64 = 0.01;
/// Channels of the first convolution.
const STEM: usize = 16;
/// Channels of the last convolution for each of the last block.
const LAST: usize = 6;

/// Kernel, expanded and output channels, squeeze and excitation, activation and
/// stride (tables 1 and 2 of the paper).
type Block = (usize, usize, usize, bool, Activation, usize);

const SMALL: &[Block] = &[
    (3, 16, 16, true, Relu, 2),
    (3, 72, 24, false, Relu, 2),
    (3, 88, 24, false, Relu, 1),
    (5, 96, 40, true, HardSwish, 2),
    (5, 240, 40, true, HardSwish, 1),
    (5, 240, 40, true, HardSwish, 1),
    (5, 120, 48, true, HardSwish, 1),
    (5, 144, 48, true, HardSwish, 1),
    (5, 288, 96, true, HardSwish, 2),
    (5, 576, 96, true, HardSwish, 1),
    (5, 576, 96, true, HardSwish, 1),
];

const LARGE: &[Block] = &[
    (3, 16, 16, false, Relu, 1),
    (3, 64, 24, false, Relu, 2),
    (3, 72, 24, false, Relu, 1),
    (5, 72, 40, true, Relu, 2),
    (5, 120, 40, true, Relu, 1),
    (5, 120, 40, true, Relu, 1),
    (3, 240, 80, false, HardSwish, 2),
    (3, 200, 80, false, HardSwish, 1),
    (3, 184, 80, false, HardSwish, 1),
    (3, 184, 80, false, HardSwish, 1),
    (3, 480, 112, true, HardSwish, 1),
    (3, 672, 112, true, HardSwish, 1),
    (5, 672, 160, true, HardSwish, 2),
    (5, 960, 160, true, HardSwish, 1),
    (5, 960, 160, true, HardSwish, 1),
];

/// Its layers; `small` for small images.
pub fn layers(variant: MobileNetV3Variant, small: bool, classes: usize) -> Vec<Layer> {
    let (blocks, hidden) = match variant {
        MobileNetV3Variant::Small => (SMALL, 1024),
        MobileNetV3Variant::Large => (LARGE, 1280),
    };
    let stem_stride = if small { 1 } else { 2 };
    let mut inputs = STEM;
    let mut layers = unit(
        "features.0",
        conv("", (IMAGE_CHANNELS, inputs), 3, stem_stride),
        Some(HardSwish),
    );
    let first_stride = blocks.iter().position(|(.., stride)| *stride > 1);
    for (at, block) in blocks.iter().enumerate() {
        let (.., outputs, _, _, published) = *block;
        let stride = if small && Some(at) == first_stride {
            1
        } else {
            published
        };
        let name = format!("features.{}.block", at + 1);
        layers.extend(inverted_residual(&name, inputs, block, stride));
        inputs = outputs;
    }
    let last = LAST * inputs;
    layers.extend(unit(
        &format!("features.{}", blocks.len() + 1),
        conv("", (inputs, last), 1, 1),
        Some(HardSwish),
    ));
    layers.extend([
        Layer::AveragePool(AveragePool { side: 1 }),
        Layer::Flatten,
        linear("classifier.0", (last, hidden), LinearInit::SmallNormal),
        Layer::Activation(HardSwish),
        linear("classifier.3", (hidden, classes), LinearInit::SmallNormal),
    ]);
    layers
}

/// Expand by a 1×1, filter each channel, scale channels, project by a 1×1.
fn inverted_residual(
    name: &str,
    inputs: usize,
    (kernel, expanded, outputs, squeezes, activation, _): &Block,
    stride: usize,
) -> Vec<Layer> {
    let mut parts = 0..;
    let mut next = || format!("{name}.{}", parts.next().unwrap_or_default());
    let (expanded, outputs, activation) = (*expanded, *outputs, Some(*activation));
    let mut body = Vec::new();
    if expanded != inputs {
        body.extend(unit(
            &next(),
            conv("", (inputs, expanded), 1, 1),
            activation,
        ));
    }
    body.extend(unit(
        &next(),
        depthwise(expanded, *kernel, stride),
        activation,
    ));
    if *squeezes {
        let name = next();
        body.push(squeeze_excitation(
            (format!("{name}.fc1"), format!("{name}.fc2")),
            (expanded, divisible((expanded / 4) as f64)),
            (Relu, HardSigmoid),
        ));
    }
    body.extend(unit(&next(), conv("", (expanded, outputs), 1, 1), None));
    residual_where_it_fits(body, (inputs, outputs), stride)
}

/// A convolution with this family's normalisation.
fn unit(name: &str, convolution: Conv, activation: Option<Activation>) -> Vec<Layer> {
    let mut layers = conv_norm_activation(name, convolution, activation);
    for layer in &mut layers {
        if let Layer::BatchNorm(norm) = layer {
            norm.epsilon = EPSILON;
            norm.momentum = MOMENTUM;
        }
    }
    layers
}
