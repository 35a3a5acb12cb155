//! The charts as they are drawn.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::Line;
use ratatui::widgets::Block;

use super::super::column::Baseline;
use super::super::marks::look;
use super::ceiling::ceiling;
use super::quantity::{Drawable, evaluations};
use super::{Compared, Overlay, areas, legend};
use crate::event::Phase;
use crate::listing::Subject;
use crate::ui::theme::Theme;
use crate::ui::widget::chart::smooth::FACTORS;
use crate::ui::widget::chart::{Chart, Curve, Extent, XValues};

/// A curve's points that no table holds: those of evaluations.
struct Points {
    xs: Vec<f64>,
    values: Vec<f64>,
}

impl Overlay {
    /// Draws the curves of runs, and what they are.
    pub(in super::super) fn draw(
        &self,
        runs: &[Compared],
        baseline: Option<Baseline>,
        theme: &Theme,
        frame: &mut Frame,
        area: Rect,
    ) {
        let parts = areas(area, runs.len());
        let (places, page, pages) = self.places(parts.charts);
        let mut beyond = String::new();
        for (at, place) in &places {
            let is_selected = *at == self.at();
            let symbols = self.draw_chart(&self.all[*at], runs, is_selected, theme, frame, *place);
            if is_selected {
                beyond = symbols;
            }
        }
        let title = match self.all.get(self.at()) {
            Some(drawable) => format!(
                " ‹ {} › {} of {} ",
                drawable.title(),
                self.at() + 1,
                self.all.len()
            ),
            None => " Curves ".to_owned(),
        };
        let mut block = Block::bordered()
            .title(title)
            .border_style(theme.border(false));
        let status = self.status(runs, (page, pages), &beyond);
        if !status.is_empty() {
            let status = Line::styled(format!(" {status} "), theme.muted());
            block = block.title_bottom(status.right_aligned());
        }
        frame.render_widget(block, area);
        if self.all.is_empty() {
            let line = Line::styled("nothing logged or evaluated yet", theme.muted());
            let place = parts.charts.centered_vertically(Constraint::Length(1));
            frame.render_widget(line.centered(), place);
        }
        legend::draw(runs, baseline, theme, frame, parts.legend);
    }

    /// What is not seen in the charts themselves.
    fn status(&self, runs: &[Compared], (page, pages): (usize, usize), beyond: &str) -> String {
        let mut words = Vec::new();
        if !beyond.is_empty() {
            words.push(format!("{beyond} diverged, off the chart"));
        }
        if let (Some(at), Some((_, run))) = (self.sight.crosshair, runs.first()) {
            words.push(self.across(run).place(at));
        }
        if FACTORS[self.smoothing] > 0.0 {
            words.push(format!("smoothed {}", FACTORS[self.smoothing]));
        }
        if pages > 1 {
            words.push(format!("page {} of {pages}", page + 1));
        }
        words.join(" · ")
    }

    /// Draws one chart. Returns the symbols of runs that go beyond it.
    fn draw_chart(
        &self,
        drawable: &Drawable,
        runs: &[Compared],
        selected: bool,
        theme: &Theme,
        frame: &mut Frame,
        area: Rect,
    ) -> String {
        let points: Vec<Option<Points>> = runs
            .iter()
            .map(|(_, run)| self.evaluated(drawable, run))
            .collect();
        let curves: Vec<Curve<'_>> = runs
            .iter()
            .zip(&points)
            .filter_map(|((place, run), points)| {
                let look = look(*place, theme);
                let curve = self.curve(drawable, run, points.as_ref())?;
                Some(Curve {
                    look: Some(look),
                    ..curve
                })
            })
            .collect();
        let x = self.sight.window.bounds(self.extent(runs));
        let log = self.logarithmic.contains(drawable.title());
        let extents: Vec<Extent> = curves.iter().map(|curve| curve.extent(x)).collect();
        let cut = ceiling(&curves, &extents, log).filter(|_| !drawable.is_knob());
        let chart = Chart {
            title: drawable.title(),
            curves: &curves,
            x,
            unit: runs.first().map_or("", |(_, run)| self.across(run).unit()),
            y: None,
            ceiling: cut.as_ref().map(|(most, _)| *most),
            log,
            log_x: false,
            shares: drawable.is_share(),
            marks: &[],
            best: None,
            crosshair: self.sight.crosshair,
            selected,
        };
        chart.draw(theme, frame, area);
        let beyond = cut.map_or_else(Vec::new, |(_, beyond)| beyond).into_iter();
        beyond
            .filter_map(|at| curves[at].look.map(|(symbol, _)| symbol))
            .collect()
    }

    fn evaluated(&self, drawable: &Drawable, run: &Subject) -> Option<Points> {
        let Drawable::Evaluated(metric) = drawable else {
            return None;
        };
        let across = self.across(run);
        let (xs, values) = evaluations(&run.run.store)
            .filter_map(|each| Some((across.of_step(each.step), each.value(*metric)?)))
            .unzip();
        Some(Points { xs, values })
    }

    fn curve<'a>(
        &'a self,
        drawable: &Drawable,
        run: &Subject<'a>,
        points: Option<&'a Points>,
    ) -> Option<Curve<'a>> {
        match drawable {
            Drawable::Evaluated(_) => {
                let points = points.filter(|points| !points.xs.is_empty())?;
                Some(Curve::new(XValues::Values(&points.xs), &points.values))
            }
            Drawable::Logged(metric) => {
                let series = run.run.store.table(Phase::Student).series(metric)?;
                let kept = self.summaries.get(run.name);
                let kept = kept.and_then(|kept| kept.of(metric));
                let smoothed = FACTORS[self.smoothing] > 0.0;
                Some(Curve {
                    summary: kept.map(|(summary, _)| summary),
                    smooth: kept
                        .and_then(|(_, smooth)| smooth.as_ref())
                        .filter(|_| smoothed),
                    ..Curve::new(self.across(run).xs(), series.values)
                })
            }
        }
    }
}
