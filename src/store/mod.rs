//! What is kept of a run and how it is read again.
//!
//! Events come from a trainer, through the [`recorder`], into a [`journal`]
//! (everything that happened) and a [`series`] (the numbers of every logged
//! step). [`RunStore`] folds them into the state of the run, the same way
//! whether they arrive live or are read from an old folder. Nothing here
//! formats for people, and nothing here decides what a training does.

pub mod checkpoints;
pub mod commands;
pub mod config;
pub mod export;
pub mod journal;
mod lines;
pub mod metrics;
pub mod record;
pub mod recorder;
pub mod replay;
pub mod run_store;
pub mod run_tail;
pub mod runs;
pub mod series;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;

pub use checkpoints::{JournalledCheckpoint, JournalledCheckpoints};
pub use commands::{CommandTail, Received, ReceivedCommands, append_command};
pub use config::{Config, FieldValue, Frozen, images_of};
pub use export::write_csv;
pub use journal::{Journal, JournalError, JournalReader};
pub use metrics::{Metrics, Progress};
pub use record::{
    Checkpoint, CommandState, CommandStatus, PhaseState, Round, RunIdentity, Status, Warning,
};
pub use recorder::{Recorder, RecorderError, RecorderHandle, Recording};
pub use replay::{adjustments, adjustments_from, held_after, length_after, schedule_after};
pub use run_store::RunStore;
pub use run_tail::RunTail;
pub use runs::{Owner, RunEntry, RunResults, RunState, Runs, results_of};
pub use series::{SeriesError, SeriesReader, SeriesWriter};
pub use table::{Series, SeriesTable, Tables};
