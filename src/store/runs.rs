//! Every run that is known: where it lies, who works on it, what a person wrote
//! of it, and its fold as far as it was read.
//!
//! Screens and reports look things up here; the code that reads files puts them in.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::config::Frozen;
use super::metrics::value;
use super::record::{Checkpoint, Status};
use super::run_store::RunStore;
use super::run_tail::RunTail;
use crate::event::{
    Exports, JOURNAL_VERSION_WITH_MARK, Measurement, Outcome, Phase, RunEvent, Variant,
};
use crate::experiment::metric::{Cost, Metric, Quantity};
use crate::run::seal::{Owner as SealOwner, Sealed};
use crate::run::{BenchResult, Holder, Notes, RecordMark, RunError, RunFolder, RunLock, RunPlan};
use crate::untrusted::Show as _;

/// Who works on a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Owner {
    /// Nobody.
    #[default]
    None,
    /// This process.
    Here,
    /// Another process, on this machine or another.
    Elsewhere(Holder),
}

impl Owner {
    /// Who works on the run in this folder.
    #[must_use]
    pub fn of(folder: &RunFolder) -> Self {
        match RunLock::holder(folder.path()) {
            Ok(Some(holder)) if holder.pid == std::process::id() => Self::Here,
            Ok(Some(holder)) => Self::Elsewhere(holder),
            Ok(None) | Err(_) => Self::None,
        }
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEntry {
    /// Its folder.
    pub folder: RunFolder,
    /// When it was started.
    pub started: SystemTime,
    /// Who works on it.
    pub owner: Owner,
    /// What a person wrote of it.
    pub notes: Notes,
    /// Its frozen experiment.
    pub experiment: String,
    /// What it means; none of a run of an older program.
    pub plan: Option<Arc<RunPlan>>,
    /// What distinguishes it from every other run, where that is known.
    pub id: Option<String>,
    /// How fast its models are, the newest result first.
    pub bench: Vec<BenchResult>,
    /// The files that were exported of it and are there.
    pub exports: Exports,
    /// Why an ONNX file that was exported of it is none of them, by what it computes with.
    pub missed_exports: BTreeMap<Variant, String>,
    /// What happened, as far as it was read.
    pub store: RunStore,
    /// What is wrong with what does not change as it trains, such as its experiment.
    /// What is wrong with the rest is in its fold.
    pub problems: Vec<String>,
    /// Why what a person wrote of it cannot be read; what was read before is kept.
    pub notes_problem: Option<String>,
    /// What is wrong with what was exported and measured of it.
    pub unused_results: Vec<String>,
    /// Why its files may not be those of one run; one of the problems. Nothing is
    /// evaluated by such a run.
    pub mismatch: Option<String>,
}

/// Where a run stands, with its process taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// It trains.
    Training,
    /// It waits for a person.
    Paused,
    /// It was stopped and can continue.
    Stopped,
    /// Its process died; it can continue.
    Crashed,
    /// It failed.
    Failed,
    /// It is complete.
    Completed,
    /// It has not started.
    New,
}

impl RunState {
    /// The state in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::New => "new",
        }
    }

    /// Whether a run in this state can continue.
    #[must_use]
    pub fn can_resume(self) -> bool {
        matches!(self, Self::Stopped | Self::Crashed | Self::Failed)
    }
}

impl RunEntry {
    /// A run of which nothing was read yet.
    #[must_use]
    pub fn new(folder: RunFolder, started: SystemTime) -> Self {
        Self {
            folder,
            started,
            owner: Owner::None,
            notes: Notes::default(),
            experiment: String::new(),
            plan: None,
            id: None,
            bench: Vec::new(),
            exports: Exports::new(),
            missed_exports: BTreeMap::new(),
            store: RunStore::new(),
            problems: Vec::new(),
            notes_problem: None,
            unused_results: Vec::new(),
            mismatch: None,
        }
    }

    /// A run of which nothing but what does not change while it trains was read.
    #[must_use]
    pub fn unfolded(folder: &RunFolder, owner: Owner) -> Self {
        let plan = folder.plan_with_id();
        let started = match &plan {
            Ok(plan) => folder.started_by(plan.as_ref().map(|(plan, _)| plan)),
            Err(_) => folder.started(),
        };
        let mut entry = Self::new(folder.clone(), started.at);
        entry.owner = owner;
        let mut problems = Vec::new();
        if !started.is_known {
            let unknown = "when it was started is not recorded: when its files were changed last \
                           stands for it";
            problems.push(unknown.to_owned());
        }
        match folder.experiment_text() {
            Ok(text) => entry.experiment = text,
            Err(error) => problems.push(error.to_string()),
        }
        entry.take_notes(Notes::read(folder));
        match plan {
            Ok(Some((plan, id))) => {
                entry.plan = Some(Arc::new(plan));
                entry.id = id;
            }
            Ok(None) => {}
            Err(error) => problems.push(error.to_string()),
        }
        entry.problems = problems;
        entry.take_results(results_of(folder));
        entry
    }

    /// A run as it stands, and how far it was read.
    #[must_use]
    pub fn read(folder: &RunFolder, owner: Owner) -> (Self, RunTail) {
        if let Err(closed @ RunError::Io { .. }) = RunFolder::at(folder.path()) {
            let mut entry = Self::new(folder.clone(), folder.started().at);
            entry.problems = vec![closed.to_string()];
            return (entry, RunTail::new(folder));
        }
        let mut entry = Self::unfolded(folder, owner);
        let mut tail = RunTail::new(folder);
        tail.refresh(&mut entry.store);
        entry.mismatch = entry.find_mismatch(tail.version());
        entry.problems.extend(entry.mismatch.clone());
        // A training replaces them while they are looked at.
        if entry.owner == Owner::None {
            entry.problems.extend(entry.checkpoint_problems());
        }
        (entry, tail)
    }

    /// Holds its files against each other.
    fn find_mismatch(&self, version: Option<u32>) -> Option<String> {
        let mark = match self.folder.record_mark() {
            Ok(mark) => mark,
            Err(error) => return Some(error.to_string()),
        };
        if let Some(plan) = &self.plan {
            let experiment = self.folder.experiment_hash().ok();
            if experiment.is_some_and(|experiment| experiment != plan.experiment) {
                return Some(format!(
                    "{} is not the experiment that the run started with; restore it from a copy",
                    self.folder.experiment().shown()
                ));
            }
        } else if mark.as_ref().is_some_and(RecordMark::has_plan) {
            let plan = self.folder.plan_path();
            return (!plan.exists())
                .then(|| format!("{} is missing; restore it from a copy", plan.shown()));
        }
        let recorded = match mark {
            Some(mark) => mark.check_of(&self.folder, self.id.as_deref()),
            None if version < Some(JOURNAL_VERSION_WITH_MARK)
                || self.store.checkpoints.is_empty() =>
            {
                Ok(())
            }
            None => {
                let path = self.folder.record_mark_path();
                return Some(format!(
                    "{} is missing, so it is not known whether the journal is the run's and complete; \
                     restore it from a copy",
                    path.shown()
                ));
            }
        };
        // A checkpoint knows the journal that led to it.
        let led = recorded.and_then(|()| self.folder.check_checkpoint_mark());
        led.err().map(|problem| problem.to_string())
    }

    /// What is wrong with the folders of its checkpoints, as far as names, manifests and
    /// lengths show it.
    fn checkpoint_problems(&self) -> Vec<String> {
        let student = |it: &&Checkpoint| it.at.phase == Phase::Student;
        let saved = |best: bool| {
            let mut all = self.store.checkpoints.iter().filter(student);
            all.any(|it| it.best == best)
        };
        let [has_best, has_quantized] = self.folder.names_bests();
        let places = [
            (self.folder.latest(), "latest", saved(false)),
            (self.folder.best(), "best", saved(true) || has_best),
            (self.folder.quantized(), "quantized", has_quantized),
        ];
        let mut problems = Vec::new();
        for (place, name, was_saved) in places {
            let owner = self.id.as_deref().map(|id| SealOwner::new(id, name));
            match place.of(owner).find() {
                Err(error) => problems.push(error.to_string()),
                Ok(None) if was_saved => {
                    let path = self.folder.path().join(name);
                    problems.push(missing(&path));
                }
                Ok(_) => {}
            }
        }
        let mut of_teacher = self.store.checkpoints.iter();
        let teacher = self.folder.teacher();
        if of_teacher.any(|it| it.at.phase == Phase::Teacher) && !teacher.exists() {
            problems.push(missing(&teacher));
        }
        problems.extend(Sealed::open(&teacher).err().map(|error| error.to_string()));
        problems
    }

    /// How fast its models are: the newest result, or what it measured at its end.
    #[must_use]
    pub fn measured(&self) -> Option<&Measurement> {
        let newest = self.bench.first().map(|result| &result.measurement);
        newest.or(self.store.measured.as_ref())
    }

    /// A metric of its student.
    #[must_use]
    pub fn metric(&self, metric: &Metric) -> Option<f64> {
        match metric.quantity {
            // A run knows these itself, whatever measured it.
            Quantity::Cost(Cost::Macs) => {
                self.measured()?;
                let macs = self.store.models.get(&Phase::Student)?.macs?;
                Some(macs as f64)
            }
            Quantity::Cost(cost) => self.measured()?.cost(cost),
            _ => value(&self.store, metric),
        }
    }

    /// What it was, adjustments included.
    #[must_use]
    pub fn frozen(&self) -> Frozen {
        Frozen::of(&self.experiment, self.plan.as_deref(), &self.store)
    }

    /// All that could not be read of it or is not used.
    pub fn all_problems(&self) -> impl Iterator<Item = &String> {
        let own = self.problems.iter().chain(&self.store.problems);
        own.chain(&self.notes_problem).chain(&self.unused_results)
    }

    /// The first of these, and how many more there are.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let mut problems = self.all_problems();
        let first = problems.next()?;
        Some(match problems.count() {
            0 => first.clone(),
            1 => format!("{first} (and another problem)"),
            more => format!("{first} (and {more} more problems)"),
        })
    }

    /// Steps of the student when its answers on the probe's images were recorded last,
    /// which runs of programs without plans did not do.
    #[must_use]
    pub fn last_probed(&self) -> Option<u64> {
        self.plan.as_ref()?;
        self.store.last_epoch_end()
    }

    /// Takes in what a person wrote of it.
    pub fn take_notes(&mut self, read: Result<Notes, RunError>) {
        match read {
            Ok(notes) => (self.notes, self.notes_problem) = (notes, None),
            Err(error) => self.notes_problem = Some(error.to_string()),
        }
    }

    /// Takes in what was exported and measured of it.
    pub fn take_results(&mut self, results: RunResults) {
        self.bench = results.bench;
        self.exports = results.exports;
        self.missed_exports = results.missed;
        self.unused_results = results.unused;
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> RunState {
        let alive = self.owner != Owner::None;
        match &self.store.status {
            Status::Ended(Outcome::Completed | Outcome::StoppedEarly { .. }) => RunState::Completed,
            Status::Ended(Outcome::Stopped { .. }) => RunState::Stopped,
            Status::Ended(Outcome::Failed { .. }) => RunState::Failed,
            Status::Running if alive => RunState::Training,
            Status::Paused if alive => RunState::Paused,
            Status::Running | Status::Paused => RunState::Crashed,
            Status::NotStarted => RunState::New,
        }
    }
}

/// That a folder is not there which was saved.
fn missing(path: &Path) -> String {
    format!(
        "{} is missing: the run saved it; restore it from a copy",
        path.shown()
    )
}

/// What was made of a run's own weights, and what cannot be used.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunResults {
    /// What was measured, the newest first.
    pub bench: Vec<BenchResult>,
    /// The files that were exported and are there.
    pub exports: Exports,
    /// Why an ONNX file that was exported is none of them, by what it computes with.
    pub missed: BTreeMap<Variant, String>,
    /// A line for each result that cannot be read or is of other weights.
    pub unused: Vec<String>,
}

/// The results in a run's folder.
#[must_use]
pub fn results_of(folder: &RunFolder) -> RunResults {
    let mut results = RunResults::default();
    let own = folder.own_weights();
    let listed = folder.listed_exports(&own);
    (results.exports, results.missed) = (listed.intact, listed.missed);
    results.unused = listed.problems;
    match folder.bench_results(&own) {
        Ok(found) => {
            for result in found {
                match result {
                    Ok(result) => results.bench.push(result),
                    Err(problem) => results.unused.push(problem),
                }
            }
        }
        Err(error) => results.unused.push(error.to_string()),
    }
    results
}

/// Every run, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Runs {
    entries: BTreeMap<String, RunEntry>,
    trash: BTreeMap<String, RunEntry>,
}

impl Runs {
    /// No runs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The run of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&RunEntry> {
        self.entries.get(name)
    }

    /// The same with its name, which lives as long.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<(&str, &RunEntry)> {
        let found = self.entries.get_key_value(name)?;
        Some((found.0, found.1))
    }

    /// The run of this name, to record what was found out.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut RunEntry> {
        self.entries.get_mut(name)
    }

    /// Every run with its name, by name.
    #[must_use]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &RunEntry)> {
        self.entries.iter().map(|(name, run)| (name.as_str(), run))
    }

    /// Runs in the trash with their names, by name.
    #[must_use]
    pub fn trash(&self) -> impl DoubleEndedIterator<Item = (&str, &RunEntry)> {
        self.trash.iter().map(|(name, run)| (name.as_str(), run))
    }

    /// The run of this name in the trash.
    #[must_use]
    pub fn trashed(&self, name: &str) -> Option<&RunEntry> {
        self.trash.get(name)
    }

    /// Number of runs outside the trash.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none outside the trash.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds or replaces a run under its folder's name.
    pub fn insert(&mut self, run: RunEntry) {
        self.entries.insert(run.folder.name(), run);
    }

    /// A run was moved to another folder.
    pub fn rename(&mut self, name: &str, folder: RunFolder) {
        if let Some(run) = self.entries.remove(name) {
            self.insert(RunEntry { folder, ..run });
        }
    }

    /// Forgets a run that is no longer there.
    pub fn remove(&mut self, name: &str) -> Option<RunEntry> {
        self.entries.remove(name)
    }

    /// Replaces what is in the trash.
    pub fn set_trash(&mut self, runs: impl IntoIterator<Item = RunEntry>) {
        self.trash = runs
            .into_iter()
            .map(|run| (run.folder.name(), run))
            .collect();
    }

    /// Takes in one event of a run that trains in this process.
    pub fn apply(&mut self, name: &str, event: &RunEvent) {
        if let Some(run) = self.entries.get_mut(name) {
            run.store.apply(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Position;

    fn run(status: Status, owner: Owner) -> RunEntry {
        let place = tempfile::tempdir().unwrap();
        let folder =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        let mut run = RunEntry::new(folder, SystemTime::UNIX_EPOCH);
        run.owner = owner;
        run.store.status = status;
        run
    }

    #[test]
    fn a_run_that_says_it_trains_with_nobody_working_on_it_has_crashed() {
        assert_eq!(run(Status::Running, Owner::None).state(), RunState::Crashed);
        assert_eq!(
            run(Status::Running, Owner::Here).state(),
            RunState::Training
        );
        assert_eq!(run(Status::Paused, Owner::Here).state(), RunState::Paused);
        let ended = Status::Ended(Outcome::Completed);
        assert_eq!(run(ended, Owner::Here).state(), RunState::Completed);
        assert!(RunState::Crashed.can_resume() && !RunState::Completed.can_resume());
    }

    #[test]
    fn a_run_says_what_could_not_be_read_of_it() {
        let mut run = run(Status::NotStarted, Owner::None);
        assert_eq!(run.problem(), None);
        run.store.problems.push("the journal".to_owned());
        assert_eq!(run.problem().unwrap(), "the journal");
        run.problems.push("the notes".to_owned());
        assert_eq!(run.problem().unwrap(), "the notes (and another problem)");
    }

    #[test]
    fn a_trained_teacher_that_is_missing_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        let mut run = RunEntry::new(folder, SystemTime::UNIX_EPOCH);
        run.store.checkpoints.push(Checkpoint {
            at: Position {
                phase: Phase::Teacher,
                step: 4,
            },
            folder: "teacher/latest".into(),
            best: false,
        });
        let problems = run.checkpoint_problems();
        assert!(problems[0].contains("teacher is missing"), "{problems:?}");
        std::fs::create_dir(run.folder.teacher()).unwrap();
        assert_eq!(run.checkpoint_problems(), [] as [&str; 0]);
    }

    #[test]
    fn everything_that_a_run_saved_and_that_is_missing_or_damaged_is_named() {
        let place = tempfile::tempdir().unwrap();
        let folder =
            RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
        let run = RunEntry::new(folder, SystemTime::UNIX_EPOCH);
        assert_eq!(run.checkpoint_problems(), [] as [&str; 0]);
        let seal = |name: &str, file: &str, text: &str| {
            let path = run.folder.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join(file), text).unwrap();
            crate::run::seal::seal(&path, 1, None).unwrap();
        };
        let state = r#"{"best": {"weights": "a"}, "best_quantized": {"weights": "b"}}"#;
        seal("latest", "state.json", state);
        let problems = || run.checkpoint_problems();
        let named = |problems: &[String], expected: &[&str]| {
            let each = problems.iter().zip(expected);
            let all = each.clone().all(|(problem, part)| problem.contains(part));
            assert!(all && problems.len() == expected.len(), "{problems:?}");
        };
        named(&problems(), &["best is missing", "quantized is missing"]);
        seal("best", "weights.safetensors", "floats");
        seal("quantized", "weights.safetensors", "rounded");
        named(&problems(), &[]);
        for name in ["best", "quantized"] {
            let weights = run.folder.path().join(name).join("weights.safetensors");
            std::fs::write(weights, "cut").unwrap();
        }
        let damaged = "weights.safetensors is damaged: it has 3 bytes";
        named(&problems(), &[damaged, damaged]);
    }

    #[test]
    fn runs_are_found_by_the_name_of_their_folder() {
        let mut runs = Runs::new();
        let entry = run(Status::NotStarted, Owner::None);
        let name = entry.folder.name();
        runs.insert(entry);
        assert_eq!(runs.len(), 1);
        runs.apply(&name, &RunEvent::Paused(true));
        assert_eq!(runs.get(&name).unwrap().store.status, Status::Paused);
        assert!(runs.remove(&name).is_some() && runs.is_empty());
    }
}
