//! Adam with decoupled weight decay (Loshchilov and Hutter, 2019),
//! `torch.optim.AdamW`.

use burn::tensor::Tensor;

use super::row::{Row, apart, joined};
use crate::engine::network::Parameter;

/// Settings and moments.
#[derive(Debug, Clone)]
pub(super) struct AdamW {
    betas: (f64, f64),
    epsilon: f64,
    weight_decay: f64,
    /// Steps taken.
    pub(super) steps: u64,
    /// First and second moment of every parameter.
    pub(super) moments: Vec<(Tensor<1>, Tensor<1>)>,
}

impl AdamW {
    pub(super) fn new(
        betas: (f64, f64),
        epsilon: f64,
        weight_decay: f64,
        parameters: &[&Parameter],
    ) -> Self {
        let zeros = |parameter: &Parameter| parameter.value.zeros_like();
        Self {
            betas,
            epsilon,
            weight_decay,
            steps: 0,
            moments: parameters.iter().map(|&p| (zeros(p), zeros(p))).collect(),
        }
    }

    /// θ ← θ(1 − ηλ); m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²;
    /// θ ← θ − η·m̂/(√v̂ + ε), where hats correct the bias towards 0. Gives θ.
    pub(super) fn update(&mut self, rows: Row) -> Tensor<1> {
        let Row {
            places,
            mut value,
            gradient,
            decays,
            lr,
        } = rows;
        let steps = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (beta1, beta2) = self.betas;
        let bias1 = 1.0 - beta1.powi(steps);
        let bias2_root = (1.0 - beta2.powi(steps)).sqrt();
        if decays && self.weight_decay != 0.0 {
            value = value * (1.0 - lr * self.weight_decay);
        }
        let old = places.iter().map(|place| self.moments[place.at].clone());
        let (first, second): (Vec<_>, Vec<_>) = old.unzip();
        let first = joined(first) * beta1 + gradient.clone() * (1.0 - beta1);
        let second = joined(second) * beta2 + gradient.square() * (1.0 - beta2);
        let moments = apart(places, &first).zip(apart(places, &second));
        for ((at, first), (_, second)) in moments {
            self.moments[at] = (first, second);
        }
        let spread = second.sqrt() / bias2_root + self.epsilon;
        value - first / spread * (lr / bias1)
    }
}
