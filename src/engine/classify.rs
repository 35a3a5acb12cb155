//! Models that are asked for the classes of images, whatever computes them.

use burn::tensor::{Device, Tensor};

use thiserror::Error;

use super::network::Network;
use super::onnx::OnnxModelError;

/// Pixels of all images of a pass without gradients: what it takes of memory is a
/// multiple of them.
const PIXELS_PER_PASS: usize = 256 * 64 * 64;

/// Images of this height and width in a pass without gradients, at most `most`. Has
/// no effect on results.
#[must_use]
pub fn images_per_pass((height, width): (u32, u32), most: usize) -> usize {
    let pixels = height as usize * width as usize;
    (PIXELS_PER_PASS / pixels.max(1)).clamp(1, most)
}

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
