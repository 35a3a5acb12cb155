//! `JUnit` XML, as test servers read it: one case for the run, one per gate.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};
use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{Ending, Reporter, metrics, wording};
use crate::event::{Phase, RunEvent};
use crate::listing::GateStatus;
use crate::run::RunFolder;
use crate::store::RunStore;
use crate::store::metrics::seconds;
use crate::untrusted::files::open_output;
use crate::untrusted::{Show as _, clean_line, clean_text};

/// Bytes in which a report says that it is one, comments before that included.
const LONGEST_START: u64 = 4096;

/// Writes the XML when the run is over.
pub struct JunitReporter<W> {
    out: W,
}

impl<W: Write> JunitReporter<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Reporter for JunitReporter<W> {
    fn observe(&mut self, _: &RunEvent, _: &RunStore) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, ending: &Ending<'_>) -> io::Result<()> {
        report(ending).serialize(&mut self.out).map_err(unwritten)?;
        self.out.flush()
    }
}

/// Opens the file of a report to write it anew. What stands there must be a
/// report, or nothing: anything else is a file that was named in error.
///
/// # Errors
/// As [`open_output`], that it lies in a run's folder, and that it is not a report; it
/// is then untouched.
pub fn replace_report(path: &Path) -> io::Result<File> {
    RunFolder::check_outside(path)?;
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(false);
    let file = open_output(path, options)?;
    if file.metadata()?.is_file() {
        let mut start = Vec::new();
        (&file).take(LONGEST_START).read_to_end(&mut start)?;
        if !is_report(&start) {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it holds something other than a JUnit report, which would be lost",
            ));
        }
        file.set_len(0)?;
        (&file).rewind()?;
    }
    Ok(file)
}

/// Whether a file that begins like this may be replaced by a report.
fn is_report(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    start.is_empty() || text.starts_with('<') && text.contains("<testsuite")
}

/// Writes the report of a run that did not begin or has not ended, and why:
/// a person who looks for a result finds this and not that of an earlier run.
///
/// # Errors
/// What writing says.
pub fn report_no_run(out: impl Write, reason: &str) -> io::Result<()> {
    let status = problem(NonSuccessKind::Error, reason);
    let case = case("run", "run", status, Duration::ZERO);
    suite("run", [case], Duration::ZERO)
        .serialize(out)
        .map_err(unwritten)
}

fn unwritten(error: SerializeError) -> io::Error {
    io::Error::other(error)
}

fn report(ending: &Ending<'_>) -> Report {
    let identity = ending.store.identity.as_ref();
    let name = identity.map_or("run", |identity| identity.name.as_str());
    let phases = [Phase::Teacher, Phase::Student].into_iter();
    let trained = phases
        .filter_map(|phase| seconds(ending.store, phase))
        .sum();
    let time = Duration::try_from_secs_f64(trained).unwrap_or_default();
    let gates = ending.verdicts.iter().map(|verdict| {
        let status = match &verdict.status {
            GateStatus::Passed => TestCaseStatus::success(),
            GateStatus::Failed | GateStatus::NotEvaluated(_) => {
                problem(NonSuccessKind::Failure, &verdict.to_string())
            }
        };
        case(name, &verdict.gate, status, Duration::ZERO)
    });
    let cases = std::iter::once(run_case(ending, name, time)).chain(gates);
    suite(name, cases, time)
}

fn run_case(ending: &Ending<'_>, name: &str, time: Duration) -> TestCase {
    let status = match ending.outcome {
        outcome if outcome.is_completed() => TestCaseStatus::success(),
        outcome => problem(NonSuccessKind::Error, &wording::outcome(outcome)),
    };
    let metrics = metrics::summary(ending.store)
        .into_iter()
        .map(|(name, metrics)| format!("{name}: {}", metrics.join("  ")));
    let outcome = format!("outcome: {}", wording::outcome(ending.outcome));
    let folder = format!("run: {}", ending.folder.shown());
    let output: Vec<String> = metrics
        .chain([outcome, folder])
        .map(|line| clean_line(&line).into_owned())
        .collect();
    let mut case = case(name, "run", status, time);
    case.set_system_out(output.join("\n"));
    case
}

fn suite(name: &str, cases: impl IntoIterator<Item = TestCase>, time: Duration) -> Report {
    let name = clean_line(name);
    let mut suite = TestSuite::new(name.as_ref());
    suite.add_test_cases(cases).set_time(time);
    let mut report = Report::new(name.as_ref());
    report.add_test_suite(suite).set_time(time);
    report
}

fn case(run: &str, name: &str, status: TestCaseStatus, time: Duration) -> TestCase {
    let mut case = TestCase::new(clean_line(name).as_ref(), status);
    case.set_classname(format!("workbench.{}", clean_line(run)))
        .set_time(time);
    case
}

fn problem(kind: NonSuccessKind, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(clean_text(message).as_ref());
    status
}
