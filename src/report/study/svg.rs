//! A study drawn: every seed of every variant, and the differences from the baseline.
//!
//! ```text
//! test top-1 (best)                  difference from vanilla
//! vanilla       ──○──┃○──○──                      │
//! multi-view          ──○─┃○─○──                  │  ──●──
//!             └──86 %──88 %──90 %┘      └──-1───0───+1───+2──┘
//! ```

use std::fmt::Write as _;

use super::table::text as table_text;
use crate::experiment::metric::ValidMetric;
use crate::format::{Axis, round_percent, short, shorten, width_of};
use crate::report::xml::{beginning, escaped, line, text};
use crate::study::table::VariantRow;
use crate::study::wording::{difference_words, spread_words, title};
use crate::study::{CONFIDENCE, Compared, Difference, Spread, StudyTable};

/// Width of the picture, pixels.
const WIDTH: f64 = 960.0;

/// Where names begin, and from where to where values and differences are drawn.
const NAMES: f64 = 24.0;
const VALUES: (f64, f64) = (240.0, 570.0);
const DIFFERENCES: (f64, f64) = (630.0, 936.0);

/// Letters of a name.
const LETTERS: usize = 28;

/// Top of the first row, and height of each.
const TOP: f64 = 84.0;
const ROW: f64 = 34.0;

/// Height of a line of the legend.
const LEGEND: f64 = 18.0;

/// Half a dot's width, and half the height of a mean.
const RADIUS: f64 = 4.5;
const MEAN: f64 = 9.0;

/// Ticks of an axis.
const TICKS: usize = 5;

/// Width of a letter.
const LETTER: f64 = 7.3;

/// Colours on light pages and on dark ones.
const STYLE: &str = "\
.page{fill:#ffffff}.text{fill:#24292f}.muted{fill:#57606a}\
.grid{stroke:#d8dee4;fill:none}.axis{stroke:#57606a;fill:none}\
.spread{stroke:#57606a;stroke-width:1.5}.mean{stroke:#24292f;stroke-width:3}\
.seed{fill:#ffffff;stroke:#57606a;stroke-width:1.5}\
.clear{fill:#0969da;stroke:#0969da;stroke-width:2}\
.unclear{fill:#57606a;stroke:#57606a;stroke-width:2}\
@media (prefers-color-scheme: dark){\
.page{fill:#1e2127}.text{fill:#d7dae0}.muted{fill:#9ea7b3}\
.grid{stroke:#343942}.axis{stroke:#9ea7b3}\
.spread{stroke:#9ea7b3}.mean{stroke:#d7dae0}.seed{fill:#1e2127;stroke:#9ea7b3}\
.clear{fill:#58a6ff;stroke:#58a6ff}.unclear{fill:#9ea7b3;stroke:#9ea7b3}}";

/// The picture: of the test images where there are some, else of the validation images.
#[must_use]
pub fn svg(table: &StudyTable) -> String {
    let compared = table.compared();
    let compared = if compared.contains(&Compared::Test) {
        Compared::Test
    } else {
        Compared::Best
    };
    let bottom = TOP + ROW * table.rows.len() as f64;
    let height = bottom + 62.0 + LEGEND;
    let what = title(compared, table.metric);
    let baseline = &table.baseline().variant;
    let name = format!("{}: {what}", table.study);
    let mut out = beginning((WIDTH, height), STYLE, &name, &table_text(table));
    text(&mut out, (NAMES, 28.0), "text", "font-size=\"16\"", &name);
    let values = table.rows.iter().flat_map(|row| &row.runs);
    let values = values.filter_map(|run| run.value(compared));
    let spreads = table.rows.iter().filter_map(|row| spread(row, compared));
    let ends = spreads.flat_map(|it| {
        let std = it.std.unwrap_or_default();
        [it.mean - std, it.mean + std]
    });
    let is_share = table.metric.quantity().is_share();
    let panel = Panel {
        axis: axis(values.chain(ends)),
        ends: VALUES,
        bottom,
    };
    panel.draw(&mut out, &what, |tick| {
        if is_share {
            round_percent(tick)
        } else {
            short(tick)
        }
    });
    let differences = table.rows.iter().enumerate();
    let differences =
        differences.filter_map(|(at, row)| Some((at, row.difference(table.baseline(), compared)?)));
    let differences: Vec<(usize, Difference)> = differences.collect();
    let of_differences = differences.iter().flat_map(|(_, it)| {
        let (low, high) = it.interval.unwrap_or((it.mean, it.mean));
        [low, high]
    });
    let others = Panel {
        axis: axis(of_differences.chain([0.0])),
        ends: DIFFERENCES,
        bottom,
    };
    if !differences.is_empty() {
        let title = format!("difference from {}", shorten(baseline, LETTERS));
        others.draw(&mut out, &title, |tick| {
            let shown = if is_share { 100.0 * tick } else { tick };
            let sign = if shown > 0.0 { "+" } else { "" };
            format!("{sign}{}", short(shown))
        });
        let zero = others.place(0.0);
        line(&mut out, "axis", (zero, TOP - 8.0), (zero, bottom));
    }
    for (at, row) in table.rows.iter().enumerate() {
        let y = TOP + ROW * (at as f64 + 0.5);
        let at_name = (NAMES, y + 4.0);
        text(
            &mut out,
            at_name,
            "text",
            "",
            &shorten(&row.variant, LETTERS),
        );
        seeds(&mut out, &panel, y, row, compared, table.metric);
        if let Some((_, difference)) = differences.iter().find(|(of, _)| *of == at) {
            interval(&mut out, &others, y, row, *difference, table.metric);
        }
    }
    let unit = if is_share { ", percentage points" } else { "" };
    let legend = [
        format!(
            "dots: seeds; bars: mean ± standard deviation, and the {:.0} % interval of the difference,",
            CONFIDENCE * 100.0
        ),
        format!("paired by seed{unit} (blue: without 0)"),
    ];
    for (line, words) in (0..).zip(legend) {
        let y = bottom + 50.0 + LEGEND * f64::from(line);
        text(&mut out, (NAMES, y), "muted", "", &words);
    }
    out + "</svg>\n"
}

fn spread(row: &VariantRow, compared: Compared) -> Option<Spread> {
    row.spread(|run| run.value(compared))
}

/// An axis that has all of these values.
fn axis(values: impl Iterator<Item = f64>) -> Axis {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    Axis::new(low, high, false).with_room()
}

/// Where values are drawn from left to right.
struct Panel {
    axis: Axis,
    ends: (f64, f64),
    bottom: f64,
}

impl Panel {
    fn place(&self, value: f64) -> f64 {
        let (left, right) = self.ends;
        left + self.axis.share(value) * (right - left)
    }

    fn draw(&self, out: &mut String, title: &str, tick_words: impl Fn(f64) -> String) {
        let (left, right) = self.ends;
        text(out, (left, TOP - 18.0), "muted", "", title);
        line(out, "axis", (left, self.bottom), (right, self.bottom));
        let mut free = f64::NEG_INFINITY;
        for tick in self.axis.ticks(TICKS) {
            let x = self.place(tick);
            if !(left..=right).contains(&x) {
                continue;
            }
            line(out, "grid", (x, TOP - 8.0), (x, self.bottom));
            let words = tick_words(tick);
            let half = width_of(&words) as f64 * LETTER / 2.0;
            if x - half > free {
                let at = (x, self.bottom + 18.0);
                text(out, at, "muted", "text-anchor=\"middle\"", &words);
                free = x + half + LETTER;
            }
        }
    }
}

/// The seeds of a variant as dots, on a bar of their standard deviation around the mean.
fn seeds(
    out: &mut String,
    panel: &Panel,
    y: f64,
    row: &VariantRow,
    compared: Compared,
    metric: ValidMetric,
) {
    let Some(spread) = spread(row, compared) else {
        return;
    };
    let about = format!("{}: {}", row.variant, spread_words(spread, metric));
    let _ = write!(out, "<g><title>{}</title>", escaped(&about));
    if let Some(std) = spread.std {
        let ends = [spread.mean - std, spread.mean + std].map(|value| panel.place(value));
        line(out, "spread", (ends[0], y), (ends[1], y));
    }
    for value in row.runs.iter().filter_map(|run| run.value(compared)) {
        let x = panel.place(value);
        let _ = writeln!(
            out,
            "<circle class=\"seed\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{RADIUS}\"/>"
        );
    }
    let x = panel.place(spread.mean);
    line(out, "mean", (x, y - MEAN), (x, y + MEAN));
    *out += "</g>\n";
}

/// A difference with its interval.
fn interval(
    out: &mut String,
    panel: &Panel,
    y: f64,
    row: &VariantRow,
    difference: Difference,
    metric: ValidMetric,
) {
    let about = format!("{}: {}", row.variant, difference_words(difference, metric));
    let class = if difference.is_clear() {
        "clear"
    } else {
        "unclear"
    };
    let _ = write!(out, "<g><title>{}</title>", escaped(&about));
    if let Some((low, high)) = difference.interval {
        line(out, class, (panel.place(low), y), (panel.place(high), y));
    }
    let x = panel.place(difference.mean);
    let _ = writeln!(
        out,
        "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{RADIUS}\"/></g>"
    );
}
