//! What differs between runs: their metrics, and the fields of their
//! configurations that are not the same in all, adjustments included.
//!
//! ```text
//!                     cifar10-vanilla-…-d4e5f6  cifar10-adaptive-…-a1b2c3
//! valid top-1 (best)  86.8 %                    89.1 %
//! method.temperature  4                         4 → 2.5 at step 812
//! ```

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::json::of_text;
use super::{grid, text_of};
use crate::format::MISSING;
use crate::listing::{COMPARED, Column, Field, Subject};
use crate::store::Config;
use crate::untrusted::json_page;

/// The comparison, a column for each run.
#[must_use]
pub fn comparison(runs: &[Subject]) -> String {
    let row = |label: &str, text: &dyn Fn(&Subject) -> String| {
        let mut row = vec![label.to_owned()];
        row.extend(runs.iter().map(text));
        row
    };
    let mut rows = vec![row("", &|run| run.name.to_owned())];
    let state = Field::Column(Column::State);
    rows.push(row(Column::State.title(), &|run| state.text(run)));
    rows.extend(COMPARED.map(|metric| row(metric.title(), &|run| Field::Column(metric).text(run))));
    if runs.iter().any(|run| run.chosen_by().is_some()) {
        rows.push(row("best chosen by", &|run| run.best_by()));
    }
    rows.push(Vec::new());
    let fields = Config::differing(runs.iter().map(|run| run.config));
    rows.extend(fields.iter().map(|path| {
        row(path, &|run| {
            run.config.get(path).unwrap_or(MISSING).to_owned()
        })
    }));
    let mut lines = grid(&rows, &vec![false; runs.len() + 1]);
    if fields.is_empty() {
        lines.push("The configurations are identical.".to_owned());
    }
    for run in runs {
        let problem = run.run.problem();
        lines.extend(problem.map(|problem| format!("! {}: {problem}", run.name)));
    }
    text_of(lines)
}

/// The same for other programs: an array for each metric and field, in the order
/// of the runs.
#[derive(Debug, Serialize)]
struct Compared<'a> {
    runs: Vec<&'a str>,
    metrics: BTreeMap<&'static str, Vec<Option<f64>>>,
    /// The metric by which the best weights of each were chosen.
    best_by: Vec<String>,
    differences: BTreeMap<&'a str, Vec<Value>>,
    /// What could not be read of each.
    problems: Vec<Option<String>>,
}

/// The same as JSON.
///
/// # Errors
/// If a value has no form in JSON.
pub fn comparison_json(runs: &[Subject]) -> serde_json::Result<String> {
    let metric = |column: Column| {
        let values = runs.iter().map(|run| match column {
            Column::Time => run.metrics.seconds,
            _ => column.metric(run.metrics),
        });
        let name = if column == Column::Time {
            "seconds"
        } else {
            column.name()
        };
        (name, values.collect())
    };
    let field = |path| {
        let values = runs
            .iter()
            .map(|run| of_text(run.config.get(path).unwrap_or(MISSING)));
        (path, values.collect())
    };
    json_page(&Compared {
        runs: runs.iter().map(|run| run.name).collect(),
        metrics: COMPARED.into_iter().map(metric).collect(),
        best_by: runs.iter().map(Subject::best_by).collect(),
        differences: Config::differing(runs.iter().map(|run| run.config))
            .into_iter()
            .map(field)
            .collect(),
        problems: runs.iter().map(|run| run.run.problem()).collect(),
    })
}
