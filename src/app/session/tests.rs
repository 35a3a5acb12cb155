use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};

use super::*;
use crate::event::{Command, CommandRecord, Origin, Phase, Position};
use crate::run::LockError;
use crate::store::{Journal, JournalReader};
use crate::trainer::CommandSource;

impl Opened {
    /// A run as a process finds it that needs no images: from its beginning, or
    /// from where its journal ends.
    pub(in crate::app) fn without_images(folder: RunFolder) -> Result<Self, SessionError> {
        let lock = folder.lock()?;
        let events = JournalReader::new(&folder.journal()).read_all()?;
        Ok(Self {
            lock,
            gates: Vec::new(),
            before: RunStore::open(&folder),
            previous: ResumeState {
                known: previous::received(&events),
                ..ResumeState::default()
            },
            folder,
        })
    }
}

/// Five steps of a teacher, then more of a student than anybody waits for.
const TINY: &str = "Experiment(
    name: \"tiny\",
    seed: 3,
    device: Cpu,
    data: (train: Shapes(classes: 2, count: 60, size: 8), valid: Holdout(0.3), workers: 1),
    teacher: (model: Cnn(channels: [2, 4]), weights: Train(epochs: 1)),
    student: (model: Cnn(channels: [2, 4])),
    method: Vanilla(weight: 0.5, temperature: 2.0),
    lr: Constant(0.01),
    epochs: 9000,
    batch: 8,
    log_every: 1,
)";

fn enough() -> Outcome {
    let reason = "enough".to_owned();
    Outcome::Stopped { reason }
}

/// Trains until the student has made a step, and stops with a checkpoint after
/// it. Once for all tests.
fn stopped() -> &'static Path {
    static STOPPED: OnceLock<tempfile::TempDir> = OnceLock::new();
    let place = STOPPED.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let loaded = crate::experiment::load_text(TINY, Path::new("tiny.ron"), &[]).unwrap();
        let job = Job::New {
            loaded: Box::new(loaded),
            device: None,
            study: None,
        };
        let stop = StopSignal::new();
        let session = Session::begin(job, place.path(), stop.clone(), Box::new(|_| ())).unwrap();
        let (events, end) = session.into_parts();
        for event in &events {
            if let RunEvent::StepLogged(row) = event
                && row.phase == Phase::Student
            {
                stop.request("enough");
            }
        }
        assert_eq!(end.join(), enough());
        place
    });
    place.path()
}

/// A copy of that run, and the place that it lies in.
fn copy() -> (tempfile::TempDir, RunFolder) {
    let place = tempfile::tempdir().unwrap();
    copy_folder(stopped(), place.path());
    let names = RunFolder::names(place.path()).unwrap();
    let run = RunFolder::at(place.path().join(&names[0])).unwrap();
    (place, run)
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&place).unwrap();
            copy_folder(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Everything in a run's folder with its content, but for who holds its lock.
fn content(folder: &Path) -> BTreeMap<PathBuf, Option<blake3::Hash>> {
    let mut content = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            content.extend(self::content(&path));
            content.insert(path, None);
        } else if entry.file_name() != "lock.json" {
            let hash = blake3::hash(&fs::read(&path).unwrap());
            content.insert(path, Some(hash));
        }
    }
    content
}

/// Why the run is not resumed. Nothing in its folder may have changed.
fn refusal(run: &RunFolder, changes: ResumeChanges) -> SessionError {
    let before = content(run.path());
    let job = Job::Resume {
        run: run.clone(),
        changes,
    };
    let checkpoints = run.path().parent().unwrap();
    let Err(error) = Session::begin(job, checkpoints, StopSignal::new(), Box::new(|_| ())) else {
        panic!("it resumes");
    };
    assert_eq!(content(run.path()), before, "{error}");
    error
}

fn set(knob: &str, value: f64) -> ResumeChanges {
    ResumeChanges {
        set: vec![(knob.to_owned(), Schedule::Constant(value))],
        ..ResumeChanges::default()
    }
}

fn remove(path: impl AsRef<Path>) {
    let path = path.as_ref();
    if path.is_dir() {
        fs::remove_dir_all(path).unwrap();
    } else {
        fs::remove_file(path).unwrap();
    }
}

fn journal(run: &RunFolder, events: &[RunEvent]) {
    let mut journal = Journal::append_to(&run.journal()).unwrap();
    for event in events {
        journal.append(event).unwrap();
    }
    journal.sync().unwrap();
}

#[test]
fn a_refused_resume_names_what_is_in_its_way_and_leaves_the_run_as_it_was() {
    type Damage = fn(&RunFolder);
    type Expected = fn(&SessionError) -> bool;
    let damages: [(Damage, Expected); 8] = [
        (
            |run| journal(run, &[RunEvent::RunEnded(Outcome::Completed)]),
            |error| matches!(error, SessionError::Complete { .. }),
        ),
        (
            |run| {
                let text = run.experiment_text().unwrap();
                fs::write(run.experiment(), text.replace("0.01", "0.02")).unwrap();
            },
            |error| matches!(error, SessionError::Edited(path) if path.ends_with("experiment.ron")),
        ),
        (
            |run| {
                let path = run.path().join("plan.json");
                let mut bytes = fs::read(&path).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(path, bytes).unwrap();
            },
            |error| matches!(error, SessionError::Plan(_)),
        ),
        (
            |run| remove(run.path().join("plan.json")),
            |error| matches!(error, SessionError::Missing { path, .. } if path.ends_with("plan.json")),
        ),
        (
            |run| remove(run.journal()),
            |error| matches!(error, SessionError::Missing { path, .. } if path.ends_with("journal.jsonl")),
        ),
        (
            |run| {
                let text = fs::read_to_string(run.journal()).unwrap();
                let lines: Vec<&str> = text.split_inclusive('\n').collect();
                fs::write(run.journal(), lines[..4].concat()).unwrap();
            },
            |error| matches!(error, SessionError::JournalCut { .. }),
        ),
        (
            |run| remove(run.latest().path()),
            |error| matches!(error, SessionError::CheckpointMissing { journalled, .. } if journalled.step > 0),
        ),
        (
            |run| {
                let series = fs::read(run.series()).unwrap();
                fs::write(run.series(), &series[..series.len() / 2]).unwrap();
            },
            |error| matches!(error, SessionError::OtherSeries(_)),
        ),
    ];
    for (damage, expected) in damages {
        let (_place, run) = copy();
        damage(&run);
        let error = refusal(&run, ResumeChanges::default());
        assert!(expected(&error), "{error}");
    }
}

#[test]
fn a_run_that_somebody_writes_to_is_not_resumed() {
    let (_place, run) = copy();
    let _held = run.lock().unwrap();
    let error = refusal(&run, ResumeChanges::default());
    assert!(
        matches!(error, SessionError::Lock(LockError::Held { .. })),
        "{error}"
    );
}

#[test]
fn a_knob_that_is_not_there_or_does_not_go_so_far_is_refused_before_anything_is_trained() {
    let (_place, run) = copy();
    let message = refusal(&run, set("rl", 0.1)).to_string();
    assert!(
        message.starts_with("--set rl: there is no such knob; this training has "),
        "{message}"
    );
    assert!(
        message.contains("lr") && message.contains("temperature"),
        "{message}"
    );
    let message = refusal(&run, set("method.temperature", 2.0)).to_string();
    assert!(
        message.contains("did you mean `temperature`? this training has"),
        "{message}"
    );
    let error = refusal(&run, set("lr", -1.0));
    assert!(
        matches!(&error, SessionError::UnfitSchedule { knob, .. } if knob == "lr"),
        "{error}"
    );
}

/// Asks for commands at these places, and records what it was given.
struct Asks(Vec<Position>, Sender<(Position, CommandRecord)>);

impl Trainer for Asks {
    fn run(&mut self, inbox: &mut dyn CommandSource, _: &dyn EventSink) -> Outcome {
        for at in &self.0 {
            for record in inbox.due(*at, false) {
                self.1.send((*at, record)).unwrap();
            }
        }
        enough()
    }
}

/// The schedules that the training is given at these places, with who asks for
/// them, and what is warned of.
fn given(opened: Opened, at: &[Position]) -> (Vec<(Position, f64, Origin)>, Vec<String>) {
    let (sender, given) = channel();
    let trainer = Box::new(Asks(at.to_vec(), sender));
    let session = Session::start(opened, trainer, StopSignal::new()).unwrap();
    let (events, end) = session.into_parts();
    let warnings = events.iter().filter_map(|event| match event {
        RunEvent::Warned { message } => Some(message),
        _ => None,
    });
    let warnings = warnings.collect();
    assert_eq!(end.join(), enough());
    let given = given.iter().map(|(at, record)| match record.command {
        Command::Adjust { schedule, .. } => (at, schedule.at(0.0, 1.0), record.origin),
        other => panic!("{other:?}"),
    });
    (given.collect(), warnings)
}

/// What a journal says of a learning rate that took effect there.
fn adjusted(at: Position, value: f64) -> [RunEvent; 2] {
    let id = format!("{value}");
    let record = CommandRecord {
        id: id.clone(),
        origin: Origin::User,
        command: Command::Adjust {
            knob: "lr".to_owned(),
            schedule: Schedule::Constant(value),
        },
    };
    let Position { phase, step } = at;
    [
        RunEvent::CommandReceived(record),
        RunEvent::CommandApplied {
            id,
            phase,
            step,
            from: None,
        },
    ]
}

fn student(step: u64) -> Position {
    let phase = Phase::Student;
    Position { phase, step }
}

fn teacher(step: u64) -> Position {
    let phase = Phase::Teacher;
    Position { phase, step }
}

#[test]
fn a_run_without_its_series_is_resumed_with_a_warning() {
    let (_place, run) = copy();
    fs::remove_file(run.series()).unwrap();
    let (opened, _) =
        previous::resume(&run, &ResumeChanges::default(), &StopSignal::new()).unwrap();
    let warnings = opened.previous.warnings.join("\n");
    assert!(
        warnings.contains("series.bin is missing: the metrics of the steps"),
        "{warnings}"
    );
}

#[test]
fn what_was_adjusted_after_the_checkpoint_is_given_again_and_what_is_set_comes_after_it() {
    let (_place, run) = copy();
    let stands = crate::engine::standing(&run).unwrap().unwrap().position;
    let at = |steps| student(stands.step + steps);
    let adjustments = [(at(0), 0.03), (at(5), 0.04), (at(9), 0.05)];
    for (at, value) in adjustments {
        journal(&run, &adjusted(at, value));
    }
    let given = |changes: ResumeChanges| {
        let (opened, _) = previous::resume(&run, &changes, &StopSignal::new()).unwrap();
        given(opened, &[at(0), at(4), at(5), at(9), at(20)]).0
    };
    let again = adjustments.map(|(at, value)| (at, value, Origin::Replay));
    assert_eq!(given(ResumeChanges::default()), again);
    let changes = ResumeChanges {
        without_adjustments_after: Some(at(5).step),
        ..set("lr", 0.02)
    };
    // What is set is not undone by a change that was journalled later.
    assert_eq!(given(changes), [(at(0), 0.02, Origin::Launch)]);
    let changes = ResumeChanges {
        without_adjustments_after: Some(at(5).step),
        ..ResumeChanges::default()
    };
    assert_eq!(given(changes), again[..2]);
}

#[test]
fn adjustments_of_the_teachers_training_are_never_given_to_the_student() {
    let (place, run) = copy();
    journal(&run, &adjusted(teacher(2), 0.5));
    journal(&run, &adjusted(student(3), 0.03));
    let repeated = || {
        previous::replay(&run, None, None, place.path(), &StopSignal::new())
            .unwrap()
            .0
    };
    let of_teacher = (teacher(2), 0.5, Origin::Replay);
    let of_student = (student(3), 0.03, Origin::Replay);
    let at = [teacher(0), teacher(2), student(0), student(3)];
    assert_eq!(
        given(repeated(), &at),
        (vec![of_teacher, of_student], vec![])
    );
    // The teacher may come from a file or be trained already.
    let (given, warnings) = given(repeated(), &at[2..]);
    assert_eq!(given, [of_student]);
    assert!(
        warnings[0].contains("0.5 was not applied again"),
        "{warnings:?}"
    );
}

/// A journal whose last lines are zeros, or half a line, has lost them.
#[test]
fn a_journal_that_lost_what_led_to_the_checkpoint_is_neither_resumed_nor_replayed() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 3] = [
        ("zeros", |bytes| {
            let from = bytes.len() - 200;
            bytes[from..].fill(0);
        }),
        ("a hole", |bytes| {
            let (from, length) = (bytes.len() - 200, bytes.len());
            bytes.truncate(from);
            bytes.resize(length + 5000, 0);
        }),
        ("junk without an end", |bytes| {
            let from = bytes.len() - 200;
            let from = bytes[..from]
                .iter()
                .rposition(|&byte| byte == b'\n')
                .unwrap()
                + 1;
            let length = bytes.len();
            bytes.truncate(from);
            bytes.resize(length + 100, b'x');
        }),
    ];
    for (name, damage) in damages {
        let (place, run) = copy();
        let mut bytes = fs::read(run.journal()).unwrap();
        // Events of an ending process that nothing rests on.
        let end = String::from_utf8_lossy(&bytes)
            .find("{\"RunEnded\"")
            .unwrap();
        bytes.truncate(end);
        damage(&mut bytes);
        fs::write(run.journal(), &bytes).unwrap();
        let resumed = previous::resume(&run, &ResumeChanges::default(), &StopSignal::new()).err();
        let replayed = previous::replay(&run, None, None, place.path(), &StopSignal::new()).err();
        for error in [resumed, replayed] {
            assert!(
                matches!(
                    error,
                    Some(SessionError::JournalCut { .. } | SessionError::OtherJournal(_))
                ),
                "{name}: {error:?}"
            );
        }
    }
}

#[test]
fn a_change_that_the_checkpoint_holds_cannot_be_left_out_but_in_a_replay() {
    let (place, run) = copy();
    let at = student(5);
    journal(&run, &adjusted(at, 0.5));
    let events = JournalReader::new(&run.journal()).read_all().unwrap();
    let held = |last| previous::in_checkpoint(&events, student(9), last);
    assert_eq!((held(4), held(5)), (Some(5), None));
    let repeated = |last| {
        previous::replay(&run, None, Some(last), place.path(), &StopSignal::new())
            .unwrap()
            .0
    };
    assert!(given(repeated(4), &[student(0), at]).0.is_empty());
    assert_eq!(given(repeated(5), &[student(0), at]).0.len(), 1);
}

#[test]
fn the_plan_of_another_run_is_named() {
    let (_place, run) = copy();
    let text = fs::read_to_string(run.plan_path()).unwrap();
    let other = run.plan().unwrap().unwrap();
    let other = crate::run::RunPlan {
        experiment: "0".repeat(64),
        ..other
    };
    fs::write(run.plan_path(), other.to_bytes().unwrap()).unwrap();
    let error = previous::resume(&run, &ResumeChanges::default(), &StopSignal::new())
        .err()
        .unwrap();
    assert!(matches!(error, SessionError::OtherPlan(_)), "{error:?}");
    fs::write(run.plan_path(), text).unwrap();
    fs::write(run.experiment(), "Experiment()").unwrap();
    let error = previous::resume(&run, &ResumeChanges::default(), &StopSignal::new())
        .err()
        .unwrap();
    assert!(matches!(error, SessionError::Edited(_)), "{error:?}");
}

/// Trains on in a run with its own images until `ends`, and says which commands were
/// applied.
fn trained_on(run: &RunFolder, stop: &StopSignal) -> Vec<String> {
    let (opened, prepared) =
        previous::resume(run, &ResumeChanges::default(), &StopSignal::new()).unwrap();
    let teachers = run.path().with_file_name(TEACHERS);
    let engine = Engine::new(prepared, run.clone(), teachers);
    let session = Session::start(opened, Box::new(engine), stop.clone()).unwrap();
    let (events, end) = session.into_parts();
    let mut applied = Vec::new();
    for event in &events {
        match event {
            RunEvent::CommandApplied { id, .. } => applied.push(id),
            RunEvent::StepLogged(_) => stop.request("enough"),
            _ => {}
        }
    }
    assert_eq!(end.join(), enough());
    applied
}

#[test]
fn a_stop_is_followed_before_many_commands_and_they_are_applied_once_when_resumed() {
    let (_place, run) = copy();
    let ids: Vec<String> = (0..300).map(|n| format!("c{n}")).collect();
    for id in &ids {
        let record = CommandRecord {
            id: id.clone(),
            origin: Origin::Process,
            command: Command::Adjust {
                knob: "lr".to_owned(),
                schedule: Schedule::Constant(0.02),
            },
        };
        crate::store::append_command(&run.commands(), &record).unwrap();
    }
    let stop = StopSignal::new();
    stop.request("enough");
    assert_eq!(trained_on(&run, &stop), ["enough"]);
    let mut expected = ids;
    expected.push("enough".to_owned());
    assert_eq!(trained_on(&run, &StopSignal::new()), expected);
    assert_eq!(trained_on(&run, &StopSignal::new()), ["enough"]);
}

#[test]
fn a_stop_ends_what_prepares_at_once() {
    let stop = StopSignal::new();
    stop.request("enough");
    let (_open, waits) = channel::<()>();
    let prepared = unless_stopped(&stop, move || {
        let _ = std::sync::Mutex::new(waits).lock().unwrap().recv();
        unreachable!("nobody opens")
    });
    assert!(matches!(prepared.err(), Some(SessionError::Stopped(reason)) if reason == "enough"));
}

#[test]
fn a_run_whose_best_weights_are_lost_ends_at_the_next_checkpoint() {
    for lost in ["best", "teacher"] {
        let (_place, run) = copy();
        let (opened, prepared) =
            previous::resume(&run, &ResumeChanges::default(), &StopSignal::new()).unwrap();
        let engine = Engine::new(prepared, run.clone(), run.path().with_file_name(TEACHERS));
        let stop = StopSignal::new();
        let session = Session::start(opened, Box::new(engine), stop.clone()).unwrap();
        let (events, end) = session.into_parts();
        let mut best = 0;
        for event in &events {
            match event {
                RunEvent::CheckpointSaved { at, best: true, .. } => best = at.step,
                RunEvent::StepLogged(row) if row.step > best + 20 && best > 0 => {
                    let _ = fs::remove_dir_all(run.path().join(lost));
                    stop.request("enough");
                }
                _ => {}
            }
        }
        let outcome = end.join();
        assert!(
            matches!(&outcome, Outcome::Failed { message }
                if message.contains(lost) && message.contains("is missing")),
            "{outcome:?}"
        );
    }
}
