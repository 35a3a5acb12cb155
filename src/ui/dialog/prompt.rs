//! A line of text that is asked for.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::buttons::{self, Button};
use super::{Answer, Dialog, frame as boxed, is_click};
use crate::ui::theme::Theme;
use crate::ui::widget::TextLine;

/// Greatest width.
const WIDTH: u16 = 70;

/// What a text is asked for. The screen that asked takes the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Name of a new experiment, a copy of this file if there is one.
    NewExperiment(Option<PathBuf>),
    /// New name of an experiment's file.
    RenameExperiment(PathBuf),
    /// What to search in the editor.
    FindText,
    /// Condition on runs.
    FilterRuns,
    /// Tags of a run.
    TagRun(String),
    /// Note of a run.
    NoteRun(String),
    /// New name of a run.
    RenameRun(String),
    /// Condition on charts.
    FilterCharts,
    /// Value of a knob.
    SetKnob(String),
    /// Folder of images.
    ChooseFolder,
    /// Folder of images to compare models on.
    CompareFolder,
    /// Which images are compared.
    FilterImages,
    /// Which results of an inference are shown.
    FilterResults,
    /// File for the results of an inference.
    ExportResults,
}

/// ```text
/// ┌ Rename ─────────────────────┐
/// │ quickstart█                 │
/// │                             │
/// │ enter takes it   esc leaves │
/// └─────────────────────────────┘
/// ```
#[derive(Debug)]
pub struct Prompt {
    title: String,
    line: TextLine,
    purpose: Purpose,
}

impl Prompt {
    /// Asks for a text, beginning with `text`.
    #[must_use]
    pub fn new(title: impl Into<String>, text: &str, purpose: Purpose) -> Self {
        Self {
            title: title.into(),
            line: TextLine::new(text),
            purpose,
        }
    }

    /// What its text is asked for.
    #[must_use]
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    pub(super) fn key(mut self, key: KeyEvent) -> Answer {
        match key.code {
            KeyCode::Enter => Answer::Given(self.purpose, self.line.text()),
            KeyCode::Esc => Answer::Closed,
            _ => {
                self.line.key(key);
                Answer::Open(Dialog::Prompt(self))
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.line.paste(text);
    }

    pub(super) fn mouse(self, mouse: MouseEvent, area: Rect) -> Answer {
        let (_, foot) = buttons::foot(&choices(), boxed::inside(place(area)));
        let cell = Position::new(mouse.column, mouse.row);
        match buttons::at(&choices(), foot, cell).filter(|_| is_click(mouse)) {
            Some(0) => Answer::Given(self.purpose, self.line.text()),
            Some(_) => Answer::Closed,
            None => Answer::Open(Dialog::Prompt(self)),
        }
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let inside = boxed::open(&self.title, place(area), theme, frame);
        let (body, foot) = buttons::foot(&choices(), inside);
        frame.render_widget(self.line.within(body.width, theme.text()), body);
        buttons::draw(&choices(), theme, frame, foot);
    }
}

fn place(area: Rect) -> Rect {
    boxed::place((WIDTH, 5), area)
}

/// A prompt takes every other key as text, so these are fixed.
pub(super) fn choices() -> [Button; 2] {
    [
        Button::new("enter".to_owned(), "takes it"),
        Button::new("esc".to_owned(), "leaves"),
    ]
}
