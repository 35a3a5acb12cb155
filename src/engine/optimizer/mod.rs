//! Optimizers over the flat list of a network's parameters, as PyTorch defines
//! them. Gradients and state are on the plain device.
//!
//! Weight decay leaves normalisation parameters and biases alone.

mod adamw;
mod row;
mod sgd;
mod state;

use burn::tensor::Tensor;

pub use state::OptimizerStateError;

use super::network::{Network, Parameter};
use crate::experiment::spec::OptimizerSpec;
use adamw::AdamW;
use row::{Row, alike, apart, joined, settings};
use sgd::Sgd;

/// A rule for updating weights, and what it remembers.
#[derive(Debug, Clone)]
pub struct Optimizer {
    rule: Rule,
    /// Name and size of every parameter, in the network's order: what the state
    /// is saved under.
    places: Vec<(String, Vec<usize>)>,
}

#[derive(Debug, Clone)]
enum Rule {
    Sgd(Sgd),
    AdamW(AdamW),
}

impl Optimizer {
    /// An optimizer for this network that has seen nothing yet.
    #[must_use]
    pub fn new(spec: &OptimizerSpec, network: &Network) -> Self {
        Self::of(spec, network.parameters())
    }

    /// An optimizer for these parameters that has seen nothing yet.
    #[must_use]
    pub fn of<'a>(
        spec: &OptimizerSpec,
        parameters: impl IntoIterator<Item = &'a Parameter>,
    ) -> Self {
        let parameters: Vec<&Parameter> = parameters.into_iter().collect();
        let rule = match *spec {
            OptimizerSpec::Sgd {
                momentum,
                nesterov,
                weight_decay,
            } => Rule::Sgd(Sgd::new(momentum, nesterov, weight_decay, parameters.len())),
            OptimizerSpec::AdamW {
                betas,
                epsilon,
                weight_decay,
            } => Rule::AdamW(AdamW::new(betas, epsilon, weight_decay, &parameters)),
        };
        Self {
            rule,
            places: parameters
                .iter()
                .map(|parameter| (parameter.name.clone(), parameter.shape.clone()))
                .collect(),
        }
    }

    /// Updates every parameter. `gradients` are those of `parameters`, in their
    /// order; both are those that the optimizer was made for.
    pub fn step<'a>(
        &mut self,
        parameters: impl IntoIterator<Item = &'a mut Parameter>,
        gradients: Vec<Tensor<1>>,
        lr: f64,
    ) {
        let mut parameters: Vec<&mut Parameter> = parameters.into_iter().collect();
        let mut gradients: Vec<Option<Tensor<1>>> = gradients.into_iter().map(Some).collect();
        if let Rule::AdamW(adamw) = &mut self.rule {
            adamw.steps += 1;
        }
        for places in alike(&parameters) {
            let (decays, factor) = settings(parameters[places[0].at]);
            let values = places.iter().map(|it| parameters[it.at].value.clone());
            let given = places.iter().filter_map(|it| gradients[it.at].take());
            let rows = Row {
                places: &places,
                value: joined(values.collect()),
                gradient: joined(given.collect()),
                decays,
                lr: lr * factor,
            };
            let moved = match &mut self.rule {
                Rule::Sgd(sgd) => sgd.update(rows),
                Rule::AdamW(adamw) => adamw.update(rows),
            };
            for (at, value) in apart(&places, &moved) {
                parameters[at].value = value;
            }
        }
    }
}

/// The factor that brings a gradient of this global L2 norm to at most
/// `greatest`, as PyTorch's `clip_grad_norm_` has it; none if it is short enough.
#[must_use]
pub fn clip_factor(norm: f64, greatest: f64) -> Option<f64> {
    /// As in PyTorch.
    const EPSILON: f64 = 1e-6;
    let factor = greatest / (norm + EPSILON);
    (factor < 1.0).then_some(factor)
}

#[cfg(test)]
mod tests;
