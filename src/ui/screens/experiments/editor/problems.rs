//! What is wrong with a text: kept in its place while one types, and listed.
//!
//! ```text
//! ── 7 errors, 2 to 3 shown ──────────────────────────
//!  14  there is no field `epoch`
//!  31  0 is not between 1 and 1000000
//! ```

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::document::{Document, Edit};
use crate::experiment::{Diagnostic, Severity};
use crate::format::plural;
use crate::ui::theme::Theme;
use crate::ui::widget::Selection;

/// Errors in view at once, on a low terminal and on a tall one.
const MOST: (u16, u16) = (4, 12);

/// Of so many rows, one is for a error where there are many.
const SHARE: u16 = 5;

/// Something that is wrong, at its place in the text as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, bytes; none where it has no place.
    pub span: Option<Range<usize>>,
    /// What.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// Whether the text is right, and a file or folder that it names is not there.
    pub is_missing: bool,
}

impl Problem {
    /// A finding of the text as it was sent.
    #[must_use]
    pub fn of(diagnostic: Diagnostic) -> Self {
        Self {
            span: diagnostic.place.map(|place| place.span),
            message: diagnostic.message,
            is_missing: diagnostic.severity == Severity::Missing,
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

/// Rows of the list of so many errors, its heading included, in an editor of
/// so many rows.
#[must_use]
pub fn height(problems: usize, editor: u16) -> u16 {
    if problems == 0 {
        return 0;
    }
    let most = (editor / SHARE).clamp(MOST.0, MOST.1);
    let rows = problems.min(usize::from(most)) as u16 + 1;
    rows.min(editor / 3)
}

/// What stands above the list.
fn heading(count: usize, shown: &Range<usize>) -> String {
    let errors = plural(count, "error", "errors");
    let part = match shown.len() {
        all if all == count => String::new(),
        0 => ", none shown".to_owned(),
        1 => format!(", number {} shown", shown.end),
        _ => format!(", {} to {} shown", shown.start + 1, shown.end),
    };
    format!("── {errors}{part} ")
}

/// The error whose row is at a cell.
#[must_use]
pub fn row_at(area: Rect, problems: usize, selection: Selection, cell: Position) -> Option<usize> {
    // The first line is the heading.
    let rows = Rect {
        y: area.y.saturating_add(1),
        height: area.height.saturating_sub(1),
        ..area
    };
    selection.row_at(problems, rows, cell)
}

/// The list as it is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// The text.
    pub document: &'a Document,
    /// What is wrong with it.
    pub problems: &'a [Problem],
    /// How many errors there are, listed or not.
    pub total: usize,
    /// The error that is in view: the one that one went to last.
    pub selection: Selection,
    /// Whether keys go to the list.
    pub focused: bool,
}

/// Draws the list.
pub fn draw(listed: Listed, theme: &Theme, frame: &mut Frame, area: Rect) {
    if area.is_empty() {
        return;
    }
    let problems = listed.problems;
    let count = problems.len();
    let height = area.height.saturating_sub(1) as usize;
    let rows = listed.selection.window(count, height);
    let title = heading(listed.total, &rows);
    let rule = "─".repeat((area.width as usize).saturating_sub(title.chars().count()));
    let mut lines = vec![Line::from(vec![
        Span::styled(title, theme.bad()),
        Span::styled(rule, theme.muted()),
    ])];
    let selected = listed.selection.get(count).filter(|_| listed.focused);
    for at in rows {
        let problem = &problems[at];
        let line = problem.line(listed.document);
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
    fn the_heading_says_which_are_shown_where_not_all_are() {
        assert_eq!(heading(1, &(0..1)), "── 1 error ");
        assert_eq!(heading(4, &(0..4)), "── 4 errors ");
        assert_eq!(heading(7, &(4..7)), "── 7 errors, 5 to 7 shown ");
        assert_eq!(heading(7, &(2..3)), "── 7 errors, number 3 shown ");
    }

    #[test]
    fn a_tall_editor_shows_more_errors_and_keeps_most_of_its_rows() {
        let heights = [0, 9, 22, 40, 57, 200].map(|editor| height(30, editor));
        assert_eq!(heights, [0, 3, 5, 9, 12, 13]);
        assert_eq!(height(2, 57), 3);
    }

    #[test]
    fn an_error_moves_with_the_text_before_it() {
        let mut problem = Problem {
            span: Some(10..14),
            message: String::new(),
            remedy: None,
            is_missing: false,
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
