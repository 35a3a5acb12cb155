//! What is known of a folder while its name is typed: how it may continue, or that
//! it is not there.
//!
//! ```text
//! │ ~/photos/                   │
//! │ autumn/  spring/  winter/   │
//! ```

use ratatui::text::Line;

use crate::ui::news::Completed;
use crate::ui::theme::Theme;
use crate::ui::widget::cells::width_of;
use crate::ui::widget::wrap::wrapped;

/// Lines of names; more are counted.
const MOST: usize = 6;

/// Cells between two names.
const GAP: &str = "  ";

/// A path as a terminal pastes one that was dropped on it: quoted or escaped as for a
/// shell, or an address.
pub(super) fn dropped(text: &str) -> String {
    let text = text.trim();
    let within = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    if let Some(address) = text.strip_prefix("file://") {
        let path = &address[address.find('/').unwrap_or(0)..];
        return String::from_utf8_lossy(&unescaped(path.as_bytes())).into_owned();
    }
    if let Some(path) = within('\'').or_else(|| within('"')) {
        return path.replace(r"'\''", "'");
    }
    let mut escaped = false;
    let is_of_it = |letter: &char| {
        escaped = *letter == '\\' && !escaped;
        !escaped
    };
    text.chars().filter(is_of_it).collect()
}

/// The bytes of an address, `%20` and the like resolved.
fn unescaped(address: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = address;
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

/// What is known of the folder, and what is waited for.
#[derive(Debug, Default)]
pub(super) struct Folders {
    /// Names that the folder may continue with.
    candidates: Vec<String>,
    /// Why it cannot be it.
    trouble: Option<String>,
    /// The text that is to be taken if there is such a folder.
    wanted: Option<String>,
}

impl Folders {
    /// The text is to be taken if there is such a folder.
    pub fn want(&mut self, text: &str) {
        *self = Self {
            wanted: Some(text.to_owned()),
            ..Self::default()
        };
    }

    /// Whether that is the text that was to be taken.
    pub fn takes(&self, text: &str) -> bool {
        self.wanted.as_deref() == Some(text)
    }

    /// Takes in how it may continue. Returns the text, if it is known.
    pub fn completed(&mut self, result: Result<Completed, String>) -> Option<String> {
        *self = Self::default();
        match result {
            Ok(completed) => {
                self.candidates = completed.candidates;
                Some(completed.text)
            }
            Err(reason) => {
                self.trouble = Some(reason);
                None
            }
        }
    }

    /// It is not there.
    pub fn missing(&mut self, reason: String) {
        *self = Self::default();
        self.trouble = Some(reason);
    }

    /// What stands below the text.
    pub fn texts(&self, width: u16) -> Vec<String> {
        if let Some(trouble) = &self.trouble {
            return wrapped(trouble, usize::from(width));
        }
        let (mut rows, shown) = rows(&self.candidates, width);
        if shown < self.candidates.len() {
            rows.push(format!("and {} more", self.candidates.len() - shown));
        }
        rows
    }

    /// The same as it is drawn.
    pub fn lines(&self, width: u16, theme: &Theme) -> Vec<Line<'static>> {
        let style = match &self.trouble {
            Some(_) => theme.bad(),
            None => theme.muted(),
        };
        let texts = self.texts(width).into_iter();
        texts.map(|text| Line::styled(text, style)).collect()
    }
}

/// Names beside one another in so many cells, and how many they are.
fn rows(names: &[String], width: u16) -> (Vec<String>, usize) {
    let mut rows: Vec<String> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let name = format!("{name}/");
        let room = |row: &String| width_of(row) + width_of(GAP) + width_of(&name) <= width;
        if let Some(row) = rows.last_mut().filter(|row| room(row)) {
            row.push_str(GAP);
            row.push_str(&name);
        } else if rows.len() == MOST {
            return (rows, at);
        } else {
            rows.push(name);
        }
    }
    (rows, names.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_beside_one_another_and_what_has_no_room_is_counted() {
        let names = ["a", "bb", "ccc", "日本"].map(str::to_owned);
        assert_eq!(
            rows(&names, 9),
            (vec!["a/  bb/".to_owned(), "ccc/".into(), "日本/".into()], 4)
        );
        let many: Vec<String> = (0..100).map(|at| format!("n{at}")).collect();
        let (lines, shown) = rows(&many, 10);
        assert_eq!((lines.len(), shown), (MOST, 12));
    }
}
