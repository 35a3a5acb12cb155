//! One curve: its points, and how they become columns of dots.

use ratatui::style::Style;

use super::canvas::{Canvas, Stroke};
use super::marker;
use super::smooth::Smooth;
use super::summary::{Extent, Summary, block_within};
use crate::format::Axis;
use crate::ui::theme::Theme;

/// Blocks in a column of dots, at least, where columns begin with a block.
const MANY: usize = 8;

/// Where points lie across; ascending.
#[derive(Debug, Clone, Copy)]
pub enum XValues<'a> {
    /// Numbers of steps.
    Steps(&'a [u64]),
    /// Any numbers.
    Values(&'a [f64]),
}

impl XValues<'_> {
    /// Number of points.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Steps(steps) => steps.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where a point lies.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<f64> {
        match self {
            Self::Steps(steps) => steps.get(index).map(|step| *step as f64),
            Self::Values(values) => values.get(index).copied(),
        }
    }

    /// Number of points before `x`.
    #[must_use]
    pub fn before(&self, x: f64) -> usize {
        match self {
            Self::Steps(steps) => steps.partition_point(|step| (*step as f64) < x),
            Self::Values(values) => values.partition_point(|value| *value < x),
        }
    }

    /// Whether both are the same points in memory.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Steps(a), Self::Steps(b)) => std::ptr::eq(*a, *b),
            (Self::Values(a), Self::Values(b)) => std::ptr::eq(*a, *b),
            _ => false,
        }
    }

    /// The point nearest to `x`.
    #[must_use]
    pub fn nearest(&self, x: f64) -> Option<usize> {
        let after = self.before(x);
        let before = after.checked_sub(1);
        match (before, self.at(after)) {
            (None, None) => None,
            (None, Some(_)) => Some(after),
            (before, None) => before,
            (Some(before), Some(next)) => {
                let near = self.at(before).is_some_and(|at| x - at <= next - x);
                Some(if near { before } else { after })
            }
        }
    }
}

/// A curve of a chart.
#[derive(Debug, Clone)]
pub struct Curve<'a> {
    /// Its name in the title.
    pub name: String,
    /// Where its points lie across.
    pub xs: XValues<'a>,
    /// Their values, as many; what is not finite is a gap.
    pub values: &'a [f64],
    /// What it is now, where that is known beyond its last point.
    pub now: Option<f64>,
    /// Extents of blocks of its values, if it is long.
    pub summary: Option<&'a Summary>,
    /// Its smoothing, if it is smoothed.
    pub smooth: Option<&'a Smooth>,
    /// Which of the colours and markers it has.
    pub colour: usize,
    /// Another letter and style than those of its number: of a curve that is
    /// known by them elsewhere, too.
    pub look: Option<(char, Style)>,
    /// How it is drawn.
    pub stroke: Stroke,
}

/// The points of one column of dots.
#[derive(Debug, Clone, Copy)]
struct Column {
    /// First and last value; NaN for a gap.
    ends: (f64, f64),
    extent: Extent,
}

impl<'a> Curve<'a> {
    /// A plain one of the first colour, without a name.
    #[must_use]
    pub fn new(xs: XValues<'a>, values: &'a [f64]) -> Self {
        Self {
            name: String::new(),
            xs,
            values,
            now: None,
            summary: None,
            smooth: None,
            colour: 0,
            look: None,
            stroke: Stroke::Solid,
        }
    }

    /// The letter that stands for it.
    pub(super) fn marker(&self) -> char {
        self.look
            .map_or_else(|| marker(self.colour), |(letter, _)| letter)
    }

    /// How it is drawn.
    pub(super) fn style(&self, theme: &Theme) -> Style {
        self.look
            .map_or_else(|| theme.series(self.colour), |(_, style)| style)
    }

    /// The extent of what lies between two places, smoothed or not, with the
    /// points just outside: lines lead to them.
    #[must_use]
    pub fn extent(&self, (low, high): (f64, f64)) -> Extent {
        let first = self.xs.before(low);
        let last = self.xs.before(high.next_up());
        self.raw_extent(first, last)
    }

    fn raw_extent(&self, first: usize, last: usize) -> Extent {
        let scan = |range: std::ops::Range<usize>| {
            Extent::of(self.values.get(range).unwrap_or_default().iter().copied())
        };
        match self.summary {
            Some(summary) => summary.extent(first..last, scan),
            None => scan(first..last),
        }
    }

    /// The value nearest to `x`, as it was measured.
    #[must_use]
    pub fn value_at(&self, x: f64) -> Option<f64> {
        self.values.get(self.xs.nearest(x)?).copied()
    }

    /// The last value that is one, as it was measured.
    #[must_use]
    pub fn last(&self) -> Option<f64> {
        self.last_index().map(|index| self.values[index])
    }

    /// What is drawn nearest to `x`: the smoothed value if the curve is smoothed.
    pub(super) fn drawn_at(&self, x: f64) -> Option<f64> {
        self.drawn(self.xs.nearest(x)?)
    }

    /// The last point that is drawn.
    pub(super) fn end(&self) -> Option<(f64, f64)> {
        let index = self.last_index()?;
        Some((self.xs.at(index)?, self.drawn(index)?))
    }

    fn last_index(&self) -> Option<usize> {
        self.values.iter().rposition(|value| value.is_finite())
    }

    fn drawn(&self, index: usize) -> Option<f64> {
        match self.smooth {
            Some(smooth) => (index < self.values.len()).then(|| smooth.at(self.values, index)),
            None => self.values.get(index).copied(),
        }
    }

    /// Draws the curve: a smoothed one, in the first style, over its raw line
    /// in the second.
    pub fn draw(&self, canvas: &mut Canvas, axes: (Axis, Axis), styles: (Style, Style)) {
        let bounds = self.bounds(axes.0, canvas.width());
        self.draw_columns(canvas, axes, &bounds, styles);
    }

    /// Draws the curve, of which so many points lie before each column.
    pub(super) fn draw_columns(
        &self,
        canvas: &mut Canvas,
        axes: (Axis, Axis),
        bounds: &[usize],
        styles: (Style, Style),
    ) {
        let raw = |first: usize, last: usize| Column {
            ends: (self.values[first], self.values[last - 1]),
            extent: self.raw_extent(first, last),
        };
        match self.smooth {
            None => self.trace(canvas, axes, bounds, styles.0, raw),
            Some(smooth) => {
                self.trace(canvas, axes, bounds, styles.1, raw);
                self.trace(canvas, axes, bounds, styles.0, |first, last| Column {
                    ends: (
                        smooth.at(self.values, first),
                        smooth.at(self.values, last - 1),
                    ),
                    extent: smooth.extent(self.values, first..last),
                });
            }
        }
    }

    /// Whether another curve's points lie in the same columns.
    pub(super) fn shares_columns(&self, other: &Self) -> bool {
        self.xs.is(&other.xs)
            && self.values.len() == other.values.len()
            && self.summary.is_some() == other.summary.is_some()
    }

    /// Number of points before each column of dots, and before the end. Where
    /// a column stands for many blocks it begins with one, which moves nothing
    /// that can be seen and spares looking at points one by one.
    pub(super) fn bounds(&self, x: Axis, width: usize) -> Vec<usize> {
        // A dot stands for what is nearest to it.
        let dots = (width as f64 - 1.0).max(1.0);
        let mut bounds: Vec<usize> = (0..=width)
            .map(|column| self.xs.before(x.value((column as f64 - 0.5) / dots)))
            .map(|index| index.min(self.values.len()))
            .collect();
        let (first, last) = (bounds[0], bounds[width]);
        let block = block_within(last.saturating_sub(first) / width.max(1) / MANY);
        if self.summary.is_some() && block > 1 {
            for bound in &mut bounds[1..width] {
                *bound = (*bound - *bound % block).max(first);
            }
        }
        bounds
    }

    fn trace(
        &self,
        canvas: &mut Canvas,
        axes: (Axis, Axis),
        bounds: &[usize],
        style: Style,
        column: impl Fn(usize, usize) -> Column,
    ) {
        let (Some(&first), Some(&last)) = (bounds.first(), bounds.last()) else {
            return;
        };
        // The points just outside, to which lines lead.
        let outside = |canvas: &Canvas, index: Option<usize>| {
            let index = index.filter(|index| *index < self.values.len())?;
            let value = column(index, index + 1).ends.0;
            value
                .is_finite()
                .then(|| self.place(canvas, axes, index, value))
        };
        let mut before = outside(canvas, first.checked_sub(1));
        let most = canvas.height() as f64 - 1.0;
        let height = |value: f64| (1.0 - axes.1.share(value)) * most;
        // What a column spans, drawn once the line to the next is known: half of
        // that line belongs to it.
        let mut open: Option<(usize, f64, f64)> = None;
        for (at, pair) in bounds
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| pair[0] < pair[1])
        {
            let points = column(pair[0], pair[1]);
            let ends = (height(points.ends.0), height(points.ends.1));
            let mut span = (
                height(points.extent.max),
                height(points.extent.lowest(axes.1)),
            );
            let x = at as f64;
            if let Some(from) = before.filter(|_| ends.0.is_finite()) {
                let middle = from.1 + (ends.0 - from.1) * 0.5;
                match &mut open {
                    Some((last, top, bottom)) if *last + 1 == at && from.0 == *last as f64 => {
                        (*top, *bottom) = (top.min(middle), bottom.max(middle));
                        span = (span.0.min(middle), span.1.max(middle));
                    }
                    _ => canvas.line(from, (x, ends.0), self.stroke, style),
                }
            }
            self.close(canvas, open.take(), style);
            if span.0.is_finite() && span.1.is_finite() {
                open = Some((at, span.0, span.1));
            }
            before = ends.1.is_finite().then_some((x, ends.1));
        }
        self.close(canvas, open, style);
        if let (Some(from), Some(to)) = (before, outside(canvas, Some(last))) {
            canvas.line(from, to, self.stroke, style);
        }
    }

    /// Draws what a column spans.
    fn close(&self, canvas: &mut Canvas, open: Option<(usize, f64, f64)>, style: Style) {
        if let Some((at, top, bottom)) = open.filter(|(at, ..)| self.stroke.has(*at)) {
            canvas.column(at, (top, bottom), style);
        }
    }

    /// Where a point lies, in dots.
    fn place(&self, canvas: &Canvas, (x, y): (Axis, Axis), index: usize, value: f64) -> (f64, f64) {
        let across = x.share(self.xs.at(index).unwrap_or(f64::NAN));
        let down = 1.0 - y.share(value);
        (
            across * (canvas.width() as f64 - 1.0),
            down * (canvas.height() as f64 - 1.0),
        )
    }
}

impl Extent {
    /// The least value that has a place on the axis.
    fn lowest(self, axis: Axis) -> f64 {
        if axis.share(self.min).is_nan() {
            self.positive
        } else {
            self.min
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_on_every_kind_of_axis() {
        let steps = [0, 10, 20, 30];
        let xs = XValues::Steps(&steps);
        assert_eq!(
            (xs.before(10.0), xs.before(10.5), xs.before(99.0)),
            (1, 2, 4)
        );
        assert_eq!(
            (xs.nearest(14.0), xs.nearest(16.0), xs.nearest(1e9)),
            (Some(1), Some(2), Some(3))
        );
        assert_eq!(XValues::Values(&[]).nearest(0.0), None);
    }
}
