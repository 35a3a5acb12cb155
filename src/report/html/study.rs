//! What the variants of a study come to, in the report of its runs.

use std::fmt::Write as _;

use super::images::data_uri;
use super::markup::{Table, escaped, folded, preformatted};
use crate::report::study::{Grid, difference_title, differences, head, notes, results, svg, text};
use crate::study::StudyTable;

/// The study's part of the report, with the picture and the table behind it.
pub(super) fn section(table: &StudyTable) -> String {
    let mut html = format!(
        "<h1>{}</h1>\n<p>{}</p>\n<h2>Variants</h2>\n",
        escaped(&table.study),
        escaped(&head(table))
    );
    html += &as_table("Variants", &results(table));
    if let Some(differences) = differences(table) {
        let title = difference_title(table);
        // Writing to a string can't fail, here and below.
        let _ = writeln!(html, "<h3>{}</h3>", escaped(&title));
        html += &as_table(&title, &differences);
    }
    if !table.compared().is_empty() {
        let source = data_uri("image/svg+xml", svg(table).as_bytes());
        let alt = "every seed of every variant as a dot, and the differences with their intervals";
        let _ = writeln!(html, "<figure><img src=\"{source}\" alt=\"{alt}\">");
        html += &folded("Numbers", &preformatted(&text(table)));
        html += "</figure>\n";
    }
    let remarks = table.remarks.iter().map(|remark| format!("! {remark}"));
    let lines = notes(table).into_iter().chain(remarks);
    html += "<ul>\n";
    for line in lines {
        let _ = writeln!(html, "<li>{}</li>", escaped(&line));
    }
    html + "</ul>\n"
}

fn as_table(caption: &str, grid: &Grid) -> String {
    let Some((titles, rows)) = grid.rows.split_first() else {
        return String::new();
    };
    let titles = titles.iter().enumerate();
    let titles: Vec<(&str, bool)> = titles
        .map(|(at, title)| (title.as_str(), at >= grid.left))
        .collect();
    let mut table = Table::new(caption, &titles);
    for row in rows {
        table.row(row.iter().cloned());
    }
    table.html()
}
