//! A question with yes or no.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::{Answer, Dialog, frame as boxed};
use crate::ui::effect::Effect;
use crate::ui::theme::Theme;

/// ```text
/// ┌ Quit ────────────────────────────────┐
/// │ quickstart-… trains. It is saved and │
/// │ can go on later.                     │
/// │ y yes   n no                         │
/// └──────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct Confirm {
    /// What it is about.
    pub title: String,
    /// What will happen.
    pub message: String,
    /// What is asked of the program if the answer is yes.
    pub effect: Effect,
}

impl Confirm {
    pub(super) fn key(self, key: KeyEvent) -> Answer {
        match key.code {
            // Not enter: it is pressed too easily for what cannot be taken back.
            KeyCode::Char('y' | 'Y') => Answer::Confirmed(self.effect),
            KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => Answer::Closed,
            _ => Answer::Open(Dialog::Confirm(self)),
        }
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        const WIDTH: u16 = 60;
        let lines = self.message.chars().count() as u16 / (WIDTH - 6) + 1;
        let inside = boxed::open(&self.title, (WIDTH, lines + 4), theme, frame, area);
        let keys = Line::from(vec![
            Span::styled("y", theme.accent()),
            Span::raw(" yes   "),
            Span::styled("n", theme.accent()),
            Span::raw(" no"),
        ]);
        let text = vec![Line::raw(self.message.as_str()), Line::default(), keys];
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), inside);
    }
}
