//! A line of text that is requested.

use std::path::PathBuf;

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::buttons::{self, Button};
use super::folders::{Folders, dropped};
use super::{Answer, Dialog, frame as boxed, is_click};
use crate::format::width_of;
use crate::ui::effect::Effect;
use crate::ui::news::Completed;
use crate::ui::theme::Theme;
use crate::ui::widget::TextLine;
use crate::ui::widget::wrap::wrapped;

/// Greatest width.
const WIDTH: u16 = 70;

/// Cells of a box beside its title.
const BORDER: usize = 4;

/// The purpose of a text. The screen that asked takes the answer.
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
    /// Epochs that a run's training gets besides those that it has.
    AddEpochs(String),
    /// Learning rate of so many more epochs of a run's training.
    AddEpochsAtLr(String, u32),
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

impl Purpose {
    /// Whether the text is the name of a folder that must be there.
    fn is_folder(&self) -> bool {
        matches!(self, Self::ChooseFolder | Self::CompareFolder)
    }
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
    /// Where a folder is requested, what is known of it.
    folders: Option<Folders>,
}

impl Prompt {
    /// Asks for a text, beginning with `text`, which is selected.
    #[must_use]
    pub fn new(title: impl Into<String>, text: &str, purpose: Purpose) -> Self {
        Self {
            line: TextLine::selected(text),
            ..Self::edit(title, text, purpose)
        }
    }

    /// Asks for a text, beginning with `text`, to be added to or corrected.
    #[must_use]
    pub fn edit(title: impl Into<String>, text: &str, purpose: Purpose) -> Self {
        Self {
            title: title.into(),
            line: TextLine::new(text),
            folders: purpose.is_folder().then(Folders::default),
            purpose,
        }
    }

    /// What is typed so far, where what it is for is seen while typing.
    pub(in crate::ui) fn live_text(&self) -> Option<String> {
        (self.purpose == Purpose::FilterRuns).then(|| self.line.text())
    }

    /// The purpose of its text.
    #[must_use]
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    pub(super) fn key(mut self, key: KeyEvent) -> Answer {
        match key.code {
            KeyCode::Enter => self.give(),
            KeyCode::Esc => Answer::Closed,
            KeyCode::Tab if self.folders.is_some() => self.complete(),
            _ => {
                if self.line.key(key) {
                    self.changed();
                }
                Answer::Open(Dialog::Prompt(self))
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        match self.folders {
            Some(_) => self.line.paste(&dropped(text)),
            None => self.line.paste(text),
        }
        self.changed();
    }

    /// What is known of a folder is known of the text as it was.
    fn changed(&mut self) {
        if let Some(folders) = &mut self.folders {
            *folders = Folders::default();
        }
    }

    /// Gives the text; that of a folder once it is known to be there.
    fn give(mut self) -> Answer {
        let text = self.line.text();
        let Some(folders) = self.folders.as_mut().filter(|_| !text.trim().is_empty()) else {
            return Answer::Given(self.purpose, text);
        };
        folders.want(&text);
        Answer::Waiting(Dialog::Prompt(self), Effect::FindFolder(text))
    }

    fn complete(self) -> Answer {
        let typed = self.line.text();
        Answer::Waiting(Dialog::Prompt(self), Effect::CompleteFolder(typed))
    }

    /// Takes in how a folder's name continues. An answer for another text than
    /// stands here comes too late.
    pub(in crate::ui) fn on_completed(
        mut self,
        typed: &str,
        result: Result<Completed, String>,
    ) -> Answer {
        if let Some(folders) = &mut self.folders
            && typed == self.line.text()
            && let Some(text) = folders.completed(result)
        {
            self.line = TextLine::new(&text);
        }
        Answer::Open(Dialog::Prompt(self))
    }

    /// Takes in whether there is a folder of this name; it too may come too late.
    pub(in crate::ui) fn on_found(mut self, typed: &str, result: Result<(), String>) -> Answer {
        let text = self.line.text();
        if let Some(folders) = &mut self.folders
            && typed == text
            && folders.takes(&text)
        {
            match result {
                Ok(()) => return Answer::Given(self.purpose, text),
                Err(reason) => folders.missing(reason),
            }
        }
        Answer::Open(Dialog::Prompt(self))
    }

    pub(super) fn mouse(self, mouse: MouseEvent, area: Rect) -> Answer {
        let buttons = self.choices();
        let (_, foot) = buttons::foot(&buttons, boxed::inside(self.place(area)));
        let cell = Position::new(mouse.column, mouse.row);
        match buttons::at(&buttons, foot, cell).filter(|_| is_click(mouse)) {
            Some(0) => self.give(),
            Some(1) => Answer::Closed,
            Some(_) => self.complete(),
            None => Answer::Open(Dialog::Prompt(self)),
        }
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let buttons = self.choices();
        let place = self.place(area);
        let question = self.question(place.width);
        let title = if question.is_empty() { &self.title } else { "" };
        let inside = boxed::open(title, place, theme, frame);
        let (body, foot) = buttons::foot(&buttons, inside);
        let mut lines: Vec<Line> = question.into_iter().map(Line::raw).collect();
        lines.push(self.line.within(body.width, theme.text()));
        if let Some(folders) = &self.folders {
            lines.extend(folders.lines(body.width, theme));
        }
        frame.render_widget(Paragraph::new(lines), body);
        buttons::draw(&buttons, theme, frame, foot);
    }

    /// The lines of a question that has no room in the border of a box so wide.
    fn question(&self, width: u16) -> Vec<String> {
        if width_of(&self.title) + BORDER <= width.into() {
            return Vec::new();
        }
        wrapped(&self.title, width.saturating_sub(4).into())
    }

    fn place(&self, area: Rect) -> Rect {
        let question = self.question(WIDTH.min(area.width)).len();
        let inside = WIDTH.min(area.width).saturating_sub(4);
        let below = self.folders.as_ref();
        let below = below.map_or(0, |folders| folders.texts(inside).len());
        let buttons = buttons::height(&self.choices(), inside);
        boxed::place((WIDTH, 4 + (question + below) as u16 + buttons), area)
    }

    /// A prompt takes every other key as text, so these are fixed.
    pub(super) fn choices(&self) -> Vec<Button> {
        let mut choices = vec![
            Button::new("enter".to_owned(), "accept"),
            Button::new("esc".to_owned(), "cancel"),
        ];
        if self.folders.is_some() {
            choices.push(Button::new("tab".to_owned(), "complete"));
        }
        choices
    }
}
