//! Every key, from the table of actions.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Answer, Dialog, frame as boxed};
use crate::ui::action::{ACTIONS, Context};
use crate::ui::keymap::Keymap;
use crate::ui::theme::Theme;

/// Lines that a page moves by.
const PAGE: usize = 10;

/// ```text
/// ┌ Keys ────────────────────────────────────┐
/// │ Everywhere                               │
/// │   1        Shows the experiments …       │
/// └──────────────────────────────────────────┘
/// ```
#[derive(Debug, Default)]
pub struct Help {
    /// First context that is shown, so that help begins where one is.
    first: Option<Context>,
    /// Lines above the view.
    above: usize,
}

impl Help {
    /// Help that begins with the keys of a context.
    #[must_use]
    pub fn at(context: Context) -> Self {
        Self {
            first: Some(context),
            above: 0,
        }
    }

    pub(super) fn key(mut self, key: KeyEvent) -> Answer {
        let last = ACTIONS.len() * 2;
        match key.code {
            KeyCode::Esc | KeyCode::Char('q' | '?') | KeyCode::Enter => return Answer::Closed,
            KeyCode::Down | KeyCode::Char('j') => self.above += 1,
            KeyCode::Up | KeyCode::Char('k') => self.above = self.above.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.above += PAGE,
            KeyCode::PageUp => self.above = self.above.saturating_sub(PAGE),
            KeyCode::Home => self.above = 0,
            KeyCode::End => self.above = last,
            _ => {}
        }
        self.above = self.above.min(last);
        Answer::Open(Dialog::Help(self))
    }

    pub(super) fn draw(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        let height = area.height.saturating_sub(2);
        let inside = boxed::open("Keys", (76, height), theme, frame, area);
        let lines = self.lines(theme, keymap);
        let most = lines.len().saturating_sub(inside.height as usize);
        let above = self.above.min(most);
        frame.render_widget(Paragraph::new(lines).scroll((above as u16, 0)), inside);
    }

    fn lines(&self, theme: &Theme, keymap: &Keymap) -> Vec<Line<'static>> {
        let mut contexts: Vec<Context> = Vec::new();
        contexts.extend(self.first);
        for entry in ACTIONS {
            if !contexts.contains(&entry.context) {
                contexts.push(entry.context);
            }
        }
        let mut lines = Vec::new();
        for context in contexts {
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            lines.push(Line::styled(context.title(), theme.accent()));
            for entry in ACTIONS.iter().filter(|entry| entry.context == context) {
                lines.push(Line::from(vec![
                    Span::styled(format!("  {:22} ", keymap.keys(entry.action)), theme.warn()),
                    Span::raw(entry.description),
                ]));
            }
        }
        lines
    }
}
