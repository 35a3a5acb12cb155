//! Actions by name: type some of its letters, press enter.

use crossterm::event::{KeyCode, KeyEvent};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::{Answer, Dialog, frame as boxed};
use crate::ui::action::{ACTIONS, Action, Entry};
use crate::ui::keymap::Keymap;
use crate::ui::theme::Theme;
use crate::ui::widget::{Selection, TextLine};

/// ```text
/// ┌ Do ──────────────────────────────────────┐
/// │ eval█                                    │
/// │ evaluate-now   Evaluates on the …      e │
/// └──────────────────────────────────────────┘
/// ```
#[derive(Debug, Default)]
pub struct Palette {
    line: TextLine,
    selection: Selection,
}

impl Palette {
    pub(super) fn key(mut self, key: KeyEvent) -> Answer {
        let found = self.found();
        match key.code {
            KeyCode::Esc => return Answer::Closed,
            KeyCode::Enter => {
                return match self.selection.get(found.len()) {
                    Some(at) => Answer::Chosen(found[at].action),
                    None => Answer::Open(Dialog::Palette(self)),
                };
            }
            KeyCode::Up => _ = self.selection.act(Action::Up, found.len()),
            KeyCode::Down => _ = self.selection.act(Action::Down, found.len()),
            KeyCode::PageUp => _ = self.selection.act(Action::PageUp, found.len()),
            KeyCode::PageDown => _ = self.selection.act(Action::PageDown, found.len()),
            _ => {
                if self.line.key(key) {
                    self.selection = Selection::default();
                }
            }
        }
        Answer::Open(Dialog::Palette(self))
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.line.paste(text);
        self.selection = Selection::default();
    }

    /// Actions that match, best first; all of them while nothing is typed.
    fn found(&self) -> Vec<&'static Entry> {
        let text = self.line.text();
        let pattern = Pattern::parse(&text, CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut letters = Vec::new();
        let mut scored: Vec<(u32, &Entry)> = ACTIONS
            .iter()
            .filter_map(|entry| {
                let score = |text: &str, letters: &mut Vec<char>, matcher: &mut Matcher| {
                    pattern.score(Utf32Str::new(text, letters), matcher)
                };
                let name = score(entry.name, &mut letters, &mut matcher).map(|score| score * 2);
                let description = score(entry.description, &mut letters, &mut matcher);
                name.max(description).map(|score| (score, entry))
            })
            .collect();
        scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        scored.into_iter().map(|(_, entry)| entry).collect()
    }

    pub(super) fn draw(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        let inside = boxed::open("Do", (76, 16), theme, frame, area);
        let [input, list] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(inside);
        frame.render_widget(self.line.line(theme.text()), input);
        let found = self.found();
        if found.is_empty() {
            let none = Line::styled("no action is called so", theme.muted());
            frame.render_widget(none, list);
            return;
        }
        let selected = self.selection.get(found.len());
        let rows = self.selection.window(found.len(), list.height as usize);
        let lines: Vec<Line> = rows
            .map(|at| {
                let entry = found[at];
                let line = Line::from(vec![
                    Span::raw(format!("{:22} ", entry.name)),
                    Span::styled(
                        format!("{:12} ", keymap.key(entry.action).unwrap_or_default()),
                        theme.warn(),
                    ),
                    Span::styled(entry.description, theme.muted()),
                ]);
                if Some(at) == selected {
                    line.style(theme.selection())
                } else {
                    line
                }
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_letters_find_the_action() {
        let mut palette = Palette::default();
        assert_eq!(palette.found().len(), ACTIONS.len());
        palette.paste("evnow");
        assert_eq!(palette.found()[0].action, Action::EvaluateNow);
        palette.paste("zzzz");
        assert!(palette.found().is_empty());
    }
}
