//! The columns of the table: which there are, how wide they are, and how their
//! cells look.

use ratatui::text::{Line, Span};

use crate::event::Dataset;
use crate::format::{MISSING, loss, percent, shorten, width_of};
use crate::listing::{Column, Field, Fields, RunSummary, Subject, columns};
use crate::store::{Config, Metrics, images_of};
use crate::ui::theme::Theme;

/// Least cells of a column that is as wide as what stands in it.
const NARROWEST: usize = 5;

/// Cells of ` ▲` after a heading.
const ARROW: usize = 2;

/// A column as it is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    pub(super) field: Field,
    pub(super) title: String,
    width: u16,
    /// Whether its cells end together, as numbers do.
    pub(super) is_right: bool,
}

/// The columns that are shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    /// Fields of the configuration and metrics that a person chose, by their names.
    chosen: Vec<String>,
    shown: Vec<Shown>,
}

impl Default for Columns {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Columns {
    /// Those that are always there, and the chosen fields of the configuration.
    pub(super) fn new(chosen: Vec<String>) -> Self {
        let mut columns = Self {
            chosen,
            shown: Vec::new(),
        };
        columns.refresh(&Fields::default(), &[]);
        columns
    }

    /// Fields of the configuration that a person chose, by their paths.
    pub(super) fn chosen(&self) -> &[String] {
        &self.chosen
    }

    /// Makes room for what stands in them.
    pub(super) fn refresh(&mut self, fields: &Fields, runs: &[Subject]) {
        let chosen = self.chosen.iter().map(|name| match name.parse() {
            Ok(metric) => Field::Metric(metric),
            Err(_) => Field::Setting(name.clone()),
        });
        let shown = columns(chosen);
        self.shown = shown
            .iter()
            .map(|field| Shown::of(field, fields, runs))
            .collect();
    }

    /// From left to right.
    pub(super) fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// The field after this one, or the first.
    pub(super) fn next(&self, field: &Field) -> &Field {
        let at = self.shown.iter().position(|shown| shown.field == *field);
        let next = at.map_or(0, |at| (at + 1) % self.shown.len());
        &self.shown[next].field
    }
}

impl Shown {
    fn of(field: &Field, fields: &Fields, runs: &[Subject]) -> Self {
        let title = field.short_title(fields);
        let mut is_right = field.is_number();
        let width = if let Field::Column(column) = field
            && let Some(width) = always(*column)
        {
            width
        } else {
            let values = runs.iter().map(|run| field.text(run));
            let values: Vec<String> = values.filter(|value| value != MISSING).collect();
            is_right |= matches!(field, Field::Setting(_))
                && values.iter().all(|value| value.parse::<f64>().is_ok());
            let widest = values.iter().map(|value| width_of(value)).max();
            let width = widest.unwrap_or(0).max(width_of(&title) + ARROW);
            width.max(NARROWEST).min(usize::from(u16::MAX)) as u16
        };
        Self {
            field: field.clone(),
            title,
            width,
            is_right,
        }
    }

    /// Cells that it takes; metrics take more where differences are shown.
    pub(super) fn width(&self, compared: bool) -> u16 {
        /// Cells of ` ▲+12.34`.
        const DIFFERENCE: u16 = 8;
        match self.field {
            Field::Column(column) if compared && column.is_metric() => self.width + DIFFERENCE,
            _ => self.width,
        }
    }

    /// Whether it may be drawn narrower than it is wide.
    pub(super) fn is_text(&self) -> bool {
        match self.field {
            Field::Column(column) => matches!(
                column,
                Column::Tags | Column::Method | Column::Experiment | Column::Note
            ),
            _ => !self.is_right,
        }
    }
}

/// Cells of a column whose texts are known beforehand.
fn always(column: Column) -> Option<u16> {
    match column {
        Column::Started | Column::Agreement => Some(16),
        Column::State | Column::Loss => Some(11),
        Column::Done => Some(6),
        Column::Best | Column::Last | Column::Test => Some(8),
        Column::Time => Some(9),
        Column::Name
        | Column::Tags
        | Column::Experiment
        | Column::Device
        | Column::Forked
        | Column::Study
        | Column::Method
        | Column::Note => None,
    }
}

/// What metrics are held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Baseline<'a> {
    metrics: &'a Metrics,
    config: &'a Config,
}

impl<'a> From<Subject<'a>> for Baseline<'a> {
    fn from(run: Subject<'a>) -> Self {
        Self {
            metrics: run.metrics,
            config: run.config,
        }
    }
}

impl<'a> From<&'a RunSummary> for Baseline<'a> {
    fn from(run: &'a RunSummary) -> Self {
        Self {
            metrics: &run.metrics,
            config: &run.frozen.config,
        }
    }
}

/// What stands in a run's row; metrics with their difference to the baseline's.
pub(super) fn cell(
    field: &Field,
    run: &Subject,
    baseline: Option<Baseline>,
    theme: &Theme,
) -> Line<'static> {
    match field {
        Field::Column(Column::State) => {
            let state = run.run.state();
            let (symbol, style) = theme.state(state);
            Line::styled(format!("{symbol} {}", state.word()), style)
        }
        Field::Column(column) if column.is_metric() => metric_cell(*column, run, baseline, theme),
        _ => {
            let text = field.text(run);
            let style = if text == MISSING {
                theme.muted()
            } else {
                theme.text()
            };
            Line::styled(text, style)
        }
    }
}

/// `92.31 % ▲ +1.20`, always as wide; `92.31 % ≠images` where it is not of the images that
/// the baseline's is of.
pub(super) fn metric_cell(
    column: Column,
    run: &Subject,
    baseline: Option<Baseline>,
    theme: &Theme,
) -> Line<'static> {
    let Some(value) = column.metric(run.metrics) else {
        return Line::styled(MISSING, theme.muted());
    };
    let is_loss = column == Column::Loss;
    let shown = if is_loss { loss(value) } else { percent(value) };
    let mut line = Line::styled(shown, theme.text());
    let Some((baseline, base)) =
        baseline.and_then(|baseline| Some((baseline, column.metric(baseline.metrics)?)))
    else {
        return line;
    };
    let images = images_of(match column {
        Column::Test => Dataset::Test,
        _ => Dataset::Valid,
    });
    let [own, theirs] = [run.config, baseline.config].map(|config| config.get(&images));
    line.push_span(if own.is_some() && theirs.is_some() && own != theirs {
        Span::styled(" ≠images", theme.warn())
    } else {
        difference(value - base, is_loss, theme)
    });
    line
}

/// How far a metric is from the baseline's: shares in percentage points, losses
/// as they are. Always as wide, so that numbers stay below one another.
fn difference(by: f64, is_loss: bool, theme: &Theme) -> Span<'static> {
    let shown = if is_loss {
        format!("{by:+.3}")
    } else {
        format!("{:+.1}", by * 100.0)
    };
    // What is shown as nothing is no difference.
    let is_zero = shown.chars().all(|letter| !matches!(letter, '1'..='9'));
    let (arrow, style) = if is_zero {
        ("=", theme.muted())
    } else if (by > 0.0) == is_loss {
        (if by > 0.0 { "▲" } else { "▼" }, theme.bad())
    } else {
        (if by > 0.0 { "▲" } else { "▼" }, theme.good())
    };
    let shown = if is_zero {
        String::new()
    } else {
        shorten(&shown, 6_u16)
    };
    Span::styled(format!(" {arrow}{shown:>6}"), style)
}
