//! One line of text that is being typed.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::cells::width_of;

/// A line and the cursor in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextLine {
    letters: Vec<char>,
    /// From 0 to the number of letters.
    cursor: usize,
    /// Whether all of it is selected: what is typed next replaces it.
    is_selected: bool,
}

impl TextLine {
    /// A line with the cursor at its end.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let letters: Vec<char> = text.chars().filter(|letter| !letter.is_control()).collect();
        let cursor = letters.len();
        Self {
            letters,
            cursor,
            is_selected: false,
        }
    }

    /// The same with all of it selected.
    #[must_use]
    pub fn selected(text: &str) -> Self {
        let line = Self::new(text);
        Self {
            is_selected: !line.is_empty(),
            ..line
        }
    }

    /// What stands there.
    #[must_use]
    pub fn text(&self) -> String {
        self.letters.iter().collect()
    }

    /// Whether nothing stands there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Types a key. Returns whether the line has a use for it.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let is_selected = std::mem::take(&mut self.is_selected);
        match key.code {
            KeyCode::Backspace | KeyCode::Delete if is_selected => self.clear(),
            KeyCode::Char('a') if control => self.cursor = 0,
            KeyCode::Char('e') if control => self.cursor = self.letters.len(),
            KeyCode::Char('u') if control => {
                self.letters.drain(..self.cursor);
                self.cursor = 0;
            }
            KeyCode::Char('w') if control => self.remove_word(),
            KeyCode::Char(letter) if !control && !key.modifiers.contains(KeyModifiers::ALT) => {
                if is_selected {
                    self.clear();
                }
                self.insert(letter);
            }
            KeyCode::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.letters.remove(self.cursor);
            }
            KeyCode::Delete if self.cursor < self.letters.len() => {
                self.letters.remove(self.cursor);
            }
            KeyCode::Left => self.cursor = self.cursor.saturating_sub(1),
            KeyCode::Right => self.cursor = (self.cursor + 1).min(self.letters.len()),
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.letters.len(),
            KeyCode::Backspace | KeyCode::Delete => {}
            _ => return false,
        }
        true
    }

    /// Inserts pasted text; line breaks become spaces.
    pub fn paste(&mut self, text: &str) {
        if std::mem::take(&mut self.is_selected) {
            self.clear();
        }
        for letter in text.chars() {
            self.insert(if letter == '\n' { ' ' } else { letter });
        }
    }

    fn clear(&mut self) {
        self.letters.clear();
        self.cursor = 0;
    }

    fn insert(&mut self, letter: char) {
        if !letter.is_control() {
            self.letters.insert(self.cursor, letter);
            self.cursor += 1;
        }
    }

    fn remove_word(&mut self) {
        let before = &self.letters[..self.cursor];
        let end = before.iter().rposition(|letter| *letter != ' ');
        let start = end
            .and_then(|end| before[..end].iter().rposition(|letter| *letter == ' '))
            .map_or(0, |space| space + 1);
        self.letters.drain(start..self.cursor);
        self.cursor = start;
    }

    /// The line with its cursor shown.
    #[must_use]
    pub fn line(&self, style: Style) -> Line<'static> {
        let before: String = self.letters[..self.cursor].iter().collect();
        let under = self.letters.get(self.cursor).copied().unwrap_or(' ');
        let rest: String = self.letters.iter().skip(self.cursor + 1).collect();
        let style = if self.is_selected {
            style.add_modifier(Modifier::REVERSED)
        } else {
            style
        };
        Line::from(vec![
            Span::styled(before, style),
            Span::styled(under.to_string(), style.add_modifier(Modifier::REVERSED)),
            Span::styled(rest, style),
        ])
    }

    /// The part of the line around its cursor that fits into `width` cells.
    #[must_use]
    pub fn within(&self, width: u16, style: Style) -> Line<'static> {
        let cells = |letter: char| usize::from(width_of(letter.encode_utf8(&mut [0; 4])));
        let room = usize::from(width);
        let under = self
            .letters
            .get(self.cursor)
            .map_or(1, |letter| cells(*letter));
        let mut used = under;
        let before = self.letters[..self.cursor].iter().rev();
        let kept = before.take_while(|letter| {
            used += cells(**letter);
            used <= room
        });
        let from = self.cursor - kept.count();
        let shown = Self {
            letters: self.letters[from..].to_vec(),
            cursor: self.cursor - from,
            is_selected: self.is_selected,
        };
        shown.line(style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &mut TextLine, keys: &[(KeyCode, KeyModifiers)]) -> String {
        for &(code, modifiers) in keys {
            line.key(KeyEvent::new(code, modifiers));
        }
        line.text()
    }

    #[test]
    fn letters_go_in_at_the_cursor_and_come_out_again() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        let mut line = TextLine::new("ac");
        let keys = [(KeyCode::Left, NONE), (KeyCode::Char('b'), NONE)];
        assert_eq!(typed(&mut line, &keys), "abc");
        let keys = [
            (KeyCode::Backspace, NONE),
            (KeyCode::Delete, NONE),
            (KeyCode::Delete, NONE),
        ];
        assert_eq!(typed(&mut line, &keys), "a");
        line.paste("ä 日本\nx");
        assert_eq!(line.text(), "aä 日本 x");
        assert_eq!(
            typed(&mut line, &[(KeyCode::Char('w'), KeyModifiers::CONTROL)]),
            "aä 日本 "
        );
        assert_eq!(
            typed(&mut line, &[(KeyCode::Char('u'), KeyModifiers::CONTROL)]),
            ""
        );
    }

    #[test]
    fn what_is_typed_or_pasted_replaces_a_selected_text_and_moving_keeps_it() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        let after = |code: KeyCode, next: KeyCode| {
            let mut line = TextLine::selected("5.324");
            typed(&mut line, &[(code, NONE), (next, NONE)])
        };
        assert_eq!(after(KeyCode::Char('2'), KeyCode::Char('0')), "20");
        assert_eq!(after(KeyCode::Left, KeyCode::Char('0')), "5.3204");
        assert_eq!(after(KeyCode::End, KeyCode::Char('0')), "5.3240");
        assert_eq!(after(KeyCode::Backspace, KeyCode::Char('0')), "0");
        let mut pasted = TextLine::selected("5.324");
        pasted.paste("7");
        pasted.paste("8");
        assert_eq!(pasted.text(), "78");
    }

    #[test]
    fn the_cursor_is_in_view_however_long_the_line_is() {
        let mut line = TextLine::new("a/long/path/of/日本語");
        let seen = |line: &TextLine| line.within(8, Style::new()).to_string();
        assert_eq!(seen(&line), "/日本語 ");
        line.key(KeyEvent::from(KeyCode::Home));
        assert!(seen(&line).starts_with("a/long"));
        assert_eq!(TextLine::default().within(0, Style::new()).to_string(), " ");
    }

    #[test]
    fn keys_that_are_no_text_are_left_to_others() {
        let mut line = TextLine::default();
        assert!(!line.key(KeyEvent::from(KeyCode::Enter)));
        assert!(!line.key(KeyEvent::new(KeyCode::Char('s'), KeyModifiers::CONTROL)));
        assert!(line.is_empty());
    }
}
