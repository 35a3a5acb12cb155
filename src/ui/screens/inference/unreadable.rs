//! Files that could not be read, and why.
//!
//! ```text
//! ┌ 2 files could not be read ───────────────────────┐
//! │ new/broken.png   the file ends too early         │
//! │ new/notes.jpg    not an image: unknown format    │
//! └──────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::results::Results;
use crate::format::{count, shorten_path};
use crate::ui::theme::Theme;
use crate::ui::widget::gallery::{inside, panel};
use crate::ui::widget::list::draw_rows;
use crate::ui::widget::{Selection, notice};

/// The file at a cell of the panel.
pub(super) fn row_at(
    selection: Selection,
    files: usize,
    area: Rect,
    position: Position,
) -> Option<usize> {
    selection.row_at(files, inside(area), position)
}

pub(super) fn draw(
    results: &Results,
    selection: Selection,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let files = &results.unreadable;
    let title = match files.len() {
        1 => " 1 unreadable file ".to_owned(),
        number => format!(" {} unreadable files ", count(number as u64)),
    };
    let inside = panel(title, true, theme, frame, area);
    if files.is_empty() {
        notice::draw("No unreadable files", &[], theme, frame, inside);
        return;
    }
    let rows = (files.len(), selection);
    let style = (theme.selection(), inside);
    draw_rows(rows, style, frame.buffer_mut(), |at, cells| {
        let width = cells.rest() * 2 / 5;
        let path = files[at].path.to_string_lossy();
        cells
            .text(width, &shorten_path(&path, width), Style::new())
            .skip(1);
        let rest = cells.rest();
        cells.text(rest, &files[at].reason, theme.muted());
    });
}
