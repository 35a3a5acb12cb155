//! One step's passes through a network that learns, and their gradients.

use burn::tensor::{Gradients, Tensor};

#[cfg(feature = "libtorch")]
use super::libtorch::Tape;
use super::{Network, Parameter, RunningStatistics};

/// What a network can take over after its passes.
#[derive(Debug)]
pub struct StepGradients {
    /// Gradient of every parameter, in their order, on the plain device; zeros
    /// where the loss does not depend on one.
    pub gradients: Vec<Tensor<1>>,
    /// Running statistics, moved once by every pass.
    pub statistics: Vec<RunningStatistics>,
}

/// A copy of a network that records what it computes. The original changes when
/// its owner takes over what came out.
#[derive(Debug)]
pub struct RecordedForward {
    /// With parameters that burn tracks, unless libtorch does.
    network: Network,
    #[cfg(feature = "libtorch")]
    tape: Option<Tape>,
}

impl Network {
    /// Begins to record. Values are shared, not copied.
    #[must_use]
    pub fn passes(&self) -> RecordedForward {
        #[cfg(feature = "libtorch")]
        if let Some(tape) = Tape::new(&self.parameters) {
            let (network, tape) = (self.clone(), Some(tape));
            return RecordedForward { network, tape };
        }
        RecordedForward {
            network: self.tracked(),
            #[cfg(feature = "libtorch")]
            tape: None,
        }
    }
}

impl RecordedForward {
    /// Tracked logits `[batch, classes]` of images `[batch, 3, height, width]`
    /// on the plain device, with the statistics of this batch, which the running
    /// ones move towards: by a tenth, with the unbiased variance, as PyTorch
    /// does. A single value per channel has no unbiased variance; 0 is taken.
    ///
    /// # Panics
    /// If the images are on another device than the network.
    #[must_use]
    pub fn forward(&mut self, images: Tensor<4>) -> Tensor<2> {
        #[cfg(feature = "libtorch")]
        if let Some(tape) = &mut self.tape {
            let Network {
                graph, statistics, ..
            } = &mut self.network;
            return tape
                .forward(graph, statistics, &images)
                .expect("images are on the network's device");
        }
        self.network.forward_train(images)
    }

    /// Ends the record with the gradients of a loss, `[1]`, that was computed
    /// from the logits.
    #[must_use]
    pub fn finish(self, loss: &Tensor<1>) -> StepGradients {
        // No term depends on the student when a batch has none of the labels
        // that its terms need.
        let gradients = match loss.is_tracked().then(|| loss.backward()) {
            Some(gradients) => self.gradients(gradients),
            None => self.network.parameters.iter().map(zeros).collect(),
        };
        StepGradients {
            gradients,
            statistics: self.network.statistics,
        }
    }

    fn gradients(&self, mut found: Gradients) -> Vec<Tensor<1>> {
        #[cfg(feature = "libtorch")]
        if let Some(tape) = &self.tape {
            return tape.gradients(&mut found);
        }
        let parameters = self.network.parameters.iter();
        parameters
            .map(|parameter| {
                let gradient = parameter.value.grad_remove(&mut found);
                gradient.unwrap_or_else(|| zeros(parameter))
            })
            .collect()
    }
}

fn zeros(parameter: &Parameter) -> Tensor<1> {
    parameter.value.clone().inner().zeros_like()
}
