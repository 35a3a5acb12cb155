//! The known name that was probably meant.

/// The name among `known` nearest to `written`, if it is near enough to have
/// been meant: a third of its letters may differ, case not counted.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(written);
    if folded.is_empty() {
        return None;
    }
    known
        .into_iter()
        .map(|name| (distance(&folded, &fold(name)), name))
        .filter(|&(distance, name)| {
            let longest = folded.len().max(name.chars().count());
            distance * 3 <= longest || (longest >= 3 && is_part(&folded, &fold(name)))
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, name)| name)
}

/// Lower case without separators, so that `label-smoothing`, `labelSmoothing`
/// and `label_smoothing` are one name.
fn fold(name: &str) -> Vec<char> {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether one name begins with the other and at least half of it is there
/// (`momentums`, `temp` for `temperature` is too short).
fn is_part(a: &[char], b: &[char]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    short.len() >= 3 && short.len() * 3 >= long.len() && long.starts_with(short)
}

/// Edit distance with transposition of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = previous[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(previous[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 5] = ["momentum", "nesterov", "weight_decay", "epochs", "batch"];

    #[test]
    fn a_slip_of_the_finger_finds_its_name() {
        for (written, meant) in [
            ("momentun", "momentum"),
            ("mometnum", "momentum"),
            ("Nesterov", "nesterov"),
            ("weightDecay", "weight_decay"),
            ("weight-decay", "weight_decay"),
            ("epoch", "epochs"),
            ("batch_size", "batch"),
        ] {
            assert_eq!(nearest(written, FIELDS), Some(meant), "{written}");
        }
    }

    #[test]
    fn a_name_that_nothing_resembles_finds_none() {
        for written in ["", "x", "colour", "learning_rate"] {
            assert_eq!(nearest(written, FIELDS), None, "{written}");
        }
    }

    #[test]
    fn the_distance_counts_insertions_deletions_replacements_and_swaps() {
        let count = |a: &str, b: &str| distance(&fold(a), &fold(b));
        assert_eq!(count("abc", "abc"), 0);
        assert_eq!(count("abc", "abxc"), 1);
        assert_eq!(count("abc", "ac"), 1);
        assert_eq!(count("abc", "axc"), 1);
        assert_eq!(count("abc", "acb"), 1);
        assert_eq!(count("", "abc"), 3);
        assert_eq!(count("kitten", "sitting"), 3);
    }
}
