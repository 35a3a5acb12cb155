//! Texts that undo and redo lead to.

/// Bytes of earlier texts that are kept of a buffer.
const KEPT: usize = 8 << 20;

/// A text and its cursor, a byte of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// What stood there.
    pub text: String,
    /// Where the cursor was.
    pub cursor: usize,
}

/// Earlier texts, and those that were undone.
#[derive(Debug, Default)]
pub struct History {
    undo: Vec<Moment>,
    redo: Vec<Moment>,
    /// Where the next letter continues the word that is being typed.
    typing_at: Option<usize>,
}

impl History {
    /// Keeps what a text was before it became `after`. Letters of one word are
    /// one change.
    pub fn changed(&mut self, before: Moment, after: &Moment) {
        self.redo.clear();
        let letter = after.text.len() > before.text.len()
            && after.cursor > before.cursor
            && after.text.len() - before.text.len() == after.cursor - before.cursor
            && after.text[before.cursor..after.cursor].chars().count() == 1;
        let ends_word = letter
            && after.text[before.cursor..after.cursor]
                .chars()
                .all(|letter| !letter.is_alphanumeric() && letter != '_');
        let continues = letter && self.typing_at == Some(before.cursor);
        self.typing_at = (letter && !ends_word).then_some(after.cursor);
        if continues {
            return;
        }
        self.undo.push(before);
        let mut bytes: usize = self.undo.iter().map(|moment| moment.text.len()).sum();
        while bytes > KEPT && self.undo.len() > 1 {
            bytes -= self.undo.remove(0).text.len();
        }
    }

    /// What was before `now`.
    pub fn undo(&mut self, now: Moment) -> Option<Moment> {
        self.typing_at = None;
        let before = self.undo.pop()?;
        self.redo.push(now);
        Some(before)
    }

    /// What was undone from `now`.
    pub fn redo(&mut self, now: Moment) -> Option<Moment> {
        self.typing_at = None;
        let after = self.redo.pop()?;
        self.undo.push(now);
        Some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment {
            text: text.to_owned(),
            cursor: text.len(),
        }
    }

    fn typed(history: &mut History, texts: &[&str]) {
        for pair in texts.windows(2) {
            history.changed(moment(pair[0]), &moment(pair[1]));
        }
    }

    #[test]
    fn a_word_is_undone_at_once_and_a_paste_by_itself() {
        let mut history = History::default();
        typed(&mut history, &["", "a", "ab", "ab ", "ab c", "ab cPASTED"]);
        let back: Vec<String> =
            std::iter::successors(Some(moment("ab cPASTED")), |now| history.undo(now.clone()))
                .map(|moment| moment.text)
                .collect();
        assert_eq!(back, ["ab cPASTED", "ab c", "ab ", ""]);
    }

    #[test]
    fn what_was_undone_is_redone_until_something_else_is_typed() {
        let mut history = History::default();
        typed(&mut history, &["", "a"]);
        assert_eq!(history.undo(moment("a")), Some(moment("")));
        assert_eq!(history.redo(moment("")), Some(moment("a")));
        assert_eq!(history.undo(moment("a")), Some(moment("")));
        typed(&mut history, &["", "b"]);
        assert_eq!(history.redo(moment("b")), None);
    }
}
