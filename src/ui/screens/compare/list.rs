//! The images: how far the models are apart on each, and who is right.
//!
//! ```text
//! ┌ 64 images · most disagreement first ─────────┐
//! │ image             label teacher student  KL  │
//! │ test/cat/0013.png cat   ✓ cat   ✗ dog  1.234 │
//! │ test/dog/0004.png dog   ✓ dog   ✓ dog  0.021 │
//! └──────────────────────────────────────────────┘
//! ```
//!
//! With room, every image has its picture and two bars.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Block;

use super::sample_result::{Answer, SampleResult};
use super::{Compare, class_name};
use crate::event::inspection::Probe;
use crate::format::{count, loss, percent, shorten_path};
use crate::ui::theme::Theme;
use crate::ui::widget::answers::{STUDENT, TEACHER, mark, verdict};
use crate::ui::widget::gallery::{self, inside};
use crate::ui::widget::{Cells, bars, notice};

/// Cells of a teacher's or student's class, its mark included.
const ANSWER: u16 = 8;
/// Cells of a KL.
const KL: u16 = 8;
/// Cells of a label where there is room for it.
const LABEL: u16 = 9;

pub(super) fn draw(compare: &Compare, probe: &Probe, theme: &Theme, frame: &mut Frame, area: Rect) {
    let shown = compare.rows.len();
    let all = probe.images.len();
    let number = if shown == all {
        count(all as u64)
    } else {
        format!("{} of {}", count(shown as u64), count(all as u64))
    };
    let title = format!("{number} images · {}", compare.order.words(&probe.classes));
    let block = Block::bordered()
        .title(gallery::title(&title, area))
        .border_style(theme.border(true));
    frame.render_widget(block, area);
    let inside = inside(area);
    if compare.rows.is_empty() {
        notice::draw(
            "No matches",
            &["Change the filter to see more."],
            theme,
            frame,
            inside,
        );
        return;
    }
    let height = gallery::row_height(area);
    if height == 1 {
        draw_names(theme, frame, inside);
    }
    let window = compare.selection.window(shown, gallery::rows_in(area));
    let selected = compare.selection.get(shown);
    for (line, row) in window.enumerate() {
        let image = compare.rows[row];
        let place = gallery::row(area, line);
        let style = if selected == Some(row) {
            theme.selection()
        } else {
            Style::new()
        };
        if height == 1 {
            draw_line(
                (probe, image),
                &compare.judged[image],
                (theme, style),
                frame,
                place,
            );
        } else {
            draw_roomy(
                (probe, image),
                &compare.judged[image],
                (theme, style),
                frame,
                place,
            );
        }
    }
}

/// Cells of the source and the label in a line of this width.
fn widths(width: u16) -> (u16, u16) {
    let fixed = 2 * (ANSWER + 1) + KL + 1;
    let label = if width >= fixed + LABEL + 14 {
        LABEL
    } else {
        0
    };
    let rest = width.saturating_sub(fixed);
    (rest.saturating_sub(label + label.min(1)), label)
}

fn draw_names(theme: &Theme, frame: &mut Frame, inside: Rect) {
    let mut cells = Cells::line(frame.buffer_mut(), inside, 0);
    let (source, label) = widths(cells.rest());
    cells.text(source, "image", theme.muted()).skip(1);
    if label > 0 {
        cells.text(label, "label", theme.muted()).skip(1);
    }
    for name in ["  teacher", "  student"] {
        cells.text(ANSWER + 1, name, theme.muted());
    }
    cells.right(KL, "KL", theme.muted());
}

fn draw_line(
    (probe, image): (&Probe, usize),
    judged: &SampleResult,
    (theme, style): (&Theme, Style),
    frame: &mut Frame,
    place: Rect,
) {
    let mut cells = Cells::line(frame.buffer_mut(), place, 0);
    cells.style(style);
    let (source, label) = widths(cells.rest());
    let path = shorten_path(&probe.images[image].source, source);
    cells.text(source, &path, Style::new()).skip(1);
    if label > 0 {
        let name = judged.label.map_or("–", |label| class_name(probe, label));
        cells.text(label, name, theme.muted()).skip(1);
    }
    for answer in [judged.teacher, judged.student] {
        let (sign, class) = words(probe, answer);
        cells.text(
            2,
            sign,
            verdict(answer.and_then(|answer| answer.right), theme),
        );
        cells.text(ANSWER - 2, class, Style::new()).skip(1);
    }
    cells.right(KL, &loss(f64::from(judged.kl)), Style::new());
}

fn draw_roomy(
    (probe, image): (&Probe, usize),
    judged: &SampleResult,
    (theme, style): (&Theme, Style),
    frame: &mut Frame,
    place: Rect,
) {
    let buffer = frame.buffer_mut();
    let beside = gallery::draw_picture(&probe.images[image].picture, (theme, style), buffer, place);
    let label = judged.label.map_or("–", |label| class_name(probe, label));
    let kl = format!("KL {}", loss(f64::from(judged.kl)));
    let mut cells = Cells::line(buffer, beside, 0);
    let source = cells.rest().saturating_sub(12 + LABEL + 8);
    let path = shorten_path(&probe.images[image].source, source);
    cells.text(source, &path, Style::new());
    cells.right(LABEL + 8, &format!("label {label}"), theme.muted());
    cells.right(14, &kl, Style::new());
    for (series, name, answer) in [
        (TEACHER, "teacher ", judged.teacher),
        (STUDENT, "student ", judged.student),
    ] {
        let (sign, class) = words(probe, answer);
        let share = answer.map_or(f64::NAN, |answer| f64::from(answer.confidence));
        let mut cells = Cells::line(buffer, beside, series + 1);
        cells.word(name, theme.muted());
        cells.text(
            2,
            sign,
            verdict(answer.and_then(|answer| answer.right), theme),
        );
        cells.text(14, class, Style::new());
        cells.right(7, &percent(share), Style::new()).skip(1);
        let width = cells.rest();
        cells.text(width, &bars::lying(share, width), theme.series(series));
    }
}

/// An answer's mark and class.
fn words(probe: &Probe, answer: Option<Answer>) -> (&'static str, &str) {
    match answer {
        Some(answer) => (mark(answer.right), class_name(probe, answer.class)),
        None => (" ", "–"),
    }
}
