//! Actions of the list: choosing, launching, and files.

use std::path::{Path, PathBuf};

use crossterm::event::{KeyCode, KeyEvent};

use super::buffer::{Buffer, stem};
use super::pointer::NOTCH;
use super::status::Latest;
use super::{Experiments, Focus, layout, names};
use crate::store::{Owner, Runs};
use crate::ui::action::Action;
use crate::ui::dialog::{Confirm, Conflict, Dialog, Prompt, Purpose};
use crate::ui::draw;
use crate::ui::effect::{Effect, OverwritePolicy};
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;
use crate::ui::widget::{Selection, TextLine};
use crate::untrusted::Show as _;

/// What is shown where there is nothing to decide.
const UNCHANGED: &str = "the file on disk has not changed";

impl Experiments {
    pub(in crate::ui) fn act(&mut self, action: Action, shared: &mut Shared, runs: &Runs) {
        self.settled = true;
        if self.act_on_lr_test(action, shared) {
            return;
        }
        if self.act_on_text(action, shared) || self.act_on_files(action, shared, runs) {
            return;
        }
        match self.focus {
            Focus::Problems => self.act_on_problems(action, shared),
            Focus::List | Focus::Filter => self.act_on_list(action, shared, runs),
            Focus::Text => {}
        }
    }

    fn act_on_list(&mut self, action: Action, shared: &mut Shared, runs: &Runs) {
        match action {
            Action::Activate | Action::Right => self.open(shared),
            Action::Filter => self.focus = Focus::Filter,
            Action::Back if self.is_filtered() => {
                self.filter = TextLine::default();
                self.select_shown(shared, runs);
            }
            Action::Copy => {
                if let Some(path) = self.current() {
                    shared.ask(Effect::Copy(path.to_string_lossy().into_owned()));
                }
            }
            _ => {
                let shown = self.shown();
                let mut selection = Selection::default();
                selection.set(self.at(&shown).unwrap_or(0));
                if selection.act(action, shown.len()) {
                    let at = selection.get(shown.len());
                    let path = at.map(|at| shown[at].clone());
                    self.select(path, shared, runs);
                }
            }
        }
    }

    fn act_on_files(&mut self, action: Action, shared: &mut Shared, runs: &Runs) -> bool {
        match action {
            Action::Launch | Action::LaunchText => self.launch_selected(shared),
            Action::Dequeue => self.dequeue(shared),
            Action::TrashExperiment => self.ask_to_trash(shared, runs),
            Action::RestoreExperiment => shared.ask(Effect::RestoreExperiment),
            Action::NewExperiment => ask_name(None, shared),
            Action::DuplicateExperiment => ask_name(self.selected.clone(), shared),
            Action::RenameExperiment => {
                if let Some(path) = self.current() {
                    let purpose = Purpose::RenameExperiment(path.clone());
                    let prompt = Prompt::new("Rename the file to", stem(path), purpose);
                    shared.dialog = Some(Dialog::Prompt(prompt));
                }
            }
            Action::ShowDifference => {
                if !self.ask_decision(shared, false) && !self.ask_unsaved(shared) {
                    shared.notify(LogLine::info(UNCHANGED));
                }
            }
            Action::TogglePlan => {
                let body = draw::areas(shared).body;
                let shown = layout::panes(body, self.is_editing(), self.plan, self.borders)
                    .plan
                    .is_some();
                self.plan = Some(!shown);
                self.keep_in_view(shared);
            }
            Action::PlanDown => self.scroll_plan(true, shared, runs),
            Action::PlanUp => self.scroll_plan(false, shared, runs),
            _ => return false,
        }
        true
    }

    /// Scrolls the plan, as far as there is more of it; shows it where it is hidden.
    pub(super) fn scroll_plan(&mut self, down: bool, shared: &mut Shared, runs: &Runs) {
        let body = draw::areas(shared).body;
        let panes = layout::panes(body, self.is_editing(), self.plan, self.borders);
        let Some(pane) = panes.plan else {
            self.plan = Some(true);
            return self.keep_in_view(shared);
        };
        let most = self.plan_panel(shared, runs).beyond(&shared.theme, pane);
        let above = self.plan_above.min(most);
        self.plan_above = if down {
            (above + NOTCH).min(most)
        } else {
            above.saturating_sub(NOTCH)
        };
    }

    fn act_on_problems(&mut self, action: Action, shared: &mut Shared) {
        let count = self.buffer().map_or(0, |buffer| buffer.problems.len());
        match (action, self.problem.get(count)) {
            (Action::Activate, Some(at)) => {
                self.go_to_problem(at);
                self.keep_in_view(shared);
            }
            (_, None) => self.focus = Focus::Text,
            _ => _ = self.problem.act(action, count),
        }
    }

    pub(super) fn filter_key(&mut self, key: KeyEvent, shared: &mut Shared, runs: &Runs) {
        match key.code {
            KeyCode::Enter => self.focus = Focus::List,
            KeyCode::Esc => {
                self.focus = Focus::List;
                self.filter = TextLine::default();
            }
            _ => _ = self.filter.key(key),
        }
        self.select_shown(shared, runs);
    }

    /// Selects a file that is shown, where the selected one is not.
    pub(super) fn select_shown(&mut self, shared: &mut Shared, runs: &Runs) {
        let shown = self.shown();
        if self.at(&shown).is_none() {
            let first = shown.first().map(|path| (*path).clone());
            self.select(first, shared, runs);
        }
    }

    /// Selects a file, and reads it if that was not done yet.
    pub(super) fn select(&mut self, path: Option<PathBuf>, shared: &mut Shared, runs: &Runs) {
        self.selected = path;
        self.problem = Selection::default();
        self.plan_above = 0;
        let Some(path) = self.selected.clone() else {
            return;
        };
        if self.buffers.contains_key(&path) {
            self.work_out(&path, runs);
        } else if self.files.contains(&path) {
            shared.ask(Effect::ReadExperiment(path));
        }
        self.keep_in_view(shared);
    }

    /// Goes to the text of the selected file.
    fn open(&mut self, shared: &mut Shared) {
        if self.buffer().is_some() {
            self.focus = Focus::Text;
            self.keep_in_view(shared);
            self.ask_unsaved(shared);
        } else if let Some(reason) = self.current().and_then(|path| self.troubles.get(path)) {
            shared.notify(LogLine::error(reason.as_str()));
        }
    }

    /// Asks whose text to keep, where somebody else changed the open file.
    /// `saving` if the one here was to be saved. Returns whether there is
    /// something to decide.
    pub(super) fn ask_decision(&self, shared: &mut Shared, saving: bool) -> bool {
        let (Some(path), Some(buffer)) = (self.current(), self.buffer()) else {
            return false;
        };
        let name = stem(path);
        let conflict = match (buffer.theirs(), buffer.unreadable()) {
            (Some(theirs), _) => Conflict::new(name, buffer.document.text(), theirs, saving),
            (None, Some(reason)) => Conflict::unreadable(name, reason, saving),
            (None, None) => return false,
        };
        if shared.dialog.is_none() {
            shared.dialog = Some(Dialog::Conflict(conflict));
        }
        true
    }

    /// Decides whose text stays. Returns whether there was something to decide.
    pub(super) fn decide(&mut self, shared: &mut Shared, take: fn(&mut Buffer) -> bool) -> bool {
        let mut decided = false;
        self.edit(shared, |buffer| decided = take(buffer));
        if !decided {
            shared.notify(LogLine::info(UNCHANGED));
        }
        decided
    }

    /// Asks for every text that is not saved to be written. Where somebody else
    /// changed a file, too, that is asked first and nothing is written. Returns
    /// whether all are.
    pub(in crate::ui) fn save_all(&mut self, shared: &mut Shared, runs: &Runs) -> bool {
        let modified = self.buffers.iter_mut();
        let mut modified = modified.filter(|(_, buffer)| buffer.is_modified());
        let disputed = modified.find(|(_, buffer)| buffer.is_disputed());
        if let Some((path, _)) = disputed {
            let path = path.clone();
            self.select(Some(path), shared, runs);
            self.open(shared);
            self.ask_decision(shared, true);
            return false;
        }
        self.launching = None;
        let modified = self.buffers.iter_mut();
        for (path, buffer) in modified.filter(|(_, buffer)| buffer.is_modified()) {
            shared.ask(Effect::WriteExperiment {
                path: path.clone(),
                text: buffer.write(),
                over: buffer.over(),
            });
        }
        true
    }

    pub(super) fn save(&mut self, shared: &mut Shared) {
        if self.ask_decision(shared, true) {
            return;
        }
        let Some(path) = self.selected.clone() else {
            return;
        };
        if let Some(buffer) = self.buffers.get_mut(&path) {
            let text = buffer.write();
            shared.ask(Effect::WriteExperiment {
                path,
                text,
                over: buffer.over(),
            });
        }
    }

    /// Asks whether the selected file may go, and says what becomes of what is
    /// under way with it.
    fn ask_to_trash(&mut self, shared: &mut Shared, runs: &Runs) {
        let Some(path) = self.current() else {
            return;
        };
        let buffer = self.buffers.get(path);
        let latest = Latest::of(runs);
        let run = buffer.and_then(|buffer| latest.run(path, buffer));
        let trains = run.is_some_and(|run| matches!(run.owner, Owner::Here | Owner::Elsewhere(_)));
        let mut message = format!("Move {}.ron to .trash? Its runs are kept.", stem(path));
        if let Some(key) = shared.keymap.key(Action::RestoreExperiment) {
            message.extend([" ", &key, " restores it."]);
        }
        if trains {
            message.push_str(" Its training continues with the run's own copy of the file.");
        }
        if shared.is_queued(path) {
            message.push_str(" It is removed from the queue.");
        }
        if buffer.is_some_and(Buffer::is_modified) {
            message.push_str(" Unsaved changes are lost.");
        }
        shared.dialog = Some(Dialog::Confirm(Confirm {
            title: "Trash".to_owned(),
            message,
            effect: Effect::TrashExperiment(path.clone()),
        }));
    }

    /// Remembers what was agreed to.
    pub(in crate::ui) fn confirmed(&mut self, effect: &Effect) {
        if let Effect::TrashExperiment(path) = effect {
            self.trashing = Some(path.clone());
        }
    }

    /// Writes a new file of this name, a copy of another if there is one.
    pub(in crate::ui) fn add(&mut self, copied: Option<PathBuf>, name: &str, shared: &mut Shared) {
        if let Err(wrong) = self.create(copied.as_deref(), name, shared) {
            shared.ask_again(wrong, name, Purpose::NewExperiment(copied));
        }
    }

    /// Gives a file this name.
    pub(in crate::ui) fn rename(&mut self, from: PathBuf, name: &str, shared: &mut Shared) {
        let folder = from.parent().unwrap_or(&self.folder).to_owned();
        match self.free_path(&folder, name) {
            Ok(to) => {
                self.renaming = Some((from.clone(), to.clone()));
                shared.ask(Effect::RenameExperiment { from, to });
            }
            Err(wrong) => shared.ask_again(wrong, name, Purpose::RenameExperiment(from)),
        }
    }

    /// Writes a new file, a copy of another if there is one. An error is what is
    /// wrong with its name.
    fn create(
        &mut self,
        copied: Option<&Path>,
        name: &str,
        shared: &mut Shared,
    ) -> Result<(), String> {
        let beside = copied
            .or(self.selected.as_deref())
            .or(self.files.first().map(PathBuf::as_path));
        let folder = beside.and_then(Path::parent).unwrap_or(&self.folder);
        let folder = folder.to_owned();
        let path = self.free_path(&folder, name)?;
        let original = copied.and_then(|copied| self.buffers.get(copied));
        let text = match (original, copied) {
            (Some(buffer), _) => names::renamed(buffer.document.text(), stem(&path)),
            (None, None) => names::TEMPLATE.to_owned(),
            (None, Some(copied)) => {
                let message = format!("{} cannot be read and was not copied", copied.shown());
                shared.notify(LogLine::error(message));
                return Ok(());
            }
        };
        self.creating.push(path.clone());
        shared.ask(Effect::WriteExperiment {
            path,
            text,
            over: OverwritePolicy::Nothing,
        });
        Ok(())
    }

    /// The path of a file that is to be called so, or why it cannot be.
    fn free_path(&self, folder: &Path, name: &str) -> Result<PathBuf, String> {
        let path = names::path(folder, name)?;
        if self.files.contains(&path) {
            return Err(format!("an experiment `{}` already exists", stem(&path)));
        }
        Ok(path)
    }
}

/// Asks for the name of a new file, a copy of another if there is one.
fn ask_name(copied: Option<PathBuf>, shared: &mut Shared) {
    let (title, name) = match &copied {
        Some(path) => ("Name of the copy", format!("{}-copy", stem(path))),
        None => ("Name of the new experiment", String::new()),
    };
    let prompt = Prompt::new(title, &name, Purpose::NewExperiment(copied));
    shared.dialog = Some(Dialog::Prompt(prompt));
}
