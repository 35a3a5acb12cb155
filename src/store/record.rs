//! What a run's fold remembers, as plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::event::{CommandRecord, Outcome, Phase, Position};
use crate::experiment::controller::Decision;
use crate::format::count;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Status {
    /// Nothing happened yet.
    #[default]
    NotStarted,
    /// A process began it and has not said that it ended. Whether that process
    /// is alive is for the run's lock to say.
    Running,
    /// Waiting before the next step.
    Paused,
    /// Its last process ended.
    Ended(Outcome),
}

/// How many times smaller a student is than its teacher.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compression {
    /// By trainable parameters.
    pub parameters: f64,
    /// By multiply-accumulates of one image.
    pub macs: f64,
}

/// What ran where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunIdentity {
    /// Name of the experiment.
    pub name: String,
    /// Version of the program of the last process.
    pub version: String,
    /// Device of the last process, for people.
    pub device: String,
}

/// One training's length and how far it is said to be; the logged steps may be
/// ahead of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseState {
    /// Steps of the whole training.
    pub steps: u64,
    /// Steps of one epoch.
    pub steps_per_epoch: u64,
    /// Steps completed, as far as events say.
    pub completed: u64,
    /// Seconds as its last process counted them, once it ended by itself;
    /// [`seconds`](super::metrics::seconds) has those of all.
    pub ended: Option<f64>,
}

/// A round that ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// Where it ended.
    pub at: Position,
    /// Number, from 1.
    pub round: u32,
    /// Number of rounds.
    pub rounds: u32,
    /// Mean loss of every term.
    pub losses: BTreeMap<String, f64>,
    /// What the controller moved and why.
    pub decision: Option<Decision>,
    /// Every knob after the decision.
    pub knobs: BTreeMap<String, f64>,
}

/// A command and its fate.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandStatus {
    /// The command.
    pub record: CommandRecord,
    /// Its fate.
    pub state: CommandState,
    /// The value that a knob had until it changed it, where the journal has it.
    pub from: Option<f64>,
}

/// A command's fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandState {
    /// It arrived and waits for a step boundary.
    Requested,
    /// It took effect.
    Applied(Position),
    /// It could not be applied; nothing changed.
    Rejected(String),
    /// The process ended before it was applied, or the run was taken back to a
    /// point before it took effect.
    Void,
}

impl CommandState {
    /// Whether it changed nothing, or nothing that lasts.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Rejected(_) | Self::Void)
    }
}

impl fmt::Display for CommandState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("requested"),
            Self::Applied(at) => write!(f, "applied at step {}", count(at.step)),
            Self::Rejected(reason) => write!(f, "rejected: {reason}"),
            Self::Void => f.write_str("discarded: training ended or was rolled back"),
        }
    }
}

/// A checkpoint that was completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Where it stands in training.
    pub at: Position,
    /// Folder, relative to the run's.
    pub folder: PathBuf,
    /// Whether it was the best then.
    pub best: bool,
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where training stood, as far as events say.
    pub at: Option<Position>,
    /// What.
    pub message: String,
}

impl PhaseState {
    /// Epochs of the whole training.
    #[must_use]
    pub fn epochs(&self) -> f64 {
        self.epochs_after(self.steps)
    }

    /// Epochs that so many steps are.
    #[must_use]
    pub fn epochs_after(&self, steps: u64) -> f64 {
        steps as f64 / self.steps_per_epoch.max(1) as f64
    }
}

/// Where an evaluation or a checkpoint of `phase` after `step` steps stands
/// relative to a resume: whether a run that continues from `position` has it
/// behind itself.
pub(super) fn is_behind(phase: Phase, step: u64, position: Position) -> bool {
    Position { phase, step } <= position
}
