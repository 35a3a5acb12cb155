//! The line that a pane begins with.
//!
//! ```text
//! ─▸events ── k knob turned · i round · b best ──────────
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::ui::theme::Theme;

/// A line that begins a pane: its title, and something beside it.
pub(super) fn rule(
    title: &str,
    note: &str,
    focused: bool,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let place = Rect {
        height: 1.min(area.height),
        ..area
    }
    .intersection(frame.area());
    let line = "─".repeat(place.width.into());
    frame.render_widget(Span::styled(line, theme.border(focused)), place);
    let inside = Rect {
        x: place.x + 1.min(place.width),
        width: place.width.saturating_sub(1),
        ..place
    };
    let pointer = if focused { "▸" } else { " " };
    let style = if focused {
        theme.accent()
    } else {
        theme.text()
    };
    let mut spans = vec![Span::styled(format!("{pointer}{title} "), style)];
    if !note.is_empty() {
        // As much of what it lists as has room.
        let used: usize = spans.iter().map(Span::width).sum();
        let room = usize::from(inside.width).saturating_sub(used + 4);
        let mut note = note;
        while note.chars().count() > room {
            note = note.rsplit_once(" · ").map_or("", |(rest, _)| rest);
        }
        if !note.is_empty() {
            spans.push(Span::styled("── ", theme.border(focused)));
            spans.push(Span::styled(format!("{note} "), theme.muted()));
        }
    }
    frame.render_widget(Line::from(spans), inside);
}
