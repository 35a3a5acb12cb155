//! `ResNetCifar`: the small-image residual network of He et al. (2016), section
//! 4.2, with torchvision's names. Where the size changes, the shortcut is a 1×1
//! convolution with batch normalization (option B), as in torchvision; the paper's
//! CIFAR networks pad with zeros instead.

use super::IMAGE_CHANNELS;
use super::blocks::{blocks_of, check, conv, norm, pooled_classifier, stages};
use super::graph::{Activation, Layer, LinearInit};
use super::resnet::basic_block;
use crate::experiment::problem::Problem;

/// Layers of depth 6n + 2 whose first stage has `width` channels.
pub fn layers(depth: usize, width: usize, classes: usize) -> Result<Vec<Layer>, Problem> {
    let blocks = blocks_of(depth, 6, 2)?;
    check("width", width, 1, 4096)?;
    let mut layers = vec![
        Layer::Conv(conv("conv1", (IMAGE_CHANNELS, width), 3, 1)),
        norm("bn1", width),
        Layer::Activation(Activation::Relu),
    ];
    let sizes = [width, 2 * width, 4 * width];
    let sizes = sizes.map(|outputs| (blocks, outputs));
    layers.extend(stages(width, sizes, basic_block));
    layers.extend(pooled_classifier(
        "fc",
        (4 * width, classes),
        LinearInit::Default,
    ));
    Ok(layers)
}
