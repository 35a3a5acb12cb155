use super::*;
use crate::event::{Command, CommandRecord, Origin};
use crate::store::testing::{played, small_run};

fn at(phase: Phase, step: u64) -> Position {
    Position { phase, step }
}

fn folded(events: &[RunEvent]) -> RunStore {
    let mut store = RunStore::new();
    for event in events {
        store.apply(event);
    }
    store
}

fn resumed(position: Option<Position>) -> RunEvent {
    RunEvent::RunStarted {
        name: "small".to_owned(),
        version: "0.1.0".to_owned(),
        device: "CPU (flex)".to_owned(),
        resumed: position,
        experiment: String::new(),
    }
}

#[test]
fn a_finished_run_folds_to_its_figures() {
    let store = folded(&small_run());
    assert_eq!(
        store.status,
        Status::Running,
        "the end is told by its owner"
    );
    assert_eq!(store.completed(Phase::Teacher), 8);
    assert_eq!(store.completed(Phase::Student), 12);
    assert_eq!(store.phases[&Phase::Student].ended, Some(6.0));
    assert_eq!(store.best_evaluation(Phase::Student).unwrap().top1, 0.8);
    let last = store.last_evaluation(Phase::Student, Split::Valid, EvaluatedWeights::Last);
    assert_eq!(last.unwrap().top1, 0.7);
    let test = store.last_evaluation(Phase::Student, Split::Test, EvaluatedWeights::Best);
    assert_eq!(test.unwrap().top1, 0.8);
    assert_eq!(store.iterations.len(), 3);
    assert_eq!(store.table(Phase::Student).len(), 12);
    assert_eq!(store.warnings[0].at, Some(at(Phase::Teacher, 8)));
}

#[test]
fn knobs_are_those_of_the_last_step_until_an_iteration_moves_them() {
    let events = small_run();
    let ended = events
        .iter()
        .position(|event| matches!(event, RunEvent::IterationEnded { .. }))
        .unwrap();
    let p1 = |n: usize| folded(&events[..n]).knobs(Phase::Student)["p1"];
    assert_eq!(p1(ended), 0.0);
    assert_eq!(p1(ended + 1), 0.25);
    let store = folded(&events);
    assert_eq!(store.knobs(Phase::Student)["lr"], 0.1);
    assert_eq!(store.knobs(Phase::Student)["w"], 0.5);
}

#[test]
fn a_resume_takes_back_what_will_be_made_again() {
    let mut events = small_run();
    events.push(resumed(Some(at(Phase::Student, 4))));
    let store = folded(&events);
    assert_eq!(store.table(Phase::Student).last_step(), Some(3));
    assert_eq!(store.table(Phase::Teacher).len(), 8);
    assert_eq!(store.completed(Phase::Student), 4);
    assert_eq!(store.iterations.len(), 1);
    let steps: Vec<u64> = store
        .evaluations_of(Phase::Student, Split::Valid)
        .map(|evaluation| evaluation.step)
        .collect();
    assert_eq!(steps, [4]);
    assert_eq!(store.evaluations_of(Phase::Student, Split::Test).count(), 0);
    assert_eq!(
        store.evaluations_of(Phase::Teacher, Split::Valid).count(),
        2
    );
    assert_eq!(
        (store.status.clone(), store.processes),
        (Status::Running, 2)
    );
}

#[test]
fn a_run_stopped_anywhere_and_resumed_folds_to_the_same_figures() {
    let events = small_run();
    let whole = folded(&events);
    let first_step = events
        .iter()
        .position(|e| matches!(e, RunEvent::StepLogged(row) if row.phase == Phase::Student))
        .unwrap();
    for (i, event) in events.iter().enumerate() {
        let RunEvent::CheckpointSaved {
            at, best: false, ..
        } = event
        else {
            continue;
        };
        for stopped in i..events.len() {
            let mut twice = events[..=stopped].to_vec();
            twice.push(resumed(Some(*at)));
            twice.push(events[first_step - 1].clone());
            twice.extend_from_slice(&events[i + 1..]);
            let store = folded(&twice);
            assert_eq!(store.tables, whole.tables);
            assert_eq!(store.evaluations, whole.evaluations);
            assert_eq!(store.iterations, whole.iterations);
            assert_eq!(store.checkpoints, whole.checkpoints);
        }
    }
}

#[test]
fn a_run_begun_again_from_nothing_forgets_everything() {
    let mut events = small_run();
    events.push(resumed(None));
    let store = folded(&events);
    assert!(store.table(Phase::Teacher).is_empty());
    assert!(store.evaluations.is_empty() && store.checkpoints.is_empty());
}

#[test]
fn a_command_goes_from_requested_to_its_fate() {
    let record = |id: &str| CommandRecord {
        id: id.to_owned(),
        origin: Origin::User,
        command: Command::EvaluateNow,
    };
    let mut store = RunStore::new();
    let state = |store: &RunStore, at: usize| store.commands[at].state.clone();
    for id in ["a", "b", "c"] {
        store.apply(&RunEvent::CommandReceived(record(id)));
    }
    assert_eq!(state(&store, 0), CommandState::Requested);
    store.apply(&RunEvent::CommandApplied {
        id: "a".to_owned(),
        phase: Phase::Student,
        step: 10,
    });
    store.apply(&RunEvent::CommandRejected {
        id: "b".to_owned(),
        reason: "no".to_owned(),
    });
    store.apply(&RunEvent::CommandRejected {
        id: "unheard of".to_owned(),
        reason: "no".to_owned(),
    });
    assert_eq!(
        state(&store, 0),
        CommandState::Applied(at(Phase::Student, 10))
    );
    assert_eq!(state(&store, 1), CommandState::Rejected("no".to_owned()));
    store.apply(&resumed(Some(at(Phase::Student, 10))));
    assert_eq!(state(&store, 0), CommandState::Void);
    assert_eq!(state(&store, 1), CommandState::Rejected("no".to_owned()));
    assert_eq!(state(&store, 2), CommandState::Void);
}

#[test]
fn a_run_on_disk_folds_to_the_same_state_as_the_live_one() {
    let (folder, live) = played();
    let store = RunStore::open(&folder.run).unwrap();
    assert_eq!(store, live);
    assert_eq!(store.outcome(), Some(&Outcome::Completed));
}

#[test]
fn a_folder_in_which_nothing_happened_yet_is_an_empty_run() {
    let (folder, _) = played();
    for path in [folder.run.journal(), folder.run.series()] {
        std::fs::remove_file(path).unwrap();
    }
    assert_eq!(RunStore::open(&folder.run).unwrap(), RunStore::new());
}
