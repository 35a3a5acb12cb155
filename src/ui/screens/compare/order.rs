//! Which images are listed, and in which order.

use super::sample_result::{Answer, SampleResult};
use crate::event::inspection::{Answerer, MatrixCell, Probe};
use crate::ui::widget::Pattern;

/// What images are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sort {
    /// KL of student and teacher, largest first.
    #[default]
    Kl,
    /// The student's confidence, smallest first.
    Confidence,
    /// The student's loss, largest first.
    Loss,
    /// Label, in the order of the classes.
    Class,
    /// File.
    Source,
}

/// Which images are listed, by who is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Show {
    #[default]
    All,
    TeacherRight,
    BothWrong,
    StudentRight,
    Disagree,
    /// Where there is no teacher.
    StudentWrong,
}

/// Order and choice of images.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    pub(super) sort: Sort,
    /// Whether that stands in for one that asks for a teacher, where there is none.
    pub(super) stands_in: bool,
    pub(super) reversed: bool,
    pub(super) show: Show,
    /// Images of this label alone.
    pub(super) class: Option<usize>,
    /// Images of this cell of a matrix alone.
    pub(super) cell: Option<MatrixCell>,
    /// Images whose source or label this finds alone.
    pub(super) pattern: Option<Pattern>,
}

impl Sort {
    fn next(self, has_teacher: bool) -> Self {
        match self {
            Self::Confidence => Self::Loss,
            Self::Loss => Self::Class,
            Self::Class => Self::Source,
            Self::Source if has_teacher => Self::Kl,
            Self::Source | Self::Kl => Self::Confidence,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Kl => "highest KL",
            Self::Confidence => "lowest confidence",
            Self::Loss => "highest loss",
            Self::Class => "by class",
            Self::Source => "by file",
        }
    }
}

impl Show {
    pub(super) fn next(self, has_teacher: bool) -> Self {
        match self {
            Self::All if has_teacher => Self::TeacherRight,
            Self::All => Self::StudentWrong,
            Self::TeacherRight => Self::BothWrong,
            Self::BothWrong => Self::StudentRight,
            Self::StudentRight => Self::Disagree,
            Self::Disagree | Self::StudentWrong => Self::All,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::TeacherRight => "only teacher ✓",
            Self::BothWrong => "both ✗",
            Self::StudentRight => "only student ✓",
            Self::Disagree => "disagreement",
            Self::StudentWrong => "student ✗",
        }
    }

    fn holds(self, image: &SampleResult) -> bool {
        let right = |answer: Option<Answer>| answer.and_then(|answer| answer.right);
        let (teacher, student) = (right(image.teacher), right(image.student));
        match self {
            Self::All => true,
            Self::TeacherRight => teacher == Some(true) && student == Some(false),
            Self::StudentWrong => student == Some(false),
            Self::BothWrong => teacher == Some(false) && student == Some(false),
            Self::StudentRight => teacher == Some(false) && student == Some(true),
            Self::Disagree => image
                .teacher
                .zip(image.student)
                .is_some_and(|(teacher, student)| teacher.class != student.class),
        }
    }
}

/// The class that somebody says of an image.
pub(super) fn class_by(who: Answerer, image: &SampleResult) -> Option<usize> {
    match who {
        Answerer::Label => image.label,
        Answerer::Teacher => image.teacher.map(|answer| answer.class),
        Answerer::Student => image.student.map(|answer| answer.class),
    }
}

/// Whose class it is, in a word.
pub(super) fn word_of(who: Answerer) -> &'static str {
    match who {
        Answerer::Label => "label",
        Answerer::Teacher => "teacher",
        Answerer::Student => "student",
    }
}

/// A cell in words: `label cat, student dog`.
pub(super) fn cell_words(cell: MatrixCell, classes: &[String]) -> String {
    let answer = |(who, class): (Answerer, usize)| {
        let class = classes.get(class).map_or("?", String::as_str);
        format!("{} {class}", word_of(who))
    };
    format!("{}, {}", answer(cell.rows), answer(cell.columns))
}

impl Order {
    /// Takes another order or choice for one that asks for a teacher where there is none.
    pub(super) fn suit(&mut self, has_teacher: bool) {
        if !has_teacher && self.sort == Sort::Kl {
            (self.sort, self.stands_in) = (Sort::Loss, true);
        } else if has_teacher && self.stands_in {
            (self.sort, self.stands_in) = (Sort::Kl, false);
        }
        let asks = !matches!(self.show, Show::All | Show::StudentWrong);
        if asks != has_teacher && self.show != Show::All {
            self.show = Show::All;
        }
    }

    /// Sorts by what comes next.
    pub(super) fn sort_next(&mut self, has_teacher: bool) {
        self.sort = self.sort.next(has_teacher);
        (self.stands_in, self.reversed) = (false, false);
    }

    /// Forgets every choice, so that all images are listed.
    pub(super) fn clear(&mut self) {
        self.show = Show::All;
        self.class = None;
        self.cell = None;
        self.pattern = None;
    }

    /// Whether images may be left out.
    pub(super) fn chooses(&self) -> bool {
        self.show != Show::All
            || self.class.is_some()
            || self.cell.is_some()
            || self.pattern.is_some()
    }

    /// The images to list, in order.
    pub(super) fn rows(&self, probe: &Probe, results: &[SampleResult]) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..results.len())
            .filter(|&image| self.holds(probe, image, &results[image]))
            .collect();
        match self.sort {
            Sort::Kl => sort_by_number(&mut rows, self.reversed, |row| -results[row].kl),
            Sort::Loss => sort_by_number(&mut rows, self.reversed, |row| -results[row].loss),
            Sort::Confidence => sort_by_number(&mut rows, self.reversed, |row| {
                results[row]
                    .student
                    .map_or(f32::NAN, |answer| answer.confidence)
            }),
            Sort::Class => {
                rows.sort_by_key(|&row| results[row].label.unwrap_or(usize::MAX));
                self.turn(&mut rows);
            }
            Sort::Source => {
                rows.sort_by(|&a, &b| probe.images[a].source.cmp(&probe.images[b].source));
                self.turn(&mut rows);
            }
        }
        rows
    }

    fn turn(&self, rows: &mut [usize]) {
        if self.reversed {
            rows.reverse();
        }
    }

    fn holds(&self, probe: &Probe, image: usize, result: &SampleResult) -> bool {
        let meets = self.cell.is_none_or(|cell| {
            [cell.rows, cell.columns]
                .iter()
                .all(|(who, class)| class_by(*who, result) == Some(*class))
        });
        let found = self.pattern.as_ref().is_none_or(|pattern| {
            let source = &probe.images[image].source;
            let label = result.label.and_then(|label| probe.classes.get(label));
            pattern.finds(source) || label.is_some_and(|label| pattern.finds(label))
        });
        let class = self.class.is_none_or(|class| result.label == Some(class));
        meets && found && class && self.show.holds(result)
    }

    /// What is listed and how, for people.
    pub(super) fn words(&self, classes: &[String]) -> String {
        let name = |class: usize| classes.get(class).map_or("?", String::as_str);
        let mut words = Vec::new();
        if self.show != Show::All {
            words.push(self.show.word().to_owned());
        }
        if let Some(class) = self.class {
            words.push(format!("only {}", name(class)));
        }
        words.extend(self.cell.map(|cell| cell_words(cell, classes)));
        if let Some(pattern) = &self.pattern {
            words.push(format!("/{}/", pattern.text()));
        }
        let turned = if self.reversed { ", reversed" } else { "" };
        words.push(format!("{}{turned}", self.sort.word()));
        words.join(" · ")
    }
}

/// Sorts by a number, smallest first; what is none stays last either way.
pub(super) fn sort_by_number(rows: &mut [usize], reversed: bool, number: impl Fn(usize) -> f32) {
    rows.sort_by(|&a, &b| {
        let (a, b) = (number(a), number(b));
        let order = a.total_cmp(&b);
        a.is_nan().cmp(&b.is_nan()).then(if a.is_nan() {
            std::cmp::Ordering::Equal
        } else if reversed {
            order.reverse()
        } else {
            order
        })
    });
}

#[cfg(test)]
mod tests {
    use super::super::sample_result::sample_results;
    use super::super::testing::probe;
    use super::*;

    fn rows(order: &Order) -> (Probe, Vec<SampleResult>, Vec<usize>) {
        let probe = probe();
        let mut results = sample_results(&probe, 1, 1.0);
        results[4].kl = f32::NAN;
        let rows = order.rows(&probe, &results);
        (probe, results, rows)
    }

    #[test]
    fn the_largest_disagreement_is_first_and_what_is_not_known_last() {
        for reversed in [false, true] {
            let order = Order {
                reversed,
                ..Order::default()
            };
            let (_, results, rows) = rows(&order);
            assert_eq!(rows.last(), Some(&4));
            let known: Vec<f32> = rows[..rows.len() - 1]
                .iter()
                .map(|&r| results[r].kl)
                .collect();
            let sorted = known
                .windows(2)
                .all(|two| (two[0] >= two[1]) != reversed || two[0] == two[1]);
            assert!(sorted, "{known:?}");
        }
    }

    #[test]
    fn who_is_right_chooses_the_images() {
        let mut show = Show::All.next(true);
        while show != Show::All {
            let order = Order {
                show,
                ..Order::default()
            };
            let (_, results, rows) = rows(&order);
            for (image, result) in results.iter().enumerate() {
                let teacher = result.teacher.unwrap();
                let student = result.student.unwrap();
                let holds = match show {
                    Show::All => true,
                    Show::TeacherRight => {
                        teacher.right == Some(true) && student.right == Some(false)
                    }
                    Show::BothWrong => teacher.right == Some(false) && student.right == Some(false),
                    Show::StudentRight => {
                        teacher.right == Some(false) && student.right == Some(true)
                    }
                    Show::Disagree => teacher.class != student.class,
                    Show::StudentWrong => student.right == Some(false),
                };
                assert_eq!(rows.contains(&image), holds, "{show:?} {image}");
            }
            show = show.next(true);
        }
    }

    #[test]
    fn a_class_a_cell_and_a_text_choose_images_together() {
        let mut order = Order {
            class: Some(1),
            ..Order::default()
        };
        let (probe, results, all) = rows(&order);
        assert!(!all.is_empty() && all.iter().all(|&row| results[row].label == Some(1)));
        order.pattern = Pattern::new(&probe.images[all[0]].source);
        assert_eq!(order.rows(&probe, &results), [all[0]]);
        order.clear();
        assert!(!order.chooses());
        order.cell = Some(MatrixCell {
            rows: (Answerer::Label, 0),
            columns: (Answerer::Teacher, 0),
        });
        assert!(order.rows(&probe, &results).contains(&0));
        assert_eq!(
            order.words(&probe.classes),
            "label airplane, teacher airplane · highest KL"
        );
    }
}
