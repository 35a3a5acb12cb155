//! Why a training cannot continue.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::classify::AnswerError;
use super::knobs::KnobError;
use super::step::StepError;
use super::weights::WeightsError;
use crate::data::DataError;
use crate::event::Phase;
use crate::format::shell_word;
use crate::run::SealError;

/// A reason for which a run ends before its time. The last good checkpoint is
/// kept in every case.
#[derive(Debug, Error)]
pub enum Failure {
    /// Images could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Weights could not be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A step would have poisoned the weights.
    #[error("step {step} (epoch {epoch:.2}): {error}; the step was not applied. {remedy}")]
    Step {
        /// Number of the step, from 0.
        step: u64,
        /// Its time, epochs.
        epoch: f64,
        /// What was not finite.
        error: StepError,
        /// What to type.
        remedy: Remedy,
    },
    /// Weights or running statistics overflowed while every loss was finite.
    #[error("step {step}: `{name}` is no longer finite; the last checkpoint is kept. {remedy}")]
    Diverged {
        /// Steps completed.
        step: u64,
        /// The array.
        name: String,
        /// What to type.
        remedy: Remedy,
    },
    /// The backend would not hand over a tensor.
    #[error("the device could not hand over a tensor: {0}")]
    Tensor(String),
    /// A model did not answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The student could not be written for other programs.
    #[error("the student could not be exported: {0}")]
    Export(String),
    /// The ranges of values that are to be rounded are not known.
    #[error(
        "values cannot be rounded: no training image could be read to find their ranges by, or \
         one is no longer finite"
    )]
    NoRanges,
    /// Events can no longer be kept.
    #[error("the run can no longer be recorded: {0}")]
    Journal(String),
    /// A checkpoint folder could not be replaced, or is missing or damaged.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A file of the run could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A knob is not there, or not as it must be.
    #[error(transparent)]
    Knob(#[from] KnobError),
    /// What the training was to be resumed with cannot be done.
    #[error("{change} was not applied: {reason}; nothing was trained without it")]
    NotChanged {
        /// What was to be changed.
        change: String,
        /// Why it was not.
        reason: String,
    },
    /// A checkpoint does not fit the experiment.
    #[error("{}: {message}", path.display())]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// What does not fit and what to do.
        message: String,
    },
}

/// What gets a run past a step that would have poisoned its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Remedy {
    /// The run's folder.
    pub run: PathBuf,
    /// The step of the first knob change that the latest checkpoint does not
    /// hold, if there is one.
    pub changed_at: Option<u64>,
    /// Steps of the latest checkpoint.
    pub checkpoint: u64,
    /// The learning rate of the step.
    pub lr: f64,
    /// Which training.
    pub phase: Phase,
}

/// How much lower a learning rate is proposed.
const LOWER: f64 = 10.0;

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = shell_word(&self.run);
        match self.changed_at {
            Some(step) if step >= self.checkpoint && step > 0 => write!(
                f,
                "A knob was changed at step {step}; to resume without that change: workbench \
                 --resume {run} --without-adjustments-after {}",
                step - 1
            ),
            _ => {
                let lr = match self.phase {
                    Phase::Teacher => "teacher.weights.Train.lr",
                    Phase::Student => "lr",
                };
                let (lower, file) = (self.lr / LOWER, self.run.join("experiment.ron"));
                write!(
                    f,
                    "To resume with a lower learning rate: workbench --resume {run} --set \
                     lr={lower}. If the weights of the checkpoint diverge nonetheless, start again: \
                     workbench --run {} --set \"{lr}=Constant({lower})\"",
                    shell_word(&file)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(changed_at: Option<u64>) -> String {
        let remedy = Remedy {
            run: PathBuf::from("checkpoints/a"),
            changed_at,
            checkpoint: 36,
            lr: 100.0,
            phase: Phase::Student,
        };
        remedy.to_string()
    }

    #[test]
    fn a_change_since_the_checkpoint_is_left_out_by_what_is_to_be_typed() {
        let text = remedy(Some(40));
        assert!(
            text.ends_with("--resume checkpoints/a --without-adjustments-after 39"),
            "{text}"
        );
    }

    #[test]
    fn a_change_where_the_checkpoint_stands_is_left_out_too() {
        let text = remedy(Some(36));
        assert!(text.ends_with("--without-adjustments-after 35"), "{text}");
    }

    #[test]
    fn without_a_change_since_the_checkpoint_there_are_two_ways_out() {
        for changed in [None, Some(20)] {
            let text = remedy(changed);
            assert!(
                text.contains("--resume checkpoints/a --set lr=10. "),
                "{text}"
            );
            assert!(
                text.ends_with("--run checkpoints/a/experiment.ron --set \"lr=Constant(10)\""),
                "{text}"
            );
        }
    }
}
