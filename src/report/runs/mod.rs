//! Runs without a screen: a table of them, everything about one, and what
//! differs between several; each as text and as JSON.

mod bench;
mod comparison;
mod int8;
mod json;
mod page;
mod table;
#[cfg(test)]
mod tests;

pub use bench::bench_table;
pub use comparison::{comparison, comparison_json};
pub use int8::{int8_markdown, int8_tables};
pub(super) use page::{HEAD, state, verdicts};
pub use page::{page, page_json};
pub use table::{table, table_json};

use crate::format::width_of;
use crate::untrusted::clean_line;

/// Cells between two columns.
const GAP: usize = 2;

/// Rows of cells below one another, a line each; numbers end together.
pub(super) fn grid(rows: &[Vec<String>], is_right: &[bool]) -> Vec<String> {
    let clean = |row: &Vec<String>| {
        row.iter()
            .map(|cell| clean_line(cell).into_owned())
            .collect()
    };
    let rows: Vec<Vec<String>> = rows.iter().map(clean).collect();
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| width_of(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..is_right.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for ((cell, width), is_right) in row.iter().zip(&widths).zip(is_right) {
            let spare = " ".repeat(width - width_of(cell));
            let parts = if *is_right {
                [&spare, cell]
            } else {
                [cell, &spare]
            };
            line.extend(parts.map(String::as_str));
            line.push_str(&" ".repeat(GAP));
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Lines as a text.
pub(super) fn text_of(lines: impl IntoIterator<Item = String>) -> String {
    lines.into_iter().map(|line| line + "\n").collect()
}
