//! Counts of images by the classes that two of label, teacher and student give them.

use super::order::class_by;
use super::sample_result::SampleResult;
use crate::event::inspection::{Answerer, MatrixCell};
use crate::event::{Evaluation, Phase, Split};
use crate::store::RunStore;
use crate::ui::action::Action;

/// Which two say classes: that of the rows and that of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) rows: Answerer,
    pub(super) columns: Answerer,
}

/// Counts and the cell that is looked at.
#[derive(Debug, Default)]
pub(super) struct Matrix {
    /// `[row][column]`, of the images that are compared.
    pub(super) counts: Vec<Vec<u32>>,
    /// The same of the second run's student; empty without one.
    pub(super) second: Vec<Vec<u32>>,
    /// Row and column of the cell that is looked at.
    pub(super) cursor: (usize, usize),
    /// Whether these are shown, where all validation images are counted, too.
    pub(super) sampled: bool,
}

/// What an evaluation counted of all validation images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole<'a> {
    /// `[row][column]`.
    pub(super) counts: &'a [Vec<u32>],
    /// Number of images.
    pub(super) images: usize,
    /// Steps that the weights had behind them.
    pub(super) step: u64,
}

impl Matrix {
    /// Counts the images anew.
    pub(super) fn count(&mut self, pair: Pair, results: &[SampleResult], classes: usize) {
        self.counts = counted(classes, results, |image| {
            Some((class_by(pair.rows, image)?, class_by(pair.columns, image)?))
        });
        let has_second = results.iter().any(|image| image.second.is_some());
        self.second = if has_second && pair.columns == Answerer::Student {
            counted(classes, results, |image| {
                Some((class_by(pair.rows, image)?, image.second?.class))
            })
        } else {
            Vec::new()
        };
    }

    /// Moves the cursor as an action says. Returns whether it says so.
    pub(super) fn act(&mut self, action: Action, classes: usize) -> bool {
        let last = classes.saturating_sub(1);
        let (row, column) = (self.cursor.0.min(last), self.cursor.1.min(last));
        self.cursor = match action {
            Action::Up => (row.saturating_sub(1), column),
            Action::Down => ((row + 1).min(last), column),
            Action::Left => (row, column.saturating_sub(1)),
            Action::Right => (row, (column + 1).min(last)),
            Action::PageUp => (row.saturating_sub(10), column),
            Action::PageDown => ((row + 10).min(last), column),
            Action::First => (0, 0),
            Action::Last => (last, last),
            _ => return false,
        };
        true
    }

    /// The images of the cell that is looked at.
    pub(super) fn cell(&self, pair: Pair) -> MatrixCell {
        MatrixCell {
            rows: (pair.rows, self.cursor.0),
            columns: (pair.columns, self.cursor.1),
        }
    }
}

/// Images by row and column.
fn counted(
    classes: usize,
    results: &[SampleResult],
    place: impl Fn(&SampleResult) -> Option<(usize, usize)>,
) -> Vec<Vec<u32>> {
    let mut counts = vec![vec![0; classes]; classes];
    for (row, column) in results.iter().filter_map(place) {
        let row: Option<&mut Vec<u32>> = counts.get_mut(row);
        if let Some(cell) = row.and_then(|row| row.get_mut(column)) {
            *cell += 1;
        }
    }
    counts
}

/// What was counted of a pair on all validation images: of the student, at the last
/// evaluation that is not later than `step`; of the teacher, at its last. Programs
/// that were older did not count the teacher against the student.
pub(super) fn whole(store: &RunStore, pair: Pair, step: u64) -> Option<Whole<'_>> {
    let (evaluation, counts) = match (pair.rows, pair.columns) {
        (Answerer::Label, Answerer::Student) => {
            let evaluation = student_evaluation(store, step)?;
            (evaluation, &evaluation.confusion)
        }
        (Answerer::Teacher, Answerer::Student) => {
            let evaluation = student_evaluation(store, step)?;
            (evaluation, &evaluation.predictions)
        }
        (Answerer::Label, Answerer::Teacher) => {
            let mut evaluations = store.evaluations_of(Phase::Teacher, Split::Valid);
            let evaluation = evaluations.next_back()?;
            (evaluation, &evaluation.confusion)
        }
        _ => return None,
    };
    (!counts.is_empty()).then_some(Whole {
        counts,
        images: evaluation.images,
        step: evaluation.step,
    })
}

/// The student's last evaluation on all validation images that is not later than
/// `step`; else the last of all.
pub(super) fn student_evaluation(store: &RunStore, step: u64) -> Option<&Evaluation> {
    let mut evaluations = store.evaluations_of(Phase::Student, Split::Valid);
    let last = store
        .evaluations_of(Phase::Student, Split::Valid)
        .next_back();
    evaluations
        .rfind(|evaluation| evaluation.step <= step)
        .or(last)
}

#[cfg(test)]
mod tests {
    use super::super::sample_result::sample_results;
    use super::super::testing::probe;
    use super::*;

    #[test]
    fn every_image_is_counted_once() {
        let probe = probe();
        let results = sample_results(&probe, 0, 1.0);
        let mut matrix = Matrix::default();
        let pair = Pair {
            rows: Answerer::Label,
            columns: Answerer::Student,
        };
        matrix.count(pair, &results, probe.classes.len());
        let total: u32 = matrix.counts.iter().flatten().sum();
        let labelled = results.iter().filter(|image| image.label.is_some()).count();
        assert_eq!(total as usize, labelled);
        let right = results
            .iter()
            .filter(|i| i.student.unwrap().right == Some(true));
        let diagonal: u32 = (0..4).map(|class| matrix.counts[class][class]).sum();
        assert_eq!(diagonal as usize, right.count());
    }

    #[test]
    fn the_cursor_stays_inside() {
        let mut matrix = Matrix::default();
        assert!(matrix.act(Action::Last, 4) && matrix.cursor == (3, 3));
        assert!(matrix.act(Action::Down, 4) && matrix.cursor == (3, 3));
        assert!(matrix.act(Action::Left, 2) && matrix.cursor == (1, 0));
        assert!(matrix.act(Action::Right, 0) && matrix.cursor == (0, 0));
        assert!(!matrix.act(Action::Help, 4));
    }
}
