//! The few combinations of layers that every family is made of.

use super::graph::{
    Activation, AveragePool, BatchNorm, Conv, ConvInit, Layer, Linear, LinearInit, MaxPool,
    Residual, Scale,
};
use crate::experiment::problem::Problem;

/// A convolution without bias or groups, padded to keep the size at stride 1.
pub fn conv(
    name: impl Into<String>,
    (inputs, outputs): (usize, usize),
    kernel: usize,
    stride: usize,
) -> Conv {
    Conv {
        name: name.into(),
        inputs,
        outputs,
        kernel,
        stride,
        padding: kernel / 2,
        groups: 1,
        bias: false,
        init: ConvInit::FanOut,
    }
}

/// A convolution of every channel alone.
pub fn depthwise(channels: usize, kernel: usize, stride: usize) -> Conv {
    Conv {
        groups: channels,
        ..conv("", (channels, channels), kernel, stride)
    }
}

/// Batch normalisation with PyTorch's default settings.
pub fn norm(name: impl Into<String>, channels: usize) -> Layer {
    Layer::BatchNorm(BatchNorm {
        name: name.into(),
        channels,
        epsilon: 1e-5,
        momentum: 0.1,
    })
}

/// A convolution and its normalisation under these names, and an activation where
/// there is one.
pub fn conv_norm(
    names: (String, String),
    mut convolution: Conv,
    activation: Option<Activation>,
) -> Vec<Layer> {
    let channels = convolution.outputs;
    convolution.name = names.0;
    let mut layers = vec![Layer::Conv(convolution), norm(names.1, channels)];
    layers.extend(activation.map(Layer::Activation));
    layers
}

/// torchvision's `Conv2dNormActivation`: `<name>.0` and `<name>.1`.
pub fn conv_norm_activation(
    name: &str,
    convolution: Conv,
    activation: Option<Activation>,
) -> Vec<Layer> {
    let names = (format!("{name}.0"), format!("{name}.1"));
    conv_norm(names, convolution, activation)
}

/// Squeeze and excitation: channels are scaled by what two 1×1 convolutions with
/// bias make of their means. `names` and `functions` are those of the convolutions
/// and what follows each.
pub fn squeeze_excitation(
    names: (String, String),
    (channels, squeezed): (usize, usize),
    functions: (Activation, Activation),
) -> Layer {
    let mixing = |name: String, sizes: (usize, usize)| {
        Layer::Conv(Conv {
            bias: true,
            ..conv(name, sizes, 1, 1)
        })
    };
    Layer::Scale(Scale {
        factors: vec![
            Layer::AveragePool(AveragePool { side: 1 }),
            mixing(names.0, (channels, squeezed)),
            Layer::Activation(functions.0),
            mixing(names.1, (squeezed, channels)),
            Layer::Activation(functions.1),
        ],
    })
}

/// A body with the identity beside it where the shape stays, alone where not.
pub fn residual_where_it_fits(
    body: Vec<Layer>,
    (inputs, outputs): (usize, usize),
    stride: usize,
) -> Vec<Layer> {
    if stride == 1 && inputs == outputs {
        vec![Layer::Residual(Residual {
            body,
            shortcut: Vec::new(),
        })]
    } else {
        body
    }
}

/// The stages of a residual network after `inputs` channels: of each how many blocks
/// it has and how many channels come out of it. Every stage but the first halves
/// the picture in its first block. `block` makes one of its stage, from 1, its place in that,
/// its channels and its stride.
pub fn stages<L: IntoIterator<Item = Layer>>(
    mut inputs: usize,
    stages: impl IntoIterator<Item = (usize, usize)>,
    block: impl Fn((usize, usize), (usize, usize), usize) -> L,
) -> Vec<Layer> {
    let mut layers = Vec::new();
    for (stage, (blocks, outputs)) in stages.into_iter().enumerate() {
        for index in 0..blocks {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            layers.extend(block((stage + 1, index), (inputs, outputs), stride));
            inputs = outputs;
        }
    }
    layers
}

/// The nearest multiple of eight, at most a tenth below: torchvision's
/// `_make_divisible` and timm's `make_divisible`.
pub fn divisible(channels: f64) -> usize {
    const DIVISOR: usize = 8;
    let nearest = ((channels + DIVISOR as f64 / 2.0) as usize / DIVISOR * DIVISOR).max(DIVISOR);
    if (nearest as f64) < 0.9 * channels {
        nearest + DIVISOR
    } else {
        nearest
    }
}

/// Max pooling that halves the size.
pub fn halve() -> Layer {
    Layer::MaxPool(MaxPool {
        kernel: 2,
        stride: 2,
        padding: 0,
    })
}

/// A fully connected layer.
pub fn linear(
    name: impl Into<String>,
    (inputs, outputs): (usize, usize),
    init: LinearInit,
) -> Layer {
    Layer::Linear(Linear {
        name: name.into(),
        inputs,
        outputs,
        init,
    })
}

/// Global average pooling and one fully connected layer.
pub fn pooled_classifier(name: &str, sizes: (usize, usize), init: LinearInit) -> [Layer; 3] {
    [
        Layer::AveragePool(AveragePool { side: 1 }),
        Layer::Flatten,
        linear(name, sizes, init),
    ]
}

/// Refuses a size outside of `least..=most`.
pub fn check(field: &str, value: usize, least: usize, most: usize) -> Result<(), Problem> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(Problem::new(
            field,
            format!("{value} is not between {least} and {most}"),
        ))
    }
}

/// Blocks per stage of a depth that is `per_block`·n + `rest`, n ≥ 1.
pub fn blocks_of(depth: usize, per_block: usize, rest: usize) -> Result<usize, Problem> {
    /// As deep as the deepest network of He et al. (2016).
    const DEEPEST: usize = 1202;
    let below = depth.saturating_sub(rest) / per_block;
    if below >= 1 && depth <= DEEPEST && below * per_block + rest == depth {
        return Ok(below);
    }
    let near = below.clamp(1, (DEEPEST - rest) / per_block);
    Err(
        Problem::new("depth", format!("{depth} is not {per_block}n + {rest}")).help(format!(
            "the nearest are {} and {}",
            near * per_block + rest,
            (near + 1) * per_block + rest
        )),
    )
}
