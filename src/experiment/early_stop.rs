//! Early stopping: a training ends where a metric of the validation images no longer
//! improves. A rule over the evaluations at the end of epochs, as Keras and `PyTorch`
//! Lightning have it: L. Prechelt, "Early Stopping – But When?", 1998.

use serde::{Deserialize, Serialize};

use super::metric::ValidMetric;
use crate::format::{loss, number, plural};

/// When a training ends early.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EarlyStop {
    /// Epochs without an improvement after which it ends.
    pub patience: u32,
    /// What an improvement has to exceed, in the metric's own unit.
    pub min_delta: f64,
    /// What has to improve.
    pub metric: ValidMetric,
}

/// What the rule remembers between epochs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopState {
    /// The last value that was an improvement, and the epochs completed then.
    pub best: Option<(f64, u32)>,
    /// Epochs since.
    pub waited: u32,
    /// Steps completed when it ended the training.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
}

impl EarlyStopState {
    /// Whether nothing was evaluated.
    #[must_use]
    pub fn is_new(&self) -> bool {
        *self == Self::default()
    }

    /// The training was given more epochs: the rule waits as long as at first.
    pub fn extend(&mut self) {
        (self.waited, self.ended) = (0, None);
    }
}

impl EarlyStop {
    /// Takes in the metric's value after `epoch` epochs. Returns whether the training
    /// is to end.
    pub fn observe(&self, state: &mut EarlyStopState, value: f64, epoch: u32) -> bool {
        let improves = state.best.is_none_or(|(best, _)| {
            let least = if self.metric.rises() {
                best + self.min_delta
            } else {
                best - self.min_delta
            };
            self.metric.improves(value, least)
        });
        // What is no number is no improvement, and would not come back from a checkpoint.
        if improves && value.is_finite() {
            (state.best, state.waited) = (Some((value, epoch)), 0);
        } else {
            state.waited = state.waited.saturating_add(1);
        }
        state.waited >= self.patience
    }

    /// Why a training ended in this state: `no improvement of valid/top1 in 10 epochs
    /// (92.7 % at epoch 27)`.
    #[must_use]
    pub fn reason(&self, state: &EarlyStopState) -> String {
        let waited = plural(state.waited as usize, "epoch", "epochs");
        let best = state.best.map_or_else(String::new, |(best, epoch)| {
            format!(" ({} at epoch {epoch})", self.metric.written(best))
        });
        let min_delta = self.least();
        format!(
            "no improvement of {}{min_delta} in {waited}{best}",
            self.metric
        )
    }

    /// ` by more than 0.1 points`, where anything is demanded.
    #[must_use]
    pub fn least(&self) -> String {
        if self.min_delta == 0.0 {
            return String::new();
        }
        let written = if self.metric.quantity().is_share() {
            format!("{} points", number(100.0 * self.min_delta))
        } else {
            loss(self.min_delta)
        };
        format!(" by more than {written}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(min_delta: f64, metric: ValidMetric) -> EarlyStop {
        EarlyStop {
            patience: 2,
            min_delta,
            metric,
        }
    }

    /// After how many of these epochs it ends.
    fn ends(rule: EarlyStop, values: &[f64]) -> Option<usize> {
        let mut state = EarlyStopState::default();
        let mut epochs = (1..).zip(values);
        let end = epochs.find(|(epoch, value)| rule.observe(&mut state, **value, *epoch));
        end.map(|(epoch, _)| epoch as usize)
    }

    #[test]
    fn it_ends_after_as_many_epochs_without_improvement_as_there_is_patience() {
        let rule = rule(0.0, ValidMetric::Top1);
        assert_eq!(ends(rule, &[0.5, 0.6, 0.6, 0.7, 0.6, 0.7]), Some(6));
        assert_eq!(ends(rule, &[0.5, 0.4, 0.6, 0.5, 0.7]), None);
    }

    #[test]
    fn a_loss_improves_by_falling_and_small_steps_do_not_add_up() {
        let by_loss = rule(0.1, ValidMetric::Loss);
        assert_eq!(ends(by_loss, &[1.0, 0.85, 0.8, 0.74]), None);
        // The third is 0.11 below the first, and not 0.1 below the last improvement.
        assert_eq!(ends(by_loss, &[1.0, 0.89, 0.80, 0.80]), Some(4));
        assert_eq!(
            ends(rule(0.1, ValidMetric::Top1), &[0.5, 0.55, 0.59]),
            Some(3)
        );
    }

    #[test]
    fn a_value_that_is_no_number_is_no_improvement_and_keeps_none_back() {
        let rule = rule(0.0, ValidMetric::Loss);
        assert_eq!(ends(rule, &[f64::NAN, 1.0, 0.9, f64::INFINITY, 0.8]), None);
        assert_eq!(ends(rule, &[f64::INFINITY, f64::NAN]), Some(2));
    }

    #[test]
    fn the_reason_has_the_metric_and_its_best() {
        let mut state = EarlyStopState::default();
        let rule = rule(0.0, ValidMetric::Top1);
        for (epoch, value) in [(1, 0.927), (2, 0.9), (3, 0.8)] {
            rule.observe(&mut state, value, epoch);
        }
        let reason = "no improvement of valid/top1 in 2 epochs (92.7 % at epoch 1)";
        assert_eq!(rule.reason(&state), reason);
        let demanding = EarlyStop {
            min_delta: 0.001,
            ..rule
        };
        let reason =
            "no improvement of valid/top1 by more than 0.1 points in 2 epochs (92.7 % at epoch 1)";
        assert_eq!(demanding.reason(&state), reason);
        state.extend();
        assert_eq!((state.waited, state.best), (0, Some((0.927, 1))));
    }
}
