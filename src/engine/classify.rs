//! Models that are asked for the classes of images, whatever computes them.

use burn::tensor::{Device, Tensor};

use super::failure::Failure;
use super::network::Network;

/// A model that can be asked.
pub trait Classify {
    /// Logits `[batch, classes]` of images `[batch, 3, height, width]` of the
    /// data. Changes nothing and records nothing.
    ///
    /// # Errors
    /// What computes them failed.
    fn logits(&self, images: Tensor<4>) -> Result<Tensor<2>, Failure>;

    /// The plain device on which images are expected.
    fn device(&self) -> &Device;
}

impl Classify for Network {
    fn logits(&self, images: Tensor<4>) -> Result<Tensor<2>, Failure> {
        Ok(self.forward(images))
    }

    fn device(&self) -> &Device {
        Self::device(self)
    }
}
