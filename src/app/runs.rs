//! Runs without a screen: `--runs`, `--show`, `--compare` and `--trash`.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crossterm::terminal;

use super::arguments::{AccuracyAxis, Arguments, CostAxis};
use super::error::{AppError, RunsError};
use super::read_run::read_run;
use super::{print, print_error_line, print_text};
use crate::event::Split;
use crate::format::shell_word;
use crate::listing::{
    Column, Field, Fields, Filter, Pareto, ParetoCost, RunSummary, Subject, compare,
};
use crate::report::{pareto, runs};
use crate::run::atomic::write_file;
use crate::run::{Exit, RunFolder};
use crate::store::{Owner, RunEntry};
use crate::untrusted::contents::start_of;
use crate::untrusted::files::{is_replaceable, open_regular};
use crate::untrusted::{Show as _, clean_text, json_line, json_page};

/// A run that was read, and what is known of it.
pub(super) struct KnownRun {
    name: String,
    entry: RunEntry,
    pub(super) summary: RunSummary,
}

impl KnownRun {
    fn read(folder: &RunFolder) -> Self {
        Self::of(folder, read_run(folder, Owner::of(folder)).0)
    }

    /// What was read of a folder, however much that is.
    pub(super) fn of(folder: &RunFolder, entry: RunEntry) -> Self {
        Self {
            name: folder.name(),
            summary: RunSummary::of(&entry),
            entry,
        }
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        self.summary.subject(&self.name, &self.entry)
    }
}

/// Prints a table of the runs that a filter shows, the newest first.
pub fn list(arguments: &Arguments, filter: &[String]) -> Result<Exit, AppError> {
    let folders = RunFolder::with_remains(&arguments.checkpoints)?;
    let place = arguments.checkpoints.shown();
    let is_missing = !arguments.checkpoints.exists();
    if is_missing && arguments.json {
        print_error_line(&format!("warning: the folder {place} does not exist"));
    }
    let known: Vec<KnownRun> = folders.iter().map(KnownRun::read).collect();
    let mut fields = Fields::default();
    for run in &known {
        fields.add(&run.subject());
    }
    let text = filter.join(" ");
    let filter = Filter::parse(&text, &fields).map_err(|reason| RunsError::Filter {
        filter: text.clone(),
        reason,
    })?;
    let chosen = arguments.columns.iter().map(|column| {
        Field::named(column.trim(), &fields).map_err(|reason| RunsError::Column {
            column: column.clone(),
            reason,
        })
    });
    let chosen: Vec<Field> = chosen.collect::<Result<_, _>>()?;
    let mut shown: Vec<Subject> = known.iter().map(KnownRun::subject).collect();
    shown.retain(|run| filter.shows(run));
    let started = Field::Column(Column::Started);
    shown.sort_by(|a, b| compare(&started.key(a), &started.key(b), started.descends()));
    if let Some(path) = &arguments.pareto {
        return draw(arguments, &shown, path);
    }
    if arguments.json {
        let json = runs::table_json(&shown, &chosen, &fields).map_err(RunsError::Json)?;
        print(&json)?;
        return Ok(Exit::Success);
    }
    if shown.is_empty() {
        let none = if is_missing {
            format!("no runs: the folder {place} does not exist\n")
        } else if known.is_empty() {
            format!("no runs in {place}\n")
        } else {
            format!("no matches among {} runs in {place}\n", known.len())
        };
        print_text(&none)?;
        return Ok(Exit::Success);
    }
    let table = runs::table(&shown, &chosen, &fields, width());
    print_text(&table)?;
    Ok(Exit::Success)
}

/// Draws runs with what they cost, and prints the same as a table.
fn draw(arguments: &Arguments, runs: &[Subject], path: &Path) -> Result<Exit, AppError> {
    if !is_named_svg(path) {
        return Err(RunsError::NotSvg(path.to_owned()).into());
    }
    check_place(path).map_err(|error| RunsError::Picture {
        path: path.to_owned(),
        error,
    })?;
    if runs.is_empty() {
        return Err(RunsError::NoMatches.into());
    }
    let cost = match (arguments.x, arguments.on.as_deref()) {
        (CostAxis::Latency, on) => latency(runs, on)?,
        (CostAxis::Size, None) => ParetoCost::Size,
        (CostAxis::Macs, None) => ParetoCost::Macs,
        (CostAxis::Size | CostAxis::Macs, Some(_)) => {
            return Err(RunsError::OnWithoutLatency.into());
        }
    };
    let split = match arguments.accuracy {
        AccuracyAxis::Valid => Split::Valid,
        AccuracyAxis::Test => Split::Test,
    };
    let picture = Pareto::of(runs, cost, split);
    if picture.points.is_empty() {
        return Err(RunsError::NothingToDraw(picture.remarks()).into());
    }
    for run in runs {
        if let Some(problem) = run.run.problem() {
            print_error_line(&format!("warning: {}: {problem}", run.name));
        }
    }
    let drawn = pareto::svg(&picture);
    write_file(path, drawn.as_bytes()).map_err(|error| RunsError::Picture {
        path: path.to_owned(),
        error,
    })?;
    if arguments.json {
        print(&json_page(&picture).map_err(RunsError::Json)?)?;
    } else {
        let table = pareto::table(&picture);
        print_text(&format!("{table}wrote {}\n", path.shown()))?;
    }
    Ok(Exit::Success)
}

/// Whether a picture has the ending of one.
pub fn is_named_svg(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "svg")
}

/// That a picture can be written without loss of something else.
pub fn check_place(path: &Path) -> io::Result<()> {
    RunFolder::check_outside(path)?;
    if is_replaceable(path)? && !begins_with(path, "<svg")? {
        return Err(io::Error::other(
            "the file that is there is no SVG; name another file",
        ));
    }
    Ok(())
}

/// Whether this stands at the beginning of a file, by which its kind is known; an empty one
/// is none of anything.
pub(super) fn begins_with(path: &Path, sign: &str) -> io::Result<bool> {
    let start = start_of(&open_regular(path)?)?;
    Ok(start.is_empty() || String::from_utf8_lossy(&start).contains(sign))
}

/// Latencies of the processor that is named, or of the one that measured most.
fn latency(runs: &[Subject], wanted: Option<&str>) -> Result<ParetoCost, RunsError> {
    let mut all = ParetoCost::all(runs);
    let Some(wanted) = wanted else {
        return Ok(all.remove(0));
    };
    let processor = |cost: &ParetoCost| match cost {
        ParetoCost::Latency(processor) => processor.clone(),
        ParetoCost::Size | ParetoCost::Macs => None,
    };
    let known: Vec<String> = all.iter().filter_map(processor).collect();
    let is_it = |name: &&String| name.to_lowercase().contains(&wanted.to_lowercase());
    match known.iter().find(is_it) {
        Some(name) => Ok(ParetoCost::Latency(Some(name.clone()))),
        None => Err(RunsError::Processor {
            wanted: wanted.to_owned(),
            known,
        }),
    }
}

/// Columns of the terminal, if the table goes to one.
fn width() -> Option<usize> {
    let (width, _) = terminal::size().ok()?;
    std::io::stdout().is_terminal().then_some(width.into())
}

/// Prints everything about a run.
pub fn show(arguments: &Arguments, wanted: &str) -> Result<Exit, AppError> {
    let folder = RunFolder::open_remains(&arguments.checkpoints, wanted)?;
    let run = KnownRun::read(&folder);
    let (subject, spec) = (run.subject(), run.summary.frozen.spec.as_ref());
    if arguments.json {
        let json = runs::page_json(&subject, spec).map_err(RunsError::Json)?;
        print(&json)?;
    } else {
        print_text(&runs::page(&subject, spec))?;
    }
    Ok(Exit::Success)
}

/// The runs of these names, each once.
pub(super) fn distinct(
    arguments: &Arguments,
    wanted: &[String],
) -> Result<Vec<RunFolder>, AppError> {
    let open = |wanted: &String| RunFolder::open_remains(&arguments.checkpoints, wanted);
    let folders: Vec<RunFolder> = wanted.iter().map(open).collect::<Result<_, _>>()?;
    let place = |run: &RunFolder| {
        run.path()
            .canonicalize()
            .unwrap_or_else(|_| run.path().into())
    };
    let places: Vec<PathBuf> = folders.iter().map(place).collect();
    let twice = (1..places.len()).find(|&at| places[..at].contains(&places[at]));
    match twice {
        Some(at) => Err(RunsError::ComparedTwice(folders[at].name()).into()),
        None => Ok(folders),
    }
}

/// Prints what differs between runs.
pub fn compare_runs(arguments: &Arguments, wanted: &[String]) -> Result<Exit, AppError> {
    let folders = distinct(arguments, wanted)?;
    let known: Vec<KnownRun> = folders.iter().map(KnownRun::read).collect();
    let subjects: Vec<Subject> = known.iter().map(KnownRun::subject).collect();
    if arguments.json {
        let json = runs::comparison_json(&subjects).map_err(RunsError::Json)?;
        print(&json)?;
    } else {
        print_text(&runs::comparison(&subjects))?;
    }
    Ok(Exit::Success)
}

/// Moves a run to the trash and says how it comes back.
pub fn trash(arguments: &Arguments, wanted: &str) -> Result<Exit, AppError> {
    let run = RunFolder::open(&arguments.checkpoints, wanted)?;
    let thrown = run.trash().map_err(RunsError::Move)?;
    let to = thrown.path();
    // As it is named there; it may have been called `.`.
    let place = to.parent().and_then(Path::parent).unwrap_or(run.path());
    let from = &place.join(thrown.name());
    let text = if arguments.json {
        let moved = serde_json::json!({
            "run": run.name(),
            "from": from.to_string_lossy().into_owned(),
            "to": to.to_string_lossy().into_owned(),
        });
        json_line(&moved).map_err(RunsError::Json)?
    } else {
        let text = format!(
            "moved {} to {}\nget it back on the Runs screen, or with\n    mv {} {}\n",
            from.shown(),
            to.shown(),
            shell_word(to),
            shell_word(from)
        );
        clean_text(&text).into_owned()
    };
    print(&text)?;
    Ok(Exit::Success)
}
