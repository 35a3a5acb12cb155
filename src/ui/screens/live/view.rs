//! How charts are looked at: the axis, the window, smoothing, the grid and
//! which chart is selected.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};

use super::charts::ChartSpec;
use crate::ui::layout::{Layout, XAxis};
use crate::ui::widget::chart::ChartViewport;
use crate::ui::widget::chart::smooth::FACTORS;

/// Charts across and down a page, from few to many.
const GRIDS: [(u16, u16); 5] = [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3)];

/// The most charts across, and down.
const MOST: u16 = 8;

/// The least place of a chart, cells.
const LEAST: (u16, u16) = (26, 5);

/// The longest filter; longer ones would take long to compile.
const MAX_PATTERN: usize = 200;

/// How charts are looked at.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) axis: XAxis,
    pub(super) sight: ChartViewport,
    pub(super) maximized: bool,
    /// Number of the selected chart among those that pass the filter.
    pub(super) selected: usize,
    smoothing: usize,
    /// Charts whose scale is not what it is at first.
    rescaled: BTreeSet<String>,
    /// Charts across and down that a person chose.
    grid: Option<(u16, u16)>,
    filter: Option<Regex>,
}

impl View {
    /// Factor of the smoothing, 0 for none.
    pub(super) fn factor(&self) -> f64 {
        FACTORS[self.smoothing]
    }

    pub(super) fn smoothen(&mut self, more: bool) {
        self.smoothing = if more {
            (self.smoothing + 1).min(FACTORS.len() - 1)
        } else {
            self.smoothing.saturating_sub(1)
        };
    }

    pub(super) fn is_log(&self, chart: &ChartSpec) -> bool {
        chart.log != self.rescaled.contains(&chart.title)
    }

    pub(super) fn rescale(&mut self, title: &str) {
        if !self.rescaled.remove(title) {
            self.rescaled.insert(title.to_owned());
        }
    }

    /// Another axis; what is shown of the old one has no place on it.
    pub(super) fn next_axis(&mut self) {
        self.axis = self.axis.next();
        self.sight.reset();
    }

    /// Everything as it was at first.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The next of the usual grids, in a place of so many cells.
    pub(super) fn next_grid(&mut self, place: (u16, u16)) {
        self.maximized = false;
        let now = self.wanted(place);
        let size = |grid: (u16, u16)| grid.0 * grid.1;
        let next = GRIDS.iter().find(|grid| size(**grid) > size(now));
        self.grid = Some(*next.unwrap_or(&GRIDS[0]));
    }

    /// So many columns and rows more. One that has no room is not added.
    ///
    /// # Errors
    /// Why the grid stays as it is.
    pub(super) fn resize_grid(
        &mut self,
        (columns, rows): (i16, i16),
        place: (u16, u16),
    ) -> Result<(), String> {
        self.maximized = false;
        let now = self.grid(place);
        let next = (
            now.0.saturating_add_signed(columns).clamp(1, MOST),
            now.1.saturating_add_signed(rows).clamp(1, MOST),
        );
        let before = self.grid.replace(next);
        if self.grid(place) != now {
            return Ok(());
        }
        self.grid = before;
        Err(match (columns, rows) {
            (..0, _) => "already a single column".to_owned(),
            (_, ..0) => "already a single row".to_owned(),
            _ => format!(
                "no room for more: a chart needs at least {} × {} cells",
                LEAST.0, LEAST.1
            ),
        })
    }

    fn wanted(&self, (width, height): (u16, u16)) -> (u16, u16) {
        self.grid.unwrap_or(match (width, height) {
            (110.., 30..) => (3, 2),
            _ => (2, 2),
        })
    }

    /// Takes over what was kept.
    pub(super) fn apply_layout(&mut self, layout: &Layout) {
        self.grid = layout.grid;
        self.axis = layout.axis;
        self.smoothing = usize::from(layout.smoothing).min(FACTORS.len() - 1);
        self.rescaled.clone_from(&layout.rescaled);
    }

    /// Puts what is to be kept into a layout.
    pub(super) fn note(&self, layout: &mut Layout) {
        layout.grid = self.grid;
        layout.axis = self.axis;
        layout.smoothing = self.smoothing as u8;
        layout.rescaled.clone_from(&self.rescaled);
    }

    /// Charts across and down in a place of so many cells: as wanted, or fewer
    /// if they would be too small to read.
    pub(super) fn grid(&self, place: (u16, u16)) -> (u16, u16) {
        if self.maximized {
            return (1, 1);
        }
        let (columns, rows) = self.wanted(place);
        (
            // A column stands between two charts.
            columns
                .min(place.0.saturating_add(1) / (LEAST.0 + 1))
                .max(1),
            rows.min(place.1 / LEAST.1).max(1),
        )
    }

    /// Shows only charts of which the title or a curve matches.
    ///
    /// # Errors
    /// Why the text is no regular expression.
    pub(super) fn set_filter(&mut self, text: &str) -> Result<(), String> {
        self.selected = 0;
        if text.is_empty() {
            self.filter = None;
            return Ok(());
        }
        if text.len() > MAX_PATTERN {
            return Err(format!("a filter has at most {MAX_PATTERN} characters"));
        }
        let regex = RegexBuilder::new(text).case_insensitive(true).build();
        self.filter = Some(regex.map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim().to_owned();
            format!("`{text}` is not a regular expression: {reason}; write loss|lr")
        })?);
        Ok(())
    }

    pub(super) fn filter(&self) -> &str {
        self.filter.as_ref().map_or("", Regex::as_str)
    }

    /// Whether a chart passes the filter.
    pub(super) fn shows(&self, chart: &ChartSpec) -> bool {
        self.filter.as_ref().is_none_or(|filter| {
            filter.is_match(&chart.title)
                || chart
                    .curves
                    .iter()
                    .any(|curve| filter.is_match(&curve.name))
        })
    }
}
