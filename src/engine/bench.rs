//! How long a model takes to answer: batches of made-up images, one after another,
//! each timed alone.
//!
//! Every combination of model, engine, batch and threads is a process of its own,
//! which does nothing else: numbers of threads are settled when libraries start,
//! and its peak memory is that of the model.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, RefreshKind, System};
use thiserror::Error;

use super::classify::Classify;
use super::evaluate::{host, image_tensor};
use super::failure::Failure;
use super::models::{ModelsError, RunModels};
use super::onnx::{BareFacts, BareModel, ONNXRUNTIME, OnnxModelError, RTEN, has_onnxruntime};
use crate::event::inspection::{Answering, Asked, Weights};
use crate::event::{BenchMachine, BenchModel, BenchRow, Exports, Measurement, Unmeasured, Variant};
use crate::experiment::architecture::Graph;
use crate::experiment::plan::TeacherPlan;
use crate::experiment::spec::{DeviceSpec, OnnxEngine};
use crate::run::{ModelHashes, Origin, RunError, RunFolder, WEIGHTS, WeightsIdentity};
use crate::untrusted::{Show as _, clean_line};

/// Answers that are timed.
const RUNS: usize = 200;

/// Answers that are not timed, at least, and for how long: caches fill, clocks rise.
const WARM_UP: (usize, Duration) = (10, Duration::from_millis(500));

/// Variables by which libraries learn how many threads they have.
const THREADS: [&str; 4] = [
    "RAYON_NUM_THREADS",
    "RTEN_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
];

/// Why something was not measured.
#[derive(Debug, Error)]
pub enum BenchFailure {
    /// The run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Its models cannot be opened.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// The file cannot be run.
    #[error(transparent)]
    Onnx(#[from] OnnxModelError),
    /// A model did not answer.
    #[error(transparent)]
    Answer(#[from] Failure),
    /// The measuring process failed.
    #[error("{case} could not be measured: {reason}")]
    Process {
        /// What was to be measured.
        case: String,
        /// What it said.
        reason: String,
    },
    /// A model answers with what is no number.
    #[error(
        "its logits are not finite ({0}); its weights overflow there, or its training diverged"
    )]
    NoAnswer(f32),
    /// A case that this program did not write.
    #[error("--bench-case: {0}")]
    Case(#[from] serde_json::Error),
}

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchCase {
    model: BenchModel,
    source: CaseSource,
    batch: usize,
    threads: usize,
}

/// Where a model is, and what computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum CaseSource {
    /// The layout of a run's model, on a device.
    Run { folder: PathBuf, device: DeviceSpec },
    /// A file.
    Onnx {
        path: PathBuf,
        engine: OnnxEngine,
        size: (u32, u32),
        variant: Variant,
    },
}

/// A model in an engine, before it is said how many images and threads.
#[derive(Debug, Clone, PartialEq)]
pub struct BenchSubject {
    model: BenchModel,
    source: CaseSource,
    /// BLAKE3 of the weights that a temporary file was made of.
    made_of: Option<String>,
}

impl BenchSubject {
    /// A model of a run, in the engine that trained it.
    #[must_use]
    pub fn trained(model: BenchModel, run: &RunFolder, device: DeviceSpec) -> Self {
        let folder = run.path().to_owned();
        Self {
            model,
            source: CaseSource::Run { folder, device },
            made_of: None,
        }
    }

    /// A file in every engine that is here; its images have this size, or the one
    /// that the file says.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn of_file(
        model: BenchModel,
        path: &Path,
        size: Option<(u32, u32)>,
    ) -> Result<Vec<Self>, OnnxModelError> {
        let BareFacts {
            size: own, variant, ..
        } = BareModel::facts(path)?;
        let runtime = has_onnxruntime().then_some(OnnxEngine::OnnxRuntime);
        let engines = std::iter::once(OnnxEngine::Rten).chain(runtime);
        let subject = |engine| Self {
            model,
            source: CaseSource::Onnx {
                path: path.to_owned(),
                engine,
                size: size.unwrap_or(own),
                variant,
            },
            made_of: None,
        };
        Ok(engines.map(subject).collect())
    }

    /// As a file that is temporary: what it was made of is what was measured.
    ///
    /// # Errors
    /// The run's weights cannot be read.
    pub fn made_of(self, run: &RunFolder) -> Result<Self, BenchFailure> {
        let path = weights_file(run, self.model);
        let weights = WeightsIdentity::of(&path)
            .map_err(|error| ModelsError::from(Failure::File { path, error }))?;
        let made_of = Some(weights.content);
        Ok(Self { made_of, ..self })
    }

    /// What it computes with.
    #[must_use]
    pub fn variant(&self) -> Variant {
        match &self.source {
            CaseSource::Run { .. } => Variant::Fp32,
            CaseSource::Onnx { variant, .. } => *variant,
        }
    }

    /// What is known of a file that its engine did not run; none of a model in the engine
    /// that trained it, without which nothing is worth measuring.
    #[must_use]
    pub fn unmeasured(&self, failure: &BenchFailure) -> Option<Unmeasured> {
        let CaseSource::Onnx { path, engine, .. } = &self.source else {
            return None;
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let reason = match failure {
            BenchFailure::Process { reason, .. } => reason.clone(),
            other => other.to_string(),
        };
        Some(Unmeasured {
            model: self.model,
            file: clean_line(&name).into_owned(),
            engine: match engine {
                OnnxEngine::Rten => RTEN,
                _ => ONNXRUNTIME,
            }
            .to_owned(),
            reason: clean_line(&reason).into_owned(),
        })
    }

    /// Measured by a process of its own.
    ///
    /// # Errors
    /// What that process says.
    pub fn measure(&self, batch: usize, threads: usize) -> Result<BenchRow, BenchFailure> {
        let case = BenchCase {
            model: self.model,
            source: self.source.clone(),
            batch,
            threads,
        };
        let mut row = case.in_process()?;
        if let Some(weights) = &self.made_of {
            row.weights.clone_from(weights);
        }
        Ok(row)
    }
}

/// The student's file as it stands for the speed of a run: one image at a time, on
/// one thread, in onnxruntime where that is here.
///
/// # Errors
/// It cannot be measured.
pub fn measure_export(path: &Path) -> Result<Measurement, BenchFailure> {
    let subjects = BenchSubject::of_file(BenchModel::Student, path, None)?;
    let mut measured = Measurement {
        machine: machine(),
        rows: Vec::new(),
        unmeasured: Vec::new(),
    };
    let mut failed = None;
    for subject in subjects.iter().rev() {
        match subject.measure(1, 1) {
            Ok(row) => {
                measured.rows.push(row);
                return Ok(measured);
            }
            Err(failure) => {
                measured.unmeasured.extend(subject.unmeasured(&failure));
                failed = failed.or(Some(failure));
            }
        }
    }
    failed.map_or(Ok(measured), Err)
}

impl BenchCase {
    fn in_process(&self) -> Result<BenchRow, BenchFailure> {
        let failed = |reason: String| BenchFailure::Process {
            case: self.named(),
            reason,
        };
        let text = serde_json::to_string(self)?;
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(program);
        command.args(["--bench-case", &text]).stdin(Stdio::null());
        for variable in THREADS {
            command.env(variable, self.threads.to_string());
        }
        let output = command
            .output()
            .map_err(|error| failed(error.to_string()))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).map_err(|_| {
            let reason = stderr.trim();
            failed(match reason.strip_prefix("error: ").unwrap_or(reason) {
                // Killed, as where memory is short.
                "" => format!("its process ended with {}", output.status),
                reason => reason.to_owned(),
            })
        })
    }

    fn named(&self) -> String {
        let model = match &self.source {
            CaseSource::Onnx { path, engine, .. } => format!("{} in {engine:?}", path.shown()),
            CaseSource::Run { folder, .. } => {
                format!("the {:?} of {}", self.model, folder.shown())
            }
        };
        let (batch, threads) = (self.batch, self.threads);
        format!("{model} (batch {batch}, threads {threads})")
    }

    /// Measured in this process.
    ///
    /// # Errors
    /// The model cannot be opened, or does not answer.
    pub fn here(&self) -> Result<BenchRow, BenchFailure> {
        match &self.source {
            CaseSource::Onnx {
                path,
                engine,
                size,
                variant,
            } => {
                let model = BareModel::open(path, *engine, *size, self.batch)?;
                must_be_finite(&model.scores()?)?;
                let timings = Timings::of(self.batch, || model.scores().map(drop))?;
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let row = self.row(&timings, model.engine(), path)?;
                Ok(BenchRow {
                    file: Some(name),
                    variant: *variant,
                    onnx: Some(*engine),
                    // After the memory, which this takes more of.
                    macs: model.macs(),
                    ..row
                })
            }
            CaseSource::Run { folder, device } => self.of_run(folder, *device),
        }
    }

    fn of_run(&self, folder: &Path, device: DeviceSpec) -> Result<BenchRow, BenchFailure> {
        let run = RunFolder::at(folder)?;
        let answering = match self.model {
            BenchModel::Teacher => Answering::Teacher,
            BenchModel::Student | BenchModel::File => Answering::Student,
        };
        let weights = Weights::Best;
        let plan = run.plan().ok().flatten();
        let asked = Asked { answering, weights };
        let models = RunModels::open(&run, plan.as_ref(), device, asked)?;
        let (engine, size) = (models.device.name.clone(), models.size());
        let graph = match (&models.student, &models.teacher) {
            (Some(student), _) => Some(student.graph()),
            (None, teacher) => teacher.as_ref().and_then(|teacher| teacher.graph()),
        };
        let macs = graph.map(Graph::macs);
        let answerer: Box<dyn Classify> = match (models.student, models.teacher) {
            (Some(student), _) => Box::new(student),
            (None, Some(teacher)) => Box::new(teacher),
            (None, None) => return Err(ModelsError::NoStudent(run.name()).into()),
        };
        let values = 3 * size.0 as usize * size.1 as usize * self.batch;
        let pixels: Vec<f32> = (0..values).map(|at| (at as f32 * 0.37).sin()).collect();
        let answers = || -> Result<Vec<f32>, Failure> {
            let images = image_tensor(&pixels, size, answerer.device());
            // What was not read from the device may not have been computed.
            host(answerer.logits(images)?)
        };
        must_be_finite(&answers()?)?;
        let timings = Timings::of(self.batch, || answers().map(drop))?;
        let row = self.row(&timings, &engine, &weights_file(&run, self.model))?;
        Ok(BenchRow { macs, ..row })
    }

    fn row(&self, timings: &Timings, engine: &str, path: &Path) -> Result<BenchRow, BenchFailure> {
        let failed = |error: io::Error| BenchFailure::Process {
            case: self.named(),
            reason: format!("{}: {error}", path.shown()),
        };
        Ok(BenchRow {
            model: self.model,
            file: None,
            variant: Variant::Fp32,
            onnx: None,
            engine: engine.to_owned(),
            batch: self.batch,
            threads: self.threads,
            runs: timings.runs(),
            p50_ms: timings.quantile_ms(0.5),
            p90_ms: timings.quantile_ms(0.9),
            p99_ms: timings.quantile_ms(0.99),
            images_per_second: timings.images_per_second(),
            peak_memory: peak_memory().unwrap_or(0),
            weights: WeightsIdentity::of(path).map_err(failed)?.content,
            made_of: None,
            file_bytes: path.metadata().map_err(failed)?.len(),
            macs: None,
            top1: None,
        })
    }
}

/// Refuses a model whose answers hold something that is no number: nothing that is
/// measured of it is of use, and computing with that takes another time.
fn must_be_finite(answers: &[f32]) -> Result<(), BenchFailure> {
    let broken = answers.iter().find(|value| !value.is_finite());
    broken.map_or(Ok(()), |value| Err(BenchFailure::NoAnswer(*value)))
}

/// The file of a model that was trained here.
fn weights_file(run: &RunFolder, model: BenchModel) -> PathBuf {
    let plan = run.plan().ok().flatten();
    let teacher = plan.and_then(|plan| plan.resolved.plan.teacher);
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

/// What identifies the models of a run that wrote these files; those of other weights than
/// it has now are left out. Weights that cannot be read are none of it.
#[must_use]
pub fn hashes_of(run: &RunFolder, mut exports: Exports) -> ModelHashes {
    let hash = |path: PathBuf| Some(WeightsIdentity::of(&path).ok()?.content);
    let own = run.own_weights();
    exports.retain(|_, export| own.origin(export.made_of.as_ref()) == Origin::Own);
    let plan = run.plan().ok().flatten();
    let teacher = plan.as_ref().and_then(|plan| {
        let teacher = plan.resolved.plan.teacher.as_ref()?.file()?;
        let mut files = plan.weights.iter();
        let kept = files.find(|identity| identity.path == teacher);
        // A teacher from elsewhere is the one that taught, whatever lies there now.
        Some(kept.map(|identity| identity.content.clone()))
    });
    let teacher = teacher.unwrap_or_else(|| hash(run.teacher().join(WEIGHTS)));
    ModelHashes {
        run: run.name(),
        student: own,
        teacher: teacher.into_iter().collect(),
        exports,
    }
}

/// This machine.
#[must_use]
pub fn machine() -> BenchMachine {
    let cpus = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(cpus);
    let brand = system.ok().and_then(|system| {
        let first = system.cpus().first()?;
        Some(first.brand().trim().to_owned())
    });
    BenchMachine {
        processor: brand
            .map(|brand| clean_line(&brand).into_owned())
            .filter(|brand| !brand.is_empty())
            .unwrap_or_else(|| format!("{} processor", std::env::consts::ARCH)),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

/// Most memory that this process had at once, bytes; where the system reports it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Times of answers.
#[derive(Debug, Clone, PartialEq)]
struct Timings {
    /// Sorted, seconds.
    times: Vec<f64>,
    batch: usize,
}

impl Timings {
    /// Times the answers of a model to batches.
    fn of<E>(batch: usize, mut answer: impl FnMut() -> Result<(), E>) -> Result<Self, E> {
        let start = Instant::now();
        let (least, long) = WARM_UP;
        for done in 1.. {
            answer()?;
            if done >= least && start.elapsed() >= long {
                break;
            }
        }
        let mut one = || {
            let start = Instant::now();
            answer().map(|()| start.elapsed().as_secs_f64())
        };
        let mut times = (0..RUNS).map(|_| one()).collect::<Result<Vec<_>, _>>()?;
        times.sort_by(f64::total_cmp);
        Ok(Self { times, batch })
    }

    /// Number of answers.
    fn runs(&self) -> usize {
        self.times.len()
    }

    /// The time that this share of answers takes at most, milliseconds.
    fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.times.len().saturating_sub(1);
        let at = (share * self.times.len() as f64).ceil() as usize;
        1000.0
            * self
                .times
                .get(at.saturating_sub(1).min(last))
                .unwrap_or(&f64::NAN)
    }

    /// Images a second over all answers.
    fn images_per_second(&self) -> f64 {
        (self.batch * self.times.len()) as f64 / self.times.iter().sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let times = (1..=200).map(|at| f64::from(at) / 1000.0).collect();
        let timings = Timings { times, batch: 4 };
        assert_eq!(timings.runs(), 200);
        assert_eq!(timings.quantile_ms(0.5), 100.0);
        assert_eq!(timings.quantile_ms(0.9), 180.0);
        assert_eq!(timings.quantile_ms(0.99), 198.0);
        let speed = timings.images_per_second();
        assert!((speed - 800.0 / 20.1).abs() < 1e-9, "{speed}");
        let one = Timings {
            times: vec![0.5],
            batch: 1,
        };
        assert_eq!(one.quantile_ms(0.99), 500.0);
    }
}
