//! The readers of a run: a person at a terminal or a log, a program that reads
//! JSON, a CI that reads `JUnit` files and step summaries.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use indicatif::ProgressDrawTarget;
use thiserror::Error;

use super::arguments::Arguments;
use crate::event::{Outcome, RunEvent};
use crate::experiment::spec::Gate;
use crate::format::Symbols;
use crate::listing::all_hold;
use crate::report::{
    BarsReporter, Ending, GithubReporter, JsonReporter, JunitReporter, Reporters, TextReporter,
    append_to_summary, evaluate_gates, replace_report, report_no_run, summary_file,
    summary_of_no_run,
};
use crate::run::{Exit, RunFolder};
use crate::store::{Frozen, RunStore};
use crate::untrusted::Show as _;

/// The reporters that the arguments and the environment ask for.
pub struct Reporting {
    reporters: Reporters,
    gates: Vec<Gate>,
    folder: RunFolder,
    /// Why a report is lost, if so.
    lost: Option<io::Error>,
}

/// A report would find no place.
#[derive(Debug, Error)]
pub enum ReportingError {
    /// A file that was requested.
    #[error("{asked}: {} cannot be written: {source}{}", path.shown(), advice(source))]
    File {
        /// What asks for it: an option, or a variable of the environment.
        asked: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The step summary, which could be written a moment ago.
    #[error("GITHUB_STEP_SUMMARY: {0}")]
    Summary(#[source] io::Error),
}

/// What to do where that is not said yet.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::Other => "",
        _ => "; name another file, in a folder that exists",
    }
}

/// What stands in the `JUnit` file until the run has ended.
const NOT_ENDED: &str = "the run has not ended: its process is at work, or was killed";

/// Sees, before anything is read or trained, that reports will find a place, and
/// that no report of an earlier run is taken for this one's.
///
/// # Errors
/// The file that cannot be written.
pub fn begin(arguments: &Arguments) -> Result<(), ReportingError> {
    if let Some(path) = summary_file(|name| std::env::var_os(name)) {
        let path = Path::new(&path);
        can_be_written(path).map_err(|error| cannot_write("GITHUB_STEP_SUMMARY", path, error))?;
    }
    if let Some(path) = &arguments.junit {
        begin_junit(path).map_err(|error| cannot_write("--junit", path, error))?;
    }
    Ok(())
}

fn begin_junit(path: &Path) -> io::Result<()> {
    let mut file = replace_report(path)?;
    // What is not a file, such as standard output, takes no more than one report.
    if file.metadata()?.is_file() {
        report_no_run(&mut file, NOT_ENDED)?;
    }
    Ok(())
}

/// Reports that nothing was run. Where that cannot be written, standard error has
/// it all the same.
pub fn refused(junit: Option<&Path>, message: &str) {
    if let Some(path) = junit {
        let file = replace_report(path);
        let _ = file.and_then(|file| report_no_run(file, message));
    }
    if let Some(path) = summary_file(|name| std::env::var_os(name)) {
        let file = append_to_summary(path);
        let _ = file.and_then(|mut file| file.write_all(summary_of_no_run(message).as_bytes()));
    }
}

/// The `JUnit` file that arguments name which cannot be understood.
pub fn junit_of(arguments: impl IntoIterator<Item = OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--junit" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(path) = argument
            .to_str()
            .and_then(|text| text.strip_prefix("--junit="))
        {
            return Some(PathBuf::from(path));
        }
    }
    None
}

fn cannot_write(asked: &'static str, path: &Path, source: io::Error) -> ReportingError {
    ReportingError::File {
        asked,
        path: path.to_owned(),
        source,
    }
}

/// The file of a report, which is replaced when the report comes.
struct Late {
    path: PathBuf,
    file: Option<File>,
}

impl Write for Late {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(replace_report(&self.path)?),
        };
        file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tries to append to a summary, without leaving anything behind.
fn can_be_written(path: &Path) -> io::Result<()> {
    RunFolder::check_outside(path)?;
    if path.exists() {
        return append_to_summary(path).map(|_| ());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).map(|_| ())
}

/// Lines on standard error for people: above a bar on a terminal, plain elsewhere.
pub fn on_stderr() -> Reporters {
    let mut reporters = Reporters::new();
    let symbols = Symbols::of_process();
    if io::stderr().is_terminal() {
        let target = ProgressDrawTarget::stderr();
        reporters.add(BarsReporter::new(io::stderr(), target, symbols));
    } else {
        reporters.add(TextReporter::new(io::stderr(), symbols));
    }
    reporters
}

impl Reporting {
    /// Lines go to standard error: as bars on a terminal, plain elsewhere. With
    /// `json`, standard output has nothing but events.
    ///
    /// # Errors
    /// If the step summary cannot be opened.
    pub fn new(
        arguments: &Arguments,
        json: bool,
        gates: &[Gate],
        folder: &RunFolder,
    ) -> io::Result<Self> {
        let mut reporters = on_stderr();
        if json {
            reporters.add(JsonReporter::new(io::stdout()));
        }
        if let Some(path) = &arguments.junit {
            reporters.add(JunitReporter::new(Late {
                path: path.clone(),
                file: None,
            }));
        }
        // Annotations are read from either stream; standard output stays JSON's.
        let annotations: Box<dyn Write> = Box::new(io::stderr());
        if let Some(github) =
            GithubReporter::from_environment(|name| std::env::var_os(name), annotations)?
        {
            reporters.add(github);
        }
        Ok(Self {
            reporters,
            gates: gates.to_vec(),
            folder: folder.clone(),
            lost: None,
        })
    }

    /// Reports one event to every reader.
    pub fn observe(&mut self, event: &RunEvent, store: &RunStore) {
        let errors = self.reporters.observe(event, store);
        self.lose(errors);
    }

    /// A reader that has seen enough and closed its pipe has lost nothing.
    fn lose(&mut self, errors: Vec<io::Error>) {
        let mut errors = errors.into_iter();
        let lost = errors.find(|error| error.kind() != io::ErrorKind::BrokenPipe);
        self.lost = self.lost.take().or(lost);
    }

    /// Evaluates the gates, reports how the run ended and returns the exit
    /// code's meaning: that of the run, but for a success that could not be reported.
    pub fn finish(mut self, store: &RunStore, outcome: &Outcome) -> Exit {
        let verdicts = evaluate_gates(&self.gates, store, outcome.is_completed());
        // What was changed is printed even where a file was lost meanwhile.
        let text = self.folder.experiment_text().unwrap_or_default();
        let plan = self.folder.plan().ok().flatten();
        let errors = self.reporters.finish(&Ending {
            folder: self.folder.path(),
            store,
            config: &Frozen::of(&text, plan.as_ref(), store).config,
            outcome,
            verdicts: &verdicts,
        });
        self.lose(errors);
        let exit = Exit::of(outcome, all_hold(&verdicts));
        let Some(error) = self.lost else {
            return exit;
        };
        let line = format!(
            "error: not everything could be reported: {error}; the run is intact in {}",
            self.folder.path().shown()
        );
        super::print_error_line(&line);
        // Who reads a torn report must not take it for a success.
        if exit == Exit::Success {
            Exit::RunFailed
        } else {
            exit
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_junit_file_is_found_in_arguments_that_mean_nothing() {
        let found = |arguments: &[&str]| junit_of(arguments.iter().map(OsString::from));
        let path = || Some(PathBuf::from("a.xml"));
        assert_eq!(found(&["--nonsense", "--junit", "a.xml"]), path());
        assert_eq!(found(&["--junit=a.xml", "--nonsense"]), path());
        assert_eq!(found(&["--run", "--junit"]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn a_file_is_replaced_no_sooner_than_its_report_comes() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.xml");
        fs::write(&path, "<testsuites older=\"and longer\"/>").unwrap();
        let mut late = Late {
            path: path.clone(),
            file: None,
        };
        assert!(fs::read_to_string(&path).unwrap().contains("older"));
        late.write_all(b"new").unwrap();
        late.write_all(b"er").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
    }
}
