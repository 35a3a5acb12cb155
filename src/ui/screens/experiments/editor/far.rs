//! Long ways through a text: by pages, and to its ends. `edtui` would have to
//! know how much of the text is in view.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::document::Document;

impl Document {
    /// Moves the cursor by a page of so many lines, or to an end of the text, if
    /// that is what a key means. Returns whether it is.
    pub fn go_far(&mut self, key: KeyEvent, page: usize) -> bool {
        let far = key.modifiers.contains(KeyModifiers::CONTROL);
        // A page leaves a line in view that was there before.
        let page = page.saturating_sub(1).max(1);
        let row = self.row(self.cursor());
        match key.code {
            KeyCode::PageUp => self.go_to_row(row.saturating_sub(page)),
            KeyCode::PageDown => self.go_to_row((row + page).min(self.lines() - 1)),
            KeyCode::Home if far => self.set_cursor(0),
            KeyCode::End if far => self.set_cursor(self.text().len()),
            _ => return false,
        }
        true
    }

    /// Goes to a line, as far from its beginning as before if it is as long.
    fn go_to_row(&mut self, row: usize) {
        let column = self.position().1 - 1;
        let line = self.line(row);
        let mut letters = self.text()[line.clone()].char_indices();
        let at = letters
            .nth(column)
            .map_or(line.end, |(at, _)| line.start + at);
        self.set_cursor(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::settings::EditorKeys;

    #[test]
    fn pages_and_ends_are_reached_and_the_column_is_kept() {
        let text = "aé\n".repeat(30);
        let mut document = Document::new(&text, EditorKeys::Emacs);
        let mut press = |code, modifiers| {
            assert!(document.go_far(KeyEvent::new(code, modifiers), 11));
            document.position()
        };
        let (none, far) = (KeyModifiers::NONE, KeyModifiers::CONTROL);
        assert_eq!(press(KeyCode::PageDown, none), (11, 1));
        assert_eq!(press(KeyCode::PageUp, none), (1, 1));
        assert_eq!(press(KeyCode::End, far), (31, 1));
        assert_eq!(press(KeyCode::PageDown, none), (31, 1));
        assert_eq!(press(KeyCode::Home, far), (1, 1));
        document.set_cursor(text.find('é').unwrap());
        assert!(document.go_far(KeyEvent::new(KeyCode::PageDown, none), 11));
        assert_eq!(document.position(), (11, 2));
        assert!(!document.go_far(KeyEvent::new(KeyCode::Home, none), 11));
    }
}
