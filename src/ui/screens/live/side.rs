//! The column beside the charts of a wide terminal: knobs at a glance, alerts,
//! the machine.
//!
//! ```text
//! ─ knobs ──────────────────────
//!  lr        0.094  ⠉⠒⠤⣀
//! ─ alerts ─────────────────────
//! ─ machine ────────────────────
//! ```

use std::collections::{BTreeMap, VecDeque};

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

use super::alerts::{self, Alert};
use super::{machine, rule};
use crate::event::Phase;
use crate::store::RunStore;
use crate::ui::news::MachineSample;
use crate::ui::screens::series::Summaries;
use crate::ui::theme::Theme;
use crate::ui::widget::chart::{Axis, Canvas, Curve, XValues, number};

/// Columns of a knob's name and value.
const LABEL: u16 = 22;

/// What is shown beside the charts.
pub(super) struct Side<'a> {
    pub(super) store: &'a RunStore,
    pub(super) phase: Phase,
    /// Knobs as they stand.
    pub(super) knobs: &'a BTreeMap<String, f64>,
    pub(super) summaries: &'a Summaries,
    pub(super) alerts: &'a [Alert],
    pub(super) machine: &'a VecDeque<MachineSample>,
}

impl Side<'_> {
    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let bar = Rect {
            width: 1.min(area.width),
            ..area
        };
        for y in bar.y..bar.bottom() {
            frame.render_widget(
                Span::styled("│", theme.muted()),
                Rect {
                    y,
                    height: 1,
                    ..bar
                },
            );
        }
        let inside = Rect {
            x: area.x + bar.width,
            width: area.width - bar.width,
            ..area
        };
        let knobs = self.knobs;
        let gpus = self.machine.back().map_or(0, |sample| sample.gpus.len());
        let [top, middle, bottom] = Layout::vertical([
            Constraint::Length(1 + knobs.len().min(20) as u16),
            Constraint::Fill(1),
            Constraint::Length(5 + 2 * gpus.min(8) as u16),
        ])
        .areas(inside);
        let titled = |title: &str, frame: &mut Frame, area: Rect| {
            rule(title, "", false, theme, frame, area);
            Rect {
                y: area.y + 1.min(area.height),
                height: area.height.saturating_sub(1),
                ..area
            }
        };
        let place = titled("knobs", frame, top);
        for (row, (name, value)) in knobs.iter().take(place.height.into()).enumerate() {
            let place = Rect {
                y: place.y + row as u16,
                height: 1,
                ..place
            };
            self.draw_knob(name, *value, theme, frame, place);
        }
        let place = titled("alerts", frame, middle);
        alerts::draw(self.alerts, theme, frame, place);
        let place = titled("machine", frame, bottom);
        machine::draw(self.machine, theme, frame, place);
    }

    fn draw_knob(&self, name: &str, value: f64, theme: &Theme, frame: &mut Frame, area: Rect) {
        let short: String = name.chars().take(13).collect();
        let line = Line::from(vec![
            Span::styled(format!(" {short:<13} "), theme.muted()),
            Span::raw(format!("{:>6}", number(value))),
        ]);
        frame.render_widget(line, area);
        let metric = format!("knob/{name}");
        let Some(series) = self.store.table(self.phase).series(&metric) else {
            return;
        };
        let place = Rect {
            x: area.x + LABEL.min(area.width),
            width: area.width.saturating_sub(LABEL + 1),
            ..area
        };
        let curve = Curve {
            summary: self.summaries.of(&metric).map(|(summary, _)| summary),
            ..Curve::new(XValues::Steps(series.steps), series.values)
        };
        let last = series.steps.last().copied().unwrap_or(0) as f64;
        let extent = curve.extent((0.0, last));
        let axes = (
            Axis::new(0.0, last, false),
            Axis::new(extent.min, extent.max, false),
        );
        let mut canvas = Canvas::new(place.width, place.height);
        curve.draw(&mut canvas, axes, (theme.series(0), theme.series(0)));
        canvas.draw(frame.buffer_mut(), place);
    }
}
