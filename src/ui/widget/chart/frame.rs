//! The axes around the curves.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::marks::{Label, draw_groups, placed};
use super::{Axis, Chart, GUTTER, column, put};
use crate::format::{round_percent, short};
use crate::ui::theme::Theme;

/// Columns between two labels of the x axis, about.
const LABEL_EVERY: u16 = 12;

/// Draws the y axis left of the plot; `shares` are written in percent.
pub(super) fn draw_y_axis(y: Axis, shares: bool, theme: &Theme, frame: &mut Frame, plot: Rect) {
    let Some(left) = plot.x.checked_sub(1) else {
        return;
    };
    let gutter = Rect {
        x: left,
        width: 1,
        ..plot
    };
    for row in 0..plot.height {
        put(frame, gutter, (0, row), '│', theme.muted());
    }
    let most = usize::from(plot.height / 2).clamp(1, 8);
    let written = if shares { round_percent } else { short };
    for tick in y.ticks(most) {
        let row = super::row(y, tick, plot);
        if row >= plot.height {
            continue;
        }
        put(frame, gutter, (0, row), '┤', theme.muted());
        let width = GUTTER - 1;
        let label = format!("{:>1$}", written(tick), usize::from(width));
        let place = Rect::new(left.saturating_sub(width), plot.y + row, width, 1);
        frame.render_widget(
            Line::styled(label, theme.muted()),
            place.intersection(frame.area()),
        );
    }
}

impl Chart<'_> {
    /// Draws the x axis under the plot, and marks in the row below it or, where there
    /// is none, in its gaps.
    pub(super) fn draw_x_axis(
        &self,
        x: Axis,
        theme: &Theme,
        frame: &mut Frame,
        (plot, marks): (Rect, Option<Rect>),
    ) {
        let line = Rect {
            x: plot.x.saturating_sub(1),
            y: plot.bottom(),
            width: plot.width + 1,
            height: 1,
        }
        .intersection(frame.area());
        if line.is_empty() {
            return;
        }
        let mut text = "╰".to_owned();
        text.push_str(&"─".repeat(plot.width.into()));
        frame.render_widget(Line::styled(text, theme.muted()), line);
        // Left of the axis, where no mark can fall on it.
        let gutter = Rect {
            x: line.x.saturating_sub(GUTTER - 1),
            width: GUTTER - 1,
            ..line
        };
        let unit = format!("{:>1$}", self.unit, usize::from(GUTTER - 1));
        if line.x >= gutter.width {
            frame.render_widget(Line::styled(unit, theme.muted()), gutter);
        }
        let ticks = x.ticks(usize::from(plot.width / LABEL_EVERY).max(1));
        let labels: Vec<Label> = ticks
            .into_iter()
            .filter_map(|tick| {
                Some(Label {
                    column: column(x, tick, plot)?,
                    text: short(tick),
                })
            })
            .filter(|label| label.end() <= plot.width)
            .collect();
        let groups = self.groups(x, &labels, plot);
        for label in &labels {
            put(frame, line, (label.column + 1, 0), '┬', theme.muted());
            let text = Line::styled(label.text.as_str(), theme.muted());
            let place = Rect::new(plot.x + label.column + 1, line.y, text.width() as u16, 1);
            frame.render_widget(text, place.intersection(line));
        }
        let beside: &[Label] = if marks.is_some() { &[] } else { &labels };
        let placed = placed(&groups, beside, plot.width);
        let row = marks.unwrap_or(Rect { y: line.y, ..plot });
        draw_groups((&groups, &placed), theme, frame, (plot, row));
    }
}
