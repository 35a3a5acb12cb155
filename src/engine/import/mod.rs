//! Weights that were trained elsewhere, made to fit an experiment.
//!
//! A file of weights says little of the network that it was made for: not which
//! class an output stands for, not how images were normalised, not the stride of
//! a convolution. [`settle`] opens the files that a plan names, once, before a
//! run begins, and writes into the plan what they and the `model.json` beside
//! them decide: where the arrays lie, which outputs are taken in which order, the
//! first layers, the images that a teacher wants. Only headers are read for it.
//! What would be a guess is refused; what is decided is reported. [`read`] then reads
//! the arrays as the plan says, and derives nothing.

mod about;
mod classes;
mod logits;
mod onnx;
mod stem;
mod torchscript;

use std::path::Path;

use burn::tensor::Device;
use thiserror::Error;

use self::about::{About, Sourced};
use self::classes::{ByName, by_name};
use super::classify::Classify;
use super::device::DeviceError;
use super::frame::{Frame, Input};
use super::network::Network;
use super::onnx::OnnxModelError;
use super::teacher_model::{Teacher, TeacherModel};
use super::torchscript::TorchScriptError;
use super::weights::{self, ArrayFile, WeightsError};
use crate::event::RunEvent;
use crate::experiment::architecture::{self, Graph};
use crate::experiment::model::Model;
use crate::experiment::plan::{
    Plan, ProgramFormat, ProgramMaps, StateDictPlace, Taken, TeacherFile, TeacherPlan,
    TeacherSource, WeightsFile,
};
use crate::experiment::problem::Problem;
use crate::experiment::spec::{
    ClassNames, DeviceSpec, Head, InputNormalize, NormalizeSpec, Scores,
};
use crate::format::lookalike;

/// Why weights from elsewhere cannot be used.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The file cannot be used.
    #[error("{place}: {error}")]
    Weights {
        /// Its place in the experiment.
        place: &'static str,
        /// What is wrong.
        error: WeightsError,
    },
    /// An ONNX file cannot be used.
    #[error("teacher.weights: {0}")]
    Onnx(#[from] OnnxModelError),
    /// A TorchScript file cannot be used.
    #[error("teacher.weights: {0}")]
    TorchScript(#[from] TorchScriptError),
    /// The device on which a teacher is looked at is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The experiment must say more, or something else.
    #[error("{0}")]
    Plan(Problem),
}

impl From<Problem> for ImportError {
    fn from(problem: Problem) -> Self {
        Self::Plan(problem)
    }
}

impl ImportError {
    /// The same of a member of an ensemble, whose place in the experiment this is.
    fn of_member(self, place: &str) -> Self {
        let file = |error: String| Problem::new(TEACHER.weights, error);
        let problem = match self {
            Self::Weights { error, .. } => file(error.to_string()),
            Self::Onnx(error) => file(error.to_string()),
            Self::TorchScript(error) => file(error.to_string()),
            Self::Plan(problem) => problem,
            Self::Device(error) => return Self::Device(error),
        };
        Self::Plan(problem.moved(TEACHER.name, place))
    }
}

/// The places in an experiment of a model and its weights.
#[derive(Debug, Clone, Copy)]
struct Role {
    name: &'static str,
    model: &'static str,
    weights: &'static str,
}

const STUDENT: Role = Role {
    name: "student",
    model: "student.model",
    weights: "student.weights",
};
const TEACHER: Role = Role {
    name: "teacher",
    model: "teacher.model",
    weights: "teacher.weights",
};

impl Role {
    fn refuse(self, error: WeightsError) -> ImportError {
        ImportError::Weights {
            place: self.weights,
            error,
        }
    }

    fn note(self, text: &str) -> Note {
        Note::Information(format!("{}: {text}", self.name))
    }

    fn warning(self, text: &str) -> Note {
        Note::Warning(format!("{}: {text}", self.name))
    }

    fn warnings(self, texts: &[String]) -> impl Iterator<Item = Note> {
        texts.iter().map(move |text| self.warning(text))
    }
}

/// What a person should know of how a file is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// How it is.
    Information(String),
    /// What may be wrong with that.
    Warning(String),
}

impl Note {
    /// What it says.
    #[must_use]
    pub fn message(&self) -> &str {
        let (Self::Information(message) | Self::Warning(message)) = self;
        message
    }

    /// The same of a member of an ensemble, by its name.
    fn of_member(mut self, name: &str) -> Self {
        let (Self::Information(message) | Self::Warning(message)) = &mut self;
        if let Some(rest) = message.strip_prefix("teacher: ") {
            *message = format!("teacher, {name}: {rest}");
        }
        self
    }

    /// As an event of the run.
    #[must_use]
    pub fn event(&self) -> RunEvent {
        match self.clone() {
            Self::Information(message) => RunEvent::Noted { message },
            Self::Warning(message) => RunEvent::Warned { message },
        }
    }
}

/// Writes into a plan what the files of weights decide that it names, for images
/// of these classes. Size and normalisation are those of the plan, as far as they
/// are known. The answer is what a person should know, and the feature maps that a teacher's
/// file has by names of its own.
///
/// # Errors
/// A file cannot be used, or does not say enough.
pub fn settle(
    plan: &mut Plan,
    classes: &[String],
) -> Result<(Vec<Note>, ProgramMaps), ImportError> {
    let mut maps = ProgramMaps::default();
    let Some(size) = plan.data.size else {
        return Ok((Vec::new(), maps));
    };
    let data = DataInput {
        classes,
        size,
        normalization: match &plan.data.normalize {
            NormalizeSpec::Given { mean, std } => Some((*mean, *std)),
            NormalizeSpec::Measure => None,
        },
    };
    let mut notes = Vec::new();
    if let Some(file) = &mut plan.student_weights {
        plan.student = student(&plan.student, file, &data, &mut notes)?;
    }
    if let Some(teacher) = &mut plan.teacher {
        let names = teacher.members().into_iter();
        let names: Vec<_> = names.map(|member| (member.place, member.name)).collect();
        match &mut teacher.weights {
            TeacherSource::File(file) => {
                maps = settle_teacher(&mut teacher.model, file, &data, plan.device, &mut notes)?;
            }
            TeacherSource::Ensemble(members) => {
                for (member, (place, name)) in members.iter_mut().zip(names) {
                    let (model, file) = (&mut member.model, &mut member.file);
                    let mut own = Vec::new();
                    settle_teacher(model, file, &data, plan.device, &mut own)
                        .map_err(|error| error.of_member(&place))?;
                    let name = name.unwrap_or_default();
                    notes.extend(own.into_iter().map(|note| note.of_member(&name)));
                }
            }
            TeacherSource::Train(_) => {}
        }
    }
    Ok((notes, maps))
}

/// Writes into a plan what the file of a teacher, or of a member of one, decides; returns the
/// feature maps that it has by names of its own.
fn settle_teacher(
    model: &mut Option<Model>,
    file: &mut TeacherFile,
    data: &DataInput,
    device: DeviceSpec,
    notes: &mut Vec<Note>,
) -> Result<ProgramMaps, ImportError> {
    match (&mut *model, file.program.as_ref().map(|it| it.format)) {
        (Some(model), _) => *model = teacher(model, file, data, notes)?,
        (None, None) => logits::settle(file, data, notes)?,
        (None, Some(ProgramFormat::Onnx)) => return onnx::settle(file, data, notes),
        (None, Some(ProgramFormat::TorchScript)) => {
            torchscript::settle(file, data, device, notes)?;
        }
    }
    Ok(ProgramMaps::default())
}

/// Sees that a teacher's file gives the feature maps that a plan with settled stages compares:
/// one image shows it.
///
/// # Errors
/// Its engine does not give one of them.
pub fn check_maps(plan: &Plan) -> Result<(), ImportError> {
    let Some(TeacherSource::File(file)) = plan.teacher.as_ref().map(|it| &it.weights) else {
        return Ok(());
    };
    match &file.program {
        Some(program) if !program.maps.is_empty() => onnx::check_maps(file, &program.maps),
        _ => Ok(()),
    }
}

/// What the experiment's images are.
struct DataInput<'a> {
    classes: &'a [String],
    size: (u32, u32),
    normalization: Option<([f32; 3], [f32; 3])>,
}

/// A student that starts from a file: its classifier's rows are put in order
/// where they stand for the data's classes, and other images are reported.
fn student(
    model: &Model,
    file: &mut WeightsFile,
    data: &DataInput,
    notes: &mut Vec<Note>,
) -> Result<Model, ImportError> {
    let (arrays, about) = open(STUDENT, model, &file.path, data.size, notes)?;
    let search = Search {
        role: STUDENT,
        arrays: &arrays,
        ema: file.ema,
        head: file.head,
    };
    if file.head == Head::Keep {
        agreed(STUDENT, &about)?;
    }
    let outputs = match about.classes.as_ref().map(|stated| &stated.value) {
        _ if file.head == Head::New => None,
        None => None,
        Some(names) => match by_name(names, data.classes) {
            Ok(found) if found.left_out.is_empty() => found.outputs,
            // Another task: its classifier is a beginning like any other.
            _ => {
                notes.push(STUDENT.warning(&format!(
                    "its weights were trained on other classes ({}); its classifier starts from \
                     theirs",
                    classes::listed(names)
                )));
                None
            }
        },
    };
    if outputs.is_some() {
        notes.push(STUDENT.note(
            "the outputs of its weights are in another order and are put in the data's, by name",
        ));
    }
    let (model, graph) =
        stem::choose(&search, model, data.size, data.classes.len(), &about, notes)?;
    let place =
        search
            .find(&graph, data.classes.len(), notes)
            .map_err(|error| match other_number(&error) {
                Some(outputs) => Problem::new(
                    STUDENT.weights,
                    format!(
                        "the classifier in its file has {outputs} outputs, and the data {} classes",
                        data.classes.len()
                    ),
                )
                .help("write head: New to keep the rest and start with a new classifier")
                .into(),
                None => error,
            })?;
    let outputs = match file.head {
        Head::Keep => outputs,
        Head::New => Some(Vec::new()),
    };
    file.taken = Some(Taken { place, outputs });
    if let (Some((mean, std)), Some(known)) =
        (value(about.normalization.as_ref()), data.normalization)
        && (mean, std) != known
    {
        notes.push(STUDENT.warning(&format!(
            "its weights were trained on images normalised in another way; to keep it: data: \
             (normalize: {})",
            given(mean, std)
        )));
    }
    Ok(model)
}

/// A teacher from a file: classes by name, images of its own.
fn teacher(
    model: &Model,
    file: &mut TeacherFile,
    data: &DataInput,
    notes: &mut Vec<Note>,
) -> Result<Model, ImportError> {
    let size = file.size.unwrap_or(data.size);
    let path = file.weights.path.clone();
    let (arrays, about) = open(TEACHER, model, &path, size, notes)?;
    let size = file
        .size
        .or(value(about.size.as_ref()))
        .unwrap_or(data.size);
    let search = Search {
        role: TEACHER,
        arrays: &arrays,
        ema: file.weights.ema,
        head: Head::Keep,
    };
    let (names, found) = named_classes(file, data, &about, notes)?;
    let outputs = names.as_ref().map_or(data.classes.len(), Vec::len);
    let (model, graph) = stem::choose(&search, model, size, outputs, &about, notes)?;
    let place =
        search
            .find(&graph, outputs, notes)
            .map_err(|error| match other_number(&error) {
                Some(outputs) => other_outputs(outputs, names.as_deref(), data.classes.len()),
                None => error,
            })?;
    notes.extend(found.notes(names.as_deref().unwrap_or_default()));
    file.weights.taken = Some(Taken {
        place,
        outputs: found.outputs,
    });
    file.classes = names.map(ClassNames::Names);
    own_images(file, size, data, &about, notes);
    Ok(model)
}

/// The names of a teacher's classes, where they are known, and which of its outputs
/// are the data's.
fn named_classes(
    file: &TeacherFile,
    data: &DataInput,
    about: &About,
    notes: &mut Vec<Note>,
) -> Result<(Option<Vec<String>>, ByName), ImportError> {
    let names = match &file.classes {
        None => {
            agreed(TEACHER, about)?;
            value(about.classes.as_ref())
        }
        Some(ClassNames::Names(names)) => Some(names.clone()),
        Some(ClassNames::File(path)) => Some(about::class_names(path)?),
    };
    contradicted(file, about, names.as_deref(), notes);
    let found = match &names {
        None => ByName::default(),
        Some(names) => by_name(names, data.classes)
            .map_err(|missing| lacking(&missing, names, file.classes.is_some(), about))?,
    };
    Ok((names, found))
}

/// Reports where the experiment says something else than the file or what lies
/// beside it.
fn contradicted(
    file: &TeacherFile,
    about: &About,
    names: Option<&[String]>,
    notes: &mut Vec<Note>,
) {
    let classes = differing(
        names.filter(|_| file.classes.is_some()),
        about.classes.as_ref(),
        |it| it.as_slice(),
    );
    let normalize = file.normalize.map(|normalize| normalize.values());
    let normalize = differing(normalize, about.normalization.as_ref(), |it| *it);
    let size = differing(file.size, about.size.as_ref(), |it| *it);
    let all = [
        ("classes", classes),
        ("normalize", normalize),
        ("size", size),
    ];
    for (field, by) in all {
        let Some(by) = by else { continue };
        notes.push(TEACHER.warning(&format!(
            "`{field}` is taken from the experiment; {by} says something else"
        )));
    }
}

/// Who says something else than what is written.
fn differing<'a, T, U: PartialEq>(
    written: Option<U>,
    stated: Option<&'a Sourced<T>>,
    as_written: impl Fn(&'a T) -> U,
) -> Option<&'static str> {
    let (written, stated) = (written?, stated?);
    (written != as_written(&stated.value)).then_some(stated.by)
}

fn value<T: Clone>(stated: Option<&Sourced<T>>) -> Option<T> {
    stated.map(|stated| stated.value.clone())
}

/// That weights and what lies beside them name the same classes.
fn agreed(role: Role, about: &About) -> Result<(), ImportError> {
    if !about.classes_differ {
        return Ok(());
    }
    let help = if role.name == TEACHER.name {
        "restore both from a copy, remove model.json, or write classes: Names([…]) in the order of \
         the teacher's outputs"
    } else {
        "restore both from a copy, or remove model.json"
    };
    Err(Problem::new(
        role.weights,
        "the classes in the file's metadata are not those in model.json beside it",
    )
    .help(help)
    .into())
}

/// Settles which images the teacher wants, and reports where they are not the
/// data's.
fn own_images(
    file: &mut TeacherFile,
    size: (u32, u32),
    data: &DataInput,
    about: &About,
    notes: &mut Vec<Note>,
) {
    file.size = Some(size);
    if size != data.size {
        notes.push(TEACHER.note(&format!(
            "views are resized for it from {} × {} to {} × {} pixels",
            data.size.0, data.size.1, size.0, size.1
        )));
    }
    let own = file.normalize.map(|normalize| normalize.values());
    let own = own
        .or(value(about.normalization.as_ref()))
        .or(data.normalization);
    file.normalize = own.map(|(mean, std)| InputNormalize::Given { mean, std });
    if let (Some((mean, std)), Some(known)) = (own, data.normalization)
        && (mean, std) != known
    {
        notes.push(TEACHER.note(&if (mean, std) == BYTES {
            "views are given to it as values from 0 to 255".to_owned()
        } else {
            let (mean, std) = (triple(mean), triple(std));
            format!("views are normalised with its own mean {mean} and std {std}")
        }));
    }
}

/// Opens a file for a network, and reads what it says of itself.
fn open(
    role: Role,
    model: &Model,
    path: &Path,
    size: (u32, u32),
    notes: &mut Vec<Note>,
) -> Result<(ArrayFile, About), ImportError> {
    // With two outputs: what is needed is but an order of magnitude.
    let needed = architecture::build(model, size, 2)
        .map_err(|problem| problem.under(role.model))?
        .bytes();
    let arrays = ArrayFile::open_for(path, needed).map_err(|error| role.refuse(error))?;
    let (about, remarks) = About::of(&arrays, model);
    notes.extend(role.warnings(&remarks));
    Ok((arrays, about))
}

/// Looks for a network's arrays in a file.
struct Search<'a> {
    role: Role,
    arrays: &'a ArrayFile,
    ema: Option<bool>,
    head: Head,
}

impl Search<'_> {
    /// Where a network's arrays lie, whose classifier has so many outputs in the file
    /// if it is taken from there.
    fn place(
        &self,
        graph: &Graph,
        outputs: usize,
    ) -> Result<(StateDictPlace, Vec<String>), WeightsError> {
        let outputs = (self.head == Head::Keep).then_some(outputs);
        weights::find(graph, outputs, self.arrays, self.ema)
    }

    fn find(
        &self,
        graph: &Graph,
        outputs: usize,
        notes: &mut Vec<Note>,
    ) -> Result<StateDictPlace, ImportError> {
        let (place, found) = self
            .place(graph, outputs)
            .map_err(|error| self.role.refuse(error))?;
        notes.extend(found.iter().map(|note| self.role.note(note)));
        Ok(place)
    }
}

/// Classes of the data that a teacher does not know.
fn lacking(missing: &[String], names: &[String], written: bool, about: &About) -> ImportError {
    let (place, whose) = if written {
        ("teacher.classes", "these names")
    } else {
        let by = about.classes.as_ref().map(|stated| stated.by);
        ("teacher.weights", by.unwrap_or_default())
    };
    let alike = lookalike::pair(missing, names);
    let alike = alike.map_or_else(String::new, |(ours, theirs)| {
        format!("; {ours} looks like {theirs}, which is another name")
    });
    let missing = classes::listed(missing);
    Problem::new(
        place,
        format!("{whose} lack classes of the data: {missing}{alike}"),
    )
    .help(
        "if they have other names there, write the data's names in the order of the teacher's \
         outputs: classes: Names([…])",
    )
    .into()
}

/// The outputs of the file's classifier, where their number is all that is wrong.
fn other_number(error: &ImportError) -> Option<usize> {
    match error {
        ImportError::Weights {
            error: WeightsError::Mismatch { outputs, .. },
            ..
        } => *outputs,
        _ => None,
    }
}

/// A classifier with another number of outputs than there are names, or classes
/// where there are no names.
fn other_outputs(outputs: usize, names: Option<&[String]>, classes: usize) -> ImportError {
    match names {
        Some(names) => Problem::new(
            "teacher.classes",
            format!(
                "there are {} names, and the teacher has {outputs} outputs",
                names.len()
            ),
        )
        .help("write a name for every output, in their order"),
        None => Problem::new(
            "teacher.weights",
            format!("the teacher has {outputs} outputs, and the data {classes} classes"),
        )
        .help(
            "name the classes of its outputs, in their order: classes: Names([…]), or \
             classes: File(\"classes.txt\") with one name a line",
        ),
    }
    .into()
}

/// Mean and std of values from 0 to 255, as bytes have them.
pub const BYTES: ([f32; 3], [f32; 3]) = ([0.0; 3], [1.0 / 255.0; 3]);

/// What a teacher's scores are: as the experiment says, or as they look.
fn scores(written: Option<Scores>, probabilities: bool, notes: &mut Vec<Note>) -> Scores {
    written.unwrap_or_else(|| {
        if !probabilities {
            return Scores::Logits;
        }
        let note = "its scores come out of a softmax; their logarithms are its logits";
        notes.push(TEACHER.note(note));
        Scores::Probabilities
    })
}

/// Settles which of a teacher's outputs are taken, whose number is known.
fn matched(
    file: &mut TeacherFile,
    (names, found): (Option<Vec<String>>, ByName),
    outputs: usize,
    data: &DataInput,
    notes: &mut Vec<Note>,
) -> Result<(), ImportError> {
    let expected = names.as_ref().map_or(data.classes.len(), Vec::len);
    if outputs != expected {
        return Err(other_outputs(outputs, names.as_deref(), data.classes.len()));
    }
    notes.extend(found.notes(names.as_deref().unwrap_or_default()));
    file.weights.taken = Some(Taken {
        outputs: found.outputs,
        ..Taken::default()
    });
    file.classes = names.map(ClassNames::Names);
    Ok(())
}

/// A run whose teacher was run by another engine.
fn other_engine(before: &str, now: &str) -> ImportError {
    Problem::new(
        "teacher.weights",
        format!(
            "its logits were computed by {before}, and here is {now}, which may round differently"
        ),
    )
    .help(format!("let the run have {before}, or start a new one"))
    .into()
}

/// A normalisation as an experiment writes it.
pub fn given(mean: [f32; 3], std: [f32; 3]) -> String {
    format!("Given(mean: {}, std: {})", triple(mean), triple(std))
}

/// Numbers of red, green and blue.
fn triple([r, g, b]: [f32; 3]) -> String {
    format!("({r}, {g}, {b})")
}

/// Reads a student that starts from a file, as its settled plan says.
///
/// # Errors
/// The file is no longer as it was.
pub fn read_student(network: Network, file: &WeightsFile) -> Result<Network, ImportError> {
    read(network, file, STUDENT)
}

/// Reads a teacher from its file, or all members of an ensemble from theirs, as its settled
/// plan says, for the data's images on `device`. Their networks, where they have one of our
/// layouts, were built for images of their own size.
///
/// # Errors
/// A file is no longer as it was.
pub fn read_teacher(
    teacher: &TeacherPlan,
    networks: Vec<Option<Network>>,
    data: &Frame,
    device: &Device,
) -> Result<Teacher, ImportError> {
    let mut members = Vec::new();
    for (member, network) in teacher.members().into_iter().zip(networks) {
        let read = read_file(network, member.file, data, device);
        let read = read.map_err(|error| match member.name {
            Some(_) => error.of_member(&member.place),
            None => error,
        });
        members.push((read?, member.weight as f32));
    }
    Ok(Teacher::of_members(members, device))
}

fn read_file(
    network: Option<Network>,
    file: &TeacherFile,
    data: &Frame,
    device: &Device,
) -> Result<Teacher, ImportError> {
    let teacher = match (network, file.program.as_ref().map(|it| it.format)) {
        (Some(network), _) => Teacher::network(read(network, &file.weights, TEACHER)?),
        (None, None) => Teacher::of(TeacherModel::Kept(logits::read(file)?), device),
        (None, Some(ProgramFormat::Onnx)) => {
            Teacher::of(TeacherModel::Onnx(Box::new(onnx::read(file)?)), device)
        }
        (None, Some(ProgramFormat::TorchScript)) => {
            let model = torchscript::read(file, &device.clone().inner())?;
            Teacher::of(TeacherModel::TorchScript(model), device)
        }
    };
    let input = Input::between(data, &frame(file, data), teacher.device());
    Ok(teacher.with_input(input))
}

/// The images that a teacher from a file wants.
#[must_use]
pub fn frame(file: &TeacherFile, data: &Frame) -> Frame {
    let (mean, std) = match &file.normalize {
        Some(normalize) => normalize.values(),
        None => (data.mean, data.std),
    };
    Frame {
        size: file.size.unwrap_or(data.size),
        mean,
        std,
        channels: file.channels,
    }
}

fn read(mut network: Network, file: &WeightsFile, role: Role) -> Result<Network, ImportError> {
    let refuse = |error| role.refuse(error);
    let needed = network.graph().bytes();
    let arrays = ArrayFile::open_for(&file.path, needed).map_err(refuse)?;
    let taken = file.taken.clone().unwrap_or_default();
    weights::load_taken(&mut network, &arrays, &taken).map_err(refuse)?;
    Ok(network)
}

#[cfg(test)]
mod tests;
