//! One run without a screen: from a job to an exit code.

use super::arguments::Arguments;
use super::reporting::Reporting;
use super::session::{Job, Session, SessionError};
use crate::run::{Exit, StopSignal};

/// Runs the job and reports. An error is a message about the file, the
/// arguments, the images or the device: nothing was trained.
pub fn run(job: Job, arguments: &Arguments) -> Result<Exit, String> {
    let stop = StopSignal::new();
    let _signals = stop
        .on_signals()
        .map_err(|error| format!("error: {error}"))?;
    let mut session =
        Session::begin(job, &arguments.checkpoints, stop).map_err(|error| shown(&error))?;
    let mut store = std::mem::take(&mut session.before).keeping_latest();
    let mut reporting = Reporting::new(arguments, &session.gates, &session.folder)
        .map_err(|error| format!("error: {error}"))?;
    let (events, end) = session.into_parts();
    for event in &events {
        store.apply(&event);
        reporting.observe(&event, &store);
    }
    Ok(reporting.finish(&store, &end.join()))
}

/// An error as it is shown; a report of an experiment's errors has its own form.
pub fn shown(error: &SessionError) -> String {
    match error {
        SessionError::Report(report) => report.to_string(),
        error => format!("error: {error}"),
    }
}
