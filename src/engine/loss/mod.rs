//! Losses, on logits `[batch, classes]` and on feature maps `[batch, channels, height, width]`.
//! Each gives its mean over the batch as a tensor of one value.
//!
//! Everything is computed from log-probabilities, so that logits of any finite
//! size give finite losses and gradients. Divergences are forward: teacher
//! first. What is not tracked (a teacher's logits, labels) is a constant.

mod agreement;
mod correlation;
mod decoupled;
mod features;
mod multi_level;
mod truth;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Bool, Int, Tensor};

pub use agreement::{consistency, squared_difference};
pub use correlation::dist;
pub use decoupled::decoupled;
pub use features::{attention, hint, regress, relation, similarity};
pub use multi_level::multi_level;
pub use truth::{
    binary_cross_entropy, cross_entropy, soft_cross_entropy, target_cross_entropy,
    weighted_cross_entropy,
};

/// T²/B Σ `p_t` (ln `p_t` − ln `p_s`) with p = softmax(·/T) (Hinton et al., 2015).
#[must_use]
pub fn distillation(student: Tensor<2>, teacher: Tensor<2>, temperature: f64) -> Tensor<1> {
    let student = log_softmax(student / temperature, 1);
    let teacher = log_softmax(teacher / temperature, 1);
    kl_divergence(teacher, student) * (temperature * temperature)
}

/// [`distillation`] of standardised logits z ← (z − mean)/(std + 1e-7), with
/// the unbiased deviation over classes (Sun et al., 2024).
#[must_use]
pub fn standardized_distillation(
    student: Tensor<2>,
    teacher: Tensor<2>,
    temperature: f64,
) -> Tensor<1> {
    distillation(standardized(student), standardized(teacher), temperature)
}

fn standardized(logits: Tensor<2>) -> Tensor<2> {
    /// As published; keeps equal logits from a division by 0.
    const EPSILON: f64 = 1e-7;
    let [_, classes] = logits.dims();
    let centred = logits.clone() - logits.mean_dim(1);
    let unbiased = (classes.max(2) - 1) as f64;
    let deviation = root(centred.clone().square().sum_dim(1) / unbiased);
    centred / (deviation + EPSILON)
}

/// 1/B · ½ Σ (`p_t` − `p_s`)(ln `p_t` − ln `p_s`) at temperature 1: the mean of both
/// directions of the divergence (deep mutual learning; Zhang et al., 2018).
#[must_use]
pub fn symmetric_kl(student: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
    let (student, teacher) = (log_softmax(student, 1), log_softmax(teacher, 1));
    let difference = teacher.clone().exp() - student.clone().exp();
    (difference * (teacher - student)).sum_dim(1).mean() * 0.5
}

/// Mean over the batch of Σ p (ln p − ln q), from log-probabilities.
fn kl_divergence(log_p: Tensor<2>, log_q: Tensor<2>) -> Tensor<1> {
    (log_p.clone().exp() * (log_p - log_q)).sum_dim(1).mean()
}

/// Square root whose gradient is 0, not infinite, at 0.
fn root(squares: Tensor<2>) -> Tensor<2> {
    /// Far below every sum of squares that is not 0, far above the least float.
    const LEAST: f64 = 1e-30;
    squares.clamp_min(LEAST).sqrt()
}

/// Whether each class is the label, `[batch, classes]`.
#[must_use]
pub fn one_hot(labels: Tensor<1, Int>, classes: usize) -> Tensor<2, Bool> {
    let batch = labels.dims()[0];
    let end = i64::try_from(classes).unwrap_or(i64::MAX);
    let numbers = Tensor::<1, Int>::arange(0..end, &labels.device());
    let numbers = numbers.unsqueeze::<2>().expand([batch, classes]);
    column(labels).expand([batch, classes]).equal(numbers)
}

/// Labels `[batch]` as a column `[batch, 1]` beside `logits`.
fn column(labels: Tensor<1, Int>) -> Tensor<2, Int> {
    labels.unsqueeze_dim(1)
}

#[cfg(test)]
mod tests;
