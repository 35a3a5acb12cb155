//! Steps, epochs and rounds of one training.

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
}

impl Timeline {
    /// The timeline of a training with this many steps in an epoch.
    #[must_use]
    pub fn new(epochs: u32, round: RoundSpec, steps_per_epoch: u64) -> Self {
        let steps_per_epoch = steps_per_epoch.max(1);
        Self {
            steps: steps_per_epoch.saturating_mul(u64::from(epochs)),
            steps_per_epoch,
            steps_per_round: match round {
                RoundSpec::Epoch => steps_per_epoch,
                RoundSpec::Steps(steps) => u64::from(steps.max(1)),
            },
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
        completed.is_multiple_of(self.steps_per_round) || completed == self.steps
    }

    /// Number of the round, from 1, that ends after this many steps.
    #[must_use]
    pub fn round(&self, completed: u64) -> u32 {
        counted(completed.div_ceil(self.steps_per_round))
    }

    /// Number of rounds E.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        counted(self.steps.div_ceil(self.steps_per_round))
    }

    /// The end of the round that is under way after this many steps, in
    /// steps.
    #[must_use]
    pub fn round_end(&self, completed: u64) -> u64 {
        let next = completed / self.steps_per_round + 1;
        next.saturating_mul(self.steps_per_round).min(self.steps)
    }
}

fn counted(rounds: u64) -> u32 {
    u32::try_from(rounds).unwrap_or(u32::MAX)
}
