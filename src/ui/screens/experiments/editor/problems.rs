//! What is wrong with a text: kept in its place while one types, and listed.
//!
//! ```text
//! ── 2 mistakes ────────────────────────────────────────
//!  14  there is no field `epoch`
//!  31  0 is not between 1 and 1000000
//! ```

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::document::{Document, Edit};
use crate::experiment::Diagnostic;
use crate::ui::theme::Theme;
use crate::ui::widget::Selection;

/// Mistakes in view at once.
const MOST: usize = 4;

/// Something that is wrong, at its place in the text as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, bytes; none where it has no place.
    pub span: Option<Range<usize>>,
    /// What.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Problem {
    /// A finding of the text as it was sent.
    #[must_use]
    pub fn of(diagnostic: Diagnostic) -> Self {
        Self {
            span: diagnostic.place.map(|place| place.span),
            message: diagnostic.message,
            remedy: diagnostic.help,
        }
    }

    /// Follows the text while it is typed in: what lies behind a change moves.
    pub fn shift(&mut self, edit: Edit) {
        let moved = |at: usize| {
            if at >= edit.old_end {
                at - edit.old_end + edit.new_end
            } else {
                at.min(edit.new_end.max(edit.start))
            }
        };
        if let Some(span) = &mut self.span {
            let start = moved(span.start);
            *span = start..moved(span.end).max(start);
        }
    }

    /// Whether a place lies in it.
    #[must_use]
    pub fn holds(&self, at: usize) -> bool {
        let span = self.span.as_ref();
        span.is_some_and(|span| span.start <= at && at <= span.end)
    }

    fn line(&self, document: &Document) -> Option<usize> {
        let span = self.span.as_ref()?;
        Some(document.row(span.start) + 1)
    }
}

/// Rows of the list of so many mistakes, its heading included.
#[must_use]
pub fn height(problems: usize) -> u16 {
    if problems == 0 {
        0
    } else {
        problems.min(MOST) as u16 + 1
    }
}

/// The mistake whose row is at a cell.
#[must_use]
pub fn row_at(area: Rect, problems: usize, selection: Selection, cell: Position) -> Option<usize> {
    if !area.contains(cell) {
        return None;
    }
    let rows = selection.window(problems, area.height.saturating_sub(1) as usize);
    let row = (cell.y - area.y).checked_sub(1)? as usize;
    rows.into_iter().nth(row)
}

/// Draws the list.
pub fn draw(
    document: &Document,
    problems: &[Problem],
    selection: Option<Selection>,
    theme: &Theme,
    frame: &mut Frame,
    area: Rect,
) {
    if area.is_empty() {
        return;
    }
    let count = problems.len();
    let title = format!("── {count} mistake{} ", if count == 1 { "" } else { "s" });
    let rule = "─".repeat((area.width as usize).saturating_sub(title.chars().count()));
    let mut lines = vec![Line::from(vec![
        Span::styled(title, theme.bad()),
        Span::styled(rule, theme.muted()),
    ])];
    let selected = selection.and_then(|selection| selection.get(count));
    let rows = selection
        .unwrap_or_default()
        .window(count, area.height.saturating_sub(1) as usize);
    for at in rows {
        let problem = &problems[at];
        let line = problem.line(document);
        let number = line.map_or_else(|| "   -".to_owned(), |line| format!("{line:>4}"));
        let line = Line::from(vec![
            Span::styled(number, theme.warn()),
            Span::raw(format!("  {}", problem.message)),
        ]);
        lines.push(if selected == Some(at) {
            line.style(theme.selection())
        } else {
            line
        });
    }
    frame.render_widget(Paragraph::new(lines), area);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_moves_with_the_text_before_it() {
        let mut problem = Problem {
            span: Some(10..14),
            message: String::new(),
            remedy: None,
        };
        let edit = |start, old_end, new_end| Edit {
            start,
            old_end,
            new_end,
        };
        problem.shift(edit(2, 2, 5));
        assert_eq!(problem.span, Some(13..17));
        problem.shift(edit(20, 25, 20));
        assert_eq!(problem.span, Some(13..17));
        problem.shift(edit(14, 16, 14));
        assert_eq!(problem.span, Some(13..15));
        problem.shift(edit(0, 30, 2));
        assert_eq!(problem.span, Some(2..2));
    }
}
