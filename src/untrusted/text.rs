//! Text that holds names from outside, made fit for a terminal or a log.
//!
//! A terminal acts on control characters, some readers are misled by marks that
//! turn the direction of writing, and a workflow's log takes a line that begins
//! with `::` for a command. All three are made visible: `ESC` as `\u{1b}`, a line
//! feed in a name as `\n`.
//!
//! What leaves for a terminal is cleaned once, on its way out ([`clean_text`]), where
//! the program's own line breaks are kept. A name is cleaned where it is put into a
//! message ([`Show`]): only there can its line breaks be distinguished from those.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::path::Path;

use serde::Serialize;

/// Beginnings of a line that GitHub's runner takes for a command, after spaces.
const COMMANDS: [&str; 2] = ["::", "##["];

/// Whether a terminal would act on this character, or show the text around it
/// in another order than it is written in.
#[must_use]
pub fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            // Marks, embeddings, overrides and isolates of the direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            // Line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
        )
}

/// Names that come from outside: of files, of classes, of what was typed.
pub trait Show {
    /// The name for a message: what a terminal would act on is visible, line breaks too.
    fn shown(&self) -> Shown<'_>;
}

impl Show for str {
    fn shown(&self) -> Shown<'_> {
        Shown(Cow::Borrowed(self))
    }
}

impl Show for OsStr {
    fn shown(&self) -> Shown<'_> {
        Shown(self.to_string_lossy())
    }
}

impl Show for Path {
    fn shown(&self) -> Shown<'_> {
        self.as_os_str().shown()
    }
}

/// A name from outside as it stands in a message.
#[derive(Clone)]
pub struct Shown<'a>(Cow<'a, str>);

/// The name in quotes.
impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(is_active) {
            return f.pad(&self.0);
        }
        let mut shown = String::with_capacity(self.0.len() + 16);
        push_visible(&mut shown, &self.0);
        f.pad(&shown)
    }
}

/// Text that is to be one line: everything active in it is made visible, line
/// feeds and tabs too.
#[must_use]
pub fn clean_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_active) && !is_command(text) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    push_line(&mut clean, text);
    Cow::Owned(clean)
}

/// Text of several lines: as [`clean_line`], with its line feeds kept.
#[must_use]
pub fn clean_text(text: &str) -> Cow<'_, str> {
    let is_clean = |line: &str| !line.contains(is_active) && !is_command(line);
    if text.split('\n').all(is_clean) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            clean.push('\n');
        }
        push_line(&mut clean, line);
    }
    Cow::Owned(clean)
}

/// A value as JSON on a line of its own, for another program or a terminal.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn json_line(value: &(impl Serialize + ?Sized)) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    Ok(clean_json(&json).into_owned() + "\n")
}

/// The same over several lines, indented.
///
/// # Errors
/// As [`json_line`].
pub fn json_page(value: &(impl Serialize + ?Sized)) -> serde_json::Result<String> {
    let json = serde_json::to_string_pretty(value)?;
    Ok(clean_json(&json).into_owned() + "\n")
}

/// JSON with everything active in its texts escaped, which `serde_json` does
/// only below U+0020: another spelling of the same value.
fn clean_json(json: &str) -> Cow<'_, str> {
    // Between its texts nothing is active but line feeds.
    let escaped = |c: char| is_active(c) && c > ' ';
    if !json.contains(escaped) {
        return Cow::Borrowed(json);
    }
    let mut clean = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if escaped(c) {
            // Writing to a string can't fail.
            let _ = write!(clean, "\\u{:04x}", u32::from(c));
        } else {
            clean.push(c);
        }
    }
    Cow::Owned(clean)
}

fn is_command(line: &str) -> bool {
    let start = line.trim_start();
    COMMANDS.iter().any(|command| start.starts_with(command))
}

fn push_line(clean: &mut String, line: &str) {
    if is_command(line) {
        clean.push('\\');
    }
    push_visible(clean, line);
}

fn push_visible(clean: &mut String, text: &str) {
    for c in text.chars() {
        if is_active(c) {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_made_visible() {
        assert_eq!(clean_line("a\u{1b}[31mb\u{7f}"), "a\\u{1b}[31mb\\u{7f}");
        assert_eq!(clean_line("c1 \u{9b}2J"), "c1 \\u{9b}2J");
        assert_eq!(clean_line("a\u{202e}gnp.exe"), "a\\u{202e}gnp.exe");
        assert_eq!(clean_line("a\nb\tc\r"), "a\\nb\\tc\\r");
        assert!(matches!(clean_line("größer 🦀 日本"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_line_is_a_command_of_a_workflow() {
        assert_eq!(clean_line("::error title=x::y"), "\\::error title=x::y");
        assert_eq!(
            clean_line("a\n::error title=x::y\n.png"),
            "a\\n::error title=x::y\\n.png"
        );
        assert_eq!(
            clean_text("one\n  ::add-mask::x\n##[error]y\na::b"),
            "one\n\\  ::add-mask::x\n\\##[error]y\na::b"
        );
    }

    #[test]
    fn a_name_in_a_message_is_in_one_line() {
        let path = Path::new("a\nb/c\u{1b}[2J");
        assert_eq!(path.shown().to_string(), "a\\nb/c\\u{1b}[2J");
        assert_eq!(
            format!("{:>5}|{:<4}|", "a\n".shown(), "b".shown()),
            "  a\\n|b   |"
        );
        // Within a line nothing is a command.
        assert_eq!("::a".shown().to_string(), "::a");
    }

    #[test]
    fn lines_stay_lines_and_a_carriage_return_makes_none() {
        assert_eq!(clean_text("a\n\nb\n"), "a\n\nb\n");
        assert_eq!(clean_text("a\r::error::b\n"), "a\\r::error::b\n");
    }

    proptest! {
        #[test]
        fn clean_text_holds_nothing_active(text in ".{0,40}[\u{0}-\u{a0}\n:# ]{0,20}") {
            prop_assert!(!clean_line(&text).contains(is_active));
            prop_assert!(!is_command(&clean_line(&text)));
            for line in clean_text(&text).split('\n') {
                prop_assert!(!line.contains(is_active) && !is_command(line));
            }
            let named = [(text.as_str(), [&text])];
            let value: std::collections::BTreeMap<_, _> = named.into();
            for json in [json_line(&value).unwrap(), json_page(&value).unwrap()] {
                prop_assert!(!json.replace('\n', "").contains(is_active));
                let read: serde_json::Value = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(read[&text][0].as_str(), Some(text.as_str()));
            }
            prop_assert_eq!(json_line(&value).unwrap().matches('\n').count(), 1);
        }
    }
}
