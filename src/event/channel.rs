//! How events leave a trainer and commands reach it.
//!
//! They stand with the contract, not with the trainers, because the recorder
//! implements one and knows no trainer.

use serde::{Deserialize, Serialize};

use super::{CommandRecord, Phase, Position, RunEvent};

/// The beginning of a journal that holds all that was handed over until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalMark {
    /// Its bytes.
    pub bytes: u64,
    /// Their CRC-32C.
    pub crc32c: u32,
    /// Bytes of the series of logged steps then.
    pub series: u64,
    /// Their CRC-32C.
    pub series_crc32c: u32,
}

/// Where a trainer's events go.
pub trait EventSink: Send {
    /// Hands over one event. Returns at once.
    fn emit(&self, event: RunEvent);

    /// Waits until every event handed over so far is on disk. Called before a
    /// checkpoint replaces an older one, so that a run never resumes past
    /// events that were lost.
    fn flush(&self);

    /// How far the journal was at the last [`flush`](Self::flush); none where
    /// there is no journal.
    fn recorded(&self) -> Option<JournalMark> {
        None
    }

    /// Why events can no longer be kept, if they can't: the disk is full, the
    /// folder is gone. A trainer that sees it after [`flush`](Self::flush)
    /// leaves its older checkpoint in place and stops.
    fn failure(&self) -> Option<String> {
        None
    }
}

/// Where a trainer finds its commands at a step boundary.
pub trait CommandSource: Send {
    /// Commands that are due before this step, oldest first. `wait` is true
    /// while training is paused: the call may then block, at most a fraction of
    /// a second.
    fn due(&mut self, at: Position, wait: bool) -> Vec<CommandRecord>;

    /// The signal to stop, if it came: looked at between commands, of which there may
    /// be many. Those that it leaves are due when the run is resumed.
    fn stop(&self) -> Option<CommandRecord> {
        None
    }

    /// Whether a stop is among what is due: asked while something long is under way
    /// between two steps. All that is due stays due.
    fn stop_is_due(&mut self) -> bool {
        self.stop().is_some()
    }

    /// Commands that are known before the first step, each where it is to take
    /// effect.
    fn pending(&self) -> Vec<(Position, CommandRecord)> {
        Vec::new()
    }

    /// Whether adjustments of an earlier run's training of this phase are to be
    /// applied again: then its result is not the one that the plan alone gives.
    fn awaits(&self, _phase: Phase) -> bool {
        false
    }
}
