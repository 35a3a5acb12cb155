//! The text of an experiment while it is edited: letters, cursor, modes and
//! history. `edtui` knows what keys mean in a text; what is RON's own, such as
//! where a line begins, is done here.

use std::fmt;
use std::ops::Range;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use edtui::{EditorEventHandler, EditorMode, EditorState, Index2, Lines};

use super::history::{History, Moment};
use super::indent;
use super::keys::{handler, is_known, resting};
use super::tokens::{Token, tokens};
use crate::experiment::unix;
use crate::ui::settings::EditorKeys;

/// A stretch of a text that became another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// Where it began, bytes.
    pub start: usize,
    /// Where it ended.
    pub old_end: usize,
    /// Where it ends now.
    pub new_end: usize,
}

/// A text that is edited. Places are bytes; lines end with `\n` alone.
pub struct Document {
    state: EditorState,
    handler: EditorEventHandler,
    keys: EditorKeys,
    text: String,
    /// Where each line begins.
    starts: Vec<usize>,
    tokens: Vec<Token>,
    history: History,
    version: u64,
    /// Changes that nobody has requested yet.
    edits: Vec<Edit>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("version", &self.version)
            .field("cursor", &self.state.cursor)
            .field("text", &self.text)
            .finish_non_exhaustive()
    }
}

impl Document {
    /// A text with the cursor at its beginning.
    #[must_use]
    pub fn new(text: &str, keys: EditorKeys) -> Self {
        let mut state = EditorState::new(Lines::default());
        state.mode = resting(keys);
        let mut document = Self {
            state,
            handler: handler(keys),
            keys,
            text: String::new(),
            starts: vec![0],
            tokens: Vec::new(),
            history: History::default(),
            version: 0,
            edits: Vec::new(),
        };
        document.write(text.to_owned(), 0);
        document
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Grows with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The text's tokens.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Number of lines, at least one.
    #[must_use]
    pub fn lines(&self) -> usize {
        self.starts.len()
    }

    /// Where a line stands, without its end.
    #[must_use]
    pub fn line(&self, row: usize) -> Range<usize> {
        let start = self.starts.get(row).copied().unwrap_or(self.text.len());
        let next = self.starts.get(row + 1).map(|next| next - 1);
        start..next.unwrap_or(self.text.len())
    }

    /// The line of a place, from 0.
    #[must_use]
    pub fn row(&self, at: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= at)
            .saturating_sub(1)
    }

    /// Where the cursor stands.
    #[must_use]
    pub fn cursor(&self) -> usize {
        let line = self.line(self.state.cursor.row.min(self.lines() - 1));
        let mut letters = self.text[line.clone()].char_indices();
        letters
            .nth(self.state.cursor.col)
            .map_or(line.end, |(at, _)| line.start + at)
    }

    /// Puts the cursor to a place.
    pub fn set_cursor(&mut self, at: usize) {
        let at = floor(&self.text, at);
        let row = self.row(at);
        let line = self.line(row);
        let column = self.text[line.start..at].chars().count();
        self.state.cursor = Index2::new(row, column);
    }

    /// Line and column of the cursor, letters from 1.
    #[must_use]
    pub fn position(&self) -> (usize, usize) {
        let at = self.cursor();
        let row = self.row(at);
        let column = self.text[self.line(row).start..at].chars().count();
        (row + 1, column + 1)
    }

    /// What is selected.
    #[must_use]
    pub fn selection(&self) -> Option<Range<usize>> {
        let selection = self.state.selection.as_ref()?;
        let at = |index: Index2| {
            let line = self.line(index.row);
            let mut letters = self.text[line.clone()].char_indices();
            letters
                .nth(index.col)
                .map_or(line.end, |(at, _)| line.start + at)
        };
        let (start, end) = (selection.start(), selection.end());
        if selection.line_mode {
            return Some(self.line(start.row).start..self.line(end.row).end);
        }
        let end = at(end);
        let last = self.text[end..].chars().next().map_or(0, char::len_utf8);
        Some(at(start)..end + last)
    }

    /// The mode in a word, where there are modes.
    #[must_use]
    pub fn mode(&self) -> Option<String> {
        match (self.keys, self.state.mode) {
            (EditorKeys::Emacs, _) => None,
            (_, EditorMode::Search) => Some(format!("/{}", self.state.search_pattern())),
            (_, mode) => Some(mode.name().to_lowercase()),
        }
    }

    /// Leaves a mode in which one types, selects or searches. Returns whether
    /// there was one to leave.
    pub fn leave_mode(&mut self) -> bool {
        if self.state.mode == resting(self.keys) {
            return false;
        }
        self.pass(KeyEvent::from(KeyCode::Esc));
        true
    }

    /// Types a key.
    pub fn key(&mut self, key: KeyEvent) {
        let plain = !key
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        let typing = self.state.mode == EditorMode::Insert && plain;
        let at = self.cursor();
        match key.code {
            KeyCode::Enter if typing => {
                let (text, length) = indent::line_break(&self.text, at);
                self.replace(at..at, &text, at + length);
            }
            KeyCode::Tab if typing => {
                let column = self.position().1 - 1;
                let blanks = " ".repeat(indent::STEP - column % indent::STEP);
                self.replace(at..at, &blanks, at + blanks.len());
            }
            KeyCode::BackTab if typing => self.unindent(),
            KeyCode::Char(letter @ (')' | ']' | '}')) if typing => {
                let extra = indent::before_closer(&self.text, &self.tokens, at).unwrap_or(0);
                let from = at - extra;
                self.replace(from..at, letter.encode_utf8(&mut [0; 4]), from + 1);
            }
            _ => self.pass(key),
        }
    }

    /// Takes one step of indentation from the cursor's line.
    fn unindent(&mut self) {
        let at = self.cursor();
        let start = self.line(self.row(at)).start;
        let blanks = self.text[start..].bytes().take_while(|byte| *byte == b' ');
        let fewer = blanks.count().min(indent::STEP);
        self.replace(
            start..start + fewer,
            "",
            at.saturating_sub(fewer).max(start),
        );
    }

    /// Puts a text in at the cursor.
    pub fn insert(&mut self, text: &str) {
        let text = unix(text);
        let at = self.cursor();
        self.replace(at..at, &text, at + text.len());
    }

    /// Replaces a stretch of the text, as one change.
    pub fn replace(&mut self, range: Range<usize>, with: &str, cursor: usize) {
        let (start, end) = (floor(&self.text, range.start), floor(&self.text, range.end));
        let before = self.moment();
        let mut text = before.text.clone();
        text.replace_range(start..end.max(start), with);
        self.write(text, cursor);
        self.changed(before);
    }

    /// Replaces everything, as one change; the cursor stays on its line.
    pub fn replace_all(&mut self, text: &str) {
        let before = self.moment();
        let (row, column) = (self.state.cursor.row, self.state.cursor.col);
        self.write(unix(text), 0);
        let row = row.min(self.lines() - 1);
        let line = self.line(row);
        let mut letters = self.text[line.clone()].char_indices();
        let at = letters
            .nth(column)
            .map_or(line.end, |(at, _)| line.start + at);
        self.set_cursor(at);
        self.changed(before);
    }

    /// Takes over the text of the file, which changed outside: that is no change to
    /// undo, and neither is what was before it.
    pub fn reload(&mut self, text: &str) {
        self.replace_all(text);
        self.history = History::default();
    }

    /// Takes back the last change. Returns whether there was one.
    pub fn undo(&mut self) -> bool {
        let now = self.moment();
        let found = self.history.undo(now.clone());
        self.travel(&now, found)
    }

    /// Makes the change again that was taken back. Returns whether there was
    /// one.
    pub fn redo(&mut self) -> bool {
        let now = self.moment();
        let found = self.history.redo(now.clone());
        self.travel(&now, found)
    }

    /// Changes of the text since the last call, in their order.
    pub fn take_edits(&mut self) -> Vec<Edit> {
        std::mem::take(&mut self.edits)
    }

    fn travel(&mut self, now: &Moment, to: Option<Moment>) -> bool {
        let Some(to) = to else {
            return false;
        };
        self.write(to.text, to.cursor);
        self.edited(&now.text);
        true
    }

    fn pass(&mut self, key: KeyEvent) {
        if !is_known(key.code) {
            return;
        }
        let before = self.moment();
        self.handler.on_key_event(key, &mut self.state);
        let mut text = String::with_capacity(before.text.len() + 1);
        for (row, letters) in self.state.lines.iter_row().enumerate() {
            if row > 0 {
                text.push('\n');
            }
            text.extend(letters);
        }
        if text != before.text {
            self.starts = starts(&text);
            self.text = text;
            self.changed(before);
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            text: self.text.clone(),
            cursor: self.cursor(),
        }
    }

    /// Makes a text the whole one.
    fn write(&mut self, text: String, cursor: usize) {
        let mut lines = Lines::default();
        for row in text.split('\n') {
            lines.push(row.chars().collect::<Vec<char>>());
        }
        self.state.lines = lines;
        self.state.selection = None;
        self.starts = starts(&text);
        self.tokens = tokens(&text);
        self.text = text;
        self.set_cursor(cursor);
    }

    fn changed(&mut self, before: Moment) {
        if before.text == self.text {
            return;
        }
        self.edited(&before.text);
        let after = self.moment();
        self.history.changed(before, &after);
    }

    /// Notes what differs from the text before.
    fn edited(&mut self, before: &str) {
        self.tokens = tokens(&self.text);
        self.version += 1;
        let same = |pair: &(u8, u8)| pair.0 == pair.1;
        let start = before
            .bytes()
            .zip(self.text.bytes())
            .take_while(same)
            .count();
        let rest = (before.len() - start).min(self.text.len() - start);
        let ends = before.bytes().rev().zip(self.text.bytes().rev());
        let end = ends.take(rest).take_while(same).count();
        self.edits.push(Edit {
            start,
            old_end: before.len() - end,
            new_end: self.text.len() - end,
        });
    }
}

fn starts(text: &str) -> Vec<usize> {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(ends).collect()
}

/// The nearest boundary of a letter at or before a place.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
