//! Stochastic gradient descent, `torch.optim.SGD` without dampening.

use burn::tensor::Tensor;

use super::row::{Row, apart, joined};

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
    /// else v). Gives θ.
    pub(super) fn update(&mut self, rows: Row) -> Tensor<1> {
        let Row {
            places,
            value,
            gradient,
            decays,
            lr,
        } = rows;
        let mut direction = gradient;
        if decays && self.weight_decay != 0.0 {
            direction = direction + value.clone() * self.weight_decay;
        }
        if self.momentum != 0.0 {
            let old = places.iter().map(|place| self.velocities[place.at].take());
            let moved = match old.collect::<Option<Vec<_>>>() {
                Some(old) => joined(old) * self.momentum + direction.clone(),
                None => direction.clone(),
            };
            for (at, velocity) in apart(places, &moved) {
                self.velocities[at] = Some(velocity);
            }
            direction = if self.nesterov {
                direction + moved * self.momentum
            } else {
                moved
            };
        }
        value - direction * lr
    }
}
