//! Training steps, images per second on every device that is there: ResNet-20 teaches ResNet-8 on two
//! views of CIFAR-10's size, data loading and the logged row included, evaluation and checkpoints not.
#![allow(
    missing_docs,
    reason = "criterion's macros make items without documentation"
)]

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use workbench::engine::{Engine, PrepareError, Prepared};
use workbench::event::{CommandRecord, Outcome, Phase, Position, RunEvent};
use workbench::experiment::{self, Override};
use workbench::run::RunFolder;
use workbench::trainer::{CommandSource, EventSink, Trainer};

const BATCH: u64 = 64;
/// 640 images less a fifth held out, in batches of 64.
const STEPS_PER_EPOCH: u64 = 8;

const EXPERIMENT: &str = "Experiment(
    name: \"bench\",
    seed: 7,
    data: (
        train: Shapes(classes: 10, count: 640, size: 32),
        valid: Holdout(0.2),
    ),
    teacher: (model: ResNetCifar(depth: 20), weights: Train(epochs: 1)),
    student: (model: ResNetCifar(depth: 8)),
    augment: [HorizontalFlip, PadCrop(4), Cutout(8)],
    method: AdaptiveAugmentation(p1: 0.2, p_max: 0.5, w: 0.9, temperature: 4.0),
    epochs: 1,
    batch: 64,
    log_every: 1,
)";

/// When each of the student's steps was logged.
#[derive(Default)]
struct Clock(Mutex<Vec<(u64, Instant)>>);

impl EventSink for Clock {
    fn emit(&self, event: RunEvent) {
        if let RunEvent::StepLogged(row) = event
            && row.phase == Phase::Student
        {
            let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            steps.push((row.step, Instant::now()));
        }
    }

    fn flush(&self) {}
}

impl Clock {
    /// Time of this many steps. Those that begin an epoch are left out, with
    /// the evaluation and the checkpoint before them.
    fn time_of(self, steps: u64) -> Duration {
        let logged = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let times: Vec<Duration> = logged
            .windows(2)
            .filter(|pair| pair[1].0 % STEPS_PER_EPOCH != 0)
            .map(|pair| pair[1].1 - pair[0].1)
            .take(steps as usize)
            .collect();
        assert_eq!(
            times.len() as u64,
            steps,
            "the training was shorter than planned"
        );
        times.iter().sum()
    }
}

/// Nobody gives commands.
struct Silence;

impl CommandSource for Silence {
    fn due(&mut self, _: Position, _: bool) -> Vec<CommandRecord> {
        Vec::new()
    }
}

/// Trains long enough for this many timed steps. `None` without the device.
fn train(device: &str, steps: u64, checkpoints: &Path) -> Option<Duration> {
    let epochs = steps.div_ceil(STEPS_PER_EPOCH - 1);
    let longer = Override::parse(&format!("epochs={epochs}")).expect("a field and its value");
    let loaded = experiment::load_text(EXPERIMENT, Path::new("bench.ron"), &[longer])
        .expect("the experiment is in order");
    let frozen = loaded.frozen_text().to_owned();
    let mut plan = loaded.plan;
    plan.device = device.parse().expect("a device's name");
    let prepared = match Prepared::new(plan, &|_| ()) {
        Ok(prepared) => prepared,
        Err(PrepareError::Device(_)) => return None,
        Err(error) => panic!("{error}"),
    };
    let folder = RunFolder::create(checkpoints, "bench", &frozen, SystemTime::now())
        .expect("a new run folder");
    // The teacher is trained for the first sample and found by the others.
    let mut engine = Engine::new(prepared, folder, checkpoints.join(".teachers"));
    let clock = Clock::default();
    assert_eq!(engine.run(&mut Silence, &clock), Outcome::Completed);
    Some(clock.time_of(steps))
}

fn step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    group.throughput(Throughput::Elements(BATCH));
    group.sample_size(10);
    group.sampling_mode(SamplingMode::Flat);
    for device in ["cpu", "libtorch", "cuda"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if train(device, 1, folder.path()).is_none() {
            continue;
        }
        group.bench_function(device, |bencher| {
            bencher.iter_custom(|steps| {
                train(device, steps, folder.path()).expect("the device was there before")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
