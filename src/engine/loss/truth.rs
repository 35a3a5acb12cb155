//! Cross-entropy with labels and with probabilities.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};

use super::column;

/// Mean of −(1 − ε) ln `p[y]` − ε/C Σ ln p, PyTorch's cross-entropy with label
/// smoothing ε in [0, 1). `labels` is `[batch]`, each below the classes.
#[must_use]
pub fn cross_entropy(logits: Tensor<2>, labels: Tensor<1, Int>, smoothing: f64) -> Tensor<1> {
    let log_p = log_softmax(logits, 1);
    let loss = -log_p.clone().gather(1, column(labels)).mean();
    if smoothing == 0.0 {
        return loss;
    }
    loss * (1.0 - smoothing) - log_p.mean() * smoothing
}

/// Mean of −Σ `p_t` ln `p_s` at temperature 1.
#[must_use]
pub fn soft_cross_entropy(student: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
    let target = log_softmax(teacher, 1).exp();
    -(target * log_softmax(student, 1)).sum_dim(1).mean()
}
