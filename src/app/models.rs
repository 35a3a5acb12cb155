//! A run's models, opened for questions: everything that says how to use them
//! stands in its folder beside their weights.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::engine::{ModelsError, RunModels};
use crate::event::inspection::{Answering, Asked, Weights};
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
    /// The folder of weights is an older copy.
    #[error(
        "{} holds the weights of step {step}, and the journal says that step {told} was saved \
         there: it is an older copy; restore the newer one, or name the folder itself",
        folder.display()
    )]
    Older {
        /// The folder.
        folder: PathBuf,
        /// Steps that its weights were trained.
        step: u64,
        /// Steps of those that were saved last.
        told: u64,
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
    let told = Told::by_journal_of(run);
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
        && let Some(error) = told.contradicts(asked.weights, models.trained.0, run)
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
    let reason = match Told::by_journal_of(run).latest {
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

/// Steps of the student's checkpoints that the journal tells of.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    latest: Option<u64>,
    best: Option<u64>,
    /// Best weights that no checkpoint has taken over yet; a kill takes them back.
    coming: Option<u64>,
}

impl Told {
    /// What of the journal cannot be read tells nothing.
    fn by_journal_of(run: &RunFolder) -> Self {
        let mut journal = JournalReader::new(&run.journal());
        let mut told = Self::default();
        loop {
            match journal.next_event() {
                Ok(Some(event)) => told.take_in(&event),
                Err(error) if error.is_damage() => {}
                Ok(None) | Err(_) => return told,
            }
        }
    }

    fn take_in(&mut self, event: &RunEvent) {
        match event {
            RunEvent::CheckpointSaved { at, best, .. } if at.phase == Phase::Student => {
                if *best {
                    self.coming = Some(at.step);
                } else {
                    self.latest = Some(at.step);
                    self.best = self.coming.take().or(self.best);
                }
            }
            // What came later is trained again.
            RunEvent::RunStarted {
                resumed: Some(at), ..
            } if at.phase == Phase::Student => {
                self.latest = Some(at.step);
                self.best = self.best.filter(|step| *step <= at.step);
                self.coming = None;
            }
            _ => {}
        }
    }

    /// That weights are older than those that the journal tells of.
    fn contradicts(self, weights: Weights, step: u64, run: &RunFolder) -> Option<OpenModelsError> {
        let (told, folder) = match weights {
            Weights::Latest => (self.latest, run.latest()),
            Weights::Best => (self.best, run.best()),
        };
        // Older programs did not write how long weights were trained.
        (step > 0 && told.is_some_and(|told| step < told)).then(|| OpenModelsError::Older {
            folder: folder.path(),
            step,
            told: told.unwrap_or_default(),
        })
    }
}
