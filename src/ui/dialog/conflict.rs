//! A file that was changed here and on disk: whose text stays?

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use similar::{ChangeTag, TextDiff};

use super::{Answer, Dialog, frame as boxed};
use crate::ui::action::Action;
use crate::ui::theme::Theme;

/// Lines that stay around a change.
const AROUND: usize = 2;

/// Lines that a page moves by.
const PAGE: usize = 10;

/// ```text
/// ┌ quickstart was changed on disk too ────┐
/// │   epochs: 12,                          │
/// │ - batch: 64,          (yours)          │
/// │ + batch: 128,         (theirs)         │
/// │ f2 keep mine  f3 take theirs  esc later│
/// └────────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct Conflict {
    name: String,
    lines: Vec<(ChangeTag, String)>,
    above: usize,
}

impl Conflict {
    /// Asks about a file of this name.
    #[must_use]
    pub fn new(name: &str, mine: &str, theirs: &str) -> Self {
        let diff = TextDiff::from_lines(mine, theirs);
        let mut lines = Vec::new();
        for (number, group) in diff.grouped_ops(AROUND).iter().enumerate() {
            if number > 0 {
                lines.push((ChangeTag::Equal, "⋯".to_owned()));
            }
            for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
                lines.push((change.tag(), change.value().trim_end().to_owned()));
            }
        }
        Self {
            name: name.to_owned(),
            lines,
            above: 0,
        }
    }

    pub(super) fn key(mut self, key: KeyEvent) -> Answer {
        let last = self.lines.len().saturating_sub(1);
        match key.code {
            // It opens while one types: no letter may decide.
            KeyCode::F(2) => return Answer::Chosen(Action::KeepMine),
            KeyCode::F(3) => return Answer::Chosen(Action::TakeTheirs),
            KeyCode::Esc => return Answer::Closed,
            KeyCode::Down | KeyCode::Char('j') => self.above += 1,
            KeyCode::Up | KeyCode::Char('k') => self.above = self.above.saturating_sub(1),
            KeyCode::PageDown => self.above += PAGE,
            KeyCode::PageUp => self.above = self.above.saturating_sub(PAGE),
            _ => {}
        }
        self.above = self.above.min(last);
        Answer::Open(Dialog::Conflict(self))
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let title = format!("{} was changed here and on disk", self.name);
        let height = (self.lines.len() + 4).min(area.height as usize) as u16;
        let inside = boxed::open(&title, (90, height), theme, frame, area);
        let [body, _, foot] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(inside);
        let most = self.lines.len().saturating_sub(body.height as usize);
        let shown = self.lines.iter().skip(self.above.min(most));
        let lines: Vec<Line> = shown
            .take(body.height as usize)
            .map(|(tag, text)| match tag {
                ChangeTag::Delete => Line::styled(format!("- {text}"), theme.warn()),
                ChangeTag::Insert => Line::styled(format!("+ {text}"), theme.good()),
                ChangeTag::Equal => Line::styled(format!("  {text}"), theme.muted()),
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), body);
        let keys = [
            ("f2", " keep mine (-)  "),
            ("f3", " take theirs (+)  "),
            ("esc", " later"),
        ];
        let keys = keys
            .into_iter()
            .flat_map(|(key, word)| [Span::styled(key, theme.accent()), Span::raw(word)]);
        frame.render_widget(keys.collect::<Line>(), foot);
    }
}
