//! The results, one image a row.
//!
//! ```text
//! ┌ 1,234 images · hardest first ───────────────────────────────┐
//! │ file          class   confidence       margin entropy   ms  │
//! │ new/0013.png  cat  =   41.2 % ████▏     0.012   1.203  1.2  │
//! └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! With room, every image has its picture and the answers of every model.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Inference;
use super::results::{Entry, Results};
use crate::event::inspection::{AnswerMetrics, ranked, softmax};
use crate::format::{count, loss, milliseconds, percent, plural, shorten_path};
use crate::store::Runs;
use crate::ui::action::Action;
use crate::ui::shared::Shared;
use crate::ui::theme::Theme;
use crate::ui::widget::answers::{mark, verdict};
use crate::ui::widget::gallery;
use crate::ui::widget::{Cells, bars, notice};

/// Cells of a class's name, of a percentage and of another number.
const CLASS: u16 = 10;
const PERCENT: u16 = 7;
const NUMBER: u16 = 8;
/// Cells of the longest bar.
const BAR: u16 = 20;
/// Classes that are named after the first.
const NEXT: usize = 3;

pub(super) fn draw(
    screen: &Inference,
    (shared, runs): (&Shared, &Runs),
    frame: &mut Frame,
    area: Rect,
) {
    let (theme, results) = (&shared.theme, &screen.results);
    let (shown, all) = (results.shown(), results.number());
    let number = if shown == all {
        plural(all, "image", "images")
    } else {
        format!("{} of {}", count(shown), plural(all, "image", "images"))
    };
    let unreadable = match results.unreadable.len() {
        0 => String::new(),
        number => {
            let key = shared.key(Action::ShowUnreadable);
            format!(" · {key}: {} unreadable", count(number as u64))
        }
    };
    let old = screen.outdated(shared, runs).map_or("", |_| "outdated: ");
    let title = format!("{old}{number} · {}{unreadable}", results.words());
    let inside = gallery::panel(gallery::title(&title, area), true, theme, frame, area);
    if shown == 0 {
        return notice::no_matches((&shared.keymap, theme), frame, inside);
    }
    let roomy = gallery::row_height(area) > 1;
    if !roomy {
        draw_names(theme, frame, inside);
    }
    let selected = results.selected_row();
    for (line, row) in results.window(gallery::rows_in(area)).enumerate() {
        let Some(entry) = results.row(row) else {
            continue;
        };
        let place = gallery::row(area, line);
        let style = if selected == Some(row) {
            theme.selection()
        } else {
            Style::new()
        };
        if roomy {
            draw_roomy((results, entry), (theme, style), frame, place);
        } else {
            draw_line((results, entry), (theme, style), frame, place);
        }
    }
}

/// Which columns a line of this width has: cells of the file, of the bar, and
/// whether margin, entropy and time are there.
fn columns(width: u16) -> (u16, u16, bool) {
    let fixed = CLASS + 3 + PERCENT + 1;
    let numbers = width >= fixed + 3 * NUMBER + 30;
    let rest = width.saturating_sub(fixed + if numbers { 3 * NUMBER } else { 0 });
    let bar = (rest / 4).min(BAR);
    (rest - bar, bar, numbers)
}

fn draw_names(theme: &Theme, frame: &mut Frame, inside: Rect) {
    let mut cells = Cells::line(frame.buffer_mut(), inside, 0);
    let (file, bar, numbers) = columns(cells.rest());
    let style = theme.muted();
    cells
        .text(file, "file", style)
        .text(CLASS + 3, "class", style);
    cells.right(PERCENT, "conf.", style).skip(bar + 1);
    if numbers {
        for name in ["margin", "entropy", "time"] {
            cells.right(NUMBER, name, style);
        }
    }
}

fn draw_line(
    (results, entry): (&Results, &Entry),
    (theme, style): (&Theme, Style),
    frame: &mut Frame,
    place: Rect,
) {
    let mut cells = Cells::line(frame.buffer_mut(), place, 0);
    cells.style(style);
    let (file, bar, numbers) = columns(cells.rest());
    let width = file.saturating_sub(1);
    let path = entry.image.path.to_string_lossy();
    cells
        .text(width, &shorten_path(&path, width), Style::new())
        .skip(file - width);
    let answer = entry.answer();
    cells.text(CLASS, class(results, answer), Style::new());
    let right = entry.is_right(answer);
    let (sign, colour) = match right {
        Some(_) => (mark(right), verdict(right, theme)),
        None => agreement(entry.agrees(), theme),
    };
    cells.skip(1).text(1, sign, colour).skip(1);
    let share = answer.map_or(f64::NAN, |answer| f64::from(answer.confidence));
    cells.right(PERCENT, &percent(share), Style::new()).skip(1);
    cells.text(bar, &bars::lying(share, bar), theme.series(1));
    if numbers {
        let number =
            |of: fn(&AnswerMetrics) -> f32| loss(answer.map_or(f64::NAN, |a| f64::from(of(a))));
        cells.right(NUMBER, &number(|answer| answer.margin), Style::new());
        cells.right(NUMBER, &number(|answer| answer.entropy), Style::new());
        cells.right(
            NUMBER,
            &milliseconds(entry.image.milliseconds),
            theme.muted(),
        );
    }
}

fn draw_roomy(
    (results, entry): (&Results, &Entry),
    (theme, style): (&Theme, Style),
    frame: &mut Frame,
    place: Rect,
) {
    let buffer = frame.buffer_mut();
    let beside = gallery::draw_picture(&entry.image.picture, (theme, style), buffer, place);
    let answer = entry.answer();
    let number =
        |of: fn(&AnswerMetrics) -> f32| loss(answer.map_or(f64::NAN, |a| f64::from(of(a))));
    let facts = format!(
        "margin {}  entropy {}  {}",
        number(|answer| answer.margin),
        number(|answer| answer.entropy),
        milliseconds(entry.image.milliseconds)
    );
    let mut cells = Cells::line(buffer, beside, 0);
    let width = cells
        .rest()
        .saturating_sub(facts.chars().count() as u16 + 1);
    let path = entry.image.path.to_string_lossy();
    cells.text(width, &shorten_path(&path, width), Style::new());
    let rest = cells.rest();
    cells.right(rest, &facts, theme.muted());
    let both = entry.agrees();
    let models = [
        (
            "student",
            &entry.image.student,
            entry.student.as_ref(),
            None,
        ),
        (
            "teacher",
            &entry.image.teacher,
            entry.teacher.as_ref(),
            both,
        ),
    ];
    let asked = models
        .into_iter()
        .filter(|(_, logits, _, _)| logits.is_some());
    for (line, (name, logits, metrics, agrees)) in asked.enumerate() {
        let mut cells = Cells::line(buffer, beside, line + 1);
        cells.text(8, name, theme.muted());
        let right = entry.is_right(metrics);
        let (sign, colour) = match right {
            Some(_) => (mark(right), verdict(right, theme)),
            None => agreement(agrees, theme),
        };
        cells
            .text(2, sign, colour)
            .text(CLASS + 4, class(results, metrics), Style::new());
        let share = metrics.map_or(f64::NAN, |metrics| f64::from(metrics.confidence));
        cells.right(PERCENT, &percent(share), Style::new()).skip(1);
        let bar = (cells.rest() / 3).min(BAR);
        cells
            .text(bar, &bars::lying(share, bar), theme.series(1 - line.min(1)))
            .skip(2);
        let rest = cells.rest();
        cells.text(rest, &next(results, logits.as_deref()), theme.muted());
    }
}

/// The classes after the first: `dog 12.0 %, ship 3.1 %`.
fn next(results: &Results, logits: Option<&[f32]>) -> String {
    let Some(logits) = logits.filter(|logits| AnswerMetrics::of(logits).is_some()) else {
        return String::new();
    };
    let probabilities = softmax(logits, 1.0);
    let next = ranked(&probabilities, NEXT + 1)
        .into_iter()
        .skip(1)
        .map(|class| {
            let name = results.classes().get(class).map_or("?", String::as_str);
            format!("{name} {}", percent(f64::from(probabilities[class])))
        });
    next.collect::<Vec<_>>().join(", ")
}

fn class<'a>(results: &'a Results, answer: Option<&AnswerMetrics>) -> &'a str {
    answer.map_or("–", |answer| {
        results
            .classes()
            .get(answer.prediction)
            .map_or("?", String::as_str)
    })
}

/// Whether teacher and student agree, as a sign with its colour.
fn agreement(agrees: Option<bool>, theme: &Theme) -> (&'static str, Style) {
    match agrees {
        Some(true) => ("=", theme.good()),
        Some(false) => ("≠", theme.bad()),
        None => ("", theme.muted()),
    }
}
