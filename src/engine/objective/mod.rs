//! Objectives with tensors: the losses of an [`Objective`]'s terms and their
//! weighted sum, from logits and feature maps that were computed once per view.
//!
//! Labelled images come first in a batch. A truth term with labels and decoupled
//! distillation look at those rows only; everything else looks at all of them. In the sum
//! every image counts alike: a term of labels, whose loss is a mean over the labelled images,
//! counts by their share, unless no term looks at the others.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use thiserror::Error;

use super::{loss, regressors};
use crate::data::MixedLabel;
use crate::experiment::objective::{
    Divergence, FeatureComparison, Loss, Objective, StagePair, Term, TruthTarget,
};
use crate::experiment::plan::TruthSettings;
use crate::experiment::spec::TruthLossSpec;
use crate::untrusted::Show as _;

/// Logits by view; only the views that [`Objective::student_views`] and [`teacher_views`]
/// name are needed.
#[derive(Debug, Clone, Default)]
pub struct Logits {
    /// The student's, `[batch, classes]`, tracked where gradients are wanted.
    pub student: BTreeMap<usize, Tensor<2>>,
    /// The teacher's, `[batch, classes]`, never tracked.
    pub teacher: BTreeMap<usize, Tensor<2>>,
    /// Feature maps of the student, `[batch, channels, height, width]`, by view and stage, on
    /// the views that [`Objective::feature_views`] names; tracked as its logits are.
    pub student_maps: BTreeMap<(usize, String), Tensor<4>>,
    /// Those of the teacher, never tracked.
    pub teacher_maps: BTreeMap<(usize, String), Tensor<4>>,
}

/// What the terms need besides logits.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// By view, classes of its first rows; the other rows have no label.
    pub labels: &'a [Vec<u32>],
    /// By view, the second labels of its first images; views without any may be left out.
    pub mixed: &'a [Vec<MixedLabel>],
    /// Value of every knob by name.
    pub knobs: &'a BTreeMap<String, f64>,
    /// How truth terms compare the student with their targets.
    pub truth: TruthSettings<'a>,
    /// Parameters of the regressors by name, `[n]`, tracked where gradients are wanted.
    pub regressors: &'a BTreeMap<String, Tensor<1>>,
    /// By view, how much of a batch this is.
    pub share: &'a [Share],
}

/// How much of a batch a part of it is: the losses of all parts, each scaled by its
/// share, add up to those of the batch. And how much of the batch its labelled images are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Share of the images, in (0, 1].
    pub images: f64,
    /// Share of the labelled images, in [0, 1].
    pub labels: f64,
    /// Share of what the labels count by the weights of their classes, in [0, 1].
    pub weights: f64,
    /// Labelled images of the whole batch as a share of all its images, in [0, 1].
    pub labelled: f64,
}

impl Share {
    /// A whole batch of labelled images.
    pub const WHOLE: Self = Self {
        images: 1.0,
        labels: 1.0,
        weights: 1.0,
        labelled: 1.0,
    };

    /// Those of some labels of a view among all of its batch, and of some images among all, with
    /// what a label counts by its class.
    #[must_use]
    pub fn of_part(
        (some, all): (&[u32], &[u32]),
        (images, of_images): (usize, usize),
        class_weights: Option<&[f64]>,
    ) -> Self {
        let share = |some: usize, all: usize| some as f64 / all.max(1) as f64;
        let labels = share(some.len(), all.len());
        let weights = class_weights.map_or(labels, |weights| {
            let of = |labels: &[u32]| -> f64 {
                let weights = labels.iter().map(|&label| weights.get(label as usize));
                weights.flatten().sum()
            };
            of(some) / of(all).max(f64::MIN_POSITIVE)
        });
        Self {
            images: share(images, of_images),
            labels,
            weights,
            labelled: share(all.len(), of_images),
        }
    }

    fn of(self, loss: &Loss) -> f64 {
        if loss.is_truth_of_labels() {
            self.weights
        } else if loss.is_of_labels() {
            self.labels
        } else {
            self.images
        }
    }
}

/// The losses of one batch.
#[derive(Debug, Clone)]
pub struct Losses {
    /// Unweighted loss of every term, one value each, in the objective's order.
    /// 0 for a term that needs labels on a batch without any.
    pub terms: Vec<Tensor<1>>,
    /// Sum of weight times loss, of labels times the share of labelled images.
    pub total: Tensor<1>,
}

/// Why an objective could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ObjectiveError {
    /// A term's knob has no value.
    #[error("the term `{term}` needs the knob `{knob}`, which has no value", knob = knob.shown())]
    UnknownKnob {
        /// The term.
        term: String,
        /// The knob.
        knob: String,
    },
    /// Logits of a view were not given.
    #[error("the term `{term}` needs the {whose}'s logits on view {number}", number = .view + 1)]
    MissingLogits {
        /// The term.
        term: String,
        /// `student` or `teacher`.
        whose: &'static str,
        /// The view, from 0.
        view: usize,
    },
    /// A feature map that a term needs is absent.
    #[error("the term `{term}` needs the {whose}'s feature map `{stage}` on view {number}", stage = stage.shown(), number = .view + 1)]
    MissingMap {
        /// The term.
        term: String,
        /// `student` or `teacher`.
        whose: &'static str,
        /// The stage.
        stage: String,
        /// The view, from 0.
        view: usize,
    },
    /// Two feature maps do not have the sizes that their stages have.
    #[error(
        "the term `{term}` compares a feature map of {student:?} with one of {teacher:?}, which \
         are not the sizes that its stages have"
    )]
    MapMismatch {
        /// The term.
        term: String,
        /// Sizes of the student's.
        student: [usize; 4],
        /// Sizes of the teacher's.
        teacher: [usize; 4],
    },
    /// Student and teacher, or two views, disagree about the batch.
    #[error(
        "the term `{term}` compares logits of {found:?} with logits of {expected:?}; \
         student and teacher need the same classes"
    )]
    Mismatch {
        /// The term.
        term: String,
        /// Batch and classes of one.
        found: [usize; 2],
        /// Batch and classes of the other.
        expected: [usize; 2],
    },
    /// A label is not a class.
    #[error("the label {label} is not one of {classes} classes")]
    LabelOutOfRange {
        /// The label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// There are more labels than images.
    #[error("{labels} labels were given for a batch of {images} images")]
    TooManyLabels {
        /// Number of labels.
        labels: usize,
        /// Number of images.
        images: usize,
    },
    /// A term has no view to look at, or no pair of views to compare.
    #[error("the term `{term}` names too few views")]
    TooFewViews {
        /// The term.
        term: String,
    },
    /// A term over feature maps has none to look at.
    #[error("the stages of the term `{term}` are not settled")]
    NoStages {
        /// The term.
        term: String,
    },
    /// Nothing is to be minimised.
    #[error("the objective has no terms; give its method at least one loss")]
    NoTerms,
}

/// Views on which the teacher must be evaluated.
#[must_use]
pub fn teacher_views(objective: &Objective) -> BTreeSet<usize> {
    let terms = objective.terms.iter();
    terms
        .filter(|term| term.loss.needs_teacher())
        .flat_map(|term| term.loss.views())
        .collect()
}

/// Evaluates every term and their weighted sum.
///
/// # Errors
/// Logits, knobs or labels that the terms need are absent or do not fit.
pub fn evaluate(
    objective: &Objective,
    logits: &Logits,
    context: &Context,
) -> Result<Losses, ObjectiveError> {
    let mut terms = Vec::with_capacity(objective.terms.len());
    let mut total: Option<Tensor<1>> = None;
    for term in &objective.terms {
        let evaluation = Evaluation {
            term,
            logits,
            context,
        };
        let mut loss = evaluation.loss()?;
        // Views of one term show the same images.
        let view = term.loss.views().first().copied();
        let part = view.and_then(|view| context.share.get(view)).copied();
        let part = part.unwrap_or(Share::WHOLE);
        let share = part.of(&term.loss);
        if share != 1.0 {
            loss = loss * share;
        }
        let mut weight = evaluation.knob(&term.weight)?;
        if term.loss.is_of_labels() {
            weight *= objective.share_of_labels(part.labelled);
        }
        let weighted = loss.clone() * weight;
        total = Some(match total {
            Some(sum) => sum + weighted,
            None => weighted,
        });
        terms.push(loss);
    }
    let total = total.ok_or(ObjectiveError::NoTerms)?;
    Ok(Losses { terms, total })
}

/// One term on one batch.
struct Evaluation<'a> {
    term: &'a Term,
    logits: &'a Logits,
    context: &'a Context<'a>,
}

impl Evaluation<'_> {
    fn loss(&self) -> Result<Tensor<1>, ObjectiveError> {
        match &self.term.loss {
            Loss::Distill {
                views,
                divergence,
                temperature,
            } => {
                let temperature = self.knob(temperature)?;
                self.mean_over(views, |view| self.distill(view, *divergence, temperature))
            }
            Loss::Truth { view, target } => self.truth(*view, *target),
            Loss::Features {
                views,
                comparison,
                pairs,
                ..
            } => self.mean_over(views, |view| self.features(view, *comparison, pairs)),
            Loss::Consistency { views, space } => {
                let views = views
                    .iter()
                    .map(|&view| self.student(view))
                    .collect::<Result<Vec<_>, _>>()?;
                if let Some([first, other]) = views
                    .windows(2)
                    .map(|pair| [pair[0].dims(), pair[1].dims()])
                    .find(|[first, other]| first != other)
                {
                    return Err(self.mismatch(other, first));
                }
                loss::consistency(views, *space).ok_or_else(|| self.too_few_views())
            }
        }
    }

    /// The mean of the losses of these views.
    fn mean_over(
        &self,
        views: &[usize],
        loss: impl Fn(usize) -> Result<Tensor<1>, ObjectiveError>,
    ) -> Result<Tensor<1>, ObjectiveError> {
        let losses = views.iter().map(|&view| loss(view));
        let losses = losses.collect::<Result<Vec<_>, _>>()?;
        if losses.is_empty() {
            return Err(self.too_few_views());
        }
        Ok(Tensor::cat(losses, 0).mean())
    }

    fn distill(
        &self,
        view: usize,
        divergence: Divergence,
        temperature: f64,
    ) -> Result<Tensor<1>, ObjectiveError> {
        let (student, teacher) = (self.student(view)?, self.teacher(view)?);
        if student.dims() != teacher.dims() {
            return Err(self.mismatch(student.dims(), teacher.dims()));
        }
        Ok(match divergence {
            Divergence::Kd => loss::distillation(student, teacher, temperature),
            Divergence::L2 { space } => loss::squared_difference(student, teacher, space),
            Divergence::LogitStd => loss::standardized_distillation(student, teacher, temperature),
            Divergence::SymmetricKl => loss::symmetric_kl(student, teacher),
            Divergence::Mlkd => loss::multi_level(&student, &teacher, temperature),
            Divergence::Dist { beta, gamma } => {
                loss::dist(student, teacher, temperature, (beta, gamma))
            }
            Divergence::Dkd { alpha, beta } => {
                let Some(labels) = self.labels(view, &student)? else {
                    return Ok(nothing(&student.device()));
                };
                let rows = labels.dims()[0];
                let (student, teacher) = (student.narrow(0, 0, rows), teacher.narrow(0, 0, rows));
                loss::decoupled(student, teacher, labels, temperature, (alpha, beta))
            }
        })
    }

    /// The sum over stages of what is between two maps.
    fn features(
        &self,
        view: usize,
        comparison: FeatureComparison,
        pairs: &[StagePair],
    ) -> Result<Tensor<1>, ObjectiveError> {
        let losses = pairs.iter().map(|pair| {
            let student = self.map(&self.logits.student_maps, "student", view, &pair.student)?;
            let teacher = self.map(&self.logits.teacher_maps, "teacher", view, &pair.teacher)?;
            let (ours, theirs) = (student.dims(), teacher.dims());
            let mismatch = || ObjectiveError::MapMismatch {
                term: self.term.name.clone(),
                student: ours,
                teacher: theirs,
            };
            if ours[0] != theirs[0] {
                return Err(mismatch());
            }
            Ok(match comparison {
                FeatureComparison::Hint => {
                    if ours[2..] != theirs[2..] {
                        return Err(mismatch());
                    }
                    let regressor = regressors::name(&self.term.name, pair);
                    let part = |part: &str| {
                        let name = format!("{regressor}.{part}");
                        self.context.regressors.get(&name).cloned()
                    };
                    let parts = part("weight").zip(part("bias"));
                    let (kernel, bias) = parts.ok_or_else(mismatch)?;
                    if kernel.dims()[0] != ours[1] * theirs[1] {
                        return Err(mismatch());
                    }
                    let kernel = kernel.reshape([theirs[1], ours[1]]);
                    loss::hint(loss::regress(student, kernel, bias), teacher)
                }
                FeatureComparison::Attention => loss::attention(student, teacher),
                FeatureComparison::Similarity => loss::similarity(student, teacher),
                FeatureComparison::Relation { distance, angle } => {
                    loss::relation(student, teacher, (distance, angle))
                }
            })
        });
        let losses = losses.collect::<Result<Vec<_>, _>>()?;
        let sum = losses.into_iter().reduce(|sum, loss| sum + loss);
        sum.ok_or_else(|| ObjectiveError::NoStages {
            term: self.term.name.clone(),
        })
    }

    fn map(
        &self,
        maps: &BTreeMap<(usize, String), Tensor<4>>,
        whose: &'static str,
        view: usize,
        stage: &str,
    ) -> Result<Tensor<4>, ObjectiveError> {
        let found = maps.get(&(view, stage.to_owned())).cloned();
        found.ok_or_else(|| ObjectiveError::MissingMap {
            term: self.term.name.clone(),
            whose,
            stage: stage.to_owned(),
            view,
        })
    }

    fn truth(&self, view: usize, target: TruthTarget) -> Result<Tensor<1>, ObjectiveError> {
        let student = self.student(view)?;
        if target == TruthTarget::Label {
            let Some(labels) = self.labels(view, &student)? else {
                return Ok(nothing(&student.device()));
            };
            let rows = student.narrow(0, 0, labels.dims()[0]);
            return Ok(self.truth_of_labels(view, rows, labels));
        }
        let teacher = self.teacher(view)?;
        if student.dims() != teacher.dims() {
            return Err(self.mismatch(student.dims(), teacher.dims()));
        }
        let is_hard = target == TruthTarget::TeacherHard;
        Ok(match self.context.truth.loss {
            TruthLossSpec::CrossEntropy if is_hard => {
                loss::cross_entropy(student, likeliest(teacher), 0.0)
            }
            TruthLossSpec::CrossEntropy => loss::soft_cross_entropy(student, teacher),
            TruthLossSpec::BinaryCrossEntropy(spec) => {
                let targets = if is_hard {
                    let [_, classes] = teacher.dims();
                    loss::one_hot(likeliest(teacher), classes).float()
                } else {
                    softmax(teacher, 1)
                };
                loss::binary_cross_entropy(student, targets, spec, None)
            }
        })
    }

    /// The student's rows of a view against their labels, or against both labels of images that
    /// are mixed.
    fn truth_of_labels(&self, view: usize, rows: Tensor<2>, labels: Tensor<1, Int>) -> Tensor<1> {
        let settings = &self.context.truth;
        let smoothing = settings.label_smoothing;
        let mixed = self.context.mixed.get(view).map_or(&[][..], Vec::as_slice);
        let targets = |rows| label_targets(self.classes(view), mixed, smoothing, rows);
        let weights = settings.class_weights.map(|weights| {
            let weights: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
            let count = weights.len();
            Tensor::<1>::from_data(TensorData::new(weights, [count]), &rows.device())
        });
        match (settings.loss, weights) {
            (TruthLossSpec::BinaryCrossEntropy(spec), weights) => {
                let targets = targets(&rows);
                let weights = weights.map(|each| each.select(0, labels));
                loss::binary_cross_entropy(rows, targets, spec, weights)
            }
            (TruthLossSpec::CrossEntropy, _) if !mixed.is_empty() => {
                let targets = targets(&rows);
                loss::target_cross_entropy(rows, targets)
            }
            (TruthLossSpec::CrossEntropy, Some(weights)) => {
                loss::weighted_cross_entropy(rows, labels, smoothing, weights)
            }
            (TruthLossSpec::CrossEntropy, None) => loss::cross_entropy(rows, labels, smoothing),
        }
    }

    fn student(&self, view: usize) -> Result<Tensor<2>, ObjectiveError> {
        self.find(&self.logits.student, "student", view)
    }

    fn teacher(&self, view: usize) -> Result<Tensor<2>, ObjectiveError> {
        self.find(&self.logits.teacher, "teacher", view)
    }

    fn find(
        &self,
        logits: &BTreeMap<usize, Tensor<2>>,
        whose: &'static str,
        view: usize,
    ) -> Result<Tensor<2>, ObjectiveError> {
        let found = logits.get(&view).cloned();
        found.ok_or_else(|| ObjectiveError::MissingLogits {
            term: self.term.name.clone(),
            whose,
            view,
        })
    }

    /// Classes of the first images of a view.
    fn classes(&self, view: usize) -> &[u32] {
        self.context.labels.get(view).map_or(&[], Vec::as_slice)
    }

    /// The same as a tensor, if there are any.
    fn labels(
        &self,
        view: usize,
        logits: &Tensor<2>,
    ) -> Result<Option<Tensor<1, Int>>, ObjectiveError> {
        let [images, classes] = logits.dims();
        label_tensor(self.classes(view), images, classes, &logits.device())
    }

    fn knob(&self, name: &str) -> Result<f64, ObjectiveError> {
        let value = self.context.knobs.get(name).copied();
        value.ok_or_else(|| ObjectiveError::UnknownKnob {
            term: self.term.name.clone(),
            knob: name.to_owned(),
        })
    }

    fn too_few_views(&self) -> ObjectiveError {
        ObjectiveError::TooFewViews {
            term: self.term.name.clone(),
        }
    }

    fn mismatch(&self, found: [usize; 2], expected: [usize; 2]) -> ObjectiveError {
        ObjectiveError::Mismatch {
            term: self.term.name.clone(),
            found,
            expected,
        }
    }
}

/// The loss of no images.
fn nothing(device: &Device) -> Tensor<1> {
    Tensor::zeros([1], device)
}

/// The most likely classes, `[batch]`.
fn likeliest(logits: Tensor<2>) -> Tensor<1, Int> {
    logits.argmax(1).squeeze_dim(1)
}

/// What labelled images are held against, `[labels, classes]`: their labels, smoothed, or where
/// some are mixed with others the shares of both labels.
fn label_targets(
    labels: &[u32],
    mixed: &[MixedLabel],
    smoothing: f64,
    logits: &Tensor<2>,
) -> Tensor<2> {
    let [images, classes] = logits.dims();
    let even = smoothing / classes as f64;
    let mut targets = vec![even as f32; images * classes];
    let rows = targets.chunks_exact_mut(classes);
    for (at, (row, &label)) in rows.zip(labels).enumerate() {
        let whole = MixedLabel {
            own: 1.0,
            other: label,
        };
        let mixed = mixed.get(at).copied().unwrap_or(whole);
        let own = f64::from(mixed.own);
        for (label, share) in [(label, own), (mixed.other, 1.0 - own)] {
            row[label as usize] += ((1.0 - smoothing) * share) as f32;
        }
    }
    Tensor::from_data(
        TensorData::new(targets, [images, classes]),
        &logits.device(),
    )
}

/// Labels of the first rows as `[labels]`, none if there are none.
pub(super) fn label_tensor(
    labels: &[u32],
    images: usize,
    classes: usize,
    device: &Device,
) -> Result<Option<Tensor<1, Int>>, ObjectiveError> {
    if labels.len() > images {
        return Err(ObjectiveError::TooManyLabels {
            labels: labels.len(),
            images,
        });
    }
    if let Some(&label) = labels.iter().find(|&&label| label as usize >= classes) {
        return Err(ObjectiveError::LabelOutOfRange { label, classes });
    }
    if labels.is_empty() {
        return Ok(None);
    }
    let values: Vec<i64> = labels.iter().copied().map(i64::from).collect();
    let data = TensorData::new(values, [labels.len()]);
    Ok(Some(Tensor::from_data(data, device)))
}

#[cfg(test)]
pub(in crate::engine) mod tests;
