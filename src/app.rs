//! The composition root: arguments, threads, channels, exit codes.
//!
//! The trainer runs on a thread of its own and sends events to the recorder,
//! which journals them and hands them on; this thread folds them and lets the
//! reporters speak, or draws the screen.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator;
mod arguments;
mod bench;
mod check;
mod error;
mod export;
mod exporting;
mod find_lr;
mod headless;
mod inbox;
mod inference;
mod models;
mod panic;
mod read_run;
mod report;
mod reporting;
mod runs;
mod session;
mod setup;
mod study;
mod tensorboard;
mod workbench;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use self::arguments::Arguments;
use self::check::CheckError;
use self::error::AppError;
use self::session::Job;
use crate::engine;
use crate::engine::device::catches_panics;
use crate::experiment::{self, Loaded, Override, Report};
use crate::format::Symbols;
use crate::report::annotated_error;
use crate::run::{Exit, RunError, RunFolder};
use crate::terminal::print_panics_clean;
use crate::untrusted::{Show as _, clean_line, clean_text};

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    print_panics_clean(catches_panics);
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    allocator::keep_freed_memory();
    let arguments = match Arguments::read(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` arrive here too, with code 0. A closed
            // pipe leaves no reader.
            if !error.use_stderr() {
                let _ = error.print();
                return ExitCode::SUCCESS;
            }
            // It repeats what was typed, which is refused as it is shown, too.
            let shown = std::env::args_os().map(|word| word.shown().to_string());
            let message = Arguments::read(shown).err().unwrap_or(error).to_string();
            print_error(&message);
            let junit = reporting::junit_of(std::env::args_os());
            reporting::refused(junit.as_deref(), &message);
            return Exit::Usage.into();
        }
    };
    if let Some(warning) = engine::bound_threads(|name| std::env::var(name).ok()) {
        let line = clean_text(&warning).into_owned();
        let _ = writeln!(std::io::stderr(), "warning: {line}");
    }
    let exit = execute(&arguments).unwrap_or_else(|error| {
        let message = error.printed();
        print_error(&(message.clone() + "\n"));
        reporting::refused(arguments.junit.as_deref(), &message);
        if let Some(line) = annotated_error(|name| std::env::var_os(name), &message) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        error.exit()
    });
    exit.into()
}

/// Executes the one mode that was requested.
fn execute(arguments: &Arguments) -> Result<Exit, AppError> {
    let trains = [&arguments.resume, &arguments.fork, &arguments.replay];
    if arguments.run.is_some() || trains.iter().any(|run| run.is_some()) {
        reporting::begin(arguments)?;
    }
    if let Some(shell) = arguments.completions {
        return setup::completions(shell);
    }
    if arguments.man {
        return setup::manual();
    }
    if let Some(filter) = &arguments.runs {
        return runs::list(arguments, filter);
    }
    if let Some(run) = &arguments.show {
        return runs::show(arguments, run);
    }
    if let Some(file) = &arguments.study {
        return study::run(arguments, file);
    }
    if let Some(several) = &arguments.report {
        return report::report(arguments, several);
    }
    if let Some(several) = &arguments.compare {
        return runs::compare_runs(arguments, several);
    }
    if let Some(run) = &arguments.trash {
        return runs::trash(arguments, run);
    }
    if let Some(target) = &arguments.bench {
        return bench::bench(arguments, target);
    }
    if let Some([run, result]) = arguments.bench_into.as_deref() {
        return bench::take_in(arguments, run, Path::new(result));
    }
    if let Some(case) = &arguments.bench_case {
        return bench::measure_case(case);
    }
    let overrides = arguments.overrides()?;
    if let Some(file) = &arguments.check {
        if arguments.json {
            return check_as_json(arguments, file, &overrides);
        }
        let loaded = to_check(arguments, file, &overrides)?;
        let (page, error) = check::check(&loaded.plan, arguments.decode);
        print_text(&page)?;
        return error.map_or(Ok(Exit::Success), |error| Err(in_file(error, &loaded)));
    }
    if let Some(file) = &arguments.find_lr {
        return find_lr::find_lr(arguments, &experiment::load(file, &overrides)?);
    }
    if let Some(folder) = &arguments.infer {
        return inference::run(arguments, folder);
    }
    if let Some(run) = &arguments.export {
        return exporting::run(arguments, run);
    }
    let device = arguments.device;
    let job = if let Some(file) = &arguments.run {
        let loaded = Box::new(experiment::load(file, &overrides)?);
        Job::New {
            loaded,
            device,
            study: None,
        }
    } else if let Some(run) = &arguments.resume {
        Job::Resume {
            run: find(arguments, run)?,
            changes: arguments.resume_changes()?,
        }
    } else if let Some(run) = &arguments.fork {
        Job::Fork {
            run: find(arguments, run)?,
            from: arguments.from.clone(),
            changes: arguments.resume_changes()?,
        }
    } else if let Some(run) = &arguments.replay {
        let run = find(arguments, run)?;
        Job::Replay {
            run,
            device,
            without_adjustments_after: arguments.without_adjustments_after,
        }
    } else {
        // What is wrong with a screen is its own; it asks for things whose errors are these.
        return workbench::run(arguments).map_err(|error| AppError::Screen(Box::new(error)));
    };
    headless::run(job, arguments)
}

/// The experiment that is to be checked, on the device that a run would take.
fn to_check(arguments: &Arguments, file: &Path, set: &[Override]) -> Result<Loaded, Report> {
    let mut loaded = experiment::load(file, set)?;
    loaded.plan.device = arguments.device.unwrap_or(loaded.plan.device);
    Ok(loaded)
}

/// Why an experiment cannot be trained; about one of its values, it is at its place.
fn in_file(error: CheckError, loaded: &Loaded) -> AppError {
    let problem = match &error {
        CheckError::Prepare(error) => error.problem(),
        CheckError::Json(_) => None,
    };
    match problem {
        Some(problem) => loaded.report(&problem).into(),
        None => error.into(),
    }
}

/// The plan or what is wrong with it, as JSON; the latter for people, too.
fn check_as_json(
    arguments: &Arguments,
    file: &Path,
    overrides: &[Override],
) -> Result<Exit, AppError> {
    let checked = to_check(arguments, file, overrides)
        .map_err(AppError::from)
        .and_then(|loaded| {
            check::check_json(&loaded.plan, arguments.decode)
                .map_err(|error| in_file(error, &loaded))
        });
    match checked {
        Ok(page) => print(&page).map(|()| Exit::Success),
        Err(error) => {
            let file = match &error {
                AppError::Experiment(report) => Ok(report),
                error => Err(error.to_string()),
            };
            print(&check::errors_json(file)?)?;
            Err(error)
        }
    }
}

/// Writes to standard output. A closed pipe, as from `| head`, has lost nothing.
/// Prints a text for people.
fn print_text(text: &str) -> Result<(), AppError> {
    print(&Symbols::of_process().text(&clean_text(text)))
}

/// Prints a text for people on standard error, which may be closed.
fn print_error(text: &str) {
    let text = clean_text(text);
    let text = Symbols::of_process().text(&text);
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Prints one line for people on standard error, which may be closed.
fn print_error_line(line: &str) {
    print_error(&format!("{}\n", clean_line(line)));
}

fn print(text: &str) -> Result<(), AppError> {
    let printed = std::io::stdout().write_all(text.as_bytes());
    match printed.map_err(AppError::Output) {
        Err(error) if !error.is_broken_pipe() => Err(error),
        _ => Ok(()),
    }
}

fn find(arguments: &Arguments, run: &str) -> Result<RunFolder, RunError> {
    RunFolder::open(&arguments.checkpoints, run)
}
