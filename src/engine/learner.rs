//! What a training changes: weights, their moving average, the optimizer.

use super::network::{FakeQuantization, Network};
use super::optimizer::Optimizer;
use crate::experiment::plan::Training;

/// What learns: weights, their moving average and the optimizer.
pub struct Learner {
    /// The weights after the last step.
    pub network: Network,
    /// Moving average of the weights, where the experiment asks for one.
    pub average: Option<Network>,
    /// The optimizer and its state.
    pub optimizer: Optimizer,
}

impl Learner {
    /// A network at the start of a training.
    #[must_use]
    pub fn new(mut network: Network, training: &Training) -> Self {
        network.freeze(&training.freeze);
        Self {
            average: training.ema.map(|_| network.clone()),
            optimizer: Optimizer::new(&training.optimizer, &network),
            network,
        }
    }

    /// The weights to evaluate and to take away.
    #[must_use]
    pub fn deployable(&self) -> &Network {
        self.average.as_ref().unwrap_or(&self.network)
    }

    /// Rounds weights and values from now on.
    pub fn quantize(&mut self, quantization: &FakeQuantization) {
        for network in std::iter::once(&mut self.network).chain(&mut self.average) {
            network.quantize(Some(quantization.clone()));
        }
    }

    /// Moves the average after a step: every parameter of it becomes
    /// decay · average + (1 − decay) · parameter; running statistics are taken
    /// over as they are, being averages already.
    pub fn follow(&mut self, decay: f64) {
        let Some(average) = &mut self.average else {
            return;
        };
        let fast = self.network.parameters();
        for (slow, fast) in average.parameters_mut().iter_mut().zip(fast) {
            slow.value = slow
                .value
                .clone()
                .mul_scalar(decay)
                .add(fast.value.clone().mul_scalar(1.0 - decay));
        }
        let statistics = self.network.statistics();
        average.statistics_mut().clone_from_slice(statistics);
    }
}
