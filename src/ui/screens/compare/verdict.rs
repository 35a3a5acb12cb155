//! The verdict, with which the screen begins: how student and teacher compare over
//! a whole set of images, as it was counted when they were evaluated. The rest of
//! the screen explains it.
//!
//! ```text
//!  valid · 1350 images  top-1 teacher 94.0 %  student 92.7 %  agreement 93.1 %
//!  both right 90.1 %  only teacher 3.9 %  only student 2.6 %  both wrong 3.4 %
//!  14.2x fewer parameters  KL 0.0799  ECE teacher 1.2 %, student 2.3 %
//! ```

use ratatui::Frame;
use ratatui::layout::Rect;

use super::matrix::student_evaluation;
use super::sample_result::{label_of, usable};
use crate::event::inspection::Probe;
use crate::event::inspection::metrics::MetricAccumulator;
use crate::event::{EvaluatedWeights, Evaluation, Phase, Split, TeacherAgreement};
use crate::format::{count, loss, percent, times};
use crate::store::RunStore;
use crate::ui::theme::Theme;
use crate::ui::widget::Cells;
use crate::ui::widget::cells::width_of;

/// Cells between two parts.
const GAP: u16 = 2;
/// Lines that it takes at most in an area that is lower than this.
const MOST: [(u16, usize); 3] = [(18, 1), (28, 3), (u16::MAX, 4)];

/// What is said of a set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Verdict {
    /// Names and values, in the order of what matters most.
    parts: Vec<(&'static str, String)>,
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

impl Verdict {
    /// Of a run's validation images after `step` steps; of its test images, if
    /// those are all that it was evaluated on.
    pub(super) fn of_run(store: &RunStore, step: u64) -> Self {
        let test = store.last_evaluation(Phase::Student, Split::Test, EvaluatedWeights::Best);
        let Some(evaluation) = student_evaluation(store, step).or(test) else {
            return Self::default();
        };
        let set = match evaluation.split {
            Split::Valid => "valid",
            Split::Test => "test",
        };
        let images = count(evaluation.images as u64);
        let heading = if evaluation.step == step {
            format!("{set} · {images} images")
        } else {
            format!("{set} · {images} images · step {}", count(evaluation.step))
        };
        let mut verdict = Self {
            parts: vec![("", heading)],
        };
        verdict.compare(evaluation.top1, evaluation.ece, evaluation.teacher, store);
        let tested = test.filter(|test| test.split != evaluation.split);
        let tested = tested.map(|test: &Evaluation| ("test, best weights", percent(test.top1)));
        verdict.parts.extend(tested);
        verdict
    }

    /// Of a folder's images.
    pub(super) fn of_folder(metrics: &FolderMetrics, store: &RunStore) -> Self {
        let counts = &metrics.counts;
        let heading = format!("folder · {} images", count(counts.images() as u64));
        let mut verdict = Self {
            parts: vec![("", heading)],
        };
        if metrics.is_labelled {
            verdict.compare(counts.top1(), Some(counts.ece()), counts.teacher(), store);
        } else {
            if let Some(teacher) = counts.teacher() {
                verdict.add("agreement", percent(teacher.agreement));
                verdict.add("KL", loss(teacher.kl));
            }
            verdict.add("accuracy", "no subfolder is named like a class".to_owned());
        }
        verdict
    }

    fn add(&mut self, name: &'static str, value: String) {
        self.parts.push((name, value));
    }

    fn compare(
        &mut self,
        top1: f64,
        ece: Option<f64>,
        teacher: Option<TeacherAgreement>,
        store: &RunStore,
    ) {
        let Some(teacher) = teacher else {
            self.add("top-1 student", percent(top1));
            self.add("ECE", share(ece));
            return;
        };
        self.add("top-1 teacher", percent(teacher.top1));
        self.add("student", percent(top1));
        self.add("agreement", percent(teacher.agreement));
        if let Some(both) = teacher.both_right {
            self.add("both right", percent(both));
            // Rounding may leave a little less than nothing.
            self.add("only teacher", percent((teacher.top1 - both).max(0.0)));
            self.add("only student", percent((top1 - both).max(0.0)));
            let wrong = 1.0 - teacher.top1 - top1 + both;
            self.add("both wrong", percent(wrong.max(0.0)));
        } else {
            let why = "not available for this older run";
            self.add("who is right", why.to_owned());
        }
        if let Some(ratio) = store.compression() {
            self.add("", format!("{} fewer parameters", times(ratio.parameters)));
        }
        self.add("KL", loss(teacher.kl));
        let ece = format!("{}, student {}", share(teacher.ece), share(ece));
        self.add("ECE teacher", ece);
    }

    /// The parts of each line, broken between parts.
    fn lines(&self, width: u16) -> Vec<Vec<&(&'static str, String)>> {
        let mut lines: Vec<Vec<&(&'static str, String)>> = Vec::new();
        let mut left = 0;
        for part in &self.parts {
            let wanted = cells_of(part);
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
        for (line, parts) in self.lines(area.width).into_iter().enumerate() {
            let mut cells = Cells::line(frame.buffer_mut(), area, line);
            cells.skip(1);
            for (name, value) in parts {
                if !name.is_empty() {
                    cells.word(name, theme.muted()).skip(1);
                }
                cells.word(value, theme.text()).skip(GAP);
            }
        }
    }
}

/// A share that older programs did not record.
fn share(share: Option<f64>) -> String {
    percent(share.unwrap_or(f64::NAN))
}

/// Cells of a part, its name included.
fn cells_of((name, value): &(&'static str, String)) -> u16 {
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
            text(&Verdict::of_run(&store(), 1200)),
            "valid · 200 images  top-1 teacher 85.0 %  student 79.5 %  agreement 81.0 %  both right \
             74.0 %  only teacher 11.0 %  only student 5.5 %  both wrong 9.5 %   14.2x fewer \
             parameters  KL 0.1234  ECE teacher 2.1 %, student 4.3 %"
        );
    }

    #[test]
    fn what_an_older_run_did_not_record_is_shown_as_not_available() {
        let mut store = store();
        let evaluation = &mut store.evaluations[0];
        evaluation.ece = None;
        let teacher = evaluation.teacher.as_mut().unwrap();
        (teacher.both_right, teacher.ece) = (None, None);
        let verdict = text(&Verdict::of_run(&store, 1200));
        assert!(
            verdict.contains("who is right not available for this older run"),
            "{verdict}"
        );
        assert!(
            verdict.ends_with("KL 0.1234  ECE teacher –, student –"),
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
            text(&Verdict::of_run(&store, 1200)),
            "valid · 200 images  top-1 student 79.5 %  ECE 4.3 %  test, best weights 80.0 %"
        );
        store.evaluations.remove(0);
        assert!(text(&Verdict::of_run(&store, 1200)).starts_with("test · 200 images"));
        assert_eq!(Verdict::of_run(&RunStore::new(), 1), Verdict::default());
    }

    #[test]
    fn a_folder_has_a_verdict_as_far_as_its_labels_are_known() {
        let mut probe = probe();
        let verdict =
            |probe: &Probe| text(&Verdict::of_folder(&FolderMetrics::of(probe, 2), &store()));
        let labelled = verdict(&probe);
        assert!(
            labelled
                .starts_with("folder · 12 images  top-1 teacher 83.3 %  student 66.7 %  agreement"),
            "{labelled}"
        );
        probe.images[0].label = None;
        assert!(verdict(&probe).starts_with("folder · 11 images  top-1 teacher"));
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
