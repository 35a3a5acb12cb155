//! Cross-entropy with labels and with probabilities, over all classes and of each for itself.

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Int, Tensor};

use super::column;
use crate::experiment::spec::BinarySpec;

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

/// The same where a label of class c counts `w[c]`, as `CrossEntropyLoss(weight=w)` of `PyTorch`
/// has it: Σ ((1 − ε) `w[y]` (−ln `p[y]`) + ε/C Σ `w[c]` (−ln `p[c]`)) / Σ `w[y]`, over the batch.
/// `weights` is `[classes]`, all above 0.
#[must_use]
pub fn weighted_cross_entropy(
    logits: Tensor<2>,
    labels: Tensor<1, Int>,
    smoothing: f64,
    weights: Tensor<1>,
) -> Tensor<1> {
    let [_, classes] = logits.dims();
    let of_labels = weights.clone().select(0, labels.clone());
    let log_p = log_softmax(logits, 1);
    let of_label: Tensor<1> = log_p.clone().gather(1, column(labels)).squeeze_dim(1);
    let loss = -(of_label * of_labels.clone()).sum() / of_labels.clone().sum();
    if smoothing == 0.0 {
        return loss;
    }
    let even = (log_p * weights.unsqueeze::<2>()).sum() / of_labels.sum();
    loss * (1.0 - smoothing) - even * (smoothing / classes as f64)
}

/// Mean of −Σ t ln p, for targets t `[batch, classes]` that sum to 1 for each image, as
/// `CrossEntropyLoss` of `PyTorch` has it for probabilities.
#[must_use]
pub fn target_cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    -(targets * log_softmax(logits, 1)).sum_dim(1).mean()
}

/// Mean of −Σ `p_t` ln `p_s` at temperature 1.
#[must_use]
pub fn soft_cross_entropy(student: Tensor<2>, teacher: Tensor<2>) -> Tensor<1> {
    let target = log_softmax(teacher, 1).exp();
    -(target * log_softmax(student, 1)).sum_dim(1).mean()
}

/// −t ln σ(s) − (1 − t) ln σ(−s) of every class for itself, averaged or summed over the classes and
/// averaged over the batch, as timm's `BinaryCrossEntropy` has it (Wightman et al., 2021). The
/// targets are `[batch, classes]`, each in [0, 1], and the threshold is applied to them. With
/// `weights`, `[batch]`, an image counts as much: Σ w loss / Σ w.
#[must_use]
pub fn binary_cross_entropy(
    logits: Tensor<2>,
    targets: Tensor<2>,
    spec: BinarySpec,
    weights: Option<Tensor<1>>,
) -> Tensor<1> {
    let targets = match spec.target_threshold {
        Some(threshold) => targets.greater_elem(threshold).float(),
        None => targets,
    };
    // ln σ(−s) = ln σ(s) − s.
    let each = (-targets + 1.0) * logits.clone() - log_sigmoid(logits);
    let images = if spec.sum_classes {
        each.sum_dim(1)
    } else {
        each.mean_dim(1)
    };
    let images: Tensor<1> = images.squeeze_dim(1);
    match weights {
        Some(weights) => (images * weights.clone()).sum() / weights.sum(),
        None => images.mean(),
    }
}
