//! A run's models, opened for questions: everything that says how to use them
//! stands in its folder beside their weights.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::engine::{ModelsError, RunModels};
use crate::event::Phase;
use crate::event::inspection::{Answering, Asked, Weights};
use crate::experiment::spec::DeviceSpec;
use crate::run::{PlanError, RunFolder};
use crate::store::{JournalReader, JournalledCheckpoint, JournalledCheckpoints};
use crate::untrusted::Show as _;

/// Why a run's models cannot be asked.
#[derive(Debug, Error)]
pub enum OpenModelsError {
    /// The run's plan is damaged.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Device or weights.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// Weights were saved and are missing.
    #[error("{} is missing: {reason}; restore it from a copy{}", latest.shown(), or_best(*.has_best))]
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
        folder.shown()
    )]
    Older {
        /// The folder.
        folder: PathBuf,
        /// Steps that its weights were trained.
        step: u64,
        /// Steps of those that were saved last.
        journalled: u64,
    },
    /// The folder of weights holds others than were saved.
    #[error(
        "{} holds other weights than the journal records for step {step}; restore them from a \
         copy, or name the folder itself",
        folder.shown()
    )]
    Other {
        /// The folder.
        folder: PathBuf,
        /// Steps that they were trained.
        step: u64,
    },
    /// A folder of weights holds one model.
    #[error("{} has no teacher; omit --model", .0.shown())]
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
        && let Some(error) = not_journalled(journalled, asked.weights, &models, run)
    {
        return Err(error);
    }
    let mark = run.record_mark();
    if plan.is_none()
        && damage.is_none()
        && mark.is_ok_and(|mark| mark.is_some_and(|it| it.has_plan()))
    {
        models.notes.push(format!(
            "{} is missing, so it is not known whether these weights are the run's; they are used",
            run.plan_path().shown()
        ));
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

/// That a run's latest weights are missing, if it had some.
fn missing(run: &RunFolder) -> Option<OpenModelsError> {
    let best = run.best();
    let has_best = !matches!(best.find(), Ok(None));
    let reason = match of_student(journalled(run).latest) {
        Some(saved) => format!("the journal records a checkpoint at step {}", saved.at.step),
        None if has_best => format!("{} is there", best.path().shown()),
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

/// A checkpoint, if it is the student's.
fn of_student(saved: Option<JournalledCheckpoint>) -> Option<JournalledCheckpoint> {
    saved.filter(|saved| saved.at.phase == Phase::Student)
}

/// That weights are older than those that the journal records, or others.
fn not_journalled(
    journalled: JournalledCheckpoints,
    weights: Weights,
    models: &RunModels,
    run: &RunFolder,
) -> Option<OpenModelsError> {
    let (saved, folder) = match weights {
        Weights::Latest => (journalled.latest, run.latest()),
        Weights::Best => (journalled.best, run.best()),
    };
    let saved = of_student(saved)?;
    let (folder, step, journalled) = (folder.path(), models.trained.0, saved.at.step);
    // Older programs wrote neither how long weights were trained nor their hash: their 0 is
    // not known to be a step.
    if step < journalled && (0 < step || saved.weights.is_some()) {
        return Some(OpenModelsError::Older {
            folder,
            step,
            journalled,
        });
    }
    let differ = saved.weights.is_some() && saved.weights != models.weights;
    (differ && step == journalled).then_some(OpenModelsError::Other { folder, step })
}
