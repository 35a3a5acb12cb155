//! The pipeline.

use image::RgbImage;

use crate::data::stream::StreamKey;
use crate::experiment::augment::Operation;

/// The operations of an experiment, ready to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    operations: Vec<Operation>,
}

impl Pipeline {
    /// The pipeline of these operations.
    #[must_use]
    pub fn new(operations: &[Operation]) -> Self {
        Self {
            operations: operations.to_vec(),
        }
    }

    /// Applies each operation to the image with `probability`.
    pub fn apply(&self, image: &mut RgbImage, probability: f64, key: &StreamKey) {
        let _ = (&self.operations, image, probability, key);
    }
}
