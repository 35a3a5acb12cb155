//! The walk over a graph's layers with tensors.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::{adaptive_avg_pool2d, batch_norm, batch_norm_train, conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};

use super::{Network, Parameter, RunningStatistics};
use crate::experiment::architecture::{
    AveragePool, BATCH_NORM_EPSILON, Conv, Layer, Linear, MaxPool,
};

/// Share of the newest batch in running statistics, PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// What flows between layers.
enum Activation {
    /// `[batch, channels, height, width]`.
    Map(Tensor<4>),
    /// `[batch, features]`.
    Features(Tensor<2>),
}

/// Where batch normalisation finds its mean and variance.
enum Statistics<'a> {
    /// In what it remembers.
    Running(std::slice::Iter<'a, RunningStatistics>),
    /// In the batch, which it then remembers.
    Batch(std::slice::IterMut<'a, RunningStatistics>),
}

/// A place in the walk: what is left of the lists that are in its order.
struct Walk<'a> {
    parameters: std::slice::Iter<'a, Parameter>,
    statistics: Statistics<'a>,
}

impl Network {
    /// Logits `[batch, classes]` of images `[batch, 3, height, width]`, with
    /// running statistics. Changes nothing; a network on the plain device
    /// records no graph.
    #[must_use]
    pub fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let mut walk = Walk {
            parameters: self.parameters.iter(),
            statistics: Statistics::Running(self.statistics.iter()),
        };
        walk.layers(&self.graph.layers, Activation::Map(images))
            .features()
    }

    /// Logits as [`forward`](Self::forward) gives them, with the statistics of
    /// this batch, which the running ones move towards: by a tenth, with the
    /// unbiased variance, as PyTorch does. A single value per channel has no
    /// unbiased variance; its biased one, 0, is taken.
    #[must_use]
    pub fn forward_train(&mut self, images: Tensor<4>) -> Tensor<2> {
        let mut walk = Walk {
            parameters: self.parameters.iter(),
            statistics: Statistics::Batch(self.statistics.iter_mut()),
        };
        walk.layers(&self.graph.layers, Activation::Map(images))
            .features()
    }
}

impl Walk<'_> {
    fn layers(&mut self, layers: &[Layer], input: Activation) -> Activation {
        layers
            .iter()
            .fold(input, |activation, layer| self.layer(layer, activation))
    }

    fn layer(&mut self, layer: &Layer, input: Activation) -> Activation {
        match layer {
            Layer::Conv(conv) => Activation::Map(self.conv(conv, input.map())),
            Layer::BatchNorm(_) => Activation::Map(self.batch_norm(input.map())),
            Layer::Relu => match input {
                Activation::Map(map) => Activation::Map(relu(map)),
                Activation::Features(features) => Activation::Features(relu(features)),
            },
            Layer::Relu6 => match input {
                Activation::Map(map) => Activation::Map(map.clamp(0.0, 6.0)),
                Activation::Features(features) => Activation::Features(features.clamp(0.0, 6.0)),
            },
            Layer::MaxPool(pool) => Activation::Map(max_pool(*pool, input.map())),
            Layer::AveragePool(pool) => Activation::Map(average_pool(*pool, input.map())),
            Layer::Flatten => Activation::Features(input.features()),
            Layer::Linear(linear) => Activation::Features(self.linear(linear, input.features())),
            Layer::Residual(residual) => {
                let kept = input.map();
                let body = self
                    .layers(&residual.body, Activation::Map(kept.clone()))
                    .map();
                let shortcut = self.layers(&residual.shortcut, Activation::Map(kept)).map();
                Activation::Map(body + shortcut)
            }
        }
    }

    fn conv(&mut self, conv: &Conv, input: Tensor<4>) -> Tensor<4> {
        let weight = self.next().reshape([
            conv.outputs,
            conv.inputs / conv.groups,
            conv.kernel,
            conv.kernel,
        ]);
        let bias = conv.bias.then(|| self.next());
        let options = ConvOptions::new([conv.stride; 2], [conv.padding; 2], [1; 2], conv.groups);
        conv2d(input, weight, bias, options)
    }

    fn linear(&mut self, linear: &Linear, input: Tensor<2>) -> Tensor<2> {
        let weight = self.next().reshape([linear.outputs, linear.inputs]);
        let bias = self.next().reshape([1, linear.outputs]);
        input.matmul(weight.transpose()) + bias
    }

    fn batch_norm(&mut self, input: Tensor<4>) -> Tensor<4> {
        let (gamma, beta) = (self.next(), self.next());
        match &mut self.statistics {
            Statistics::Running(rest) => {
                let known = rest.next().expect(IN_ORDER);
                let (mean, variance) = (known.mean.clone(), known.variance.clone());
                batch_norm(input, gamma, beta, mean, variance, BATCH_NORM_EPSILON)
            }
            Statistics::Batch(rest) => {
                let known = rest.next().expect(IN_ORDER);
                let [batch, _, height, width] = input.dims();
                let result = batch_norm_train(input, gamma, beta, BATCH_NORM_EPSILON);
                known.move_towards(
                    result.mean.inner(),
                    result.variance.inner(),
                    batch * height * width,
                );
                result.output
            }
        }
    }

    /// The next parameter's values.
    fn next(&mut self) -> Tensor<1> {
        self.parameters.next().expect(IN_ORDER).value.clone()
    }
}

/// Why the lists never end before the walk: both are made from the graph, and
/// nothing outside can change their lengths.
const IN_ORDER: &str = "a network has one entry for every one of its graph";

impl RunningStatistics {
    /// `variance` is the biased one of `count` values per channel.
    fn move_towards(&mut self, mean: Tensor<1>, variance: Tensor<1>, count: usize) {
        let unbiased = count as f64 / count.saturating_sub(1).max(1) as f64;
        let blend = |old: &Tensor<1>, new: Tensor<1>, scale: f64| {
            old.clone() * (1.0 - MOMENTUM) + new * (MOMENTUM * scale)
        };
        self.mean = blend(&self.mean, mean, 1.0);
        self.variance = blend(&self.variance, variance, unbiased);
        self.batches += 1;
    }
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

impl Activation {
    fn map(self) -> Tensor<4> {
        match self {
            Self::Map(map) => map,
            Self::Features(features) => {
                let [batch, count] = features.dims();
                features.reshape([batch, count, 1, 1])
            }
        }
    }

    fn features(self) -> Tensor<2> {
        match self {
            Self::Map(map) => map.flatten(1, 3),
            Self::Features(features) => features,
        }
    }
}
