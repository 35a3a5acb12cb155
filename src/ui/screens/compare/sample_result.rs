//! What a model's answer on an image is worth, at one temperature and one point
//! of training.

use crate::event::inspection::{Probe, divergence, softmax};
use crate::format::{MISSING, loss};

/// A model's most likely class for an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Answer {
    /// The class.
    pub(super) class: usize,
    /// Its probability.
    pub(super) confidence: f32,
    /// Whether it is the label, where there is one.
    pub(super) right: Option<bool>,
}

/// Whose logits of an image are not all numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) teacher: bool,
    pub(super) student: bool,
    pub(super) second: bool,
}

/// An image with what the models say of it. What is not known is NaN or none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SampleResult {
    pub(super) label: Option<usize>,
    pub(super) teacher: Option<Answer>,
    pub(super) student: Option<Answer>,
    /// The second run's student, where one stands beside the first.
    pub(super) second: Option<Answer>,
    pub(super) broken: Broken,
    /// KL(teacher ‖ student), nats.
    pub(super) kl: f32,
    /// The student's cross-entropy with the label at temperature 1, nats.
    pub(super) loss: f32,
}

/// One point of the training, for one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    /// KL(teacher ‖ student); without a teacher, the cross-entropy.
    pub(super) kl: f32,
    /// Whether the student was right, where there is a label.
    pub(super) right: Option<bool>,
}

/// A loss or a divergence, nats; what is not known is missing.
pub(super) fn nats(value: f32) -> String {
    if value.is_nan() {
        return MISSING.to_owned();
    }
    loss(f64::from(value))
}

/// Logits of an image that are as many as the classes, numbers or not.
pub(super) fn given<'a>(probe: &Probe, logits: &'a [Vec<f32>], image: usize) -> Option<&'a [f32]> {
    let logits = logits.get(image)?.as_slice();
    (logits.len() == probe.classes.len() && !logits.is_empty()).then_some(logits)
}

/// The same that are all numbers: others are no answer.
pub(super) fn usable<'a>(probe: &Probe, logits: &'a [Vec<f32>], image: usize) -> Option<&'a [f32]> {
    given(probe, logits, image).filter(|logits| is_finite(logits))
}

/// Whether all logits are numbers.
pub(super) fn is_finite(logits: &[f32]) -> bool {
    logits.iter().all(|logit| logit.is_finite())
}

/// The most likely class of logits at a temperature.
pub(super) fn answer(logits: &[f32], temperature: f32, label: Option<usize>) -> Option<Answer> {
    let (class, _) = logits
        .iter()
        .enumerate()
        .rev()
        .max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let confidence = *softmax(logits, temperature).get(class)?;
    Some(Answer {
        class,
        confidence,
        right: label.map(|label| label == class),
    })
}

/// Every image of a probe, at the student's `at`th answers.
pub(super) fn sample_results(probe: &Probe, at: usize, temperature: f32) -> Vec<SampleResult> {
    (0..probe.images.len())
        .map(|image| sample_result(probe, at, temperature, image))
        .collect()
}

fn sample_result(probe: &Probe, at: usize, temperature: f32, image: usize) -> SampleResult {
    let label = label_of(probe, image);
    let teacher = probe.teacher.as_ref();
    let teacher = teacher.and_then(|logits| given(probe, logits, image));
    let student = probe.students.get(at);
    let student = student.and_then(|answers| given(probe, &answers.logits, image));
    let is_broken = |logits: Option<&[f32]>| logits.is_some_and(|logits| !is_finite(logits));
    let broken = Broken {
        teacher: is_broken(teacher),
        student: is_broken(student),
        second: false,
    };
    let [teacher, student] =
        [teacher, student].map(|logits| logits.filter(|logits| is_finite(logits)));
    SampleResult {
        label,
        broken,
        teacher: teacher.and_then(|logits| answer(logits, temperature, label)),
        student: student.and_then(|logits| answer(logits, temperature, label)),
        second: None,
        kl: apart(teacher, student, temperature),
        loss: cross_entropy(student, label),
    }
}

/// An image through training.
pub(super) fn history(probe: &Probe, image: usize, temperature: f32) -> Vec<Moment> {
    (0..probe.students.len())
        .map(|at| {
            let result = sample_result(probe, at, temperature, image);
            Moment {
                kl: distance(probe, &result),
                right: result.student.and_then(|answer| answer.right),
            }
        })
        .collect()
}

/// All images together through training: means of those that have a number.
pub(super) fn mean_history(probe: &Probe, temperature: f32) -> Vec<Moment> {
    (0..probe.students.len())
        .map(|at| {
            let results = sample_results(probe, at, temperature);
            let distances = results.iter().map(|result| distance(probe, result));
            let finite: Vec<f32> = distances.filter(|distance| distance.is_finite()).collect();
            Moment {
                kl: finite.iter().sum::<f32>() / finite.len() as f32,
                right: None,
            }
        })
        .collect()
}

/// How far the student is from its teacher, or without one from the label.
fn distance(probe: &Probe, result: &SampleResult) -> f32 {
    if probe.teacher.is_some() {
        result.kl
    } else {
        result.loss
    }
}

/// Whose answers are not finite on how many images, and so left out of all that is
/// counted; none if all are finite.
pub(super) fn broken_words(results: &[SampleResult], second: &str) -> Option<String> {
    let count = |is_broken: fn(&Broken) -> bool| {
        let broken = results.iter().filter(|result| is_broken(&result.broken));
        broken.count()
    };
    let counts = [
        ("student", count(|broken| broken.student)),
        ("teacher", count(|broken| broken.teacher)),
        (second, count(|broken| broken.second)),
    ];
    let whose: Vec<String> = counts
        .into_iter()
        .filter(|(_, images)| *images > 0)
        .map(|(who, images)| format!("{who}'s on {images}"))
        .collect();
    (!whose.is_empty()).then(|| {
        format!(
            "logits are not finite (NaN or infinite) and not counted: {} of {} images",
            whose.join(", "),
            results.len()
        )
    })
}

/// The label of an image, if it is one of the classes.
pub(super) fn label_of(probe: &Probe, image: usize) -> Option<usize> {
    let label = probe.images.get(image)?.label? as usize;
    (label < probe.classes.len()).then_some(label)
}

/// KL(teacher ‖ student) at a temperature; NaN unless both answered.
pub(super) fn apart(teacher: Option<&[f32]>, student: Option<&[f32]>, temperature: f32) -> f32 {
    match (teacher, student) {
        (Some(teacher), Some(student)) => divergence(
            &softmax(teacher, temperature),
            &softmax(student, temperature),
        )
        // Rounding may leave a little less than nothing.
        .max(0.0),
        _ => f32::NAN,
    }
}

/// −ln p(label), in log space, so that it stays a number however sure the
/// student is of something else.
fn cross_entropy(logits: Option<&[f32]>, label: Option<usize>) -> f32 {
    let (Some(logits), Some(label)) = (logits, label) else {
        return f32::NAN;
    };
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    logits
        .get(label)
        .map_or(f32::NAN, |logit| sum.ln() + largest - logit)
}

#[cfg(test)]
mod tests {
    use super::super::testing::probe;
    use super::*;

    #[test]
    fn an_answer_is_right_if_it_is_the_label() {
        let results = sample_results(&probe(), 2, 1.0);
        let first = &results[0];
        assert_eq!(first.label, Some(0));
        assert_eq!(first.teacher.unwrap().right, Some(true));
        assert!(
            results
                .iter()
                .any(|image| image.student.unwrap().right == Some(false))
        );
        assert!(
            results
                .iter()
                .all(|image| image.kl >= 0.0 && image.loss > 0.0)
        );
    }

    #[test]
    fn a_higher_temperature_brings_answers_together() {
        let (sharp, soft) = (
            sample_results(&probe(), 0, 1.0),
            sample_results(&probe(), 0, 10.0),
        );
        assert!(
            sharp
                .iter()
                .zip(&soft)
                .all(|(sharp, soft)| soft.kl <= sharp.kl)
        );
        assert_eq!(sharp[3].loss, soft[3].loss);
    }

    #[test]
    fn what_is_missing_or_no_number_has_no_result() {
        let mut probe = probe();
        probe.students[0].logits[0][1] = f32::NAN;
        probe.students[0].logits[1].pop();
        probe.students[0].logits.truncate(3);
        probe.images[2].label = Some(99);
        let results = sample_results(&probe, 0, 1.0);
        for image in [0, 1, 3] {
            assert!(results[image].student.is_none() && results[image].kl.is_nan());
            assert_eq!(results[image].broken.student, image == 0);
        }
        let words = broken_words(&results, "other").unwrap();
        assert!(
            words.ends_with("not counted: student's on 1 of 12 images"),
            "{words}"
        );
        assert_eq!(results[2].student.unwrap().right, None);
        assert!(sample_results(&probe, 99, 1.0)[0].student.is_none());
        // The mean is of the images that have a KL.
        let finite = results.iter().filter(|result| result.kl.is_finite());
        let sum: f32 = finite.clone().map(|result| result.kl).sum();
        let mean = mean_history(&probe, 1.0)[0].kl;
        assert!((mean - sum / finite.count() as f32).abs() < 1e-6);
        probe.teacher = None;
        assert!(history(&probe, 2, 1.0)[0].kl.is_nan());
    }
}
