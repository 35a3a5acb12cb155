//! What happened, on the x axis and up through the plot.
//!
//! ```text
//!      ┊                      ┊  lines of turned knobs
//! ╰┬0──k───i───i───┬5──i───k2─b
//! ╰┬0────i250────┬500───i250───  where there are too many to tell apart
//! ```
//!
//! Marks that fall on the same column become one with their count. Where a
//! kind would fill the axis, its marks between two labels become one.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Axis, Chart, column, put};
use crate::ui::theme::Theme;

/// Columns that a kind of mark leaves free, on average, before it is counted
/// between labels.
const LEAST_BETWEEN: usize = 4;

/// Marks that became one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Group {
    /// Where its letter stands.
    column: u16,
    letter: char,
    count: usize,
    /// Whether a line is drawn up through the plot.
    line: bool,
}

impl Chart<'_> {
    /// Draws the marks, later kinds over earlier ones, beside labels that stand
    /// between `(first column, column behind)`.
    pub(super) fn draw_marks(
        &self,
        (x, labels): (Axis, &[(u16, u16)]),
        theme: &Theme,
        frame: &mut Frame,
        plot: Rect,
    ) {
        let below = Rect {
            y: plot.bottom(),
            height: 1,
            ..plot
        };
        for group in self.groups(x, labels, plot) {
            put(frame, below, (group.column, 0), group.letter, theme.warn());
            if group.count > 1 {
                let digits = group.count.to_string();
                for (at, digit) in (group.column + 1..).zip(digits.chars()) {
                    put(frame, below, (at, 0), digit, theme.warn());
                }
            }
            if group.line {
                for row in 0..plot.height {
                    put(frame, plot, (group.column, row), '┊', theme.muted());
                }
            }
        }
    }

    /// Marks by their columns, kind after kind in the order of their first.
    fn groups(&self, x: Axis, labels: &[(u16, u16)], plot: Rect) -> Vec<Group> {
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
                let few = columns.len() <= most.max(1);
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
fn between(
    columns: &BTreeMap<u16, usize>,
    labels: &[(u16, u16)],
    width: u16,
) -> BTreeMap<u16, usize> {
    let mut counted = BTreeMap::new();
    let starts = std::iter::once(0).chain(labels.iter().map(|(start, _)| *start));
    let ends = labels.iter().map(|(start, _)| *start).chain([width]);
    let behind = std::iter::once(0).chain(labels.iter().map(|(_, behind)| *behind));
    for ((start, end), behind) in starts.zip(ends).zip(behind) {
        let count: usize = columns.range(start..end.max(start)).map(|(_, n)| n).sum();
        if count > 0 {
            let needed = 1 + count.to_string().len() as u16;
            let room = end.saturating_sub(behind);
            *counted
                .entry(behind + room.saturating_sub(needed) / 2)
                .or_default() += count;
        }
    }
    counted
}
