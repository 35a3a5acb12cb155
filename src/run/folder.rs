//! A run's folder: `<name>-<YYYYMMDD-HHMMSS>-<short id>/` with
//!
//! ```text
//! experiment.ron    the experiment as it was run, frozen
//! plan.json         what it means on these images, resolved once
//! journal.jsonl     everything that happened
//! series.bin        the numbers of every logged step
//! commands.jsonl    requests of other processes
//! latest/  best/    checkpoints
//! quantized/        the best of a finish with `Quantize`
//! kept/             checkpoints before changes of a person
//! teacher/          the teacher's own checkpoints and weights
//! probe/            images looked at through training
//! lock  lock.json   who writes
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::atomic::{self, create_folders, share, sync_folder, write_file};
use super::atomic_dir::{AtomicDir, no_link};
use super::lock::{LockError, RunLock, hold};
use super::plan_file::{PLAN, PlanError, RunPlan, moment, plan_hash, plan_started};
use super::seal::{Owner, SealError};
use super::{append_file, litter, timestamp};
use crate::format::shell_word;
use crate::untrusted::{Show as _, is_absent, kind_at, read_text_limited};

/// Name of the frozen experiment file; a folder that has one is a run.
pub(super) const EXPERIMENT: &str = "experiment.ron";

/// A larger file is no experiment; freezing one makes paths absolute, so it may
/// have grown beyond what a person may write.
const LARGEST_EXPERIMENT: u64 = 4 << 20;

/// Where runs are if nothing else is said.
pub const USUAL_FOLDER: &str = "checkpoints";

/// Hexadecimal digits of the short id.
const ID_DIGITS: usize = 6;

/// Folders made in the same second by processes with the same id; more means
/// that something else is wrong.
const ATTEMPTS: u32 = 100;

/// Names of the folders of a training's checkpoints, in the run's for the student and in
/// the teacher's for that.
const CHECKPOINTS: [&str; 3] = ["latest", "best", "quantized"];

/// The folder of one run. Knows where everything lies; holds nothing open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// When a run was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Started {
    /// The moment.
    pub at: SystemTime,
    /// Whether the run says so, not only when its files were changed.
    pub is_known: bool,
}

/// A run's folder could not be made or found.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The file system refuses.
    #[error("could not {action} {}: {source}", path.shown())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What a person wrote of it cannot be understood.
    #[error(
        "the notes {} are damaged: {reason}; fix the file, or delete it to start over without \
         notes",
        path.shown()
    )]
    DamagedNotes {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder exists and is not a run's.
    #[error("{} is not a run: it has no {EXPERIMENT}", path.shown())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// No run has this name.
    #[error(
        "no run `{wanted}` in {}{}{}",
        checkpoints.shown(), mention(not_runs, lacks), suggestion(checkpoints, instead),
        wanted = wanted.shown()
    )]
    NotFound {
        /// What was requested.
        wanted: String,
        /// Where it was looked for.
        checkpoints: PathBuf,
        /// What has that name and is not a run.
        not_runs: Vec<PathBuf>,
        /// What it would have to have.
        lacks: &'static str,
        /// What may have been meant.
        instead: Instead,
    },
    /// A run was named as the folder of runs.
    #[error(
        "{} is a run, and --checkpoints takes the folder that holds runs: write --checkpoints {}; \
         the run that --infer uses is named with --checkpoint",
        path.shown(), shell_word(&parent_of(path))
    )]
    IsARun {
        /// The run's folder.
        path: PathBuf,
    },
    /// Several runs begin like this.
    #[error("`{wanted}` matches {}; write more of the name", listed(candidates, ", "), wanted = wanted.shown())]
    Ambiguous {
        /// What was requested.
        wanted: String,
        /// The runs, oldest first.
        candidates: Vec<String>,
    },
}

/// What may have been meant where a run was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instead {
    /// There is no folder of runs.
    NoFolder,
    /// It holds no runs.
    NoRuns,
    /// What was named is itself a folder of runs.
    FolderOfRuns(PathBuf),
    /// The run is in the trash, where its folder is this one.
    Trashed(PathBuf),
    /// The newest runs of the most similar name, which may be none.
    Similar(Vec<String>),
}

/// The folder that holds this one.
fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn mention(not_runs: &[PathBuf], lacks: &str) -> String {
    // What is no folder at all is named as what it is.
    let other = not_runs.iter().find(|place| !place.is_dir());
    if let Some((place, what)) = other.and_then(|place| Some((place, kind_at(place)?))) {
        return format!(" ({} is {what}, not the folder of a run)", place.shown());
    }
    let shown: Vec<String> = not_runs.iter().map(|p| p.shown().to_string()).collect();
    match shown.as_slice() {
        [] => String::new(),
        [one] => format!(" ({one} exists but is not a run: it has no {lacks})"),
        several => format!(
            " ({} exist but are not runs: they have no {lacks})",
            several.join(" and ")
        ),
    }
}

fn listed(names: &[String], between: &str) -> String {
    let shown: Vec<String> = names.iter().map(|it| it.shown().to_string()).collect();
    shown.join(between)
}

fn suggestion(checkpoints: &Path, instead: &Instead) -> String {
    match instead {
        Instead::NoFolder => {
            "; that folder does not exist: name the folder of runs with --checkpoints".to_owned()
        }
        Instead::NoRuns => "; it holds no runs".to_owned(),
        Instead::FolderOfRuns(folder) => format!(
            "; it is a folder of runs: name one of them, or write --checkpoints {}",
            shell_word(folder)
        ),
        Instead::Trashed(run) => {
            let name = run.file_name().unwrap_or_default();
            format!(
                "; it is in the trash: get it back on the Runs screen, or with mv {} {}",
                shell_word(run),
                shell_word(&checkpoints.join(name))
            )
        }
        Instead::Similar(nearest) if nearest.is_empty() => "; list them with --runs".to_owned(),
        Instead::Similar(nearest) => format!("; did you mean {}?", listed(nearest, " or ")),
    }
}

impl RunFolder {
    /// Makes the folder of a new run of the experiment `name` under
    /// `checkpoints`, with the experiment's text frozen in it, and its plan. The
    /// folder appears under its name with both inside, or not at all.
    pub fn create_planned(
        checkpoints: &Path,
        name: &str,
        experiment: &str,
        plan: RunPlan,
        now: SystemTime,
    ) -> Result<Self, RunError> {
        let created = Self::create_filled(checkpoints, name, experiment, plan, now, |_| Ok(()));
        created.map(|(folder, ())| folder)
    }

    /// As [`create_planned`](Self::create_planned), with what `fill` puts into the
    /// folder before it appears, and what it returns.
    ///
    /// # Errors
    /// Also those of `fill`; then there is no folder.
    pub fn create_filled<T, E: From<RunError>>(
        checkpoints: &Path,
        name: &str,
        experiment: &str,
        plan: RunPlan,
        now: SystemTime,
        fill: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<(Self, T), E> {
        let plan = RunPlan {
            id: unique_id(name, now, 0),
            started: milliseconds(now),
            ..plan
        };
        let bytes = plan
            .to_bytes()
            .map_err(|e| failed("describe a run in", checkpoints, e))?;
        let files = [(EXPERIMENT, experiment.as_bytes()), (PLAN, &bytes)];
        Self::create_with(checkpoints, name, &files, now, fill)
    }

    /// As [`create_planned`](Self::create_planned), without a plan, as older
    /// programs made runs: for tests of what reads them.
    pub fn create(
        checkpoints: &Path,
        name: &str,
        experiment: &str,
        now: SystemTime,
    ) -> Result<Self, RunError> {
        let files = [(EXPERIMENT, experiment.as_bytes())];
        let created = Self::create_with(checkpoints, name, &files, now, |_| Ok(()));
        created.map(|(folder, ())| folder)
    }

    fn create_with<T, E: From<RunError>>(
        checkpoints: &Path,
        name: &str,
        files: &[(&str, &[u8])],
        now: SystemTime,
        fill: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<(Self, T), E> {
        create_folders(checkpoints).map_err(|e| failed("create", checkpoints, e))?;
        litter::sweep_checkpoints(checkpoints, |folder| hold(folder).is_ok());
        let beside = tempfile::Builder::new()
            .prefix(litter::NEW_RUN)
            .tempdir_in(checkpoints)
            .map_err(|e| failed("create a folder in", checkpoints, e))?;
        // A process that sweeps sees that it is being made.
        let _held = hold(beside.path());
        for (file, bytes) in files {
            let path = beside.path().join(file);
            write_file(&path, bytes).map_err(|e| failed("write", &path, e))?;
        }
        let filled = fill(&Self::left_at(beside.path()))?;
        share(beside.path()).map_err(|e| failed("share", beside.path(), e))?;
        let mut last = io::Error::other("no free name");
        for attempt in 0..ATTEMPTS {
            let path = checkpoints.join(format!(
                "{}-{}-{}",
                file_name(name),
                timestamp::stamp(now),
                &unique_id(name, now, attempt)[..ID_DIGITS]
            ));
            // A rename replaces an empty folder, but a run's is never empty.
            match fs::rename(beside.path(), &path) {
                Ok(()) => {
                    sync_folder(checkpoints).map_err(|e| failed("sync", checkpoints, e))?;
                    return Ok((Self { path }, filled));
                }
                Err(error) if path.exists() => last = error,
                Err(error) => return Err(failed("create", &path, error).into()),
            }
        }
        Err(failed("name a new run in", checkpoints, last).into())
    }

    /// Where the run's plan is kept.
    #[must_use]
    pub fn plan_path(&self) -> PathBuf {
        self.path.join(PLAN)
    }

    /// The run's plan; none if the folder has no such file: it was made by a
    /// program that did not write one, or the file is lost.
    ///
    /// # Errors
    /// If it cannot be read or is damaged.
    pub fn plan(&self) -> Result<Option<RunPlan>, PlanError> {
        RunPlan::read(&self.plan_path())
    }

    /// The run's plan with the [`id`](Self::id), read once.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn plan_with_id(&self) -> Result<Option<(RunPlan, Option<String>)>, PlanError> {
        RunPlan::read_with_hash(&self.plan_path())
    }

    /// Who owns the folders that this run seals: one for each of these places, by
    /// the hash of the run's plan; none where that is not known, as in runs of older
    /// programs.
    #[must_use]
    pub fn owners<const N: usize>(&self, places: [&str; N]) -> [Option<Owner>; N] {
        let id = self.id();
        places.map(|place| id.as_deref().map(|id| Owner::new(id, place)))
    }

    /// What distinguishes the run from every other: the hash of its plan. None where
    /// that is not known, as in runs of older programs.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        plan_hash(&self.plan_path())
    }

    /// Gives the run's commands a file of their own, where a copy of the run by
    /// hard links shares it.
    pub fn own_commands(&self) -> Result<(), RunError> {
        let path = self.commands();
        match append_file::own(&path, u64::MAX) {
            // Something that is no file is reported where it is read.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            owned => owned.map_err(|e| failed("copy", &path, e)),
        }
    }

    /// Gives a run that an older program made its plan. Hold the run's lock.
    pub fn write_plan(&self, plan: &RunPlan) -> Result<(), RunError> {
        let path = self.plan_path();
        plan.to_bytes()
            .and_then(|bytes| write_file(&path, &bytes))
            .map_err(|e| failed("write", &path, e))
    }

    /// The run whose folder is `path`.
    pub fn at(path: impl Into<PathBuf>) -> Result<Self, RunError> {
        let path = path.into();
        match fs::metadata(path.join(EXPERIMENT)) {
            Ok(found) if found.is_file() => Ok(Self { path }),
            Err(error) if !is_absent(&error) => Err(failed("look into", &path, error)),
            _ => Err(RunError::NotARun { path }),
        }
    }

    /// The folder of the run in which a file lies or would be written, if there is one.
    #[must_use]
    pub fn around(file: &Path) -> Option<PathBuf> {
        // Where it does not exist, nothing can be written.
        let folder = atomic::parent(file).ok()?.canonicalize().ok()?;
        // A person's own file may be called experiment.ron.
        let is_run = |folder: &&Path| {
            let run = Self::at(*folder).ok();
            run.is_some_and(|run| run.plan_path().is_file() || run.journal().is_file())
        };
        folder.ancestors().find(is_run).map(Path::to_owned)
    }

    /// That a file which a person names to be written lies in no run's folder: what is
    /// there is the run's own, and is copied, moved and checked with it.
    ///
    /// # Errors
    /// The run in whose folder it would lie.
    pub fn check_outside(file: &Path) -> io::Result<()> {
        match Self::around(file) {
            None => Ok(()),
            Some(run) => Err(io::Error::other(format!(
                "it is in the folder of the run {}; name a file outside",
                run.shown()
            ))),
        }
    }

    /// What is left of a run in a folder: it may have lost its experiment.
    pub(super) fn left_at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// A run in a folder that need not be there, for tests that show paths.
    #[cfg(test)]
    pub(crate) fn imagined(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's name: that of its folder.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// When the run was started, as its plan says, or for one of an older program its
    /// name. Without both, when the oldest of what is left was changed last.
    #[must_use]
    pub fn started(&self) -> Started {
        self.started_at(plan_started(&self.plan_path()))
    }

    /// The same where the run's plan was read.
    #[must_use]
    pub fn started_by(&self, plan: Option<&RunPlan>) -> Started {
        self.started_at(plan.and_then(|plan| moment(plan.started)))
    }

    fn started_at(&self, planned: Option<SystemTime>) -> Started {
        let known = planned.or_else(|| self.started_by_name());
        if let Some(at) = known {
            return Started { at, is_known: true };
        }
        let left = [self.experiment(), self.best().path(), self.latest().path()];
        let changed = |path: PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
        Started {
            at: left
                .into_iter()
                .filter_map(changed)
                .min()
                .unwrap_or(UNIX_EPOCH),
            is_known: false,
        }
    }

    fn started_by_name(&self) -> Option<SystemTime> {
        let name = self.name();
        let (stamp, _id) = timestamp::dated(&name).1.rsplit_once('-')?;
        timestamp::parsed(stamp)
    }

    /// The text of the experiment as it was run.
    pub fn experiment_text(&self) -> Result<String, RunError> {
        let path = self.experiment();
        read_text_limited(&path, LARGEST_EXPERIMENT).map_err(|e| failed("read", &path, e))
    }

    /// BLAKE3 of the experiment's text, hexadecimal.
    pub fn experiment_hash(&self) -> Result<String, RunError> {
        let text = self.experiment_text()?;
        Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
    }

    /// Takes the right to write here.
    pub fn lock(&self) -> Result<RunLock, LockError> {
        RunLock::acquire(&self.path)
    }

    /// Whether a folder is a run's: it has a frozen experiment, and a plan or a journal.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        let run = Self {
            path: path.to_owned(),
        };
        let others = [run.plan_path(), run.journal()];
        run.experiment().is_file() && others.iter().any(|file| file.is_file())
    }

    /// The frozen experiment file.
    #[must_use]
    pub fn experiment(&self) -> PathBuf {
        self.path.join(EXPERIMENT)
    }

    /// Everything that happened.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// The numbers of every logged step.
    #[must_use]
    pub fn series(&self) -> PathBuf {
        self.path.join("series.bin")
    }

    /// Requests of other processes.
    #[must_use]
    pub fn commands(&self) -> PathBuf {
        self.path.join("commands.jsonl")
    }

    /// Whether anything lies in it that is written after the journal's beginning.
    #[must_use]
    pub fn has_results(&self) -> bool {
        let folders = CHECKPOINTS.map(|name| self.path.join(name));
        let others = [self.teacher(), self.series(), self.probe(), self.exports()];
        folders.iter().chain(&others).any(|path| path.exists())
    }

    /// The student's latest checkpoint.
    #[must_use]
    pub fn latest(&self) -> AtomicDir {
        AtomicDir::new(&self.path, "latest")
    }

    /// The student's best checkpoint.
    #[must_use]
    pub fn best(&self) -> AtomicDir {
        AtomicDir::new(&self.path, "best")
    }

    /// The student's best checkpoint of the epochs in which it learned to be rounded.
    #[must_use]
    pub fn quantized(&self) -> AtomicDir {
        AtomicDir::new(&self.path, "quantized")
    }

    /// Folder of the teacher's own checkpoints and weights.
    #[must_use]
    pub fn teacher(&self) -> PathBuf {
        self.path.join("teacher")
    }

    /// Refuses links where a training writes and removes folders.
    ///
    /// # Errors
    /// The first link.
    pub fn check_links(&self) -> Result<(), SealError> {
        for folder in [self.teacher(), self.kept_folder(), self.probe()] {
            no_link(&folder)?;
        }
        for parent in [self.path.clone(), self.teacher()] {
            for name in CHECKPOINTS {
                AtomicDir::new(&parent, name).check_links()?;
            }
        }
        self.started_positions()?
            .into_iter()
            .try_for_each(|at| self.kept(at).check_links())
    }

    /// Folder of files that were written of the student for other programs.
    #[must_use]
    pub fn exports(&self) -> PathBuf {
        self.path.join("export")
    }

    /// Folder of images that are looked at through training.
    #[must_use]
    pub fn probe(&self) -> PathBuf {
        self.path.join("probe")
    }
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> RunError {
    RunError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// A moment as a plan keeps it; a clock before 1970 counts as 1970.
fn milliseconds(time: SystemTime) -> Option<u64> {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).ok()
}

/// An experiment's name as part of a file name: letters, digits, `.`, `_` and
/// `-` stay, everything else becomes `-`, and it can't hide or climb.
fn file_name(name: &str) -> String {
    let kept: String = name
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') {
                c
            } else {
                '-'
            }
        })
        .take(80)
        .collect();
    let kept = kept.trim_matches(['.', '-']);
    if kept.is_empty() {
        "run".to_owned()
    } else {
        kept.to_owned()
    }
}

/// Distinguishes runs that start in the same second, on machines that share the
/// disk too.
fn unique_id(name: &str, now: SystemTime, attempt: u32) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut hasher = blake3::Hasher::new();
    hasher.update(name.as_bytes());
    hasher.update(&since.as_nanos().to_le_bytes());
    hasher.update(&std::process::id().to_le_bytes());
    hasher.update(&attempt.to_le_bytes());
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::untrusted::testing::grow_sparse;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_441_128)
    }

    #[test]
    fn a_new_run_has_its_experiment_frozen_in_a_folder_named_after_it() {
        let checkpoints = tempfile::tempdir().unwrap();
        let run = RunFolder::create(checkpoints.path(), "cifar10", "Experiment()", now()).unwrap();
        assert!(run.name().starts_with("cifar10-20261123-133848-"));
        assert_eq!(run.name().len(), "cifar10-20261123-133848-".len() + 6);
        assert_eq!(run.experiment_text().unwrap(), "Experiment()");
        let left = fs::read_dir(checkpoints.path()).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");
    }

    #[test]
    fn an_experiment_that_is_no_text_of_its_size_is_reported_by_name() {
        let checkpoints = tempfile::tempdir().unwrap();
        let run = RunFolder::create(checkpoints.path(), "a", "Experiment()", now()).unwrap();
        grow_sparse(&run.experiment(), 1 << 40);
        let error = run.experiment_text().unwrap_err().to_string();
        assert!(
            error.ends_with("experiment.ron: it is larger than 4 MiB"),
            "{error}"
        );
    }

    #[test]
    fn runs_that_start_in_the_same_instant_have_folders_of_their_own() {
        let checkpoints = tempfile::tempdir().unwrap();
        let make = || RunFolder::create(checkpoints.path(), "twin", "()", now()).unwrap();
        assert_ne!(make().path(), make().path());
    }

    #[test]
    fn a_name_cannot_leave_the_checkpoints_folder() {
        assert_eq!(file_name("../../etc/passwd"), "etc-passwd");
        assert_eq!(file_name("größer 2.0"), "größer-2.0");
        assert_eq!(file_name("///"), "run");
        assert!(file_name(&"x".repeat(500)).len() <= 80);
    }

    #[test]
    fn a_link_in_place_of_any_checkpoint_is_refused_and_each_is_a_result() {
        let checkpoints = tempfile::tempdir().unwrap();
        let run = RunFolder::create(checkpoints.path(), "a", "Experiment()", now()).unwrap();
        assert!(!run.has_results() && run.check_links().is_ok());
        for name in CHECKPOINTS {
            let place = run.path().join(name);
            fs::create_dir(&place).unwrap();
            assert!(run.has_results() && run.check_links().is_ok(), "{name}");
            fs::remove_dir(&place).unwrap();
        }
        fs::create_dir(run.teacher()).unwrap();
        for parent in [run.path().to_owned(), run.teacher()] {
            for name in CHECKPOINTS {
                let place = parent.join(name);
                std::os::unix::fs::symlink(checkpoints.path(), &place).unwrap();
                assert!(run.check_links().is_err(), "{name}");
                fs::remove_file(place).unwrap();
            }
        }
    }

    #[test]
    fn a_run_says_when_it_was_started_whatever_happens_to_its_files() {
        let place = tempfile::tempdir().unwrap();
        let plan = crate::store::testing::run_plan(
            "Experiment(
                data: (train: Shapes(classes: 2, count: 40, size: 8), valid: Holdout(0.25)),
                student: (model: Cnn(channels: [4])),
                method: Scratch(),
                epochs: 1,
                batch: 8,
            )",
            1,
        );
        let planned =
            RunFolder::create_planned(place.path(), "a", "Experiment()", plan, now()).unwrap();
        let moved = place.path().join("renamed");
        fs::rename(planned.path(), &moved).unwrap();
        let planned = RunFolder::at(&moved).unwrap();
        let older = RunFolder::create(place.path(), "b", "Experiment()", now()).unwrap();
        let late = now() + Duration::from_hours(9000);
        let known = Started {
            at: now(),
            is_known: true,
        };
        for run in [&planned, &older] {
            let file = fs::File::options()
                .write(true)
                .open(run.experiment())
                .unwrap();
            file.set_modified(late).unwrap();
            assert_eq!(run.started(), known);
        }
        fs::remove_file(planned.plan_path()).unwrap();
        let guessed = Started {
            at: late,
            is_known: false,
        };
        assert_eq!(planned.started(), guessed);
    }

    #[test]
    fn a_folder_without_an_experiment_is_not_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let error = RunFolder::at(folder.path()).unwrap_err();
        assert!(error.to_string().ends_with("it has no experiment.ron"));
    }
}
