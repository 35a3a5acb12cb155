//! The adjustments of a run, for applying them again: all of them to a new run
//! (`--replay`), or those after a checkpoint to the run itself when it is
//! resumed.

use super::run_store::START;
use crate::event::{Command, CommandRecord, Phase, Position, RunEvent, Split};

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
            RunEvent::CommandApplied { id, phase, step } => {
                let found = waiting.iter().rposition(|record| record.id == *id);
                let record = found.map(|at| waiting.remove(at));
                if let Some(record) = record
                    && matches!(
                        record.command,
                        Command::Adjust { .. } | Command::SetController { .. }
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

/// Where the run stood at the last event that tells: a checkpoint that stands
/// further on than this was made by a process whose last events are missing from
/// the journal, adjustments among them perhaps. None before the first training.
///
/// An event that tells must come before its checkpoint, or a process killed
/// between the two leaves a checkpoint that is further on and nothing missing.
#[must_use]
pub fn journal_position<'a>(events: impl IntoIterator<Item = &'a RunEvent>) -> Option<Position> {
    let mut phase = None;
    let mut reached: Option<Position> = None;
    for event in events {
        let at = match event {
            RunEvent::RunStarted { resumed, .. } => {
                reached = reached.map(|at| at.min(resumed.unwrap_or(START)));
                continue;
            }
            RunEvent::PhaseStarted {
                phase: of, step, ..
            } => {
                phase = Some(*of);
                Position {
                    phase: *of,
                    step: *step,
                }
            }
            RunEvent::CommandApplied { phase, step, .. } => Position {
                phase: *phase,
                step: *step,
            },
            RunEvent::Evaluated(evaluation) if evaluation.split == Split::Valid => Position {
                phase: evaluation.phase,
                step: evaluation.step,
            },
            RunEvent::CheckpointSaved { at, .. } => *at,
            RunEvent::IterationEnded { step, .. } => Position {
                phase: phase.unwrap_or(Phase::Student),
                step: *step,
            },
            _ => continue,
        };
        reached = reached.max(Some(at));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Origin;
    use crate::experiment::schedule::Schedule;
    use crate::store::testing::small_run;

    fn at(step: u64) -> Position {
        Position {
            phase: Phase::Student,
            step,
        }
    }

    fn started(resumed: Option<Position>) -> RunEvent {
        RunEvent::RunStarted {
            name: "x".to_owned(),
            version: "0".to_owned(),
            device: "cpu".to_owned(),
            resumed,
            experiment: String::new(),
        }
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

    #[test]
    fn a_journal_says_how_far_it_got_wherever_it_was_cut() {
        let events = small_run();
        assert_eq!(journal_position(&[]), None);
        let mut saved: Vec<(usize, Position)> = Vec::new();
        for (count, event) in events.iter().enumerate() {
            if let RunEvent::CheckpointSaved { at, .. } = event {
                saved.push((count, *at));
            }
        }
        // Every checkpoint is told of before it is made, so a journal that got as
        // far as the event before it is not behind it.
        for (count, at) in saved {
            assert_eq!(journal_position(&events[..=count]), Some(at));
            assert_eq!(journal_position(&events[..count]), Some(at), "{count}");
        }
    }

    #[test]
    fn what_a_resume_took_back_was_not_reached() {
        let mut events = small_run();
        events.push(started(Some(at(4))));
        assert_eq!(journal_position(&events), Some(at(4)));
        events.extend(adjust("a", 6));
        assert_eq!(journal_position(&events), Some(at(6)));
        events.push(started(None));
        assert_eq!(journal_position(&events), Some(START));
    }
}
