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
pub(super) use self::rten::{NAME as RTEN, Rten};
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
    /// Feature maps that may be asked for, by the names of their values or nodes.
    pub maps: Vec<String>,
}

/// What a model answers on some images: row by row logits, and the values of each map
/// that was asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answered {
    /// Logits `[batch, classes]`.
    pub logits: Vec<f32>,
    /// Maps `[batch, channels, height, width]`, in the order of the question.
    pub maps: Vec<Vec<f32>>,
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
        outputs: &[&str],
    ) -> Result<(Self, String), OnnxModelError> {
        let path = file.path().to_owned();
        let gpu = match wanted {
            OnnxEngine::OnnxRuntimeCuda(gpu) => Some(gpu),
            OnnxEngine::OnnxRuntime => None,
            OnnxEngine::Auto if onnxruntime::library().is_some() => None,
            OnnxEngine::Auto | OnnxEngine::Rten => {
                let name = rten::NAME.to_owned();
                let engine = Rten::open(file, input, outputs);
                let engine = engine.map_err(|reason| refused(&path, &name, reason))?;
                return Ok((Self::Rten(Box::new(engine)), name));
            }
        };
        let name = OnnxRuntime::name(gpu);
        let name = name.map_err(|reason| refused(&path, onnxruntime::NAME, reason))?;
        let engine = OnnxRuntime::open(file, input, outputs, gpu);
        let engine = engine.map_err(|reason| refused(&path, &name, reason))?;
        Ok((Self::OnnxRuntime(engine), name))
    }

    /// The values of these outputs, by their places, for images of this shape.
    ///
    /// # Errors
    /// What the engine says.
    pub fn run_for<T>(
        &self,
        images: Vec<T>,
        shape: [usize; 4],
        outputs: &[usize],
    ) -> Result<Vec<Vec<f32>>, String>
    where
        T: PrimitiveTensorElementType + fmt::Debug + Clone + 'static,
        Value: From<NdTensor<T, 4>>,
    {
        match self {
            Self::Rten(engine) => engine.run_for(images, shape, outputs),
            Self::OnnxRuntime(engine) => engine.run_for(&images, shape, outputs),
        }
    }

    /// The values of the first output for images of this shape.
    ///
    /// # Errors
    /// What the engine says.
    pub fn run<T>(&self, images: Vec<T>, shape: [usize; 4]) -> Result<Vec<f32>, String>
    where
        T: PrimitiveTensorElementType + fmt::Debug + Clone + 'static,
        Value: From<NdTensor<T, 4>>,
    {
        let found = self.run_for(images, shape, &[0])?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| "it gives nothing".to_owned())
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
    /// Channels, height and width of the maps that may be asked for, and which of the outputs
    /// they are: two may be one.
    maps: Vec<([usize; 3], usize)>,
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
        let values = answers.maps.iter().map(|name| {
            let value = file.value_named(name);
            value
                .map(str::to_owned)
                .ok_or_else(|| lacks(file.path(), name))
        });
        let values: Vec<String> = values.collect::<Result<_, _>>()?;
        let mut outputs = vec![output.name.as_str()];
        for value in &values {
            if !outputs.contains(&value.as_str()) {
                outputs.push(value);
            }
        }
        file.keep_only(&outputs);
        let demand = file.demand(&input, &output, size, CHUNK)?;
        let path = file.path().to_owned();
        let mut maps = Vec::new();
        if !values.is_empty() {
            let known = file.maps(&input, &output, size)?;
            for (name, value) in answers.maps.iter().zip(&values) {
                let map = known.iter().find(|map| map.value == *value);
                let at = outputs.iter().position(|output| output == value);
                let (map, at) = map.zip(at).ok_or_else(|| lacks(&path, name))?;
                maps.push((map.shape, at));
            }
        }
        let (engine, name) = Engine::open(engine, file, &input.name, &outputs)?;
        Ok(Self {
            path,
            engine: Arc::new(engine),
            name,
            input,
            demand,
            answers,
            maps,
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
    pub fn logits(&self, images: &[f32], sides: [usize; 3]) -> Result<Vec<f32>, OnnxModelError> {
        Ok(self.forward(images, sides, &[])?.logits)
    }

    /// The place of a feature map among those that may be asked for, and its shape.
    #[must_use]
    pub fn map(&self, name: &str) -> Option<(usize, [usize; 3])> {
        let at = self.answers.maps.iter().position(|map| map == name)?;
        Some((at, self.maps[at].0))
    }

    /// The same as [`logits`](Self::logits), and these feature maps, by their places.
    ///
    /// # Errors
    /// The engine failed.
    pub fn forward(
        &self,
        images: &[f32],
        [batch, height, width]: [usize; 3],
        maps: &[usize],
    ) -> Result<Answered, OnnxModelError> {
        let image = 3 * height * width;
        let mut answered = Answered {
            logits: Vec::new(),
            maps: vec![Vec::new(); maps.len()],
        };
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
            let (scores, found) = self.run(values, shape, maps)?;
            let classes = scores.len() / count;
            for row in scores.chunks_exact(classes.max(1)).take(given) {
                self.take(row, &mut answered.logits);
            }
            for (all, map) in answered.maps.iter_mut().zip(found) {
                all.extend_from_slice(&map[..map.len() / count * given]);
            }
        }
        debug_assert!(batch == 0 || answered.logits.len().is_multiple_of(batch));
        Ok(answered)
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

    /// The scores, and these maps.
    fn run(
        &self,
        values: Vec<f32>,
        shape: [usize; 4],
        maps: &[usize],
    ) -> Result<(Vec<f32>, Vec<Vec<f32>>), OnnxModelError> {
        let refuse = |reason: String| refused(&self.path, &self.name, reason);
        let mut outputs = vec![0];
        for &at in maps {
            let output = self.maps[at].1;
            if !outputs.contains(&output) {
                outputs.push(output);
            }
        }
        let found = if self.input.takes_bytes {
            let byte = |value: f32| value.round().clamp(0.0, 255.0) as u8;
            let values = values.into_iter().map(byte).collect();
            self.engine.run_for(values, shape, &outputs)
        } else {
            self.engine.run_for(values, shape, &outputs)
        };
        let found = found.map_err(refuse)?;
        let rows = shape[0];
        let mut given = Vec::new();
        for &at in maps {
            let ([channels, height, width], output) = self.maps[at];
            let place = outputs.iter().position(|it| *it == output);
            let map = place.and_then(|place| found.get(place)).cloned();
            let map = map.unwrap_or_default();
            if map.len() != rows * channels * height * width {
                return Err(refuse(format!(
                    "its map `{}` has {} values for {rows} images, and not {channels} × {height} × \
                     {width} for each",
                    self.answers.maps[at],
                    map.len()
                )));
            }
            given.push(map);
        }
        let scores = found.into_iter().next().unwrap_or_default();
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
        Ok((scores, given))
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

/// A file without a map of this name.
fn lacks(path: &Path, name: &str) -> OnnxModelError {
    OnnxModelError::File(OnnxError::Unusable {
        path: path.to_owned(),
        problem: format!(
            "it has no feature map `{}`: no value or node of this name that depends on the images and has \
             four sides, or two; --check lists those that there are",
            name.shown()
        ),
    })
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
