//! A matrix of classes by classes, warmer where more of a row's images are.
//!
//! ```text
//! ┌ rows: label, columns: student's prediction ┐
//! │            airpl  cat  dog                 │
//! │ airplane      14    1    ·                 │
//! │ cat            ·   11    5                 │
//! │ label cat, student dog: 5 of 16, 31.3 %    │
//! └────────────────────────────────────────────┘
//! ```

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;

use super::comparison::{WHOLE, whose};
use super::matrix::{Matrix, Pair, Whole};
use super::order::cell_words;
use super::{Compare, class_name};
use crate::event::inspection::{Answerer, MatrixCell, Probe};
use crate::format::{count, percent, shorten};
use crate::ui::theme::Theme;
use crate::ui::widget::Cells;
use crate::ui::widget::cells::width_of;
use crate::ui::widget::gallery::{inside, panel, title as title_of};

/// Cells of a column, a space included: at least and at most.
const COLUMN: (u16, u16) = (7, 14);
/// Cells of the names of the rows.
const NAMES: (u16, u16) = (8, 16);
/// Cells of the title and of the cell in words.
const WORDS: u16 = 72;

/// Which classes are in view, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    rows: Range<usize>,
    columns: Range<usize>,
    /// Cells of a column.
    column: u16,
    /// Where the first row and column stand.
    place: Rect,
}

/// Cells of the names of the rows and of a column, where this much is wide enough.
fn widths(width: u16, classes: &[String]) -> (u16, u16) {
    let longest = classes
        .iter()
        .map(|class| width_of(class))
        .max()
        .unwrap_or(0);
    let names = (longest + 1).clamp(NAMES.0, NAMES.1).min(width);
    // No wider than the names need, so that the eye finds its way.
    let fair = (width - names) / (classes.len() as u16).max(1);
    (names, fair.min(longest + 2).clamp(COLUMN.0, COLUMN.1))
}

/// Columns and rows of a panel that shows every class, its title and its cell in words.
pub(super) fn wanted(width: u16, classes: &[String]) -> (u16, u16) {
    let (names, column) = widths(width, classes);
    let number = classes.len() as u16;
    let cells = column.saturating_mul(number).saturating_add(names + 2);
    (cells.max(WORDS), number.saturating_add(4))
}

/// The classes in view around the cursor, in a panel.
pub(super) fn grid(area: Rect, classes: &[String], cursor: (usize, usize)) -> Grid {
    let inside = inside(area);
    let (names, column) = widths(inside.width, classes);
    // A line above for names, a line below for the cell that is looked at.
    let place = Rect {
        x: inside.x + names,
        y: (inside.y + 1).min(inside.bottom()),
        width: inside.width - names,
        height: inside.height.saturating_sub(2),
    };
    Grid {
        column,
        rows: in_view(cursor.0, classes.len(), usize::from(place.height)),
        columns: in_view(cursor.1, classes.len(), usize::from(place.width / column)),
        place,
    }
}

fn in_view(at: usize, length: usize, room: usize) -> Range<usize> {
    let most = length.saturating_sub(room);
    let start = at.saturating_sub(room / 2).min(most);
    start..(start + room).min(length)
}

impl Grid {
    /// The cell of the matrix at a cell of the screen.
    pub(super) fn cell_at(&self, position: Position) -> Option<(usize, usize)> {
        if !self.place.contains(position) {
            return None;
        }
        let row = self.rows.start + usize::from(position.y - self.place.y);
        let column = self.columns.start + usize::from((position.x - self.place.x) / self.column);
        (self.rows.contains(&row) && self.columns.contains(&column)).then_some((row, column))
    }
}

/// Which matrix is drawn, and what of it is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) pair: Pair,
    /// What is shown of all validation images instead of those that are compared, of
    /// this run's student and of the second's.
    pub(super) whole: Option<(Whole<'a>, Option<Whole<'a>>)>,
    /// The cell that is looked at; of a row alone, what it is taken for most often.
    pub(super) cell: (usize, Option<usize>),
    pub(super) focused: bool,
}

/// Draws a matrix: of the images that are compared, or of all validation images.
pub(super) fn draw(
    compare: &Compare,
    probe: &Probe,
    look: &Look,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let pair = look.pair;
    let Matrix { counts, second, .. } = &compare.matrix;
    let (counts, second, of, step) = match look.whole {
        Some((whole, second)) => (
            whole.counts,
            second.map_or(&[][..], |second| second.counts),
            format!("{} {WHOLE}", count(whole.images as u64)),
            format!(" · step {}", count(whole.step)),
        ),
        None => (
            counts.as_slice(),
            second.as_slice(),
            format!(
                "{} {}",
                count(probe.images.len()),
                whose(&compare.comparison.source)
            ),
            String::new(),
        ),
    };
    // Which images are counted matters more than whole sentences.
    let titles = sides(pair).map(|sides| format!("{sides} · {of}"));
    let room = area.width.saturating_sub(3);
    let title = titles.iter().find(|title| width_of(title) <= room);
    let title = format!("{}{step}", title.unwrap_or(&titles[1]));
    panel(title_of(&title, area), look.focused, theme, frame, area);
    let (row, column) = look.cell;
    let cursor = (row, column.unwrap_or_else(|| most_often(counts, row)));
    let grid = grid(area, &probe.classes, cursor);
    draw_names(probe, &grid, theme, frame, area);
    draw_counts(counts, &grid, cursor, theme, frame);
    let cell = MatrixCell {
        rows: (pair.rows, cursor.0),
        columns: (pair.columns, cursor.1),
    };
    let name = compare.second_name().filter(|_| !second.is_empty());
    let numbers = Numbers {
        first: cell_numbers(counts, cursor),
        second: name.map(|name| format!("{name} {}", cell_numbers(second, cursor))),
    };
    draw_cell(&numbers, cell, probe, theme, frame, area);
}

/// Whose classes stand where, in full and where there is little room.
fn sides(pair: Pair) -> [&'static str; 2] {
    match (pair.rows, pair.columns) {
        (Answerer::Label, Answerer::Teacher) => [
            "rows: label, columns: teacher's prediction",
            "rows: label, columns: teacher",
        ],
        (Answerer::Teacher, _) => [
            "rows: teacher's, columns: student's prediction",
            "rows: teacher, columns: student",
        ],
        _ => [
            "rows: label, columns: student's prediction",
            "rows: label, columns: student",
        ],
    }
}

/// What stands in a cell, in words.
struct Numbers {
    first: String,
    /// Of the second run's student, with its name.
    second: Option<String>,
}

/// `5 of 16, 31.3 %`: how many of a row's images are in a cell.
fn cell_numbers(counts: &[Vec<u32>], (row, column): (usize, usize)) -> String {
    let line = counts.get(row).map_or(&[][..], Vec::as_slice);
    let number = line.get(column).copied().unwrap_or(0);
    let sum: u64 = line.iter().map(|count| u64::from(*count)).sum();
    let share = if sum == 0 {
        f64::NAN
    } else {
        f64::from(number) / sum as f64
    };
    format!(
        "{} of {}, {}",
        count(u64::from(number)),
        count(sum),
        percent(share)
    )
}

/// The other class that a class is taken for most often; itself where it is for none.
fn most_often(counts: &[Vec<u32>], row: usize) -> usize {
    let line = counts.get(row).map_or(&[][..], Vec::as_slice);
    let others = line
        .iter()
        .enumerate()
        .filter(|(at, count)| *at != row && **count > 0);
    // Of equals the first.
    let most = others.rev().max_by_key(|(_, count)| **count);
    most.map_or(row, |(at, _)| at)
}

fn draw_names(probe: &Probe, grid: &Grid, theme: &Theme, frame: &mut Frame, area: Rect) {
    let inside = inside(area);
    let names = grid.place.x - inside.x;
    let mut cells = Cells::line(frame.buffer_mut(), inside, 0);
    cells.skip(names);
    for column in grid.columns.clone() {
        cells.skip(1).right(
            grid.column - 1,
            &shorten(class_name(probe, column), grid.column - 1),
            theme.muted(),
        );
    }
    for (line, row) in grid.rows.clone().enumerate() {
        let mut cells = Cells::line(frame.buffer_mut(), inside, line + 1);
        cells.text(
            names.saturating_sub(1),
            class_name(probe, row),
            theme.muted(),
        );
    }
}

fn draw_counts(
    counts: &[Vec<u32>],
    grid: &Grid,
    cursor: (usize, usize),
    theme: &Theme,
    frame: &mut Frame,
) {
    for (line, row) in grid.rows.clone().enumerate() {
        let Some(counts) = counts.get(row) else {
            continue;
        };
        let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        let mut cells = Cells::line(frame.buffer_mut(), grid.place, line);
        for column in grid.columns.clone() {
            let number = counts.get(column).copied().unwrap_or(0);
            let share = f64::from(number) / sum.max(1) as f64;
            let text = if number == 0 {
                "·".to_owned()
            } else {
                compact(number)
            };
            let mut style = theme.heat(share);
            if row == column {
                style = style.add_modifier(Modifier::UNDERLINED);
            }
            let looked_at = (row, column) == cursor;
            if looked_at {
                style = theme.accent().add_modifier(Modifier::REVERSED);
            }
            let (left, right) = if looked_at { ("[", "]") } else { ("", " ") };
            let width = usize::from(grid.column) - 1;
            let text = format!("{:>width$}{right}", format!("{left}{text}"));
            cells.word(&text, style);
        }
    }
}

/// A count of five letters at most.
fn compact(number: u32) -> String {
    match number {
        0..100_000 => number.to_string(),
        100_000..10_000_000 => format!("{}k", number / 1000),
        _ => format!("{}M", number / 1_000_000),
    }
}

fn draw_cell(
    numbers: &Numbers,
    cell: MatrixCell,
    probe: &Probe,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let inside = inside(area);
    let Numbers { first, second } = numbers;
    let second = second
        .as_ref()
        .map_or_else(String::new, |it| format!(" ↔ {it}"));
    let numbers = format!("{first}{second}");
    let classes = format!("{}: ", cell_words(cell, &probe.classes));
    let last = usize::from(inside.height.saturating_sub(1));
    let mut cells = Cells::line(frame.buffer_mut(), inside, last);
    let width = cells.rest();
    // The names of the classes stand at the row and the column, too.
    if width_of(&classes) + width_of(&numbers) <= width {
        cells.word(&classes, theme.accent());
    }
    let rest = cells.rest();
    cells.text(rest, &numbers, theme.accent());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cell_that_is_looked_at_is_in_view_and_a_click_finds_it() {
        let classes: Vec<String> = (0..300).map(|at| format!("class {at}")).collect();
        for cursor in [(0, 0), (150, 40), (299, 299)] {
            let grid = grid(Rect::new(0, 0, 80, 20), &classes, cursor);
            assert!(grid.rows.contains(&cursor.0) && grid.columns.contains(&cursor.1));
            let line = (cursor.0 - grid.rows.start) as u16;
            let column = (cursor.1 - grid.columns.start) as u16 * grid.column;
            let position = Position::new(grid.place.x + column, grid.place.y + line);
            assert_eq!(grid.cell_at(position), Some(cursor));
        }
        assert_eq!(
            grid(Rect::new(0, 0, 80, 20), &classes, (0, 0)).cell_at(Position::new(0, 0)),
            None
        );
        let nothing = grid(Rect::new(0, 0, 1, 1), &classes, (5, 5));
        assert!(nothing.rows.is_empty() && nothing.columns.is_empty());
    }

    #[test]
    fn a_class_alone_is_looked_at_where_it_is_taken_for_another_most_often() {
        let counts = [vec![5, 2, 7], vec![3, 0, 3], vec![0, 0, 4]];
        assert_eq!(
            [0, 1, 2, 9].map(|row| most_often(&counts, row)),
            [2, 0, 2, 9]
        );
    }

    #[test]
    fn a_large_count_still_fits_into_its_cell() {
        for number in [0, 99_999, 100_000, 9_999_999, u32::MAX] {
            assert!(
                compact(number).len() <= usize::from(COLUMN.0) - 2,
                "{number}"
            );
        }
    }
}
