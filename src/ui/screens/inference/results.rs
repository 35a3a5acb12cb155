//! What was classified: kept in the order of arrival, shown in another.

use std::cmp::Ordering;
use std::ops::Range;

use crate::event::SkippedImage;
use crate::event::inspection::score::Confusion;
use crate::event::inspection::{AnswerMetrics, Classified};
use crate::ui::action::Action;
use crate::ui::widget::picture::shrunk;
use crate::ui::widget::{Pattern, Selection};

/// Pictures that are kept large enough to be looked at alone; a hundred
/// thousand of them would not fit into memory.
const LARGE_PICTURES: usize = 2000;
/// Pixels of the longer side of those, and of the others.
const SIDES: (u32, u32) = (112, 32);

/// What results are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sort {
    /// Smallest margin between the first and the second class first.
    #[default]
    Hardest,
    /// Highest confidence first.
    Confidence,
    /// Class, then file.
    Class,
    /// File.
    File,
}

impl Sort {
    fn next(self) -> Self {
        match self {
            Self::Hardest => Self::Confidence,
            Self::Confidence => Self::Class,
            Self::Class => Self::File,
            Self::File => Self::Hardest,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Hardest => "lowest margin",
            Self::Confidence => "highest confidence",
            Self::Class => "by class",
            Self::File => "by file",
        }
    }
}

/// An image and what follows from its logits.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) image: Classified,
    pub(super) student: Option<AnswerMetrics>,
    pub(super) teacher: Option<AnswerMetrics>,
}

impl Entry {
    /// The answer that counts: the student's where it was asked.
    pub(super) fn answer(&self) -> Option<&AnswerMetrics> {
        self.student.as_ref().or(self.teacher.as_ref())
    }

    /// Whether an answer is the label, where there is one.
    pub(super) fn is_right(&self, answer: Option<&AnswerMetrics>) -> Option<bool> {
        Some(self.image.label? == answer?.prediction)
    }

    /// Whether both models answer the same, where both did.
    pub(super) fn agrees(&self) -> Option<bool> {
        let both = self.student.as_ref().zip(self.teacher.as_ref());
        both.map(|(student, teacher)| student.prediction == teacher.prediction)
    }
}

/// The results and which of them are shown.
#[derive(Debug, Default)]
pub(super) struct Results {
    classes: Vec<String>,
    /// In order of arrival.
    entries: Vec<Entry>,
    /// What student and teacher say of labelled images.
    scores: [Confusion; 2],
    /// Files that could not be read, in order of arrival.
    pub(super) unreadable: Vec<SkippedImage>,
    /// Places of those that are shown, in order.
    rows: Vec<usize>,
    sort: Sort,
    reversed: bool,
    pattern: Option<Pattern>,
    selection: Selection,
}

impl Results {
    /// Forgets all results, but not how to sort them.
    pub(super) fn begin(&mut self, classes: Vec<String>) {
        self.scores = [(); 2].map(|()| Confusion::new(classes.len()));
        self.classes = classes;
        self.entries.clear();
        self.unreadable.clear();
        self.rows.clear();
        self.selection = Selection::default();
    }

    pub(super) fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Number of images that were classified.
    pub(super) fn number(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is known of any file.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unreadable.is_empty()
    }

    /// What the models say of labelled images, with their names.
    pub(super) fn scores(&self) -> impl Iterator<Item = (&'static str, &Confusion)> {
        let models = ["student", "teacher"].into_iter().zip(&self.scores);
        models.filter(|(_, score)| score.total() > 0)
    }

    /// Number of images that are shown.
    pub(super) fn shown(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// The image of a row.
    pub(super) fn row(&self, row: usize) -> Option<&Entry> {
        self.entries.get(*self.rows.get(row)?)
    }

    /// Those that are shown, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Classified> + Clone {
        self.rows.iter().map(|&at| &self.entries[at].image)
    }

    pub(super) fn selected_row(&self) -> Option<usize> {
        self.selection.get(self.rows.len())
    }

    pub(super) fn selected_entry(&self) -> Option<&Entry> {
        self.row(self.selected_row()?)
    }

    pub(super) fn selected(&self) -> Option<&Classified> {
        self.selected_entry().map(|entry| &entry.image)
    }

    pub(super) fn select(&mut self, row: usize) {
        self.selection.set(row);
    }

    pub(super) fn window(&self, height: usize) -> Range<usize> {
        self.selection.window(self.rows.len(), height)
    }

    pub(super) fn act(&mut self, action: Action) -> bool {
        self.selection.act(action, self.rows.len())
    }

    /// Takes in an image, at its place among the others. A person who looks at the
    /// first row keeps looking at the first; else the selected image stays.
    pub(super) fn add(&mut self, mut image: Classified) {
        let large = self.entries.len() < LARGE_PICTURES;
        image.picture = shrunk(image.picture, if large { SIDES.0 } else { SIDES.1 });
        let at = self.entries.len();
        let entry = Entry {
            student: image.student.as_deref().and_then(AnswerMetrics::of),
            teacher: image.teacher.as_deref().and_then(AnswerMetrics::of),
            image,
        };
        for (score, answer) in self.scores.iter_mut().zip([entry.student, entry.teacher]) {
            let known = 0..self.classes.len();
            if let Some((label, answer)) = entry.image.label.zip(answer)
                && known.contains(&label)
                && known.contains(&answer.prediction)
            {
                score.count(label, answer.prediction);
            }
        }
        self.entries.push(entry);
        if !self.holds(at) {
            return;
        }
        let place = self
            .rows
            .partition_point(|&other| self.order(other, at).is_lt());
        let selected = self.selected_row().unwrap_or(0);
        self.rows.insert(place, at);
        if selected > 0 && place <= selected {
            self.selection.set(selected + 1);
        }
    }

    pub(super) fn sort_next(&mut self) {
        self.sort = self.sort.next();
        self.reversed = false;
        self.arrange();
    }

    pub(super) fn reverse(&mut self) {
        self.reversed = !self.reversed;
        self.arrange();
    }

    /// Shows the images that a pattern finds, or all.
    pub(super) fn filter(&mut self, pattern: Option<Pattern>) {
        if self.pattern.is_some() || pattern.is_some() {
            self.pattern = pattern;
            self.arrange();
        }
    }

    fn arrange(&mut self) {
        let mut rows: Vec<usize> = (0..self.entries.len())
            .filter(|&at| self.holds(at))
            .collect();
        rows.sort_unstable_by(|&a, &b| self.order(a, b));
        self.rows = rows;
        self.selection.set(0);
    }

    fn holds(&self, at: usize) -> bool {
        let Some(pattern) = &self.pattern else {
            return true;
        };
        let entry = &self.entries[at];
        let answers = [entry.student, entry.teacher].into_iter().flatten();
        let mut classes = answers.filter_map(|answer| self.classes.get(answer.prediction));
        pattern.finds(&entry.image.path.to_string_lossy())
            || classes.any(|class| pattern.finds(class))
    }

    /// The order of two images; what has no answer is last either way. Equals
    /// are in order of arrival, so that no two are equal.
    fn order(&self, a: usize, b: usize) -> Ordering {
        let (one, other) = (&self.entries[a], &self.entries[b]);
        let by = |number: fn(&AnswerMetrics) -> f32| {
            let (one, other) = (one.answer().map(number), other.answer().map(number));
            match (one, other) {
                (Some(one), Some(other)) => self.turned(one.total_cmp(&other)),
                _ => one.is_none().cmp(&other.is_none()),
            }
        };
        let file = || self.turned(one.image.path.cmp(&other.image.path));
        let order = match self.sort {
            Sort::Hardest => by(|answer| answer.margin),
            Sort::Confidence => by(|answer| -answer.confidence),
            Sort::Class => by(|answer| answer.prediction as f32).then_with(file),
            Sort::File => file(),
        };
        order.then(a.cmp(&b))
    }

    fn turned(&self, order: Ordering) -> Ordering {
        if self.reversed {
            order.reverse()
        } else {
            order
        }
    }

    /// What is shown and in which order, for people.
    pub(super) fn words(&self) -> String {
        let pattern = self.pattern.as_ref();
        let pattern = pattern.map_or(String::new(), |pattern| format!("/{}/ · ", pattern.text()));
        let turned = if self.reversed { ", reversed" } else { "" };
        format!("{pattern}{}{turned}", self.sort.word())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::classified;
    use super::*;

    fn files(results: &Results) -> Vec<String> {
        results
            .iter()
            .map(|image| image.path.to_string_lossy().into_owned())
            .collect()
    }

    /// Twenty images, in an order that is neither that of files nor of margins.
    fn results() -> Results {
        let mut results = Results::default();
        results.begin(
            ["airplane", "cat", "dog", "ship"]
                .map(str::to_owned)
                .to_vec(),
        );
        for at in 0..20 {
            results.add(classified(at * 7 % 20));
        }
        results
    }

    #[test]
    fn images_that_arrive_one_by_one_stand_as_if_sorted_at_once() {
        for sorts in 0..4 {
            for reversed in [false, true] {
                let mut arriving = Results::default();
                arriving.begin(results().classes().to_vec());
                (0..sorts).for_each(|_| arriving.sort_next());
                if reversed {
                    arriving.reverse();
                }
                for at in 0..20 {
                    arriving.add(classified(at * 7 % 20));
                }
                let one_by_one = files(&arriving);
                arriving.arrange();
                assert_eq!(files(&arriving), one_by_one);
            }
        }
    }

    #[test]
    fn the_hardest_are_first_and_what_has_no_answer_is_last() {
        let mut results = results();
        let mut broken = classified(99);
        broken.student = Some(vec![f32::NAN; 4]);
        broken.teacher = None;
        results.add(broken);
        for _ in 0..2 {
            assert_eq!(files(&results).last().unwrap(), "new/0099.png");
            results.reverse();
        }
        let margins: Vec<f32> = (0..20)
            .map(|row| results.row(row).unwrap().answer().unwrap().margin)
            .collect();
        assert!(margins.is_sorted(), "{margins:?}");
    }

    #[test]
    fn the_selected_image_stays_selected_while_others_arrive() {
        let mut results = results();
        results.select(5);
        let selected = results.selected().unwrap().path.clone();
        for at in 20..60 {
            results.add(classified(at));
            assert_eq!(results.selected().unwrap().path, selected);
        }
        results.select(0);
        results.sort_next();
        assert_eq!(results.selected_row(), Some(0));
    }

    #[test]
    fn a_pattern_finds_files_and_classes() {
        let mut results = results();
        results.filter(Pattern::new("0003|0004"));
        assert_eq!(results.shown(), 2);
        results.filter(Pattern::new("^ship$"));
        assert!(results.shown() > 0 && results.shown() < 20);
        results.add(classified(0));
        results.filter(None);
        assert_eq!(results.shown(), 21);
    }

    #[test]
    fn late_pictures_are_kept_small() {
        let mut results = Results::default();
        for at in 0..=LARGE_PICTURES {
            let mut image = classified(at);
            image.picture = super::super::tests::picture(0, 64);
            results.add(image);
        }
        assert_eq!(results.entries[0].image.picture.width, 64);
        assert_eq!(results.entries[LARGE_PICTURES].image.picture.width, SIDES.1);
    }
}
