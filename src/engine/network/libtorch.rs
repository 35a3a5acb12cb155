//! A network's layers through libtorch's own operations and autograd.
//!
//! burn's autodiff sees only the logits and the feature maps that a loss looks at, as
//! leaves: it differentiates the losses down to them, and libtorch from there to the
//! parameters.
#![expect(
    deprecated,
    reason = "burn 0.22 deprecates libtorch and is the last line that has it; the version is pinned"
)]

use burn::backend::LibTorch;
use burn::tensor::{Gradients, Tensor};
use burn_tch::TchTensor;
use tch::{Kind, Tensor as Native};

use super::arithmetic::{Arithmetic, Normalized};
use super::fake_quantized::{Extremes, FakeQuantization, FakeQuantize, walked};
use super::folded::FoldedValues;
use super::quantized::{Rounding, STEPS};
use super::walk::{Statistics, Value, walk_with};
use super::{Forwarded, Network, Parameter, RunningStatistics};
use crate::experiment::architecture::{
    Activation, AveragePool, BatchNorm, Conv, Graph, Linear, MaxPool, Shuffle,
};
use crate::experiment::spec::Precision;

/// libtorch's operations. Feature maps and kernels lie in memory with their channels
/// last, which its convolutions on processors prefer.
struct LibTorchNative;

/// Feature maps.
struct Map {
    values: Native,
    /// Nothing else reads these values, a backward pass included: they may be overwritten.
    is_free: bool,
}

impl Map {
    fn free(values: Native) -> Self {
        Self {
            values,
            is_free: true,
        }
    }

    fn kept(values: Native) -> Self {
        Self {
            values,
            is_free: false,
        }
    }
}

/// Logits with running statistics, and the maps after so many layers, without a record;
/// none if the network is on another backend.
pub(super) fn forward(
    network: &Network,
    precision: Precision,
    images: &Tensor<4>,
    after: &[usize],
) -> Option<Forwarded> {
    let parameters = shaped(network.parameters.iter().map(Parameter::shaped))?;
    let statistics = Statistics::Running(running(&network.statistics)?.into_iter());
    let images = map(images)?;
    let given = tch::no_grad(|| {
        let parameters = computed_in(precision, &parameters);
        walk_in(
            precision,
            &network.graph,
            images,
            (parameters, statistics),
            after,
        )
    });
    Some(given.forwarded())
}

/// What a walk gave: logits and maps, in 32-bit floats.
#[derive(Debug)]
struct Given {
    logits: Native,
    maps: Vec<Native>,
}

impl Given {
    fn of_walk((logits, taken): (Native, Vec<Value<LibTorchNative>>)) -> Self {
        let maps = taken.into_iter().map(|value| match value {
            Value::Map(map) => map.values,
            Value::Features(features) => LibTorchNative::unflatten(features).values,
        });
        Self {
            maps: maps.map(|map| map.to_kind(Kind::Float)).collect(),
            logits: logits.to_kind(Kind::Float),
        }
    }

    fn forwarded(self) -> Forwarded {
        Forwarded {
            logits: of_native(self.logits),
            maps: self.maps.into_iter().map(of_native).collect(),
        }
    }
}

/// What a walk gives whose convolutions and linear layers are computed in `precision`.
/// Normalisation takes maps in it and computes with 32-bit floats, as with PyTorch's
/// autocast.
fn walk_in(
    precision: Precision,
    graph: &Graph,
    images: Map,
    (parameters, statistics): (Vec<Native>, Statistics<'_, Native>),
    after: &[usize],
) -> Given {
    let images = match precision {
        Precision::Fp32 => images,
        Precision::Bf16 => Map::free(images.values.to_kind(Kind::BFloat16)),
    };
    Given::of_walk(walk_with::<LibTorchNative>(
        graph, images, parameters, statistics, after,
    ))
}

/// Parameters as they are computed with: kernels and matrices in `precision`.
fn computed_in(precision: Precision, parameters: &[Native]) -> Vec<Native> {
    let parameters = parameters.iter();
    parameters
        .map(|parameter| match precision {
            Precision::Bf16 if parameter.dim() > 1 => parameter.to_kind(Kind::BFloat16),
            _ => parameter.shallow_clone(),
        })
        .collect()
}

/// As [`forward`], of a network that rounds.
pub(super) fn forward_quantized(
    values: &FoldedValues,
    quantization: &FakeQuantization,
    images: &Tensor<4>,
    after: &[usize],
) -> Option<(Forwarded, Vec<Extremes>)> {
    let parameters = shaped(values.parameters.iter().map(Parameter::shaped))?;
    let statistics = running(&values.statistics)?;
    let images = map(images)?;
    let values = (parameters, statistics);
    let (logits, taken, observed) =
        tch::no_grad(|| walked::<LibTorchNative>(quantization, images, values, after));
    Some((Given::of_walk((logits, taken)).forwarded(), observed))
}

fn running(statistics: &[RunningStatistics]) -> Option<Vec<[Native; 2]>> {
    let statistics = statistics.iter();
    statistics
        .map(|known| Some([native(&known.mean)?, native(&known.variance)?]))
        .collect()
}

/// What libtorch recorded of one step's passes.
#[derive(Debug)]
pub(super) struct Tape {
    /// The parameters in their shapes, as leaves of libtorch's graph.
    leaves: Vec<Native>,
    /// Logits and maps of every pass: as leaves of burn's graph, and as results of
    /// libtorch's.
    passes: Vec<(Forwarded, Given)>,
    precision: Precision,
    /// The parameters as they are computed with.
    computed: Vec<Native>,
}

impl Tape {
    /// An empty record for these parameters, not tracked; none if they are on another
    /// backend.
    pub(super) fn new<'a>(
        parameters: impl Iterator<Item = (Tensor<1>, &'a [usize])>,
        precision: Precision,
    ) -> Option<Self> {
        let leaves: Vec<Native> = shaped(parameters)?
            .into_iter()
            .map(|parameter| parameter.detach().set_requires_grad(true))
            .collect();
        Some(Self {
            computed: computed_in(precision, &leaves),
            leaves,
            passes: Vec::new(),
            precision,
        })
    }

    /// Logits `[batch, classes]` with the batch's statistics and the maps after so many
    /// layers, leaves of burn's autodiff graph; none if the images are on another backend.
    pub(super) fn forward(
        &mut self,
        graph: &Graph,
        statistics: &mut [RunningStatistics],
        images: &Tensor<4>,
        after: &[usize],
    ) -> Option<Forwarded> {
        let images = map(images)?;
        let parameters = self.computed.iter().map(Native::shallow_clone).collect();
        let statistics = Statistics::Batch(statistics.iter_mut());
        let values = (parameters, statistics);
        let given = walk_in(self.precision, graph, images, values, after);
        Some(self.passed(given))
    }

    /// The same of a network that rounds, with running statistics; and what values
    /// were. The leaves are its effective parameters.
    pub(super) fn forward_quantized(
        &mut self,
        values: &FoldedValues,
        quantization: &FakeQuantization,
        images: &Tensor<4>,
        after: &[usize],
    ) -> Option<(Forwarded, Vec<Extremes>)> {
        let images = map(images)?;
        let parameters = self.leaves.iter().map(Native::shallow_clone).collect();
        let statistics = running(&values.statistics)?;
        let values = (parameters, statistics);
        let (logits, taken, observed) =
            walked::<LibTorchNative>(quantization, images, values, after);
        Some((self.passed(Given::of_walk((logits, taken))), observed))
    }

    fn passed(&mut self, given: Given) -> Forwarded {
        let maps = given.maps.iter();
        // The record keeps the leaves: what only one variable holds, burn overwrites.
        let leaves = Forwarded {
            logits: leaf(&given.logits),
            maps: maps.map(leaf).collect(),
        };
        self.passes.push((leaves.clone(), given));
        leaves
    }

    /// Gradient of every parameter, `[n]`, given those of the logits and maps.
    pub(super) fn gradients(&self, found: &mut Gradients) -> Vec<Tensor<1>> {
        // Its gradient by the parameters is theirs: the chain rule as one number.
        let surrogate = self
            .passes
            .iter()
            .flat_map(|(leaves, given)| {
                let maps = leaves.maps.iter().zip(&given.maps);
                let logits = product(&leaves.logits, &given.logits, found);
                let maps: Vec<Option<Native>> =
                    maps.map(|(leaf, map)| product(leaf, map, found)).collect();
                [logits].into_iter().chain(maps).flatten()
            })
            .reduce(|sum, term| sum + term);
        let Some(surrogate) = surrogate else {
            return self.leaves.iter().map(zeros).collect();
        };
        let gradients = Native::run_backward(&[surrogate], &self.leaves, false, false);
        gradients
            .into_iter()
            .zip(&self.leaves)
            .map(|(gradient, leaf)| {
                if gradient.defined() {
                    of_native(gradient.reshape([-1]))
                } else {
                    zeros(leaf)
                }
            })
            .collect()
    }
}

/// A result as a leaf of burn's graph.
fn leaf<const D: usize>(result: &Native) -> Tensor<D> {
    of_native::<D>(result.detach()).autodiff().require_grad()
}

/// A result times the gradient that its leaf has, as one number.
fn product<const D: usize>(
    leaf: &Tensor<D>,
    result: &Native,
    found: &mut Gradients,
) -> Option<Native> {
    let gradient = leaf.grad_remove(found)?;
    Some((result * native(&gradient)?).sum(None))
}

fn zeros(leaf: &Native) -> Tensor<1> {
    of_native(leaf.detach().zeros_like().reshape([-1]))
}

/// Parameters in their shapes, kernels with their channels last; none if they are on
/// another backend.
fn shaped<'a>(parameters: impl Iterator<Item = (Tensor<1>, &'a [usize])>) -> Option<Vec<Native>> {
    parameters
        .map(|(value, shape)| {
            let shape: Vec<i64> = shape.iter().map(|&side| int(side)).collect();
            let value = native(&value)?.view(shape.as_slice());
            Some(if shape.len() == 4 {
                channels_last(&value)
            } else {
                value
            })
        })
        .collect()
}

/// Images as a network's first map; none if they are on another backend.
fn map(images: &Tensor<4>) -> Option<Map> {
    Some(Map::kept(channels_last(&native(images)?)))
}

/// libtorch's tensor behind one of burn's, which shares its memory; none if it
/// is on another backend.
///
/// burn writes into memory that only one tensor of its own holds: what is
/// recorded here must outlive its use in no variable of burn's.
pub(in crate::engine) fn native<const D: usize>(tensor: &Tensor<D>) -> Option<Native> {
    let primitive = tensor.clone().try_into_primitive::<LibTorch>().ok()?;
    Some(primitive.tensor.shallow_clone())
}

/// One of burn's that shares the memory of libtorch's.
pub(in crate::engine) fn of_native<const D: usize>(tensor: Native) -> Tensor<D> {
    Tensor::from_primitive::<LibTorch>(TchTensor::new(tensor))
}

/// The same values and shape, with the channels next to each other in memory.
fn channels_last(map: &Native) -> Native {
    map.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// tch wants signed sizes.
pub(in crate::engine) fn int(size: usize) -> i64 {
    i64::try_from(size).expect("sizes of tensors fit in memory")
}

impl Arithmetic for LibTorchNative {
    type Vector = Native;
    type Map = Map;
    type Features = Native;

    fn share(map: Map) -> [Map; 2] {
        [map.values.shallow_clone(), map.values].map(Map::kept)
    }

    fn share_features(features: Native) -> [Native; 2] {
        [features.shallow_clone(), features]
    }

    fn conv(conv: &Conv, input: Map, kernel: Native, bias: Option<Native>) -> Map {
        let bias = bias.map(|bias| bias.to_kind(kernel.kind()));
        Map::free(input.values.conv2d(
            &kernel,
            bias,
            [int(conv.stride); 2],
            [int(conv.padding); 2],
            [1; 2],
            int(conv.groups),
        ))
    }

    fn linear(_: &Linear, input: Native, weight: Native, bias: Native) -> Native {
        let bias = bias.to_kind(weight.kind());
        input.linear(&weight, Some(bias))
    }

    fn normalize(
        norm: &BatchNorm,
        input: Map,
        [gamma, beta]: [Native; 2],
        mean: Native,
        variance: Native,
    ) -> Map {
        let (gamma, beta, mean, variance) = (Some(gamma), Some(beta), Some(mean), Some(variance));
        let input = input.values;
        Map::free(input.batch_norm(gamma, beta, mean, variance, false, 0.0, norm.epsilon, true))
    }

    fn normalize_by_batch(
        norm: &BatchNorm,
        input: Map,
        [gamma, beta]: [Native; 2],
    ) -> Normalized<Map> {
        // Statistics that move the whole way to the batch's are the batch's.
        const WHOLLY: f64 = 1.0;
        let (mean, variance) = (gamma.detach().zeros_like(), gamma.detach().zeros_like());
        let seen = (Some(mean.shallow_clone()), Some(variance.shallow_clone()));
        let (gamma, beta) = (Some(gamma), Some(beta));
        let input = input.values;
        let (batch, _, height, width) = input.size4().expect("maps have four dimensions");
        let output = input.batch_norm(
            gamma,
            beta,
            seen.0,
            seen.1,
            true,
            WHOLLY,
            norm.epsilon,
            true,
        );
        let single = batch * height * width == 1;
        Normalized {
            output: Map::free(output),
            mean: of_native(mean),
            variance: of_native(if single {
                variance.zeros_like()
            } else {
                variance
            }),
        }
    }

    fn activate(kind: Activation, input: Map) -> Map {
        // The gradient of ReLU is found from its result.
        if kind == Activation::Relu && input.is_free {
            let mut values = input.values;
            return Map::kept(values.relu_());
        }
        Map::kept(Self::activate_features(kind, input.values))
    }

    fn activate_features(kind: Activation, input: Native) -> Native {
        match kind {
            Activation::Relu => input.relu(),
            Activation::Relu6 => input.clamp(0.0, 6.0),
            Activation::Sigmoid => input.sigmoid(),
            Activation::HardSigmoid => input.hardsigmoid(),
            Activation::Silu => input.silu(),
            Activation::HardSwish => input.hardswish(),
        }
    }

    fn max_pool(pool: MaxPool, input: Map) -> Map {
        Map::kept(input.values.max_pool2d(
            [int(pool.kernel); 2],
            [int(pool.stride); 2],
            [int(pool.padding); 2],
            [1; 2],
            false,
        ))
    }

    fn average_pool(pool: AveragePool, input: Map) -> Map {
        Map::kept(input.values.adaptive_avg_pool2d([int(pool.side); 2]))
    }

    fn add(left: Map, right: Map) -> Map {
        if left.is_free {
            let mut sum = left.values;
            return Map::free(sum.g_add_(&right.values));
        }
        Map::free(left.values + right.values)
    }

    fn scale(input: Map, factors: Map) -> Map {
        Map::free(input.values * factors.values)
    }

    fn halves(input: Map) -> [Map; 2] {
        let half = input.values.size()[1] / 2;
        [0, half].map(|start| Map::kept(input.values.narrow(1, start, half)))
    }

    fn concat(first: Map, second: Map) -> Map {
        Map::free(Native::cat(&[first.values, second.values], 1))
    }

    fn shuffle(Shuffle { groups }: Shuffle, input: Map) -> Map {
        let input = input.values;
        let (batch, channels, height, width) = input.size4().expect("maps have four dimensions");
        let groups = int(groups);
        let shuffled = input
            .reshape([batch, groups, channels / groups, height, width])
            .transpose(1, 2)
            .reshape([batch, channels, height, width]);
        Map::kept(channels_last(&shuffled))
    }

    fn flatten(input: Map) -> Native {
        input.values.flatten(1, 3)
    }

    fn unflatten(input: Native) -> Map {
        Map::kept(input.unsqueeze(-1).unsqueeze(-1))
    }
}

impl FakeQuantize for LibTorchNative {
    fn round_map(map: Map, by: Rounding) -> Map {
        Map::free(Self::round_features(map.values, by))
    }

    fn round_features(features: Native, by: Rounding) -> Native {
        let zero_point = i64::from(by.zero_point);
        features.fake_quantize_per_tensor_affine(by.scale, zero_point, 0, STEPS as i64)
    }

    fn extremes_of_map(map: &Map) -> Extremes {
        Self::extremes_of_features(&map.values)
    }

    fn extremes_of_features(features: &Native) -> Extremes {
        let (least, most) = features.detach().aminmax(None, false);
        [least, most].map(|value| of_native(value.reshape([1])))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::experiment::architecture::build;
    use crate::experiment::model::Model;

    /// Logits and gradients of a pass whose loss is their mean square.
    fn pass(network: &Network, precision: Precision, images: Tensor<4>) -> (Tensor<2>, Tensor<1>) {
        let mut passes = network.passes(precision);
        let logits = passes.forward(images);
        let step = passes.finish(&logits.clone().square().mean());
        (logits.inner(), Tensor::cat(step.gradients, 0))
    }

    fn norm<const D: usize>(tensor: Tensor<D>) -> f32 {
        tensor.square().sum().sqrt().into_scalar()
    }

    #[test]
    fn bf16_is_near_32_bit_floats_and_leaves_weights_and_logits_in_these() {
        let device = Device::libtorch();
        for model in [
            Model::ResNetCifar { depth: 8, width: 8 },
            Model::Vgg { depth: 11 },
        ] {
            let graph = build(&model, (32, 32), 5).unwrap();
            let network = Network::new(graph, 3, &device);
            let images =
                Tensor::random([8, 3, 32, 32], burn::tensor::Distribution::Default, &device);
            let (exact, exact_gradient) = pass(&network, Precision::Fp32, images.clone());
            let (near, near_gradient) = pass(&network, Precision::Bf16, images.clone());
            assert_eq!(native(&near).unwrap().kind(), Kind::Float);
            assert_eq!(native(&near_gradient).unwrap().kind(), Kind::Float);
            let (size, difference) = (norm(exact.clone()), norm(exact - near));
            // Eight bits of a mantissa: another number, and nearly the same.
            assert!(
                difference > 0.0 && difference < 0.05 * size,
                "{difference} of {size}"
            );
            let size = norm(exact_gradient.clone());
            let difference = norm(exact_gradient - near_gradient);
            // PyTorch's autocast differs by 5 % (ResNet-8) and 32 % (VGG-11) in these: random
            // weights and images leave little but rounding.
            assert!(difference < 0.4 * size, "{difference} of {size}");
            let answers = network.forward_in(Precision::Bf16, images.clone());
            let exact = network.forward(images);
            let (size, difference) = (norm(exact.clone()), norm(exact - answers));
            assert!(
                difference > 0.0 && difference < 0.05 * size,
                "{difference} of {size}"
            );
        }
    }
}
