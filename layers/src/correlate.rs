//! The two products that convolutions are made of: windows times kernels, and windows
//! times gradients.
//!
//! Windows are read where they lie, as runs of neighbouring values, so that nothing is
//! unfolded into a matrix first. Every sum is made in one order, whatever the width of
//! the processor's vectors and whichever pixels are computed together.

use std::array;

use rten_simd::ops::{BitOps, NumOps};
use rten_simd::{Isa, SimdOp};

/// Outputs that are computed together; kernels lie in memory in blocks of so many.
pub(crate) const BLOCK: usize = 16;

/// Pixels, or values of a window, that are computed together with a block of outputs:
/// as many sums as a processor has registers for.
const ROWS: usize = 6;

/// Pixels whose values stay in the nearest cache while all sums over them are made, and
/// whose products are summed apart: many numbers in one sum would lose its last digits.
pub(crate) const TILE: usize = 128;

/// Where a pixel's window begins in the input, and its outputs in the output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) window: u32,
    pub(crate) output: u32,
}

impl Place {
    pub(crate) fn new(window: usize, output: usize) -> Self {
        Self {
            window: window as u32,
            output: output as u32,
        }
    }
}

/// What a window is: `taps` runs of `run` values, given by where each begins.
#[derive(Debug, Clone)]
pub(crate) struct Taps {
    pub(crate) begins: Vec<usize>,
    pub(crate) run: usize,
}

impl Taps {
    /// Values in a window.
    pub(crate) fn size(&self) -> usize {
        self.begins.len() * self.run
    }
}

/// Gives every pixel's outputs: the sum over its window of value times weight, and what
/// comes after it.
pub(crate) struct Correlate<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) places: &'a [Place],
    pub(crate) taps: &'a Taps,
    /// `[block of outputs][value of the window][BLOCK]`.
    pub(crate) weights: &'a [f32],
    /// Where sums begin, for whole blocks; at zero if it is empty.
    pub(crate) bias: &'a [f32],
    pub(crate) outputs: usize,
    /// What is added, where the outputs come.
    pub(crate) added: Option<&'a [f32]>,
    /// Results are rectified, up to here.
    pub(crate) bound: Option<f32>,
    pub(crate) output: &'a mut [f32],
}

impl SimdOp for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) {
        match isa.f32().len() {
            16 => self.blocks::<I, 1, 1>(isa),
            8 => self.blocks::<I, 2, 1>(isa),
            _ => self.blocks::<I, 4, 2>(isa),
        }
    }
}

impl Correlate<'_> {
    /// With so many vectors for a block and for what fits into half a block.
    #[inline(always)]
    fn blocks<I: Isa, const WHOLE: usize, const HALF: usize>(&mut self, isa: I) {
        for first in (0..self.outputs).step_by(BLOCK) {
            if self.outputs - first > BLOCK / 2 {
                self.block::<I, WHOLE>(isa, first);
            } else {
                self.block::<I, HALF>(isa, first);
            }
        }
    }

    #[inline(always)]
    fn block<I: Isa, const VECTORS: usize>(&mut self, isa: I, first: usize) {
        let ops = isa.f32();
        let lanes = ops.len();
        let size = self.taps.size() * BLOCK;
        let weights = &self.weights[first / BLOCK * size..][..size];
        let begin: [I::F32; VECTORS] = match self.bias.get(first..first + BLOCK) {
            Some(bias) => array::from_fn(|v| ops.load(&bias[v * lanes..])),
            None => [ops.zero(); VECTORS],
        };
        let run = self.taps.run;
        for some in self.places.chunks(ROWS) {
            // The last pixel is computed as often as it takes.
            let places: [Place; ROWS] = array::from_fn(|row| some[row.min(some.len() - 1)]);
            let mut sums = [begin; ROWS];
            let taps = self.taps.begins.iter();
            for (tap, weights) in taps.zip(weights.chunks_exact(run * BLOCK)) {
                let windows: [&[f32]; ROWS] =
                    array::from_fn(|row| &self.input[places[row].window as usize + tap..][..run]);
                for (at, weights) in weights.chunks_exact(BLOCK).enumerate() {
                    let weights: [I::F32; VECTORS] =
                        array::from_fn(|v| ops.load(&weights[v * lanes..]));
                    for row in 0..ROWS {
                        let value = ops.splat(windows[row][at]);
                        for v in 0..VECTORS {
                            sums[row][v] = ops.mul_add(value, weights[v], sums[row][v]);
                        }
                    }
                }
            }
            for (place, sums) in some.iter().zip(sums) {
                self.write(isa, place.output as usize + first, first, sums);
            }
        }
    }

    #[inline(always)]
    fn write<I: Isa, const VECTORS: usize>(
        &mut self,
        isa: I,
        at: usize,
        first: usize,
        sums: [I::F32; VECTORS],
    ) {
        let ops = isa.f32();
        let lanes = ops.len();
        let count = (self.outputs - first).min(VECTORS * lanes);
        let output = &mut self.output[at..][..count];
        let added = self.added.map(|added| &added[at..][..count]);
        for (v, sum) in sums.into_iter().enumerate() {
            let from = v * lanes;
            if from + lanes <= count {
                let mut sum = sum;
                if let Some(added) = added {
                    sum = ops.add(sum, ops.load(&added[from..]));
                }
                if let Some(bound) = self.bound {
                    // The order of operands lets what is no number through.
                    sum = ops.min(ops.splat(bound), ops.max(ops.zero(), sum));
                }
                ops.store(sum, &mut output[from..]);
            } else {
                let mut values = [0.0; BLOCK];
                ops.store(sum, &mut values);
                for at in from..count {
                    let mut value = values[at - from];
                    if let Some(added) = added {
                        value += added[at];
                    }
                    output[at] = match self.bound {
                        Some(bound) => rectified(value, bound),
                        None => value,
                    };
                }
            }
        }
    }
}

/// Between 0 and the bound; what is no number stays so.
#[inline(always)]
pub(crate) fn rectified(value: f32, bound: f32) -> f32 {
    if value < 0.0 {
        0.0
    } else if value > bound {
        bound
    } else {
        value
    }
}

/// Adds to every weight's gradient: the sum over pixels of the window's value times the
/// output's gradient.
pub(crate) struct WeightGradient<'a> {
    /// With [`ROWS`] values behind the last window's.
    pub(crate) input: &'a [f32],
    pub(crate) places: &'a [Place],
    /// Where the tap begins in a window, and which of its values are meant.
    pub(crate) begin: usize,
    pub(crate) rows: usize,
    /// With a [`BLOCK`] of values behind the last pixel's.
    pub(crate) gradient: &'a [f32],
    pub(crate) outputs: usize,
    /// `[value of the tap][output]`.
    pub(crate) sums: &'a mut [f32],
}

impl SimdOp for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(mut self, isa: I) {
        match isa.f32().len() {
            16 => self.tiles::<I, 1, 1>(isa),
            8 => self.tiles::<I, 2, 1>(isa),
            _ => self.tiles::<I, 4, 2>(isa),
        }
    }
}

impl WeightGradient<'_> {
    #[inline(always)]
    fn tiles<I: Isa, const WHOLE: usize, const HALF: usize>(&mut self, isa: I) {
        for places in self.places.chunks(TILE) {
            for first in (0..self.outputs).step_by(BLOCK) {
                for row in (0..self.rows).step_by(ROWS) {
                    if self.outputs - first > BLOCK / 2 {
                        self.tile::<I, WHOLE>(isa, places, row, first);
                    } else {
                        self.tile::<I, HALF>(isa, places, row, first);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn tile<I: Isa, const VECTORS: usize>(
        &mut self,
        isa: I,
        places: &[Place],
        row: usize,
        first: usize,
    ) {
        let ops = isa.f32();
        let lanes = ops.len();
        let from = self.begin + row;
        let mut sums = [[ops.zero(); VECTORS]; ROWS];
        for place in places {
            let values = &self.input[place.window as usize + from..][..ROWS];
            let gradient = &self.gradient[place.output as usize + first..][..VECTORS * lanes];
            let gradient: [I::F32; VECTORS] = array::from_fn(|v| ops.load(&gradient[v * lanes..]));
            for row in 0..ROWS {
                let value = ops.splat(values[row]);
                for v in 0..VECTORS {
                    sums[row][v] = ops.mul_add(value, gradient[v], sums[row][v]);
                }
            }
        }
        let count = (self.outputs - first).min(BLOCK);
        let rows = self.sums.chunks_exact_mut(self.outputs).skip(row);
        for (row, sums) in rows.zip(sums) {
            let mut values = [0.0; BLOCK];
            for v in 0..VECTORS {
                ops.store(sums[v], &mut values[v * lanes..]);
            }
            for (sum, value) in row[first..][..count].iter_mut().zip(values) {
                *sum += value;
            }
        }
    }
}
