//! What borders, charts and signs are drawn with: as they are, or, on a terminal
//! whose locale has no UTF-8, in ASCII. Everything is drawn once, in Unicode; the
//! finished frame is written out in the other symbols here and nowhere else. Letters
//! that a person wrote stay.

use ratatui::buffer::Buffer;

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
        let said = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
        let said = said.filter_map(variable).find(|locale| !locale.is_empty());
        let is_utf8 = said.is_none_or(|locale| {
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
        for cell in &mut buffer.content {
            let mut letters = cell.symbol().chars();
            if let (Some(letter), None) = (letters.next(), letters.next())
                && !letter.is_ascii()
            {
                cell.set_char(ascii(letter));
            }
        }
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
    fn dots_stand_where_they_stood_and_letters_of_a_person_stay() {
        let shown: String = "⠉⣀⣿⠀é日┌─✓…".chars().map(ascii).collect();
        assert_eq!(shown, "'.: é日+-+.");
    }
}
