//! What stands over the screen and takes every key and click until it is gone.

mod buttons;
mod choice;
mod columns;
mod confirm;
mod conflict;
mod folders;
mod frame;
mod help;
mod palette;
mod picker;
mod prompt;
mod quit;
#[cfg(test)]
mod tests;

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::Rect;

use self::buttons::Button;
pub use self::choice::Choice;
use self::choice::Picked;
pub use self::columns::{Choosable, ColumnChooser};
pub use self::confirm::Confirm;
pub use self::conflict::Conflict;
pub use self::help::Help;
pub use self::palette::Palette;
pub use self::prompt::{Prompt, Purpose};
pub use self::quit::Leaving;
use super::action::Action;
use super::effect::Effect;
use super::keymap::Keymap;
use super::theme::Theme;

/// Lines that a notch of the wheel scrolls by.
const NOTCH: usize = 3;

/// What is open.
#[derive(Debug)]
pub enum Dialog {
    /// Every key.
    Help(Help),
    /// Actions by name.
    Palette(Palette),
    /// Fields of runs, to choose columns from.
    Columns(ColumnChooser),
    /// A line of text is requested.
    Prompt(Prompt),
    /// Yes or no.
    Confirm(Confirm),
    /// A file that was changed here and on disk.
    Conflict(Conflict),
    /// Leaving the workbench.
    Quit(Choice<Leaving>),
    /// One of several requests.
    Choose(Choice<Vec<Effect>>),
}

/// What a key or a click did to a dialog.
#[derive(Debug)]
pub enum Answer {
    /// It is still open.
    Open(Dialog),
    /// It is still open, and waits for an answer.
    Waiting(Dialog, Effect),
    /// It was left.
    Closed,
    /// An action was chosen.
    Chosen(Action),
    /// Columns were chosen, and it is still open.
    ColumnsChosen(Dialog, Vec<String>),
    /// Something was confirmed: these requests, in order.
    Confirmed(Vec<Effect>),
    /// A text was given.
    Given(Purpose, String),
    /// The workbench is to be left.
    Left(Leaving),
}

impl Dialog {
    pub(super) fn key(self, key: KeyEvent, keymap: &Keymap, area: Rect) -> Answer {
        match self {
            Self::Help(help) => help.key(key, keymap, area),
            Self::Palette(palette) => palette.key(key, keymap),
            Self::Columns(columns) => columns.key(key, keymap),
            Self::Prompt(prompt) => prompt.key(key),
            Self::Confirm(confirm) => confirm.key(key, keymap),
            Self::Conflict(conflict) => conflict.key(key, keymap, area),
            Self::Quit(quit) => leaving(quit.key(key, keymap)),
            Self::Choose(choice) => chosen(choice.key(key, keymap)),
        }
    }

    pub(super) fn mouse(self, mouse: MouseEvent, keymap: &Keymap, area: Rect) -> Answer {
        match self {
            Self::Help(help) => help.mouse(mouse, keymap, area),
            Self::Palette(palette) => palette.mouse(mouse, area),
            Self::Columns(columns) => columns.mouse(mouse, area),
            Self::Prompt(prompt) => prompt.mouse(mouse, area),
            Self::Confirm(confirm) => confirm.mouse(mouse, area),
            Self::Conflict(conflict) => conflict.mouse(mouse, keymap, area),
            Self::Quit(quit) => leaving(quit.mouse(mouse, keymap, area)),
            Self::Choose(choice) => chosen(choice.mouse(mouse, keymap, area)),
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        match self {
            Self::Palette(palette) => palette.paste(text),
            Self::Columns(columns) => columns.paste(text),
            Self::Prompt(prompt) => prompt.paste(text),
            Self::Help(help) => help.paste(text),
            Self::Confirm(_) | Self::Conflict(_) | Self::Quit(_) | Self::Choose(_) => {}
        }
    }

    /// What its keys do, for the line at the bottom: keys and words.
    pub(super) fn hints(&self, keymap: &Keymap) -> Vec<(String, &'static str)> {
        let buttons: Vec<Button> = match self {
            Self::Help(help) => help.hints(keymap).into(),
            Self::Palette(_) => palette::hints(keymap).into(),
            Self::Columns(_) => columns::hints(keymap).into(),
            Self::Prompt(prompt) => prompt.choices(),
            Self::Confirm(_) => confirm::choices().into(),
            Self::Conflict(conflict) => conflict.buttons(keymap),
            Self::Quit(_) | Self::Choose(_) => choice::keys(keymap).into(),
        };
        buttons.into_iter().filter_map(Button::hint).collect()
    }

    pub(super) fn draw(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        match self {
            Self::Help(help) => help.draw(theme, keymap, frame, area),
            Self::Palette(palette) => palette.draw(theme, keymap, frame, area),
            Self::Columns(columns) => columns.draw(theme, frame, area),
            Self::Prompt(prompt) => prompt.draw(theme, frame, area),
            Self::Confirm(confirm) => confirm.draw(theme, frame, area),
            Self::Conflict(conflict) => conflict.draw(theme, keymap, frame, area),
            Self::Quit(quit) => quit.draw(theme, keymap, frame, area),
            Self::Choose(choice) => choice.draw(theme, keymap, frame, area),
        }
    }
}

fn leaving(picked: Picked<Leaving>) -> Answer {
    match picked {
        Picked::Open(quit) => Answer::Open(Dialog::Quit(quit)),
        Picked::Closed | Picked::Chosen(Leaving::Stay) => Answer::Closed,
        Picked::Chosen(leaving) => Answer::Left(leaving),
    }
}

fn chosen(picked: Picked<Vec<Effect>>) -> Answer {
    match picked {
        Picked::Open(choice) => Answer::Open(Dialog::Choose(choice)),
        Picked::Closed => Answer::Closed,
        Picked::Chosen(effects) => Answer::Confirmed(effects),
    }
}

fn is_click(mouse: MouseEvent) -> bool {
    mouse.kind == MouseEventKind::Down(MouseButton::Left)
}
