//! `RegNet` (Radosavovic et al., 2020) as torchvision builds it (`regnet_y_400mf`).
//!
//! The small stem, for small images, drops the strides of the first convolution and
//! of the first stage.

use super::IMAGE_CHANNELS;
use super::blocks::{conv, conv_norm_activation, pooled_classifier, squeeze_excitation};
use super::graph::Activation::{Relu, Sigmoid};
use super::graph::{Conv, Layer, LinearInit, Residual};
use crate::experiment::model::RegNetVariant;

const STEM: usize = 32;

/// Layers of this network; `small` for small images.
pub fn layers(variant: RegNetVariant, small: bool, classes: usize) -> Vec<Layer> {
    // Channels and blocks of each stage, and channels of a group.
    let (stages, group) = match variant {
        RegNetVariant::Y400MF => ([(48, 1), (104, 3), (208, 6), (440, 6)], 8),
    };
    let mut inputs = STEM;
    let stem = conv("", (IMAGE_CHANNELS, inputs), 3, if small { 1 } else { 2 });
    let mut layers = conv_norm_activation("stem", stem, Some(Relu));
    for (stage, (outputs, blocks)) in stages.into_iter().enumerate() {
        for block in 0..blocks {
            let stride = match (block, stage) {
                (0, 0) if small => 1,
                (0, _) => 2,
                _ => 1,
            };
            let number = stage + 1;
            let name = format!("trunk_output.block{number}.block{number}-{block}");
            layers.extend(bottleneck(&name, (inputs, outputs), group, stride));
            inputs = outputs;
        }
    }
    layers.extend(pooled_classifier(
        "fc",
        (inputs, classes),
        LinearInit::SmallNormal,
    ));
    layers
}

/// 1×1, 3×3 in groups, scaled channels and 1×1 around a shortcut, and ReLU after the
/// sum. The squeezed channels are a quarter of the block's inputs.
fn bottleneck(
    name: &str,
    (inputs, outputs): (usize, usize),
    group: usize,
    stride: usize,
) -> [Layer; 2] {
    let part = |part: &str| format!("{name}.{part}");
    let grouped = Conv {
        groups: outputs / group,
        ..conv("", (outputs, outputs), 3, stride)
    };
    let pointwise = |inputs, stride| conv("", (inputs, outputs), 1, stride);
    let mut body = conv_norm_activation(&part("f.a"), pointwise(inputs, 1), Some(Relu));
    body.extend(conv_norm_activation(&part("f.b"), grouped, Some(Relu)));
    body.push(squeeze_excitation(
        (part("f.se.fc1"), part("f.se.fc2")),
        (outputs, inputs / 4),
        (Relu, Sigmoid),
    ));
    body.extend(conv_norm_activation(
        &part("f.c"),
        pointwise(outputs, 1),
        None,
    ));
    let shortcut = if stride == 1 && inputs == outputs {
        Vec::new()
    } else {
        conv_norm_activation(&part("proj"), pointwise(inputs, stride), None)
    };
    [
        Layer::Residual(Residual { body, shortcut }),
        Layer::Activation(Relu),
    ]
}
