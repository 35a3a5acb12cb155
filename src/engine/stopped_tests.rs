//! A training that is stopped: in the middle of an evaluation, wherever that is, and while
//! it is paused.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::checkpoint::CheckpointFolder;
use super::tests::Recorded;
use super::{Engine, Prepared};
use crate::event::{
    Command, CommandRecord, EvaluatedWeights, Evaluation, Origin, Outcome, Phase, Position,
    RunEvent, Split,
};
use crate::experiment;
use crate::run::{RunFolder, WEIGHTS};
use crate::trainer::{CommandSource, Trainer};

/// 300 images to validate with and 300 to test with are two batches each.
const EXPERIMENT: &str = "Experiment(
    name: \"stopped\",
    seed: 3,
    data: (
        train: Shapes(classes: 3, count: 364, size: 8),
        valid: Holdout(0.825),
        test: Shapes(classes: 3, count: 300, size: 8, seed: 9),
    ),
    teacher: (model: Cnn(channels: [4]), weights: Train(epochs: 1)),
    student: (model: Cnn(channels: [2])),
    augment: [HorizontalFlip],
    method: METHOD,
    optimizer: Sgd(momentum: 0.9),
    lr: Constant(0.05),
    epochs: 2,
    log_every: 1,
)";

/// Rounds end without an evaluation, or, twice an epoch, with one.
const METHODS: [&str; 2] = [
    "AdaptiveAugmentation(p1: 0.2, p_max: 0.5, w: 0.9, temperature: 4.0, update: Feedback()), batch: 32",
    "SteeredKd(p_max: 0.5), batch: 16, round: Steps(2)",
];

/// A stop that comes when it was asked for so many times.
struct Stop {
    after: Option<usize>,
    asked: usize,
}

impl CommandSource for Stop {
    fn due(&mut self, _: Position, _: bool) -> Vec<CommandRecord> {
        let is_due = self.after.is_some_and(|after| self.asked >= after);
        let stop = is_due.then(|| CommandRecord {
            id: "enough".to_owned(),
            origin: Origin::Signal,
            command: Command::Stop,
        });
        stop.into_iter().collect()
    }

    fn stop_is_due(&mut self) -> bool {
        self.asked += 1;
        self.after.is_some_and(|after| self.asked >= after)
    }
}

type Key = (Phase, Split, EvaluatedWeights, u64);

/// A run, and what was reported of its evaluations: the loss of each.
struct Run {
    text: String,
    place: tempfile::TempDir,
    folder: RunFolder,
    found: BTreeMap<String, f64>,
    /// What the controller decided, by step.
    rounds: BTreeMap<u64, String>,
    stopped: usize,
}

impl Run {
    fn new(method: &str) -> Self {
        let text = EXPERIMENT.replace("METHOD", method);
        let place = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(place.path(), "stopped", &text, SystemTime::now()).unwrap();
        Self {
            text,
            place,
            folder,
            found: BTreeMap::new(),
            rounds: BTreeMap::new(),
            stopped: 0,
        }
    }

    /// Trains as another process does; returns how that ended, and its events.
    fn process(&self, inbox: &mut dyn CommandSource) -> (Outcome, Vec<RunEvent>) {
        let plan = experiment::load_text(&self.text, Path::new("stopped.ron"), &[])
            .unwrap()
            .plan;
        let prepared = Prepared::new(plan, &|_| ()).unwrap();
        let teachers = self.place.path().join("teachers");
        let mut engine = Engine::new(prepared, self.folder.clone(), teachers);
        let recorded = Recorded::default();
        let outcome = engine.run(inbox, &recorded);
        (outcome, recorded.0.into_inner())
    }

    /// Trains until it ends; returns how, and how often it was asked whether to stop.
    fn train(&mut self, after: Option<usize>) -> (Outcome, usize) {
        let mut stop = Stop { after, asked: 0 };
        let (outcome, events) = self.process(&mut stop);
        for event in events {
            match event {
                RunEvent::Evaluated(evaluation) => {
                    let key = format!("{:?}", key(&evaluation));
                    let loss = self.found.entry(key).or_insert(evaluation.loss);
                    // A teacher that is read again answers with its normalisations folded.
                    let tolerance = match evaluation.phase {
                        Phase::Teacher => 1e-5,
                        Phase::Student => 0.0,
                    };
                    assert!(
                        (*loss - evaluation.loss).abs() <= tolerance,
                        "{evaluation:?}"
                    );
                }
                RunEvent::RoundEnded { step, decision, .. } => {
                    self.rounds.insert(step, format!("{decision:?}"));
                }
                RunEvent::CommandApplied { .. } => self.stopped += 1,
                _ => {}
            }
        }
        (outcome, stop.asked)
    }

    fn weights(&self) -> Vec<u8> {
        fs::read(self.folder.latest().path().join(WEIGHTS)).unwrap()
    }
}

fn key(evaluation: &Evaluation) -> Key {
    let Evaluation {
        phase,
        split,
        weights,
        step,
        ..
    } = *evaluation;
    (phase, split, weights, step)
}

#[test]
fn a_run_stopped_in_any_evaluation_comes_to_the_same_end() {
    for (method, evaluations) in METHODS.into_iter().zip([5, 7]) {
        let mut whole = Run::new(method);
        let (outcome, asked) = whole.train(None);
        assert_eq!(outcome, Outcome::Completed);
        assert_eq!(whole.found.len(), evaluations, "{:?}", whole.found);
        // Each has two batches, as the teacher's answers on both sets have.
        assert_eq!(asked, 2 * (evaluations + 2));
        for after in 1..=asked {
            let mut run = Run::new(method);
            let (outcome, _) = run.train(Some(after));
            let stopped = Outcome::Stopped {
                reason: "enough".to_owned(),
            };
            // After the last batch of all nothing is left to be stopped.
            assert_eq!(outcome == stopped, after < asked, "{after}: {outcome:?}");
            assert_eq!(run.stopped, usize::from(after < asked), "{after}");
            if outcome == stopped {
                assert!(run.found.len() < whole.found.len(), "{after}");
                assert_eq!(run.train(None).0, Outcome::Completed, "{after}");
            }
            assert_eq!(run.found, whole.found, "{after}");
            assert_eq!(run.rounds, whole.rounds, "{after}");
            assert_eq!(run.weights(), whole.weights(), "{after}");
        }
    }
}

/// Pauses the training at a position, and stops it after a while.
struct PauseAndStop {
    at: Position,
    pause: Duration,
}

impl CommandSource for PauseAndStop {
    fn due(&mut self, at: Position, is_paused: bool) -> Vec<CommandRecord> {
        let command = if is_paused {
            std::thread::sleep(self.pause);
            Command::Stop
        } else if at == self.at {
            Command::Pause
        } else {
            return Vec::new();
        };
        vec![CommandRecord {
            id: command.to_string(),
            origin: Origin::Process,
            command,
        }]
    }
}

#[test]
fn time_counts_on_in_the_next_process_and_leaves_pauses_out() {
    let run = Run::new(METHODS[0]);
    let pause = Duration::from_millis(200);
    let at = Position {
        phase: Phase::Student,
        step: 1,
    };
    let started = Instant::now();
    let (outcome, _) = run.process(&mut PauseAndStop { at, pause });
    let took = started.elapsed().as_secs_f64();
    assert!(matches!(outcome, Outcome::Stopped { .. }), "{outcome:?}");
    let checkpoints = CheckpointFolder::new(&run.folder, Phase::Student);
    let saved = checkpoints.latest_state().unwrap().unwrap().seconds;
    assert!(
        saved > 0.0 && saved + pause.as_secs_f64() <= took,
        "{saved} of {took}"
    );

    let mut stop = Stop {
        after: None,
        asked: 0,
    };
    let (outcome, events) = run.process(&mut stop);
    assert_eq!(outcome, Outcome::Completed);
    let seconds = events.iter().filter_map(|event| match event {
        RunEvent::StepLogged(row) => Some(row.seconds),
        RunEvent::PhaseEnded { phase, seconds } if *phase == Phase::Student => Some(*seconds),
        _ => None,
    });
    let seconds: Vec<f64> = [saved].into_iter().chain(seconds).collect();
    assert_eq!(seconds.len(), 3);
    assert!(seconds.is_sorted(), "{seconds:?}");
}
