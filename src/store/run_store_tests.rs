use std::fs;

use super::*;
use crate::event::testing::run_started;
use crate::event::{Command, CommandRecord, Origin, StepRow};
use crate::store::testing::{played, small_run};
use crate::untrusted::testing::make_pipe;

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
    run_started("small", position)
}

#[test]
fn a_finished_run_folds_to_its_metrics() {
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
    assert_eq!(store.rounds.len(), 3);
    assert_eq!(store.table(Phase::Student).len(), 12);
    assert_eq!(store.warnings[0].at, Some(at(Phase::Teacher, 8)));
}

#[test]
fn an_early_end_is_the_end_until_the_run_goes_back_or_gets_more_epochs() {
    let mut events = small_run();
    let ended = |event: &RunEvent| matches!(event, RunEvent::PhaseEnded { phase, .. } if *phase == Phase::Student);
    events.truncate(events.iter().position(ended).unwrap());
    let (phase, reason) = (Phase::Student, "no improvement".to_owned());
    events.push(RunEvent::StoppedEarly {
        phase,
        steps: 12,
        step: 12,
        reason: reason.clone(),
    });
    let store = folded(&events);
    assert_eq!(store.phases[&phase].steps, 12);
    assert_eq!(store.stopped_early, Some((at(phase, 12), reason)));
    let with = |event: RunEvent| folded(&[&events[..], &[event]].concat()).stopped_early;
    assert!(with(resumed(Some(at(phase, 12)))).is_some());
    assert!(with(resumed(Some(at(phase, 8)))).is_none());
    let extended = RunEvent::TrainingExtended {
        phase,
        steps: 16,
        step: 12,
    };
    assert!(with(extended).is_none());
}

#[test]
fn the_best_evaluation_is_that_of_the_metric_that_the_run_names() {
    let (phase, metric) = (Phase::Student, ValidMetric::Loss);
    let mut events = small_run();
    let best = |events: &[RunEvent]| folded(events).best_evaluation(phase).unwrap().step;
    for event in &mut events {
        if let RunEvent::Evaluated(each) = event
            && (each.phase, each.step, each.split) == (phase, 12, Split::Valid)
        {
            each.loss = 0.1;
        }
    }
    assert_eq!(best(&events), 8);
    events.insert(1, RunEvent::BestChosenBy { phase, metric });
    assert_eq!(best(&events), 12);
}

#[test]
fn knobs_are_those_of_the_last_step_until_an_round_moves_them() {
    let events = small_run();
    let ended = events
        .iter()
        .position(|event| matches!(event, RunEvent::RoundEnded { .. }))
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
    assert_eq!(store.rounds.len(), 1);
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
fn a_run_stopped_anywhere_and_resumed_folds_to_the_same_metrics() {
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
            assert_eq!(store.rounds, whole.rounds);
            assert_eq!(store.checkpoints, whole.checkpoints);
        }
    }
}

#[test]
fn a_run_started_again_from_nothing_forgets_everything() {
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
        from: None,
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
fn a_changed_knob_is_shown_with_the_value_that_it_had() {
    let mut store = folded(&small_run());
    let adjust = |id: &str, value| {
        RunEvent::CommandReceived(CommandRecord {
            id: id.to_owned(),
            origin: Origin::User,
            command: Command::Adjust {
                knob: "temperature".to_owned(),
                schedule: Schedule::Constant(value),
            },
        })
    };
    let described = |store: &RunStore| store.describe(store.commands.last().unwrap());
    let last = store.table(Phase::Student).last_step().unwrap();
    let row = StepRow {
        phase: Phase::Student,
        step: last + 1,
        epoch: 1.0,
        seconds: 1.0,
        values: [("knob/temperature".to_owned(), 4.0)].into(),
    };
    store.apply(&RunEvent::StepLogged(row));
    store.apply(&adjust("a", 2.5));
    assert_eq!(described(&store), "temperature 4 → 2.5");
    // What the journal has of it counts before what was logged.
    for (id, value, from) in [("a", 2.5, None), ("b", 2.0, None), ("c", 1.5, Some(1.75))] {
        store.apply(&adjust(id, value));
        store.apply(&RunEvent::CommandApplied {
            id: id.to_owned(),
            phase: Phase::Student,
            step: last + 3,
            from,
        });
    }
    // What is logged later changes nothing of what is shown.
    let all: Vec<String> = store
        .commands
        .iter()
        .map(|each| store.describe(each))
        .collect();
    assert!(
        all.ends_with(&[
            "temperature 4 → 2.5".to_owned(),
            "temperature 2.5 → 2".to_owned(),
            "temperature 1.75 → 1.5".to_owned()
        ]),
        "{all:?}"
    );
}

#[test]
fn a_run_on_disk_folds_to_the_same_state_as_the_live_one() {
    let (folder, live) = played();
    let store = RunStore::open(&folder.run);
    assert_eq!(store, live);
    assert_eq!(store.outcome(), Some(&Outcome::Completed));
}

#[test]
fn a_folder_in_which_nothing_happened_yet_is_an_empty_run() {
    let (folder, _) = played();
    for path in [folder.run.journal(), folder.run.series()] {
        fs::remove_file(path).unwrap();
    }
    assert_eq!(RunStore::open(&folder.run), RunStore::new());
}

#[test]
fn of_a_run_that_is_only_reported_no_more_is_kept_after_a_million_steps_than_after_one() {
    let mut store = RunStore::new().keeping_latest();
    let row = |step: u64| {
        RunEvent::StepLogged(StepRow {
            phase: Phase::Student,
            step,
            epoch: step as f64 / 100.0,
            seconds: step as f64,
            values: BTreeMap::from([
                ("knob/lr".to_owned(), 0.1),
                (format!("loss/{}", step % 3), step as f64),
            ]),
        })
    };
    let evaluations: Vec<RunEvent> = small_run()
        .into_iter()
        .filter(|event| !matches!(event, RunEvent::StepLogged(_)))
        .collect();
    for step in 0..1_000_000 {
        store.apply(&row(step));
        if step.is_multiple_of(10_000) {
            for event in &evaluations {
                store.apply(event);
            }
        }
    }
    let table = store.table(Phase::Student);
    assert_eq!((table.len(), table.last_step()), (1, Some(999_999)));
    assert_eq!(table.seconds(), Some(999_999.0));
    assert_eq!(store.knobs(Phase::Student)["lr"], 0.1);
    assert!(table.steps.capacity() <= 4);
    assert!(table.columns.values().all(|column| column.capacity() <= 4));
    assert!(store.evaluations.len() <= 8);
    assert_eq!((store.rounds.len(), store.checkpoints.len()), (1, 1));
}

#[test]
fn a_run_of_which_only_the_latest_is_kept_has_the_same_results() {
    let events = small_run();
    let (whole, mut latest) = (folded(&events), RunStore::new().keeping_latest());
    for event in &events {
        latest.apply(event);
    }
    for phase in [Phase::Teacher, Phase::Student] {
        assert_eq!(latest.best_evaluation(phase), whole.best_evaluation(phase));
        assert_eq!(latest.completed(phase), whole.completed(phase));
        assert_eq!(latest.knobs(phase), whole.knobs(phase));
        assert_eq!(latest.table(phase).seconds(), whole.table(phase).seconds());
        for split in [Split::Valid, Split::Test] {
            for weights in [EvaluatedWeights::Last, EvaluatedWeights::Best] {
                assert_eq!(
                    latest.last_evaluation(phase, split, weights),
                    whole.last_evaluation(phase, split, weights)
                );
            }
        }
    }
    assert!(latest.evaluations.len() < whole.evaluations.len());
}

#[test]
fn rounded_weights_are_the_best_among_themselves_only() {
    let events = small_run();
    let evaluated = events.iter().rev().find_map(|event| match event {
        RunEvent::Evaluated(each) if each.split == Split::Valid => Some(each.clone()),
        _ => None,
    });
    let rounded = |top1, step| {
        RunEvent::Evaluated(Evaluation {
            weights: EvaluatedWeights::Quantized,
            top1,
            step,
            ..evaluated.clone().unwrap()
        })
    };
    let started = RunEvent::QuantizationStarted {
        step: 12,
        images: 512,
        values: 3,
    };
    for mut store in [RunStore::new(), RunStore::new().keeping_latest()] {
        for event in &events {
            store.apply(event);
        }
        assert!(!store.quantizes() && store.best_quantized().is_none());
        let more = [started.clone(), rounded(0.9, 16), rounded(0.85, 20)];
        for event in &more {
            store.apply(event);
        }
        assert!(store.quantizes());
        assert_eq!(store.best_quantized().unwrap().step, 16);
        assert_eq!(store.best_evaluation(Phase::Student).unwrap().top1, 0.8);
        let last = store.last_evaluation(Phase::Student, Split::Valid, EvaluatedWeights::Last);
        assert_eq!(last.unwrap().top1, 0.7);
    }
}

#[test]
fn what_is_damaged_costs_itself_and_is_named() {
    let (folder, live) = played();
    let path = folder.run.journal();
    let text = fs::read_to_string(&path).unwrap();
    let evaluated = text
        .lines()
        .position(|line| line.contains("Evaluated"))
        .unwrap();
    let damaged: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(at, kept)| if at == evaluated { "garbage" } else { kept }.to_owned() + "\n")
        .collect();
    fs::write(&path, damaged.concat()).unwrap();
    let mut series = fs::read(folder.run.series()).unwrap();
    series.extend(b"garbage that is longer than a header");
    fs::write(folder.run.series(), series).unwrap();
    let store = RunStore::open(&folder.run);
    assert_eq!(store.evaluations.len(), live.evaluations.len() - 1);
    assert_eq!((&store.tables, &store.status), (&live.tables, &live.status));
    let [journal, series] = store.problems.as_slice() else {
        panic!("{:?}", store.problems);
    };
    assert!(journal.contains(&format!("line {}: not an event", evaluated + 1)));
    assert!(series.contains("series.bin: the block at byte"), "{series}");
}

#[test]
fn a_journal_that_is_all_garbage_is_given_up_after_a_while() {
    let (folder, live) = played();
    fs::write(folder.run.journal(), "garbage\n".repeat(1_000_000)).unwrap();
    let store = RunStore::open(&folder.run);
    assert_eq!(store.tables, live.tables);
    assert!(store.problems[0].ends_with("(and more; the rest was not read)"));
}

#[test]
fn a_pipe_in_place_of_a_file_is_a_problem_and_not_waited_for() {
    let (folder, _) = played();
    for path in [folder.run.journal(), folder.run.series()] {
        make_pipe(&path);
    }
    let store = RunStore::open(&folder.run);
    assert_eq!(store.problems.len(), 2);
    assert!(
        store
            .problems
            .iter()
            .all(|problem| problem.contains("it is a pipe"))
    );
}

#[test]
fn warnings_without_end_are_remembered_up_to_a_limit_and_that_is_reported() {
    let mut store = RunStore::new();
    for number in 0..3 * MOST_WARNINGS {
        let message = number.to_string();
        store.apply(&RunEvent::Warned { message });
    }
    assert_eq!(store.warnings.len(), MOST_WARNINGS + 1);
    let last = &store.warnings[MOST_WARNINGS].message;
    assert!(last.contains("more warnings"), "{last}");
}
