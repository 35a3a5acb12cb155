//! Reports of a run without a screen: plain lines, progress bars, JSON, `JUnit`
//! and a CI's step summary.
//!
//! Each is a fold over the same events, given with the run's state as it stands
//! after the event. They write to what they are given and never to the terminal
//! by themselves, never decide anything about the run, and evaluate gates only
//! when it is over.

mod bars;
mod card;
mod epochs;
mod event_formatter;
pub mod gates;
mod github;
mod html;
mod json;
mod junit;
mod lr_curve;
mod metrics;
pub mod pareto;
pub mod runs;
pub mod study;
mod text;
mod wording;
mod xml;

use std::io;
use std::path::Path;

pub use bars::BarsReporter;
pub use card::card;
pub use gates::evaluate_gates;
pub use github::{
    GithubReporter, annotated_error, append_to_summary, summary_file, summary_of_no_run,
};
pub use html::{ReportedRun, html, study_html};
pub use json::JsonReporter;
pub use junit::{JunitReporter, replace_report, report_no_run};
pub use lr_curve::lr_curve;
pub use text::TextReporter;
pub use wording::{int8_words, proof_words};

use crate::event::{Outcome, RunEvent};
use crate::listing::Verdict;
use crate::store::{Config, RunStore};

/// Shows how a run goes.
pub trait Reporter {
    /// Hears of one event; `store` has taken it in already.
    ///
    /// # Errors
    /// If what it writes to is gone, such as a closed pipe. The run continues.
    fn observe(&mut self, event: &RunEvent, store: &RunStore) -> io::Result<()>;

    /// Hears how it all ended, once, after the last event.
    ///
    /// # Errors
    /// As [`observe`](Self::observe).
    fn finish(&mut self, ending: &Ending<'_>) -> io::Result<()>;
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// The run's folder.
    pub folder: &'a Path,
    /// Its state.
    pub store: &'a RunStore,
    /// Its configuration, adjustments included.
    pub config: &'a Config,
    /// How its process ended.
    pub outcome: &'a Outcome,
    /// What became of the gates.
    pub verdicts: &'a [Verdict],
}

/// Several reporters as one. One that can no longer write is dropped; the
/// others continue.
#[derive(Default)]
pub struct Reporters(Vec<Box<dyn Reporter>>);

impl Reporters {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add(&mut self, reporter: impl Reporter + 'static) {
        self.0.push(Box::new(reporter));
    }

    /// Passes one event to all. Returns why some were dropped.
    pub fn observe(&mut self, event: &RunEvent, store: &RunStore) -> Vec<io::Error> {
        self.report(|reporter| reporter.observe(event, store))
    }

    /// Passes the ending to all. Returns why some could not report it.
    pub fn finish(&mut self, ending: &Ending<'_>) -> Vec<io::Error> {
        self.report(|reporter| reporter.finish(ending))
    }

    fn report(&mut self, report: impl Fn(&mut dyn Reporter) -> io::Result<()>) -> Vec<io::Error> {
        let mut errors = Vec::new();
        self.0
            .retain_mut(|reporter| match report(reporter.as_mut()) {
                Ok(()) => true,
                Err(error) => {
                    errors.push(error);
                    false
                }
            });
        errors
    }
}

#[cfg(test)]
mod tests;
