//! What a training does when it is told to.

use super::Fit;
use crate::engine::failure::Failure;
use crate::event::{Command, CommandRecord, Origin, RunEvent};
use crate::trainer::CommandSource;

impl Fit<'_> {
    /// Carries out the commands that are due. Returns the reason of a stop.
    pub(super) fn apply_commands(
        &mut self,
        inbox: &mut dyn CommandSource,
    ) -> Result<Option<String>, Failure> {
        let mut paused = false;
        loop {
            for record in inbox.due(self.position(), paused) {
                self.emit(RunEvent::CommandReceived(record.clone()));
                match &record.command {
                    Command::Stop => {
                        self.applied(&record);
                        return Ok(Some(match record.origin {
                            Origin::Signal => record.id,
                            _ => format!("requested at step {}", self.state.step),
                        }));
                    }
                    Command::Pause | Command::Resume => {
                        paused = record.command == Command::Pause;
                        self.emit(RunEvent::Paused(paused));
                    }
                    Command::EvaluateNow => self.emit(RunEvent::Evaluated(self.evaluate()?)),
                    Command::CheckpointNow => self.save()?,
                    Command::Adjust { .. } | Command::SetController { .. } => {
                        if let Err(reason) = self.turn(&record.command) {
                            self.emit(RunEvent::CommandRejected {
                                id: record.id,
                                reason,
                            });
                            continue;
                        }
                    }
                }
                self.applied(&record);
            }
            if !paused {
                return Ok(None);
            }
        }
    }

    /// Turns a knob, or says who does from now on.
    fn turn(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::Adjust { knob, schedule } => {
                let now = self.timeline.epoch(self.state.step);
                let knobs = &mut self.state.knobs;
                let turned = knobs.adjust(knob, schedule.clone(), now);
                turned.map_err(|error| error.to_string())?;
            }
            Command::SetController { on } => {
                let training = self.context.training;
                self.state.round.set_controller(*on, training)?;
            }
            _ => return Ok(()),
        }
        self.state.adjusted = true;
        self.changed_at.get_or_insert(self.state.step);
        Ok(())
    }

    fn applied(&self, record: &CommandRecord) {
        self.emit(RunEvent::CommandApplied {
            id: record.id.clone(),
            phase: self.context.phase,
            step: self.state.step,
        });
    }
}
