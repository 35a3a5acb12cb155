//! What a walk over a graph's layers computes with.
//!
//! Burn's own operations serve every device and are differentiated by burn. On
//! libtorch the same layers run through its operations and its autograd, which
//! have the backward passes of convolution and batch normalisation that burn
//! composes of many smaller operations; on the processor without libtorch they are noted
//! and run by `cpu/`.

use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid, silu};
use burn::tensor::module::{adaptive_avg_pool2d, batch_norm, batch_norm_train, conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};

use crate::experiment::architecture::{
    Activation, AveragePool, BatchNorm, Conv, Linear, MaxPool, Shuffle,
};

/// Operations on layers' inputs and parameters. Parameters come flat and are
/// given their shapes here.
pub(super) trait Arithmetic {
    /// A parameter or one number per channel, `[n]`.
    type Vector;
    /// Images or feature maps, `[batch, channels, height, width]`.
    type Map;
    /// `[batch, features]`.
    type Features;

    /// The same maps for two readers.
    fn share(map: Self::Map) -> [Self::Map; 2];
    fn share_features(features: Self::Features) -> [Self::Features; 2];

    fn conv(
        conv: &Conv,
        input: Self::Map,
        weight: Self::Vector,
        bias: Option<Self::Vector>,
    ) -> Self::Map;

    fn linear(
        linear: &Linear,
        input: Self::Features,
        weight: Self::Vector,
        bias: Self::Vector,
    ) -> Self::Features;

    /// Batch normalisation with a known mean and variance per channel.
    fn normalize(
        norm: &BatchNorm,
        input: Self::Map,
        scale: [Self::Vector; 2],
        mean: Self::Vector,
        variance: Self::Vector,
    ) -> Self::Map;

    /// Batch normalisation with the batch's own mean and variance.
    fn normalize_by_batch(
        norm: &BatchNorm,
        input: Self::Map,
        scale: [Self::Vector; 2],
    ) -> Normalized<Self::Map>;

    fn activate(kind: Activation, input: Self::Map) -> Self::Map;
    fn activate_features(kind: Activation, input: Self::Features) -> Self::Features;
    fn max_pool(pool: MaxPool, input: Self::Map) -> Self::Map;
    fn average_pool(pool: AveragePool, input: Self::Map) -> Self::Map;
    fn add(left: Self::Map, right: Self::Map) -> Self::Map;
    /// Channels times `factors`, `[batch, channels, 1, 1]`.
    fn scale(input: Self::Map, factors: Self::Map) -> Self::Map;
    /// The first and the second half of the channels.
    fn halves(input: Self::Map) -> [Self::Map; 2];
    /// The channels of the first, then those of the second.
    fn concat(first: Self::Map, second: Self::Map) -> Self::Map;
    /// The first channels of all groups, then the second ones, and so on.
    fn shuffle(shuffle: Shuffle, input: Self::Map) -> Self::Map;
    /// Every image's values as one row.
    fn flatten(input: Self::Map) -> Self::Features;
    /// Every feature as a map of one pixel.
    fn unflatten(input: Self::Features) -> Self::Map;
}

/// What batch normalisation gives and saw.
pub(super) struct Normalized<M> {
    pub(super) output: M,
    /// Mean per channel, `[channels]`, not tracked.
    pub(super) mean: Tensor<1>,
    /// Unbiased variance per channel, `[channels]`, not tracked; 0 where a
    /// channel has a single value.
    pub(super) variance: Tensor<1>,
}

/// Burn's operations.
pub(super) struct Burn;

impl Arithmetic for Burn {
    type Vector = Tensor<1>;
    type Map = Tensor<4>;
    type Features = Tensor<2>;

    fn share(map: Tensor<4>) -> [Tensor<4>; 2] {
        [map.clone(), map]
    }

    fn share_features(features: Tensor<2>) -> [Tensor<2>; 2] {
        [features.clone(), features]
    }

    fn conv(
        conv: &Conv,
        input: Tensor<4>,
        weight: Tensor<1>,
        bias: Option<Tensor<1>>,
    ) -> Tensor<4> {
        let weight = weight.reshape([
            conv.outputs,
            conv.inputs / conv.groups,
            conv.kernel,
            conv.kernel,
        ]);
        let options = ConvOptions::new([conv.stride; 2], [conv.padding; 2], [1; 2], conv.groups);
        conv2d(input, weight, bias, options)
    }

    fn linear(linear: &Linear, input: Tensor<2>, weight: Tensor<1>, bias: Tensor<1>) -> Tensor<2> {
        let weight = weight.reshape([linear.outputs, linear.inputs]);
        let bias = bias.reshape([1, linear.outputs]);
        input.matmul(weight.transpose()) + bias
    }

    fn normalize(
        norm: &BatchNorm,
        input: Tensor<4>,
        [gamma, beta]: [Tensor<1>; 2],
        mean: Tensor<1>,
        variance: Tensor<1>,
    ) -> Tensor<4> {
        batch_norm(input, gamma, beta, mean, variance, norm.epsilon)
    }

    fn normalize_by_batch(
        norm: &BatchNorm,
        input: Tensor<4>,
        [gamma, beta]: [Tensor<1>; 2],
    ) -> Normalized<Tensor<4>> {
        let [batch, _, height, width] = input.dims();
        let count = batch * height * width;
        let unbiased = count as f64 / count.saturating_sub(1).max(1) as f64;
        let result = batch_norm_train(input, gamma, beta, norm.epsilon);
        Normalized {
            output: result.output,
            mean: result.mean.inner(),
            variance: result.variance.inner() * unbiased,
        }
    }

    fn activate(kind: Activation, input: Tensor<4>) -> Tensor<4> {
        activate(kind, input)
    }

    fn activate_features(kind: Activation, input: Tensor<2>) -> Tensor<2> {
        activate(kind, input)
    }

    fn max_pool(pool: MaxPool, input: Tensor<4>) -> Tensor<4> {
        let options = MaxPoolOptions::new([pool.kernel; 2])
            .with_stride([pool.stride; 2])
            .with_padding([pool.padding; 2]);
        max_pool2d(input, options)
    }

    fn average_pool(pool: AveragePool, input: Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = input.dims();
        if pool.side == 1 {
            // A plain mean, which every backend computes and differentiates fast.
            return input
                .reshape([batch, channels, height * width])
                .mean_dim(2)
                .reshape([batch, channels, 1, 1]);
        }
        adaptive_avg_pool2d(input, [pool.side; 2])
    }

    fn add(left: Tensor<4>, right: Tensor<4>) -> Tensor<4> {
        left + right
    }

    fn scale(input: Tensor<4>, factors: Tensor<4>) -> Tensor<4> {
        input * factors
    }

    fn halves(input: Tensor<4>) -> [Tensor<4>; 2] {
        let half = input.dims()[1] / 2;
        [
            input.clone().narrow(1, 0, half),
            input.narrow(1, half, half),
        ]
    }

    fn concat(first: Tensor<4>, second: Tensor<4>) -> Tensor<4> {
        Tensor::cat(vec![first, second], 1)
    }

    fn shuffle(Shuffle { groups }: Shuffle, input: Tensor<4>) -> Tensor<4> {
        let [batch, channels, height, width] = input.dims();
        input
            .reshape([batch, groups, channels / groups, height * width])
            .swap_dims(1, 2)
            .reshape([batch, channels, height, width])
    }

    fn flatten(input: Tensor<4>) -> Tensor<2> {
        input.flatten(1, 3)
    }

    fn unflatten(input: Tensor<2>) -> Tensor<4> {
        let [batch, count] = input.dims();
        input.reshape([batch, count, 1, 1])
    }
}

fn activate<const D: usize>(kind: Activation, input: Tensor<D>) -> Tensor<D> {
    match kind {
        Activation::Relu => relu(input),
        Activation::Relu6 => input.clamp(0.0, 6.0),
        Activation::Sigmoid => sigmoid(input),
        Activation::HardSigmoid => (input + 3.0).clamp(0.0, 6.0) / 6.0,
        Activation::Silu => silu(input),
        Activation::HardSwish => {
            let factor = activate(Activation::HardSigmoid, input.clone());
            input * factor
        }
    }
}
