//! Where the panels stand; asked by drawing and by the mouse alike.

use ratatui::layout::{Constraint, Layout, Rect};

use super::Inference;
use crate::ui::layout::Panes;
use crate::ui::widget::Border;
use crate::ui::widget::border::share_of;

/// Narrower than this, the selected image is shown alone or not at all.
const NARROW: u16 = 68;

/// From this width on a smaller share is enough for the image.
const WIDE: u16 = 120;

/// Fewest columns to which the table or the image can be dragged.
const NARROWEST: u16 = 24;

/// Where the panels stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Areas {
    /// What is asked, and how far it is.
    pub(super) setup: Rect,
    /// Everything below.
    pub(super) main: Rect,
    /// The results.
    pub(super) table: Rect,
    /// The selected image.
    pub(super) detail: Rect,
}

impl Inference {
    /// Takes over where the border was before.
    pub(in crate::ui) fn apply_layout(&mut self, panes: &Panes) {
        self.border = Border::at(panes.classified);
    }

    /// Columns that the image was given.
    pub(in crate::ui) fn border(&self) -> Option<u16> {
        self.border.given()
    }
}

/// The panels of an area. The image has the width that its border was dragged to,
/// or all of it where it is shown alone.
pub(super) fn areas(area: Rect, alone: bool, border: Border) -> Areas {
    let setup = if area.height < 12 { 3 } else { 5 };
    let [setup, main] =
        Layout::vertical([Constraint::Length(setup), Constraint::Fill(1)]).areas(area);
    let share = if area.width < WIDE { 40 } else { 36 };
    let usual = share_of(area.width, share);
    let detail = match (alone, area.width) {
        (true, width) => width,
        (false, 0..NARROW) => 0,
        (false, width) => border.width(usual, NARROWEST, width),
    };
    let [table, detail] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(detail)]).areas(main);
    Areas {
        setup,
        main,
        table,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_fit_into_any_area() {
        for width in [0, 1, 40, 68, 200] {
            for height in [0, 2, 11, 24, 60] {
                for alone in [false, true] {
                    let area = Rect::new(0, 1, width, height);
                    let areas = areas(area, alone, Border::at(Some(height)));
                    for panel in [areas.setup, areas.main, areas.table, areas.detail] {
                        assert_eq!(panel.intersection(area), panel, "{area:?}");
                    }
                }
            }
        }
    }
}
