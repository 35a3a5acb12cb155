//! The walk over a graph's layers, with whatever arithmetic they are computed.

use burn::tensor::Tensor;

use super::RunningStatistics;
use super::arithmetic::Arithmetic;
use crate::experiment::architecture::{BatchNorm, Graph, Layer};

/// Where batch normalisation finds its mean and variance.
pub(super) enum Statistics<'a, V> {
    /// In what it remembers: mean and variance of every normalisation.
    Running(std::vec::IntoIter<[V; 2]>),
    /// In the batch: what each normalisation saw of it is added here.
    Batch(&'a mut Vec<Seen>),
}

/// What a batch normalisation saw of a batch, for its running statistics.
pub(super) struct Seen {
    /// Mean per channel, `[channels]`, not tracked.
    pub(super) mean: Tensor<1>,
    /// Unbiased variance per channel, `[channels]`, not tracked; 0 where a channel has a
    /// single value.
    pub(super) variance: Tensor<1>,
    /// How far the running ones move towards these.
    pub(super) momentum: f64,
}

/// What flows between layers.
pub(super) enum Value<A: Arithmetic> {
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
    walk_with::<A>(graph, images, parameters, statistics, &[]).0
}

/// The same, and what the graph's layers give after so many of them, each number once, in
/// the order of these numbers here.
pub(super) fn walk_with<A: Arithmetic>(
    graph: &Graph,
    images: A::Map,
    parameters: Vec<A::Vector>,
    statistics: Statistics<'_, A::Vector>,
    after: &[usize],
) -> (A::Features, Vec<Value<A>>) {
    let mut walk = Walk::<A> {
        parameters: parameters.into_iter(),
        statistics,
    };
    let mut value = Value::Map(images);
    let mut taken: Vec<Option<Value<A>>> = after.iter().map(|_| None).collect();
    for (at, layer) in graph.layers.iter().enumerate() {
        value = walk.layer(layer, value);
        if let Some(place) = after.iter().position(|&layers| layers == at + 1) {
            let [kept, next] = value.share();
            taken[place] = Some(kept);
            value = next;
        }
    }
    (value.features(), taken.into_iter().flatten().collect())
}

impl<A: Arithmetic> Walk<'_, A> {
    fn layers(&mut self, layers: &[Layer], input: Value<A>) -> Value<A> {
        layers
            .iter()
            .fold(input, |value, layer| self.layer(layer, value))
    }

    fn layer(&mut self, layer: &Layer, input: Value<A>) -> Value<A> {
        match layer {
            Layer::Conv(conv) => {
                let weight = self.next();
                let bias = conv.bias.then(|| self.next());
                Value::Map(A::conv(conv, input.map(), weight, bias))
            }
            Layer::BatchNorm(norm) => Value::Map(self.batch_norm(norm, input.map())),
            Layer::Activation(kind) => match input {
                Value::Map(map) => Value::Map(A::activate(*kind, map)),
                Value::Features(features) => Value::Features(A::activate_features(*kind, features)),
            },
            Layer::MaxPool(pool) => Value::Map(A::max_pool(*pool, input.map())),
            Layer::AveragePool(pool) => Value::Map(A::average_pool(*pool, input.map())),
            Layer::Flatten => Value::Features(input.features()),
            Layer::Linear(linear) => {
                let (weight, bias) = (self.next(), self.next());
                Value::Features(A::linear(linear, input.features(), weight, bias))
            }
            Layer::Residual(residual) => {
                let [body, shortcut] = A::share(input.map());
                let body = self.map(&residual.body, body);
                let shortcut = self.map(&residual.shortcut, shortcut);
                Value::Map(A::add(body, shortcut))
            }
            Layer::Scale(scale) => {
                let [input, again] = A::share(input.map());
                let factors = self.map(&scale.factors, again);
                Value::Map(A::scale(input, factors))
            }
            Layer::Concat(concat) => {
                let [first, second] = if concat.halves {
                    A::halves(input.map())
                } else {
                    A::share(input.map())
                };
                let first = self.map(&concat.first, first);
                let second = self.map(&concat.second, second);
                Value::Map(A::concat(first, second))
            }
            Layer::Shuffle(shuffle) => Value::Map(A::shuffle(*shuffle, input.map())),
        }
    }

    /// The maps that layers make of others.
    fn map(&mut self, layers: &[Layer], input: A::Map) -> A::Map {
        self.layers(layers, Value::Map(input)).map()
    }

    fn batch_norm(&mut self, norm: &BatchNorm, input: A::Map) -> A::Map {
        let scale = [self.next(), self.next()];
        match &mut self.statistics {
            Statistics::Running(rest) => {
                let [mean, variance] = rest.next().expect(IN_ORDER);
                A::normalize(norm, input, scale, mean, variance)
            }
            Statistics::Batch(seen) => {
                let normalized = A::normalize_by_batch(norm, input, scale);
                seen.push(Seen {
                    mean: normalized.mean,
                    variance: normalized.variance,
                    momentum: norm.momentum,
                });
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

/// Moves a network's running statistics towards what its normalisations saw of a batch, both
/// in the graph's order.
pub(super) fn follow(statistics: &mut [RunningStatistics], seen: &[Seen]) {
    for (known, seen) in statistics.iter_mut().zip(seen) {
        known.move_towards(seen);
    }
}

impl RunningStatistics {
    pub(super) fn move_towards(&mut self, seen: &Seen) {
        let blend = |old: &mut Tensor<1>, new: &Tensor<1>| {
            *old = old.clone() * (1.0 - seen.momentum) + new.clone() * seen.momentum;
        };
        blend(&mut self.mean, &seen.mean);
        blend(&mut self.variance, &seen.variance);
        self.batches += 1;
    }
}

impl<A: Arithmetic> Value<A> {
    /// The same for two readers.
    fn share(self) -> [Self; 2] {
        match self {
            Self::Map(map) => A::share(map).map(Self::Map),
            Self::Features(features) => A::share_features(features).map(Self::Features),
        }
    }

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
