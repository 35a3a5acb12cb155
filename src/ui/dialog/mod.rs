//! What stands over the screen and takes every key until it is gone.

mod confirm;
mod conflict;
mod frame;
mod help;
mod palette;
mod prompt;

use crossterm::event::KeyEvent;
use ratatui::Frame;
use ratatui::layout::Rect;

pub use self::confirm::Confirm;
pub use self::conflict::Conflict;
pub use self::help::Help;
pub use self::palette::Palette;
pub use self::prompt::{Prompt, Purpose};
use super::action::Action;
use super::effect::Effect;
use super::keymap::Keymap;
use super::theme::Theme;

/// What is open.
#[derive(Debug)]
pub enum Dialog {
    /// Every key.
    Help(Help),
    /// Actions by name.
    Palette(Palette),
    /// A line of text is asked for.
    Prompt(Prompt),
    /// Yes or no.
    Confirm(Confirm),
    /// A file that was changed here and on disk.
    Conflict(Conflict),
}

/// What a key did to a dialog.
#[derive(Debug)]
pub enum Answer {
    /// It is still open.
    Open(Dialog),
    /// It was left.
    Closed,
    /// An action was chosen.
    Chosen(Action),
    /// Something was confirmed.
    Confirmed(Effect),
    /// A text was given.
    Given(Purpose, String),
}

impl Dialog {
    pub(super) fn key(self, key: KeyEvent) -> Answer {
        match self {
            Self::Help(help) => help.key(key),
            Self::Palette(palette) => palette.key(key),
            Self::Prompt(prompt) => prompt.key(key),
            Self::Confirm(confirm) => confirm.key(key),
            Self::Conflict(conflict) => conflict.key(key),
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        match self {
            Self::Palette(palette) => palette.paste(text),
            Self::Prompt(prompt) => prompt.paste(text),
            Self::Help(_) | Self::Confirm(_) | Self::Conflict(_) => {}
        }
    }

    pub(super) fn draw(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        match self {
            Self::Help(help) => help.draw(theme, keymap, frame, area),
            Self::Palette(palette) => palette.draw(theme, keymap, frame, area),
            Self::Prompt(prompt) => prompt.draw(theme, frame, area),
            Self::Confirm(confirm) => confirm.draw(theme, frame, area),
            Self::Conflict(conflict) => conflict.draw(theme, frame, area),
        }
    }
}
