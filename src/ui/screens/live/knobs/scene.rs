//! The selected knob's curve as it is drawn: what it did, what it will do, and
//! the change that has not been sent. Drawing and the mouse both go by it.

use ratatui::layout::{Constraint, Layout, Rect};

use super::board::{KnobNow, Time};
use super::edit::Draft;
use crate::store::Series;
use crate::ui::widget::Border;
use crate::ui::widget::chart::{Axis, Chart, Curve, Stroke, XValues, plot};

/// Columns of the list of knobs until somebody drags its border.
const LIST: u16 = 28;

/// Fewest columns to which the list or the chart can be dragged.
const NARROWEST: u16 = 16;

/// Rows of a knob in the list: its name and its curve.
pub(super) const ROWS: u16 = 3;

/// Rows that say what a change will do.
const NOTES: u16 = 4;

/// Points that a future is drawn with.
const SAMPLES: usize = 160;

/// Colours of what was, what will be, and what is being changed.
pub(super) const COLOURS: [usize; 3] = [0, 0, 1];

/// Where the parts of the pane stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) list: Rect,
    pub(super) chart: Rect,
    pub(super) notes: Rect,
}

/// A pane narrower than this has no room for a chart beside the list.
const LEAST: u16 = 2 * LIST - 6;

/// Lays out the pane. Its first row is its title's. Where there is no room for
/// a chart, what a change does is said below the list.
pub(super) fn places(area: Rect, border: Border) -> Places {
    let inside = Rect {
        y: area.y + 1.min(area.height),
        height: area.height.saturating_sub(1),
        ..area
    };
    if inside.width < LEAST {
        let notes = inside.height.saturating_sub(ROWS).min(NOTES);
        let [list, notes] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(notes)]).areas(inside);
        let chart = Rect::new(inside.right(), inside.y, 0, 0);
        return Places { list, chart, notes };
    }
    let width = border.width(LIST, NARROWEST, inside.width);
    let [list, right] =
        Layout::horizontal([Constraint::Length(width), Constraint::Fill(1)]).areas(inside);
    let notes = NOTES.min(right.height / 3);
    let [chart, notes] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(notes)]).areas(right);
    Places { list, chart, notes }
}

/// Points of one knob's curve.
pub(super) struct Scene<'a> {
    logged: Option<Series<'a>>,
    /// The knob as it stands, which may not have been logged yet.
    value: f64,
    future: (Vec<f64>, Vec<f64>),
    draft: Option<(Vec<f64>, Vec<f64>)>,
    bounded: bool,
    pub(super) time: Time,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        knob: &KnobNow<'_>,
        logged: Option<Series<'a>>,
        draft: Option<&Draft>,
        time: Time,
    ) -> Self {
        let sampled = |at: &dyn Fn(f64) -> f64| {
            (0..=SAMPLES)
                .map(|index| time.now + (time.end - time.now) * index as f64 / SAMPLES as f64)
                .map(|epoch| (epoch, at(epoch)))
                .unzip()
        };
        Self {
            logged,
            value: knob.value,
            future: sampled(&|epoch| knob.schedule.at(epoch, time.end)),
            draft: draft.filter(|draft| draft.changed()).map(|draft| {
                let schedule = draft.schedule();
                sampled(&|epoch| schedule.at(epoch, time.end))
            }),
            bounded: knob.range.max <= 1.0,
            time,
        }
    }

    /// What was solid, what will be dashed, the change dotted.
    pub(super) fn curves(&self) -> Vec<Curve<'_>> {
        let curve = |name: &str, xs, values, part: usize, stroke| Curve {
            name: name.to_owned(),
            colour: COLOURS[part],
            stroke,
            ..Curve::new(xs, values)
        };
        let mut curves = Vec::new();
        if let Some(logged) = self.logged {
            curves.push(Curve {
                now: Some(self.value),
                ..curve(
                    "",
                    XValues::Values(logged.epochs),
                    logged.values,
                    0,
                    Stroke::Solid,
                )
            });
        }
        let (xs, values) = &self.future;
        curves.push(curve(
            "final",
            XValues::Values(xs),
            values,
            1,
            Stroke::Dashed,
        ));
        if let Some((xs, values)) = &self.draft {
            curves.push(curve(
                "pending",
                XValues::Values(xs),
                values,
                2,
                Stroke::Dotted,
            ));
        }
        curves
    }

    /// The axes and the place of the curves in a chart's place.
    pub(super) fn axes(&self, curves: &[Curve<'_>], area: Rect) -> ((Axis, Axis), Rect) {
        (self.chart("", curves).axes(), plot(area))
    }

    pub(super) fn chart<'b>(&self, title: &'b str, curves: &'b [Curve<'b>]) -> Chart<'b> {
        let x = (0.0, self.time.end);
        let most = curves
            .iter()
            .map(|curve| curve.extent(x).max)
            .fold(0.0, f64::max);
        // A quarter of room, to drag points into.
        let top = if self.bounded { 1.0 } else { most * 1.25 };
        Chart {
            title,
            curves,
            x,
            unit: "epoch",
            ceiling: None,
            y: Some((0.0, if top > 0.0 { top } else { 1.0 })),
            log: false,
            log_x: false,
            shares: false,
            marks: &[],
            best: None,
            crosshair: None,
            selected: true,
        }
    }
}
