//! The log pane: messages of the workbench, and what others printed that would
//! have torn the screen.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::news::{Level, LogLine};
use super::theme::Theme;

/// Lines that are kept.
const CAPACITY: usize = 2000;

/// The last lines, oldest first.
///
/// ```text
/// ┌ Log ───────────────────────────┐
/// │ saved experiments/a.ron        │
/// │ ! 3 images could not be read   │
/// └────────────────────────────────┘
/// ```
#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<LogLine>,
    /// Whether the pane is shown.
    pub open: bool,
}

impl Log {
    /// Keeps a line, and forgets the oldest if there are too many.
    pub fn push(&mut self, line: LogLine) {
        if self.lines.len() == CAPACITY {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The lines that are kept, oldest first.
    #[must_use]
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LogLine> {
        self.lines.iter()
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let block = Block::bordered()
            .title(" Log ")
            .border_style(theme.border(false));
        let height = block.inner(area).height as usize;
        let newest: Vec<Line> = self
            .lines
            .iter()
            .rev()
            .take(height)
            .map(|line| styled(line, theme))
            .collect();
        let lines: Vec<Line> = newest.into_iter().rev().collect();
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }
}

/// A line of the log as it is shown: `!` marks what is to be looked at even
/// where there are no colours.
pub(super) fn styled<'a>(line: &'a LogLine, theme: &Theme) -> Line<'a> {
    let (mark, style) = match line.level {
        Level::Info => ("  ", theme.text()),
        Level::Warn => ("! ", theme.warn()),
        Level::Error => ("! ", theme.bad()),
    };
    Line::from(vec![
        Span::styled(mark, style),
        Span::styled(line.message.as_str(), style),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest() {
        let mut log = Log::default();
        for number in 0..CAPACITY + 5 {
            log.push(LogLine::info(number.to_string()));
        }
        assert_eq!(log.lines().count(), CAPACITY);
        assert_eq!(log.lines().next().unwrap().message, "5");
    }
}
