//! A table of runs.
//!
//! ```text
//! run                                      state       done    best    last
//! cifar10-adaptive-20260102-101500-a1b2c3  completed  100 %  89.1 %  88.9 %
//!   best chosen by valid/macro_f1
//!   ! problem: journal.jsonl: …
//!
//! best = valid top-1 (best)  last = valid top-1 (last)
//! ```

use super::json::ListedRun;
use super::{GAP, grid, text_of};
use crate::format::{shorten, width_of};
use crate::listing::{Field, Fields, Subject, columns, legend};
use crate::untrusted::json_page;

/// Cells of a field's value where there is not room for everything.
const LONGEST: usize = 24;

/// A table of these runs with the columns that a person chose; of as many columns
/// as fit into `most` cells, of all where nothing limits them. `fields` are those
/// of all runs.
#[must_use]
pub fn table(runs: &[Subject], chosen: &[Field], fields: &Fields, most: Option<usize>) -> String {
    let columns = columns(chosen.iter().cloned());
    let titles = columns.iter().map(|field| field.title(fields));
    let mut rows = vec![titles.collect::<Vec<String>>()];
    let text = |field: &Field, run: &Subject| match field {
        Field::Setting(_) if most.is_some() => shorten(&field.text(run), LONGEST),
        _ => field.text(run),
    };
    let texts = |run: &Subject| columns.iter().map(|field| text(field, run)).collect();
    rows.extend(runs.iter().map(texts));
    let is_right: Vec<bool> = columns
        .iter()
        .map(|field| match field {
            Field::Setting(path) => runs.iter().all(|run| is_number(run, path)),
            _ => field.is_number(),
        })
        .collect();
    let mut shown = fitting(&rows, &columns, chosen, most);
    let is_narrow = shown.len() < columns.len();
    if is_narrow {
        let titles = columns.iter().map(|field| field.short_title(fields));
        rows[0] = titles.collect();
        shown = fitting(&rows, &columns, chosen, most);
    }
    let shown = shown;
    let kept = |row: &Vec<String>| shown.iter().map(|&at| row[at].clone()).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(kept).collect();
    let is_right: Vec<bool> = shown.iter().map(|&at| is_right[at]).collect();
    let mut table = grid(&rows, &is_right).into_iter();
    let mut lines: Vec<String> = table.next().into_iter().collect();
    for (line, run) in table.zip(runs) {
        lines.push(line);
        let chosen_by = run.chosen_by();
        lines.extend(chosen_by.map(|metric| format!("  best chosen by {metric}")));
        let problems = run.run.all_problems();
        lines.extend(problems.map(|problem| format!("  ! problem: {problem}")));
    }
    if is_narrow {
        lines.push(String::new());
        let legend = legend(shown.iter().map(|&at| &columns[at]));
        lines.extend(lines_of(&legend, most.unwrap_or(usize::MAX)));
    }
    text_of(lines)
}

/// Texts beside one another, in lines of at most so many cells where they fit.
fn lines_of(texts: &[String], most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for text in texts {
        match lines.last_mut() {
            Some(line) if width_of(line) + GAP + width_of(text) <= most => {
                line.push_str(&" ".repeat(GAP));
                line.push_str(text);
            }
            _ => lines.push(text.clone()),
        }
    }
    lines
}

fn is_number(run: &Subject, path: &str) -> bool {
    let text = run.config.get(path);
    text.is_none_or(|text| text.parse::<f64>().is_ok())
}

/// The columns that fit, by their numbers: the name and what was chosen always, of
/// the others the first.
fn fitting(
    rows: &[Vec<String>],
    columns: &[Field],
    chosen: &[Field],
    most: Option<usize>,
) -> Vec<usize> {
    let width = |at: usize| rows.iter().map(|row| width_of(&row[at])).max().unwrap_or(0);
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    while let Some(most) = most
        && shown.iter().map(|&at| width(at) + GAP).sum::<usize>() > most + GAP
        && let Some(last) = shown
            .iter()
            .rposition(|&at| at > 0 && !chosen.contains(&columns[at]))
    {
        shown.remove(last);
    }
    shown
}

/// The same as a JSON array, with every column.
///
/// # Errors
/// If a value has no form in JSON.
pub fn table_json(
    runs: &[Subject],
    chosen: &[Field],
    fields: &Fields,
) -> serde_json::Result<String> {
    let listed = runs.iter().map(|run| ListedRun::of(run, chosen, fields));
    json_page(&listed.collect::<Vec<_>>())
}
