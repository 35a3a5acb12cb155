//! A training under way in this process: its folder, its lock, its threads.
//!
//! The trainer's thread sends events to the recorder's, which journals them and
//! hands them on; commands come from the run folder's commands file and from
//! the stop signal.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::SystemTime;

use super::inbox::Inbox;
use crate::engine::{Engine, Prepared};
use crate::event::{CommandRecord, DataSummary, Outcome, Position, RunEvent};
use crate::experiment::Loaded;
use crate::experiment::spec::{DeviceSpec, Gate};
use crate::run::{RunFolder, RunLock, StopSignal};
use crate::store::{
    CommandTail, JournalReader, Recorder, RecorderHandle, Recording, RunStore, adjustments,
    adjustments_from,
};
use crate::trainer::{EventSink, Trainer};

/// Stack of the trainer's thread. Backward passes of deep networks recurse.
const TRAINER_STACK: usize = 64 << 20;

/// Folder of trained teachers, under that of runs.
const TEACHERS: &str = ".teachers";

/// What is to be run.
pub struct Job {
    /// The experiment.
    pub loaded: Loaded,
    /// In which folder, from where.
    pub start: Start,
    /// Device instead of the experiment's.
    pub device: Option<DeviceSpec>,
}

/// Where a run begins.
pub enum Start {
    /// In a new folder.
    New,
    /// In its folder, at its latest checkpoint.
    Resume(RunFolder),
    /// In a new folder, with the adjustments of an older run.
    Replay(RunFolder),
}

/// A training that has begun.
pub struct Session {
    /// Where it is recorded.
    pub folder: RunFolder,
    /// What its figures are held against at the end.
    pub gates: Vec<Gate>,
    /// The run as earlier processes left it; `events` go on from there.
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
    /// it at a step boundary, saved. An error is a message about the file, the
    /// images, the device or the run: nothing was trained.
    pub fn begin(job: Job, checkpoints: &Path, stop: StopSignal) -> Result<Self, String> {
        let Job {
            loaded,
            start,
            device,
        } = job;
        let frozen = loaded.frozen_text().to_owned();
        let mut plan = loaded.plan;
        if let Some(device) = device {
            plan.device = device;
        }
        let journal = match &start {
            Start::New => Vec::new(),
            Start::Resume(run) | Start::Replay(run) => journal(run)?,
        };
        let before = match &start {
            Start::Resume(run) => RunStore::of(run, &journal).map_err(say)?,
            Start::New | Start::Replay(_) => RunStore::new(),
        };
        if let Start::Resume(folder) = &start
            && let Some(message) = finished(folder, &journal).or_else(|| edited(folder, &journal))
        {
            return Err(message);
        }
        let (name, gates) = (plan.name.clone(), plan.gates.clone());
        let prepared = Prepared::new(plan).map_err(say)?;
        let folder = match &start {
            Start::New | Start::Replay(_) => {
                RunFolder::create(checkpoints, &name, &frozen, SystemTime::now()).map_err(say)?
            }
            Start::Resume(folder) => folder.clone(),
        };
        let lock = folder.lock().map_err(say)?;
        let (device, images) = (prepared.device.name.clone(), prepared.images.summary());
        let engine = Engine::new(prepared, folder.clone(), checkpoints.join(TEACHERS));
        let past = match &start {
            Start::New => Past::default(),
            Start::Resume(_) => Past::resumed(&journal, engine.position().map_err(say)?),
            Start::Replay(_) => Past::replayed(&journal),
        };
        let Recording {
            handle,
            events,
            recorder,
        } = Recorder::start(&folder, stop.clone()).map_err(say)?;
        for message in past.warnings(&device, &images) {
            handle.emit(RunEvent::Warned { message });
        }
        let inbox = Inbox::new(
            stop,
            CommandTail::from_start(&folder.commands()),
            handle.clone(),
            past.known,
            past.adjustments,
        );
        let trainer = spawn(engine, inbox, handle).map_err(say)?;
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

/// What an older process did that this one has to know.
#[derive(Default)]
struct Past {
    /// Ids of commands that have been received.
    known: BTreeSet<String>,
    /// Adjustments to apply again.
    adjustments: Vec<(Position, CommandRecord)>,
    /// The device that it trained on.
    device: Option<String>,
    /// The images that it trained on.
    images: Option<DataSummary>,
    /// Whether there are checkpoints and no journal that tells of them.
    is_without_journal: bool,
}

impl Past {
    /// The run goes on at `position`, or from its beginning.
    fn resumed(events: &[RunEvent], position: Option<Position>) -> Self {
        let adjustments = match position {
            Some(position) => adjustments_from(events, position),
            None => adjustments(events),
        };
        let known = events.iter().filter_map(|event| match event {
            RunEvent::CommandReceived(record) => Some(record.id.clone()),
            _ => None,
        });
        let device = events.iter().rev().find_map(|event| match event {
            RunEvent::RunStarted { device, .. } => Some(device.clone()),
            _ => None,
        });
        let images = events.iter().find_map(|event| match event {
            RunEvent::DataIndexed(summary) => Some(summary.clone()),
            _ => None,
        });
        Self {
            known: known.collect(),
            adjustments,
            device,
            images,
            is_without_journal: events.is_empty() && position.is_some(),
        }
    }

    fn replayed(events: &[RunEvent]) -> Self {
        Self {
            adjustments: adjustments(events),
            ..Self::default()
        }
    }

    /// What a person should know who resumes a run of which something is no
    /// longer as it was: it goes on well, and not with the bits that it would
    /// have had.
    fn warnings(&self, device: &str, images: &DataSummary) -> Vec<String> {
        let mut warnings = Vec::new();
        // The number of threads changes no bit.
        let kind = |name: &str| name.split(" (").next().unwrap_or_default().to_owned();
        if let Some(before) = &self.device
            && kind(before) != kind(device)
        {
            warnings.push(format!(
                "the run goes on on {device} and began on {before}: its numbers will differ from \
                 those of a run that was not stopped; give the device in the experiment to keep it"
            ));
        }
        if let Some(before) = &self.images
            && counts(before) != counts(images)
        {
            warnings.push(format!(
                "the images are no longer those that the run began with ({}; now {}): its numbers \
                 will differ from those of a run that was not stopped",
                shown(before),
                shown(images)
            ));
        }
        if self.is_without_journal {
            let warning = "the run's journal is gone: what happened before is no longer known, \
                           adjustments of its knobs neither";
            warnings.push(warning.to_owned());
        }
        warnings
    }
}

/// Numbers that say whether images are still the same, as far as numbers can.
fn counts(images: &DataSummary) -> (&[String], &[usize], [usize; 4], (u32, u32)) {
    let sets = [images.train, images.valid, images.test, images.unlabelled];
    (&images.classes, &images.train_per_class, sets, images.size)
}

fn shown(images: &DataSummary) -> String {
    format!(
        "{} to train, {} to validate, {} to test in {} classes",
        images.train,
        images.valid,
        images.test,
        images.classes.len()
    )
}

fn journal(run: &RunFolder) -> Result<Vec<RunEvent>, String> {
    if !run.journal().exists() {
        return Ok(Vec::new());
    }
    JournalReader::new(&run.journal()).read_all().map_err(say)
}

/// Why a run cannot be resumed, if it is complete.
fn finished(run: &RunFolder, events: &[RunEvent]) -> Option<String> {
    let completed = events
        .iter()
        .rev()
        .find_map(|event| match event {
            RunEvent::RunEnded(outcome) => Some(*outcome == Outcome::Completed),
            RunEvent::RunStarted { .. } => Some(false),
            _ => None,
        })
        .unwrap_or(false);
    completed.then(|| {
        format!(
            "error: {} is complete; there is nothing to resume. Run its experiment again with --replay {}",
            run.path().display(),
            run.name()
        )
    })
}

/// Why a run cannot be resumed whose experiment is no longer that which it
/// began with.
fn edited(run: &RunFolder, events: &[RunEvent]) -> Option<String> {
    let began = events.iter().find_map(|event| match event {
        RunEvent::RunStarted { experiment, .. } if !experiment.is_empty() => Some(experiment),
        _ => None,
    })?;
    let path = run.experiment();
    (run.experiment_hash().ok().as_ref() != Some(began)).then(|| {
        format!(
            "error: {} was edited after the run began, and a run goes on with the experiment that it \
             began with; restore the file, or train the edited one as a run of its own: --run {}",
            path.display(),
            path.display()
        )
    })
}

/// Starts the trainer's thread. A panic in it is a failure of the run.
fn spawn(
    mut engine: Engine,
    mut inbox: Inbox,
    sink: RecorderHandle,
) -> std::io::Result<JoinHandle<Outcome>> {
    std::thread::Builder::new()
        .name("trainer".to_owned())
        .stack_size(TRAINER_STACK)
        .spawn(move || {
            let run = AssertUnwindSafe(|| engine.run(&mut inbox, &sink));
            let outcome = std::panic::catch_unwind(run).unwrap_or_else(|panic| Outcome::Failed {
                message: format!("the backend failed: {}", panic_message(&*panic)),
            });
            sink.emit(RunEvent::RunEnded(outcome.clone()));
            sink.flush();
            outcome
        })
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it gave no reason")
}

/// An error as it is shown.
pub fn say(error: impl std::fmt::Display) -> String {
    format!("error: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::data_summary;

    fn images(train: usize) -> DataSummary {
        data_summary(&["cat", "dog"], train / 2, 10)
    }

    #[test]
    fn another_device_is_warned_of_and_another_number_of_threads_is_not() {
        let past = |device: &str| Past {
            device: Some(device.to_owned()),
            ..Past::default()
        };
        let flex = "flex (pure Rust, 2 threads)";
        let warnings = |past: Past| past.warnings(flex, &images(40));
        assert!(warnings(past("flex (pure Rust, 8 threads)")).is_empty());
        assert!(warnings(past("CUDA 0: H100"))[0].contains("CUDA"));
        assert!(warnings(Past::default()).is_empty());
    }

    #[test]
    fn other_images_are_warned_of_and_the_same_are_not() {
        let past = Past {
            images: Some(images(40)),
            ..Past::default()
        };
        assert!(past.warnings("flex", &images(40)).is_empty());
        let warnings = past.warnings("flex", &images(38));
        assert!(warnings[0].contains("40 to train") && warnings[0].contains("now 38"));
    }

    #[test]
    fn checkpoints_without_a_journal_are_warned_of() {
        let position = Some(Position {
            phase: crate::event::Phase::Student,
            step: 3,
        });
        let past = Past::resumed(&[], position);
        assert!(past.warnings("flex", &images(40))[0].contains("journal is gone"));
        assert!(
            Past::resumed(&[], None)
                .warnings("flex", &images(40))
                .is_empty()
        );
    }
}
