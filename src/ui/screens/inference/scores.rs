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
use ratatui::widgets::Block;

use super::results::Results;
use crate::ui::theme::Theme;
use crate::ui::widget::gallery::inside;
use crate::ui::widget::{Cells, Selection, notice};

/// Everything that is said, model by model.
pub(super) fn lines(results: &Results) -> Vec<String> {
    let scores = results.scores();
    let lines = scores.map(|(model, score)| score.lines(model, results.classes()));
    lines.flatten().collect()
}

pub(super) fn draw(
    results: &Results,
    selection: Selection,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    let block = Block::bordered()
        .title(" Accuracy by class ")
        .border_style(theme.border(true));
    frame.render_widget(block, area);
    let inside = inside(area);
    let lines = lines(results);
    if lines.is_empty() {
        let sentences = ["Images have a label where a subfolder is named like a class."];
        notice::draw("No labels", &sentences, theme, frame, inside);
        return;
    }
    let selected = selection.get(lines.len());
    let window = selection.window(lines.len(), usize::from(inside.height));
    for (line, at) in window.enumerate() {
        let mut cells = Cells::line(frame.buffer_mut(), inside, line);
        if selected == Some(at) {
            cells.style(theme.selection());
        }
        let rest = cells.rest();
        cells.text(rest, &lines[at], Style::new());
    }
}
