//! Every key, from the table of actions, or those that are sought.

mod search;

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
use crate::ui::widget::TextLine;
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
/// │ / experiments█           7 of 131 actions│
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
    /// What is sought, once somebody types.
    sought: Option<TextLine>,
}

/// Where its parts stand.
struct Areas {
    /// What is sought, if something is.
    input: Rect,
    columns: Vec<Rect>,
}

impl Help {
    /// Help that begins with the keys of a context.
    #[must_use]
    pub fn at(context: Context) -> Self {
        Self {
            first: Some(context),
            ..Self::default()
        }
    }

    pub(super) fn key(mut self, key: KeyEvent, keymap: &Keymap, area: Rect) -> Answer {
        match boxed::meaning(key, keymap) {
            // What is sought goes first, then the help.
            Some(Action::Back) if self.sought.is_some() => self.seek(None),
            Some(Action::Back | Action::Activate | Action::Help | Action::Quit) => {
                return Answer::Closed;
            }
            // These belong to the text, others to the list.
            Some(action) if !matches!(action, Action::Left | Action::Right) => {
                self.scroll(action, keymap, area, None);
            }
            _ => match keymap.action(Chord::of(key), &[Context::Global]) {
                Some(Action::Help) if self.sought.is_none() => return Answer::Closed,
                Some(Action::Filter) if self.sought.is_none() => {
                    self.seek(Some(TextLine::default()));
                }
                _ => self.typed(key),
            },
        }
        Answer::Open(Dialog::Help(self))
    }

    /// Any letter begins the search, as in the palette.
    fn typed(&mut self, key: KeyEvent) {
        let mut line = self.sought.clone().unwrap_or_default();
        let before = line.text();
        if line.key(key) && (self.sought.is_some() || !line.is_empty()) {
            if line.text() != before {
                self.above = 0;
            }
            self.sought = Some(line);
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        let mut line = self.sought.take().unwrap_or_default();
        line.paste(text);
        self.seek(Some(line));
    }

    fn seek(&mut self, sought: Option<TextLine>) {
        self.sought = sought;
        self.above = 0;
    }

    /// Whether an action is among those that are sought.
    fn shows(&self, entry: &Entry, keymap: &Keymap) -> bool {
        let sought = self.sought.as_ref().map(TextLine::text);
        sought.is_none_or(|sought| search::matches(&sought, entry, keymap))
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
        let back = boxed::key(Action::Back, keymap);
        if self.sought.is_some() {
            let enter = boxed::key(Action::Activate, keymap);
            return [Button::new(back, "show all"), Button::new(enter, "close")];
        }
        let find = keymap.key(Action::Filter).unwrap_or_default();
        [Button::new(find, "find"), Button::new(back, "close")]
    }

    fn areas(&self, area: Rect) -> Areas {
        let [input, list] = Layout::vertical([
            Constraint::Length(u16::from(self.sought.is_some())),
            Constraint::Fill(1),
        ])
        .areas(boxed::inside(area));
        let columns = columns(list);
        Areas { input, columns }
    }

    fn scroll(&mut self, action: Action, keymap: &Keymap, area: Rect, page: Option<usize>) {
        let columns = self.areas(area).columns;
        let lines = self.rows(keymap, columns[0].width).len();
        let view = usize::from(columns[0].height) * columns.len();
        let most = lines.saturating_sub(view);
        self.above = boxed::scrolled(self.above, action, page.unwrap_or(view), most);
    }

    pub(super) fn draw(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        let inside = boxed::open("Keys", area, theme, frame);
        let Areas { input, columns } = self.areas(area);
        self.draw_sought(theme, keymap, frame, input);
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
            let text = format!(
                " {} to {} of {} ",
                from + 1,
                rows.len() - most + from,
                rows.len()
            );
            let foot = Rect::new(inside.x, inside.bottom(), inside.width, 1).intersection(area);
            frame.render_widget(Line::raw(text).right_aligned(), foot);
        }
    }

    /// What is sought, and how much of all that leaves.
    fn draw_sought(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        let Some(line) = &self.sought else {
            return;
        };
        let shown = ACTIONS.iter().filter(|entry| self.shows(entry, keymap));
        let summary = match shown.count() {
            0 => "no matches".to_owned(),
            count => format!("{count} of {} actions", ACTIONS.len()),
        };
        let [sign, text, count] = Layout::horizontal([
            Constraint::Length(2),
            Constraint::Fill(1),
            Constraint::Length(width_of(&summary)),
        ])
        .areas(area);
        frame.render_widget(Line::styled("/", theme.accent()), sign);
        frame.render_widget(line.within(text.width, theme.text()), text);
        frame.render_widget(Line::styled(summary, theme.muted()), count);
    }

    /// Everything that is listed, in lines that fit into a column.
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
            let own = ACTIONS.iter().filter(|entry| entry.context == context);
            let mut own = own
                .filter(|entry| self.shows(entry, keymap))
                .flat_map(|entry| described(entry, keymap, keys, width))
                .peekable();
            if own.peek().is_none() {
                continue;
            }
            if !rows.is_empty() {
                rows.push(Row::Empty);
            }
            rows.push(Row::Heading(context.title()));
            rows.extend(own);
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
    Action(String, String),
}

impl Row {
    fn line(&self, keys: u16, theme: &Theme) -> Line<'static> {
        match self {
            Self::Empty => Line::default(),
            Self::Heading(title) => Line::styled(*title, theme.accent()),
            Self::Action(key, text) => {
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
fn described(entry: &Entry, keymap: &Keymap, key_width: u16, width: u16) -> Vec<Row> {
    let room = width.saturating_sub(key_width + 3);
    let keys = wrapped(&keys(entry, keymap), usize::from(key_width));
    let text = wrapped(entry.description, usize::from(room));
    let line = |lines: &[String], at: usize| {
        let line = lines.get(at).map(|line| line.trim_end());
        line.unwrap_or_default().to_owned()
    };
    (0..keys.len().max(text.len()))
        .map(|at| Row::Action(line(&keys, at), line(&text, at)))
        .collect()
}
