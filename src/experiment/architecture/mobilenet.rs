//! `MobileNetV2` (Sandler et al., 2018) as torchvision builds it, without the
//! dropout before its classifier (see `vgg` for why).
//!
//! The small stem, for 32-pixel images, drops the strides of the first
//! convolution and of the second stage, as the usual CIFAR versions do.

use super::IMAGE_CHANNELS;
use super::blocks::{
    conv, conv_norm_activation, depthwise, divisible, norm, pooled_classifier,
    residual_where_it_fits,
};
use super::graph::{Activation, Conv, Layer, LinearInit};
use crate::experiment::problem::Problem;

/// Expansion, output channels, blocks and first stride of each stage (table 2
/// of the paper).
const STAGES: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];
const STEM: usize = 32;
const LAST: usize = 1280;
/// Greatest width multiplier.
const MAX_WIDTH: f32 = 32.0;

/// Layers of `width` times the published channels; `small` for small images.
pub fn layers(width: f32, small: bool, classes: usize) -> Result<Vec<Layer>, Problem> {
    if !(width > 0.0 && width <= MAX_WIDTH) {
        return Err(Problem::new(
            "width",
            format!("{width} is not above 0 and at most {MAX_WIDTH}"),
        ));
    }
    let scaled = |channels: usize| divisible(channels as f64 * f64::from(width));
    let mut inputs = scaled(STEM);
    let stem_stride = if small { 1 } else { 2 };
    let mut layers = conv_norm_relu6(
        "features.0",
        conv("", (IMAGE_CHANNELS, inputs), 3, stem_stride),
    );
    let mut at = 1;
    for (stage, (expansion, channels, blocks, first_stride)) in STAGES.into_iter().enumerate() {
        let outputs = scaled(channels);
        for block in 0..blocks {
            let stride = match (block, stage) {
                (0, 1) if small => 1,
                (0, _) => first_stride,
                _ => 1,
            };
            let name = format!("features.{at}.conv");
            layers.extend(inverted_residual(
                &name,
                (inputs, outputs),
                expansion,
                stride,
            ));
            inputs = outputs;
            at += 1;
        }
    }
    let last = divisible(LAST as f64 * f64::from(width.max(1.0)));
    layers.extend(conv_norm_relu6(
        &format!("features.{at}"),
        conv("", (inputs, last), 1, 1),
    ));
    layers.extend(pooled_classifier(
        "classifier.1",
        (last, classes),
        LinearInit::SmallNormal,
    ));
    Ok(layers)
}

/// Expand by a 1×1, filter each channel, project by a 1×1 without activation.
fn inverted_residual(
    name: &str,
    (inputs, outputs): (usize, usize),
    expansion: usize,
    stride: usize,
) -> Vec<Layer> {
    let hidden = inputs * expansion;
    let mut body = Vec::new();
    let mut at = 0;
    if expansion != 1 {
        body.extend(conv_norm_relu6(
            &format!("{name}.{at}"),
            conv("", (inputs, hidden), 1, 1),
        ));
        at += 1;
    }
    body.extend(conv_norm_relu6(
        &format!("{name}.{at}"),
        depthwise(hidden, 3, stride),
    ));
    body.extend([
        Layer::Conv(conv(format!("{name}.{}", at + 1), (hidden, outputs), 1, 1)),
        norm(format!("{name}.{}", at + 2), outputs),
    ]);
    residual_where_it_fits(body, (inputs, outputs), stride)
}

fn conv_norm_relu6(name: &str, convolution: Conv) -> Vec<Layer> {
    conv_norm_activation(name, convolution, Some(Activation::Relu6))
}
