//! How long a model takes to answer: batches of made-up images, one after another,
//! each timed alone.
//!
//! Every combination of model, engine, batch and threads is a process of its own,
//! which does nothing else: numbers of threads are settled when libraries start,
//! and its peak memory is that of the model.

use std::collections::BTreeMap;
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
use super::threads::THREAD_VARIABLES;
use crate::event::inspection::{Answering, Asked, Weights};
use crate::event::{
    BenchMachine, BenchModel, BenchRow, Exports, Measurement, PixelFormat, Unmeasured, Variant,
};
use crate::experiment::architecture::Graph;
use crate::experiment::plan::{ProgramFormat, TeacherPlan};
use crate::experiment::spec::{DeviceSpec, OnnxEngine};
use crate::run::{KnownModels, Origin, RunError, RunFolder, WEIGHTS, WeightsIdentity};
use crate::untrusted::{Show as _, clean_line};

/// How many answers are timed, and before that how many are not, in which caches fill and
/// clocks rise. A model so slow that the budgets do not suffice is timed for fewer.
const PATIENCE: Patience = Patience {
    warm_up: Stage {
        count: 10,
        time: Duration::from_millis(500),
        budget: Duration::from_secs(5),
        least: 1,
    },
    timed: Stage {
        count: 200,
        time: Duration::ZERO,
        budget: Duration::from_mins(1),
        least: 5,
    },
};

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
        input: PixelFormat,
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
            size: own,
            input,
            variant,
        } = BareModel::facts(path)?;
        let runtime = has_onnxruntime().then_some(OnnxEngine::OnnxRuntime);
        let engines = std::iter::once(OnnxEngine::Rten).chain(runtime);
        let subject = |engine| Self {
            model,
            source: CaseSource::Onnx {
                path: path.to_owned(),
                engine,
                size: size.unwrap_or(own),
                input,
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
        let weights = ModelFiles::of(&weights_files(run, self.model));
        let weights =
            weights.map_err(|(path, error)| ModelsError::from(Failure::File { path, error }))?;
        let made_of = Some(weights.content);
        Ok(Self { made_of, ..self })
    }

    /// The model and what runs it, for people.
    #[must_use]
    pub fn words(&self) -> String {
        match &self.source {
            CaseSource::Run { .. } => whose(self.model).to_owned(),
            CaseSource::Onnx { path, engine, .. } => {
                let name = path.file_name().unwrap_or_default().shown();
                format!("{name} in {}", engine_name(*engine))
            }
        }
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
            engine: engine_name(*engine).to_owned(),
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
        let text = serde_json::to_string(self)?;
        let program = std::env::current_exe().map_err(|error| self.failed(&error.to_string()))?;
        let mut command = Command::new(program);
        command.args(["--bench-case", &text]).stdin(Stdio::null());
        for variable in THREAD_VARIABLES {
            command.env(variable, self.threads.to_string());
        }
        let output = command
            .output()
            .map_err(|error| self.failed(&error.to_string()))?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        serde_json::from_slice(&output.stdout).map_err(|_| {
            let reason = stderr.trim();
            match reason.strip_prefix("error: ").unwrap_or(reason) {
                // Killed, as where memory is short.
                "" => self.failed(&format!("its process ended with {}", output.status)),
                reason => self.failed(reason),
            }
        })
    }

    /// That it could not be measured. What is said of a file begins with its name, which
    /// the case has already.
    fn failed(&self, reason: &str) -> BenchFailure {
        let (model, reason) = match &self.source {
            CaseSource::Onnx { path, engine, .. } => {
                let name = path.shown().to_string();
                let reason = match reason.strip_prefix(&name) {
                    Some(rest) if rest.starts_with(' ') => format!("it{rest}"),
                    Some(rest) if rest.starts_with(": ") => rest[2..].to_owned(),
                    _ => reason.to_owned(),
                };
                (format!("{name} in {}", engine_name(*engine)), reason)
            }
            CaseSource::Run { folder, .. } => {
                let run = folder.file_name().unwrap_or(folder.as_os_str());
                let model = format!("the {} of {}", whose(self.model), run.shown());
                (model, reason.to_owned())
            }
        };
        let (batch, threads) = (self.batch, self.threads);
        BenchFailure::Process {
            case: format!("{model} (batch {batch}, threads {threads})"),
            reason,
        }
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
                input,
                variant,
            } => {
                let model = BareModel::open(path, *engine, *size, self.batch)?;
                must_be_finite(&model.scores()?)?;
                let timings = Timings::of(self.batch, PATIENCE, || model.scores().map(drop))?;
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let row = self.row(&timings, model.engine(), std::slice::from_ref(path))?;
                Ok(BenchRow {
                    file: Some(name),
                    variant: *variant,
                    input: Some(*input),
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
        let timings = Timings::of(self.batch, PATIENCE, || answers().map(drop))?;
        let row = self.row(&timings, &engine, &weights_files(&run, self.model))?;
        Ok(BenchRow { macs, ..row })
    }

    fn row(
        &self,
        timings: &Timings,
        engine: &str,
        files: &[PathBuf],
    ) -> Result<BenchRow, BenchFailure> {
        let files = ModelFiles::of(files)
            .map_err(|(path, error)| self.failed(&format!("{}: {error}", path.shown())))?;
        Ok(BenchRow {
            model: self.model,
            file: None,
            variant: Variant::Fp32,
            input: None,
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
            weights: files.content,
            made_of: None,
            file_bytes: files.bytes,
            macs: None,
            top1: None,
        })
    }
}

fn whose(model: BenchModel) -> &'static str {
    match model {
        BenchModel::Teacher => "teacher",
        BenchModel::Student | BenchModel::File => "student",
    }
}

/// An engine of ONNX files, for people.
fn engine_name(engine: OnnxEngine) -> &'static str {
    match engine {
        OnnxEngine::Auto | OnnxEngine::Rten => RTEN,
        OnnxEngine::OnnxRuntime | OnnxEngine::OnnxRuntimeCuda(_) => ONNXRUNTIME,
    }
}

/// Refuses a model whose answers hold something that is no number: nothing that is
/// measured of it is of use, and computing with that takes another time.
fn must_be_finite(answers: &[f32]) -> Result<(), BenchFailure> {
    let broken = answers.iter().find(|value| !value.is_finite());
    broken.map_or(Ok(()), |value| Err(BenchFailure::NoAnswer(*value)))
}

/// The files of a model, which are several where it is an ensemble.
struct ModelFiles {
    /// BLAKE3, hexadecimal: of the file, or of those of all files.
    content: String,
    /// Their lengths in all.
    bytes: u64,
}

impl ModelFiles {
    fn of(paths: &[PathBuf]) -> Result<Self, (PathBuf, io::Error)> {
        let mut contents = Vec::new();
        let mut bytes = 0;
        for path in paths {
            let failed = |error| (path.clone(), error);
            contents.push(WeightsIdentity::of(path).map_err(failed)?.content);
            bytes += path.metadata().map_err(failed)?.len();
        }
        let content = content_of(contents);
        Ok(Self { content, bytes })
    }
}

/// What identifies files by the BLAKE3 of each: its own where there is one.
fn content_of(mut contents: Vec<String>) -> String {
    match contents.len() {
        1 => contents.remove(0),
        _ => blake3::hash(contents.concat().as_bytes())
            .to_hex()
            .to_string(),
    }
}

/// The files of a model of a run.
fn weights_files(run: &RunFolder, model: BenchModel) -> Vec<PathBuf> {
    if model == BenchModel::Teacher {
        let plan = run.plan().ok().flatten();
        let teacher = plan.and_then(|plan| plan.resolved.plan.teacher);
        let paths = teacher.as_ref().map(TeacherPlan::paths);
        return match paths.unwrap_or_default() {
            paths if paths.is_empty() => vec![run.teacher().join(WEIGHTS)],
            paths => paths.into_iter().map(Path::to_owned).collect(),
        };
    }
    let best = run.best().path().join(WEIGHTS);
    let latest = run.latest().path().join(WEIGHTS);
    vec![if best.is_file() { best } else { latest }]
}

/// What a run that wrote these files knows of its models; files of other weights than it has
/// now are left out. Weights that cannot be read are none of it.
#[must_use]
pub fn known_models(run: &RunFolder, mut exports: Exports) -> KnownModels {
    let mut weights_bytes = BTreeMap::new();
    let mut hash = |paths: &[PathBuf]| {
        let ModelFiles { content, bytes } = ModelFiles::of(paths).ok()?;
        weights_bytes.insert(content.clone(), bytes);
        Some(content)
    };
    for place in [run.best(), run.quantized(), run.latest()] {
        hash(&[place.path().join(WEIGHTS)]);
    }
    let own = run.own_weights();
    exports.retain(|_, export| own.origin(export.made_of.as_ref()) == Origin::Own);
    let plan = run.plan().ok().flatten();
    let files = weights_files(run, BenchModel::Teacher);
    let now = hash(&files);
    let source = plan
        .as_ref()
        .and_then(|plan| plan.resolved.plan.teacher.as_ref());
    let is_elsewhere = source.is_some_and(|teacher| !teacher.members().is_empty());
    let teacher = if is_elsewhere {
        // A teacher from elsewhere is the one that taught, whatever lies there now.
        let known = plan.iter().flat_map(|plan| &plan.weights);
        let kept = |path: &PathBuf| known.clone().find(|identity| identity.path == *path);
        let kept = files.iter().map(|path| Some(kept(path)?.content.clone()));
        kept.collect::<Option<Vec<String>>>().map(content_of)
    } else {
        now
    };
    let models = plan.iter().flat_map(|plan| &plan.models);
    let onnx = source.and_then(TeacherPlan::program);
    let onnx = onnx.filter(|(_, program)| program.format == ProgramFormat::Onnx);
    KnownModels {
        run: run.name(),
        student: own,
        teacher: teacher.into_iter().collect(),
        exports,
        macs: models
            .filter_map(|model| Some((model.phase, model.macs?)))
            .collect(),
        weights_bytes,
        onnx_teacher_bytes: onnx.and_then(|(path, _)| Some(path.metadata().ok()?.len())),
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

/// How long a model is waited for.
#[derive(Debug, Clone, Copy)]
struct Patience {
    warm_up: Stage,
    timed: Stage,
}

/// Answers one after another: as many as this and for as long as this, unless the budget
/// is spent before. There are at least the least.
#[derive(Debug, Clone, Copy)]
struct Stage {
    count: usize,
    time: Duration,
    budget: Duration,
    least: usize,
}

impl Stage {
    /// Seconds that each answer took.
    fn times<E>(self, answer: &mut impl FnMut() -> Result<(), E>) -> Result<Vec<f64>, E> {
        let mut times = Vec::new();
        let start = Instant::now();
        loop {
            let elapsed = start.elapsed();
            let is_enough = times.len() >= self.count && elapsed >= self.time;
            let is_spent = times.len() >= self.least && elapsed >= self.budget;
            if is_enough || is_spent {
                return Ok(times);
            }
            let start = Instant::now();
            answer()?;
            times.push(start.elapsed().as_secs_f64());
        }
    }
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
    fn of<E>(
        batch: usize,
        patience: Patience,
        mut answer: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        patience.warm_up.times(&mut answer)?;
        let mut times = patience.timed.times(&mut answer)?;
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

    #[test]
    fn a_model_that_is_too_slow_for_all_answers_is_timed_for_fewer() {
        let timed = |budget| {
            let patience = Patience {
                warm_up: Stage {
                    count: 3,
                    time: Duration::ZERO,
                    budget,
                    least: 1,
                },
                timed: Stage {
                    count: 20,
                    time: Duration::ZERO,
                    budget,
                    least: 5,
                },
            };
            let mut answers = 0;
            let timings = Timings::of(1, patience, || {
                answers += 1;
                Ok::<(), ()>(())
            });
            (answers, timings.unwrap().runs())
        };
        assert_eq!(timed(Duration::from_hours(1)), (23, 20));
        assert_eq!(timed(Duration::ZERO), (6, 5));
        let failing = PATIENCE.timed.times(&mut || Err("it failed"));
        assert_eq!(failing, Err("it failed"));
        const { assert!(PATIENCE.timed.count >= 200, "that many are promised") };
    }

    #[test]
    fn a_model_is_named_once_where_it_could_not_be_measured() {
        let case = |model, source| BenchCase {
            model,
            source,
            batch: 1,
            threads: 2,
        };
        let onnx = case(
            BenchModel::File,
            CaseSource::Onnx {
                path: PathBuf::from("models/a.onnx"),
                engine: OnnxEngine::Rten,
                size: (8, 8),
                input: PixelFormat::Float,
                variant: Variant::Fp32,
            },
        );
        let message = |case: &BenchCase, text: &str| case.failed(text).to_string();
        let could_not = "models/a.onnx in rten 0.27 (batch 1, threads 2) could not be measured: ";
        for (text, reason) in [
            ("models/a.onnx: no kernel for Foo", "no kernel for Foo"),
            (
                "models/a.onnx is not an ONNX file",
                "it is not an ONNX file",
            ),
            (
                "models/a.onnx.data is missing",
                "models/a.onnx.data is missing",
            ),
            ("its logits are not finite", "its logits are not finite"),
        ] {
            assert_eq!(message(&onnx, text), format!("{could_not}{reason}"));
        }
        let device = DeviceSpec::default();
        let folder = PathBuf::from("checkpoints/tiny");
        let student = case(BenchModel::Student, CaseSource::Run { folder, device });
        assert_eq!(
            message(&student, "no memory"),
            "the student of tiny (batch 1, threads 2) could not be measured: no memory"
        );
    }
}
