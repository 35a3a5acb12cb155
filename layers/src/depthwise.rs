//! Convolutions of every channel alone: many channels of a pixel at once.

use rten_simd::ops::{BitOps, NumOps};
use rten_simd::{Isa, Simd, SimdOp};

use crate::correlate::{Place, TILE, rectified};

/// Gives every pixel's channels: the sum over taps of value times weight, and what comes
/// after it.
pub(crate) struct Depthwise<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) places: &'a [Place],
    /// Where taps begin in a window.
    pub(crate) taps: &'a [usize],
    /// `[tap][channel]`.
    pub(crate) weights: &'a [f32],
    /// At zero if it is empty.
    pub(crate) bias: &'a [f32],
    pub(crate) channels: usize,
    /// What is added, where the outputs come.
    pub(crate) added: Option<&'a [f32]>,
    /// Results are rectified, up to here.
    pub(crate) bound: Option<f32>,
    pub(crate) output: &'a mut [f32],
}

impl SimdOp for Depthwise<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, isa: I) {
        let ops = isa.f32();
        let lanes = ops.len();
        for place in self.places {
            let output = &mut self.output[place.output as usize..][..self.channels];
            for first in (0..self.channels).step_by(lanes) {
                let count = (self.channels - first).min(lanes);
                let mut sum = match self.bias.get(first..first + count) {
                    Some(bias) => ops.load_pad(bias).0,
                    None => ops.zero(),
                };
                let weights = self.weights.chunks_exact(self.channels);
                for (tap, weights) in self.taps.iter().zip(weights) {
                    let values = &self.input[place.window as usize + tap + first..][..count];
                    let weights = &weights[first..][..count];
                    sum = if count == lanes {
                        ops.mul_add(ops.load(values), ops.load(weights), sum)
                    } else {
                        ops.mul_add(ops.load_pad(values).0, ops.load_pad(weights).0, sum)
                    };
                }
                output[first..][..count].copy_from_slice(&sum.to_array().as_ref()[..count]);
            }
            if let Some(added) = self.added {
                let added = &added[place.output as usize..];
                for (value, added) in output.iter_mut().zip(added) {
                    *value += added;
                }
            }
            if let Some(bound) = self.bound {
                for value in output {
                    *value = rectified(*value, bound);
                }
            }
        }
    }
}

/// Adds to the input's gradient, where windows lie: the output's times the weights.
pub(crate) struct DepthwiseInputGradient<'a> {
    pub(crate) gradient: &'a [f32],
    pub(crate) places: &'a [Place],
    pub(crate) taps: &'a [usize],
    /// `[tap][channel]`.
    pub(crate) weights: &'a [f32],
    pub(crate) channels: usize,
    pub(crate) result: &'a mut [f32],
}

impl SimdOp for DepthwiseInputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        for place in self.places {
            let gradient = &self.gradient[place.output as usize..][..self.channels];
            let weights = self.weights.chunks_exact(self.channels);
            for (tap, weights) in self.taps.iter().zip(weights) {
                let result = &mut self.result[place.window as usize + tap..][..self.channels];
                for ((result, gradient), weight) in result.iter_mut().zip(gradient).zip(weights) {
                    *result += gradient * weight;
                }
            }
        }
    }
}

/// Adds to every weight's gradient: the sum over pixels of value times the output's gradient.
pub(crate) struct DepthwiseWeightGradient<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) places: &'a [Place],
    pub(crate) taps: &'a [usize],
    pub(crate) gradient: &'a [f32],
    pub(crate) channels: usize,
    /// `[tap][channel]`.
    pub(crate) sums: &'a mut [f32],
}

impl SimdOp for DepthwiseWeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        let mut sums_of_tile = vec![0.0; self.sums.len()];
        for places in self.places.chunks(TILE) {
            sums_of_tile.fill(0.0);
            for place in places {
                let gradient = &self.gradient[place.output as usize..][..self.channels];
                let sums = sums_of_tile.chunks_exact_mut(self.channels);
                for (tap, sums) in self.taps.iter().zip(sums) {
                    let values = &self.input[place.window as usize + tap..][..self.channels];
                    for ((sum, value), gradient) in sums.iter_mut().zip(values).zip(gradient) {
                        *sum += value * gradient;
                    }
                }
            }
            for (sum, of_tile) in self.sums.iter_mut().zip(&sums_of_tile) {
                *sum += of_tile;
            }
        }
    }
}
