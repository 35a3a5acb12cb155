//! The adjustments of a run, for applying them again: all of them to a new run
//! (`--replay`), or those after a checkpoint to the run itself when it is
//! resumed.

use super::run_store::START;
use crate::event::{Command, CommandRecord, Position, RunEvent};
use crate::experiment::controller::Controller;
use crate::experiment::held::Held;
use crate::experiment::knob::Knob;
use crate::experiment::plan::Training;
use crate::experiment::schedule::Schedule;
use crate::experiment::timeline::Extension;

/// Every adjustment that shaped the run, with the position of the first step
/// that felt it, in order. An adjustment that a resume took back is left out;
/// if the resumed process applied it again, that is the one that counts.
#[must_use]
pub fn adjustments<'a>(
    events: impl IntoIterator<Item = &'a RunEvent>,
) -> Vec<(Position, CommandRecord)> {
    let mut waiting: Vec<&CommandRecord> = Vec::new();
    let mut applied: Vec<(Position, CommandRecord)> = Vec::new();
    for event in events {
        match event {
            RunEvent::RunStarted { resumed, .. } => {
                let position = resumed.unwrap_or(START);
                applied.retain(|(at, _)| *at < position);
                waiting.clear();
            }
            RunEvent::CommandReceived(record) => waiting.push(record),
            RunEvent::CommandApplied {
                id, phase, step, ..
            } => {
                let found = waiting.iter().rposition(|record| record.id == *id);
                let record = found.map(|at| waiting.remove(at));
                if let Some(record) = record
                    && matches!(
                        record.command,
                        Command::Adjust { .. }
                            | Command::SetController { .. }
                            | Command::Extend { .. }
                    )
                {
                    let at = Position {
                        phase: *phase,
                        step: *step,
                    };
                    applied.push((at, record.clone()));
                }
            }
            RunEvent::CommandRejected { id, .. } => waiting.retain(|record| record.id != *id),
            _ => {}
        }
    }
    applied
}

/// Those of [`adjustments`] that a run resumed at `position` has to apply
/// again. One at exactly this position is among them: it took effect before the
/// step that comes next, and whether the checkpoint was written before or after
/// it makes no difference, for applying it twice is applying it once.
#[must_use]
pub fn adjustments_from<'a>(
    events: impl IntoIterator<Item = &'a RunEvent>,
    position: Position,
) -> Vec<(Position, CommandRecord)> {
    let mut found = adjustments(events);
    found.retain(|(at, _)| *at >= position);
    found
}

/// How long a training is after these commands took effect on it, in order.
#[must_use]
pub fn length_after<'a>(
    training: &Training,
    commands: impl IntoIterator<Item = &'a Command>,
) -> Extension {
    let planned = training.length();
    commands
        .into_iter()
        .fold(planned, |length, command| match command {
            Command::Extend {
                epochs,
                schedules_end,
            } => length.to(*epochs, *schedules_end),
            _ => length,
        })
}

/// A knob's schedule after these commands took effect on its training, in order.
#[must_use]
pub fn schedule_after<'a>(
    knob: &Knob,
    commands: impl IntoIterator<Item = &'a Command>,
) -> Schedule {
    let planned = knob.schedule.clone();
    commands
        .into_iter()
        .fold(planned, |schedule, command| match command {
            Command::Adjust {
                knob: name,
                schedule,
            } if *name == knob.name => schedule.clone(),
            Command::Extend {
                schedules_end: Some(end),
                ..
            } => schedule.ending_at(f64::from(*end)),
            _ => schedule,
        })
}

/// What knobs keep to after these commands if the training is extended now. What its
/// controller moves is left out.
#[must_use]
pub fn held_after(training: &Training, commands: &[&Command]) -> Vec<Held> {
    let end = f64::from(length_after(training, commands.iter().copied()).epochs);
    let controller = training.objective.controller.as_ref();
    let moved = controller.map(Controller::knobs).unwrap_or_default();
    let knobs = training
        .knobs()
        .filter(|knob| !moved.contains(&&*knob.name));
    let held = knobs.filter_map(|knob| {
        let schedule = schedule_after(knob, commands.iter().copied());
        Held::after(end, &knob.name, knob.role, &schedule)
    });
    held.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::run_started;
    use crate::event::{Origin, Phase};

    fn at(step: u64) -> Position {
        Position {
            phase: Phase::Student,
            step,
        }
    }

    fn started(resumed: Option<Position>) -> RunEvent {
        run_started("x", resumed)
    }

    fn adjust(id: &str, step: u64) -> [RunEvent; 2] {
        let record = CommandRecord {
            id: id.to_owned(),
            origin: Origin::User,
            command: Command::Adjust {
                knob: "lr".to_owned(),
                schedule: Schedule::Constant(step as f64),
            },
        };
        let applied = RunEvent::CommandApplied {
            id: id.to_owned(),
            phase: Phase::Student,
            step,
            from: None,
        };
        [RunEvent::CommandReceived(record), applied]
    }

    fn shown(found: Vec<(Position, CommandRecord)>) -> Vec<(String, u64)> {
        found
            .into_iter()
            .map(|(at, record)| (record.id, at.step))
            .collect()
    }

    fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
        expected
            .iter()
            .map(|&(id, at)| (id.to_owned(), at))
            .collect()
    }

    #[test]
    fn adjustments_are_those_that_were_applied() {
        let mut events = vec![started(None)];
        events.extend(adjust("a", 10));
        events.push(adjust("never applied", 11)[0].clone());
        events.push(adjust("rejected", 12)[0].clone());
        events.push(RunEvent::CommandRejected {
            id: "rejected".to_owned(),
            reason: "out of range".to_owned(),
        });
        events.push(RunEvent::CommandReceived(CommandRecord {
            id: "pause".to_owned(),
            origin: Origin::User,
            command: Command::Pause,
        }));
        events.push(RunEvent::CommandApplied {
            id: "pause".to_owned(),
            phase: Phase::Student,
            step: 13,
            from: None,
        });
        assert_eq!(shown(adjustments(&events)), pairs(&[("a", 10)]));
    }

    #[test]
    fn what_a_resume_took_back_counts_only_if_it_was_applied_again() {
        let mut events = vec![started(None)];
        events.extend(adjust("kept", 50));
        events.extend(adjust("again", 120));
        events.extend(adjust("lost", 130));
        assert_eq!(
            shown(adjustments_from(&events, at(100))),
            pairs(&[("again", 120), ("lost", 130)])
        );
        events.push(started(Some(at(100))));
        events.extend(adjust("again", 120));
        assert_eq!(
            shown(adjustments(&events)),
            pairs(&[("kept", 50), ("again", 120)])
        );
    }

    #[test]
    fn an_adjustment_at_the_very_checkpoint_is_applied_again() {
        let mut events = vec![started(None)];
        events.extend(adjust("a", 100));
        assert_eq!(
            shown(adjustments_from(&events, at(100))),
            pairs(&[("a", 100)])
        );
    }
}
