//! A whole run without tensors: the scripted trainer, commands from another
//! process, the recorder, the reports and the run read back from its folder.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

use std::path::Path;
use std::time::UNIX_EPOCH;

use workbench::event::{Command, CommandRecord, Origin, Outcome, Phase, Position, RunEvent};
use workbench::experiment::schedule::Schedule;
use workbench::format::Symbols;
use workbench::report::{Ending, Reporters, TextReporter};
use workbench::run::{Exit, RunFolder, StopSignal};
use workbench::store::{
    CommandState, CommandTail, Frozen, JournalReader, Recorder, RunStore, adjustments,
    append_command,
};
use workbench::trainer::scripted::Scripted;
use workbench::trainer::{CommandSource, EventSink, Trainer};

const SCRIPT: &str = include_str!("fixtures/scripts/run.ron");

/// Another process's commands, written just before the step that they wait for.
struct Remote<'a> {
    folder: &'a RunFolder,
    tail: CommandTail,
    plan: Vec<(Position, Command)>,
}

impl CommandSource for Remote<'_> {
    fn due(&mut self, at: Position, _: bool) -> Vec<CommandRecord> {
        for (_, command) in self.plan.extract_if(.., |(position, _)| *position == at) {
            let record = CommandRecord {
                id: format!("remote-{}", at.step),
                origin: Origin::Process,
                command,
            };
            append_command(&self.folder.commands(), &record).unwrap();
        }
        self.tail.poll()
    }
}

fn student(step: u64) -> Position {
    Position {
        phase: Phase::Student,
        step,
    }
}

fn adjust(knob: &str, value: f64) -> Command {
    Command::Adjust {
        knob: knob.to_owned(),
        schedule: Schedule::Constant(value),
    }
}

fn run(folder: &RunFolder, plan: Vec<(Position, Command)>) -> (Outcome, RunStore, String) {
    let lock = folder.lock().unwrap();
    let recording = Recorder::start(folder, &lock, StopSignal::new()).unwrap();
    let handle = recording.handle;
    let mut inbox = Remote {
        folder,
        tail: CommandTail::from_end(&folder.commands()).unwrap(),
        plan,
    };
    let outcome = Scripted::from_ron(SCRIPT).unwrap().run(&mut inbox, &handle);
    handle.emit(RunEvent::RunEnded(outcome.clone()));
    drop(handle);

    let path = folder.path().with_extension("txt");
    let mut reporters = Reporters::new();
    reporters.add(TextReporter::new(
        std::fs::File::create(&path).unwrap(),
        Symbols::Unicode,
    ));
    let mut store = RunStore::new();
    for event in recording.events {
        store.apply(&event);
        assert!(reporters.observe(&event, &store).is_empty());
    }
    recording.recorder.join().unwrap();
    let ending = Ending {
        folder: Path::new("the-run"),
        store: &store,
        config: &Frozen::of("()", None, &store).config,
        outcome: &outcome,
        verdicts: &[],
    };
    assert!(reporters.finish(&ending).is_empty());
    (outcome, store, std::fs::read_to_string(path).unwrap())
}

#[test]
fn a_run_adjusted_and_stopped_by_another_process_is_the_same_live_and_from_disk() {
    let checkpoints = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(checkpoints.path(), "small", "()", UNIX_EPOCH).unwrap();
    let plan = vec![
        (student(2), adjust("lr", 0.05)),
        (student(3), adjust("rl", 0.05)),
        (student(6), Command::Stop),
    ];
    let (outcome, live, text) = run(&folder, plan);

    assert_eq!(Exit::of(&outcome, true), Exit::Interrupted);
    assert_eq!(RunStore::open(&folder), live);
    let states: Vec<_> = live.commands.iter().map(|c| c.state.clone()).collect();
    assert_eq!(
        states,
        [
            CommandState::Applied(student(2)),
            CommandState::Rejected("there is no knob `rl`".to_owned()),
            CommandState::Applied(student(6)),
        ]
    );
    let lr: Vec<f64> = live
        .table(Phase::Student)
        .series("knob/lr")
        .unwrap()
        .values
        .to_vec();
    assert_eq!(lr, [0.1, 0.1, 0.05, 0.05, 0.05, 0.05]);
    let events = JournalReader::new(&folder.journal()).read_all().unwrap();
    let found: Vec<u64> = adjustments(&events).iter().map(|(at, _)| at.step).collect();
    assert_eq!(found, [2]);
    for line in [
        "lr 0.1 → 0.05, applied at step 2",
        "rl → 0.05, rejected",
        "outcome  stopped: requested by another process, can be resumed",
        "run      the-run",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn a_second_process_in_the_same_folder_replaces_what_the_first_did() {
    let checkpoints = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(checkpoints.path(), "small", "()", UNIX_EPOCH).unwrap();
    let (_, undisturbed, _) = run(&folder, Vec::new());
    let (_, _, _) = run(&folder, vec![(student(6), Command::Stop)]);
    run(&folder, Vec::new());
    let store = RunStore::open(&folder);
    assert_eq!(store.processes, 3);
    assert_eq!(store.tables, undisturbed.tables);
    assert_eq!(store.evaluations, undisturbed.evaluations);
}
