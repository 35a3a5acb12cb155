//! Least and greatest values of stretches of a long series, kept so that a
//! picture of a million points looks at a few thousand numbers, and no spike is
//! lost.
//!
//! Points are summed up in blocks, and blocks in blocks of blocks. A summary
//! covers whole blocks only; whoever asks for a stretch gives the series, and
//! what is not covered is looked at point by point.

use std::ops::Range;

/// Points of a block, and blocks of an upper block.
pub const BLOCK: usize = 64;

/// Least and greatest of some values; gaps (NaN, infinities) don't count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// Least value, or +∞ of none.
    pub min: f64,
    /// Greatest value, or −∞ of none.
    pub max: f64,
    /// Least value above 0, or +∞ of none: where a logarithmic axis begins.
    pub positive: f64,
    /// Whether there is a gap among the values.
    pub gap: bool,
}

impl Extent {
    /// Of no values.
    pub const EMPTY: Self = Self {
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        positive: f64::INFINITY,
        gap: false,
    };

    /// Of some values.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut extent = Self::EMPTY;
        for value in values {
            extent.add(value);
        }
        extent
    }

    /// Takes in a value.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            self.gap = true;
            return;
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if value > 0.0 {
            self.positive = self.positive.min(value);
        }
    }

    /// Takes in the values of another.
    pub fn join(&mut self, other: Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.positive = self.positive.min(other.positive);
        self.gap |= other.gap;
    }

    /// Whether no value counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.min > self.max
    }
}

/// The extents of a series' blocks.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    blocks: Vec<Extent>,
    upper: Vec<Extent>,
}

impl Summary {
    /// Number of points that it covers.
    #[must_use]
    pub fn covered(&self) -> usize {
        self.blocks.len() * BLOCK
    }

    /// Takes in the whole blocks of a series that grew.
    pub fn extend(&mut self, values: &[f64]) {
        while let Some(block) = values.get(self.covered()..self.covered() + BLOCK) {
            self.push(Extent::of(block.iter().copied()));
        }
    }

    pub(super) fn push(&mut self, block: Extent) {
        self.blocks.push(block);
        if self.blocks.len().is_multiple_of(BLOCK) {
            let mut upper = Extent::EMPTY;
            for block in &self.blocks[self.blocks.len() - BLOCK..] {
                upper.join(*block);
            }
            self.upper.push(upper);
        }
    }

    /// The extent of a stretch; `scan` looks at the points that are not in
    /// whole blocks.
    pub(super) fn extent(
        &self,
        range: Range<usize>,
        scan: impl Fn(Range<usize>) -> Extent,
    ) -> Extent {
        let first = range.start.div_ceil(BLOCK);
        let last = (range.end / BLOCK).min(self.blocks.len());
        if first >= last {
            return scan(range);
        }
        let mut extent = self.joined(first, last);
        extent.join(scan(range.start..first * BLOCK));
        extent.join(scan(last * BLOCK..range.end));
        extent
    }

    /// The extent of whole blocks.
    fn joined(&self, first: usize, last: usize) -> Extent {
        let (above, below) = (first.div_ceil(BLOCK), last / BLOCK);
        let mut extent = Extent::EMPTY;
        let mut take = |extents: &[Extent]| {
            for each in extents {
                extent.join(*each);
            }
        };
        if above < below {
            take(&self.blocks[first..above * BLOCK]);
            take(&self.upper[above..below]);
            take(&self.blocks[below * BLOCK..last]);
        } else {
            take(&self.blocks[first..last]);
        }
        extent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values without a pattern that blocks could hide.
    fn noise(count: usize) -> Vec<f64> {
        let mut seed = 1_u64;
        (0..count)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 40) as f64 - 8e6
            })
            .collect()
    }

    #[test]
    fn a_summary_says_of_any_stretch_what_its_points_say() {
        let mut values = noise(20_000);
        values[777] = f64::NAN;
        values[5_000] = f64::INFINITY;
        let mut summary = Summary::default();
        summary.extend(&values[..10_000]);
        summary.extend(&values);
        let scan = |range: Range<usize>| Extent::of(values[range].iter().copied());
        for (start, end) in [
            (0, 20_000),
            (1, 19_999),
            (63, 65),
            (64, 128),
            (700, 9_000),
            (9, 9),
        ] {
            assert_eq!(
                summary.extent(start..end, scan),
                scan(start..end),
                "{start}..{end}"
            );
        }
    }

    #[test]
    fn a_whole_series_is_summed_up_from_few_points() {
        let values = noise(1_000_000);
        let mut summary = Summary::default();
        summary.extend(&values);
        let looked_at = std::cell::Cell::new(0);
        summary.extent(1..999_999, |range| {
            looked_at.set(looked_at.get() + range.len());
            Extent::of(values[range].iter().copied())
        });
        assert!(looked_at.get() < 2 * BLOCK, "{}", looked_at.get());
    }
}
