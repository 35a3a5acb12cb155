//! Why a training cannot go on.

use std::path::PathBuf;

use thiserror::Error;

use super::step::StepError;
use super::weights::WeightsError;
use crate::data::DataError;
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
    #[error("step {step} (epoch {epoch:.2}): {error}; the step was not applied")]
    Step {
        /// Number of the step, from 0.
        step: u64,
        /// Its time, epochs.
        epoch: f64,
        /// What was not finite.
        error: StepError,
    },
    /// The backend would not hand over a tensor.
    #[error("the device could not hand over a tensor: {0}")]
    Tensor(String),
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
    /// A checkpoint does not fit the experiment.
    #[error("{}: {message}", path.display())]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// What does not fit and what to do.
        message: String,
    },
}
