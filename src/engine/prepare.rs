//! From a plan to something that can be trained: images opened, device chosen,
//! networks laid out. All that can be wrong with an experiment beyond its file
//! is found here, before a run folder is made.

use std::path::Path;

use thiserror::Error;

use super::device::{self, Chosen, DeviceError};
use super::network::Network;
use super::weights::{self, WeightsError};
use crate::data::{DataError, Images};
use crate::event::{ModelSummary, Phase};
use crate::experiment::architecture;
use crate::experiment::plan::{Plan, TeacherPlan, TeacherSource};
use crate::experiment::problem::Problem;

/// Distinguishes the teacher's initial weights from the student's.
const TEACHER_STREAM: u64 = 0x7EAC_4E12;

/// An experiment that is ready to be trained.
pub struct Prepared {
    /// The plan.
    pub plan: Plan,
    /// Where tensors live.
    pub device: Chosen,
    /// Its images.
    pub images: Images,
    /// Before training, with the weights that the experiment names.
    student: Network,
    /// The same; untrained if the experiment trains it.
    teacher: Option<Network>,
}

/// Why an experiment cannot be trained although its file is in order.
#[derive(Debug, Error)]
pub enum PrepareError {
    /// Images are missing, broken or do not fit together.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// A model or method does not fit the images.
    #[error("{0}")]
    Plan(Problem),
    /// Weights that the experiment names cannot be used.
    #[error(
        "{place}: {error}; the model, its stem and its number of classes must be those that the weights were trained with"
    )]
    Weights {
        /// Their place in the experiment.
        place: &'static str,
        /// What is wrong.
        error: WeightsError,
    },
    /// A batch holds more than there is.
    #[error(
        "batch: {batch} images in a step, but there are only {images} training images; write `batch: {images}` or less"
    )]
    Batch {
        /// Images in a step.
        batch: usize,
        /// Training images.
        images: usize,
    },
}

impl Prepared {
    /// Opens images, chooses the device and lays out the networks.
    ///
    /// # Errors
    /// The first thing that stands in the way.
    pub fn new(mut plan: Plan) -> Result<Self, PrepareError> {
        let device = device::choose(plan.device)?;
        let images = Images::open(&plan.data, plan.seed)?;
        if plan.training.batch > images.train.len() {
            return Err(PrepareError::Batch {
                batch: plan.training.batch,
                images: images.train.len(),
            });
        }
        if !images.train.is_labelled() {
            plan = without_labels(plan).map_err(PrepareError::Plan)?;
        }
        let ratio = plan
            .data
            .unlabelled
            .as_ref()
            .map_or(0.0, |(_, ratio)| *ratio);
        plan.settle(u64::from(
            images.batches_per_epoch(plan.training.batch, ratio),
        ));
        let layout = |model, place: &str| {
            architecture::build(model, images.size, images.classes.len())
                .map_err(|problem| PrepareError::Plan(problem.under(place)))
        };
        let student = Network::new(
            layout(&plan.student, "student.model")?,
            plan.seed,
            &device.device,
        );
        let student = with_weights(student, plan.student_weights.as_deref(), "student.weights")?;
        let teacher = plan
            .teacher
            .as_ref()
            .map(|teacher| {
                let graph = layout(&teacher.model, "teacher.model")?;
                let network = Network::new(graph, plan.seed ^ TEACHER_STREAM, &device.device);
                with_weights(network, teacher.file(), "teacher.weights")
            })
            .transpose()?;
        Ok(Self {
            plan,
            device,
            images,
            student,
            teacher,
        })
    }

    /// The student before training, on the plain device.
    #[must_use]
    pub fn student_network(&self) -> Network {
        self.student.clone()
    }

    /// The teacher before training, on the plain device; the student if there is
    /// no teacher.
    #[must_use]
    pub fn teacher_network(&self) -> Network {
        self.network(Phase::Teacher).clone()
    }

    fn network(&self, phase: Phase) -> &Network {
        match (phase, &self.teacher) {
            (Phase::Teacher, Some(teacher)) => teacher,
            _ => &self.student,
        }
    }

    /// The layout of a model, for people; the student's if there is no teacher.
    #[must_use]
    pub fn name(&self, phase: Phase) -> &str {
        &self.network(phase).graph().name
    }

    /// The sizes of the models, teacher first.
    #[must_use]
    pub fn summaries(&self) -> Vec<ModelSummary> {
        let teacher = self
            .teacher
            .as_ref()
            .map(|network| (Phase::Teacher, network));
        teacher
            .into_iter()
            .chain([(Phase::Student, &self.student)])
            .map(|(phase, network)| {
                let graph = network.graph();
                ModelSummary {
                    phase,
                    name: graph.name.clone(),
                    parameters: graph.parameter_count(),
                    macs: graph.macs(),
                    bytes: graph.bytes(),
                }
            })
            .collect()
    }
}

/// A network with the weights of a file, if there is one.
fn with_weights(
    mut network: Network,
    path: Option<&Path>,
    place: &'static str,
) -> Result<Network, PrepareError> {
    if let Some(path) = path {
        weights::load(&mut network, path)
            .map_err(|error| PrepareError::Weights { place, error })?;
    }
    Ok(network)
}

/// The plan for training images of which none has a label.
fn without_labels(mut plan: Plan) -> Result<Plan, Problem> {
    plan.training.objective = plan.training.objective.without_labels()?;
    if let Some(TeacherPlan {
        weights: TeacherSource::Train(_),
        ..
    }) = &plan.teacher
    {
        return Err(Problem::new(
            "teacher.weights",
            "a teacher is trained on labels and no training image has one",
        )
        .help("give the weights of a trained teacher: File(\"teacher.safetensors\")"));
    }
    Ok(plan)
}
