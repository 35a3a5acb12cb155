//! Decoupled knowledge distillation (Zhao et al., 2022).

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Int, Tensor};

use super::{column, one_hot};

/// Stands for −∞ in a softmax: no logit comes near it, and differences of it
/// stay finite.
const EXCLUDED: f32 = -1e30;

/// T²/B Σ (α·TCKD + β·NCKD). TCKD is the divergence of the label's probability
/// against that of all others, NCKD that among the others. `labels` is `[batch]`.
#[must_use]
pub fn decoupled(
    student: Tensor<2>,
    teacher: Tensor<2>,
    labels: Tensor<1, Int>,
    temperature: f64,
    (alpha, beta): (f64, f64),
) -> Tensor<1> {
    let (target, others) = parts(student, teacher, labels, temperature);
    (target * alpha + others * beta).mean() * (temperature * temperature)
}

/// TCKD and NCKD of every sample, `[batch, 1]`.
fn parts(
    student: Tensor<2>,
    teacher: Tensor<2>,
    labels: Tensor<1, Int>,
    temperature: f64,
) -> (Tensor<2>, Tensor<2>) {
    let [_, classes] = student.dims();
    let is_label = one_hot(labels.clone(), classes);
    let labels = column(labels);
    let student = Split::new(student / temperature, labels.clone(), is_label.clone());
    let teacher = Split::new(teacher / temperature, labels, is_label.clone());
    let target = divergence(teacher.label, student.label) + divergence(teacher.rest, student.rest);
    let others = divergence(teacher.others, student.others)
        .mask_fill(is_label, 0.0)
        .sum_dim(1);
    (target, others)
}

/// p (ln p − ln q) of log-probabilities, value by value.
fn divergence(log_p: Tensor<2>, log_q: Tensor<2>) -> Tensor<2> {
    log_p.clone().exp() * (log_p - log_q)
}

/// Log-probabilities, taken apart at the label.
struct Split {
    /// Of the label, `[batch, 1]`.
    label: Tensor<2>,
    /// Of all other classes together, `[batch, 1]`.
    rest: Tensor<2>,
    /// Of each other class given that it is not the label, `[batch, classes]`;
    /// meaningless at the label.
    others: Tensor<2>,
}

impl Split {
    fn new(logits: Tensor<2>, labels: Tensor<2, Int>, is_label: Tensor<2, Bool>) -> Self {
        // From the greatest logit down, so that ln(1 − p) keeps its digits.
        let logits = logits.clone() - logits.detach().max_dim(1);
        let without = logits.clone().mask_fill(is_label, EXCLUDED);
        let greatest = without.clone().detach().max_dim(1);
        let rest = (without.clone() - greatest.clone()).exp().sum_dim(1).log() + greatest;
        let all = logits.clone().exp().sum_dim(1).log();
        Self {
            label: log_softmax(logits, 1).gather(1, labels),
            rest: rest - all,
            others: log_softmax(without, 1),
        }
    }
}
