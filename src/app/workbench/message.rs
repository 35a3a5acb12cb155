//! What wakes the loop.

use std::path::PathBuf;

use crossterm::event::Event;

use crate::app::session::SessionError;
use crate::event::{Outcome, RunEvent};
use crate::experiment::Report;
use crate::experiment::plan::Plan;
use crate::run::{Ahead, Notes, RunError, RunFolder};
use crate::store::{Owner, RunEntry, RunResults, RunStore, RunTail};
use crate::ui::{Clock, LogLine, News};

/// A run that trains in this process from now on.
pub struct LaunchedRun {
    /// Its folder.
    pub folder: RunFolder,
    /// The run as earlier processes left it.
    pub before: RunStore,
}

/// A message of a thread to the loop.
pub enum Message {
    /// A key, the mouse, a paste, a new size.
    Input(Event),
    /// Something that the screen should know.
    News(News),
    /// Time has passed.
    Clock(Clock),
    /// Events of the training in this process, after they were recorded.
    Happened(String, Vec<RunEvent>),
    /// What was to be prepared waits for what another workbench trains; or no
    /// longer.
    Waits(Option<(String, Ahead)>),
    /// What waited was taken out of the queue.
    Withdrawn(String),
    /// A launch came to something.
    Launched(PathBuf, Result<Box<LaunchedRun>, SessionError>),
    /// An experiment file was planned again.
    Replanned(PathBuf, Result<Box<Plan>, Report>),
    /// The training in this process is over.
    Ended(String, Outcome),
    /// A run was found and read, so far.
    Found(Box<(RunEntry, RunTail)>),
    /// A run's files grew.
    Grew(String),
    /// A run's models were exported, measured or replaced.
    Results(String, Box<RunResults>),
    /// Somebody wrote something of a run.
    Notes(String, Box<Result<Notes, RunError>>),
    /// Who works on a run.
    Lives(String, Owner),
    /// A run was renamed, here or elsewhere.
    RunRenamed {
        /// Its name before.
        from: String,
        /// Its name now.
        to: String,
    },
    /// A run's folder was removed.
    RunRemoved(String),
    /// What is in the trash.
    Trash(Vec<RunEntry>),
    /// The system asks to end: save and leave; again, leave at once.
    Terminate,
    /// The terminal is gone: save and leave. Several threads report it.
    Lost,
}

impl Message {
    /// A line for the log.
    pub fn log(line: LogLine) -> Self {
        Self::News(News::Logged(line))
    }
}
