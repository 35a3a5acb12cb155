use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;
use crate::event::{Command, CommandRecord, Origin, Outcome, Phase, StepRow};
use crate::experiment::schedule::Schedule;
use crate::store::testing::{Scratch, scratch};
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
    let recording = scratch.record(StopSignal::new());
    let (mut tail, mut store) = (RunTail::new(&scratch.run), RunStore::new());
    for n in 0..5 {
        recording.handle.emit(step(n));
        recording.handle.emit(RunEvent::Warned {
            message: n.to_string(),
        });
        recording.handle.flush();
        assert!(tail.refresh(&mut store));
        assert_eq!(store.table(Phase::Student).last_step(), Some(n));
        assert_eq!(store.warnings.len() as u64, n + 1);
    }
    assert_eq!(recording.handle.failure(), None);
}

#[test]
fn a_flush_says_how_long_the_journal_is_that_holds_what_came_before() {
    let scratch = scratch();
    let recording = scratch.record(StopSignal::new());
    for event in [RunEvent::Paused(true), RunEvent::Paused(false)] {
        recording.handle.emit(event);
        recording.handle.flush();
        let bytes = fs::metadata(scratch.run.journal()).unwrap().len();
        let crc32c = crate::run::append_file::crc_of(&scratch.run.journal(), bytes).unwrap();
        let series = fs::metadata(scratch.run.series()).unwrap().len();
        let series_crc32c = crate::run::append_file::crc_of(&scratch.run.series(), series).unwrap();
        let mark = JournalMark {
            bytes,
            crc32c,
            series,
            series_crc32c,
        };
        assert_eq!(recording.handle.recorded(), Some(mark));
    }
}

#[test]
fn a_warning_that_is_repeated_is_given_once() {
    let scratch = scratch();
    let recording = scratch.record(StopSignal::new());
    let warned = |message: &str| RunEvent::Warned {
        message: message.to_owned(),
    };
    for message in ["no probe", "no card", "no probe", "no probe"] {
        recording.handle.emit(warned(message));
    }
    recording.handle.flush();
    drop(recording.handle);
    let passed_on: Vec<RunEvent> = recording.events.into_iter().collect();
    assert_eq!(passed_on, [warned("no probe"), warned("no card")]);
    let kept = JournalReader::new(&scratch.run.journal()).read_all();
    let is_warning = |event: &&RunEvent| matches!(event, RunEvent::Warned { .. });
    assert_eq!(kept.unwrap().iter().filter(is_warning).count(), 2);
}

#[test]
fn an_event_is_in_the_journal_before_it_is_passed_on() {
    let scratch = scratch();
    let recording = scratch.record(StopSignal::new());
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
    let recording = scratch.record(StopSignal::new());
    drop(recording.events);
    for n in 0..100 {
        recording.handle.emit(step(n));
    }
    drop(recording.handle);
    recording.recorder.join().unwrap();
    let store = RunStore::open(&scratch.run);
    assert_eq!(store.completed(Phase::Student), 100);
}

#[test]
fn a_command_that_cannot_be_kept_becomes_a_warning() {
    let scratch = scratch();
    let recording = scratch.record(StopSignal::new());
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
    let store = RunStore::open(&scratch.run);
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

    fn mark(&self) -> JournalMark {
        JournalMark {
            bytes: 0,
            crc32c: 0,
            series: 0,
            series_crc32c: 0,
        }
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

/// Notes what is done to it, once it may begin.
struct Notes {
    begin: Receiver<()>,
    done: Arc<Mutex<Vec<&'static str>>>,
}

impl Archive for Notes {
    fn keep(&mut self, event: &RunEvent) -> Result<(), RecorderError> {
        let _ = self.begin.recv();
        let is_step = matches!(event, RunEvent::StepLogged(_));
        let what = if is_step { "step" } else { "command" };
        self.done.lock().unwrap().push(what);
        Ok(())
    }

    fn publish(&mut self) -> Result<(), RecorderError> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), RecorderError> {
        self.done.lock().unwrap().push("sync");
        Ok(())
    }

    fn mark(&self) -> JournalMark {
        FillsUp { left: 0 }.mark()
    }
}

#[test]
fn commands_that_come_together_reach_the_disk_together_and_before_the_next_step() {
    let (begin, gate) = channel();
    let done = Arc::default();
    let notes = Notes {
        begin: gate,
        done: Arc::clone(&done),
    };
    let recording = Recorder::start_with(notes, StopSignal::new()).unwrap();
    let command = |n: u64| RunEvent::CommandApplied {
        id: n.to_string(),
        phase: Phase::Student,
        step: 0,
        from: None,
    };
    let mut sent: Vec<RunEvent> = (0..500).map(command).collect();
    sent.push(step(1));
    for event in &sent {
        recording.handle.emit(event.clone());
    }
    drop((begin, recording.handle));
    let passed_on: Vec<RunEvent> = recording.events.into_iter().collect();
    assert_eq!(passed_on, sent);
    recording.recorder.join().unwrap();
    let mut expected = vec!["command"; 500];
    expected.extend(["sync", "step", "sync"]);
    assert_eq!(*done.lock().unwrap(), expected);
}

/// Trains into a run that something happens to. Returns what the recorder says,
/// and what it passed on.
fn recorded_while(happens: impl FnOnce(&Path)) -> (Scratch, String, Vec<RunEvent>) {
    let scratch = scratch();
    let stop = StopSignal::new();
    let recording = scratch.record(stop.clone());
    recording.handle.emit(RunEvent::Paused(true));
    recording.handle.emit(step(0));
    recording.handle.flush();
    happens(scratch.run.path());
    recording.handle.emit(step(1));
    recording.handle.flush();
    assert_eq!(recording.handle.failure(), stop.reason());
    for event in [RunEvent::Paused(false), step(2)] {
        recording.handle.emit(event);
        recording.handle.flush();
    }
    drop(recording.handle);
    let passed_on = recording.events.into_iter().collect();
    let failure = recording.recorder.join().unwrap_err();
    (scratch, failure, passed_on)
}

#[test]
fn a_folder_that_is_deleted_is_noticed_and_nothing_is_made_in_its_place() {
    let (scratch, failure, passed_on) = recorded_while(|run| fs::remove_dir_all(run).unwrap());
    let expected = format!(
        "{} was removed, moved or replaced while the run trained; nothing more is written to it. \
         The run stops",
        scratch.run.path().shown()
    );
    assert_eq!(failure, expected);
    assert!(!scratch.run.path().exists());
    assert!(matches!(&passed_on[3], RunEvent::Warned { message } if *message == expected));
}

#[test]
fn a_folder_that_is_moved_or_replaced_is_written_to_no_more() {
    for replaced in [false, true] {
        let mut before = Vec::new();
        let (scratch, failure, _) = recorded_while(|run| {
            let moved = run.with_extension("moved");
            fs::rename(run, &moved).unwrap();
            before = fs::read(moved.join("journal.jsonl")).unwrap();
            if replaced {
                fs::create_dir(run).unwrap();
            }
        });
        assert!(
            failure.contains("was removed, moved or replaced"),
            "{failure}"
        );
        let moved = scratch.run.path().with_extension("moved");
        assert_eq!(fs::read(moved.join("journal.jsonl")).unwrap(), before);
        let here = fs::read_dir(scratch.run.path()).map_or(0, Iterator::count);
        assert_eq!((scratch.run.path().exists(), here), (replaced, 0));
    }
}

#[test]
fn a_file_of_the_run_that_is_unlinked_or_replaced_is_noticed() {
    for name in ["journal.jsonl", "series.bin", "lock"] {
        for replaced in [false, true] {
            let (scratch, failure, _) = recorded_while(|run| {
                fs::remove_file(run.join(name)).unwrap();
                if replaced {
                    fs::write(run.join(name), "mine").unwrap();
                }
            });
            let expected = if name == "lock" {
                "the lock of the run"
            } else {
                name
            };
            assert!(failure.contains(expected), "{failure}");
            assert!(!failure.contains("can be resumed"), "{failure}");
            let there = fs::read_to_string(scratch.run.path().join(name)).ok();
            assert_eq!(there.as_deref(), replaced.then_some("mine"));
        }
    }
}

#[test]
fn a_file_that_somebody_else_cuts_or_writes_to_is_noticed_before_the_next_write() {
    for name in ["journal.jsonl", "series.bin"] {
        for bytes in [
            "",
            "mine",
            "much longer than anything that the run has written",
        ] {
            let bytes = bytes.repeat(100);
            let (scratch, failure, _) = recorded_while(|run| {
                // The same file: neither its name nor its number changes.
                fs::write(run.join(name), &bytes).unwrap();
            });
            let path = scratch.run.path().join(name);
            let expected = format!("{} was changed while the run trained", path.shown());
            assert!(failure.starts_with(&expected), "{failure}");
            assert!(!failure.contains("can be resumed"), "{failure}");
            assert_eq!(fs::read_to_string(&path).unwrap(), bytes);
        }
    }
}

#[test]
fn a_full_block_is_not_written_behind_what_somebody_else_wrote() {
    let scratch = scratch();
    let recording = scratch.record(StopSignal::new());
    recording.handle.flush();
    fs::write(scratch.run.series(), "mine").unwrap();
    // More than a block, sooner than blocks are written by the clock.
    for n in 0..1100 {
        recording.handle.emit(step(n));
    }
    drop(recording.handle);
    let failure = recording.recorder.join().unwrap_err();
    assert!(failure.contains("series.bin was changed"), "{failure}");
    assert_eq!(fs::read_to_string(scratch.run.series()).unwrap(), "mine");
}

#[test]
fn a_byte_that_is_changed_in_place_is_noticed_when_the_run_ends() {
    for name in ["journal.jsonl", "series.bin"] {
        let scratch = scratch();
        let recording = scratch.record(StopSignal::new());
        for n in 0..3 {
            recording.handle.emit(RunEvent::Paused(true));
            recording.handle.emit(step(n));
            recording.handle.flush();
        }
        let path = scratch.run.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, &bytes).unwrap();
        recording.handle.flush();
        assert_eq!(recording.handle.failure(), None);
        recording
            .handle
            .emit(RunEvent::RunEnded(Outcome::Completed));
        drop(recording.handle);
        let failure = recording.recorder.join().unwrap_err();
        assert!(
            failure.contains(&format!("{name} was changed")),
            "{failure}"
        );
        assert!(fs::read(&path).unwrap() == bytes);
    }
}

#[test]
fn an_experiment_or_a_plan_that_is_lost_or_changed_is_noticed_at_the_next_checkpoint() {
    let frozen = |run: &RunFolder| [run.experiment(), run.plan_path()];
    for which in 0..2 {
        for lost in [true, false] {
            let scratch = scratch();
            fs::write(scratch.run.plan_path(), "a plan").unwrap();
            let recording = scratch.record(StopSignal::new());
            recording.handle.flush();
            // The same content in another file is the same.
            let path = frozen(&scratch.run)[which].clone();
            let moved = path.with_extension("moved");
            fs::copy(&path, &moved).unwrap();
            fs::rename(&moved, &path).unwrap();
            recording.handle.flush();
            assert_eq!(recording.handle.failure(), None);
            if lost {
                fs::remove_file(&path).unwrap();
            } else {
                fs::write(&path, "another").unwrap();
            }
            recording.handle.flush();
            let failure = recording.handle.failure().unwrap();
            let expected = if lost { "was removed" } else { "was changed" };
            let expected = format!("{} {expected}", path.shown());
            assert!(failure.starts_with(&expected), "{failure}");
            assert_eq!(path.exists(), !lost);
        }
    }
}
