//! Everything about one run: what it was, its metrics, gates and adjustments.

use super::json::ShownRun;
use super::{grid, text_of};
use crate::event::Outcome;
use crate::experiment::section;
use crate::experiment::spec::Spec;
use crate::format::MISSING;
use crate::listing::{Column, Field, Subject, Verdict, trained_words};
use crate::report::wording::speed_words;
use crate::report::{evaluate_gates, event_formatter, metrics};
use crate::untrusted::{Show as _, json_page};

/// What of a run stands at the beginning.
pub(in crate::report) const HEAD: [(&str, Column); 7] = [
    ("experiment", Column::Experiment),
    ("method", Column::Method),
    ("device", Column::Device),
    ("started, UTC", Column::Started),
    ("done", Column::Done),
    ("tags", Column::Tags),
    ("note", Column::Note),
];

/// The page. `spec` is what its experiment says, if it can be read.
#[must_use]
pub fn page(run: &Subject, spec: Option<&Spec>) -> String {
    let (entry, store) = (run.run, &run.run.store);
    let mut head = vec![("state", state(run))];
    let problems = entry.all_problems();
    head.extend(problems.map(|problem| ("problem", problem.clone())));
    head.extend(HEAD.map(|(label, column)| (label, Field::Column(column).text(run))));
    if run.forked().is_some() {
        head.push(("forked from", Field::Column(Column::Forked).text(run)));
    }
    if run.study().is_some() {
        head.push(("study", Field::Column(Column::Study).text(run)));
    }
    let trained = trained_words(run.metrics.seconds, run.metrics.teacher_seconds);
    head.push(("trained", trained.unwrap_or_else(|| MISSING.to_owned())));
    head.push(("folder", entry.folder.path().shown().to_string()));
    let title = run.name.shown().to_string();
    let mut text = section(&title, &head).trim_start().to_owned();

    let lines = event_formatter::facts(store);
    let facts: Vec<(&str, String)> = lines
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(label, text)| (label, text.to_owned()))
        .collect();
    let mut add = |title: &str, rows: &[(&str, String)]| {
        if !rows.is_empty() {
            text.push_str(&section(title, rows));
        }
    };
    add("Images and models", &facts);
    let metrics = metrics::summary(store).into_iter();
    let metrics: Vec<_> = metrics
        .map(|(name, metrics)| (name, metrics.join("  ")))
        .collect();
    add("Metrics", &metrics);
    let results = run.run.bench.iter().map(|result| &result.measurement);
    let speeds = results.filter_map(speed_words);
    let speeds: Vec<_> = speeds.map(|speed| ("student", speed)).collect();
    add("Speed", &speeds);
    let verdicts = verdicts(run, spec);
    if !verdicts.is_empty() {
        text.push_str(&section("Gates", &[]));
        text.extend(verdicts.iter().map(|verdict| format!("  {verdict}\n")));
    }
    add_fields("Changed while training", run.config.changed(), &mut text);
    let fields = run.config.paths();
    let fields = fields.filter_map(|path| Some((path, run.config.get(path)?)));
    add_fields("Configuration", fields, &mut text);
    text
}

/// Fields of a configuration, their values below one another.
fn add_fields<'a>(
    title: &str,
    fields: impl Iterator<Item = (&'a str, &'a str)>,
    text: &mut String,
) {
    let rows = fields.map(|(path, value)| vec![format!("  {path}"), value.to_owned()]);
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        text.push_str(&section(title, &[]));
        text.push_str(&text_of(grid(&rows, &[false, false])));
    }
}

/// The state, and why it is that.
pub(in crate::report) fn state(run: &Subject) -> String {
    let word = run.run.state().word();
    match run.run.store.outcome() {
        Some(early @ Outcome::StoppedEarly { .. }) => format!("{word}: {}", early.words()),
        Some(stopped @ Outcome::Stopped { .. }) => stopped.words(),
        Some(Outcome::Failed { message }) => format!("{word}: {message}"),
        _ => word.to_owned(),
    }
}

pub(in crate::report) fn verdicts(run: &Subject, spec: Option<&Spec>) -> Vec<Verdict> {
    let store = &run.run.store;
    let completed = store.outcome().is_some_and(Outcome::is_completed);
    evaluate_gates(run.gates(spec), store, completed)
}

/// The same as JSON.
///
/// # Errors
/// If a value has no form in JSON.
pub fn page_json(run: &Subject, spec: Option<&Spec>) -> serde_json::Result<String> {
    json_page(&ShownRun::of(run, &verdicts(run, spec)))
}
