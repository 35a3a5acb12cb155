//! Numbers, times and names as the screen writes them.

use std::time::SystemTime;

use ratatui::text::Span;

use crate::run::timestamp::stamp;

/// What stands where nothing was measured.
pub(super) const NOTHING: &str = "–";

/// Cells of a run's name in the title of a prompt.
pub(super) const PROMPTED: usize = 50;

/// A share of 1 as `92.31 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A loss: four digits, or powers of ten where those would not tell.
pub(super) fn loss(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e4).contains(&size) {
        format!("{value:.2e}")
    } else {
        format!("{value:.4}")
    }
}

/// A moment as `2026-01-02 12:00`, UTC.
pub(super) fn moment(time: SystemTime) -> String {
    let stamp = stamp(time);
    let part = |range: std::ops::Range<usize>| stamp.get(range).unwrap_or_default();
    // A year has four digits for the next eight millennia.
    format!(
        "{}-{}-{} {}:{}",
        part(0..4),
        part(4..6),
        part(6..8),
        part(9..11),
        part(11..13)
    )
}

/// Cells that a text takes.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// A text of at most `most` cells: its end gives way to `…`.
pub(super) fn cut(text: &str, most: usize) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let head = head(text.chars(), most.saturating_sub(1));
    if most == 0 {
        String::new()
    } else {
        head + "…"
    }
}

/// A text of at most `most` cells: its middle gives way to `…`, because runs of
/// one experiment differ in the end of their names.
pub(super) fn cut_middle(text: &str, most: usize) -> String {
    /// Letters of the short id at the end of a run's name.
    const TAIL: usize = 6;
    if width(text) <= most || most <= TAIL + 2 {
        return cut(text, most);
    }
    let tail: String = head(text.chars().rev(), TAIL).chars().rev().collect();
    let start = head(text.chars(), most - 1 - width(&tail));
    format!("{start}…{tail}")
}

/// The first letters that fit into `most` cells.
fn head(letters: impl Iterator<Item = char>, most: usize) -> String {
    let mut kept = String::new();
    let mut used = 0;
    for letter in letters {
        used += width(letter.encode_utf8(&mut [0; 4]));
        if used > most {
            break;
        }
        kept.push(letter);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_and_times_are_written_for_people() {
        assert_eq!(percent(0.923_14), "92.31 %");
        assert_eq!(loss(0.000_012), "1.20e-5");
        assert_eq!(
            (loss(0.0), loss(1.5)),
            ("0.0000".to_owned(), "1.5000".to_owned())
        );
        let noon = SystemTime::UNIX_EPOCH + Duration::from_hours(490_932);
        assert_eq!(moment(noon), "2026-01-02 12:00");
    }

    #[test]
    fn texts_are_cut_by_the_cells_they_take() {
        assert_eq!(cut("agreement", 5), "agre…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(
            (cut("ab", 2), cut("abc", 0)),
            ("ab".to_owned(), String::new())
        );
        assert_eq!(
            cut_middle("cifar10-adaptive-20260102-a1b2c3", 20),
            "cifar10-adapt…a1b2c3"
        );
        for most in 0..40 {
            let wide = "データ-20260102-日a1b2c3";
            assert!(width(&cut_middle(wide, most)) <= most, "{most}");
        }
    }
}
