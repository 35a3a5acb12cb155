//! What the terminal is like, asked once before the keys are read.

use std::env;
use std::time::Duration;

use crossterm::event::Event;

use crate::terminal::TerminalGuard;
use crate::ui::graphics::{PictureSetting, can_be_asked, is_within_tmux, question};
use crate::ui::theme::Background;
use crate::ui::{Graphics, Settings};

/// How long a terminal has to answer. Those that can show pictures do so within
/// milliseconds; the rest is for the way to a machine far away.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the terminal is like.
#[derive(Default)]
pub struct Answers {
    /// How pictures are written; half blocks where it did not answer.
    pub graphics: Graphics,
    /// Whether it is dark or light, if that is to be followed.
    pub background: Option<Background>,
    /// The keys that were pressed meanwhile.
    pub typed: Vec<Event>,
}

/// Asks what the settings leave open, if anything.
pub fn ask(guard: &TerminalGuard, settings: &Settings) -> Answers {
    let variable = |name: &str| env::var(name).ok();
    let open = settings.pictures.asks() || settings.background.is_none();
    if !open || !can_be_asked(variable) {
        return Answers::default();
    }
    let text = question::text(is_within_tmux(variable));
    let answer = guard.ask(&text, question::is_answered, PATIENCE);
    let (mut abilities, typed) = question::read(&answer.unwrap_or_default());
    abilities.cell = abilities.cell.or_else(|| guard.cell());
    Answers {
        graphics: match settings.pictures {
            PictureSetting::HalfBlocks => Graphics::default(),
            setting => setting.resolve(&abilities, variable),
        },
        background: abilities
            .background
            .filter(|_| settings.background.is_none()),
        typed,
    }
}
