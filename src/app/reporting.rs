//! Who is told of a run: a person at a terminal or a log, a program that reads
//! JSON, a CI that reads JUnit files and step summaries.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};

use indicatif::ProgressDrawTarget;

use super::arguments::Arguments;
use crate::event::{Outcome, RunEvent};
use crate::experiment::spec::Gate;
use crate::report::{
    BarsReporter, Ending, GithubReporter, JsonReporter, JunitReporter, Reporters, TextReporter,
    all_hold, judge,
};
use crate::run::{Exit, RunFolder};
use crate::store::RunStore;

/// The reporters that the arguments and the environment ask for.
pub struct Reporting {
    reporters: Reporters,
    gates: Vec<Gate>,
    folder: RunFolder,
}

impl Reporting {
    /// Lines go to standard error: as bars on a terminal, plain elsewhere. With
    /// `--json`, standard output has nothing but events.
    ///
    /// # Errors
    /// If the JUnit file cannot be written.
    pub fn new(arguments: &Arguments, gates: &[Gate], folder: &RunFolder) -> io::Result<Self> {
        let mut reporters = Reporters::new();
        if io::stderr().is_terminal() {
            reporters.add(BarsReporter::new(io::stderr(), ProgressDrawTarget::stderr()));
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
        if let Some(github) = GithubReporter::from_environment(annotations)? {
            reporters.add(github);
        }
        Ok(Self {
            reporters,
            gates: gates.to_vec(),
            folder: folder.clone(),
        })
    }

    /// Tells everybody of one event. Nobody is left to hear that one of them
    /// can no longer write.
    pub fn observe(&mut self, event: &RunEvent, store: &RunStore) {
        let _ = self.reporters.observe(event, store);
    }

    /// Judges the gates, tells everybody how it ended and returns the exit
    /// code's meaning.
    pub fn finish(mut self, store: &RunStore, outcome: &Outcome) -> Exit {
        let verdicts = match outcome {
            Outcome::Completed => judge(&self.gates, store),
            Outcome::Stopped { .. } | Outcome::Failed { .. } => Vec::new(),
        };
        let _ = self.reporters.finish(&Ending {
            folder: self.folder.path(),
            store,
            outcome,
            verdicts: &verdicts,
        });
        Exit::of(outcome, all_hold(&verdicts))
    }
}
