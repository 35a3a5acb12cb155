//! How right the models are about images whose folder is named like a class.
//!
//! ```text
//! ┌ Accuracy by class ───────────────────────────────┐
//! │ student: top-1 92.7 % of 40 labelled images      │
//! │   class     images   recall  precision           │
//! │   cat           10   90.0 %     81.8 %           │
//! └──────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::results::Results;
use crate::ui::theme::Theme;
use crate::ui::widget::gallery::panel;
use crate::ui::widget::list::draw_rows;
use crate::ui::widget::{Selection, notice};

/// Everything that is said, model by model, in so many columns.
fn lines(results: &Results, room: usize) -> Vec<String> {
    let scores = results.scores();
    let lines = scores.map(|(model, score)| score.lines(model, results.classes(), room));
    lines.flatten().collect()
}

/// How many lines that is, however wide they are.
pub(super) fn rows(results: &Results) -> usize {
    lines(results, 0).len()
}

pub(super) fn draw(
    results: &Results,
    selection: Selection,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let inside = panel(" Accuracy by class ", true, theme, frame, area);
    let lines = lines(results, inside.width.into());
    if lines.is_empty() {
        let sentences = ["Images have a label where a subfolder is named like a class."];
        notice::draw("No labels", &sentences, theme, frame, inside);
        return;
    }
    let rows = (lines.len(), selection);
    let style = (theme.selection(), inside);
    draw_rows(rows, style, frame.buffer_mut(), |at, cells| {
        let rest = cells.rest();
        cells.text(rest, &lines[at], Style::new());
    });
}
