//! Squared differences of classification results.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use crate::experiment::objective::ConsistencySpace;

/// Mean over batch and classes of the squared difference of probabilities (at
/// temperature 1) or logits.
#[must_use]
pub fn squared_difference(a: Tensor<2>, b: Tensor<2>, space: ConsistencySpace) -> Tensor<1> {
    (results(a, space) - results(b, space)).square().mean()
}

/// Mean over all pairs of views of their [`squared_difference`] (US20220004811,
/// first constraint); nothing for fewer than two views, which have no pair.
#[must_use]
pub fn consistency(views: Vec<Tensor<2>>, space: ConsistencySpace) -> Option<Tensor<1>> {
    let results: Vec<Tensor<2>> = views.into_iter().map(|view| results(view, space)).collect();
    let mut pairs = Vec::new();
    for (i, first) in results.iter().enumerate() {
        for second in &results[i + 1..] {
            pairs.push((first.clone() - second.clone()).square().mean());
        }
    }
    if pairs.is_empty() {
        None
    } else {
        Some(Tensor::cat(pairs, 0).mean())
    }
}

fn results(logits: Tensor<2>, space: ConsistencySpace) -> Tensor<2> {
    match space {
        ConsistencySpace::Probabilities => log_softmax(logits, 1).exp(),
        ConsistencySpace::Logits => logits,
    }
}
