//! The composition root: arguments, threads, channels, exit codes.
//!
//! The trainer runs on a thread of its own and sends events to the recorder,
//! which journals them and hands them on; this thread folds them and lets the
//! reporters speak, or draws the screen.

mod arguments;
mod check;
mod headless;
mod inbox;
mod inference;
mod models;
mod reporting;
mod session;
mod workbench;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::arguments::Arguments;
use self::session::Job;
use crate::experiment;
use crate::report::annotated_error;
use crate::run::{Exit, RunFolder};
use crate::terminal::print_panics_clean;
use crate::untrusted::clean_text;

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    print_panics_clean();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // `--help` and `--version` arrive here too, with code 0. A closed
            // pipe leaves nobody to tell.
            let _ = error.print();
            if !error.use_stderr() {
                return ExitCode::SUCCESS;
            }
            let junit = reporting::junit_of(std::env::args_os());
            reporting::refused(junit.as_deref(), &error.to_string());
            return Exit::Usage.into();
        }
    };
    let exit = carry_out(&arguments).unwrap_or_else(|message| {
        let message = message.trim_end();
        let _ = writeln!(std::io::stderr(), "{}", clean_text(message));
        reporting::refused(arguments.junit.as_deref(), message);
        if let Some(line) = annotated_error(|name| std::env::var_os(name), message) {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        Exit::Usage
    });
    ExitCode::from(exit.code())
}

/// Carries out the one mode that was asked for. An error is a message about
/// the file or the arguments.
fn carry_out(arguments: &Arguments) -> Result<Exit, String> {
    let trains = [&arguments.resume, &arguments.replay];
    if arguments.run.is_some() || trains.iter().any(|run| run.is_some()) {
        reporting::begin(arguments)?;
    }
    let overrides = arguments.overrides()?;
    if let Some(file) = &arguments.check {
        let loaded = experiment::load(file, &overrides).map_err(|report| report.to_string())?;
        let (page, error) = check::check(&loaded.plan);
        print(&clean_text(&page))?;
        return match error {
            Some(error) => Err(format!("error: {error}")),
            None => Ok(Exit::Success),
        };
    }
    if let Some(folder) = &arguments.infer {
        return inference::run(arguments, folder);
    }
    let device = arguments.device;
    let job = if let Some(file) = &arguments.run {
        let loaded = experiment::load(file, &overrides).map_err(|report| report.to_string())?;
        let loaded = Box::new(loaded);
        Job::New { loaded, device }
    } else if let Some(run) = &arguments.resume {
        Job::Resume {
            run: find(arguments, run)?,
            changes: arguments.resume_changes()?,
        }
    } else if let Some(run) = &arguments.replay {
        let run = find(arguments, run)?;
        Job::Replay { run, device }
    } else {
        return workbench::run(arguments);
    };
    headless::run(job, arguments)
}

/// Writes to standard output. A closed pipe, as from `| head`, has lost nothing.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("error: standard output: {error}"))
        }
        _ => Ok(()),
    }
}

fn find(arguments: &Arguments, run: &str) -> Result<RunFolder, String> {
    RunFolder::open(&arguments.checkpoints, run).map_err(|error| format!("error: {error}"))
}
