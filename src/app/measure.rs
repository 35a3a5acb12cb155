//! One measurement of how fast a model is: a process of its own, which does nothing
//! else. Numbers of threads are settled when libraries start, and its peak memory is
//! that of the model.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::models::{self, OpenModelsError};
use crate::engine::classify::Classify;
use crate::engine::onnx::{OnnxModel, OnnxModelError};
use crate::engine::{Failure, WEIGHTS, answerer, measure};
use crate::event::inspection::{Answering, Asked, Weights};
use crate::experiment::plan::TeacherPlan;
use crate::experiment::spec::{DeviceSpec, OnnxEngine};
use crate::run::{BenchModel, BenchRow, RunError, RunFolder, WeightsIdentity};

/// Answers that are timed.
pub const RUNS: usize = 200;

/// Side of the images of a file that takes any, pixels.
pub const SIDE: u32 = 224;

/// Variables by which libraries are told how many threads they have.
const THREADS: [&str; 4] = [
    "RAYON_NUM_THREADS",
    "RTEN_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
];

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Which model.
    pub model: BenchModel,
    /// Where it is, and what computes.
    pub source: CaseSource,
    /// Images that are answered at once.
    pub batch: usize,
    /// Threads that compute.
    pub threads: usize,
    /// Answers that are timed.
    pub runs: usize,
}

/// Where a model is, and what computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum CaseSource {
    /// The layout of a run's model, on a device.
    Run {
        /// The run's.
        folder: PathBuf,
        /// What computes.
        device: DeviceSpec,
    },
    /// A file.
    Onnx {
        /// Where it is.
        path: PathBuf,
        /// What computes.
        engine: OnnxEngine,
        /// Height and width of the images, pixels.
        size: (u32, u32),
    },
}

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The run's models cannot be opened.
    #[error(transparent)]
    Models(#[from] OpenModelsError),
    /// The run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The file cannot be run.
    #[error(transparent)]
    Onnx(#[from] OnnxModelError),
    /// A model did not answer.
    #[error(transparent)]
    Answer(#[from] Failure),
    /// A result of another machine.
    #[error("{} cannot be taken: {error}", path.display())]
    Result {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        error: io::Error,
    },
    /// The measuring process failed.
    #[error("{case} could not be measured: {reason}")]
    Process {
        /// What was to be measured.
        case: String,
        /// What it said.
        reason: String,
    },
    /// The result finds no place.
    #[error("the result could not be kept in {run}: {error}")]
    Keep {
        /// The run.
        run: String,
        /// Why not.
        error: io::Error,
    },
    /// A case that this program did not write.
    #[error("--bench-case: {0}")]
    Case(serde_json::Error),
}

/// Measures how long a file takes for one image on one thread.
pub fn one_by_one(
    model: BenchModel,
    path: &Path,
    engine: OnnxEngine,
) -> Result<BenchRow, BenchError> {
    let size = OnnxModel::image_size(path)?.unwrap_or((SIDE, SIDE));
    let case = Case {
        model,
        source: CaseSource::Onnx {
            path: path.to_owned(),
            engine,
            size,
        },
        batch: 1,
        threads: 1,
        runs: RUNS,
    };
    case.in_process()
}

impl Case {
    /// Measured by a process of its own.
    pub fn in_process(&self) -> Result<BenchRow, BenchError> {
        let failed = |reason: String| BenchError::Process {
            case: self.named(),
            reason,
        };
        let text = serde_json::to_string(self).map_err(BenchError::Case)?;
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(program);
        command.args(["--bench-case", &text]).stdin(Stdio::null());
        for variable in THREADS {
            command.env(variable, self.threads.to_string());
        }
        let output = command
            .output()
            .map_err(|error| failed(error.to_string()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).map_err(|_| failed(said.trim().to_owned()))
    }

    fn named(&self) -> String {
        format!(
            "{:?}, batch {}, {} threads",
            self.model, self.batch, self.threads
        )
    }

    /// Measured here.
    pub fn here(&self) -> Result<BenchRow, BenchError> {
        let (answerer, engine, path, size) = self.opened()?;
        let timings = measure(answerer.as_ref(), size, self.batch, self.runs)?;
        let failed = |error: io::Error| BenchError::Process {
            case: self.named(),
            reason: format!("{}: {error}", path.display()),
        };
        Ok(BenchRow {
            model: self.model,
            weights: WeightsIdentity::of(&path).map_err(failed)?.content,
            engine,
            batch: self.batch,
            threads: self.threads,
            runs: timings.runs(),
            p50_ms: timings.quantile_ms(0.5),
            p90_ms: timings.quantile_ms(0.9),
            p99_ms: timings.quantile_ms(0.99),
            images_per_second: timings.images_per_second(),
            peak_memory: peak_memory().unwrap_or(0),
            file_bytes: path.metadata().map_err(failed)?.len(),
        })
    }

    /// The model, what computes, the file of its weights and the size of its images.
    #[expect(
        clippy::type_complexity,
        reason = "four things that are taken apart at once"
    )]
    fn opened(&self) -> Result<(Box<dyn Classify>, String, PathBuf, (u32, u32)), BenchError> {
        match &self.source {
            CaseSource::Onnx { path, engine, size } => {
                let model = OnnxModel::of_path(path, *engine)?;
                let engine = model.engine().to_owned();
                Ok((answerer(model), engine, path.clone(), *size))
            }
            CaseSource::Run { folder, device } => {
                let run = RunFolder::at(folder.clone())?;
                let answering = match self.model {
                    BenchModel::Teacher => Answering::Teacher,
                    BenchModel::Student | BenchModel::File => Answering::Student,
                };
                let asked = Asked {
                    answering,
                    weights: Weights::Best,
                };
                let models = models::open(&run, Some(*device), asked)?;
                let (engine, size) = (models.device.name.clone(), models.size());
                let path = weights_file(&run, self.model);
                let answerer: Box<dyn Classify> = match (models.student, models.teacher) {
                    (Some(student), _) => Box::new(student),
                    (None, Some(teacher)) => Box::new(teacher),
                    (None, None) => {
                        return Err(BenchError::Process {
                            case: self.named(),
                            reason: "the run has no such model".to_owned(),
                        });
                    }
                };
                Ok((answerer, engine, path, size))
            }
        }
    }
}

/// The file of a model that was trained here.
fn weights_file(run: &RunFolder, model: BenchModel) -> PathBuf {
    let teacher = run
        .plan()
        .ok()
        .flatten()
        .and_then(|plan| plan.resolved.plan.teacher);
    match (model, teacher.as_ref().and_then(TeacherPlan::file)) {
        (BenchModel::Teacher, Some(file)) => file.to_owned(),
        (BenchModel::Teacher, None) => run.teacher().join(WEIGHTS),
        _ => {
            let best = run.best().path().join(WEIGHTS);
            if best.is_file() {
                best
            } else {
                run.latest().path().join(WEIGHTS)
            }
        }
    }
}

/// Most memory that this process had at once, bytes; where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
