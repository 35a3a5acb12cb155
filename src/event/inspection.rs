//! Looking at single images: what a probe shows of student and teacher through
//! training, and what an inference says of a folder of images.
//!
//! Plain data, made by the engine, shown by screens and written by reports.

mod answer_metrics;
pub mod export;
pub mod metrics;
pub mod score;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::answer_metrics::AnswerMetrics;
use super::SkippedImage;

/// A small picture to look at: `width` × `height` pixels, red, green and blue
/// of each, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Three bytes a pixel.
    pub rgb: Vec<u8>,
}

/// The images that a run is watched by, and what its models answer on them.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Names of the classes; a label is an index into them.
    pub classes: Vec<String>,
    /// The images.
    pub images: Vec<ProbeImage>,
    /// The teacher's logits, `[image][class]`, if there is a teacher.
    pub teacher: Option<Vec<Vec<f32>>>,
    /// The student's, through training, in order of steps; at least one.
    pub students: Vec<ProbeAnswers>,
}

/// One image of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeImage {
    /// Its file, or where in which set it is.
    pub source: String,
    /// Its class, if that is known.
    pub label: Option<u32>,
    /// The image at the size that the models see.
    pub picture: Picture,
    /// Augmented copies as the student sees them, one for every view of its
    /// training.
    pub views: Vec<Picture>,
}

/// What a student answered at one point of its training.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeAnswers {
    /// Steps completed.
    pub step: u64,
    /// Epochs completed.
    pub epoch: f64,
    /// Logits, `[image][class]`.
    pub logits: Vec<Vec<f32>>,
}

/// Whose class of an image it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answerer {
    /// The image's own.
    Label,
    /// The teacher's answer.
    Teacher,
    /// The student's.
    Student,
}

/// A cell of a matrix: images of which two say these classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixCell {
    /// Who says the row, and the row's class.
    pub rows: (Answerer, usize),
    /// The same of the column.
    pub columns: (Answerer, usize),
}

/// Which images a run's models answer on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProbeSource {
    /// Its probe images, as it recorded them.
    #[default]
    Recorded,
    /// Those of a folder.
    Folder(PathBuf),
    /// All its validation images of a cell, by the weights after so many steps.
    Cell {
        /// The cell.
        cell: MatrixCell,
        /// Steps completed.
        step: u64,
    },
    /// Its validation images of these names, which another run's cell holds.
    Named {
        /// As [`ProbeImage::source`].
        images: Vec<String>,
        /// By which of its weights.
        weights: Weights,
    },
}

/// Which of a run's models answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Answering {
    /// The student.
    #[default]
    Student,
    /// The teacher.
    Teacher,
    /// Both.
    Both,
}

/// Which of a run's checkpoints is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// Those with the best validation accuracy.
    #[default]
    Best,
    /// The newest.
    Latest,
}

impl Weights {
    /// What they are called.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Latest => "latest",
        }
    }
}

/// Which models of a run are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// Whose.
    pub answering: Answering,
    /// Which of the student's weights.
    pub weights: Weights,
}

/// A folder of images to classify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InferenceRequest {
    /// The folder; images at any depth count.
    pub folder: PathBuf,
    /// Name of the run whose models answer.
    pub run: String,
    /// Which of its models.
    pub asked: Asked,
}

/// Something that happened while a folder was classified.
#[derive(Debug, Clone, PartialEq)]
pub enum InferenceEvent {
    /// The images were listed.
    Began {
        /// How many there are.
        images: usize,
        /// Names of the classes.
        classes: Vec<String>,
    },
    /// An image was classified.
    Classified(Box<Classified>),
    /// Something that a person should know; the answers are what they would be.
    Warned(String),
    /// An image could not be used; the others can.
    Unreadable(SkippedImage),
    /// It is over.
    Ended {
        /// Whether it was cancelled before the end.
        cancelled: bool,
        /// Seconds it took.
        seconds: f64,
    },
    /// It could not be carried out.
    Failed(String),
}

/// An image that was classified.
#[derive(Debug, Clone, PartialEq)]
pub struct Classified {
    /// Its file, relative to the folder.
    pub path: PathBuf,
    /// Its class, where its folder is named like one.
    pub label: Option<usize>,
    /// The image at the size that the models see.
    pub picture: Picture,
    /// The student's logits, one per class, if it was asked.
    pub student: Option<Vec<f32>>,
    /// The teacher's logits, one per class, if it was asked.
    pub teacher: Option<Vec<f32>>,
    /// Milliseconds of the forward passes of its batch, by number of images.
    pub milliseconds: f64,
}

/// Probabilities of logits at a temperature, which is positive.
#[must_use]
pub fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits
        .iter()
        .map(|logit| ((logit - largest) / temperature).exp())
        .collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// KL(p ‖ q) in nats of two distributions over the same classes.
#[must_use]
pub fn divergence(p: &[f32], q: &[f32]) -> f32 {
    p.iter()
        .zip(q)
        .filter(|(p, _)| **p > 0.0)
        .map(|(p, q)| p * (p.ln() - q.max(f32::MIN_POSITIVE).ln()))
        .sum()
}

/// Index of the greatest logit; the first of equals.
#[must_use]
pub fn argmax(logits: &[f32]) -> usize {
    (1..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best })
}

/// The most likely class of logits; none if not all of them are numbers, which is no
/// answer.
#[must_use]
pub fn predicted(logits: &[f32]) -> Option<usize> {
    let is_answer = !logits.is_empty() && logits.iter().all(|logit| logit.is_finite());
    is_answer.then(|| argmax(logits))
}

/// Classes in descending order of their probability or logit, at most `count`.
#[must_use]
pub fn ranked(scores: &[f32], count: usize) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..scores.len()).collect();
    classes.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    classes.truncate(count);
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_sum_to_one_however_large_the_logits_are() {
        let probabilities = softmax(&[1000.0, 1001.0, -1000.0], 1.0);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((probabilities[1] / probabilities[0] - std::f32::consts::E).abs() < 1e-4);
        let soft = softmax(&[1000.0, 1001.0, -1000.0], 4.0);
        assert!(soft[1] < probabilities[1]);
    }

    #[test]
    fn a_distribution_does_not_diverge_from_itself_and_zeros_stay_finite() {
        let p = [0.5, 0.5, 0.0];
        assert!(divergence(&p, &p).abs() < 1e-7);
        let q = [0.25, 0.5, 0.25];
        assert!((divergence(&p, &q) - 0.5 * 2.0_f32.ln()).abs() < 1e-6);
        assert!(divergence(&p, &[0.0, 0.5, 0.5]).is_finite());
    }

    #[test]
    fn classes_are_ranked_and_equals_keep_their_order() {
        assert_eq!(ranked(&[0.1, 0.7, 0.1, 0.7], 3), [1, 3, 0]);
    }
}
