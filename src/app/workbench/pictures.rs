//! How the terminal shows pictures, asked once before the keys are read.

use std::env;
use std::time::Duration;

use crossterm::event::Event;

use crate::terminal::TerminalGuard;
use crate::ui::Graphics;
use crate::ui::graphics::{PictureSetting, is_within_tmux, question};

/// How long a terminal has to answer. Those that can show pictures do so within
/// milliseconds; the rest is for the way to a machine far away.
const PATIENCE: Duration = Duration::from_millis(500);

/// How pictures are written, and the keys that were pressed meanwhile. A
/// terminal that does not answer shows half blocks.
pub fn ask(guard: &TerminalGuard, setting: PictureSetting) -> (Graphics, Vec<Event>) {
    let variable = |name: &str| env::var(name).ok();
    if !setting.asks(variable) {
        return (Graphics::default(), Vec::new());
    }
    let text = question::text(is_within_tmux(variable));
    let answer = guard.ask(&text, question::is_answered, PATIENCE);
    let (mut abilities, typed) = question::read(&answer.unwrap_or_default());
    abilities.cell = abilities.cell.or_else(|| guard.cell());
    (setting.resolve(&abilities, variable), typed)
}
