//! The x axis of a run's charts: steps, epochs or time.

use crate::event::Phase;
use crate::format::short;
use crate::store::{RunStore, Series, SeriesTable};
use crate::ui::layout::XAxis;
use crate::ui::widget::chart::XValues;

/// The x axis of one training.
#[derive(Clone, Copy)]
pub(in crate::ui::screens) struct XPositions<'a> {
    axis: XAxis,
    /// The shared columns of the table; none without a row.
    rows: Option<Series<'a>>,
    steps_per_epoch: f64,
    completed: u64,
}

impl<'a> XPositions<'a> {
    pub(in crate::ui::screens) fn new(axis: XAxis, store: &'a RunStore, phase: Phase) -> Self {
        let state = store.phases.get(&phase);
        Self {
            axis,
            rows: any_series(store.table(phase)),
            steps_per_epoch: state.map_or(1, |state| state.steps_per_epoch.max(1)) as f64,
            completed: store.completed(phase),
        }
    }

    /// One of its numbers, for people: `at epoch 3.5`, `at 12 s`.
    pub(in crate::ui::screens) fn place(&self, at: f64) -> String {
        match self.axis {
            XAxis::Step | XAxis::Epoch => format!("at {} {}", self.unit(), short(at)),
            XAxis::Time => format!("at {} {}", short(at), self.unit()),
        }
    }

    pub(in crate::ui::screens) fn unit(&self) -> &'static str {
        self.axis.unit()
    }

    /// Where logged rows lie.
    pub(in crate::ui::screens) fn xs(&self) -> XValues<'a> {
        let Some(rows) = self.rows else {
            return XValues::Values(&[]);
        };
        match self.axis {
            XAxis::Step => XValues::Steps(rows.steps),
            XAxis::Epoch => XValues::Values(rows.epochs),
            XAxis::Time => XValues::Values(rows.seconds),
        }
    }

    /// Where it lies that so many steps are complete.
    pub(in crate::ui::screens) fn of_step(&self, step: u64) -> f64 {
        match self.axis {
            XAxis::Step => step as f64,
            XAxis::Epoch => step as f64 / self.steps_per_epoch,
            XAxis::Time => {
                let steps = self.rows.map_or(&[][..], |rows| rows.steps);
                let row = steps.partition_point(|logged| *logged < step);
                let xs = self.xs();
                xs.at(row.min(steps.len().saturating_sub(1))).unwrap_or(0.0)
            }
        }
    }

    /// From the beginning of the training to where it stands.
    pub(in crate::ui::screens) fn all(&self) -> (f64, f64) {
        let end = self.of_step(self.completed);
        (0.0, if end > 0.0 { end } else { 1.0 })
    }
}

fn any_series(table: &SeriesTable) -> Option<Series<'_>> {
    table
        .metrics()
        .next()
        .and_then(|metric| table.series(metric))
}
