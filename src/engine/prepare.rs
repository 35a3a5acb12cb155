//! From a plan to something that can be trained: images opened, device chosen,
//! networks built. All that can be wrong with an experiment beyond its file is
//! found here, before a run folder is made.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::device::{self, Chosen, DeviceError};
use super::metadata::ModelMetadata;
use super::network::Network;
use super::weights::{self, WeightsError};
use crate::data::{DataError, Images};
use crate::event::{DataSummary, Dataset, ModelSummary, Phase, SetIdentity};
use crate::experiment::architecture::Graph;
use crate::experiment::plan::{Plan, ResolvedPlan, TeacherPlan};
use crate::experiment::problem::Problem;
use crate::run::{RunPlan, WeightsIdentity};

/// Distinguishes the teacher's initial weights from the student's.
const TEACHER_STREAM: u64 = 0x7EAC_4E12;

/// An experiment that is ready to be trained.
pub struct Prepared {
    /// The final plan.
    pub resolved: ResolvedPlan,
    /// Where tensors live.
    pub device: Chosen,
    /// Its images.
    pub images: Images,
    /// What they are, with their content.
    pub data: DataSummary,
    /// Before training, with the weights that the experiment names.
    student: Network,
    /// The same; untrained if the experiment trains it.
    teacher: Option<Network>,
    /// Files of weights that the experiment names.
    weights: Vec<WeightsIdentity>,
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
    /// A file of weights cannot be read.
    #[error("{place}: {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Their place in the experiment.
        place: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Images are no longer those that the run began with.
    #[error(
        "the images are not those that the run started with: {0}; restore them, or train on the new ones in a new run"
    )]
    OtherImages(String),
    /// A file of weights is no longer the one that the run began with.
    #[error("{} is not the file that the run started with: its content differs; restore it, or start a new run", path.display())]
    OtherWeights {
        /// The file.
        path: PathBuf,
    },
}

impl Prepared {
    /// Opens images, chooses the device, resolves the plan and builds the
    /// networks.
    ///
    /// # Errors
    /// The first thing that stands in the way.
    pub fn new(plan: Plan) -> Result<Self, PrepareError> {
        let device = device::choose(plan.device)?;
        let images = Images::open(&plan.data, plan.seed)?;
        let facts = images.facts(&plan);
        let resolved = plan.resolve(&facts).map_err(PrepareError::Plan)?;
        let data = identified(&images, &BTreeMap::new());
        Self::build(resolved, device, images, data)
    }

    /// The same for a run that was started before: everything must be as its
    /// plan says, and nothing is resolved again.
    ///
    /// # Errors
    /// Also if images or weights are not those that the run started with.
    pub fn again(known: &RunPlan) -> Result<Self, PrepareError> {
        let plan = &known.resolved.plan;
        let device = device::choose(plan.device)?;
        let images = Images::open(&plan.data, plan.seed)?;
        let data = identified(&images, &known.data.identity);
        if let Some(difference) = known.data.difference(&data) {
            return Err(PrepareError::OtherImages(difference));
        }
        let prepared = Self::build(known.resolved.clone(), device, images, data)?;
        for before in &known.weights {
            if !prepared.weights.contains(before) {
                return Err(PrepareError::OtherWeights {
                    path: before.path.clone(),
                });
            }
        }
        Ok(prepared)
    }

    fn build(
        resolved: ResolvedPlan,
        device: Chosen,
        images: Images,
        data: DataSummary,
    ) -> Result<Self, PrepareError> {
        let plan = &resolved.plan;
        let mut weights = Vec::new();
        let networks = resolved.networks(images.classes.len());
        let networks = networks.map_err(PrepareError::Plan)?;
        let mut network = |graph: Graph, file: Option<&Path>, seed, place: &'static str| {
            let network = Network::new(graph, seed, &device.device);
            let Some(path) = file else {
                return Ok(network);
            };
            weights.push(identity(path, place)?);
            with_weights(network, path, place)
        };
        let student = network(
            networks.student,
            plan.student_weights.as_deref(),
            plan.seed,
            "student.weights",
        )?;
        let teacher = networks.teacher.map(|graph| {
            let file = plan.teacher.as_ref().and_then(TeacherPlan::file);
            let seed = plan.seed ^ TEACHER_STREAM;
            network(graph, file, seed, "teacher.weights")
        });
        let teacher = teacher.transpose()?;
        Ok(Self {
            resolved,
            device,
            images,
            data,
            student,
            teacher,
            weights,
        })
    }

    /// What a run of this experiment means. `experiment` is the frozen text.
    #[must_use]
    pub fn run_plan(&self, experiment: &str) -> RunPlan {
        RunPlan {
            experiment: blake3::hash(experiment.as_bytes()).to_hex().to_string(),
            resolved: self.resolved.clone(),
            data: self.data.clone(),
            models: self.summaries(),
            weights: self.weights.clone(),
        }
    }

    /// What must be known to use the weights of the model of that phase; the
    /// student's if there is no teacher.
    #[must_use]
    pub fn metadata(&self, phase: Phase) -> ModelMetadata {
        let plan = &self.resolved.plan;
        let model = match (phase, &plan.teacher) {
            (Phase::Teacher, Some(teacher)) => &teacher.model,
            _ => &plan.student,
        };
        let name = &self.network(phase).graph().name;
        ModelMetadata::new(name, model, &self.data)
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
            .map(|(phase, network)| ModelSummary::of(phase, network.graph()))
            .collect()
    }
}

/// The images' numbers and names with their content. `known` spares reading
/// what has not changed since.
fn identified(images: &Images, known: &BTreeMap<Dataset, SetIdentity>) -> DataSummary {
    DataSummary {
        identity: images.identity(known),
        ..images.summary()
    }
}

fn identity(path: &Path, place: &'static str) -> Result<WeightsIdentity, PrepareError> {
    WeightsIdentity::of(path).map_err(|source| PrepareError::Unreadable {
        place,
        path: path.to_owned(),
        source,
    })
}

fn with_weights(
    mut network: Network,
    path: &Path,
    place: &'static str,
) -> Result<Network, PrepareError> {
    weights::load(&mut network, path).map_err(|error| PrepareError::Weights { place, error })?;
    Ok(network)
}
