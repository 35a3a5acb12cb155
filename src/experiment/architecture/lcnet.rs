//! `PP-LCNet` (Cui et al., 2021) as timm builds it (`lcnet_050`, `lcnet_100` and so
//! on): depthwise separable convolutions in a row, without a residual. The
//! classifier starts as `MobileNet`'s (see `efficientnet` for why).
//!
//! The small stem, for small images, drops the strides of the first convolution and
//! of the second stage.

use super::IMAGE_CHANNELS;
use super::blocks::{conv, conv_norm, depthwise, divisible, linear, squeeze_excitation};
use super::graph::Activation::{HardSigmoid, HardSwish, Relu};
use super::graph::{AveragePool, Conv, ConvInit, Layer, LinearInit};
use crate::experiment::problem::Problem;

/// Width multipliers that there are.
pub const WIDTHS: [f32; 5] = [0.35, 0.5, 0.75, 1.0, 1.5];
/// Kernel, output channels and stride of the blocks of each stage (table 1 of the
/// paper); those of the last stage have squeeze and excitation.
const STAGES: [&[(usize, usize, usize)]; 6] = [
    &[(3, 32, 1)],
    &[(3, 64, 2), (3, 64, 1)],
    &[(3, 128, 2), (3, 128, 1)],
    &[(3, 256, 2), (5, 256, 1)],
    &[(5, 256, 1); 4],
    &[(5, 512, 2), (5, 512, 1)],
];
const STEM: usize = 16;
/// Features that are classified, whatever the width.
const LAST: usize = 1280;

/// Layers of this width; `small` for small images.
pub fn layers(width: f32, small: bool, classes: usize) -> Result<Vec<Layer>, Problem> {
    if !WIDTHS.contains(&width) {
        return Err(
            Problem::new("width", format!("there is no PP-LCNet of width {width}"))
                .help("choose 0.35, 0.5, 0.75, 1 or 1.5"),
        );
    }
    let scaled = |channels: usize| divisible(channels as f64 * f64::from(width));
    let mut inputs = scaled(STEM);
    let stem_stride = if small { 1 } else { 2 };
    let mut layers = unit(
        ("conv_stem".into(), "bn1".into()),
        conv("", (IMAGE_CHANNELS, inputs), 3, stem_stride),
    );
    for (stage, blocks) in STAGES.into_iter().enumerate() {
        for (index, &(kernel, outputs, published)) in blocks.iter().enumerate() {
            let name = format!("blocks.{stage}.{index}");
            let stride = if small && stage == 1 { 1 } else { published };
            let outputs = scaled(outputs);
            layers.extend(unit(
                (format!("{name}.conv_dw"), format!("{name}.bn1")),
                depthwise(inputs, kernel, stride),
            ));
            if stage == STAGES.len() - 1 {
                layers.push(squeezed(&name, inputs));
            }
            layers.extend(unit(
                (format!("{name}.conv_pw"), format!("{name}.bn2")),
                conv("", (inputs, outputs), 1, 1),
            ));
            inputs = outputs;
        }
    }
    layers.extend([
        Layer::AveragePool(AveragePool { side: 1 }),
        Layer::Conv(Conv {
            bias: true,
            ..conv("conv_head", (inputs, LAST), 1, 1)
        }),
        Layer::Activation(HardSwish),
        Layer::Flatten,
        linear("classifier", (LAST, classes), LinearInit::SmallNormal),
    ]);
    Ok(layers)
}

fn squeezed(block: &str, channels: usize) -> Layer {
    squeeze_excitation(
        (
            format!("{block}.se.conv_reduce"),
            format!("{block}.se.conv_expand"),
        ),
        (channels, channels / 4),
        (Relu, HardSigmoid),
    )
}

fn unit(names: (String, String), convolution: Conv) -> Vec<Layer> {
    let convolution = Conv {
        init: ConvInit::GroupFanOut,
        ..convolution
    };
    conv_norm(names, convolution, Some(HardSwish))
}
