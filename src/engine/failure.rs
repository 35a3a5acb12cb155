//! Why a training cannot continue.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::classify::AnswerError;
use super::knobs::KnobError;
use super::step::StepError;
use super::weights::WeightsError;
use crate::data::DataError;
use crate::event::{Phase, Position};
use crate::format::{shell_word, short};
use crate::run::kept::kept_name;
use crate::run::{SealError, USUAL_FOLDER};
use crate::untrusted::Show as _;

/// A reason for which a run ends before its time. The last good checkpoint is
/// kept in every case.
#[derive(Debug, Error)]
pub enum Failure {
    /// A stop came in the middle of an evaluation. No failure of anything: who trains
    /// saves, and the evaluation is made when the run is resumed.
    #[error("stopped in the middle of an evaluation")]
    Stopped,
    /// Images could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Weights could not be read or written.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A step would have poisoned the weights.
    #[error(
        "step {step} (epoch {}): {error}; the step was not applied. {remedy}",
        short(*epoch)
    )]
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
    /// The device has no memory for a step.
    #[error(
        "step {step}: {}; nothing of the step was applied. {remedy}",
        .error
    )]
    OutOfMemory {
        /// Number of the step, from 0.
        step: u64,
        /// How many images did not fit.
        error: StepError,
        /// What to type.
        remedy: Remedy,
    },
    /// The weights that the student starts from cannot be trained.
    #[error(
        "student.weights: {}: in the first step from these weights {what} is not finite; name other \
         weights, or leave `student.weights` out",
        path.shown()
    )]
    StartWeights {
        /// Their file.
        path: PathBuf,
        /// What was not finite.
        what: String,
    },
    /// A step of a range test cannot be taken, whatever the learning rate.
    #[error("{0}")]
    RangeTest(String),
    /// Weights or running statistics overflowed while every loss was finite.
    #[error("step {step}: `{name}` is no longer finite; the last checkpoint is kept. {remedy}", name = name.shown())]
    Diverged {
        /// Steps completed.
        step: u64,
        /// The array.
        name: String,
        /// What to type.
        remedy: Remedy,
    },
    /// The backend would not hand over a tensor.
    #[error("could not read a tensor from the device: {0}")]
    Tensor(String),
    /// The system started no thread.
    #[error("could not start a thread: {0}")]
    Thread(std::io::Error),
    /// A model did not answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// A model's answers are no numbers.
    #[error(
        "the {who}'s logits of {} are not finite: its weights overflow, or are of another model; \
         use other weights",
        image.shown()
    )]
    NoAnswer {
        /// Student or teacher.
        who: &'static str,
        /// The first image that it cannot answer.
        image: PathBuf,
    },
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
    #[error("{}: {error}", path.shown())]
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
    #[error("{}: {message}", path.shown())]
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
    /// What to do with it.
    pub way: WayOut,
}

/// A way out of a training that diverges.
#[derive(Debug, Clone, PartialEq)]
pub enum WayOut {
    /// A change since the latest checkpoint is left out.
    WithoutChange {
        /// The step of the first knob change that the checkpoint does not hold, from 1.
        step: u64,
    },
    /// The latest checkpoint was trained with changes: a training begins before them.
    BeforeChanges {
        /// The checkpoint that was kept then.
        kept: Option<Position>,
    },
    /// A batch does not fit into the device's memory.
    SmallerParts {
        /// Images of a batch.
        batch: usize,
        /// Images that fit at once; none if not even one does.
        fits: Option<usize>,
    },
    /// Nothing was changed: the learning rate is lowered.
    LowerRate {
        /// The learning rate of the step.
        lr: f64,
        /// Which training.
        phase: Phase,
    },
}

/// How much lower a learning rate is proposed.
const LOWER: f64 = 10.0;

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = shell_word(&self.run);
        let file = self.run.join("experiment.ron");
        let file = shell_word(&file);
        // A new run goes where this one is.
        let beside = match self.run.parent() {
            Some(folder) if folder != Path::new(USUAL_FOLDER) => {
                format!(" --checkpoints {}", shell_word(folder))
            }
            _ => String::new(),
        };
        match self.way {
            WayOut::WithoutChange { step } => write!(
                f,
                "A knob was changed at step {step}; to resume without that change: workbench \
                 --resume {run} --without-adjustments-after {}",
                step - 1
            ),
            WayOut::BeforeChanges { kept } => {
                write!(
                    f,
                    "The training was changed before its last checkpoint, so resuming it leads here \
                     again. "
                )?;
                if let Some(kept) = kept {
                    write!(
                        f,
                        "To go back to before the changes: workbench --fork {run} --from {}{beside}. ",
                        kept_name(kept)
                    )?;
                }
                write!(
                    f,
                    "To start again without them: workbench --run {file}{beside}"
                )
            }
            WayOut::SmallerParts { fits: None, .. } => f.write_str(
                "A single image does not fit: use smaller images (data.size), smaller models or \
                 another device",
            ),
            WayOut::SmallerParts {
                batch,
                fits: Some(fits),
            } => write!(
                f,
                "{fits} images fit: to start again with `accumulate`, which passes the batch of \
                 {batch} in parts: workbench --run {file} --set accumulate={}{beside}; or with a \
                 smaller one: --set batch={fits}",
                batch.div_ceil(fits)
            ),
            WayOut::LowerRate { lr, phase } => {
                let path = match phase {
                    Phase::Teacher => "teacher.weights.Train.lr",
                    Phase::Student => "lr",
                };
                let lower = lr / LOWER;
                write!(
                    f,
                    "To resume with a lower learning rate: workbench --resume {run} --set \
                     lr={lower}. If the weights of the checkpoint diverge nonetheless, start again: \
                     workbench --run {file} --set \"{path}=Constant({lower})\"{beside}"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remedy(way: WayOut) -> String {
        let run = PathBuf::from("checkpoints/a");
        Remedy { run, way }.to_string()
    }

    #[test]
    fn a_change_since_the_checkpoint_is_left_out_by_what_is_to_be_typed() {
        let text = remedy(WayOut::WithoutChange { step: 40 });
        assert!(
            text.ends_with("--resume checkpoints/a --without-adjustments-after 39"),
            "{text}"
        );
    }

    #[test]
    fn from_changes_that_the_checkpoint_holds_the_way_leads_back_to_before_them() {
        let kept = Position {
            phase: Phase::Teacher,
            step: 44,
        };
        let text = remedy(WayOut::BeforeChanges { kept: Some(kept) });
        assert!(
            text.contains("workbench --fork checkpoints/a --from teacher-step-44. "),
            "{text}"
        );
        for kept in [Some(kept), None] {
            let text = remedy(WayOut::BeforeChanges { kept });
            let again = "To start again without them: workbench --run checkpoints/a/experiment.ron";
            assert!(text.ends_with(again), "{text}");
        }
    }

    #[test]
    fn a_batch_that_does_not_fit_is_passed_in_parts_or_made_smaller() {
        let batch = 100;
        let text = remedy(WayOut::SmallerParts {
            batch,
            fits: Some(32),
        });
        assert!(text.contains("--set accumulate=4;"), "{text}");
        assert!(text.ends_with("--set batch=32"), "{text}");
        let text = remedy(WayOut::SmallerParts { batch, fits: None });
        assert!(text.starts_with("A single image does not fit"), "{text}");
    }

    #[test]
    fn a_new_run_goes_beside_the_one_that_diverged() {
        let way = WayOut::BeforeChanges { kept: None };
        let run = PathBuf::from("my runs/a");
        let text = Remedy { run, way }.to_string();
        assert!(text.ends_with("--checkpoints 'my runs'"), "{text}");
    }

    #[test]
    fn without_changes_there_are_two_ways_out() {
        let text = remedy(WayOut::LowerRate {
            lr: 100.0,
            phase: Phase::Student,
        });
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
