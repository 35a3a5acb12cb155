//! Which row of a list is selected, which rows are in view and which stands at a
//! cell.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::cells::Cells;
use crate::ui::action::Action;

/// Rows that a page moves by where the height is not known.
const PAGE: usize = 10;

/// The selected row of a list whose length may change at any time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Selection {
    at: usize,
}

impl Selection {
    /// The selected row of `length` rows; none of none.
    #[must_use]
    pub fn get(self, length: usize) -> Option<usize> {
        (length > 0).then(|| self.at.min(length - 1))
    }

    /// Selects a row.
    pub fn set(&mut self, at: usize) {
        self.at = at;
    }

    /// Moves as an action says. Returns whether it says so.
    pub fn act(&mut self, action: Action, length: usize) -> bool {
        let last = length.saturating_sub(1);
        let at = self.at.min(last);
        self.at = match action {
            Action::Up => at.saturating_sub(1),
            Action::Down => (at + 1).min(last),
            Action::PageUp => at.saturating_sub(PAGE),
            Action::PageDown => (at + PAGE).min(last),
            Action::First => 0,
            Action::Last => last,
            _ => return false,
        };
        true
    }

    /// The rows in view of `height` rows of screen, with the selected one among
    /// them and near the middle.
    #[must_use]
    pub fn window(self, length: usize, height: usize) -> Range<usize> {
        let at = self.get(length).unwrap_or(0);
        let most = length.saturating_sub(height);
        let start = at.saturating_sub(height / 2).min(most);
        start..(start + height).min(length)
    }

    /// The row of `length` rows at a cell, where they stand in `area`.
    #[must_use]
    pub fn row_at(self, length: usize, area: Rect, cell: Position) -> Option<usize> {
        let window = self.window(length, usize::from(area.height));
        let row = window.start + usize::from(cell.y.checked_sub(area.y)?);
        (area.contains(cell) && window.contains(&row)).then_some(row)
    }
}

/// Draws the rows in view, each by `row`, the selected one marked.
pub fn draw_rows(
    (length, selection): (usize, Selection),
    (style, area): (Style, Rect),
    buffer: &mut Buffer,
    mut row: impl FnMut(usize, &mut Cells),
) {
    let selected = selection.get(length);
    let window = selection.window(length, usize::from(area.height));
    for (line, at) in window.enumerate() {
        let mut cells = Cells::line(buffer, area, line);
        if selected == Some(at) {
            cells.style(style);
        }
        row(at, &mut cells);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selection_stays_inside_a_list_that_shrinks() {
        let mut selection = Selection::default();
        assert_eq!(selection.get(0), None);
        selection.act(Action::Last, 10);
        assert_eq!(selection.get(10), Some(9));
        assert_eq!(selection.get(3), Some(2));
        selection.act(Action::Up, 3);
        assert_eq!(selection.get(10), Some(1));
        assert!(!selection.act(Action::Help, 3));
    }

    #[test]
    fn the_window_is_full_and_holds_the_selection() {
        let mut selection = Selection::default();
        for at in 0..20 {
            selection.set(at);
            let window = selection.window(20, 7);
            assert_eq!(window.len(), 7);
            assert!(window.contains(&at), "{at} {window:?}");
        }
        assert_eq!(selection.window(3, 7), 0..3);
        assert!(selection.window(5, 0).is_empty());
    }
}
