//! A run's models, to be asked about images: read from its folder, with what
//! stands beside their weights. Neither its training images nor its journal nor
//! its experiment file need be there any more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::checkpoint::{self, CheckpointFolder, RoundedStudent};
use super::classify::Classify;
use super::device::{self, Chosen, DeviceError};
use super::evaluate::Answers;
use super::failure::Failure;
use super::frame::Frame;
use super::import::{self, ImportError};
use super::metadata::{METADATA, ModelMetadata};
use super::network::Network;
use super::prepare::{PrepareError, identified};
use super::probe::{probe_now, probe_of};
use super::teacher_model::Teacher;
use super::weights::ArrayFile;
use super::{teacher, weights};
use crate::data::{self, Images, Workers};
use crate::event::inspection::metrics::predicted;
use crate::event::inspection::score::label_of;
use crate::event::inspection::{
    Answerer, Answering, Asked, MatrixCell, Probe, ProbeAnswers, Weights,
};
use crate::event::{DataSummary, Phase, SkippedImage};
use crate::experiment::architecture;
use crate::experiment::plan::{TeacherMember, TeacherPlan};
use crate::experiment::spec::{ChannelOrder, DeviceSpec};
use crate::run::{RunFolder, RunPlan, SealError, Sealed, WEIGHTS, WeightsIdentity};
use crate::untrusted::{Show as _, kind_at};

/// Images of a probe of a folder, at most.
const PROBED: usize = 256;

/// Greatest number of pixels of an image that is decoded, where the run does not
/// say it.
const MAX_PIXELS: u64 = 50_000_000;

/// Times that a folder is read which a training replaces meanwhile.
const ATTEMPTS: u32 = 5;

/// Why a run's models cannot be asked.
#[derive(Debug, Error)]
pub enum ModelsError {
    /// The device is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Weights are missing, damaged or do not fit.
    #[error(transparent)]
    Weights(#[from] Failure),
    /// A teacher from elsewhere cannot be read.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The student has not been trained yet.
    #[error("{0} has no student weights yet")]
    NoStudent(String),
    /// There is no teacher, or it has not been trained yet.
    #[error("{0} has no teacher weights")]
    NoTeacher(String),
    /// The teacher's file is no longer the one that taught.
    #[error(
        "{} is not the teacher that the run was trained with: its content differs; restore the file",
        .0.shown()
    )]
    OtherWeights(PathBuf),
    /// The teacher's file is not there.
    #[error(
        "{} is missing: it is the teacher that the run was trained with; restore the file, or ask \
         the student alone",
        .0.shown()
    )]
    MissingWeights(PathBuf),
    /// Student and teacher do not take the same images.
    #[error(
        "student and teacher of {0} take images of different size or normalisation; ask one of them"
    )]
    Inputs(String),
}

/// Models of one run, ready to answer.
pub struct RunModels {
    /// The student, if it was requested.
    pub student: Option<Network>,
    /// The teacher, if it was requested.
    pub teacher: Option<Teacher>,
    /// Where they live.
    pub device: Chosen,
    /// Steps and epochs that the student's weights have behind them.
    pub trained: (u64, f64),
    /// BLAKE3 of the student's weights, hexadecimal, if it was asked for and they are
    /// sealed with it.
    pub weights: Option<String>,
    /// What a person should know who asks them.
    pub notes: Vec<String>,
    /// What must be known of the student, if it was requested.
    pub known: Option<ModelMetadata>,
    /// What goes into the models and comes out of them.
    input: DataSummary,
    /// Greatest number of pixels of an image that is decoded.
    max_pixels: u64,
}

impl RunModels {
    /// Reads a run's models onto a device. Everything that says how to use them
    /// stands beside their weights; the run's plan, if it has one, names the file
    /// of a teacher that was not trained here.
    ///
    /// # Errors
    /// If the device is not there, or weights are missing, damaged or do not fit.
    pub fn open(
        run: &RunFolder,
        plan: Option<&RunPlan>,
        device: DeviceSpec,
        asked: Asked,
    ) -> Result<Self, ModelsError> {
        let device = device::choose(device)?;
        let (student, weights, note) = match asked.answering {
            Answering::Teacher => (None, None, None),
            Answering::Student | Answering::Both => {
                let (student, weights, note) = student(run, asked.weights, &device)?;
                (Some(student), weights, note)
            }
        };
        let teacher = match asked.answering {
            Answering::Student => None,
            Answering::Teacher | Answering::Both => Some(teacher(run, plan, &device)?),
        };
        let trained = student.as_ref().and_then(|(_, known)| known.trained);
        let input = match (&student, &teacher) {
            (Some((_, own)), Some((_, other))) if own.summary() != *other => {
                return Err(ModelsError::Inputs(run.name()));
            }
            (Some((_, known)), _) => known.summary(),
            (None, Some((_, input))) => input.clone(),
            (None, None) => return Err(ModelsError::NoStudent(run.name())),
        };
        let (student, known) = student.unzip();
        Ok(Self {
            student,
            known,
            teacher: teacher.map(|(teacher, _)| teacher),
            device,
            trained: trained.map_or((0, 0.0), |trained| (trained.step, trained.epoch)),
            weights,
            notes: note.into_iter().collect(),
            input,
            max_pixels: plan.map_or(MAX_PIXELS, |plan| plan.resolved.plan.data.max_pixels),
        })
    }

    /// Reads the one model of a folder onto a device: its weights and the
    /// `model.json` beside them. It answers as the student. Without a manifest
    /// nothing says whether they are as they were saved.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn of_folder(folder: &Path, device: DeviceSpec) -> Result<Self, ModelsError> {
        let device = device::choose(device)?;
        let sealed = Sealed::open(folder).map_err(Failure::from)?;
        let (student, known, notes) = if let Some(sealed) = sealed {
            let (network, known) = network_of(&sealed, &device)?;
            (network, known, Vec::new())
        } else {
            let path = folder.join(METADATA);
            let known = checkpoint::metadata_at(&path)?;
            let file = ArrayFile::open(&folder.join(WEIGHTS)).map_err(Failure::from)?;
            known
                .check_against(file.about())
                .map_err(|message| Failure::Checkpoint { path, message })?;
            let mut network = built(&known, folder, &device)?;
            weights::load(&mut network, &folder.join(WEIGHTS)).map_err(Failure::from)?;
            let note = format!(
                "{} has no manifest.json, so it is not known whether its files are as they were \
                 saved",
                folder.shown()
            );
            (network, known, vec![note])
        };
        let trained = known.trained;
        Ok(Self {
            student: Some(student),
            teacher: None,
            device,
            trained: trained.map_or((0, 0.0), |trained| (trained.step, trained.epoch)),
            weights: None,
            notes,
            input: known.summary(),
            known: Some(known),
            max_pixels: MAX_PIXELS,
        })
    }

    /// Height and width of the models' images, pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.input.size
    }

    /// Names of the classes.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.input.classes
    }

    /// The images of a folder, at any depth, as the models want them. Those that
    /// cannot be used are distinguished.
    ///
    /// # Errors
    /// If the folder cannot be read or holds no image.
    pub fn images(&self, folder: &Path) -> Result<Images, Failure> {
        let workers = Workers::new(std::thread::available_parallelism().map_or(1, usize::from))?;
        let images = data::open_folder(folder, &self.input, self.max_pixels, workers)?;
        Ok(images)
    }
}

/// What a run's models answer on the images of a folder, at most the first 256,
/// and what of the folder could not be read.
///
/// # Errors
/// A message that names what is missing.
pub fn probe_folder(
    models: &RunModels,
    folder: &Path,
) -> Result<(Probe, Vec<SkippedImage>), String> {
    let images = models.images(folder).map_err(|error| error.to_string())?;
    let first: Vec<usize> = (0..images.valid.len().min(PROBED)).collect();
    let set = images.valid.subset(&first);
    let Some(student) = &models.student else {
        return Err("a probe needs the student".to_owned());
    };
    let (step, epoch) = models.trained;
    let probe = probe_now(
        &set,
        &images,
        (student, step, epoch),
        models
            .teacher
            .as_ref()
            .map(|teacher| teacher as &dyn Classify),
    );
    let mut probe = probe.map_err(|error| error.to_string())?;
    for (at, image) in probe.images.iter_mut().enumerate() {
        let path = set.name(at);
        let path = path.strip_prefix(folder).unwrap_or(&path);
        image.label = label_of(path, models.classes()).map(|label| label as u32);
    }
    Ok((probe, images.skipped))
}

/// What a run's models answer on those of its validation images that belong to a
/// cell of a matrix, at most the first 256, and how many belong there.
///
/// # Errors
/// A message that names what is missing.
pub fn probe_cell(
    models: &RunModels,
    plan: &RunPlan,
    cell: MatrixCell,
) -> Result<(Probe, usize), String> {
    let Some(student) = &models.student else {
        return Err("a probe needs the student".to_owned());
    };
    let images = images_of(plan).map_err(|error| error.to_string())?;
    let ask = |model: &dyn Classify| {
        let answers = Answers::of(model, &images.valid, &images);
        answers.map_err(|error| error.to_string())
    };
    let student = ask(student)?;
    let teacher = models.teacher.as_ref().map(|teacher| ask(teacher));
    let teacher = teacher.transpose()?;
    let answer = |who: Answerer, (image, row, label): (usize, &[f32], usize)| match who {
        Answerer::Label => Some(label),
        Answerer::Student => predicted(row),
        Answerer::Teacher => teacher
            .as_ref()
            .and_then(|all| predicted(&all.logits[image])),
    };
    let belongs = |image: &(usize, &[f32], usize)| {
        let sides = [cell.rows, cell.columns];
        sides
            .iter()
            .all(|(who, class)| answer(*who, *image) == Some(*class))
    };
    let members = student.labelled(&images.valid).filter(belongs);
    let mut members: Vec<usize> = members.map(|(image, ..)| image).collect();
    let number = members.len();
    members.truncate(PROBED);
    let chosen = |answers: &Answers| -> Vec<Vec<f32>> {
        let members = members.iter();
        members
            .map(|&image| answers.logits[image].clone())
            .collect()
    };
    let (step, epoch) = models.trained;
    let set = images.valid.subset(&members);
    let answers = ProbeAnswers {
        step,
        epoch,
        logits: chosen(&student),
    };
    let probe = probe_of(&set, &images.classes, answers, teacher.as_ref().map(chosen));
    Ok((probe, number))
}

/// What a run's models answer on its validation images of these names.
///
/// # Errors
/// A message that names what is missing.
pub fn probe_named(models: &RunModels, plan: &RunPlan, names: &[String]) -> Result<Probe, String> {
    let Some(student) = &models.student else {
        return Err("a probe needs the student".to_owned());
    };
    let images = images_of(plan).map_err(|error| error.to_string())?;
    let known = (0..images.valid.len()).map(|at| (images.valid.name(at), at));
    let known: HashMap<PathBuf, usize> = known.collect();
    let members = names.iter().map(|name| {
        let place = known.get(Path::new(name)).copied();
        place.ok_or_else(|| format!("{name} is not among its validation images"))
    });
    let set = images
        .valid
        .subset(&members.collect::<Result<Vec<_>, _>>()?);
    let (step, epoch) = models.trained;
    let teacher = models.teacher.as_ref();
    let teacher = teacher.map(|teacher| teacher as &dyn Classify);
    let probe = probe_now(&set, &images, (student, step, epoch), teacher);
    probe.map_err(|error| error.to_string())
}

/// The images that a run was trained on.
///
/// # Errors
/// They cannot be opened, or are other ones.
pub fn images_of(plan: &RunPlan) -> Result<Images, PrepareError> {
    let training = &plan.resolved.plan;
    let images = Images::open(&training.data, training.seed)?;
    let data = identified(&images, &plan.data.identity);
    match plan.data.difference(&data) {
        Some(difference) => Err(PrepareError::OtherImages(difference)),
        None => Ok(images),
    }
}

/// A network with what says how to use it.
type Described = (Network, ModelMetadata);

/// The student, the hash of its weights, and what a person should know of it.
fn student(
    run: &RunFolder,
    weights: Weights,
    device: &Chosen,
) -> Result<(Described, Option<String>, Option<String>), ModelsError> {
    let checkpoints = CheckpointFolder::new(run, Phase::Student);
    let found = retried(|| {
        let (folder, note) = match weights {
            Weights::Latest => (checkpoints.latest()?, None),
            // Before the first evaluation the newest are the best.
            Weights::Best => match checkpoints.best_left()? {
                (None, _) => (checkpoints.latest()?, None),
                best => best,
            },
        };
        let Some(folder) = folder else {
            return Ok(None);
        };
        let hash = folder.hash(WEIGHTS).map(str::to_owned);
        Ok(Some((network_of(&folder, device)?, hash, note)))
    })?;
    found.ok_or_else(|| ModelsError::NoStudent(run.name()))
}

/// A run's student with the weights that learned to be rounded, if there are such: of a
/// finish the best, or the newest. `student` has the same layout.
///
/// # Errors
/// They are missing or damaged.
pub fn rounded_student(
    run: &RunFolder,
    weights: Weights,
    student: &Network,
) -> Result<Option<RoundedStudent>, Failure> {
    let checkpoints = CheckpointFolder::new(run, Phase::Student);
    retried(|| {
        let folder = match weights {
            Weights::Latest => checkpoints.latest()?,
            Weights::Best => checkpoints.quantized()?,
        };
        let found = folder.map(|folder| checkpoint::rounded(&folder, student));
        Ok(found.transpose()?.flatten())
    })
}

fn teacher(
    run: &RunFolder,
    plan: Option<&RunPlan>,
    device: &Chosen,
) -> Result<(Teacher, DataSummary), ModelsError> {
    let none = || ModelsError::NoTeacher(run.name());
    if let Some(plan) = plan {
        let teacher = plan.resolved.plan.teacher.as_ref().ok_or_else(none)?;
        if !teacher.members().is_empty() {
            return from_files(plan, teacher, device);
        }
    }
    let own = match teacher::own_copy(run)? {
        Some(own) => Some(own),
        // Programs that kept no plan sealed only the teacher's checkpoints.
        None => CheckpointFolder::new(run, Phase::Teacher).best_left()?.0,
    };
    let (network, known) = network_of(&own.ok_or_else(none)?, device)?;
    Ok((Teacher::network(network), known.summary()))
}

/// That a teacher from elsewhere still is the one that taught.
///
/// # Errors
/// A file of it is gone, or another one.
pub fn check_teacher(plan: &RunPlan, teacher: &TeacherPlan) -> Result<(), ModelsError> {
    for path in teacher.files() {
        if kind_at(path).is_none() {
            return Err(ModelsError::MissingWeights(path.to_owned()));
        }
        let now = WeightsIdentity::of(path).map_err(|error| Failure::File {
            path: path.to_owned(),
            error,
        })?;
        if !plan.weights.contains(&now) {
            return Err(ModelsError::OtherWeights(path.to_owned()));
        }
    }
    Ok(())
}

/// A teacher from elsewhere, if it still is the one that taught. It takes the
/// data's images and makes them its own.
fn from_files(
    plan: &RunPlan,
    teacher: &TeacherPlan,
    device: &Chosen,
) -> Result<(Teacher, DataSummary), ModelsError> {
    check_teacher(plan, teacher)?;
    let data = Frame {
        size: plan.data.size,
        mean: plan.data.mean,
        std: plan.data.std,
        channels: ChannelOrder::Rgb,
    };
    let input = DataSummary {
        classes: plan.data.classes.clone(),
        size: data.size,
        mean: data.mean,
        std: data.std,
        ..DataSummary::default()
    };
    let network = |member: &TeacherMember| {
        let Some(model) = member.model else {
            return Ok(None);
        };
        let own = ModelMetadata {
            size: import::frame(member.file, &data).size,
            ..ModelMetadata::new("", model, &plan.data)
        };
        built(&own, member.file.path(), device).map(Some)
    };
    let networks: Result<_, Failure> = teacher.members().iter().map(network).collect();
    let teacher = import::read_teacher(teacher, networks?, &data, &device.device)?;
    Ok((teacher, input))
}

/// A network with the weights of a sealed folder, as `model.json` there says.
fn network_of(folder: &Sealed, device: &Chosen) -> Result<(Network, ModelMetadata), Failure> {
    let known = checkpoint::metadata(folder)?;
    let mut network = built(&known, folder.path(), device)?;
    checkpoint::load(&mut network, folder, WEIGHTS)?;
    Ok((network, known))
}

fn built(known: &ModelMetadata, path: &Path, device: &Chosen) -> Result<Network, Failure> {
    let graph = architecture::build(&known.model, known.size, known.classes.len());
    let graph = graph.map_err(|problem| Failure::Checkpoint {
        path: path.to_owned(),
        message: problem.to_string(),
    })?;
    Ok(Network::new(graph, 0, &device.device))
}

/// A training that runs may replace a folder while it is read.
fn retried<T>(read: impl Fn() -> Result<T, Failure>) -> Result<T, Failure> {
    let mut left = ATTEMPTS;
    loop {
        match read() {
            Err(Failure::Seal(SealError::Replaced { .. })) if left > 1 => left -= 1,
            result => return result,
        }
    }
}
