//! Every class: how often teacher and student are right on the images that are
//! compared, and how far apart they are.
//!
//! ```text
//! ┌ 10 classes · 64 probe images ─────────────────────────────────────┐
//! │ class     images  teacher           student                Δ ↑  KL │
//! │ cat           16  81.3 % ██████▌    50.0 % ████     −31.3     0.83 │
//! └───────────────────────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::classes::{ClassRow, ClassSort, Classes};
use super::comparison::whose;
use super::sample_result::nats;
use super::{Compare, class_name};
use crate::event::inspection::Probe;
use crate::format::{MISSING, count, percent, plural, shorten};
use crate::ui::theme::Theme;
use crate::ui::widget::gallery::{inside, panel, title as title_of};
use crate::ui::widget::list::draw_rows;
use crate::ui::widget::{Cells, bars};

/// Cells of a number.
const NUMBER: u16 = 9;
/// Cells of the longest bar.
const BAR: u16 = 64;

/// Columns that a panel takes at least, with bars that say something.
pub(super) fn columns(has_second: bool) -> u16 {
    const LEAST_NAME: u16 = 14;
    const LEAST_BAR: u16 = 8;
    let bars = 2 + u16::from(has_second);
    2 + LEAST_NAME + (3 + bars) * NUMBER + bars * (2 + LEAST_BAR)
}

/// Rows of a panel that shows so many classes.
pub(super) fn rows(classes: usize) -> u16 {
    (classes as u16).saturating_add(3)
}

/// The row of the table at a cell.
pub(super) fn row_at(classes: &Classes, area: Rect, position: Position) -> Option<usize> {
    let selection = classes.selection;
    selection.row_at(classes.rows.len(), rows_of(area), position)
}

/// Where the rows stand, under the names of the columns.
fn rows_of(area: Rect) -> Rect {
    let inside = inside(area);
    Rect {
        y: (inside.y + 1).min(inside.bottom()),
        height: inside.height.saturating_sub(1),
        ..inside
    }
}

pub(super) fn draw(compare: &Compare, probe: &Probe, theme: &Theme, frame: &mut Frame, area: Rect) {
    let classes = &compare.classes;
    let title = format!(
        "{} · {} {}",
        plural(classes.rows.len(), "class", "classes"),
        count(probe.images.len()),
        whose(&compare.comparison.source)
    );
    let inside = panel(title_of(&title, area), true, theme, frame, area);
    let second = compare.second_name();
    let columns = 2 + u16::from(second.is_some());
    let (name, bar) = widths(inside.width, columns);
    draw_names((classes, second), (name, bar), theme, frame, inside);
    let place = rows_of(area);
    let rows = (classes.rows.len(), classes.selection);
    let style = (theme.selection(), place);
    draw_rows(rows, style, frame.buffer_mut(), |at, cells| {
        let row = &classes.rows[at];
        cells.text(name, class_name(probe, row.class), Style::new());
        draw_row(row, usize::from(columns), bar, theme, cells);
    });
}

/// Cells of a class's name and of a bar, of which there are so many.
fn widths(width: u16, bars: u16) -> (u16, u16) {
    let rest = width.saturating_sub((3 + bars) * NUMBER + 2 * bars);
    let name = (rest / bars).clamp(8, 28);
    (name, (rest.saturating_sub(name) / bars).min(BAR))
}

fn draw_names(
    (classes, second): (&Classes, Option<&str>),
    (name, bar): (u16, u16),
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let mut cells = Cells::line(frame.buffer_mut(), area, 0);
    let titled = |title: &str, sort: ClassSort| {
        if sort == classes.sort {
            let arrow = if classes.falls() { "↓" } else { "↑" };
            format!("{title} {arrow}")
        } else {
            title.to_owned()
        }
    };
    let style = theme.muted();
    cells.text(name, &titled("class", ClassSort::Class), style);
    cells.right(NUMBER, &titled("images", ClassSort::Images), style);
    for (title, sort) in [
        ("teacher", ClassSort::Teacher),
        ("student", ClassSort::Student),
    ] {
        cells
            .right(NUMBER, &titled(title, sort), style)
            .skip(bar + 2);
    }
    if let Some(name) = second {
        let name = shorten(name, NUMBER - 1);
        cells.right(NUMBER, &name, style).skip(bar + 2);
    }
    cells.right(NUMBER, &titled("Δ", ClassSort::Difference), style);
    cells.right(NUMBER, &titled("KL", ClassSort::Kl), style);
}

fn draw_row(row: &ClassRow, bars: usize, bar: u16, theme: &Theme, cells: &mut Cells) {
    cells.right(NUMBER, &count(row.images as u64), theme.muted());
    let shares = [row.teacher, row.student, row.second];
    for (at, share) in shares.into_iter().take(bars).enumerate() {
        let share = f64::from(share);
        cells.right(NUMBER, &percent(share), Style::new()).skip(1);
        cells
            .text(bar, &bars::lying(share, bar), theme.series(at))
            .skip(1);
    }
    let difference = row.difference();
    let points = || format!("{:+.1}", difference * 100.0);
    let (text, style) = if difference.is_nan() {
        (MISSING.to_owned(), theme.muted())
    } else if difference < 0.0 {
        (points(), theme.bad())
    } else if difference > 0.0 {
        (points(), theme.good())
    } else {
        ("0.0".to_owned(), theme.muted())
    };
    cells.right(NUMBER, &text, style);
    cells.right(NUMBER, &nats(row.kl), Style::new());
}
