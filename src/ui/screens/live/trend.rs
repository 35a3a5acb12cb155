//! Whether a loss diverges: it rose far above its least, by more than noise on a
//! loss near zero, stayed there, and did not come back.

use std::ops::RangeInclusive;

/// Logged rows whose mean stands for the loss as it is.
const STRETCH: usize = 8;

/// Stretches in a row that begin or end a divergence.
const LASTING: usize = 3;

/// A loss this many times the least it has been is far above it.
const RATIO: f64 = 2.0;

/// A loss above this share of what it was at first knows as little as then.
const UNLEARNT: f64 = 0.5;

/// Nats. A loss below is that of a model that works, however small its least was.
const FLOOR: f64 = 0.5;

/// Below this share of the limit a divergence ends; in between it stays what it is.
const CALM: f64 = 0.75;

/// A loss up to this many times its least is as good as that.
const AS_GOOD: f64 = 1.2;

/// A loss this many times what it was at first exploded, and so many rows in a row
/// confirm it: a short training has no three stretches.
const EXPLODED: (f64, usize) = (10.0, 3);

/// What a loss must exceed to be far above `least`, after it began at `first`.
pub(super) fn limit(first: f64, least: f64) -> f64 {
    (RATIO * least).max(UNLEARNT * first).max(FLOOR)
}

/// A loss that diverges.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Divergence {
    /// The step at which it began to.
    pub(super) since: u64,
    /// From the first step of the last stretch in which the loss was as good as its least to
    /// the last of the first in which it was not: what changed here may be the cause.
    pub(super) turned: RangeInclusive<u64>,
    pub(super) now: f64,
    pub(super) before: f64,
}

/// A loss without its weight, row after row.
#[derive(Debug, Default)]
pub(super) struct Trend {
    first: Option<f64>,
    /// Least mean of a stretch.
    least: Option<f64>,
    /// First step of the last stretch that was as good.
    good_at: u64,
    /// The stretch that is under way: its first step, sum and rows.
    stretch: (u64, f64, usize),
    /// Stretches in a row that contradict what is said now, and the steps of the first.
    streak: Option<(usize, RangeInclusive<u64>)>,
    /// Rows in a row that exploded, and their first step.
    exploded: (usize, u64),
    found: Option<Divergence>,
}

impl Trend {
    /// The divergence that is under way.
    pub(super) fn divergence(&self) -> Option<&Divergence> {
        self.found.as_ref()
    }

    /// Takes in a logged row. One without a value says nothing.
    pub(super) fn add(&mut self, step: u64, value: f64) {
        if !value.is_finite() {
            return;
        }
        let first = *self.first.get_or_insert(value);
        self.exploded = match self.exploded {
            _ if value <= (EXPLODED.0 * first).max(FLOOR) => (0, step),
            (0, _) => (1, step),
            (rows, since) => (rows + 1, since),
        };
        if self.exploded.0 == EXPLODED.1 && self.found.is_none() {
            self.find(&(self.exploded.1..=self.exploded.1), value);
        }
        let (since, sum, rows) = match self.stretch {
            (_, _, 0) => (step, value, 1),
            (since, sum, rows) => (since, sum + value, rows + 1),
        };
        self.stretch = (since, sum, rows);
        if rows == STRETCH {
            self.end_stretch(since..=step, sum / STRETCH as f64);
            self.stretch.2 = 0;
        }
    }

    fn find(&mut self, bad: &RangeInclusive<u64>, now: f64) {
        self.found = Some(Divergence {
            since: *bad.start(),
            turned: self.good_at..=*bad.end(),
            now,
            before: self.before(),
        });
        self.streak = None;
    }

    /// The loss at its best, or at first while no stretch has ended.
    fn before(&self) -> f64 {
        self.least.or(self.first).unwrap_or(f64::NAN)
    }

    fn end_stretch(&mut self, steps: RangeInclusive<u64>, mean: f64) {
        let limit = limit(self.first.unwrap_or(mean), self.before());
        let contradicts = match &mut self.found {
            Some(found) => {
                found.now = mean;
                mean < CALM * limit
            }
            None => mean > limit,
        };
        if mean <= AS_GOOD * self.least.unwrap_or(mean) {
            self.good_at = *steps.start();
        }
        let streak = contradicts.then(|| match self.streak.take() {
            Some((stretches, first)) => (stretches + 1, first),
            None => (1, steps),
        });
        match streak {
            Some((LASTING, first)) => match self.found.take() {
                None => self.find(&first, mean),
                Some(_) => self.streak = None,
            },
            streak => self.streak = streak,
        }
        self.least = Some(self.least.map_or(mean, |least| least.min(mean)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of a loss; whether it was said to diverge after each.
    fn divergence(losses: impl IntoIterator<Item = f64>) -> Vec<bool> {
        let mut trend = Trend::default();
        (0..)
            .zip(losses)
            .map(|(step, loss)| {
                trend.add(step, loss);
                trend.divergence().is_some()
            })
            .collect()
    }

    fn never(losses: impl IntoIterator<Item = f64>) -> bool {
        !divergence(losses).contains(&true)
    }

    /// A loss that falls from 2.3 to `least`.
    fn learnt(least: f64) -> impl Iterator<Item = f64> {
        (0..200).map(move |row| least + (2.3 - least) * (-f64::from(row) / 20.0).exp())
    }

    fn level(loss: f64, rows: usize) -> impl Iterator<Item = f64> {
        std::iter::repeat_n(loss, rows)
    }

    #[test]
    fn a_converged_loss_may_wobble() {
        let wobbles = (0..400).map(|row| if row / 40 % 2 == 0 { 0.003 } else { 0.01 });
        assert!(never(learnt(0.003).chain(wobbles)));
        // The same of a student that begins with trained weights.
        assert!(never(level(0.003, 40).chain(level(0.01, 400))));
        assert!(never(level(0.003, 40).chain(level(0.2, 400))));
    }

    #[test]
    fn stronger_augmentation_may_raise_a_loss() {
        assert!(never(learnt(0.2).chain(level(0.9, 400))));
    }

    #[test]
    fn a_spike_is_no_divergence() {
        let spikes = (0..400).map(|row| if row % 40 < 16 { 3.0 } else { 0.3 });
        assert!(never(learnt(0.3).chain(spikes)));
        assert!(never(learnt(0.3).chain([80.0, 80.0]).chain(level(0.3, 80))));
    }

    #[test]
    fn a_loss_that_rises_and_stays_diverges_from_where_it_rose() {
        let mut trend = Trend::default();
        for (step, loss) in (0..).zip(learnt(0.3).chain(level(2.3, 24))) {
            assert_eq!(trend.divergence(), None);
            trend.add(step, loss);
        }
        let found = trend.divergence().unwrap();
        assert_eq!(found.since, 200);
        assert!((found.now - 2.3).abs() < 1e-9, "{found:?}");
        assert!((found.before - 0.3).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn a_short_training_that_explodes_diverges() {
        assert_eq!(divergence([2.3, 2.2, 50.0, 90.0]), [false; 4]);
        assert_eq!(divergence([2.3, 50.0, 90.0, 400.0])[3..], [true]);
    }

    #[test]
    fn a_loss_that_recovers_diverges_no_longer() {
        let rows = learnt(0.3).chain(level(2.3, 40)).chain(level(0.4, 40));
        let divergence = divergence(rows);
        assert!(divergence[239] && divergence[240 + 15]);
        assert!(!divergence[279]);
    }

    #[test]
    fn a_divergence_near_its_limit_neither_ends_nor_begins_again() {
        // The limit is half of the first loss, 1.15.
        let near = (0..400).map(|row| if row / 8 % 2 == 0 { 1.1 } else { 1.2 });
        let before = learnt(0.3).chain(level(2.3, 40));
        assert!(divergence(before.chain(near.clone())).last().unwrap());
        assert!(never(learnt(0.3).chain(near)));
    }
}
