//! From an experiment to its training: at once, or as soon as its plan is known.

use std::path::{Path, PathBuf};

use super::Experiments;
use super::buffer::{Buffer, stem};
use crate::ui::effect::{Effect, Waiting};
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;

impl Experiments {
    /// Trains the selected experiment; one that is not read and planned yet, as
    /// soon as it is.
    pub(super) fn launch_selected(&mut self, shared: &mut Shared) {
        let Some(path) = self.selected.clone() else {
            return;
        };
        if let Some(reason) = self.troubles.get(&path) {
            return shared.notify(LogLine::error(reason.as_str()));
        }
        if !self.buffers.get(&path).is_some_and(Buffer::is_planned) {
            let message = format!("{} starts when its plan is ready", stem(&path));
            shared.notify(LogLine::info(message));
            self.wished = Some(path);
            return;
        }
        self.launch(path, shared);
    }

    /// Trains what was to be trained once its plan is known, if this is it.
    pub(super) fn launch_wished(&mut self, path: &Path, shared: &mut Shared) {
        let is_planned = self.buffers.get(path).is_some_and(Buffer::is_planned);
        let wished = self.wished.take_if(|wished| is_planned && wished == path);
        let Some(path) = wished else {
            return;
        };
        let unsaved = self.buffers.get(&path).is_some_and(Buffer::is_modified);
        if unsaved && self.selected.as_ref() != Some(&path) {
            let message = format!("{} not started: it has unsaved changes", stem(&path));
            return shared.notify(LogLine::error(message));
        }
        self.launch(path, shared);
    }

    /// Trains an experiment whose plan is known; reports why if it cannot be.
    fn launch(&mut self, path: PathBuf, shared: &mut Shared) {
        let Some(buffer) = self.buffers.get(&path) else {
            return;
        };
        if let Some(reason) = buffer.first_error() {
            return shared.notify(LogLine::error(format!("cannot train: {reason}")));
        }
        if shared.is_queued(&path) {
            return shared.notify(LogLine::info(format!("{} is already queued", stem(&path))));
        }
        if let Some(reason) = buffer.unreadable().filter(|_| !buffer.is_modified()) {
            return shared.notify(LogLine::error(format!("cannot train: {reason}")));
        }
        if buffer.is_modified() {
            // A decision that is waited for must not train later by surprise.
            if !self.ask_decision(shared, true) {
                self.launching = Some(path);
                self.save(shared);
            }
        } else {
            shared.ask(Effect::Launch(path));
        }
    }

    pub(super) fn dequeue(&mut self, shared: &mut Shared) {
        match self.current() {
            Some(path) if shared.is_queued(path) => {
                let path = path.clone();
                shared.ask(Effect::Dequeue(Waiting::Experiment(path)));
            }
            _ => shared.notify(LogLine::info("this experiment is not queued")),
        }
    }
}
