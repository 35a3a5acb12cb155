//! The selected image, large, and what every model answers.
//!
//! ```text
//! ┌ new/0013.png · 1.2 ms ─────────┐
//! │ ▒▒▒▒▒▒▒▒▒▒▒▒                   │
//! │ ▒▒▒▒▒▒▒▒▒▒▒▒                   │
//! │ margin 0.012 entropy 1.203     │
//! │          student               │
//! │ cat    · ████▏ 41.2 %          │
//! └────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Inference;
use super::results::Entry;
use crate::event::inspection::Picture;
use crate::format::{loss, milliseconds, shorten_path};
use crate::ui::graphics::Pictures;
use crate::ui::shared::Shared;
use crate::ui::theme::Theme;
use crate::ui::widget::Cells;
use crate::ui::widget::answers::{self, STUDENT, Side, TEACHER};
use crate::ui::widget::cells::width_of;
use crate::ui::widget::gallery::{inside, panel};

/// Lines that the answers get before the picture grows.
const ANSWERS: u16 = 6;
/// Lines that the answers can fill.
const MOST_ANSWERS: u16 = 11;
/// Rows of the largest picture.
const LARGEST: u16 = 30;

/// Where the picture stands; the rest is below it.
pub(super) fn place(picture: &Picture, pictures: &Pictures, area: Rect) -> Rect {
    let inside = inside(area);
    let wanted = if inside.height > 30 {
        MOST_ANSWERS
    } else {
        ANSWERS
    };
    let upper = Rect {
        height: inside.height.saturating_sub(wanted + 1).min(LARGEST),
        ..inside
    };
    pictures.fit(picture, upper)
}

pub(super) fn draw(screen: &Inference, shared: &Shared, frame: &mut Frame, area: Rect) {
    let theme = &shared.theme;
    let Some(entry) = screen.results.selected_entry().filter(|_| area.width > 2) else {
        return;
    };
    let path = entry.image.path.to_string_lossy();
    let time = format!(" · {}", milliseconds(entry.image.milliseconds));
    let room = area.width.saturating_sub(4 + width_of(&time));
    let title = format!(" {}{time} ", shorten_path(&path, room));
    let inside = panel(title, screen.alone, theme, frame, area);
    let buffer = frame.buffer_mut();
    let picture = &entry.image.picture;
    let place = place(picture, &shared.pictures, area);
    shared.draw_picture(picture, buffer, place);
    let facts = Rect {
        y: place.bottom(),
        height: inside.bottom().saturating_sub(place.bottom()),
        ..inside
    };
    draw_facts(entry, theme, buffer, facts);
    let image = &entry.image;
    let asked = [
        ("student", STUDENT, &image.student),
        ("teacher", TEACHER, &image.teacher),
    ];
    let sides: Vec<Side> = asked
        .into_iter()
        .filter(|(_, _, logits)| logits.is_some())
        .map(|(name, series, logits)| Side::new((name, series), logits.as_deref(), 1.0))
        .collect();
    let lower = Rect {
        y: (facts.y + 1).min(inside.bottom()),
        height: facts.height.saturating_sub(1),
        ..inside
    };
    answers::draw(
        &sides,
        (screen.results.classes(), entry.image.label),
        theme,
        buffer,
        lower,
    );
}

/// How hard the choice was, and whether both made the same; the words for that
/// where there is room for them.
fn draw_facts(entry: &Entry, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut cells = Cells::line(buffer, area, 0);
    if let Some(answer) = entry.answer() {
        cells.word("margin ", theme.muted());
        cells.word(&loss(f64::from(answer.margin)), theme.text());
        cells.word(" entropy ", theme.muted());
        cells.word(&loss(f64::from(answer.entropy)), theme.text());
    }
    let roomy = cells.rest() > 9;
    let (text, style) = match entry.agrees() {
        Some(true) if roomy => (" = agree", theme.good()),
        Some(true) => (" =", theme.good()),
        Some(false) if roomy => (" ≠ differ", theme.bad()),
        Some(false) => (" ≠", theme.bad()),
        None => return,
    };
    cells.word(text, style);
}
