//! Texts in lines that fit, broken between words.

use crate::format::{head, width_of};

/// A text in lines of at most `most` cells, broken between words where it can
/// be.
#[must_use]
pub fn wrapped(text: &str, most: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let line = lines.last().map_or(0, |line| width_of(line));
        if line > 0 && line + width_of(word.trim_end()) > most {
            lines.push(String::new());
        }
        let mut rest = word;
        while width_of(rest.trim_end()) > most {
            let part = head(rest, most);
            if part.is_empty() {
                return lines;
            }
            rest = &rest[part.len()..];
            push(&mut lines, part);
            lines.push(String::new());
        }
        push(&mut lines, rest);
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(last) = lines.last_mut() {
        last.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_inside_those_that_are_too_long() {
        assert_eq!(wrapped("a note of words", 8), ["a note ", "of words"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh ", "ij"]);
        assert_eq!(wrapped("a/very/long/path", 6), ["a/very", "/long/", "path"]);
        assert_eq!(wrapped("日本語", 1), [""]);
        assert_eq!(wrapped("", 9), [""]);
        for most in 0..9 {
            for line in wrapped("日本 語 data", most) {
                assert!(width_of(line.trim_end()) <= most, "{most}");
            }
        }
    }
}
