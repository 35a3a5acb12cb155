//! A run's student, written for other programs: `--export`, and the key on Runs.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::Serialize;

use super::arguments::{Arguments, Pixels, To, Weights};
use super::error::{AppError, ExportError};
use super::models;
use crate::data::Images;
use crate::engine::export::{ExportFailure, Student, place, record, script_of};
use crate::engine::images_of;
use crate::event::inspection::{Answering, Asked, Weights as Taken};
use crate::event::{Export, ExportFormat, PixelFormat};
use crate::experiment::spec::DeviceSpec;
use crate::format::bytes;
use crate::listing::RunSummary;
use crate::report::{card, proof_words};
use crate::run::atomic::write_file;
use crate::run::{Exit, RunFolder};
use crate::store::{Owner, RunEntry};
use crate::ui::ExportRefusal;
use crate::untrusted::clean_text;
use crate::untrusted::text::clean_json;

/// The model card in the run's folder of exports.
const CARD: &str = "MODEL_CARD.md";

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
    /// Where to; into the run's folder if absent.
    pub out: Option<PathBuf>,
    /// Whether files that are there are replaced.
    pub replaces: bool,
    /// Whether an ONNX file is written without a proof.
    pub unproven: bool,
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

/// Writes and prints what came of it.
pub fn run(arguments: &Arguments, wanted: &str) -> Result<Exit, AppError> {
    let request = ExportRequest {
        run: super::find(arguments, wanted)?,
        format: match arguments.to {
            To::Onnx => ExportFormat::Onnx,
            To::Torch => ExportFormat::Torch,
        },
        weights: match arguments.weights {
            Weights::Best => Taken::Best,
            Weights::Latest => Taken::Latest,
        },
        pixels: match arguments.input {
            Pixels::Float => PixelFormat::Float,
            Pixels::Uint8 => PixelFormat::Uint8,
        },
        out: arguments.out.clone(),
        replaces: arguments.force,
        unproven: arguments.unproven,
        device: arguments.device,
    };
    let exported = export(&request)?;
    if arguments.json {
        let json = serde_json::to_string(&exported)
            .map_err(|error| AppError::Output(io::Error::other(error)))?;
        super::print(&clean_json(&(json + "\n")))?;
        return Ok(Exit::Success);
    }
    super::print(&clean_text(&exported.told()))?;
    Ok(Exit::Success)
}

impl ExportError {
    /// For the screen.
    pub fn refusal(&self) -> ExportRefusal {
        ExportRefusal {
            reason: self.to_string(),
            lacks_proof: matches!(self, Self::Plan(_) | Self::NoPlan(_) | Self::Images(_)),
        }
    }
}

impl Exported {
    /// The same in one line.
    pub fn line(&self) -> String {
        let file = self.files.first().and_then(|file| file.file_name());
        let file = file.unwrap_or_default().display();
        format!("wrote export/{file}: {}", self.proof())
    }

    /// What came of it, a line for each thing.
    fn told(&self) -> String {
        let notes = self.notes.iter().map(|note| format!("note: {note}"));
        let files = self.files.iter().enumerate().map(|(at, file)| {
            let size = (at == 0).then(|| format!(", {}", bytes(self.export.bytes)));
            format!("wrote {}{}", file.display(), size.unwrap_or_default())
        });
        let proof = format!("proof: {}", self.proof());
        let lines = notes.chain(files).chain([proof]);
        lines.map(|line| line + "\n").collect()
    }

    /// What proves it.
    pub fn proof(&self) -> String {
        match (&self.export.proof, self.export.format) {
            (Some(proof), _) => proof_words(proof),
            (None, ExportFormat::Onnx) => "not evaluated (--unproven)".to_owned(),
            (None, ExportFormat::Torch) => {
                "not evaluated; these are the run's own weights".to_owned()
            }
        }
    }
}

/// Writes a run's student.
///
/// # Errors
/// Why there is no file; then nothing was written.
pub fn export(request: &ExportRequest) -> Result<Exported, ExportError> {
    let run = &request.run;
    let is_onnx = request.format == ExportFormat::Onnx;
    if !is_onnx && (request.unproven || request.pixels != PixelFormat::Float) {
        return Err(ExportError::NotOnnx);
    }
    let path = place_of(request)?;
    let is_own = request.out.is_none();
    let script = (!is_onnx).then(|| script_of(&path));
    let card_path = if is_own {
        path.with_file_name(CARD)
    } else {
        path.with_extension("md")
    };
    // The run's card is about all of its files, and is made anew with each.
    let others = script.iter().chain((!is_own).then_some(&card_path));
    if !request.replaces
        && let Some(there) = [&path].into_iter().chain(others).find(|file| file.exists())
    {
        return Err(ExportError::Exists(there.clone()));
    }
    let asked = Asked {
        answering: Answering::Student,
        weights: request.weights,
    };
    let models = models::open(run, request.device, asked)?;
    let name = run.name();
    let student = models.student.as_ref().zip(models.known.as_ref());
    let (network, known) = student.ok_or_else(|| ExportError::NoStudent(name.clone()))?;
    let student = Student {
        run,
        network,
        known,
        weights: request.weights,
    };
    let export = if is_onnx {
        let images = (!request.unproven).then(|| images(run)).transpose()?;
        student.write_onnx(&path, request.pixels, images.as_ref())?
    } else {
        student.write_torch(&path)?
    };
    let exports = record(run, &path, &export)?;
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let shown = if is_own {
        exports
    } else {
        BTreeMap::from([(file.into_owned(), export.clone())])
    };
    let (entry, _) = RunEntry::read(run, Owner::None);
    let summary = RunSummary::of(&entry);
    let text = card(&summary.subject(&name, &entry), request.weights, &shown);
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
        notes: models.notes,
    })
}

/// Where the model goes.
fn place_of(request: &ExportRequest) -> Result<PathBuf, ExportError> {
    let Some(out) = &request.out else {
        let (weights, pixels) = (request.weights, request.pixels);
        return Ok(place(&request.run, weights, request.format, pixels));
    };
    if out.file_name().is_none() || out.is_dir() {
        return Err(ExportError::NoName(out.clone()));
    }
    Ok(out.clone())
}

/// The images that prove a file.
fn images(run: &RunFolder) -> Result<Images, ExportError> {
    let plan = run.plan()?.ok_or_else(|| ExportError::NoPlan(run.name()))?;
    images_of(&plan).map_err(|error| ExportError::Images(error.to_string()))
}
