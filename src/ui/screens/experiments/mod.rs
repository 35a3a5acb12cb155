//! Experiments: the list of files, the editor and the plan.
//!
//! Files are read and planned elsewhere; what is edited lives in buffers
//! until it is written. Nothing is written that was not requested.

mod act;
mod buffer;
mod editing;
mod editor;
mod launch;
mod layout;
mod list;
mod lr_panel;
mod lr_test;
mod names;
mod news;
mod pane;
mod plan;
mod pointer;
mod status;
#[cfg(test)]
mod tests;
mod unsaved;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use crossterm::event::KeyEvent;
use ratatui::Frame;
use ratatui::layout::Rect;

use self::buffer::Buffer;
use self::layout::Borders;
use self::lr_test::LrTest;
use self::plan::{Outline, Panel};
use self::status::Latest;
use self::unsaved::Unsaved;
use crate::store::Runs;
use crate::ui::action::{Action, Context};
use crate::ui::shared::Shared;
use crate::ui::widget::{Selection, TextLine};

/// Where keys go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Focus {
    /// The list of files.
    #[default]
    List,
    /// The condition on the list.
    Filter,
    /// The text.
    Text,
    /// The list of errors.
    Problems,
}

/// The screen of experiments.
#[derive(Debug, Default)]
pub struct Experiments {
    /// Where a new file is written if there is none beside which it could be.
    folder: PathBuf,
    /// Files there are, sorted.
    pub(in crate::ui) files: Vec<PathBuf>,
    /// Whether it knows which files there are.
    listed: bool,
    /// Files that were read.
    buffers: BTreeMap<PathBuf, Buffer>,
    /// What is known of each plan beyond its file.
    outlines: BTreeMap<PathBuf, Outline>,
    /// Files that cannot be read, and why.
    troubles: BTreeMap<PathBuf, String>,
    /// Texts that were not saved in a session before.
    kept: BTreeMap<PathBuf, Unsaved>,
    /// The selected file.
    selected: Option<PathBuf>,
    /// Letters that a file's name must hold.
    filter: TextLine,
    focus: Focus,
    /// The selected error.
    problem: Selection,
    /// Whether the plan is shown, once a person has decided.
    plan: Option<bool>,
    /// Where the borders between the panes are.
    borders: Borders,
    /// Lines of the plan above the view.
    plan_above: usize,
    /// Files that are being written for the first time.
    creating: Vec<PathBuf>,
    /// A file that is being given another name, and that.
    renaming: Option<(PathBuf, PathBuf)>,
    /// A file that is being moved to the trash, with what is not saved of it.
    trashing: Option<PathBuf>,
    /// Whether a person has done anything here, or the first file that can be
    /// trained was selected for them.
    settled: bool,
    /// A file that is trained once its plan is known, unless it is edited first.
    wished: Option<PathBuf>,
    /// A file that is trained once it is saved.
    launching: Option<PathBuf>,
    /// The last range test, and whether it is shown where it is of the selected file.
    lr_test: Option<LrTest>,
    shows_lr_test: bool,
}

impl Experiments {
    /// The experiments of a folder, with this file of them selected.
    pub(in crate::ui) fn new(folder: PathBuf, file: Option<PathBuf>) -> Self {
        Self {
            folder,
            settled: file.is_some(),
            selected: file,
            ..Self::default()
        }
    }

    pub(in crate::ui) fn contexts(&self) -> Vec<Context> {
        if self.shown_lr_test().is_some() {
            return vec![Context::LrTest];
        }
        match self.focus {
            Focus::List | Focus::Filter => vec![Context::Experiments],
            Focus::Text | Focus::Problems => vec![Context::Editor, Context::Experiments],
        }
    }

    pub(in crate::ui) fn takes_text(&self) -> bool {
        matches!(self.focus, Focus::Text | Focus::Filter) && self.shown_lr_test().is_none()
    }

    /// Names of the files whose text is not what is on disk.
    pub(in crate::ui) fn unsaved(&self) -> Vec<&str> {
        self.unsaved_texts()
            .map(|(path, _)| buffer::stem(path))
            .collect()
    }

    /// Texts that are not what is on disk, with their files.
    pub(in crate::ui) fn unsaved_texts(&self) -> impl Iterator<Item = (&PathBuf, &str)> {
        let modified = self.buffers.iter();
        let modified = modified.filter(|(_, buffer)| buffer.is_modified());
        modified.map(|(path, buffer)| (path, buffer.document.text()))
    }

    pub(in crate::ui) fn hints(&self) -> &'static [Action] {
        if let Some(test) = self.shown_lr_test() {
            return test.hints();
        }
        match self.focus {
            Focus::List if self.files.is_empty() => &[Action::NewExperiment],
            Focus::List if self.current().is_none() => &[Action::Back, Action::Filter],
            Focus::List => &[
                Action::Activate,
                Action::Launch,
                Action::NewExperiment,
                Action::DuplicateExperiment,
                Action::Filter,
                Action::TogglePlan,
                Action::FindLr,
            ],
            Focus::Filter => &[Action::Activate, Action::Back],
            Focus::Text => &[
                Action::LeaveEditor,
                Action::SaveText,
                Action::LaunchText,
                Action::Complete,
                Action::FindText,
                Action::FormatText,
            ],
            Focus::Problems => &[Action::LeaveEditor, Action::Activate],
        }
    }

    pub(in crate::ui) fn key(&mut self, key: KeyEvent, shared: &mut Shared, runs: &Runs) {
        match self.focus {
            _ if self.shown_lr_test().is_some() => {}
            Focus::Filter => self.filter_key(key, shared, runs),
            Focus::Text => self.text_key(key, shared),
            Focus::List | Focus::Problems => {}
        }
    }

    pub(in crate::ui) fn paste(&mut self, text: &str, shared: &mut Shared, runs: &Runs) {
        match self.focus {
            _ if self.shown_lr_test().is_some() => {}
            Focus::Filter => {
                self.filter.paste(text);
                self.select_shown(shared, runs);
            }
            Focus::Text => self.edit(shared, |buffer| {
                buffer.completion = None;
                buffer.document.insert(text);
            }),
            Focus::List | Focus::Problems => {}
        }
    }

    pub(in crate::ui) fn draw(&self, shared: &Shared, runs: &Runs, frame: &mut Frame, area: Rect) {
        if let Some(test) = self.shown_lr_test() {
            return test.draw(shared, frame, area);
        }
        let panes = layout::panes(area, self.is_editing(), self.plan, self.borders);
        if let Some(pane) = panes.list {
            self.draw_list(shared, runs, frame, pane);
        }
        if let Some(pane) = panes.editor {
            self.draw_editor(shared, frame, pane);
        }
        if let Some(pane) = panes.plan {
            self.plan_panel(shared, runs)
                .draw(&shared.theme, frame, pane);
        }
    }

    /// The selected file's plan.
    fn plan_panel<'a>(&'a self, shared: &Shared, runs: &'a Runs) -> Panel<'a> {
        let open = self
            .current()
            .and_then(|path| Some((path, self.buffers.get(path)?)));
        let key = |action| {
            if self.takes_text() {
                shared.keymap.key_while_typing(action)
            } else {
                shared.keymap.key(action)
            }
        };
        Panel {
            plan: open.and_then(|(path, buffer)| {
                Some((&buffer.loaded.as_ref()?.plan, self.outlines.get(path)?))
            }),
            stale: open.is_some_and(|(_, buffer)| buffer.is_stale()),
            is_open: self.current().is_some(),
            previous: open.and_then(|(path, buffer)| Latest::of(runs).run(path, buffer)),
            above: self.plan_above,
            keys: [Action::PlanUp, Action::PlanDown].map(|action| key(action).unwrap_or_default()),
        }
    }

    fn is_editing(&self) -> bool {
        matches!(self.focus, Focus::Text | Focus::Problems)
    }

    fn is_filtered(&self) -> bool {
        self.focus == Focus::Filter || !self.filter.is_empty()
    }

    /// Files whose names hold the filter's letters.
    fn shown(&self) -> Vec<&PathBuf> {
        let wanted = self.filter.text().to_lowercase();
        self.files
            .iter()
            .filter(|path| {
                let name = path
                    .file_name()
                    .map(|name| name.to_string_lossy().to_lowercase());
                name.is_some_and(|name| name.contains(&wanted))
            })
            .collect()
    }

    /// The selected file.
    fn current(&self) -> Option<&PathBuf> {
        self.selected.as_ref()
    }

    /// Place of the selected file in the list.
    fn at(&self, shown: &[&PathBuf]) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        shown.iter().position(|path| *path == selected)
    }

    /// Rows of the list that are in view.
    fn window(&self, shown: &[&PathBuf], height: usize) -> Range<usize> {
        let mut selection = Selection::default();
        selection.set(self.at(shown).unwrap_or(0));
        selection.window(shown.len(), height)
    }

    /// The selected file's buffer.
    fn buffer(&self) -> Option<&Buffer> {
        self.buffers.get(self.selected.as_ref()?)
    }

    /// The selected file's buffer.
    fn buffer_mut(&mut self) -> Option<&mut Buffer> {
        self.buffers.get_mut(self.selected.as_ref()?)
    }
}
