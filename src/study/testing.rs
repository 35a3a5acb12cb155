//! Studies and their runs for tests, without a training.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::read::{Cell, Study};
use crate::event::{EvaluatedWeights, Outcome, Phase, RunEvent, Split};
use crate::run::{RunFolder, StudyRole};
use crate::store::testing::{run_plan, small_run};
use crate::store::{Owner, RunEntry};

pub(crate) const EXPERIMENT: &str = "Experiment(
    data: (train: Shapes(classes: 2, count: 40, size: 8), valid: Holdout(0.25)),
    teacher: (model: Cnn(channels: [8]), weights: Train(epochs: 1)),
    student: (model: Cnn(channels: [4])),
    method: Vanilla(),
    epochs: 3,
    batch: 8,
)";

/// Two variants, of one and of two views, with two seeds.
pub(crate) const STUDY: &str = "Study(
    base: \"base.ron\",
    variants: [
        (name: \"multi-view\", set: [\"method=MultiView(views: 2)\"]),
        (name: \"vanilla\"),
    ],
    seeds: [5, 6],
    budget: StudentPasses(4),
    baseline: \"vanilla\",
)";

/// What reading the text of a study says, beside an experiment.
pub(crate) fn read(text: &str) -> Result<Study, String> {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("base.ron"), EXPERIMENT).unwrap();
    let path = place.path().join("study.ron");
    fs::write(&path, text).unwrap();
    let shown = format!("{}/", place.path().to_string_lossy());
    Study::load(&path).map_err(|report| report.to_string().replace(&shown, ""))
}

pub(crate) fn study() -> Study {
    read(STUDY).unwrap()
}

/// A run of a cell that has so many epochs, which ended like this at this top-1 of best and
/// test weights.
pub(crate) fn run(
    study: &Study,
    cell: Cell,
    epochs: u32,
    end: Option<Outcome>,
    top1: f64,
) -> RunEntry {
    let role = match cell.role {
        StudyRole::Seed(seed) => seed,
        StudyRole::Speed => 0,
    };
    let name = format!("run-{}-{role}-{epochs}", cell.variant);
    let started = UNIX_EPOCH + Duration::from_secs(1_800_000_000 + role);
    let mut run = RunEntry::new(RunFolder::imagined(name), started);
    let mut plan = run_plan(EXPERIMENT, 2);
    plan.study = Some(study.run_of(cell, Some(epochs)).unwrap());
    run.plan = Some(Arc::new(plan));
    run.owner = Owner::None;
    for mut event in small_run() {
        if let RunEvent::Evaluated(evaluation) = &mut event
            && evaluation.phase == Phase::Student
        {
            let of_best = evaluation.weights == EvaluatedWeights::Best;
            evaluation.top1 = match evaluation.split {
                Split::Test if of_best => top1 - 0.125,
                _ => top1,
            };
        }
        run.store.apply(&event);
    }
    if let Some(outcome) = end {
        run.store.apply(&RunEvent::RunEnded(outcome));
    }
    run
}
