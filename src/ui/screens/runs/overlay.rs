//! Curves of several runs over one another.
//!
//! ```text
//! ┌ ‹ valid top-1 › ─────────────────────────────────────────────┐
//! │ 92.3 % │          ⣀⡠⠤●⠒⠒⠉⠉⠉●                                 │
//! │ 61.0 % │   ⡠■⠊⠉                                              │
//! │        └──────────────────────── epochs                      │
//! │ ● adaptive-a1b2c3   best 92.31 %  last 92.10 %               │
//! └──────────────────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::canvas::{Canvas, Context, Line as Stroke, Points};
use ratatui::widgets::{Block, Paragraph};

use super::column::Column;
use super::figures::{Figures, quantity};
use super::filter::Subject;
use super::marks::look;
use super::text::{cut_middle, loss};
use crate::event::{EvaluatedWeights, Phase, Split};
use crate::experiment::metric::Quantity;
use crate::store::RunStore;
use crate::ui::theme::Theme;

/// What can be drawn, in the order in which one goes through them.
pub(super) const QUANTITIES: [Quantity; 4] = [
    Quantity::Top1,
    Quantity::Loss,
    Quantity::Agreement,
    Quantity::Kl,
];

/// Cells of the numbers beside the chart, with the axis.
const AXIS: u16 = 9;

/// From this width on the legend stands beside the chart.
const WIDE: u16 = 120;

/// Cells of a legend beside the chart.
const LEGEND: u16 = 46;

/// Symbols along one curve.
const SYMBOLS: usize = 4;

/// A value beyond this is a training that burst, and would flatten every other
/// curve.
const BURST: f64 = 1e30;

/// Its name, for people.
fn title(drawn: Quantity) -> &'static str {
    match drawn {
        Quantity::Top1 => "valid top-1",
        Quantity::Top5 => "valid top-5",
        Quantity::Loss => "valid loss, nats",
        Quantity::Agreement => "agreement with the teacher",
        Quantity::Kl => "KL(teacher ‖ student), nats",
    }
}

/// A run's curve: epochs and values, numbers alone.
fn curve(store: &RunStore, drawn: Quantity) -> Vec<(f64, f64)> {
    store
        .evaluations_of(Phase::Student, Split::Valid)
        .filter(|evaluation| evaluation.weights == EvaluatedWeights::Last)
        .filter_map(|evaluation| Some((evaluation.epoch, quantity(evaluation, drawn)?)))
        .filter(|(epoch, value)| epoch.is_finite() && value.abs() < BURST)
        .collect()
}

/// Draws the curves of runs, and what they are.
pub(super) fn draw(
    runs: &[(usize, Subject)],
    baseline: Option<&Figures>,
    drawn: Quantity,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let block = Block::bordered()
        .title(format!(" ‹ {} › ", title(drawn)))
        .border_style(theme.border(false));
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let [plot, legend] = if inside.width >= WIDE {
        let parts = [Constraint::Fill(1), Constraint::Length(LEGEND)];
        Layout::horizontal(parts).spacing(2).areas(inside)
    } else {
        let rows = (runs.len() as u16).min(inside.height / 3);
        Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)]).areas(inside)
    };
    draw_legend(runs, baseline, theme, frame, legend);
    let curves: Vec<(usize, Vec<(f64, f64)>)> = runs
        .iter()
        .map(|(place, run)| (*place, curve(&run.run.store, drawn)))
        .collect();
    let Some(bounds) = bounds(&curves) else {
        let line = Line::styled("none of them was evaluated yet", theme.muted());
        let place = plot.centered_vertically(Constraint::Length(1));
        return frame.render_widget(line.centered(), place);
    };
    draw_curves(&curves, bounds, drawn, theme, frame, plot);
}

type Bounds = ([f64; 2], [f64; 2]);

/// What epochs and values lie between; a little more where all are the same.
fn bounds(curves: &[(usize, Vec<(f64, f64)>)]) -> Option<Bounds> {
    let points = || curves.iter().flat_map(|(_, points)| points);
    let range = |value: fn(&(f64, f64)) -> f64, margin: f64| {
        let least = points().map(value).reduce(f64::min)?;
        let greatest = points().map(value).reduce(f64::max)?;
        let margin = if greatest > least {
            (greatest - least) * margin
        } else {
            greatest.abs().max(1.0) * 0.05
        };
        Some([least - margin, greatest + margin])
    };
    Some((range(|point| point.0, 0.0)?, range(|point| point.1, 0.02)?))
}

fn draw_curves(
    curves: &[(usize, Vec<(f64, f64)>)],
    (epochs, values): Bounds,
    drawn: Quantity,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let [above, below] = Layout::vertical([Constraint::Fill(1), Constraint::Length(1)]).areas(area);
    let [axis, plot] =
        Layout::horizontal([Constraint::Length(AXIS), Constraint::Fill(1)]).areas(above);
    draw_values(values, drawn, theme, frame, axis);
    draw_epochs(
        epochs,
        theme,
        frame,
        Rect {
            x: plot.x,
            width: plot.width,
            ..below
        },
    );
    if plot.is_empty() {
        return;
    }
    let canvas = Canvas::default()
        .marker(Marker::Braille)
        .x_bounds(epochs)
        .y_bounds(values)
        .paint(|context| {
            for (place, points) in curves {
                let (_, style) = look(*place, theme);
                strokes(points, style.fg.unwrap_or_default(), context);
            }
            context.layer();
            for (place, points) in curves {
                symbols(*place, points, theme, context);
            }
        });
    frame.render_widget(canvas, plot);
}

fn strokes(points: &[(f64, f64)], color: ratatui::style::Color, context: &mut Context) {
    if points.len() == 1 {
        context.draw(&Points {
            coords: points,
            color,
        });
    }
    for pair in points.windows(2) {
        let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
        context.draw(&Stroke {
            x1,
            y1,
            x2,
            y2,
            color,
        });
    }
}

/// A run's symbol along its curve, and always at its end. Each run begins at
/// another point, so that symbols of curves that run together stand apart.
fn symbols(place: usize, points: &[(f64, f64)], theme: &Theme, context: &mut Context) {
    let (symbol, style) = look(place, theme);
    let stride = points.len().div_ceil(SYMBOLS).max(1);
    let along = points.iter().skip(place % stride).step_by(stride);
    for (x, y) in along.chain(points.last()) {
        context.print(*x, *y, Span::styled(symbol.to_string(), style));
    }
}

/// Values beside the chart, every few rows, with the axis.
fn draw_values(
    [least, greatest]: [f64; 2],
    drawn: Quantity,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    /// Rows from one number to the next.
    const EVERY: u16 = 4;
    let bottom = area.height.saturating_sub(1);
    let lines: Vec<Line> = (0..area.height)
        .map(|row| {
            let is_told = row == bottom || (row % EVERY == 0 && bottom - row >= EVERY / 2);
            let share = f64::from(bottom - row) / f64::from(bottom.max(1));
            let value = least + (greatest - least) * share;
            let told = match (is_told, drawn.is_share()) {
                (false, _) => String::new(),
                (true, true) => format!("{:.1} %", value * 100.0),
                (true, false) => loss(value),
            };
            Line::styled(format!("{told:>7} │"), theme.muted())
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

/// Epochs below the chart: the first, the middle, the last.
fn draw_epochs([least, greatest]: [f64; 2], theme: &Theme, frame: &mut Frame, area: Rect) {
    // Half an epoch is told as one, a whole one without its zero.
    let told = |epoch: f64| {
        let digits = usize::from((epoch - epoch.round()).abs() > 0.05);
        format!("{:.digits$}", epoch.max(0.0))
    };
    let middle = format!("{} epochs", told(f64::midpoint(least, greatest)));
    let parts = [
        Line::raw(told(least)),
        Line::raw(middle).centered(),
        Line::raw(told(greatest)).right_aligned(),
    ];
    for part in parts {
        frame.render_widget(part.style(theme.muted()), area);
    }
}

/// Which symbol is which run, and how good it is.
fn draw_legend(
    runs: &[(usize, Subject)],
    baseline: Option<&Figures>,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let beside = area.width <= LEGEND;
    let mut lines = Vec::new();
    for (at, (place, run)) in runs.iter().enumerate() {
        let (symbol, style) = look(*place, theme);
        let base = baseline.filter(|_| at > 0);
        let room = usize::from(area.width).saturating_sub(if beside { 3 } else { 56 });
        let name = cut_middle(run.name, room.min(40));
        let mut figures = vec![Span::styled("best ", theme.muted())];
        figures.extend(Column::Best.figure_cell(run.figures, base, theme));
        figures.push(Span::styled("  last ", theme.muted()));
        figures.extend(Column::Last.figure_cell(run.figures, base, theme));
        let mut named = vec![
            Span::styled(format!("{symbol} "), style),
            Span::styled(format!("{name:40}"), theme.text()),
        ];
        if beside {
            lines.push(Line::from(named));
            figures.insert(0, Span::raw("  "));
            lines.push(Line::from(figures));
        } else {
            named[1] = Span::styled(format!("{name:room$} ", room = room.min(40)), theme.text());
            named.extend(figures);
            lines.push(Line::from(named));
        }
    }
    let all = lines.len();
    let height = usize::from(area.height);
    if all > height && height > 0 {
        lines.truncate(height - 1);
        let per_run = if beside { 2 } else { 1 };
        let hidden = runs.len() - (height - 1) / per_run;
        lines.push(Line::styled(format!("and {hidden} more"), theme.muted()));
    }
    frame.render_widget(Paragraph::new(lines), area);
}
