//! A question with several answers, one below the other.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::buttons::{self, Button};
use super::{frame as boxed, is_click};
use crate::format::shorten_words;
use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::theme::Theme;
use crate::ui::widget::Selection;
use crate::ui::widget::wrap::wrapped;

/// ```text
/// ┌ Quit the workbench? ─────────────────────────────┐
/// │ quickstart trains here: it is saved at the next  │
/// │ step, and can be resumed.                        │
/// │                                                  │
/// │ › s save all and quit                            │
/// │   d quit without saving                          │
/// │   n cancel                                       │
/// │                                                  │
/// │ enter accept   esc cancel                        │
/// └──────────────────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct Choice<T> {
    title: String,
    /// What there is to know, a paragraph each.
    text: Vec<String>,
    choices: Vec<(String, T)>,
    /// Letters that choose, one for each choice; none where a person may be
    /// typing while it opens.
    letters: Vec<char>,
    selection: Selection,
}

/// What a key or a click did.
pub(super) enum Picked<T> {
    /// It is still open.
    Open(Choice<T>),
    /// It was left.
    Closed,
    /// That was chosen.
    Chosen(T),
}

/// Where the parts of the box stand.
struct Areas {
    place: Rect,
    text: Rect,
    choices: Rect,
    foot: Rect,
}

impl<T> Choice<T> {
    /// Asks which of these; the first is selected.
    #[must_use]
    pub fn new(title: impl Into<String>, text: Vec<String>, choices: Vec<(String, T)>) -> Self {
        Self {
            title: title.into(),
            text,
            choices,
            letters: Vec::new(),
            selection: Selection::default(),
        }
    }

    /// The same, and a letter for each choice.
    #[must_use]
    pub fn with_letters(mut self, letters: impl IntoIterator<Item = char>) -> Self {
        self.letters = letters.into_iter().collect();
        self
    }

    /// The same with the choice selected that was selected in another of as many.
    #[must_use]
    pub(super) fn selecting(mut self, other: &Self) -> Self {
        if self.choices.len() == other.choices.len() {
            self.selection = other.selection;
        }
        self
    }

    /// What can be chosen.
    pub(super) fn choices(&self) -> impl Iterator<Item = &T> {
        self.choices.iter().map(|(_, choice)| choice)
    }

    pub(super) fn key(mut self, key: KeyEvent, keymap: &Keymap) -> Picked<T> {
        if let KeyCode::Char(typed) = key.code {
            let mut letters = self.letters.iter();
            let chosen = letters.position(|letter| typed.eq_ignore_ascii_case(letter));
            if chosen.is_some() && boxed::is_letter(key) {
                return self.pick(chosen);
            }
        }
        let action = boxed::meaning(key, keymap);
        let count = self.choices.len();
        match action {
            Some(Action::Back) => return Picked::Closed,
            Some(Action::Activate) => {
                let selected = self.selection.get(count);
                return self.pick(selected);
            }
            Some(Action::NextScreen | Action::Right) => {
                _ = self.selection.act(Action::Down, count);
            }
            Some(Action::PreviousScreen | Action::Left) => {
                _ = self.selection.act(Action::Up, count);
            }
            Some(action) => _ = self.selection.act(action, count),
            None => {}
        }
        Picked::Open(self)
    }

    pub(super) fn mouse(self, mouse: MouseEvent, keymap: &Keymap, area: Rect) -> Picked<T> {
        let cell = Position::new(mouse.column, mouse.row);
        let areas = self.areas(&keys(keymap), area);
        if !is_click(mouse) {
            return Picked::Open(self);
        }
        if areas.choices.contains(cell) {
            return self.pick(Some(usize::from(cell.y - areas.choices.y)));
        }
        match buttons::at(&keys(keymap), areas.foot, cell) {
            Some(0) => {
                let selected = self.selection.get(self.choices.len());
                self.pick(selected)
            }
            Some(_) => Picked::Closed,
            None => Picked::Open(self),
        }
    }

    fn pick(mut self, number: Option<usize>) -> Picked<T> {
        match number.filter(|number| *number < self.choices.len()) {
            Some(number) => Picked::Chosen(self.choices.swap_remove(number).1),
            None => Picked::Open(self),
        }
    }

    /// A choice with its letter, if it has one.
    fn label(&self, at: usize) -> String {
        let letter = self.letters.get(at).map(|letter| format!("{letter} "));
        letter.unwrap_or_default() + &self.choices[at].0
    }

    fn lines(&self, width: u16) -> Vec<String> {
        let lines = self.text.iter();
        lines
            .flat_map(|text| wrapped(text, usize::from(width)))
            .collect()
    }

    fn areas(&self, buttons: &[Button], area: Rect) -> Areas {
        let longest = (0..self.choices.len()).map(|at| self.label(at).chars().count());
        // The border, its padding, and the mark of the selected one.
        let longest = longest.max().unwrap_or(0) as u16 + 6;
        let width = boxed::READABLE.max(longest).min(area.width);
        let inside = width.saturating_sub(4);
        let text = self.lines(inside).len() as u16;
        let choices = self.choices.len() as u16;
        let foot = buttons::height(buttons, inside);
        let place = boxed::place((width, text + choices + foot + 4), area);
        let whole = boxed::inside(place);
        // Where there is no room for all, choices come first, then the text.
        let (body, foot) = if whole.height < text + choices {
            (whole, Rect::default())
        } else {
            buttons::foot(buttons, whole)
        };
        let [text, _, choices] = Layout::vertical([
            Constraint::Fill(1),
            Constraint::Length(u16::from(body.height > choices + text)),
            Constraint::Length(choices.min(body.height)),
        ])
        .areas(body);
        Areas {
            place,
            text,
            choices,
            foot,
        }
    }

    pub(super) fn draw(&self, theme: &Theme, keymap: &Keymap, frame: &mut Frame, area: Rect) {
        let buttons = keys(keymap);
        let areas = self.areas(&buttons, area);
        boxed::open(&self.title, areas.place, theme, frame);
        let text = self.lines(areas.text.width).into_iter();
        let text: Vec<Line> = text.map(Line::raw).collect();
        frame.render_widget(Paragraph::new(text), areas.text);
        let selected = self.selection.get(self.choices.len());
        let room = areas.choices.width.saturating_sub(2);
        let choices = (0..self.choices.len()).map(|at| {
            let word = shorten_words(&self.label(at), room);
            if Some(at) == selected {
                Line::styled(format!("› {word}"), theme.selection())
            } else {
                Line::raw(format!("  {word}"))
            }
        });
        frame.render_widget(Paragraph::new(choices.collect::<Vec<_>>()), areas.choices);
        buttons::draw(&buttons, theme, frame, areas.foot);
    }
}

pub(super) fn keys(keymap: &Keymap) -> [Button; 2] {
    [
        Button::new(boxed::key(Action::Activate, keymap), "accept"),
        Button::new(boxed::key(Action::Back, keymap), "cancel"),
    ]
}
