//! The box that dialogs are drawn in.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::widgets::{Block, Clear, Padding};

use crate::ui::theme::Theme;

/// Clears a box of at most `width` by `height` cells in the middle, draws its
/// border, and returns its inside.
pub(super) fn open(
    title: &str,
    (width, height): (u16, u16),
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) -> Rect {
    let place = area.centered(Constraint::Max(width), Constraint::Max(height));
    let block = Block::bordered()
        .title(format!(" {title} "))
        .padding(Padding::horizontal(1))
        .border_style(theme.border(true));
    let inside = block.inner(place);
    frame.render_widget(Clear, place);
    frame.render_widget(block, place);
    inside
}
