//! Where a training finds its commands: signals, the run folder's commands
//! file, and the adjustments of a run that is resumed or replayed.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::{Command, CommandRecord, Origin, Phase, Position, RunEvent};
use crate::run::StopSignal;
use crate::store::{CommandTail, Received, ReceivedCommands, RecorderHandle};
use crate::trainer::{CommandSource, EventSink};

/// How long a paused training waits before it looks again.
const PAUSE_POLL: Duration = Duration::from_millis(100);

/// All sources of commands of one run.
pub struct Inbox {
    stop: StopSignal,
    commands: CommandTail,
    /// Who hears of lines in the commands file that are no commands.
    sink: RecorderHandle,
    /// Commands that this process or an earlier one has received.
    known: ReceivedCommands,
    /// What was received and is due at the next step boundary.
    received: Vec<CommandRecord>,
    /// Adjustments to apply again, by the step that first felt them.
    adjustments: VecDeque<(Position, CommandRecord)>,
}

impl Inbox {
    /// An inbox that also applies `adjustments` again, each at its position.
    #[must_use]
    pub fn new(
        stop: StopSignal,
        commands: CommandTail,
        sink: RecorderHandle,
        known: ReceivedCommands,
        adjustments: Vec<(Position, CommandRecord)>,
    ) -> Self {
        Self {
            stop,
            commands,
            sink,
            known,
            received: Vec::new(),
            adjustments: adjustments.into(),
        }
    }

    /// Takes in what the commands file has anew.
    fn receive(&mut self) {
        for record in self.commands.poll() {
            match self.known.receive(&record) {
                Received::New => self.received.push(record),
                Received::Again => {}
                Received::SameId => self.commands.report(&format!(
                    "the id `{}` was used before for another command, so this one is ignored; \
                     send it again with an id of its own",
                    record.id
                )),
            }
        }
        for message in self.commands.take_problems() {
            self.sink.emit(RunEvent::Warned { message });
        }
    }
}

impl CommandSource for Inbox {
    fn due(&mut self, at: Position, wait: bool) -> Vec<CommandRecord> {
        if wait {
            std::thread::sleep(PAUSE_POLL);
        }
        let mut due = Vec::new();
        while let Some((position, _)) = self.adjustments.front()
            && *position <= at
            && let Some((position, record)) = self.adjustments.pop_front()
        {
            if position.phase == at.phase {
                due.push(record);
            } else {
                // The knobs of one training are not those of the other.
                let message = format!(
                    "{} was not applied again: the training that it changed has ended",
                    record.id
                );
                self.sink.emit(RunEvent::Warned { message });
            }
        }
        self.receive();
        due.append(&mut self.received);
        due.extend(self.stop());
        due
    }

    fn stop_is_due(&mut self) -> bool {
        self.receive();
        let is_stop = |record: &CommandRecord| record.command == Command::Stop;
        self.stop.reason().is_some() || self.received.iter().any(is_stop)
    }

    fn stop(&self) -> Option<CommandRecord> {
        let id = self.stop.reason()?;
        Some(CommandRecord {
            id,
            origin: Origin::Signal,
            command: Command::Stop,
        })
    }

    fn pending(&self) -> Vec<(Position, CommandRecord)> {
        self.adjustments.iter().cloned().collect()
    }

    fn awaits(&self, phase: Phase) -> bool {
        self.adjustments.iter().any(|(at, _)| at.phase == phase)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::append_command;
    use crate::store::testing::scratch;

    #[test]
    fn an_id_that_is_used_again_for_another_command_is_warned_of_once() {
        let scratch = scratch();
        let recording = scratch.record(StopSignal::new());
        let path = scratch.run.commands();
        let record = |id: &str, command| CommandRecord {
            id: id.to_owned(),
            origin: Origin::Process,
            command,
        };
        let earlier = record("earlier", Command::Resume);
        let mut inbox = Inbox::new(
            StopSignal::new(),
            CommandTail::from_start(&path),
            recording.handle.clone(),
            [&earlier].into_iter().collect(),
            Vec::new(),
        );
        let at = Position {
            phase: Phase::Student,
            step: 0,
        };
        let pause = record("a", Command::Pause);
        for record in [
            &earlier,
            &pause,
            &pause,
            &record("a", Command::EvaluateNow),
            &record("a", Command::EvaluateNow),
            &record("earlier", Command::Pause),
        ] {
            append_command(&path, record).unwrap();
        }
        assert_eq!(inbox.due(at, false), std::slice::from_ref(&pause));
        // Read from its start once more.
        let text = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, text).unwrap();
        assert_eq!(inbox.due(at, false), []);
        drop((inbox, recording.handle));
        let warned: Vec<String> = recording
            .events
            .into_iter()
            .filter_map(|event| match event {
                RunEvent::Warned { message } => Some(message),
                _ => None,
            })
            .collect();
        let warning = |id: &str| {
            format!(
                "commands.jsonl: the id `{id}` was used before for another command, so this one \
                 is ignored; send it again with an id of its own"
            )
        };
        assert_eq!(warned, [warning("a"), warning("earlier")]);
    }
}
