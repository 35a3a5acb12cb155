//! The proof of a file: the images that the network was judged by go through it, in
//! an engine that did not train it.

use std::path::Path;

use thiserror::Error;

use crate::data::Images;
use crate::engine::evaluate::for_each_batch;
use crate::engine::failure::Failure;
use crate::engine::network::{INPUT, Network, OUTPUT};
use crate::engine::onnx::{RTEN, Rten};
use crate::event::inspection::metrics::argmax;
use crate::event::{ExportProof, PixelFormat};
use crate::format::loss;
use crate::onnx::{OnnxError, OnnxFile};

/// Greatest difference between logits, as a share of the greatest logit. 32-bit
/// sums in another order differ by a millionth or so; a thousandth is an error.
const TOLERANCE: f64 = 1e-3;

/// Smallest share of images on which both choose the same class. Logits that differ
/// by no more than the tolerance choose another one only in a tie.
const AGREEMENT: f64 = 0.99;

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
    #[error("{RTEN} cannot run the file: {0}")]
    Engine(String),
    /// There are no images.
    #[error("there are no validation images to prove the file with")]
    NoImages,
    /// It computes something else.
    #[error(
        "the file does not compute what the network does: logits differ by {}, where at most {} \
         is allowed, and {} of {} images get the same class",
        loss(.0.max_difference), loss(allowed(.0)), agreed(.0), .0.images
    )]
    Differs(Box<ExportProof>),
}

/// Greatest difference that is allowed.
fn allowed(proof: &ExportProof) -> f64 {
    TOLERANCE * proof.max_logit
}

/// Images that get the same class.
fn agreed(proof: &ExportProof) -> usize {
    (proof.agreement * proof.images as f64).round() as usize
}

/// Whether the file computes what the network does. A value that is not a number
/// proves nothing.
fn holds(proof: &ExportProof) -> bool {
    let others = (proof.images - agreed(proof)) as f64;
    let ties = (1.0 - AGREEMENT) * proof.images as f64;
    proof.max_difference <= allowed(proof) && others <= ties.max(1.0)
}

/// Holds a file against the network that it was written from.
///
/// # Errors
/// It cannot be run, computes something else, or there is nothing to prove it with.
pub fn prove(
    path: &Path,
    network: &Network,
    images: &Images,
    pixels: PixelFormat,
) -> Result<ExportProof, ProofError> {
    let file = OnnxFile::open(path)?;
    let engine = Rten::open(file, INPUT, OUTPUT).map_err(ProofError::Engine)?;
    let [height, width] = [images.size.0 as usize, images.size.1 as usize];
    let run = |values: &[f32]| {
        let count = values.len() / (3 * height * width);
        match pixels {
            PixelFormat::Float => engine.run(values.to_vec(), [count, 3, height, width]),
            PixelFormat::Uint8 => {
                let bytes = bytes_of(values, images, height * width);
                engine.run(bytes, [count, height, width, 3])
            }
        }
    };
    let mut found = Comparison::default();
    let mut failed = None;
    for_each_batch(network, &images.valid, images, |batch, logits| {
        if failed.is_some() || batch.indices.is_empty() {
            return;
        }
        match run(&batch.pixels) {
            Ok(answers) if answers.len() == logits.len() => {
                found.add(logits, &answers, &batch.labels, images.classes.len());
            }
            Ok(answers) => {
                let (given, wanted) = (answers.len(), logits.len());
                failed = Some(format!("it gives {given} logits where {wanted} are wanted"));
            }
            Err(reason) => failed = Some(reason),
        }
    })?;
    if let Some(reason) = failed {
        return Err(ProofError::Engine(reason));
    }
    let proof = found.proof().ok_or(ProofError::NoImages)?;
    if holds(&proof) {
        Ok(proof)
    } else {
        Err(ProofError::Differs(Box::new(proof)))
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
            let (ours, theirs) = (argmax(ours), argmax(theirs));
            self.images += 1;
            self.agreed += usize::from(ours == theirs);
            if let Some(&label) = labels.get(at) {
                self.labelled += 1;
                self.right += usize::from(theirs == label as usize);
                self.network_right += usize::from(ours == label as usize);
            }
        }
    }

    fn proof(&self) -> Option<ExportProof> {
        let share = |part: usize, of: usize| (of > 0).then(|| part as f64 / of as f64);
        Some(ExportProof {
            engine: RTEN.to_owned(),
            images: self.images,
            max_difference: self.difference,
            max_logit: self.greatest,
            agreement: share(self.agreed, self.images)?,
            top1: share(self.right, self.labelled),
            network_top1: share(self.network_right, self.labelled),
        })
    }
}
