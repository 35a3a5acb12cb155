//! The exponential moving average of weights.

use super::network::Network;

/// Moves `average` towards `network` after a step: every parameter becomes
/// decay · average + (1 − decay) · parameter; running statistics are taken over
/// as they are, being averages already.
pub fn follow(average: &mut Network, network: &Network, decay: f64) {
    for (slow, fast) in average.parameters_mut().iter_mut().zip(network.parameters()) {
        slow.value = slow
            .value
            .clone()
            .mul_scalar(decay)
            .add(fast.value.clone().mul_scalar(1.0 - decay));
    }
    average.statistics_mut().clone_from_slice(network.statistics());
}
