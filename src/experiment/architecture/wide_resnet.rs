//! `WideResNet` (Zagoruyko and Komodakis, 2016): pre-activation blocks, without
//! dropout. Names are those of the widespread PyTorch port: `conv1`,
//! `block1.layer.0.bn1`, `…conv1`, `…bn2`, `…conv2`, `…convShortcut`, `bn1`, `fc`.

use super::IMAGE_CHANNELS;
use super::blocks::{blocks_of, check, conv, norm, pooled_classifier, stages};
use super::graph::{Activation, Layer, LinearInit, Residual};
use crate::experiment::problem::Problem;

/// Channels of the first convolution, and of the first stage at width 1.
const STEM: usize = 16;

/// Layers of depth 6n + 4 with 16-32-64 times `width` channels.
pub fn layers(depth: usize, width: usize, classes: usize) -> Result<Vec<Layer>, Problem> {
    let blocks = blocks_of(depth, 6, 4)?;
    check("width", width, 1, 256)?;
    let mut layers = vec![Layer::Conv(conv("conv1", (IMAGE_CHANNELS, STEM), 3, 1))];
    let sizes = [STEM, 2 * STEM, 4 * STEM].map(|outputs| (blocks, outputs * width));
    layers.extend(stages(STEM, sizes, block));
    let outputs = 4 * STEM * width;
    layers.extend([norm("bn1", outputs), Layer::Activation(Activation::Relu)]);
    layers.extend(pooled_classifier(
        "fc",
        (outputs, classes),
        LinearInit::Default,
    ));
    Ok(layers)
}

fn block(
    (stage, index): (usize, usize),
    (inputs, outputs): (usize, usize),
    stride: usize,
) -> Vec<Layer> {
    let name = format!("block{stage}.layer.{index}");
    let activation = [
        norm(format!("{name}.bn1"), inputs),
        Layer::Activation(Activation::Relu),
    ];
    let convolutions = [
        Layer::Conv(conv(format!("{name}.conv1"), (inputs, outputs), 3, stride)),
        norm(format!("{name}.bn2"), outputs),
        Layer::Activation(Activation::Relu),
        Layer::Conv(conv(format!("{name}.conv2"), (outputs, outputs), 3, 1)),
    ];
    if inputs == outputs && stride == 1 {
        return vec![Layer::Residual(Residual {
            body: activation.into_iter().chain(convolutions).collect(),
            shortcut: Vec::new(),
        })];
    }
    // Where the size changes, both branches start from the activated input.
    let residual = Layer::Residual(Residual {
        body: convolutions.into(),
        shortcut: vec![Layer::Conv(conv(
            format!("{name}.convShortcut"),
            (inputs, outputs),
            1,
            stride,
        ))],
    });
    activation.into_iter().chain([residual]).collect()
}
