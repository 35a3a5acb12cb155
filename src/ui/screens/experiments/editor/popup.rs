//! The list of what can be written, at the cursor.
//!
//! ```text
//!     lr: Co│
//!         ┌────────────────────────────┐
//!         │ Constant  Constant(number) │
//!         │ Cosine    Cosine(from, to… │
//!         └────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::completion::{Candidate, Completion};
use crate::ui::theme::Theme;

/// Candidates in view at once.
const MOST: u16 = 8;

/// Greatest width, borders included.
const WIDEST: u16 = 64;

/// Where the list goes: below the cursor, or above it where there is more room.
#[must_use]
pub fn area(cursor: Position, count: usize, wide: u16, within: Rect) -> Rect {
    let wanted = (count.min(MOST as usize) as u16).saturating_add(2);
    let below = within.bottom().saturating_sub(cursor.y.saturating_add(1));
    let above = cursor.y.saturating_sub(within.y);
    let (y, height) = if below >= wanted || below >= above {
        (cursor.y.saturating_add(1), wanted.min(below))
    } else {
        let height = wanted.min(above);
        (cursor.y - height, height)
    };
    let width = wide.min(WIDEST).min(within.width);
    // Behind the border, so that candidates stand below what was typed.
    let x = cursor
        .x
        .saturating_sub(1)
        .min(within.right().saturating_sub(width))
        .max(within.x);
    Rect::new(x, y, width, height).intersection(within)
}

/// Draws it for a cursor at a cell.
pub fn draw(list: &Completion, cursor: Position, theme: &Theme, frame: &mut Frame, within: Rect) {
    let cells = |pick: fn(&Candidate) -> &String| {
        let widths = list.found.iter().map(|one| pick(one).chars().count());
        widths.max().unwrap_or(0)
    };
    let (label, detail) = (cells(|one| &one.label), cells(|one| &one.detail));
    let wide = (label + detail).min(WIDEST as usize) as u16 + 4;
    let area = area(cursor, list.found.len(), wide, within);
    let block = Block::bordered().border_style(theme.border(true));
    let inside = block.inner(area);
    if inside.is_empty() {
        return;
    }
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    let rows = list
        .selection
        .window(list.found.len(), inside.height as usize);
    let selected = list.selection.get(list.found.len());
    let column = label.min(inside.width as usize * 2 / 3);
    let lines: Vec<Line> = rows
        .map(|at| {
            let candidate = &list.found[at];
            let line = Line::from(vec![
                Span::raw(format!("{:column$}  ", candidate.label)),
                Span::styled(candidate.detail.as_str(), theme.muted()),
            ]);
            if Some(at) == selected {
                line.style(theme.selection())
            } else {
                line
            }
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inside);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_stays_inside_wherever_the_cursor_is() {
        for (width, height) in [(0, 0), (1, 1), (30, 5), (100, 40)] {
            let within = Rect::new(3, 2, width, height);
            for x in 0..110 {
                for y in 0..50 {
                    let place = area(Position::new(x, y), 20, 70, within);
                    assert_eq!(place.intersection(within), place);
                }
            }
        }
    }
}
