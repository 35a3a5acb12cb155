//! A run's models, opened for questions: with its frozen experiment and what
//! its journal says of its images.

use crate::engine::{Journalled, RunModels};
use crate::event::Phase;
use crate::event::inspection::Asked;
use crate::experiment::read_spec;
use crate::experiment::spec::DeviceSpec;
use crate::run::RunFolder;
use crate::store::RunStore;

/// What is known of a run's images and steps; nothing before it looked at its
/// images.
pub fn journalled(store: &RunStore) -> Option<Journalled> {
    let student = store.phases.get(&Phase::Student);
    Some(Journalled {
        data: store.data.clone()?,
        steps_per_epoch: student.map_or(0, |phase| phase.steps_per_epoch),
    })
}

/// Opens a run's models on its own device or another. `known` is what its
/// journal says, where that was read already.
pub fn open(
    run: &RunFolder,
    known: Option<Journalled>,
    device: Option<DeviceSpec>,
    asked: Asked,
) -> Result<RunModels, String> {
    let text = run.experiment_text().map_err(|error| error.to_string())?;
    let spec = read_spec(&text, &run.experiment()).map_err(|report| report.to_string())?;
    let known = match known {
        Some(known) => Some(known),
        None => journalled(&RunStore::open(run).map_err(|error| error.to_string())?),
    };
    let known = known.ok_or_else(|| format!("{} has not looked at its images yet", run.name()))?;
    RunModels::open(run, &spec, known, device.unwrap_or(spec.device), asked)
}
