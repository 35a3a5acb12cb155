//! Networks without shortcuts for quick experiments: `Mlp` and `Cnn`.

use super::IMAGE_CHANNELS;
use super::blocks::{check, conv, halve, linear, norm, pooled_classifier};
use super::graph::{Activation, Layer, LinearInit};
use crate::experiment::problem::Problem;

/// Greatest number of layers; more would be an error, not a network.
const MAX_LAYERS: usize = 64;
/// Greatest number of units or channels of a layer.
const MAX_UNITS: usize = 65_536;

/// `fc1`, `fc2`, …, with ReLU between them.
pub fn mlp(
    hidden: &[usize],
    (height, width): (u32, u32),
    classes: usize,
) -> Result<Vec<Layer>, Problem> {
    check("hidden", hidden.len(), 0, MAX_LAYERS)?;
    let mut inputs = IMAGE_CHANNELS
        .saturating_mul(height as usize)
        .saturating_mul(width as usize);
    let mut layers = vec![Layer::Flatten];
    for (i, &units) in hidden.iter().enumerate() {
        check(&format!("hidden[{i}]"), units, 1, MAX_UNITS)?;
        layers.push(linear(
            format!("fc{}", i + 1),
            (inputs, units),
            LinearInit::Default,
        ));
        layers.push(Layer::Activation(Activation::Relu));
        inputs = units;
    }
    layers.push(linear(
        format!("fc{}", hidden.len() + 1),
        (inputs, classes),
        LinearInit::Default,
    ));
    Ok(layers)
}

/// Convolution, normalisation, ReLU and pooling per stage, numbered as in one
/// `features` sequence; then `classifier`.
pub fn cnn(channels: &[usize], classes: usize) -> Result<Vec<Layer>, Problem> {
    check("channels", channels.len(), 1, MAX_LAYERS)?;
    let mut inputs = IMAGE_CHANNELS;
    let mut layers = Vec::new();
    for (i, &outputs) in channels.iter().enumerate() {
        check(&format!("channels[{i}]"), outputs, 1, MAX_UNITS)?;
        let at = layers.len();
        layers.extend([
            Layer::Conv(conv(format!("features.{at}"), (inputs, outputs), 3, 1)),
            norm(format!("features.{}", at + 1), outputs),
            Layer::Activation(Activation::Relu),
            halve(),
        ]);
        inputs = outputs;
    }
    layers.extend(pooled_classifier(
        "classifier",
        (inputs, classes),
        LinearInit::Default,
    ));
    Ok(layers)
}
