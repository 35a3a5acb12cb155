//! The learning-rate range test: a short training whose learning rate grows from step to
//! step, and the value that its losses propose. L. N. Smith, "Cyclical Learning Rates for
//! Training Neural Networks", 2017, in the exponential form of fastai's `lr_find` and `PyTorch`
//! Lightning's `LearningRateFinder`.
//!
//! Like theirs it ends where the smoothed loss exceeds four times its best, and proposes the
//! learning rate of the steepest descent. Unlike theirs the curve is smoothed to both
//! sides: a mean of earlier losses only lags, which puts the steepest descent where the
//! loss is already lowest.

use serde::{Deserialize, Serialize};

use crate::format::{loss, number, plural, short};

/// The loss diverges where its mean exceeds so many times the least that it was.
const DIVERGED: f64 = 4.0;

/// How much of the mean of losses that is watched for that stays, each step.
const KEPT: f64 = 0.9;

/// Losses whose learning rates differ by this factor weigh 1/e of each other when they are
/// smoothed, and slopes are measured over it to both sides.
const NEIGHBOURHOOD: f64 = 2.0;

/// How many times its spread about the curve the loss has to fall.
const STANDS_OUT: f64 = 1.5;

/// What share of itself the loss has to fall by.
const LEAST_FALL: f64 = 0.01;

/// The learning rates of a range test, growing by the same factor each step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LrRange {
    /// That of the first step.
    pub from: f64,
    /// That of the last step.
    pub to: f64,
    /// Steps, at least two.
    pub steps: u32,
}

/// A step of a range test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LrPoint {
    /// Its learning rate.
    pub lr: f64,
    /// The weighted sum of the losses before its update.
    pub loss: f64,
}

/// How a range test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LrEnd {
    /// With the highest learning rate.
    Completed,
    /// The loss diverged, at the learning rate of the last step.
    Diverged,
    /// A person stopped it.
    Stopped,
}

/// The losses of a range test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LrCurve {
    /// By step; all losses are finite.
    pub points: Vec<LrPoint>,
    /// How it ended.
    pub end: LrEnd,
}

/// Watches for the loss to diverge.
#[derive(Debug, Clone, Copy, Default)]
pub struct LrWatch {
    sum: f64,
    weight: f64,
    best: Option<f64>,
}

/// What a range test proposes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrProposal {
    /// Where the loss falls fastest, to two digits.
    pub lr: f64,
    /// Where the smoothed loss is lowest, and what it is there.
    pub lowest: LrPoint,
    /// Whether the loss still fell at the highest learning rate.
    pub falls_at_end: bool,
}

impl Default for LrRange {
    fn default() -> Self {
        Self {
            from: 1e-6,
            to: 10.0,
            steps: 100,
        }
    }
}

impl LrRange {
    /// The learning rate of a step, from 0.
    #[must_use]
    pub fn lr(&self, step: u32) -> f64 {
        let share = f64::from(step) / f64::from(self.steps.saturating_sub(1).max(1));
        self.from * (self.to / self.from).powf(share)
    }
}

impl LrWatch {
    /// Takes in the loss of the next step. Returns whether it diverged.
    pub fn diverges(&mut self, loss: f64) -> bool {
        self.sum = KEPT * self.sum + (1.0 - KEPT) * loss;
        self.weight = KEPT * self.weight + (1.0 - KEPT);
        let mean = self.sum / self.weight;
        let best = self.best.map_or(mean, |best| best.min(mean));
        self.best = Some(best);
        mean > DIVERGED * best
    }
}

impl LrCurve {
    /// The losses as smooth as they are judged by, by step: the mean of all, each by how near
    /// its learning rate is. A loss that diverges counts as the greatest before the lowest one,
    /// for it would bend the curve far before it.
    #[must_use]
    pub fn smoothed(&self) -> Vec<f64> {
        let losses = || self.points.iter().map(|point| point.loss);
        let least = losses().fold(f64::INFINITY, f64::min);
        let before = losses().take_while(|loss| *loss > least);
        let most = before.fold(least, f64::max);
        let losses: Vec<f64> = self.points.iter().map(|it| it.loss.min(most)).collect();
        // By how much a loss weighs less with each step between.
        let less = (-self.ln_step() / NEIGHBOURHOOD.ln()).exp();
        let sums = sums_of_neighbours(&losses, less);
        let weights = sums_of_neighbours(&vec![1.0; losses.len()], less);
        let both = sums.iter().zip(weights);
        both.map(|(sum, weight)| sum / weight).collect()
    }

    /// Logarithm of the factor between two steps.
    fn ln_step(&self) -> f64 {
        match self.points.as_slice() {
            [first, second, ..] => (second.lr / first.lr).ln(),
            _ => f64::INFINITY,
        }
    }

    /// What the losses propose; nothing where they do not fall by more than they differ from
    /// step to step.
    #[must_use]
    pub fn proposal(&self) -> Option<LrProposal> {
        let smoothed = self.smoothed();
        let lowest = (0..smoothed.len()).min_by(|&a, &b| smoothed[a].total_cmp(&smoothed[b]))?;
        let until_then = self.points.iter().zip(&smoothed).take(lowest + 1);
        let spread: f64 = until_then
            .map(|(point, mean)| (point.loss - mean).powi(2))
            .sum();
        let spread = (spread / (lowest + 1) as f64).sqrt();
        let least = (STANDS_OUT * spread).max(LEAST_FALL * smoothed[0]);
        if smoothed[0] - smoothed[lowest] <= least {
            return None;
        }
        let reach = (NEIGHBOURHOOD.ln() / self.ln_step()).round().max(1.0) as usize;
        let end = smoothed.len() - 1;
        let slope = |at: usize| {
            let (before, after) = (at.saturating_sub(reach), (at + reach).min(end));
            (smoothed[after] - smoothed[before]) / (after - before) as f64
        };
        let steepest = (0..=lowest).min_by(|&a, &b| slope(a).total_cmp(&slope(b)))?;
        Some(LrProposal {
            lr: two_digits(self.points[steepest].lr),
            lowest: LrPoint {
                lr: two_digits(self.points[lowest].lr),
                loss: smoothed[lowest],
            },
            falls_at_end: lowest + 1 == smoothed.len(),
        })
    }
}

impl LrCurve {
    /// That of a test that was stopped before its first step.
    #[must_use]
    pub fn without_steps() -> Self {
        Self {
            points: Vec::new(),
            end: LrEnd::Stopped,
        }
    }

    /// Whether a test of another range may propose more, by options that [`Self::results`]
    /// names.
    #[must_use]
    pub fn may_propose_more(&self) -> bool {
        match self.proposal() {
            Some(proposal) => proposal.falls_at_end,
            None => self.end != LrEnd::Stopped,
        }
    }

    /// What it proposes and how it ended, in words by what they say.
    #[must_use]
    pub fn results(&self) -> Vec<(&'static str, String)> {
        let Some(last) = self.points.last() else {
            return vec![("ended", "stopped before the first step".to_owned())];
        };
        let proposal = self.proposal();
        let mut results = vec![("proposed", self.proposed(proposal))];
        if let Some(LrProposal { lowest, .. }) = proposal {
            let text = format!("{} at lr {}", loss(lowest.loss), number(lowest.lr));
            results.push(("lowest loss", text));
        }
        let last = short(last.lr);
        let steps = plural(self.points.len(), "step", "steps");
        let how = match self.end {
            LrEnd::Completed => "after",
            LrEnd::Diverged => "diverged after",
            LrEnd::Stopped => "stopped after",
        };
        results.push(("ended", format!("{how} {steps}, at lr {last}")));
        results
    }

    fn proposed(&self, proposal: Option<LrProposal>) -> String {
        match proposal {
            Some(LrProposal {
                lr,
                falls_at_end: false,
                ..
            }) => format!("{}, where the loss falls fastest", number(lr)),
            Some(LrProposal { lr, .. }) => format!(
                "{}, where the loss falls fastest; it still falls at the end: raise --lr-to",
                number(lr)
            ),
            None if self.end == LrEnd::Stopped => "nothing yet".to_owned(),
            None => "nothing: the loss falls by no more than it differs from batch to batch; \
                     raise --lr-to, --steps or the batch"
                .to_owned(),
        }
    }
}

/// For every value the sum of all, each times `less` to the power of its distance.
fn sums_of_neighbours(values: &[f64], less: f64) -> Vec<f64> {
    let mut before = 0.0;
    let mut sums: Vec<f64> = Vec::with_capacity(values.len());
    for value in values {
        before = before * less + value;
        sums.push(before);
    }
    let mut after = 0.0;
    for (sum, value) in sums.iter_mut().zip(values).rev() {
        *sum += after * less;
        after = after * less + value;
    }
    sums
}

/// A learning rate as one is written.
fn two_digits(lr: f64) -> f64 {
    format!("{lr:.1e}").parse().unwrap_or(lr)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Losses that are `high` up to 1e-3, fall evenly in ln(lr) to `low` at 0.1, rise after.
    fn curve(high: f64, low: f64, noise: f64) -> LrCurve {
        let range = LrRange::default();
        let mut watch = LrWatch::default();
        let mut points = Vec::new();
        let mut end = LrEnd::Completed;
        for step in 0..range.steps {
            let lr = range.lr(step);
            let share = (lr.log10() / 2.0 + 1.5).max(0.0);
            let fallen = if share <= 1.0 {
                high - (high - low) * share
            } else {
                low + 40.0 * (share - 1.0)
            };
            // Neither sorted nor random.
            let loss = fallen + noise * (f64::from(step) * 2.4).sin();
            points.push(LrPoint { lr, loss });
            if watch.diverges(loss) {
                end = LrEnd::Diverged;
                break;
            }
        }
        LrCurve { points, end }
    }

    #[test]
    fn learning_rates_grow_by_the_same_factor_from_the_first_to_the_last() {
        let range = LrRange {
            from: 1e-4,
            to: 1.0,
            steps: 5,
        };
        for (step, expected) in [1e-4, 1e-3, 1e-2, 1e-1, 1.0].into_iter().enumerate() {
            let lr = range.lr(step as u32);
            assert!((lr / expected - 1.0).abs() < 1e-12, "{lr}");
        }
    }

    #[test]
    fn neighbours_weigh_by_their_distance_to_both_sides() {
        let sums = sums_of_neighbours(&[1.0, 2.0, 4.0], 0.5);
        assert_eq!(sums, [3.0, 4.5, 5.25]);
    }

    #[test]
    fn the_proposal_lies_in_the_fall_and_not_at_the_lowest_loss() {
        for noise in [0.0, 0.05] {
            let curve = curve(2.3, 1.2, noise);
            assert_eq!(curve.end, LrEnd::Diverged);
            assert!(curve.points.len() < 100);
            let LrProposal {
                lr,
                lowest,
                falls_at_end,
            } = curve.proposal().unwrap();
            assert!((2e-3..6e-2).contains(&lr), "{lr}");
            assert!((3e-2..2e-1).contains(&lowest.lr), "{lowest:?}");
            assert!(lr < lowest.lr && !falls_at_end);
        }
    }

    #[test]
    fn losses_that_do_not_fall_by_more_than_their_spread_propose_nothing() {
        assert_eq!(curve(2.3, 2.3, 0.1).proposal(), None);
        assert_eq!(curve(2.3, 2.25, 0.2).proposal(), None);
        let rising = LrCurve {
            points: curve(1.0, 5.0, 0.0).points,
            end: LrEnd::Completed,
        };
        assert_eq!(rising.proposal(), None);
        let points = Vec::new();
        let empty = LrCurve {
            points,
            end: LrEnd::Stopped,
        };
        assert_eq!(empty.proposal(), None);
    }

    #[test]
    fn a_loss_that_falls_to_the_end_says_that_the_range_is_too_short() {
        let mut falling = curve(2.3, 1.2, 0.0);
        falling.points.retain(|point| point.lr < 2e-2);
        assert!(falling.proposal().unwrap().falls_at_end);
    }

    #[test]
    fn the_loss_diverges_at_four_times_the_least_mean_and_not_by_one_batch() {
        let mut watch = LrWatch::default();
        assert!((0..50).all(|_| !watch.diverges(1.0)));
        assert!(!watch.diverges(5.0));
        assert!(!watch.diverges(1.0));
        assert!((0..30).any(|_| watch.diverges(9.0)));
    }
}
