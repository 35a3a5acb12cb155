//! Where the teacher comes from: a file, an earlier training, or a training of
//! its own.
//!
//! A trained teacher is kept under the hash of all that determines it, so that
//! the next experiment with the same teacher starts at once; the run keeps a
//! copy, so that it does not depend on the cache. Both are sealed: a damaged
//! copy of the cache is thrown away and trained again, one of the run is an
//! error. A teacher whose training a person changed is the run's alone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::checkpoint::{self, CheckpointFolder, TAUGHT};
use super::evaluate::Evaluator;
use super::failure::Failure;
use super::fit::{Fit, FitContext, FitEnd};
use super::metadata::{METADATA, Trained};
use super::network::Network;
use super::prepare::{Prepared, PreparedTeacher};
use super::teacher_model::Teacher;
use crate::event::{Phase, RunEvent};
use crate::experiment::device::DeviceKind;
use crate::experiment::model::Model;
use crate::experiment::plan::{TeacherPlan, Training};
use crate::experiment::spec::NormalizeSpec;
use crate::run::seal::{self, SealError, Sealed};
use crate::run::{Claim, Owner, RunFolder, WEIGHTS, atomic};
use crate::trainer::{CommandSource, EventSink};
use crate::untrusted::Show as _;

/// Raised when a change of the engine changes what a training yields, so that
/// teachers of the older engine are trained again.
const CACHE_VERSION: u32 = 3;

/// How often it is looked whether another run has trained the teacher.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// The run's folder of its teacher.
const PLACE: &str = "teacher";

/// What is kept of a teacher.
const FILES: [&str; 2] = [WEIGHTS, METADATA];

/// A teacher, or the reason of a stop while it was trained.
pub enum TeacherEnd {
    /// Ready.
    Ready {
        /// The teacher, for images on the plain device.
        teacher: Box<Teacher>,
        /// How long it was trained, where that was before this process.
        earlier: Option<Trained>,
    },
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
    device: &'a DeviceKind,
    seed: u64,
    model: Option<&'a Model>,
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
    teacher: &PreparedTeacher,
    valid: &Evaluator,
    folder: &RunFolder,
    cache: &Path,
    inbox: &mut dyn CommandSource,
    sink: &dyn EventSink,
) -> Result<TeacherEnd, Failure> {
    let (training, mut network) = match teacher {
        PreparedTeacher::Untrained { network, training } => (training, (**network).clone()),
        PreparedTeacher::Read(teacher) => {
            let plan = prepared.resolved.plan.teacher.as_ref();
            let paths = plan.map(TeacherPlan::paths).unwrap_or_default();
            let untrained = Trained::default();
            return Ok(loaded((**teacher).clone(), &paths, untrained, false, sink));
        }
    };
    if let Some(own) = own_copy(folder)? {
        return read(network, &own, own.path(), sink);
    }
    make(&folder.teacher())?;
    let checkpoints = CheckpointFolder::new(folder, Phase::Teacher);
    let cached = cache.join(key(prepared, training));
    let untouched = checkpoints.latest()?.is_none() && !inbox.awaits(Phase::Teacher);
    // Held until the teacher is shared: of several runs that need it one trains it.
    let claim = if untouched {
        match turn(&cached, inbox, sink)? {
            Turn::Kept(files) => {
                let own = keep(folder, &files)?;
                // Where it lasts, whatever becomes of this folder.
                return read(network, &own, &cached, sink);
            }
            Turn::Train(claim) => claim,
        }
    } else {
        Claim::take(&claim_of(&cached)).ok().flatten()
    };
    let context = FitContext {
        phase: Phase::Teacher,
        training,
        timeline: training.timeline(prepared.resolved.teacher_steps_per_epoch),
        metadata: prepared.metadata(Phase::Teacher),
        start_weights: None,
        images: &prepared.images,
        valid,
        teacher: None,
        teacher_weights: None,
        answers: None,
        seed: prepared.resolved.plan.seed,
        unlabelled_ratio: 0.0,
        workers: prepared
            .resolved
            .plan
            .data
            .threads(rayon::current_num_threads()),
        checkpoints: checkpoints.clone(),
        probe: None,
        sink,
    };
    let (end, learner) = Fit::new(context, network.clone())?.run(inbox)?;
    if let FitEnd::Stopped { reason } = end {
        return Ok(TeacherEnd::Stopped { reason });
    }
    drop(learner);
    let best = match checkpoints.best()? {
        Some(best) => Some(best),
        None => checkpoints.latest()?,
    };
    let best = best.ok_or_else(|| seal::missing(&folder.teacher(), "the teacher was trained"))?;
    let files = contents(&best)?;
    let own = keep(folder, &files)?;
    if checkpoints
        .latest_state()?
        .is_some_and(|state| !state.adjusted)
    {
        // Its next user can train it again.
        if let Err(failure) = share(&cached, &files) {
            let message = format!("the trained teacher is not kept for other runs: {failure}");
            sink.emit(RunEvent::Warned { message });
        }
    }
    drop(claim);
    checkpoint::load(&mut network, &own, WEIGHTS)?;
    Ok(TeacherEnd::Ready {
        teacher: Box::new(Teacher::network(network)),
        earlier: None,
    })
}

/// The run's own copy of its trained teacher; none before the teacher's
/// training ended.
///
/// # Errors
/// If it is damaged, another than the one that the student's training started
/// from, or missing although it started from one.
pub fn own_copy(folder: &RunFolder) -> Result<Option<Sealed>, Failure> {
    let place = folder.teacher();
    let student = CheckpointFolder::new(folder, Phase::Student);
    if let Some(own) = Sealed::open_of(&place, owner(folder).as_ref())? {
        // A damaged checkpoint is reported where it is read.
        let taught = student.latest_state().ok().flatten();
        let taught = taught.and_then(|state| state.teacher);
        let trained = trained_weights(folder);
        let hash = own.hash(WEIGHTS);
        let is_other = |weights: Option<String>| weights.is_some_and(|it| hash != Some(&it));
        if is_other(taught) || is_other(trained) {
            return Err(SealError::Foreign { path: place }.into());
        }
        return Ok(Some(own));
    }
    if student.latest()?.is_some() && sealed_its_teacher(folder) {
        return Err(seal::missing(&place.join(seal::MANIFEST), TAUGHT).into());
    }
    Ok(None)
}

/// BLAKE3, hexadecimal, of the weights that the run's training of its teacher came to,
/// where it has checkpoints that are intact.
fn trained_weights(folder: &RunFolder) -> Option<String> {
    let checkpoints = CheckpointFolder::new(folder, Phase::Teacher);
    let latest = checkpoints.latest().ok().flatten()?;
    let best = checkpoints.best().ok().flatten().unwrap_or(latest);
    best.hash(WEIGHTS).map(str::to_owned)
}

/// BLAKE3, hexadecimal, of the weights of the run's own copy of its teacher; none
/// without one.
///
/// # Errors
/// As [`own_copy`].
pub fn own_weights(folder: &RunFolder) -> Result<Option<String>, Failure> {
    let own = own_copy(folder)?;
    Ok(own.and_then(|own| own.hash(WEIGHTS).map(str::to_owned)))
}

/// Gives a new run the teacher of another, where that trained one.
///
/// # Errors
/// If it is damaged, or what the file system says.
pub fn copy(from: &RunFolder, to: &RunFolder) -> Result<(), Failure> {
    let Some(own) = own_copy(from)? else {
        return Ok(());
    };
    make(&to.teacher())?;
    keep(to, &contents(&own)?).map(|_| ())
}

/// Seals the teacher of a run of a program that did not. Hold the run's lock.
///
/// # Errors
/// What the file system says.
pub fn adopt(folder: &RunFolder, prepared: &Prepared) -> Result<(), Failure> {
    let place = folder.teacher();
    if !place.join(WEIGHTS).exists() || Sealed::open(&place)?.is_some() {
        return Ok(());
    }
    checkpoint::write_json(&place.join(METADATA), &prepared.metadata(Phase::Teacher))?;
    Ok(seal::seal_files(&place, &FILES, owner(folder))?)
}

/// Whether the run's folder has a copy of the teacher once its training ended:
/// it trains one, and was started by a program that sealed it, which kept a plan.
fn sealed_its_teacher(folder: &RunFolder) -> bool {
    let plan = folder.plan().ok().flatten();
    plan.is_some_and(|plan| plan.resolved.teacher_training().is_some())
}

/// Reads a folder's own copy of a teacher, which comes from the folder that is named.
fn read(
    mut network: Network,
    own: &Sealed,
    from: &Path,
    sink: &dyn EventSink,
) -> Result<TeacherEnd, Failure> {
    checkpoint::load(&mut network, own, WEIGHTS)?;
    let trained = checkpoint::metadata(own)?.trained.unwrap_or_default();
    let path = from.join(WEIGHTS);
    Ok(loaded(
        Teacher::network(network),
        &[&path],
        trained,
        true,
        sink,
    ))
}

/// Reports where the teacher's weights are from: a file for each that is asked.
fn loaded(
    teacher: Teacher,
    paths: &[&Path],
    trained: Trained,
    cached: bool,
    sink: &dyn EventSink,
) -> TeacherEnd {
    for (path, member) in paths.iter().zip(teacher.members()) {
        sink.emit(RunEvent::TeacherLoaded {
            path: (*path).to_owned(),
            cached,
            engine: member.model().engine().map(str::to_owned),
        });
    }
    TeacherEnd::Ready {
        teacher: Box::new(teacher),
        earlier: Some(trained),
    }
}

/// Hash of the recipe, hexadecimal.
fn key(prepared: &Prepared, training: &Training) -> String {
    let plan = &prepared.resolved.plan;
    let recipe = Recipe {
        version: CACHE_VERSION,
        device: &prepared.device.kind,
        seed: plan.seed,
        model: plan.teacher.as_ref().and_then(|it| it.model.as_ref()),
        training,
        size: prepared.images.size,
        normalize: &plan.data.normalize,
        classes: &prepared.images.classes,
        train: prepared.images.train.fingerprint(),
        valid: prepared.images.valid.fingerprint(),
    };
    let text = serde_json::to_string(&recipe).unwrap_or_default();
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}

/// The files of a teacher, by name.
type Files = Vec<(&'static str, Vec<u8>)>;

fn contents(folder: &Sealed) -> Result<Files, SealError> {
    let names = FILES.into_iter();
    names.map(|name| Ok((name, folder.read(name)?))).collect()
}

/// Whose turn it is to train a teacher.
enum Turn {
    /// Nobody's: it is trained.
    Kept(Files),
    /// This run's; without a claim where the file system has no locks.
    Train(Option<Claim>),
}

/// Waits while another process trains the same teacher: on a GPU two trainings would give
/// two teachers.
fn turn(
    cached: &Path,
    inbox: &mut dyn CommandSource,
    sink: &dyn EventSink,
) -> Result<Turn, Failure> {
    let mut is_waiting = false;
    loop {
        let claim = Claim::take(&claim_of(cached));
        // It may have been shared before the claim was free.
        if let Some(files) = kept(cached, sink) {
            return Ok(Turn::Kept(files));
        }
        match claim {
            Ok(None) => {}
            Ok(claim) => return Ok(Turn::Train(claim)),
            Err(_) => return Ok(Turn::Train(None)),
        }
        if !is_waiting {
            let message = "another run trains the same teacher; waiting for it".to_owned();
            sink.emit(RunEvent::Noted { message });
            is_waiting = true;
        }
        if inbox.stop_is_due() {
            return Err(Failure::Stopped);
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
}

/// Where the right to train a teacher is claimed.
fn claim_of(cached: &Path) -> PathBuf {
    cached.with_extension("claim")
}

/// What the cache has under a key. What stands there and is no teacher is reported and
/// thrown away: an entry appears whole or not at all.
fn kept(cached: &Path, sink: &dyn EventSink) -> Option<Files> {
    let files = Sealed::open_of(cached, Some(&entry(cached)))
        .and_then(|folder| folder.map(|folder| contents(&folder)).transpose());
    let fault = match files {
        Ok(Some(files)) => return Some(files),
        Ok(None) => {
            let found = cached.symlink_metadata().ok()?;
            let what = if found.is_dir() {
                "has no manifest.json"
            } else {
                "is not a folder"
            };
            format!("{} is damaged: it {what}", cached.shown())
        }
        Err(error) => error.fault(),
    };
    // If it stays, it is found damaged again.
    let removed = fs::remove_dir_all(cached).or_else(|_| fs::remove_file(cached));
    let done = match removed {
        Ok(()) => "was removed",
        Err(_) => "could not be removed",
    };
    let message = format!("the cached teacher is not used, {done}, and is trained again: {fault}");
    sink.emit(RunEvent::Warned { message });
    None
}

/// Whose the run's copy of its teacher is.
fn owner(folder: &RunFolder) -> Option<Owner> {
    let [owner] = folder.owners([PLACE]);
    owner
}

/// Whose an entry of the cache is: that of the recipe whose key is its name.
fn entry(cached: &Path) -> Owner {
    let key = cached.file_name().unwrap_or_default();
    Owner {
        id: key.to_string_lossy().into_owned(),
        place: "recipe".to_owned(),
    }
}

/// Makes the teacher's folder in the run's, which is there or was lost.
pub fn make(place: &Path) -> Result<(), Failure> {
    atomic::create_folder(place).map_err(|error| file_failure(place, error))
}

/// Puts a teacher into the run's folder, and reads it back.
fn keep(folder: &RunFolder, files: &Files) -> Result<Sealed, Failure> {
    let place = &folder.teacher();
    let owner = owner(folder);
    for (name, bytes) in files {
        let path = place.join(name);
        atomic::write_file(&path, bytes).map_err(|error| file_failure(&path, error))?;
    }
    seal::seal_files(place, &FILES, owner.clone())?;
    Sealed::open_of(place, owner.as_ref())?
        .ok_or_else(|| seal::missing(place, "it was written a moment ago").into())
}

/// Puts a teacher into the cache, whole or not at all. A faster process has
/// put the same there.
fn share(cached: &Path, files: &Files) -> Result<(), Failure> {
    let cache = cached.parent().unwrap_or(cached);
    atomic::create_folders(cache).map_err(|error| file_failure(cache, error))?;
    let beside = tempfile::Builder::new()
        .prefix(".new-")
        .tempdir_in(cache)
        .map_err(|error| file_failure(cache, error))?;
    for (name, bytes) in files {
        let path = beside.path().join(name);
        fs::write(&path, bytes).map_err(|error| file_failure(&path, error))?;
    }
    seal::seal(beside.path(), 1, Some(entry(cached)))?;
    atomic::share(beside.path()).map_err(|error| file_failure(cache, error))?;
    match fs::rename(beside.path(), cached) {
        Err(error) if !cached.exists() => Err(file_failure(cached, error)),
        _ => Ok(()),
    }
}

fn file_failure(path: &Path, error: io::Error) -> Failure {
    Failure::File {
        path: PathBuf::from(path),
        error,
    }
}
