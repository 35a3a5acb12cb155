//! A grid of Braille dots, two by four in a cell, on which curves are drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Dots of a cell, across and down.
pub const DOTS: (usize, usize) = (2, 4);

/// Bits of U+2800's letters, by column and row of the dot.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stroke {
    /// Without gaps.
    #[default]
    Solid,
    /// With gaps: what is still to come.
    Dashed,
    /// Dots: what would be.
    Dotted,
}

impl Stroke {
    /// Whether the line has a dot in a column of dots.
    fn has(self, x: usize) -> bool {
        match self {
            Self::Solid => true,
            Self::Dashed => x % 6 < 3,
            Self::Dotted => x.is_multiple_of(3),
        }
    }
}

/// Dots that have been set, and their colours.
#[derive(Debug, Clone)]
pub struct Canvas {
    /// Cells across.
    columns: usize,
    cells: Vec<(u8, Style)>,
}

impl Canvas {
    /// An empty canvas of so many cells.
    #[must_use]
    pub fn new(columns: u16, rows: u16) -> Self {
        Self {
            columns: columns.into(),
            cells: vec![(0, Style::new()); usize::from(columns) * usize::from(rows)],
        }
    }

    /// Dots across.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns * DOTS.0
    }

    /// Dots down.
    #[must_use]
    pub fn height(&self) -> usize {
        self.cells.len().checked_div(self.columns).unwrap_or(0) * DOTS.1
    }

    /// Sets a dot. A cell has one colour: that of its last dot.
    pub fn set(&mut self, x: usize, y: usize, style: Style) {
        if x < self.width() && y < self.height() {
            let cell = &mut self.cells[y / DOTS.1 * self.columns + x / DOTS.0];
            cell.0 |= BITS[x % DOTS.0][y % DOTS.1];
            cell.1 = style;
        }
    }

    /// Sets the dots of a column between two heights, both included, as far as
    /// they are on the canvas.
    pub fn column(&mut self, x: usize, (a, b): (f64, f64), style: Style) {
        let (top, bottom) = (a.min(b).round(), a.max(b).round());
        let most = self.height() as f64 - 1.0;
        if !(top <= most && bottom >= 0.0) {
            return;
        }
        if x >= self.width() {
            return;
        }
        let (top, bottom) = (top.max(0.0) as usize, bottom.min(most) as usize);
        // Cell by cell: noise is drawn as tall columns, and many of them.
        for row in top / DOTS.1..=bottom / DOTS.1 {
            let first = top.saturating_sub(row * DOTS.1);
            let last = (bottom - row * DOTS.1).min(DOTS.1 - 1);
            let cell = &mut self.cells[row * self.columns + x / DOTS.0];
            for bit in &BITS[x % DOTS.0][first..=last] {
                cell.0 |= bit;
            }
            cell.1 = style;
        }
    }

    /// Draws a straight line between two places in dots, which may lie outside.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: Stroke, style: Style) {
        let (from, to) = if from.0 <= to.0 {
            (from, to)
        } else {
            (to, from)
        };
        let across = to.0 - from.0;
        if !(across.is_finite() && from.1.is_finite() && to.1.is_finite()) {
            return;
        }
        if across < 1.0 {
            if from.0.round() >= 0.0 && stroke.has(from.0.round() as usize) {
                self.column(from.0.round() as usize, (from.1, to.1), style);
            }
            return;
        }
        let slope = (to.1 - from.1) / across;
        let first = from.0.round().max(0.0) as usize;
        let last = to.0.round().min(self.width() as f64 - 1.0);
        if last < 0.0 {
            return;
        }
        for x in (first..=last as usize).filter(|x| stroke.has(*x)) {
            // Half a dot to either side, so that steep lines have no holes.
            let before = (x as f64 - 0.5).clamp(from.0, to.0);
            let after = (x as f64 + 0.5).clamp(from.0, to.0);
            let height = |at: f64| from.1 + slope * (at - from.0);
            self.column(x, (height(before), height(after)), style);
        }
    }

    /// Puts the cells that have dots into a buffer.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect) {
        for (at, (bits, style)) in self.cells.iter().enumerate() {
            if *bits == 0 {
                continue;
            }
            let (x, y) = ((at % self.columns) as u16, (at / self.columns) as u16);
            if x < area.width
                && y < area.height
                && let Some(cell) = buffer.cell_mut((area.x + x, area.y + y))
                && let Some(letter) = char::from_u32(0x2800 + u32::from(*bits))
            {
                cell.set_char(letter).set_style(*style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(canvas: &Canvas, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        canvas.draw(&mut buffer, area);
        let row = |y| {
            (0..width)
                .map(|x| buffer[(x, y)].symbol().to_owned())
                .collect()
        };
        (0..height).map(row).collect()
    }

    #[test]
    fn a_line_from_corner_to_corner_has_no_holes() {
        let mut canvas = Canvas::new(4, 1);
        canvas.line((0.0, 3.0), (7.0, 0.0), Stroke::Solid, Style::new());
        assert_eq!(drawn(&canvas, 4, 1), ["⣠⠤⠖⠋"]);
        let mut canvas = Canvas::new(1, 2);
        canvas.line((0.0, 7.0), (1.0, 0.0), Stroke::Solid, Style::new());
        assert_eq!(drawn(&canvas, 1, 2), ["⢸", "⡏"]);
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let mut canvas = Canvas::new(2, 1);
        canvas.line((-1e12, 0.0), (1e12, 0.0), Stroke::Solid, Style::new());
        canvas.line((0.0, f64::NAN), (3.0, 0.0), Stroke::Solid, Style::new());
        canvas.column(0, (-50.0, -40.0), Style::new());
        canvas.column(9, (0.0, 3.0), Style::new());
        canvas.line((-9.0, 2.0), (-8.9, 2.0), Stroke::Solid, Style::new());
        assert_eq!(drawn(&canvas, 2, 1), ["⠉⠉"]);
        let mut none = Canvas::new(0, 0);
        none.line((0.0, 0.0), (5.0, 5.0), Stroke::Dashed, Style::new());
        assert_eq!(none.height(), 0);
    }
}
