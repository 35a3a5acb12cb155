//! Why a step was not taken.

use thiserror::Error;

use crate::engine::classify::AnswerError;
use crate::engine::objective::ObjectiveError;
use crate::engine::weights::WeightsError;

/// Why a step was not taken. Nothing has changed.
#[derive(Debug, Error)]
pub enum StepError {
    /// A term's loss is NaN or infinite.
    #[error(
        "the loss of `{term}` is {value}: the learning rate is too high, or the gradient needs a clip"
    )]
    LossNotFinite {
        /// The term.
        term: String,
        /// Its loss.
        value: f64,
    },
    /// Every term is finite but their weighted sum is not.
    #[error("the weighted sum of the losses is {value}; lower the weights of the terms")]
    TotalNotFinite {
        /// The sum.
        value: f64,
    },
    /// A gradient is NaN, infinite or too long for its norm to be computed.
    #[error(
        "the gradient of `{parameter}` is not finite: the learning rate is too high, or the \
         temperature too low"
    )]
    GradientNotFinite {
        /// The parameter.
        parameter: String,
    },
    /// The batch lacks a view that a term looks at.
    #[error("a term looks at view {number} and the batch has {views}", number = .view + 1)]
    MissingView {
        /// The view, from 0.
        view: usize,
        /// Views of the batch.
        views: usize,
    },
    /// There are no images.
    #[error("the batch is empty")]
    EmptyBatch,
    /// The batch does not fit the objective.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// The student has no feature map that a term looks at.
    #[error("the student failed: {0}")]
    Student(AnswerError),
    /// The teacher did not answer.
    #[error("the teacher failed: {0}")]
    Teacher(#[from] AnswerError),
    /// The device failed.
    #[error(transparent)]
    Device(WeightsError),
    /// The device's memory is full.
    #[error("the device's memory does not hold what {images} images take at once")]
    OutOfMemory {
        /// Images that went through the networks at once.
        images: usize,
        /// How many would have fitted; none if not even one does.
        fits: Option<usize>,
    },
    /// libtorch gave up.
    #[error("libtorch failed: {0}")]
    LibTorch(String),
}

impl StepError {
    /// What overflowed, if something did.
    #[must_use]
    pub fn overflowed(&self) -> Option<String> {
        match self {
            Self::LossNotFinite { term, .. } => Some(format!("the loss of `{term}`")),
            Self::TotalNotFinite { .. } => Some("the sum of the losses".to_owned()),
            Self::GradientNotFinite { parameter } => Some(format!("the gradient of `{parameter}`")),
            _ => None,
        }
    }
}
