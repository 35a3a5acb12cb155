//! Charts: curves of up to millions of points, drawn with every spike.
//!
//! ```text
//! ▸loss  total 1.234  distill 0.911        title: values at the crosshair
//!   2.0┤⠑⢄                                  y axis
//!   1.0┤  ⠈⠑⠒⠤⣀⡀                             curves; ★ the best point
//! epoch╰┬0───────┬1.0────────┬2.0         x axis
//!           r        k  r               marks
//! ```

pub mod canvas;
pub mod curve;
mod frame;
mod marks;
mod page;
pub mod smooth;
pub mod summary;
mod title;
mod viewport;
pub mod window;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

pub use self::canvas::{Canvas, Stroke};
pub use self::curve::{Curve, XValues};
pub use self::page::cells;
pub use self::smooth::Smooth;
pub use self::summary::{Extent, Summary};
pub use self::viewport::ChartViewport;
pub use self::window::Window;
pub use crate::format::Axis;
use crate::ui::theme::{Depth, Theme};

/// Columns of a chart's labels left of its plot, the axis included.
pub const GUTTER: u16 = 7;

/// Letters that distinguish curves where colours don't; they repeat.
pub const MARKERS: [char; 8] = ['●', '▲', '■', '◆', '○', '△', '□', '◇'];

/// A plot of so many rows gives one to the marks; in a lower one they stand in the
/// gaps of the axis.
const MARKS_FROM: u16 = 6;

/// Cells between two markers on a curve.
const MARKER_EVERY: usize = 14;

/// Something that happened at a place of the x axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mark {
    /// Where.
    pub x: f64,
    /// What stands for it on the axis.
    pub letter: char,
    /// Whether a line is drawn up through the plot.
    pub line: bool,
}

/// A chart, to be drawn once.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of one axis or of the whole how it is drawn"
)]
pub struct Chart<'a> {
    /// What is drawn.
    pub title: &'a str,
    /// Curves; later ones over earlier ones.
    pub curves: &'a [Curve<'a>],
    /// What is shown across.
    pub x: (f64, f64),
    /// Unit of the x axis.
    pub unit: &'a str,
    /// What is shown upwards at least; else what the curves need.
    pub y: Option<(f64, f64)>,
    /// What lies above it does not count for what is shown upwards.
    pub ceiling: Option<f64>,
    /// Whether the y axis is logarithmic.
    pub log: bool,
    /// Whether the x axis is.
    pub log_x: bool,
    /// Whether the values are shares, which are written in percent.
    pub shares: bool,
    /// What happened, in any order.
    pub marks: &'a [Mark],
    /// The best point.
    pub best: Option<(f64, f64)>,
    /// Where the crosshair stands.
    pub crosshair: Option<f64>,
    /// Whether this is the chart that keys mean.
    pub selected: bool,
}

/// The place of the curves in a chart's place. Both drawing and the mouse go
/// by it.
#[must_use]
pub fn plot(area: Rect) -> Rect {
    let gutter = GUTTER.min(area.width);
    Rect {
        x: area.x + gutter,
        y: area.y + 1.min(area.height),
        width: area.width - gutter,
        height: area.height.saturating_sub(2),
    }
}

impl Chart<'_> {
    /// The axes: the whole of what is shown across, and what curves need
    /// upwards.
    #[must_use]
    pub fn axes(&self) -> (Axis, Axis) {
        self.axes_around(self.extent())
    }

    /// The extent of the curves as far as they are shown.
    fn extent(&self) -> Extent {
        let mut extent = Extent::EMPTY;
        for curve in self.curves {
            extent.join(curve.extent(self.x));
        }
        extent
    }

    fn axes_around(&self, mut extent: Extent) -> (Axis, Axis) {
        if let Some(ceiling) = self.ceiling.filter(|ceiling| *ceiling > extent.min) {
            extent.max = extent.max.min(ceiling);
        }
        for bound in self.y.iter().flat_map(|(low, high)| [*low, *high]) {
            extent.add(bound);
        }
        let log = self.log && extent.positive.is_finite();
        let low = if log { extent.positive } else { extent.min };
        let y = Axis::new(low, extent.max, log).with_room();
        (Axis::new(self.x.0, self.x.1, self.log_x), y)
    }

    /// Draws the chart.
    pub fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let extent = self.extent();
        let Some((plot, axes)) = self.draw_around(extent, theme, frame, area) else {
            return;
        };
        if extent.is_empty() {
            draw_emptiness(theme, frame, plot);
        }
        let mut canvas = Canvas::new(plot.width, plot.height);
        self.draw_curves(&mut canvas, axes, theme);
        canvas.draw(frame.buffer_mut(), plot);
        self.draw_markers(axes, theme, frame, plot);
        self.draw_best(axes, theme, frame, plot);
        self.draw_crosshair(axes.0, theme, frame, plot);
    }

    /// Draws title and axes. Returns the place between them and the axes, if there
    /// is room.
    pub fn draw_frame(
        &self,
        theme: &Theme,
        frame: &mut Frame,
        area: Rect,
    ) -> Option<(Rect, (Axis, Axis))> {
        self.draw_around(self.extent(), theme, frame, area)
    }

    fn draw_around(
        &self,
        extent: Extent,
        theme: &Theme,
        frame: &mut Frame,
        area: Rect,
    ) -> Option<(Rect, (Axis, Axis))> {
        let area = area.intersection(frame.area());
        if area.is_empty() {
            return None;
        }
        self.draw_title(theme, frame, Rect { height: 1, ..area });
        let (plot, marks) = self.split(plot(area));
        if plot.width < 2 || plot.height == 0 {
            return None;
        }
        let (x, y) = self.axes_around(extent);
        frame::draw_y_axis(y, self.shares, theme, frame, plot);
        self.draw_x_axis(x, theme, frame, (plot, marks));
        Some((plot, (x, y)))
    }

    /// The place of the curves, and the row of the marks below the axis.
    fn split(&self, plot: Rect) -> (Rect, Option<Rect>) {
        if self.marks.is_empty() || plot.height < MARKS_FROM {
            return (plot, None);
        }
        let height = plot.height - 1;
        let row = Rect {
            y: plot.bottom(),
            height: 1,
            ..plot
        };
        (Rect { height, ..plot }, Some(row))
    }

    fn draw_curves(&self, canvas: &mut Canvas, axes: (Axis, Axis), theme: &Theme) {
        let faint = theme.muted().add_modifier(Modifier::DIM);
        let mut bounds = Vec::new();
        let mut last: Option<&Curve<'_>> = None;
        for curve in self.curves {
            // Where points lie is looked up once for all that lie there.
            if !last.is_some_and(|last| last.shares_columns(curve)) {
                bounds = curve.bounds(axes.0, canvas.width());
            }
            last = Some(curve);
            let styles = (curve.style(theme), faint);
            curve.draw_columns(canvas, axes, &bounds, styles);
        }
    }

    /// Letters along the curves, where colours don't distinguish them or they are
    /// known by their letters.
    fn draw_markers(&self, (x, y): (Axis, Axis), theme: &Theme, frame: &mut Frame, plot: Rect) {
        let colours_suffice = has_colours(theme) || self.curves.len() < 2;
        for (number, curve) in self.curves.iter().enumerate() {
            if colours_suffice && curve.look.is_none() {
                continue;
            }
            let style = curve.look.map_or_else(Style::new, |(_, style)| style);
            if curve.look.is_some()
                && let Some((at, value)) = curve.end()
                && let Some(column) = column(x, at, plot)
            {
                put(
                    frame,
                    plot,
                    (column, row(y, value, plot)),
                    curve.marker(),
                    style,
                );
            }
            let start = (number * MARKER_EVERY / self.curves.len() + 2) % MARKER_EVERY;
            for column in (start..plot.width.into()).step_by(MARKER_EVERY) {
                let at = x.value((column as f64 + 0.5) / f64::from(plot.width));
                let inside = curve.xs.at(0).is_some_and(|first| first <= at)
                    && curve
                        .xs
                        .at(curve.xs.len().saturating_sub(1))
                        .is_some_and(|last| at <= last);
                if let Some(value) = curve.drawn_at(at).filter(|_| inside) {
                    let place = (column as u16, row(y, value, plot));
                    put(frame, plot, place, curve.marker(), style);
                }
            }
        }
    }

    fn draw_best(&self, (x, y): (Axis, Axis), theme: &Theme, frame: &mut Frame, plot: Rect) {
        let Some((at, value)) = self.best else {
            return;
        };
        if let Some(column) = column(x, at, plot) {
            put(
                frame,
                plot,
                (column, row(y, value, plot)),
                '★',
                theme.good(),
            );
        }
    }

    fn draw_crosshair(&self, x: Axis, theme: &Theme, frame: &mut Frame, plot: Rect) {
        let Some(column) = self.crosshair.and_then(|at| column(x, at, plot)) else {
            return;
        };
        for row in 0..plot.height {
            let place = (plot.x + column, plot.y + row);
            if let Some(cell) = frame.buffer_mut().cell_mut(place) {
                if cell.symbol() == " " {
                    cell.set_char('│').set_style(theme.accent());
                } else {
                    // The curve stays to be seen under the crosshair.
                    cell.set_style(Style::new().add_modifier(Modifier::REVERSED));
                }
            }
        }
    }
}

/// Says that there is nothing to draw yet.
fn draw_emptiness(theme: &Theme, frame: &mut Frame, plot: Rect) {
    let text = Line::styled("no values yet", theme.muted());
    let place = Rect {
        y: plot.y + plot.height / 2,
        height: 1,
        ..plot
    };
    frame.render_widget(text.centered(), place);
}

/// What stands for a curve where colours don't.
#[must_use]
pub fn marker(colour: usize) -> char {
    MARKERS[colour % MARKERS.len()]
}

/// Whether a theme distinguishes curves by colour alone. Sixteen colours are the
/// terminal's own, and may look alike.
#[must_use]
pub fn has_colours(theme: &Theme) -> bool {
    matches!(theme.depth(), Depth::True | Depth::Indexed)
}

/// The cell of a point that is in view.
#[must_use]
pub fn cell((x, y): (Axis, Axis), plot: Rect, (across, up): (f64, f64)) -> Option<(u16, u16)> {
    let (column, row) = (column(x, across, plot)?, row(y, up, plot));
    (row < plot.height).then(|| (plot.x + column, plot.y + row))
}

/// The point at the middle of a cell, which may lie outside of the plot.
#[must_use]
pub fn point_at((x, y): (Axis, Axis), plot: Rect, (column, row): (u16, u16)) -> (f64, f64) {
    let share = |at: u16, start: u16, length: u16| {
        (f64::from(at) - f64::from(start)) / f64::from(length.saturating_sub(1).max(1))
    };
    (
        x.value(share(column, plot.x, plot.width)),
        y.value(1.0 - share(row, plot.y, plot.height)),
    )
}

/// The column of a place that is in view.
fn column(x: Axis, at: f64, plot: Rect) -> Option<u16> {
    let share = x.share(at);
    ((0.0..=1.0).contains(&share) && plot.width > 0)
        .then(|| (share * f64::from(plot.width - 1)).round() as u16)
}

/// The row of a value; one far off for a value that has none.
fn row(y: Axis, value: f64, plot: Rect) -> u16 {
    let share = 1.0 - y.share(value);
    if (0.0..=1.0).contains(&share) {
        (share * f64::from(plot.height.saturating_sub(1))).round() as u16
    } else {
        u16::MAX
    }
}

/// Puts a letter at a column and row of the plot, if they are there.
fn put(frame: &mut Frame, plot: Rect, (column, row): (u16, u16), letter: char, style: Style) {
    if column < plot.width
        && row < plot.height
        && let Some(cell) = frame.buffer_mut().cell_mut((plot.x + column, plot.y + row))
    {
        cell.set_char(letter).set_style(style);
    }
}

#[cfg(test)]
mod tests;
