//! A network's layers through libtorch's own operations and autograd.
//!
//! burn's autodiff sees only the logits, as leaves: it differentiates the losses
//! down to them, and libtorch from there to the parameters.
#![expect(
    deprecated,
    reason = "burn 0.22 deprecates libtorch and is the last line that has it; the version is pinned"
)]

use burn::backend::LibTorch;
use burn::tensor::{Gradients, Tensor};
use burn_tch::TchTensor;
use tch::Tensor as Native;

use super::arithmetic::{Arithmetic, Normalized};
use super::fake_quantized::{EffectiveValues, Extremes, FakeQuantization, FakeQuantize, walked};
use super::quantized::{Rounding, STEPS};
use super::walk::{Statistics, walk};
use super::{Network, RunningStatistics};
use crate::experiment::architecture::{
    Activation, AveragePool, BatchNorm, Conv, Graph, Linear, MaxPool, Shuffle,
};

/// libtorch's operations. Feature maps lie in memory with their channels last,
/// which its convolutions on processors prefer.
struct LibTorchNative;

/// Logits with running statistics, without a record; none if the network is on
/// another backend.
pub(super) fn forward(network: &Network, images: &Tensor<4>) -> Option<Tensor<2>> {
    let parameters = natives(network.parameters.iter().map(|parameter| &parameter.value))?;
    let statistics: Option<Vec<[Native; 2]>> = network
        .statistics
        .iter()
        .map(|known| Some([native(&known.mean)?, native(&known.variance)?]))
        .collect();
    let statistics = Statistics::Running(statistics?.into_iter());
    let images = channels_last(&native(images)?);
    let logits =
        tch::no_grad(|| walk::<LibTorchNative>(&network.graph, images, parameters, statistics));
    Some(of_native(logits))
}

/// As [`forward`], of a network that rounds.
pub(super) fn forward_quantized(
    values: &EffectiveValues,
    quantization: &FakeQuantization,
    images: &Tensor<4>,
) -> Option<(Tensor<2>, Vec<Extremes>)> {
    let parameters = natives(&values.parameters)?;
    let statistics = running(values)?;
    let images = channels_last(&native(images)?);
    let (logits, observed) =
        tch::no_grad(|| walked::<LibTorchNative>(quantization, images, parameters, statistics));
    Some((of_native(logits), observed))
}

fn running(values: &EffectiveValues) -> Option<Vec<[Native; 2]>> {
    let statistics = values.statistics.iter();
    statistics
        .map(|[mean, variance]| Some([native(mean)?, native(variance)?]))
        .collect()
}

/// What libtorch recorded of one step's passes.
#[derive(Debug)]
pub(super) struct Tape {
    /// The parameters, as leaves of libtorch's graph.
    leaves: Vec<Native>,
    /// Logits of every pass: as leaves of burn's graph, and as results of
    /// libtorch's.
    passes: Vec<(Tensor<2>, Native)>,
}

impl Tape {
    /// An empty record for these parameters, not tracked; none if they are on another
    /// backend.
    pub(super) fn new<'a>(parameters: impl IntoIterator<Item = &'a Tensor<1>>) -> Option<Self> {
        let leaves = natives(parameters)?
            .into_iter()
            .map(|parameter| parameter.detach().set_requires_grad(true))
            .collect();
        Some(Self {
            leaves,
            passes: Vec::new(),
        })
    }

    /// Logits `[batch, classes]` with the batch's statistics, a leaf of burn's
    /// autodiff graph; none if the images are on another backend.
    pub(super) fn forward(
        &mut self,
        graph: &Graph,
        statistics: &mut [RunningStatistics],
        images: &Tensor<4>,
    ) -> Option<Tensor<2>> {
        let images = channels_last(&native(images)?);
        let parameters = self.leaves.iter().map(Native::shallow_clone).collect();
        let statistics = Statistics::Batch(statistics.iter_mut());
        let logits = walk::<LibTorchNative>(graph, images, parameters, statistics);
        Some(self.passed(logits))
    }

    /// The same of a network that rounds, with running statistics; and what values
    /// were. The leaves are its effective parameters.
    pub(super) fn forward_quantized(
        &mut self,
        values: &EffectiveValues,
        quantization: &FakeQuantization,
        images: &Tensor<4>,
    ) -> Option<(Tensor<2>, Vec<Extremes>)> {
        let images = channels_last(&native(images)?);
        let parameters = self.leaves.iter().map(Native::shallow_clone).collect();
        let statistics = running(values)?;
        let (logits, observed) =
            walked::<LibTorchNative>(quantization, images, parameters, statistics);
        Some((self.passed(logits), observed))
    }

    fn passed(&mut self, logits: Native) -> Tensor<2> {
        let leaf = of_native::<2>(logits.detach()).autodiff().require_grad();
        self.passes.push((leaf.clone(), logits));
        leaf
    }

    /// Gradient of every parameter, `[n]`, given those of the logits.
    pub(super) fn gradients(&self, of_logits: &mut Gradients) -> Vec<Tensor<1>> {
        // Its gradient by the parameters is theirs: the chain rule as one number.
        let surrogate = self
            .passes
            .iter()
            .filter_map(|(leaf, logits)| {
                let gradient = leaf.grad_remove(of_logits)?;
                Some((logits * native(&gradient)?).sum(None))
            })
            .reduce(|sum, term| sum + term);
        let Some(surrogate) = surrogate else {
            return self.leaves.iter().map(zeros).collect();
        };
        let found = Native::run_backward(&[surrogate], &self.leaves, false, false);
        found
            .into_iter()
            .zip(&self.leaves)
            .map(|(gradient, leaf)| {
                if gradient.defined() {
                    of_native(gradient)
                } else {
                    zeros(leaf)
                }
            })
            .collect()
    }
}

fn zeros(leaf: &Native) -> Tensor<1> {
    of_native(leaf.detach().zeros_like())
}

fn natives<'a>(values: impl IntoIterator<Item = &'a Tensor<1>>) -> Option<Vec<Native>> {
    values.into_iter().map(native).collect()
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
    type Map = Native;
    type Features = Native;

    fn share(map: &Native) -> Native {
        map.shallow_clone()
    }

    fn conv(conv: &Conv, input: Native, weight: Native, bias: Option<Native>) -> Native {
        let (inputs, kernel) = (int(conv.inputs / conv.groups), int(conv.kernel));
        let weight = weight.view([int(conv.outputs), inputs, kernel, kernel]);
        input.conv2d(
            &channels_last(&weight),
            bias,
            [int(conv.stride); 2],
            [int(conv.padding); 2],
            [1; 2],
            int(conv.groups),
        )
    }

    fn linear(linear: &Linear, input: Native, weight: Native, bias: Native) -> Native {
        let weight = weight.view([int(linear.outputs), int(linear.inputs)]);
        input.linear(&weight, Some(bias))
    }

    fn normalize(
        norm: &BatchNorm,
        input: Native,
        [gamma, beta]: [Native; 2],
        mean: Native,
        variance: Native,
    ) -> Native {
        let (gamma, beta, mean, variance) = (Some(gamma), Some(beta), Some(mean), Some(variance));
        input.batch_norm(gamma, beta, mean, variance, false, 0.0, norm.epsilon, true)
    }

    fn normalize_by_batch(
        norm: &BatchNorm,
        input: Native,
        [gamma, beta]: [Native; 2],
    ) -> Normalized<Native> {
        // Statistics that move the whole way to the batch's are the batch's.
        const WHOLLY: f64 = 1.0;
        let (mean, variance) = (gamma.detach().zeros_like(), gamma.detach().zeros_like());
        let seen = (Some(mean.shallow_clone()), Some(variance.shallow_clone()));
        let (gamma, beta) = (Some(gamma), Some(beta));
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
            output,
            mean: of_native(mean),
            variance: of_native(if single {
                variance.zeros_like()
            } else {
                variance
            }),
        }
    }

    fn activate(kind: Activation, input: Native) -> Native {
        match kind {
            Activation::Relu => input.relu(),
            Activation::Relu6 => input.clamp(0.0, 6.0),
            Activation::Sigmoid => input.sigmoid(),
            Activation::HardSigmoid => input.hardsigmoid(),
            Activation::Silu => input.silu(),
            Activation::HardSwish => input.hardswish(),
        }
    }

    fn activate_features(kind: Activation, input: Native) -> Native {
        Self::activate(kind, input)
    }

    fn max_pool(pool: MaxPool, input: Native) -> Native {
        input.max_pool2d(
            [int(pool.kernel); 2],
            [int(pool.stride); 2],
            [int(pool.padding); 2],
            [1; 2],
            false,
        )
    }

    fn average_pool(pool: AveragePool, input: Native) -> Native {
        input.adaptive_avg_pool2d([int(pool.side); 2])
    }

    fn add(left: Native, right: Native) -> Native {
        left + right
    }

    fn scale(input: Native, factors: Native) -> Native {
        input * factors
    }

    fn halves(input: Native) -> [Native; 2] {
        let half = input.size()[1] / 2;
        [input.narrow(1, 0, half), input.narrow(1, half, half)]
    }

    fn concat(first: Native, second: Native) -> Native {
        Native::cat(&[first, second], 1)
    }

    fn shuffle(Shuffle { groups }: Shuffle, input: Native) -> Native {
        let (batch, channels, height, width) = input.size4().expect("maps have four dimensions");
        let groups = int(groups);
        let shuffled = input
            .reshape([batch, groups, channels / groups, height, width])
            .transpose(1, 2)
            .reshape([batch, channels, height, width]);
        channels_last(&shuffled)
    }

    fn flatten(input: Native) -> Native {
        input.flatten(1, 3)
    }

    fn unflatten(input: Native) -> Native {
        input.unsqueeze(-1).unsqueeze(-1)
    }
}

impl FakeQuantize for LibTorchNative {
    fn round_map(map: Native, by: Rounding) -> Native {
        let zero_point = i64::from(by.zero_point);
        map.fake_quantize_per_tensor_affine(by.scale, zero_point, 0, STEPS as i64)
    }

    fn round_features(features: Native, by: Rounding) -> Native {
        Self::round_map(features, by)
    }

    fn extremes_of_map(map: &Native) -> Extremes {
        let (least, most) = map.detach().aminmax(None, false);
        [least, most].map(|value| of_native(value.reshape([1])))
    }

    fn extremes_of_features(features: &Native) -> Extremes {
        Self::extremes_of_map(features)
    }
}
