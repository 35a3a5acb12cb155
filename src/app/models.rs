//! A run's models, opened for questions: with its frozen experiment and what
//! its journal says of its images.

use crate::engine::{Asked, RunModels};
use crate::event::DataSummary;
use crate::experiment::read_spec;
use crate::experiment::spec::DeviceSpec;
use crate::run::RunFolder;
use crate::store::RunStore;

/// Opens a run's models on its own device or another. `known` is what its
/// journal says of its images, where that was read already.
pub fn open(
    run: &RunFolder,
    known: Option<DataSummary>,
    device: Option<DeviceSpec>,
    asked: Asked,
) -> Result<RunModels, String> {
    let text = run.experiment_text().map_err(|error| error.to_string())?;
    let spec = read_spec(&text, &run.experiment()).map_err(|report| report.to_string())?;
    let summary = match known {
        Some(summary) => Some(summary),
        None => RunStore::open(run).map_err(|error| error.to_string())?.data,
    };
    let summary =
        summary.ok_or_else(|| format!("{} has not looked at its images yet", run.name()))?;
    RunModels::open(run, &spec, &summary, device.unwrap_or(spec.device), asked)
}
