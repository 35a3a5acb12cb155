//! Networks: a [`Graph`] with tensors, interpreted layer by layer.
//!
//! Parameters are one flat list of flat tensors, reshaped where they are used,
//! so that moving averages, clipping, optimizers, checks and files are each one
//! loop over a list. A network's tensors are on a plain device; a step of training
//! goes through [`Network::passes`], a copy that records what it computes, and
//! nothing of the original changes until the step is known to be sound.

mod arithmetic;
mod cpu;
mod fake_quantized;
mod folded;
mod initial;
#[cfg(feature = "libtorch")]
mod libtorch;
mod onnx;
mod pass;
mod quantized;
mod walk;

use burn::tensor::{Device, Tensor, TensorData};

use self::arithmetic::{Arithmetic as _, Burn};
use self::fake_quantized::effective_values;
pub use self::fake_quantized::{Extremes, FakeQuantization};
#[cfg(feature = "libtorch")]
pub(super) use self::libtorch::{int, native, of_native};
pub use self::onnx::{
    GREATEST_HALF, INPUT, NamedValues, OUTPUT, OnnxGraph, PixelInput, UnfitForHalf, onnx_graph,
};
pub use self::pass::{RecordedForward, StepGradients};
pub use self::quantized::{Range, UnfitWeights};
use self::walk::{Statistics, Value, follow, walk_with};
use crate::experiment::architecture::{Graph, ParameterSpec, is_in_module};
use crate::experiment::spec::Precision;

/// A network that can be evaluated and trained.
#[derive(Debug, Clone)]
pub struct Network {
    graph: Graph,
    device: Device,
    /// One for every parameter of the graph, in its order.
    parameters: Vec<Parameter>,
    /// One for every batch normalisation of the graph, in its order.
    statistics: Vec<RunningStatistics>,
    /// By what weights and values are rounded, if they are.
    quantization: Option<FakeQuantization>,
}

/// What a network gives for images.
#[derive(Debug, Clone)]
pub struct Forwarded {
    /// `[batch, classes]`.
    pub logits: Tensor<2>,
    /// The feature maps of the stages that were requested, in their order, `[batch, channels,
    /// height, width]`; the embedding is a map of one pixel.
    pub maps: Vec<Tensor<4>>,
}

/// A trainable tensor.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// PyTorch's name.
    pub name: String,
    /// PyTorch's shape.
    pub shape: Vec<usize>,
    /// Values in row-major order, `[product of shape]`.
    pub value: Tensor<1>,
    /// Whether weight decay applies; not to norms and biases.
    pub decays: bool,
    /// Whether training leaves it as it is.
    pub frozen: bool,
    /// What the learning rate is multiplied by for it.
    pub lr_factor: f64,
}

/// What one batch normalisation remembers of the batches it has seen. Never
/// tracked.
#[derive(Debug, Clone)]
pub struct RunningStatistics {
    /// Path of the PyTorch module.
    pub name: String,
    /// Running mean, `[channels]`.
    pub mean: Tensor<1>,
    /// Running unbiased variance, `[channels]`.
    pub variance: Tensor<1>,
    /// Batches seen: PyTorch's `num_batches_tracked`.
    pub batches: u64,
}

impl Network {
    /// A network with the family's usual random weights on a plain device.
    ///
    /// Values are drawn on the host from a stream keyed by the seed and the
    /// parameter's name, so they are the same on every device and do not depend
    /// on what else is drawn.
    #[must_use]
    pub fn new(graph: Graph, seed: u64, device: &Device) -> Self {
        let device = device.clone().inner();
        let parameters = graph
            .parameters()
            .into_iter()
            .map(|spec| Parameter::new(spec, seed, &device))
            .collect();
        let statistics = graph
            .statistics()
            .into_iter()
            .map(|spec| RunningStatistics {
                name: spec.name,
                mean: Tensor::zeros([spec.channels], &device),
                variance: Tensor::ones([spec.channels], &device),
                batches: 0,
            })
            .collect();
        Self {
            graph,
            device,
            parameters,
            statistics,
            quantization: None,
        }
    }

    /// The layers.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The plain device on which the network's images are expected.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Every parameter, in the graph's order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Every parameter, to be given new values of the same sizes.
    pub fn parameters_mut(&mut self) -> &mut [Parameter] {
        &mut self.parameters
    }

    /// Statistics of every batch normalisation, in the graph's order.
    #[must_use]
    pub fn statistics(&self) -> &[RunningStatistics] {
        &self.statistics
    }

    /// Statistics, to be given new values of the same sizes.
    pub fn statistics_mut(&mut self) -> &mut [RunningStatistics] {
        &mut self.statistics
    }

    /// Leaves the parameters of these modules as they are from now on, given by their
    /// paths. Their running statistics go on to follow the batches.
    pub fn freeze(&mut self, modules: &[String]) {
        for parameter in &mut self.parameters {
            parameter.frozen = modules
                .iter()
                .any(|module| is_in_module(&parameter.name, module));
        }
    }

    /// Gives parameters their learning rates from now on, each block before the classifier
    /// that of the next times `decay`.
    pub fn decay_learning_rates(&mut self, decay: f64) {
        let groups = self.graph.lr_groups(decay);
        // Both are in the graph's order.
        let factors = groups
            .iter()
            .flat_map(|group| group.parameters.iter().map(|_| group.factor));
        for (parameter, factor) in self.parameters.iter_mut().zip(factors) {
            parameter.lr_factor = factor;
        }
    }

    /// By what weights and values are rounded, if they are.
    #[must_use]
    pub fn quantization(&self) -> Option<&FakeQuantization> {
        self.quantization.as_ref()
    }

    /// Rounds weights and values from now on, or does not.
    pub fn quantize(&mut self, quantization: Option<FakeQuantization>) {
        self.quantization = quantization;
    }

    /// Logits `[batch, classes]` of images `[batch, 3, height, width]`, with
    /// running statistics. Changes nothing and records nothing.
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        self.forward_in(Precision::Fp32, images)
    }

    /// The same with convolutions and linear layers computed in `precision`, where libtorch
    /// computes them and nothing is rounded to integers.
    #[must_use]
    pub fn forward_in(&self, precision: Precision, images: Tensor<4>) -> Tensor<2> {
        self.forward_with(precision, images, &[]).logits
    }

    /// The same, and the feature maps of these stages.
    ///
    /// # Panics
    /// If the network has no stage of one of the names, see [`Graph::stages`].
    #[must_use]
    pub fn forward_with(
        &self,
        precision: Precision,
        images: Tensor<4>,
        stages: &[String],
    ) -> Forwarded {
        #[cfg(not(feature = "libtorch"))]
        let _ = precision;
        if let Some(quantization) = &self.quantization {
            let quantization = quantization.clone().observing(false);
            return self.forward_quantized_with(&quantization, images, stages).0;
        }
        let after = places(&self.graph, stages);
        #[cfg(feature = "libtorch")]
        if let Some(given) = libtorch::forward(self, precision, &images, &after) {
            return given;
        }
        if let Some(given) = cpu::forward(self, &images, &after) {
            return given;
        }
        self.forward_burn(images, &after)
    }

    /// Logits with running statistics and maps after so many layers, through burn's operations.
    fn forward_burn(&self, images: Tensor<4>, after: &[usize]) -> Forwarded {
        let known = self.statistics.iter();
        let known: Vec<_> = known
            .map(|known| [known.mean.clone(), known.variance.clone()])
            .collect();
        let statistics = Statistics::Running(known.into_iter());
        let parameters = self.values();
        Forwarded::of_walk(walk_with::<Burn>(
            &self.graph,
            images,
            parameters,
            statistics,
            after,
        ))
    }

    /// Logits and what the values were that are rounded.
    #[must_use]
    pub fn forward_quantized(
        &self,
        quantization: &FakeQuantization,
        images: Tensor<4>,
    ) -> (Tensor<2>, Vec<Extremes>) {
        let (given, observed) = self.forward_quantized_with(quantization, images, &[]);
        (given.logits, observed)
    }

    fn forward_quantized_with(
        &self,
        quantization: &FakeQuantization,
        images: Tensor<4>,
        stages: &[String],
    ) -> (Forwarded, Vec<Extremes>) {
        let values = effective_values(self, quantization);
        let after = places(quantization.graph(), stages);
        #[cfg(feature = "libtorch")]
        if let Some(found) = libtorch::forward_quantized(&values, quantization, &images, &after) {
            return found;
        }
        fake_quantized::forward(&values, quantization, images, &after)
    }

    /// Logits with the batch's statistics and maps after so many layers, through burn's
    /// operations.
    fn forward_train(&mut self, images: Tensor<4>, after: &[usize]) -> Forwarded {
        let parameters = self.values();
        let mut seen = Vec::new();
        let statistics = Statistics::Batch(&mut seen);
        let given = walk_with::<Burn>(&self.graph, images, parameters, statistics, after);
        follow(&mut self.statistics, &seen);
        Forwarded::of_walk(given)
    }

    fn values(&self) -> Vec<Tensor<1>> {
        let parameters = self.parameters.iter();
        parameters
            .map(|parameter| parameter.value.clone())
            .collect()
    }

    /// A copy whose parameters are leaves of a new autodiff graph.
    fn tracked(&self) -> Self {
        let mut copy = self.clone();
        for parameter in &mut copy.parameters {
            parameter.value = parameter.value.clone().autodiff().require_grad();
        }
        copy
    }
}

/// How many of a graph's layers lead to each of these stages.
fn places(graph: &Graph, stages: &[String]) -> Vec<usize> {
    if stages.is_empty() {
        return Vec::new();
    }
    let known = graph.stages();
    let place = |name: &String| {
        let stage = known.iter().find(|stage| stage.name == *name);
        stage.expect("stages are those of the network").layers
    };
    stages.iter().map(place).collect()
}

impl Forwarded {
    /// What is given for the parts of a batch, of which there is at least one, as one.
    #[must_use]
    pub fn joined(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let map = |at: usize| {
            let parts = parts.iter().map(|part| part.maps[at].clone());
            Tensor::cat(parts.collect(), 0)
        };
        let maps = parts.first().map_or(0, |part| part.maps.len());
        let logits = parts.iter().map(|part| part.logits.clone());
        Self {
            logits: Tensor::cat(logits.collect(), 0),
            maps: (0..maps).map(map).collect(),
        }
    }

    /// What a walk with burn's operations gave.
    fn of_walk((logits, taken): (Tensor<2>, Vec<Value<Burn>>)) -> Self {
        let maps = taken.into_iter().map(|value| match value {
            Value::Map(map) => map,
            Value::Features(features) => Burn::unflatten(features),
        });
        Self {
            logits,
            maps: maps.collect(),
        }
    }
}

impl Parameter {
    /// One as it starts, on a plain device.
    #[must_use]
    pub fn new(spec: ParameterSpec, seed: u64, device: &Device) -> Self {
        let values = initial::values(&spec, seed);
        let size = values.len();
        Self {
            value: Tensor::from_data(TensorData::new(values, [size]), device),
            name: spec.name,
            shape: spec.shape,
            decays: spec.decays,
            frozen: false,
            lr_factor: 1.0,
        }
    }

    /// Values and shape.
    #[cfg(feature = "libtorch")]
    fn shaped(&self) -> (Tensor<1>, &[usize]) {
        (self.value.clone(), &self.shape)
    }
}

#[cfg(test)]
mod tests;
