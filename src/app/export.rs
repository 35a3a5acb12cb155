//! A run's student, written for other programs: `--export`, and the key on Runs.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::arguments::{Arguments, Pixels, To, Weights};
use super::error::AppError;
use super::models::{self, OpenModelsError};
use crate::engine::export::{ProofError, loading_script, onnx_file, prove};
use crate::engine::weights::described_bytes;
use crate::engine::{Failure, RunModels, images_of};
use crate::event::inspection::{Answering, Asked, Weights as Taken};
use crate::event::{Export, ExportFormat, ExportProof, Exports, PixelFormat};
use crate::experiment::spec::DeviceSpec;
use crate::format::bytes;
use crate::listing::RunSummary;
use crate::report::{card, proof_words};
use crate::run::atomic::{write_checked, write_file};
use crate::run::{Exit, PlanError, RunFolder};
use crate::store::{Owner, RunEntry};
use crate::ui::ExportRefusal;
use crate::untrusted::text::clean_json;
use crate::untrusted::{clean_text, read_limited};

/// Names in the run's folder of exports.
const PROOFS: &str = "proof.json";
const CARD: &str = "MODEL_CARD.md";

/// Longest `proof.json`.
const LONGEST: u64 = 16 << 20;

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

/// Why nothing was written.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The run's student.
    #[error(transparent)]
    Models(#[from] OpenModelsError),
    /// Its weights cannot be read from the device.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// Its plan.
    #[error("{0}; {WITHOUT}")]
    Plan(#[from] PlanError),
    /// The student is missing although it was asked for.
    #[error("{0} has no student")]
    NoStudent(String),
    /// Nothing says which images prove the file.
    #[error("plan.json of {0} is missing, so its validation images are not known; {WITHOUT}")]
    NoPlan(String),
    /// The images that prove the file are not there.
    #[error("the file cannot be proven on the run's validation images: {0}; {WITHOUT}")]
    Images(String),
    /// The file is not what it should be, and is not kept.
    #[error("{0}; nothing was written")]
    Proof(#[from] ProofError),
    /// It would replace something.
    #[error("{} already exists; name another file with --out, or replace it with --force", .0.display())]
    Exists(PathBuf),
    /// Only ONNX files differ in what they take, and are proven.
    #[error("--input and --unproven are about ONNX files; leave them out with --to torch")]
    NotOnnx,
    /// `--out` names no file.
    #[error("--out {}: it is not the name of a file", .0.display())]
    NoName(PathBuf),
    /// What the file system says.
    #[error("could not write {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What to do where a proof is not possible.
const WITHOUT: &str = "restore what is missing, or write the file without a proof: --unproven";

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
        let notes = self.notes.iter().map(|note| format!("note: {note}\n"));
        let mut text: String = notes.collect();
        for (at, file) in self.files.iter().enumerate() {
            text += &format!("wrote {}", file.display());
            if at == 0 {
                text += &format!(", {}", bytes(self.export.bytes));
            }
            text.push('\n');
        }
        text += &format!("proof: {}\n", self.proof());
        text
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
    let (path, own) = place(request)?;
    let script = (!is_onnx).then(|| script_of(&path));
    let card_path = if own {
        path.with_file_name(CARD)
    } else {
        path.with_extension("md")
    };
    // The run's card is about all of its files, and is made anew with each.
    let others = script.iter().chain((!own).then_some(&card_path));
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
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = own && !folder.exists();
    if own {
        fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    }
    let written = write(request, &models, &path, script.as_deref());
    if written.is_err() && made {
        // It holds nothing, or else somebody else's.
        let _ = fs::remove_dir(folder);
    }
    let export = written?;
    let (name, exports) = recorded(run, own, &path, &export)?;
    let shown = if own {
        exports
    } else {
        let name = path
            .file_name()
            .map_or(name, |it| it.to_string_lossy().into_owned());
        BTreeMap::from([(name, export.clone())])
    };
    let (entry, _) = RunEntry::read(run, Owner::None);
    let summary = RunSummary::of(&entry);
    let name = run.name();
    let text = card(&summary.subject(&name, &entry), request.weights, &shown);
    write_file(&card_path, text.as_bytes()).map_err(|source| failed(&card_path, source))?;
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

fn failed(path: &Path, source: io::Error) -> ExportError {
    let path = path.to_owned();
    ExportError::Io { path, source }
}

/// Where the model goes, and whether that is in the run's own folder.
fn place(request: &ExportRequest) -> Result<(PathBuf, bool), ExportError> {
    if let Some(out) = &request.out {
        let named = out.file_name().is_some() && !out.is_dir();
        return match named {
            true => Ok((out.clone(), false)),
            false => Err(ExportError::NoName(out.clone())),
        };
    }
    let mut name = request.run.name();
    if request.weights == Taken::Latest {
        name += "-latest";
    }
    name += match (request.format, request.pixels) {
        (ExportFormat::Torch, _) => ".safetensors",
        (ExportFormat::Onnx, PixelFormat::Float) => ".onnx",
        (ExportFormat::Onnx, PixelFormat::Uint8) => "-uint8.onnx",
    };
    Ok((request.run.exports().join(name), true))
}

/// The script beside weights.
fn script_of(weights: &Path) -> PathBuf {
    let stem = weights.file_stem().unwrap_or_default().to_string_lossy();
    weights.with_file_name(format!("load_{stem}.py"))
}

fn write(
    request: &ExportRequest,
    models: &RunModels,
    path: &Path,
    script: Option<&Path>,
) -> Result<Export, ExportError> {
    let none = || ExportError::NoStudent(request.run.name());
    let network = models.student.as_ref().ok_or_else(none)?;
    let known = models.known.as_ref().ok_or_else(none)?;
    let about = about(request, models);
    let (bytes, proof) = match request.format {
        ExportFormat::Onnx => {
            let bytes = onnx_file(network, known, request.pixels, &about)?;
            let proof = proven(request, models, path, &bytes)?;
            (bytes, proof)
        }
        ExportFormat::Torch => {
            let texts = known.texts().into_iter().chain(about).collect();
            let bytes = described_bytes(network, &texts).map_err(Failure::from)?;
            write_file(path, &bytes).map_err(|source| failed(path, source))?;
            (bytes, None)
        }
    };
    if let Some(script) = script {
        let weights = path.file_name().unwrap_or_default().to_string_lossy();
        let text = loading_script(known, network.graph(), &weights);
        write_file(script, text.as_bytes()).map_err(|source| failed(script, source))?;
    }
    Ok(Export {
        format: request.format,
        weights: request.weights,
        step: models.trained.0,
        input: (request.format == ExportFormat::Onnx).then_some(request.pixels),
        bytes: bytes.len() as u64,
        blake3: blake3::hash(&bytes).to_hex().to_string(),
        proof,
    })
}

/// Writes an ONNX file that computes what the network does, or none.
fn proven(
    request: &ExportRequest,
    models: &RunModels,
    path: &Path,
    bytes: &[u8],
) -> Result<Option<ExportProof>, ExportError> {
    if request.unproven {
        write_file(path, bytes).map_err(|source| failed(path, source))?;
        return Ok(None);
    }
    let name = request.run.name();
    let plan = request.run.plan()?.ok_or(ExportError::NoPlan(name))?;
    let images = images_of(&plan).map_err(|error| ExportError::Images(error.to_string()))?;
    let network = models.student.as_ref();
    let network = network.ok_or_else(|| ExportError::NoStudent(request.run.name()))?;
    let check = |file: &Path| prove(file, network, &images, request.pixels);
    let proof = write_checked(path, bytes, check).map_err(|source| failed(path, source))?;
    Ok(Some(proof?))
}

/// What a file says of where it comes from.
fn about(request: &ExportRequest, models: &RunModels) -> BTreeMap<String, String> {
    let plan = request.run.plan().ok().flatten();
    let weights = match request.weights {
        Taken::Best => "best",
        Taken::Latest => "latest",
    };
    let (step, epoch) = models.trained;
    let mut texts = vec![
        ("run", request.run.name()),
        ("weights", weights.to_owned()),
        ("step", step.to_string()),
        ("epoch", epoch.to_string()),
        (
            "program",
            concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
        ),
    ];
    let id = plan.map(|plan| plan.id).filter(|id| !id.is_empty());
    texts.extend(id.map(|id| ("run_id", id)));
    texts.extend(option_env!("WORKBENCH_COMMIT").map(|commit| ("commit", commit.to_owned())));
    let texts = texts.into_iter();
    texts.map(|(name, text)| (name.to_owned(), text)).collect()
}

/// Keeps in the run what is known of a file. Returns its name there, and all that
/// are kept.
fn recorded(
    run: &RunFolder,
    own: bool,
    path: &Path,
    export: &Export,
) -> Result<(String, Exports), ExportError> {
    let folder = run.exports();
    let proofs = folder.join(PROOFS);
    let name = if own {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    } else {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        path.display().to_string()
    };
    // What cannot be read is of no use to anybody, and is made anew.
    let before = read_limited(&proofs, LONGEST).ok();
    let before = before.and_then(|text| serde_json::from_slice(&text).ok());
    let mut exports: Exports = before.unwrap_or_default();
    exports.retain(|name, _| folder.join(name).exists());
    exports.insert(name.clone(), export.clone());
    let text = serde_json::to_vec_pretty(&exports).map_err(io::Error::other);
    let kept = fs::create_dir_all(&folder)
        .and(text)
        .and_then(|text| write_file(&proofs, &text));
    kept.map_err(|source| failed(&proofs, source))?;
    Ok((name, exports))
}
