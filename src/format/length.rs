//! Texts in so many cells of a terminal: what is too long is shortened with `…`.

use unicode_width::UnicodeWidthStr;

/// Letters of the short id at the end of a run's name.
const ID: usize = 6;

/// Cells that a text takes.
#[must_use]
pub fn width_of(text: &str) -> usize {
    text.width()
}

/// A text of at most `most` cells: a longer one ends with `…`.
#[must_use]
pub fn shorten(text: &str, most: impl Into<usize>) -> String {
    let most = most.into();
    if width_of(text) <= most {
        return text.to_owned();
    }
    match most {
        0 => String::new(),
        _ => format!("{}…", head(text, most - 1)),
    }
}

/// A path of at most `most` cells: a longer one begins with `…`, because paths
/// differ at their ends.
#[must_use]
pub fn shorten_path(path: &str, most: impl Into<usize>) -> String {
    let most = most.into();
    if width_of(path) <= most {
        return path.to_owned();
    }
    match most {
        0 => String::new(),
        _ => format!("…{}", tail(path, most - 1)),
    }
}

/// A text of at most `most` cells: the middle of a longer one gives way to `…`,
/// because runs of one experiment differ in the end of their names.
#[must_use]
pub fn shorten_middle(text: &str, most: impl Into<usize>) -> String {
    let most = most.into();
    if width_of(text) <= most || most <= ID + 2 {
        return shorten(text, most);
    }
    let end = tail(text, ID);
    let start = head(text, most - 1 - width_of(end));
    format!("{start}…{end}")
}

/// A sentence of at most `most` cells: a longer one ends with ` …` after its last
/// whole word.
#[must_use]
pub fn shorten_words(text: &str, most: impl Into<usize>) -> String {
    let most = most.into();
    if width_of(text) <= most {
        return text.to_owned();
    }
    let words = head(text, most.saturating_sub(1));
    match words.rfind(' ') {
        Some(end) if end > 0 => {
            let words = words[..end].trim_end_matches([' ', ',', ';', ':', '→']);
            format!("{words} …")
        }
        _ => shorten(text, most),
    }
}

/// The beginning that fits into `most` cells.
#[must_use]
pub fn head(text: &str, most: usize) -> &str {
    let mut used = 0;
    for (at, letter) in text.char_indices() {
        used += width_of(letter.encode_utf8(&mut [0; 4]));
        if used > most {
            return &text[..at];
        }
    }
    text
}

/// The end that fits into `most` cells.
fn tail(text: &str, most: usize) -> &str {
    let mut used = 0;
    let mut start = text.len();
    for (at, letter) in text.char_indices().rev() {
        used += width_of(letter.encode_utf8(&mut [0; 4]));
        if used > most {
            break;
        }
        start = at;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shortened_at_the_end_and_paths_at_the_beginning() {
        assert_eq!(shorten("airplane", 8_usize), "airplane");
        assert_eq!(shorten("airplane", 5_usize), "airp…");
        assert_eq!(shorten("日本語", 4_usize), "日…");
        assert_eq!(shorten("x", 0_usize), "");
        assert_eq!(shorten_path("a/b/cat.png", 8_usize), "…cat.png");
        assert_eq!(shorten_path("日本語", 4_usize), "…語");
    }

    #[test]
    fn names_of_runs_keep_their_ends() {
        let name = "quickstart-20261128-1803-9f5566";
        assert_eq!(shorten_middle(name, 40_usize), name);
        assert_eq!(shorten_middle(name, 17_usize), "quickstart…9f5566");
        assert_eq!(shorten_middle(name, 6_usize), "quick…");
    }

    #[test]
    fn words_are_not_cut() {
        let text = "round 6 of 12: p1 grows";
        for (width, words) in [
            (30_usize, text),
            (19, "round 6 of 12: p1 …"),
            (17, "round 6 of 12 …"),
            (8, "round …"),
            (4, "rou…"),
            (0, ""),
        ] {
            assert_eq!(shorten_words(text, width), words, "{width}");
        }
    }
}
