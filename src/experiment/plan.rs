//! What was meant: a plan can only hold valid values.
//!
//! A plan is made from a `Spec` in one place, which reports
//! every problem at once. Paths are resolved, the method is expanded, defaults
//! are filled in. What depends on the images themselves (their number, labels
//! and size) is put into it by [`Plan::resolve`] once they are known.

mod changes;
mod checks;
mod data;
mod elsewhere;
mod gates;
pub(in crate::experiment) mod make;
mod models;
mod networks;
mod operations;
mod optimizers;
pub(in crate::experiment) mod paths;
mod resolve;
mod stages;

use std::ops::RangeInclusive;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::augment::Operation;
use super::early_stop::EarlyStop;
use super::knob::Knob;
use super::metric::ValidMetric;
use super::model::Model;
use super::objective::Objective;
use super::spec::{
    ClassOrder, ClassWeights, DeviceSpec, ExportSpec, FinishSpec, Gate, NormalizeSpec,
    OptimizerSpec, Precision, QuantizeSpec, RoundSpec, SamplerSpec, Source, TruthLossSpec,
    member_place,
};
use super::timeline::{Extension, Timeline};

pub use changes::Changes;
pub use elsewhere::{
    EnsembleMember, KeptAnswersPart, ProgramFormat, ProgramFound, ProgramPart, StateDictPlace,
    Taken, TeacherFile, WeightsFile,
};
pub use networks::Networks;
pub use resolve::{DataFacts, ResolvedPlan};
pub use stages::{ProgramMaps, TeacherStages};

/// An experiment that can be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the runs.
    pub name: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Where tensors live.
    pub device: DeviceSpec,
    /// Images.
    pub data: DataPlan,
    /// The teacher; present exactly when a term needs one.
    pub teacher: Option<TeacherPlan>,
    /// The student's model.
    pub student: Model,
    /// Weights the student starts from.
    pub student_weights: Option<WeightsFile>,
    /// Name of the method, for people.
    pub method: String,
    /// How the student is trained.
    pub training: Training,
    /// What the student is written as at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportSpec>,
    /// Conditions on the results.
    pub gates: Vec<Gate>,
}

/// One training of one model. A teacher's is the same kind of thing as a
/// student's: its objective has no teacher in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Views, terms, knobs and controller.
    pub objective: Objective,
    /// Operations of the augmentation pipeline.
    pub augment: Vec<Operation>,
    /// Modules whose parameters it leaves as they are, by their paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// What the learning rate of a block is, of that of the next one, from the classifier to
    /// the images.
    #[serde(default = "no_decay", skip_serializing_if = "is_no_decay")]
    pub layer_decay: f64,
    /// How weights are updated.
    pub optimizer: OptimizerSpec,
    /// The learning rate, a knob like any other.
    pub lr: Knob,
    /// Passes over the training images, those that finish it included.
    pub epochs: u32,
    /// By what its best weights are chosen.
    #[serde(default, skip_serializing_if = "ValidMetric::is_top1")]
    pub metric: ValidMetric,
    /// When it ends before these are over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stop: Option<EarlyStop>,
    /// What its last epochs are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<FinishSpec>,
    /// Images in a step, before views are made.
    pub batch: usize,
    /// Which training images an epoch has.
    #[serde(default, skip_serializing_if = "SamplerSpec::is_shuffle")]
    pub sampler: SamplerSpec,
    /// Parts that a batch goes through the networks in, one after another; their
    /// gradients are added up.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub accumulate: usize,
    /// Numbers that convolutions and linear layers are computed with.
    #[serde(default, skip_serializing_if = "Precision::is_fp32")]
    pub precision: Precision,
    /// What counts as a round of an adaptive method.
    #[serde(alias = "iteration")]
    pub round: RoundSpec,
    /// Greatest global L2 norm of the gradient.
    pub clip: Option<f64>,
    /// Decay of the moving average of the weights.
    pub ema: Option<f64>,
    /// Share of the label's probability spread over all classes.
    pub label_smoothing: f64,
    /// What a label counts by its class in the truth term; once the images are known,
    /// as numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// How truth terms compare the student with their target.
    #[serde(default, skip_serializing_if = "TruthLossSpec::is_cross_entropy")]
    pub truth_loss: TruthLossSpec,
    /// Steps between two rows of numbers.
    pub log_every: u32,
    /// Steps between two checkpoints besides those at the end of epochs.
    pub checkpoint_every: Option<u32>,
}

/// How truth terms compare the student with their targets.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TruthSettings<'a> {
    /// By which loss.
    pub loss: TruthLossSpec,
    /// Share of the label's probability spread over all classes, in [0, 1).
    pub label_smoothing: f64,
    /// What a label counts by its class, `[classes]`; all alike if absent.
    pub class_weights: Option<&'a [f64]>,
}

fn no_decay() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_no_decay(decay: &f64) -> bool {
    *decay == no_decay()
}

fn one() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_one(parts: &usize) -> bool {
    *parts == 1
}

/// Fields of a training that `plan.json` leaves out where they are as always, so that the
/// plans of older runs stay what they are; with what they are then.
fn left_out() -> [(&'static str, serde_json::Value); 10] {
    use serde_json::json;
    [
        ("freeze", json!([])),
        ("layer_decay", json!(no_decay())),
        ("metric", json!(ValidMetric::default())),
        ("early_stop", json!(null)),
        ("finish", json!(null)),
        ("sampler", json!(SamplerSpec::default())),
        ("accumulate", json!(one())),
        ("precision", json!(Precision::default())),
        ("class_weights", json!(null)),
        ("truth_loss", json!(TruthLossSpec::default())),
    ]
}

impl Plan {
    /// The plan as JSON with every field, those that `plan.json` leaves out included.
    ///
    /// # Errors
    /// If a value has no form in JSON.
    pub fn to_json(&self) -> serde_json::Result<serde_json::Value> {
        // By way of the text, whose numbers are as short as in `plan.json`.
        let mut plan: serde_json::Value = serde_json::from_str(&serde_json::to_string(self)?)?;
        if let Some(plan) = plan.as_object_mut() {
            plan.entry("export").or_insert_with(Default::default);
        }
        for training in ["/training", "/teacher/weights/Train"] {
            let Some(training) = plan.pointer_mut(training).and_then(|it| it.as_object_mut())
            else {
                continue;
            };
            for (name, value) in left_out() {
                training.entry(name).or_insert(value);
            }
        }
        Ok(plan)
    }
}

impl Training {
    /// Images of the smallest part that a whole batch goes through the networks in.
    #[must_use]
    pub fn smallest_part(&self) -> usize {
        self.batch / self.accumulate.max(1)
    }

    /// How its truth terms compare the student with their targets.
    #[must_use]
    pub fn truth(&self) -> TruthSettings<'_> {
        TruthSettings {
            loss: self.truth_loss,
            label_smoothing: self.label_smoothing,
            class_weights: self.weights_of_classes(),
        }
    }

    /// What a label counts by its class, where that differs.
    #[must_use]
    pub fn weights_of_classes(&self) -> Option<&[f64]> {
        match &self.class_weights {
            Some(ClassWeights::Each(weights)) => Some(weights),
            Some(ClassWeights::Balanced) | None => None,
        }
    }

    /// Every knob: the learning rate first, then the objective's.
    pub fn knobs(&self) -> impl Iterator<Item = &Knob> {
        std::iter::once(&self.lr).chain(&self.objective.knobs)
    }

    /// Its epochs, and those before it is finished: schedules and rounds end then.
    #[must_use]
    pub fn length(&self) -> Extension {
        Extension {
            epochs: self.epochs,
            epochs_of_rounds: self.epochs.saturating_sub(self.finish_epochs()),
        }
    }

    /// Epochs that finish it.
    #[must_use]
    pub fn finish_epochs(&self) -> u32 {
        self.quantize().map_or(0, |quantize| quantize.epochs)
    }

    /// How its last epochs prepare it for 8-bit integers, if they do.
    #[must_use]
    pub fn quantize(&self) -> Option<QuantizeSpec> {
        self.finish.map(|FinishSpec::Quantize(quantize)| quantize)
    }

    /// Its steps, epochs and rounds, with this many steps in an epoch.
    #[must_use]
    pub fn timeline(&self, steps_per_epoch: u64) -> Timeline {
        Timeline::new(self.epochs, self.round, steps_per_epoch).extended(self.length())
    }
}

/// The teacher and where its weights come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TeacherPlan {
    /// The model; absent where its file holds its layout.
    pub model: Option<Model>,
    /// Its weights.
    pub weights: TeacherSource,
}

/// One of those that are asked for a teacher's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct TeacherMember<'a> {
    /// Its model; absent where its file holds its layout.
    pub model: Option<&'a Model>,
    /// Its file.
    pub file: &'a TeacherFile,
    /// Its weight in the mean, of 1 in all.
    pub weight: f64,
    /// Its place in the experiment.
    pub place: String,
    /// What it is called beside others: `member 2 (b.onnx)`; absent where it is alone.
    pub name: Option<String>,
}

impl TeacherPlan {
    /// Those that are asked: the members of an ensemble, or the file that is the teacher alone.
    /// None of one that is trained.
    #[must_use]
    pub fn members(&self) -> Vec<TeacherMember<'_>> {
        match &self.weights {
            TeacherSource::File(file) => vec![TeacherMember {
                model: self.model.as_ref(),
                file,
                weight: 1.0,
                place: "teacher".to_owned(),
                name: None,
            }],
            TeacherSource::Ensemble(members) => {
                let all: f64 = members.iter().map(|member| member.share).sum();
                let members = members.iter().enumerate();
                let each = members.map(|(at, member)| TeacherMember {
                    model: member.model.as_ref(),
                    file: &member.file,
                    weight: member.share / all,
                    place: member_place(at),
                    name: Some(format!("member {} ({})", at + 1, member.file.name())),
                });
                each.collect()
            }
            TeacherSource::Train(_) => Vec::new(),
        }
    }

    /// The file that it is and that holds its layout, and what is taken of it.
    #[must_use]
    pub fn program(&self) -> Option<(&Path, &ProgramPart)> {
        match &self.weights {
            TeacherSource::File(file) => Some((file.path(), file.program.as_ref()?)),
            TeacherSource::Ensemble(_) | TeacherSource::Train(_) => None,
        }
    }

    /// The files that it is, one for each that is asked; none if it is trained.
    #[must_use]
    pub fn paths(&self) -> Vec<&Path> {
        let members = self.members().into_iter();
        members.map(|member| member.file.path()).collect()
    }

    /// All files that hold something of it.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        let members = self.members().into_iter();
        members.flat_map(|member| member.file.files()).collect()
    }
}

/// Where a teacher's weights come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TeacherSource {
    /// A file of weights.
    File(Box<TeacherFile>),
    /// Several, whose logits are averaged.
    Ensemble(Vec<EnsembleMember>),
    /// A training of its own, before the student's.
    Train(Box<Training>),
}

/// Sides of images that can be trained on, pixels; larger ones are taken for a
/// slip.
pub const SIDES: RangeInclusive<u32> = 4..=4096;

/// Most images of a set that is not made of image files. The list of ten
/// million, their identity and their order in an epoch take 400 MB.
pub const MAX_RECORDS: u32 = 10_000_000;

/// Where images come from, with every path resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataPlan {
    /// Images to learn from.
    pub train: Source,
    /// Images evaluated every epoch.
    pub valid: ValidPlan,
    /// Images evaluated once at the end.
    pub test: Option<Source>,
    /// Images without labels, and how many there are per labelled image.
    pub unlabelled: Option<(Source, f64)>,
    /// Height and width, pixels; the most common of the images if absent.
    pub size: Option<(u32, u32)>,
    /// Normalisation.
    pub normalize: NormalizeSpec,
    /// Order of classes that are named by folders.
    pub order: ClassOrder,
    /// Greatest tolerated share of unreadable images.
    pub max_bad: f64,
    /// Greatest number of pixels of an image that is decoded.
    pub max_pixels: u64,
    /// Bytes of decoded images that may be kept in memory.
    pub memory: u64,
    /// Threads that decode and augment; one per core if absent. Has no effect
    /// on results.
    pub workers: Option<usize>,
}

impl DataPlan {
    /// Threads that decode and augment, of those that the process computes with.
    #[must_use]
    pub fn threads(&self, of_process: usize) -> usize {
        self.workers.unwrap_or(of_process)
    }

    /// Training images and unlabelled ones of a batch.
    #[must_use]
    pub fn portions(&self, batch: usize) -> (usize, usize) {
        portions(batch, self.unlabelled_ratio())
    }

    /// Unlabelled images per training image in a batch.
    #[must_use]
    pub fn unlabelled_ratio(&self) -> f64 {
        self.unlabelled.as_ref().map_or(0.0, |(_, ratio)| *ratio)
    }
}

/// Training images of a batch and unlabelled ones, of which there are `ratio` for each of the
/// others: with both kinds at least one of either.
#[must_use]
pub fn portions(batch: usize, ratio: f64) -> (usize, usize) {
    if ratio <= 0.0 || batch < 2 {
        return (batch, 0);
    }
    let share = (batch as f64 / (1.0 + ratio)).round() as usize;
    let labelled = share.clamp(1, batch - 1);
    (labelled, batch - labelled)
}

/// Where validation images come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ValidPlan {
    /// This fraction of the training images.
    Holdout(f64),
    /// A separate set.
    Set(Source),
}

#[cfg(test)]
mod tests;
