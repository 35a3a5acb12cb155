//! The images: how far the models are apart on each, and who is right.
//!
//! ```text
//! ┌ 64 probe images · highest KL ────────────────┐
//! │ image             label teacher student  KL  │
//! │ test/cat/0013.png cat   ✓ cat   ✗ dog  1.234 │
//! │ test/dog/0004.png dog   ✓ dog   ✓ dog  0.021 │
//! └──────────────────────────────────────────────┘
//! ```
//!
//! With room, every image has its picture and two bars.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::comparison::whose;
use super::order::Order;
use super::sample_result::{Answer, SampleResult, nats};
use super::{Compare, View, class_name};
use crate::event::inspection::Probe;
use crate::format::{count, percent, shorten_path};
use crate::ui::shared::Shared;
use crate::ui::theme::Theme;
use crate::ui::widget::answers::{OTHER, STUDENT, TEACHER, mark, verdict};
use crate::ui::widget::cells::width_of;
use crate::ui::widget::gallery;
use crate::ui::widget::{Cells, bars, notice};

/// Cells of a teacher's or student's class, its mark included: at least and at most.
const ANSWER: (u16, u16) = (8, 18);
/// Cells of an answer's mark and the space behind it.
const MARK: u16 = 2;
/// Cells of a KL.
const KL: u16 = 8;
/// Cells of a source that distinguish images.
const SOURCE: u16 = 8;
/// Cells of a model's name where pictures are shown, at least.
const NAME: u16 = 7;
/// Cells of a label where there is room for it.
const LABEL: u16 = 9;

/// Draws the images of the list, the selected one among them.
pub(super) fn draw(
    compare: &Compare,
    probe: &Probe,
    shared: &Shared,
    frame: &mut Frame,
    area: Rect,
) {
    let shown = compare.rows.len();
    let window = compare.selection.window(shown, gallery::rows_in(area));
    let selected = compare.selection.get(shown);
    let rows = (compare.rows.as_slice(), window, selected);
    draw_images(compare, (probe, &compare.order), rows, shared, frame, area);
}

/// Draws the images of the class or the cell that is looked at, as many as fit.
pub(super) fn draw_looked_at(
    compare: &Compare,
    probe: &Probe,
    shared: &Shared,
    frame: &mut Frame,
    area: Rect,
) {
    let order = compare.looked_at();
    let rows = order.rows(probe, &compare.results);
    let window = 0..gallery::rows_in(area).min(rows.len());
    let rows = (rows.as_slice(), window, None);
    draw_images(compare, (probe, &order), rows, shared, frame, area);
}

fn draw_images(
    compare: &Compare,
    (probe, order): (&Probe, &Order),
    (rows, window, selected): (&[usize], Range<usize>, Option<usize>),
    shared: &Shared,
    frame: &mut Frame,
    area: Rect,
) {
    let theme = &shared.theme;
    let (shown, all) = (rows.len(), probe.images.len());
    let number = if shown == all {
        count(all as u64)
    } else {
        format!("{} of {}", count(shown as u64), count(all as u64))
    };
    let what = whose(&compare.comparison.source);
    let words = order.words(&probe.classes);
    let whole = format!("{number} {what} · {words}");
    // What is shown of them matters more than what they are.
    let title = if width_of(&whole) > area.width.saturating_sub(3) {
        format!("{number} · {words}")
    } else {
        whole
    };
    let title = gallery::title(&title, area);
    let inside = gallery::panel(title, compare.view == View::Images, theme, frame, area);
    if rows.is_empty() {
        if compare.view == View::Images {
            notice::no_matches((&shared.keymap, theme), frame, inside);
        }
        return;
    }
    let height = gallery::row_height(area);
    let second = compare.second_name();
    if height == 1 {
        draw_names(probe, second, theme, frame, inside);
    }
    for (line, row) in window.enumerate() {
        let image = rows[row];
        let place = gallery::row(area, line);
        let style = if selected == Some(row) {
            theme.selection()
        } else {
            Style::new()
        };
        if height == 1 {
            draw_line(
                (probe, image),
                (&compare.results[image], second.is_some()),
                (theme, style),
                frame,
                place,
            );
        } else {
            draw_roomy(
                (probe, image),
                (&compare.results[image], second),
                (theme, style),
                frame,
                place,
            );
        }
    }
}

/// Cells of the columns of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    source: u16,
    /// None where there is no room for it.
    label: u16,
    answer: u16,
    kl: u16,
}

impl Columns {
    /// In a line of this width, with so many answers, of classes whose longest name has
    /// so many cells. A third answer takes the place of the KL where there is room for
    /// one; names of classes take what the source does not need.
    fn within(width: u16, answers: u16, longest: u16) -> Self {
        let answered = answers * (ANSWER.0 + 1);
        let kl = if answers > 2 && width < answered + KL + 1 + SOURCE {
            0
        } else {
            KL
        };
        let fixed = answered + kl + 1;
        let label = if width >= fixed + LABEL + 14 {
            LABEL
        } else {
            0
        };
        let gap = label.min(1);
        let mut rest = width.saturating_sub(fixed + label + gap);
        let wanted = (longest + MARK).clamp(ANSWER.0, ANSWER.1) - ANSWER.0;
        let more = wanted.min(rest.saturating_sub(SOURCE) / answers);
        rest -= more * answers;
        let wanted = longest.clamp(LABEL, ANSWER.1 - MARK) - LABEL;
        let longer = gap * wanted.min(rest.saturating_sub(SOURCE));
        Self {
            source: rest - longer,
            label: label + longer,
            answer: ANSWER.0 + more,
            kl,
        }
    }

    fn of(probe: &Probe, has_second: bool, width: u16) -> Self {
        let longest = probe.classes.iter().map(|class| width_of(class)).max();
        let answers = 1 + u16::from(probe.teacher.is_some()) + u16::from(has_second);
        Self::within(width, answers, longest.unwrap_or(0))
    }
}

fn draw_names(probe: &Probe, second: Option<&str>, theme: &Theme, frame: &mut Frame, inside: Rect) {
    let mut cells = Cells::line(frame.buffer_mut(), inside, 0);
    let columns = Columns::of(probe, second.is_some(), cells.rest());
    cells.text(columns.source, "image", theme.muted()).skip(1);
    if columns.label > 0 {
        cells.text(columns.label, "label", theme.muted()).skip(1);
    }
    let teacher = probe.teacher.as_ref().map(|_| "teacher");
    for name in teacher.into_iter().chain(["student"]).chain(second) {
        cells
            .skip(MARK)
            .text(columns.answer - 1, name, theme.muted());
    }
    cells.right(columns.kl, last(probe), theme.muted());
}

fn draw_line(
    (probe, image): (&Probe, usize),
    (result, has_second): (&SampleResult, bool),
    (theme, style): (&Theme, Style),
    frame: &mut Frame,
    place: Rect,
) {
    let mut cells = Cells::line(frame.buffer_mut(), place, 0);
    cells.style(style);
    let columns = Columns::of(probe, has_second, cells.rest());
    let path = shorten_path(&probe.images[image].source, columns.source);
    cells.text(columns.source, &path, Style::new()).skip(1);
    if columns.label > 0 {
        let name = result.label.map_or("–", |label| class_name(probe, label));
        cells.text(columns.label, name, theme.muted()).skip(1);
    }
    let broken = result.broken;
    let second = has_second.then_some((result.second, broken.second));
    let teacher = (result.teacher, broken.teacher);
    let teacher = probe.teacher.is_some().then_some(teacher);
    let student = (result.student, broken.student);
    let answers = teacher.into_iter().chain([student]).chain(second);
    for (answer, is_broken) in answers {
        let (sign, class) = words(probe, answer, is_broken);
        cells.text(
            MARK,
            sign,
            verdict(answer.and_then(|answer| answer.right), theme),
        );
        cells
            .text(columns.answer - MARK, class, Style::new())
            .skip(1);
    }
    cells.right(columns.kl, &nats(last_of(probe, result)), Style::new());
}

/// What the last column holds: how far the student is from its teacher, or without one
/// from the label.
fn last(probe: &Probe) -> &'static str {
    if probe.teacher.is_some() {
        "KL"
    } else {
        "loss"
    }
}

fn last_of(probe: &Probe, result: &SampleResult) -> f32 {
    if probe.teacher.is_some() {
        result.kl
    } else {
        result.loss
    }
}

fn draw_roomy(
    (probe, image): (&Probe, usize),
    (result, second): (&SampleResult, Option<&str>),
    (theme, style): (&Theme, Style),
    frame: &mut Frame,
    place: Rect,
) {
    let buffer = frame.buffer_mut();
    let beside = gallery::draw_picture(&probe.images[image].picture, (theme, style), buffer, place);
    let label = result.label.map_or("–", |label| class_name(probe, label));
    let kl = format!("{} {}", last(probe), nats(last_of(probe, result)));
    let mut cells = Cells::line(buffer, beside, 0);
    let source = cells.rest().saturating_sub(12 + LABEL + 8);
    let path = shorten_path(&probe.images[image].source, source);
    cells.text(source, &path, Style::new());
    cells.right(LABEL + 8, &format!("label {label}"), theme.muted());
    cells.right(14, &kl, Style::new());
    // Two students share a line: halves of the same width, so that a bar has one
    // scale wherever it stands.
    let students = Rect {
        width: beside.width / if second.is_some() { 2 } else { 1 },
        ..beside
    };
    let right = Rect {
        x: students.right(),
        ..students
    };
    // Names stand in one column, so that marks and bars do.
    let names = second.map_or(0, width_of).min(students.width / 4).max(NAME);
    let broken = result.broken;
    let teacher = (result.teacher, broken.teacher);
    let student = (result.student, broken.student);
    let has_teacher = probe.teacher.is_some();
    let line = 1 + usize::from(has_teacher);
    let teacher = has_teacher.then_some((TEACHER, "teacher", teacher, students, 1));
    let student = (STUDENT, "student", student, students, line);
    let other = second.map(|name| (OTHER, name, (result.second, broken.second), right, line));
    let answers = teacher.into_iter().chain([student]).chain(other);
    for (series, name, (answer, is_broken), area, line) in answers {
        let (sign, class) = words(probe, answer, is_broken);
        let share = answer.map_or(f64::NAN, |answer| f64::from(answer.confidence));
        let mut cells = Cells::line(buffer, area, line);
        cells.text(names, name, theme.muted()).skip(1);
        cells.text(
            2,
            sign,
            verdict(answer.and_then(|answer| answer.right), theme),
        );
        cells.text(14, class, Style::new());
        cells.right(7, &percent(share), Style::new()).skip(1);
        let width = cells.rest().saturating_sub(u16::from(second.is_some()));
        cells.text(width, &bars::lying(share, width), theme.series(series));
    }
}

/// An answer's mark and class; what is no number is no answer that is missing.
fn words(probe: &Probe, answer: Option<Answer>, is_broken: bool) -> (&'static str, &str) {
    match answer {
        Some(answer) => (mark(answer.right), class_name(probe, answer.class)),
        None if is_broken => ("!", "NaN"),
        None => (" ", "–"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_classes_are_whole_where_the_source_can_spare_the_room() {
        let longest = width_of("triangle");
        for answers in [2, 3] {
            let narrow = Columns::within(36, answers, longest);
            assert_eq!(narrow.answer, ANSWER.0, "{narrow:?}");
            let wide = Columns::within(78, answers, longest);
            assert_eq!(wide.answer - MARK, longest, "{wide:?}");
            assert!(wide.source >= SOURCE && wide.label >= longest, "{wide:?}");
        }
        for width in 0..200 {
            let columns = Columns::within(width, 3, 40);
            let taken = 3 * (columns.answer + 1) + columns.kl + columns.source;
            assert!(width < 50 || taken < width, "{width} {columns:?}");
        }
    }
}
