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
use burn::tensor::{Device, Gradients, Tensor};
use burn_tch::TchTensor;
use tch::{Kind, Tensor as Native};

use super::arithmetic::{Arithmetic, Normalized};
use super::fake_quantized::{Extremes, FakeQuantization, FakeQuantize, walked};
use super::folded::FoldedValues;
use super::quantized::{Rounding, STEPS};
use super::walk::{Statistics, Value, follow, walk_with};
use super::{Forwarded, Network, Parameter, RunningStatistics};
use crate::engine::lanes::{parts_of, side_by_side};
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
    let images = native(images)?;
    let parameters = shaped(network.parameters.iter().map(Parameter::shaped))?;
    let parameters = tch::no_grad(|| computed_in(precision, &parameters));
    let statistics = running(&network.statistics)?;
    let count = usize::try_from(images.size()[0]).unwrap_or_default();
    let parts = images.chunk(int(parts_of(&network.device, count)), 0);
    let parts = parts.into_iter().map(|images| {
        let statistics = statistics.iter();
        let statistics = statistics.map(|both| both.each_ref().map(Native::shallow_clone));
        (images, shared(&parameters), statistics.collect::<Vec<_>>())
    });
    let given = side_by_side(
        &network.device,
        parts.collect(),
        |(images, parameters, statistics)| {
            let values = (parameters, Statistics::Running(statistics.into_iter()));
            tch::no_grad(|| walk_in(precision, &network.graph, &images, values, after))
        },
    );
    Some(Forwarded::joined(
        given.into_iter().map(Given::forwarded).collect(),
    ))
}

/// The same tensors for another reader.
fn shared(tensors: &[Native]) -> Vec<Native> {
    tensors.iter().map(Native::shallow_clone).collect()
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
    images: &Native,
    (parameters, statistics): (Vec<Native>, Statistics<'_, Native>),
    after: &[usize],
) -> Given {
    let images = channels_last(images);
    let images = match precision {
        Precision::Fp32 => Map::kept(images),
        Precision::Bf16 => Map::free(images.to_kind(Kind::BFloat16)),
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
    device: Device,
}

impl Tape {
    /// An empty record for these parameters, not tracked; none if they are on another
    /// backend.
    pub(super) fn new<'a>(
        parameters: impl Iterator<Item = (Tensor<1>, &'a [usize])>,
        precision: Precision,
        device: &Device,
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
            device: device.clone(),
        })
    }

    /// Logits `[batch, classes]` and maps of views of a batch, each with its own statistics and
    /// with the maps after so many layers: leaves of burn's autodiff graph. None if the images
    /// are on another backend.
    pub(super) fn forward(
        &mut self,
        graph: &Graph,
        statistics: &mut [RunningStatistics],
        views: &[(Tensor<4>, &[usize])],
    ) -> Option<Vec<Forwarded>> {
        let passes = views.iter().map(|(images, after)| {
            let images = native(images)?;
            Some((images, shared(&self.computed), *after))
        });
        let passes = passes.collect::<Option<Vec<_>>>()?;
        let precision = self.precision;
        let given = self.side_by_side(passes, |(images, parameters, after)| {
            let mut seen = Vec::new();
            let values = (parameters, Statistics::Batch(&mut seen));
            let given = walk_in(precision, graph, &images, values, after);
            (given, seen)
        });
        let leaves = given.into_iter().map(|(given, seen)| {
            follow(statistics, &seen);
            self.passed(given)
        });
        Some(leaves.collect())
    }

    /// Does `work` for every pass of a step, several at once where they share nothing that is
    /// recorded: kernels that were converted are.
    fn side_by_side<I: Send, T: Send>(
        &self,
        passes: Vec<I>,
        work: impl Fn(I) -> T + Sync,
    ) -> Vec<T> {
        match self.precision {
            Precision::Fp32 => side_by_side(&self.device, passes, work),
            Precision::Bf16 => passes.into_iter().map(work).collect(),
        }
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
        let parameters = shared(&self.leaves);
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
    pub(super) fn gradients(self, found: &mut Gradients) -> Vec<Tensor<1>> {
        // One without gradients stays among them: each goes back where it was recorded.
        let passes = self.passes.iter().map(|(leaves, given)| {
            let maps = leaves.maps.iter().zip(&given.maps);
            let logits = with_gradient(&leaves.logits, &given.logits, found);
            let maps = maps.filter_map(|(leaf, map)| with_gradient(leaf, map, found));
            let results: Vec<(Native, Native)> = logits.into_iter().chain(maps).collect();
            (results, shared(&self.leaves))
        });
        let passes: Vec<_> = passes.collect();
        let of_passes = self.side_by_side(passes, |(results, leaves)| {
            // Its gradient by the parameters is theirs: the chain rule as one number.
            let terms = results.iter();
            let terms = terms.map(|(result, gradient)| (result * gradient).sum(None));
            let surrogate = terms.reduce(|sum, term| sum + term);
            surrogate.map_or_else(Vec::new, |surrogate| {
                Native::run_backward(&[surrogate], &leaves, false, false)
            })
        });
        let sum = |at: usize| {
            let gradients = of_passes.iter().filter_map(|gradients| gradients.get(at));
            let defined = gradients.filter(|gradient| gradient.defined());
            defined
                .map(Native::shallow_clone)
                .reduce(|sum, next| sum + next)
        };
        let leaves = self.leaves.iter().enumerate();
        leaves
            .map(|(at, leaf)| match sum(at) {
                Some(gradient) => of_native(gradient.reshape([-1])),
                None => zeros(leaf),
            })
            .collect()
    }
}

/// A result as a leaf of burn's graph.
fn leaf<const D: usize>(result: &Native) -> Tensor<D> {
    of_native::<D>(result.detach()).autodiff().require_grad()
}

/// A result with the gradient that its leaf has, if it has one.
fn with_gradient<const D: usize>(
    leaf: &Tensor<D>,
    result: &Native,
    found: &mut Gradients,
) -> Option<(Native, Native)> {
    let gradient = leaf.grad_remove(found)?;
    Some((result.shallow_clone(), native(&gradient)?))
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

/// Whether a convolution reads single pixels with gaps between them, which are taken out first
/// then: the backward pass of libtorch 2.11 writes beyond its maps where their channels fill no
/// vector, of 8 values on processors with AVX2 and of 16 with AVX-512, and the program crashes
/// (PyTorch does, too).
fn pixels_come_first(conv: &Conv) -> bool {
    const VECTOR: usize = 16;
    let is_gapped = conv.kernel == 1 && conv.stride > 1 && conv.padding == 0;
    is_gapped && conv.inputs < VECTOR
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
        let (input, stride) = if pixels_come_first(conv) {
            let stride = int(conv.stride);
            let rows = input.values.slice(2, None, None, stride);
            (channels_last(&rows.slice(3, None, None, stride)), 1)
        } else {
            (input.values, conv.stride)
        };
        Map::free(input.conv2d(
            &kernel,
            bias,
            [int(stride); 2],
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
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::engine::threads::share_among;
    use crate::experiment::architecture::build;
    use crate::experiment::model::Model;

    /// Logits and gradients of a pass whose loss is their mean square.
    fn pass(network: &Network, precision: Precision, images: Tensor<4>) -> (Tensor<2>, Tensor<1>) {
        let mut passes = network.passes(precision);
        let logits = passes.forward(images);
        let step = passes.finish(&logits.clone().square().mean());
        (logits.inner(), Tensor::cat(step.gradients, 0))
    }

    #[test]
    fn narrow_networks_have_the_gradients_of_the_other_backend() {
        // Large enough that writing beyond the maps crashes.
        const SIDE: usize = 224;
        let values = (0..4 * 3 * SIDE * SIDE).map(|at| (at as f32 * 0.37).sin());
        let values: Vec<f32> = values.collect();
        for width in [3, 4, 6] {
            let model = Model::ResNetCifar { depth: 8, width };
            let graph = build(&model, (SIDE as u32, SIDE as u32), 5).unwrap();
            let gradient = |device: &Device| {
                let network = Network::new(graph.clone(), 3, device);
                let images = TensorData::new(values.clone(), [4, 3, SIDE, SIDE]);
                let images = Tensor::from_data(images, device);
                let (_, gradient) = pass(&network, Precision::Fp32, images);
                Tensor::<1>::from_data(gradient.into_data(), &Device::flex())
            };
            let [ours, theirs] = [Device::libtorch(), Device::flex()].map(|it| gradient(&it));
            let difference = norm(ours - theirs.clone()) / norm(theirs);
            assert!(difference < 1e-3, "width {width}: {difference}");
        }
    }

    #[test]
    fn views_side_by_side_give_what_they_give_one_after_another() {
        let device = Device::libtorch();
        let graph = build(&Model::ResNetCifar { depth: 8, width: 8 }, (32, 32), 5).unwrap();
        let network = Network::new(graph, 3, &device);
        let random =
            || Tensor::random([8, 3, 32, 32], burn::tensor::Distribution::Default, &device);
        let views = [random(), random(), random()];
        let step = |threads| {
            share_among(threads);
            let mut passes = network.passes(Precision::Fp32);
            let wanted = views.iter().map(|images| (images.clone(), false));
            let given = passes.forward_views(wanted.collect()).into_iter();
            let losses = given.map(|given| given.logits.square().mean());
            let step = passes.finish(&losses.reduce(|sum, loss| sum + loss).unwrap());
            let statistics = step.statistics.iter();
            let seen = statistics.flat_map(|known| [known.mean.clone(), known.variance.clone()]);
            let seen = Tensor::cat(seen.collect(), 0);
            let learnt = (Tensor::cat(step.gradients, 0), seen);
            (learnt, network.forward(views[0].clone()))
        };
        let (alone, answers) = step(1);
        for threads in [2, 4] {
            let (together, answers_together) = step(threads);
            for (name, together, alone) in [
                ("gradients", together.0, alone.0.clone()),
                ("statistics", together.1, alone.1.clone()),
                (
                    "answers",
                    answers_together.reshape([-1]),
                    answers.clone().reshape([-1]),
                ),
            ] {
                let difference = norm(together - alone.clone()) / norm(alone);
                assert!(difference < 1e-3, "{threads} threads, {name}: {difference}");
            }
        }
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
