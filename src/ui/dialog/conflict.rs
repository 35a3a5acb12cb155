//! A file that has two texts, one here and one that was changed on disk or that was
//! not saved when the workbench was ended from outside: which one stays?

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
    subject: Subject,
    /// Whether it is asked because the text here was to be saved.
    saving: bool,
}

/// What the text here is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// What somebody else wrote into the file.
    Changed,
    /// A file that cannot be read: there is nothing that could be taken.
    Unreadable,
    /// What was not saved in a session before.
    Unsaved,
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
            subject: Subject::Changed,
            saving,
        }
    }

    /// Asks about a text that was not saved, and the one that is there.
    #[must_use]
    pub fn unsaved(name: &str, mine: &str, unsaved: &str) -> Self {
        Self {
            subject: Subject::Unsaved,
            ..Self::new(name, mine, unsaved, false)
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
            subject: Subject::Unreadable,
            saving,
        }
    }

    pub(super) fn key(mut self, key: KeyEvent, keymap: &Keymap, area: Rect) -> Answer {
        // It may open while one types: no letter may decide, nor enter.
        let chord = Chord::of(key);
        let own = keymap.action(chord, &[Context::Difference]);
        let choice = own
            .filter(|_| !chord.is_text() && !chord.edits())
            .and_then(|choice| self.choice(choice));
        if let Some(choice) = choice {
            return Answer::Chosen(choice);
        }
        match boxed::meaning(key, keymap) {
            Some(Action::Back) => return Answer::Closed,
            Some(action) => self.scroll(action, keymap, area, None),
            None => {}
        }
        Answer::Open(Dialog::Conflict(self))
    }

    /// What keeping the text here, or taking the other, comes to.
    fn choice(&self, action: Action) -> Option<Action> {
        match (action, self.subject) {
            (Action::KeepMine, Subject::Unsaved) => Some(Action::DiscardText),
            (Action::TakeTheirs, Subject::Unsaved) => Some(Action::RestoreText),
            (Action::TakeTheirs, Subject::Unreadable) => None,
            (Action::KeepMine, _) if self.saving => Some(Action::SaveMine),
            _ => Some(action),
        }
    }

    pub(super) fn mouse(mut self, mouse: MouseEvent, keymap: &Keymap, area: Rect) -> Answer {
        let buttons = self.buttons(keymap);
        let (_, foot) = buttons::foot(&buttons, boxed::inside(self.place(&buttons, area)));
        let cell = Position::new(mouse.column, mouse.row);
        match mouse.kind {
            MouseEventKind::ScrollDown => self.scroll(Action::PageDown, keymap, area, Some(NOTCH)),
            MouseEventKind::ScrollUp => self.scroll(Action::PageUp, keymap, area, Some(NOTCH)),
            _ if is_click(mouse) => {
                if let Some(at) = buttons::at(&buttons, foot, cell) {
                    let choice = [Action::KeepMine, Action::TakeTheirs].get(at);
                    let choice = choice.and_then(|choice| self.choice(*choice));
                    return choice.map_or(Answer::Closed, Answer::Chosen);
                }
            }
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
        let later = Button::new(boxed::key(Action::Back, keymap), "cancel");
        let mine = |word| Button::new(key(Action::KeepMine), word);
        let theirs = |word| Button::new(key(Action::TakeTheirs), word);
        match (self.subject, self.saving) {
            (Subject::Unreadable, true) => vec![mine("save mine"), later],
            (Subject::Unreadable, false) => vec![mine("keep mine"), later],
            (Subject::Changed, true) => {
                vec![mine("save mine (-)"), theirs("take theirs (+)"), later]
            }
            (Subject::Changed, false) => {
                vec![mine("keep mine (-)"), theirs("take theirs (+)"), later]
            }
            (Subject::Unsaved, _) => vec![
                mine("discard"),
                theirs("restore (+)"),
                Button::new(boxed::key(Action::Back, keymap), "later"),
            ],
        }
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
        let title = match self.subject {
            Subject::Changed => format!("{} was changed here and on disk", self.name),
            Subject::Unreadable => format!("{} cannot be read any more", self.name),
            Subject::Unsaved => format!("{}: unsaved changes recovered", self.name),
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
