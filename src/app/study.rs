//! Studies: `--study`, with `--dry-run` and `--table`.
//!
//! What comes next is decided anew before every run, by what is in the folder of runs
//! ([`work`]): it makes no difference whether a run before was trained by this process, by
//! one that was killed, or by another one at the same time.

mod cluster;
mod jobs;
mod work;

use std::path::Path;

pub use self::cluster::{Cancelled, Cluster, Submitted};
pub use self::work::Seen;
use self::work::{Claimed, Next, Others, Work};
use super::arguments::{Arguments, TableFormat};
use super::error::{AppError, RunsError, StudyError};
use super::session::{Job, ResumeChanges, SessionError};
use super::{headless, print, print_error_line, print_text, runs};
use crate::format::plural;
use crate::report::study as report;
use crate::run::atomic::write_file;
use crate::run::{Exit, LockError, StopSignal, StudyRole};
use crate::study::wording::cell_words;
use crate::study::{Cell, Estimate, Outlook, Standing, Study, StudyTable};
use crate::untrusted::{Show as _, json_line};

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
    if arguments.retry && !arguments.slurm {
        let moved = retry(&study, &Seen::of(&study, &arguments.checkpoints)?)?;
        for line in &moved {
            print_error_line(line);
        }
    }
    let cluster = Cluster::new(&study, &arguments.checkpoints).trained_as(arguments);
    if arguments.cancel {
        return cancelled(&study, &cluster.cancel()?, arguments);
    }
    if arguments.dry_run {
        let seen = Seen::of(&study, &arguments.checkpoints)?;
        let tasks = arguments.slurm.then(|| cluster.tasks(&seen));
        let tasks = tasks.transpose()?;
        let Seen { runs, outlook } = seen;
        study.check(&outlook.epochs)?;
        let estimate = Estimate::of(&study, &runs, &outlook);
        if arguments.json {
            let page = report::outlook_json(&study, &runs, &outlook, &estimate, tasks.as_ref());
            print(&page.map_err(StudyError::Json)?)?;
        } else {
            let page = report::outlook(&study, &runs, &outlook, &estimate, tasks.as_ref());
            print_text(&page)?;
        }
        return Ok(Exit::Success);
    }
    if arguments.slurm {
        return submitted(&study, &cluster.submit(arguments.retry)?, arguments);
    }
    if arguments.table {
        compare(&study, arguments)?;
        return Ok(Exit::Success);
    }
    let only = arguments
        .task
        .map(|task| cell_of(&study, task))
        .transpose()?;
    let mut work = Work::new(&study, &arguments.checkpoints, only);
    let stop = StopSignal::new();
    let _signals = stop.on_signals().map_err(AppError::Signals)?;
    if arguments.stop_with_stdin {
        stop_with_stdin(&stop);
    }
    let is_over = match arguments.jobs {
        Some(jobs) => jobs::train(&mut work, jobs as usize, arguments, &stop)?,
        None => train(&mut work, arguments, &stop)?,
    };
    if !is_over {
        let resume = "the study was interrupted; the same command resumes it";
        print_error_line(resume);
        return Ok(Exit::Interrupted);
    }
    match only {
        Some(cell) => {
            let standing = Seen::of(&study, &arguments.checkpoints)?.outlook;
            Ok(ended(standing.standing(cell)))
        }
        None => compare(&study, arguments),
    }
}

/// Moves the runs that failed into the trash, so that they are trained again. Returns a line
/// for each.
///
/// # Errors
/// If a run cannot be moved.
fn retry(study: &Study, Seen { runs, outlook }: &Seen) -> Result<Vec<String>, RunsError> {
    let mut moved = Vec::new();
    for &(cell, standing) in &outlook.cells {
        if let Standing::Failed(run) = standing {
            let folder = &runs[run].folder;
            folder.trash().map_err(RunsError::Move)?;
            moved.push(format!(
                "moved {} to the trash: {} failed",
                folder.name(),
                cell_words(study, cell)
            ));
        }
    }
    Ok(moved)
}

/// Prints what was submitted.
fn submitted(study: &Study, done: &Submitted, arguments: &Arguments) -> Result<Exit, AppError> {
    for line in &done.moved {
        print_error_line(line);
    }
    if arguments.json {
        print(&json_line(&done.json()).map_err(StudyError::Json)?)?;
        return Ok(Exit::Success);
    }
    let lines = match &done.job {
        Some(job) => format!(
            "{}\nbatch script: {}\noutput: {}/{job}_*.txt\n",
            done.words(study),
            done.script.shown(),
            done.folder.shown()
        ),
        None => format!(
            "{}; --dry-run lists them, --retry trains failed ones again\n",
            done.words(study)
        ),
    };
    print_text(&lines)?;
    let remark = done.tasks_before.remark();
    if let Some(remark) = remark {
        print_error_line(&format!("{remark}; --slurm --cancel cancels all"));
    }
    Ok(Exit::Success)
}

/// Prints what was cancelled.
fn cancelled(study: &Study, done: &Cancelled, arguments: &Arguments) -> Result<Exit, AppError> {
    if arguments.json {
        print(&json_line(&done.json()).map_err(StudyError::Json)?)?;
    } else {
        let again = "; --slurm submits what is missing again";
        let again = if done.jobs.is_empty() { "" } else { again };
        print_text(&format!("{}{again}\n", done.words(study)))?;
    }
    Ok(Exit::Success)
}

/// A cell by its number in the list of a study's runs.
fn cell_of(study: &Study, task: u32) -> Result<Cell, StudyError> {
    let cells = study.cells();
    let at = (task as usize).checked_sub(1);
    let cell = at.and_then(|at| cells.get(at)).copied();
    cell.ok_or(StudyError::NoTask {
        task,
        runs: cells.len(),
    })
}

/// Stops once standard input ends, which is a pipe of the process that started this one: it
/// closes the pipe, or has ended itself.
fn stop_with_stdin(stop: &StopSignal) {
    let stop = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        stop.request("stopped by the process that trains the study");
    });
}

/// Trains every cell that has no complete run, or one of them. Whether it came to its end.
fn train(work: &mut Work, arguments: &Arguments, stop: &StopSignal) -> Result<bool, AppError> {
    loop {
        if stop.reason().is_some() {
            return Ok(false);
        }
        let claimed = match work.next()? {
            Next::Train(claimed) => claimed,
            Next::Wait(others) => {
                print_error_line(&waited_for(work.study, &others));
                others.wait(|| stop.reason().is_some())?;
                continue;
            }
            Next::Over => return Ok(true),
        };
        let (cell, standing) = (claimed.cell, claimed.standing);
        let line = announced(work.study, &claimed.seen.outlook, cell, standing);
        print_error_line(&line);
        let job = job(work.study, &claimed, arguments)?;
        match headless::train(job, arguments, false, stop.clone()) {
            Ok(Exit::Interrupted) | Err(AppError::Session(SessionError::Stopped(_))) => {
                return Ok(false);
            }
            // A run that failed says so, and is named below the table.
            Ok(_) => work.tried(cell),
            // A person resumed it by its name.
            Err(AppError::Session(SessionError::Lock(LockError::Held { .. }))) => {
                print_error_line("another process trains it");
            }
            // Neither is a study over because one of its variants does not begin.
            Err(error) => {
                super::print_error(&format!("{}\n", error.printed()));
                work.tried(cell);
            }
        }
    }
}

/// The run of a cell, to be started or resumed.
fn job(study: &Study, claimed: &Claimed, arguments: &Arguments) -> Result<Job, AppError> {
    let Claimed { cell, seen, .. } = claimed;
    if let Standing::Interrupted(run) = claimed.standing {
        return Ok(Job::Resume {
            run: seen.runs[run].folder.clone(),
            changes: ResumeChanges::default(),
        });
    }
    let epochs = seen.outlook.epochs[cell.variant];
    Ok(Job::New {
        loaded: Box::new(study.experiment(*cell, epochs)?),
        device: arguments.device,
        study: Some(study.run_of(*cell, epochs)?),
    })
}

/// `study shapes: run 3 of 8: multi-view, seed 2, 6 epochs`.
fn announced(study: &Study, outlook: &Outlook, cell: Cell, standing: Standing) -> String {
    let number = outlook.cells.iter().position(|(other, _)| *other == cell);
    let (number, all) = (number.unwrap_or_default() + 1, outlook.cells.len());
    let what = cell_words(study, cell);
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

/// `study shapes: waiting for runs of other processes: multi-view, seed 2`.
fn waited_for(study: &Study, others: &Others) -> String {
    let cells = others.cells().map(|cell| cell_words(study, cell));
    let cells: Vec<String> = cells.collect();
    format!(
        "study {}: waiting for runs of other processes: {}",
        study.name,
        cells.join("; ")
    )
}

/// Prints what the runs that are complete say. A run that is missing decides what the process
/// ends with.
fn compare(study: &Study, arguments: &Arguments) -> Result<Exit, AppError> {
    let Seen { runs, outlook } = Seen::of(study, &arguments.checkpoints)?;
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
    let cells = outlook.cells.iter();
    let ends = cells.map(|(_, standing)| ended(*standing));
    Ok(ends.max_by_key(|end| end.code()).unwrap_or(Exit::Success))
}

/// What a process ends with that trained a cell. What could not be started is missing.
fn ended(standing: Standing) -> Exit {
    match standing {
        Standing::Done(_) | Standing::Training(_) => Exit::Success,
        Standing::Failed(_) | Standing::Waiting | Standing::Missing | Standing::Interrupted(_) => {
            Exit::RunFailed
        }
    }
}
