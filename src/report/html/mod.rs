//! Runs as one HTML file to be sent to others: it needs no network and no program but a
//! browser, is read in light and in dark and printed, and has a table behind every
//! picture.
//!
//! All of it is what the runs' folds, plans and probes have; nothing is evaluated again.

mod chart;
mod images;
pub(super) mod markup;
mod run;
mod study;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use crate::event::inspection::Probe;
use crate::event::{Phase, Split};
use crate::experiment::spec::Spec;
use crate::listing::{COMPARED, Column, Field, Pareto, ParetoCost, Subject};
use crate::report::pareto;
use crate::store::Config;
use crate::study::StudyTable;
use crate::untrusted::clean_line;

use self::chart::{Chart, Curve, Unit};
use self::images::data_uri;
use self::markup::{Table, escaped, folded, preformatted};

const STYLE: &str = include_str!("style.css");

/// Probe images of all runs together, at most, so that the file stays small.
const IMAGES: usize = 48;

/// Of one run.
const IMAGES_OF_RUN: usize = 12;

/// What differs is read across so many runs; of more it is folded.
const ACROSS: usize = 6;

/// Points of a curve, and how many runs share them.
const POINTS: usize = 400;
const RUNS_IN_FULL: usize = 4;

/// A run and what of it the report shows.
#[derive(Debug)]
pub struct ReportedRun<'a> {
    /// The run.
    pub run: Subject<'a>,
    /// What its experiment says, if it can be read.
    pub spec: Option<&'a Spec>,
    /// The images that it was watched by.
    pub probe: Option<&'a Probe>,
}

/// How much of each run there is room for.
#[derive(Debug, Clone, Copy)]
struct Room {
    points: usize,
    images: usize,
}

impl Room {
    /// Points of each of so many curves.
    fn points(curves: usize) -> usize {
        POINTS * RUNS_IN_FULL / curves.max(RUNS_IN_FULL)
    }
}

/// The file. Runs stand in the order in which they are given.
#[must_use]
pub fn html(runs: &[ReportedRun]) -> String {
    let title = match runs {
        [only] => only.run.name.to_owned(),
        runs => format!("{} runs", runs.len()),
    };
    let heading = if runs.len() > 1 {
        format!("<h1>{}</h1>\n", escaped(&title))
    } else {
        String::new()
    };
    page(&title, &heading, None, runs)
}

/// The file of a study: what its variants come to, and its runs.
#[must_use]
pub fn study_html(table: &StudyTable, runs: &[ReportedRun]) -> String {
    let title = clean_line(&table.study);
    page(&title, &study::section(table), Some(table), runs)
}

/// A page that begins with this, of a study or not.
fn page(title: &str, beginning: &str, study: Option<&StudyTable>, runs: &[ReportedRun]) -> String {
    let room = Room {
        points: Room::points(runs.len()),
        images: (IMAGES / runs.len().max(1)).min(IMAGES_OF_RUN),
    };
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<meta name=\"generator\" content=\"{} {}\">\n<title>{}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
        escaped(title)
    );
    html += beginning;
    if runs.len() > 1 {
        let subjects: Vec<Subject> = runs.iter().map(|run| run.run).collect();
        html += &compared(&subjects, study);
    }
    for (at, run) in runs.iter().enumerate() {
        html += &run::section(run, at, !beginning.is_empty(), room);
    }
    html + "</main>\n</body>\n</html>\n"
}

/// What several runs, of a study or not, have in common and what not.
fn compared(runs: &[Subject], study: Option<&StudyTable>) -> String {
    let mut titles = vec![("", false)];
    titles.extend(COMPARED.map(|column| (column.title(), true)));
    let mut metrics = Table::new("Metrics", &titles);
    for run in runs {
        let cells = COMPARED.map(|column| Field::Column(column).text(run));
        metrics.row(std::iter::once(run.name.to_owned()).chain(cells));
    }
    let mut html = String::from("<h2>Metrics</h2>\n");
    html += &metrics.html();
    html += "<nav><ul>\n";
    for (at, run) in runs.iter().enumerate() {
        let name = escaped(run.name);
        // Writing to a string can't fail.
        let _ = writeln!(html, "<li><a href=\"#run-{at}\">{name}</a></li>");
    }
    html += "</ul></nav>\n";
    html += "<h2>What differs</h2>\n";
    let fields = Config::differing(runs.iter().map(|run| run.config));
    let mut titles = vec![("field", false)];
    titles.extend(runs.iter().map(|run| (run.name, false)));
    let mut differences = Table::new("What differs", &titles);
    for field in fields {
        let values = runs.iter().map(|run| {
            let value = run.config.get(field);
            value.unwrap_or(crate::format::MISSING).to_owned()
        });
        differences.row(std::iter::once(field.to_owned()).chain(values));
    }
    if differences.is_empty() {
        html += "<p>The configurations are identical.</p>\n";
    } else if runs.len() > ACROSS {
        let fields = format!("Fields of {} runs", runs.len());
        html += &folded(&fields, &differences.html());
    } else {
        html += &differences.html();
    }
    html += "<h2>Validation accuracy</h2>\n";
    let title = Column::Last.title();
    let curves = match study {
        Some(table) => study::curves(table, runs),
        None => runs.iter().map(accuracy).collect(),
    };
    let chart = Chart {
        title: match study {
            Some(_) => format!("{title}, mean of the seeds that are complete"),
            None => title.to_owned(),
        },
        unit: Unit::Share,
        most: Room::points(curves.len()),
        curves,
        marks: &[],
    };
    html += &chart.html();
    html + &cost(runs)
}

/// The accuracy of a run's student by epoch.
fn accuracy(run: &Subject) -> Curve {
    Curve {
        name: run.name.to_owned(),
        points: run::top1(&run.run.store, Phase::Student),
    }
}

/// What accuracy costs, by whatever is known of two runs at least and is not the same of all.
fn cost(runs: &[Subject]) -> String {
    let costs = ParetoCost::all(runs).into_iter();
    let pictures = costs.map(|cost| Pareto::of(runs, cost, Split::Valid));
    let differs = |picture: &Pareto| {
        let mut costs = picture.points.windows(2);
        costs.any(|pair| pair[0].cost != pair[1].cost)
    };
    let mut pictures = pictures.filter(differs);
    let Some(picture) = pictures.next() else {
        return String::new();
    };
    let source = data_uri("image/svg+xml", pareto::svg(&picture).as_bytes());
    format!(
        "<h2>What accuracy costs</h2>\n<figure><img src=\"{source}\" alt=\"{}\">\n{}</figure>\n",
        escaped(&format!(
            "{} against {}",
            picture.accuracy_title(),
            picture.cost.title()
        )),
        folded("Numbers", &preformatted(&pareto::table(&picture)))
    )
}
