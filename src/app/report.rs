//! Runs as one HTML file: `--report`.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use super::arguments::Arguments;
use super::error::{AppError, ReportError};
use super::runs::{KnownRun, begins_with, distinct};
use super::tensorboard::probe_of;
use crate::event::inspection::Probe;
use crate::format::bytes;
use crate::report::{ReportedRun, html};
use crate::run::atomic::write_file;
use crate::run::{Exit, RunFolder};
use crate::store::{Owner, RunEntry};
use crate::untrusted::Show as _;
use crate::untrusted::files::is_replaceable;

/// Where the report goes, if nothing else is said.
const FILE: &str = "report.html";

/// A run with the images that it was watched by.
type Read = (KnownRun, Option<Probe>);

fn read(folder: &RunFolder) -> Read {
    let (entry, _) = RunEntry::read(folder, Owner::of(folder));
    let mut notes: Vec<String> = entry.all_problems().cloned().collect();
    let probe = probe_of(folder, &entry, &mut notes);
    for note in notes {
        super::print_error_line(&format!("warning: {}: {note}", folder.name()));
    }
    (KnownRun::of(folder, entry), probe)
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
    let read: Vec<Read> = folders.iter().map(read).collect();
    let runs = read.iter().map(|(known, probe)| ReportedRun {
        run: known.subject(),
        spec: known.summary.frozen.spec.as_ref(),
        probe: probe.as_ref(),
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
    let generator = concat!("content=\"", env!("CARGO_PKG_NAME"), " ");
    if is_replaceable(path)? && !replaces && !begins_with(path, generator)? {
        return Err(io::Error::other(
            "the file that is there is no report; name another file with --out, or replace it with \
             --force",
        ));
    }
    Ok(())
}
