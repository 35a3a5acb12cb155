//! What wakes the loop.

use std::path::PathBuf;

use crate::app::session::{Session, SessionError};
use crate::event::{Outcome, RunEvent};
use crate::experiment::Report;
use crate::experiment::plan::Plan;
use crate::store::{Life, RunEntry, RunTail};
use crate::ui::{Incoming, News};

/// Something that a thread has to tell the loop.
pub enum Message {
    /// For the screen as it is.
    Incoming(Incoming),
    /// Events of the training in this process, after they were recorded.
    Happened(String, Vec<RunEvent>),
    /// A launch came to something.
    Launched(PathBuf, Result<Box<Session>, SessionError>),
    /// An experiment file was planned again.
    Replanned(PathBuf, Result<Box<Plan>, Report>),
    /// The training in this process is over.
    Ended(String, Outcome),
    /// A run was found and read.
    Found(Box<RunEntry>, RunTail),
    /// A run's files grew.
    Grew(String),
    /// Who works on a run.
    Lives(String, Life),
    /// A run's folder is gone.
    Gone(String),
    /// What is in the trash.
    Trash(Vec<RunEntry>),
    /// The system asks to end: save and leave; again, leave at once.
    Terminate,
    /// The terminal is gone: save and leave. Several tell of it.
    Lost,
}

impl Message {
    /// News for the screen.
    pub fn news(news: News) -> Self {
        Self::Incoming(Incoming::News(news))
    }
}
