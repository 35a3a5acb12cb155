//! Trainers: what carries out a plan and reports events.
//!
//! The rest of the program sees training only through [`Trainer`]. The engine
//! implements it with tensors; a scripted one plays events from a file, so that
//! journal, reports and screens are tested without any.

use crate::event::{Outcome, RunEvent};

/// Where a trainer's events go.
pub trait EventSink: Send {
    /// Hands over one event. Returns at once.
    fn emit(&self, event: RunEvent);

    /// Waits until every event handed over so far is on disk. Called before a
    /// checkpoint replaces an older one, so that a run never resumes past
    /// events that were lost.
    fn flush(&self);
}

/// Something that carries out one run from where it stands to its end.
pub trait Trainer: Send {
    /// Trains until the end, a stop or a failure, and returns how it ended.
    /// Failures are outcomes, not panics; the outcome is not emitted.
    fn run(&mut self, inbox: &mut dyn CommandSource, sink: &dyn EventSink) -> Outcome;
}

/// Where a trainer finds its commands at a step boundary.
pub trait CommandSource: Send {
    /// Commands that are due before this step, oldest first. `wait` is true
    /// while training is paused: the call may then block, at most a fraction of
    /// a second.
    fn due(&mut self, at: crate::event::Position, wait: bool) -> Vec<crate::event::CommandRecord>;
}
