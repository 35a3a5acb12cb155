//! A line of text that is asked for.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{Answer, Dialog, frame as boxed};
use crate::ui::theme::Theme;
use crate::ui::widget::TextLine;

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
/// ┌ Rename ─────────────────┐
/// │ quickstart█             │
/// │ enter takes, esc leaves │
/// └─────────────────────────┘
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

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let inside = boxed::open(&self.title, (70, 5), theme, frame, area);
        let hint = Line::styled("enter takes it, esc leaves", theme.muted());
        let text = vec![self.line.line(theme.text()), Line::default(), hint];
        frame.render_widget(Paragraph::new(text), inside);
    }
}
