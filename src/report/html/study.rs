//! What the variants of a study come to, in the report of its runs.

use std::fmt::Write as _;

use super::accuracy;
use super::chart::Curve;
use super::images::data_uri;
use super::markup::{Table, escaped, folded, preformatted};
use crate::listing::Subject;
use crate::report::study::{Grid, difference_title, differences, notes, results, svg, text};
use crate::study::StudyTable;
use crate::study::wording::conditions;

/// The study's part of the report, with the picture and the table behind it.
pub(super) fn section(table: &StudyTable) -> String {
    let mut html = format!(
        "<h1>{}</h1>\n<p>{}</p>\n<h2>Variants</h2>\n",
        escaped(&table.study),
        escaped(&conditions(table))
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
    // All but the name of the variant stays in a line.
    let titles: Vec<(&str, bool)> = titles.map(|(at, title)| (title.as_str(), at > 0)).collect();
    let mut table = Table::new(caption, &titles).with_wrapped_names();
    for row in rows {
        table.row(row.iter().cloned());
    }
    table.html()
}

/// The accuracy of each variant by epoch: the mean of its runs at the epochs that all of them have.
pub(super) fn curves(table: &StudyTable, runs: &[Subject]) -> Vec<Curve> {
    let rows = table.rows.iter();
    let curves = rows.map(|row| {
        let of_row = |run: &&Subject| row.runs.iter().any(|known| known.run == run.name);
        let runs: Vec<Curve> = runs.iter().filter(of_row).map(accuracy).collect();
        // A run that a person had evaluated once more has points of its own.
        let at_epoch = |run: &Curve, epoch: f64| {
            let mut points = run.points.iter();
            points.find(|(at, _)| *at == epoch).map(|(_, value)| *value)
        };
        let epochs = runs.first().into_iter().flat_map(|run| &run.points);
        let points = epochs.filter_map(|(epoch, _)| {
            let values = runs.iter().map(|run| at_epoch(run, *epoch));
            let sum: f64 = values.sum::<Option<f64>>()?;
            Some((*epoch, sum / runs.len() as f64))
        });
        Curve {
            name: row.variant.clone(),
            points: points.collect(),
        }
    });
    curves.collect()
}
