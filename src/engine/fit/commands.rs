//! Applies commands to a training.

use super::Fit;
use crate::engine::failure::Failure;
use crate::engine::state::FitState;
use crate::event::{Command, CommandRecord, Origin, RunEvent};
use crate::experiment::schedule::Schedule;
use crate::experiment::timeline::{Extension, NO_EXTENSION};
use crate::trainer::CommandSource;

impl Fit<'_> {
    /// Carries out the commands that are due. Returns the reason of a stop.
    pub(super) fn apply_commands(
        &mut self,
        inbox: &mut dyn CommandSource,
    ) -> Result<Option<String>, Failure> {
        loop {
            for record in inbox.due(self.position(), self.meter.is_paused()) {
                let record = self.before_finish(inbox.stop().unwrap_or(record));
                // Kept before the command is known: a kill in between loses neither.
                let changed = self.changed(&record)?;
                let from = self.value_before(&record.command);
                self.emit(RunEvent::CommandReceived(record.clone()));
                match &record.command {
                    Command::Stop => {
                        self.applied(&record, from);
                        return Ok(Some(record.stopped_by()));
                    }
                    Command::Pause => {
                        self.meter.pause();
                        self.emit(RunEvent::Paused(true));
                    }
                    Command::Resume => {
                        self.meter.resume();
                        self.emit(RunEvent::Paused(false));
                    }
                    Command::EvaluateNow => match self.evaluate(None, inbox) {
                        Err(Failure::Stopped) => {
                            let reason = "the training was stopped in the middle of it".to_owned();
                            self.reject(record.id, reason);
                            continue;
                        }
                        evaluation => self.emit(RunEvent::Evaluated(evaluation?)),
                    },
                    Command::CheckpointNow => self.save()?,
                    Command::Adjust { .. }
                    | Command::SetController { .. }
                    | Command::Extend { .. } => match changed {
                        Ok(state) => {
                            self.state = state;
                            self.changed_at.get_or_insert(self.state.step);
                            self.touched_at = Some(self.state.step);
                        }
                        Err(reason) => {
                            self.reject(record.id, reason.clone());
                            if record.origin == Origin::Launch {
                                let change = record.command.to_string();
                                return Err(Failure::NotChanged { change, reason });
                            }
                            continue;
                        }
                    },
                }
                self.applied(&record, from);
                if let Command::Extend { .. } = record.command {
                    self.extended();
                }
            }
            if !self.meter.is_paused() {
                return Ok(None);
            }
        }
    }

    /// A change of a knob as it is applied: before a finish begins, only what comes
    /// before it changes. The learning rate of the finish stays, other knobs are held at
    /// what they come to.
    fn before_finish(&self, mut record: CommandRecord) -> CommandRecord {
        let training = self.context.training;
        if training.finish.is_none() {
            return record;
        }
        // Where the finish begins, also after an early end.
        let end = self.timeline.epoch(self.timeline.steps_of_rounds);
        let is_before = self.timeline.epoch(self.state.step) < end;
        if let Command::Adjust { knob, schedule } = &mut record.command
            && is_before
            && !matches!(schedule, Schedule::Until { epochs, .. } if *epochs == end)
        {
            let planned = training.knobs().find(|planned| planned.name == *knob);
            let then = match planned.map(|planned| &planned.schedule) {
                Some(Schedule::Until { then, .. }) if *knob == training.lr.name => then.clone(),
                _ => Box::new(Schedule::Constant(schedule.at(end, end))),
            };
            if *schedule != *then {
                let first = Box::new(schedule.clone());
                *schedule = Schedule::Until {
                    epochs: end,
                    first,
                    then,
                };
            }
        }
        record
    }

    /// The state with a changed knob, or who changes knobs from now on; or why
    /// it stays. What was there before a person's change is kept, once a step.
    fn changed(&self, record: &CommandRecord) -> Result<Result<FitState, String>, Failure> {
        let mut state = self.state.clone();
        if let Err(reason) = self.change(record, &mut state) {
            return Ok(Err(reason));
        }
        let step = self.state.step;
        let keeps =
            state != self.state && record.origin != Origin::Replay && self.touched_at != Some(step);
        match if keeps { self.keep() } else { Ok(()) } {
            Err(failure @ Failure::Journal(_)) => Err(failure),
            Err(failure) => {
                let reason = format!("the checkpoint before it could not be kept: {failure}");
                Ok(Err(reason))
            }
            Ok(()) => Ok(Ok(state)),
        }
    }

    fn change(&self, record: &CommandRecord, state: &mut FitState) -> Result<(), String> {
        let origin = record.origin;
        match &record.command {
            Command::Adjust { knob, schedule } => {
                let now = self.timeline.epoch(self.state.step);
                let turned = state.knobs.adjust(knob, schedule.clone(), now);
                turned.map_err(|error| error.to_string())?;
            }
            Command::SetController { on } => {
                state.round.set_controller(*on, self.context.training)?;
            }
            Command::Extend {
                epochs,
                schedules_end,
            } => self.extend(*epochs, *schedules_end, origin, state)?,
            _ => return Ok(()),
        }
        state.adjusted = true;
        Ok(())
    }

    /// Sets the length of the training in `state`. Again it may be less than it is by
    /// now: what came after it is applied again, too.
    fn extend(
        &self,
        epochs: u32,
        schedules_end: Option<u32>,
        origin: Origin,
        state: &mut FitState,
    ) -> Result<(), String> {
        if self.context.training.finish.is_some() {
            return Err(NO_EXTENSION.to_owned());
        }
        let length = state.length(self.context.training);
        let to = length.to(epochs, schedules_end);
        let has = self.timeline.steps / self.timeline.steps_per_epoch;
        let is_more = u64::from(epochs) > has || origin == Origin::Replay;
        if !is_more || self.timeline.extended(to).steps <= state.step {
            return Err(format!("the training has {has} epochs already"));
        }
        if epochs > Extension::MOST {
            return Err(format!("{epochs} epochs are more than {}", Extension::MOST));
        }
        let now = self.timeline.epoch(state.step);
        if let Some(end) = schedules_end.filter(|_| origin != Origin::Replay) {
            let possible = length.ends(self.context.training.epochs, epochs, now);
            if !possible.contains(&end) {
                return Err(format!(
                    "schedules_end: {end} is not a length of this training; possible: {possible:?}"
                ));
            }
        }
        let extended = state.knobs.extend(epochs, schedules_end, now);
        extended.map_err(|error| error.to_string())?;
        state.extension = Some(to);
        state.early_stop.extend();
        Ok(())
    }

    /// The training has another length from now on.
    fn extended(&mut self) {
        self.timeline = self.state.timeline(self.timeline, self.context.training);
        self.emit(RunEvent::TrainingExtended {
            phase: self.context.phase,
            steps: self.timeline.steps,
            step: self.state.step,
        });
    }

    /// The value of the knob that a command is about to change.
    fn value_before(&self, command: &Command) -> Option<f64> {
        let Command::Adjust { knob, .. } = command else {
            return None;
        };
        let now = self.timeline.epoch(self.state.step);
        self.state.knobs.value(knob, now).ok()
    }

    fn reject(&self, id: String, reason: String) {
        self.emit(RunEvent::CommandRejected { id, reason });
    }

    fn applied(&self, record: &CommandRecord, from: Option<f64>) {
        self.emit(RunEvent::CommandApplied {
            id: record.id.clone(),
            phase: self.context.phase,
            step: self.state.step,
            from,
        });
    }
}
