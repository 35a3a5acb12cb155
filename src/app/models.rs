//! A run's models, opened for questions: everything that says how to use them
//! stands in its folder beside their weights.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::engine::{ModelsError, RunModels};
use crate::event::inspection::{Answering, Asked, Weights};
use crate::event::{Phase, Position};
use crate::experiment::spec::DeviceSpec;
use crate::run::{PlanError, RunFolder};
use crate::store::{JournalReader, JournalledCheckpoints};

/// Why a run's models cannot be asked.
#[derive(Debug, Error)]
pub enum OpenModelsError {
    /// The run's plan is damaged.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Device or weights.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// Weights were saved and are gone.
    #[error("{} is missing: {reason}; restore it from a copy{}", latest.display(), or_best(*.has_best))]
    Missing {
        /// Their folder.
        latest: PathBuf,
        /// How it is known that it was there.
        reason: String,
        /// Whether the best weights are there.
        has_best: bool,
    },
    /// The folder of weights is an older copy.
    #[error(
        "{} holds the weights of step {step}, and the journal says that step {journalled} was saved \
         there: it is an older copy; restore the newer one, or name the folder itself",
        folder.display()
    )]
    Older {
        /// The folder.
        folder: PathBuf,
        /// Steps that its weights were trained.
        step: u64,
        /// Steps of those that were saved last.
        journalled: u64,
    },
    /// A folder of weights holds one model.
    #[error("{} has no teacher; omit --model", .0.display())]
    OneModel(PathBuf),
}

fn or_best(has_best: bool) -> &'static str {
    if has_best {
        ", or use the best weights"
    } else {
        ""
    }
}

/// Opens a run's models on its own device or another.
pub fn open(
    run: &RunFolder,
    device: Option<DeviceSpec>,
    asked: Asked,
) -> Result<RunModels, OpenModelsError> {
    // All that answers depend on stands beside the weights; but a teacher from
    // elsewhere is named by the plan alone.
    let (plan, damage) = match run.plan() {
        Ok(plan) => (plan, None),
        Err(error) => (None, Some(error)),
    };
    let own = plan.as_ref().map(|plan| plan.resolved.plan.device);
    let device = device.or(own).unwrap_or_default();
    // First, because a training that runs saves others meanwhile.
    let journalled = journalled(run);
    let mut models = match RunModels::open(run, plan.as_ref(), device, asked) {
        Ok(models) => models,
        Err(error @ ModelsError::NoTeacher(_)) => {
            return Err(damage.map_or_else(|| error.into(), Into::into));
        }
        Err(error @ ModelsError::NoStudent(_)) => {
            return Err(missing(run).unwrap_or_else(|| error.into()));
        }
        Err(error) => return Err(error.into()),
    };
    if models.student.is_some()
        && let Some(error) = older(&journalled, asked.weights, models.trained.0, run)
    {
        return Err(error);
    }
    models.notes.extend(damage.map(|error| {
        let who = match asked.answering {
            Answering::Student => "student answers",
            Answering::Teacher => "teacher answers",
            Answering::Both => "models answer",
        };
        format!("{error}. The {who} on the device {device}, which the run may not have had")
    }));
    Ok(models)
}

/// Opens the one model of a folder.
pub fn open_weights(
    folder: &Path,
    device: Option<DeviceSpec>,
    asked: Asked,
) -> Result<RunModels, OpenModelsError> {
    if asked.answering != Answering::Student {
        return Err(OpenModelsError::OneModel(folder.to_owned()));
    }
    Ok(RunModels::of_folder(folder, device.unwrap_or_default())?)
}

/// Whether a run has weights of its student, or had some.
pub fn had_student(run: &RunFolder) -> bool {
    !matches!(run.latest().find(), Ok(None)) || missing(run).is_some()
}

/// That a run's latest weights are gone, if it had some.
fn missing(run: &RunFolder) -> Option<OpenModelsError> {
    let best = run.best();
    let has_best = !matches!(best.find(), Ok(None));
    let reason = match of_student(journalled(run).latest) {
        Some(step) => format!("the journal records a checkpoint at step {step}"),
        None if has_best => format!("{} is there", best.path().display()),
        None => return None,
    };
    Some(OpenModelsError::Missing {
        latest: run.latest().path(),
        reason,
        has_best,
    })
}

/// The newest checkpoints in a run's journal. What cannot be read of it is skipped.
fn journalled(run: &RunFolder) -> JournalledCheckpoints {
    let mut journal = JournalReader::new(&run.journal());
    let mut newest = JournalledCheckpoints::default();
    loop {
        match journal.next_event() {
            Ok(Some(event)) => newest.take_in(&event),
            Err(error) if error.is_damage() => {}
            Ok(None) | Err(_) => return newest,
        }
    }
}

/// The step of a checkpoint of the student.
fn of_student(at: Option<Position>) -> Option<u64> {
    at.filter(|at| at.phase == Phase::Student).map(|at| at.step)
}

/// That weights are older than those that the journal records.
fn older(
    journalled: &JournalledCheckpoints,
    weights: Weights,
    step: u64,
    run: &RunFolder,
) -> Option<OpenModelsError> {
    let (journalled, folder) = match weights {
        Weights::Latest => (journalled.latest, run.latest()),
        Weights::Best => (journalled.best, run.best()),
    };
    // Older programs did not write how long weights were trained.
    let journalled = of_student(journalled).filter(|journalled| 0 < step && step < *journalled)?;
    Some(OpenModelsError::Older {
        folder: folder.path(),
        step,
        journalled,
    })
}
