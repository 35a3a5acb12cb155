//! From a plan to something that can be trained: images opened, device chosen,
//! networks built. All that can be wrong with an experiment beyond its file is
//! found here, before a run folder is made.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::classify::Classify as _;
use super::device::{self, Chosen, DeviceError};
use super::evaluate::Answers;
use super::failure::Failure;
use super::frame::Frame;
use super::import::{self, ImportError, Note};
use super::metadata::ModelMetadata;
use super::network::Network;
use super::pace::{Pace, Say};
use super::teacher_check;
use super::teacher_model::Teacher;
use crate::data::{DataError, Images};
use crate::event::{DataSummary, Dataset, ModelSummary, Phase, SetIdentity};
use crate::experiment::plan::{
    DataFacts, Networks, Plan, ProgramMaps, ResolvedPlan, TeacherMember, TeacherPlan,
    TeacherSource, Training,
};
use crate::experiment::problem::Problem;
use crate::experiment::spec::ChannelOrder;
use crate::run::{RunPlan, WeightsIdentity};
use crate::untrusted::{Show as _, kind_at};

/// Bytes of the longest file of weights that is held against the one that the run
/// started with.
const LONGEST_WEIGHTS: u64 = 32 << 30;

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
    teacher: Option<PreparedTeacher>,
    /// Files of weights that the experiment names.
    weights: Vec<WeightsIdentity>,
    /// What a person should know of weights from elsewhere.
    pub notes: Vec<Note>,
    /// The feature maps of a teacher whose file has a layout of its own, where it is a new
    /// experiment.
    pub maps: ProgramMaps,
    /// What a teacher from elsewhere answers on the validation images.
    answers: Option<Arc<Answers>>,
}

/// A teacher before the student's training.
pub enum PreparedTeacher {
    /// It is trained first.
    Untrained {
        /// On the plain device.
        network: Box<Network>,
        /// How.
        training: Box<Training>,
    },
    /// It is from elsewhere: read from a file, or all of an ensemble from theirs, for images on
    /// the plain device.
    Read(Box<Teacher>),
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
    #[error(transparent)]
    Weights(#[from] ImportError),
    /// The validation images speak against the teacher.
    #[error("{0}")]
    Teacher(Problem),
    /// The teacher could not be asked.
    #[error("the teacher could not be evaluated: {0}")]
    Evaluation(Failure),
    /// A file of weights cannot be read.
    #[error("{} cannot be read: {source}", path.shown())]
    Unreadable {
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
    /// A file of weights that the run began with is not there.
    #[error("{} is missing, and the run started with it; restore it from a copy, or start a new run", path.shown())]
    MissingWeights {
        /// The file.
        path: PathBuf,
    },
    /// A file of weights is no longer the one that the run began with.
    #[error("{} is not the file that the run started with: its content differs; restore it, or start a new run", path.shown())]
    OtherWeights {
        /// The file.
        path: PathBuf,
    },
}

impl PrepareError {
    /// The value of the experiment that it is about, if it is about one.
    #[must_use]
    pub fn problem(&self) -> Option<Cow<'_, Problem>> {
        match self {
            Self::Plan(problem)
            | Self::Teacher(problem)
            | Self::Weights(ImportError::Plan(problem)) => Some(Cow::Borrowed(problem)),
            Self::Device(error @ DeviceError::NoBf16 { .. }) => {
                Some(Cow::Owned(Problem::new("precision", error.to_string())))
            }
            _ => None,
        }
    }
}

/// The device that a plan asks for, which computes with the numbers that it asks for.
///
/// # Errors
/// It is not here, or does not compute with them.
pub fn device_of(plan: &Plan) -> Result<Chosen, DeviceError> {
    let device = device::choose(plan.device)?;
    device.supports(plan.training.precision)?;
    Ok(device)
}

/// What is decided of a plan by its images and by the files of weights that it names: the
/// same for a check as for a run.
pub struct Settled {
    /// The final plan.
    pub resolved: ResolvedPlan,
    /// The networks that are trained.
    pub networks: Networks,
    /// What a person should know.
    pub notes: Vec<Note>,
    /// The feature maps of a teacher whose file has a layout of its own.
    pub maps: ProgramMaps,
}

impl Settled {
    /// Holds a plan against images of these classes, and against its files of weights.
    ///
    /// # Errors
    /// What in the plan does not fit them.
    pub fn new(plan: Plan, facts: &DataFacts, classes: &[String]) -> Result<Self, PrepareError> {
        let mut resolved = plan.resolve(facts).map_err(PrepareError::Plan)?;
        if let Some(problem) = resolved.plan.gate_without_class(classes) {
            return Err(PrepareError::Plan(problem));
        }
        let warnings = resolved.notes.iter().cloned().map(Note::Warning);
        let mut notes: Vec<Note> = warnings.collect();
        let (imported, maps) = import::settle(&mut resolved.plan, classes)?;
        notes.extend(imported);
        let networks = resolved.networks(classes.len());
        let networks = networks.map_err(PrepareError::Plan)?;
        resolved
            .settle_stages(&networks, &maps)
            .map_err(PrepareError::Plan)?;
        import::check_maps(&resolved.plan)?;
        Ok(Self {
            resolved,
            networks,
            notes,
            maps,
        })
    }
}

impl Prepared {
    /// Opens images, chooses the device, resolves the plan and builds the
    /// networks. `say` hears how far a teacher is that takes long to answer.
    ///
    /// # Errors
    /// The first thing that stands in the way.
    pub fn new(plan: Plan, say: Say<'_>) -> Result<Self, PrepareError> {
        let device = device_of(&plan)?;
        let images = Images::open(&plan.data, plan.seed)?;
        let facts = images.facts(&plan);
        let Settled {
            resolved,
            networks,
            notes,
            maps,
        } = Settled::new(plan, &facts, &images.classes)?;
        let data = identified(&images, &BTreeMap::new());
        let mut prepared = Self::build(resolved, networks, device, images, data)?;
        prepared.notes = notes;
        prepared.maps = maps;
        prepared.weights = prepared.files().map(identity).collect::<Result<_, _>>()?;
        prepared.ask_teacher(say)?;
        Ok(prepared)
    }

    /// The same for a run that was started before: everything must be as its
    /// plan says, and nothing is resolved again.
    ///
    /// A student that has a checkpoint no longer needs the weights that it started
    /// from.
    ///
    /// # Errors
    /// Also if images or weights are not those that the run started with.
    pub fn again(known: &RunPlan, has_checkpoint: bool) -> Result<Self, PrepareError> {
        let plan = &known.resolved.plan;
        let start = plan.student_weights.as_ref().map(|file| &file.path);
        let teacher = plan.teacher.as_ref().map(TeacherPlan::files);
        let teacher = teacher.unwrap_or_default();
        let is_done_with = |path: &PathBuf| {
            has_checkpoint && Some(path) == start && !teacher.contains(&path.as_path())
        };
        let device = device_of(plan)?;
        let images = Images::open(&plan.data, plan.seed)?;
        let data = identified(&images, &known.data.identity);
        if let Some(mut difference) = known.data.difference(&data) {
            if let Some(cause) = unusable_since(&images, &known.data) {
                let _ = write!(difference, " ({cause})");
            }
            return Err(PrepareError::OtherImages(difference));
        }
        for before in known
            .weights
            .iter()
            .filter(|file| !is_done_with(&file.path))
        {
            let other = || PrepareError::OtherWeights {
                path: before.path.clone(),
            };
            // Another file may have any length.
            let length = std::fs::metadata(&before.path).map_or(0, |file| file.len());
            if kind_at(&before.path).is_none() {
                let path = before.path.clone();
                return Err(PrepareError::MissingWeights { path });
            }
            if length > LONGEST_WEIGHTS || identity(&before.path)? != *before {
                return Err(other());
            }
        }
        let mut resolved = known.resolved.clone();
        if has_checkpoint {
            resolved.plan.student_weights = None;
        }
        let networks = resolved.networks(images.classes.len());
        let networks = networks.map_err(PrepareError::Plan)?;
        let mut prepared = Self::build(resolved, networks, device, images, data)?;
        prepared.resolved.clone_from(&known.resolved);
        prepared.weights.clone_from(&known.weights);
        Ok(prepared)
    }

    fn build(
        resolved: ResolvedPlan,
        networks: Networks,
        device: Chosen,
        images: Images,
        data: DataSummary,
    ) -> Result<Self, PrepareError> {
        let plan = &resolved.plan;
        let mut student = Network::new(networks.student, plan.seed, &device.device);
        if let Some(file) = &plan.student_weights {
            student = import::read_student(student, file)?;
        }
        let network = |graph| Network::new(graph, plan.seed ^ TEACHER_STREAM, &device.device);
        let graphs = networks.teachers.into_iter();
        let mut networks: Vec<Option<Network>> = graphs.map(|graph| graph.map(network)).collect();
        let teacher = match &plan.teacher {
            Some(teacher) => match &teacher.weights {
                TeacherSource::File(_) | TeacherSource::Ensemble(_) => {
                    let data = frame(&images);
                    let read = import::read_teacher(teacher, networks, &data, &device.device)?;
                    Some(PreparedTeacher::Read(Box::new(read)))
                }
                TeacherSource::Train(training) => {
                    let network = networks.pop().flatten();
                    network.map(|network| PreparedTeacher::Untrained {
                        network: Box::new(network),
                        training: training.clone(),
                    })
                }
            },
            None => None,
        };
        Ok(Self {
            resolved,
            device,
            images,
            data,
            student,
            teacher,
            weights: Vec::new(),
            notes: Vec::new(),
            maps: ProgramMaps::default(),
            answers: None,
        })
    }

    /// Asks a teacher from elsewhere about the validation images, and refuses one
    /// that they speak against: of an ensemble each member, for its mean would hide what is
    /// wrong with one.
    fn ask_teacher(&mut self, say: Say<'_>) -> Result<(), PrepareError> {
        let (Some(PreparedTeacher::Read(teacher)), Some(plan)) =
            (&self.teacher, &self.resolved.plan.teacher)
        else {
            return Ok(());
        };
        let (mut all, mut warnings) = (Vec::new(), Vec::new());
        for (teacher, member) in teacher.members().into_iter().zip(plan.members()) {
            let asked = self.ask_member(teacher, &member, say);
            let (answers, warning) = asked.map_err(|error| match error {
                PrepareError::Teacher(problem) => {
                    PrepareError::Teacher(problem.moved("teacher", &member.place))
                }
                other => other,
            })?;
            all.push((answers, member.weight as f32));
            warnings.extend(warning.map(|warning| match &member.name {
                Some(name) => Note::Warning(format!("teacher, {name}: {warning}")),
                None => Note::Warning(warning),
            }));
        }
        self.notes.extend(warnings);
        self.answers = Answers::mean(all).map(Arc::new);
        Ok(())
    }

    /// What a teacher, or a member of one, answers on the validation images, and what there is
    /// to say of it. Problems stand at the teacher's place.
    fn ask_member(
        &self,
        teacher: &Teacher,
        member: &TeacherMember,
        say: Say<'_>,
    ) -> Result<(Answers, Option<String>), PrepareError> {
        let (file, images) = (member.file, &self.images);
        if let Some(kept) = teacher.kept() {
            kept.check(images).map_err(PrepareError::Teacher)?;
        }
        let asked = || {
            let what = match &member.name {
                Some(name) => format!("teacher check, {name}"),
                None => "teacher check".to_owned(),
            };
            let mut pace = Pace::of_set(say, what, teacher, &images.valid, images)?;
            Answers::until_stopped(teacher, &images.valid, images, &mut || {
                pace.batch_done(images);
                false
            })
        };
        let answers = asked().map_err(PrepareError::Evaluation)?;
        if let Some(problem) = teacher_check::not_finite(file.path(), &answers, &images.valid) {
            return Err(PrepareError::Teacher(problem));
        }
        let unsteady = teacher_check::unsteady(teacher, file.path(), images);
        if let Some(problem) = unsteady.map_err(PrepareError::Evaluation)? {
            return Err(PrepareError::Teacher(problem));
        }
        let data = frame(images);
        let examined = teacher_check::examine(&teacher_check::Subject {
            teacher,
            model: member.model,
            file,
            whose: match member.name {
                Some(_) => "the member",
                None => "teacher",
            },
            data,
            own: import::frame(file, &data),
            images,
            answers: &answers,
            say,
        });
        let warning = match examined.map_err(PrepareError::Evaluation)? {
            Ok(warning) => warning,
            Err(objection) if file.trusted => Some(objection.warning()),
            Err(objection) => return Err(PrepareError::Teacher(objection.problem())),
        };
        Ok((answers, warning))
    }

    /// Files of weights that the experiment names.
    fn files(&self) -> impl Iterator<Item = &Path> {
        let student = self.resolved.plan.student_weights.iter();
        let student = student.map(|file| file.path.as_path());
        let teacher = self.resolved.plan.teacher.as_ref();
        student.chain(teacher.into_iter().flat_map(TeacherPlan::files))
    }

    /// What a teacher from elsewhere answered on the validation images, if it was
    /// asked.
    #[must_use]
    pub fn teacher_answers(&self) -> Option<Arc<Answers>> {
        self.answers.clone()
    }

    /// What a run of this experiment means. `experiment` is the frozen text.
    #[must_use]
    pub fn run_plan(&self, experiment: &str) -> RunPlan {
        RunPlan {
            id: String::new(),
            started: None,
            experiment: blake3::hash(experiment.as_bytes()).to_hex().to_string(),
            resolved: self.resolved.clone(),
            data: self.data.clone(),
            models: self.summaries(),
            weights: self.weights.clone(),
            forked: None,
            study: None,
        }
    }

    /// What must be known to use the weights of the model of that phase; the
    /// student's if there is no teacher.
    #[must_use]
    pub fn metadata(&self, phase: Phase) -> ModelMetadata {
        let plan = &self.resolved.plan;
        let teacher = plan.teacher.as_ref().and_then(|it| it.model.as_ref());
        let (model, network) = match (phase, teacher, &self.teacher) {
            (Phase::Teacher, Some(model), Some(PreparedTeacher::Untrained { network, .. })) => {
                (model, &**network)
            }
            _ => (&plan.student, &self.student),
        };
        ModelMetadata::new(&network.graph().name, model, &self.data)
    }

    /// The student before training, on the plain device.
    #[must_use]
    pub fn student_network(&self) -> Network {
        self.student.clone()
    }

    /// The teacher, if there is one.
    #[must_use]
    pub fn teacher(&self) -> Option<&PreparedTeacher> {
        self.teacher.as_ref()
    }

    /// The sizes of the models, teacher first.
    #[must_use]
    pub fn summaries(&self) -> Vec<ModelSummary> {
        ModelSummary::of_plan(&self.resolved, &self.networks())
    }

    /// The layers of the student, and those of the teacher where it has one of our layouts.
    #[must_use]
    pub fn networks(&self) -> Networks {
        let teachers = match &self.teacher {
            Some(PreparedTeacher::Untrained { network, .. }) => vec![Some(network.graph().clone())],
            Some(PreparedTeacher::Read(teacher)) => {
                let members = teacher.members().into_iter();
                members.map(|member| member.graph().cloned()).collect()
            }
            None => Vec::new(),
        };
        Networks {
            student: self.student.graph().clone(),
            teachers,
        }
    }
}

/// The images' numbers and names with their content. `known` spares reading
/// what has not changed since.
pub(super) fn identified(images: &Images, known: &BTreeMap<Dataset, SetIdentity>) -> DataSummary {
    let identity = images.identity(known);
    let mut summary = images.summary();
    summary.notes.extend(images.shared());
    DataSummary {
        identity,
        ..summary
    }
}

/// The first image that cannot be used, of which that was not known before.
fn unusable_since(images: &Images, known: &DataSummary) -> Option<String> {
    let lost = images.warnings();
    let mut bad = images.skipped.iter().chain(&lost);
    let is_new = |path: &Path| known.skipped.iter().all(|before| before.path != path);
    if let Some(image) = bad.find(|image| is_new(&image.path)) {
        return Some(format!("{} {}", image.path.shown(), image.reason));
    }
    let mut notes = images.notes.iter();
    notes.find(|note| !known.notes.contains(note)).cloned()
}

fn identity(path: &Path) -> Result<WeightsIdentity, PrepareError> {
    WeightsIdentity::of(path).map_err(|source| PrepareError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// What the data's images are.
fn frame(images: &Images) -> Frame {
    Frame {
        size: images.size,
        mean: images.mean,
        std: images.std,
        channels: ChannelOrder::Rgb,
    }
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
