//! `--bench`: how fast a run's models, or an ONNX file, are on this machine.
//!
//! A run's models are measured in the engine that trained them and as ONNX files in
//! every engine that is here: the files of its `export` folder, and one in a
//! temporary place for a model that has none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use indicatif::{ProgressBar, ProgressStyle};

use super::arguments::Arguments;
use super::error::{AppError, BenchError};
use super::models::{self, OpenModelsError};
use crate::engine::export::{Student, plain_onnx_file};
use crate::engine::{
    BenchCase, BenchFailure, BenchSubject, Teacher, TeacherModel, check_teacher, known_models,
    machine,
};
use crate::event::inspection::{Answering, Asked, Weights};
use crate::event::{BenchModel, BenchRow, Exports, Floats, Measurement, PixelFormat, Variant};
use crate::experiment::plan::{ProgramFormat, TeacherSource};
use crate::experiment::spec::DeviceSpec;
use crate::format::Symbols;
use crate::report::runs::bench_table;
use crate::run::exports::CheckedExports;
use crate::run::{BenchResult, Exit, RunFolder, TemporaryFolder};
use crate::untrusted::{Show as _, json_line, json_page};

/// Measures and prints a table or JSON; keeps the result in the run.
pub fn bench(arguments: &Arguments, target: &str) -> Result<Exit, AppError> {
    let path = Path::new(target);
    let is_named_so = path.extension().is_some_and(|ending| ending == "onnx");
    if path.is_file() || is_named_so && !path.is_dir() {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let subjects = of_file(BenchModel::File, path, None)?;
        return print(arguments, &result(arguments, name, &subjects)?);
    }
    let run = RunFolder::open(&arguments.checkpoints, target)?;
    let CheckedExports {
        intact, problems, ..
    } = run.checked_exports();
    for problem in problems {
        // A closed stderr is no reason to lose the measurement.
        super::print_error_line(&format!("warning: {problem}; not measured"));
    }
    let files = onnx_files(&run, &intact);
    let temporary = TemporaryFolder::new().map_err(|error| BenchError::Write(error.to_string()))?;
    let subjects = of_run(&run, arguments.device, &files, &temporary)?;
    let result = result(arguments, run.name(), &subjects)?;
    keep(arguments, &run, intact, result, run.path())
}

fn result(
    arguments: &Arguments,
    target: String,
    subjects: &[BenchSubject],
) -> Result<BenchResult, BenchError> {
    let measurement = measured(subjects, arguments.batch as usize)?;
    Ok(BenchResult::new(target, measurement))
}

/// Takes home what another machine measured.
pub fn take_in(arguments: &Arguments, run: &str, path: &Path) -> Result<Exit, AppError> {
    let run = RunFolder::open(&arguments.checkpoints, run)?;
    let result = BenchResult::read(path).map_err(|error| BenchError::Result {
        path: path.to_owned(),
        error,
    })?;
    let exports = run.exported().map_err(BenchError::Exports)?;
    keep(arguments, &run, exports, result, path)
}

/// Measures one case in this process, and prints its row as JSON.
pub fn measure_case(text: &str) -> Result<Exit, AppError> {
    let case: BenchCase = serde_json::from_str(text).map_err(BenchError::Json)?;
    let row = case.here().map_err(BenchError::from)?;
    super::print(&json_line(&row).map_err(BenchError::Json)?)?;
    Ok(Exit::Success)
}

/// Keeps a result, which comes from a file or from models here, and prints it.
fn keep(
    arguments: &Arguments,
    run: &RunFolder,
    exports: Exports,
    result: BenchResult,
    source: &Path,
) -> Result<Exit, AppError> {
    let of_run = result.of_run(&known_models(run, exports));
    let (mut result, notes) = of_run.map_err(|foreign| BenchError::Foreign {
        path: source.to_owned(),
        foreign,
    })?;
    for note in notes {
        super::print_error_line(&format!("warning: {}: {note}", source.shown()));
    }
    let kept = result.keep(run, SystemTime::now());
    kept.map_err(|error| BenchError::Keep {
        run: run.name(),
        error,
    })?;
    print(arguments, &result)
}

fn print(arguments: &Arguments, result: &BenchResult) -> Result<Exit, AppError> {
    if arguments.json {
        super::print(&json_page(result).map_err(BenchError::Json)?)?;
    } else {
        super::print_text(&bench_table(result))?;
    }
    Ok(Exit::Success)
}

/// Every subject with one image and with more at once, on one thread and on all. A file that
/// an engine does not run is no reason to lose the others.
fn measured(subjects: &[BenchSubject], batch: usize) -> Result<Measurement, BenchError> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let mut rows: Vec<BenchRow> = Vec::new();
    let mut unmeasured = Vec::new();
    let mut failed = None;
    let batches = BTreeSet::from([1, batch]).into_iter();
    let cases = batches.flat_map(|batch| BTreeSet::from([(batch, 1), (batch, all)]));
    let cases: Vec<(usize, usize)> = cases.collect();
    let progress = progress(subjects.len() * cases.len());
    for (at, subject) in subjects.iter().enumerate() {
        progress.set_position((at * cases.len()) as u64);
        let measured = cases.iter().map(|&(batch, threads)| {
            let model = subject.words();
            progress.set_message(format!("{model}, batch {batch}, threads {threads}"));
            let measured = subject.measure(batch, threads);
            progress.inc(1);
            measured
        });
        match measured.collect::<Result<Vec<_>, _>>() {
            Ok(measured) => rows.extend(measured),
            Err(failure) => match subject.unmeasured(&failure) {
                Some(without) => {
                    unmeasured.push(without);
                    failed = failed.or(Some(failure));
                }
                None => return Err(failure.into()),
            },
        }
    }
    progress.finish_and_clear();
    if let (true, Some(failure)) = (rows.is_empty(), failed) {
        return Err(failure.into());
    }
    // A run's files are one network, of which some are not counted.
    for model in [BenchModel::Student, BenchModel::Teacher] {
        let of_model = |row: &&mut BenchRow| row.model == model;
        let mut known = rows.iter().filter(|row| row.model == model);
        let macs = known.find_map(|row| row.macs);
        for row in rows.iter_mut().filter(of_model) {
            row.macs = row.macs.or(macs);
        }
    }
    Ok(Measurement {
        machine: machine(),
        rows,
        unmeasured,
    })
}

/// A bar on standard error, where that is a terminal: slow models take minutes.
fn progress(cases: usize) -> ProgressBar {
    let bar = ProgressBar::new(cases as u64);
    let style = ProgressStyle::with_template("measuring {bar:20} {pos}/{len}  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars(&Symbols::of_process().text("━╸─")));
    bar
}

fn of_file(
    model: BenchModel,
    path: &Path,
    size: Option<(u32, u32)>,
) -> Result<Vec<BenchSubject>, BenchError> {
    Ok(BenchSubject::of_file(model, path, size).map_err(BenchFailure::from)?)
}

/// A run's student and teacher in every engine that is here.
fn of_run(
    run: &RunFolder,
    device: Option<DeviceSpec>,
    files: &[PathBuf],
    temporary: &TemporaryFolder,
) -> Result<Vec<BenchSubject>, BenchError> {
    let plan = run.plan().map_err(OpenModelsError::Plan)?;
    let teacher = plan.as_ref().and_then(|plan| {
        let teacher = plan.resolved.plan.teacher.as_ref()?;
        Some((plan, teacher))
    });
    if let Some((plan, teacher)) = teacher {
        check_teacher(plan, teacher).map_err(OpenModelsError::Models)?;
    }
    let plan = plan.as_ref().map(|plan| &plan.resolved.plan);
    let own = plan.map(|plan| plan.device);
    let device = device.or(own).unwrap_or_default();
    let asked = |answering| Asked {
        answering,
        weights: Weights::Best,
    };
    let trained = |model| BenchSubject::trained(model, run, device);
    let mut subjects = vec![trained(BenchModel::Student)];
    let mut has_floats = false;
    for path in files {
        let found = of_file(BenchModel::Student, path, None)?;
        has_floats |= found.iter().any(|it| it.variant() == Variant::Fp32);
        subjects.extend(found);
    }
    if !has_floats {
        let models = models::open(run, Some(device), asked(Answering::Student))?;
        if let (Some(network), Some(known)) = (&models.student, &models.known) {
            // As it would be exported, so that it has the same size.
            let student = Student {
                run,
                network,
                rounded: None,
                known,
                weights: Weights::Best,
                made_of: models.weights.as_deref(),
            };
            let bytes = student.onnx(PixelFormat::Float, Floats::Fp32);
            let bytes = bytes.map_err(|error| BenchError::Write(error.to_string()))?;
            let path = written(temporary, &format!("{}.onnx", run.name()), &bytes)?;
            subjects.extend(of_temporary(BenchModel::Student, &path, run)?);
        }
    }
    let Some((_, teacher)) = teacher else {
        return Ok(subjects);
    };
    if let (TeacherSource::File(file), Some((path, program))) =
        (&teacher.weights, teacher.program())
        && program.format == ProgramFormat::Onnx
    {
        subjects.extend(of_file(BenchModel::Teacher, path, file.size)?);
        return Ok(subjects);
    }
    if matches!(&teacher.weights, TeacherSource::File(file) if file.kept.is_some()) {
        // Answers that were computed elsewhere take no time here.
        return Ok(subjects);
    }
    subjects.push(trained(BenchModel::Teacher));
    let models = models::open(run, Some(device), asked(Answering::Teacher))?;
    if let Some(TeacherModel::Network(network)) = models.teacher.as_ref().map(Teacher::model) {
        let bytes = plain_onnx_file(network.network());
        let bytes = bytes.map_err(|error| BenchError::Write(error.to_string()))?;
        let path = written(temporary, "teacher.onnx", &bytes)?;
        subjects.extend(of_temporary(BenchModel::Teacher, &path, run)?);
    }
    Ok(subjects)
}

fn of_temporary(
    model: BenchModel,
    path: &Path,
    run: &RunFolder,
) -> Result<Vec<BenchSubject>, BenchError> {
    let subjects = of_file(model, path, None)?.into_iter();
    Ok(subjects
        .map(|subject| subject.made_of(run))
        .collect::<Result<_, _>>()?)
}

/// ONNX files in a run's folder for them, that with the best weights first.
fn onnx_files(run: &RunFolder, exports: &Exports) -> Vec<PathBuf> {
    // One that was written elsewhere has a whole path for a name.
    let here = exports.keys().filter(|name| Path::new(name).is_relative());
    let paths = here.map(|name| run.exports().join(name));
    let is_onnx = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "onnx");
    let mut paths: Vec<PathBuf> = paths.filter(is_onnx).collect();
    paths.sort_by_key(|path| path.as_os_str().len());
    paths
}

fn written(temporary: &TemporaryFolder, name: &str, bytes: &[u8]) -> Result<PathBuf, BenchError> {
    let written = temporary.write(name, bytes);
    written.map_err(|error| BenchError::Write(error.to_string()))
}
