//! `EfficientNet` (Tan and Le, 2019), without dropout and stochastic depth (see `vgg`
//! for why): `B0` as torchvision builds it (`efficientnet_b0`), `Lite0`, which has no
//! squeeze and excitation and `ReLU6` in place of swish, as timm does
//! (`efficientnet_lite0`).
//!
//! The classifier starts as `MobileNet`'s: theirs is uniform in ±1/√classes, which is
//! meant for a thousand of them and makes of few a certain answer from the start.
//!
//! The small stem, for small images, drops the strides of the first convolution and
//! of the second stage.

use super::IMAGE_CHANNELS;
use super::blocks::{
    conv, conv_norm, conv_norm_activation, depthwise, pooled_classifier, residual_where_it_fits,
    squeeze_excitation,
};
use super::graph::Activation::{self, Relu6, Sigmoid, Silu};
use super::graph::{Conv, ConvInit, Layer, LinearInit};
use crate::experiment::model::EfficientNetVariant;

/// Expansion, kernel, output channels, blocks and first stride of each stage (table 1
/// of the paper).
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
];
const STEM: usize = 32;
const LAST: usize = 1280;

/// One block; torchvision and timm name its parts differently.
struct Block {
    stage: usize,
    index: usize,
    inputs: usize,
    expanded: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
}

/// Its layers; `small` for small images.
pub fn layers(variant: EfficientNetVariant, small: bool, classes: usize) -> Vec<Layer> {
    let stem = conv("", (IMAGE_CHANNELS, STEM), 3, if small { 1 } else { 2 });
    let blocks = blocks(small);
    let last = conv("", (STAGES[STAGES.len() - 1].2, LAST), 1, 1);
    let (mut layers, blocks, last, classifier): (Vec<Layer>, Vec<Layer>, _, _) = match variant {
        EfficientNetVariant::B0 => (
            conv_norm_activation("features.0", stem, Some(Silu)),
            blocks.iter().flat_map(torchvisions).collect(),
            conv_norm_activation("features.8", last, Some(Silu)),
            "classifier.1",
        ),
        EfficientNetVariant::Lite0 => (
            timms_unit(("conv_stem".into(), "bn1".into()), stem, Some(Relu6)),
            blocks.iter().flat_map(timms).collect(),
            timms_unit(("conv_head".into(), "bn2".into()), last, Some(Relu6)),
            "classifier",
        ),
    };
    layers.extend(blocks);
    layers.extend(last);
    layers.extend(pooled_classifier(
        classifier,
        (LAST, classes),
        LinearInit::SmallNormal,
    ));
    layers
}

fn blocks(small: bool) -> Vec<Block> {
    let mut inputs = STEM;
    let mut blocks = Vec::new();
    for (stage, (expansion, kernel, outputs, count, first_stride)) in STAGES.into_iter().enumerate()
    {
        for index in 0..count {
            blocks.push(Block {
                stage,
                index,
                inputs,
                expanded: inputs * expansion,
                outputs,
                kernel,
                stride: match (index, stage) {
                    (0, 1) if small => 1,
                    (0, _) => first_stride,
                    _ => 1,
                },
            });
            inputs = outputs;
        }
    }
    blocks
}

/// torchvision's `MBConv`.
fn torchvisions(block: &Block) -> Vec<Layer> {
    let mut parts = 0..;
    let mut next = || {
        let part = parts.next().unwrap_or_default();
        format!("features.{}.{}.block.{part}", block.stage + 1, block.index)
    };
    let Block {
        inputs,
        expanded,
        outputs,
        kernel,
        stride,
        ..
    } = *block;
    let mut body = Vec::new();
    if expanded != inputs {
        let expand = conv("", (inputs, expanded), 1, 1);
        body.extend(conv_norm_activation(&next(), expand, Some(Silu)));
    }
    let filter = depthwise(expanded, kernel, stride);
    body.extend(conv_norm_activation(&next(), filter, Some(Silu)));
    let name = next();
    body.push(squeeze_excitation(
        (format!("{name}.fc1"), format!("{name}.fc2")),
        (expanded, inputs / 4),
        (Silu, Sigmoid),
    ));
    let project = conv("", (expanded, outputs), 1, 1);
    body.extend(conv_norm_activation(&next(), project, None));
    residual_where_it_fits(body, (inputs, outputs), stride)
}

/// timm's `DepthwiseSeparableConv` where nothing is expanded, else its
/// `InvertedResidual`.
fn timms(block: &Block) -> Vec<Layer> {
    let mut norms = 1..;
    let mut names = |part: &str| {
        let name = format!("blocks.{}.{}", block.stage, block.index);
        let norm = norms.next().unwrap_or_default();
        (format!("{name}.{part}"), format!("{name}.bn{norm}"))
    };
    let Block {
        inputs,
        expanded,
        outputs,
        kernel,
        stride,
        ..
    } = *block;
    let mut body = Vec::new();
    let mut last = "conv_pw";
    if expanded != inputs {
        let expand = conv("", (inputs, expanded), 1, 1);
        body.extend(timms_unit(names("conv_pw"), expand, Some(Relu6)));
        last = "conv_pwl";
    }
    let filter = depthwise(expanded, kernel, stride);
    body.extend(timms_unit(names("conv_dw"), filter, Some(Relu6)));
    let project = conv("", (expanded, outputs), 1, 1);
    body.extend(timms_unit(names(last), project, None));
    residual_where_it_fits(body, (inputs, outputs), stride)
}

fn timms_unit(
    names: (String, String),
    convolution: Conv,
    activation: Option<Activation>,
) -> Vec<Layer> {
    let convolution = Conv {
        init: ConvInit::GroupFanOut,
        ..convolution
    };
    conv_norm(names, convolution, activation)
}
