//! One line of cells, filled from left to right: how rows of tables are drawn
//! without making a widget of each.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::format::{self, shorten};

/// What is left of a line.
#[derive(Debug)]
pub struct Cells<'a> {
    buffer: &'a mut Buffer,
    x: u16,
    y: u16,
    /// First column behind the line.
    end: u16,
}

impl<'a> Cells<'a> {
    /// A line of an area, the first being 0. One that lies outside has no cells.
    #[must_use]
    pub fn line(buffer: &'a mut Buffer, area: Rect, line: usize) -> Self {
        let area = area.intersection(buffer.area);
        let inside = line < usize::from(area.height);
        Self {
            x: area.x,
            y: if inside { area.y + line as u16 } else { area.y },
            end: if inside { area.right() } else { area.x },
            buffer,
        }
    }

    /// Gives all that is left of the line a style, under what is put there.
    pub fn style(&mut self, style: Style) -> &mut Self {
        let rest = Rect::new(self.x, self.y, self.rest(), 1);
        self.buffer.set_style(rest, style);
        self
    }

    /// Number of cells that are left.
    #[must_use]
    pub fn rest(&self) -> u16 {
        self.end - self.x
    }

    /// Leaves cells as they are.
    pub fn skip(&mut self, width: u16) -> &mut Self {
        self.x += width.min(self.rest());
        self
    }

    /// Puts a text at the left of the next `width` cells, shortened to them.
    pub fn text(&mut self, width: u16, text: &str, style: impl Into<Style>) -> &mut Self {
        let width = width.min(self.rest());
        if width > 0 {
            let text = shorten(text, width);
            self.buffer
                .set_stringn(self.x, self.y, text, usize::from(width), style);
            self.x += width;
        }
        self
    }

    /// Puts a text at the right of the next `width` cells.
    pub fn right(&mut self, width: u16, text: &str, style: impl Into<Style>) -> &mut Self {
        let width = width.min(self.rest());
        let before = width.saturating_sub(width_of(text));
        self.skip(before).text(width - before, text, style)
    }

    /// Puts a text that takes as many cells as it needs.
    pub fn word(&mut self, text: &str, style: impl Into<Style>) -> &mut Self {
        self.text(width_of(text), text, style)
    }
}

/// Cells that a text takes.
#[must_use]
pub fn width_of(text: &str) -> u16 {
    format::width_of(text).min(usize::from(u16::MAX)) as u16
}

/// A name without the time and the letters that end it.
#[must_use]
pub fn without_time(name: &str) -> &str {
    let mut parts = name.rsplitn(4, '-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(time), Some(day), Some(before))
            if (time.len(), day.len()) == (6, 8)
                && time
                    .bytes()
                    .chain(day.bytes())
                    .all(|byte| byte.is_ascii_digit()) =>
        {
            before
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_filled_from_left_to_right_and_never_over_its_end() {
        let area = Rect::new(1, 1, 12, 1);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 14, 3));
        let mut cells = Cells::line(&mut buffer, area, 0);
        cells
            .text(4, "cat", Style::new())
            .right(6, "1.5", Style::new());
        cells.text(9, "long", Style::new());
        assert_eq!(cells.rest(), 0);
        let line: String = (0..14).map(|x| buffer[(x, 1)].symbol()).collect();
        assert_eq!(line, " cat    1.5l… ");
        Cells::line(&mut buffer, area, 1).word("nowhere", Style::new());
        Cells::line(&mut buffer, Rect::new(50, 50, 3, 3), 0).word("out", Style::new());
        assert!((0..14).all(|x| buffer[(x, 2)].symbol() == " "));
    }

    #[test]
    fn only_the_time_of_a_run_is_left_out_of_its_name() {
        assert_eq!(without_time("wide-net-20260102-120000-ab12cd"), "wide-net");
        for whole in ["wide", "a-b-c-d", "--", "é-2026010é-120000-x"] {
            assert_eq!(without_time(whole), whole);
        }
    }
}
