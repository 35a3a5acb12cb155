//! What stands where there is nothing to show yet: what is missing, why, and
//! what to do.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};

use crate::ui::action::Action;
use crate::ui::keymap::Keymap;
use crate::ui::theme::Theme;

/// Columns that are read with ease.
const WIDTH: u16 = 72;

/// Says that a filter leaves nothing, and which key clears it.
pub fn no_matches((keymap, theme): (&Keymap, &Theme), frame: &mut Frame, area: Rect) {
    let key = keymap.key(Action::Back).unwrap_or_default();
    let clear = format!("Press {key} to clear the filter.");
    draw("No matches", &[&clear], theme, frame, area);
}

/// Draws a heading and sentences in the middle of an area.
///
/// ```text
///              No runs yet
///
///   Train an experiment: its student
///   and teacher are compared here.
/// ```
pub fn draw(heading: &str, sentences: &[&str], theme: &Theme, frame: &mut Frame, area: Rect) {
    let mut lines = vec![Line::styled(heading.to_owned(), theme.accent())];
    for sentence in sentences {
        lines.push(Line::default());
        lines.push(Line::raw((*sentence).to_owned()));
    }
    let text = Paragraph::new(Text::from(lines))
        .alignment(Alignment::Center)
        .wrap(Wrap { trim: true });
    let width = area.width.min(WIDTH);
    let wrapped = sentences.iter().map(|sentence| {
        let letters = sentence.chars().count();
        // A line is rarely full, because words are not broken.
        1 + letters.div_ceil(usize::from(width.max(2)) * 4 / 5).max(1)
    });
    let height = 1 + wrapped.sum::<usize>();
    let height = height.min(usize::from(area.height)) as u16;
    let place = area.centered(Constraint::Length(width), Constraint::Length(height));
    frame.render_widget(text, place);
}
