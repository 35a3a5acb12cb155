//! A run, written for TensorBoard: `--export RUN --to tensorboard`, with `--follow` while it
//! trains; and by the process that trains it, with `--tensorboard`.
//!
//! Who writes while a run trains reads it from its folder, as every other process does that
//! watches it: the training does not wait for it, and nothing is shown that was not recorded.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::arguments::{Arguments, Pixels, Weights};
use super::export::owner_of;
use crate::engine::ProbeFolder;
use crate::event::inspection::Probe;
use crate::format::{count, plural, shell_word};
use crate::run::atomic::create_folder;
use crate::run::{RunFolder, StopSignal};
use crate::store::{Owner, RunEntry};
use crate::tensorboard::{LiveFiles, Written, has_events, is_written, write};
use crate::untrusted::Show as _;

/// How often a run that trains is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

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
    /// A model is exported once.
    #[error("--follow is for --to tensorboard; a model is exported once")]
    FollowedModel,
    /// Ctrl+C would end it without its end.
    #[error("could not handle SIGINT and SIGTERM: {0}")]
    Signals(#[source] io::Error),
    /// The system gives no thread.
    #[error("could not start a thread: {0}")]
    Thread(#[source] io::Error),
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
    let replaces = arguments.force || arguments.follow;
    let folder = place_of(run, arguments.out.as_deref(), replaces)?;
    if arguments.follow {
        return followed(run, folder);
    }
    let (entry, _) = RunEntry::read(run, Owner::of(run));
    exported(run, folder, &entry, |folder, probe| {
        written(run, folder, &entry, probe)
    })
}

/// What comes of writing all of a run, with the images that it was watched by.
fn exported(
    run: &RunFolder,
    folder: PathBuf,
    entry: &RunEntry,
    write: impl FnOnce(&Path, Option<&Probe>) -> io::Result<Written>,
) -> Result<ExportedRun, TensorBoardError> {
    if !has_events(entry) {
        return Err(TensorBoardError::NothingLogged(run.name()));
    }
    let mut notes: Vec<String> = entry.all_problems().cloned().collect();
    let probe = probe_of(run, entry, &mut notes);
    let Written {
        files,
        scalars,
        images,
    } = write(&folder, probe.as_ref()).map_err(|source| TensorBoardError::Io {
        path: folder.clone(),
        source,
    })?;
    Ok(ExportedRun {
        run: run.name(),
        format: FOLDER,
        folder,
        files,
        scalars,
        images,
        notes,
    })
}

/// Writes a run while another process trains it.
fn followed(run: &RunFolder, folder: PathBuf) -> Result<ExportedRun, TensorBoardError> {
    let stop = StopSignal::new();
    let _signals = stop.on_signals().map_err(TensorBoardError::Signals)?;
    let shown = shell_word(&folder);
    super::print_error_line(&format!(
        "following {}; tensorboard --logdir {shown}",
        run.name()
    ));
    follow(run, folder, |owner| {
        let is_over = *owner == Owner::None || stop.reason().is_some();
        if !is_over {
            thread::sleep(BETWEEN_LOOKS);
        }
        is_over
    })
}

/// Writes a run until it is over, which is asked after each look at it.
fn follow(
    run: &RunFolder,
    folder: PathBuf,
    mut is_over: impl FnMut(&Owner) -> bool,
) -> Result<ExportedRun, TensorBoardError> {
    let (mut entry, mut tail) = RunEntry::read(run, Owner::of(run));
    let mut files = LiveFiles::new(folder.clone());
    loop {
        files
            .update(&entry)
            .map_err(|source| TensorBoardError::Io {
                path: folder.clone(),
                source,
            })?;
        let is_over = is_over(&entry.owner);
        // Who has released it has written all of it.
        entry.owner = Owner::of(run);
        tail.refresh(&mut entry.store);
        if is_over {
            break;
        }
    }
    exported(run, folder, &entry, |_, probe| files.end(&entry, probe))
}

/// Writes a run for TensorBoard while this process trains it.
pub struct Follower {
    thread: JoinHandle<Result<ExportedRun, TensorBoardError>>,
    /// Is dropped when the run is over.
    over: Sender<()>,
}

impl Follower {
    /// Begins to write a run into the folder of its exports.
    ///
    /// # Errors
    /// If something else lies there, or the system gives no thread.
    pub fn start(run: &RunFolder) -> Result<Self, TensorBoardError> {
        let folder = place_of(run, None, true)?;
        let (over, waits) = mpsc::channel::<()>();
        let run = run.clone();
        let shown = shell_word(&folder);
        let thread = thread::Builder::new()
            .name("tensorboard".to_owned())
            .spawn(move || {
                follow(&run, folder, |_| {
                    waits.recv_timeout(BETWEEN_LOOKS) != Err(RecvTimeoutError::Timeout)
                })
            });
        super::print_error_line(&format!("tensorboard --logdir {shown}"));
        Ok(Self {
            thread: thread.map_err(TensorBoardError::Thread)?,
            over,
        })
    }

    /// Writes the rest of the run, which is over; says what went wrong.
    pub fn end(self) {
        drop(self.over);
        let ended = self.thread.join();
        let problem = match ended {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the thread that writes it ended unexpectedly".to_owned(),
        };
        super::print_error_line(&format!(
            "warning: not everything was written for TensorBoard: {problem}; --export RUN --to \
             tensorboard writes the run again"
        ));
    }
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
