//! Charts beside and below one another.

use ratatui::layout::{Constraint, Layout, Rect};

/// The places of charts on a page, row by row, with a column between them.
#[must_use]
pub fn cells(area: Rect, (columns, rows): (u16, u16)) -> Vec<Rect> {
    let down = Layout::vertical(vec![Constraint::Fill(1); rows.into()]).split(area);
    down.iter()
        .flat_map(|row| {
            let across = Layout::horizontal(vec![Constraint::Fill(1); columns.into()])
                .spacing(1)
                .split(*row);
            across.to_vec()
        })
        .collect()
}
