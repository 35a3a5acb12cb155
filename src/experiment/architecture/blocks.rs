//! The few combinations of layers that every family is made of.

use super::graph::{AveragePool, BatchNorm, Conv, Layer, Linear, LinearInit, MaxPool};
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
    }
}

/// Batch normalisation.
pub fn norm(name: impl Into<String>, channels: usize) -> Layer {
    Layer::BatchNorm(BatchNorm {
        name: name.into(),
        channels,
    })
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
