//! Operations that move channels or multiply them, forward and back.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::map::{Map, Shape, Spread, to_channels_last, to_planes};

/// A map of this shape, every image made of one of `input`.
fn each(
    input: &Map,
    to: Shape,
    spread: Spread,
    make: impl Fn(usize, &[f32], &mut [f32]) + Sync,
) -> Map {
    let mut output = Map::zeros(input.images, to);
    output
        .values_mut()
        .par_chunks_mut(to.size())
        .zip(input.values().par_chunks(input.shape.size()))
        .enumerate()
        .with_min_len(spread.least())
        .for_each(|(image, (output, input))| make(image, input, output));
    output
}

/// Every image's channels times its factors, which are one pixel.
#[must_use]
pub fn scale(input: &Map, factors: &Map, spread: Spread) -> Map {
    let channels = input.shape.channels;
    each(input, input.shape, spread, |image, input, output| {
        let factors = &factors.values()[image * channels..][..channels];
        let pixels = output.chunks_exact_mut(channels);
        for (output, input) in pixels.zip(input.chunks_exact(channels)) {
            for ((output, input), factor) in output.iter_mut().zip(input).zip(factors) {
                *output = input * factor;
            }
        }
    })
}

/// The gradient of the factors: the sum over pixels of input times the output's.
#[must_use]
pub fn factors_gradient(input: &Map, gradient: &Map) -> Map {
    let channels = input.shape.channels;
    let (size, to) = (input.shape.size(), Shape::features(channels));
    each(input, to, Spread::Shared, |image, input, result| {
        let gradient = &gradient.values()[image * size..][..size];
        // Terms of both signs nearly cancel each other.
        let mut sums = vec![0.0_f64; channels];
        let pixels = input.chunks_exact(channels);
        for (input, gradient) in pixels.zip(gradient.chunks_exact(channels)) {
            for ((sum, input), gradient) in sums.iter_mut().zip(input).zip(gradient) {
                *sum += f64::from(*input) * f64::from(*gradient);
            }
        }
        for (value, sum) in result.iter_mut().zip(sums) {
            *value = sum as f32;
        }
    })
}

/// Channels from `first` on, as many as `to` has.
#[must_use]
pub fn narrow(input: &Map, first: usize, to: Shape, spread: Spread) -> Map {
    each(input, to, spread, |_, input, output| {
        let pixels = output.chunks_exact_mut(to.channels);
        for (output, input) in pixels.zip(input.chunks_exact(input.len() / to.pixels())) {
            output.copy_from_slice(&input[first..][..to.channels]);
        }
    })
}

/// Adds to the channels from `first` on.
pub fn add_narrow(sum: &mut Map, first: usize, gradient: &Map) {
    let (all, some) = (sum.shape.channels, gradient.shape.channels);
    let pixels = gradient.values().par_chunks(some);
    let sums = sum.values_mut().par_chunks_mut(all);
    sums.zip(pixels)
        .with_min_len(PIXELS)
        .for_each(|(sums, values)| {
            for (sum, value) in sums[first..].iter_mut().zip(values) {
                *sum += value;
            }
        });
}

/// The fewest pixels that are worth a thread's attention.
const PIXELS: usize = 1024;

/// The channels of the first, then those of the second.
#[must_use]
pub fn concat(first: &Map, second: &Map, to: Shape, spread: Spread) -> Map {
    let size = second.shape.size();
    let (before, behind) = (first.shape.channels, second.shape.channels);
    each(first, to, spread, |image, first, output| {
        let second = &second.values()[image * size..][..size];
        let pixels = first.chunks_exact(before).zip(second.chunks_exact(behind));
        for (output, (first, second)) in output.chunks_exact_mut(to.channels).zip(pixels) {
            output[..before].copy_from_slice(first);
            output[before..].copy_from_slice(second);
        }
    })
}

/// Channels in `groups` in turns: the first ones of all groups, then the second ones.
#[must_use]
pub fn shuffle(input: &Map, groups: usize, spread: Spread) -> Map {
    let channels = input.shape.channels;
    let each_group = channels / groups;
    each(input, input.shape, spread, |_, input, output| {
        let pixels = output.chunks_exact_mut(channels);
        for (output, input) in pixels.zip(input.chunks_exact(channels)) {
            for (at, output) in output.iter_mut().enumerate() {
                *output = input[at % groups * each_group + at / groups];
            }
        }
    })
}

/// Every image's values in the order of planes.
#[must_use]
pub fn flatten(input: &Map, to: Shape, spread: Spread) -> Map {
    let from = input.shape;
    each(input, to, spread, |_, input, output| {
        to_planes(input, output, from);
    })
}

/// A flat gradient as that of the map that was flattened.
#[must_use]
pub fn unflatten(gradient: &Map, to: Shape) -> Map {
    each(gradient, to, Spread::Shared, |_, planes, pixels| {
        to_channels_last(planes, pixels, to);
    })
}
