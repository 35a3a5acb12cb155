//! Curves over epochs as an SVG with the same numbers as a table.

use std::fmt::Write as _;

use super::markup::{Table, escaped, folded};
use crate::format::{Axis, MISSING, number, percent, round_percent, short};

/// Width and height of a chart, pixels.
const SIZE: (f64, f64) = (860.0, 260.0);

/// The plot: left, top, right, bottom.
const PLOT: [f64; 4] = [64.0, 12.0, 846.0, 222.0];

/// Ticks across and up.
const TICKS: (usize, usize) = (10, 5);

/// Looks of curves: colours of the style sheet, each with a dash of its own.
const DASHES: [&str; 8] = ["", "7 4", "2 3", "9 3 2 3", "4 2", "12 4", "1 2", "6 2 1 2"];

/// The dash of a curve: after all colours they come again with other dashes.
fn dash(at: usize) -> &'static str {
    DASHES[(at + at / DASHES.len()) % DASHES.len()]
}

/// Rows of a table, at most.
const ROWS: usize = 40;

/// What values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Shares, shown in percent.
    Share,
    /// Numbers.
    Number,
}

/// Values by epoch, in its order.
#[derive(Debug, Clone)]
pub(super) struct Curve {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// Something that happened at an epoch.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) epoch: f64,
    pub(super) words: String,
}

/// Some curves in one plot.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    pub(super) title: String,
    pub(super) unit: Unit,
    pub(super) curves: Vec<Curve>,
    pub(super) marks: &'a [Mark],
    /// Points of a curve that are drawn, at most.
    pub(super) most: usize,
}

impl Unit {
    fn word(self, value: f64) -> String {
        match self {
            _ if value.is_nan() => MISSING.to_owned(),
            Self::Share => percent(value),
            Self::Number => number(value),
        }
    }

    fn tick(self, value: f64) -> String {
        match self {
            Self::Share => round_percent(value),
            Self::Number => short(value),
        }
    }
}

impl Curve {
    /// Means of neighbours, at most so many of them; NaN is in none.
    fn thinned(&self, most: usize) -> Vec<(f64, f64)> {
        let each = self.points.len().div_ceil(most.max(1)).max(1);
        let mean = |points: &[(f64, f64)]| {
            let known = points.iter().filter(|(_, value)| !value.is_nan());
            let (sum, count) = known.fold((0.0, 0.0), |(sum, count), (_, value)| {
                (sum + value, count + 1.0)
            });
            let epochs: f64 = points.iter().map(|(epoch, _)| epoch).sum();
            (epochs / points.len() as f64, sum / count)
        };
        self.points.chunks(each).map(mean).collect()
    }

    /// The value at an epoch, or the last before it.
    fn at(&self, epoch: f64) -> f64 {
        let before = self.points.partition_point(|(known, _)| *known <= epoch);
        before
            .checked_sub(1)
            .map_or(f64::NAN, |at| self.points[at].1)
    }
}

impl Chart<'_> {
    /// The figure; nothing without a point.
    pub(super) fn html(&self) -> String {
        let curves: Vec<&Curve> = self
            .curves
            .iter()
            .filter(|curve| curve.points.iter().any(|(_, value)| value.is_finite()))
            .collect();
        if curves.is_empty() {
            return String::new();
        }
        let mut html = format!("<figure>\n<h3>{}</h3>\n", escaped(&self.title));
        html += "<ul class=\"legend\">";
        for (at, curve) in curves.iter().enumerate() {
            let _ = write!(
                html,
                "<li><svg viewBox=\"0 0 36 10\" aria-hidden=\"true\"><path class=\"curve s{}\" \
                 stroke-dasharray=\"{}\" d=\"M0 5H36\"/></svg>{}</li>",
                at % DASHES.len(),
                dash(at),
                escaped(&curve.name)
            );
        }
        html += "</ul>\n";
        html += &self.svg(&curves);
        let fewer = curves.iter().any(|curve| curve.points.len() > self.most);
        if fewer {
            html += "<figcaption>A point is the mean of neighbouring logged steps.</figcaption>\n";
        }
        html += &folded("Numbers", &self.table(&curves).html());
        html + "</figure>\n"
    }

    fn svg(&self, curves: &[&Curve]) -> String {
        let thinned: Vec<Vec<(f64, f64)>> = curves
            .iter()
            .map(|curve| curve.thinned(self.most))
            .collect();
        let points = || {
            let all = thinned.iter().flatten();
            all.filter(|(_, value)| value.is_finite())
        };
        let bounds = |of: fn(&(f64, f64)) -> f64| {
            points().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| {
                (low.min(of(point)), high.max(of(point)))
            })
        };
        let ((_, last), (low, high)) = (bounds(|point| point.0), bounds(|point| point.1));
        let (x, y) = (
            Axis::new(0.0, last, false),
            Axis::new(low, high, false).with_room(),
        );
        let [left, top, right, bottom] = PLOT;
        let place = |epoch: f64, value: f64| {
            (
                left + x.share(epoch) * (right - left),
                bottom - y.share(value) * (bottom - top),
            )
        };
        let (width, height) = SIZE;
        let mut svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{}, by epoch</title>\n",
            escaped(&self.title)
        );
        for tick in x.ticks(TICKS.0) {
            let (at, _) = place(tick, low);
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{at:.1} {top}V{bottom}\"/><text x=\"{at:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">{}</text>",
                bottom + 16.0,
                short(tick)
            );
        }
        for tick in y.ticks(TICKS.1) {
            let (_, at) = place(0.0, tick);
            if (top..=bottom).contains(&at) {
                let _ = writeln!(
                    svg,
                    "<path class=\"grid\" d=\"M{left} {at:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" \
                     text-anchor=\"end\">{}</text>",
                    left - 6.0,
                    at + 4.0,
                    self.unit.tick(tick)
                );
            }
        }
        let _ = writeln!(
            svg,
            "<path class=\"axis\" fill=\"none\" d=\"M{left} {top}V{bottom}H{right}\"/><text x=\"{right}\" \
             y=\"{:.1}\" text-anchor=\"end\">epoch</text>",
            bottom + 32.0
        );
        for mark in self.marks {
            let (at, _) = place(mark.epoch, low);
            let _ = writeln!(
                svg,
                "<path class=\"mark\" d=\"M{at:.1} {top}V{bottom}\"><title>{}</title></path>",
                escaped(&mark.words)
            );
        }
        for (at, points) in thinned.iter().enumerate() {
            // What is no number is a gap.
            for part in points.split(|(_, value)| !value.is_finite()) {
                if part.is_empty() {
                    continue;
                }
                let mut path = String::new();
                for (step, (epoch, value)) in part.iter().enumerate() {
                    let (x, y) = place(*epoch, *value);
                    let letter = if step == 0 { 'M' } else { 'L' };
                    let _ = write!(path, "{letter}{x:.1} {y:.1}");
                }
                if part.len() == 1 {
                    path += "h0.1";
                }
                let _ = writeln!(
                    svg,
                    "<path class=\"curve s{}\" stroke-linecap=\"round\" stroke-dasharray=\"{}\" d=\"{path}\"/>",
                    at % DASHES.len(),
                    dash(at)
                );
            }
        }
        svg + "</svg>\n"
    }

    /// Values at epochs of the curve that has the most points, as many as there is room for.
    fn table(&self, curves: &[&Curve]) -> Table {
        let mut titles = vec![("epoch", true)];
        titles.extend(curves.iter().map(|curve| (curve.name.as_str(), true)));
        let mut table = Table::new(&self.title, &titles);
        let longest = curves.iter().max_by_key(|curve| curve.points.len());
        let epochs = longest.map_or(&[][..], |curve| &curve.points[..]);
        let each = epochs.len().div_ceil(ROWS).max(1);
        let last = epochs.len().saturating_sub(1);
        let shown = epochs.iter().enumerate();
        let shown = shown.filter(|(at, _)| at % each == each - 1 || *at == last);
        for (_, (epoch, _)) in shown {
            let values = curves.iter().map(|curve| self.unit.word(curve.at(*epoch)));
            let epoch = number((epoch * 100.0).round() / 100.0);
            table.row(std::iter::once(epoch).chain(values));
        }
        table
    }
}
