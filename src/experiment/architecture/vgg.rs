//! `Vgg`: torchvision's `vgg11_bn`, `vgg13_bn` and `vgg16_bn`, and the VGG-8 of
//! the distillation literature (one convolution per stage; Tian et al., 2020).
//!
//! Large images get torchvision's three-layer classifier over 7×7 pooled maps,
//! without its dropout: distillation regularises already, and a network without
//! hidden randomness gives the same bits when a run is resumed. Small images get one
//! linear layer.

use super::IMAGE_CHANNELS;
use super::blocks::{conv, halve, linear, norm, pooled_classifier};
use super::graph::{Activation, AveragePool, Layer, LinearInit};
use crate::experiment::problem::Problem;

/// Channels of the last stage.
const LAST: usize = 512;
/// Units of the two hidden layers of the large classifier.
const HIDDEN: usize = 4096;
/// Side of the maps that the large classifier takes.
const POOLED: usize = 7;

/// Layers of a VGG; `large` for torchvision's classifier.
pub fn layers(depth: usize, large: bool, classes: usize) -> Result<Vec<Layer>, Problem> {
    let stages: [&[usize]; 5] = match depth {
        8 => [&[64], &[128], &[256], &[512], &[512]],
        11 => [&[64], &[128], &[256; 2], &[512; 2], &[512; 2]],
        13 => [&[64; 2], &[128; 2], &[256; 2], &[512; 2], &[512; 2]],
        16 => [&[64; 2], &[128; 2], &[256; 3], &[512; 3], &[512; 3]],
        _ => {
            return Err(
                Problem::new("depth", format!("there is no VGG of {depth} layers here"))
                    .help("choose 8, 11, 13 or 16"),
            );
        }
    };
    let mut layers = Vec::new();
    let mut inputs = IMAGE_CHANNELS;
    for stage in stages {
        for &outputs in stage {
            // A layer's number in torchvision's `features` is its place here.
            let at = layers.len();
            let mut convolution = conv(format!("features.{at}"), (inputs, outputs), 3, 1);
            convolution.bias = true;
            layers.extend([
                Layer::Conv(convolution),
                norm(format!("features.{}", at + 1), outputs),
                Layer::Activation(Activation::Relu),
            ]);
            inputs = outputs;
        }
        layers.push(halve());
    }
    if large {
        layers.extend(large_classifier(classes));
    } else {
        let init = LinearInit::SmallNormal;
        layers.extend(pooled_classifier("classifier", (LAST, classes), init));
    }
    Ok(layers)
}

fn large_classifier(classes: usize) -> [Layer; 7] {
    let init = LinearInit::SmallNormal;
    [
        Layer::AveragePool(AveragePool { side: POOLED }),
        Layer::Flatten,
        linear("classifier.0", (LAST * POOLED * POOLED, HIDDEN), init),
        Layer::Activation(Activation::Relu),
        linear("classifier.3", (HIDDEN, HIDDEN), init),
        Layer::Activation(Activation::Relu),
        linear("classifier.6", (HIDDEN, classes), init),
    ]
}
