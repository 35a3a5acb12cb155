//! What a person has to know of the language while typing.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Padding, Paragraph};

use crate::ui::theme::Theme;

/// What is written, and what it means.
const LINES: [(&str, &str); 6] = [
    ("resnet paper", "both words in the name or tags"),
    (
        "state:crashed tag:paper",
        "also name note method device experiment started",
    ),
    (
        "best>0.9 last<90% time>2h",
        "also test loss agreement done, valid/kl@last, …",
    ),
    (
        "student.model~\"Res|VGG\"",
        "~ is a regular expression, !~ its opposite",
    ),
    (
        "batch=128 epochs>=10",
        "any field of the experiment: = != < <= > >=",
    ),
    ("paper and not (a or b)", "empty: all runs"),
];

/// ```text
/// ┌ Filters ──────────────────────────────────────────────────┐
/// │ best>0.9 last<90%    also test loss agreement …           │
/// └───────────────────────────────────────────────────────────┘
/// ```
pub(super) fn draw(theme: &Theme, frame: &mut Frame, area: Rect) {
    let lines: Vec<Line> = LINES
        .iter()
        .map(|(example, meaning)| {
            Line::from(vec![
                Span::styled(format!("{example:25} "), theme.accent()),
                Span::raw(*meaning),
            ])
        })
        .collect();
    let height = (LINES.len() as u16 + 2).min(area.height);
    let width = area.width.min(78);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.bottom() - height,
        width,
        height,
    };
    let block = Block::bordered()
        .title(" Filters ")
        .padding(Padding::horizontal(1))
        .border_style(theme.border(false));
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(block), place);
}
