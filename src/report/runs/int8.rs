//! What a student with 8-bit integers is worth beside what it was made from, and the
//! schemes that were tried, as tables.

use super::{grid, text_of};
use crate::event::{Int8, PrecisionModel, PrecisionRow, QuantTrial};
use crate::format::{MISSING, bytes, loss, milliseconds, percent};
use crate::report::wording::scheme_cells;

/// A table: titles, then rows, and how many columns stand on the left.
struct Table {
    rows: Vec<Vec<String>>,
    left: usize,
}

/// Both tables, for a terminal.
#[must_use]
pub fn int8_tables(int8: &Int8) -> String {
    let text = |table: Table| {
        let columns = table.rows[0].len();
        let is_right: Vec<bool> = (0..columns).map(|at| at >= table.left).collect();
        text_of(grid(&table.rows, &is_right))
    };
    format!("\n{}\n{}", text(models(int8)), text(schemes(int8)))
}

/// Both tables, in Markdown.
#[must_use]
pub fn int8_markdown(int8: &Int8) -> String {
    let text = |table: Table| {
        let line = |row: &Vec<String>| format!("| {} |", row.join(" | "));
        let mut lines: Vec<String> = table.rows.iter().map(line).collect();
        let columns = 0..table.rows[0].len();
        let rule = columns.map(|at| if at < table.left { "---|" } else { "--:|" });
        lines.insert(1, format!("|{}", rule.collect::<String>()));
        text_of(lines)
    };
    format!("{}\n{}", text(models(int8)), text(schemes(int8)))
}

fn models(int8: &Int8) -> Table {
    let titles = [
        "model",
        "top-1",
        "agrees with teacher",
        "with fp32",
        "file size",
        "p50",
        "engine",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(int8.rows.iter().map(model_cells));
    Table { rows, left: 1 }
}

fn model_cells(row: &PrecisionRow) -> Vec<String> {
    let model = match row.model {
        PrecisionModel::Teacher => "teacher",
        PrecisionModel::Fp32 => "fp32",
        PrecisionModel::Fp16 => "fp16",
        PrecisionModel::Int8 => "int8",
    };
    let share = |share: Option<f64>| share.map_or_else(|| MISSING.to_owned(), percent);
    vec![
        model.to_owned(),
        share(row.top1),
        share(row.teacher_agreement),
        share(row.agreement),
        row.bytes.map_or_else(|| MISSING.to_owned(), bytes),
        row.p50_ms
            .map_or_else(|| "not measured".to_owned(), milliseconds),
        row.engine.clone().unwrap_or_else(|| MISSING.to_owned()),
    ]
}

fn schemes(int8: &Int8) -> Table {
    let titles = [
        "",
        "weights",
        "activations",
        "fp32 layers",
        "top-1",
        "with fp32",
        "max difference",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(int8.trials.iter().map(|trial| {
        let is_chosen = trial.scheme == int8.scheme;
        trial_cells(trial, is_chosen)
    }));
    Table { rows, left: 4 }
}

fn trial_cells(trial: &QuantTrial, is_chosen: bool) -> Vec<String> {
    let mark = if is_chosen { "→" } else { "" };
    let mut cells = vec![mark.to_owned()];
    cells.extend(scheme_cells(trial.scheme));
    cells.push(trial.top1.map_or_else(|| MISSING.to_owned(), percent));
    cells.push(percent(trial.agreement));
    cells.push(loss(trial.max_difference));
    cells
}
