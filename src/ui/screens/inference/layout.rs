//! Where the panels stand; asked by drawing and by the mouse alike.

use ratatui::layout::{Constraint, Layout, Rect};

/// Narrower than this, the selected image is shown alone or not at all.
const NARROW: u16 = 68;

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

pub(super) fn areas(area: Rect, alone: bool) -> Areas {
    let setup = if area.height < 12 { 3 } else { 5 };
    let [setup, main] =
        Layout::vertical([Constraint::Length(setup), Constraint::Fill(1)]).areas(area);
    let detail = match (alone, area.width) {
        (true, _) => 100,
        (false, 0..NARROW) => 0,
        (false, NARROW..120) => 40,
        (false, _) => 36,
    };
    let [table, detail] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Percentage(detail)]).areas(main);
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
                    let areas = areas(area, alone);
                    for panel in [areas.setup, areas.main, areas.table, areas.detail] {
                        assert_eq!(panel.intersection(area), panel, "{area:?}");
                    }
                }
            }
        }
    }
}
