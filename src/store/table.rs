//! The numbers of logged steps in memory: one column of `f64` per metric, and
//! the columns that all metrics share.
//!
//! A million steps of twenty metrics are 184 MB: every number is stored once,
//! and steps, epochs and seconds once for all metrics.

use std::collections::BTreeMap;

use crate::event::{Phase, Position, StepRow};

/// One training's logged steps, ascending. A value that was not logged, or was
/// not a number, is NaN: a gap in a chart.
#[derive(Debug, Clone, Default)]
pub struct SeriesTable {
    pub(super) steps: Vec<u64>,
    pub(super) epochs: Vec<f64>,
    pub(super) seconds: Vec<f64>,
    /// Rows with which the clock of a process began that counted from 0, and the seconds
    /// before.
    clocks: Vec<(usize, f64)>,
    /// Each as long as `steps`.
    pub(super) columns: BTreeMap<String, Vec<f64>>,
}

/// One metric over the logged steps; all slices have one length.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    /// Number of each step, from 0, ascending.
    pub steps: &'a [u64],
    /// Time at each step, epochs.
    pub epochs: &'a [f64],
    /// Seconds that the training took to come to each step.
    pub seconds: &'a [f64],
    /// The metric; NaN where there is none.
    pub values: &'a [f64],
}

/// The logged steps of a run's trainings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables {
    teacher: SeriesTable,
    student: SeriesTable,
}

impl Tables {
    /// One training's.
    #[must_use]
    pub fn of(&self, phase: Phase) -> &SeriesTable {
        match phase {
            Phase::Teacher => &self.teacher,
            Phase::Student => &self.student,
        }
    }

    pub(super) fn of_mut(&mut self, phase: Phase) -> &mut SeriesTable {
        match phase {
            Phase::Teacher => &mut self.teacher,
            Phase::Student => &mut self.student,
        }
    }

    /// Forgets the steps that a run taken back to `position` will make again.
    pub(super) fn rewind(&mut self, position: Position) {
        for phase in [Phase::Teacher, Phase::Student] {
            if phase == position.phase {
                self.of_mut(phase).truncate_from(position.step);
            } else if phase > position.phase {
                self.of_mut(phase).truncate_from(0);
            }
        }
    }
}

impl SeriesTable {
    /// Number of logged steps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether no step was logged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Names of the metrics, sorted.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// The metric of this name.
    #[must_use]
    pub fn series(&self, metric: &str) -> Option<Series<'_>> {
        Some(Series {
            steps: &self.steps,
            epochs: &self.epochs,
            seconds: &self.seconds,
            values: self.columns.get(metric)?,
        })
    }

    /// Number of the last logged step.
    #[must_use]
    pub fn last_step(&self) -> Option<u64> {
        self.steps.last().copied()
    }

    /// Seconds that the training took to come to the last logged step.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        self.seconds.last().copied()
    }

    /// The last value of a metric, NaN if the last step has none.
    #[must_use]
    pub fn last(&self, metric: &str) -> Option<f64> {
        self.columns.get(metric)?.last().copied()
    }

    /// Appends a row. One that doesn't come after the last replaces everything
    /// from its step on, so that steps always ascend.
    pub(super) fn push(&mut self, row: &StepRow) {
        self.truncate_from(row.step);
        let before = self.steps.len();
        self.steps.push(row.step);
        self.epochs.push(row.epoch);
        self.extend_seconds([row.seconds]);
        for (metric, &value) in &row.values {
            if let Some(column) = self.columns.get_mut(metric) {
                column.push(value);
            } else {
                let mut column = vec![f64::NAN; before];
                column.push(value);
                self.columns.insert(metric.clone(), column);
            }
        }
        self.fill_gaps();
    }

    /// Appends seconds as they were logged. Where they go back, a process began to count
    /// from 0.
    pub(super) fn extend_seconds(&mut self, logged: impl IntoIterator<Item = f64>) {
        for seconds in logged {
            if let Some(last) = self.seconds()
                && self.clock(seconds) < last
            {
                self.clocks.push((self.seconds.len(), last));
            }
            self.seconds.push(self.clock(seconds));
        }
    }

    /// Seconds of all processes, by those that the last one counted.
    pub(super) fn clock(&self, seconds: f64) -> f64 {
        let before = self.clocks.last().map_or(0.0, |(_, before)| *before);
        before + seconds
    }

    /// Forgets every row. The metrics stay known.
    pub(super) fn clear(&mut self) {
        self.steps.clear();
        self.epochs.clear();
        self.seconds.clear();
        self.clocks.clear();
        for column in self.columns.values_mut() {
            column.clear();
        }
    }

    /// Makes every column as long as the steps.
    pub(super) fn fill_gaps(&mut self) {
        for column in self.columns.values_mut() {
            column.resize(self.steps.len(), f64::NAN);
        }
    }

    /// Forgets the rows of `step` and later. A metric without any row left is
    /// forgotten too, as if it had never been logged.
    pub(super) fn truncate_from(&mut self, step: u64) {
        if self.last_step().is_none_or(|last| last < step) {
            return;
        }
        let kept = self.steps.partition_point(|&logged| logged < step);
        self.steps.truncate(kept);
        self.epochs.truncate(kept);
        self.seconds.truncate(kept);
        self.clocks.retain(|(first, _)| *first < kept);
        self.columns.retain(|_, column| {
            column.truncate(kept);
            !column.iter().all(|value| value.is_nan())
        });
    }

    pub(super) fn reserve(&mut self, rows: usize) {
        self.steps.reserve_exact(rows);
        self.epochs.reserve_exact(rows);
        self.seconds.reserve_exact(rows);
    }
}

impl Series<'_> {
    /// `(step, value)` of the steps that have one.
    pub fn points(&self) -> impl Iterator<Item = (u64, f64)> {
        self.steps
            .iter()
            .zip(self.values)
            .map(|(&step, &value)| (step, value))
            .filter(|(_, value)| !value.is_nan())
    }
}

/// Gaps are equal to gaps, which NaN is not to itself.
impl PartialEq for SeriesTable {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &[f64], b: &[f64]| {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
        };
        self.steps == other.steps
            && same(&self.epochs, &other.epochs)
            && same(&self.seconds, &other.seconds)
            && self.columns.len() == other.columns.len()
            && self
                .columns
                .iter()
                .zip(&other.columns)
                .all(|((name, a), (other, b))| name == other && same(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64, values: &[(&str, f64)]) -> StepRow {
        StepRow {
            phase: Phase::Student,
            step,
            epoch: step as f64 / 10.0,
            seconds: step as f64,
            values: values.iter().map(|&(k, v)| (k.to_owned(), v)).collect(),
        }
    }

    #[test]
    fn a_metric_that_comes_and_goes_has_gaps() {
        let mut table = SeriesTable::default();
        table.push(&row(0, &[("a", 1.0)]));
        table.push(&row(5, &[("b", 2.0)]));
        table.push(&row(9, &[("a", 3.0), ("b", f64::NAN)]));
        let points = |name: &str| table.series(name).unwrap().points().collect::<Vec<_>>();
        assert_eq!(points("a"), [(0, 1.0), (9, 3.0)]);
        assert_eq!(points("b"), [(5, 2.0)]);
        assert_eq!(table.series("a").unwrap().values.len(), 3);
        assert!(table.series("c").is_none());
    }

    #[test]
    fn a_rewind_forgets_the_later_steps_and_the_later_training() {
        let mut tables = Tables::default();
        for step in 0..10 {
            tables.teacher.push(&row(step, &[("a", 1.0)]));
            tables.student.push(&row(step, &[("a", 1.0)]));
        }
        let at = |phase, step| Position { phase, step };
        tables.rewind(at(Phase::Student, 7));
        assert_eq!((tables.teacher.len(), tables.student.len()), (10, 7));
        tables.rewind(at(Phase::Teacher, 4));
        assert_eq!((tables.teacher.len(), tables.student.len()), (4, 0));
        assert_eq!(tables.teacher.last_step(), Some(3));
    }
}
