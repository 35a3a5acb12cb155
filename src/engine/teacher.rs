//! Where the teacher comes from: a file, an earlier training, or a training of
//! its own.
//!
//! A trained teacher is kept under the hash of all that determines it, so that
//! the next experiment with the same teacher starts at once; the run keeps a
//! copy, so that it does not depend on the cache.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::card::Card;
use super::checkpoint::CheckpointFolder;
use super::evaluate::Examination;
use super::failure::Failure;
use super::fit::{Fit, FitContext, FitEnd};
use super::network::Network;
use super::prepare::Prepared;
use super::weights;
use crate::event::{Phase, RunEvent};
use crate::experiment::model::Model;
use crate::experiment::plan::{TeacherPlan, TeacherSource, Training};
use crate::experiment::spec::{NormalizeSpec, TeacherSpec, TeacherWeights};
use crate::run::RunFolder;
use crate::trainer::{CommandSource, EventSink};

/// Raised when a change of the engine changes what a training yields, so that
/// teachers of the older engine are trained again.
const CACHE_VERSION: u32 = 1;

/// The run's own copy of its teacher, in its folder `teacher/`.
const TEACHER_WEIGHTS: &str = "weights.safetensors";

/// A teacher, or the reason of a stop while it was trained.
pub enum TeacherEnd {
    /// Ready, on the plain device.
    Ready(Box<Network>),
    /// Stopped and saved.
    Stopped {
        /// Who or what asked.
        reason: String,
    },
}

/// All that determines a trained teacher's weights.
#[derive(Serialize)]
struct Recipe<'a> {
    version: u32,
    device: &'a str,
    seed: u64,
    model: &'a Model,
    training: &'a Training,
    size: (u32, u32),
    normalize: &'a NormalizeSpec,
    classes: &'a [String],
    train: String,
    valid: String,
}

/// Finds, reads or trains the teacher.
///
/// # Errors
/// If weights cannot be read or do not fit, or training fails.
pub fn obtain(
    prepared: &Prepared,
    teacher: &TeacherPlan,
    valid: &Examination,
    folder: &RunFolder,
    cache: &Path,
    inbox: &mut dyn CommandSource,
    sink: &dyn EventSink,
) -> Result<TeacherEnd, Failure> {
    let network = prepared.teacher_network();
    let training = match &teacher.weights {
        TeacherSource::File(path) => return Ok(loaded(network, path, false, sink)),
        TeacherSource::Train(training) => training,
    };
    let own = folder.teacher().join(TEACHER_WEIGHTS);
    if own.exists() {
        return read(network, &own, true, sink);
    }
    let cached = cache.join(format!("{}.safetensors", key(prepared, teacher, training)));
    if cached.exists() {
        copy(&cached, &own)?;
        return read(network, &own, true, sink);
    }
    let context = FitContext {
        phase: Phase::Teacher,
        training,
        images: &prepared.images,
        valid,
        teacher: None,
        seed: prepared.plan.seed,
        unlabelled_ratio: 0.0,
        workers: prepared.plan.data.workers,
        checkpoints: CheckpointFolder::new(folder, Phase::Teacher)
            .with_card(Card::of(prepared, Phase::Teacher)),
        probe: None,
        sink,
    };
    let (end, learner) = Fit::new(context, network.clone())?.run(inbox)?;
    if let FitEnd::Stopped { reason } = end {
        return Ok(TeacherEnd::Stopped { reason });
    }
    drop(learner);
    let best = CheckpointFolder::new(folder, Phase::Teacher).best_weights()?;
    copy(&best, &own)?;
    copy(&own, &cached)?;
    let mut network = network;
    weights::load(&mut network, &own)?;
    Ok(TeacherEnd::Ready(Box::new(network)))
}

/// The file of a run's teacher's weights, if it has any yet.
pub fn weights_of(folder: &RunFolder, teacher: &TeacherSpec) -> Option<PathBuf> {
    let own = folder.teacher().join(TEACHER_WEIGHTS);
    let path = match &teacher.weights {
        TeacherWeights::File(path) => path.clone(),
        TeacherWeights::Train(_) => own,
    };
    path.exists().then_some(path)
}

fn read(
    mut network: Network,
    path: &Path,
    cached: bool,
    sink: &dyn EventSink,
) -> Result<TeacherEnd, Failure> {
    weights::load(&mut network, path)?;
    Ok(loaded(network, path, cached, sink))
}

/// Tells where the teacher's weights are from.
fn loaded(network: Network, path: &Path, cached: bool, sink: &dyn EventSink) -> TeacherEnd {
    sink.emit(RunEvent::TeacherLoaded {
        path: path.to_owned(),
        cached,
    });
    TeacherEnd::Ready(Box::new(network))
}

/// Hash of the recipe, hexadecimal.
fn key(prepared: &Prepared, teacher: &TeacherPlan, training: &Training) -> String {
    let recipe = Recipe {
        version: CACHE_VERSION,
        device: &prepared.device.name,
        seed: prepared.plan.seed,
        model: &teacher.model,
        training,
        size: prepared.images.size,
        normalize: &prepared.plan.data.normalize,
        classes: &prepared.images.classes,
        train: prepared.images.train.fingerprint(),
        valid: prepared.images.valid.fingerprint(),
    };
    let text = serde_json::to_string(&recipe).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

/// Copies a file so that the copy is whole or absent.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |path: &Path| {
        let path: PathBuf = path.to_owned();
        move |error| Failure::File { path, error }
    };
    let bytes = std::fs::read(from).map_err(failed(from))?;
    if let Some(parent) = to.parent() {
        std::fs::create_dir_all(parent).map_err(failed(parent))?;
    }
    crate::run::atomic::write_file(to, &bytes).map_err(failed(to))
}
