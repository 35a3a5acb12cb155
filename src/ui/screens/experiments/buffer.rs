//! A file of the list: its text as it is edited, what is on disk, what it means
//! and what is wrong with it.

use std::path::Path;

use ratatui::layout::Rect;

use super::editor::Document;
use super::editor::completion::Completion;
use super::editor::place::{Place, place};
use super::editor::problems::Problem;
use super::editor::view::Viewport;
use super::layout::{self, EditorAreas};
use crate::experiment::{Loaded, Report, unix};
use crate::format::count;
use crate::ui::effect::OverwritePolicy;
use crate::ui::settings::EditorKeys;

/// A file that was read.
#[derive(Debug)]
pub struct Buffer {
    /// The text.
    pub document: Document,
    /// What is in view.
    pub viewport: Viewport,
    /// What is searched.
    pub find: String,
    /// The open list of what can be written.
    pub completion: Option<Completion>,
    /// What is wrong, in the order of the report.
    pub problems: Vec<Problem>,
    /// Errors that are not listed, because there are too many.
    more_problems: usize,
    /// What it meant when it was last free of errors.
    pub loaded: Option<Loaded>,
    /// What is on disk, as far as is known; nothing after it was decided to
    /// write over what cannot be read.
    saved: Option<String>,
    /// Whether lines on disk end with `\r\n`.
    dos: bool,
    /// What is being written.
    writing: Option<String>,
    /// What somebody else wrote while it was edited here.
    theirs: Option<String>,
    /// Why what is on disk cannot be read any more.
    unreadable: Option<String>,
    /// The version that `problems` and `loaded` are of.
    planned: Option<u64>,
}

/// What a text from disk did to a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reread {
    /// It is what was there.
    Same,
    /// It is shown now.
    Reloaded,
    /// It waits for a decision: both changed.
    Conflict,
}

impl Buffer {
    /// A file with this text.
    #[must_use]
    pub fn new(text: &str, keys: EditorKeys) -> Self {
        let saved = unix(text);
        Self {
            document: Document::new(&saved, keys),
            viewport: Viewport::default(),
            find: String::new(),
            completion: None,
            problems: Vec::new(),
            more_problems: 0,
            loaded: None,
            saved: Some(saved),
            dos: text.contains("\r\n"),
            writing: None,
            theirs: None,
            unreadable: None,
            planned: None,
        }
    }

    /// Whether the text is not what is on disk.
    #[must_use]
    pub fn is_modified(&self) -> bool {
        self.saved.as_deref() != Some(self.document.text())
    }

    /// What somebody else wrote, if that waits for a decision.
    #[must_use]
    pub fn theirs(&self) -> Option<&str> {
        self.theirs.as_deref()
    }

    /// Why what is on disk cannot be read any more, if that waits for a decision.
    #[must_use]
    pub fn unreadable(&self) -> Option<&str> {
        self.unreadable.as_deref()
    }

    /// Whether saving it would replace something that was not seen here.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.theirs.is_some() || self.unreadable.is_some()
    }

    /// Where the parts of its editor stand.
    #[must_use]
    pub fn areas(&self, pane: Rect) -> EditorAreas {
        layout::editor(pane, self.problems.len(), self.is_disputed())
    }

    /// Whether the text has errors, so that `loaded` is of one before.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        !self.problems.is_empty()
    }

    /// How many errors the text has, listed or not.
    #[must_use]
    pub fn error_count(&self) -> usize {
        self.problems.len() + self.more_problems
    }

    /// The first error with its line, and how many more there are; none without any.
    #[must_use]
    pub fn first_error(&self) -> Option<String> {
        let first = self.problems.first()?;
        let span = first.span.as_ref();
        let line = span.map_or(1, |span| self.document.row(span.start) + 1);
        let more = match self.error_count() - 1 {
            0 => String::new(),
            more => format!(", and {} more", count(more as u64)),
        };
        Some(format!("line {line}: {}{more}", first.message))
    }

    /// Whether nothing is wrong with the text but that files or folders are not there.
    #[must_use]
    pub fn only_lacks_files(&self) -> bool {
        let all = self.problems.iter().all(|problem| problem.is_missing);
        all && self.is_stale() && self.more_problems == 0
    }

    /// Whether it is known what the text means as it is now.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        self.planned == Some(self.document.version())
    }

    /// What is known of the cursor's place.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        let document = &self.document;
        place(document.text(), document.tokens(), document.cursor())
    }

    /// Lets errors follow what was typed.
    pub fn follow_edits(&mut self) {
        for edit in self.document.take_edits() {
            for problem in &mut self.problems {
                problem.shift(edit);
            }
        }
    }

    /// Takes in what a text means. That of an older one is passed over.
    pub fn planned(&mut self, version: u64, result: Result<Loaded, Report>) {
        if version != self.document.version() {
            return;
        }
        self.planned = Some(version);
        match result {
            Ok(loaded) => {
                self.problems.clear();
                self.more_problems = 0;
                self.loaded = Some(loaded);
            }
            Err(report) => {
                self.more_problems = report.more;
                self.problems = report.diagnostics.into_iter().map(Problem::of).collect();
            }
        }
    }

    /// The text to be written, in the manner of its file.
    pub fn write(&mut self) -> String {
        let text = self.document.text().to_owned();
        self.writing = Some(text.clone());
        if self.dos {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    }

    /// What writing it may replace: what was on disk when it was read last.
    #[must_use]
    pub fn over(&self) -> OverwritePolicy {
        self.saved
            .clone()
            .map_or(OverwritePolicy::Anything, OverwritePolicy::Seen)
    }

    /// It was written.
    pub fn written(&mut self, text: &str) {
        self.saved = Some(unix(text));
        self.writing = None;
        self.theirs = None;
        self.unreadable = None;
    }

    /// It could not be written.
    pub fn not_written(&mut self) {
        self.writing = None;
    }

    /// What is on disk cannot be read: the text here may be all that is left.
    pub fn cannot_be_read(&mut self, reason: String) {
        self.theirs = None;
        self.unreadable = Some(reason);
    }

    /// Takes in what is on disk now.
    pub fn reread(&mut self, text: &str) -> Reread {
        self.unreadable = None;
        let new = unix(text);
        if self.saved.as_ref() == Some(&new) || self.writing.as_ref() == Some(&new) {
            return Reread::Same;
        }
        self.dos = text.contains("\r\n");
        if new == self.document.text() {
            self.saved = Some(new);
            self.theirs = None;
            return Reread::Same;
        }
        if self.is_modified() {
            self.theirs = Some(new);
            return Reread::Conflict;
        }
        self.document.reload(&new);
        self.taken(new);
        Reread::Reloaded
    }

    /// Shows what somebody else wrote. Returns whether there was something.
    pub fn take_theirs(&mut self) -> bool {
        let theirs = self.theirs.take();
        let taken = theirs.is_some();
        if let Some(theirs) = theirs {
            // A person chose it, and can undo that.
            self.document.replace_all(&theirs);
            self.taken(theirs);
        }
        taken
    }

    /// Keeps what was edited here: saving it replaces what somebody else wrote.
    /// Returns whether there was something.
    pub fn keep_mine(&mut self) -> bool {
        let kept = self.is_disputed();
        if kept {
            self.saved = self.theirs.take();
            self.unreadable = None;
        }
        kept
    }

    fn taken(&mut self, text: String) {
        self.saved = Some(text);
        self.completion = None;
        self.follow_edits();
    }

    /// Name of its runs: as it is written, else the file's.
    #[must_use]
    pub fn run_name<'a>(&'a self, path: &'a Path) -> &'a str {
        match &self.loaded {
            Some(loaded) => &loaded.plan.name,
            None => stem(path),
        }
    }
}

/// A file's name without its extension.
#[must_use]
pub fn stem(path: &Path) -> &str {
    path.file_stem()
        .and_then(|name| name.to_str())
        .unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossterm::event::{KeyCode, KeyEvent};

    fn edited() -> Buffer {
        let mut buffer = Buffer::new("a\n", EditorKeys::Emacs);
        buffer.document.key(KeyEvent::from(KeyCode::Char('x')));
        buffer
    }

    #[test]
    fn a_buffer_without_changes_follows_the_disk() {
        let mut buffer = Buffer::new("a\n", EditorKeys::Emacs);
        assert_eq!(buffer.reread("a\n"), Reread::Same);
        assert_eq!(buffer.reread("b\n"), Reread::Reloaded);
        assert_eq!(buffer.document.text(), "b\n");
        assert!(!buffer.is_modified());
    }

    #[test]
    fn both_changed_waits_for_a_decision() {
        let mut buffer = edited();
        assert_eq!(buffer.reread("b\n"), Reread::Conflict);
        assert_eq!(buffer.document.text(), "xa\n");
        assert!(buffer.keep_mine() && !buffer.keep_mine());
        assert!(buffer.is_modified());
        assert_eq!(buffer.reread("b\n"), Reread::Same);
        assert_eq!(buffer.reread("c\n"), Reread::Conflict);
        assert!(buffer.take_theirs());
        assert_eq!(buffer.document.text(), "c\n");
        assert!(!buffer.is_modified());
        assert!(buffer.document.undo());
        assert_eq!(buffer.document.text(), "xa\n");
    }

    #[test]
    fn what_cannot_be_read_any_more_is_disputed_until_it_is_decided_or_readable() {
        let mut buffer = Buffer::new("a\n", EditorKeys::Emacs);
        buffer.cannot_be_read("no text".to_owned());
        assert_eq!(buffer.unreadable(), Some("no text"));
        assert!(buffer.is_disputed() && !buffer.is_modified());
        assert_eq!(buffer.reread("a\n"), Reread::Same);
        assert!(!buffer.is_disputed());
        buffer.cannot_be_read("no text".to_owned());
        assert!(buffer.keep_mine() && !buffer.is_disputed());
        assert!(buffer.is_modified());
        buffer.written("a\n");
        assert!(!buffer.is_modified());
    }

    #[test]
    fn ones_own_writing_is_no_change_of_somebody_else() {
        let mut buffer = edited();
        let text = buffer.write();
        buffer.document.key(KeyEvent::from(KeyCode::Char('y')));
        assert_eq!(buffer.reread(&text), Reread::Same);
        buffer.written(&text);
        assert!(buffer.is_modified());
    }

    #[test]
    fn line_ends_stay_as_they_were_on_disk() {
        let mut buffer = Buffer::new("a\r\nb\r\n", EditorKeys::Emacs);
        assert_eq!(buffer.document.text(), "a\nb\n");
        assert_eq!(buffer.write(), "a\r\nb\r\n");
    }

    #[test]
    fn an_answer_to_an_older_text_is_passed_over() {
        let mut buffer = edited();
        let report = || Report {
            diagnostics: Vec::new(),
            more: 0,
        };
        buffer.planned(0, Err(report()));
        assert!(!buffer.is_planned());
        buffer.planned(buffer.document.version(), Err(report()));
        assert!(buffer.is_planned());
    }
}
