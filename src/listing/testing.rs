//! Runs of every kind for tests of lists.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::event::bench::testing::{bench_row, measured};
use crate::event::testing::run_started;
use crate::event::{
    BenchRow, Command, CommandRecord, EvaluatedWeights, Evaluation, ModelSummary, Origin, Outcome,
    Phase, Position, RunEvent, Split, StepRow, TeacherAgreement, Variant,
};
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::OnnxEngine;
use crate::run::{Holder, Notes, RunFolder};
use crate::store::testing::data_summary;
use crate::store::{Owner, RunEntry, Runs};

pub(crate) const ADAPTIVE: &str = "cifar10-adaptive-20260102-101500-a1b2c3";
pub(crate) const VANILLA: &str = "cifar10-vanilla-20260101-090000-d4e5f6";
pub(crate) const CRASHED: &str = "cifar10-multiview-20260102-083000-0badca";
pub(crate) const TRAINING: &str = "cifar10-scratch-20260102-113000-7a7a7a";
pub(crate) const PAUSED: &str = "cifar10-adaptive-20260102-115500-5c5c5c";
pub(crate) const STOPPED: &str = "quickstart-20251231-235900-1f1f1f";

const ADAPTIVE_TEXT: &str = include_str!("../../experiments/cifar10-adaptive.ron");
const VANILLA_TEXT: &str = include_str!("../../experiments/cifar10-vanilla.ron");
const MULTIVIEW_TEXT: &str = include_str!("../../experiments/cifar10-multiview.ron");
const SCRATCH_TEXT: &str = include_str!("../../experiments/cifar10-scratch.ron");
const QUICKSTART_TEXT: &str = include_str!("../../experiments/quickstart.ron");

/// Steps of an epoch in these runs.
const STEPS: u64 = 100;

/// A run started on 2026-01-02 at `hour`, that is `hours` before or after noon.
pub(crate) fn entry(name: &str, text: &str, hour: i32) -> RunEntry {
    let noon = SystemTime::UNIX_EPOCH + Duration::from_hours(490_932);
    let off = Duration::from_secs(3600 * u64::from((hour - 12).unsigned_abs()));
    let started = if hour < 12 { noon - off } else { noon + off };
    let mut run = RunEntry::new(RunFolder::imagined(format!("checkpoints/{name}")), started);
    text.clone_into(&mut run.experiment);
    run
}

fn model(phase: Phase, name: &str, parameters: u64) -> RunEvent {
    RunEvent::ModelBuilt(ModelSummary {
        phase,
        name: name.to_owned(),
        parameters,
        macs: Some(parameters * 150),
        bytes: parameters * 4,
    })
}

pub(crate) fn evaluated(split: Split, epoch: u32, top1: f64) -> RunEvent {
    RunEvent::Evaluated(Evaluation {
        phase: Phase::Student,
        split,
        weights: match split {
            Split::Valid => EvaluatedWeights::Last,
            Split::Test => EvaluatedWeights::Best,
        },
        step: u64::from(epoch) * STEPS,
        epoch: f64::from(epoch),
        images: 5000,
        loss: 1.5 * (1.0 - top1),
        top1,
        top5: top1.midpoint(1.0),
        ece: Some(0.03),
        per_class: vec![top1, top1 - 0.2, top1 - 0.05, top1 + 0.01],
        confusion: Vec::new(),
        predictions: Vec::new(),
        right: None,
        teacher: Some(TeacherAgreement {
            agreement: top1 + 0.02,
            kl: 0.3,
            top1: 0.93,
            both_right: Some(top1 - 0.02),
            ece: Some(0.02),
        }),
        seconds: 4.0,
    })
}

/// What happens in a run of `epochs` epochs until it was evaluated at the end of
/// as many as there are values.
pub(crate) fn trained(epochs: u32, top1: &[f64]) -> Vec<RunEvent> {
    let mut events = vec![
        run_started("cifar10", None),
        RunEvent::DataIndexed(data_summary(&["airplane", "cat", "dog", "ship"], 100, 5000)),
        model(Phase::Teacher, "ResNetCifar 20", 272_474),
        model(Phase::Student, "ResNetCifar 8", 78_042),
        RunEvent::PhaseStarted {
            phase: Phase::Student,
            steps: u64::from(epochs) * STEPS,
            steps_per_epoch: STEPS,
            step: 0,
        },
    ];
    let mut best = f64::NEG_INFINITY;
    for (epoch, &top1) in (1..).zip(top1) {
        let step = u64::from(epoch) * STEPS;
        events.push(RunEvent::StepLogged(StepRow {
            phase: Phase::Student,
            step: step - 1,
            epoch: f64::from(epoch) - 0.01,
            seconds: f64::from(epoch) * 372.0,
            values: BTreeMap::from([("loss/total".to_owned(), 1.0 - top1)]),
        }));
        events.push(evaluated(Split::Valid, epoch, top1));
        let folder = if top1 > best { "best" } else { "latest" };
        events.push(RunEvent::CheckpointSaved {
            at: Position {
                phase: Phase::Student,
                step,
            },
            folder: folder.into(),
            best: top1 > best,
            weights: None,
        });
        best = best.max(top1);
    }
    events
}

pub(crate) fn apply(run: &mut RunEntry, events: &[RunEvent]) {
    for event in events {
        run.store.apply(event);
    }
}

fn finish(run: &mut RunEntry, epochs: u32, test: f64) {
    apply(
        run,
        &[
            RunEvent::PhaseEnded {
                phase: Phase::Student,
                seconds: f64::from(epochs) * 375.0,
            },
            evaluated(Split::Test, epochs, test),
            RunEvent::RunEnded(Outcome::Completed),
        ],
    );
}

/// A run that has gates, got commands, and warned.
pub(crate) fn troubled(run: &mut RunEntry) {
    run.experiment = run.experiment.replace(
        "gates: [",
        "gates: [AtLeast(\"valid/top1\", 0.5), AtMost(\"valid/loss\", 0.1), \
         AtLeast(\"test/top1\", Run(run: \"../main\", tolerance: 0.01)), ",
    );
    for (id, rejected) in [("a", false), ("b", true), ("c", false)] {
        let id = id.to_owned();
        let received = RunEvent::CommandReceived(CommandRecord {
            id: id.clone(),
            origin: Origin::User,
            command: Command::EvaluateNow,
        });
        let fate = if rejected {
            let reason = "no".to_owned();
            RunEvent::CommandRejected { id, reason }
        } else {
            RunEvent::CommandApplied {
                id,
                phase: Phase::Student,
                step: 40,
                from: None,
            }
        };
        apply(run, &[received, fate]);
    }
    let message = "3 images could not be read: cat/7.png is no image".to_owned();
    apply(run, &[RunEvent::Warned { message }]);
}

/// A run whose knobs a person changed.
pub(crate) fn changed(run: &mut RunEntry) {
    let changes = [
        ("lr", Schedule::Constant(0.02), 640),
        ("temperature", Schedule::Constant(2.5), 812),
    ];
    for (knob, schedule, step) in changes {
        let received = RunEvent::CommandReceived(CommandRecord {
            id: knob.to_owned(),
            origin: Origin::User,
            command: Command::Adjust {
                knob: knob.to_owned(),
                schedule,
            },
        });
        let applied = RunEvent::CommandApplied {
            id: knob.to_owned(),
            phase: Phase::Student,
            step,
            from: None,
        };
        apply(run, &[received, applied]);
    }
}

/// A run in every state.
pub(crate) fn runs() -> Runs {
    let mut runs = Runs::new();
    let mut adaptive = entry(ADAPTIVE, ADAPTIVE_TEXT, 10);
    let rising = [
        0.52, 0.66, 0.74, 0.79, 0.83, 0.855, 0.87, 0.882, 0.8914, 0.8891,
    ];
    apply(&mut adaptive, &trained(10, &rising));
    finish(&mut adaptive, 10, 0.8873);
    adaptive.notes = Notes {
        tags: vec!["paper".to_owned(), "seed7".to_owned()],
        note: "the one for table 2".to_owned(),
    };
    runs.insert(adaptive);

    let mut vanilla = entry(VANILLA, VANILLA_TEXT, -15);
    let flat = [
        0.55, 0.68, 0.75, 0.78, 0.81, 0.83, 0.845, 0.858, 0.8662, 0.8680,
    ];
    apply(&mut vanilla, &trained(10, &flat));
    finish(&mut vanilla, 10, 0.8641);
    vanilla.notes.tags = vec!["paper".to_owned()];
    runs.insert(vanilla);

    let mut crashed = entry(CRASHED, MULTIVIEW_TEXT, 8);
    apply(&mut crashed, &trained(10, &[0.5, 0.63, 0.71, 0.77]));
    runs.insert(crashed);

    let mut training = entry(TRAINING, SCRATCH_TEXT, 11);
    apply(&mut training, &trained(10, &[0.44, 0.57, 0.64, 0.69, 0.72]));
    training.owner = Owner::Here;
    runs.insert(training);

    let mut stopped = entry(STOPPED, QUICKSTART_TEXT, -24);
    apply(&mut stopped, &trained(3, &[0.61]));
    let reason = "stopped by user".to_owned();
    apply(
        &mut stopped,
        &[RunEvent::RunEnded(Outcome::Stopped { reason })],
    );
    runs.insert(stopped);

    let mut failed = entry("quickstart-20251231-220000-2e2e2e", QUICKSTART_TEXT, -26);
    apply(&mut failed, &trained(3, &[0.60, f64::NAN]));
    let message = "loss/total is NaN at step 231; lower lr".to_owned();
    apply(
        &mut failed,
        &[RunEvent::RunEnded(Outcome::Failed { message })],
    );
    runs.insert(failed);

    let mut teacher = entry(PAUSED, ADAPTIVE_TEXT, 12);
    apply(&mut teacher, &trained(10, &[])[..4]);
    let started = RunEvent::PhaseStarted {
        phase: Phase::Teacher,
        steps: 1000,
        steps_per_epoch: 100,
        step: 230,
    };
    apply(&mut teacher, &[started, RunEvent::Paused(true)]);
    teacher.owner = Owner::Elsewhere(Holder {
        pid: 4711,
        host: "gpu-box".to_owned(),
        since: "20260102-115500".to_owned(),
    });
    runs.insert(teacher);

    let mut unread = entry("mnist-20260102-115900-000000", "", 13);
    let problem = "journal.jsonl: version 9 is newer than this program";
    unread.problems.push(problem.to_owned());
    runs.insert(unread);
    runs
}

/// The same, of which some were measured, one of them in two forms and one elsewhere.
pub(crate) fn measured_runs() -> Runs {
    let mut runs = runs();
    let row = |p50_ms| bench_row(Some(OnnxEngine::Rten), p50_ms);
    let int8 = BenchRow {
        variant: Variant::Int8,
        file_bytes: 400_000,
        top1: Some(0.8712),
        ..row(2.2)
    };
    for (name, processor, rows) in [
        (ADAPTIVE, "Xeon", vec![row(4.0), int8]),
        (STOPPED, "Xeon", vec![row(5.0)]),
        (VANILLA, "Xeon", vec![row(6.0)]),
        (CRASHED, "Cortex-A72", vec![row(20.0)]),
    ] {
        let run = runs.get_mut(name).expect("runs() has it");
        run.store.measured = Some(measured(processor, rows));
    }
    runs
}
