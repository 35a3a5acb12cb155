//! Models that are asked for the classes of images, whatever computes them.

use burn::tensor::{Device, Tensor};

use thiserror::Error;

use super::network::Network;
use super::onnx::OnnxModelError;

/// Why a model did not answer.
#[derive(Debug, Error)]
pub enum AnswerError {
    /// The backend would not hand over a tensor.
    #[error("the device could not hand over a tensor: {0}")]
    Tensor(String),
    /// An engine of its own did not run it.
    #[error(transparent)]
    Onnx(#[from] OnnxModelError),
}

/// A model that can be asked.
pub trait Classify {
    /// Logits `[batch, classes]` of images `[batch, 3, height, width]` of the
    /// data. Changes nothing and records nothing.
    ///
    /// # Errors
    /// What computes them failed.
    fn logits(&self, images: Tensor<4>) -> Result<Tensor<2>, AnswerError>;

    /// The plain device on which images are expected.
    fn device(&self) -> &Device;
}

impl Classify for Network {
    fn logits(&self, images: Tensor<4>) -> Result<Tensor<2>, AnswerError> {
        Ok(self.forward(images))
    }

    fn device(&self) -> &Device {
        Self::device(self)
    }
}
