//! A learning-rate range test of an experiment: `--find-lr`, and the same for the screen.
//!
//! It is prepared as a run is, and trained in a temporary folder of a run that goes with
//! it; teachers and their answers are those that runs share.

use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::SystemTime;

use serde::Serialize;

use super::arguments::Arguments;
use super::error::{AppError, FindLrError};
use super::panic::caught;
use super::reporting::on_stderr;
use super::session::{Lines, SessionError, TEACHERS, TRAINER_STACK, prepare};
use crate::engine::Engine;
use crate::event::{Command, CommandRecord, Origin, Position, RunEvent};
use crate::experiment::Loaded;
use crate::experiment::lr_range::{LrCurve, LrEnd, LrPoint, LrRange};
use crate::experiment::range::Range;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::DeviceSpec;
use crate::format::number;
use crate::report::lr_curve;
use crate::run::{Exit, RunFolder, StopSignal, TemporaryFolder};
use crate::store::RunStore;
use crate::trainer::{CommandSource, EventSink};
use crate::untrusted::json_page;

/// What `--find-lr --json` prints.
#[derive(Serialize)]
struct Found<'a> {
    experiment: &'a str,
    device: &'a str,
    range: LrRange,
    /// Losses by step, as they were and smoothed.
    points: Vec<FoundPoint>,
    end: LrEnd,
    /// None where the loss does not fall.
    proposed: Option<f64>,
    lowest: Option<LrPoint>,
    /// Whether the loss still falls at the highest learning rate.
    falls_at_end: Option<bool>,
}

#[derive(Serialize)]
struct FoundPoint {
    lr: f64,
    loss: f64,
    smoothed: f64,
}

/// A test that is to be made.
pub struct RangeTest<'a> {
    /// The experiment.
    pub loaded: &'a Loaded,
    /// Device instead of the experiment's.
    pub device: Option<DeviceSpec>,
    /// What is tested.
    pub range: LrRange,
    /// The folder of runs, which has the teachers that they share.
    pub checkpoints: &'a Path,
}

/// What came of it.
pub struct Tested {
    /// The losses, one at least.
    pub curve: LrCurve,
    /// Where they were computed, for people.
    pub device: String,
    /// The learning rate as it is planned.
    planned: Schedule,
}

/// Tests the range and prints the curve.
///
/// # Errors
/// What is wrong with the range, the file, the images or the device, and what failed.
pub fn find_lr(arguments: &Arguments, loaded: &Loaded) -> Result<Exit, AppError> {
    let range = range(arguments)?;
    let stop = StopSignal::new();
    let _signals = stop.on_signals().map_err(AppError::Signals)?;
    let say = Box::new(|line: String| super::print_error_line(&line));
    let test = RangeTest {
        loaded,
        device: arguments.device,
        range,
        checkpoints: &arguments.checkpoints,
    };
    let mut store = RunStore::new().keeping_latest();
    let mut reporters = on_stderr();
    let tested = test.run(&stop, say, |event| {
        store.apply(&event);
        // A closed stderr is no reason to lose the curve.
        let _ = reporters.observe(&event, &store);
    });
    drop(reporters);
    let Tested {
        curve,
        device,
        planned,
    } = tested?;
    if arguments.json {
        let page = json_page(&Found::new(&loaded.plan.name, &device, range, &curve));
        super::print(&page.map_err(FindLrError::from)?)?;
    } else {
        super::print_text(&lr_curve(&curve, &planned.describe(number)))?;
    }
    Ok(match curve.end {
        LrEnd::Stopped => Exit::Interrupted,
        LrEnd::Completed | LrEnd::Diverged => Exit::Success,
    })
}

impl RangeTest<'_> {
    /// Makes it. `watch` is given what happens, until the last step.
    ///
    /// # Errors
    /// What is wrong with the experiment, the images or the device, and what failed; that
    /// it was stopped before its first step.
    pub fn run(
        &self,
        stop: &StopSignal,
        say: Lines,
        watch: impl FnMut(RunEvent),
    ) -> Result<Tested, AppError> {
        let prepared = prepare(self.loaded, self.device, stop, say)?;
        let device = prepared.device.name.clone();
        let plan = &prepared.resolved.plan;
        let (name, planned) = (plan.name.clone(), plan.training.lr.schedule.clone());
        let temporary = TemporaryFolder::new().map_err(FindLrError::from)?;
        let frozen = self.loaded.frozen_text();
        let run_plan = prepared.run_plan(frozen);
        let now = SystemTime::now();
        let folder = RunFolder::create_planned(temporary.path(), &name, frozen, run_plan, now);
        let folder = folder.map_err(FindLrError::from)?;
        let engine = Engine::new(prepared, folder, self.checkpoints.join(TEACHERS));
        let (sender, events) = mpsc::channel();
        let trainer = spawn(engine, self.range, stop.clone(), sender);
        let trainer = trainer.map_err(FindLrError::Thread)?;
        events.into_iter().for_each(watch);
        let found = trainer.join().map_err(|_| "the trainer ended unexpectedly");
        let found = found.map_err(str::to_owned).flatten();
        let curve = found.map_err(FindLrError::Failed)?;
        if curve.points.is_empty() {
            let reason = stop.reason().unwrap_or_default();
            return Err(SessionError::Stopped(reason).into());
        }
        Ok(Tested {
            curve,
            device,
            planned,
        })
    }
}

fn range(arguments: &Arguments) -> Result<LrRange, FindLrError> {
    let (from, to) = (arguments.lr_from, arguments.lr_to);
    if !(from > 0.0 && from < to && Range::LEARNING_RATE.contains(to)) {
        return Err(FindLrError::Range { from, to });
    }
    Ok(LrRange {
        from,
        to,
        steps: arguments.steps,
    })
}

impl<'a> Found<'a> {
    fn new(experiment: &'a str, device: &'a str, range: LrRange, curve: &LrCurve) -> Self {
        let points = curve.points.iter().zip(curve.smoothed());
        let proposal = curve.proposal();
        Self {
            experiment,
            device,
            range,
            points: points
                .map(|(&LrPoint { lr, loss }, smoothed)| FoundPoint { lr, loss, smoothed })
                .collect(),
            end: curve.end,
            proposed: proposal.map(|found| found.lr),
            lowest: proposal.map(|found| found.lowest),
            falls_at_end: proposal.map(|found| found.falls_at_end),
        }
    }
}

/// Starts the trainer's thread; the reason of a failure is for people.
fn spawn(
    engine: Engine,
    range: LrRange,
    stop: StopSignal,
    sender: Sender<RunEvent>,
) -> std::io::Result<JoinHandle<Result<LrCurve, String>>> {
    let thread = std::thread::Builder::new().name("trainer".to_owned());
    thread.stack_size(TRAINER_STACK).spawn(move || {
        let mut inbox = OnlyStop(stop);
        let sink = Watched(sender);
        let tested = caught(|| engine.range_test(range, &mut inbox, &sink));
        match tested {
            Ok(curve) => curve.map_err(|failure| failure.to_string()),
            Err(reason) => Err(format!("the backend failed: {reason}")),
        }
    })
}

/// A training that can be stopped and nothing else.
struct OnlyStop(StopSignal);

impl CommandSource for OnlyStop {
    fn due(&mut self, _at: Position, _wait: bool) -> Vec<CommandRecord> {
        self.stop().into_iter().collect()
    }

    fn stop(&self) -> Option<CommandRecord> {
        Some(CommandRecord {
            id: self.0.reason()?,
            origin: Origin::Signal,
            command: Command::Stop,
        })
    }
}

/// Events that are shown and not recorded.
struct Watched(Sender<RunEvent>);

impl EventSink for Watched {
    fn emit(&self, event: RunEvent) {
        // Nobody looks any more.
        let _ = self.0.send(event);
    }

    fn flush(&self) {}
}
