//! Runs as one HTML file: `--report`.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use super::arguments::Arguments;
use super::error::{AppError, ReportError};
use super::runs::distinct;
use super::tensorboard::probe_of;
use crate::event::inspection::Probe;
use crate::format::bytes;
use crate::listing::RunSummary;
use crate::report::{ReportedRun, html};
use crate::run::atomic::write_file;
use crate::run::{Exit, RunFolder};
use crate::store::{Owner, RunEntry};
use crate::untrusted::Show as _;
use crate::untrusted::contents::start_of;
use crate::untrusted::files::{is_replaceable, open_regular};

/// Where the report goes, if nothing else is said.
const FILE: &str = "report.html";

/// A run that was read.
struct Read {
    name: String,
    entry: RunEntry,
    summary: RunSummary,
    probe: Option<Probe>,
}

impl Read {
    fn of(folder: &RunFolder) -> Self {
        let (entry, _) = RunEntry::read(folder, Owner::of(folder));
        let mut notes: Vec<String> = entry.all_problems().cloned().collect();
        let probe = probe_of(folder, &entry, &mut notes);
        for note in notes {
            super::print_error_line(&format!("warning: {}: {note}", folder.name()));
        }
        Self {
            name: folder.name(),
            summary: RunSummary::of(&entry),
            entry,
            probe,
        }
    }
}

/// Writes the report of some runs, in their order.
pub fn report(arguments: &Arguments, wanted: &[String]) -> Result<Exit, AppError> {
    let path = arguments.out.clone().unwrap_or_else(|| FILE.into());
    if path.extension().is_none_or(|ending| ending != "html") {
        return Err(ReportError::NotHtml(path).into());
    }
    let failed = |error| ReportError::Io {
        path: path.clone(),
        error,
    };
    check_place(&path, arguments.force).map_err(failed)?;
    let folders = distinct(arguments, wanted)?;
    let read: Vec<Read> = folders.iter().map(Read::of).collect();
    let runs = read.iter().map(|read| ReportedRun {
        run: read.summary.subject(&read.name, &read.entry),
        spec: read.summary.frozen.spec.as_ref(),
        probe: read.probe.as_ref(),
    });
    let runs: Vec<ReportedRun> = runs.collect();
    write_file(&path, html(&runs).as_bytes()).map_err(failed)?;
    let size = path.metadata().as_ref().map_or(0, Metadata::len);
    super::print_text(&format!("wrote {}, {}\n", path.shown(), bytes(size)))?;
    Ok(Exit::Success)
}

/// That a report can be written without loss of something else.
fn check_place(path: &Path, replaces: bool) -> io::Result<()> {
    RunFolder::check_outside(path)?;
    if is_replaceable(path)? && !replaces && !is_report(path)? {
        return Err(io::Error::other(
            "the file that is there is no report; name another file with --out, or replace it with \
             --force",
        ));
    }
    Ok(())
}

/// Whether a file begins as a report does; an empty one is none of anything.
fn is_report(path: &Path) -> io::Result<bool> {
    let start = start_of(&open_regular(path)?)?;
    let generator = format!("content=\"{} ", env!("CARGO_PKG_NAME"));
    Ok(start.is_empty() || String::from_utf8_lossy(&start).contains(&generator))
}
