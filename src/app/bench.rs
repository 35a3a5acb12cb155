//! `--bench`: how fast a run's models, or an ONNX file, are on this machine.
//!
//! Every combination of model, engine, batch and threads is measured by a process of
//! its own, which does nothing else: numbers of threads are settled when libraries
//! start, and its peak memory is that of the model.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use sysinfo::{CpuRefreshKind, RefreshKind, System};

use super::arguments::Arguments;
use super::error::{AppError, BenchError};
use super::models::{self, OpenModelsError};
use crate::engine::classify::Classify;
use crate::engine::onnx::{OnnxModel, has_onnxruntime};
use crate::engine::{WEIGHTS, answerer, measure};
use crate::event::inspection::{Answering, Asked, Weights};
use crate::experiment::plan::{TeacherPlan, TeacherSource};
use crate::experiment::spec::{DeviceSpec, OnnxEngine};
use crate::report::runs::bench_table;
use crate::run::{
    BenchMachine, BenchModel, BenchResult, BenchRow, Exit, RunFolder, WeightsIdentity,
};
use crate::untrusted::clean_text;

/// Answers that are timed.
pub const RUNS: usize = 200;

/// Side of the images of a file that takes any, pixels.
const SIDE: u32 = 224;

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
    model: BenchModel,
    source: CaseSource,
    batch: usize,
    threads: usize,
    runs: usize,
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
    },
}

/// Measures and prints a table or JSON; keeps the result in the run.
pub fn bench(arguments: &Arguments, target: &str) -> Result<Exit, AppError> {
    let (name, run, sources) = sources(arguments, target)?;
    let batches = BTreeSet::from([1, arguments.batch as usize]);
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let mut rows: Vec<BenchRow> = Vec::new();
    for (model, source) in sources {
        for &batch in &batches {
            for threads in BTreeSet::from([1, all]) {
                let case = Case {
                    model,
                    source: source.clone(),
                    batch,
                    threads,
                    runs: RUNS,
                };
                rows.push(case.in_process()?);
            }
        }
    }
    let result = BenchResult::new(machine(), name, rows);
    if let Some(run) = run {
        result.keep(&run).map_err(|error| BenchError::Keep {
            run: run.name(),
            error,
        })?;
    }
    print(arguments, &result)
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

/// Takes home what another machine measured.
pub fn take_in(arguments: &Arguments, run: &str, path: &Path) -> Result<Exit, AppError> {
    let run = RunFolder::open(&arguments.checkpoints, run)?;
    let result = BenchResult::read(path).map_err(|error| BenchError::Result {
        path: path.to_owned(),
        error,
    })?;
    result.keep(&run).map_err(|error| BenchError::Keep {
        run: run.name(),
        error,
    })?;
    print(arguments, &result)
}

/// Measures one case in this process, and prints its row as JSON.
pub fn measure_case(text: &str) -> Result<Exit, AppError> {
    let case: Case = serde_json::from_str(text).map_err(BenchError::Case)?;
    let row = case.here()?;
    let text = serde_json::to_string(&row).map_err(BenchError::Case)?;
    super::print(&text)?;
    Ok(Exit::Success)
}

fn print(arguments: &Arguments, result: &BenchResult) -> Result<Exit, AppError> {
    let text = if arguments.json {
        let text = serde_json::to_string_pretty(result).map_err(BenchError::Case)?;
        format!("{text}\n")
    } else {
        bench_table(result)
    };
    super::print(&clean_text(&text))?;
    Ok(Exit::Success)
}

type Sources = Vec<(BenchModel, CaseSource)>;

/// What is to be measured: its name, the run that keeps the result, and every model
/// in every engine that is there.
fn sources(
    arguments: &Arguments,
    target: &str,
) -> Result<(String, Option<RunFolder>, Sources), BenchError> {
    let path = Path::new(target);
    if path.is_file() {
        let size = OnnxModel::image_size(path)?.unwrap_or((SIDE, SIDE));
        let name = path.file_name().unwrap_or_default().display().to_string();
        return Ok((name, None, of_file(BenchModel::File, path, size)));
    }
    let run = RunFolder::open(&arguments.checkpoints, target)?;
    let plan = run.plan().map_err(OpenModelsError::Plan)?;
    let teacher = plan
        .as_ref()
        .and_then(|plan| plan.resolved.plan.teacher.as_ref());
    let own = plan.as_ref().map(|plan| plan.resolved.plan.device);
    let device = arguments.device.or(own).unwrap_or_default();
    let folder = run.path().to_owned();
    let native = CaseSource::Run { folder, device };
    let mut sources = vec![(BenchModel::Student, native.clone())];
    match teacher.map(|teacher| (&teacher.weights, teacher.onnx())) {
        Some((TeacherSource::File(file), Some((path, _)))) => {
            let size = file.size.unwrap_or((SIDE, SIDE));
            sources.extend(of_file(BenchModel::Teacher, path, size));
        }
        Some(_) => sources.push((BenchModel::Teacher, native)),
        None => {}
    }
    Ok((run.name(), Some(run), sources))
}

fn of_file(model: BenchModel, path: &Path, size: (u32, u32)) -> Sources {
    let runtime = has_onnxruntime().then_some(OnnxEngine::OnnxRuntime);
    let engines = std::iter::once(OnnxEngine::Rten).chain(runtime);
    let source = |engine| CaseSource::Onnx {
        path: path.to_owned(),
        engine,
        size,
    };
    engines.map(|engine| (model, source(engine))).collect()
}

impl Case {
    /// Measured by a process of its own.
    fn in_process(&self) -> Result<BenchRow, BenchError> {
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
    fn here(&self) -> Result<BenchRow, BenchError> {
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

fn machine() -> BenchMachine {
    let cpus = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(cpus);
    let brand = system.ok().and_then(|system| {
        let first = system.cpus().first()?;
        Some(first.brand().trim().to_owned())
    });
    BenchMachine {
        processor: brand
            .filter(|brand| !brand.is_empty())
            .unwrap_or_else(|| format!("{} processor", std::env::consts::ARCH)),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

/// Most memory that this process had at once, bytes; where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}
