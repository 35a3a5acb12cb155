//! One step's passes through a network that learns, and their gradients.

use burn::tensor::{Gradients, Tensor};

use super::cpu;
use super::fake_quantized::{self, Extremes, effective_values, joined};
use super::folded::FoldedValues;
#[cfg(feature = "libtorch")]
use super::libtorch::Tape;
use super::{Forwarded, Network, Parameter, RunningStatistics, places};
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
    /// With parameters that burn tracks, unless another recorder has them.
    network: Network,
    /// What stands in their place where values are rounded, tracked by burn.
    effective: Option<FoldedValues>,
    observed: Vec<Extremes>,
    /// After how many layers of what is walked maps are taken.
    after: Vec<usize>,
    recorder: Recorder,
}

/// Who records a step's passes.
enum Recorder {
    /// burn's autodiff.
    Burn,
    /// The pure-Rust backend's own layers.
    Cpu(Box<cpu::Tape>),
    /// libtorch's autograd.
    #[cfg(feature = "libtorch")]
    LibTorch(Box<Tape>),
}

impl Recorder {
    /// The fastest that there is for a network, which takes maps after these layers.
    fn of(network: &Network, precision: Precision, after: &[usize]) -> Self {
        #[cfg(feature = "libtorch")]
        {
            let parameters = network.parameters.iter().map(Parameter::shaped);
            if let Some(tape) = Tape::new(parameters, precision, &network.device) {
                return Self::LibTorch(Box::new(tape));
            }
        }
        #[cfg(not(feature = "libtorch"))]
        let _ = precision;
        cpu::Tape::new(network, after).map_or(Self::Burn, |tape| Self::Cpu(Box::new(tape)))
    }

    /// The one for values that stand in place of a network's parameters.
    fn of_effective(values: &FoldedValues, network: &Network) -> Self {
        #[cfg(feature = "libtorch")]
        {
            let plain = values.parameters.iter();
            let plain = plain.map(|it| (it.value.clone().inner(), it.shape.as_slice()));
            if let Some(tape) = Tape::new(plain, Precision::Fp32, &network.device) {
                return Self::LibTorch(Box::new(tape));
            }
        }
        #[cfg(not(feature = "libtorch"))]
        let _ = (values, network);
        Self::Burn
    }
}

impl Network {
    /// Begins to record. Values are shared, not copied. Convolutions and linear layers
    /// are computed in `precision` where libtorch computes them and nothing is rounded to
    /// integers.
    #[must_use]
    pub fn passes(&self, precision: Precision) -> RecordedForward {
        self.passes_with(precision, &[])
    }

    /// The same, with passes that may give the feature maps of these stages.
    ///
    /// # Panics
    /// If the network has no stage of one of the names.
    #[must_use]
    pub fn passes_with(&self, precision: Precision, stages: &[String]) -> RecordedForward {
        if let Some(quantization) = &self.quantization {
            let network = self.tracked();
            let effective = effective_values(&network, quantization);
            return RecordedForward {
                after: places(quantization.graph(), stages),
                recorder: Recorder::of_effective(&effective, &network),
                network,
                effective: Some(effective),
                observed: Vec::new(),
            };
        }
        let after = places(&self.graph, stages);
        let recorder = Recorder::of(self, precision, &after);
        RecordedForward {
            network: if matches!(recorder, Recorder::Burn) {
                self.tracked()
            } else {
                self.clone()
            },
            effective: None,
            observed: Vec::new(),
            after,
            recorder,
        }
    }
}

impl RecordedForward {
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
        self.forward_views(vec![(images, false)]).remove(0).logits
    }

    /// The same of every view of a batch, in their order, with the feature maps of the
    /// record's stages, tracked, of those for which they are wanted.
    ///
    /// # Panics
    /// If the images are on another device than the network.
    #[must_use]
    pub fn forward_views(&mut self, views: Vec<(Tensor<4>, bool)>) -> Vec<Forwarded> {
        #[cfg(feature = "libtorch")]
        if let (None, Recorder::LibTorch(tape)) = (&self.effective, &mut self.recorder) {
            let views = views.into_iter();
            let views = views.map(|(images, wants_maps)| (images, wanted(&self.after, wants_maps)));
            let views: Vec<_> = views.collect();
            let Network {
                graph, statistics, ..
            } = &mut self.network;
            return tape
                .forward(graph, statistics, &views)
                .expect(ON_ITS_DEVICE);
        }
        let views = views.into_iter();
        views
            .map(|(images, wants_maps)| self.pass(images, wants_maps))
            .collect()
    }

    /// One pass where none is taken beside another.
    fn pass(&mut self, images: Tensor<4>, wants_maps: bool) -> Forwarded {
        let after = wanted(&self.after, wants_maps);
        if let (Some(values), Some(quantization)) = (&self.effective, &self.network.quantization) {
            let (given, observed) = match &mut self.recorder {
                #[cfg(feature = "libtorch")]
                Recorder::LibTorch(tape) => tape
                    .forward_quantized(values, quantization, &images, after)
                    .expect(ON_ITS_DEVICE),
                Recorder::Burn | Recorder::Cpu(_) => {
                    fake_quantized::forward(values, quantization, images, after)
                }
            };
            joined(&mut self.observed, observed);
            return given;
        }
        let Network {
            graph, statistics, ..
        } = &mut self.network;
        if let Recorder::Cpu(tape) = &mut self.recorder {
            return tape
                .forward(graph, statistics, &images, wants_maps)
                .expect(ON_ITS_DEVICE);
        }
        self.network.forward_train(images, after)
    }

    /// Ends the record with the gradients of a loss, `[1]`, that was computed
    /// from the logits and maps.
    #[must_use]
    pub fn finish(self, loss: &Tensor<1>) -> StepGradients {
        self.finish_with(loss, &[]).0
    }

    /// The same, with the gradients of tensors besides, `[n]`, tracked, that the loss was
    /// computed with.
    #[must_use]
    pub fn finish_with(
        mut self,
        loss: &Tensor<1>,
        besides: &[Tensor<1>],
    ) -> (StepGradients, Vec<Tensor<1>>) {
        // No term depends on the student when a batch has none of the labels
        // that its terms need.
        let mut found = loss.is_tracked().then(|| loss.backward());
        let besides = besides.iter().map(|tensor| {
            let gradient = found.as_mut().and_then(|found| tensor.grad_remove(found));
            gradient.unwrap_or_else(|| tensor.clone().inner().zeros_like())
        });
        let besides = besides.collect();
        let gradients = match found {
            Some(found) => self.gradients(found),
            None => self.network.parameters.iter().map(zeros).collect(),
        };
        let step = StepGradients {
            gradients,
            statistics: self.network.statistics,
            observed: self.observed,
        };
        (step, besides)
    }

    fn gradients(&mut self, mut found: Gradients) -> Vec<Tensor<1>> {
        match std::mem::replace(&mut self.recorder, Recorder::Burn) {
            Recorder::Burn => {}
            Recorder::Cpu(tape) => return tape.gradients(&mut found),
            #[cfg(feature = "libtorch")]
            Recorder::LibTorch(tape) => {
                let of_leaves = tape.gradients(&mut found);
                let Some(effective) = &self.effective else {
                    return of_leaves;
                };
                // The chain rule as one number, from the effective parameters on.
                let terms = effective.parameters.iter().zip(of_leaves);
                let terms = terms.map(|(parameter, gradient)| {
                    (parameter.value.clone() * gradient.autodiff()).sum()
                });
                if let Some(surrogate) = terms.reduce(|sum, term| sum + term) {
                    found = surrogate.backward();
                }
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

/// After how many layers maps are taken, if they are wanted.
fn wanted(after: &[usize], wants_maps: bool) -> &[usize] {
    if wants_maps { after } else { &[] }
}

/// Why images are where the network is: who makes a step puts them there.
const ON_ITS_DEVICE: &str = "images are on the network's device";
