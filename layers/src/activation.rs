//! Functions of every value alone, forward and back.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::correlate::rectified;
use crate::map::{Map, PIECE, Spread};

/// A function of every value alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// min(max(0, x), 6).
    Relu6,
    /// 1 / (1 + exp(−x)).
    Sigmoid,
    /// min(max(0, x + 3), 6) / 6.
    HardSigmoid,
    /// x · sigmoid(x).
    Silu,
    /// x · hard sigmoid(x).
    HardSwish,
}

impl Activation {
    /// Whether its derivative follows from what it gave; else from what it was given.
    #[must_use]
    pub fn is_known_by_result(self) -> bool {
        match self {
            Self::Relu | Self::Relu6 | Self::Sigmoid | Self::HardSigmoid => true,
            Self::Silu | Self::HardSwish => false,
        }
    }
}

/// The function of every value.
#[must_use]
pub fn activate(kind: Activation, input: &Map, spread: Spread) -> Map {
    let mut output = Map::zeros(input.images, input.shape);
    let function = function(kind);
    output
        .values_mut()
        .par_chunks_mut(PIECE)
        .zip(input.values().par_chunks(PIECE))
        .with_min_len(spread.least())
        .for_each(|(output, input)| {
            for (output, input) in output.iter_mut().zip(input) {
                *output = function(*input);
            }
        });
    output
}

/// Makes the input's gradient of the output's, given what the derivative is known by: the
/// input, or the output where [`Activation::is_known_by_result`].
pub fn activate_gradient(kind: Activation, known: &Map, gradient: &mut Map) {
    let derivative = derivative(kind);
    gradient
        .values_mut()
        .par_chunks_mut(PIECE)
        .zip(known.values().par_chunks(PIECE))
        .for_each(|(gradient, known)| {
            for (gradient, known) in gradient.iter_mut().zip(known) {
                *gradient *= derivative(*known);
            }
        });
}

/// Makes a gradient zero where a rectified result is at an end.
pub fn rectify_gradient(bound: f32, output: &Map, gradient: &mut Map) {
    gradient
        .values_mut()
        .par_chunks_mut(PIECE)
        .zip(output.values().par_chunks(PIECE))
        .for_each(|(gradient, output)| {
            for (gradient, output) in gradient.iter_mut().zip(output) {
                let is_between = *output > 0.0 && *output < bound;
                *gradient = if is_between { *gradient } else { 0.0 };
            }
        });
}

fn function(kind: Activation) -> fn(f32) -> f32 {
    match kind {
        Activation::Relu => |x| rectified(x, f32::INFINITY),
        Activation::Relu6 => |x| rectified(x, 6.0),
        Activation::Sigmoid => sigmoid,
        Activation::HardSigmoid => hard_sigmoid,
        Activation::Silu => |x| x * sigmoid(x),
        Activation::HardSwish => |x| x * hard_sigmoid(x),
    }
}

/// By the result where it tells, else by the input.
fn derivative(kind: Activation) -> fn(f32) -> f32 {
    match kind {
        Activation::Relu => |y| if y > 0.0 { 1.0 } else { 0.0 },
        Activation::Relu6 => |y| if y > 0.0 && y < 6.0 { 1.0 } else { 0.0 },
        Activation::Sigmoid => |y| y * (1.0 - y),
        Activation::HardSigmoid => |y| if y > 0.0 && y < 1.0 { 1.0 / 6.0 } else { 0.0 },
        Activation::Silu => |x| {
            let y = sigmoid(x);
            y + x * y * (1.0 - y)
        },
        Activation::HardSwish => |x| {
            let slope = if x > -3.0 && x < 3.0 { 1.0 / 6.0 } else { 0.0 };
            hard_sigmoid(x) + x * slope
        },
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

fn hard_sigmoid(x: f32) -> f32 {
    rectified(x + 3.0, 6.0) / 6.0
}
