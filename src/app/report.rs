//! Runs as one HTML file: `--report`.

use std::fs::Metadata;
use std::io;
use std::path::Path;

use super::arguments::Arguments;
use super::error::{AppError, ReportError};
use super::runs::{KnownRun, begins_with, distinct};
use super::study::Seen;
use super::tensorboard::probe_of;
use crate::event::inspection::Probe;
use crate::experiment::{Report, read_text};
use crate::format::bytes;
use crate::report::{ReportedRun, html, study_html};
use crate::run::atomic::write_file;
use crate::run::{Exit, RunFolder, StudyRole};
use crate::store::{Owner, RunEntry};
use crate::study::{Study, StudyTable, is_study};
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
    let study = match wanted {
        [only] => study_at(Path::new(only))?,
        _ => None,
    };
    let (folders, table) = match study {
        Some(study) => of_study(&study, arguments)?,
        None => (distinct(arguments, wanted)?, None),
    };
    let read: Vec<Read> = folders.iter().map(read).collect();
    let runs = read.iter().map(|(known, probe)| ReportedRun {
        run: known.subject(),
        spec: known.summary.frozen.spec.as_ref(),
        probe: probe.as_ref(),
    });
    let runs: Vec<ReportedRun> = runs.collect();
    let page = match table {
        Some(table) => study_html(&table, &runs),
        None => html(&runs),
    };
    write_file(&path, page.as_bytes()).map_err(failed)?;
    let size = path.metadata().as_ref().map_or(0, Metadata::len);
    super::print_text(&format!("wrote {}, {}\n", path.shown(), bytes(size)))?;
    Ok(Exit::Success)
}

/// The study of a file, if it is one: a run may have such a name, too.
fn study_at(path: &Path) -> Result<Option<Study>, Report> {
    let is_file = path.is_file() && path.extension().is_some_and(|kind| kind == "ron");
    if is_file && read_text(path).is_ok_and(|text| is_study(&text)) {
        return Study::load(path).map(Some);
    }
    Ok(None)
}

/// The runs of a study, as far as there are some, and what they come to.
fn of_study(
    study: &Study,
    arguments: &Arguments,
) -> Result<(Vec<RunFolder>, Option<StudyTable>), AppError> {
    let Seen { runs, outlook } = Seen::of(study, &arguments.checkpoints)?;
    let table = StudyTable::of(study, &runs, &outlook);
    let cells = outlook.cells.into_iter();
    let shown = cells.filter(|(cell, _)| cell.role != StudyRole::Speed);
    let folders = shown.filter_map(|(_, standing)| Some(runs[standing.run()?].folder.clone()));
    Ok((folders.collect(), Some(table)))
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
