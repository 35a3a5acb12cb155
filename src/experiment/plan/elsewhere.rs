//! Weights that were trained elsewhere, and what is taken of their files.
//!
//! What a file itself decides is absent until it is opened, which is once, when
//! a run begins; the run then keeps it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checks::between;
use super::data::{normalization, sides};
use super::paths::Paths;
use crate::experiment::model::Model;
use crate::experiment::problem::Problem;
use crate::experiment::spec::{
    ChannelOrder, ClassNames, Head, InputNormalize, OnnxEngine, Scores, StudentSpec, TeacherSpec,
    TeacherWeights, member_place,
};
use crate::untrusted::Show as _;

/// A file of weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightsFile {
    /// The file.
    pub path: PathBuf,
    /// Of raw weights and their moving average, which; the average where there
    /// is one if absent.
    pub ema: Option<bool>,
    /// What becomes of a student's classifier.
    #[serde(default)]
    pub head: Head,
    /// What is taken of it.
    pub taken: Option<Taken>,
}

/// What of a file's arrays makes a network.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Where they lie.
    pub place: StateDictPlace,
    /// Of the classifier's outputs those that are taken, in the order of the
    /// data's classes; all of them as they are if absent. Without any, the
    /// classifier is not taken at all.
    pub outputs: Option<Vec<usize>>,
}

/// The place of a network's arrays in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDictPlace {
    /// What precedes the network's names, the last dot included.
    pub prefix: String,
    /// The module that is the classifier, where it has another name: the
    /// network's name for it and the file's.
    pub classifier: Option<(String, String)>,
}

/// A teacher that was trained elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TeacherFile {
    /// Its weights.
    pub weights: WeightsFile,
    /// Names of its classes in the order of its outputs.
    pub classes: Option<ClassNames>,
    /// Mean and std by which its images are normalised; those of the data
    /// if absent.
    pub normalize: Option<InputNormalize>,
    /// Height and width of its images, pixels; those of the data if absent.
    pub size: Option<(u32, u32)>,
    /// Order of the colours of its images.
    #[serde(default)]
    pub channels: ChannelOrder,
    /// Whether it teaches although its validation accuracy speaks against it.
    pub trusted: bool,
    /// What is taken of a file that holds its layout, too; absent where it holds weights
    /// only. Named as it was when ONNX was the only such format.
    #[serde(rename = "onnx", default, skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramPart>,
    /// What is taken of a file of answers; absent where the file holds a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptAnswersPart>,
}

/// A member of an ensemble.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnsembleMember {
    /// Its model; absent where its file holds its layout.
    pub model: Option<Model>,
    /// Its file.
    pub file: TeacherFile,
    /// What it counts beside the others.
    pub share: f64,
}

/// What is taken of a file of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptAnswersPart {
    /// What the scores are; as the file says if absent.
    pub scores: Option<Scores>,
    /// Images that it answers, once it was read.
    pub images: usize,
}

/// Formats of files that hold a network's layout and its weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ProgramFormat {
    /// ONNX.
    #[default]
    Onnx,
    /// TorchScript.
    TorchScript,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_onnx(format: &ProgramFormat) -> bool {
    *format == ProgramFormat::Onnx
}

impl fmt::Display for ProgramFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Onnx => "ONNX",
            Self::TorchScript => "TorchScript",
        })
    }
}

/// What is taken of a file that holds a network's layout, too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgramPart {
    /// Its format.
    #[serde(default, skip_serializing_if = "is_onnx")]
    pub format: ProgramFormat,
    /// Name of the output with the scores of the classes.
    pub output: Option<String>,
    /// What these are.
    pub scores: Option<Scores>,
    /// What runs an ONNX file.
    pub engine: OnnxEngine,
    /// What was found in the file.
    pub found: Option<ProgramFound>,
    /// Feature maps of an ONNX file that are compared, by the names of their nodes or values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maps: Vec<String>,
}

/// What a file says of its network, and what runs it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProgramFound {
    /// The engine that computes its answers, with its version.
    pub engine: String,
    /// Number of its weights.
    pub parameters: u64,
    /// Bytes of its weights.
    pub bytes: u64,
    /// Multiply-accumulates of one image, where every operation's are known.
    pub macs: Option<u64>,
    /// Files of weights beside it.
    pub beside: Vec<PathBuf>,
    /// Images that a TorchScript file takes at once, if always as many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// Scores that a TorchScript file gives for an image; absent in plans of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<usize>,
}

impl TeacherFile {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.weights.path
    }

    /// The file's name, for people.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path().file_name().unwrap_or_default();
        name.shown().to_string()
    }

    /// All files that hold something of it.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let found = self.program.as_ref().and_then(|it| it.found.as_ref());
        let beside = found.into_iter().flat_map(|found| &found.beside);
        std::iter::once(self.path()).chain(beside.map(PathBuf::as_path))
    }
}

/// The weights that the student starts from.
pub(super) fn student_weights(
    student: &StudentSpec,
    paths: &Paths,
    problems: &mut Vec<Problem>,
) -> Option<WeightsFile> {
    let Some(path) = &student.weights else {
        let written = [
            (
                "ema",
                student.ema.is_some(),
                "there is no file to choose weights of",
            ),
            (
                "head",
                student.head != Head::Keep,
                "without a file of weights every classifier is new",
            ),
        ];
        problems.extend(written.iter().filter(|(_, written, _)| *written).map(
            |(field, _, why)| {
                Problem::new(format!("student.{field}"), *why)
                    .on_name()
                    .help("add weights: \"file.pt\", or remove it")
                    .depends_on("student.weights")
            },
        ));
        return None;
    };
    Some(WeightsFile {
        path: paths.file(path, "student.weights", problems)?,
        ema: student.ema,
        head: student.head,
        taken: None,
    })
}

/// A teacher that is a file of any kind; none of one that is not.
pub(super) fn file(
    teacher: &TeacherSpec,
    paths: &Paths,
    problems: &mut Vec<Problem>,
) -> Option<TeacherFile> {
    match &teacher.weights {
        TeacherWeights::File(path) => {
            problems.extend(without_program(teacher));
            teacher_file(teacher, ("weights.File", path), paths, problems)
        }
        TeacherWeights::Onnx(path) => {
            program_file(teacher, (ProgramFormat::Onnx, path), paths, problems)
        }
        TeacherWeights::TorchScript(path) => {
            program_file(teacher, (ProgramFormat::TorchScript, path), paths, problems)
        }
        TeacherWeights::Logits(path) => answers_file(teacher, path, paths, problems),
        TeacherWeights::Ensemble(_) | TeacherWeights::Train(_) => None,
    }
}

/// The members of an ensemble.
pub(super) fn ensemble(
    members: &[TeacherSpec],
    paths: &Paths,
    problems: &mut Vec<Problem>,
) -> Option<Vec<EnsembleMember>> {
    if members.len() < 2 {
        let message = match members {
            [] => "an ensemble of none answers nothing",
            _ => "an ensemble of one is that teacher",
        };
        problems.push(Problem::new("teacher.weights.Ensemble", message).help(
            "list two members or more, or write the one as the teacher itself, as in teacher: \
             (weights: Onnx(\"teacher.onnx\"))",
        ));
    }
    let mut files: Vec<Option<EnsembleMember>> = Vec::new();
    for (at, member) in members.iter().enumerate() {
        let place = member_place(at);
        let mut found = Vec::from_iter(no_member(member));
        let is_refused = !found.is_empty();
        let share = member.share.unwrap_or(1.0);
        between(&mut found, "teacher.share", share, 0.001, 1000.0);
        let file = (!is_refused)
            .then(|| file(member, paths, &mut found))
            .flatten();
        let file = file.map(|file| EnsembleMember {
            model: member.model.clone(),
            file,
            share,
        });
        found.extend(file.as_ref().and_then(|member| again(&files, member)));
        files.push(file);
        let found = found.into_iter();
        problems.extend(found.map(|problem| problem.moved("teacher", &place)));
    }
    files.into_iter().collect()
}

/// What a member of an ensemble cannot be, as a problem of a teacher.
fn no_member(member: &TeacherSpec) -> Option<Problem> {
    let (message, help) = match &member.weights {
        TeacherWeights::File(_) | TeacherWeights::Onnx(_) | TeacherWeights::TorchScript(_) => {
            return None;
        }
        TeacherWeights::Logits(_) => (
            "a file of logits is no member of an ensemble",
            "give the model that computed them, or write the mean of the logits of all members \
             into one file, which is the teacher then: weights: Logits(\"mean.safetensors\")",
        ),
        TeacherWeights::Ensemble(_) => (
            "an ensemble is no member of another",
            "list its members here; what each counts is its share times that of its ensemble",
        ),
        TeacherWeights::Train(_) => (
            "a member of an ensemble is a file, and this one would be trained here",
            "train it in a run of its own, and name what that leaves: \
             File(\"checkpoints/<run>/best/weights.safetensors\")",
        ),
    };
    Some(Problem::new("teacher.weights", message).help(help))
}

/// A member that is an earlier one but for its share, as a problem of a teacher.
fn again(earlier: &[Option<EnsembleMember>], member: &EnsembleMember) -> Option<Problem> {
    let is_same =
        |other: &EnsembleMember| (&other.model, &other.file) == (&member.model, &member.file);
    let first = earlier
        .iter()
        .position(|other| other.as_ref().is_some_and(is_same))?;
    let message = format!("this is member {} again", first + 1);
    Some(Problem::new("teacher.weights", message).help("name another file, or raise its share"))
}

/// What is written beside the members of an ensemble, where it belongs to one.
pub(super) fn beside_members(teacher: &TeacherSpec) -> impl Iterator<Item = Problem> {
    let fields = [
        "model",
        "ema",
        "classes",
        "normalize",
        "size",
        "channels",
        "output",
        "scores",
        "engine",
        "trusted",
        "share",
    ];
    let why = "each member of an ensemble has its own";
    out_of_place(teacher, fields, why, "write it in the member that it is of")
}

/// A share of a teacher that is alone.
pub(super) fn share_alone(teacher: &TeacherSpec) -> impl Iterator<Item = Problem> {
    let why = "only a member of an ensemble has it";
    let remedy = "remove it, or list all teachers: weights: Ensemble([…])";
    out_of_place(teacher, ["share"], why, remedy)
}

/// A teacher from this file.
fn teacher_file(
    teacher: &TeacherSpec,
    file: (&'static str, &Path),
    paths: &Paths,
    problems: &mut Vec<Problem>,
) -> Option<TeacherFile> {
    let mut found = Vec::new();
    let (place, path) = file;
    let path = paths.file(path, place, &mut found);
    let classes = teacher
        .classes
        .as_ref()
        .and_then(|classes| class_names(classes, paths, &mut found));
    if let Some(InputNormalize::Given { mean, std }) = &teacher.normalize {
        normalization(&mut found, mean, std);
    }
    if let Some(size) = teacher.size {
        sides(&mut found, size);
    }
    problems.extend(found.into_iter().map(|problem| problem.under("teacher")));
    Some(TeacherFile {
        weights: WeightsFile {
            path: path?,
            ema: teacher.ema,
            head: Head::Keep,
            taken: None,
        },
        classes,
        normalize: teacher.normalize,
        size: teacher.size,
        channels: teacher.channels,
        trusted: teacher.trusted,
        program: None,
        kept: None,
    })
}

/// A teacher from this file, which holds its layout, too.
fn program_file(
    teacher: &TeacherSpec,
    (format, path): (ProgramFormat, &Path),
    paths: &Paths,
    problems: &mut Vec<Problem>,
) -> Option<TeacherFile> {
    let (article, place) = match format {
        ProgramFormat::Onnx => ("an", "weights.Onnx"),
        ProgramFormat::TorchScript => ("a", "weights.TorchScript"),
    };
    for (field, what) in [("model", "its architecture"), ("ema", "one set of weights")] {
        let why = format!("{article} {format} file holds {what} itself");
        problems.extend(out_of_place(teacher, [field], &why, "remove it"));
    }
    if format == ProgramFormat::TorchScript && teacher.engine != OnnxEngine::Auto {
        problems.push(
            Problem::new("teacher.engine", "a TorchScript file is run by libtorch")
                .on_name()
                .help("remove it")
                .depends_on("teacher.weights"),
        );
    }
    let file = teacher_file(teacher, (place, path), paths, problems)?;
    let program = ProgramPart {
        format,
        output: teacher.output.clone(),
        scores: teacher.scores,
        engine: teacher.engine,
        found: None,
        maps: Vec::new(),
    };
    Some(TeacherFile {
        program: Some(program),
        ..file
    })
}

/// A teacher whose answers are in this file.
fn answers_file(
    teacher: &TeacherSpec,
    path: &Path,
    paths: &Paths,
    problems: &mut Vec<Problem>,
) -> Option<TeacherFile> {
    let fields = [
        "model",
        "ema",
        "normalize",
        "size",
        "channels",
        "output",
        "engine",
    ];
    let why = "it has no effect: the logits of the teacher are in a file";
    problems.extend(out_of_place(teacher, fields, why, "remove it"));
    let file = teacher_file(teacher, ("weights.Logits", path), paths, problems)?;
    Some(TeacherFile {
        kept: Some(KeptAnswersPart {
            scores: teacher.scores,
            images: 0,
        }),
        ..file
    })
}

/// What is said of a file that holds its layout although the teacher is none.
pub(super) fn without_program(teacher: &TeacherSpec) -> Vec<Problem> {
    let fields = ["output", "scores", "engine"];
    let why = "only a teacher in an ONNX or TorchScript file has it";
    let remedy = "remove it, or give weights: Onnx(\"teacher.onnx\")";
    let missing = teacher.model.is_none().then(|| {
        Problem::new("teacher", "the field `model` is missing")
            .help("name the teacher's architecture, such as model: ResNet(depth: 18)")
            .depends_on("teacher.weights")
    });
    let written = out_of_place(teacher, fields, why, remedy);
    written.chain(missing).collect()
}

fn class_names(
    classes: &ClassNames,
    paths: &Paths,
    problems: &mut Vec<Problem>,
) -> Option<ClassNames> {
    match classes {
        ClassNames::File(path) => paths
            .file(path, "classes.File", problems)
            .map(ClassNames::File),
        ClassNames::Names(names) => {
            problems.extend(duplicates(names).into_iter().map(|(i, first)| {
                Problem::new(
                    format!("classes.Names[{i}]"),
                    format!("`{}` is class {first} already", names[i]),
                )
                .help("every output has a name of its own")
            }));
            Some(classes.clone())
        }
    }
}

/// Places of names that were there before, with where.
fn duplicates(names: &[String]) -> Vec<(usize, usize)> {
    let mut first = std::collections::BTreeMap::new();
    names
        .iter()
        .enumerate()
        .filter_map(|(i, name)| {
            let at = *first.entry(name).or_insert(i);
            (at != i).then_some((i, at))
        })
        .collect()
}

/// What is said of a file although the teacher is trained here.
pub(super) fn without_file(teacher: &TeacherSpec) -> Vec<Problem> {
    let fields = ["ema", "classes", "normalize", "size", "channels", "trusted"];
    let why = "only a teacher from a file has it, and this one is trained here";
    let remedy = "remove it, or give weights: File(\"teacher.pt\")";
    out_of_place(teacher, fields, why, remedy).collect()
}

/// A problem for each of these fields that is written, which this teacher cannot have.
fn out_of_place<const FIELDS: usize>(
    teacher: &TeacherSpec,
    fields: [&'static str; FIELDS],
    why: &str,
    remedy: &str,
) -> impl Iterator<Item = Problem> {
    let written = fields
        .into_iter()
        .filter(|field| is_written(teacher, field));
    written.map(move |field| {
        Problem::new(format!("teacher.{field}"), why)
            .on_name()
            .help(remedy)
            .depends_on("teacher.weights")
    })
}

/// Whether a field that a teacher may leave out says something.
fn is_written(teacher: &TeacherSpec, field: &str) -> bool {
    match field {
        "model" => teacher.model.is_some(),
        "ema" => teacher.ema.is_some(),
        "classes" => teacher.classes.is_some(),
        "normalize" => teacher.normalize.is_some(),
        "size" => teacher.size.is_some(),
        "channels" => teacher.channels != ChannelOrder::Rgb,
        "output" => teacher.output.is_some(),
        "scores" => teacher.scores.is_some(),
        "engine" => teacher.engine != OnnxEngine::Auto,
        "trusted" => teacher.trusted,
        "share" => teacher.share.is_some(),
        _ => unreachable!("a teacher has no field `{field}`"),
    }
}
