//! Every class: how often teacher and student are right on all validation images,
//! or on those that are compared, and on these how far apart they are.
//!
//! ```text
//! ┌ Recall of 10 classes · 64 probe images ───────────────────────────┐
//! │ class     images  teacher           student             Δ pp ↑  KL │
//! │ cat           16  81.3 % ██████▌    50.0 % ████     −31.3     0.83 │
//! └───────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Without a teacher there is the student alone.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::classes::{ClassRow, ClassSort, Classes, Columns};
use super::comparison::{WHOLE, whose};
use super::sample_result::nats;
use super::{Compare, class_name};
use crate::event::inspection::Probe;
use crate::format::{MISSING, count, percent, plural, shorten};
use crate::ui::theme::Theme;
use crate::ui::widget::Cells;
use crate::ui::widget::bars::lying;
use crate::ui::widget::cells::width_of;
use crate::ui::widget::gallery::{inside, panel, title as title_of};
use crate::ui::widget::list::draw_rows;

/// Cells of a number.
const NUMBER: u16 = 9;
/// Cells behind the number of images, so that a title beside it may have an arrow.
const GAP: u16 = 1;
/// Cells of the longest bar.
const BAR: u16 = 64;

/// Models, each with a share and a bar.
fn bars_of(columns: Columns, has_second: bool) -> u16 {
    1 + u16::from(columns.teacher) + u16::from(has_second)
}

/// Numbers: images, the models' shares, and with a teacher how they differ.
fn numbers(columns: Columns, bars: u16) -> u16 {
    1 + bars + u16::from(columns.teacher) + u16::from(columns.kl)
}

/// Columns that a panel takes at least, with bars that say something.
pub(super) fn least_width(columns: Columns, has_second: bool) -> u16 {
    const LEAST_NAME: u16 = 14;
    const LEAST_BAR: u16 = 8;
    let bars = bars_of(columns, has_second);
    2 + LEAST_NAME + GAP + numbers(columns, bars) * NUMBER + bars * (2 + LEAST_BAR)
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
    let (images, whose) = match classes.whole {
        Some(images) => (images, WHOLE),
        None => (probe.images.len(), whose(&compare.comparison.source)),
    };
    let classes_counted = plural(classes.rows.len(), "class", "classes");
    let title = format!("Recall of {classes_counted} · {} {whose}", count(images));
    let inside = panel(title_of(&title, area), true, theme, frame, area);
    let second = compare.second_name();
    let columns = classes.columns;
    let bars = bars_of(columns, second.is_some());
    let (name, bar) = widths(inside.width, columns, bars);
    draw_names((classes, second), (name, bar), theme, frame, inside);
    let place = rows_of(area);
    let rows = (classes.rows.len(), classes.selection);
    let style = (theme.selection(), place);
    draw_rows(rows, style, frame.buffer_mut(), |at, cells| {
        let row = &classes.rows[at];
        cells.text(name, class_name(probe, row.class), Style::new());
        draw_row(row, columns, (bars, bar), theme, cells);
    });
}

/// Cells of a class's name and of a bar, of which there are so many.
fn widths(width: u16, columns: Columns, bars: u16) -> (u16, u16) {
    let rest = width.saturating_sub(GAP + numbers(columns, bars) * NUMBER + 2 * bars);
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
    let images = titled("images", ClassSort::Images);
    cells.right(NUMBER, &images, style).skip(GAP);
    let columns = classes.columns;
    let teacher = columns.teacher.then_some(("teacher", ClassSort::Teacher));
    for (title, sort) in teacher.into_iter().chain([("student", ClassSort::Student)]) {
        cells
            .right(NUMBER, &titled(title, sort), style)
            .skip(bar + 2);
    }
    if let Some(name) = second {
        // Above its bar there is room for a long name.
        let room = NUMBER + bar + 1;
        let name = shorten(name, room);
        let width = width_of(&name).max(NUMBER - 1);
        cells.right(width + 1, &name, style);
        cells.skip(room.saturating_sub(width));
    }
    if columns.teacher {
        cells.right(NUMBER, &titled("Δ pp", ClassSort::Difference), style);
    }
    if columns.kl {
        cells.right(NUMBER, &titled("KL", ClassSort::Kl), style);
    }
}

fn draw_row(
    row: &ClassRow,
    columns: Columns,
    (bars, bar): (u16, u16),
    theme: &Theme,
    cells: &mut Cells,
) {
    let images = count(row.images as u64);
    cells.right(NUMBER, &images, theme.muted()).skip(GAP);
    let shares = [row.teacher, row.student, row.second]
        .into_iter()
        .enumerate();
    let shares = shares.skip(usize::from(!columns.teacher));
    for (at, share) in shares.take(bars.into()) {
        let share = f64::from(share);
        cells.right(NUMBER, &percent(share), Style::new()).skip(1);
        cells
            .text(bar, &lying(share, bar), theme.series(at))
            .skip(1);
    }
    if !columns.teacher {
        return;
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
    if columns.kl {
        cells.right(NUMBER, &nats(row.kl), Style::new());
    }
}
