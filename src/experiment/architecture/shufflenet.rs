//! `ShuffleNetV2` (Ma et al., 2018) as torchvision builds it
//! (`shufflenet_v2_x0_5` and so on).
//!
//! The small stem, for small images, drops the stride of the first convolution and
//! the pooling after it.

use super::IMAGE_CHANNELS;
use super::blocks::{conv, conv_norm, depthwise, pooled_classifier};
use super::graph::{Activation, Concat, Conv, ConvInit, Layer, LinearInit, MaxPool, Shuffle};
use crate::experiment::problem::Problem;

/// Width multipliers that there are.
pub const WIDTHS: [f32; 4] = [0.5, 1.0, 1.5, 2.0];
/// Channels of the stages of each width, and of the last convolution (table 5 of the
/// paper).
const CHANNELS: [([usize; 3], usize); 4] = [
    ([48, 96, 192], 1024),
    ([116, 232, 464], 1024),
    ([176, 352, 704], 1024),
    ([244, 488, 976], 2048),
];
/// Units of each stage.
const UNITS: [usize; 3] = [4, 8, 4];
const STEM: usize = 24;

/// Layers of this width; `small` for small images.
pub fn layers(width: f32, small: bool, classes: usize) -> Result<Vec<Layer>, Problem> {
    let Some(at) = WIDTHS.iter().position(|known| *known == width) else {
        return Err(Problem::new(
            "width",
            format!("there is no ShuffleNetV2 of width {width}"),
        )
        .help("choose 0.5, 1, 1.5 or 2"));
    };
    let (stages, last) = CHANNELS[at];
    let stem_stride = if small { 1 } else { 2 };
    let mut inputs = STEM;
    let mut layers = unit(
        ("conv1.0".into(), "conv1.1".into()),
        conv("", (IMAGE_CHANNELS, inputs), 3, stem_stride),
        true,
    );
    if !small {
        layers.push(Layer::MaxPool(MaxPool {
            kernel: 3,
            stride: 2,
            padding: 1,
        }));
    }
    for (stage, outputs) in stages.into_iter().enumerate() {
        for index in 0..UNITS[stage] {
            let name = format!("stage{}.{index}", stage + 2);
            layers.extend(if index == 0 {
                halving(&name, inputs, outputs)
            } else {
                keeping(&name, outputs)
            });
        }
        inputs = outputs;
    }
    layers.extend(unit(
        ("conv5.0".into(), "conv5.1".into()),
        conv("", (inputs, last), 1, 1),
        true,
    ));
    layers.extend(pooled_classifier(
        "fc",
        (last, classes),
        LinearInit::Default,
    ));
    Ok(layers)
}

/// The first unit of a stage: both branches take all channels and halve the size.
fn halving(name: &str, inputs: usize, outputs: usize) -> [Layer; 2] {
    let half = outputs / 2;
    let mut first = unit(names(name, 1, 0), depthwise(inputs, 3, 2), false);
    first.extend(unit(
        names(name, 1, 2),
        conv("", (inputs, half), 1, 1),
        true,
    ));
    let second = branch(name, (inputs, half), 2);
    mixed(false, first, second)
}

/// A unit that leaves half of the channels as they are.
fn keeping(name: &str, channels: usize) -> [Layer; 2] {
    let half = channels / 2;
    mixed(true, Vec::new(), branch(name, (half, half), 1))
}

fn mixed(halves: bool, first: Vec<Layer>, second: Vec<Layer>) -> [Layer; 2] {
    [
        Layer::Concat(Concat {
            halves,
            first,
            second,
        }),
        Layer::Shuffle(Shuffle { groups: 2 }),
    ]
}

fn branch(name: &str, (inputs, outputs): (usize, usize), stride: usize) -> Vec<Layer> {
    let pointwise = |inputs| conv("", (inputs, outputs), 1, 1);
    let mut layers = unit(names(name, 2, 0), pointwise(inputs), true);
    layers.extend(unit(
        names(name, 2, 3),
        depthwise(outputs, 3, stride),
        false,
    ));
    layers.extend(unit(names(name, 2, 5), pointwise(outputs), true));
    layers
}

/// Names of a convolution at a place in a branch, and of its normalisation.
fn names(unit: &str, branch: usize, at: usize) -> (String, String) {
    let name = |at: usize| format!("{unit}.branch{branch}.{at}");
    (name(at), name(at + 1))
}

fn unit(names: (String, String), convolution: Conv, activated: bool) -> Vec<Layer> {
    let convolution = Conv {
        init: ConvInit::Default,
        ..convolution
    };
    conv_norm(names, convolution, activated.then_some(Activation::Relu))
}
