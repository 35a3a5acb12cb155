//! A run's models, opened for questions: everything that says how to use them
//! stands in its folder beside their weights.

use thiserror::Error;

use crate::engine::{ModelsError, RunModels};
use crate::event::inspection::Asked;
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
    let plan = run.plan()?;
    let own = plan.as_ref().map(|plan| plan.resolved.plan.device);
    let device = device.or(own).unwrap_or_default();
    Ok(RunModels::open(run, plan.as_ref(), device, asked)?)
}
