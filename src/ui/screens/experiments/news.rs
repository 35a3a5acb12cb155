//! What the rest of the program reports: which files there are, their texts, what
//! those mean, what was written.

use std::path::{Path, PathBuf};

use super::buffer::{Buffer, Reread, stem};
use super::plan::Outline;
use super::status::Latest;
use super::{Experiments, Focus};
use crate::experiment::{Loaded, Report};
use crate::store::Runs;
use crate::ui::effect::Effect;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;

/// Files that are read before they are selected, so that the list shows which
/// have errors.
const READ_AHEAD: usize = 200;

impl Experiments {
    /// A file came back from the trash, or did not.
    pub(in crate::ui) fn on_restored(
        &mut self,
        result: Result<PathBuf, String>,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        let path = match result {
            Ok(path) => path,
            Err(reason) => return shared.notify(LogLine::error(reason)),
        };
        shared.notify(LogLine::info(format!("{} restored", stem(&path))));
        if self.files.contains(&path) {
            self.select(Some(path), shared, runs);
            self.focus = Focus::List;
        }
    }

    /// What the text of a file means, with the version of the text.
    pub(in crate::ui) fn on_planned(
        &mut self,
        path: &Path,
        (version, result): (u64, Result<Loaded, Report>),
        shared: &mut Shared,
        runs: &Runs,
    ) {
        if let Some(buffer) = self.buffers.get_mut(path) {
            buffer.planned(version, result);
            self.work_out(path, runs);
            self.keep_in_view(shared);
            self.launch_wished(path, shared);
            self.select_ready(path, shared, runs);
        }
    }

    /// At the start, the key that trains is to train something: the
    /// first file without errors.
    fn select_ready(&mut self, path: &Path, shared: &mut Shared, runs: &Runs) {
        let is_ready = |buffer: &Buffer| buffer.is_planned() && buffer.problems.is_empty();
        let selected_is_wrong = self
            .buffer()
            .is_some_and(|buffer| buffer.is_planned() && !is_ready(buffer));
        if self.settled || !self.buffers.get(path).is_some_and(is_ready) {
            return;
        }
        if selected_is_wrong {
            self.select(Some(path.to_owned()), shared, runs);
        }
        self.settled = true;
    }

    /// The files that there are.
    pub(in crate::ui) fn on_list(
        &mut self,
        mut files: Vec<PathBuf>,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        files.sort();
        if let Some((from, to)) = self.renaming.take() {
            if files.contains(&to) && !files.contains(&from) {
                self.renamed(&from, to);
            } else {
                self.renaming = Some((from, to));
            }
        }
        // What was thrown away here is dropped with all that was typed into it.
        if let Some(trashed) = self.trashing.take().filter(|path| !files.contains(path)) {
            self.buffers.remove(&trashed);
        }
        let at = self.at(&self.shown());
        self.buffers
            .retain(|path, buffer| files.contains(path) || buffer.is_modified());
        self.outlines
            .retain(|path, _| self.buffers.contains_key(path));
        self.troubles.retain(|path, _| files.contains(path));
        // What is edited and was deleted elsewhere can still be saved.
        for path in self.buffers.keys() {
            if let Err(at) = files.binary_search(path) {
                files.insert(at, path.clone());
            }
        }
        self.files = files;
        self.drop_lr_test(shared);
        self.listed = true;
        for path in self.files.iter().take(READ_AHEAD) {
            if !self.buffers.contains_key(path) && !self.troubles.contains_key(path) {
                shared.ask(Effect::ReadExperiment(path.clone()));
            }
        }
        let removed = self
            .selected
            .as_ref()
            .is_none_or(|path| !self.files.contains(path));
        if removed {
            self.focus = Focus::List;
            // Its neighbour takes its place.
            let shown = self.shown();
            let next = at.unwrap_or(0).min(shown.len().saturating_sub(1));
            let next = shown.get(next).map(|path| (*path).clone());
            self.select(next, shared, runs);
        }
    }

    fn renamed(&mut self, from: &Path, to: PathBuf) {
        if let Some(buffer) = self.buffers.remove(from) {
            self.buffers.insert(to.clone(), buffer);
        }
        if let Some(outline) = self.outlines.remove(from) {
            self.outlines.insert(to.clone(), outline);
        }
        if let Some(test) = &mut self.lr_test {
            test.renamed(from, &to);
        }
        if self.selected.as_deref() == Some(from) {
            self.selected = Some(to);
        }
    }

    /// A file's text, or why there is none.
    pub(in crate::ui) fn on_read(
        &mut self,
        path: PathBuf,
        text: Result<String, String>,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        let text = match text {
            Ok(text) => text,
            Err(reason) => return self.cannot_be_read(path, reason, shared),
        };
        self.troubles.remove(&path);
        let reread = if let Some(buffer) = self.buffers.get_mut(&path) {
            buffer.reread(&text)
        } else {
            let buffer = Buffer::new(&text, shared.settings.editor);
            self.buffers.insert(path.clone(), buffer);
            Reread::Reloaded
        };
        match reread {
            Reread::Same => {}
            Reread::Reloaded => self.ask_plan(&path, shared),
            Reread::Conflict => {
                // No dialog: somebody is typing. The notice above the text stays.
                let message = format!("{} was changed here and on disk", stem(&path));
                shared.notify(LogLine::warn(message));
            }
        }
        self.work_out(&path, runs);
        self.keep_in_view(shared);
    }

    /// A file cannot be read, or not any more. What is edited here stays, marked:
    /// the file may hold what saving would destroy.
    fn cannot_be_read(&mut self, path: PathBuf, reason: String, shared: &mut Shared) {
        let open = self.is_editing() && self.selected.as_ref() == Some(&path);
        let buffer = self.buffers.get_mut(&path);
        if let Some(buffer) = buffer.filter(|buffer| open || buffer.is_modified()) {
            if buffer.unreadable() != Some(reason.as_str()) {
                shared.notify(LogLine::error(reason.as_str()));
            }
            buffer.cannot_be_read(reason);
            return self.keep_in_view(shared);
        }
        self.buffers.remove(&path);
        self.outlines.remove(&path);
        if self.wished.take_if(|wished| *wished == path).is_some() {
            shared.notify(LogLine::error(reason.as_str()));
        }
        self.troubles.insert(path, reason);
    }

    fn ask_plan(&self, path: &Path, shared: &mut Shared) {
        if let Some(buffer) = self.buffers.get(path) {
            shared.ask(Effect::Plan {
                path: path.to_owned(),
                text: buffer.document.text().to_owned(),
                version: buffer.document.version(),
            });
        }
    }

    /// A file was written, or not.
    pub(in crate::ui) fn on_written(
        &mut self,
        path: &Path,
        text: Result<String, String>,
        shared: &mut Shared,
        runs: &Runs,
    ) {
        let created = self.creating.iter().position(|known| known == path);
        let created = created.map(|at| self.creating.remove(at)).is_some();
        let launching = self.launching.take_if(|waiting| waiting == path).is_some();
        let text = match text {
            Ok(text) => text,
            Err(reason) => {
                if let Some(buffer) = self.buffers.get_mut(path) {
                    buffer.not_written();
                }
                return shared.notify(LogLine::error(reason));
            }
        };
        if created {
            // It may have been read while it was written, and was empty then.
            self.buffers.remove(path);
        }
        if let Some(buffer) = self.buffers.get_mut(path) {
            buffer.written(&text);
            self.saved_unsaved(path, shared);
            shared.notify(LogLine::info(format!("{} saved", stem(path))));
        } else {
            let buffer = Buffer::new(&text, shared.settings.editor);
            self.buffers.insert(path.to_owned(), buffer);
            self.ask_plan(path, shared);
        }
        if let Err(at) = self
            .files
            .binary_search_by(|known| known.as_path().cmp(path))
        {
            self.files.insert(at, path.to_owned());
        }
        if created {
            self.select(Some(path.to_owned()), shared, runs);
            self.focus = Focus::Text;
            self.keep_in_view(shared);
        }
        if launching {
            shared.ask(Effect::Launch(path.to_owned()));
        }
    }

    /// Works out what is known of an experiment beyond its file.
    pub(super) fn work_out(&mut self, path: &Path, runs: &Runs) {
        let Some(buffer) = self.buffers.get(path) else {
            return;
        };
        if let Some(loaded) = &buffer.loaded {
            let latest = Latest::of(runs);
            let outline = Outline::of(&loaded.plan, latest.run(path, buffer));
            self.outlines.insert(path.to_owned(), outline);
        }
    }
}
