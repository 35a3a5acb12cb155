//! The lines below the text: what is wrong at the cursor, or what stands there.
//!
//! ```text
//! p_max   number in [0, 1], default 0.5
//! Maximum augmentation probability.
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::completion::Candidate;
use super::place::About;
use super::problems::Problem;
use crate::ui::theme::Theme;

/// Rows of it: one for the name, two for the description.
pub const HEIGHT: u16 = 3;

/// What is described.
#[derive(Debug, Clone, Copy)]
pub enum Topic<'a> {
    /// An error.
    Problem(&'a Problem),
    /// What is selected in the list of what can be written.
    Candidate(&'a Candidate),
    /// What stands at the cursor.
    About(About),
    /// Nothing is known.
    Nothing,
}

/// Draws it.
pub fn draw(topic: Topic, theme: &Theme, frame: &mut Frame, area: Rect) {
    let heading = |name: String, detail: String| {
        Line::from(vec![
            Span::styled(name, theme.accent()),
            Span::styled(format!("  {detail}"), theme.muted()),
        ])
    };
    let (head, body) = match topic {
        Topic::Problem(problem) => {
            let remedy = problem.remedy.as_ref().map(|remedy| format!(" → {remedy}"));
            let text = format!("✗ {}{}", problem.message, remedy.unwrap_or_default());
            let text = Paragraph::new(Line::styled(text, theme.bad()));
            frame.render_widget(text.wrap(Wrap { trim: true }), area);
            return;
        }
        Topic::Candidate(candidate) => (
            heading(candidate.label.clone(), candidate.detail.clone()),
            candidate.help,
        ),
        Topic::About(About::Field(field)) => {
            (heading(field.name.to_owned(), field.summary()), field.help)
        }
        Topic::About(About::Variant(variant)) => {
            let rest = variant.summary()[variant.name.len()..].to_owned();
            (heading(variant.name.to_owned(), rest), variant.help)
        }
        Topic::Nothing => return,
    };
    let [top, rest] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    frame.render_widget(head, top);
    frame.render_widget(Paragraph::new(body).wrap(Wrap { trim: true }), rest);
}
