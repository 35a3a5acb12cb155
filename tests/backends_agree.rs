//! The same experiment on the pure-Rust backend and on libtorch: the same losses up to rounding, teacher's
//! and student's, through convolutions, batch normalisation, both kinds of loss and the optimizer.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

use std::path::Path;
use std::sync::Mutex;
use std::time::SystemTime;

use workbench::engine::{Engine, PrepareError, Prepared};
use workbench::event::{CommandRecord, Outcome, Phase, Position, RunEvent};
use workbench::experiment;
use workbench::run::RunFolder;
use workbench::trainer::{CommandSource, EventSink, Trainer};

const EXPERIMENT: &str = "Experiment(
    name: \"agree\",
    seed: 11,
    data: (train: Shapes(classes: 4, count: 160, size: 16), valid: Holdout(0.2)),
    teacher: (model: ResNetCifar(depth: 8, width: 8), weights: Train(epochs: 1)),
    student: (model: Cnn(channels: [4, 8])),
    augment: [HorizontalFlip, PadCrop(2)],
    method: AdaptiveAugmentation(p1: 0.2, p_max: 0.5, w: 0.9, temperature: 4.0, update: Feedback()),
    optimizer: Sgd(momentum: 0.9, nesterov: true, weight_decay: 5e-4),
    lr: Constant(0.05),
    epochs: 2,
    finish: Quantize(epochs: 1, learning_rate: 0.01),
    batch: 32,
    log_every: 1,
)";

/// Total loss of every step: 4 of the teacher, 12 of the student, of which 4 round.
type Losses = Vec<(Phase, u64, f64)>;

const STEPS: usize = 16;

/// Greatest difference of losses where values are rounded.
const ROUNDING: f64 = 2e-2;

#[derive(Default)]
struct Recorded(Mutex<Losses>);

impl EventSink for Recorded {
    fn emit(&self, event: RunEvent) {
        if let RunEvent::StepLogged(row) = event {
            let loss = row.values["loss/total"];
            self.0.lock().unwrap().push((row.phase, row.step, loss));
        }
    }

    fn flush(&self) {}
}

struct Silence;

impl CommandSource for Silence {
    fn due(&mut self, _: Position, _: bool) -> Vec<CommandRecord> {
        Vec::new()
    }
}

/// Terms over feature maps, some of which are added up in the middle of a network.
const FEATURES: &str = "Custom(
        views: [(p: 0.2), (p: 0.0)],
        terms: [
            Distill(),
            Truth(),
            Hint(w_hint: 1.0),
            Attention(views: [1, 2], w_attention: 10.0),
            Similarity(w_similarity: 10.0),
            Relation(w_relation: 0.1),
        ],
    )";

/// Trains on a device, teacher first. `None` where the device is not there.
fn losses_on(device: &str) -> Option<Losses> {
    losses_of(EXPERIMENT, device)
}

fn losses_of(text: &str, device: &str) -> Option<Losses> {
    let loaded = experiment::load_text(text, Path::new("agree.ron"), &[]).unwrap();
    let frozen = loaded.frozen_text().to_owned();
    let mut plan = loaded.plan;
    plan.device = device.parse().unwrap();
    let prepared = match Prepared::new(plan, &|_| ()) {
        Ok(prepared) => prepared,
        Err(PrepareError::Device(_)) => return None,
        Err(error) => panic!("{error}"),
    };
    let checkpoints = tempfile::tempdir().unwrap();
    let folder =
        RunFolder::create(checkpoints.path(), "agree", &frozen, SystemTime::now()).unwrap();
    let mut engine = Engine::new(prepared, folder, checkpoints.path().join("teachers"));
    let recorded = Recorded::default();
    assert_eq!(engine.run(&mut Silence, &recorded), Outcome::Completed);
    Some(recorded.0.into_inner().unwrap())
}

fn assert_close(ours: &Losses, theirs: &Losses, tolerance: f64) {
    assert_eq!(ours.len(), STEPS, "{ours:?}");
    assert_eq!(theirs.len(), STEPS, "{theirs:?}");
    for (one, other) in ours.iter().zip(theirs) {
        assert_eq!((one.0, one.1), (other.0, other.1));
        let apart = (one.2 - other.2).abs() / one.2.abs().max(1.0);
        // A value half a step from two bytes may become the one here and the other there.
        let rounds = one.0 == Phase::Student && one.1 >= 8;
        let tolerance = if rounds {
            tolerance.max(ROUNDING)
        } else {
            tolerance
        };
        assert!(apart < tolerance, "{one:?} against {other:?}");
    }
}

#[test]
fn libtorch_on_the_cpu_trains_to_the_losses_of_the_pure_rust_backend() {
    // Rounding differs in the seventh digit and grows a little with every step.
    assert_close(
        &losses_on("cpu").unwrap(),
        &losses_on("libtorch").unwrap(),
        1e-3,
    );
}

fn with_features() -> String {
    let method = EXPERIMENT.lines().find(|line| line.contains("method:"));
    EXPERIMENT
        .replace(method.unwrap(), &format!("    method: {FEATURES},"))
        // Angles between embeddings that hardly differ yet make more of rounding.
        .replace("lr: Constant(0.05)", "lr: Constant(0.005)")
        .replace(
            "student: (model: Cnn(channels: [4, 8]))",
            "student: (model: ResNetCifar(depth: 8, width: 4))",
        )
}

#[test]
fn feature_maps_on_libtorch_teach_what_they_teach_on_the_pure_rust_backend() {
    let text = with_features();
    let on = |device| losses_of(&text, device).unwrap();
    assert_close(&on("cpu"), &on("libtorch"), 1e-3);
}

#[test]
fn libtorch_on_the_cpu_repeats_its_losses_bit_for_bit() {
    for text in [EXPERIMENT, &with_features()] {
        let losses = || losses_of(text, "libtorch").unwrap();
        assert_eq!(losses(), losses());
    }
}

#[test]
fn a_gpu_trains_to_the_losses_of_the_processor_where_there_is_one() {
    let Some(on_gpu) = losses_on("cuda") else {
        return;
    };
    // Convolutions on a GPU round their factors to ten bits unless set otherwise.
    assert_close(&losses_on("cpu").unwrap(), &on_gpu, 5e-2);
}
