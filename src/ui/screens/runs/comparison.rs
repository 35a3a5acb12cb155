//! Comparing runs: which ones, their curves over one another and what differs
//! between them.

use crossterm::event::MouseEvent;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::overlay::{Compared, Overlay};
use super::{PAGE, RunsTable, View, diff};
use crate::store::Runs;
use crate::ui::action::{Action, Context};

/// From this height on curves and differences are shown together.
const TALL: u16 = 36;

/// How far a comparison is scrolled.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Comparison {
    pub(super) above: usize,
    pub(super) before: usize,
}

impl RunsTable {
    /// Where keys count, innermost first.
    pub(in crate::ui) fn contexts(&self) -> Vec<Context> {
        match self.view {
            View::Overlay => vec![Context::Overlay, Context::Runs],
            View::Pareto => vec![Context::Pareto, Context::Runs],
            View::Runs | View::Trash | View::Diff => vec![Context::Runs],
        }
    }

    /// Whether one quantity is drawn alone of all that can be.
    pub(in crate::ui) fn draws_one_alone(&self) -> bool {
        self.overlay.alone
    }

    /// Brings what is derived of the compared runs up to date, while their
    /// curves are shown.
    pub(super) fn renew_overlay(&mut self, runs: &Runs) {
        if self.view == View::Overlay {
            self.change_overlay(runs, Overlay::update);
        }
    }

    /// Changes the curves by what the compared runs are.
    fn change_overlay(&mut self, runs: &Runs, change: impl FnOnce(&mut Overlay, &[Compared])) {
        // It is taken out, because the runs are looked up in what stays.
        let mut overlay = std::mem::take(&mut self.overlay);
        change(&mut overlay, &self.compared(runs));
        self.overlay = overlay;
    }

    pub(super) fn act_on_comparison(&mut self, action: Action, runs: &Runs) {
        let sideways = matches!(action, Action::Left | Action::Right);
        if self.view == View::Overlay && (sideways || action.entry().context == Context::Overlay) {
            return self.change_overlay(runs, |overlay, compared| overlay.act(action, compared));
        }
        let compared = self.compared(runs);
        let (rows, most) = (diff::rows(&compared), compared.len().saturating_sub(1));
        let comparison = &mut self.comparison;
        match action {
            Action::Left => comparison.before = comparison.before.saturating_sub(1),
            Action::Right => comparison.before = (comparison.before + 1).min(most),
            Action::Up => comparison.above = comparison.above.saturating_sub(1),
            Action::Down => comparison.above = (comparison.above + 1).min(rows),
            Action::PageUp => comparison.above = comparison.above.saturating_sub(PAGE),
            Action::PageDown => comparison.above = (comparison.above + PAGE).min(rows),
            Action::First => comparison.above = 0,
            Action::Last => comparison.above = rows,
            _ => {}
        }
    }

    pub(super) fn is_comparison(&self) -> bool {
        matches!(self.view, View::Overlay | View::Diff)
    }

    /// The runs that are compared, with their places.
    pub(super) fn compared<'a>(&'a self, runs: &'a Runs) -> Vec<Compared<'a>> {
        let selected = self.runs.selected();
        let compared = self.marks.compared(selected).into_iter();
        compared
            .filter_map(|(place, name)| Some((place, self.runs.subject(name, runs.get(name)?)?)))
            .collect()
    }

    /// Curves and differences: below one another where there is room.
    pub(super) fn halves(&self, area: Rect) -> (Option<Rect>, Option<Rect>) {
        match self.view {
            View::Overlay if area.height >= TALL => {
                let halves = [Constraint::Percentage(60), Constraint::Fill(1)];
                let [above, below] = Layout::vertical(halves).areas(area);
                (Some(above), Some(below))
            }
            View::Overlay => (Some(area), None),
            _ => (None, Some(area)),
        }
    }

    /// Gives the mouse to the curves, if it is on them. Returns whether it is.
    pub(super) fn mouse_on_curves(&mut self, mouse: MouseEvent, area: Rect, runs: &Runs) -> bool {
        let cell = Position::new(mouse.column, mouse.row);
        let (Some(place), _) = self.halves(area) else {
            return false;
        };
        if !place.contains(cell) && !self.overlay.is_held() {
            return false;
        }
        self.change_overlay(runs, |overlay, compared| {
            overlay.mouse(mouse, place, compared);
        });
        self.renew_overlay(runs);
        true
    }
}
