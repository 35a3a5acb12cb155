//! A grid of Braille dots, two by four in a cell, on which curves are drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Dots of a cell, across and down.
pub const DOTS: (usize, usize) = (2, 4);

/// Bits of U+2800's letters, by column and row of the dot.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// All dots of a cell's left and right column.
const FULL: [u8; 2] = [0x47, 0xb8];

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
    pub(super) fn has(self, x: usize) -> bool {
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
    /// Bits of a cell's dots, and the number of its style.
    cells: Vec<(u8, u8)>,
    /// Styles that have been drawn with; few.
    styles: Vec<Style>,
}

impl Canvas {
    /// An empty canvas of so many cells.
    #[must_use]
    pub fn new(columns: u16, rows: u16) -> Self {
        Self {
            columns: columns.into(),
            cells: vec![(0, 0); usize::from(columns) * usize::from(rows)],
            styles: Vec::new(),
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

    /// The number of a style. Beyond 256 of them the last is meant.
    fn pen(&mut self, style: Style) -> u8 {
        let known = self.styles.iter().rposition(|known| *known == style);
        let number = known.unwrap_or_else(|| {
            self.styles.push(style);
            self.styles.len() - 1
        });
        u8::try_from(number).unwrap_or(u8::MAX)
    }

    /// Sets a dot. A cell has one colour: that of its last dot.
    pub fn set(&mut self, x: usize, y: usize, style: Style) {
        if x < self.width() && y < self.height() {
            let pen = self.pen(style);
            let cell = &mut self.cells[y / DOTS.1 * self.columns + x / DOTS.0];
            cell.0 |= BITS[x % DOTS.0][y % DOTS.1];
            cell.1 = pen;
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
        let pen = self.pen(style);
        let (first, last) = (top / DOTS.1, bottom / DOTS.1);
        let bits = BITS[x % DOTS.0];
        // Cell by cell: noise is drawn as tall columns, and many of them.
        let start = first * self.columns + x / DOTS.0;
        let cells = self.cells[start..].iter_mut().step_by(self.columns);
        for (row, cell) in (first..=last).zip(cells) {
            let from = if row == first { top % DOTS.1 } else { 0 };
            let to = if row == last {
                bottom % DOTS.1
            } else {
                DOTS.1 - 1
            };
            cell.0 |= if (from, to) == (0, DOTS.1 - 1) {
                FULL[x % DOTS.0]
            } else {
                bits[from..=to].iter().fold(0, |all, bit| all | bit)
            };
            cell.1 = pen;
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
        let area = area.intersection(buffer.area);
        if self.columns == 0 {
            return;
        }
        let rows = self.cells.chunks_exact(self.columns);
        for (y, row) in (area.y..area.bottom()).zip(rows) {
            for (x, (bits, pen)) in (area.x..area.right()).zip(row) {
                let letter = char::from_u32(0x2800 + u32::from(*bits));
                if *bits != 0
                    && let Some(letter) = letter
                    && let Some(cell) = buffer.cell_mut((x, y))
                {
                    let style = self.styles.get(usize::from(*pen));
                    cell.set_char(letter)
                        .set_style(style.copied().unwrap_or_default());
                }
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
