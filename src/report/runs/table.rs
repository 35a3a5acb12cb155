//! A table of runs.
//!
//! ```text
//! run                                      state       done    best    last
//! cifar10-adaptive-20260102-101500-a1b2c3  completed  100 %  89.1 %  88.9 %
//!   ! read in part: journal.jsonl: …
//! ```

use serde_json::Value;

use super::json::{ListedRun, pretty};
use super::{GAP, grid};
use crate::format::{shorten, width_of};
use crate::listing::{Field, Fields, Subject, columns};

/// Cells of a field's value where there is not room for everything.
const LONGEST: usize = 24;

/// A table of these runs with the columns that a person chose; of as many columns
/// as fit into `most` cells, of all where nothing limits them. `fields` are those
/// of all runs.
#[must_use]
pub fn table(runs: &[Subject], chosen: &[Field], fields: &Fields, most: Option<usize>) -> String {
    let columns = columns(chosen.iter().cloned());
    let mut rows = vec![columns.iter().map(|field| field.title(fields)).collect()];
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
    let shown = fitting(&rows, most);
    for row in &mut rows {
        row.truncate(shown);
    }
    let text = grid(&rows, &is_right[..shown]);
    let mut lines = text.lines();
    let mut text = String::new();
    text.extend(lines.next().map(|line| format!("{line}\n")));
    for (line, run) in lines.zip(runs) {
        text.push_str(&format!("{line}\n"));
        let problems = run.run.problems.iter().chain(&run.run.store.problems);
        text.extend(problems.map(|problem| format!("  ! read in part: {problem}\n")));
    }
    text
}

fn is_number(run: &Subject, path: &str) -> bool {
    run.config
        .get(path)
        .is_none_or(|text| text.parse::<f64>().is_ok())
}

/// How many columns fit; the first always.
fn fitting(rows: &[Vec<String>], most: Option<usize>) -> usize {
    let columns = rows.first().map_or(0, Vec::len);
    let Some(most) = most else {
        return columns;
    };
    let mut taken = 0;
    for at in 0..columns {
        let widest = rows.iter().map(|row| width_of(&row[at])).max();
        taken += widest.unwrap_or(0) + if at == 0 { 0 } else { GAP };
        if taken > most {
            return at.max(1);
        }
    }
    columns
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
    let listed: Vec<Value> = runs
        .iter()
        .map(|run| serde_json::to_value(ListedRun::of(run, chosen, fields)))
        .collect::<Result<_, _>>()?;
    pretty(&listed)
}
