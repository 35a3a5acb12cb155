//! Runs without a screen: a table of them, everything about one, and what
//! differs between several; each as text and as JSON.

mod comparison;
mod json;
mod page;
mod table;
#[cfg(test)]
mod tests;

pub use comparison::{comparison, comparison_json};
pub use page::{page, page_json};
pub use table::{table, table_json};

use crate::format::width_of;

/// Cells between two columns.
const GAP: usize = 2;

/// Rows of cells below one another; numbers end together.
fn grid(rows: &[Vec<String>], is_right: &[bool]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        cells.map(|cell| width_of(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..is_right.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((cell, width), is_right) in row.iter().zip(&widths).zip(is_right) {
            let spare = " ".repeat(width - width_of(cell));
            let (before, after) = if *is_right {
                (spare, String::new())
            } else {
                (String::new(), spare)
            };
            line.push_str(&format!("{before}{cell}{after}{}", " ".repeat(GAP)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
