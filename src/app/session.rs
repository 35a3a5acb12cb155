//! A training under way in this process: its folder, its lock, its threads.
//!
//! The trainer's thread sends events to the recorder's, which journals them and
//! hands them on; commands come from the run folder's commands file and from
//! the stop signal. What a run that is resumed or replayed was before is read
//! and held against what is there now by [`previous`]: a refusal writes nothing.

mod error;
mod fork;
mod previous;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::SystemTime;

pub use self::error::SessionError;
use self::previous::ResumeState;
use super::inbox::Inbox;
use super::panic::caught;
use crate::engine::{Engine, PrepareError, Prepared};
use crate::event::{Outcome, RunEvent};
use crate::experiment::Loaded;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::{DeviceSpec, Gate};
use crate::run::{Awaited, RunFolder, RunLock, RunPlan, StopSignal, StudyRun};
use crate::store::{CommandTail, Recorder, RecorderHandle, Recording, RunStore};
use crate::trainer::{EventSink, Trainer};

/// Stack of the trainer's thread. Backward passes of deep networks recurse.
pub const TRAINER_STACK: usize = 64 << 20;

/// Folder of trained teachers, under that of runs.
pub const TEACHERS: &str = ".teachers";

/// Takes lines for a person who waits, from any thread.
pub type Lines = Box<dyn Fn(String) + Send + Sync>;

/// What is to be trained.
pub enum Job {
    /// An experiment, in a new folder.
    New {
        /// The experiment.
        loaded: Box<Loaded>,
        /// Device instead of the experiment's.
        device: Option<DeviceSpec>,
        /// Which run of a study it is, if it is one.
        study: Option<StudyRun>,
    },
    /// A run, in its folder, from its latest checkpoint.
    Resume {
        /// The run.
        run: RunFolder,
        /// What is to be different from now on.
        changes: ResumeChanges,
    },
    /// A new run that starts from a checkpoint that a run kept.
    Fork {
        /// The run.
        run: RunFolder,
        /// Name of the checkpoint.
        from: Option<String>,
        /// What is to be different from now on.
        changes: ResumeChanges,
    },
    /// A run's experiment, in a new folder, with the adjustments of its journal.
    Replay {
        /// The run.
        run: RunFolder,
        /// Device instead of the experiment's.
        device: Option<DeviceSpec>,
        /// Adjustments that took effect after more steps than this are left out.
        without_adjustments_after: Option<u64>,
    },
}

/// What is to be different when a run is resumed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResumeChanges {
    /// New schedules of knobs, from the first step on.
    pub set: Vec<(String, Schedule)>,
    /// Adjustments that took effect after more steps than this are not applied
    /// again.
    pub without_adjustments_after: Option<u64>,
    /// More epochs.
    pub more: Option<MoreEpochs>,
}

/// By how much a training is extended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoreEpochs {
    /// How many.
    pub epochs: u32,
    /// Whether what ends with the training is stretched to the new end; held if nobody
    /// says, unless the weights would not change then.
    pub stretches: Option<bool>,
}

/// A run that is ready to be trained: everything was looked at, nothing was
/// written into its folder but what made it a run.
pub struct Opened {
    folder: RunFolder,
    lock: RunLock,
    gates: Vec<Gate>,
    before: RunStore,
    previous: ResumeState,
}

/// A training that has started.
pub struct Session {
    /// Where it is recorded.
    pub folder: RunFolder,
    /// What its metrics are held against at the end.
    pub gates: Vec<Gate>,
    /// The run as earlier processes left it, without its logged steps; `events`
    /// continue from there.
    pub before: RunStore,
    /// What happens, each event after it was recorded; ends with the training.
    pub events: Receiver<RunEvent>,
    end: SessionEnd,
}

/// What is left of a session once its events are taken: its end.
pub struct SessionEnd {
    trainer: JoinHandle<Outcome>,
    recorder: Recorder,
    _lock: RunLock,
}

impl Session {
    /// Opens images, makes or takes the folder and starts to train. `stop` ends
    /// it at a step boundary, saved; `say` takes lines about what takes long before there
    /// is a run.
    ///
    /// # Errors
    /// What is wrong with the file, the images, the device or the run: nothing
    /// was trained, and nothing was written into a run that was there before.
    pub fn begin(
        job: Job,
        checkpoints: &Path,
        stop: StopSignal,
        say: Lines,
    ) -> Result<Self, SessionError> {
        let (opened, prepared) = match job {
            Job::New {
                loaded,
                device,
                study,
            } => new(&loaded, device, study, checkpoints, &stop, say)?,
            Job::Resume { run, changes } => previous::resume(&run, &changes, &stop)?,
            Job::Fork { run, from, changes } => {
                fork::fork(&run, from.as_deref(), &changes, checkpoints, &stop)?
            }
            Job::Replay {
                run,
                device,
                without_adjustments_after,
            } => previous::replay(&run, device, without_adjustments_after, checkpoints, &stop)?,
        };
        let teachers = checkpoints.join(TEACHERS);
        let engine = Engine::new(prepared, opened.folder.clone(), teachers);
        Self::start(opened, Box::new(engine), stop)
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// If the journal cannot be written or the system gives no thread.
    pub fn start(
        opened: Opened,
        trainer: Box<dyn Trainer>,
        stop: StopSignal,
    ) -> Result<Self, SessionError> {
        let Opened {
            folder,
            mut lock,
            gates,
            before,
            previous,
        } = opened;
        lock.announce()?;
        folder.own_commands()?;
        let Recording {
            handle,
            events,
            recorder,
        } = Recorder::start(&folder, &lock, stop.clone())?;
        for message in previous.notes {
            handle.emit(RunEvent::Noted { message });
        }
        for message in previous.warnings {
            handle.emit(RunEvent::Warned { message });
        }
        let inbox = Inbox::new(
            stop,
            CommandTail::from_start(&folder.commands()),
            handle.clone(),
            previous.known,
            previous.adjustments,
        );
        let trainer = spawn(trainer, inbox, handle).map_err(SessionError::Thread)?;
        Ok(Self {
            folder,
            gates,
            before,
            events,
            end: SessionEnd {
                trainer,
                recorder,
                _lock: lock,
            },
        })
    }

    /// The events, and the end to wait for once they are over.
    pub fn into_parts(self) -> (Receiver<RunEvent>, SessionEnd) {
        (self.events, self.end)
    }
}

impl SessionEnd {
    /// Waits for the threads and says how it went.
    pub fn join(self) -> Outcome {
        let outcome = self.trainer.join().unwrap_or_else(|_| Outcome::Failed {
            message: "the trainer ended unexpectedly".to_owned(),
        });
        match self.recorder.join() {
            Ok(()) => outcome,
            Err(reason) => Outcome::Failed {
                message: format!("the run could not be recorded: {reason}"),
            },
        }
    }
}

/// Prepares an experiment and makes its folder.
fn new(
    loaded: &Loaded,
    device: Option<DeviceSpec>,
    study: Option<StudyRun>,
    checkpoints: &Path,
    stop: &StopSignal,
    say: Lines,
) -> Result<(Opened, Prepared), SessionError> {
    let prepared = prepare(loaded, device, stop, say)?;
    let frozen = loaded.frozen_text();
    create(prepared, frozen, study, checkpoints, ResumeState::default())
}

/// Prepares an experiment, on this device instead of its own if one is given.
///
/// # Errors
/// What is wrong with the file, the images or the device; [`SessionError::Stopped`].
pub fn prepare(
    loaded: &Loaded,
    device: Option<DeviceSpec>,
    stop: &StopSignal,
    say: Lines,
) -> Result<Prepared, SessionError> {
    let mut plan = loaded.plan.clone();
    plan.device = device.unwrap_or(plan.device);
    let prepared = unless_stopped(stop, move || Prepared::new(plan, &*say));
    prepared.map_err(|error| error.in_file(loaded))
}

/// Prepares on a thread that nobody waits for once the training is to stop: large sets
/// of images take minutes, and nothing has been written.
///
/// The thread ends before the training begins, and that matters: OpenMP gives every
/// thread that computed workers of its own, and once all of them are more than the
/// cores they sleep between operations. Steps on libtorch then took a sixth longer.
fn unless_stopped(
    stop: &StopSignal,
    prepare: impl FnOnce() -> Result<Prepared, PrepareError> + Send + 'static,
) -> Result<Prepared, SessionError> {
    let (sender, prepared) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("prepare".to_owned())
        .stack_size(TRAINER_STACK)
        .spawn(move || {
            let _ = sender.send(prepare());
        })
        .map_err(SessionError::Thread)?;
    match stop.wait_for(&prepared) {
        Awaited::Message(prepared) => Ok(prepared?),
        Awaited::Stopped(reason) => Err(SessionError::Stopped(reason)),
        Awaited::Ended => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("the thread sends what it prepared"),
        },
    }
}

/// Makes the folder of a run, which keeps this text of its experiment, and which run of a
/// study it is.
fn create(
    prepared: Prepared,
    frozen: &str,
    study: Option<StudyRun>,
    checkpoints: &Path,
    previous: ResumeState,
) -> Result<(Opened, Prepared), SessionError> {
    let now = SystemTime::now();
    let plan = RunPlan {
        study,
        ..prepared.run_plan(frozen)
    };
    let name = plan.resolved.plan.name.clone();
    let folder = RunFolder::create_planned(checkpoints, &name, frozen, plan, now)?;
    let lock = folder.lock()?;
    let opened = Opened {
        folder,
        lock,
        gates: prepared.resolved.plan.gates.clone(),
        before: RunStore::new(),
        previous,
    };
    Ok((opened, prepared))
}

/// Starts the trainer's thread. A panic in it is a failure of the run.
fn spawn(
    mut trainer: Box<dyn Trainer>,
    mut inbox: Inbox,
    sink: RecorderHandle,
) -> std::io::Result<JoinHandle<Outcome>> {
    std::thread::Builder::new()
        .name("trainer".to_owned())
        .stack_size(TRAINER_STACK)
        .spawn(move || {
            let run = caught(|| trainer.run(&mut inbox, &sink));
            let outcome = run.unwrap_or_else(|reason| Outcome::Failed {
                message: format!("the backend failed: {reason}"),
            });
            sink.emit(RunEvent::RunEnded(outcome.clone()));
            sink.flush();
            outcome
        })
}
