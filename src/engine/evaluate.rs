//! Evaluation of a network on a set of images: metrics against the labels and
//! against the teacher.

use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Device, Tensor, TensorData};

use super::classify::{Classify, images_per_pass, kept_logits};
use super::failure::Failure;
use crate::data::{EvaluationBatch, ImageSet, Images};
use crate::event::inspection::metrics::{MetricAccumulator, TruthLoss};
use crate::event::{EvaluatedWeights, Evaluation, Phase, Split};

/// Images in a forward pass of an evaluation. Has no effect on results.
const BATCH: usize = 256;

/// A set of images, and what a teacher answers on them. The answers are
/// computed once, since neither images nor teacher change.
pub struct Evaluator {
    split: Split,
    set: ImageSet,
    teacher: Option<Arc<Answers>>,
}

/// What a network answers on every image of a set.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// Logits, `[image][class]`; zeros for an image that went bad since it was
    /// indexed.
    pub logits: Vec<Vec<f32>>,
    /// Which images could be read.
    pub present: Vec<bool>,
    /// Seconds it took.
    pub seconds: f64,
}

/// Whether a stop is due, which is asked between batches.
pub type Stops<'a> = &'a mut dyn FnMut() -> bool;

/// Whose weights are evaluated, and when.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// Whose.
    pub phase: Phase,
    /// Which weights.
    pub weights: EvaluatedWeights,
    /// Steps completed.
    pub step: u64,
    /// Epochs completed.
    pub epoch: f64,
}

impl Evaluator {
    /// A set, and what a teacher answered on it.
    #[must_use]
    pub fn answered(split: Split, set: ImageSet, teacher: Option<Arc<Answers>>) -> Self {
        Self {
            split,
            set,
            teacher,
        }
    }

    /// What the teacher answers on every image, if there is one: logits,
    /// `[image][class]`.
    #[must_use]
    pub fn teacher(&self) -> Option<&[Vec<f32>]> {
        self.teacher
            .as_ref()
            .map(|answers| answers.logits.as_slice())
    }

    /// The same with the time that it took.
    #[must_use]
    pub fn answers(&self) -> Option<&Answers> {
        self.teacher.as_deref()
    }

    /// The evaluation of the teacher itself, which costs nothing any more; none
    /// if there is no teacher.
    #[must_use]
    pub fn evaluation_of_teacher(&self, classes: usize, subject: Subject) -> Option<Evaluation> {
        let answers = self.teacher.as_ref()?;
        let mut metrics = MetricAccumulator::new(classes, false);
        for (_, row, label) in answers.labelled(&self.set) {
            metrics.count(row, label, None);
        }
        Some(self.evaluation(metrics, subject, answers.seconds))
    }

    /// Evaluates `network`, which lives on a plain device, and counts its truth loss on
    /// these images in the same pass where that is wanted.
    ///
    /// # Errors
    /// If an image cannot be read, and [`Failure::Stopped`].
    pub fn evaluate(
        &self,
        network: &dyn Classify,
        images: &Images,
        subject: Subject,
        mut truth: Option<&mut TruthLoss>,
        stops: Stops<'_>,
    ) -> Result<Evaluation, Failure> {
        let start = Instant::now();
        let classes = images.classes.len();
        let mut metrics = MetricAccumulator::new(classes, self.teacher.is_some());
        let mut right = vec![false; self.set.len()];
        for_each_batch(network, &self.set, images, |batch, logits| {
            let rows = logits.chunks_exact(classes);
            for ((row, &label), &image) in rows.zip(&batch.labels).zip(&batch.indices) {
                let teacher = self.teacher().map(|answers| answers[image].as_slice());
                right[image] = metrics.count(row, label as usize, teacher);
                if let Some(truth) = &mut truth {
                    truth.count(row, label as usize, teacher);
                }
            }
            stops()
        })?;
        let evaluation = self.evaluation(metrics, subject, start.elapsed().as_secs_f64());
        let is_kept = self.split == Split::Test && evaluation.images == right.len();
        Ok(Evaluation {
            right: is_kept.then(|| right.into_iter().collect()),
            ..evaluation
        })
    }

    fn evaluation(&self, metrics: MetricAccumulator, subject: Subject, seconds: f64) -> Evaluation {
        let (teacher, ece) = (metrics.teacher(), metrics.ece());
        let (loss, top1, top5) = (metrics.loss(), metrics.top1(), metrics.top5());
        let (images, per_class) = (metrics.images(), metrics.per_class());
        let (confusion, predictions) = metrics.into_counts();
        Evaluation {
            phase: subject.phase,
            split: self.split,
            weights: subject.weights,
            step: subject.step,
            epoch: subject.epoch,
            images,
            loss,
            top1,
            top5,
            ece: Some(ece),
            per_class,
            confusion,
            predictions,
            right: None,
            teacher,
            seconds,
        }
    }
}

impl Answers {
    /// What `network`, which lives on a plain device, answers.
    ///
    /// # Errors
    /// If an image cannot be read.
    pub fn of(network: &dyn Classify, set: &ImageSet, images: &Images) -> Result<Self, Failure> {
        Self::until_stopped(network, set, images, &mut || false)
    }

    /// The same, unless a stop is due, which is asked after every batch.
    ///
    /// # Errors
    /// Also [`Failure::Stopped`].
    pub fn until_stopped(
        network: &dyn Classify,
        set: &ImageSet,
        images: &Images,
        stops: Stops<'_>,
    ) -> Result<Self, Failure> {
        let start = Instant::now();
        let (logits, present) = asked(network, set, images, stops)?;
        Ok(Self {
            logits,
            present,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// What an ensemble answers whose members answer so on the same set, each with its weight:
    /// the numbers that it computes itself.
    #[must_use]
    pub fn mean(mut members: Vec<(Self, f32)>) -> Option<Self> {
        if members.len() == 1 {
            return members.pop().map(|(only, _)| only);
        }
        let weighted = members.into_iter().map(|(mut answers, weight)| {
            let values = answers.logits.iter_mut().flatten();
            values.for_each(|value| *value *= weight);
            answers
        });
        weighted.reduce(|mut sum, next| {
            let values = sum.logits.iter_mut().flatten();
            let more = next.logits.iter().flatten();
            values.zip(more).for_each(|(sum, more)| *sum += more);
            let present = sum.present.iter_mut().zip(next.present);
            present.for_each(|(both, there)| *both &= there);
            sum.seconds += next.seconds;
            sum
        })
    }

    /// Labelled images of the set that could be read: number in the set, logits
    /// and label.
    pub fn labelled<'a>(
        &'a self,
        set: &'a ImageSet,
    ) -> impl Iterator<Item = (usize, &'a [f32], usize)> {
        let rows = self.logits.iter().enumerate();
        rows.filter(|(image, _)| self.present[*image])
            .filter_map(|(image, row)| Some((image, row.as_slice(), set.label(image)? as usize)))
    }
}

/// Logits of every image of the set, `[image][class]`; zeros for one that went
/// bad since it was indexed.
pub fn answers(
    network: &dyn Classify,
    set: &ImageSet,
    images: &Images,
) -> Result<Vec<Vec<f32>>, Failure> {
    Ok(asked(network, set, images, &mut || false)?.0)
}

/// The same, and which images could be read.
fn asked(
    network: &dyn Classify,
    set: &ImageSet,
    images: &Images,
    stops: Stops<'_>,
) -> Result<(Vec<Vec<f32>>, Vec<bool>), Failure> {
    let classes = images.classes.len();
    let mut answers = vec![vec![0.0; classes]; set.len()];
    let mut present = vec![false; set.len()];
    for_each_batch(network, set, images, |batch, logits| {
        for (row, &image) in logits.chunks_exact(classes).zip(&batch.indices) {
            answers[image].copy_from_slice(row);
            present[image] = true;
        }
        stops()
    })?;
    Ok((answers, present))
}

/// Runs `network` over the set in order and hands every batch to `visit` with
/// its logits, `[batch, classes]` row by row. It returns whether to stop there, which
/// after the last batch is no matter.
pub(super) fn for_each_batch(
    network: &dyn Classify,
    set: &ImageSet,
    images: &Images,
    mut visit: impl FnMut(&EvaluationBatch, &[f32]) -> bool,
) -> Result<(), Failure> {
    let mut is_stopped = false;
    for batch in images.in_order(set, images_in_batch(images)) {
        if is_stopped {
            return Err(Failure::Stopped);
        }
        let batch = batch?;
        let logits = ask(network, set, images, &batch)?;
        is_stopped = visit(&batch, &logits);
    }
    Ok(())
}

/// Images of a batch of an evaluation; of the last there may be fewer.
pub(super) fn images_in_batch(images: &Images) -> usize {
    images_per_pass(images.size, BATCH)
}

/// What a model answers on a batch of a set: logits `[batch, classes]`, row by row.
pub(super) fn ask(
    model: &dyn Classify,
    set: &ImageSet,
    images: &Images,
    batch: &EvaluationBatch,
) -> Result<Vec<f32>, Failure> {
    if let Some(kept) = model.kept() {
        let rows = batch
            .indices
            .iter()
            .map(|&index| kept_logits(kept, set, index));
        return Ok(rows.collect::<Result<Vec<_>, _>>()?.concat());
    }
    let input = image_tensor(&batch.pixels, images.size, model.device());
    host(model.logits(input)?)
}

/// Normalised pixels as a tensor `[batch, 3, height, width]`.
pub fn image_tensor(pixels: &[f32], size: (u32, u32), device: &Device) -> Tensor<4> {
    let (height, width) = (size.0 as usize, size.1 as usize);
    let batch = pixels.len() / (3 * height * width);
    Tensor::from_data(
        TensorData::new(pixels.to_vec(), [batch, 3, height, width]),
        device,
    )
}

/// Copies a tensor to the host, row by row.
pub fn host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Failure> {
    tensor
        .into_data()
        .try_to_vec()
        .map_err(|error| Failure::Tensor(format!("{error:?}")))
}
