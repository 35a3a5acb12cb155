//! Batch normalisation, forward and back.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};
use rten_simd::{Isa, SimdOp};

use crate::correlate::rectified;
use crate::map::{Map, Spread};

/// Pixels whose sums are made apart, and then added in order.
const PIECE: usize = 512;

/// Mean and variance of every channel.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Of every channel.
    pub mean: Vec<f32>,
    /// Not the unbiased one.
    pub variance: Vec<f32>,
}

impl Moments {
    /// Those of a map. Sums of squares are about the mean of each piece (Chan et al.,
    /// "Updating formulae and a pairwise algorithm for computing sample variances", 1979).
    #[must_use]
    pub fn of(map: &Map) -> Self {
        let channels = map.shape.channels;
        let pieces = map.values().par_chunks(PIECE * channels);
        let pieces: Vec<_> = pieces
            .map(|pixels| {
                let (mut mean, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
                PieceMoments {
                    pixels,
                    mean: &mut mean,
                    squares: &mut squares,
                }
                .dispatch();
                (pixels.len() / channels, mean, squares)
            })
            .collect();
        let moments = (0..channels).map(|channel| {
            let (mut count, mut mean, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
            for (more, means, sums) in &pieces {
                let more = *more as f64;
                let apart = f64::from(means[channel]) - mean;
                let all = count + more;
                mean += apart * more / all;
                squares += f64::from(sums[channel]) + apart * apart * count * more / all;
                count = all;
            }
            (mean as f32, (squares / count) as f32)
        });
        let (mean, variance) = moments.unzip();
        Self { mean, variance }
    }

    /// One over the standard deviation.
    #[must_use]
    pub fn inverse(&self, epsilon: f64) -> Vec<f32> {
        let variances = self.variance.iter();
        variances
            .map(|variance| (1.0 / (f64::from(*variance) + epsilon).sqrt()) as f32)
            .collect()
    }
}

/// Mean of some pixels, and the sum of squares about it.
struct PieceMoments<'a> {
    pixels: &'a [f32],
    mean: &'a mut [f32],
    squares: &'a mut [f32],
}

impl SimdOp for PieceMoments<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        let channels = self.mean.len();
        let count = (self.pixels.len() / channels) as f32;
        for pixel in self.pixels.chunks_exact(channels) {
            for (sum, value) in self.mean.iter_mut().zip(pixel) {
                *sum += value;
            }
        }
        for sum in self.mean.iter_mut() {
            *sum /= count;
        }
        for pixel in self.pixels.chunks_exact(channels) {
            let sums = self.squares.iter_mut().zip(self.mean.iter());
            for ((sum, mean), value) in sums.zip(pixel) {
                let apart = value - mean;
                *sum += apart * apart;
            }
        }
    }
}

/// A normalisation with known moments.
#[derive(Debug)]
pub struct Norm<'a> {
    /// What is normalised by.
    pub moments: &'a Moments,
    /// One over the standard deviation.
    pub inverse: &'a [f32],
    /// Factor of every channel.
    pub scale: &'a [f32],
    /// What is added then.
    pub shift: &'a [f32],
}

impl Norm<'_> {
    /// The result, with what comes after it.
    #[must_use]
    pub fn forward(
        &self,
        input: &Map,
        bound: Option<f32>,
        added: Option<&Map>,
        spread: Spread,
    ) -> Map {
        let channels = input.shape.channels;
        let factors: Vec<f32> = self
            .scale
            .iter()
            .zip(self.inverse)
            .map(|(a, b)| a * b)
            .collect();
        let mut output = Map::zeros(input.images, input.shape);
        let piece = PIECE * channels;
        let pieces = input.values().par_chunks(piece);
        output
            .values_mut()
            .par_chunks_mut(piece)
            .zip(pieces)
            .enumerate()
            .with_min_len(spread.least())
            .for_each(|(at, (output, input))| {
                Normalize {
                    input,
                    mean: &self.moments.mean,
                    factors: &factors,
                    shift: self.shift,
                    added: added.map(|added| &added.values()[at * piece..][..output.len()]),
                    bound,
                    output,
                }
                .dispatch();
            });
        output
    }

    /// Gradients of scale and shift; the output's becomes the input's.
    #[must_use]
    pub fn backward(&self, input: &Map, gradient: &mut Map) -> [Vec<f32>; 2] {
        let channels = input.shape.channels;
        let piece = PIECE * channels;
        let mean = &self.moments.mean;
        let pieces = gradient.values().par_chunks(piece);
        let pieces: Vec<_> = pieces
            .zip(input.values().par_chunks(piece))
            .map(|(gradient, input)| {
                let (mut sums, mut products) = (vec![0.0; channels], vec![0.0; channels]);
                PieceGradients {
                    gradient,
                    input,
                    mean,
                    sums: &mut sums,
                    products: &mut products,
                }
                .dispatch();
                [sums, products]
            })
            .collect();
        let total = |which: usize, channel: usize| -> f64 {
            let pieces = pieces.iter();
            pieces.map(|piece| f64::from(piece[which][channel])).sum()
        };
        let count = (input.images * input.shape.pixels()) as f64;
        let mut by_scale = vec![0.0; channels];
        let mut by_shift = vec![0.0; channels];
        let mut lines = Lines {
            gradient: vec![0.0; channels],
            apart: vec![0.0; channels],
            constant: vec![0.0; channels],
        };
        for channel in 0..channels {
            let (sum, product) = (total(0, channel), total(1, channel));
            let inverse = f64::from(self.inverse[channel]);
            let factor = f64::from(self.scale[channel]) * inverse;
            by_scale[channel] = (product * inverse) as f32;
            by_shift[channel] = sum as f32;
            lines.gradient[channel] = factor as f32;
            lines.apart[channel] = (-factor * inverse * inverse * product / count) as f32;
            lines.constant[channel] = (-factor * sum / count) as f32;
        }
        gradient
            .values_mut()
            .par_chunks_mut(piece)
            .zip(input.values().par_chunks(piece))
            .for_each(|(gradient, input)| {
                InputGradient {
                    gradient,
                    input,
                    mean,
                    lines: &lines,
                }
                .dispatch();
            });
        [by_scale, by_shift]
    }
}

struct Normalize<'a> {
    input: &'a [f32],
    mean: &'a [f32],
    factors: &'a [f32],
    shift: &'a [f32],
    added: Option<&'a [f32]>,
    bound: Option<f32>,
    output: &'a mut [f32],
}

impl SimdOp for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        let channels = self.mean.len();
        let pixels = self.output.chunks_exact_mut(channels);
        for (at, (output, input)) in pixels.zip(self.input.chunks_exact(channels)).enumerate() {
            let lines = self.mean.iter().zip(self.factors).zip(self.shift);
            for ((output, input), ((mean, factor), shift)) in
                output.iter_mut().zip(input).zip(lines)
            {
                *output = (input - mean) * factor + shift;
            }
            if let Some(added) = self.added {
                for (output, added) in output.iter_mut().zip(&added[at * channels..]) {
                    *output += added;
                }
            }
            if let Some(bound) = self.bound {
                for output in output {
                    *output = rectified(*output, bound);
                }
            }
        }
    }
}

/// Sums over some pixels of the gradient, and of it times the input about its mean.
struct PieceGradients<'a> {
    gradient: &'a [f32],
    input: &'a [f32],
    mean: &'a [f32],
    sums: &'a mut [f32],
    products: &'a mut [f32],
}

impl SimdOp for PieceGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        let channels = self.mean.len();
        let pixels = self.gradient.chunks_exact(channels);
        for (gradient, input) in pixels.zip(self.input.chunks_exact(channels)) {
            let sums = self.sums.iter_mut().zip(self.products.iter_mut());
            let values = gradient.iter().zip(input).zip(self.mean);
            for ((sum, product), ((gradient, input), mean)) in sums.zip(values) {
                *sum += gradient;
                *product += gradient * (input - mean);
            }
        }
    }
}

/// What the input's gradient is made of, for every channel: factors of the output's and of
/// the input about its mean, and a constant.
struct Lines {
    gradient: Vec<f32>,
    apart: Vec<f32>,
    constant: Vec<f32>,
}

struct InputGradient<'a> {
    gradient: &'a mut [f32],
    input: &'a [f32],
    mean: &'a [f32],
    lines: &'a Lines,
}

impl SimdOp for InputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn eval<I: Isa>(self, _: I) {
        let channels = self.mean.len();
        let Lines {
            gradient: factors,
            apart,
            constant,
        } = self.lines;
        let pixels = self.gradient.chunks_exact_mut(channels);
        for (gradient, input) in pixels.zip(self.input.chunks_exact(channels)) {
            let lines = factors.iter().zip(apart).zip(constant).zip(self.mean);
            let values = gradient.iter_mut().zip(input);
            for ((gradient, input), (((factor, apart), constant), mean)) in values.zip(lines) {
                *gradient = *gradient * factor + (input - mean) * apart + constant;
            }
        }
    }
}
