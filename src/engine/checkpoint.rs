//! Checkpoints of one training: `latest/`, from which it resumes exactly, and
//! `best/`, the weights that did best on the validation images.
//!
//! ```text
//! latest/weights.safetensors     the weights to take away
//!        model.json              layout, classes, size, mean, std
//!        network.safetensors     those of the last step, where an average is kept besides
//!        optimizer.safetensors   the optimizer's memory, once it has any
//!        regressors.safetensors  what makes the teacher's feature maps, where a term does
//!        state.json              step, knobs, controller, best evaluation
//!        manifest.json           lengths and hashes of all of them
//!        ranges.json             those of rounded values, in a finish with `Quantize`
//! best/weights.safetensors
//!      model.json  manifest.json
//! quantized/                     as best/, of that finish, with ranges.json
//! kept/step-812/                 as latest/, with the best weights then in best/
//! ```
//!
//! Which weights are the best is said by the state of `latest/`: those in floats, and
//! of the finish those that did best when rounded. `best/` (and `quantized/`) is put
//! in its place first, and the one before is kept until the state that calls
//! the new one the best is in its own: a kill in between takes both back.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::learner::Learner;
use super::metadata::{METADATA, ModelMetadata, Trained};
use super::network::{FakeQuantization, Network, Range};
use super::regressors;
use super::state::{Best, FitState};
use super::weights::{self, ArrayFile};
use crate::event::{Phase, Position};
use crate::experiment::plan::Training;
use crate::experiment::timeline::Timeline;
use crate::run::record_mark::STATE;
use crate::run::seal::{MANIFEST, missing};
use crate::run::{AtomicDir, RunFolder, SealError, Sealed, WEIGHTS};
use crate::untrusted::{Show as _, read_limited};

/// Why a student needs its run's own teacher.
pub(super) const TAUGHT: &str = "the student's training started from it";
/// The weights of the last step, if they are not those to take away.
const NETWORK: &str = "network.safetensors";
/// The optimizer's memory.
const OPTIMIZER: &str = "optimizer.safetensors";
/// What makes the teacher's feature maps of the student's.
const REGRESSORS: &str = "regressors.safetensors";
/// Ranges of rounded values.
const RANGES: &str = "ranges.json";

/// The best weights so far, in a checkpoint that is kept.
const BEST: &str = "best";
/// The best rounded weights so far, likewise.
const QUANTIZED: &str = "quantized";

/// Names of many classes are long; nothing is this long.
const LONGEST_METADATA: u64 = 64 << 20;

/// A checkpoint that is complete on disk.
#[derive(Debug)]
pub struct Saved {
    /// Its folder, relative to the run's.
    pub folder: PathBuf,
    /// BLAKE3 of its weights, hexadecimal.
    pub weights: Option<String>,
}

/// Where one training's checkpoints lie.
#[derive(Debug, Clone)]
pub struct CheckpointFolder {
    /// The run, to whose folder paths in events are relative.
    run: RunFolder,
    phase: Phase,
    latest: AtomicDir,
    best: AtomicDir,
    quantized: AtomicDir,
}

/// Weights with the ranges of their values when these are rounded.
#[derive(Debug, Serialize, Deserialize)]
struct SavedRanges {
    weight_bits: u8,
    ranges: Vec<Range>,
}

impl CheckpointFolder {
    /// The checkpoints of the run's training of that phase.
    #[must_use]
    pub fn new(folder: &RunFolder, phase: Phase) -> Self {
        let ([latest, best, quantized], places) = match phase {
            Phase::Student => (
                [folder.latest(), folder.best(), folder.quantized()],
                ["latest", "best", QUANTIZED],
            ),
            Phase::Teacher => (
                ["latest", "best", QUANTIZED].map(|name| AtomicDir::new(folder.teacher(), name)),
                ["teacher/latest", "teacher/best", "teacher/quantized"],
            ),
        };
        let [latest_of, best_of, quantized_of] = folder.owners(places);
        Self {
            run: folder.clone(),
            phase,
            latest: latest.of(latest_of),
            best: best.of(best_of),
            quantized: quantized.of(quantized_of),
        }
    }

    /// The run's folder.
    #[must_use]
    pub fn run(&self) -> &Path {
        self.run.path()
    }

    /// Replaces the latest checkpoint, and makes the best weights final that
    /// its state names.
    pub fn save_latest(
        &self,
        learner: &Learner,
        state: &FitState,
        metadata: &ModelMetadata,
    ) -> Result<Saved, Failure> {
        self.still_there(state)?;
        let place = self
            .latest
            .replace(|folder| save_all(learner, state, metadata, folder))?;
        self.best.commit()?;
        self.quantized.commit()?;
        self.saved(&place)
    }

    /// Looks for what a state names besides its own folder: without it the run could
    /// not be resumed.
    fn still_there(&self, state: &FitState) -> Result<(), Failure> {
        best_in(&self.best, state.best.as_ref())?;
        best_in(&self.quantized, state.best_quantized.as_ref())?;
        let Some(weights) = &state.teacher else {
            return Ok(());
        };
        let path = self.run.teacher();
        match Sealed::open(&path)? {
            Some(own) if own.hash(WEIGHTS) == Some(weights) => Ok(()),
            Some(_) => Err(SealError::Foreign { path }.into()),
            None => Err(missing(&path.join(MANIFEST), TAUGHT).into()),
        }
    }

    /// Keeps a checkpoint from which another run can start, with the best weights
    /// so far, and removes the earliest where there are more than enough.
    /// Returns its folder, relative to the run's.
    pub fn keep(
        &self,
        learner: &Learner,
        state: &FitState,
        metadata: &ModelMetadata,
    ) -> Result<PathBuf, Failure> {
        let (phase, step) = (self.phase, state.step);
        let at = Position { phase, step };
        let bests = [
            (BEST, best_in(&self.best, state.best.as_ref())?),
            (
                QUANTIZED,
                best_in(&self.quantized, state.best_quantized.as_ref())?,
            ),
        ];
        self.run.make_kept()?;
        let place = self.run.kept(at).replace(|folder| {
            save_all(learner, state, metadata, folder)?;
            for (name, best) in &bests {
                if let Some(best) = best {
                    best.copy(&folder.join(name), Some)?;
                }
            }
            Ok::<_, Failure>(())
        })?;
        self.run.prune_kept(at)?;
        Ok(self.relative(&place))
    }

    /// Begins with a checkpoint that another run kept. Nothing was trained here.
    pub fn start_from(&self, kept: &Sealed) -> Result<(), Failure> {
        let bests = [(BEST, &self.best), (QUANTIZED, &self.quantized)];
        let is_best = |name: &&Path| bests.iter().any(|(best, _)| name.starts_with(best));
        self.latest
            .replace(|to| kept.copy(to, |name| Some(name).filter(|name| !is_best(name))))?;
        for (best, place) in bests {
            if kept.has(&format!("{best}/{WEIGHTS}")) {
                place.replace(|to| kept.copy(to, |name| name.strip_prefix(best).ok()))?;
            }
        }
        Ok(())
    }

    /// Puts the best weights in their place, those of rounded ones in a place of their
    /// own; they become final with the next [`save_latest`](Self::save_latest).
    pub fn save_best(&self, learner: &Learner, metadata: &ModelMetadata) -> Result<Saved, Failure> {
        let place = match learner.deployable().quantization() {
            Some(_) => &self.quantized,
            None => &self.best,
        };
        let place = place.put(|folder| save_weights(learner.deployable(), metadata, folder))?;
        self.saved(&place)
    }

    /// What the latest checkpoint says of the training, if there is one.
    pub fn latest_state(&self) -> Result<Option<FitState>, Failure> {
        self.latest
            .find()?
            .map(|folder| read_state(&folder))
            .transpose()
    }

    /// The checkpoint that was kept before anything of this training was changed, if
    /// it still is.
    #[must_use]
    pub fn kept_before_changes(&self) -> Option<Position> {
        let positions = self.run.kept_positions().unwrap_or_default();
        let is_unchanged = |at: &Position| {
            let kept = self.run.kept(*at).find().ok().flatten();
            let state = kept.and_then(|kept| read_state(&kept).ok());
            at.phase == self.phase && state.is_some_and(|state| !state.adjusted)
        };
        positions.into_iter().find(is_unchanged)
    }

    /// Puts the learner where the latest checkpoint stands, if there is one,
    /// and the best weights to those that it names. Hold the run's lock.
    pub fn load_latest(
        &self,
        learner: &mut Learner,
        training: &Training,
        timeline: Timeline,
    ) -> Result<Option<FitState>, Failure> {
        // A kill may have left it beside its place; a training without a step left
        // would not replace it.
        self.latest.commit()?;
        let Some(folder) = self.latest.find()? else {
            // Whatever was put before the first checkpoint is made again.
            self.best.settle_on(|_| Ok(false))?;
            self.quantized.settle_on(|_| Ok(false))?;
            return Ok(None);
        };
        let state = read_state(&folder)?;
        let epochs = state.length(training).epochs;
        state
            .knobs
            .check(training, epochs, timeline.epoch(state.step))
            .map_err(|error| unfit(&folder.path().join(STATE), &error))?;
        match &mut learner.average {
            Some(average) => {
                load(average, &folder, WEIGHTS)?;
                load(&mut learner.network, &folder, NETWORK)?;
            }
            None => load(&mut learner.network, &folder, WEIGHTS)?,
        }
        if let Some(quantization) = quantization(&folder, &learner.network)? {
            learner.quantize(&quantization);
        }
        if !learner.regressors.is_empty() {
            let path = folder.path().join(REGRESSORS);
            let arrays = ArrayFile::of_bytes(folder.read(REGRESSORS)?, &path)?.arrays()?;
            regressors::restore(&mut learner.regressors, &arrays)
                .map_err(|error| unfit(&path, &error))?;
        }
        if folder.has(OPTIMIZER) {
            let path = folder.path().join(OPTIMIZER);
            let arrays = ArrayFile::of_bytes(folder.read(OPTIMIZER)?, &path)?.arrays()?;
            let device = learner.network.device().clone();
            learner
                .optimizer
                .restore(&arrays, &device)
                .map_err(|error| unfit(&path, &error))?;
        }
        // Found before anything is removed.
        for (place, best) in [
            (&self.best, state.best.as_ref()),
            (&self.quantized, state.best_quantized.as_ref()),
        ] {
            best_in(place, best)?;
            place.settle_on(|folder| is_best(folder, best))?;
        }
        Ok(Some(state))
    }

    /// Compares every file of the checkpoints with what was saved.
    ///
    /// # Errors
    /// The first that is missing or damaged.
    pub fn verify(&self) -> Result<(), Failure> {
        let all = [self.latest()?, self.best()?, self.quantized()?];
        for folder in all.into_iter().flatten() {
            folder.verify()?;
        }
        Ok(())
    }

    /// The newest weights; none before the first checkpoint.
    pub fn latest(&self) -> Result<Option<Sealed>, Failure> {
        Ok(self.latest.find()?)
    }

    /// The weights that did best on the validation images; none before the
    /// first evaluation.
    ///
    /// # Errors
    /// Also if there should be some, as the latest checkpoint records, and they
    /// are not there.
    pub fn best(&self) -> Result<Option<Sealed>, Failure> {
        match self.latest_state()? {
            Some(state) => best_in(&self.best, state.best.as_ref()),
            None => Ok(None),
        }
    }

    /// The weights of a finish with `Quantize` that did best when rounded, if there are
    /// any.
    ///
    /// # Errors
    /// As [`best`](Self::best).
    pub fn quantized(&self) -> Result<Option<Sealed>, Failure> {
        match self.latest_state()? {
            Some(state) => best_in(&self.quantized, state.best_quantized.as_ref()),
            None => Ok(None),
        }
    }

    /// The best weights for who only asks them: where the latest checkpoint cannot
    /// say which they are, those that are there, with a note of why that is not
    /// known.
    ///
    /// # Errors
    /// As [`best`](Self::best), and if there are none and the latest checkpoint
    /// is damaged.
    pub fn best_left(&self) -> Result<(Option<Sealed>, Option<String>), Failure> {
        let unknown = match self.latest_state() {
            Ok(Some(state)) => return Ok((best_in(&self.best, state.best.as_ref())?, None)),
            // Read once more, it is known.
            Err(error @ Failure::Seal(SealError::Replaced { .. })) => return Err(error),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        let Some(best) = self.best.find()? else {
            return unknown.map_or(Ok((None, None)), Err);
        };
        let why = unknown.map_or_else(
            || format!("{} is missing", self.latest.path().shown()),
            |error| error.to_string(),
        );
        let note = format!(
            "{why}. It says which weights are the best, so it is not known whether those in {} \
             are; they are used",
            best.path().shown()
        );
        Ok((Some(best), Some(note)))
    }

    fn saved(&self, place: &Path) -> Result<Saved, Failure> {
        let sealed = Sealed::open(place)?;
        Ok(Saved {
            folder: self.relative(place),
            weights: sealed.and_then(|sealed| sealed.hash(WEIGHTS).map(str::to_owned)),
        })
    }

    fn relative(&self, place: &Path) -> PathBuf {
        place
            .strip_prefix(self.run.path())
            .unwrap_or(place)
            .to_owned()
    }
}

/// The folder whose weights are the best by this evaluation, if there was one.
fn best_in(place: &AtomicDir, best: Option<&Best>) -> Result<Option<Sealed>, Failure> {
    let Some(best) = best else {
        return Ok(None);
    };
    let found = place.find_where(|folder| is_best(folder, Some(best)))?;
    found.map(Some).ok_or_else(|| {
        let path = place.path();
        Failure::Seal(if path.exists() {
            let reason = format!(
                "it holds other weights than those of step {}, the best so far by `latest`: one of \
                 the two folders is of another time",
                best.step
            );
            SealError::Damaged { path, reason }
        } else {
            let reason = format!("the weights of step {} are the best so far", best.step);
            SealError::Missing { path, reason }
        })
    })
}

/// By what the weights in a folder are rounded, if they learned to be, for a network of
/// theirs.
///
/// # Errors
/// It cannot be read, or is that of another network.
fn quantization(folder: &Sealed, network: &Network) -> Result<Option<FakeQuantization>, Failure> {
    if !folder.has(RANGES) {
        return Ok(None);
    }
    let path = folder.path().join(RANGES);
    let saved: SavedRanges =
        serde_json::from_slice(&folder.read(RANGES)?).map_err(|error| unfit(&path, &error))?;
    let found = FakeQuantization::new(network.graph(), saved.weight_bits).with(&saved.ranges);
    let other = || unfit(&path, &"it holds the ranges of another network");
    found.map(Some).ok_or_else(other)
}

/// Whether a folder's weights are those of the best evaluation.
fn is_best(folder: &Sealed, best: Option<&Best>) -> Result<bool, SealError> {
    let Some(best) = best else {
        return Ok(false);
    };
    if let Some(weights) = &best.weights {
        return Ok(folder.hash(WEIGHTS) == Some(weights));
    }
    // Older programs did not write how long weights were trained.
    Ok(trained(folder)?.is_none_or(|trained| trained.step == best.step))
}

fn trained(folder: &Sealed) -> Result<Option<Trained>, SealError> {
    if !folder.has(METADATA) {
        return Ok(None);
    }
    let metadata: Option<ModelMetadata> = serde_json::from_slice(&folder.read(METADATA)?).ok();
    Ok(metadata.and_then(|metadata| metadata.trained))
}

/// What is known of the weights in a folder.
///
/// # Errors
/// If the folder has no `model.json` or it cannot be read.
pub fn metadata(folder: &Sealed) -> Result<ModelMetadata, Failure> {
    let bytes = folder.read(METADATA)?;
    ModelMetadata::read(&bytes).map_err(|reason| unfit(&folder.path().join(METADATA), &reason))
}

/// As [`metadata`], of a `model.json` that nothing seals.
///
/// # Errors
/// If it cannot be read or is something else.
pub fn metadata_at(path: &Path) -> Result<ModelMetadata, Failure> {
    let bytes = read_limited(path, LONGEST_METADATA).map_err(|error| Failure::File {
        path: path.to_owned(),
        error,
    })?;
    ModelMetadata::read(&bytes).map_err(|reason| unfit(path, &reason))
}

/// A student whose weights learned to be rounded.
#[derive(Debug)]
pub struct RoundedStudent {
    /// The network, which rounds.
    pub network: Network,
    /// How long it was trained.
    pub trained: Trained,
    /// BLAKE3 of its weights, hexadecimal, if they are sealed with it.
    pub weights: Option<String>,
}

/// The student of a folder in a network of the layout of another; none if its weights did
/// not learn to be rounded.
///
/// # Errors
/// They cannot be read, or are of another network.
pub fn rounded(folder: &Sealed, other: &Network) -> Result<Option<RoundedStudent>, Failure> {
    let Some(quantization) = quantization(folder, other)? else {
        return Ok(None);
    };
    let mut network = other.clone();
    load(&mut network, folder, WEIGHTS)?;
    network.quantize(Some(quantization));
    let trained = metadata(folder)?.trained.unwrap_or_default();
    Ok(Some(RoundedStudent {
        network,
        trained,
        weights: folder.hash(WEIGHTS).map(str::to_owned),
    }))
}

/// Writes everything that a training resumes from into a folder.
fn save_all(
    learner: &Learner,
    state: &FitState,
    metadata: &ModelMetadata,
    folder: &Path,
) -> Result<(), Failure> {
    save_weights(learner.deployable(), metadata, folder)?;
    if learner.average.is_some() {
        weights::save(&learner.network, &folder.join(NETWORK))?;
    }
    if !learner.regressors.is_empty() {
        let arrays = regressors::arrays(&learner.regressors)?;
        weights::write(&folder.join(REGRESSORS), &arrays)?;
    }
    let memory = learner.optimizer.state()?;
    if !memory.is_empty() {
        weights::write(&folder.join(OPTIMIZER), &memory)?;
    }
    write_json(&folder.join(STATE), state)
}

/// Writes weights with what must be known to use them into a folder.
pub fn save_weights(
    network: &Network,
    metadata: &ModelMetadata,
    folder: &Path,
) -> Result<(), Failure> {
    weights::save_described(network, &metadata.texts(), &folder.join(WEIGHTS))?;
    if let Some(quantization) = network.quantization() {
        let saved = SavedRanges {
            weight_bits: quantization.weight_bits(),
            ranges: quantization.ranges().to_vec(),
        };
        write_json(&folder.join(RANGES), &saved)?;
    }
    write_json(&folder.join(METADATA), metadata)
}

/// Gives a network the weights of a sealed file.
///
/// # Errors
/// If they are damaged or do not fit; the network is untouched.
pub fn load(network: &mut Network, folder: &Sealed, name: &str) -> Result<(), Failure> {
    let path = folder.path().join(name);
    weights::load_bytes(network, folder.read(name)?, &path)?;
    Ok(())
}

/// Writes a value as JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| unfit(path, &error))?;
    fs::write(path, text).map_err(|error| Failure::File {
        path: path.to_owned(),
        error,
    })
}

pub(super) fn read_state(folder: &Sealed) -> Result<FitState, Failure> {
    let text = folder.read(STATE)?;
    serde_json::from_slice(&text).map_err(|error| unfit(&folder.path().join(STATE), &error))
}

fn unfit(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Checkpoint {
        path: path.to_owned(),
        message: error.to_string(),
    }
}
