//! What a person does and what happens by itself, drawn at random.

use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::ui::action::{ACTIONS, Action};
use crate::ui::keymap::Chord;
use crate::ui::news::Level;

pub(super) const FILES: [&str; 6] = [
    "quickstart",
    "adaptive",
    "broken",
    "日本語",
    "empty",
    "other",
];

pub(super) const RUNS: [&str; 5] = [
    "quickstart-20260102-120000-abc123",
    "adaptive-20260101-080000-0badca",
    "データ-20260101-090000-d4e5f6",
    "small",
    "new",
];
pub(super) const QUICKSTART: &str = include_str!("../../../../experiments/quickstart.ron");
const ADAPTIVE: &str = include_str!("../../../../experiments/cifar10-adaptive.ron");
pub(super) const TEXTS: [&str; 5] = [
    QUICKSTART,
    ADAPTIVE,
    "Experiment(",
    "",
    "a\r\n\tb 日本語\u{7}",
];

/// Something that a person does, or that happens.
#[derive(Debug, Clone)]
pub(super) enum Input {
    Key(KeyEvent),
    Mouse(MouseEvent),
    Resize(u16, u16),
    Paste(&'static str),
    /// Chosen from the palette.
    Choose(Action),
    /// Seconds that pass.
    Wait(u64),
    /// A file's new text, or that it is gone.
    Elsewhere(usize, Option<&'static str>),
    /// What a run does next.
    Train(usize),
    Began(usize),
    Ended(usize),
    Queue(Vec<usize>),
    Machine,
    Logged(Level),
    Probe(usize, bool),
    Infer(usize),
}

/// Numbers in an order that a seed determines (xorshift64*).
pub(super) struct Chance(u64);

impl Chance {
    /// The order of a seed.
    pub(super) fn new(seed: u64) -> Self {
        // Zero would stay zero.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    pub(super) fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

pub(super) fn path(name: &str) -> PathBuf {
    Path::new("nowhere").join(format!("{name}.ron"))
}

impl Chance {
    /// The next input, on a screen of this size.
    pub(super) fn input(&mut self, size: (u16, u16)) -> Input {
        let run = self.below(RUNS.len());
        match self.below(40) {
            0..20 => Input::Key(self.key()),
            20..26 => Input::Mouse(self.mouse(size)),
            26 => Input::Resize(self.below(301) as u16, self.below(81) as u16),
            27 => Input::Resize(80, 24),
            28 => Input::Paste(self.of(&["epochs: 3,", "a\r\nb", "", "日本\t語 0.5", "9"])),
            29 | 30 => Input::Choose(self.of(ACTIONS).action),
            31 => Input::Wait(self.below(100) as u64),
            32 => {
                let text = self.of(&[Some(0), Some(1), Some(2), Some(3), Some(4), None]);
                Input::Elsewhere(self.below(FILES.len()), text.map(|at| TEXTS[at]))
            }
            33 | 34 => Input::Train(run),
            35 => Input::Began(run),
            36 => Input::Ended(run),
            37 => match self.below(3) {
                0 => Input::Queue((0..self.below(3)).collect()),
                1 => Input::Machine,
                _ => Input::Logged(self.of(&[Level::Info, Level::Warn, Level::Error])),
            },
            38 => Input::Probe(run, self.below(2) == 0),
            _ => Input::Infer(self.below(5)),
        }
    }

    /// A key of any action, or any other.
    fn key(&mut self) -> KeyEvent {
        if self.below(3) > 0 {
            let keys = self.of(ACTIONS).keys;
            if !keys.is_empty() {
                let chord = Chord::parse(self.of(keys)).unwrap();
                return chord.event();
            }
        }
        let codes = [
            KeyCode::Char('a'),
            KeyCode::Char('日'),
            KeyCode::Char('('),
            KeyCode::Char('"'),
            KeyCode::Char(' '),
            KeyCode::Char('0'),
            KeyCode::Char('.'),
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Esc,
            KeyCode::Tab,
            KeyCode::Backspace,
            KeyCode::Delete,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Insert,
            KeyCode::Null,
            KeyCode::F(20),
        ];
        let modifiers = [
            KeyModifiers::NONE,
            KeyModifiers::NONE,
            KeyModifiers::SHIFT,
            KeyModifiers::CONTROL,
            KeyModifiers::ALT,
            KeyModifiers::all(),
        ];
        KeyEvent::new(self.of(&codes), self.of(&modifiers))
    }

    fn mouse(&mut self, (width, height): (u16, u16)) -> MouseEvent {
        let kinds = [
            MouseEventKind::Down(MouseButton::Left),
            MouseEventKind::Down(MouseButton::Left),
            MouseEventKind::Drag(MouseButton::Left),
            MouseEventKind::Up(MouseButton::Left),
            MouseEventKind::Down(MouseButton::Right),
            MouseEventKind::Moved,
            MouseEventKind::ScrollDown,
            MouseEventKind::ScrollUp,
            MouseEventKind::ScrollLeft,
        ];
        // Mostly inside; a terminal may report what is no longer there.
        MouseEvent {
            kind: self.of(&kinds),
            column: self.below(usize::from(width) + 5) as u16,
            row: self.below(usize::from(height) + 5) as u16,
            modifiers: self.of(&[KeyModifiers::NONE, KeyModifiers::CONTROL]),
        }
    }
}
