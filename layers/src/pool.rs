//! Pooling, forward and back.

use std::ops::Range;

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};
use rten_simd::{Isa, SimdOp};

use crate::map::{Map, Shape, Spread};

/// Square windows of which the greatest value is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Height and width of the window.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Pixels around the map that a window may begin or end in, and are never taken.
    pub padding: usize,
}

/// The greatest value of every window.
#[must_use]
pub fn max_pool(pool: Pool, input: &Map, to: Shape, spread: Spread) -> Map {
    let mut output = Map::zeros(input.images, to);
    let from = input.shape;
    output
        .values_mut()
        .par_chunks_mut(to.size())
        .zip(input.values().par_chunks(from.size()))
        .with_min_len(spread.least())
        .for_each(|(output, input)| {
            Greatest {
                pool,
                from,
                to,
                input,
                output,
            }
            .dispatch();
        });
    output
}

/// The input's gradient: a window's goes to its first greatest value.
#[must_use]
pub fn max_pool_gradient(pool: Pool, input: &Map, output: &Map, gradient: &Map) -> Map {
    let (from, to) = (input.shape, output.shape);
    let mut result = Map::zeros(input.images, from);
    result
        .values_mut()
        .par_chunks_mut(from.size())
        .zip(input.values().par_chunks(from.size()))
        .zip(output.values().par_chunks(to.size()))
        .zip(gradient.values().par_chunks(to.size()))
        .for_each(|(((result, input), output), gradient)| {
            GreatestGradient {
                pool,
                from,
                to,
                input,
                output,
                gradient,
                result,
            }
            .dispatch();
        });
    result
}

struct Greatest<'a> {
    pool: Pool,
    from: Shape,
    to: Shape,
    input: &'a [f32],
    output: &'a mut [f32],
}

impl SimdOp for Greatest<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        let channels = self.to.channels;
        for (at, output) in self.output.chunks_exact_mut(channels).enumerate() {
            output.fill(f32::NEG_INFINITY);
            let window = Covered::by_kernel(self.pool, at, self.from, self.to);
            for pixel in window.pixels(self.from.width) {
                let input = &self.input[pixel * channels..];
                for (most, value) in output.iter_mut().zip(input) {
                    // What is no number stays so.
                    *most = if *value > *most || value.is_nan() {
                        *value
                    } else {
                        *most
                    };
                }
            }
        }
    }
}

struct GreatestGradient<'a> {
    pool: Pool,
    from: Shape,
    to: Shape,
    input: &'a [f32],
    output: &'a [f32],
    gradient: &'a [f32],
    result: &'a mut [f32],
}

impl SimdOp for GreatestGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        let channels = self.to.channels;
        let mut rest = vec![0.0; channels];
        let windows = self.output.chunks_exact(channels);
        let windows = windows
            .zip(self.gradient.chunks_exact(channels))
            .enumerate();
        for (at, (output, gradient)) in windows {
            rest.copy_from_slice(gradient);
            let window = Covered::by_kernel(self.pool, at, self.from, self.to);
            for pixel in window.pixels(self.from.width) {
                let place = pixel * channels;
                let values = self.input[place..].iter().zip(output).zip(&mut rest);
                for (result, ((input, most), rest)) in self.result[place..].iter_mut().zip(values) {
                    let is_it = input == most;
                    *result += if is_it { *rest } else { 0.0 };
                    *rest = if is_it { 0.0 } else { *rest };
                }
            }
        }
    }
}

/// The mean of every window, which follow from the sizes as PyTorch's do.
#[must_use]
pub fn average_pool(input: &Map, to: Shape, spread: Spread) -> Map {
    let mut output = Map::zeros(input.images, to);
    let from = input.shape;
    output
        .values_mut()
        .par_chunks_mut(to.size())
        .zip(input.values().par_chunks(from.size()))
        .with_min_len(spread.least())
        .for_each(|(output, input)| {
            let mut sums = vec![0.0_f64; to.channels];
            for (at, output) in output.chunks_exact_mut(to.channels).enumerate() {
                let window = Covered::evenly(at, from, to);
                sums.fill(0.0);
                for pixel in window.pixels(from.width) {
                    for (sum, value) in sums.iter_mut().zip(&input[pixel * to.channels..]) {
                        *sum += f64::from(*value);
                    }
                }
                for (value, sum) in output.iter_mut().zip(sums.iter()) {
                    *value = (sum / window.size()) as f32;
                }
            }
        });
    output
}

/// The input's gradient.
#[must_use]
pub fn average_pool_gradient(gradient: &Map, from: Shape) -> Map {
    let mut result = Map::zeros(gradient.images, from);
    let to = gradient.shape;
    result
        .values_mut()
        .par_chunks_mut(from.size())
        .zip(gradient.values().par_chunks(to.size()))
        .for_each_init(
            || vec![0.0; to.channels],
            |share, (result, gradient)| {
                for (at, gradient) in gradient.chunks_exact(to.channels).enumerate() {
                    let window = Covered::evenly(at, from, to);
                    for (share, gradient) in share.iter_mut().zip(gradient) {
                        *share = gradient / window.size() as f32;
                    }
                    for pixel in window.pixels(from.width) {
                        add(&mut result[pixel * to.channels..], share);
                    }
                }
            },
        );
    result
}

fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// Rows and columns of the map that a window covers.
struct Covered {
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Covered {
    /// Those of a kernel's window, without its padding.
    #[inline(always)]
    fn by_kernel(pool: Pool, at: usize, from: Shape, to: Shape) -> Self {
        let along = |at: usize, side: usize| {
            let begin = at * pool.stride;
            let end = (begin + pool.kernel).saturating_sub(pool.padding);
            begin.saturating_sub(pool.padding)..end.min(side)
        };
        Self {
            rows: along(at / to.width, from.height),
            columns: along(at % to.width, from.width),
        }
    }

    /// Those of one of the windows that divide the map.
    fn evenly(at: usize, from: Shape, to: Shape) -> Self {
        let along =
            |at: usize, from: usize, to: usize| at * from / to..((at + 1) * from).div_ceil(to);
        Self {
            rows: along(at / to.width, from.height, to.height),
            columns: along(at % to.width, from.width, to.width),
        }
    }

    fn size(&self) -> f64 {
        (self.rows.len() * self.columns.len()) as f64
    }

    /// Their places in the map, row by row.
    #[inline(always)]
    fn pixels(&self, width: usize) -> impl Iterator<Item = usize> + use<> {
        let columns = self.columns.clone();
        let rows = self.rows.clone();
        rows.flat_map(move |row| columns.clone().map(move |column| row * width + column))
    }
}
