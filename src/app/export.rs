//! A run's student, written for other programs: `--export`, and the key on Runs.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::models::{self, OpenModelsError};
use crate::data::Images;
use crate::engine::export::{
    ExportFailure, Student, place, plain_onnx_file, script_of, weight_bits,
};
use crate::engine::onnx::has_onnxruntime;
use crate::engine::{
    RunModels, Teacher, TeacherModel, answers, images_of, measure_export, rounded_student,
};
use crate::event::inspection::{Answering, Asked, Weights as Taken};
use crate::event::{BenchRow, Export, ExportFormat, Floats, PixelFormat, PrecisionModel, Variant};
use crate::experiment::spec::{DeviceSpec, Int8Spec};
use crate::format::{bytes, count};
use crate::listing::RunSummary;
use crate::report::runs::int8_tables;
use crate::report::{card, int8_words, proof_words};
use crate::run::atomic::{self, write_file};
use crate::run::exports::CheckedExports;
use crate::run::{PlanError, RunFolder, TemporaryFile};
use crate::store::{Owner, RunEntry};
use crate::ui::ExportRefusal;
use crate::untrusted::Show as _;
use crate::untrusted::files::is_replaceable;

/// What is to be written.
pub struct ExportRequest {
    /// Of which run.
    pub run: RunFolder,
    /// As what.
    pub format: ExportFormat,
    /// Of which weights.
    pub weights: Taken,
    /// How an ONNX file takes images.
    pub pixels: PixelFormat,
    /// Floats that an ONNX file computes with.
    pub floats: Floats,
    /// How it comes to 8-bit integers, if it is to.
    pub int8: Option<Int8Spec>,
    /// Where to; into the run's folder if absent.
    pub out: Option<PathBuf>,
    /// Whether files that are there are replaced.
    pub replaces: bool,
    /// Whether an ONNX file is written unverified.
    pub unverified: bool,
    /// Device instead of the run's.
    pub device: Option<DeviceSpec>,
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Exported {
    /// The run's name.
    pub run: String,
    /// The files, the model's first and the card last.
    pub files: Vec<PathBuf>,
    /// What is known of it.
    #[serde(flatten)]
    pub export: Export,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Why no file was written of a student.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The run's student.
    #[error(transparent)]
    Models(#[from] OpenModelsError),
    /// The file cannot be written, or fails its verification.
    #[error(transparent)]
    Write(#[from] ExportFailure),
    /// Its plan.
    #[error("{0}; {WITHOUT}")]
    Plan(#[from] PlanError),
    /// The student is missing although it was requested.
    #[error("{0} has no student")]
    NoStudent(String),
    /// nothing says which images verify the file.
    #[error("plan.json of {0} is missing, so its validation images are not known; {WITHOUT}")]
    NoPlan(String),
    /// The images that verify the file are not there.
    #[error("the file cannot be verified on the run's validation images: {0}; {WITHOUT}")]
    Images(String),
    /// It would replace something.
    #[error("{} already exists; name another file with --out, or replace it with --force", .0.shown())]
    Exists(PathBuf),
    /// Only ONNX files differ in what they take and hold, and are verified.
    #[error(
        "--input, --fp16, --int8 and --unverified are about ONNX files; leave them out with --to torch"
    )]
    NotOnnx,
    /// `--out` names no file.
    #[error("--out {}: it is not the name of a file", .0.shown())]
    NoName(PathBuf),
    /// What is there cannot be replaced.
    #[error("{} cannot be written: {source}; name another file with --out", path.shown())]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What is there.
        source: io::Error,
    },
    /// The model and what is written beside it have one name.
    #[error(
        "--out {}: the {what} beside the model would have the same name; end it in .onnx or \
         .safetensors", path.shown()
    )]
    SameName {
        /// The model.
        path: PathBuf,
        /// What else would be there.
        what: &'static str,
    },
    /// `--out` leads into the folder of a run.
    #[error(
        "--out {}: it is one of the files that a run keeps; name another file outside of {}",
        path.shown(), folder.shown()
    )]
    InRun {
        /// The file.
        path: PathBuf,
        /// The run's folder.
        folder: PathBuf,
    },
}

/// What to do where a verification is not possible.
const WITHOUT: &str = "restore what is missing, or write the file unverified: --unverified";

impl ExportError {
    /// For the screen.
    pub fn refusal(&self) -> ExportRefusal {
        ExportRefusal {
            reason: self.to_string(),
            can_skip_verification: matches!(
                self,
                Self::Plan(_) | Self::NoPlan(_) | Self::Images(_)
            ),
        }
    }
}

impl Exported {
    /// The same in one line.
    pub fn line(&self) -> String {
        let file = self.files.first().and_then(|file| file.file_name());
        let file = file.unwrap_or_default().shown();
        let notes = self.notes.iter().map(|note| format!("; {note}"));
        format!("wrote export/{file}: {}", self.proof()) + &notes.collect::<String>()
    }

    /// What came of it, a line for each thing.
    pub fn summary(&self) -> String {
        let notes = self.notes.iter().map(|note| format!("note: {note}"));
        let files = self.files.iter().enumerate().map(|(at, file)| {
            let size = (at == 0).then(|| format!(", {}", bytes(self.export.bytes)));
            format!("wrote {}{}", file.shown(), size.unwrap_or_default())
        });
        let proof = format!("verification: {}", self.proof());
        let int8 = self.export.int8.as_deref();
        let lines = notes
            .chain(files)
            .chain([proof])
            .chain(int8.map(int8_words));
        let mut text: String = lines.map(|line| line + "\n").collect();
        text.extend(int8.map(int8_tables));
        text
    }

    /// What its verification found.
    pub fn proof(&self) -> String {
        proof_words(&self.export).unwrap_or_else(|| {
            let why = match self.export.format {
                ExportFormat::Onnx => "not evaluated (--unverified)",
                ExportFormat::Torch => "not evaluated; these are the run's own weights",
            };
            why.to_owned()
        })
    }
}

/// Writes a run's student.
///
/// # Errors
/// Why there is no file; then nothing was written.
pub fn export(request: &ExportRequest) -> Result<Exported, ExportError> {
    let run = &request.run;
    let is_onnx = request.format == ExportFormat::Onnx;
    let differs = request.pixels != PixelFormat::Float
        || request.floats != Floats::Fp32
        || request.int8.is_some();
    if !is_onnx && (request.unverified || differs) {
        return Err(ExportError::NotOnnx);
    }
    let path = place_of(request)?;
    let is_own = request.out.is_none();
    let script = (!is_onnx).then(|| script_of(&path));
    let card_path = if is_own {
        run.model_card()
    } else {
        path.with_extension("md")
    };
    // The run's card is about all of its files, and is made anew with each.
    let card_of_file = (!is_own).then_some(&card_path);
    check_places(request, &path, script.as_ref(), card_of_file)?;
    let owner = Owner::of(run);
    let mut models = opened(request)?;
    let mut notes = std::mem::take(&mut models.notes);
    let name = run.name();
    let student = models.student.as_ref().zip(models.known.as_ref());
    let (network, known) = student.ok_or_else(|| ExportError::NoStudent(name.clone()))?;
    let rounded = match request.int8 {
        Some(_) => rounded_student(run, request.weights, network).map_err(ExportFailure::from)?,
        None => None,
    };
    let student = Student {
        run,
        network,
        rounded: rounded.as_ref(),
        known,
        weights: request.weights,
        made_of: models.weights.as_deref(),
    };
    let export = match request.int8 {
        _ if !is_onnx => student.write_torch(&path)?,
        None => {
            let images = (!request.unverified).then(|| images(run)).transpose()?;
            student.write_onnx(&path, request.pixels, request.floats, images.as_ref())?
        }
        Some(int8) => {
            let (export, remarks) =
                write_int8(request, &student, models.teacher.as_ref(), &path, int8)?;
            notes.extend(remarks);
            export
        }
    };
    let recorded = run.record_export(&path, &export);
    notes.extend(recorded.map_err(ExportFailure::from)?.damage);
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let shown = if is_own {
        let CheckedExports {
            intact, problems, ..
        } = run.exports_checked_by(&run.own_weights().and(export.made_of.as_ref()));
        notes.extend(problems);
        intact
    } else {
        BTreeMap::from([(file.into_owned(), export.clone())])
    };
    if owner != Owner::None {
        notes.push(format!(
            "the run is training: the file has its weights of step {}; export it again with \
             --force when the run has ended",
            count(export.step)
        ));
    }
    let (entry, _) = RunEntry::read(run, owner);
    let unread = entry.problem();
    notes.extend(
        unread.map(|problem| format!("the model card lacks what cannot be read: {problem}")),
    );
    let summary = RunSummary::of(&entry);
    let text = card(&summary.subject(&name, &entry), &shown);
    write_file(&card_path, text.as_bytes()).map_err(|source| ExportFailure::Io {
        path: card_path.clone(),
        source,
    })?;
    Ok(Exported {
        run: name,
        files: [path]
            .into_iter()
            .chain(script)
            .chain([card_path])
            .collect(),
        export,
        notes,
    })
}

/// Writes an ONNX file of 8-bit integers, held against the others in accuracy, size and
/// latency; with what a person should know of it.
fn write_int8(
    request: &ExportRequest,
    student: &Student,
    teacher: Option<&Teacher>,
    path: &Path,
    int8: Int8Spec,
) -> Result<(Export, Vec<String>), ExportError> {
    let images = images(student.run)?;
    let answers = teacher.map(|teacher| answers(teacher, &images.valid, &images));
    let answers = answers.transpose().map_err(ExportFailure::from)?;
    let written = student.write_int8(path, request.pixels, &images, answers, int8)?;
    let mut export = written.export;
    let mut notes = Vec::new();
    let fp32 = written.fp32.len() as u64;
    if export.bytes >= fp32 {
        notes.push(format!(
            "in 8-bit integers the file is no smaller than in 32-bit floats, {}: scales and nodes \
             take what so few weights save",
            bytes(fp32)
        ));
    }
    let scheme = export.int8.as_deref().map(|int8| int8.scheme);
    if let Some(scheme) = scheme.filter(|scheme| scheme.weight_bits > weight_bits()) {
        notes.push(format!(
            "weights of {} bits: engines may overflow on a processor without VNNI, as this one; 7 bits \
             are safe (--weight-bits 7, and Quantize(weight_bits: 7) where they are trained)",
            scheme.weight_bits
        ));
    }
    // Of one that could not be written there is no row.
    let fp16 = written.fp16.as_deref().unwrap_or_default();
    notes.extend(time(&mut export, [&written.fp32[..], fp16], path, teacher));
    Ok((export, notes))
}

/// The student, and where an int8 file is to be held against it also the teacher. Doing
/// without that is worth a note.
fn opened(request: &ExportRequest) -> Result<RunModels, ExportError> {
    let open = |answering| {
        let asked = Asked {
            answering,
            weights: request.weights,
        };
        models::open(&request.run, request.device, asked)
    };
    let plan = request.run.plan().ok().flatten();
    let has_teacher = plan.is_some_and(|plan| plan.resolved.plan.teacher.is_some());
    if request.int8.is_none() || !has_teacher {
        return Ok(open(Answering::Student)?);
    }
    open(Answering::Both).or_else(|error| {
        let mut models = open(Answering::Student)?;
        models
            .notes
            .push(format!("the teacher is not evaluated: {error}"));
        Ok(models)
    })
}

/// Notes what an answer of each model takes here; returns why one could not be
/// measured. A file with integers is measured in onnxruntime alone: rten computes with
/// floats.
fn time(
    export: &mut Export,
    [fp32, fp16]: [&[u8]; 2],
    int8: &Path,
    teacher: Option<&Teacher>,
) -> Option<String> {
    let mut problem = None;
    for row in export.int8.iter_mut().flat_map(|int8| &mut int8.rows) {
        let measured = match (row.model, teacher.map(Teacher::model)) {
            (PrecisionModel::Fp32, _) => of_bytes(fp32),
            (PrecisionModel::Fp16, _) => of_bytes(fp16),
            (PrecisionModel::Int8, _) if has_onnxruntime() => one_by_one(int8),
            (PrecisionModel::Teacher, Some(TeacherModel::Network(network))) => {
                let bytes = plain_onnx_file(network.network()).map_err(|error| error.to_string());
                bytes.and_then(|bytes| of_bytes(&bytes))
            }
            (PrecisionModel::Teacher, Some(TeacherModel::Onnx(model))) => one_by_one(model.path()),
            (PrecisionModel::Int8 | PrecisionModel::Teacher, _) => continue,
        };
        match measured {
            Ok(measured) => {
                row.bytes = Some(measured.file_bytes);
                row.p50_ms = Some(measured.p50_ms);
                row.engine = Some(measured.engine);
            }
            Err(reason) => problem = Some(format!("latency is not evaluated: {reason}")),
        }
    }
    problem
}

fn of_bytes(bytes: &[u8]) -> Result<BenchRow, String> {
    let file = TemporaryFile::new(bytes).map_err(|error| error.to_string())?;
    one_by_one(file.path())
}

/// A file for one image at a time on one thread, in the fastest engine that is here.
fn one_by_one(path: &Path) -> Result<BenchRow, String> {
    let measured = measure_export(path).map_err(|error| error.to_string())?;
    let row = measured.rows.into_iter().next();
    row.ok_or_else(|| "no inference engine is available".to_owned())
}

/// Where the model goes.
fn place_of(request: &ExportRequest) -> Result<PathBuf, ExportError> {
    let Some(out) = &request.out else {
        let (weights, pixels) = (request.weights, request.pixels);
        let variant = match request.int8 {
            Some(_) => Variant::Int8,
            None => request.floats.into(),
        };
        return Ok(place(
            &request.run,
            weights,
            request.format,
            pixels,
            variant,
        ));
    };
    if out.file_name().is_none() || out.is_dir() {
        return Err(ExportError::NoName(out.clone()));
    }
    Ok(out.clone())
}

/// That files can be written without loss of others.
fn check_places(
    request: &ExportRequest,
    path: &PathBuf,
    script: Option<&PathBuf>,
    card: Option<&PathBuf>,
) -> Result<(), ExportError> {
    let beside = [(script, "script"), (card, "model card")];
    let beside = beside
        .into_iter()
        .filter_map(|(file, what)| file.zip(Some(what)));
    for (file, what) in beside.clone() {
        // Some file systems do not distinguish upper from lower case.
        if file.as_os_str().eq_ignore_ascii_case(path.as_os_str()) {
            let path = path.clone();
            return Err(ExportError::SameName { path, what });
        }
    }
    for file in std::iter::once(path).chain(beside.map(|(file, _)| file)) {
        if request.out.is_some()
            && let Some(folder) = owner_of(file, &request.run)
        {
            let path = file.clone();
            return Err(ExportError::InRun { path, folder });
        }
        let is_there = is_replaceable(file).map_err(|source| ExportError::NotAFile {
            path: file.clone(),
            source,
        })?;
        if is_there && !request.replaces {
            return Err(ExportError::Exists(file.clone()));
        }
    }
    Ok(())
}

/// The folder below which a file would be one of a run's own or shared by runs, if it
/// would: anything there but what is written among this run's exports.
pub(super) fn owner_of(file: &Path, run: &RunFolder) -> Option<PathBuf> {
    // Where it does not exist, nothing can be written.
    let folder = atomic::parent(file).ok()?.canonicalize().ok()?;
    let run = run.path().canonicalize().ok()?;
    if folder.starts_with(run.join("export")) {
        return RunFolder::is_record(file).then_some(run);
    }
    if let owner @ Some(_) = RunFolder::around(file) {
        return owner;
    }
    // What runs share: cached teachers, the queue, the trash.
    let checkpoints = run.parent()?;
    let name = folder.strip_prefix(checkpoints).ok()?.components().next()?;
    let is_shared = name.as_os_str().to_string_lossy().starts_with('.');
    is_shared.then(|| checkpoints.join(name))
}

/// The images that verify a file.
fn images(run: &RunFolder) -> Result<Images, ExportError> {
    let plan = run.plan()?.ok_or_else(|| ExportError::NoPlan(run.name()))?;
    images_of(&plan).map_err(|error| ExportError::Images(error.to_string()))
}
