//! One run without a screen: from a job to an exit code.

use super::arguments::Arguments;
use super::reporting::{self, Reporting};
use super::session::{Job, Session, say};
use crate::run::{Exit, StopSignal};

/// Runs the job and reports. An error is a message about the file, the
/// arguments, the images or the device: nothing was trained.
pub fn run(job: Job, arguments: &Arguments) -> Result<Exit, String> {
    reporting::check(arguments)?;
    let stop = StopSignal::new();
    let _signals = stop.on_signals().map_err(say)?;
    let mut session = Session::begin(job, &arguments.checkpoints, stop)?;
    let mut store = std::mem::take(&mut session.before);
    let mut reporting = Reporting::new(arguments, &session.gates, &session.folder).map_err(say)?;
    let (events, end) = session.into_parts();
    for event in &events {
        store.apply(&event);
        reporting.observe(&event, &store);
    }
    Ok(reporting.finish(&store, &end.join()))
}
