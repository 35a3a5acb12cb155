//! What a training changes: weights, their moving average, regressors, the optimizer.

use super::network::{FakeQuantization, Network, Parameter};
use super::optimizer::Optimizer;
use super::regressors::regressors;
use crate::experiment::plan::Training;

/// What learns: weights, their moving average, regressors and the optimizer.
pub struct Learner {
    /// The weights after the last step.
    pub network: Network,
    /// Moving average of the weights, where the experiment asks for one.
    pub average: Option<Network>,
    /// What makes the teacher's feature maps of the network's, where a term needs that: it
    /// learns with the network, and has no average.
    pub regressors: Vec<Parameter>,
    /// The optimizer and its state.
    pub optimizer: Optimizer,
}

impl Learner {
    /// A network at the start of a training, whose regressors are drawn from the seed.
    #[must_use]
    pub fn new(mut network: Network, training: &Training, seed: u64) -> Self {
        network.freeze(&training.freeze);
        network.decay_learning_rates(training.layer_decay);
        let regressors = regressors(&training.objective, seed, network.device());
        let parameters = network.parameters().iter().chain(&regressors);
        Self {
            average: training.ema.map(|_| network.clone()),
            optimizer: Optimizer::of(&training.optimizer, parameters),
            regressors,
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
