//! Leaving while something trains, waits or is not saved.

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::buttons::{self, Button};
use super::{Answer, Dialog, frame as boxed, is_click};
use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::theme::Theme;
use crate::ui::widget::Selection;
use crate::ui::widget::wrap::wrapped;

/// How one leaves, if at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// Every experiment is saved first.
    SaveAll,
    /// What is not saved is lost, if there is any.
    Discard,
    /// One stays.
    Stay,
}

/// ```text
/// ┌ End the workbench? ──────────────────────────────┐
/// │ quickstart trains here: it is saved at the next  │
/// │ step, and can be resumed.                        │
/// │ 2 experiments are not saved: a and b.            │
/// │                                                  │
/// │ › save all and quit                              │
/// │   quit without saving                            │
/// │   stay                                           │
/// │                                                  │
/// │ enter takes it   esc stays                       │
/// └──────────────────────────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct Quit {
    reasons: Vec<String>,
    choices: Vec<(Leaving, &'static str)>,
    selection: Selection,
}

/// Where the parts of the box stand.
struct Areas {
    place: Rect,
    text: Rect,
    choices: Rect,
    foot: Rect,
}

impl Quit {
    /// Asks whether to leave. `reasons` say what happens to what is under way;
    /// `unsaved` are the names of experiments that are not saved.
    #[must_use]
    pub fn new(mut reasons: Vec<String>, unsaved: &[&str]) -> Self {
        let choices = match unsaved {
            [] => vec![(Leaving::Discard, "quit"), (Leaving::Stay, "cancel")],
            [_, others @ ..] => {
                let save = if others.is_empty() {
                    "save and quit"
                } else {
                    "save all and quit"
                };
                reasons.push(unsaved_ones(unsaved));
                vec![
                    (Leaving::SaveAll, save),
                    (Leaving::Discard, "quit without saving"),
                    (Leaving::Stay, "cancel"),
                ]
            }
        };
        Self {
            reasons,
            choices,
            selection: Selection::default(),
        }
    }

    /// Whether nothing is lost by leaving.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.choices
            .iter()
            .all(|(leaving, _)| *leaving != Leaving::SaveAll)
    }

    pub(super) fn key(mut self, key: KeyEvent, keymap: &Keymap) -> Answer {
        let action = boxed::meaning(key, keymap);
        let count = self.choices.len();
        match action {
            Some(Action::Back) => return Answer::Closed,
            Some(Action::Activate) => {
                let selected = self.selection.get(count);
                return self.taken(selected);
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
        Answer::Open(Dialog::Quit(self))
    }

    pub(super) fn mouse(self, mouse: MouseEvent, keymap: &Keymap, area: Rect) -> Answer {
        let cell = Position::new(mouse.column, mouse.row);
        let areas = self.areas(&keys(keymap), area);
        if !is_click(mouse) {
            return Answer::Open(Dialog::Quit(self));
        }
        if areas.choices.contains(cell) {
            return self.taken(Some(usize::from(cell.y - areas.choices.y)));
        }
        match buttons::at(&keys(keymap), areas.foot, cell) {
            Some(0) => {
                let selected = self.selection.get(self.choices.len());
                self.taken(selected)
            }
            Some(_) => Answer::Closed,
            None => Answer::Open(Dialog::Quit(self)),
        }
    }

    fn taken(self, number: Option<usize>) -> Answer {
        let choice = number.and_then(|number| self.choices.get(number));
        match choice {
            Some((Leaving::Stay, _)) => Answer::Closed,
            Some((leaving, _)) => Answer::Left(*leaving),
            None => Answer::Open(Dialog::Quit(self)),
        }
    }

    fn lines(&self, width: u16) -> Vec<String> {
        let lines = self.reasons.iter();
        lines
            .flat_map(|reason| wrapped(reason, usize::from(width)))
            .collect()
    }

    fn areas(&self, buttons: &[Button], area: Rect) -> Areas {
        let width = boxed::READABLE.min(area.width);
        let inside = width.saturating_sub(4);
        let text = self.lines(inside).len() as u16;
        let choices = self.choices.len() as u16;
        let foot = buttons::height(buttons, inside);
        let place = boxed::place((width, text + choices + foot + 4), area);
        let whole = boxed::inside(place);
        // Where there is no room for all, choices come first, then reasons.
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
        boxed::open("Quit the workbench?", areas.place, theme, frame);
        let text = self.lines(areas.text.width).into_iter();
        let text: Vec<Line> = text.map(Line::raw).collect();
        frame.render_widget(Paragraph::new(text), areas.text);
        let selected = self.selection.get(self.choices.len());
        let choices = self.choices.iter().enumerate().map(|(at, (_, word))| {
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

/// Which experiments are not saved; the first three by name.
fn unsaved_ones(names: &[&str]) -> String {
    match names {
        [one] => format!("The experiment {one} is not saved."),
        [first, second] => format!("2 experiments are not saved: {first} and {second}."),
        [first, second, third] => {
            format!("3 experiments are not saved: {first}, {second} and {third}.")
        }
        [first, second, third, rest @ ..] => format!(
            "{} experiments are not saved: {first}, {second}, {third} and {} more.",
            names.len(),
            rest.len()
        ),
        [] => String::new(),
    }
}
