//! `ResNet`: 18, 34 and 50 layers as torchvision builds them (version 1.5: a
//! bottleneck's stride is in its 3×3 convolution).

use super::IMAGE_CHANNELS;
use super::blocks::{conv, norm, pooled_classifier};
use super::graph::{Activation, Layer, LinearInit, MaxPool, Residual};
use crate::experiment::problem::Problem;

/// Channels of a bottleneck's output per channel of its middle.
const EXPANSION: usize = 4;
/// Channels of the stem and of the first stage.
const STEM: usize = 64;

/// Layers of a torchvision ResNet; `small` for a 3×3 stem without pooling.
pub fn layers(depth: usize, small: bool, classes: usize) -> Result<Vec<Layer>, Problem> {
    let (stages, bottleneck) = match depth {
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
    let mut layers = stem(small);
    let mut inputs = STEM;
    for (stage, blocks) in stages.into_iter().enumerate() {
        let middle = STEM << stage;
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let name = format!("layer{}.{block}", stage + 1);
            if bottleneck {
                layers.extend(bottleneck_block(&name, inputs, middle, stride));
                inputs = middle * EXPANSION;
            } else {
                layers.extend(basic_block(&name, (inputs, middle), stride));
                inputs = middle;
            }
        }
    }
    layers.extend(pooled_classifier(
        "fc",
        (inputs, classes),
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

/// Two 3×3 convolutions around a shortcut, and ReLU after the sum.
pub fn basic_block(name: &str, (inputs, outputs): (usize, usize), stride: usize) -> [Layer; 2] {
    let body = vec![
        Layer::Conv(conv(format!("{name}.conv1"), (inputs, outputs), 3, stride)),
        norm(format!("{name}.bn1"), outputs),
        Layer::Activation(Activation::Relu),
        Layer::Conv(conv(format!("{name}.conv2"), (outputs, outputs), 3, 1)),
        norm(format!("{name}.bn2"), outputs),
    ];
    with_shortcut(name, body, (inputs, outputs), stride)
}

fn bottleneck_block(name: &str, inputs: usize, middle: usize, stride: usize) -> [Layer; 2] {
    let outputs = middle * EXPANSION;
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
    with_shortcut(name, body, (inputs, outputs), stride)
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
