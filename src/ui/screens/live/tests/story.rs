//! A run of adaptive augmentation that comes event by event, and a screen in
//! front of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::event::testing::run_started;
use crate::event::{
    Command, CommandRecord, EvaluatedWeights, Evaluation, Origin, Phase, Position, RunEvent, Split,
    StepRow, TeacherAgreement,
};
use crate::experiment::controller::{Decision, KnobMove};
use crate::experiment::schedule::Schedule;
use crate::run::RunFolder;
use crate::store::testing::{data_summary, run_plan};
use crate::store::{Owner, RunEntry};
use crate::ui::news::{GpuSample, MachineSample, News};
use crate::ui::testing::Harness;

/// Steps of an epoch of the story's student.
pub(super) const PER_EPOCH: u64 = 40;

/// Epochs of the story's student.
pub(super) const EPOCHS: u64 = 12;

pub(super) const EXPERIMENT: &str = r#"Experiment(
    name: "quickstart",
    data: (train: Shapes(count: 5690)),
    teacher: (model: ResNetCifar(depth: 20), weights: Train(epochs: 2)),
    student: (model: ResNetCifar(depth: 8)),
    method: AdaptiveAugmentation(p1: 0.0, p_max: 0.5, w: 0.9, temperature: 4.0, update: Feedback()),
    lr: Warmup(epochs: 1, then: Cosine(from: 0.1, to: 0.0)),
    epochs: 12,
)"#;

/// A screen that shows a run of the story, and the run's name.
pub(super) fn screen(size: (u16, u16), owner: Owner, events: &[RunEvent]) -> (Harness, String) {
    let mut harness = Harness::new(size.0, size.1);
    let name = add(&mut harness, "quickstart", owner, events);
    harness.keys(&["3"]).take();
    (harness, name)
}

/// Adds a run.
pub(super) fn add(harness: &mut Harness, name: &str, owner: Owner, events: &[RunEvent]) -> String {
    let number = harness.runs.len();
    let started = SystemTime::UNIX_EPOCH + Duration::from_hours(490_932);
    let folder = format!(
        "checkpoints/{name}-20260102-12{number:02}00-{:06x}",
        0x8e_9912 + number
    );
    let started = started + Duration::from_mins(number as u64);
    let mut run = RunEntry::new(RunFolder::imagined(folder), started);
    run.owner = owner;
    EXPERIMENT.clone_into(&mut run.experiment);
    run.plan = Some(Arc::new(run_plan(EXPERIMENT, PER_EPOCH)));
    for event in events {
        run.store.apply(event);
    }
    let name = run.folder.name();
    harness.runs.insert(run);
    harness.news(News::RunsChanged);
    name
}

/// Passes an event to the run on screen.
pub(super) fn feed(harness: &mut Harness, name: &str, events: &[RunEvent]) {
    for event in events {
        harness.runs.apply(name, event);
    }
    harness.news(News::RunsChanged);
}

pub(super) fn machine(harness: &mut Harness) {
    for second in 0..40_u8 {
        let busy = f32::from(second % 20) / 20.0;
        harness.news(News::Machine(MachineSample {
            cores: vec![1.0, busy, 0.3, 0.0],
            process_memory: 1_300_000_000,
            memory: (5_400_000_000, 16_700_000_000),
            gpus: vec![GpuSample {
                name: "A100".to_owned(),
                busy: 0.97,
                memory: (13_000_000_000, 42_900_000_000),
            }],
        }));
    }
}

fn begin() -> Vec<RunEvent> {
    vec![
        run_started("quickstart", None),
        RunEvent::DataIndexed(data_summary(&["cat", "dog"], 1280, 200)),
        RunEvent::TeacherLoaded {
            path: Path::new("teacher.safetensors").to_owned(),
            cached: true,
            engine: None,
        },
        RunEvent::PhaseStarted {
            phase: Phase::Student,
            steps: PER_EPOCH * EPOCHS,
            steps_per_epoch: PER_EPOCH,
            step: 0,
        },
    ]
}

/// A smooth value with something like noise on it.
fn noisy(step: u64, value: f64) -> f64 {
    value * (1.0 + 0.12 * ((step * 7919 % 101) as f64 / 101.0 - 0.5))
}

pub(super) fn step(step: u64, knobs: &BTreeMap<&str, f64>) -> RunEvent {
    let epoch = step as f64 / PER_EPOCH as f64;
    let distill = noisy(step, 2.2 * (-epoch / 4.0).exp() + 0.3);
    let truth = noisy(step + 3, 1.6 * (-epoch / 3.0).exp() + 0.4);
    let mut values = BTreeMap::from([
        ("loss/distill".to_owned(), distill),
        ("loss/truth".to_owned(), truth),
        ("loss/total".to_owned(), knobs["w"] * distill + truth),
        (
            "grad/norm".to_owned(),
            noisy(step + 11, 1.0 + 1.0 / (1.0 + epoch)),
        ),
        (
            "train/accuracy".to_owned(),
            noisy(step, 0.9 - 0.6 * (-epoch / 2.0).exp()),
        ),
        ("speed/images_per_second".to_owned(), noisy(step, 1234.0)),
    ]);
    values.extend(
        knobs
            .iter()
            .map(|(name, value)| (format!("knob/{name}"), *value)),
    );
    RunEvent::StepLogged(StepRow {
        phase: Phase::Student,
        step,
        epoch,
        seconds: 0.052 * step as f64 + 0.8 * epoch.floor(),
        values,
    })
}

fn evaluated(step: u64) -> RunEvent {
    let epoch = step as f64 / PER_EPOCH as f64;
    let top1 = (0.88 - 0.5 * (-epoch / 2.0).exp()).min(0.84) - if epoch > 6.0 { 0.01 } else { 0.0 };
    RunEvent::Evaluated(Evaluation {
        phase: Phase::Student,
        split: Split::Valid,
        weights: EvaluatedWeights::Last,
        step,
        epoch,
        images: 200,
        loss: 1.2 * (-epoch / 4.0).exp() + 0.4,
        top1,
        top5: 1.0,
        ece: Some(0.03),
        per_class: vec![top1, top1],
        confusion: vec![vec![80, 20], vec![15, 85]],
        predictions: Vec::new(),
        right: None,
        teacher: Some(TeacherAgreement {
            agreement: top1 + 0.05,
            kl: 0.9 * (-epoch / 3.0).exp() + 0.05,
            top1: 0.912,
            both_right: Some(top1 - 0.03),
            ece: Some(0.02),
        }),
        seconds: 0.8,
    })
}

/// The end of an epoch: p1 grows while the student improved, else w shrinks.
fn decided(epoch: u64, knobs: &mut BTreeMap<&'static str, f64>) -> RunEvent {
    let improved = epoch % 4 != 3;
    let set = |knobs: &mut BTreeMap<&'static str, f64>, knob: &'static str, to: f64| {
        let from = knobs.insert(knob, to).unwrap_or(f64::NAN);
        KnobMove {
            knob: knob.to_owned(),
            from,
            to,
        }
    };
    let (moved, followed, reason) = if improved {
        let p2 = knobs["p2"];
        let moved = set(knobs, "p1", p2);
        let followed = vec![set(knobs, "p2", p2 + 0.5 / EPOCHS as f64)];
        (
            moved,
            followed,
            "truth loss 0.8312, better than the best so far (0.8400)",
        )
    } else {
        let w = knobs["w"] * 0.9;
        (
            set(knobs, "w", w),
            Vec::new(),
            "truth loss 0.9120, worse than the best so far (0.8312)",
        )
    };
    RunEvent::RoundEnded {
        round: epoch as u32,
        rounds: EPOCHS as u32,
        step: epoch * PER_EPOCH,
        losses: BTreeMap::new(),
        decision: (epoch < EPOCHS).then(|| Decision {
            moved,
            followed,
            reason: reason.to_owned(),
            compared: None,
        }),
        knobs: knobs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect(),
    }
}

/// The story until so many steps are complete.
pub(super) fn events(steps: u64) -> Vec<RunEvent> {
    let mut events = begin();
    let mut knobs = BTreeMap::from([
        ("lr", 0.0),
        ("p1", 0.0),
        ("p2", 0.5 / EPOCHS as f64),
        ("temperature", 4.0),
        ("w", 0.9),
        ("w_truth", 1.0),
    ]);
    let lr = Schedule::Warmup {
        epochs: 1.0,
        then: Box::new(Schedule::Cosine {
            from: 0.1,
            to: 0.0,
            epochs: None,
        }),
    };
    for at in 0..steps {
        knobs.insert("lr", lr.at(at as f64 / PER_EPOCH as f64, EPOCHS as f64));
        events.push(step(at, &knobs));
        if (at + 1) % PER_EPOCH == 0 {
            let epoch = (at + 1) / PER_EPOCH;
            events.push(decided(epoch, &mut knobs));
            events.push(evaluated(at + 1));
            events.push(RunEvent::CheckpointSaved {
                at: Position {
                    phase: Phase::Student,
                    step: at + 1,
                },
                folder: "best".into(),
                best: epoch <= 6,
                weights: None,
            });
        }
    }
    events
}

/// A turn of a knob that arrived, and its fate.
pub(super) fn adjust(
    id: &str,
    knob: &str,
    schedule: Schedule,
    fate: Option<Result<u64, &str>>,
) -> Vec<RunEvent> {
    let record = CommandRecord {
        id: id.to_owned(),
        origin: Origin::User,
        command: Command::Adjust {
            knob: knob.to_owned(),
            schedule,
        },
    };
    let mut events = vec![RunEvent::CommandReceived(record)];
    events.extend(fate.map(|fate| match fate {
        Ok(step) => RunEvent::CommandApplied {
            id: id.to_owned(),
            phase: Phase::Student,
            step,
            from: None,
        },
        Err(reason) => RunEvent::CommandRejected {
            id: id.to_owned(),
            reason: reason.to_owned(),
        },
    }));
    events
}
