//! The box that dialogs are drawn in, and what its keys mean.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Margin, Rect};
use ratatui::widgets::{Block, Clear};

use crate::ui::action::{Action, Context};
use crate::ui::keymap::{Chord, Keymap};
use crate::ui::theme::Theme;

/// Columns of text that are read with ease.
pub(super) const READABLE: u16 = 64;

/// A box of at most `width` by `height` cells in the middle of an area.
pub(super) fn place((width, height): (u16, u16), area: Rect) -> Rect {
    area.centered(Constraint::Max(width), Constraint::Max(height))
}

/// What is inside the border of a box.
pub(super) fn inside(place: Rect) -> Rect {
    place.inner(Margin::new(2, 1))
}

/// Clears a box, draws its border, and returns its inside.
pub(super) fn open(title: &str, place: Rect, theme: &Theme, frame: &mut Frame) -> Rect {
    let mut block = Block::bordered().border_style(theme.border(true));
    if !title.is_empty() {
        block = block.title(format!(" {title} "));
    }
    frame.render_widget(Clear, place);
    frame.render_widget(block, place);
    inside(place)
}

/// What a key means in every dialog. Enter and escape do what they say whatever
/// the keymap says, so that no dialog is a trap; a letter means nothing, for
/// somebody may be typing while it opens.
pub(super) fn meaning(key: KeyEvent, keymap: &Keymap) -> Option<Action> {
    let chord = Chord::of(key);
    match key.code {
        KeyCode::Enter => Some(Action::Activate),
        KeyCode::Esc => Some(Action::Back),
        _ if chord.is_text() => None,
        _ => keymap.action(chord, &[Context::Global]),
    }
}

/// Whether a key is a letter by itself.
pub(super) fn is_letter(key: KeyEvent) -> bool {
    Chord::of(key).is_text()
}

/// The key of an action in a dialog, for people.
pub(super) fn key(action: Action, keymap: &Keymap) -> String {
    keymap
        .key_while_typing(action)
        .unwrap_or_else(|| match action {
            Action::Activate => "enter".to_owned(),
            Action::Back => "esc".to_owned(),
            _ => String::new(),
        })
}

/// Lines above the view of a text after a movement, `most` at most.
pub(super) fn scrolled(above: usize, action: Action, page: usize, most: usize) -> usize {
    let above = above.min(most);
    let moved = match action {
        Action::Up => above.saturating_sub(1),
        Action::Down => above + 1,
        Action::PageUp => above.saturating_sub(page.max(1)),
        Action::PageDown => above + page.max(1),
        Action::First => 0,
        Action::Last => most,
        _ => above,
    };
    moved.min(most)
}
