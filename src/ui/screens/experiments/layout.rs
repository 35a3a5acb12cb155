//! Where the panes stand, for drawing and for the mouse alike.
//!
//! ```text
//! ┌ list ┐┌ editor ─────────────┐┌ plan ─────┐
//! │      ││ text                ││           │
//! │──────││─────────────────────││           │
//! │detail││ errors            ││           │
//! │      ││ help                ││           │
//! └──────┘└─────────────────────┘└───────────┘
//! ```

use ratatui::layout::{Constraint, Layout, Rect};

use super::Experiments;
use super::editor::{help, problems};
use crate::ui::layout;
use crate::ui::widget::Border;

/// From this width on there is room for the plan beside list and editor.
const WIDE: u16 = 140;

/// From this width on the plan stands beside the text that is edited, in place of
/// the list.
const EDITING_WIDE: u16 = 110;

/// Width of the plan where there is room.
const PLAN: u16 = 58;

/// Width of the plan in place of the list.
const SLIM_PLAN: u16 = 46;

/// Below this width, either the list or the editor is shown.
const NARROW: u16 = 60;

/// Rows of the details below the list, their heading included.
const DETAILS: u16 = 7;

/// Fewest cells to which a pane can be dragged.
const NARROWEST: u16 = 20;

/// Where the borders between the panes were dragged to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Borders {
    /// Of the list, on its right.
    pub list: Border,
    /// Of the plan, on its left.
    pub plan: Border,
}

impl Experiments {
    /// Takes over where the borders were before.
    pub(in crate::ui) fn apply_layout(&mut self, panes: &layout::Panes) {
        self.borders = Borders {
            list: Border::at(panes.experiments),
            plan: Border::at(panes.plan),
        };
    }

    /// Columns that the list and the plan were given.
    pub(in crate::ui) fn borders(&self) -> (Option<u16>, Option<u16>) {
        (self.borders.list.given(), self.borders.plan.given())
    }
}

/// Where the panes stand; what is not shown has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Panes {
    /// The list of files, border included.
    pub list: Option<Rect>,
    /// The editor, border included.
    pub editor: Option<Rect>,
    /// The plan, border included.
    pub plan: Option<Rect>,
}

/// What is inside the list's border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListAreas {
    /// Files, a row each.
    pub rows: Rect,
    /// What is known of the selected one.
    pub details: Rect,
    /// The filter, where there is one.
    pub filter: Rect,
}

/// What is inside the editor's border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditorAreas {
    /// What somebody else did to the file, where that is to be shown.
    pub notice: Rect,
    /// The text with its line numbers.
    pub text: Rect,
    /// Errors.
    pub problems: Rect,
    /// The line between them and what is below.
    pub rule: Rect,
    /// What stands at the cursor.
    pub help: Rect,
}

/// The panes of an area. `plan` is what a person requested; without that, the
/// plan is shown where there is room.
#[must_use]
pub fn panes(area: Rect, editing: bool, plan: Option<bool>, borders: Borders) -> Panes {
    let wide = area.width >= WIDE;
    let plan = plan.unwrap_or(wide || editing && area.width >= EDITING_WIDE);
    let usual = (area.width / 5).clamp(30, 40);
    let list = Constraint::Length(borders.list.width(usual, NARROWEST, area.width));
    if area.width < NARROW {
        let pane = Some(area);
        return match (plan, editing) {
            (true, _) => Panes {
                plan: pane,
                ..Panes::default()
            },
            (false, true) => Panes {
                editor: pane,
                ..Panes::default()
            },
            (false, false) => Panes {
                list: pane,
                ..Panes::default()
            },
        };
    }
    if wide && plan {
        // The editor between them keeps its room, however they are dragged.
        let left = borders.list.width(usual, NARROWEST, area.width / 2);
        let right = borders.plan.width(PLAN, NARROWEST, area.width - left);
        let columns = [left, area.width - left - right, right].map(Constraint::Length);
        let [list, editor, plan] = Layout::horizontal(columns).areas(area);
        return Panes {
            list: Some(list),
            editor: Some(editor),
            plan: Some(plan),
        };
    }
    let columns = if plan && editing {
        let usual = (area.width / 2).min(SLIM_PLAN);
        let right = borders.plan.width(usual, NARROWEST, area.width);
        [Constraint::Fill(1), Constraint::Length(right)]
    } else {
        [list, Constraint::Fill(1)]
    };
    let [left, right] = Layout::horizontal(columns).areas(area);
    let (left, right) = (Some(left), Some(right));
    match (plan, editing) {
        (true, true) => Panes {
            list: None,
            editor: left,
            plan: right,
        },
        (true, false) => Panes {
            list: left,
            editor: None,
            plan: right,
        },
        (false, _) => Panes {
            list: left,
            editor: right,
            plan: None,
        },
    }
}

/// The inside of a pane.
#[must_use]
pub fn inside(pane: Rect) -> Rect {
    pane.inner(ratatui::layout::Margin::new(1, 1))
}

/// The parts of the list.
#[must_use]
pub fn list(pane: Rect, filtered: bool) -> ListAreas {
    let area = inside(pane);
    let details = if area.height >= DETAILS * 2 {
        DETAILS
    } else {
        0
    };
    let [rows, details, filter] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(details),
        Constraint::Length(u16::from(filtered)),
    ])
    .areas(area);
    ListAreas {
        rows,
        details,
        filter,
    }
}

/// The parts of the editor, with a line for a notice if there is one.
#[must_use]
pub fn editor(pane: Rect, errors: usize, notice: bool) -> EditorAreas {
    let area = inside(pane);
    let below = if area.height >= 3 * help::HEIGHT {
        help::HEIGHT
    } else {
        0
    };
    let errors = problems::height(errors, area.height);
    let [notice, text, problems, rule, help] = Layout::vertical([
        Constraint::Length(u16::from(notice)),
        Constraint::Fill(1),
        Constraint::Length(errors),
        Constraint::Length(u16::from(below > 0)),
        Constraint::Length(below),
    ])
    .areas(area);
    EditorAreas {
        notice,
        text,
        problems,
        rule,
        help,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panes_fill_the_area_side_by_side_and_what_is_edited_is_shown() {
        for width in 0..250 {
            let area = Rect::new(0, 1, width, 30);
            for editing in [false, true] {
                for plan in [None, Some(false), Some(true)] {
                    let panes = panes(area, editing, plan, Borders::default());
                    let shown = [panes.list, panes.editor, panes.plan];
                    let sum: u16 = shown.iter().flatten().map(|pane| pane.width).sum();
                    assert_eq!(sum, width);
                    assert!(!editing || panes.editor.is_some() || plan == Some(true));
                    assert!(plan != Some(true) || panes.plan.is_some());
                }
            }
        }
    }
}
