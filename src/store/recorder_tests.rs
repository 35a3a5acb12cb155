use std::collections::BTreeMap;

use super::*;
use crate::event::{Command, CommandRecord, Origin, Phase, StepRow};
use crate::experiment::schedule::Schedule;
use crate::store::testing::scratch;
use crate::store::{JournalReader, RunStore, RunTail};

fn step(step: u64) -> RunEvent {
    RunEvent::StepLogged(StepRow {
        phase: Phase::Student,
        step,
        epoch: 0.0,
        seconds: 0.0,
        values: BTreeMap::from([("loss/total".to_owned(), 1.0)]),
    })
}

#[test]
fn after_a_flush_everything_emitted_can_be_read_by_another_process() {
    let scratch = scratch();
    let recording = Recorder::start(&scratch.run, StopSignal::new()).unwrap();
    let (mut tail, mut store) = (RunTail::new(&scratch.run), RunStore::new());
    for n in 0..5 {
        recording.handle.emit(step(n));
        recording.handle.emit(RunEvent::Warned {
            message: n.to_string(),
        });
        recording.handle.flush();
        assert!(tail.refresh(&mut store).unwrap());
        assert_eq!(store.table(Phase::Student).last_step(), Some(n));
        assert_eq!(store.warnings.len() as u64, n + 1);
    }
    assert_eq!(recording.handle.failure(), None);
}

#[test]
fn an_event_is_in_the_journal_before_it_is_passed_on() {
    let scratch = scratch();
    let recording = Recorder::start(&scratch.run, StopSignal::new()).unwrap();
    for n in 0..20 {
        let event = RunEvent::Warned {
            message: n.to_string(),
        };
        recording.handle.emit(event.clone());
        assert_eq!(recording.events.recv().unwrap(), event);
        let kept = JournalReader::new(&scratch.run.journal())
            .read_all()
            .unwrap();
        assert_eq!(kept.last(), Some(&event));
    }
}

#[test]
fn recording_goes_on_when_nobody_watches() {
    let scratch = scratch();
    let recording = Recorder::start(&scratch.run, StopSignal::new()).unwrap();
    drop(recording.events);
    for n in 0..100 {
        recording.handle.emit(step(n));
    }
    drop(recording.handle);
    recording.recorder.join().unwrap();
    let store = RunStore::open(&scratch.run).unwrap();
    assert_eq!(store.completed(Phase::Student), 100);
}

#[test]
fn a_command_that_cannot_be_kept_becomes_a_warning() {
    let scratch = scratch();
    let recording = Recorder::start(&scratch.run, StopSignal::new()).unwrap();
    recording
        .handle
        .emit(RunEvent::CommandReceived(CommandRecord {
            id: "1".to_owned(),
            origin: Origin::User,
            command: Command::Adjust {
                knob: "lr".to_owned(),
                schedule: Schedule::Constant(f64::NAN),
            },
        }));
    drop(recording.handle);
    recording.recorder.join().unwrap();
    let store = RunStore::open(&scratch.run).unwrap();
    assert!(
        store.warnings[0]
            .message
            .starts_with("an event was not kept")
    );
}

/// A disk that is full after some events.
struct FillsUp {
    left: usize,
}

impl Archive for FillsUp {
    fn keep(&mut self, _: &RunEvent) -> Result<(), RecorderError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            RecorderError::Journal(JournalError::Io {
                action: "write",
                path: "journal.jsonl".into(),
                source: io::Error::other("no space left on device"),
            })
        })?;
        Ok(())
    }

    fn publish(&mut self) -> Result<(), RecorderError> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), RecorderError> {
        Ok(())
    }
}

#[test]
fn a_full_disk_stops_the_run_with_its_reason_and_nothing_hangs() {
    let stop = StopSignal::new();
    let recording = Recorder::start_with(FillsUp { left: 2 }, stop.clone()).unwrap();
    for n in 0..5 {
        recording.handle.emit(step(n));
    }
    recording.handle.flush();
    let expected = "could not write the journal journal.jsonl: no space left on device";
    assert!(recording.handle.failure().unwrap().starts_with(expected));
    assert!(stop.reason().unwrap().starts_with(expected));
    drop(recording.handle);
    let passed_on: Vec<RunEvent> = recording.events.into_iter().collect();
    assert_eq!(passed_on.len(), 6, "five steps and one warning");
    assert!(matches!(&passed_on[2], RunEvent::Warned { message } if message.starts_with(expected)));
    assert!(recording.recorder.join().unwrap_err().starts_with(expected));
}
