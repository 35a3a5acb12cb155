//! Every key, from the table of actions.

use crossterm::event::{KeyEvent, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::buttons::Button;
use super::{Answer, Dialog, NOTCH, frame as boxed};
use crate::ui::action::{ACTIONS, Action, Context, Entry};
use crate::ui::keymap::{Chord, Keymap};
use crate::ui::theme::Theme;
use crate::ui::widget::cells::width_of;
use crate::ui::widget::wrap::wrapped;

/// Cells of a column that is read with ease; there are as many as fit.
const COLUMN: u16 = 74;

/// Greatest share of a column for keys: one of so many.
const KEYS: u16 = 3;

/// What stands in place of a key where there is none.
pub(super) const NO_KEY: &str = "(no key)";

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

    pub(super) fn key(mut self, key: KeyEvent, keymap: &Keymap, area: Rect) -> Answer {
        let action = boxed::meaning(key, keymap)
            .or_else(|| keymap.action(Chord::of(key), &[Context::Global]));
        match action {
            Some(Action::Back | Action::Activate | Action::Help | Action::Quit) => {
                return Answer::Closed;
            }
            Some(action) => self.scroll(action, keymap, area, None),
            None => {}
        }
        Answer::Open(Dialog::Help(self))
    }

    pub(super) fn mouse(mut self, mouse: MouseEvent, keymap: &Keymap, area: Rect) -> Answer {
        match mouse.kind {
            MouseEventKind::ScrollDown => self.scroll(Action::PageDown, keymap, area, Some(NOTCH)),
            MouseEventKind::ScrollUp => self.scroll(Action::PageUp, keymap, area, Some(NOTCH)),
            _ => {}
        }
        Answer::Open(Dialog::Help(self))
    }

    /// What its keys do.
    pub(super) fn hints(&self, keymap: &Keymap) -> [Button; 2] {
        let key = |action| boxed::key(action, keymap);
        [
            Button::new(key(Action::PageDown), "turns the page"),
            Button::new(key(Action::Back), "leaves"),
        ]
    }

    fn scroll(&mut self, action: Action, keymap: &Keymap, area: Rect, page: Option<usize>) {
        let columns = columns(boxed::inside(area));
        let lines = self.rows(keymap, columns[0].width).len();
        let view = usize::from(columns[0].height) * columns.len();
        let most = lines.saturating_sub(view);
        self.above = boxed::scrolled(self.above, action, page.unwrap_or(view), most);
    }

    pub(super) fn draw(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        let inside = boxed::open("Keys", area, theme, frame);
        let columns = columns(inside);
        let rows = self.rows(keymap, columns[0].width);
        let height = usize::from(columns[0].height);
        let most = rows.len().saturating_sub(height * columns.len());
        let mut rest = rows.iter().skip(self.above.min(most));
        let keys = key_width(keymap, columns[0].width);
        for column in &columns {
            let lines = rest.by_ref().take(height).map(|row| row.line(keys, theme));
            frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), *column);
        }
        if most > 0 {
            let from = self.above.min(most);
            let told = format!(
                " {} to {} of {} ",
                from + 1,
                rows.len() - most + from,
                rows.len()
            );
            let foot = Rect::new(inside.x, inside.bottom(), inside.width, 1).intersection(area);
            frame.render_widget(Line::raw(told).right_aligned(), foot);
        }
    }

    /// Everything that is told, in lines that fit into a column.
    fn rows(&self, keymap: &Keymap, width: u16) -> Vec<Row> {
        let mut contexts: Vec<Context> = Vec::new();
        contexts.extend(self.first);
        for entry in ACTIONS {
            if !contexts.contains(&entry.context) {
                contexts.push(entry.context);
            }
        }
        let keys = key_width(keymap, width);
        let mut rows = Vec::new();
        for context in contexts {
            if !rows.is_empty() {
                rows.push(Row::Empty);
            }
            rows.push(Row::Heading(context.title()));
            for entry in ACTIONS.iter().filter(|entry| entry.context == context) {
                rows.extend(told(entry, keymap, keys, width));
            }
        }
        rows
    }
}

/// A line of the help.
enum Row {
    Empty,
    Heading(&'static str),
    /// Keys of an action, or the rest of them, and its description or the rest
    /// of that.
    Told(String, String),
}

impl Row {
    fn line(&self, keys: u16, theme: &Theme) -> Line<'static> {
        match self {
            Self::Empty => Line::default(),
            Self::Heading(title) => Line::styled(*title, theme.accent()),
            Self::Told(key, text) => {
                let style = if key == NO_KEY {
                    theme.muted()
                } else {
                    theme.warn()
                };
                let gap = " ".repeat(usize::from((keys + 1).saturating_sub(width_of(key))));
                Line::from(vec![
                    Span::raw("  "),
                    Span::styled(key.clone(), style),
                    Span::raw(format!("{gap}{text}")),
                ])
            }
        }
    }
}

/// As many columns beside one another as are read with ease.
fn columns(inside: Rect) -> Vec<Rect> {
    let count = usize::from(((inside.width + 2) / (COLUMN + 2)).max(1));
    Layout::horizontal(vec![Constraint::Fill(1); count])
        .spacing(2)
        .split(inside)
        .to_vec()
}

/// Cells of the keys: those of the longest, within reason.
fn key_width(keymap: &Keymap, width: u16) -> u16 {
    let longest = ACTIONS.iter().map(|entry| width_of(&keys(entry, keymap)));
    longest.max().unwrap_or(0).min(width / KEYS)
}

fn keys(entry: &Entry, keymap: &Keymap) -> String {
    match keymap.keys(entry.action) {
        keys if keys.is_empty() => NO_KEY.to_owned(),
        keys => keys,
    }
}

/// An action's keys and description beside one another, each in as many lines
/// as it needs.
fn told(entry: &Entry, keymap: &Keymap, key_width: u16, width: u16) -> Vec<Row> {
    let room = width.saturating_sub(key_width + 3);
    let keys = wrapped(&keys(entry, keymap), usize::from(key_width));
    let text = wrapped(entry.description, usize::from(room));
    let line = |lines: &[String], at: usize| {
        let line = lines.get(at).map(|line| line.trim_end());
        line.unwrap_or_default().to_owned()
    };
    (0..keys.len().max(text.len()))
        .map(|at| Row::Told(line(&keys, at), line(&text, at)))
        .collect()
}
