//! `ResNet`: 18, 34 and 50 layers as torchvision builds them (version 1.5: a
//! bottleneck's stride is in its 3×3 convolution).

use super::IMAGE_CHANNELS;
use super::blocks::{conv, norm, pooled_classifier, stages};
use super::graph::{Activation, Layer, LinearInit, MaxPool, Residual};
use crate::experiment::problem::Problem;

/// Channels of a bottleneck's output per channel of its middle.
const EXPANSION: usize = 4;
/// Channels of the stem and of the first stage.
const STEM: usize = 64;

/// Layers of a torchvision ResNet; `small` for a 3×3 stem without pooling.
pub fn layers(depth: usize, small: bool, classes: usize) -> Result<Vec<Layer>, Problem> {
    let (blocks, bottleneck) = match depth {
        18 => ([2, 2, 2, 2], false),
        34 => ([3, 4, 6, 3], false),
        50 => ([3, 4, 6, 3], true),
        _ => {
            return Err(Problem::new(
                "depth",
                format!("there is no ResNet of {depth} layers here"),
            )
            .help("choose 18, 34 or 50"));
        }
    };
    let (block, expansion): (Block, usize) = if bottleneck {
        (bottleneck_block, EXPANSION)
    } else {
        (basic_block, 1)
    };
    let sizes = [1, 2, 4, 8].map(|factor| factor * STEM * expansion);
    let mut layers = stem(small);
    layers.extend(stages(STEM, blocks.into_iter().zip(sizes), block));
    layers.extend(pooled_classifier(
        "fc",
        (8 * STEM * expansion, classes),
        LinearInit::Default,
    ));
    Ok(layers)
}

fn stem(small: bool) -> Vec<Layer> {
    let (kernel, stride) = if small { (3, 1) } else { (7, 2) };
    let mut layers = vec![
        Layer::Conv(conv("conv1", (IMAGE_CHANNELS, STEM), kernel, stride)),
        norm("bn1", STEM),
        Layer::Activation(Activation::Relu),
    ];
    if !small {
        layers.push(Layer::MaxPool(MaxPool {
            kernel: 3,
            stride: 2,
            padding: 1,
        }));
    }
    layers
}

/// Makes a block of its stage and place, its channels and its stride.
type Block = fn((usize, usize), (usize, usize), usize) -> [Layer; 2];

/// Two 3×3 convolutions around a shortcut, and ReLU after the sum.
pub fn basic_block(
    (stage, index): (usize, usize),
    (inputs, outputs): (usize, usize),
    stride: usize,
) -> [Layer; 2] {
    let name = format!("layer{stage}.{index}");
    let body = vec![
        Layer::Conv(conv(format!("{name}.conv1"), (inputs, outputs), 3, stride)),
        norm(format!("{name}.bn1"), outputs),
        Layer::Activation(Activation::Relu),
        Layer::Conv(conv(format!("{name}.conv2"), (outputs, outputs), 3, 1)),
        norm(format!("{name}.bn2"), outputs),
    ];
    with_shortcut(&name, body, (inputs, outputs), stride)
}

fn bottleneck_block(
    (stage, index): (usize, usize),
    (inputs, outputs): (usize, usize),
    stride: usize,
) -> [Layer; 2] {
    let name = format!("layer{stage}.{index}");
    let middle = outputs / EXPANSION;
    let body = vec![
        Layer::Conv(conv(format!("{name}.conv1"), (inputs, middle), 1, 1)),
        norm(format!("{name}.bn1"), middle),
        Layer::Activation(Activation::Relu),
        Layer::Conv(conv(format!("{name}.conv2"), (middle, middle), 3, stride)),
        norm(format!("{name}.bn2"), middle),
        Layer::Activation(Activation::Relu),
        Layer::Conv(conv(format!("{name}.conv3"), (middle, outputs), 1, 1)),
        norm(format!("{name}.bn3"), outputs),
    ];
    with_shortcut(&name, body, (inputs, outputs), stride)
}

fn with_shortcut(
    name: &str,
    body: Vec<Layer>,
    (inputs, outputs): (usize, usize),
    stride: usize,
) -> [Layer; 2] {
    let shortcut = if stride == 1 && inputs == outputs {
        Vec::new()
    } else {
        vec![
            Layer::Conv(conv(
                format!("{name}.downsample.0"),
                (inputs, outputs),
                1,
                stride,
            )),
            norm(format!("{name}.downsample.1"), outputs),
        ]
    };
    [
        Layer::Residual(Residual { body, shortcut }),
        Layer::Activation(Activation::Relu),
    ]
}
