//! Studies: `--study`, with `--dry-run` and `--table`.
//!
//! What comes next is decided anew before every run, by what is in the folder of runs: it
//! makes no difference whether a run before was trained by this process, by one that was
//! killed, or by another one at the same time.

use std::path::Path;

use super::arguments::{Arguments, TableFormat};
use super::error::{AppError, StudyError};
use super::read_run::read_run;
use super::session::{Job, ResumeChanges, SessionError};
use super::{headless, print, print_error_line, print_text, runs};
use crate::format::plural;
use crate::report::study as report;
use crate::run::atomic::write_file;
use crate::run::{Exit, LockError, RunFolder, StopSignal, StudyRole};
use crate::store::{Owner, RunEntry};
use crate::study::{Cell, Estimate, Outlook, Standing, Study, StudyTable};
use crate::untrusted::Show as _;

/// Trains what is missing of a study and compares its variants, or shows how far it is.
pub fn run(arguments: &Arguments, file: &Path) -> Result<Exit, AppError> {
    let study = Study::load(file)?;
    if let Some(path) = &arguments.picture {
        if !runs::is_named_svg(path) {
            return Err(StudyError::NotSvg(path.clone()).into());
        }
        runs::check_place(path).map_err(|error| StudyError::Picture {
            path: path.clone(),
            error,
        })?;
    }
    if arguments.dry_run {
        let (runs, outlook) = look(&study, &arguments.checkpoints)?;
        study.check(&outlook.epochs)?;
        let estimate = Estimate::of(&study, &runs, &outlook);
        if arguments.json {
            let page = report::outlook_json(&study, &runs, &outlook, &estimate);
            print(&page.map_err(StudyError::Json)?)?;
        } else {
            print_text(&report::outlook(&study, &runs, &outlook, &estimate))?;
        }
        return Ok(Exit::Success);
    }
    if arguments.table {
        compare(&study, arguments)?;
        return Ok(Exit::Success);
    }
    if !train(&study, arguments)? {
        let resume = "the study was interrupted; the same command resumes it";
        print_error_line(resume);
        return Ok(Exit::Interrupted);
    }
    compare(&study, arguments)
}

/// Trains every cell that has no complete run. Whether it came to its end.
fn train(study: &Study, arguments: &Arguments) -> Result<bool, AppError> {
    let stop = StopSignal::new();
    let _signals = stop.on_signals().map_err(AppError::Signals)?;
    let mut tried: Vec<Cell> = Vec::new();
    loop {
        let (runs, outlook) = look(study, &arguments.checkpoints)?;
        study.check(&outlook.epochs)?;
        let Some((cell, standing)) = outlook.next(&tried) else {
            return Ok(true);
        };
        if stop.reason().is_some() {
            return Ok(false);
        }
        tried.push(cell);
        print_error_line(&announced(study, &outlook, cell, standing));
        let job = job(study, &runs, &outlook, (cell, standing), arguments)?;
        match headless::train(job, arguments, false, stop.clone()) {
            Ok(Exit::Interrupted) | Err(AppError::Session(SessionError::Stopped(_))) => {
                return Ok(false);
            }
            // A run that failed says so, and is named below the table.
            Ok(_) => {}
            Err(AppError::Session(SessionError::Lock(LockError::Held { .. }))) => {
                print_error_line("another process trains it");
            }
            // Neither is a study over because one of its variants does not begin.
            Err(error) => super::print_error(&format!("{}\n", error.printed())),
        }
    }
}

/// The run of a cell, to be started or resumed.
fn job(
    study: &Study,
    runs: &[RunEntry],
    outlook: &Outlook,
    (cell, standing): (Cell, Standing),
    arguments: &Arguments,
) -> Result<Job, AppError> {
    if let Standing::Interrupted(run) = standing {
        return Ok(Job::Resume {
            run: runs[run].folder.clone(),
            changes: ResumeChanges::default(),
        });
    }
    let epochs = outlook.epochs[cell.variant];
    Ok(Job::New {
        loaded: Box::new(study.experiment(cell, epochs)?),
        device: arguments.device,
        study: Some(study.run_of(cell, epochs)?),
    })
}

/// `study shapes: run 3 of 8: multi-view, seed 2, 6 epochs`.
fn announced(study: &Study, outlook: &Outlook, cell: Cell, standing: Standing) -> String {
    let number = outlook.cells.iter().position(|(other, _)| *other == cell);
    let (number, all) = (number.unwrap_or_default() + 1, outlook.cells.len());
    let what = report::cell_words(study, cell);
    let epochs = match (cell.role, outlook.epochs[cell.variant]) {
        (StudyRole::Seed(_), Some(epochs)) => {
            format!(", {}", plural(epochs as usize, "epoch", "epochs"))
        }
        _ => String::new(),
    };
    let how = match standing {
        Standing::Interrupted(_) => " (resumed)",
        _ => "",
    };
    format!(
        "study {}: run {number} of {all}: {what}{epochs}{how}",
        study.name
    )
}

/// The runs of a study, and what there is of it.
fn look(study: &Study, checkpoints: &Path) -> Result<(Vec<RunEntry>, Outlook), AppError> {
    let mut runs = Vec::new();
    for name in RunFolder::names(checkpoints)? {
        let folder = RunFolder::at(checkpoints.join(name))?;
        // Whose plan cannot be read is of no study.
        let plan = folder.plan().ok().flatten();
        let of = plan.and_then(|plan| plan.study);
        if of.is_some_and(|of| of.study == study.name) {
            runs.push(read_run(&folder, Owner::of(&folder)).0);
        }
    }
    let outlook = study.outlook(&runs)?;
    Ok((runs, outlook))
}

/// Prints what the runs that are complete say. A run that is missing decides what the process
/// ends with.
fn compare(study: &Study, arguments: &Arguments) -> Result<Exit, AppError> {
    let (runs, outlook) = look(study, &arguments.checkpoints)?;
    let table = StudyTable::of(study, &runs, &outlook);
    if arguments.json {
        print(&report::json(&table).map_err(StudyError::Json)?)?;
    } else {
        match arguments.format {
            TableFormat::Text => print_text(&report::text(&table))?,
            TableFormat::Markdown => print_text(&report::markdown(&table))?,
            TableFormat::Csv => print(&report::csv(&table).map_err(StudyError::Csv)?)?,
        }
    }
    if let Some(path) = &arguments.picture {
        let drawn = report::svg(&table);
        write_file(path, drawn.as_bytes()).map_err(|error| StudyError::Picture {
            path: path.clone(),
            error,
        })?;
        print_error_line(&format!("wrote {}", path.shown()));
    }
    // What could not be started is missing.
    let lacks = |standing: &Standing| {
        matches!(standing, Standing::Failed(_) | Standing::Waiting) || standing.is_open()
    };
    let is_lacking = outlook.cells.iter().any(|(_, standing)| lacks(standing));
    Ok(if is_lacking {
        Exit::RunFailed
    } else {
        Exit::Success
    })
}
