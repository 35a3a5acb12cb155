//! ONNX models that answer: a file, and an engine that runs it.
//!
//! A file is opened by [`OnnxFile`] first, which refuses what an engine should
//! never see.

mod bare;
mod elf;
mod onnxruntime;
mod rten;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::rten::Value;
use ort::value::PrimitiveTensorElementType;
use rten_tensor::NdTensor;
use thiserror::Error;

pub(super) use self::onnxruntime::NAME as ONNXRUNTIME;
use self::onnxruntime::OnnxRuntime;
use self::rten::Rten;
pub(super) use self::rten::{NAME as RTEN, OpenRten};
use crate::experiment::spec::{OnnxEngine, Scores};
use crate::onnx::{Demand, ImageInput, OnnxError, OnnxFile, PixelOrder};
use crate::untrusted::Show as _;

pub use self::bare::{BareFacts, BareModel};

/// Images that are given to an engine at once, at most; fewer where what the network
/// makes of them takes much memory.
pub(super) const CHUNK: usize = 64;

/// Smallest probability that has a logarithm here.
pub(super) const SMALLEST: f32 = f32::MIN_POSITIVE;

/// Why a model cannot answer.
#[derive(Debug, Error)]
pub enum OnnxModelError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] OnnxError),
    /// The engine refuses it, or fails while it runs.
    #[error("{}: {engine} cannot run it: {reason}", path.shown())]
    Engine {
        /// The file.
        path: PathBuf,
        /// The engine.
        engine: String,
        /// What it says.
        reason: String,
    },
}

/// What of a file is taken for its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Name of the output with the scores of the classes.
    pub output: String,
    /// What the scores are.
    pub scores: Scores,
    /// Of the outputs those that are taken, in order; all if absent.
    pub taken: Option<Vec<usize>>,
}

/// Whether there is a library of onnxruntime here; whether it can be opened shows when it is.
#[must_use]
pub fn has_onnxruntime() -> bool {
    onnxruntime::library().is_some()
}

/// What runs a file.
pub(super) enum Engine {
    Rten(Box<Rten>),
    OnnxRuntime(OnnxRuntime),
}

impl Engine {
    /// The engine of an experiment for a file, and its name with its version.
    ///
    /// # Errors
    /// The engine is not there, or refuses the file.
    pub fn open(
        wanted: OnnxEngine,
        file: OnnxFile,
        input: &str,
        output: &str,
    ) -> Result<(Self, String), OnnxModelError> {
        let path = file.path().to_owned();
        let gpu = match wanted {
            OnnxEngine::OnnxRuntimeCuda(gpu) => Some(gpu),
            OnnxEngine::OnnxRuntime => None,
            OnnxEngine::Auto if onnxruntime::library().is_some() => None,
            OnnxEngine::Auto | OnnxEngine::Rten => {
                let name = rten::NAME.to_owned();
                let engine = Rten::open(file, input, output);
                let engine = engine.map_err(|reason| refused(&path, &name, reason))?;
                return Ok((Self::Rten(Box::new(engine)), name));
            }
        };
        let name = OnnxRuntime::name(gpu);
        let name = name.map_err(|reason| refused(&path, onnxruntime::NAME, reason))?;
        let engine = OnnxRuntime::open(file, input, output, gpu);
        let engine = engine.map_err(|reason| refused(&path, &name, reason))?;
        Ok((Self::OnnxRuntime(engine), name))
    }

    /// The values of the output for images of this shape.
    ///
    /// # Errors
    /// What the engine says.
    pub fn run<T>(&self, images: Vec<T>, shape: [usize; 4]) -> Result<Vec<f32>, String>
    where
        T: PrimitiveTensorElementType + fmt::Debug + Clone + 'static,
        Value: From<NdTensor<T, 4>>,
    {
        match self {
            Self::Rten(engine) => engine.run(images, shape),
            Self::OnnxRuntime(engine) => engine.run(&images, shape),
        }
    }
}

/// A model that is ready to answer. Clones share it.
#[derive(Clone)]
pub struct OnnxModel {
    path: PathBuf,
    engine: Arc<Engine>,
    name: String,
    input: ImageInput,
    /// Images that are given to the engine at once, and what it gives for each.
    demand: Demand,
    answers: Answers,
}

impl fmt::Debug for OnnxModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("OnnxModel");
        shown.field("path", &self.path).field("input", &self.input);
        shown.finish_non_exhaustive()
    }
}

impl OnnxModel {
    /// Hands a file over to an engine, for images of this height and width.
    ///
    /// # Errors
    /// The file takes no images, or would take too much of the machine, or the engine refuses it.
    pub fn new(
        mut file: OnnxFile,
        answers: Answers,
        engine: OnnxEngine,
        size: (u32, u32),
    ) -> Result<Self, OnnxModelError> {
        let input = file.image_input()?;
        let output = file.score_output(Some(&answers.output))?;
        file.keep_only(&output.name);
        let demand = file.demand(&input, &output, size, CHUNK)?;
        let path = file.path().to_owned();
        let (engine, name) = Engine::open(engine, file, &input.name, &answers.output)?;
        Ok(Self {
            path,
            engine: Arc::new(engine),
            name,
            input,
            demand,
            answers,
        })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The engine and its version.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.name
    }

    /// The images that it takes.
    #[must_use]
    pub fn input(&self) -> &ImageInput {
        &self.input
    }

    /// Logits `[batch, classes]`, row by row, of images `[batch, 3, height, width]`:
    /// normalised, or from 0 to 255 for a file that takes bytes.
    ///
    /// # Errors
    /// The engine failed.
    pub fn logits(
        &self,
        images: &[f32],
        [batch, height, width]: [usize; 3],
    ) -> Result<Vec<f32>, OnnxModelError> {
        let image = 3 * height * width;
        let mut rows = Vec::new();
        let mut left = images;
        while !left.is_empty() {
            let images;
            (images, left) = left.split_at(self.given_next(left.len() / image) * image);
            let given = images.len() / image;
            let count = self.input.batch.unwrap_or(given);
            let (mut values, shape) = match self.input.order {
                PixelOrder::ChannelsFirst => (images.to_vec(), [count, 3, height, width]),
                PixelOrder::ChannelsLast => (
                    channels_last(images, height * width),
                    [count, height, width, 3],
                ),
            };
            // A file that always takes as many is given black images for those that
            // are not there.
            values.resize(count * image, 0.0);
            let scores = self.run(values, shape)?;
            let classes = scores.len() / count;
            for row in scores.chunks_exact(classes.max(1)).take(given) {
                self.take(row, &mut rows);
            }
        }
        debug_assert!(batch == 0 || rows.len().is_multiple_of(batch));
        Ok(rows)
    }

    /// How many of the images that are left are given to the engine next. Of a file that takes any
    /// number that is a power of two, because of these it is known what they take.
    fn given_next(&self, left: usize) -> usize {
        let most = left.min(self.demand.images);
        match self.input.batch {
            Some(_) => most,
            None => 1 << most.ilog2(),
        }
    }

    fn run(&self, values: Vec<f32>, shape: [usize; 4]) -> Result<Vec<f32>, OnnxModelError> {
        let refuse = |reason: String| refused(&self.path, &self.name, reason);
        let scores = if self.input.takes_bytes {
            let byte = |value: f32| value.round().clamp(0.0, 255.0) as u8;
            self.engine
                .run(values.into_iter().map(byte).collect(), shape)
        } else {
            self.engine.run(values, shape)
        };
        let scores = scores.map_err(refuse)?;
        let rows = shape[0];
        let taken = self.answers.taken.iter().flatten().max();
        let least = taken.map_or(1, |greatest| greatest + 1);
        let each = self.demand.scores;
        if each < least || scores.len() != rows * each {
            return Err(refuse(format!(
                "its output `{}` has {} values for {rows} images, and each image has {each} scores",
                self.answers.output,
                scores.len()
            )));
        }
        let is_probability = |score: &f32| (-0.001..=1.001).contains(score);
        if self.answers.scores == Scores::Probabilities
            && let Some(score) = scores.iter().find(|score| !is_probability(score))
        {
            return Err(refuse(format!(
                "its output `{}` gives {score}, which is not a probability; write scores: Logits",
                self.answers.output
            )));
        }
        Ok(scores)
    }

    /// The logits of one image from its scores.
    fn take(&self, scores: &[f32], rows: &mut Vec<f32>) {
        let logit = |score: f32| match self.answers.scores {
            Scores::Logits => score,
            Scores::Probabilities => score.max(SMALLEST).ln(),
        };
        match &self.answers.taken {
            Some(taken) => rows.extend(taken.iter().map(|&output| logit(scores[output]))),
            None => rows.extend(scores.iter().copied().map(logit)),
        }
    }
}

fn refused(path: &Path, engine: &str, reason: String) -> OnnxModelError {
    OnnxModelError::Engine {
        path: path.to_owned(),
        engine: engine.to_owned(),
        reason,
    }
}

/// Images `[batch, 3, pixels]` as `[batch, pixels, 3]`.
fn channels_last(images: &[f32], pixels: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(images.len());
    for image in images.chunks_exact(3 * pixels) {
        for pixel in 0..pixels {
            values.extend((0..3).map(|channel| image[channel * pixels + pixel]));
        }
    }
    values
}

#[cfg(test)]
mod tests;
