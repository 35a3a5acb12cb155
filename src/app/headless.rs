//! One run without a screen: from a job to an exit code.

use super::arguments::Arguments;
use super::error::AppError;
use super::print_error_line;
use super::reporting::{Reporting, ReportingError};
use super::session::{Job, Session};
use super::tensorboard::Follower;
use crate::run::{Exit, StopSignal};

/// Runs the job and reports.
///
/// # Errors
/// What is wrong with the file, the arguments, the images or the device:
/// nothing was trained.
pub fn run(job: Job, arguments: &Arguments) -> Result<Exit, AppError> {
    let stop = StopSignal::new();
    let _signals = stop.on_signals().map_err(AppError::Signals)?;
    train(job, arguments, arguments.json, stop)
}

/// The same, stopped by this signal; with `json` standard output has the events.
///
/// # Errors
/// As [`run`].
pub fn train(
    job: Job,
    arguments: &Arguments,
    json: bool,
    stop: StopSignal,
) -> Result<Exit, AppError> {
    let say = Box::new(|line: String| print_error_line(&line));
    let mut session = Session::begin(job, &arguments.checkpoints, stop, say)?;
    let mut store = std::mem::take(&mut session.before).keeping_latest();
    let mut reporting = Reporting::new(arguments, json, &session.gates, &session.folder)
        .map_err(ReportingError::Summary)?;
    let board = arguments
        .tensorboard
        .then(|| Follower::start(&session.folder));
    let board = board.and_then(|started| match started {
        Ok(board) => Some(board),
        Err(error) => {
            print_error_line(&format!(
                "warning: --tensorboard: {error}; training continues"
            ));
            None
        }
    });
    let (events, end) = session.into_parts();
    for event in &events {
        store.apply(&event);
        reporting.observe(&event, &store);
    }
    let outcome = end.join();
    if let Some(board) = board {
        board.end();
    }
    Ok(reporting.finish(&store, &outcome))
}
