//! Architectures: networks as data.
//!
//! A [`Model`] with an image size and a number of classes becomes a [`Graph`]
//! of layers, with the parameter names that torchvision (or, for networks that it
//! lacks, timm or the usual PyTorch code) gives them. The graph knows
//! its shapes, parameters and cost. Nothing here knows tensors; the engine
//! interprets the graph.

mod blocks;
mod efficientnet;
mod folded;
mod graph;
mod lcnet;
mod lr_groups;
mod mobilenet;
mod mobilenet_v3;
mod plain;
mod regnet;
mod resnet;
mod resnet_cifar;
mod shufflenet;
mod stages;
mod trace;
mod vgg;
mod wide_resnet;

pub use folded::Folded;
pub use graph::{
    Activation, AveragePool, BatchNorm, Concat, Conv, ConvInit, Graph, Initial, Layer, Linear,
    LinearInit, MaxPool, ParameterSpec, Residual, Scale, Shuffle, StatisticsSpec,
};
pub use lcnet::WIDTHS as PP_LC_NET_WIDTHS;
pub use lr_groups::LrGroup;
pub use shufflenet::WIDTHS as SHUFFLE_NET_WIDTHS;
pub use stages::{EMBEDDING, Stage};
pub use trace::{Shape, windows};

use super::model::{Model, Stem};
use super::problem::Problem;

/// Channels of an image: red, green and blue.
pub const IMAGE_CHANNELS: usize = 3;

/// Images from this height and width on are large: they get the stems and
/// classifiers that were published for 224 pixels.
pub const LARGE_IMAGE: u32 = 64;

/// Greatest number of parameters: 8 GB of 32-bit weights.
const MAX_PARAMETERS: u64 = 1 << 31;

/// Whether a parameter is one of a module, or of those in it, by their paths.
#[must_use]
pub fn is_in_module(parameter: &str, module: &str) -> bool {
    let rest = parameter.strip_prefix(module);
    rest.is_some_and(|rest| rest.starts_with('.'))
}

/// The network of `model` for images of `size` (height, width; pixels) and
/// `classes` classes.
///
/// # Errors
/// A size of the model that its family does not have, an image too small for
/// the network's pooling, or a network too large to be built. Paths are below
/// the model's.
pub fn build(model: &Model, size: (u32, u32), classes: usize) -> Result<Graph, Problem> {
    if classes < 2 {
        return Err(
            Problem::new("", format!("{classes} is too few classes for a classifier"))
                .help("images need at least two different labels"),
        );
    }
    let graph = assemble(model, size, classes)?;
    graph
        .output()
        .map_err(|reason| size_error(model, size, classes, &reason))?;
    let parameters = graph.parameter_count();
    if parameters > MAX_PARAMETERS {
        return Err(Problem::new(
            family(model),
            format!("{parameters} parameters are more than {MAX_PARAMETERS}"),
        )
        .help("choose a smaller model or smaller images"));
    }
    Ok(graph)
}

/// The model with the first layers that it has for images of this size.
#[must_use]
pub fn settled(model: &Model, size: (u32, u32)) -> Model {
    match model.stem() {
        Some(stem) if is_small(stem, size) => model.with_stem(Stem::Small),
        Some(_) => model.with_stem(Stem::Standard),
        None => model.clone(),
    }
}

/// Family and size of a model, for people.
#[must_use]
pub fn describe(model: &Model) -> String {
    let sizes = |values: &[usize]| {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        values.join("-")
    };
    match model {
        Model::Mlp { hidden } => format!("MLP {}", sizes(hidden)).trim_end().to_owned(),
        Model::Cnn { channels } => format!("CNN {}", sizes(channels)),
        Model::ResNetCifar { depth, width } => format!("ResNet-{depth} (CIFAR, width {width})"),
        Model::WideResNet { depth, width } => format!("WRN-{depth}-{width}"),
        Model::Vgg { depth } => format!("VGG-{depth}"),
        Model::ResNet { depth, .. } => format!("ResNet-{depth}"),
        Model::MobileNetV2 { width, .. } => format!("MobileNetV2 ×{width}"),
        Model::MobileNetV3 { variant, .. } => format!("MobileNetV3 {variant:?}"),
        Model::ShuffleNetV2 { width, .. } => format!("ShuffleNetV2 ×{width}"),
        Model::EfficientNet { variant, .. } => format!("EfficientNet-{variant:?}"),
        Model::PpLcNet { width, .. } => format!("PP-LCNet ×{width}"),
        Model::RegNet { variant, .. } => format!("RegNet {variant:?}"),
    }
}

fn assemble(model: &Model, size: (u32, u32), classes: usize) -> Result<Graph, Problem> {
    let layers = match model {
        Model::Mlp { hidden } => plain::mlp(hidden, size, classes),
        Model::Cnn { channels } => plain::cnn(channels, classes),
        Model::ResNetCifar { depth, width } => resnet_cifar::layers(*depth, *width, classes),
        Model::WideResNet { depth, width } => wide_resnet::layers(*depth, *width, classes),
        Model::Vgg { depth } => vgg::layers(*depth, is_large(size), classes),
        Model::ResNet { depth, stem } => resnet::layers(*depth, is_small(*stem, size), classes),
        Model::MobileNetV2 { width, stem } => {
            mobilenet::layers(*width, is_small(*stem, size), classes)
        }
        Model::MobileNetV3 { variant, stem } => Ok(mobilenet_v3::layers(
            *variant,
            is_small(*stem, size),
            classes,
        )),
        Model::ShuffleNetV2 { width, stem } => {
            shufflenet::layers(*width, is_small(*stem, size), classes)
        }
        Model::EfficientNet { variant, stem } => Ok(efficientnet::layers(
            *variant,
            is_small(*stem, size),
            classes,
        )),
        Model::PpLcNet { width, stem } => lcnet::layers(*width, is_small(*stem, size), classes),
        Model::RegNet { variant, stem } => {
            Ok(regnet::layers(*variant, is_small(*stem, size), classes))
        }
    }
    .map_err(|problem| problem.under(family(model)))?;
    let name = match model.stem() {
        Some(stem) if is_small(stem, size) => format!("{} with the small stem", describe(model)),
        _ => describe(model),
    };
    Ok(Graph {
        name,
        size,
        classes,
        layers,
    })
}

/// The variant's name, which is its place in the file.
#[must_use]
pub fn family(model: &Model) -> &'static str {
    match model {
        Model::Mlp { .. } => "Mlp",
        Model::Cnn { .. } => "Cnn",
        Model::ResNetCifar { .. } => "ResNetCifar",
        Model::WideResNet { .. } => "WideResNet",
        Model::Vgg { .. } => "Vgg",
        Model::ResNet { .. } => "ResNet",
        Model::MobileNetV2 { .. } => "MobileNetV2",
        Model::MobileNetV3 { .. } => "MobileNetV3",
        Model::ShuffleNetV2 { .. } => "ShuffleNetV2",
        Model::EfficientNet { .. } => "EfficientNet",
        Model::PpLcNet { .. } => "PpLcNet",
        Model::RegNet { .. } => "RegNet",
    }
}

/// A network that does not fit its images, with the size that would.
fn size_error(model: &Model, (height, width): (u32, u32), classes: usize, reason: &str) -> Problem {
    let problem = Problem::new(
        family(model),
        format!("images of {height}×{width} pixels do not fit: {reason}"),
    );
    let least = (1..=LARGE_IMAGE).find(|&side| {
        assemble(model, (side, side), classes).is_ok_and(|graph| graph.output().is_ok())
    });
    match least {
        Some(side) => problem.help(format!("set data.size to at least ({side}, {side})")),
        None => problem.help("use fewer layers"),
    }
}

fn is_large((height, width): (u32, u32)) -> bool {
    height.min(width) >= LARGE_IMAGE
}

fn is_small(stem: Stem, size: (u32, u32)) -> bool {
    match stem {
        Stem::Auto => !is_large(size),
        Stem::Standard => false,
        Stem::Small => true,
    }
}

#[cfg(test)]
mod tests;
