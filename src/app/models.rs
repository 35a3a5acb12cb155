//! A run's models, opened for questions: everything that says how to use them
//! stands in its folder beside their weights.

use thiserror::Error;

use crate::engine::{ModelsError, RunModels};
use crate::event::inspection::{Answering, Asked};
use crate::experiment::spec::DeviceSpec;
use crate::run::{PlanError, RunFolder};

/// Why a run's models cannot be asked.
#[derive(Debug, Error)]
pub enum OpenModelsError {
    /// The run's plan is damaged.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Device or weights.
    #[error(transparent)]
    Models(#[from] ModelsError),
}

/// Opens a run's models on its own device or another.
pub fn open(
    run: &RunFolder,
    device: Option<DeviceSpec>,
    asked: Asked,
) -> Result<RunModels, OpenModelsError> {
    let (plan, damage) = match run.plan() {
        Ok(plan) => (plan, None),
        // All that a student's answers depend on stands beside its weights.
        Err(error) if asked.answering == Answering::Student => (None, Some(error)),
        Err(error) => return Err(error.into()),
    };
    let own = plan.as_ref().map(|plan| plan.resolved.plan.device);
    let device = device.or(own).unwrap_or_default();
    let mut models = RunModels::open(run, plan.as_ref(), device, asked)?;
    models.notes.extend(damage.map(|error| {
        format!(
            "{error}. The student answers on the device {device}, which the run may not have had"
        )
    }));
    Ok(models)
}
