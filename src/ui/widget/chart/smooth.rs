//! Smoothing: an exponential moving average, corrected for its start.
//!
//! With the factor β, `s ← β·s + (1 − β)·x` and `n ← β·n + (1 − β)`; the
//! smoothed value is `s / n` (the bias correction of Kingma and Ba, 2015). Gaps
//! are passed over. The average's state is kept at the beginning of every
//! block, so that any stretch of a long series is smoothed exactly by looking
//! at little more than the stretch.

use std::ops::Range;

use super::summary::{BLOCK, Extent, Summary};

/// Factors that one goes through, from none to much.
pub const FACTORS: [f64; 6] = [0.0, 0.6, 0.8, 0.9, 0.97, 0.99];

/// State of the average.
#[derive(Debug, Clone, Copy, Default)]
struct Average {
    sum: f64,
    weight: f64,
}

impl Average {
    /// Takes in a value; gives the smoothed one, NaN for a gap.
    fn step(&mut self, factor: f64, value: f64) -> f64 {
        if !value.is_finite() {
            return f64::NAN;
        }
        self.sum = factor * self.sum + (1.0 - factor) * value;
        self.weight = factor * self.weight + (1.0 - factor);
        self.sum / self.weight
    }
}

/// A smoothed series: extents and states of its blocks.
#[derive(Debug, Clone)]
pub struct Smooth {
    factor: f64,
    summary: Summary,
    /// Before each covered block, and after the last.
    states: Vec<Average>,
}

impl Smooth {
    /// A smoothing that covers nothing yet, with a factor in [0, 1).
    #[must_use]
    pub fn new(factor: f64) -> Self {
        Self {
            factor,
            summary: Summary::default(),
            states: vec![Average::default()],
        }
    }

    /// The factor β.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Takes in the whole blocks of a series that grew.
    pub fn extend(&mut self, values: &[f64]) {
        let mut covered = self.summary.covered();
        while let Some(block) = values.get(covered..covered + BLOCK) {
            let mut state = self.states.last().copied().unwrap_or_default();
            let smoothed = block.iter().map(|value| state.step(self.factor, *value));
            let extent = Extent::of(smoothed);
            self.summary.push(extent);
            self.states.push(state);
            covered += BLOCK;
        }
    }

    /// The extent of a stretch of the smoothed series.
    #[must_use]
    pub fn extent(&self, values: &[f64], range: Range<usize>) -> Extent {
        self.summary.extent(range, |rest| {
            let mut extent = Extent::EMPTY;
            self.walk(values, rest, |value| extent.add(value));
            extent
        })
    }

    /// The smoothed value of one point.
    #[must_use]
    pub fn at(&self, values: &[f64], index: usize) -> f64 {
        // The last of a block is what the average became there.
        let after = (index + 1) / BLOCK;
        if (index + 1).is_multiple_of(BLOCK)
            && let (Some(state), Some(value)) = (self.states.get(after), values.get(index))
        {
            return if value.is_finite() {
                state.sum / state.weight
            } else {
                f64::NAN
            };
        }
        let mut found = f64::NAN;
        self.walk(values, index..index + 1, |value| found = value);
        found
    }

    /// Smooths a stretch, from the nearest state before it.
    fn walk(&self, values: &[f64], range: Range<usize>, mut each: impl FnMut(f64)) {
        if range.is_empty() {
            return;
        }
        let block = (range.start / BLOCK).min(self.states.len() - 1);
        let mut state = self.states[block];
        let end = range.end.min(values.len());
        let stretch = values.get(block * BLOCK..end).unwrap_or_default();
        for (index, value) in (block * BLOCK..).zip(stretch) {
            let smoothed = state.step(self.factor, *value);
            if index >= range.start {
                each(smoothed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, from the first point on.
    fn reference(factor: f64, values: &[f64]) -> Vec<f64> {
        let mut state = Average::default();
        values
            .iter()
            .map(|value| state.step(factor, *value))
            .collect()
    }

    #[test]
    fn smoothing_begins_at_the_first_value_and_passes_over_gaps() {
        assert_eq!(reference(0.9, &[3.0]), [3.0]);
        let smoothed = reference(0.5, &[0.0, f64::NAN, 3.0]);
        assert!(smoothed[1].is_nan());
        // (0.25·0 + 0.5·3) / (0.25 + 0.5)
        assert_eq!(smoothed[2], 2.0);
    }

    #[test]
    fn any_stretch_is_smoothed_as_if_from_the_beginning() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i * 37 % 101)).collect();
        let expected = reference(0.95, &values);
        let mut smooth = Smooth::new(0.95);
        smooth.extend(&values[..500]);
        for (start, end) in [(0, 1000), (70, 71), (100, 900), (499, 503), (900, 1000)] {
            let extent = Extent::of(expected[start..end].iter().copied());
            assert_eq!(smooth.extent(&values, start..end), extent, "{start}..{end}");
        }
        assert_eq!(smooth.at(&values, 333), expected[333]);
        assert_eq!(smooth.at(&values, 999), expected[999]);
        // The last of a block, and of the series' last whole one.
        assert_eq!(smooth.at(&values, 63), expected[63]);
        assert_eq!(smooth.at(&values, 447), expected[447]);
    }
}
