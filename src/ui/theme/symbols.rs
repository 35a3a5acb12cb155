//! What borders, charts and signs are drawn with: as they are, or, on a terminal
//! whose locale has no UTF-8, in ASCII. Everything is drawn once, in Unicode; the
//! finished frame is written out in the other symbols here and nowhere else. Letters
//! that a person wrote stay.

use ratatui::buffer::{Buffer, Cell};

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

    /// Writes a finished frame in these symbols.
    pub fn write(self, buffer: &mut Buffer) {
        if self == Self::Unicode {
            return;
        }
        let width = usize::from(buffer.area.width).max(1);
        for row in buffer.content.chunks_mut(width) {
            for at in 0..row.len() {
                if let Some(letter) = lone(&row[at]).filter(|letter| !letter.is_ascii()) {
                    write_at(row, at, letter);
                }
            }
        }
    }
}

/// The letter of a cell that has but one.
fn lone(cell: &Cell) -> Option<char> {
    let mut letters = cell.symbol().chars();
    letters.next().filter(|_| letters.next().is_none())
}

/// Writes what stands for a sign: two letters where a neighbour leaves room for the
/// second, or gives way to dots.
fn write_at(row: &mut [Cell], at: usize, letter: char) {
    let near = |by: isize| lone(row.get(at.checked_add_signed(by)?)?);
    let is_free = |by| near(by) == Some(' ');
    let is_text = |by| near(by).is_some_and(|near| near.is_ascii_graphic() && near != '|');
    let (from, pair) = match letter {
        '…' if is_free(1) && is_free(2) => (at, ".."),
        '…' if is_text(-1) => (at - 1, ".."),
        '…' if is_text(1) => (at, ".."),
        '→' if is_free(1) => (at, "->"),
        '←' if is_free(1) => (at, "<-"),
        '≤' if is_free(1) => (at, "<="),
        '≥' if is_free(1) => (at, ">="),
        '≠' if is_free(1) => (at, "!="),
        '±' if is_free(1) => (at, "+-"),
        _ => {
            row[at].set_char(ascii(letter));
            return;
        }
    };
    for (cell, letter) in row[from..].iter_mut().zip(pair.chars()) {
        cell.set_char(letter);
    }
}

/// The sign that stands for another; a letter stands for itself.
fn ascii(letter: char) -> char {
    match letter {
        '\u{2800}'..='\u{28ff}' => dots(u32::from(letter) - 0x2800),
        '─' | '╴' | '╶' | '–' | '—' | '−' | '‖' | '▁' | '▏' | '▎' | '▍' => {
            '-'
        }
        '│' | '┊' => '|',
        '┌' | '┐' | '└' | '┘' | '┤' | '┬' | '╰' | '✓' => '+',
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
        '✗' | '×' => 'x',
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
    fn arrows_and_dots_take_a_second_cell_where_there_is_one() {
        for (text, expected) in [
            ("4 → 2.5", "4 ->2.5"),
            ("↓ by →|", "v by >|"),
            ("loading…   ", "loading..  "),
            ("airp… 0.5", "air.. 0.5"),
            ("|…/cat.png", "|..cat.png"),
            ("round 6 …", "round 6 ."),
            ("日本…", "日本."),
        ] {
            let mut buffer = Buffer::with_lines([text]);
            Symbols::Ascii.write(&mut buffer);
            let cells = buffer.content.iter().map(Cell::symbol);
            let shown: String = cells.collect();
            assert_eq!(shown.replace(' ', ""), expected.replace(' ', ""), "{text}");
        }
    }

    #[test]
    fn every_sign_that_the_screen_draws_has_one_in_ascii() {
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
        for module in ["ui", "format", "listing", "experiment", "store", "run"] {
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
