//! Runs for tests: a small distillation from the script that the scripted
//! trainer plays too.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::Deserialize;

use super::{Recorder, Recording, RunStore};
use crate::event::channel::EventSink;
use crate::event::{DataSummary, Outcome, RunEvent};
use crate::experiment::load_text;
use crate::experiment::plan::DataFacts;
use crate::run::{RunFolder, RunLock, RunPlan, StopSignal};

/// What was found of so many training images of each class, and so many for
/// validation and test.
pub(crate) fn data_summary(classes: &[&str], of_each: usize, held_out: usize) -> DataSummary {
    DataSummary {
        classes: classes.iter().copied().map(str::to_owned).collect(),
        train_per_class: vec![of_each; classes.len()],
        train: of_each * classes.len(),
        valid: held_out,
        test: held_out,
        unlabelled: 0,
        size: (32, 32),
        mean: [0.5; 3],
        std: [0.25; 3],
        skipped: Vec::new(),
        in_memory: true,
        identity: BTreeMap::new(),
        notes: Vec::new(),
    }
}

/// The plan of a run of this experiment, whose epochs have so many steps. Its
/// images must be generated ones.
pub(crate) fn run_plan(experiment: &str, steps_per_epoch: u64) -> RunPlan {
    let loaded = load_text(experiment, Path::new("experiment.ron"), &[]);
    let plan = loaded.unwrap_or_else(|report| panic!("{report}")).plan;
    let data = data_summary(&["cat", "dog"], 10_000, 200);
    let facts = DataFacts {
        train: data.train,
        unlabelled: 0,
        classes: data.classes.len(),
        labelled: true,
        per_class: Vec::new(),
        size: data.size,
        normalization: Some((data.mean, data.std)),
        steps_per_epoch,
        teacher_steps_per_epoch: steps_per_epoch,
    };
    RunPlan {
        id: String::new(),
        started: None,
        experiment: String::new(),
        resolved: plan.resolve(&facts).unwrap(),
        data,
        models: Vec::new(),
        weights: Vec::new(),
        forked: None,
        study: None,
    }
}

const SCRIPT: &str = include_str!("../../tests/fixtures/scripts/run.ron");

/// The only kind of entry in that script.
#[derive(Deserialize)]
enum Entry {
    Emit(RunEvent),
}

/// A run's folder that is removed when it is dropped, with its lock.
pub(crate) struct Scratch {
    pub(crate) run: RunFolder,
    lock: RunLock,
    _checkpoints: tempfile::TempDir,
}

impl Scratch {
    /// Records into the folder.
    pub(crate) fn record(&self, stop: StopSignal) -> Recording {
        Recorder::start(&self.run, &self.lock, stop).unwrap()
    }
}

pub(crate) fn scratch() -> Scratch {
    let checkpoints = tempfile::tempdir().unwrap();
    let run = RunFolder::create(checkpoints.path(), "small", "Experiment()", UNIX_EPOCH).unwrap();
    Scratch {
        lock: run.lock().unwrap(),
        run,
        _checkpoints: checkpoints,
    }
}

/// Every event of the small distillation, without the end of the run.
pub(crate) fn small_run() -> Vec<RunEvent> {
    let entries: Vec<Entry> = ron::from_str(SCRIPT).unwrap();
    entries
        .into_iter()
        .map(|Entry::Emit(event)| event)
        .collect()
}

/// The small distillation, recorded, and its fold as somebody who watched it
/// has it.
pub(crate) fn played() -> (Scratch, RunStore) {
    let scratch = scratch();
    let recording = scratch.record(StopSignal::new());
    for event in small_run() {
        recording.handle.emit(event);
    }
    recording
        .handle
        .emit(RunEvent::RunEnded(Outcome::Completed));
    drop(recording.handle);
    let mut live = RunStore::new();
    for event in recording.events {
        live.apply(&event);
    }
    recording.recorder.join().unwrap();
    (scratch, live)
}
