//! What the variants of a study come to, for people and for spreadsheets.
//!
//! ```text
//! shapes: 12 student passes, seeds 1, 2, 3
//!
//! variant     seeds   valid top-1 (best)  test top-1 (best)  passes  time
//! vanilla     3 of 3      88.2 ± 0.4 %       87.9 ± 0.6 %        12  8.1 s
//! multi-view  3 of 3      89.4 ± 0.3 %       89.0 ± 0.5 %        12  8.9 s
//!
//! Difference from vanilla, points
//! multi-view  3       +1.2 [+0.4, +2.0]   +1.1 [+0.2, +1.9]
//! ```

use std::fmt::Write as _;

use crate::experiment::metric::ValidMetric;
use crate::format::{MISSING, count, duration, milliseconds, number, plural};
use crate::report::runs::{grid, text_of};
use crate::study::table::VariantRow;
use crate::study::wording::{conditions, difference_unit, difference_words, spread_words, title};
use crate::study::{CONFIDENCE, Compared, Difference, StudyTable};
use crate::untrusted::clean_line;

/// Titles and rows.
pub(in crate::report) struct Grid {
    pub(in crate::report) rows: Vec<Vec<String>>,
    /// Columns that stand on the left.
    pub(in crate::report) left: usize,
}

/// The table for a terminal.
#[must_use]
pub fn text(table: &StudyTable) -> String {
    let grid_of = |of: &Grid| {
        let columns = of.rows[0].len();
        let is_right: Vec<bool> = (0..columns).map(|at| at >= of.left).collect();
        text_of(grid(&of.rows, &is_right))
    };
    let mut text = format!("{}\n\n{}", head(table), grid_of(&results(table)));
    if let Some(differences) = differences(table) {
        let title = difference_title(table);
        let _ = write!(text, "\n{title}\n\n{}", grid_of(&differences));
    }
    let notes = notes(table).into_iter();
    let remarks = table.remarks.iter().map(|remark| format!("! {remark}"));
    text + "\n" + &text_of(notes.chain(remarks))
}

/// The table in Markdown.
#[must_use]
pub fn markdown(table: &StudyTable) -> String {
    let grid_of = |of: &Grid| {
        let cell = |cell: &String| clean_line(cell).replace('|', "\\|");
        let line = |row: &Vec<String>| {
            let cells: Vec<String> = row.iter().map(cell).collect();
            format!("| {} |", cells.join(" | "))
        };
        let mut lines: Vec<String> = of.rows.iter().map(line).collect();
        let columns = 0..of.rows[0].len();
        let rule = columns.map(|at| if at < of.left { "---|" } else { "--:|" });
        lines.insert(1, format!("|{}", rule.collect::<String>()));
        text_of(lines)
    };
    let mut text = format!("{}\n\n{}", head(table), grid_of(&results(table)));
    if let Some(differences) = differences(table) {
        let title = difference_title(table);
        let _ = write!(text, "\n{title}:\n\n{}", grid_of(&differences));
    }
    let lines = notes(table).into_iter().chain(table.remarks.clone());
    text + "\n" + &text_of(lines.map(|line| format!("- {}", clean_line(&line))))
}

/// A line of titles and one for every variant, numbers in full; shares as fractions.
///
/// # Errors
/// If the table cannot be written.
pub fn csv(table: &StudyTable) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut titles: Vec<String> = ["variant", "baseline", "seeds", "seeds_planned"]
        .map(str::to_owned)
        .to_vec();
    let quantity = table.metric.quantity();
    for compared in Compared::ALL {
        let name = compared.metric(quantity);
        let parts = ["mean", "std", "difference", "low", "high"];
        titles.extend(parts.map(|part| format!("{name} {part}")));
    }
    let costs = [
        "passes",
        "seconds",
        "seconds_std",
        "parameters",
        "latency_ms",
    ];
    titles.extend(costs.map(str::to_owned));
    writer.write_record(&titles)?;
    let text = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for (at, row) in table.rows.iter().enumerate() {
        let is_baseline = at == table.baseline;
        let mut cells = vec![
            name_cell(&row.variant),
            is_baseline.to_string(),
            row.runs.len().to_string(),
            table.seeds.len().to_string(),
        ];
        for compared in Compared::ALL {
            let spread = row.spread(|run| run.value(compared));
            let difference = row.difference(table.baseline(), compared);
            let interval = difference.and_then(|difference| difference.interval);
            cells.extend([
                text(spread.map(|spread| spread.mean)),
                text(spread.and_then(|spread| spread.std)),
                text(difference.map(|difference| difference.mean)),
                text(interval.map(|(low, _)| low)),
                text(interval.map(|(_, high)| high)),
            ]);
        }
        let seconds = row.spread(|run| run.seconds);
        cells.extend([
            text(row.spread(|run| run.passes).map(|it| it.mean)),
            text(seconds.map(|it| it.mean)),
            text(seconds.and_then(|it| it.std)),
            row.parameters()
                .map_or_else(String::new, |it| it.to_string()),
            text(row.spread(|run| run.latency_ms).map(|it| it.mean)),
        ]);
        writer.write_record(&cells)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A name as a cell: what begins like a formula is taken for one by a spreadsheet.
fn name_cell(name: &str) -> String {
    let name = clean_line(name);
    if name.starts_with(['=', '+', '-', '@']) {
        format!("'{name}")
    } else {
        name.into_owned()
    }
}

/// `shapes: 12 student passes, seeds 1, 2, 3`.
fn head(table: &StudyTable) -> String {
    format!("{}: {}", clean_line(&table.study), conditions(table))
}

pub(in crate::report) fn results(table: &StudyTable) -> Grid {
    let compared = table.compared();
    let mut titles = vec!["variant".to_owned(), "seeds".to_owned()];
    titles.extend(compared.iter().map(|it| title(*it, table.metric)));
    titles.extend(["passes", "time", "parameters"].map(str::to_owned));
    titles.extend(table.processor.as_ref().map(|_| "latency p50".to_owned()));
    let mut rows = vec![titles];
    for row in &table.rows {
        let missing = || MISSING.to_owned();
        let mut cells = vec![
            row.variant.clone(),
            format!("{} of {}", row.runs.len(), table.seeds.len()),
        ];
        cells.extend(compared.iter().map(|compared| {
            let spread = row.spread(|run| run.value(*compared));
            spread.map_or_else(missing, |spread| spread_words(spread, table.metric))
        }));
        let passes = row.spread(|run| run.passes);
        let time = row.spread(|run| run.seconds);
        cells.extend([
            passes.map_or_else(missing, |it| number(it.mean)),
            time.map_or_else(missing, |it| duration(it.mean)),
            row.parameters().map_or_else(missing, count),
        ]);
        if table.processor.is_some() {
            let latency = row.spread(|run| run.latency_ms);
            cells.push(latency.map_or_else(missing, |it| milliseconds(it.mean)));
        }
        rows.push(cells);
    }
    Grid { rows, left: 2 }
}

/// None without a second variant that has a seed of the baseline.
pub(in crate::report) fn differences(table: &StudyTable) -> Option<Grid> {
    let compared = table.compared();
    let mut titles = vec!["variant".to_owned(), "pairs".to_owned()];
    titles.extend(compared.iter().map(|it| title(*it, table.metric)));
    let mut rows = vec![titles];
    for (_, row) in others(table) {
        let found = compared
            .iter()
            .map(|it| row.difference(table.baseline(), *it));
        let found: Vec<Option<Difference>> = found.collect();
        let pairs = found.iter().flatten().map(|it| it.seeds).max();
        let Some(pairs) = pairs else {
            continue;
        };
        let mut cells = vec![row.variant.clone(), pairs.to_string()];
        cells.extend(found.into_iter().map(|difference| {
            difference.map_or_else(
                || MISSING.to_owned(),
                |difference| difference_words(difference, table.metric),
            )
        }));
        rows.push(cells);
    }
    (rows.len() > 1).then_some(Grid { rows, left: 2 })
}

fn others(table: &StudyTable) -> impl Iterator<Item = (usize, &VariantRow)> {
    let rows = table.rows.iter().enumerate();
    rows.filter(|(at, _)| *at != table.baseline)
}

/// Whether the bootstrap is over test images, too.
fn of_images(table: &StudyTable) -> &'static str {
    let base = table.baseline();
    let has_pairs = |row: &VariantRow| !row.pairs(base, Compared::Test).is_empty();
    let mut others = others(table).filter(|(_, row)| has_pairs(row)).peekable();
    if others.peek().is_none() || table.metric != ValidMetric::Top1 {
        "images are not resampled"
    } else if others.all(|(_, row)| row.image_pairs(base).is_some()) {
        "on the test images, over these as well"
    } else {
        "test images are resampled where all runs of a difference kept which of them are right"
    }
}

/// What the numbers are, below the tables.
pub(in crate::report) fn notes(table: &StudyTable) -> Vec<String> {
    let mut notes = vec![format!(
        "mean ± standard deviation (n − 1) over seeds; best: the weights that {} chooses",
        table.metric
    )];
    if table.rows.len() > 1 {
        notes.push(format!(
            "differences are paired by seed, with the {:.0} % interval of a percentile bootstrap over \
             seeds; {}",
            CONFIDENCE * 100.0,
            of_images(table)
        ));
    }
    if let Some(processor) = &table.processor {
        notes.push(format!("latency: batch 1, 1 thread, {processor}"));
    }
    let left: usize = table
        .rows
        .iter()
        .map(|row| table.seeds.len().saturating_sub(row.runs.len()))
        .sum();
    if left > 0 {
        let runs = plural(left, "run is not", "runs are not");
        notes.push(format!("{runs} complete"));
    }
    notes
}

pub(in crate::report) fn difference_title(table: &StudyTable) -> String {
    let unit = difference_unit(table.metric);
    let baseline = clean_line(&table.baseline().variant).into_owned();
    format!("Difference from {baseline}{unit}")
}
