//! Why a training does not begin.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::engine::{Failure, PrepareError};
use crate::event::Position;
use crate::experiment::nearest::nearest;
use crate::experiment::problem::Problem;
use crate::experiment::timeline::NO_EXTENSION;
use crate::experiment::{Loaded, Report};
use crate::format::shell_word;
use crate::run::{LockError, NotRecorded, PlanError, RunError};
use crate::store::{JournalError, RecorderError};
use crate::untrusted::Show as _;

/// Why a training does not begin. Nothing was trained.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The experiment file has errors.
    #[error(transparent)]
    Report(#[from] Report),
    /// Images, device, models or weights.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The run's folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Somebody else writes to the run.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The run's plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The run's journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The recorder.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// The run's checkpoints.
    #[error(transparent)]
    Checkpoint(#[from] Failure),
    /// Somebody asked to stop before anything was written.
    #[error("stopped before the training began: {0}; nothing was written")]
    Stopped(String),
    /// The system gives no thread.
    #[error("could not start the trainer's thread: {0}")]
    Thread(#[source] io::Error),
    /// More epochs were requested for a training that is finished by some of its own.
    #[error("{NO_EXTENSION}: --run {} --set epochs=…", shell_word(.0))]
    Finished(PathBuf),
    /// More epochs that would change no weight were requested, and nobody chose that.
    #[error("{}", nothing_learned(*end, *stretches))]
    NothingLearned {
        /// Epochs that the training has.
        end: u32,
        /// Whether the learning rate ends with the training.
        stretches: bool,
    },
    /// There is nothing left to train.
    #[error("{}", complete(run, *extends, kept))]
    Complete {
        /// The run.
        run: PathBuf,
        /// Whether it takes more epochs: not with a finish.
        extends: bool,
        /// Names of the checkpoints that it kept.
        kept: Vec<String>,
    },
    /// The frozen experiment is no longer that of the run.
    #[error(
        "{path} was edited after the run started; restore it to resume, or start a new run from \
         it: --run {word}",
        path = .0.shown(), word = shell_word(.0)
    )]
    Edited(PathBuf),
    /// The plan is that of another run.
    #[error("{} is not the plan that the run started with; restore it from a copy", .0.shown())]
    OtherPlan(PathBuf),
    /// The journal is that of another run, or was changed.
    #[error(
        "{} is not the journal that the run was recorded in; restore it from a copy",
        .0.shown()
    )]
    OtherJournal(PathBuf),
    /// What notes how far the run was recorded is another run's.
    #[error(transparent)]
    NotRecorded(NotRecorded),
    /// The series of logged steps is that of another run, or was changed.
    #[error(
        "{} is damaged or of another run: it is not the series of logged steps that was recorded; \
         restore it from a copy, or delete it to resume without the metrics of \
         the steps until then",
        .0.shown()
    )]
    OtherSeries(PathBuf),
    /// A knob change that is to be left out has had its effect already.
    #[error(
        "--without-adjustments-after {last}: the knob change at step {step} is part of the \
         checkpoint at step {checkpoint} already; to train again without it: --replay {run} \
         --without-adjustments-after {last}",
        run = shell_word(run)
    )]
    AdjustmentInCheckpoint {
        /// The run.
        run: PathBuf,
        /// The step of the change.
        step: u64,
        /// Steps of the checkpoint.
        checkpoint: u64,
        /// What was requested.
        last: u64,
    },
    /// There is no such kept checkpoint.
    #[error("{}", not_kept(run, wanted.as_deref(), kept))]
    NotKept {
        /// The run.
        run: PathBuf,
        /// What was requested.
        wanted: Option<String>,
        /// Names of those that there are.
        kept: Vec<String>,
    },
    /// A file that every run has is not there.
    #[error("{} is missing: {because}; restore it from a copy, or train again: --run {}", path.shown(), shell_word(experiment))]
    Missing {
        /// The file.
        path: PathBuf,
        /// How it is known that it was there.
        because: &'static str,
        /// The run's frozen experiment.
        experiment: PathBuf,
    },
    /// The journal records a checkpoint that is not there.
    #[error(
        "the checkpoint of {} is missing from {}, though the journal says that it was saved; \
         restore the folder from a copy, or train again: --run {}",
        shown(*journalled), run.shown(), shell_word(experiment)
    )]
    CheckpointMissing {
        /// The run's folder.
        run: PathBuf,
        /// Where the checkpoint stood.
        journalled: Position,
        /// The run's frozen experiment.
        experiment: PathBuf,
    },
    /// The journal has lost what led to the checkpoint.
    #[error(
        "{} has {found} bytes and had {expected} when the run was recorded last: its end is lost, \
         and with it the knob changes in there; restore it from a copy, or train again: --run {}",
        path.shown(), shell_word(experiment)
    )]
    JournalCut {
        /// The journal.
        path: PathBuf,
        /// Its length.
        found: u64,
        /// Its length at the checkpoint.
        expected: u64,
        /// The run's frozen experiment.
        experiment: PathBuf,
    },
    /// `--set` names a knob that the training does not have.
    #[error("--set {knob}: there is no such knob; {}", knob_meant(knob, known), knob = knob.shown())]
    UnknownKnob {
        /// As it was written.
        knob: String,
        /// The knobs that there are.
        known: Vec<String>,
    },
    /// `--set` gives a knob a schedule that does not suit it.
    #[error("--set {knob}: {problem}", knob = knob.shown())]
    UnfitSchedule {
        /// The knob.
        knob: String,
        /// What is wrong.
        problem: Problem,
    },
    /// Something in this program is wrong.
    #[error("preparing the run failed: {0}; this is a bug, please report it")]
    Panicked(String),
}

impl SessionError {
    /// The error of starting this experiment: about one of its values, it is at its place.
    #[must_use]
    pub fn in_file(self, loaded: &Loaded) -> Self {
        match &self {
            Self::Prepare(error) => match error.problem() {
                Some(problem) => Self::Report(loaded.report(&problem)),
                None => self,
            },
            _ => self,
        }
    }
}

/// That a run is complete, and the ways to go on from it.
fn complete(run: &Path, extends: bool, kept: &[String]) -> String {
    let word = shell_word(run);
    let mut ways = Vec::new();
    if extends {
        ways.push(format!(
            "to train it further: --resume {word} --add-epochs 10 --schedules stretch"
        ));
    }
    if let Some(latest) = kept.last() {
        ways.push(format!(
            "to train on from a kept checkpoint: --fork {word} --from {latest}"
        ));
    }
    ways.push(format!("to run it again: --replay {word}"));
    let ways = ways.join("; ");
    format!(
        "{} is complete; there is nothing to resume. {}{}",
        run.shown(),
        ways[..1].to_uppercase(),
        &ways[1..]
    )
}

/// Which knob was meant: that of its name where it was written as the experiment's field.
fn knob_meant(written: &str, known: &[String]) -> String {
    let name = written.rsplit('.').next().unwrap_or_default();
    let has = format!("this training has {}", known.join(", "));
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? {has}"),
        None => has,
    }
}

fn nothing_learned(end: u32, stretches: bool) -> String {
    let stretch = if stretches {
        "--schedules stretch, "
    } else {
        ""
    };
    format!(
        "--add-epochs: lr is held at 0 from epoch {end}: the weights will not change; add {stretch}\
         --set lr=0.01, or --schedules hold to train all the same"
    )
}

/// Which checkpoints are kept.
const WHEN_KEPT: &str = "(one is saved before each manual knob change; the last 8 are kept)";

fn not_kept(run: &Path, wanted: Option<&str>, kept: &[String]) -> String {
    let run = run.shown();
    let what = match wanted {
        Some(wanted) => format!("{run} has no kept checkpoint `{wanted}`"),
        None => "--fork needs --from CHECKPOINT".to_owned(),
    };
    match (wanted, kept) {
        (None, []) => format!("{what}; {run} has no kept checkpoints {WHEN_KEPT}"),
        (Some(_), []) => format!("{what} {WHEN_KEPT}"),
        (_, kept) => format!("{what}; kept checkpoints: {}", kept.join(", ")),
    }
}

fn shown(position: Position) -> String {
    let phase = format!("{:?}", position.phase).to_lowercase();
    format!("the {phase}'s step {}", position.step)
}
