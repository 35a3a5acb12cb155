//! GitHub Actions: a table in the step's summary, and annotations.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::{Ending, Reporter, metrics, wording};
use crate::event::{EvaluatedWeights, Evaluation, Outcome, Phase, RunEvent, Split};
use crate::format;
use crate::listing::trained_words;
use crate::run::RunFolder;
use crate::store::RunStore;
use crate::store::metrics::seconds;
use crate::untrusted::files::open_output;
use crate::untrusted::{Show as _, clean_line, clean_text};

/// More annotations of one step are not shown.
const MAX_ANNOTATIONS: usize = 10;

/// Writes a summary and annotations when the run is over.
pub struct GithubReporter {
    summary: Option<Box<dyn Write>>,
    annotations: Option<Box<dyn Write>>,
}

/// An annotation's kind, in order of weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Error,
    Warning,
    Notice,
}

impl GithubReporter {
    /// A reporter that appends Markdown to `summary` and writes workflow
    /// commands to `annotations`.
    #[must_use]
    pub fn new(summary: Option<Box<dyn Write>>, annotations: Option<Box<dyn Write>>) -> Self {
        Self {
            summary,
            annotations,
        }
    }

    /// The reporter that the environment asks for: a summary if
    /// `GITHUB_STEP_SUMMARY` names its file, annotations to `out` if
    /// `GITHUB_ACTIONS` is `true`. None outside of a workflow.
    ///
    /// # Errors
    /// If the summary's file can't be opened.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<OsString>,
        out: impl Write + 'static,
    ) -> io::Result<Option<Self>> {
        let summary = match summary_file(&variable) {
            None => None,
            Some(path) => Some(Box::new(append_to_summary(&path)?) as Box<dyn Write>),
        };
        let annotated = variable("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        let annotations = annotated.then(|| Box::new(out) as Box<dyn Write>);
        let asked = summary.is_some() || annotations.is_some();
        Ok(asked.then(|| Self::new(summary, annotations)))
    }
}

/// The file of a step's summary, in a workflow.
pub fn summary_file(variable: impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
    variable("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty())
}

/// Opens a step's summary, to which every step of a job may append.
///
/// # Errors
/// As [`open_output`], and that it lies in a run's folder.
pub fn append_to_summary(path: impl AsRef<Path>) -> io::Result<File> {
    RunFolder::check_outside(path.as_ref())?;
    open_output(path.as_ref(), File::options().append(true).create(true))
}

/// A workflow command that shows an error beside the workflow's own, for
/// programs that end before there is a run. None outside of a workflow.
#[must_use]
pub fn annotated_error(
    variable: impl Fn(&str) -> Option<OsString>,
    message: &str,
) -> Option<String> {
    let annotated = variable("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    annotated.then(|| command(Level::Error, message))
}

/// A step's summary of a run that did not begin, and why.
#[must_use]
pub fn summary_of_no_run(reason: &str) -> String {
    let lines = reason
        .lines()
        .map(|line| format!("    {}\n", clean_line(line)));
    format!(
        "## workbench\n\nNothing was run.\n\n{}\n",
        lines.collect::<String>()
    )
}

impl Reporter for GithubReporter {
    fn observe(&mut self, _: &RunEvent, _: &RunStore) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, ending: &Ending<'_>) -> io::Result<()> {
        if let Some(summary) = &mut self.summary {
            summary.write_all(markdown(ending).as_bytes())?;
            summary.flush()?;
        }
        if let Some(out) = &mut self.annotations {
            for (level, message) in annotations(ending) {
                writeln!(out, "{}", command(level, &message))?;
            }
            out.flush()?;
        }
        Ok(())
    }
}

fn markdown(ending: &Ending<'_>) -> String {
    let store = ending.store;
    let identity = store.identity.as_ref();
    let name = identity.map_or("run", |identity| identity.name.as_str());
    let [student, teacher] = [Phase::Student, Phase::Teacher].map(|phase| seconds(store, phase));
    let trained = trained_words(student, teacher);
    let mut text = format!("## {}\n\n", cell(name));
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "{}. {}Run `{}`.\n",
        cell(&capitalised(&wording::outcome(ending.outcome))),
        trained.map_or_else(String::new, |trained| format!("Trained: {trained}. ")),
        clean_line(&ending.folder.shown().to_string()).replace('`', "'")
    );
    for (path, value) in ending.config.changed() {
        let _ = writeln!(text, "- changed: {} {}", cell(path), cell(value));
    }
    if ending.config.changed().next().is_some() {
        text.push('\n');
    }
    let rows = rows(store);
    if !rows.is_empty() {
        let has_top5 = rows.iter().any(|(_, row)| row.informative_top5().is_some());
        let (head, rule) = if has_top5 {
            ("| top-5 ", "|---:")
        } else {
            ("", "")
        };
        let _ = writeln!(
            text,
            "| student | top-1 {head}| loss | agreement | KL |\n|---|---:{rule}|---:|---:|---:|"
        );
        for (name, evaluation) in rows {
            text.push_str(&row(name, evaluation, has_top5));
        }
        text.push('\n');
    }
    if !ending.verdicts.is_empty() {
        text.push_str("| gate | | verdict |\n|---|---|---|\n");
        for verdict in ending.verdicts {
            let mark = if verdict.holds() { "✅" } else { "❌" };
            let _ = writeln!(
                text,
                "| {} | {mark} | {} |",
                cell(&verdict.gate),
                cell(&verdict.finding())
            );
        }
        text.push('\n');
    }
    text
}

fn rows(store: &RunStore) -> Vec<(&'static str, &Evaluation)> {
    let last = |split, weights| store.last_evaluation(Phase::Student, split, weights);
    [
        ("valid, best", store.best_evaluation(Phase::Student)),
        ("valid, last", last(Split::Valid, EvaluatedWeights::Last)),
        ("test, best", last(Split::Test, EvaluatedWeights::Best)),
        ("test, last", last(Split::Test, EvaluatedWeights::Last)),
        ("valid, quantized", store.best_quantized()),
        (
            "test, quantized",
            last(Split::Test, EvaluatedWeights::Quantized),
        ),
        ("teacher, valid", store.best_evaluation(Phase::Teacher)),
    ]
    .into_iter()
    .filter_map(|(name, evaluation)| Some((name, evaluation?)))
    .collect()
}

fn row(name: &str, evaluation: &Evaluation, has_top5: bool) -> String {
    let teacher = evaluation.teacher;
    let top5 = evaluation
        .informative_top5()
        .map_or_else(String::new, format::percent);
    let top5 = if has_top5 {
        format!("| {top5} ")
    } else {
        String::new()
    };
    format!(
        "| {name} | {} {top5}| {} | {} | {} |\n",
        format::percent(evaluation.top1),
        format::loss(evaluation.loss),
        teacher.map_or_else(String::new, |t| format::percent(t.agreement)),
        teacher.map_or_else(String::new, |t| format::loss(t.kl)),
    )
}

/// What deserves attention, the gravest first, and no more than is shown.
fn annotations(ending: &Ending<'_>) -> Vec<(Level, String)> {
    let mut all: Vec<(Level, String)> = Vec::new();
    match ending.outcome {
        Outcome::Completed | Outcome::StoppedEarly { .. } => {}
        Outcome::Stopped { .. } => all.push((Level::Warning, wording::outcome(ending.outcome))),
        Outcome::Failed { .. } => all.push((Level::Error, wording::outcome(ending.outcome))),
    }
    for verdict in ending.verdicts {
        if !verdict.holds() {
            all.push((Level::Error, format!("gate {verdict}")));
        }
    }
    for warning in &ending.store.warnings {
        all.push((Level::Warning, warning.message.clone()));
    }
    for (name, metrics) in metrics::summary(ending.store) {
        all.push((Level::Notice, format!("{name}: {}", metrics.join("  "))));
    }
    all.sort_by_key(|(level, _)| *level);
    let more = all.len().saturating_sub(MAX_ANNOTATIONS);
    if more > 0 {
        all.truncate(MAX_ANNOTATIONS - 1);
        let message = format!("{} more are in the run's journal", more + 1);
        all.push((Level::Notice, message));
    }
    all
}

/// A workflow command. Percent signs and line ends have a meaning in its message
/// and are escaped as GitHub's own toolkit does (`actions/toolkit`,
/// `core/src/command.ts`); its title is always the same.
fn command(level: Level, message: &str) -> String {
    let name = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
    };
    let message = clean_text(message)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A");
    format!("::{name} title=workbench::{message}")
}

/// Text that stays inside its cell and is no markup.
fn cell(text: &str) -> String {
    clean_line(&text.replace(['\n', '\r'], " "))
        .replace('\\', "\\\\")
        .replace('|', "\\|")
        .replace('<', "&lt;")
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "github_tests.rs"]
mod tests;
