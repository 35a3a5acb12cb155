//! A run as event files, which TensorBoard opens: from its journal, its series and its
//! probe, without a model.
//!
//! A folder has a folder for each training, `teacher/` and `student/`, with its logged
//! steps and evaluations as scalars, and pictures; and `summary/` with the experiment, the
//! configuration and the final metrics. Nothing is derived that the run's fold does not
//! have, and nothing of the machine is written but what the experiment says. The same
//! run gives the same bytes. Of a run that trains the files grow.

mod event_file;
mod live;
mod picture;
mod proto;
mod session;
#[cfg(test)]
mod tests;
mod training;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use self::event_file::EventFile;
pub use self::live::LiveFiles;
use self::training::Training;
use crate::event::Phase;
use crate::event::inspection::Probe;
use crate::run::atomic::write_folder;
use crate::store::{RunEntry, metrics};

/// Names of the folders.
const TEACHER: &str = "teacher";
const STUDENT: &str = "student";
const SUMMARY: &str = "summary";

/// What the name of every file begins with, by which TensorBoard knows it.
const PREFIX: &str = "events.out.tfevents.";

/// Bytes of a run's name that the name of a file has room for.
const LONGEST_NAME: usize = 200;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Numbers in them.
    pub scalars: u64,
    /// Pictures in them.
    pub images: u64,
}

/// Whether a run has anything to be shown.
#[must_use]
pub fn has_events(run: &RunEntry) -> bool {
    let phases = [Phase::Teacher, Phase::Student];
    let mut trainings = phases
        .map(|phase| Training::new(&run.store, phase, 0.0))
        .into_iter();
    trainings.any(|training| !training.is_empty())
}

/// When a run and its trainings began and ended, seconds since 1970, as its journal knows it:
/// without pauses.
struct Moments {
    started: f64,
    taught: f64,
    ended: f64,
}

impl Moments {
    fn of(run: &RunEntry) -> Self {
        let started = since_1970(run).as_secs_f64();
        let seconds = |phase| metrics::seconds(&run.store, phase).unwrap_or(0.0);
        let taught = started + seconds(Phase::Teacher);
        Self {
            started,
            taught,
            ended: taught + seconds(Phase::Student),
        }
    }

    fn training<'a>(&self, run: &'a RunEntry, phase: Phase) -> Training<'a> {
        let started = match phase {
            Phase::Teacher => self.started,
            Phase::Student => self.taught,
        };
        Training::new(&run.store, phase, started)
    }
}

fn since_1970(run: &RunEntry) -> Duration {
    run.started.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// What the name of every file of a run begins with, or is.
fn base_name(run: &RunEntry) -> String {
    let since = since_1970(run).as_secs();
    format!("{PREFIX}{since}.{}", short(&run.folder.name()))
}

/// Writes a run, and the images that its student was watched by, into a folder, which
/// replaces one that is there.
///
/// # Errors
/// What the file system says; what was there stays then.
pub fn write(folder: &Path, run: &RunEntry, probe: Option<&Probe>) -> io::Result<Written> {
    let name = base_name(run);
    let moments = Moments::of(run);
    let Moments { started, ended, .. } = moments;
    let teacher = moments.training(run, Phase::Teacher);
    let student = moments.training(run, Phase::Student);
    write_folder(folder, |place| {
        let mut written = Written {
            files: Vec::new(),
            scalars: 0,
            images: 0,
        };
        for part in [TEACHER, STUDENT, SUMMARY] {
            let training = match part {
                TEACHER => Some(&teacher),
                STUDENT => Some(&student),
                _ => None,
            };
            if training.is_some_and(Training::is_empty) {
                continue;
            }
            fs::create_dir(place.join(part))?;
            let mut file = EventFile::create(&place.join(part).join(&name), started)?;
            match training {
                Some(training) => training.write(&mut file)?,
                None => session::write(&mut file, run, [started, ended])?,
            }
            if let Some(probe) = probe.filter(|_| part == STUDENT) {
                student.write_probe(&mut file, probe)?;
            }
            let (scalars, images) = file.end()?;
            written.scalars += scalars;
            written.images += images;
            written.files.push(folder.join(part).join(&name));
        }
        Ok(written)
    })
}

/// Whether a folder holds what [`write()`] writes and nothing else, so that it can be
/// replaced without loss.
///
/// # Errors
/// What the file system says.
pub fn is_written(folder: &Path) -> io::Result<bool> {
    if !fs::symlink_metadata(folder)?.is_dir() {
        return Ok(false);
    }
    for part in fs::read_dir(folder)? {
        let part = part?;
        let is_ours = [TEACHER, STUDENT, SUMMARY].map(|name| part.file_name() == name);
        if !is_ours.contains(&true) || !part.file_type()?.is_dir() {
            return Ok(false);
        }
        for file in fs::read_dir(part.path())? {
            let file = file?;
            let is_event_file = file.file_name().to_string_lossy().starts_with(PREFIX);
            if !is_event_file || !file.file_type()?.is_file() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The start of a name.
fn short(name: &str) -> &str {
    &name[..name.floor_char_boundary(LONGEST_NAME)]
}
