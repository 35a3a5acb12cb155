//! The table of runs.
//!
//! ```text
//! ┌ Runs 3 of 12 ─ best>0.9 ─── best = valid top-1 (best)  sort: best ▼ ┐
//! │   run                  state        done     best ▼      last›│
//! │●  cifar10-a…-a1b2c3    ✓ completed  100 %   92.31 %   92.10 % │
//! │ ⌂ cifar10-v…-d4e5f6    ✗ crashed     41 %   88.02 %   87.90 % │
//! └ ✗ crashed: nobody works on it; r resumes from step 1234 ─────┘
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};

use super::column::{Baseline, Columns, Shown, cell};
use super::listing::{Listing, Row, Sorting};
use super::marks::{BASELINE, Marks, look};
use crate::format::{shorten, shorten_middle, width_of};
use crate::listing::{Column, Field, legend};
use crate::store::RunEntry;
use crate::ui::effect::Waiting;
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::wrapped;

/// Cells before a run's name: its mark, the baseline's or that of a run that
/// could not be read, a space.
const MARKS: u16 = 3;

/// Before the name of a run that stands below its study.
const BELOW: &str = "  ";

/// Least cells in which a text column is worth drawing.
const NARROWEST_TEXT: u16 = 8;

/// Cells of a text column while others have none yet, in a table that is not wide.
const WIDEST_AT_FIRST: u16 = 24;

/// From this width on columns stand further apart.
const ROOMY: u16 = 110;

/// Where the parts of the table are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    header: Rect,
    rows: Rect,
    /// Columns by their numbers, with their left edges and widths.
    columns: Vec<(usize, u16, u16)>,
    /// Whether columns are hidden on the right.
    more: bool,
}

/// What is at a cell of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hit {
    /// The heading of the column of this number.
    Heading(usize),
    /// The mark of the row that is so far below the first in view.
    Mark(usize),
    Row(usize),
}

/// Lays the table out; `skipped` columns after the name are scrolled away.
pub(super) fn layout(area: Rect, shown: &[Shown], skipped: usize, compared: bool) -> Layout {
    let inside = Block::bordered().inner(area);
    let header = Rect {
        height: inside.height.min(1),
        ..inside
    };
    let rows = Rect {
        y: inside.y + header.height,
        height: inside.height - header.height,
        ..inside
    };
    let gap = if inside.width >= ROOMY { 2 } else { 1 };
    let room = inside.width.saturating_sub(MARKS);
    // No wider than this until every column has found its place.
    let name = (inside.width * 26 / 100).clamp(16, 44);
    let most = (inside.width / 5).max(WIDEST_AT_FIRST);
    let mut spare = room;
    let mut columns: Vec<(usize, u16, u16)> = Vec::new();
    let mut more = false;
    for (at, column) in shown.iter().enumerate() {
        if (1..=skipped).contains(&at) {
            continue;
        }
        let wanted = column
            .width(compared)
            .min(if at == 0 { name } else { most });
        let before = if at == 0 { 0 } else { gap };
        let width = wanted.min(spare.saturating_sub(before));
        let fits = width >= wanted || (column.is_text() && width >= NARROWEST_TEXT);
        if at > 0 && !fits {
            more = true;
            break;
        }
        columns.push((at, 0, width));
        spare = spare.saturating_sub(before + width);
    }
    let mut left = inside.x + MARKS.min(inside.width);
    for (at, edge, width) in &mut columns {
        let grows = shown[*at].width(compared).saturating_sub(*width).min(spare);
        spare -= grows;
        *width += grows;
        *edge = left;
        left += *width + gap;
    }
    Layout {
        header,
        rows,
        columns,
        more,
    }
}

impl Layout {
    /// What is at a cell.
    pub(super) fn hit(&self, column: u16, row: u16) -> Option<Hit> {
        let at = Position::new(column, row);
        if self.header.contains(at) {
            let found = self.columns.iter().rfind(|(_, left, _)| *left <= column);
            return found.map(|(column, _, _)| Hit::Heading(*column));
        }
        if !self.rows.contains(at) {
            return None;
        }
        let below = usize::from(row - self.rows.y);
        let is_mark = column < self.rows.x + MARKS;
        Some(if is_mark {
            Hit::Mark(below)
        } else {
            Hit::Row(below)
        })
    }

    /// Rows in view.
    pub(super) fn height(&self) -> usize {
        usize::from(self.rows.height)
    }
}

/// What the table shows.
pub(super) struct Table<'a> {
    pub(super) listing: &'a Listing,
    /// Finds a run by its name.
    pub(super) find: &'a dyn Fn(&str) -> Option<&'a RunEntry>,
    pub(super) marks: &'a Marks,
    pub(super) baseline: Option<Baseline<'a>>,
    pub(super) columns: &'a Columns,
    pub(super) sorting: &'a Sorting,
    pub(super) skipped: usize,
    /// How far a study is.
    pub(super) progress: &'a dyn Fn(&str) -> String,
    /// What waits to be trained.
    pub(super) queue: &'a [Waiting],
    pub(super) title: String,
    /// What to know of the selected run.
    pub(super) advice: Line<'a>,
    /// What stands there when there is no row.
    pub(super) empty: Vec<Line<'a>>,
}

impl Table<'_> {
    /// What stands for the state of a run that waits, or whose fork does.
    fn queued(&self, name: &str) -> Option<String> {
        let place = |is_it: &dyn Fn(&Waiting) -> bool| self.queue.iter().position(is_it);
        if let Some(at) = place(&|waiting| waiting.is_of(name)) {
            return Some(format!("… queued {}", at + 1));
        }
        let at = place(&|waiting| waiting.fork_of(name).is_some())?;
        Some(format!("… fork {}", at + 1))
    }

    /// Draws it.
    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let most = usize::from(area.width.saturating_sub(4));
        let sorted = self.sorting.field.title(self.listing.fields());
        let sorted = sorted.split(',').next().unwrap_or_default();
        let order = format!(" sort: {sorted}{} ", self.arrow());
        let room = most.saturating_sub(width_of(&self.title) + 3);
        let order = self.legend(room.saturating_sub(width_of(&order))) + &order;
        let title = shorten(&self.title, most.saturating_sub(width_of(&order)));
        let block = Block::bordered()
            .title(format!(" {title} "))
            .title(Line::styled(order, theme.muted()).right_aligned())
            .title_bottom(self.advice.clone())
            .border_style(theme.border(false));
        frame.render_widget(block, area);
        let layout = layout(
            area,
            self.columns.shown(),
            self.skipped,
            self.baseline.is_some(),
        );
        if self.listing.order().is_empty() {
            self.draw_empty(frame, layout.rows);
            return;
        }
        let buffer = frame.buffer_mut();
        self.draw_header(&layout, theme, buffer);
        let selected = self.listing.selected_row();
        for (y, at) in (layout.rows.y..).zip(self.listing.window(layout.height())) {
            let row = Rect {
                y,
                height: 1,
                ..layout.rows
            };
            self.draw_row(at, &layout, theme, row, buffer);
            if Some(at) == selected {
                buffer.set_style(row, theme.selection());
            }
        }
    }

    /// What the headings of metrics stand for, as many as there is room for.
    fn legend(&self, room: usize) -> String {
        let shown = self.columns.shown().iter().map(|column| &column.field);
        let mut text = String::new();
        if self.listing.order().is_empty() {
            return text;
        }
        for entry in legend(shown) {
            if width_of(&text) + width_of(&entry) + 2 > room {
                break;
            }
            text.extend([" ", &entry, " "]);
        }
        text
    }

    /// Which way the column that it is sorted by runs.
    fn arrow(&self) -> &'static str {
        if self.sorting.descends() {
            " ▼"
        } else {
            " ▲"
        }
    }

    fn draw_empty(&self, frame: &mut Frame, area: Rect) {
        let width = area.width.max(1);
        let lines = self.empty.iter();
        let height: u16 = lines
            .map(|line| wrapped(&line.to_string(), usize::from(width)).len() as u16)
            .sum();
        let text = Paragraph::new(self.empty.clone())
            .wrap(Wrap { trim: true })
            .centered();
        frame.render_widget(text, area.centered_vertically(Constraint::Length(height)));
    }

    fn draw_header(&self, layout: &Layout, theme: &Theme, buffer: &mut Buffer) {
        let y = layout.header.y;
        for &(at, left, width) in &layout.columns {
            let column = &self.columns.shown()[at];
            let is_sorted = column.field == self.sorting.field;
            let title = column.title.clone() + if is_sorted { self.arrow() } else { "" };
            let style = if is_sorted {
                theme.accent()
            } else {
                theme.muted()
            };
            let line = Line::styled(shorten(&title, usize::from(width)), style);
            put(&line, column.is_right, (left, y, width), buffer);
        }
        if layout.header.height == 0 || layout.header.width == 0 {
            return;
        }
        if layout.more {
            // On the border: the last heading needs its cells.
            buffer.set_string(layout.header.right(), y, "›", theme.accent());
        }
        if self.skipped > 0
            && let Some((_, left, _)) = layout.columns.get(1)
        {
            buffer.set_string(left - 1, y, "‹", theme.accent());
        }
    }

    /// `shapes  7 of 12 done, 1 training, 1 failed`.
    fn draw_study(&self, name: &str, theme: &Theme, row: Rect, buffer: &mut Buffer) {
        let room = row.width.saturating_sub(MARKS);
        let progress = (self.progress)(name);
        let most = usize::from(room).saturating_sub(width_of(&progress) + 2);
        let line = Line::from(vec![
            Span::styled(
                shorten_middle(name, most.max(NARROWEST_TEXT.into())),
                theme.accent(),
            ),
            Span::styled(format!("  {progress}"), theme.muted()),
        ]);
        put(
            &line,
            false,
            (row.x + MARKS.min(row.width), row.y, room),
            buffer,
        );
    }

    fn draw_row(&self, at: usize, layout: &Layout, theme: &Theme, row: Rect, buffer: &mut Buffer) {
        let (name, is_below) = match &self.listing.order()[at] {
            Row::Run { name, is_below } => (name.as_str(), *is_below),
            Row::Study(name) => return self.draw_study(name, theme, row, buffer),
        };
        let subject = (self.find)(name).and_then(|run| self.listing.subject(name, run));
        let Some(subject) = subject else {
            return;
        };
        if let Some(place) = self.marks.place(name) {
            let (symbol, style) = look(place, theme);
            buffer.set_stringn(
                row.x,
                row.y,
                symbol.to_string(),
                usize::from(row.width),
                style,
            );
        }
        let is_baseline = self.marks.baseline() == Some(name);
        if is_baseline && row.width > 1 {
            buffer.set_string(row.x + 1, row.y, BASELINE.to_string(), theme.accent());
        }
        if subject.run.problem().is_some() && !is_baseline && row.width > 1 {
            buffer.set_string(row.x + 1, row.y, "!", theme.warn());
        }
        // The baseline is not measured against itself.
        let baseline = self.baseline.filter(|_| !is_baseline);
        for &(at, left, width) in &layout.columns {
            let column = &self.columns.shown()[at];
            let most = usize::from(width);
            let mut line = match self.queued(name) {
                Some(queued) if column.field == Field::Column(Column::State) => {
                    Line::styled(queued, theme.warn())
                }
                _ => cell(&column.field, &subject, baseline, theme),
            };
            if at == 0 {
                let indent = if is_below { BELOW } else { "" };
                let name = shorten_middle(name, most.saturating_sub(width_of(indent)));
                line = Line::styled(format!("{indent}{name}"), theme.text());
            } else if line.width() > most {
                let style = line.style;
                line = Line::styled(shorten(&line.to_string(), most), style);
            } else if is_baseline
                && self.baseline.is_some()
                && let Field::Column(metric) = column.field
                && metric.metric(subject.metrics).is_some()
            {
                line.push_span(format!(" {:7}", "base"));
            }
            put(&line, column.is_right, (left, row.y, width), buffer);
        }
    }
}

/// Writes a line into cells, at their left or right end.
fn put(line: &Line, right: bool, (left, y, width): (u16, u16, u16), buffer: &mut Buffer) {
    let spare = if right {
        width.saturating_sub(line.width() as u16)
    } else {
        0
    };
    let at = Position::new(left + spare, y);
    if buffer.area.contains(at) {
        buffer.set_line(at.x, y, line, width - spare);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_inside_the_table_and_not_over_one_another_at_any_width() {
        for width in 0..260 {
            let columns = Columns::default();
            for skipped in 0..columns.shown().len() {
                let area = Rect::new(3, 2, width, 9);
                let layout = layout(area, columns.shown(), skipped, skipped % 2 == 0);
                let mut end = area.x;
                for &(column, left, width) in &layout.columns {
                    assert!(left >= end, "{column:?} at {width}");
                    end = left + width;
                }
                assert!(end <= area.right(), "{width} {skipped}");
            }
        }
    }

    #[test]
    fn a_click_finds_headings_marks_and_rows() {
        let columns = Columns::default();
        let layout = layout(Rect::new(0, 1, 80, 10), columns.shown(), 0, false);
        assert_eq!(layout.hit(5, 2), Some(Hit::Heading(0)));
        assert_eq!(layout.hit(12, 2), Some(Hit::Heading(1)));
        assert_eq!(layout.hit(1, 4), Some(Hit::Mark(1)));
        assert_eq!(layout.hit(40, 3), Some(Hit::Row(0)));
        assert_eq!(layout.hit(0, 1), None, "the border is nothing");
    }
}
