//! What values a network's activations have: training images go through its float
//! graph, and what every rounded value was is counted.

use std::ops::Range as Between;
use std::path::Path;

use rayon::prelude::{IndexedParallelIterator, IntoParallelRefIterator};
use rayon::prelude::{IntoParallelRefMutIterator, ParallelIterator};

use super::ProofError;
use crate::data::Images;
use crate::data::stream::shuffle;
use crate::engine::failure::Failure;
use crate::engine::network::{INPUT, Range};
use crate::engine::onnx::{RTEN, Rten};
use crate::event::RangeRule;
use crate::experiment::spec::Int8Spec;
use crate::onnx::OnnxFile;

/// Bins of a histogram, as `TensorRT` has them.
const BINS: usize = 2048;

/// Share of the values that the percentile keeps.
const KEPT: f64 = 0.9999;

/// Fewest bins that a threshold is looked for in: one for each step between 0 and the
/// greatest 8-bit integer.
const LEAST_BINS: usize = 128;

/// Bins between two thresholds that are tried.
const STRIDE: usize = 8;

/// Steps of an activation, from the least to the greatest byte.
const STEPS: f64 = 255.0;

/// Images whose inner values are held at once, and their pixels.
const BATCH: usize = 8;
const PIXELS: usize = BATCH * 64 * 64;

/// What was seen of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    low: f32,
    high: f32,
    /// Counts between the least and the greatest.
    values: Vec<u64>,
    /// Counts of magnitudes, from 0 to the greatest.
    magnitudes: Vec<u64>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            low: f32::INFINITY,
            high: f32::NEG_INFINITY,
            values: vec![0; BINS],
            magnitudes: vec![0; BINS],
        }
    }
}

/// The training images that a network is calibrated on: those of this seed, by their
/// indices.
#[must_use]
pub fn chosen(images: &Images, spec: &Int8Spec) -> Vec<u64> {
    let order = shuffle(spec.seed, 0, "calibration", images.train.len() as u32);
    let chosen = order.into_iter().take(spec.images as usize);
    chosen.map(u64::from).collect()
}

/// Such images, normalised, `[image, 3, height, width]`. One that went bad is left out.
///
/// # Errors
/// More went bad than are tolerated.
pub fn pixels(images: &Images, chosen: &[u64]) -> Result<Vec<f32>, Failure> {
    let (values, present) = images.originals(chosen)?;
    let length = values.len() / present.len().max(1);
    let rows = values.chunks_exact(length.max(1)).zip(present);
    let rows = rows.filter(|(_, present)| *present);
    Ok(rows.flat_map(|(row, _)| row.iter().copied()).collect())
}

/// What the values of these names are in a float graph. `read` gives normalised images
/// `[image, 3, height, width]` of so many; it is asked for each twice.
///
/// # Errors
/// The graph cannot be run, a value is not finite, or there are no images.
pub fn observe(
    path: &Path,
    names: &[String],
    (height, width): (u32, u32),
    count: usize,
    read: impl Fn(Between<usize>) -> Result<Vec<f32>, Failure>,
) -> Result<Vec<Seen>, ProofError> {
    let failed = |reason: String| ProofError::Engine {
        engine: RTEN.to_owned(),
        reason,
    };
    let [height, width] = [height as usize, width as usize];
    if count == 0 {
        return Err(ProofError::NoCalibration);
    }
    // The input is no node's value.
    let inner = names.iter().map(String::as_str);
    let inner: Vec<&str> = inner.filter(|name| *name != INPUT).collect();
    let engine = Rten::as_written(OnnxFile::open(path)?, INPUT, &inner).map_err(failed)?;
    let batch = (PIXELS / (height * width)).clamp(1, BATCH);
    let each = |seen: &mut [Seen], visit: fn(&mut Seen, &[f32])| -> Result<(), ProofError> {
        for start in (0..count).step_by(batch) {
            let images = read(start..count.min(start + batch))?;
            let shape = [images.len() / (3 * height * width), 3, height, width];
            if shape[0] == 0 {
                continue;
            }
            let mut values = engine.run(images.clone(), shape).map_err(failed)?;
            if inner.len() < names.len() {
                values.insert(0, images);
            }
            let pairs = seen.par_iter_mut().zip(values.par_iter());
            pairs.for_each(|(seen, values)| visit(seen, values));
        }
        Ok(())
    };
    let mut seen = vec![Seen::default(); names.len()];
    each(&mut seen, Seen::widen)?;
    for (seen, name) in seen.iter().zip(names) {
        if !(seen.low.is_finite() && seen.high.is_finite()) {
            return Err(ProofError::NotFinite(name.clone()));
        }
    }
    each(&mut seen, Seen::count)?;
    Ok(seen)
}

impl Seen {
    fn widen(&mut self, values: &[f32]) {
        for &value in values {
            // What is no number is the end of both.
            if value.is_nan() {
                (self.low, self.high) = (f32::NEG_INFINITY, f32::INFINITY);
            }
            self.low = self.low.min(value);
            self.high = self.high.max(value);
        }
    }

    fn count(&mut self, values: &[f32]) {
        let least = f64::from(self.low);
        let bin = |value: f64, width: f64| ((value / width) as usize).min(BINS - 1);
        let (wide, magnitude) = (self.width(), self.magnitude());
        for &value in values {
            let value = f64::from(value);
            self.values[bin(value - least, wide)] += 1;
            self.magnitudes[bin(value.abs(), magnitude)] += 1;
        }
    }

    /// Width of a bin of values.
    fn width(&self) -> f64 {
        (f64::from(self.high) - f64::from(self.low)) / BINS as f64
    }

    /// Width of a bin of magnitudes.
    fn magnitude(&self) -> f64 {
        f64::from(self.low.abs().max(self.high.abs())) / BINS as f64
    }

    /// The range by a rule.
    #[must_use]
    pub fn range(&self, rule: RangeRule) -> Range {
        let all = Range {
            low: self.low,
            high: self.high,
        };
        match rule {
            // What was trained with is not asked here.
            RangeRule::MinMax | RangeRule::Trained => all,
            // One value alone has no distribution.
            _ if self.low == self.high => all,
            RangeRule::Percentile => self.percentile(),
            RangeRule::Entropy => self.entropy(),
        }
    }

    fn percentile(&self) -> Range {
        let all: u64 = self.values.iter().sum();
        let cut = (all as f64 * (1.0 - KEPT) / 2.0).floor() as u64;
        // Bins at an end that hold no more than may be cut.
        let outside = |bins: &mut dyn Iterator<Item = &u64>| {
            let mut sum = 0;
            bins.take_while(|count| {
                sum += **count;
                sum <= cut
            })
            .count()
        };
        let below = outside(&mut self.values.iter());
        let above = outside(&mut self.values.iter().rev());
        let width = self.width();
        let low = f64::from(self.low) + below as f64 * width;
        let high = f64::from(self.high) - above as f64 * width;
        Range {
            low: low as f32,
            high: high as f32,
        }
    }

    /// S. Migacz, "8-bit Inference with `TensorRT`" (GTC 2017): of all thresholds the
    /// one by which the distribution of magnitudes, cut there, loses the least when it
    /// is quantized to as many levels as the integers have. A threshold t bounds both ends;
    /// an end where no value is that far stays where it is.
    fn entropy(&self) -> Range {
        let mut bins: Vec<f64> = self.magnitudes.iter().map(|count| *count as f64).collect();
        // Zeros are exact whatever the scale, and there are many behind a Relu.
        bins[0] = bins[1];
        let width = self.magnitude();
        let (down, up) = (-f64::from(self.low.min(0.0)), f64::from(self.high.max(0.0)));
        let levels = |length: usize| {
            let threshold = length as f64 * width;
            let range = threshold.min(down) + threshold.min(up);
            ((STEPS * threshold / range.max(threshold)).round() as usize).max(1)
        };
        let lengths = (LEAST_BINS..=BINS).step_by(STRIDE);
        let best = lengths
            .map(|length| (length, divergence(&bins, length, levels(length))))
            .min_by(|(_, a), (_, b)| a.total_cmp(b));
        let threshold = best.map_or(BINS, |(length, _)| length) as f64 * width;
        Range {
            low: f64::from(self.low).max(-threshold) as f32,
            high: f64::from(self.high).min(threshold) as f32,
        }
    }
}

/// KL(P ‖ Q) of the first bins: P with all that lies beyond in its last bin, Q the
/// same bins quantized to so many levels.
fn divergence(bins: &[f64], length: usize, levels: usize) -> f64 {
    let (kept, beyond) = bins.split_at(length);
    let outliers: f64 = beyond.iter().sum();
    let levels = levels.min(length);
    let mut quantized = vec![0.0; length];
    for level in 0..levels {
        let (start, end) = (level * length / levels, (level + 1) * length / levels);
        let part = &kept[start..end];
        let filled = part.iter().filter(|count| **count > 0.0).count();
        let share = part.iter().sum::<f64>() / filled.max(1) as f64;
        for (quantized, count) in quantized[start..end].iter_mut().zip(part) {
            if *count > 0.0 {
                *quantized = share;
            }
        }
    }
    let all: f64 = kept.iter().sum::<f64>() + outliers;
    let total: f64 = quantized.iter().sum();
    if total == 0.0 {
        return f64::INFINITY;
    }
    let pairs = kept.iter().zip(&quantized).enumerate();
    pairs
        .map(|(at, (count, quantized))| {
            let is_last = at + 1 == length;
            let p = (count + if is_last { outliers } else { 0.0 }) / all;
            if p == 0.0 {
                return 0.0;
            }
            p * (p / (quantized / total)).ln()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(values: &[f32]) -> Seen {
        let mut seen = Seen::default();
        seen.widen(values);
        seen.count(values);
        seen
    }

    /// Values as a normal distribution has them, by the sum of twelve uniform ones.
    fn normal(count: usize) -> Vec<f32> {
        let mut state = 1_u32;
        let mut uniform = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let values = (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f32>() - 6.0);
        values.collect()
    }

    #[test]
    fn the_least_and_the_greatest_are_a_range() {
        let range = seen(&[0.5, -2.0, 3.0]).range(RangeRule::MinMax);
        assert_eq!((range.low, range.high), (-2.0, 3.0));
    }

    #[test]
    fn a_percentile_leaves_out_a_lone_outlier() {
        let mut values = normal(40_000);
        let most = values.iter().fold(0.0_f32, |most, value| most.max(*value));
        values.push(100.0);
        let range = seen(&values).range(RangeRule::Percentile);
        assert!(range.high < most + 0.1 && range.high > 2.5, "{range:?}");
        assert!(range.low < -2.5, "{range:?}");
        let whole = seen(&values[..1000]).range(RangeRule::Percentile);
        assert_eq!(whole, seen(&values[..1000]).range(RangeRule::MinMax));
    }

    #[test]
    fn by_entropy_a_lone_outlier_is_left_out_and_an_even_spread_is_kept() {
        let mut values = normal(40_000);
        values.push(60.0);
        let range = seen(&values).range(RangeRule::Entropy);
        assert!(range.high < 10.0 && range.high > 2.0, "{range:?}");
        // An end that nothing reaches stays where it is.
        assert!(range.low > -6.1 && range.low < -2.0, "{range:?}");
        let even: Vec<f32> = (0..200_000).map(|at| at as f32 / 1000.0).collect();
        let range = seen(&even).range(RangeRule::Entropy);
        assert!(range.high > 195.0 && range.low == 0.0, "{range:?}");
    }

    #[test]
    fn a_constant_is_its_own_range_by_every_rule() {
        for rule in [RangeRule::MinMax, RangeRule::Percentile, RangeRule::Entropy] {
            for value in [0.0, 0.25, -3.0] {
                let range = seen(&[value; 100]).range(rule);
                assert_eq!((range.low, range.high), (value, value), "{rule:?}");
            }
        }
    }

    #[test]
    fn what_is_no_number_has_no_range() {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut seen = Seen::default();
            seen.widen(&[1.0, odd, 2.0]);
            assert!(!(seen.low.is_finite() && seen.high.is_finite()), "{odd}");
        }
    }
}
