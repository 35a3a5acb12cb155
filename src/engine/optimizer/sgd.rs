//! Stochastic gradient descent, `torch.optim.SGD` without dampening.

use burn::tensor::Tensor;

use crate::engine::network::Parameter;

/// Settings and momentum.
#[derive(Debug, Clone)]
pub(super) struct Sgd {
    momentum: f64,
    nesterov: bool,
    weight_decay: f64,
    /// Velocity of every parameter; none before the first step, which starts
    /// it with the gradient itself.
    pub(super) velocities: Vec<Option<Tensor<1>>>,
}

impl Sgd {
    pub(super) fn new(momentum: f64, nesterov: bool, weight_decay: f64, count: usize) -> Self {
        Self {
            momentum,
            nesterov,
            weight_decay,
            velocities: vec![None; count],
        }
    }

    /// d = g + λθ; v ← d at first, then μv + d; θ ← θ − η·(d + μv with Nesterov,
    /// else v), with η the learning rate times the parameter's factor.
    pub(super) fn step<'a>(
        &mut self,
        parameters: impl IntoIterator<Item = &'a mut Parameter>,
        gradients: Vec<Tensor<1>>,
        lr: f64,
    ) {
        let both = parameters.into_iter().zip(gradients);
        for ((parameter, gradient), velocity) in both.zip(&mut self.velocities) {
            let value = parameter.value.clone();
            let mut direction = gradient;
            if parameter.decays && !parameter.frozen && self.weight_decay != 0.0 {
                direction = direction + value.clone() * self.weight_decay;
            }
            if self.momentum != 0.0 {
                let moved = match velocity.take() {
                    Some(old) => old * self.momentum + direction.clone(),
                    None => direction.clone(),
                };
                *velocity = Some(moved.clone());
                direction = if self.nesterov {
                    direction + moved * self.momentum
                } else {
                    moved
                };
            }
            parameter.value = value - direction * (lr * parameter.lr_factor);
        }
    }
}
