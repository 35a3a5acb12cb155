//! Signs beyond ASCII, and what stands for each where the locale has no UTF-8: on the
//! screen, which is drawn once, in Unicode, and written out in other symbols, and in
//! lines without one. Letters that a person wrote stay.

use std::borrow::Cow;

/// Which symbols a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Symbols {
    /// All of them.
    #[default]
    Unicode,
    /// Those up to `~`.
    Ascii,
}

impl Symbols {
    /// What the locale says: the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is
    /// not empty. Where none is, nobody chose a locale, as in many containers, and
    /// the terminal is taken for what terminals are.
    #[must_use]
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let variables = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
        let locale = variables
            .filter_map(variable)
            .find(|locale| !locale.is_empty());
        let is_utf8 = locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        if is_utf8 { Self::Unicode } else { Self::Ascii }
    }

    /// Those of this process's environment.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of_environment(|name| std::env::var(name).ok())
    }

    /// A text in these symbols.
    #[must_use]
    pub fn text(self, text: &str) -> Cow<'_, str> {
        if self == Self::Unicode || text.is_ascii() {
            return Cow::Borrowed(text);
        }
        let mut written = String::with_capacity(text.len());
        for letter in text.chars() {
            match pair(letter) {
                _ if letter.is_ascii() => written.push(letter),
                Some(pair) => written += pair,
                None => written.push(ascii(letter)),
            }
        }
        Cow::Owned(written)
    }
}

/// Two letters that stand for a sign where there is room for both.
pub(crate) fn pair(letter: char) -> Option<&'static str> {
    match letter {
        '…' => Some(".."),
        '→' => Some("->"),
        '←' => Some("<-"),
        '≤' => Some("<="),
        '≥' => Some(">="),
        '≠' => Some("!="),
        '±' => Some("+-"),
        _ => None,
    }
}

/// The sign that stands for another; a letter stands for itself.
pub(crate) fn ascii(letter: char) -> char {
    match letter {
        '\u{2800}'..='\u{28ff}' => dots(u32::from(letter) - 0x2800),
        '─' | '╴' | '╶' | '╸' | '–' | '—' | '−' | '‖' | '▁' | '▏' | '▎' | '▍' => {
            '-'
        }
        '│' | '┊' => '|',
        '┌' | '┐' | '└' | '┘' | '┤' | '┬' | '╰' | '✓' | '✅' => '+',
        '▂' | '▃' | '▄' => '_',
        '━' | '▅' | '▆' | '▇' | '▌' | '▋' | '▊' | '▉' => '=',
        '█' | '■' => '#',
        '▀' => '"',
        '┄' | '░' | '·' | '…' | '⋯' => '.',
        '●' => 'o',
        '○' | '☆' => 'O',
        '□' | '◇' => '%',
        '◆' => '&',
        '★' => '*',
        '▲' | '△' | '↑' | '⌂' => '^',
        '▼' | '↓' => 'v',
        '▶' | '▸' | '›' | '→' | '≥' => '>',
        '‹' | '←' | '≤' => '<',
        '↔' | '±' => '~',
        '✗' | '×' | '❌' => 'x',
        '≠' => '!',
        '²' => '2',
        'Δ' => 'D',
        'Σ' => 'S',
        '∞' => 'i',
        letter if letter.is_alphanumeric() => letter,
        letter if letter.is_whitespace() => ' ',
        _ => '?',
    }
}

/// Dots of a chart's cell: where in it they are.
fn dots(dots: u32) -> char {
    /// Dots of the two upper of four rows; the others are below.
    const UPPER: u32 = 0x1b;
    match (dots & UPPER, dots & !UPPER) {
        (0, 0) => ' ',
        (_, 0) => '\'',
        (0, _) => '.',
        (_, _) => ':',
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn the_first_variable_that_says_something_counts() {
        let of = |variables: &[(&str, &str)]| {
            Symbols::of_environment(|name| {
                let known = variables.iter().find(|(known, _)| *known == name);
                known.map(|(_, value)| (*value).to_owned())
            })
        };
        for (variables, expected) in [
            (
                &[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")][..],
                Symbols::Ascii,
            ),
            (
                &[("LC_CTYPE", "POSIX"), ("LANG", "en_US.UTF-8")],
                Symbols::Ascii,
            ),
            (
                &[("LC_ALL", ""), ("LANG", "de_DE.ISO-8859-1")],
                Symbols::Ascii,
            ),
            (&[("LC_ALL", "C.utf8"), ("LANG", "C")], Symbols::Unicode),
            (
                &[("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")],
                Symbols::Unicode,
            ),
            (&[], Symbols::Unicode),
        ] {
            assert_eq!(of(variables), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_line_in_ascii_has_pairs_of_letters_for_arrows_and_dots() {
        assert_eq!(
            Symbols::Ascii.text("temperature 4 → 2.5 · 12 500 ± 3 … Köln ✗"),
            "temperature 4 -> 2.5 . 12 500 +- 3 .. Köln x"
        );
        assert_eq!(Symbols::Unicode.text("4 → 2.5"), "4 → 2.5");
    }

    #[test]
    fn every_sign_that_is_shown_has_one_in_ascii() {
        fn of(folder: &Path, signs: &mut BTreeMap<char, PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if name.contains("test") {
                    continue;
                }
                if path.is_dir() {
                    of(&path, signs);
                } else if path.extension().is_some_and(|kind| kind == "rs") && name != "symbols.rs"
                {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let text = text.split("\nmod tests {").next().unwrap_or_default();
                    let code = text
                        .lines()
                        .filter(|line| !line.trim_start().starts_with("//"));
                    let found = code
                        .flat_map(str::chars)
                        .filter(|letter| !letter.is_ascii());
                    signs.extend(found.map(|letter| (letter, path.clone())));
                }
            }
        }
        let mut signs = BTreeMap::new();
        for module in [
            "ui",
            "format",
            "listing",
            "experiment",
            "store",
            "run",
            "report",
            "app",
            "event",
            "untrusted",
            "data",
        ] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
            of(&source.join(module), &mut signs);
        }
        let without = |letter: char| !ascii(letter).is_ascii() || ascii(letter) == '?';
        signs.retain(|letter, _| without(*letter));
        assert!(signs.is_empty(), "{signs:?}");
    }

    #[test]
    fn dots_stand_where_they_stood_and_letters_of_a_person_stay() {
        let shown: String = "⠉⣀⣿⠀é日┌─✓…".chars().map(ascii).collect();
        assert_eq!(shown, "'.: é日+-+.");
    }
}
