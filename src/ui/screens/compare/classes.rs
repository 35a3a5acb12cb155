//! How student and teacher do on every class, for the table of classes.

use super::order::sort_by_number;
use super::sample_result::{Answer, SampleResult};
use crate::ui::action::Action;
use crate::ui::widget::Selection;

/// One class. What is not known is NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ClassRow {
    pub(super) class: usize,
    /// Images of this label.
    pub(super) images: usize,
    /// Recall: shares of them that are right.
    pub(super) teacher: f32,
    pub(super) student: f32,
    /// That of the second run's student.
    pub(super) second: f32,
    /// Mean KL(teacher ‖ student).
    pub(super) kl: f32,
}

impl ClassRow {
    /// By how much the student is better than the teacher.
    pub(super) fn difference(&self) -> f32 {
        self.student - self.teacher
    }
}

/// What classes are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ClassSort {
    #[default]
    Difference,
    Student,
    Teacher,
    Kl,
    Images,
    Class,
}

/// The table.
#[derive(Debug, Default)]
pub(super) struct Classes {
    /// In order.
    pub(super) rows: Vec<ClassRow>,
    pub(super) sort: ClassSort,
    /// Whether that stands in for one whose column is not there.
    stands_in: bool,
    pub(super) reversed: bool,
    pub(super) selection: Selection,
    pub(super) columns: Columns,
    /// The number of validation images, where all of them are counted.
    pub(super) whole: Option<usize>,
}

/// Which columns are known, beside those of a student.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) teacher: bool,
    pub(super) kl: bool,
}

impl Columns {
    fn hold(self, sort: ClassSort) -> bool {
        match sort {
            ClassSort::Difference | ClassSort::Teacher => self.teacher,
            ClassSort::Kl => self.kl,
            ClassSort::Student | ClassSort::Images | ClassSort::Class => true,
        }
    }
}

impl Classes {
    /// Takes rows counted anew, of all validation images if it is said how many these are,
    /// and keeps the order and the selected class.
    pub(super) fn update(&mut self, rows: Vec<ClassRow>, columns: Columns, whole: Option<usize>) {
        let selected = self.selected();
        (self.rows, self.columns, self.whole) = (rows, columns, whole);
        self.suit();
        self.order();
        if let Some(class) = selected {
            self.select(class);
        }
    }

    /// The selected class.
    pub(super) fn selected(&self) -> Option<usize> {
        let at = self.selection.get(self.rows.len())?;
        Some(self.rows[at].class)
    }

    fn select(&mut self, class: usize) {
        if let Some(at) = self.rows.iter().position(|row| row.class == class) {
            self.selection.set(at);
        }
    }

    /// Takes another order for one whose column is not there.
    fn suit(&mut self) {
        if !self.columns.hold(self.sort) {
            (self.sort, self.stands_in) = (ClassSort::Student, true);
        }
        if self.stands_in && self.columns.hold(ClassSort::default()) {
            (self.sort, self.stands_in) = (ClassSort::default(), false);
        }
    }

    /// Sorts or moves as an action says.
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::SortImages => {
                self.sort = self.sort.next(self.columns);
                (self.stands_in, self.reversed) = (false, false);
            }
            Action::ReverseImages => self.reversed = !self.reversed,
            _ => {
                self.selection.act(action, self.rows.len());
                return;
            }
        }
        self.order();
        self.selection.set(0);
    }

    /// Whether the column that the rows are sorted by falls from the first to the last.
    pub(super) fn falls(&self) -> bool {
        self.sort.falls() != self.reversed
    }

    /// The worst first.
    fn order(&mut self) {
        let rows = &self.rows;
        let sign = if self.sort.falls() { -1.0 } else { 1.0 };
        let mut places: Vec<usize> = (0..rows.len()).collect();
        sort_by_number(&mut places, self.reversed, |at| match self.sort {
            ClassSort::Difference => sign * rows[at].difference(),
            ClassSort::Student => sign * rows[at].student,
            ClassSort::Teacher => sign * rows[at].teacher,
            ClassSort::Kl => sign * rows[at].kl,
            ClassSort::Images => sign * rows[at].images as f32,
            ClassSort::Class => sign * rows[at].class as f32,
        });
        self.rows = places.into_iter().map(|at| rows[at]).collect();
    }
}

impl ClassSort {
    /// Whether the worst first, or what there is most of, is the largest first.
    fn falls(self) -> bool {
        matches!(self, Self::Kl | Self::Images)
    }

    fn next(self, columns: Columns) -> Self {
        let next = match self {
            Self::Difference => Self::Student,
            Self::Student => Self::Teacher,
            Self::Teacher => Self::Kl,
            Self::Kl => Self::Images,
            Self::Images => Self::Class,
            Self::Class => Self::Difference,
        };
        if columns.hold(next) {
            next
        } else {
            next.next(columns)
        }
    }
}

/// Every class of matrices `[label][prediction]`, in the order of the classes.
pub(super) fn of_matrices(
    student: &[Vec<u32>],
    teacher: Option<&[Vec<u32>]>,
    second: Option<&[Vec<u32>]>,
) -> Vec<ClassRow> {
    let images = |row: &[u32]| row.iter().map(|count| *count as usize).sum::<usize>();
    let recall = |matrix: Option<&[Vec<u32>]>, class: usize| {
        let row = matrix.and_then(|matrix| matrix.get(class));
        row.map_or(f32::NAN, |row| row[class] as f32 / images(row) as f32)
    };
    let rows = student.iter().enumerate().map(|(class, row)| ClassRow {
        class,
        images: images(row),
        teacher: recall(teacher, class),
        student: recall(Some(student), class),
        second: recall(second, class),
        kl: f32::NAN,
    });
    rows.collect()
}

/// Every class of the images that are compared, in the order of the classes.
pub(super) fn per_class(results: &[SampleResult], classes: usize) -> Vec<ClassRow> {
    /// A sum and how many it is of.
    #[derive(Clone, Copy, Default)]
    struct Mean(f32, usize);
    impl Mean {
        fn add(&mut self, value: f32) {
            if value.is_finite() {
                self.0 += value;
                self.1 += 1;
            }
        }
        fn value(self) -> f32 {
            if self.1 == 0 {
                f32::NAN
            } else {
                self.0 / self.1 as f32
            }
        }
    }
    let right = |answer: Option<Answer>| match answer.and_then(|answer| answer.right) {
        Some(right) => f32::from(u8::from(right)),
        None => f32::NAN,
    };
    let mut means = vec![(0, [Mean::default(); 4]); classes];
    for image in results {
        let Some((images, [teacher, student, second, kl])) =
            image.label.and_then(|label| means.get_mut(label))
        else {
            continue;
        };
        *images += 1;
        teacher.add(right(image.teacher));
        student.add(right(image.student));
        second.add(right(image.second));
        kl.add(image.kl);
    }
    let rows = means.into_iter().enumerate();
    rows.map(
        |(class, (images, [teacher, student, second, kl]))| ClassRow {
            class,
            images,
            teacher: teacher.value(),
            student: student.value(),
            second: second.value(),
            kl: kl.value(),
        },
    )
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample_result::sample_results;
    use super::super::testing::probe;
    use super::*;

    #[test]
    fn accuracies_are_shares_of_a_class_and_unknown_without_images() {
        let probe = probe();
        let results = sample_results(&probe, 2, 1.0);
        let rows = per_class(&results, 5);
        assert_eq!(
            rows.iter().map(|row| row.images).sum::<usize>(),
            results.len()
        );
        assert!(
            rows[..4]
                .iter()
                .all(|row| (0.0..=1.0).contains(&row.student))
        );
        assert!(rows[4].student.is_nan() && rows[4].kl.is_nan());
    }

    #[test]
    fn the_arrow_says_in_which_direction_the_values_go() {
        let mut classes = counted(2);
        for _ in 0..6 {
            for _ in 0..2 {
                let value = |row: &ClassRow| match classes.sort {
                    ClassSort::Difference => row.difference(),
                    ClassSort::Student => row.student,
                    ClassSort::Teacher => row.teacher,
                    ClassSort::Kl => row.kl,
                    ClassSort::Images => row.images as f32,
                    ClassSort::Class => row.class as f32,
                };
                let values: Vec<f32> = classes.rows.iter().map(value).collect();
                let falls = classes.falls();
                let in_order = |pair: &[f32]| {
                    if falls {
                        pair[0] >= pair[1]
                    } else {
                        pair[0] <= pair[1]
                    }
                };
                assert!(
                    values.windows(2).all(in_order),
                    "{:?} {values:?}",
                    classes.sort
                );
                classes.act(Action::ReverseImages);
            }
            classes.act(Action::SortImages);
        }
    }

    #[test]
    fn the_selected_class_stays_selected_when_numbers_change() {
        let mut classes = counted(0);
        classes.act(Action::Down);
        let selected = classes.selected();
        classes.update(rows(2), ALL, None);
        assert_eq!(classes.selected(), selected);
        for _ in 0..5 {
            classes.act(Action::SortImages);
        }
        assert_eq!(classes.sort, ClassSort::Class);
        classes.act(Action::ReverseImages);
        assert_eq!(classes.selected(), Some(3));
    }

    #[test]
    fn a_matrix_has_the_recall_of_every_class() {
        let student = [vec![3, 1, 0], vec![0, 2, 2], vec![0, 0, 0]];
        let teacher = [vec![4, 0, 0], vec![0, 3, 1], vec![0, 0, 0]];
        let rows = of_matrices(&student, Some(&teacher), None);
        let numbers = rows[..2].iter();
        let numbers: Vec<_> = numbers
            .map(|row| (row.images, row.teacher, row.student))
            .collect();
        assert_eq!(numbers, [(4, 1.0, 0.75), (4, 0.75, 0.5)]);
        assert!(
            rows.iter()
                .all(|row| row.second.is_nan() && row.kl.is_nan())
        );
        assert!(rows[2].images == 0 && rows[2].student.is_nan());
    }

    #[test]
    fn a_column_that_is_not_there_is_not_sorted_by() {
        let mut classes = counted(0);
        for (columns, sort) in [
            (Columns { kl: false, ..ALL }, ClassSort::Difference),
            (Columns::default(), ClassSort::Student),
            (ALL, ClassSort::Difference),
        ] {
            classes.update(rows(0), columns, None);
            assert_eq!(classes.sort, sort);
            for _ in 0..7 {
                assert!(columns.hold(classes.sort), "{columns:?} {:?}", classes.sort);
                classes.act(Action::SortImages);
            }
            (classes.sort, classes.stands_in) = (sort, sort == ClassSort::Student);
        }
    }

    const ALL: Columns = Columns {
        teacher: true,
        kl: true,
    };

    fn rows(at: usize) -> Vec<ClassRow> {
        per_class(&sample_results(&probe(), at, 1.0), 4)
    }

    fn counted(at: usize) -> Classes {
        let mut classes = Classes::default();
        classes.update(rows(at), ALL, None);
        classes
    }
}
