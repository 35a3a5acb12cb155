//! Where a training finds its commands: signals, the run folder's commands
//! file, and the adjustments of a run that is resumed or replayed.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::event::{Command, CommandRecord, Origin, Phase, Position, RunEvent};
use crate::run::StopSignal;
use crate::store::{CommandTail, RecorderHandle};
use crate::trainer::{CommandSource, EventSink};

/// How long a paused training waits before it looks again.
const PAUSE_POLL: Duration = Duration::from_millis(100);

/// All sources of commands of one run.
pub struct Inbox {
    stop: StopSignal,
    commands: CommandTail,
    /// Who hears of lines in the commands file that are no commands.
    sink: RecorderHandle,
    /// Ids of commands that an earlier process has received.
    known: BTreeSet<String>,
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
        known: BTreeSet<String>,
        adjustments: Vec<(Position, CommandRecord)>,
    ) -> Self {
        Self {
            stop,
            commands,
            sink,
            known,
            adjustments: adjustments.into(),
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
        let arrived = self.commands.poll().into_iter();
        for message in self.commands.take_problems() {
            self.sink.emit(RunEvent::Warned { message });
        }
        due.extend(arrived.filter(|record| self.known.insert(record.id.clone())));
        if let Some(reason) = self.stop.reason() {
            due.push(CommandRecord {
                id: reason,
                origin: Origin::Signal,
                command: Command::Stop,
            });
        }
        due
    }

    fn awaits(&self, phase: Phase) -> bool {
        self.adjustments.iter().any(|(at, _)| at.phase == phase)
    }
}
