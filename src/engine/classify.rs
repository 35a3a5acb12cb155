//! Models that classify images, whatever computes them.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor};

use thiserror::Error;

use super::kept_answers::KeptAnswers;
use super::network::{Forwarded, Network};
use super::onnx::OnnxModelError;
use super::torchscript::TorchScriptError;
use crate::data::ImageSet;
use crate::experiment::spec::Precision;
use crate::untrusted::Show as _;

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
    #[error("could not read a tensor from the device: {0}")]
    Tensor(String),
    /// Its answers are kept in a file, which has none for this image.
    #[error(
        "{} has no logits for {}; write them for the image files as they are now: scripts/make-logits",
        path.shown(), image.shown()
    )]
    NotKept {
        /// The file.
        path: PathBuf,
        /// The image.
        image: PathBuf,
    },
    /// Its answers are kept in a file, and this image is not as it was.
    #[error(
        "{} has logits for images as they are only, and one that is augmented or stands in for a \
         bad one; use a teacher that is a model",
        .0.shown()
    )]
    Changed(PathBuf),
    /// It has no feature map of this name.
    #[error("it has no feature map `{}`; --check lists those that there are", .0.shown())]
    NoMap(String),
    /// An engine of its own did not run it.
    #[error(transparent)]
    Onnx(#[from] OnnxModelError),
    /// libtorch did not run its TorchScript file.
    #[error(transparent)]
    TorchScript(#[from] TorchScriptError),
}

/// A model that can be asked.
pub trait Classify: Sync {
    /// Logits `[batch, classes]` of images `[batch, 3, height, width]` of the
    /// data. Changes nothing and records nothing.
    ///
    /// # Errors
    /// What computes them failed.
    fn logits(&self, images: Tensor<4>) -> Result<Tensor<2>, AnswerError>;

    /// The same with the feature maps of these stages. One that has none gives none.
    ///
    /// # Errors
    /// As [`logits`](Self::logits), and if there is no stage of one of the names.
    fn forward_with_maps(
        &self,
        images: Tensor<4>,
        stages: &[String],
    ) -> Result<Forwarded, AnswerError> {
        match stages.first() {
            Some(stage) => Err(AnswerError::NoMap(stage.clone())),
            None => Ok(Forwarded {
                logits: self.logits(images)?,
                maps: Vec::new(),
            }),
        }
    }

    /// The plain device on which images are expected.
    fn device(&self) -> &Device;

    /// Images that it always computes together, however few it is given.
    fn at_once(&self) -> usize {
        1
    }

    /// What it answers where that was computed elsewhere.
    fn kept(&self) -> Option<&KeptAnswers> {
        None
    }
}

/// The logits of an image of a set, of those that were computed elsewhere.
///
/// # Errors
/// There are none of it.
pub fn kept_logits<'a>(
    kept: &'a KeptAnswers,
    set: &ImageSet,
    index: usize,
) -> Result<&'a [f32], AnswerError> {
    kept.find(set, index).ok_or_else(|| AnswerError::NotKept {
        path: kept.path().to_owned(),
        image: set.name(index),
    })
}

/// Refuses names of stages that a network does not have.
///
/// # Errors
/// The first of them.
pub fn known_stages(network: &Network, stages: &[String]) -> Result<(), AnswerError> {
    if stages.is_empty() {
        return Ok(());
    }
    let known = network.graph().stages();
    let is_unknown = |name: &&String| known.iter().all(|stage| stage.name != **name);
    match stages.iter().find(is_unknown) {
        Some(name) => Err(AnswerError::NoMap(name.clone())),
        None => Ok(()),
    }
}

impl Classify for Network {
    fn logits(&self, images: Tensor<4>) -> Result<Tensor<2>, AnswerError> {
        Ok(self.forward(images))
    }

    fn forward_with_maps(
        &self,
        images: Tensor<4>,
        stages: &[String],
    ) -> Result<Forwarded, AnswerError> {
        known_stages(self, stages)?;
        Ok(self.forward_with(Precision::Fp32, images, stages))
    }

    fn device(&self) -> &Device {
        Self::device(self)
    }
}
