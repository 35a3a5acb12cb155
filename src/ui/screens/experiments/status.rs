//! Where each experiment stands: what is wrong with it, whether it waits or
//! trains, what its last run achieved.

use std::collections::BTreeMap;
use std::path::Path;

use super::buffer::Buffer;
use crate::event::{EvaluatedWeights, Phase, Split};
use crate::experiment::Loaded;
use crate::format::percent;
use crate::store::metrics::Progress;
use crate::store::{RunEntry, RunState, Runs};
use crate::ui::effect::Waiting;
use crate::ui::shared::Shared;

/// Where an experiment stands; what matters most to a person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Status {
    /// It was not read yet.
    Unread,
    /// It cannot be read.
    Unreadable,
    /// It trains; how far its teacher or its student is.
    Training(Option<Progress>),
    /// Its images are being opened; it trains when they are.
    Preparing,
    /// It waits to be trained; its place in the queue, from 1.
    Waiting(usize),
    /// It has so many errors.
    Wrong(usize),
    /// Files or folders that it names are not there; nothing else is wrong.
    Missing,
    /// Its last run's best top-1 on the validation images, in [0, 1].
    Achieved(f64),
    /// How its last run stands.
    Ran(RunState),
    /// It was never trained.
    Ready,
}

/// The newest run of each experiment.
pub struct Latest<'a> {
    /// By the experiment's name and, for runs of which nothing was read, by
    /// their frozen experiment.
    newest: BTreeMap<&'a str, &'a RunEntry>,
}

impl<'a> Latest<'a> {
    /// Looks through the runs.
    #[must_use]
    pub fn of(runs: &'a Runs) -> Self {
        let mut newest: BTreeMap<&str, &RunEntry> = BTreeMap::new();
        for (_, run) in runs.iter() {
            let identity = run.store.identity.as_ref();
            let key = identity.map_or(run.experiment.as_str(), |known| known.name.as_str());
            let known = newest.entry(key).or_insert(run);
            if known.started <= run.started {
                *known = run;
            }
        }
        Self { newest }
    }

    /// The newest run of an experiment.
    #[must_use]
    pub fn run(&self, path: &Path, buffer: &Buffer) -> Option<&'a RunEntry> {
        let frozen = buffer.loaded.as_ref().map(Loaded::frozen_text);
        let named = self.newest.get(buffer.run_name(path));
        let frozen = frozen.and_then(|text| self.newest.get(text));
        let newer = named
            .into_iter()
            .chain(frozen)
            .max_by_key(|run| run.started);
        newer.copied()
    }
}

/// Where an experiment stands.
#[must_use]
pub fn status(
    path: &Path,
    buffer: Option<&Buffer>,
    unreadable: bool,
    shared: &Shared,
    latest: &Latest,
) -> Status {
    if shared.preparing.as_deref() == Some(path) {
        return Status::Preparing;
    }
    let waits = shared.place_in_queue(|waiting| *waiting == Waiting::Experiment(path.to_owned()));
    let Some(buffer) = buffer else {
        return match waits {
            Some(place) => Status::Waiting(place),
            None if unreadable => Status::Unreadable,
            None => Status::Unread,
        };
    };
    // Runs are known by their experiment's name, which two files may have; what
    // waits is known by its file.
    if let Some(place) = waits {
        return Status::Waiting(place);
    }
    let run = latest.run(path, buffer);
    let state = run.map(RunEntry::state);
    if let Some(run) = run {
        let here = shared.training.as_ref() == Some(&run.folder.name());
        if here || matches!(state, Some(RunState::Training | RunState::Paused)) {
            return Status::Training(Progress::of(&run.store));
        }
    }
    if buffer.unreadable().is_some() {
        return Status::Unreadable;
    }
    if buffer.only_lacks_files() {
        return Status::Missing;
    }
    if !buffer.problems.is_empty() {
        return Status::Wrong(buffer.error_count());
    }
    match (run.and_then(result), state) {
        (Some(top1), Some(RunState::Completed)) => Status::Achieved(top1),
        (_, Some(state)) => Status::Ran(state),
        (_, None) => Status::Ready,
    }
}

/// Best top-1 of a run's student on the validation images, by which experiments are
/// compared; no test image chooses one.
fn result(run: &RunEntry) -> Option<f64> {
    let found = run.store.best_evaluation(Phase::Student)?;
    Some(found.top1)
}

/// The same with that on the test images, of the same weights, in words.
#[must_use]
pub fn result_words(run: &RunEntry) -> Option<String> {
    let store = &run.store;
    let test = store.last_evaluation(Phase::Student, Split::Test, EvaluatedWeights::Best);
    let test = test.filter(|test| !test.top1.is_nan());
    let test = test.map(|test| format!(", test {}", percent(test.top1)));
    let valid = percent(result(run)?);
    Some(valid + &test.unwrap_or_default())
}
