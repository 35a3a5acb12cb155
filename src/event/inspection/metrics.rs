//! What an evaluation counts, on the host, one image at a time in 64-bit
//! floats, so that the metrics do not depend on the batch size.

use super::score::Confusion;
pub use super::{argmax, predicted};
use crate::event::TeacherAgreement;
use crate::experiment::objective::TruthTarget;
use crate::experiment::plan::TruthSettings;
use crate::experiment::spec::{BinarySpec, TruthLossSpec};

/// Images ranked among the likeliest this many count for top-5.
const TOP: usize = 5;

/// Bins of confidence, equally wide, over which calibration is measured: as many as
/// in Guo et al., On Calibration of Modern Neural Networks, 2017.
const BINS: usize = 15;

/// Running totals of an evaluation.
#[derive(Debug, Clone)]
pub struct MetricAccumulator {
    images: usize,
    loss: f64,
    top5: usize,
    confusion: Confusion,
    calibration: Calibration,
    teacher: Option<TeacherComparison>,
}

#[derive(Debug, Clone)]
struct TeacherComparison {
    /// Images that it answered.
    images: usize,
    /// By its prediction and the student's.
    predictions: Confusion,
    kl: f64,
    top1: usize,
    both_right: usize,
    calibration: Calibration,
}

/// How often a model is right where it is so sure, by its confidence.
#[derive(Debug, Clone, Default)]
struct Calibration {
    bins: [Bin; BINS],
}

#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    images: usize,
    confidence: f64,
    right: usize,
}

impl MetricAccumulator {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(classes: usize, with_teacher: bool) -> Self {
        Self {
            images: 0,
            loss: 0.0,
            top5: 0,
            confusion: Confusion::new(classes),
            calibration: Calibration::default(),
            teacher: with_teacher.then(|| TeacherComparison::new(classes)),
        }
    }

    /// Counts one image: its logits `[classes]`, its label and the teacher's
    /// logits for it. Gives whether the most likely class is the label.
    pub fn count(&mut self, logits: &[f32], label: usize, teacher: Option<&[f32]>) -> bool {
        let log_p = log_softmax(logits);
        let predicted = argmax(logits);
        self.images += 1;
        self.loss -= log_p[label];
        self.top5 += usize::from(rank(logits, label) < TOP);
        self.confusion.count(label, predicted);
        self.calibration
            .count(log_p[predicted].exp(), predicted == label);
        if let (Some(sums), Some(teacher)) = (&mut self.teacher, teacher) {
            let log_q = log_softmax(teacher);
            sums.images += 1;
            sums.kl += log_q
                .iter()
                .zip(&log_p)
                .map(|(q, p)| q.exp() * (q - p))
                .sum::<f64>();
            let taught = argmax(teacher);
            sums.predictions.count(taught, predicted);
            sums.top1 += usize::from(taught == label);
            sums.both_right += usize::from(taught == label && predicted == label);
            sums.calibration.count(log_q[taught].exp(), taught == label);
        }
        predicted == label
    }

    /// Number of images counted.
    #[must_use]
    pub fn images(&self) -> usize {
        self.images
    }

    /// Mean cross-entropy, nats.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss / self.images as f64
    }

    /// Share of images whose most likely class is the label.
    #[must_use]
    pub fn top1(&self) -> f64 {
        self.confusion.top1()
    }

    /// Share of images whose label is among the five most likely classes.
    #[must_use]
    pub fn top5(&self) -> f64 {
        self.share(self.top5)
    }

    /// Expected calibration error: by how much confidence and accuracy differ, on
    /// average over the images' bins.
    #[must_use]
    pub fn ece(&self) -> f64 {
        self.calibration.error()
    }

    /// Share of each class's images that is right; NaN without images.
    #[must_use]
    pub fn per_class(&self) -> Vec<f64> {
        let classes = 0..self.confusion.counts.len();
        classes.map(|class| self.confusion.recall(class)).collect()
    }

    /// Agreement with the teacher, on the images that it answered.
    #[must_use]
    pub fn teacher(&self) -> Option<TeacherAgreement> {
        self.teacher.as_ref().map(|sums| {
            let share = |count: usize| count as f64 / sums.images as f64;
            TeacherAgreement {
                agreement: sums.predictions.top1(),
                kl: sums.kl / sums.images as f64,
                top1: share(sums.top1),
                both_right: Some(share(sums.both_right)),
                ece: Some(sums.calibration.error()),
            }
        })
    }

    /// `[label][prediction]`, counts, and the same by the teacher's prediction in place
    /// of the label, which is empty without a teacher.
    #[must_use]
    pub fn into_counts(self) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        let by_teacher = self.teacher.map(|sums| sums.predictions.counts);
        (self.confusion.counts, by_teacher.unwrap_or_default())
    }

    fn share(&self, count: usize) -> f64 {
        count as f64 / self.images as f64
    }
}

/// A student's truth loss on a set of images, defined as the truth term of a
/// training is: the two can be compared.
#[derive(Debug, Clone)]
pub struct TruthLoss<'a> {
    target: TruthTarget,
    settings: TruthSettings<'a>,
    /// What was counted: images, or their weights.
    count: f64,
    sum: f64,
}

impl<'a> TruthLoss<'a> {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(target: TruthTarget, settings: TruthSettings<'a>) -> Self {
        Self {
            target,
            settings,
            count: 0.0,
            sum: 0.0,
        }
    }

    /// Counts one image: the student's logits `[classes]`, its label and the
    /// teacher's logits for it, without which a target that is the teacher's answer
    /// gives NaN.
    pub fn count(&mut self, logits: &[f32], label: usize, teacher: Option<&[f32]>) {
        let weights = self.settings.class_weights;
        let weights = weights.filter(|_| self.target == TruthTarget::Label);
        let weight = |class: usize| weights.map_or(1.0, |weights| weights[class]);
        self.count += weight(label);
        self.sum += match self.settings.loss {
            TruthLossSpec::CrossEntropy => self.cross_entropy(logits, label, teacher, weight),
            TruthLossSpec::BinaryCrossEntropy(spec) => {
                weight(label) * self.binary_cross_entropy(logits, label, teacher, spec)
            }
        };
    }

    fn cross_entropy(
        &self,
        logits: &[f32],
        label: usize,
        teacher: Option<&[f32]>,
        weight: impl Fn(usize) -> f64,
    ) -> f64 {
        let log_p = log_softmax(logits);
        match (self.target, teacher) {
            (TruthTarget::Label, _) => {
                let smoothing = self.settings.label_smoothing;
                let weighted = log_p.iter().enumerate();
                let weighted = weighted.map(|(class, log_p)| weight(class) * log_p);
                let even = weighted.sum::<f64>() / log_p.len() as f64;
                -(1.0 - smoothing) * weight(label) * log_p[label] - smoothing * even
            }
            (TruthTarget::TeacherHard, Some(teacher)) => -log_p[argmax(teacher)],
            (TruthTarget::TeacherSoft, Some(teacher)) => {
                let log_q = log_softmax(teacher).into_iter();
                -log_q.zip(&log_p).map(|(q, p)| q.exp() * p).sum::<f64>()
            }
            (TruthTarget::TeacherHard | TruthTarget::TeacherSoft, None) => f64::NAN,
        }
    }

    fn binary_cross_entropy(
        &self,
        logits: &[f32],
        label: usize,
        teacher: Option<&[f32]>,
        spec: BinarySpec,
    ) -> f64 {
        let classes = logits.len();
        let one_hot = |label: usize, smoothing: f64| {
            let mut targets = vec![smoothing / classes as f64; classes];
            targets[label] += 1.0 - smoothing;
            targets
        };
        let targets = match (self.target, teacher) {
            (TruthTarget::Label, _) => one_hot(label, self.settings.label_smoothing),
            (TruthTarget::TeacherHard, Some(teacher)) => one_hot(argmax(teacher), 0.0),
            (TruthTarget::TeacherSoft, Some(teacher)) => {
                log_softmax(teacher).into_iter().map(f64::exp).collect()
            }
            (TruthTarget::TeacherHard | TruthTarget::TeacherSoft, None) => return f64::NAN,
        };
        let each = targets.into_iter().zip(logits).map(|(target, &logit)| {
            let target = match spec.target_threshold {
                Some(threshold) => f64::from(u8::from(target > threshold)),
                None => target,
            };
            let logit = f64::from(logit);
            // −ln σ(s) = max(−s, 0) + ln(1 + e^−|s|), and −ln σ(−s) is greater by s.
            (1.0 - target) * logit + (-logit).max(0.0) + (-logit.abs()).exp().ln_1p()
        });
        let sum: f64 = each.sum();
        if spec.sum_classes {
            sum
        } else {
            sum / classes as f64
        }
    }

    /// Mean over the images, weighted where their classes are, nats.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.count
    }
}

impl TeacherComparison {
    fn new(classes: usize) -> Self {
        Self {
            images: 0,
            predictions: Confusion::new(classes),
            kl: 0.0,
            top1: 0,
            both_right: 0,
            calibration: Calibration::default(),
        }
    }
}

impl Calibration {
    fn count(&mut self, confidence: f64, right: bool) {
        // A bin holds its upper end, as in the paper.
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        let bin = &mut self.bins[bin];
        bin.images += 1;
        bin.confidence += confidence;
        bin.right += usize::from(right);
    }

    fn error(&self) -> f64 {
        let images: usize = self.bins.iter().map(|bin| bin.images).sum();
        let apart = |bin: &Bin| (bin.right as f64 - bin.confidence).abs();
        self.bins.iter().map(apart).sum::<f64>() / images as f64
    }
}

/// Natural logarithm of the softmax, without overflow.
#[must_use]
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted: Vec<f64> = logits
        .iter()
        .map(|&z| f64::from(z) - f64::from(max))
        .collect();
    let log_sum = shifted.iter().map(|z| z.exp()).sum::<f64>().ln();
    shifted.into_iter().map(|z| z - log_sum).collect()
}

/// How many classes come before `label`; equals count in class order.
fn rank(logits: &[f32], label: usize) -> usize {
    logits
        .iter()
        .enumerate()
        .filter(|&(class, &z)| z > logits[label] || (z == logits[label] && class < label))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_teacher_identical_to_the_student_has_no_divergence_and_full_agreement() {
        let mut metrics = MetricAccumulator::new(3, true);
        metrics.count(&[1.0, 2.0, 0.5], 0, Some(&[1.0, 2.0, 0.5]));
        let teacher = metrics.teacher().unwrap();
        assert_eq!(teacher.agreement, 1.0);
        assert!(teacher.kl.abs() < 1e-12);
        assert_eq!(teacher.top1, 0.0);
    }

    #[test]
    fn who_is_right_adds_up_with_the_accuracies() {
        let mut metrics = MetricAccumulator::new(2, true);
        for (student, teacher) in [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0)] {
            let logits = |class: usize| if class == 0 { [2.0, 0.0] } else { [0.0, 2.0] };
            metrics.count(&logits(student), 0, Some(&logits(teacher)));
        }
        let teacher = metrics.teacher().unwrap();
        assert_eq!((metrics.top1(), teacher.top1), (0.6, 0.6));
        assert_eq!((teacher.both_right, teacher.agreement), (Some(0.4), 0.6));
        let (by_label, by_teacher) = metrics.into_counts();
        assert_eq!(by_label, [[3, 2], [0, 0]]);
        assert_eq!(by_teacher, [[2, 1], [1, 1]]);
    }

    #[test]
    fn an_image_that_the_teacher_did_not_answer_is_none_on_which_both_differ() {
        let mut metrics = MetricAccumulator::new(2, true);
        metrics.count(&[2.0, 0.0], 0, Some(&[2.0, 0.0]));
        metrics.count(&[2.0, 0.0], 0, None);
        let teacher = metrics.teacher().unwrap();
        assert_eq!((metrics.images(), teacher.agreement), (2, 1.0));
        assert!(teacher.kl.abs() < 1e-12);
    }

    #[test]
    fn what_is_no_number_predicts_nothing() {
        assert_eq!(predicted(&[0.0, 2.0, 2.0]), Some(1));
        for logits in [&[] as &[f32], &[f32::NAN, 0.0], &[0.0, f32::INFINITY]] {
            assert_eq!(predicted(logits), None);
        }
    }

    #[test]
    fn calibration_is_the_distance_of_confidence_and_accuracy_in_bins() {
        let mut metrics = MetricAccumulator::new(2, false);
        let sure = |share: f32| [(share / (1.0 - share)).ln(), 0.0];
        // Of four at 0.8 three are right, of two at 0.6 none.
        for (share, label) in [(0.8, 0), (0.8, 0), (0.8, 0), (0.8, 1), (0.6, 1), (0.6, 1)] {
            metrics.count(&sure(share), label, None);
        }
        let expected = (4.0 * 0.05 + 2.0 * 0.6) / 6.0;
        assert!((metrics.ece() - expected).abs() < 1e-6, "{}", metrics.ece());
        let mut even = MetricAccumulator::new(2, false);
        even.count(&[1.0, 1.0], 0, None);
        assert!((even.ece() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn loss_is_the_log_of_the_class_count_for_equal_logits() {
        let mut metrics = MetricAccumulator::new(4, false);
        metrics.count(&[7.0; 4], 3, None);
        assert!((metrics.loss() - 4.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn huge_logits_give_finite_metrics() {
        let mut metrics = MetricAccumulator::new(2, true);
        metrics.count(&[1e8, -1e8], 1, Some(&[-1e8, 1e8]));
        assert!(metrics.loss().is_finite());
        assert!(metrics.teacher().unwrap().kl.is_finite());
    }

    #[test]
    fn top_five_leaves_the_sixth_class_out() {
        let mut metrics = MetricAccumulator::new(6, false);
        let logits = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        metrics.count(&logits, 5, None);
        metrics.count(&logits, 4, None);
        assert_eq!(metrics.top5(), 0.5);
        assert_eq!(metrics.top1(), 0.0);
    }

    #[test]
    fn a_truth_loss_is_that_of_its_target() {
        let (student, teacher) = ([2.0, 0.5, -1.0], [0.0, 1.0, -2.0]);
        let mean = |target, label_smoothing| {
            let settings = TruthSettings {
                label_smoothing,
                ..TruthSettings::default()
            };
            let mut loss = TruthLoss::new(target, settings);
            loss.count(&student, 0, Some(&teacher));
            loss.count(&student, 2, Some(&teacher));
            loss.mean()
        };
        let log_p = log_softmax(&student);
        let mut metrics = MetricAccumulator::new(3, true);
        metrics.count(&student, 0, Some(&teacher));
        metrics.count(&student, 2, Some(&teacher));
        let plain = mean(TruthTarget::Label, 0.0);
        assert!((plain - metrics.loss()).abs() < 1e-12);
        // A label that counts three times as much is one that is there three times.
        let settings = TruthSettings {
            class_weights: Some(&[3.0, 1.0, 1.0]),
            ..TruthSettings::default()
        };
        let mut weighted = TruthLoss::new(TruthTarget::Label, settings);
        weighted.count(&student, 0, None);
        weighted.count(&student, 2, None);
        let often = -(3.0 * log_p[0] + log_p[2]) / 4.0;
        assert!((weighted.mean() - often).abs() < 1e-12);
        // As PyTorch smooths labels: a share ε for all classes alike.
        let even = -log_p.iter().sum::<f64>() / 3.0;
        let smoothed = mean(TruthTarget::Label, 0.1);
        assert!((smoothed - (0.9 * plain + 0.1 * even)).abs() < 1e-12);
        assert!((mean(TruthTarget::TeacherHard, 0.1) + log_p[1]).abs() < 1e-12);
        // The divergence and the entropy of the teacher's answer.
        let log_q = log_softmax(&teacher);
        let entropy = -log_q.iter().map(|q| q.exp() * q).sum::<f64>();
        let soft = mean(TruthTarget::TeacherSoft, 0.1);
        let kl = metrics.teacher().unwrap().kl;
        assert!((soft - (kl + entropy)).abs() < 1e-12);
    }

    #[test]
    fn a_class_without_images_has_no_share() {
        let mut metrics = MetricAccumulator::new(2, false);
        metrics.count(&[1.0, 0.0], 0, None);
        let shares = metrics.per_class();
        assert_eq!(shares[0], 1.0);
        assert!(shares[1].is_nan());
        let counts = (vec![vec![1, 0], vec![0, 0]], vec![]);
        assert_eq!(metrics.into_counts(), counts);
    }
}
