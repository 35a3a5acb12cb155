//! What happened, under the x axis and up through the plot.
//!
//! ```text
//!      ┊                 ┊      lines of changed knobs
//! ╰┬0───────────────┬5────────
//!  r   k   r   r     r   k×2 b  a row of its own
//! ╰┬0────r×250──────┬500─r×250  in the gaps of the axis, in a low chart
//! ```
//!
//! Marks that fall on the same column become one with their count. Where a
//! kind would fill the axis, its marks between two labels become one. No mark
//! touches a number or another mark, and each stands right of those that happened
//! before it: the order is the same however wide a chart is.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Axis, Chart, column, put};
use crate::ui::theme::Theme;

/// Columns that a kind of mark leaves free, on average, before it is counted
/// between labels.
const LEAST_BETWEEN: usize = 4;

/// Marks that became one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Group {
    /// Where its letter stands.
    column: u16,
    /// Where the first of them is on the x axis; none of those that were counted
    /// between labels.
    x: Option<f64>,
    letter: char,
    count: usize,
    /// Whether a line is drawn up through the plot.
    line: bool,
}

/// A number on the axis.
#[derive(Debug, Clone)]
pub(super) struct Label {
    /// Where its tick stands; the number stands right of it.
    pub(super) column: u16,
    pub(super) text: String,
}

impl Label {
    /// The column behind it.
    pub(super) fn end(&self) -> u16 {
        self.column + 1 + self.text.chars().count() as u16
    }
}

impl Group {
    /// What stands behind its letter.
    fn count(&self) -> String {
        match self.count {
            0 | 1 => String::new(),
            count => format!("×{count}"),
        }
    }
}

/// The letter and count of a group where they stand on the axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    column: u16,
    text: String,
}

/// Draws groups of marks where they were placed in a row, and their lines in the
/// plot.
pub(super) fn draw_groups(
    (groups, placed): (&[Group], &[Placed]),
    theme: &Theme,
    frame: &mut Frame,
    (plot, below): (Rect, Rect),
) {
    for mark in placed {
        for (at, letter) in (mark.column..).zip(mark.text.chars()) {
            put(frame, below, (at, 0), letter, theme.warn());
        }
    }
    for group in groups {
        if group.line {
            for row in 0..plot.height {
                put(frame, plot, (group.column, row), '┊', theme.muted());
            }
        }
    }
}

/// Where the letters and counts of groups stand in a row of so many columns, beside
/// the labels that it holds. Where one would touch a label or a later group, which
/// matters more, it moves aside, but not past one that happened before or after it,
/// goes without its count, or is left out.
pub(super) fn placed(groups: &[Group], labels: &[Label], width: u16) -> Vec<Placed> {
    /// Columns that a mark may stand from its place.
    const ASIDE: u16 = 6;
    let mut taken = vec![false; usize::from(width)];
    for label in labels {
        let cells = usize::from(label.column)..usize::from(label.end().min(width));
        taken[cells].fill(true);
    }
    let mut placed: Vec<Placed> = Vec::new();
    // The place on the x axis and on the row of each that is placed; of equals the one
    // that matters more stands left.
    let mut order: Vec<(f64, u16)> = Vec::new();
    for group in groups.iter().rev() {
        let left = order
            .iter()
            .filter(|(x, _)| group.x.is_some_and(|at| *x <= at));
        let right = order
            .iter()
            .filter(|(x, _)| group.x.is_some_and(|at| *x > at));
        let after = left.map(|(_, column)| *column).max();
        let before = right.map(|(_, column)| *column).min();
        let in_order = |column: u16| {
            after.is_none_or(|after| after < column) && before.is_none_or(|before| column < before)
        };
        let aside =
            (1..=ASIDE).flat_map(|by| [group.column.checked_sub(by), Some(group.column + by)]);
        let columns: Vec<u16> = std::iter::once(Some(group.column))
            .chain(aside)
            .flatten()
            .collect();
        let letter = group.letter.to_string();
        for text in [format!("{letter}{}", group.count()), letter] {
            let length = text.chars().count();
            let is_free = |column: u16| {
                let start = usize::from(column);
                let beside = start.saturating_sub(1)..(start + length + 1).min(taken.len());
                start + length <= taken.len() && !taken[beside].contains(&true)
            };
            let found = columns.iter().find(|at| in_order(**at) && is_free(**at));
            if let Some(&column) = found {
                taken[usize::from(column)..usize::from(column) + length].fill(true);
                order.extend(group.x.map(|x| (x, column)));
                placed.push(Placed { column, text });
                break;
            }
        }
    }
    placed
}

impl Chart<'_> {
    /// Marks by their columns, kind after kind in the order of their first.
    pub(super) fn groups(&self, x: Axis, labels: &[Label], plot: Rect) -> Vec<Group> {
        /// How many stand at each column, and the first of them.
        type Columns = BTreeMap<u16, (usize, Option<f64>)>;
        let mut kinds: Vec<(char, bool, Columns)> = Vec::new();
        for mark in self.marks {
            let Some(column) = column(x, mark.x, plot) else {
                continue;
            };
            let known = kinds.iter().position(|(letter, ..)| *letter == mark.letter);
            let at = known.unwrap_or_else(|| {
                kinds.push((mark.letter, mark.line, BTreeMap::new()));
                kinds.len() - 1
            });
            let (count, first) = kinds[at].2.entry(column).or_default();
            *count += 1;
            *first = Some(first.map_or(mark.x, |first| first.min(mark.x)));
        }
        let most = usize::from(plot.width) / LEAST_BETWEEN;
        kinds
            .into_iter()
            .flat_map(|(letter, line, columns)| {
                let few = columns.len() <= most.max(1);
                let columns = if few {
                    columns
                } else {
                    between(&columns, labels, plot.width)
                };
                columns.into_iter().map(move |(column, (count, x))| Group {
                    column,
                    x,
                    letter,
                    count,
                    // Too many lines would be all that is seen.
                    line: line && few,
                })
            })
            .collect()
    }
}

/// Counts between labels, each at the middle of the room that it has.
fn between<T>(
    columns: &BTreeMap<u16, (usize, Option<T>)>,
    labels: &[Label],
    width: u16,
) -> BTreeMap<u16, (usize, Option<T>)> {
    let mut counted = BTreeMap::new();
    let starts = std::iter::once(0).chain(labels.iter().map(|label| label.column));
    let ends = labels.iter().map(|label| label.column).chain([width]);
    let behind = std::iter::once(0).chain(labels.iter().map(Label::end));
    for ((start, end), behind) in starts.zip(ends).zip(behind) {
        let count: usize = columns
            .range(start..end.max(start))
            .map(|(_, (n, _))| n)
            .sum();
        if count > 0 {
            // The letter, the sign and the digits.
            let needed = 2 + count.to_string().len() as u16;
            let room = end.saturating_sub(behind);
            let middle = behind + room.saturating_sub(needed) / 2;
            counted.entry(middle).or_insert((0, None)).0 += count;
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(column: u16, letter: char, count: usize) -> Group {
        Group {
            column,
            x: Some(column.into()),
            letter,
            count,
            line: false,
        }
    }

    fn texts(groups: &[Group], labels: &[Label], width: u16) -> Vec<(u16, String)> {
        let placed = placed(groups, labels, width).into_iter();
        placed.map(|mark| (mark.column, mark.text)).collect()
    }

    fn at(column: u16, text: &str) -> (u16, String) {
        (column, text.to_owned())
    }

    #[test]
    fn groups_do_not_touch_one_another_and_the_last_keeps_its_place() {
        let groups = [group(9, 'r', 19), group(10, 'b', 1), group(11, 'k', 2)];
        let expected = [at(11, "k×2"), at(9, "b"), at(4, "r×19")];
        assert_eq!(texts(&groups, &[], 30), expected);
    }

    #[test]
    fn marks_stand_in_the_order_in_which_they_happened_however_narrow_the_row_is() {
        // In a row of so many columns for 100 steps.
        let happened = [('b', 40), ('e', 43), ('k', 41), ('k', 44)];
        for width in 12..200_u16 {
            let groups: Vec<Group> = happened
                .into_iter()
                .map(|(letter, step)| Group {
                    x: Some(f64::from(step)),
                    ..group(step as u16 * width / 100, letter, 1)
                })
                .collect();
            let mut placed = texts(&groups, &[], width);
            placed.sort();
            let order: String = placed.into_iter().map(|(_, text)| text).collect();
            let mut all = "bkek".chars();
            assert!(
                order.chars().all(|one| all.any(|other| other == one)),
                "{width} {order}"
            );
            assert_eq!(order.matches('k').count(), 2, "{width} {order}");
        }
    }

    #[test]
    fn where_there_is_no_room_a_group_goes_without_its_count_or_is_left_out() {
        let crowded = [group(1, 'r', 100), group(1, 'e', 1), group(0, 'c', 1)];
        assert_eq!(texts(&crowded, &[], 3), [at(0, "c"), at(2, "e")]);
        assert_eq!(
            texts(&crowded, &[], 5),
            [at(0, "c"), at(2, "e"), at(4, "r")]
        );
        let all = [at(0, "c"), at(2, "e"), at(4, "r×100")];
        assert_eq!(texts(&crowded, &[], 9), all);
        assert_eq!(texts(&crowded, &[], 0), []);
    }

    #[test]
    fn a_mark_beside_labels_touches_none_of_them() {
        let label = |column, text: &str| Label {
            column,
            text: text.to_owned(),
        };
        // ┬500──────┬1000
        let labels = [label(0, "500"), label(10, "1000")];
        assert_eq!(texts(&[group(4, 'r', 529)], &labels, 15), [at(5, "r")]);
        assert_eq!(texts(&[group(2, 'k', 2)], &labels, 15), [at(5, "k×2")]);
        assert_eq!(texts(&[group(12, 'b', 1)], &labels, 15), [at(8, "b")]);
        assert_eq!(texts(&[group(1, 'b', 1)], &labels[..1], 5), []);
    }
}
