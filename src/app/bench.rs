//! `--bench`: how fast a run's models, or an ONNX file, are on this machine: every
//! combination of model, engine, batch and threads.

use std::collections::BTreeSet;
use std::path::Path;

use sysinfo::{CpuRefreshKind, RefreshKind, System};

use super::arguments::Arguments;
use super::error::AppError;
use super::measure::{BenchError, Case, CaseSource, RUNS, SIDE};
use super::models::OpenModelsError;
use crate::engine::onnx::{OnnxModel, has_onnxruntime};
use crate::experiment::plan::TeacherSource;
use crate::experiment::spec::OnnxEngine;
use crate::report::runs::bench_table;
use crate::run::{BenchMachine, BenchModel, BenchResult, BenchRow, Exit, RunFolder};
use crate::untrusted::clean_text;

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
