//! A folder with a tiny experiment in it, and ways to run the program there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use workbench::event::channel::JournalMark;
use workbench::run::append_file::crc_of;
use workbench::run::{RecordMark, RunFolder};

/// Both phases, a controller, two views, checkpoints in the middle of epochs:
/// 2 × 6 steps of a teacher and 5 × 6 of a student.
pub const TINY: &str = "Experiment(
    name: \"tiny\",
    seed: 3,
    device: Cpu,
    data: (
        train: Shapes(classes: 3, count: 120, size: 12),
        valid: Holdout(0.2),
        test: Shapes(classes: 3, count: 30, size: 12, seed: 9),
        workers: 2,
    ),
    teacher: (model: Cnn(channels: [8, 16]), weights: Train(epochs: 2)),
    student: (model: Cnn(channels: [4, 8])),
    augment: [HorizontalFlip, PadCrop(1), Cutout(3)],
    method: AdaptiveAugmentation(p1: 0.1, p_max: 0.6, w: 0.8, temperature: 3.0),
    optimizer: Sgd(momentum: 0.9, nesterov: true, weight_decay: 1e-4),
    lr: Cosine(from: 0.05, to: 0.0),
    ema: 0.9,
    epochs: 5,
    batch: 16,
    log_every: 1,
    checkpoint_every: 4,
)";

/// A place to run the program in.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A place with `tiny.ron` in it.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.ron"), TINY).unwrap();
        Self { folder }
    }

    /// The place.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The program with these arguments, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_remove("GITHUB_STEP_SUMMARY")
            .env_remove("GITHUB_ACTIONS")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Starts the program and leaves it running; nobody reads what it says.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Folders of all runs, oldest first.
    pub fn runs(&self) -> Vec<PathBuf> {
        let mut runs: Vec<PathBuf> = std::fs::read_dir(self.path().join("checkpoints"))
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("experiment.ron").exists())
            // A run that is being made has a hidden name first.
            .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'))
            .collect();
        runs.sort_by_key(|path| {
            path.join("experiment.ron")
                .metadata()
                .unwrap()
                .modified()
                .unwrap()
        });
        runs
    }

    /// The newest run.
    pub fn newest(&self) -> PathBuf {
        self.runs().pop().unwrap()
    }

    /// Forgets the teachers that earlier runs trained.
    pub fn forget_teachers(&self) {
        let _ = std::fs::remove_dir_all(self.path().join("checkpoints/.teachers"));
    }
}

/// How long the program takes until it does anything: with libtorch a second, in
/// which its libraries are loaded.
pub fn start_up() -> Duration {
    static TAKES: OnceLock<Duration> = OnceLock::new();
    *TAKES.get_or_init(|| {
        let started = Instant::now();
        assert_eq!(code(&Bench::new().run(&["--version"])), 0);
        started.elapsed()
    })
}

/// How long a process may live before it is stopped: past its start, and each a
/// little longer than the one before, so that stops fall all over a training and
/// every process gets further than a checkpoint at last.
pub fn lifetime(attempt: u64) -> Duration {
    assert!(attempt < 400, "the run does not come to its end");
    start_up() + Duration::from_millis(40 + 7 * attempt)
}

/// The exit code.
pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// What was said on standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Notes that the run was recorded as far as it is now.
pub fn recorded_so_far(run: &Path) {
    let run = RunFolder::at(run).unwrap();
    let [(bytes, crc32c), (series, series_crc32c)] = [run.journal(), run.series()].map(|path| {
        let bytes = path.metadata().unwrap().len();
        (bytes, crc_of(&path, bytes).unwrap())
    });
    let mark = JournalMark {
        bytes,
        crc32c,
        series,
        series_crc32c,
    };
    run.write_record_mark(&RecordMark::new(run.id(), mark))
        .unwrap();
}

/// The student's last and best weights and the teacher's, if the run has one of
/// its own, as bytes.
pub fn weights(run: &Path) -> Vec<Vec<u8>> {
    let of = |folder: &str| std::fs::read(run.join(folder).join("weights.safetensors"));
    let mut weights = vec![of("latest").unwrap(), of("best").unwrap()];
    weights.extend(of("teacher"));
    weights
}
