//! How sure a model is of its answer.

use super::softmax;

/// What one model's logits on one image come to, at temperature 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnswerMetrics {
    /// The most likely class.
    pub prediction: usize,
    /// Its probability.
    pub confidence: f32,
    /// By how much it is more probable than the second; small where the choice
    /// was hard.
    pub margin: f32,
    /// −Σ p ln p, nats.
    pub entropy: f32,
}

impl AnswerMetrics {
    /// The metrics of logits; none if there are none or not all are numbers.
    #[must_use]
    pub fn of(logits: &[f32]) -> Option<Self> {
        if logits.is_empty() || logits.iter().any(|logit| !logit.is_finite()) {
            return None;
        }
        let probabilities = softmax(logits, 1.0);
        let (mut prediction, mut confidence, mut second) = (0, 0.0_f32, 0.0_f32);
        let mut entropy = 0.0;
        for (class, &probability) in probabilities.iter().enumerate() {
            if probability > confidence {
                second = confidence;
                (prediction, confidence) = (class, probability);
            } else {
                second = second.max(probability);
            }
            if probability > 0.0 {
                entropy -= probability * probability.ln();
            }
        }
        Some(Self {
            prediction,
            confidence,
            margin: confidence - second,
            entropy: entropy.max(0.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_class_its_margin_and_the_entropy_are_found() {
        let metrics = AnswerMetrics::of(&[1.0_f32.ln(), 2.0_f32.ln(), 5.0_f32.ln()]).unwrap();
        assert_eq!(metrics.prediction, 2);
        assert!((metrics.confidence - 0.625).abs() < 1e-6);
        assert!((metrics.margin - 0.375).abs() < 1e-6);
        let even = AnswerMetrics::of(&[3.0; 4]).unwrap();
        assert_eq!((even.prediction, even.margin), (0, 0.0));
        assert!((even.entropy - 4.0_f32.ln()).abs() < 1e-6);
        assert_eq!(AnswerMetrics::of(&[1000.0, -1000.0]).unwrap().entropy, 0.0);
    }

    #[test]
    fn no_logits_and_logits_that_are_no_numbers_have_no_metrics() {
        assert_eq!(AnswerMetrics::of(&[]), None);
        assert_eq!(AnswerMetrics::of(&[1.0, f32::NAN]), None);
        assert_eq!(AnswerMetrics::of(&[1.0, f32::INFINITY]), None);
    }
}
