//! Trainers: what carries out a plan and reports events.
//!
//! The rest of the program sees training only through [`Trainer`]. The engine
//! implements it with tensors; a scripted one plays events from a file, so that
//! journal, reports and screens are tested without any.

pub mod scripted;

use crate::event::Outcome;
pub use crate::event::channel::{CommandSource, EventSink};

/// Something that carries out one run from where it stands to its end.
pub trait Trainer: Send {
    /// Trains until the end, a stop or a failure, and returns how it ended.
    /// Failures are outcomes, not panics; the outcome is not emitted.
    fn run(&mut self, inbox: &mut dyn CommandSource, sink: &dyn EventSink) -> Outcome;
}
