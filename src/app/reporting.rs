//! Who is told of a run: a person at a terminal or a log, a program that reads
//! JSON, a CI that reads `JUnit` files and step summaries.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use indicatif::ProgressDrawTarget;

use super::arguments::Arguments;
use crate::event::{Outcome, RunEvent};
use crate::experiment::spec::Gate;
use crate::report::{
    BarsReporter, Ending, GithubReporter, JsonReporter, JunitReporter, Reporters, TextReporter,
    all_hold, judge, summary_file,
};
use crate::run::{Exit, RunFolder};
use crate::store::RunStore;

/// The reporters that the arguments and the environment ask for.
pub struct Reporting {
    reporters: Reporters,
    gates: Vec<Gate>,
    folder: RunFolder,
    /// Why something that was to be told is lost, if so.
    lost: Option<io::Error>,
}

/// Sees, before anything is trained, that reports will find a place.
///
/// # Errors
/// A message that names the file.
pub fn check(arguments: &Arguments) -> Result<(), String> {
    let summary = summary_file(|name| std::env::var_os(name));
    let junit = arguments.junit.as_deref();
    for (asked, path) in [
        ("--junit", junit),
        ("GITHUB_STEP_SUMMARY", summary.as_deref().map(Path::new)),
    ] {
        if let Some(path) = path {
            can_be_written(path).map_err(|error| {
                format!(
                    "error: {asked}: {} cannot be written: {error}; name a file in a folder that is there",
                    path.display()
                )
            })?;
        }
    }
    Ok(())
}

/// Tries without leaving anything behind.
fn can_be_written(path: &Path) -> io::Result<()> {
    if path.exists() {
        return File::options().append(true).open(path).map(|_| ());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).map(|_| ())
}

impl Reporting {
    /// Lines go to standard error: as bars on a terminal, plain elsewhere. With
    /// `--json`, standard output has nothing but events.
    ///
    /// # Errors
    /// If the `JUnit` file cannot be written.
    pub fn new(arguments: &Arguments, gates: &[Gate], folder: &RunFolder) -> io::Result<Self> {
        let mut reporters = Reporters::new();
        if io::stderr().is_terminal() {
            reporters.add(BarsReporter::new(
                io::stderr(),
                ProgressDrawTarget::stderr(),
            ));
        } else {
            reporters.add(TextReporter::new(io::stderr()));
        }
        if arguments.json {
            reporters.add(JsonReporter::new(io::stdout()));
        }
        if let Some(path) = &arguments.junit {
            reporters.add(JunitReporter::new(BufWriter::new(File::create(path)?)));
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

    /// Tells everybody of one event.
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

    /// Judges the gates, tells everybody how it ended and returns the exit
    /// code's meaning: that of the run, but for a success that could not be told.
    pub fn finish(mut self, store: &RunStore, outcome: &Outcome) -> Exit {
        let verdicts = judge(&self.gates, store, outcome);
        let errors = self.reporters.finish(&Ending {
            folder: self.folder.path(),
            store,
            outcome,
            verdicts: &verdicts,
        });
        self.lose(errors);
        let exit = Exit::of(outcome, all_hold(&verdicts));
        let Some(error) = self.lost else {
            return exit;
        };
        let _ = writeln!(
            io::stderr(),
            "error: not everything could be reported: {error}; the run is whole in {}",
            self.folder.path().display()
        );
        // Who reads a torn report must not take it for a success.
        if exit == Exit::Success {
            Exit::RunFailed
        } else {
            exit
        }
    }
}
