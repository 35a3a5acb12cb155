//! Keys in the text: typing, the list of what can be written, searching,
//! errors.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

use super::buffer::Buffer;
use super::editor::completion::Completion;
use super::editor::format;
use super::{Experiments, Focus, layout};
use crate::ui::action::Action;
use crate::ui::dialog::{Dialog, Prompt, Purpose};
use crate::ui::draw;
use crate::ui::effect::Effect;
use crate::ui::news::LogLine;
use crate::ui::shared::Shared;

impl Experiments {
    /// Carries out an action of the editor. Returns whether it is one.
    pub(super) fn act_on_text(&mut self, action: Action, shared: &mut Shared) -> bool {
        match action {
            Action::SaveText => self.save(shared),
            Action::UndoText => {
                self.travel(shared, "nothing to undo", |buffer| buffer.document.undo());
            }
            Action::RedoText => {
                self.travel(shared, "nothing to redo", |buffer| buffer.document.redo());
            }
            Action::FormatText => self.format(shared),
            Action::FindText => {
                let last = self.buffer().map_or("", |buffer| buffer.find.as_str());
                let prompt = Prompt::new("Find", last, Purpose::FindText);
                shared.dialog = Some(Dialog::Prompt(prompt));
            }
            Action::FindNext => self.find(shared, true),
            Action::FindPrevious => self.find(shared, false),
            Action::NextProblem => self.next_problem(shared),
            Action::ShowProblems => {
                if self
                    .buffer()
                    .is_some_and(|buffer| !buffer.problems.is_empty())
                {
                    self.focus = Focus::Problems;
                } else {
                    shared.notify(LogLine::info("no errors"));
                }
            }
            Action::Complete => self.complete(shared),
            Action::LeaveEditor => self.leave(),
            Action::TakeTheirs => _ = self.decide(shared, Buffer::take_theirs),
            Action::KeepMine => _ = self.decide(shared, Buffer::keep_mine),
            Action::RestoreText => self.decide_unsaved(true, shared),
            Action::DiscardText => self.decide_unsaved(false, shared),
            Action::SaveMine => {
                if self.decide(shared, Buffer::keep_mine) {
                    self.save(shared);
                }
            }
            _ => return false,
        }
        self.keep_in_view(shared);
        true
    }

    /// Changes the open text, and asks what it means now.
    pub(super) fn edit(&mut self, shared: &mut Shared, change: impl FnOnce(&mut Buffer)) {
        let Some(path) = self.selected.clone() else {
            return;
        };
        let Some(buffer) = self.buffers.get_mut(&path) else {
            return;
        };
        let version = buffer.document.version();
        change(buffer);
        buffer.follow_edits();
        if buffer.document.version() != version {
            // What is being changed is not what was to be trained.
            self.wished.take_if(|wished| *wished == path);
            shared.ask(Effect::Plan {
                path,
                text: buffer.document.text().to_owned(),
                version: buffer.document.version(),
            });
        }
        self.keep_in_view(shared);
    }

    /// Where the open text stands, if it is in view.
    fn text_area(&self, shared: &Shared) -> Option<Rect> {
        let body = draw::areas(shared).body;
        let panes = layout::panes(body, self.is_editing(), self.plan, self.borders);
        Some(self.buffer()?.areas(panes.editor?).text)
    }

    /// Lets the view follow the cursor.
    pub(super) fn keep_in_view(&mut self, shared: &Shared) {
        let area = self.text_area(shared);
        if let (Some(area), Some(buffer)) = (area, self.buffer_mut()) {
            buffer.viewport = buffer.viewport.around(&buffer.document, area);
        }
    }

    pub(super) fn text_key(&mut self, key: KeyEvent, shared: &mut Shared) {
        if self.completion_key(key, shared) {
            return;
        }
        let page = self.text_area(shared).map_or(1, |area| area.height.into());
        self.edit(shared, |buffer| {
            if !buffer.document.go_far(key, page) {
                buffer.document.key(key);
            }
            if let Some(list) = &buffer.completion {
                let (start, again) = (list.start, completion(buffer));
                buffer.completion = again.filter(|list| list.start == start);
            }
        });
    }

    /// Keys of the list of what can be written. Returns whether this was one.
    fn completion_key(&mut self, key: KeyEvent, shared: &mut Shared) -> bool {
        let Some(buffer) = self.buffer_mut() else {
            return false;
        };
        let Some(list) = &mut buffer.completion else {
            return false;
        };
        let count = list.found.len();
        match key.code {
            KeyCode::Up => list.selection.act(Action::Up, count),
            KeyCode::Down => list.selection.act(Action::Down, count),
            KeyCode::PageUp => list.selection.act(Action::PageUp, count),
            KeyCode::PageDown => list.selection.act(Action::PageDown, count),
            KeyCode::Enter | KeyCode::Tab => {
                self.edit(shared, write_candidate);
                true
            }
            _ => false,
        }
    }

    fn complete(&mut self, shared: &mut Shared) {
        if self.focus != Focus::Text {
            return;
        }
        let Some(buffer) = self.buffer_mut() else {
            return;
        };
        buffer.completion = completion(buffer);
        if buffer.completion.is_none() {
            shared.notify(LogLine::info("no completions here"));
        }
    }

    /// Out of the list of what can be written, of a mode, of the list of
    /// errors, of the text.
    fn leave(&mut self) {
        if self.focus == Focus::Problems {
            self.focus = Focus::Text;
            return;
        }
        if let Some(buffer) = self.buffer_mut()
            && (buffer.completion.take().is_some() || buffer.document.leave_mode())
        {
            return;
        }
        self.focus = Focus::List;
    }

    fn travel(&mut self, shared: &mut Shared, none: &str, go: impl Fn(&mut Buffer) -> bool) {
        let mut went = false;
        self.edit(shared, |buffer| {
            buffer.completion = None;
            went = go(buffer);
        });
        if !went {
            shared.notify(LogLine::info(none));
        }
    }

    fn format(&mut self, shared: &mut Shared) {
        let (Some(path), Some(buffer)) = (self.current(), self.buffer()) else {
            return;
        };
        match format::formatted(buffer.document.text(), path) {
            Ok(text) if text == buffer.document.text() => {
                shared.notify(LogLine::info("already formatted"));
            }
            Ok(text) => self.edit(shared, |buffer| buffer.document.replace_all(&text)),
            Err(reason) => shared.notify(LogLine::error(reason)),
        }
    }

    /// Searches what was requested, from the cursor on.
    pub(in crate::ui) fn search(&mut self, text: &str, shared: &mut Shared) {
        if let Some(buffer) = self.buffer_mut() {
            text.clone_into(&mut buffer.find);
            if text.is_empty() {
                return;
            }
        }
        self.find(shared, true);
        self.keep_in_view(shared);
    }

    fn find(&mut self, shared: &mut Shared, forward: bool) {
        let Some(buffer) = self.buffer_mut() else {
            return;
        };
        let document = &mut buffer.document;
        let found: Vec<usize> = match buffer.find.as_str() {
            "" => Vec::new(),
            wanted => document
                .text()
                .match_indices(wanted)
                .map(|(at, _)| at)
                .collect(),
        };
        let cursor = document.cursor();
        let next = if forward {
            found.iter().position(|at| *at > cursor).or(Some(0))
        } else {
            found
                .iter()
                .rposition(|at| *at < cursor)
                .or(found.len().checked_sub(1))
        };
        let message = match next.and_then(|next| Some((next, *found.get(next)?))) {
            Some((number, at)) => {
                document.set_cursor(at);
                format!("`{}`: {} of {}", buffer.find, number + 1, found.len())
            }
            None if buffer.find.is_empty() => "no search text".to_owned(),
            None => format!("`{}` not found", buffer.find),
        };
        shared.notify(LogLine::info(message));
    }

    fn next_problem(&mut self, shared: &mut Shared) {
        let Some(buffer) = self.buffer_mut() else {
            return;
        };
        let cursor = buffer.document.cursor();
        let starts = buffer.problems.iter().map(|problem| problem.span.as_ref());
        // A bracket that is not closed comes first in the list, not in the text.
        let starts = starts.map(|span| span.map_or(0, |span| span.start));
        let next = starts
            .enumerate()
            .min_by_key(|(_, start)| (*start <= cursor, *start));
        match next {
            Some((next, _)) => self.go_to_problem(next),
            None => shared.notify(LogLine::info("no errors")),
        }
    }

    /// Puts the cursor to an error.
    pub(super) fn go_to_problem(&mut self, number: usize) {
        self.problem.set(number);
        let Some(buffer) = self.buffer_mut() else {
            return;
        };
        let span = buffer
            .problems
            .get(number)
            .and_then(|problem| problem.span.clone());
        if let Some(span) = span {
            buffer.document.set_cursor(span.start);
        }
        buffer.completion = None;
        self.focus = Focus::Text;
    }
}

/// What can be written at the cursor.
fn completion(buffer: &Buffer) -> Option<Completion> {
    let document = &buffer.document;
    Completion::at(document.text(), &buffer.place(), document.cursor())
}

/// Writes what is selected in place of what was typed of it.
fn write_candidate(buffer: &mut Buffer) {
    let Some(list) = buffer.completion.take() else {
        return;
    };
    let Some(candidate) = list.selected() else {
        return;
    };
    let cursor = buffer.document.cursor();
    let word = buffer.place().word;
    // A word is replaced to its end, or the rest of it would stay behind.
    let range = list.start..word.end.max(cursor);
    let end = list.start + candidate.text.len() - candidate.back;
    buffer.document.replace(range, &candidate.text, end);
    // After the name of a field comes its value.
    if candidate.text.ends_with(": ") {
        buffer.completion = completion(buffer);
    }
}
