//! One step of training: views through the networks, terms, backward, update.
//!
//! The step works on a copy of the student that records, and reads its losses and
//! gradient norms from the device once. Only when all of them are finite does
//! the student change: a step that fails leaves weights, running statistics and
//! optimizer as they were.

mod error;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range as Span;

use burn::tensor::{Device, Int, Tensor, TensorData};

pub use error::StepError;

use super::classify::{AnswerError, Classify, known_stages};
#[cfg(feature = "libtorch")]
use super::device::caught;
use super::network::{
    Extremes, Forwarded, Network, Parameter, Range, RecordedForward, StepGradients,
};
use super::objective::{Context, Logits, Losses, Share, evaluate, label_tensor, teacher_views};
use super::optimizer::{Optimizer, clip_factor};
use super::weights::read_tensors;
use crate::data::MixedLabel;
use crate::experiment::objective::{Loss, Objective, TruthTarget};
use crate::experiment::plan::TruthSettings;
use crate::experiment::spec::Precision;

/// The images of one step.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Every view, `[images, 3, height, width]` of as many images, on the student's plain
    /// device, in the objective's order.
    pub views: Vec<Tensor<4>>,
    /// By view, classes of its first images; the others have no label.
    pub labels: Vec<Vec<u32>>,
    /// By view, the second labels of these images where some are mixed; views without any
    /// may be left out.
    pub mixed: Vec<Vec<MixedLabel>>,
    /// What the teacher answers on some images of a view, by view; views without any
    /// may be left out.
    pub answers: Vec<KnownAnswers>,
}

/// What the teacher is known to answer on some images of a view.
#[derive(Debug, Clone, Default)]
pub struct KnownAnswers {
    /// The images, by their place in the batch, ascending.
    pub images: Vec<usize>,
    /// Logits `[image][class]`, row by row.
    pub logits: Vec<f32>,
}

/// What a step does besides its images.
#[derive(Debug, Clone, Copy)]
pub struct StepSettings<'a> {
    /// What is minimised.
    pub objective: &'a Objective,
    /// Value of every knob of the objective.
    pub knobs: &'a BTreeMap<String, f64>,
    /// Learning rate.
    pub lr: f64,
    /// Greatest global L2 norm of the gradient.
    pub clip: Option<f64>,
    /// How truth terms compare the student with their targets.
    pub truth: TruthSettings<'a>,
    /// Parts that the batch goes through the networks in, one after another.
    pub accumulate: usize,
    /// Numbers that the student's convolutions and linear layers are computed with.
    pub precision: Precision,
}

/// Numbers of one step, from before its update.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Unweighted loss of every term, in the objective's order.
    pub losses: Vec<f64>,
    /// Weighted sum of the losses, those of labels by the share of labelled images.
    pub total: f64,
    /// Global L2 norm of the gradient, before clipping.
    pub grad_norm: f64,
    /// Labelled images whose most likely class is the label, on the first view
    /// with a truth term, else on the first view of any term. Of a mixed image that is
    /// the label with the greater share.
    pub correct: usize,
    /// Labelled images of that view.
    pub labelled: usize,
    /// What every value was that the student rounds, where that is noted.
    pub ranges: Vec<Range>,
}

/// Takes one step: the student is evaluated on every view that a term looks at,
/// in their order, each with its own batch statistics; the teacher, with its
/// running statistics, on those where it is needed. Of a batch in parts the
/// gradients are added up; batch statistics are those of each part. The optimizer is
/// one for the student's parameters and those of the regressors after them.
///
/// # Errors
/// The batch does not fit the objective, a number is not finite, or the device
/// failed. Student, regressors and optimizer are then as before.
pub fn train_step(
    student: &mut Network,
    regressors: &mut [Parameter],
    teacher: Option<&dyn Classify>,
    optimizer: &mut Optimizer,
    batch: &Batch,
    settings: &StepSettings,
) -> Result<StepReport, StepError> {
    let mut moved = student.clone();
    let mut sum: Option<Passed> = None;
    for part in batch.parts(settings.accumulate) {
        let passed = attempt(part, |images| {
            pass((&moved, regressors), teacher, batch, images, settings)
        })?;
        moved
            .statistics_mut()
            .clone_from_slice(&passed.step.statistics);
        sum = Some(match sum {
            Some(sum) => sum.and(passed),
            None => passed,
        });
    }
    let passed = sum.ok_or(StepError::EmptyBatch)?;
    // No gradient and no decay: optimizers leave such a parameter as it is, to the bit.
    let gradients = passed.step.gradients.into_iter().chain(passed.regressors);
    let gradients: Vec<Tensor<1>> = gradients
        .zip(student.parameters().iter().chain(regressors.iter()))
        .map(|(gradient, parameter)| {
            if parameter.frozen {
                gradient.zeros_like()
            } else {
                gradient
            }
        })
        .collect();
    let report = read(
        settings.objective,
        student.parameters().iter().chain(regressors.iter()),
        passed.losses,
        (&gradients, passed.step.observed),
        passed.correct,
        batch,
    )?;
    let factor = settings
        .clip
        .and_then(|greatest| clip_factor(report.grad_norm, greatest));
    let gradients = match factor {
        Some(factor) => gradients.into_iter().map(|g| g * factor).collect(),
        None => gradients,
    };
    student
        .statistics_mut()
        .clone_from_slice(&passed.step.statistics);
    let parameters = student.parameters_mut().iter_mut().chain(regressors);
    optimizer.step(parameters, gradients, settings.lr);
    Ok(report)
}

/// What came of a part of a batch, or of some: nothing of it is read yet.
struct Passed {
    losses: Losses,
    correct: Option<Tensor<1>>,
    step: StepGradients,
    /// Gradients of the regressors' parameters.
    regressors: Vec<Tensor<1>>,
}

impl Passed {
    /// The two together.
    fn and(self, next: Self) -> Self {
        let add = |(one, other): (Tensor<1>, Tensor<1>)| one + other;
        let both = |one: Vec<Tensor<1>>, other: Vec<Tensor<1>>| {
            one.into_iter().zip(other).map(add).collect()
        };
        let extremes = self.step.observed.into_iter().zip(next.step.observed);
        let extremes = extremes.map(|([low, high], [other_low, other_high])| {
            [low.min_pair(other_low), high.max_pair(other_high)]
        });
        Self {
            losses: Losses {
                terms: both(self.losses.terms, next.losses.terms),
                total: self.losses.total + next.losses.total,
            },
            correct: match (self.correct, next.correct) {
                (Some(one), Some(other)) => Some(one + other),
                (one, other) => one.or(other),
            },
            step: StepGradients {
                gradients: both(self.step.gradients, next.step.gradients),
                statistics: next.step.statistics,
                observed: extremes.collect(),
            },
            regressors: both(self.regressors, next.regressors),
        }
    }
}

/// Takes images through `pass`, with what libtorch has against it as an error.
#[cfg(feature = "libtorch")]
fn attempt(
    images: Span<usize>,
    pass: impl Fn(Span<usize>) -> Result<Passed, StepError>,
) -> Result<Passed, StepError> {
    let reason = match caught(|| pass(images.clone())) {
        Ok(passed) => return passed,
        Err(reason) => reason,
    };
    if !is_out_of_memory(&reason) {
        let line = reason.lines().next().unwrap_or_default();
        return Err(StepError::LibTorch(line.to_owned()));
    }
    let halves = std::iter::successors(Some(images.len() / 2), |fewer| Some(fewer / 2));
    let mut halves = halves.take_while(|&fewer| fewer > 0);
    let fits = halves.find(|fewer| caught(|| pass(images.start..images.start + fewer)).is_ok());
    Err(StepError::OutOfMemory {
        images: images.len(),
        fits,
    })
}

/// Whether libtorch says that there is no memory for something, on a GPU or not.
#[cfg(feature = "libtorch")]
fn is_out_of_memory(reason: &str) -> bool {
    const SIGNS: [&str; 4] = [
        "out of memory",
        "can't allocate memory",
        "not enough memory",
        "ALLOC_FAILED",
    ];
    SIGNS.iter().any(|sign| reason.contains(sign))
}

/// Takes images through `pass`, which has no errors besides its own here.
#[cfg(not(feature = "libtorch"))]
fn attempt(
    images: Span<usize>,
    pass: impl Fn(Span<usize>) -> Result<Passed, StepError>,
) -> Result<Passed, StepError> {
    pass(images)
}

/// Takes some images of a batch forward and back through the student.
fn pass(
    (student, regressors): (&Network, &[Parameter]),
    teacher: Option<&dyn Classify>,
    batch: &Batch,
    images: Span<usize>,
    settings: &StepSettings,
) -> Result<Passed, StepError> {
    let part = batch.part(&images);
    let stages = settings.objective.student_stages();
    known_stages(student, &stages).map_err(StepError::Student)?;
    let mut passes = student.passes_with(settings.precision, &stages);
    let logits = forward((&mut passes, &stages), teacher, &part, settings.objective)?;
    let tracked = regressors.iter();
    let tracked = tracked.map(|it| it.value.clone().autodiff().require_grad());
    let tracked: Vec<Tensor<1>> = tracked.collect();
    let names = regressors.iter().map(|it| it.name.clone());
    let regressors = names.zip(tracked.iter().cloned()).collect();
    let shares = (0..batch.views.len()).map(|view| {
        let labels = (part.labels_of(view), batch.labels_of(view));
        let images = (images.len(), batch.images());
        Share::of_part(labels, images, settings.truth.class_weights)
    });
    let shares: Vec<Share> = shares.collect();
    let context = Context {
        labels: &part.labels,
        mixed: &part.mixed,
        knobs: settings.knobs,
        truth: settings.truth,
        regressors: &regressors,
        share: &shares,
    };
    let losses = evaluate(settings.objective, &logits, &context)?;
    let correct = correct(settings.objective, &logits, &part)?;
    let (step, regressors) = passes.finish_with(&losses.total, &tracked);
    Ok(Passed {
        // The graphs behind them are not needed any more, and as large as all activations.
        losses: Losses {
            terms: losses.terms.into_iter().map(Tensor::inner).collect(),
            total: losses.total.inner(),
        },
        correct,
        step,
        regressors,
    })
}

impl Batch {
    /// Images of a view.
    fn images(&self) -> usize {
        self.views.first().map_or(0, |view| view.dims()[0])
    }

    fn labels_of(&self, view: usize) -> &[u32] {
        self.labels.get(view).map_or(&[], Vec::as_slice)
    }

    /// Its images in so many parts, the last ones the smaller by one; in fewer where
    /// there are fewer images.
    fn parts(&self, parts: usize) -> impl Iterator<Item = Span<usize>> + use<> {
        let images = self.images();
        let parts = parts.clamp(1, images.max(1));
        let (each, more) = (images / parts, images % parts);
        let begin = move |part: usize| part * each + part.min(more);
        (0..parts).map(move |part| begin(part)..begin(part + 1))
    }

    /// Some of its images.
    fn part(&self, images: &Span<usize>) -> Self {
        if images.len() == self.images() {
            return self.clone();
        }
        let labelled =
            |labels: &Vec<u32>| images.start.min(labels.len())..images.end.min(labels.len());
        let labels = self.labels.iter();
        let labels = labels.map(|labels| labels[labelled(labels)].to_vec());
        Self {
            views: self
                .views
                .iter()
                .map(|view| view.clone().narrow(0, images.start, images.len()))
                .collect(),
            mixed: self
                .mixed
                .iter()
                .zip(&self.labels)
                .map(|(mixed, of)| mixed.get(labelled(of)).unwrap_or_default().to_vec())
                .collect(),
            labels: labels.collect(),
            answers: self
                .answers
                .iter()
                .map(|known| known.part(images))
                .collect(),
        }
    }
}

fn forward(
    (student, stages): (&mut RecordedForward, &[String]),
    teacher: Option<&dyn Classify>,
    batch: &Batch,
    objective: &Objective,
) -> Result<Logits, StepError> {
    let mut logits = Logits::default();
    let compared = objective.feature_views();
    let learnt = objective.student_views();
    let views = learnt.iter();
    let views = views.map(|&view| Ok((images(batch, view)?, compared.contains(&view))));
    let given = student.forward_views(views.collect::<Result<_, StepError>>()?);
    for (&view, Forwarded { logits: rows, maps }) in learnt.iter().zip(given) {
        logits.student.insert(view, rows);
        logits.student_maps.extend(on_view(view, stages, maps));
    }
    let needed = match teacher {
        Some(_) => teacher_views(objective),
        None => BTreeSet::new(),
    };
    for view in needed {
        let images = images(batch, view)?;
        if let Some(teacher) = teacher.filter(|_| compared.contains(&view)) {
            // All images take part: what is known of their logits is not all that is needed.
            let stages = objective.teacher_stages();
            let Forwarded { logits: rows, maps } = teacher.forward_with_maps(images, &stages)?;
            logits.teacher.insert(view, rows);
            logits.teacher_maps.extend(on_view(view, &stages, maps));
        } else if let Some(teacher) = teacher {
            let answers = match batch.answers.get(view) {
                Some(known) if !known.images.is_empty() => known.completed(teacher, images),
                _ => teacher.logits(images),
            };
            logits.teacher.insert(view, answers?);
        }
    }
    Ok(logits)
}

/// Maps by view and stage.
fn on_view(
    view: usize,
    stages: &[String],
    maps: Vec<Tensor<4>>,
) -> impl Iterator<Item = ((usize, String), Tensor<4>)> {
    let names = stages.iter().map(move |stage| (view, stage.clone()));
    names.zip(maps)
}

impl KnownAnswers {
    /// Those about some images of the batch, by their place among these.
    fn part(&self, images: &Span<usize>) -> Self {
        let from = self.images.partition_point(|&image| image < images.start);
        let to = self.images.partition_point(|&image| image < images.end);
        let classes = self.logits.len() / self.images.len().max(1);
        Self {
            images: self.images[from..to]
                .iter()
                .map(|image| image - images.start)
                .collect(),
            logits: self.logits[from * classes..to * classes].to_vec(),
        }
    }

    /// The logits of all images, for which the teacher is asked about the others.
    fn completed(
        &self,
        teacher: &dyn Classify,
        images: Tensor<4>,
    ) -> Result<Tensor<2>, AnswerError> {
        let (count, known) = (images.dims()[0], self.images.len());
        let device = images.device();
        let rows = TensorData::new(self.logits.clone(), [known, self.logits.len() / known]);
        let rows = Tensor::from_data(rows, &device);
        if known == count {
            return Ok(rows);
        }
        let is_known = |image: &usize| self.images.binary_search(image).is_ok();
        let others: Vec<usize> = (0..count).filter(|image| !is_known(image)).collect();
        let asked = teacher.logits(images.select(0, indices(&others, &device)))?;
        // The asked ones come first, then the known ones.
        let mut places = vec![0; count];
        for (at, &image) in others.iter().chain(&self.images).enumerate() {
            places[image] = at;
        }
        Ok(Tensor::cat(vec![asked, rows], 0).select(0, indices(&places, &device)))
    }
}

fn indices(values: &[usize], device: &Device) -> Tensor<1, Int> {
    let values: Vec<u32> = values.iter().map(|&value| value as u32).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

fn images(batch: &Batch, view: usize) -> Result<Tensor<4>, StepError> {
    let found = batch.views.get(view).cloned();
    let images = found.ok_or(StepError::MissingView {
        view,
        views: batch.views.len(),
    })?;
    if images.dims()[0] == 0 {
        return Err(StepError::EmptyBatch);
    }
    Ok(images)
}

/// The view on which the student is held against the labels: the first with a truth term, else
/// the first of any term.
fn evaluated_view(objective: &Objective) -> Option<usize> {
    let truth = objective.terms.iter().find_map(|term| match term.loss {
        Loss::Truth {
            view,
            target: TruthTarget::Label,
        } => Some(view),
        _ => None,
    });
    truth.or_else(|| objective.student_views().first().copied())
}

/// Number of labelled images whose most likely class is the label, `[1]`.
fn correct(
    objective: &Objective,
    logits: &Logits,
    batch: &Batch,
) -> Result<Option<Tensor<1>>, StepError> {
    let view = evaluated_view(objective);
    let chosen = view.and_then(|view| Some((view, logits.student.get(&view)?)));
    let Some((view, logits)) = chosen else {
        return Ok(None);
    };
    let logits = logits.clone().inner();
    let mut labels = batch.labels_of(view).to_vec();
    for (label, mixed) in labels
        .iter_mut()
        .zip(batch.mixed.get(view).into_iter().flatten())
    {
        if mixed.own < 0.5 {
            *label = mixed.other;
        }
    }
    let [images, classes] = logits.dims();
    let labels = label_tensor(&labels, images, classes, &logits.device())?;
    Ok(labels.map(|labels| {
        let rows = logits.narrow(0, 0, labels.dims()[0]);
        let predicted: Tensor<1, Int> = rows.argmax(1).squeeze_dim(1);
        predicted.equal(labels).int().sum().float()
    }))
}

/// Reads everything from the device at once, and refuses what is not finite.
fn read<'a>(
    objective: &Objective,
    parameters: impl Iterator<Item = &'a Parameter>,
    losses: Losses,
    (gradients, observed): (&[Tensor<1>], Vec<Extremes>),
    correct: Option<Tensor<1>>,
    batch: &Batch,
) -> Result<StepReport, StepError> {
    let (terms, values) = (losses.terms.len(), observed.len());
    let squares = gradients.iter().map(|g| g.clone().square().sum());
    let scalars: Vec<Tensor<1>> = losses
        .terms
        .into_iter()
        .chain([losses.total])
        .chain(squares)
        .chain(observed.into_iter().flatten())
        .chain(correct)
        .collect();
    let numbers = read_tensors(std::iter::once(Tensor::cat(scalars, 0)))
        .map_err(StepError::Device)?
        .concat();
    let mut numbers = numbers.into_iter().map(f64::from);
    let losses: Vec<f64> = numbers.by_ref().take(terms).collect();
    let total = numbers.next().unwrap_or(f64::NAN);
    let squares: Vec<f64> = numbers.by_ref().take(gradients.len()).collect();
    let extremes: Vec<f64> = numbers.by_ref().take(2 * values).collect();
    let ranges = extremes.chunks_exact(2);
    let ranges = ranges.map(|both| Range {
        low: both[0] as f32,
        high: both[1] as f32,
    });
    for (term, &value) in objective.terms.iter().zip(&losses) {
        if !value.is_finite() {
            let term = term.name.clone();
            return Err(StepError::LossNotFinite { term, value });
        }
    }
    if !total.is_finite() {
        return Err(StepError::TotalNotFinite { value: total });
    }
    for (parameter, square) in parameters.zip(&squares) {
        if !square.is_finite() {
            let parameter = parameter.name.clone();
            return Err(StepError::GradientNotFinite { parameter });
        }
    }
    Ok(StepReport {
        losses,
        total,
        grad_norm: squares.iter().sum::<f64>().sqrt(),
        correct: numbers.next().unwrap_or(0.0) as usize,
        labelled: evaluated_view(objective).map_or(0, |view| batch.labels_of(view).len()),
        ranges: ranges.collect(),
    })
}

#[cfg(test)]
mod tests;
