//! Convolutions of every channel alone: many channels of a pixel at once.

use rten_simd::ops::{BitOps, NumOps};
use rten_simd::{Isa, Simd, SimdOp};

use super::correlate::{Place, rectified};

/// Gives every pixel's channels: the sum over taps of value times weight, and what comes
/// after it.
pub(super) struct Depthwise<'a> {
    pub(super) input: &'a [f32],
    pub(super) places: &'a [Place],
    /// Where taps begin in a window.
    pub(super) taps: &'a [usize],
    /// `[tap][channel]`.
    pub(super) weights: &'a [f32],
    /// At zero if it is empty.
    pub(super) bias: &'a [f32],
    pub(super) channels: usize,
    /// What is added, where the outputs come.
    pub(super) added: Option<&'a [f32]>,
    /// Results are rectified, up to here.
    pub(super) bound: Option<f32>,
    pub(super) output: &'a mut [f32],
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
pub(super) struct DepthwiseInputGradient<'a> {
    pub(super) gradient: &'a [f32],
    pub(super) places: &'a [Place],
    pub(super) taps: &'a [usize],
    /// `[tap][channel]`.
    pub(super) weights: &'a [f32],
    pub(super) channels: usize,
    pub(super) result: &'a mut [f32],
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
pub(super) struct DepthwiseWeightGradient<'a> {
    pub(super) input: &'a [f32],
    pub(super) places: &'a [Place],
    pub(super) taps: &'a [usize],
    pub(super) gradient: &'a [f32],
    pub(super) channels: usize,
    /// `[tap][channel]`.
    pub(super) sums: &'a mut [f32],
}

impl SimdOp for DepthwiseWeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        for place in self.places {
            let gradient = &self.gradient[place.output as usize..][..self.channels];
            let sums = self.sums.chunks_exact_mut(self.channels);
            for (tap, sums) in self.taps.iter().zip(sums) {
                let values = &self.input[place.window as usize + tap..][..self.channels];
                for ((sum, value), gradient) in sums.iter_mut().zip(values).zip(gradient) {
                    *sum += value * gradient;
                }
            }
        }
    }
}
