//! Steps, epochs and rounds of one training, as planned or as a person extended
//! it.

use serde::{Deserialize, Serialize};

use super::spec::RoundSpec;

/// Steps, epochs and rounds of one training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeline {
    /// Steps of the whole training.
    pub steps: u64,
    /// Steps of one epoch, at least 1.
    pub steps_per_epoch: u64,
    /// Steps of one round, at least 1; the last may be shorter.
    pub steps_per_round: u64,
    /// Steps of the part that has rounds: all, unless it was extended without them.
    pub steps_of_rounds: u64,
}

/// How long a training is that a person extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Epochs of the whole training.
    pub epochs: u32,
    /// Epochs of the part that has rounds.
    pub epochs_of_rounds: u32,
}

/// Why a training with a finish stays as long as it is.
pub const NO_EXTENSION: &str =
    "the training ends with its `finish`; start a new run with more epochs instead";

impl Extension {
    /// Epochs of a training, at most.
    pub const MOST: u32 = 1_000_000;

    /// The same with so many epochs in all. What ends with the training ends at
    /// `schedules_end` instead, if that is given, else at the new end. Doing it
    /// twice is doing it once.
    #[must_use]
    pub fn to(self, epochs: u32, schedules_end: Option<u32>) -> Self {
        Self {
            epochs,
            epochs_of_rounds: match schedules_end {
                Some(end) if end != epochs => end.min(self.epochs_of_rounds),
                _ => epochs,
            },
        }
    }

    /// Where what ends with the training can end, if it is extended to so many epochs
    /// after `now`: at a length that it had, has or gets, and in the past only where
    /// it did end.
    #[must_use]
    pub fn ends(self, planned: u32, epochs: u32, now: f64) -> Vec<u32> {
        let mut ends = vec![planned, self.epochs_of_rounds, self.epochs, epochs];
        ends.retain(|end| f64::from(*end) >= now || *end == self.epochs_of_rounds);
        ends.sort_unstable();
        ends.dedup();
        ends
    }
}

impl Timeline {
    /// The timeline of a training with this many steps in an epoch.
    #[must_use]
    pub fn new(epochs: u32, round: RoundSpec, steps_per_epoch: u64) -> Self {
        let steps_per_epoch = steps_per_epoch.max(1);
        let steps = steps_per_epoch.saturating_mul(u64::from(epochs));
        Self {
            steps,
            steps_of_rounds: steps,
            steps_per_epoch,
            steps_per_round: match round {
                RoundSpec::Epoch => steps_per_epoch,
                RoundSpec::Steps(steps) => u64::from(steps.max(1)),
            },
        }
    }

    /// The timeline of the same training, extended.
    #[must_use]
    pub fn extended(self, to: Extension) -> Self {
        let steps = |epochs| self.steps_per_epoch.saturating_mul(u64::from(epochs));
        Self {
            steps: steps(to.epochs),
            steps_of_rounds: steps(to.epochs_of_rounds),
            ..self
        }
    }

    /// The timeline of the same training, which ended early after `step` steps: of what
    /// was left only the epochs that finish it follow.
    #[must_use]
    pub fn ended_early(self, step: u64, finish_epochs: u32) -> Self {
        let last = self
            .steps_per_epoch
            .saturating_mul(u64::from(finish_epochs));
        Self {
            steps: step.saturating_add(last),
            steps_of_rounds: self.steps_of_rounds.min(step),
            ..self
        }
    }

    /// Time before step `step`, epochs.
    #[must_use]
    pub fn epoch(&self, step: u64) -> f64 {
        step as f64 / self.steps_per_epoch as f64
    }

    /// Whether an epoch is complete after this many steps.
    #[must_use]
    pub fn ends_epoch(&self, completed: u64) -> bool {
        completed.is_multiple_of(self.steps_per_epoch)
    }

    /// Whether a round is complete after this many steps.
    #[must_use]
    pub fn ends_round(&self, completed: u64) -> bool {
        completed.is_multiple_of(self.steps_per_round) || completed == self.steps_of_rounds
    }

    /// Number of the round, from 1, that ends after this many steps.
    #[must_use]
    pub fn round(&self, completed: u64) -> u32 {
        counted(completed.div_ceil(self.steps_per_round))
    }

    /// Number of rounds E.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        counted(self.steps_of_rounds.div_ceil(self.steps_per_round))
    }

    /// The end of the round that is under way after this many steps, in
    /// steps; that of the training where no round is.
    #[must_use]
    pub fn round_end(&self, completed: u64) -> u64 {
        if completed >= self.steps_of_rounds {
            return self.steps;
        }
        let next = completed / self.steps_per_round + 1;
        next.saturating_mul(self.steps_per_round)
            .min(self.steps_of_rounds)
    }
}

fn counted(rounds: u64) -> u32 {
    u32::try_from(rounds).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_end_where_they_would_have_or_with_the_training() {
        let planned = Timeline {
            steps: 20,
            steps_per_epoch: 10,
            steps_per_round: 8,
            steps_of_rounds: 20,
        };
        let length = Extension {
            epochs: 2,
            epochs_of_rounds: 2,
        };
        let held = planned.extended(length.to(3, Some(2)));
        assert_eq!((held.steps, held.rounds()), (30, 3));
        assert!(held.ends_round(20) && held.round_end(17) == 20);
        assert_eq!(held.round_end(20), 30);
        let stretched = planned.extended(length.to(3, None));
        assert_eq!((stretched.steps, stretched.rounds()), (30, 4));
        assert!(!stretched.ends_round(20) && stretched.round_end(17) == 24);
    }

    #[test]
    fn schedules_can_end_only_at_a_length_that_the_training_has_some_time() {
        let planned = Extension {
            epochs: 20,
            epochs_of_rounds: 20,
        };
        assert_eq!(planned.ends(20, 30, 5.0), [20, 30]);
        let held = planned.to(30, Some(20));
        assert_eq!(held.ends(20, 40, 25.0), [20, 30, 40]);
        let stretched = planned.to(30, None);
        assert_eq!(stretched.ends(20, 40, 25.0), [30, 40]);
        // At the end of all is with the training.
        assert_eq!(planned.to(30, Some(30)), stretched);
    }

    #[test]
    fn extensions_that_are_applied_again_come_to_the_same() {
        let length = Extension {
            epochs: 20,
            epochs_of_rounds: 20,
        };
        let all = [(30, Some(20)), (40, None), (50, Some(40)), (60, Some(50))];
        let apply = |length: Extension| all.iter().fold(length, |it, (to, end)| it.to(*to, *end));
        let once = apply(length);
        assert_eq!((once.epochs, once.epochs_of_rounds), (60, 40));
        assert_eq!(apply(once), once);
    }
}
