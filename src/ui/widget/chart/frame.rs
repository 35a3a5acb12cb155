//! What stands around the curves: the title with its values, the axes and the
//! marks of what happened.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Axis, Chart, GUTTER, column, has_colours, marker, number, put};
use crate::ui::theme::Theme;

/// Letters of curves' names in a title, from as many as there are to few.
const NAMES: [usize; 5] = [usize::MAX, 12, 6, 4, 3];

/// Columns between two labels of the x axis, about.
const LABEL_EVERY: u16 = 12;

impl Chart<'_> {
    /// The name, and each curve's value at the crosshair or at the end.
    pub(super) fn draw_title(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let pointer = if self.selected { "▸" } else { " " };
        let style = if self.selected {
            theme.accent()
        } else {
            theme.text()
        };
        let mut title = vec![
            Span::styled(pointer, theme.accent()),
            Span::styled(self.title.to_owned(), style),
        ];
        if self.log {
            title.push(Span::styled(" log", theme.muted()));
        }
        // Names are cut as far as need be for all values to be seen.
        let lines = NAMES.iter().map(|cut| {
            let mut spans = title.clone();
            spans.extend(self.values(*cut, theme));
            Line::from(spans)
        });
        let mut line = Line::default();
        for each in lines {
            line = each;
            if line.width() <= area.width.into() {
                break;
            }
        }
        frame.render_widget(line, area);
    }

    /// Each curve's name, of at most so many letters, and its value at the
    /// crosshair or at the end.
    fn values(&self, cut: usize, theme: &Theme) -> Vec<Span<'static>> {
        let (gap, space) = if cut == usize::MAX {
            ("  ", " ")
        } else {
            (" ", "")
        };
        let marked = !has_colours(theme) && self.curves.len() > 1;
        let mut spans = Vec::new();
        for curve in self.curves {
            let value = match self.crosshair {
                Some(at) => curve.value_at(at),
                None => curve.last(),
            };
            let value = value.map_or("—".to_owned(), number);
            let mut name = gap.to_owned();
            if marked {
                name.push(marker(curve.colour));
                name.push_str(space);
            }
            if curve.name != self.title && !curve.name.is_empty() {
                name.extend(curve.name.chars().take(cut));
                name.push(' ');
            }
            spans.push(Span::styled(name, theme.series(curve.colour)));
            spans.push(Span::raw(value));
        }
        spans
    }

    pub(super) fn draw_y_axis(&self, y: Axis, theme: &Theme, frame: &mut Frame, plot: Rect) {
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
        for tick in y.ticks(most) {
            let row = super::row(y, tick, plot);
            if row >= plot.height {
                continue;
            }
            put(frame, gutter, (0, row), '┤', theme.muted());
            let width = GUTTER - 1;
            let label = format!("{:>1$}", number(tick), usize::from(width));
            let place = Rect::new(left.saturating_sub(width), plot.y + row, width, 1);
            frame.render_widget(
                Line::styled(label, theme.muted()),
                place.intersection(frame.area()),
            );
        }
    }

    pub(super) fn draw_x_axis(&self, x: Axis, theme: &Theme, frame: &mut Frame, plot: Rect) {
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
        for tick in x.ticks(usize::from(plot.width / LABEL_EVERY).max(1)) {
            let Some(column) = column(x, tick, plot) else {
                continue;
            };
            let label = format!("┬{}", number(tick));
            let width = label.chars().count() as u16;
            if plot.x + column + width <= line.right() {
                let place = Rect::new(plot.x + column, line.y, width, 1);
                frame.render_widget(Line::styled(label, theme.muted()), place);
            }
        }
        self.draw_marks(x, theme, frame, plot);
    }

    fn draw_marks(&self, x: Axis, theme: &Theme, frame: &mut Frame, plot: Rect) {
        let below = Rect {
            y: plot.bottom(),
            height: 1,
            ..plot
        };
        for mark in self.marks {
            let Some(column) = column(x, mark.x, plot) else {
                continue;
            };
            put(frame, below, (column, 0), mark.letter, theme.warn());
            if mark.line {
                for row in 0..plot.height {
                    put(frame, plot, (column, row), '┊', theme.muted());
                }
            }
        }
    }
}
