//! The page of charts.
//!
//! ```text
//! ▸loss  total 1.23           accuracy  valid 0.84
//!   2┤⠑⠒⠤⣀                      1┤   ⣀⠤⠒
//!    ╰┬0────┬1─── epoch          ╰┬0────┬1─── epoch
//!  augmentation p  p1 0.2      lr  0.05
//!   …                          page 1 of 2, smoothed 0.9
//! ```

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::Line;

use super::charts::{Best, ChartSpec, CurveSpec, Source, evaluations};
use super::view::View;
use crate::event::Phase;
use crate::store::RunStore;
use crate::ui::screens::series::{Summaries, XPositions};
use crate::ui::theme::Theme;
use crate::ui::widget::chart::{Chart, Curve, Mark, Stroke, XValues, cells};

/// What is drawn on a page of charts.
pub(super) struct Page<'a> {
    pub(super) store: &'a RunStore,
    pub(super) phase: Phase,
    pub(super) view: &'a View,
    pub(super) summaries: &'a Summaries,
    /// Knobs as they stand.
    pub(super) knobs: &'a BTreeMap<String, f64>,
    pub(super) across: XPositions<'a>,
    pub(super) marks: &'a [Mark],
    /// Charts that pass the filter.
    pub(super) charts: &'a [ChartSpec],
    /// Whether keys mean the charts.
    pub(super) focused: bool,
}

/// Points that no table holds: those of evaluations.
struct Points {
    xs: Vec<f64>,
    values: Vec<f64>,
}

impl Page<'_> {
    /// Cells across and down for charts: all but the status line.
    pub(super) fn room(area: Rect) -> (u16, u16) {
        (area.width, area.height.saturating_sub(1))
    }

    /// The charts in view with their places. The last row of the area is the
    /// status line.
    pub(super) fn places(
        view: &View,
        charts: &[ChartSpec],
        area: Rect,
    ) -> (Vec<(usize, Rect)>, usize, usize) {
        let (width, height) = Self::room(area);
        let area = Rect { height, ..area };
        let grid = view.grid((width, height));
        let size = usize::from(grid.0 * grid.1).max(1);
        let pages = charts.len().div_ceil(size).max(1);
        let page = (view.selected.min(charts.len().saturating_sub(1))) / size;
        let first = page * size;
        let places = cells(area, grid)
            .into_iter()
            .enumerate()
            .map(|(at, cell)| (first + at, cell))
            .filter(|(at, _)| *at < charts.len())
            .collect();
        (places, page, pages)
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        if area.height < 2 {
            return;
        }
        let (places, page, pages) = Self::places(self.view, self.charts, area);
        for (at, cell) in places {
            self.draw_chart(&self.charts[at], at, theme, frame, cell);
        }
        if self.charts.is_empty() {
            let text = if self.view.filter().is_empty() {
                "nothing logged yet".to_owned()
            } else {
                format!("no chart matches `{}`", self.view.filter())
            };
            let place = Rect {
                y: area.y + area.height / 2,
                height: 1,
                ..area
            };
            frame.render_widget(Line::styled(text, theme.muted()).centered(), place);
        }
        let status = Line::styled(self.status(page, pages), theme.muted());
        let below = Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        };
        frame.render_widget(status.alignment(Alignment::Right), below);
    }

    /// What is not seen in the charts themselves.
    fn status(&self, page: usize, pages: usize) -> String {
        let mut words = Vec::new();
        if let Some(at) = self.view.sight.crosshair {
            words.push(self.across.place(at));
        }
        if !self.view.sight.window.follows() {
            words.push("scrolled back".to_owned());
        }
        if self.view.factor() > 0.0 {
            words.push(format!("smoothed {}", self.view.factor()));
        }
        if !self.view.filter().is_empty() {
            words.push(format!("/{}/", self.view.filter()));
        }
        if pages > 1 {
            words.push(format!("page {} of {pages}", page + 1));
        }
        words.join(" · ") + " "
    }

    fn draw_chart(
        &self,
        spec: &ChartSpec,
        at: usize,
        theme: &Theme,
        frame: &mut Frame,
        area: Rect,
    ) {
        let points: Vec<Option<Points>> = spec
            .curves
            .iter()
            .map(|curve| self.evaluated(curve))
            .collect();
        let curves: Vec<Curve<'_>> = spec
            .curves
            .iter()
            .zip(&points)
            .enumerate()
            .filter_map(|(colour, (curve, points))| self.curve(curve, points.as_ref(), colour))
            .collect();
        let chart = Chart {
            title: &spec.title,
            curves: &curves,
            x: self.view.sight.window.bounds(self.across.all()),
            unit: self.across.unit(),
            y: None,
            ceiling: None,
            log: self.view.is_log(spec),
            log_x: false,
            shares: spec.shares,
            marks: self.marks,
            best: spec
                .best
                .and_then(|best| best_point(best, points.iter().flatten().next()?)),
            crosshair: self.view.sight.crosshair,
            selected: self.focused && at == self.view.selected,
        };
        chart.draw(theme, frame, area);
    }

    fn evaluated(&self, curve: &CurveSpec) -> Option<Points> {
        let Source::Evaluated(metric) = &curve.source else {
            return None;
        };
        let (xs, values) = evaluations(self.store, self.phase)
            .filter_map(|each| Some((self.across.of_step(each.step), metric.of(each)?)))
            .unzip();
        Some(Points { xs, values })
    }

    fn curve<'a>(
        &'a self,
        spec: &CurveSpec,
        points: Option<&'a Points>,
        colour: usize,
    ) -> Option<Curve<'a>> {
        let curve = |xs, values| Curve {
            name: spec.name.clone(),
            colour,
            ..Curve::new(xs, values)
        };
        match (&spec.source, points) {
            (Source::Evaluated(metric), Some(points)) => Some(Curve {
                stroke: match metric {
                    super::charts::EvaluatedMetric::TeacherTop1 => Stroke::Dotted,
                    _ => Stroke::Solid,
                },
                ..curve(XValues::Values(&points.xs), &points.values)
            }),
            (Source::Logged(metric), _) => {
                let series = self.store.table(self.phase).series(metric)?;
                let kept = self.summaries.of(metric);
                // Knobs are what they are: smoothing would show what never was.
                let smoothed = !metric.starts_with("knob/") && self.view.factor() > 0.0;
                let knob = metric.strip_prefix("knob/");
                Some(Curve {
                    now: knob.and_then(|knob| self.knobs.get(knob).copied()),
                    summary: kept.map(|(summary, _)| summary),
                    smooth: kept
                        .and_then(|(_, smooth)| smooth.as_ref())
                        .filter(|_| smoothed),
                    ..curve(self.across.xs(), series.values)
                })
            }
            (Source::Evaluated(_), None) => None,
        }
    }
}

/// The first of the best points.
fn best_point(best: Best, points: &Points) -> Option<(f64, f64)> {
    let better = |a: f64, b: f64| match best {
        Best::Highest => a > b,
        Best::Lowest => a < b,
    };
    points
        .xs
        .iter()
        .copied()
        .zip(points.values.iter().copied())
        .filter(|(_, value)| value.is_finite())
        .reduce(|found, next| if better(next.1, found.1) { next } else { found })
}
