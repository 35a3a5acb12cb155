//! Numbers as lengths: a bar that lies, and a row of bars that stand.

/// Parts of a cell, filled from the left.
const LYING: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// Parts of a cell, filled from below.
const STANDING: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar for a share of `width` cells, to an eighth of a cell; empty for what
/// is no number.
///
/// ```text
/// █████▍
/// ```
#[must_use]
pub fn lying(share: f64, width: u16) -> String {
    let eighths = (share.clamp(0.0, 1.0) * f64::from(width) * 8.0).round() as usize;
    "█".repeat(eighths / 8) + LYING[eighths % 8]
}

/// A bar that stands in one cell, for a share; a gap for what is no number. The
/// smallest number still has the lowest bar.
///
/// ```text
/// ▁▂▅█▇▃▁
/// ```
#[must_use]
pub fn standing(share: f64) -> char {
    if share.is_nan() {
        return ' ';
    }
    let last = STANDING.len() - 1;
    STANDING[((share.clamp(0.0, 1.0) * last as f64).round() as usize).min(last)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(lying(0.0, 4), "");
        assert_eq!(lying(0.5, 4), "██");
        assert_eq!(lying(0.28125, 4), "█▏");
        assert_eq!(lying(7.0, 4), "████");
        assert_eq!(lying(f64::NAN, 4), "");
    }

    #[test]
    fn a_gap_stands_for_what_is_no_number() {
        let shares = [0.0, 0.5, 1.0, f64::NAN, f64::INFINITY];
        let row: String = shares.into_iter().map(standing).collect();
        assert_eq!(row, "▁▅█ █");
    }
}
