//! A run, written for TensorBoard: `--export RUN --to tensorboard`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::arguments::{Arguments, Pixels, Weights};
use super::export::owner_of;
use crate::engine::ProbeFolder;
use crate::event::inspection::Probe;
use crate::format::{count, plural, shell_word};
use crate::run::RunFolder;
use crate::run::atomic::create_folder;
use crate::store::{Owner, RunEntry};
use crate::tensorboard::{Written, has_events, is_written, write};
use crate::untrusted::Show as _;

/// Name of the folder among a run's exports.
const FOLDER: &str = "tensorboard";

/// What was written.
#[derive(Debug, Serialize)]
pub struct ExportedRun {
    /// The run's name.
    run: String,
    /// As what.
    format: &'static str,
    /// Where to.
    folder: PathBuf,
    /// The files in it.
    files: Vec<PathBuf>,
    /// Numbers in them.
    scalars: u64,
    /// Pictures in them.
    images: u64,
    /// What a person should know.
    notes: Vec<String>,
}

/// Why a run was not written for TensorBoard.
#[derive(Debug, Error)]
pub enum TensorBoardError {
    /// Nothing of a model is written.
    #[error(
        "--weights, --input, --fp16, --int8, --unverified and --device are about models; leave \
         them out with --to tensorboard"
    )]
    NoModel,
    /// There would be nothing to look at.
    #[error("{} has logged nothing yet; train it first", .0.shown())]
    NothingLogged(String),
    /// `--out` names no folder.
    #[error("--out {}: it is not the name of a folder", .0.shown())]
    NoName(PathBuf),
    /// It would replace something.
    #[error(
        "{} already exists; name another folder with --out, or replace it with --force", .0.shown()
    )]
    Exists(PathBuf),
    /// It would replace something that was not written for TensorBoard.
    #[error(
        "{} holds something else than an earlier export; name another folder with --out", .0.shown()
    )]
    Foreign(PathBuf),
    /// `--out` leads into the folder of a run.
    #[error(
        "--out {}: it is one of the files that a run keeps; name another folder outside of {}",
        path.shown(), run.shown()
    )]
    InRun {
        /// What was named.
        path: PathBuf,
        /// The run's folder.
        run: PathBuf,
    },
    /// The file system refuses.
    #[error("could not write {}: {source}", path.shown())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Writes a run.
///
/// # Errors
/// Why there is no folder, or still the one before.
pub fn export(arguments: &Arguments, run: &RunFolder) -> Result<ExportedRun, TensorBoardError> {
    let of_model = arguments.weights != Weights::Best
        || arguments.input != Pixels::Float
        || arguments.device.is_some();
    if of_model || arguments.fp16 || arguments.int8 || arguments.unverified {
        return Err(TensorBoardError::NoModel);
    }
    let folder = place_of(run, arguments.out.as_deref(), arguments.force)?;
    let (entry, _) = RunEntry::read(run, Owner::of(run));
    if !has_events(&entry) {
        return Err(TensorBoardError::NothingLogged(run.name()));
    }
    let mut notes: Vec<String> = entry.all_problems().cloned().collect();
    let probe = probe_of(run, &entry, &mut notes);
    let written = written(run, &folder, &entry, probe.as_ref());
    let written = written.map_err(|source| TensorBoardError::Io {
        path: folder.clone(),
        source,
    })?;
    Ok(ExportedRun {
        run: run.name(),
        format: FOLDER,
        folder,
        files: written.files,
        scalars: written.scalars,
        images: written.images,
        notes,
    })
}

impl ExportedRun {
    /// What came of it, a line for each thing.
    pub fn summary(&self) -> String {
        let notes = self.notes.iter().map(|note| format!("note: {note}\n"));
        let files = self.files.iter();
        let files = files.map(|file| format!("wrote {}\n", file.shown()));
        let lines: String = notes.chain(files).collect();
        format!(
            "{lines}{} scalars, {}; tensorboard --logdir {}\n",
            count(self.scalars),
            plural(self.images as usize, "image", "images"),
            shell_word(&self.folder)
        )
    }
}

/// The images that a run was watched by, if it recorded any that can be read.
pub(super) fn probe_of(
    run: &RunFolder,
    entry: &RunEntry,
    notes: &mut Vec<String>,
) -> Option<Probe> {
    let probe = ProbeFolder::new(run).read_until(entry.last_probed());
    probe.unwrap_or_else(|damage| {
        notes.push(damage.to_string());
        None
    })
}

/// Where the folder goes.
fn place_of(
    run: &RunFolder,
    out: Option<&Path>,
    replaces: bool,
) -> Result<PathBuf, TensorBoardError> {
    if let Some(path) = out {
        let path = path.to_owned();
        if path.file_name().is_none() {
            return Err(TensorBoardError::NoName(path));
        }
        if let Some(run) = owner_of(&path, run) {
            return Err(TensorBoardError::InRun { path, run });
        }
    }
    let path = out.map_or_else(|| run.exports().join(FOLDER), Path::to_owned);
    if fs::symlink_metadata(&path).is_err() {
        return Ok(path);
    }
    if !replaces {
        return Err(TensorBoardError::Exists(path));
    }
    match is_written(&path) {
        Ok(true) => Ok(path),
        Ok(false) => Err(TensorBoardError::Foreign(path)),
        Err(source) => Err(TensorBoardError::Io { path, source }),
    }
}

/// Writes the folder. The run's own one for exports is made if it is not there, and
/// goes again where it would be left empty.
fn written(
    run: &RunFolder,
    folder: &Path,
    entry: &RunEntry,
    probe: Option<&Probe>,
) -> io::Result<Written> {
    let exports = run.exports();
    let is_new = folder.parent() == Some(&exports) && !exports.exists();
    if is_new {
        create_folder(&exports)?;
    }
    let written = write(folder, entry, probe);
    if is_new && written.is_err() {
        let _ = fs::remove_dir(&exports);
    }
    written
}
