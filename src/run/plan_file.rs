//! `plan.json`: what a run means.
//!
//! The experiment says what was requested; the images decide the rest. Both
//! together are resolved once, before the run's folder exists, and kept here:
//! the final plan, the classes in order, size, mean and std, the content
//! of the images and of every file of weights that the experiment names. Who
//! resumes, replays, shows or reports a run reads this and derives nothing again.
//!
//! The first line holds the format's version and the BLAKE3 hash of everything
//! after it, so that a changed bit is an error and never another plan.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::seal::{SealError, check_beside, content, damaged, failed};
use crate::event::{DataSummary, ModelSummary, Position};
use crate::experiment::plan::{DataFacts, ResolvedPlan};
use crate::untrusted::{Show as _, read_limited};

/// Name of the file.
pub(super) const PLAN: &str = "plan.json";

const FORMAT: &str = "workbench-plan";

/// What processes share of studies, in a folder of runs.
pub const STUDIES: &str = ".studies";

/// Version of the format. History: 1, the first.
const VERSION: u32 = 1;

/// Names of many classes and of skipped images are long; nothing is this long.
const LONGEST: u64 = 256 << 20;

/// What a run means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPlan {
    /// Distinguishes this run from every other of the same experiment; empty in plans of
    /// older programs.
    #[serde(default)]
    pub id: String,
    /// When the run was started, milliseconds since 1970; none in plans of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<u64>,
    /// BLAKE3 of the frozen experiment, hexadecimal.
    pub experiment: String,
    /// The final plan.
    pub resolved: ResolvedPlan,
    /// The images that it was resolved for.
    pub data: DataSummary,
    /// The models, teacher first.
    pub models: Vec<ModelSummary>,
    /// Files of weights that the experiment names.
    pub weights: Vec<WeightsIdentity>,
    /// The kept checkpoint that it starts from, if it is one of another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked: Option<Fork>,
    /// Which run of a study it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<StudyRun>,
}

/// Which run of a study a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyRun {
    /// Name of the study.
    pub study: String,
    /// Name of the variant.
    pub variant: String,
    /// What it is for.
    pub role: StudyRole,
    /// BLAKE3 of the experiment that the study came to for it, hexadecimal.
    pub experiment: String,
}

impl StudyRun {
    /// Where a process claims the run for itself, in a folder of runs.
    #[must_use]
    pub fn claim(&self, checkpoints: &Path) -> PathBuf {
        let text = serde_json::to_string(self).unwrap_or_default();
        let key = &blake3::hash(text.as_bytes()).to_hex()[..32];
        checkpoints.join(STUDIES).join(format!("{key}.claim"))
    }
}

/// What a run of a study is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StudyRole {
    /// A result, of this seed.
    Seed(u64),
    /// How long an epoch takes.
    Speed,
}

/// A kept checkpoint that a run starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// Name of its run.
    pub from: String,
    /// Where it stands in that run's training.
    pub at: Position,
}

/// A file of weights by its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightsIdentity {
    /// The file.
    pub path: PathBuf,
    /// BLAKE3 of its content, hexadecimal.
    pub content: String,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    blake3: String,
}

/// A run's plan could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It cannot be read, or is not as it was written.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A newer program wrote it.
    #[error(
        "{} has version {found}, and this version reads up to {VERSION}; use a newer version of \
         the program",
        path.shown()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
}

impl WeightsIdentity {
    /// Of the file at `path` as it is now.
    ///
    /// # Errors
    /// What the file system says; that the file is not as the manifest beside it
    /// says.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = content(path)?;
        check_beside(path, &found)
            .map_err(|reason| io::Error::new(io::ErrorKind::InvalidData, reason))?;
        Ok(Self {
            path: path.to_owned(),
            content: found.1,
        })
    }
}

impl RunPlan {
    /// What the run's images decided, for a plan that is held against the run's.
    #[must_use]
    pub fn facts(&self) -> DataFacts {
        DataFacts {
            train: self.data.train,
            unlabelled: self.data.unlabelled,
            classes: self.data.classes.len(),
            labelled: self.data.labelled(),
            per_class: self.data.train_per_class.clone(),
            size: self.data.size,
            normalization: Some((self.data.mean, self.data.std)),
            steps_per_epoch: self.resolved.steps_per_epoch,
            teacher_steps_per_epoch: self.resolved.teacher_steps_per_epoch,
        }
    }

    /// The file's content.
    ///
    /// # Errors
    /// If a value has no form in JSON.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let body = serde_json::to_vec_pretty(self)?;
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            blake3: blake3::hash(&body).to_hex().to_string(),
        };
        let mut bytes = serde_json::to_vec(&header)?;
        bytes.push(b'\n');
        bytes.extend(body);
        Ok(bytes)
    }

    /// The plan in the file `path`; none if there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, PlanError> {
        Ok(Self::read_with_hash(path)?.map(|(plan, _)| plan))
    }

    /// The same with what [`plan_hash`] says of the file.
    pub(super) fn read_with_hash(path: &Path) -> Result<Option<(Self, Option<String>)>, PlanError> {
        match read_limited(path, LONGEST) {
            Ok(bytes) => Self::from_bytes(&bytes, path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(failed("read", path, source).into()),
        }
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote to `path`.
    fn from_bytes(bytes: &[u8], path: &Path) -> Result<(Self, Option<String>), PlanError> {
        let (header, body) = Header::read(bytes, path)?;
        let plan: Self =
            serde_json::from_slice(body).map_err(|error| damaged(path, error.to_string()))?;
        let hash = (!plan.id.is_empty()).then_some(header.blake3);
        Ok((plan, hash))
    }
}

impl Header {
    /// The first line, and what follows it, which is as it was written.
    fn read<'a>(bytes: &'a [u8], path: &Path) -> Result<(Self, &'a [u8]), PlanError> {
        let damaged = |reason: &str| damaged(path, reason);
        let end = bytes
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or_else(|| damaged("it has no first line"))?;
        let (first, body) = (&bytes[..end], &bytes[end + 1..]);
        let header: Self = serde_json::from_slice(first)
            .ok()
            .filter(|header: &Self| header.format == FORMAT)
            .ok_or_else(|| damaged("its first line is not a plan header"))?;
        if header.version > VERSION {
            return Err(PlanError::TooNew {
                path: path.to_owned(),
                found: header.version,
            });
        }
        if header.blake3 != blake3::hash(body).to_hex().as_str() {
            return Err(damaged("its checksum does not match").into());
        }
        Ok((header, body))
    }
}

/// The hash of the plan in the file `path`, which distinguishes its run from every other;
/// none where there is no intact plan, or an older program's without an id.
pub(super) fn plan_hash(path: &Path) -> Option<String> {
    let (hash, first) = beginning(path)?;
    (!first.id.is_empty()).then_some(hash)
}

/// When the run of the plan in the file `path` was started; none where there is no intact
/// plan, or an older program's.
pub(super) fn plan_started(path: &Path) -> Option<SystemTime> {
    moment(beginning(path)?.1.started)
}

/// The moment that a plan keeps.
pub(super) fn moment(milliseconds: Option<u64>) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds?))
}

/// What a plan begins with.
#[derive(Deserialize)]
struct Beginning {
    #[serde(default)]
    id: String,
    started: Option<u64>,
}

/// The hash of the intact plan in the file `path`, and what it begins with.
fn beginning(path: &Path) -> Option<(String, Beginning)> {
    let bytes = read_limited(path, LONGEST).ok()?;
    let (header, body) = Header::read(&bytes, path).ok()?;
    Some((header.blake3, serde_json::from_slice(body).ok()?))
}
