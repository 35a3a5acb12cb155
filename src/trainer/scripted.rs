//! A trainer that plays events from a file instead of training.
//!
//! It stands behind the same trait as the engine and applies the same commands at
//! the same boundaries, so that journal, reports and screens are tested whole,
//! with no tensors and no waiting. A script is RON:
//!
//! ```text
//! [
//!     Emit(PhaseStarted(phase: Student, steps: 4, steps_per_epoch: 2, step: 0)),
//!     Emit(StepLogged((phase: Student, step: 0, epoch: 0.0, seconds: 0.1, values: {"knob/lr": 0.1}))),
//!     WaitForCommand,
//!     Fail("the loss is not a number"),
//! ]
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CommandSource, EventSink, Trainer};
use crate::event::{Command, CommandRecord, Origin, Outcome, Phase, Position, RunEvent, StepRow};
use crate::experiment::schedule::Schedule;

/// Calls that a script waits for a command before it continues without; a source
/// may block a fraction of a second in each.
const PATIENCE: u32 = 1000;

/// One entry of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// Something happens. Before a step, commands that are due are applied.
    Emit(RunEvent),
    /// Nothing happens until a command arrives.
    WaitForCommand,
    /// The training fails with this message.
    Fail(String),
}

/// A script that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("not a script: {0}")]
pub struct ScriptError(#[from] ron::error::SpannedError);

/// Plays a script.
#[derive(Debug, Clone)]
pub struct Scripted {
    script: Vec<Entry>,
}

/// What a scripted training knows while it plays.
struct Play<'a> {
    inbox: &'a mut dyn CommandSource,
    sink: &'a dyn EventSink,
    at: Position,
    /// Length of the training, epochs.
    epochs: f64,
    /// Knobs that the script has shown, and schedules they were given.
    knobs: BTreeMap<String, Option<Schedule>>,
}

/// Whether a play continues.
type Continue = Result<(), Outcome>;

impl Scripted {
    /// A trainer that plays these entries and then completes.
    #[must_use]
    pub fn new(script: Vec<Entry>) -> Self {
        Self { script }
    }

    /// A trainer that plays a script written in RON.
    pub fn from_ron(text: &str) -> Result<Self, ScriptError> {
        Ok(Self::new(ron::from_str(text)?))
    }
}

impl Trainer for Scripted {
    fn run(&mut self, inbox: &mut dyn CommandSource, sink: &dyn EventSink) -> Outcome {
        let mut play = Play {
            inbox,
            sink,
            at: Position {
                phase: Phase::Student,
                step: 0,
            },
            epochs: 0.0,
            knobs: BTreeMap::new(),
        };
        for entry in &self.script {
            if let Err(outcome) = play.entry(entry) {
                return outcome;
            }
        }
        Outcome::Completed
    }
}

impl Play<'_> {
    fn entry(&mut self, entry: &Entry) -> Continue {
        match entry {
            Entry::Emit(RunEvent::StepLogged(row)) => self.step(row),
            Entry::Emit(event) => {
                self.learn(event);
                self.sink.emit(event.clone());
                Ok(())
            }
            Entry::WaitForCommand => self.wait_for_command(),
            Entry::Fail(message) => Err(Outcome::Failed {
                message: message.clone(),
            }),
        }
    }

    fn step(&mut self, row: &StepRow) -> Continue {
        self.at = Position {
            phase: row.phase,
            step: row.step,
        };
        for metric in row.values.keys() {
            if let Some(knob) = metric.strip_prefix("knob/") {
                self.knobs.entry(knob.to_owned()).or_default();
            }
        }
        self.apply_due_commands()?;
        let mut row = row.clone();
        for (knob, schedule) in &self.knobs {
            if let (Some(schedule), Some(value)) =
                (schedule, row.values.get_mut(&format!("knob/{knob}")))
            {
                *value = schedule.at(row.epoch, self.epochs);
            }
        }
        self.at.step = row.step + 1;
        self.sink.emit(RunEvent::StepLogged(row));
        Ok(())
    }

    /// Remembers what an emitted event says about the training.
    fn learn(&mut self, event: &RunEvent) {
        match event {
            RunEvent::PhaseStarted {
                phase,
                steps,
                steps_per_epoch,
                step,
            } => {
                self.at = Position {
                    phase: *phase,
                    step: *step,
                };
                self.epochs = *steps as f64 / (*steps_per_epoch).max(1) as f64;
                self.knobs.clear();
            }
            RunEvent::RoundEnded { knobs, .. } => {
                for knob in knobs.keys() {
                    self.knobs.entry(knob.clone()).or_default();
                }
            }
            _ => {}
        }
    }

    fn wait_for_command(&mut self) -> Continue {
        for _ in 0..PATIENCE {
            let records = self.inbox.due(self.at, true);
            if !records.is_empty() {
                return self.apply_commands(records);
            }
        }
        Err(Outcome::Failed {
            message: "the script waited for a command and none arrived".to_owned(),
        })
    }

    fn apply_due_commands(&mut self) -> Continue {
        let records = self.inbox.due(self.at, false);
        self.apply_commands(records)
    }

    /// Applies commands, and while they pause the training, those that follow.
    fn apply_commands(&mut self, mut records: Vec<CommandRecord>) -> Continue {
        let mut paused = false;
        loop {
            for record in records {
                self.sink.emit(RunEvent::CommandReceived(record.clone()));
                match self.execute(&record, &mut paused)? {
                    Ok(()) => self.applied(&record.id),
                    Err(reason) => self.sink.emit(RunEvent::CommandRejected {
                        id: record.id,
                        reason,
                    }),
                }
            }
            if !paused {
                return Ok(());
            }
            records = self.inbox.due(self.at, true);
        }
    }

    /// Whether a command can be applied, or the end of the training.
    fn execute(
        &mut self,
        record: &CommandRecord,
        paused: &mut bool,
    ) -> Result<Result<(), String>, Outcome> {
        match &record.command {
            Command::Stop => {
                self.applied(&record.id);
                Err(Outcome::Stopped {
                    reason: asked_by(record).to_owned(),
                })
            }
            Command::Pause | Command::Resume => {
                let pause = record.command == Command::Pause;
                if *paused != pause {
                    *paused = pause;
                    self.sink.emit(RunEvent::Paused(pause));
                }
                Ok(Ok(()))
            }
            Command::Adjust { knob, schedule } => Ok(match self.knobs.get_mut(knob) {
                Some(slot) => {
                    *slot = Some(schedule.clone());
                    Ok(())
                }
                None => Err(format!("there is no knob `{knob}`")),
            }),
            Command::Extend { epochs, .. } => {
                self.epochs = f64::from(*epochs);
                Ok(Ok(()))
            }
            Command::SetController { .. } => Ok(Err("a script has no controller".to_owned())),
            Command::EvaluateNow | Command::CheckpointNow => {
                Ok(Err("a script has no weights".to_owned()))
            }
        }
    }

    fn applied(&self, id: &str) {
        self.sink.emit(RunEvent::CommandApplied {
            id: id.to_owned(),
            phase: self.at.phase,
            step: self.at.step,
            from: None,
        });
    }
}

fn asked_by(record: &CommandRecord) -> &str {
    match record.origin {
        Origin::User => "requested at the terminal",
        Origin::File => "requested by the experiment file",
        Origin::Process => "requested by another process",
        Origin::Replay => "requested by a replay",
        Origin::Launch => "requested by the resume",
        Origin::Signal => &record.id,
    }
}

#[cfg(test)]
#[path = "scripted_tests.rs"]
mod tests;
