//! One step's passes through a network that learns, and their gradients.

use burn::tensor::{Gradients, Tensor};

use super::fake_quantized::{self, Extremes, effective_values, joined};
use super::folded::FoldedValues;
#[cfg(feature = "libtorch")]
use super::libtorch::Tape;
use super::{Network, Parameter, RunningStatistics};
use crate::experiment::spec::Precision;

/// What a network can take over after its passes.
#[derive(Debug)]
pub struct StepGradients {
    /// Gradient of every parameter, in their order, on the plain device; zeros
    /// where the loss does not depend on one.
    pub gradients: Vec<Tensor<1>>,
    /// Running statistics, moved once by every pass; as they were where values are
    /// rounded.
    pub statistics: Vec<RunningStatistics>,
    /// What the values were that are rounded, over all passes, where that is noted.
    pub observed: Vec<Extremes>,
}

/// A copy of a network that records what it computes. The original changes when
/// its owner takes over what came out.
pub struct RecordedForward {
    /// With parameters that burn tracks, unless libtorch does.
    network: Network,
    /// What stands in their place where values are rounded, tracked by burn.
    effective: Option<FoldedValues>,
    observed: Vec<Extremes>,
    #[cfg(feature = "libtorch")]
    tape: Option<Tape>,
}

impl Network {
    /// Begins to record. Values are shared, not copied. Convolutions and linear layers
    /// are computed in `precision` where libtorch computes them and nothing is rounded to
    /// integers.
    #[must_use]
    pub fn passes(&self, precision: Precision) -> RecordedForward {
        #[cfg(not(feature = "libtorch"))]
        let _ = precision;
        if let Some(quantization) = &self.quantization {
            let network = self.tracked();
            let effective = effective_values(&network, quantization);
            return RecordedForward {
                #[cfg(feature = "libtorch")]
                tape: {
                    let plain = effective.parameters.iter();
                    let plain = plain.map(|it| (it.value.clone().inner(), it.shape.as_slice()));
                    Tape::new(plain, Precision::Fp32)
                },
                ..RecordedForward::of(network, Some(effective))
            };
        }
        #[cfg(feature = "libtorch")]
        if let tape @ Some(_) = Tape::new(self.parameters.iter().map(Parameter::shaped), precision)
        {
            return RecordedForward {
                tape,
                ..RecordedForward::of(self.clone(), None)
            };
        }
        RecordedForward::of(self.tracked(), None)
    }
}

impl RecordedForward {
    fn of(network: Network, effective: Option<FoldedValues>) -> Self {
        Self {
            network,
            effective,
            observed: Vec::new(),
            #[cfg(feature = "libtorch")]
            tape: None,
        }
    }

    /// Tracked logits `[batch, classes]` of images `[batch, 3, height, width]`
    /// on the plain device, with the statistics of this batch, which the running
    /// ones move towards: by a tenth, with the unbiased variance, as PyTorch
    /// does. A single value per channel has no unbiased variance; 0 is taken. Where
    /// values are rounded, with the running statistics, which stay.
    ///
    /// # Panics
    /// If the images are on another device than the network.
    #[must_use]
    pub fn forward(&mut self, images: Tensor<4>) -> Tensor<2> {
        if let (Some(values), Some(quantization)) = (&self.effective, &self.network.quantization) {
            #[cfg(feature = "libtorch")]
            let found = match &mut self.tape {
                Some(tape) => tape
                    .forward_quantized(values, quantization, &images)
                    .expect("images are on the network's device"),
                None => fake_quantized::forward(values, quantization, images),
            };
            #[cfg(not(feature = "libtorch"))]
            let found = fake_quantized::forward(values, quantization, images);
            let (logits, observed) = found;
            joined(&mut self.observed, observed);
            return logits;
        }
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
            observed: self.observed,
        }
    }

    fn gradients(&self, mut found: Gradients) -> Vec<Tensor<1>> {
        #[cfg(feature = "libtorch")]
        if let Some(tape) = &self.tape {
            let of_leaves = tape.gradients(&mut found);
            let Some(effective) = &self.effective else {
                return of_leaves;
            };
            // The chain rule as one number, from the effective parameters on.
            let terms = effective.parameters.iter().zip(of_leaves);
            let terms = terms
                .map(|(parameter, gradient)| (parameter.value.clone() * gradient.autodiff()).sum());
            if let Some(surrogate) = terms.reduce(|sum, term| sum + term) {
                found = surrogate.backward();
            }
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
