//! A question with yes or no.

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::buttons::{self, Button};
use super::{Answer, Dialog, frame as boxed, is_click};
use crate::ui::action::Action;
use crate::ui::effect::Effect;
use crate::ui::keymap::Keymap;
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::wrapped;

/// ```text
/// ┌ Trash ───────────────────────────────┐
/// │ quickstart-… goes to the trash with  │
/// │ everything in it.                    │
/// │                                      │
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
    /// Asks whether to continue with a run that ended before its end.
    #[must_use]
    pub fn resume(run: &str) -> Self {
        Self {
            title: "Resume".to_owned(),
            message: format!("Resume {run} from its last checkpoint?"),
            effect: Effect::ResumeRun(run.to_owned()),
        }
    }

    pub(super) fn key(self, key: KeyEvent, keymap: &Keymap) -> Answer {
        match (boxed::meaning(key, keymap), key.code) {
            (Some(Action::Activate), _) | (_, KeyCode::Char('y' | 'Y')) => {
                Answer::Confirmed(vec![self.effect])
            }
            (Some(Action::Back), _) | (_, KeyCode::Char('n' | 'N')) => Answer::Closed,
            _ => Answer::Open(Dialog::Confirm(self)),
        }
    }

    pub(super) fn mouse(self, mouse: MouseEvent, area: Rect) -> Answer {
        let buttons = choices();
        let (_, foot) = buttons::foot(&buttons, boxed::inside(self.place(&buttons, area)));
        let cell = Position::new(mouse.column, mouse.row);
        let pressed = buttons::at(&buttons, foot, cell).filter(|_| is_click(mouse));
        match pressed {
            Some(0) => Answer::Confirmed(vec![self.effect]),
            Some(_) => Answer::Closed,
            None => Answer::Open(Dialog::Confirm(self)),
        }
    }

    fn place(&self, buttons: &[Button], area: Rect) -> Rect {
        let width = boxed::READABLE.min(area.width);
        let inside = width.saturating_sub(4);
        let lines = wrapped(&self.message, usize::from(inside)).len() as u16;
        let height = lines + 1 + buttons::height(buttons, inside) + 2;
        boxed::place((width, height), area)
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let buttons = choices();
        let place = self.place(&buttons, area);
        let inside = boxed::open(&self.title, place, theme, frame);
        let (body, foot) = buttons::foot(&buttons, inside);
        let text = wrapped(&self.message, usize::from(inside.width));
        let text: Vec<Line> = text.into_iter().map(Line::raw).collect();
        frame.render_widget(Paragraph::new(text), body);
        buttons::draw(&buttons, theme, frame, foot);
    }
}

pub(super) fn choices() -> [Button; 2] {
    [
        Button::new("y".to_owned(), "yes"),
        Button::new("n".to_owned(), "no"),
    ]
}
