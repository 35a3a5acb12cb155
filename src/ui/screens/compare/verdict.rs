//! The verdict, with which the screen begins: how student and teacher compare over
//! a whole set of images, as it was counted when they were evaluated; with another
//! run's student, `92.7 % ↔ 91.3 %`. The rest of the screen explains it.
//!
//! ```text
//!  valid · 1350 images  top-1 student (latest) 92.7 %  teacher 94.0 %
//!  test (best) 92.2 %  agreement 93.1 %  both right 90.1 %  only teacher 3.9 %
//!  only student 2.6 %  both wrong 3.4 %  14.2x fewer params  KL T=1 0.0799
//!  ECE 2.3 %, teacher 1.2 %
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use super::matrix::student_evaluation;
use super::sample_result::{label_of, usable};
use crate::event::inspection::Probe;
use crate::event::inspection::metrics::MetricAccumulator;
use crate::event::{EvaluatedWeights, Evaluation, Phase, Split, TeacherAgreement};
use crate::format::{MISSING, count, loss, percent, shorten, times};
use crate::store::RunStore;
use crate::ui::theme::Theme;
use crate::ui::widget::Cells;
use crate::ui::widget::cells::width_of;

/// Cells between two parts.
const GAP: u16 = 2;
/// Lines that it takes at most in an area that is lower than this.
const MOST: [(u16, usize); 3] = [(18, 1), (20, 3), (u16::MAX, 4)];

/// What is said of a set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Verdict {
    /// Names and values, in the order of what matters most.
    parts: Vec<(String, String)>,
}

/// What a folder's images come to.
#[derive(Debug, Clone)]
pub(super) struct FolderMetrics {
    counts: MetricAccumulator,
    /// Whether the images' labels are known.
    is_labelled: bool,
}

impl FolderMetrics {
    /// Of the images that have a label; of all, if none has.
    pub(super) fn of(probe: &Probe, at: usize) -> Self {
        let teacher = probe.teacher.as_ref();
        let is_labelled = (0..probe.images.len()).any(|image| label_of(probe, image).is_some());
        let mut counts = MetricAccumulator::new(probe.classes.len(), teacher.is_some());
        for image in 0..probe.images.len() {
            let student = probe.students.get(at);
            let student = student.and_then(|answers| usable(probe, &answers.logits, image));
            let teacher = teacher.and_then(|teacher| usable(probe, teacher, image));
            // Without labels any will do: agreement and KL do not ask for it.
            let label = label_of(probe, image).or((!is_labelled).then_some(0));
            if let (Some(student), Some(label)) = (student, label) {
                counts.count(student, label, teacher);
            }
        }
        Self {
            counts,
            is_labelled,
        }
    }
}

/// What a student comes to.
#[derive(Debug, Clone)]
struct Metrics {
    images: usize,
    top1: f64,
    ece: Option<f64>,
    teacher: Option<TeacherAgreement>,
    /// Top-1 of its best weights on the test images, where that is another set.
    test: Option<f64>,
    /// How many times fewer parameters than its teacher.
    fewer: Option<f64>,
}

impl Metrics {
    fn of_run(evaluation: &Evaluation, store: &RunStore) -> Self {
        let test = tested(store).filter(|test| test.split != evaluation.split);
        Self {
            images: evaluation.images,
            top1: evaluation.top1,
            ece: evaluation.ece,
            teacher: evaluation.teacher,
            test: test.map(|test| test.top1),
            fewer: store.compression().map(|ratio| ratio.parameters),
        }
    }

    fn of_folder(counts: &MetricAccumulator, store: &RunStore) -> Self {
        Self {
            images: counts.images(),
            top1: counts.top1(),
            ece: Some(counts.ece()),
            teacher: counts.teacher(),
            test: None,
            fewer: store.compression().map(|ratio| ratio.parameters),
        }
    }
}

/// A run's student, and which of its weights: those after so many steps.
pub(super) type Student<'a> = (&'a RunStore, u64);

impl Verdict {
    /// Of a run's validation images; of its test images, if those are all that it was
    /// evaluated on. With another run's student the two stand beside one another.
    pub(super) fn of_run((store, step): Student<'_>, second: Option<Student<'_>>) -> Self {
        let Some(evaluation) = evaluation(store, step) else {
            return Self::default();
        };
        let mut verdict = Self::titled(evaluation.split.word(), evaluation.images);
        let mut weights = weights_of(evaluation, store, step);
        let others = second.into_iter().map(|(store, step)| {
            let other = evaluation_of(evaluation.split, store, step)?;
            let theirs = weights_of(other, store, step);
            if theirs != weights {
                weights = format!("{weights} ↔ {theirs}");
            }
            Some(Metrics::of_run(other, store))
        });
        let others: Vec<Option<Metrics>> = others.collect();
        let weights = format!("student ({weights})");
        verdict.compare(&weights, &Metrics::of_run(evaluation, store), &others);
        verdict
    }

    /// Of a folder's images.
    pub(super) fn of_folder(
        (metrics, store): (&FolderMetrics, &RunStore),
        second: Option<(&FolderMetrics, &RunStore)>,
    ) -> Self {
        let counts = &metrics.counts;
        let mut verdict = Self::titled("folder", counts.images());
        let first = Metrics::of_folder(counts, store);
        let others = second.into_iter();
        let others = others.map(|(metrics, store)| Metrics::of_folder(&metrics.counts, store));
        let others: Vec<Option<Metrics>> = others.map(Some).collect();
        if metrics.is_labelled {
            verdict.compare("student", &first, &others);
        } else {
            let pair = |value: fn(&TeacherAgreement) -> String| {
                let of = |metrics: &Metrics| metrics.teacher.as_ref().map(value);
                beside(&first, &others, &of)
            };
            let agreement = pair(|teacher| percent(teacher.agreement));
            let kl = pair(|teacher| loss(teacher.kl));
            for (name, value) in [("agreement", agreement), ("KL T=1", kl)] {
                if let Some(value) = value {
                    verdict.add(name, value);
                }
            }
            verdict.add("accuracy", "no subfolder is named like a class".to_owned());
        }
        verdict
    }

    fn titled(set: &str, images: usize) -> Self {
        let mut verdict = Self::default();
        verdict.add("", format!("{set} · {} images", count(images as u64)));
        verdict
    }

    fn add(&mut self, name: &str, value: String) {
        self.parts.push((name.to_owned(), value));
    }

    /// Says what a student of this name comes to, and beside it what others do, as far as
    /// that is known of the same number of images.
    fn compare(&mut self, student: &str, first: &Metrics, others: &[Option<Metrics>]) {
        let pair = |value: &dyn Fn(&Metrics) -> Option<String>| beside(first, others, value);
        let taught = |value: &dyn Fn(&Metrics, &TeacherAgreement) -> Option<String>| {
            pair(&|metrics| value(metrics, metrics.teacher.as_ref()?))
        };
        let right =
            |at: usize| taught(&|student, it| Some(percent(it.who_is_right(student.top1)?[at])));
        let top1 = &*format!("top-1 {student}");
        let parts = if let Some(teacher) = first.teacher {
            let shared = taught(&|_, teacher| Some(percent(teacher.top1)));
            // As a rule it is the same one.
            let alike = format!("{0} ↔ {0}", percent(teacher.top1));
            let shared = shared.map(|text| {
                if text == alike {
                    percent(teacher.top1)
                } else {
                    text
                }
            });
            vec![
                (top1, pair(&|it| Some(percent(it.top1)))),
                ("teacher", shared),
                ("test (best)", pair(&|it| it.test.map(percent))),
                ("agreement", taught(&|_, it| Some(percent(it.agreement)))),
                ("both right", right(0)),
                ("only teacher", right(1)),
                ("only student", right(2)),
                ("both wrong", right(3)),
                (
                    "who is right",
                    teacher
                        .both_right
                        .is_none()
                        .then(|| "not available for this older run".to_owned()),
                ),
                (
                    "",
                    pair(&|it| it.fewer.map(times)).map(|ratio| format!("{ratio} fewer params")),
                ),
                ("KL T=1", taught(&|_, it| Some(loss(it.kl)))),
                (
                    "ECE",
                    pair(&|it| Some(share(it.ece)))
                        .map(|student| format!("{student}, teacher {}", share(teacher.ece))),
                ),
            ]
        } else {
            vec![
                (top1, pair(&|it| Some(percent(it.top1)))),
                ("test (best)", pair(&|it| it.test.map(percent))),
                ("ECE", pair(&|it| Some(share(it.ece)))),
            ]
        };
        for (name, value) in parts {
            if let Some(value) = value {
                self.add(name, value);
            }
        }
    }

    /// The parts of each line, broken between parts. The number of images is left out,
    /// and then the set, where the first line had room for nothing else.
    fn lines(&self, width: u16) -> Vec<Vec<(&str, &str)>> {
        let mut lines: Vec<Vec<(&str, &str)>> = Vec::new();
        let parts = self.parts.iter();
        let mut parts: Vec<(&str, &str)> = parts.map(|(name, value)| (&**name, &**value)).collect();
        if let [(_, heading), next, ..] = parts.as_mut_slice() {
            let has_room = |heading: &str| 1 + width_of(heading) + GAP + cells_of(next) <= width;
            let set = heading.split(" · ").next().unwrap_or_default();
            if !has_room(heading) && has_room(set) {
                *heading = set;
            } else if !has_room(heading) {
                parts.remove(0);
            }
        }
        let mut left = 0;
        for part in parts {
            let wanted = cells_of(&part);
            match lines.last_mut() {
                Some(line) if left >= wanted => line.push(part),
                _ => {
                    lines.push(vec![part]);
                    left = width.saturating_sub(1);
                }
            }
            left = left.saturating_sub(wanted + GAP);
        }
        lines
    }

    /// Rows that it takes of an area.
    pub(super) fn rows(&self, area: Rect) -> u16 {
        let most = MOST.iter().find(|(height, _)| area.height < *height);
        let most = most.map_or(0, |(_, most)| *most);
        self.lines(area.width).len().min(most) as u16
    }

    pub(super) fn draw(&self, theme: &Theme, frame: &mut Frame, area: Rect) {
        let lines = self.lines(area.width);
        let rows = usize::from(area.height);
        let is_cut = lines.len() > rows;
        for (line, mut parts) in lines.into_iter().take(rows).enumerate() {
            // Of what there is no room for nothing is seen but that it is there.
            let ends = is_cut && line + 1 == rows;
            let taken = |parts: &[(&str, &str)]| -> u16 {
                parts.iter().map(|part| cells_of(part) + GAP).sum()
            };
            while ends && parts.len() > 1 && taken(&parts) + 2 > area.width {
                parts.pop();
            }
            let mut cells = Cells::line(frame.buffer_mut(), area, line);
            cells.skip(1);
            for (name, value) in parts {
                if !name.is_empty() {
                    let name = shorten(name, cells.rest());
                    cells.word(&name, theme.muted()).skip(1);
                }
                let value = shorten(value, cells.rest());
                cells.word(&value, theme.text()).skip(GAP);
            }
            if ends {
                cells.word("…", theme.muted());
            }
        }
    }
}

/// The test of a run's best weights.
fn tested(store: &RunStore) -> Option<&Evaluation> {
    store.last_evaluation(Phase::Student, Split::Test, EvaluatedWeights::Best)
}

/// The student's evaluation that tells most of the weights after `step` steps.
fn evaluation(store: &RunStore, step: u64) -> Option<&Evaluation> {
    student_evaluation(store, step).or_else(|| tested(store))
}

/// The same on these images alone.
fn evaluation_of(split: Split, store: &RunStore, step: u64) -> Option<&Evaluation> {
    match split {
        Split::Valid => student_evaluation(store, step),
        Split::Test => tested(store),
    }
}

/// Which weights were evaluated, where those after `step` steps are looked at.
fn weights_of(evaluation: &Evaluation, store: &RunStore, step: u64) -> String {
    let mut all = store.evaluations_of(Phase::Student, Split::Valid);
    let is_latest = all.next_back().is_some_and(|it| it.step == evaluation.step);
    let best = store.best_evaluation(Phase::Student);
    let is_best = best.is_some_and(|it| it.step == evaluation.step);
    let word = match (evaluation.weights, is_latest, is_best) {
        (EvaluatedWeights::Quantized, ..) => Some("quantized"),
        (EvaluatedWeights::Best, ..) | (EvaluatedWeights::Last, false, true) => Some("best"),
        (EvaluatedWeights::Last, true, true) => Some("latest, best"),
        (EvaluatedWeights::Last, true, false) => Some("latest"),
        (EvaluatedWeights::Last, false, false) => None,
    };
    // Where they are not those that the timeline stands at, or neither of the two.
    let is_elsewhere = evaluation.step != step || word.is_none();
    let step = is_elsewhere.then(|| format!("step {}", count(evaluation.step)));
    let words = word.map(str::to_owned).into_iter().chain(step);
    words.collect::<Vec<_>>().join(", ")
}

/// A student's value, and beside it those of others on as many images.
fn beside(
    first: &Metrics,
    others: &[Option<Metrics>],
    value: &dyn Fn(&Metrics) -> Option<String>,
) -> Option<String> {
    let same = |other: &&Metrics| other.images == first.images;
    let others = others.iter().map(|other| other.as_ref().filter(same));
    let texts = others.map(|other| other.and_then(value).unwrap_or_else(|| MISSING.to_owned()));
    let all: Vec<String> = std::iter::once(value(first)?).chain(texts).collect();
    Some(all.join(" ↔ "))
}

/// A share that older programs did not record.
fn share(share: Option<f64>) -> String {
    percent(share.unwrap_or(f64::NAN))
}

/// Cells of a part, its name included.
fn cells_of((name, value): &(&str, &str)) -> u16 {
    width_of(name) + u16::from(!name.is_empty()) + width_of(value)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{probe, with_runs};
    use super::*;
    use crate::event::RunEvent;

    fn text(verdict: &Verdict) -> String {
        let parts = verdict.parts.iter();
        let parts: Vec<String> = parts
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        parts.join("  ").trim().to_owned()
    }

    fn store() -> RunStore {
        let (harness, names) = with_runs(80, 24);
        harness.runs.get(&names[0]).unwrap().store.clone()
    }

    #[test]
    fn the_verdict_is_of_the_whole_set_and_its_parts_add_up() {
        assert_eq!(
            text(&Verdict::of_run((&store(), 1200), None)),
            "valid · 200 images  top-1 student (latest, best) 79.5 %  teacher 85.0 %  agreement \
             81.0 %  both right 74.0 %  only teacher 11.0 %  only student 5.5 %  both wrong 9.5 %   \
             14.2x fewer params  KL T=1 0.1234  ECE 4.3 %, teacher 2.1 %"
        );
    }

    #[test]
    fn the_verdict_says_which_weights_it_is_about() {
        let mut store = store();
        let named =
            |store: &RunStore, step: u64| Verdict::of_run((store, step), None).parts.remove(1).0;
        let first = store.evaluations[0].clone();
        let mut evaluated = |step: u64, top1: f64| {
            let mut next = first.clone();
            (next.step, next.top1) = (step, top1);
            store.apply(&RunEvent::Evaluated(next));
        };
        evaluated(1500, 0.9);
        evaluated(1800, 0.7);
        let titles = [1200, 1500, 1600, 1800].map(|step| named(&store, step));
        assert_eq!(
            titles,
            [
                "top-1 student (step 1200)",
                "top-1 student (best)",
                "top-1 student (best, step 1500)",
                "top-1 student (latest)",
            ]
        );
        store.evaluations[2].weights = EvaluatedWeights::Quantized;
        assert_eq!(named(&store, 1800), "top-1 student (quantized)");
    }

    #[test]
    fn the_narrowest_verdict_has_the_accuracy_and_a_test_is_seen_on_80_columns() {
        let mut store = store();
        let mut test = store.evaluations[0].clone();
        (test.split, test.weights, test.top1) = (Split::Test, EvaluatedWeights::Best, 0.8);
        store.apply(&RunEvent::Evaluated(test));
        let verdict = Verdict::of_run((&store, 1200), None);
        let beside_the_set = verdict.lines(45).remove(0);
        assert_eq!(
            beside_the_set,
            [("", "valid"), ("top-1 student (latest, best)", "79.5 %")]
        );
        let first = verdict.lines(40).remove(0);
        assert_eq!(first, beside_the_set[1..]);
        let shown = usize::from(verdict.rows(Rect::new(0, 0, 80, 22)));
        let lines = verdict.lines(80).into_iter().take(shown);
        assert!(
            lines
                .flatten()
                .any(|part| part == ("test (best)", "80.0 %"))
        );
    }

    #[test]
    fn another_student_stands_beside_the_first_in_every_part_that_is_of_a_student() {
        let first = store();
        let mut second = first.clone();
        let evaluation = &mut second.evaluations[0];
        (evaluation.top1, evaluation.ece) = (0.72, Some(0.05));
        let teacher = evaluation.teacher.as_mut().unwrap();
        (teacher.agreement, teacher.both_right, teacher.kl) = (0.75, Some(0.7), 0.25);
        let verdict =
            |second: &RunStore| text(&Verdict::of_run((&first, 1200), Some((second, 1200))));
        assert_eq!(
            verdict(&second),
            "valid · 200 images  top-1 student (latest, best) 79.5 % ↔ 72.0 %  teacher 85.0 %  \
             agreement 81.0 % ↔ 75.0 %  both right 74.0 % ↔ 70.0 %  only teacher 11.0 % ↔ 15.0 %  \
             only student 5.5 % ↔ 2.0 %  both wrong 9.5 % ↔ 13.0 %   14.2x ↔ 14.2x fewer params  \
             KL T=1 0.1234 ↔ 0.2500  ECE 4.3 % ↔ 5.0 %, teacher 2.1 %"
        );
        // Of other images nothing can be compared.
        second.evaluations[0].images = 100;
        let other = verdict(&second);
        assert!(
            other.contains("79.5 % ↔ –  teacher 85.0 % ↔ –  agreement 81.0 % ↔ –"),
            "{other}"
        );
        second.evaluations.clear();
        assert_eq!(verdict(&second), other);
    }

    #[test]
    fn what_an_older_run_did_not_record_is_shown_as_not_available() {
        let mut store = store();
        let evaluation = &mut store.evaluations[0];
        evaluation.ece = None;
        let teacher = evaluation.teacher.as_mut().unwrap();
        (teacher.both_right, teacher.ece) = (None, None);
        let verdict = text(&Verdict::of_run((&store, 1200), None));
        assert!(
            verdict.contains("who is right not available for this older run"),
            "{verdict}"
        );
        assert!(
            verdict.ends_with("KL T=1 0.1234  ECE –, teacher –"),
            "{verdict}"
        );
    }

    #[test]
    fn a_student_without_a_teacher_and_a_run_with_a_test_set_have_theirs() {
        let mut store = store();
        store.evaluations[0].teacher = None;
        let mut test = store.evaluations[0].clone();
        (test.split, test.weights, test.top1) = (Split::Test, EvaluatedWeights::Best, 0.8);
        store.apply(&RunEvent::Evaluated(test));
        assert_eq!(
            text(&Verdict::of_run((&store, 1200), None)),
            "valid · 200 images  top-1 student (latest, best) 79.5 %  test (best) 80.0 %  ECE 4.3 %"
        );
        store.evaluations.remove(0);
        assert!(text(&Verdict::of_run((&store, 1200), None)).starts_with("test · 200 images"));
        assert_eq!(
            Verdict::of_run((&RunStore::new(), 1), None),
            Verdict::default()
        );
    }

    #[test]
    fn a_folder_has_a_verdict_as_far_as_its_labels_are_known() {
        let mut probe = probe();
        let verdict = |probe: &Probe| {
            let metrics = FolderMetrics::of(probe, 2);
            text(&Verdict::of_folder((&metrics, &store()), None))
        };
        let labelled = verdict(&probe);
        assert!(
            labelled
                .starts_with("folder · 12 images  top-1 student 66.7 %  teacher 83.3 %  agreement"),
            "{labelled}"
        );
        probe.images[0].label = None;
        assert!(verdict(&probe).starts_with("folder · 11 images  top-1 student"));
        probe.images.iter_mut().for_each(|image| image.label = None);
        let unlabelled = verdict(&probe);
        assert!(
            unlabelled.starts_with("folder · 12 images  agreement 5"),
            "{unlabelled}"
        );
        assert!(
            unlabelled.ends_with("accuracy no subfolder is named like a class"),
            "{unlabelled}"
        );
    }
}
