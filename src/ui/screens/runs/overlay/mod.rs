//! Curves of several runs over one another: a chart for every quantity that any
//! of them has.
//!
//! ```text
//! ┌ ‹ valid top-1 › 1 of 14 ─────────────────────────────────────┐
//! │▸valid top-1  ● 0.921 ■ 0.9    valid loss  ● 0.31 ■ 0.35      │
//! │  1┤      ⣀⡠⠤●⠒⠒⠉⠉             2┤⠑⢄                           │
//! │  0┤⡠■⠊⠉                       0┤  ⠈⠑■⠒⠤●⣀                    │
//! │   ╰┬0────┬5── epoch            ╰┬0────┬5── epoch             │
//! │ ● adaptive-a1b2c3   best 92.31 %  last 92.10 %               │
//! └──────────────────────────────────────── smoothed 0.9 ────────┘
//! ```
//!
//! Summaries of the series that are near to be shown are brought up to date
//! when something changes; drawing only reads them.

mod ceiling;
mod draw;
mod legend;
mod quantity;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crossterm::event::{MouseEvent, MouseEventKind};
use ratatui::layout::{Constraint, Layout, Rect};

use self::quantity::Drawable;
use crate::event::Phase;
use crate::listing::Subject;
use crate::ui::action::Action;
use crate::ui::layout::XAxis;
use crate::ui::screens::series::{Summaries, XPositions};
use crate::ui::widget::chart::smooth::FACTORS;
use crate::ui::widget::chart::{ChartViewport, cells};

/// From this width on the legend stands beside the charts.
const WIDE: u16 = 120;

/// Cells of a legend beside the charts.
const LEGEND: u16 = 46;

/// Least cells of one chart among several.
const LEAST: (u16, u16) = (36, 8);

/// The most charts across and down.
const MOST: (u16, u16) = (3, 2);

/// A run that is compared: its place and what is known of it.
pub(super) type Compared<'a> = (usize, Subject<'a>);

/// How curves are looked at.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// What can be drawn of the runs that are compared.
    all: Vec<Drawable>,
    /// The one that keys mean; the first until one is chosen.
    selected: Option<Drawable>,
    axis: XAxis,
    sight: ChartViewport,
    /// Place in [`FACTORS`].
    smoothing: usize,
    /// Titles of the charts with a logarithmic axis.
    logarithmic: BTreeSet<String>,
    /// Whether the selected one is drawn alone.
    pub(super) alone: bool,
    /// Of every run that is compared.
    summaries: BTreeMap<String, Summaries>,
}

/// Where the parts stand.
struct Areas {
    charts: Rect,
    legend: Rect,
}

impl Overlay {
    /// Takes in what the compared runs are now.
    pub(super) fn update(&mut self, runs: &[Compared]) {
        self.all = Drawable::all(runs.iter().map(|(_, run)| &run.run.store));
        self.summaries
            .retain(|name, _| runs.iter().any(|(_, run)| run.name == name));
        // No page holds more, wherever the selected one stands on it.
        let page = usize::from(MOST.0 * MOST.1);
        let at = self.at();
        let near = at.saturating_sub(page)..(at + page).min(self.all.len());
        let wanted: BTreeSet<&str> = self.all[near.start.min(near.end)..near.end]
            .iter()
            .filter_map(|drawable| match drawable {
                Drawable::Logged(metric) => Some(metric.as_str()),
                Drawable::Evaluated(_) => None,
            })
            .collect();
        let factor = FACTORS[self.smoothing];
        for (_, run) in runs {
            let kept = self.summaries.entry(run.name.to_owned()).or_default();
            let wants = |metric: &str| wanted.contains(metric);
            kept.update(run.name, &run.run.store, Phase::Student, factor, wants);
        }
    }

    /// Place of the selected one.
    fn at(&self) -> usize {
        let selected = self.selected.as_ref();
        let at = selected.and_then(|selected| self.all.iter().position(|each| each == selected));
        at.unwrap_or(0)
    }

    /// Selects what stands so many places further on, round and round.
    fn select(&mut self, by: isize) {
        if let Some(at) =
            (self.at().cast_signed() + by).checked_rem_euclid(self.all.len().cast_signed())
        {
            self.selected = self.all.get(at.cast_unsigned()).cloned();
        }
    }

    pub(super) fn act(&mut self, action: Action, runs: &[Compared]) {
        let all = self.extent(runs);
        match action {
            Action::Left => self.select(-1),
            Action::Right => self.select(1),
            Action::ScaleCurves => {
                if let Some(drawable) = self.all.get(self.at()) {
                    let title = drawable.title().to_owned();
                    if !self.logarithmic.remove(&title) {
                        self.logarithmic.insert(title);
                    }
                }
            }
            Action::AxisCurves => {
                self.axis = self.axis.next();
                self.sight.reset();
            }
            Action::MoreSmoothingCurves => {
                self.smoothing = (self.smoothing + 1).min(FACTORS.len() - 1);
            }
            Action::LessSmoothingCurves => self.smoothing = self.smoothing.saturating_sub(1),
            Action::ZoomInCurves => self.sight.zoom(0.5, all),
            Action::ZoomOutCurves => self.sight.zoom(2.0, all),
            Action::CrosshairLeft => self.sight.step(-1.0, all),
            Action::CrosshairRight => self.sight.step(1.0, all),
            Action::MaximizeCurves => self.alone = !self.alone,
            Action::ResetCurves => {
                *self = Self {
                    selected: self.selected.take(),
                    ..Self::default()
                };
            }
            _ => {}
        }
    }

    /// Leaves what was entered last. Returns whether there was anything.
    pub(super) fn back(&mut self) -> bool {
        self.sight.crosshair.take().is_some() || std::mem::take(&mut self.alone)
    }

    /// Whether a drag that began on a chart is under way.
    pub(super) fn is_held(&self) -> bool {
        self.sight.is_held()
    }

    pub(super) fn mouse(&mut self, mouse: MouseEvent, area: Rect, runs: &[Compared]) {
        let charts = areas(area, runs.len()).charts;
        let (places, ..) = self.places(charts);
        let at = (mouse.column, mouse.row);
        let over = places.iter().find(|(_, place)| place.contains(at.into()));
        if let Some((number, _)) = over
            && matches!(mouse.kind, MouseEventKind::Down(_))
        {
            self.selected = self.all.get(*number).cloned();
        }
        // A drag that leaves its chart continues by the selected one.
        let selected = self.at();
        let place = over.or_else(|| places.iter().find(|(number, _)| *number == selected));
        if let Some((_, place)) = place {
            self.sight.mouse(mouse, *place, self.extent(runs));
        }
    }

    fn across<'a>(&self, run: &Subject<'a>) -> XPositions<'a> {
        XPositions::new(self.axis, &run.run.store, Phase::Student)
    }

    /// From the beginning to where the longest training stands.
    fn extent(&self, runs: &[Compared]) -> (f64, f64) {
        let ends = runs.iter().map(|(_, run)| self.across(run).all().1);
        (0.0, ends.reduce(f64::max).unwrap_or(1.0))
    }

    /// The charts of the page on which the selected one stands, with their
    /// places; which page that is, and of how many.
    fn places(&self, area: Rect) -> (Vec<(usize, Rect)>, usize, usize) {
        let grid = self.grid(area);
        let size = usize::from(grid.0 * grid.1).max(1);
        let page = self.at() / size;
        let first = page * size;
        let places = (first..self.all.len()).zip(cells(area, grid)).collect();
        (places, page, self.all.len().div_ceil(size))
    }

    /// Charts across and down: as many as there is room for.
    fn grid(&self, area: Rect) -> (u16, u16) {
        if self.alone {
            return (1, 1);
        }
        let count = u16::try_from(self.all.len()).unwrap_or(u16::MAX).max(1);
        let columns = (area.width.saturating_add(1) / (LEAST.0 + 1)).clamp(1, MOST.0);
        let rows = (area.height / LEAST.1).clamp(1, MOST.1);
        let columns = columns.min(count);
        (columns, rows.min(count.div_ceil(columns)))
    }
}

/// Where charts and legend stand inside of the border.
fn areas(area: Rect, runs: usize) -> Areas {
    let inside = ratatui::widgets::Block::bordered().inner(area);
    let [charts, legend] = if inside.width >= WIDE {
        let parts = [Constraint::Fill(1), Constraint::Length(LEGEND)];
        Layout::horizontal(parts).spacing(2).areas(inside)
    } else {
        let rows = (runs as u16).min(inside.height / 3);
        Layout::vertical([Constraint::Fill(1), Constraint::Length(rows)]).areas(inside)
    };
    Areas { charts, legend }
}
