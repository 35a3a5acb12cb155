//! A run's models, opened for questions: everything that says how to use them
//! stands in its folder beside their weights.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::engine::{ModelsError, RunModels};
use crate::event::inspection::{Answering, Asked};
use crate::event::{Phase, RunEvent};
use crate::experiment::spec::DeviceSpec;
use crate::run::{PlanError, RunFolder};
use crate::store::JournalReader;

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
    /// A folder of weights holds one model.
    #[error("{} holds one model and no teacher; leave out --model", .0.display())]
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
    let reason = match saved_at(run) {
        Some(step) => format!("the journal says that a checkpoint was saved at step {step}"),
        None if has_best => format!("{} is there", best.path().display()),
        None => return None,
    };
    Some(OpenModelsError::Missing {
        latest: run.latest().path(),
        reason,
        has_best,
    })
}

/// The step of the student's last checkpoint that the journal tells of. What of
/// the journal cannot be read tells nothing.
fn saved_at(run: &RunFolder) -> Option<u64> {
    let mut journal = JournalReader::new(&run.journal());
    let mut saved = None;
    loop {
        match journal.next_event() {
            Ok(Some(RunEvent::CheckpointSaved {
                at, best: false, ..
            })) => {
                saved = (at.phase == Phase::Student).then_some(at.step).or(saved);
            }
            Ok(Some(_)) => {}
            Err(error) if error.is_damage() => {}
            Ok(None) | Err(_) => return saved,
        }
    }
}
