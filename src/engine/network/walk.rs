//! The walk over a graph's layers, with whatever arithmetic they are computed.

use burn::tensor::Tensor;

use super::RunningStatistics;
use super::arithmetic::{Arithmetic, Normalized};
use crate::experiment::architecture::{Graph, Layer};

/// Share of the newest batch in running statistics, PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// Where batch normalisation finds its mean and variance.
pub(super) enum Statistics<'a, V> {
    /// In what it remembers: mean and variance of every normalisation.
    Running(std::vec::IntoIter<[V; 2]>),
    /// In the batch, which it then remembers.
    Batch(std::slice::IterMut<'a, RunningStatistics>),
}

/// What flows between layers.
enum Activation<A: Arithmetic> {
    Map(A::Map),
    Features(A::Features),
}

/// A place in the walk: what is left of the lists that are in its order.
struct Walk<'a, A: Arithmetic> {
    parameters: std::vec::IntoIter<A::Vector>,
    statistics: Statistics<'a, A::Vector>,
}

/// Logits `[batch, classes]` of images `[batch, 3, height, width]`. Parameters
/// and statistics are those of the graph, in its order.
pub(super) fn walk<A: Arithmetic>(
    graph: &Graph,
    images: A::Map,
    parameters: Vec<A::Vector>,
    statistics: Statistics<'_, A::Vector>,
) -> A::Features {
    let mut walk = Walk::<A> {
        parameters: parameters.into_iter(),
        statistics,
    };
    walk.layers(&graph.layers, Activation::Map(images))
        .features()
}

impl<A: Arithmetic> Walk<'_, A> {
    fn layers(&mut self, layers: &[Layer], input: Activation<A>) -> Activation<A> {
        layers
            .iter()
            .fold(input, |activation, layer| self.layer(layer, activation))
    }

    fn layer(&mut self, layer: &Layer, input: Activation<A>) -> Activation<A> {
        match layer {
            Layer::Conv(conv) => {
                let weight = self.next();
                let bias = conv.bias.then(|| self.next());
                Activation::Map(A::conv(conv, input.map(), weight, bias))
            }
            Layer::BatchNorm(_) => Activation::Map(self.batch_norm(input.map())),
            Layer::Relu => match input {
                Activation::Map(map) => Activation::Map(A::relu(map)),
                Activation::Features(features) => Activation::Features(A::relu_features(features)),
            },
            Layer::Relu6 => match input {
                Activation::Map(map) => Activation::Map(A::relu6(map)),
                Activation::Features(features) => Activation::Features(A::relu6_features(features)),
            },
            Layer::MaxPool(pool) => Activation::Map(A::max_pool(*pool, input.map())),
            Layer::AveragePool(pool) => Activation::Map(A::average_pool(*pool, input.map())),
            Layer::Flatten => Activation::Features(input.features()),
            Layer::Linear(linear) => {
                let (weight, bias) = (self.next(), self.next());
                Activation::Features(A::linear(linear, input.features(), weight, bias))
            }
            Layer::Residual(residual) => {
                let kept = input.map();
                let body = self
                    .layers(&residual.body, Activation::Map(A::share(&kept)))
                    .map();
                let shortcut = self.layers(&residual.shortcut, Activation::Map(kept)).map();
                Activation::Map(A::add(body, shortcut))
            }
        }
    }

    fn batch_norm(&mut self, input: A::Map) -> A::Map {
        let scale = [self.next(), self.next()];
        match &mut self.statistics {
            Statistics::Running(rest) => {
                let [mean, variance] = rest.next().expect(IN_ORDER);
                A::normalize(input, scale, mean, variance)
            }
            Statistics::Batch(rest) => {
                let known = rest.next().expect(IN_ORDER);
                let normalized = A::normalize_by_batch(input, scale);
                known.move_towards(&normalized);
                normalized.output
            }
        }
    }

    /// The next parameter's values.
    fn next(&mut self) -> A::Vector {
        self.parameters.next().expect(IN_ORDER)
    }
}

/// Why the lists never end before the walk: both are made from the graph, and
/// nothing outside can change their lengths.
const IN_ORDER: &str = "a network has one entry for every one of its graph";

impl RunningStatistics {
    fn move_towards<M>(&mut self, batch: &Normalized<M>) {
        let blend = |old: &mut Tensor<1>, new: &Tensor<1>| {
            *old = old.clone() * (1.0 - MOMENTUM) + new.clone() * MOMENTUM;
        };
        blend(&mut self.mean, &batch.mean);
        blend(&mut self.variance, &batch.variance);
        self.batches += 1;
    }
}

impl<A: Arithmetic> Activation<A> {
    fn map(self) -> A::Map {
        match self {
            Self::Map(map) => map,
            Self::Features(features) => A::unflatten(features),
        }
    }

    fn features(self) -> A::Features {
        match self {
            Self::Map(map) => A::flatten(map),
            Self::Features(features) => features,
        }
    }
}
