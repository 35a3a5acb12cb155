//! What keys mean to `edtui`, in either of its manners.

use crossterm::event::KeyCode;
use edtui::events::{KeyEventRegister, KeyInput};
use edtui::{EditorEventHandler, EditorMode};

use crate::ui::settings::EditorKeys;

/// The mode that one is in without having requested another.
pub(super) fn resting(keys: EditorKeys) -> EditorMode {
    match keys {
        EditorKeys::Emacs => EditorMode::Insert,
        EditorKeys::Vim => EditorMode::Normal,
    }
}

/// Whether `edtui` has a name for a key; it panics at others.
pub(super) fn is_known(code: KeyCode) -> bool {
    matches!(
        code,
        KeyCode::Char(_)
            | KeyCode::Enter
            | KeyCode::Esc
            | KeyCode::Backspace
            | KeyCode::Delete
            | KeyCode::Tab
            | KeyCode::Left
            | KeyCode::Right
            | KeyCode::Up
            | KeyCode::Down
            | KeyCode::Home
            | KeyCode::End
            | KeyCode::PageUp
            | KeyCode::PageDown
    )
}

/// What keys mean in a text.
pub(super) fn handler(keys: EditorKeys) -> EditorEventHandler {
    match keys {
        EditorKeys::Vim => EditorEventHandler::vim_mode(),
        EditorKeys::Emacs => {
            let mut handler = EditorEventHandler::emacs_mode();
            // Its own history and search would stand beside ours.
            for letter in ['u', 'r', 's'] {
                let chord = KeyEventRegister::i(vec![KeyInput::ctrl(letter)]);
                handler.key_handler.remove(&chord);
            }
            handler
        }
    }
}
