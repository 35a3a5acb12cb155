//! The verification of a file: the images that the network was evaluated on go through it, in
//! an engine that did not train it.

use std::collections::BTreeMap;
use std::path::Path;

use thiserror::Error;

use super::recorded;
use crate::data::{EvaluationBatch, Images};
use crate::engine::classify::images_per_pass;
use crate::engine::evaluate::{Answers, for_each_batch};
use crate::engine::failure::Failure;
use crate::engine::network::{
    GREATEST_HALF, INPUT, Network, OUTPUT, PixelInput, UnfitForHalf, UnfitWeights,
};
use crate::engine::onnx::{Engine, OnnxModelError, RTEN, Rten};
use crate::event::inspection::metrics::predicted;
use crate::event::{ExportProof, Floats, PixelFormat};
use crate::experiment::spec::OnnxEngine;
use crate::format::loss;
use crate::onnx::{OnnxError, OnnxFile};
use crate::run::{TemporaryError, TemporaryFile};

/// How far a file may be from the network.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Greatest difference between logits, as a share of the greatest logit.
    difference: f64,
    /// Smallest share of images on which both choose the same class. Logits that differ
    /// by no more than the tolerance choose another one only in a tie.
    agreement: f64,
}

impl Bounds {
    /// 32-bit sums in another order differ by a millionth or so; a thousandth is an
    /// error. A 16-bit float is off by up to a two-thousandth, and so is each value that
    /// layer after layer is made of those before.
    fn of(floats: Floats) -> Self {
        match floats {
            Floats::Fp32 => Self {
                difference: 1e-3,
                agreement: 0.99,
            },
            Floats::Fp16 => Self {
                difference: 1e-2,
                agreement: 0.98,
            },
        }
    }

    /// Greatest difference that is allowed.
    fn allowed(self, proof: &ExportProof) -> f64 {
        self.difference * proof.max_logit
    }

    /// Whether the file computes what the network does. A value that is not a number
    /// proves nothing.
    fn hold(self, proof: &ExportProof) -> bool {
        let others = (proof.images - agreed(proof)) as f64;
        let ties = (1.0 - self.agreement) * proof.images as f64;
        proof.max_difference <= self.allowed(proof) && others <= ties.max(1.0)
    }
}

/// Smallest share of images that a file with 8-bit integers gives the network's
/// class. What rounding costs is a matter of the network, and is reported; but one that
/// differs on most images is no form of this network.
const INT8_AGREEMENT: f64 = 0.5;

/// Why a file is not taken.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The network or the images.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The file cannot be opened.
    #[error(transparent)]
    File(#[from] OnnxError),
    /// The engine refuses it, or fails while it runs.
    #[error("{engine} cannot run the file: {reason}")]
    Engine {
        /// The engine and its version.
        engine: String,
        /// What it says.
        reason: String,
    },
    /// There are no images.
    #[error("there are no validation images to verify the file on")]
    NoImages,
    /// It computes something else.
    #[error(
        "the file does not compute what the network does: logits differ by {}, where at most {} \
         is allowed, and {} of {} images get the same class",
        loss(.0.max_difference), loss(*.1), agreed(.0), .0.images
    )]
    Differs(Box<ExportProof>, f64),
    /// It answers with what is no number.
    #[error(
        "{who} has logits that are not finite for {unanswered} of {images} validation images \
         (NaN or infinite), so that nothing is verified"
    )]
    NoAnswer {
        /// The network, or the file in an engine.
        who: String,
        /// Images.
        unanswered: usize,
        /// Of so many.
        images: usize,
    },
    /// There is nothing to find ranges by.
    #[error("there are no training images to calibrate 8-bit integers on")]
    NoCalibration,
    /// A value that is no number has no range.
    #[error(
        "the values of `{0}` are not finite on the training images, so that they have no 8-bit form"
    )]
    NotFinite(String),
    /// Weights that are no numbers.
    #[error(transparent)]
    Weights(#[from] UnfitWeights),
    /// Numbers that 16-bit floats do not reach.
    #[error(transparent)]
    Half(#[from] UnfitForHalf),
    /// A file for an engine cannot be written.
    #[error(transparent)]
    Temporary(#[from] TemporaryError),
    /// Little is left of the network.
    #[error(
        "with 8-bit integers {} of {} images get the class that the network gives them, and at \
         least {} must; export it with floats, or calibrate it on more images",
        agreed(.0), .0.images, (INT8_AGREEMENT * .0.images as f64).ceil()
    )]
    Lost(Box<ExportProof>),
}

impl From<OnnxModelError> for ProofError {
    fn from(error: OnnxModelError) -> Self {
        match error {
            OnnxModelError::File(error) => Self::File(error),
            OnnxModelError::Engine { engine, reason, .. } => Self::Engine { engine, reason },
        }
    }
}

/// Images that get the same class.
fn agreed(proof: &ExportProof) -> usize {
    (proof.agreement * proof.images as f64).round() as usize
}

/// Holds a file against the network that it was written from.
///
/// # Errors
/// It cannot be run, computes something else, or there is nothing to verify it on.
pub fn prove(
    path: &Path,
    network: &Network,
    images: &Images,
    pixels: PixelFormat,
    floats: Floats,
) -> Result<ExportProof, ProofError> {
    let engine = match floats {
        // An engine that shares no code with those that train, and is always there.
        Floats::Fp32 => OnnxEngine::Rten,
        // Rten reads 16-bit floats and computes with 32-bit ones.
        Floats::Fp16 => OnnxEngine::Auto,
    };
    let file = OpenedFile::open(path, engine, pixels)?;
    let mut found = Comparison::default();
    let mut failed = None;
    let end = for_each_batch(network, &images.valid, images, |batch, logits| {
        if batch.indices.is_empty() {
            return false;
        }
        match file.answers(batch, images) {
            Ok(answers) => found.add(logits, &answers, &batch.labels, images.classes.len()),
            Err(reason) => failed = Some(reason),
        }
        failed.is_some()
    });
    if let Some(error) = failed {
        return Err(error);
    }
    end?;
    found.all_answered(&file.name)?;
    let proof = found.proof(file.name).ok_or(ProofError::NoImages)?;
    let bounds = Bounds::of(floats);
    if bounds.hold(&proof) {
        Ok(proof)
    } else {
        let allowed = bounds.allowed(&proof);
        Err(ProofError::Differs(Box::new(proof), allowed))
    }
}

/// That no layer makes of the validation images what a 16-bit float cannot hold: an engine
/// that computes with 32 bits inside would not show it.
///
/// # Errors
/// A value is larger, or the network cannot be run.
pub fn must_fit_half(network: &Network, images: &Images) -> Result<(), ProofError> {
    let failed = |reason: String| ProofError::Engine {
        engine: RTEN.to_owned(),
        reason,
    };
    let graph = recorded(network, PixelInput::Float)?;
    let file = TemporaryFile::new(&graph.float().into_bytes(&BTreeMap::new()))?;
    let names = graph.values();
    // The input is no node's value.
    let names = &names[1..];
    let values: Vec<&str> = names.iter().map(String::as_str).collect();
    let file = OnnxFile::open(file.path())?;
    let engine = Rten::as_written(file, INPUT, &values).map_err(failed)?;
    let [height, width] = [images.size.0 as usize, images.size.1 as usize];
    let batch = images_per_pass(images.size, FEW);
    for batch in images.in_order(&images.valid, batch) {
        let batch = batch.map_err(Failure::from)?;
        if batch.indices.is_empty() {
            continue;
        }
        let shape = [batch.indices.len(), 3, height, width];
        let values = engine.run(batch.pixels, shape).map_err(failed)?;
        for (name, values) in names.iter().zip(values) {
            let most = values
                .iter()
                .fold(0.0_f32, |most, value| most.max(value.abs()));
            if most > GREATEST_HALF {
                return Err(UnfitForHalf::Values(name.clone(), most).into());
            }
        }
    }
    Ok(())
}

/// What a network and its teacher answer on the validation images.
pub struct Reference {
    /// The network.
    pub network: Answers,
    /// The teacher, logits `[image][class]`.
    pub teacher: Option<Vec<Vec<f32>>>,
}

/// What a file with 8-bit integers is worth, in the fastest engine that is there, and
/// the share of images on which it agrees with the teacher. It is never refused for
/// what rounding cost.
///
/// # Errors
/// It cannot be run, or there are no images.
pub fn measured(
    path: &Path,
    reference: &Reference,
    images: &Images,
    pixels: PixelFormat,
) -> Result<(ExportProof, Option<f64>), ProofError> {
    let (found, engine, like_teacher) = compared(path, reference, images, pixels)?;
    let proof = found.proof(engine).ok_or(ProofError::NoImages)?;
    Ok((proof, like_teacher))
}

/// What both answer on the validation images, the engine's name, and the share of them
/// on which the file agrees with the teacher.
fn compared(
    path: &Path,
    reference: &Reference,
    images: &Images,
    pixels: PixelFormat,
) -> Result<(Comparison, String, Option<f64>), ProofError> {
    let file = OpenedFile::open(path, OnnxEngine::Auto, pixels)?;
    let mut found = Comparison::default();
    let mut like_teacher = 0;
    let classes = images.classes.len();
    let batch = images_per_pass(images.size, BATCH);
    for batch in images.in_order(&images.valid, batch) {
        let batch = batch.map_err(Failure::from)?;
        if batch.indices.is_empty() {
            continue;
        }
        let answers = file.answers(&batch, images)?;
        let rows = batch.indices.iter();
        let logits: Vec<f32> = rows
            .flat_map(|&image| reference.network.logits[image].iter().copied())
            .collect();
        found.add(&logits, &answers, &batch.labels, classes);
        if let Some(teacher) = &reference.teacher {
            let pairs = batch.indices.iter().zip(answers.chunks_exact(classes));
            let same = pairs.filter(|(image, row)| is_same(&teacher[**image], row));
            like_teacher += same.count();
        }
    }
    let share = like_teacher as f64 / found.images as f64;
    let share = reference.teacher.is_some().then_some(share);
    Ok((found, file.name, share))
}

/// Whether both answer, with the same class.
pub(super) fn is_same(ours: &[f32], theirs: &[f32]) -> bool {
    let ours = predicted(ours);
    ours.is_some() && ours == predicted(theirs)
}

/// The same, of a file that is to be kept.
///
/// # Errors
/// As [`measured`], and where little is left of the network.
pub fn prove_int8(
    path: &Path,
    reference: &Reference,
    images: &Images,
    pixels: PixelFormat,
) -> Result<(ExportProof, Option<f64>), ProofError> {
    let (found, engine, like_teacher) = compared(path, reference, images, pixels)?;
    found.all_answered(&engine)?;
    let proof = found.proof(engine).ok_or(ProofError::NoImages)?;
    if proof.agreement >= INT8_AGREEMENT {
        Ok((proof, like_teacher))
    } else {
        Err(ProofError::Lost(Box::new(proof)))
    }
}

/// Images in a pass, and in one of which every value is kept.
const BATCH: usize = 64;
const FEW: usize = 8;

/// A file in an engine.
struct OpenedFile {
    engine: Engine,
    name: String,
    pixels: PixelFormat,
}

impl OpenedFile {
    fn open(path: &Path, engine: OnnxEngine, pixels: PixelFormat) -> Result<Self, ProofError> {
        let file = OnnxFile::open(path)?;
        let (engine, name) = Engine::open(engine, file, INPUT, &[OUTPUT])?;
        Ok(Self {
            engine,
            name,
            pixels,
        })
    }

    /// Logits of a batch.
    fn answers(&self, batch: &EvaluationBatch, images: &Images) -> Result<Vec<f32>, ProofError> {
        let [height, width] = [images.size.0 as usize, images.size.1 as usize];
        let values = &batch.pixels;
        let count = batch.indices.len();
        let answers = match self.pixels {
            PixelFormat::Float => self.engine.run(values.clone(), [count, 3, height, width]),
            PixelFormat::Uint8 => {
                let bytes = bytes_of(values, images, height * width);
                self.engine.run(bytes, [count, height, width, 3])
            }
        };
        let wanted = count * images.classes.len();
        let answers = answers.and_then(|answers| match answers.len() {
            given if given == wanted => Ok(answers),
            given => Err(format!("it gives {given} logits where {wanted} are wanted")),
        });
        answers.map_err(|reason| ProofError::Engine {
            engine: self.name.clone(),
            reason,
        })
    }
}

/// The bytes `[batch, pixels, 3]` that became these normalised values.
fn bytes_of(values: &[f32], images: &Images, pixels: usize) -> Vec<u8> {
    let byte = |channel: usize, value: f32| {
        let share = value * images.std[channel] + images.mean[channel];
        (share * 255.0).round() as u8
    };
    let mut bytes = Vec::with_capacity(values.len());
    for image in values.chunks_exact(3 * pixels) {
        for pixel in 0..pixels {
            bytes.extend((0..3).map(|channel| byte(channel, image[channel * pixels + pixel])));
        }
    }
    bytes
}

/// What was seen of both so far.
#[derive(Default)]
struct Comparison {
    images: usize,
    labelled: usize,
    agreed: usize,
    /// Images that the file answers with what is no number, and those that the network
    /// does.
    unanswered: usize,
    network_unanswered: usize,
    right: usize,
    network_right: usize,
    difference: f64,
    greatest: f64,
}

impl Comparison {
    fn add(&mut self, logits: &[f32], answers: &[f32], labels: &[u32], classes: usize) {
        for (ours, theirs) in logits.iter().zip(answers) {
            let difference = f64::from(ours - theirs).abs();
            // A difference that is no number stays one.
            if difference > self.difference || difference.is_nan() {
                self.difference = difference;
            }
            self.greatest = self.greatest.max(f64::from(ours.abs()));
        }
        let rows = logits
            .chunks_exact(classes)
            .zip(answers.chunks_exact(classes));
        for (at, (ours, theirs)) in rows.enumerate() {
            self.images += 1;
            self.agreed += usize::from(is_same(ours, theirs));
            let (ours, theirs) = (predicted(ours), predicted(theirs));
            self.unanswered += usize::from(theirs.is_none());
            self.network_unanswered += usize::from(ours.is_none());
            if let Some(&label) = labels.get(at) {
                self.labelled += 1;
                self.right += usize::from(theirs == Some(label as usize));
                self.network_right += usize::from(ours == Some(label as usize));
            }
        }
    }

    /// Refuses logits that are no numbers.
    fn all_answered(&self, engine: &str) -> Result<(), ProofError> {
        let network = "the network".to_owned();
        let file = format!("the file in {engine}");
        for (who, unanswered) in [(network, self.network_unanswered), (file, self.unanswered)] {
            if unanswered > 0 {
                let images = self.images;
                return Err(ProofError::NoAnswer {
                    who,
                    unanswered,
                    images,
                });
            }
        }
        Ok(())
    }

    fn proof(&self, engine: String) -> Option<ExportProof> {
        let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
        Some(ExportProof {
            engine,
            images: self.images,
            max_difference: self.difference,
            max_logit: self.greatest,
            agreement: share(self.agreed, self.images)?,
            top1: share(self.right, self.labelled),
            network_top1: share(self.network_right, self.labelled),
        })
    }
}
