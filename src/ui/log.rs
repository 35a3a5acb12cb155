//! The log pane: messages of the workbench, and what others printed that would
//! have torn the screen.

use std::collections::VecDeque;
use std::time::SystemTime;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::news::{Level, LogLine};
use super::theme::Theme;
use super::widget::wrap::wrapped;
use crate::run::timestamp::stamp;

/// Lines that are kept.
const CAPACITY: usize = 2000;

/// Cells of a time and the space after it.
const TIME: u16 = 9;

/// From this width on the time stands before every line; below it only while each
/// takes one row.
const ROOMY: u16 = 70;

/// The last lines, oldest first.
///
/// ```text
/// ┌ Log, UTC ──────────────────────────────┐
/// │12:00:01   saved experiments/a.ron      │
/// │12:03:40 ! 3 images could not be read   │
/// └────────────────────────────────────────┘
/// ```
#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<(SystemTime, LogLine)>,
    /// Whether the pane is shown.
    pub open: bool,
}

impl Log {
    /// Keeps a line and when it came, and forgets the oldest if there are
    /// too many.
    pub fn push(&mut self, now: SystemTime, line: LogLine) {
        if self.lines.len() == CAPACITY {
            self.lines.pop_front();
        }
        self.lines.push_back((now, line));
    }

    /// The lines that are kept, oldest first.
    #[must_use]
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &LogLine> {
        self.lines.iter().map(|(_, line)| line)
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let block = Block::bordered().border_style(theme.border(false));
        let inside = block.inner(area);
        let height = usize::from(inside.height);
        let newest = || self.lines.iter().rev().take(height);
        let room = inside.width.saturating_sub(TIME);
        let timed =
            inside.width >= ROOMY || newest().all(|(_, line)| styled(line, room, theme).len() == 1);
        let mut lines: Vec<Line> = Vec::new();
        for (at, line) in newest() {
            let mut rows = styled(line, if timed { room } else { inside.width }, theme);
            for (number, row) in rows.iter_mut().enumerate().filter(|_| timed) {
                let time = if number == 0 {
                    time_of_day(*at)
                } else {
                    " ".repeat(TIME.into())
                };
                row.spans.insert(0, Span::styled(time, theme.muted()));
            }
            lines.extend(rows.into_iter().rev());
        }
        lines.truncate(height);
        lines.reverse();
        let title = if timed { " Log, UTC " } else { " Log " };
        frame.render_widget(Paragraph::new(lines).block(block.title(title)), area);
    }
}

/// `12:00:01 `.
fn time_of_day(at: SystemTime) -> String {
    let stamp = stamp(at);
    let part = |range: std::ops::Range<usize>| stamp.get(range).unwrap_or_default();
    // After the date.
    format!("{}:{}:{} ", part(9..11), part(11..13), part(13..15))
}

/// A line of the log as it is shown, in as many rows of `width` cells as it needs:
/// `!` marks what is to be looked at even where there are no colours.
pub(super) fn styled(line: &LogLine, width: u16, theme: &Theme) -> Vec<Line<'static>> {
    let (mark, style) = match line.level {
        Level::Info => ("  ", theme.text()),
        Level::Warn => ("! ", theme.warn()),
        Level::Error => ("! ", theme.bad()),
    };
    let marks = std::iter::once(mark).chain(std::iter::repeat("  "));
    let rows = wrapped(&line.message, width.saturating_sub(2).into());
    let rows = marks.zip(rows);
    rows.map(|(mark, row)| Line::styled(format!("{mark}{row}"), style))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::theme::{Background, Depth, Palette};
    use super::*;

    #[test]
    fn the_log_is_bounded_and_keeps_the_newest() {
        let mut log = Log::default();
        for number in 0..CAPACITY + 5 {
            log.push(SystemTime::UNIX_EPOCH, LogLine::info(number.to_string()));
        }
        assert_eq!(log.lines().count(), CAPACITY);
        assert_eq!(log.lines().next().unwrap().message, "5");
    }
    #[test]
    fn a_log_shows_times_where_they_have_room_and_cuts_nothing() {
        let shown = |width, message: &str| {
            let mut log = Log::default();
            let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(43_201);
            log.push(noon, LogLine::warn(message));
            let mut terminal = Terminal::new(TestBackend::new(width, 3)).unwrap();
            let theme = Theme::new(Background::Dark, Palette::Standard, Depth::None);
            let draw = |frame: &mut Frame| log.draw(&theme, frame, frame.area());
            terminal.draw(draw).unwrap();
            terminal.backend().to_string()
        };
        assert!(shown(30, "short").contains("│12:00:01 ! short"));
        let long = "an epoch took longer than a day";
        assert!(shown(40, long).contains("│! an epoch took longer than a day"));
        assert!(
            shown(72, &long.repeat(3)).contains("│           daya"),
            "the end is shown"
        );
    }
}
