//! A chart's title: its name and its curves' values.
//!
//! ```text
//! ▸loss  ● total 1.234  ▲ distill 0.911  ■ truth 0.5     where there is room
//! ▸loss ●total 1.234 ▲distill 0.911 …                    where there is less
//! ```
//!
//! A name or a number stands there whole or not at all: the last curves, which
//! matter least, are left out first.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Chart, Curve, has_colours};
use crate::format::{MISSING, percent, short, shorten};
use crate::ui::theme::Theme;

/// The longest name of a curve; longer ones are cut.
const NAME: u16 = 18;

/// Stands for curves that have no room.
const MORE: &str = " …";

impl Chart<'_> {
    /// The name, and each curve's value at the crosshair or at the end.
    pub(super) fn draw_title(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let pointer = if self.selected { "▸" } else { " " };
        let style = if self.selected {
            theme.accent()
        } else {
            theme.text()
        };
        let width = usize::from(area.width);
        let mut line = Line::from(vec![
            Span::styled(pointer, theme.accent()),
            Span::styled(shorten(self.title, area.width.saturating_sub(1)), style),
        ]);
        let scale = Span::styled(" log", theme.muted());
        if self.log && line.width() + scale.width() <= width {
            line.push_span(scale);
        }
        let room = width.saturating_sub(line.width());
        for span in self.values(room, theme) {
            line.push_span(span);
        }
        frame.render_widget(line, area);
    }

    /// What fits of the curves' names and values.
    fn values(&self, room: usize, theme: &Theme) -> Vec<Span<'static>> {
        let parts = |roomy: bool| -> Vec<Line<'static>> {
            let curves = self.curves.iter();
            curves.map(|curve| self.part(curve, roomy, theme)).collect()
        };
        let width = |parts: &[Line<'static>]| parts.iter().map(Line::width).sum::<usize>();
        let mut parts = Some(parts(true))
            .filter(|parts| width(parts) <= room)
            .unwrap_or_else(|| parts(false));
        let all = parts.len();
        let more = Line::styled(MORE, theme.muted());
        while let Some(left) = parts.len().checked_sub(1) {
            let rest = if parts.len() < all { more.width() } else { 0 };
            if width(&parts) + rest <= room {
                break;
            }
            parts.truncate(left);
        }
        if parts.len() < all && width(&parts) + more.width() <= room {
            parts.push(more);
        }
        parts.into_iter().flat_map(|part| part.spans).collect()
    }

    /// A curve's name and value.
    fn part(&self, curve: &Curve<'_>, roomy: bool, theme: &Theme) -> Line<'static> {
        let (gap, space) = if roomy { ("  ", " ") } else { (" ", "") };
        let value = match self.crosshair {
            Some(at) => curve.value_at(at),
            None => curve.now.or_else(|| curve.last()),
        };
        let mut name = gap.to_owned();
        if curve.look.is_some() || (!has_colours(theme) && self.curves.len() > 1) {
            name.push(curve.marker());
            name.push_str(space);
        }
        if curve.name != self.title && !curve.name.is_empty() {
            name.push_str(&shorten(&curve.name, NAME));
            name.push(' ');
        }
        let written = if self.shares { percent } else { short };
        Line::from(vec![
            Span::styled(name, curve.style(theme)),
            Span::raw(value.map_or_else(|| MISSING.to_owned(), written)),
        ])
    }
}
