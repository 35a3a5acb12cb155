//! A file that was changed here and on disk: whose text stays?

use crossterm::event::{KeyEvent, MouseEvent, MouseEventKind};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use similar::{ChangeTag, TextDiff};

use super::buttons::{self, Button};
use super::{Answer, Dialog, NOTCH, frame as boxed, is_click};
use crate::format::shorten;
use crate::ui::action::{Action, Context};
use crate::ui::keymap::{Chord, Keymap};
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::wrapped;

/// Lines that stay around a change.
const AROUND: usize = 2;

/// Columns that an experiment rarely exceeds.
const WIDTH: u16 = 124;

/// Columns of a reason, in the narrowest terminal.
const REASON: usize = 72;

/// ```text
/// ┌ quickstart was changed here and on disk ┐
/// │   epochs: 12,                           │
/// │ - batch: 64,                            │
/// │ + batch: 128,                           │
/// │                                         │
/// │ f2 keep mine (-)   f3 take theirs (+)   │
/// │ esc later                               │
/// └─────────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct Conflict {
    name: String,
    lines: Vec<(ChangeTag, String)>,
    above: usize,
    /// Whether there is a text that can be taken over.
    readable: bool,
    /// Whether it is asked because the text here was to be saved.
    saving: bool,
}

impl Conflict {
    /// Asks about a file of this name; `saving` if that is what is to happen to
    /// the text here.
    #[must_use]
    pub fn new(name: &str, mine: &str, theirs: &str, saving: bool) -> Self {
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
            readable: true,
            saving,
        }
    }

    /// Asks about a file that cannot be read any more, and why.
    #[must_use]
    pub fn unreadable(name: &str, reason: &str, saving: bool) -> Self {
        let mut lines = wrapped(reason, REASON);
        lines.push(String::new());
        lines.push("Saving overwrites the file on disk.".to_owned());
        Self {
            name: name.to_owned(),
            lines: lines
                .into_iter()
                .map(|line| (ChangeTag::Equal, line))
                .collect(),
            above: 0,
            readable: false,
            saving,
        }
    }

    pub(super) fn key(mut self, key: KeyEvent, keymap: &Keymap, area: Rect) -> Answer {
        // It may open while one types: no letter may decide, nor enter.
        let chord = Chord::of(key);
        let own = keymap.action(chord, &[Context::Difference]);
        let choice = own
            .filter(|_| !chord.is_text() && !chord.edits())
            .filter(|choice| self.readable || *choice != Action::TakeTheirs);
        if let Some(choice) = choice {
            return Answer::Chosen(self.choice(choice));
        }
        match boxed::meaning(key, keymap) {
            Some(Action::Back) => return Answer::Closed,
            Some(action) => self.scroll(action, keymap, area, None),
            None => {}
        }
        Answer::Open(Dialog::Conflict(self))
    }

    /// What keeping one's own text comes to.
    fn choice(&self, action: Action) -> Action {
        match action {
            Action::KeepMine if self.saving => Action::SaveMine,
            other => other,
        }
    }

    pub(super) fn mouse(mut self, mouse: MouseEvent, keymap: &Keymap, area: Rect) -> Answer {
        let buttons = self.buttons(keymap);
        let (_, foot) = buttons::foot(&buttons, boxed::inside(self.place(&buttons, area)));
        let cell = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::ScrollDown => self.scroll(Action::PageDown, keymap, area, Some(NOTCH)),
            MouseEventKind::ScrollUp => self.scroll(Action::PageUp, keymap, area, Some(NOTCH)),
            _ if is_click(mouse) => match buttons::at(&buttons, foot, cell) {
                Some(0) => return Answer::Chosen(self.choice(Action::KeepMine)),
                Some(1) if self.readable => return Answer::Chosen(Action::TakeTheirs),
                Some(_) => return Answer::Closed,
                None => {}
            },
            _ => {}
        }
        Answer::Open(Dialog::Conflict(self))
    }

    fn scroll(&mut self, action: Action, keymap: &Keymap, area: Rect, page: Option<usize>) {
        let buttons = self.buttons(keymap);
        let (body, _) = buttons::foot(&buttons, boxed::inside(self.place(&buttons, area)));
        let height = usize::from(body.height);
        let most = self.lines.len().saturating_sub(height);
        self.above = boxed::scrolled(self.above, action, page.unwrap_or(height), most);
    }

    pub(super) fn buttons(&self, keymap: &Keymap) -> Vec<Button> {
        let key = |action| keymap.key_while_typing(action).unwrap_or_default();
        let mine = if self.saving {
            "save mine (-)"
        } else {
            "keep mine (-)"
        };
        let later = Button::new(boxed::key(Action::Back, keymap), "cancel");
        if !self.readable {
            let mine = mine.trim_end_matches(" (-)");
            return vec![Button::new(key(Action::KeepMine), mine), later];
        }
        vec![
            Button::new(key(Action::KeepMine), mine),
            Button::new(key(Action::TakeTheirs), "take theirs (+)"),
            later,
        ]
    }

    fn place(&self, buttons: &[Button], area: Rect) -> Rect {
        let width = WIDTH.min(area.width);
        let foot = buttons::height(buttons, width.saturating_sub(4)) + 1;
        let height = self.lines.len() + usize::from(foot) + 2;
        let height = height.min(usize::from(area.height)) as u16;
        boxed::place((width, height), area)
    }

    pub(super) fn draw(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        let buttons = self.buttons(keymap);
        let title = if self.readable {
            format!("{} was changed here and on disk", self.name)
        } else {
            format!("{} cannot be read any more", self.name)
        };
        let place = self.place(&buttons, area);
        let inside = boxed::open(&title, place, theme, frame);
        let (body, foot) = buttons::foot(&buttons, inside);
        let height = usize::from(body.height);
        let most = self.lines.len().saturating_sub(height);
        let shown = self.lines.iter().skip(self.above.min(most)).take(height);
        let lines: Vec<Line> = shown
            .map(|(tag, text)| {
                let (mark, style) = match tag {
                    ChangeTag::Delete => ("-", theme.warn()),
                    ChangeTag::Insert => ("+", theme.good()),
                    ChangeTag::Equal => (" ", theme.muted()),
                };
                let text = shorten(text, body.width.saturating_sub(2));
                Line::styled(format!("{mark} {text}"), style)
            })
            .collect();
        frame.render_widget(Paragraph::new(lines), body);
        buttons::draw(&buttons, theme, frame, foot);
    }
}
