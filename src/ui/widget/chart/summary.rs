//! Least and greatest values of stretches of a long series, kept so that a
//! picture of a million points looks at a few thousand numbers, and no spike is
//! lost.
//!
//! Points are summed up in blocks, blocks in blocks of blocks, and so on until
//! few are left. A summary covers whole blocks only; a request for a stretch
//! gives the series, and what is not covered is looked at point by point.

use std::ops::Range;

/// Points of a block.
pub const BLOCK: usize = 64;

/// Blocks that the next level holds as one.
const FAN: usize = 4;

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

/// The extents of a series' blocks, of blocks of those, and so on.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Each level's extents stand for [`FAN`] times as many points as those of
    /// the level before.
    levels: Vec<Vec<Extent>>,
}

/// Points of the longest blocks that are no longer than `points`; 1 where even
/// the shortest are.
pub(super) fn block_within(points: usize) -> usize {
    let mut block = if points < BLOCK { 1 } else { BLOCK };
    while block >= BLOCK && block * FAN <= points {
        block *= FAN;
    }
    block
}

impl Summary {
    /// Number of points that it covers.
    #[must_use]
    pub fn covered(&self) -> usize {
        self.blocks() * BLOCK
    }

    fn blocks(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Takes in the whole blocks of a series that grew.
    pub fn extend(&mut self, values: &[f64]) {
        while let Some(block) = values.get(self.covered()..self.covered() + BLOCK) {
            self.push(Extent::of(block.iter().copied()));
        }
    }

    pub(super) fn push(&mut self, block: Extent) {
        let mut next = block;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
            }
            let extents = &mut self.levels[level];
            extents.push(next);
            if !extents.len().is_multiple_of(FAN) {
                return;
            }
            next = Extent::EMPTY;
            for each in &extents[extents.len() - FAN..] {
                next.join(*each);
            }
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
        let last = (range.end / BLOCK).min(self.blocks());
        if first >= last {
            return scan(range);
        }
        let mut extent = self.joined(first, last);
        extent.join(scan(range.start..first * BLOCK));
        extent.join(scan(last * BLOCK..range.end));
        extent
    }

    /// The extent of whole blocks: on every level the few that do not fill a
    /// block of the next.
    fn joined(&self, mut first: usize, mut last: usize) -> Extent {
        let mut extent = Extent::EMPTY;
        for level in &self.levels {
            while first < last && !first.is_multiple_of(FAN) {
                extent.join(level[first]);
                first += 1;
            }
            while first < last && !last.is_multiple_of(FAN) {
                last -= 1;
                extent.join(level[last]);
            }
            (first, last) = (first / FAN, last / FAN);
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

    #[test]
    fn blocks_are_as_long_as_they_may_be() {
        for (points, block) in [
            (0, 1),
            (63, 1),
            (64, 64),
            (255, 64),
            (256, 256),
            (5000, 4096),
        ] {
            assert_eq!(block_within(points), block, "{points}");
        }
    }
}
