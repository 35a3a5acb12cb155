//! The whole screen in a test: keys in, text out.

use std::time::{Duration, SystemTime};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseEvent, MouseEventKind};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::keymap::Keymap;
use super::news::{Clock, News};
use super::settings::Settings;
use super::theme::{Background, Depth, Palette, Theme};
use super::{Effect, Graphics, Shared, Ui};
use crate::store::Runs;

/// A screen of a given size, what it knows of runs, and what it requested.
pub(crate) struct Harness {
    pub(crate) ui: Ui,
    pub(crate) runs: Runs,
    /// Effects since the last [`take`](Self::take).
    effects: Vec<Effect>,
    /// Whether every folder that is requested is there; else nobody answers.
    pub(crate) has_folders: bool,
    terminal: Terminal<TestBackend>,
}

impl Harness {
    /// A screen at noon of 2026-01-02, without colours.
    pub(crate) fn new(width: u16, height: u16) -> Self {
        let theme = Theme::new(Background::Dark, Palette::Standard, Depth::None);
        let mut harness = Self {
            ui: Ui::new(Settings::default(), Keymap::default(), theme),
            runs: Runs::new(),
            effects: Vec::new(),
            has_folders: true,
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
        };
        harness.input(Event::Resize(width, height));
        harness.at(Duration::ZERO);
        harness
    }

    /// The time since the start becomes `elapsed`.
    pub(crate) fn at(&mut self, elapsed: Duration) -> &mut Self {
        let noon = Duration::from_hours(490_932);
        let now = SystemTime::UNIX_EPOCH + noon + elapsed;
        let effects = self.ui.on_clock(Clock { elapsed, now });
        self.take_in(effects)
    }

    /// The same on a terminal that shows real pictures.
    pub(crate) fn with_graphics(mut self, graphics: Graphics) -> Self {
        self.ui.set_graphics(graphics);
        self
    }

    /// Types keys, written as in the keymap.
    pub(crate) fn keys(&mut self, keys: &[&str]) -> &mut Self {
        for key in keys {
            self.input(Event::Key(event(key)));
        }
        self
    }

    /// Types a text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        for letter in text.chars() {
            let code = if letter == '\n' {
                KeyCode::Enter
            } else {
                KeyCode::Char(letter)
            };
            self.input(Event::Key(KeyEvent::from(code)));
        }
        self
    }

    /// Moves the mouse to a cell and does something there.
    pub(crate) fn mouse(&mut self, kind: MouseEventKind, column: u16, row: u16) -> &mut Self {
        self.input(Event::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }))
    }

    pub(crate) fn input(&mut self, event: Event) -> &mut Self {
        if let Event::Resize(width, height) = event {
            self.terminal.backend_mut().resize(width, height);
        }
        let effects = self.ui.on_input(event, &self.runs);
        self.take_in(effects)
    }

    pub(crate) fn news(&mut self, news: News) -> &mut Self {
        let effects = self.ui.on_news(news, &self.runs);
        self.take_in(effects)
    }

    fn take_in(&mut self, effects: Vec<Effect>) -> &mut Self {
        for effect in effects {
            match effect {
                Effect::FindFolder(typed) if self.has_folders => {
                    let result = Ok(());
                    self.news(News::FolderFound { typed, result });
                }
                other => self.effects.push(other),
            }
        }
        self
    }

    /// What was asked since the last call.
    pub(crate) fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// What was sent to the terminal for a cell, its escape sequences included.
    pub(crate) fn cell(&self, column: u16, row: u16) -> &str {
        let buffer = self.terminal.backend().buffer();
        buffer.cell((column, row)).map_or("", |cell| cell.symbol())
    }

    /// Draws a frame.
    pub(crate) fn draw(&mut self) {
        self.ui.prepare();
        let (ui, runs) = (&self.ui, &self.runs);
        self.terminal.draw(|frame| ui.draw(runs, frame)).unwrap();
    }

    /// The screen as text.
    pub(crate) fn screen(&mut self) -> String {
        self.draw();
        self.terminal.backend().to_string()
    }
}

/// The event of a key as it is written in the keymap.
fn event(key: &str) -> KeyEvent {
    let (modifiers, name) = match key.rsplit_once('+').filter(|(m, _)| !m.is_empty()) {
        Some(("ctrl", name)) => (KeyModifiers::CONTROL, name),
        Some(("alt", name)) => (KeyModifiers::ALT, name),
        _ => (KeyModifiers::NONE, key),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "tab" => KeyCode::Tab,
        "backtab" | "shift+tab" => KeyCode::BackTab,
        "home" => KeyCode::Home,
        "end" => KeyCode::End,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "backspace" => KeyCode::Backspace,
        "delete" => KeyCode::Delete,
        "space" => KeyCode::Char(' '),
        _ => match (
            name.strip_prefix('f').and_then(|n| n.parse().ok()),
            name.chars().next(),
        ) {
            (Some(number), _) => KeyCode::F(number),
            (None, letter) => KeyCode::Char(letter.unwrap()),
        },
    };
    KeyEvent::new(code, modifiers)
}

impl Ui {
    /// What all screens share, for tests of the code that drives them.
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}
