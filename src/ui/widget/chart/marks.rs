//! What happened, on the x axis and up through the plot.
//!
//! ```text
//!      ┊                      ┊  lines of turned knobs
//! ╰┬0──k───i───i───┬5──i───k×2─b
//! ╰┬0───i×250────┬500──i×250───  where there are too many to tell apart
//! ```
//!
//! Marks that fall on the same column become one with their count. Where a
//! kind would fill the axis, or hide its numbers, its marks between two labels
//! become one.

use std::collections::BTreeMap;
use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Axis, Chart, column, put};
use crate::ui::theme::Theme;

/// Columns that a kind of mark leaves free, on average, before it is counted
/// between labels.
const LEAST_BETWEEN: usize = 4;

/// Marks that became one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Where its letter stands.
    column: u16,
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

    /// Whether a mark at these columns hides a part of the number.
    fn is_hidden(&self, columns: &Range<u16>) -> bool {
        columns.start < self.end() && columns.end > self.column + 1
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

impl Placed {
    /// Whether it stands on a label's number.
    pub(super) fn hides(&self, label: &Label) -> bool {
        let width = self.text.chars().count() as u16;
        label.is_hidden(&(self.column..self.column + width))
    }
}

/// Draws groups of marks where they were placed.
pub(super) fn draw_groups(
    (groups, placed): (&[Group], &[Placed]),
    theme: &Theme,
    frame: &mut Frame,
    plot: Rect,
) {
    let below = Rect {
        y: plot.bottom(),
        height: 1,
        ..plot
    };
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

/// Where the letters and counts of groups stand on an axis of so many columns.
/// Where two would stand on one another, the earlier one, which matters less,
/// moves aside, goes without its count, or is left out.
pub(super) fn placed(groups: &[Group], width: u16) -> Vec<Placed> {
    let mut taken = vec![false; usize::from(width)];
    let mut placed = Vec::new();
    for group in groups.iter().rev() {
        let text = format!("{}{}", group.letter, group.count());
        let length = text.chars().count() as u16;
        let mut is_free = |column: u16, length: u16| {
            let cells = usize::from(column)..usize::from(column) + usize::from(length);
            let free = taken
                .get(cells.clone())
                .is_some_and(|cells| !cells.contains(&true));
            if free {
                taken[cells].fill(true);
            }
            free
        };
        // A count stands for a stretch of the axis, so it may move a little.
        let aside =
            (1..=length).flat_map(|by| [group.column.checked_sub(by), Some(group.column + by)]);
        let mut columns = std::iter::once(Some(group.column))
            .chain(aside.filter(|_| group.count > 1))
            .flatten();
        if let Some(column) = columns.find(|column| is_free(*column, length)) {
            placed.push(Placed { column, text });
        } else if is_free(group.column, 1) {
            placed.push(Placed {
                column: group.column,
                text: group.letter.to_string(),
            });
        }
    }
    placed
}

impl Chart<'_> {
    /// Marks by their columns, kind after kind in the order of their first.
    pub(super) fn groups(&self, x: Axis, labels: &[Label], plot: Rect) -> Vec<Group> {
        let mut kinds: Vec<(char, bool, BTreeMap<u16, usize>)> = Vec::new();
        for mark in self.marks {
            let Some(column) = column(x, mark.x, plot) else {
                continue;
            };
            let known = kinds.iter().position(|(letter, ..)| *letter == mark.letter);
            let at = known.unwrap_or_else(|| {
                kinds.push((mark.letter, mark.line, BTreeMap::new()));
                kinds.len() - 1
            });
            *kinds[at].2.entry(column).or_default() += 1;
        }
        let most = usize::from(plot.width) / LEAST_BETWEEN;
        kinds
            .into_iter()
            .flat_map(|(letter, line, columns)| {
                let hidden = labels.iter().filter(|label| {
                    let mut columns = columns.keys();
                    columns.any(|column| label.is_hidden(&(*column..*column + 1)))
                });
                let few = columns.len() <= most.max(1) && hidden.count() * 2 <= labels.len();
                let columns = if few {
                    columns
                } else {
                    between(&columns, labels, plot.width)
                };
                columns.into_iter().map(move |(column, count)| Group {
                    column,
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
fn between(columns: &BTreeMap<u16, usize>, labels: &[Label], width: u16) -> BTreeMap<u16, usize> {
    let mut counted = BTreeMap::new();
    let starts = std::iter::once(0).chain(labels.iter().map(|label| label.column));
    let ends = labels.iter().map(|label| label.column).chain([width]);
    let behind = std::iter::once(0).chain(labels.iter().map(Label::end));
    for ((start, end), behind) in starts.zip(ends).zip(behind) {
        let count: usize = columns.range(start..end.max(start)).map(|(_, n)| n).sum();
        if count > 0 {
            // The letter, the sign and the digits.
            let needed = 2 + count.to_string().len() as u16;
            let room = end.saturating_sub(behind);
            *counted
                .entry(behind + room.saturating_sub(needed) / 2)
                .or_default() += count;
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
            letter,
            count,
            line: false,
        }
    }

    #[test]
    fn groups_do_not_stand_on_one_another_and_the_last_keeps_its_place() {
        let groups = [group(3, 'i', 19), group(4, 'b', 1), group(5, 'k', 2)];
        let placed = placed(&groups, 30);
        let placed: Vec<_> = placed
            .iter()
            .map(|mark| (mark.column, &*mark.text))
            .collect();
        assert_eq!(placed, [(5, "k×2"), (4, "b"), (0, "i×19")]);
    }

    #[test]
    fn where_there_is_no_room_a_group_goes_without_its_count_or_is_left_out() {
        let crowded = [group(1, 'i', 100), group(1, 'e', 1), group(0, 'c', 1)];
        let texts = |width| {
            let placed = placed(&crowded, width);
            placed.into_iter().map(|mark| mark.text).collect::<Vec<_>>()
        };
        assert_eq!(texts(4), ["c", "e"]);
        assert_eq!(texts(8), ["c", "e", "i×100"]);
        assert_eq!(texts(0), [""; 0]);
    }
}
