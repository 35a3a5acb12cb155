//! Texts that were not saved when the workbench was ended from outside. Opening
//! their file offers them with their difference; until a person restores or
//! discards one it stays on disk, and a restored one until it is saved.

use std::path::{Path, PathBuf};

use super::Experiments;
use super::buffer::stem;
use crate::experiment::unix;
use crate::ui::action::Action;
use crate::ui::dialog::{Conflict, Dialog};
use crate::ui::effect::Effect;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;

/// A text that was kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsaved {
    /// It waits for a decision.
    Offered(String),
    /// It is in the editor, and not saved yet.
    Restored,
}

impl Experiments {
    /// A text was kept beside a file.
    pub(in crate::ui) fn on_autosave(&mut self, path: PathBuf, text: &str, shared: &mut Shared) {
        if self.kept.contains_key(&path) {
            return;
        }
        let key = shared.key(Action::Activate);
        shared.notify(LogLine::warn(format!(
            "{} has unsaved changes from a previous session; {key} restore or discard",
            stem(&path)
        )));
        self.kept.insert(path, Unsaved::Offered(unix(text)));
    }

    /// The text that waits for a decision about a file.
    pub(super) fn offered(&self, path: &Path) -> Option<&str> {
        match self.kept.get(path)? {
            Unsaved::Offered(text) => Some(text),
            Unsaved::Restored => None,
        }
    }

    /// Asks whether the text that was kept of the open file is restored. Returns
    /// whether there is one that differs.
    pub(super) fn ask_unsaved(&mut self, shared: &mut Shared) -> bool {
        let (Some(path), Some(buffer)) = (self.current(), self.buffer()) else {
            return false;
        };
        let Some(text) = self.offered(path) else {
            return false;
        };
        let here = buffer.document.text();
        if here == text {
            self.discard(&path.clone(), shared);
            return false;
        }
        if shared.dialog.is_none() {
            let dialog = Conflict::unsaved(stem(path), here, text);
            shared.dialog = Some(Dialog::Conflict(dialog));
        }
        true
    }

    /// Restores or discards the text that was kept of the open file.
    pub(super) fn decide_unsaved(&mut self, restore: bool, shared: &mut Shared) {
        let path = self.current().cloned();
        let kept = path.and_then(|path| Some((self.offered(&path)?.to_owned(), path)));
        let Some((text, path)) = kept else {
            return shared.notify(LogLine::info("this file has no unsaved changes to recover"));
        };
        if restore {
            self.edit(shared, |buffer| buffer.document.replace_all(&text));
            self.kept.insert(path, Unsaved::Restored);
        } else {
            self.discard(&path, shared);
        }
    }

    /// A file was saved, and with it what was restored.
    pub(super) fn saved_unsaved(&mut self, path: &Path, shared: &mut Shared) {
        if self.kept.get(path) == Some(&Unsaved::Restored) {
            self.discard(path, shared);
        }
    }

    fn discard(&mut self, path: &Path, shared: &mut Shared) {
        self.kept.remove(path);
        shared.ask(Effect::DropAutosave(path.to_owned()));
    }
}
