//! A network that computes with floats what its file with 8-bit integers does, and
//! learns so: the same values are rounded, by the same scales, as in the graph that
//! is written (`quantized.rs`).
//!
//! What rounding does is no function that has a derivative; its gradient is taken to
//! be that of the identity where a value is in its range, and 0 beyond (B. Jacob et
//! al., "Quantization and Training of Neural Networks for Efficient
//! Integer-Arithmetic-Only Inference", 2018; R. Krishnamoorthi, "Quantizing deep
//! convolutional networks for efficient inference", 2018). Normalisations are a part
//! of the convolutions before them, with running statistics, as they are in the file;
//! their scales and shifts learn. Biases, which the file rounds far more finely, stay
//! floats.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use burn::tensor::Tensor;

use super::arithmetic::{Arithmetic, Burn, Normalized};
use super::folded::{FoldedValues, rows};
use super::onnx::{Constant, PixelInput, Recording, Value, onnx_graph};
use super::quantized::{Range, Rounding, SMALLEST, STEPS, greatest};
use super::walk::{Statistics, Value as Walked, walk_with};
use super::{Forwarded, Network};
use crate::experiment::architecture::{
    Activation, AveragePool, BatchNorm, Conv, Folded, Graph, IMAGE_CHANNELS, Linear, MaxPool,
    Shuffle,
};

/// By what a network's weights and values are rounded.
#[derive(Debug, Clone)]
pub struct FakeQuantization {
    rules: Arc<Rules>,
    weight_bits: u8,
    ranges: Vec<Range>,
    observes: bool,
}

/// What follows from a network's layers alone.
#[derive(Debug)]
struct Rules {
    folded: Folded,
    /// For every value in the order of the file's nodes, which range it has.
    places: Vec<Option<usize>>,
    /// Number of ranges.
    count: usize,
}

/// The least and the greatest that a value was, `[1]` each, not tracked.
pub type Extremes = [Tensor<1>; 2];

impl FakeQuantization {
    /// For a network with these layers; values have no ranges yet, and are not
    /// rounded.
    #[must_use]
    pub fn new(graph: &Graph, weight_bits: u8) -> Self {
        let floats = |name: String, count: usize| (name, vec![0.0; count]);
        let parameters = graph.parameters().into_iter();
        let parameters = parameters.map(|spec| floats(spec.name, spec.shape.iter().product()));
        let statistics = graph.statistics().into_iter().flat_map(|spec| {
            ["running_mean", "running_var"]
                .map(|part| floats(format!("{}.{part}", spec.name), spec.channels))
        });
        let values = parameters.chain(statistics).collect();
        let places = onnx_graph(graph, values, PixelInput::Float).range_places();
        Self {
            rules: Arc::new(Rules {
                folded: graph.folded(),
                count: places.iter().flatten().count(),
                places,
            }),
            weight_bits,
            ranges: Vec::new(),
            observes: true,
        }
    }

    /// The same with these ranges, in the order of the file's. None if they are
    /// those of another network.
    #[must_use]
    pub fn with(&self, ranges: &[Range]) -> Option<Self> {
        let fits = ranges.len() == self.rules.count;
        fits.then(|| Self {
            ranges: ranges.to_vec(),
            ..self.clone()
        })
    }

    /// The same, which notes what values were or does not.
    #[must_use]
    pub fn observing(self, observes: bool) -> Self {
        Self { observes, ..self }
    }

    /// The ranges of values.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Bits of a weight.
    #[must_use]
    pub fn weight_bits(&self) -> u8 {
        self.weight_bits
    }

    /// The layers that are walked.
    pub(super) fn graph(&self) -> &Graph {
        &self.rules.folded.graph
    }

    /// What rounds values in one walk.
    pub(super) fn rounder(&self) -> Rc<Rounder> {
        let roundings = self.ranges.iter().map(|range| Rounding::of(*range));
        Rc::new(Rounder {
            places: self.rules.places.clone(),
            roundings: roundings.collect(),
            observed: RefCell::default(),
            observes: self.observes,
        })
    }
}

/// The values that a walk over the layers takes: those of the folded network, its weights
/// rounded where values are; tracked where the network's parameters are.
pub(super) fn effective_values(network: &Network, quantization: &FakeQuantization) -> FoldedValues {
    let mut values = FoldedValues::of(network, &quantization.rules.folded);
    if quantization.ranges.is_empty() {
        return values;
    }
    // Kernels and matrices decay, and nothing else does.
    for parameter in values.parameters.iter_mut().filter(|it| it.decays) {
        let rows = rows(parameter.value.clone(), parameter.shape[0]);
        parameter.value = fake_quantize_rows(rows, quantization.weight_bits).flatten(0, 1);
    }
    values
}

/// Logits by burn's operations with the maps after so many layers, and what every value was
/// that has a range.
pub(super) fn forward(
    values: &FoldedValues,
    quantization: &FakeQuantization,
    images: Tensor<4>,
    after: &[usize],
) -> (Forwarded, Vec<Extremes>) {
    let parameters = values.parameters.iter().map(|it| it.value.clone());
    let known = values.statistics.iter();
    let known = known.map(|known| [known.mean.clone(), known.variance.clone()]);
    let values = (parameters.collect(), known.collect());
    let (logits, taken, observed) = walked::<Burn>(quantization, images, values, after);
    (Forwarded::of_walk((logits, taken)), observed)
}

/// Logits, what comes after so many layers, and what every value was that has a range; of
/// parameters and statistics.
pub(super) fn walked<A: FakeQuantize>(
    quantization: &FakeQuantization,
    images: A::Map,
    (parameters, statistics): (Vec<A::Vector>, Vec<[A::Vector; 2]>),
    after: &[usize],
) -> (A::Features, Vec<Walked<A>>, Vec<Extremes>) {
    let (graph, rounder) = (quantization.graph(), quantization.rounder());
    let (height, width) = graph.size;
    let sides = [IMAGE_CHANNELS, height as usize, width as usize];
    let images = Tracked {
        value: Value::images(&Rc::default(), sides),
        real: rounder.map::<A>(0, images),
        rounder: rounder.clone(),
    };
    let statistics = Statistics::Running(statistics.into_iter());
    let (logits, taken) =
        walk_with::<FakeQuantized<A>>(graph, images, parameters, statistics, after);
    let taken = taken.into_iter().map(|value| match value {
        Walked::Map(map) => Walked::Map(map.real),
        Walked::Features(features) => Walked::Features(features.real),
    });
    let (taken, observed) = (taken.collect(), rounder.observed.take());
    (logits.real, taken, observed)
}

/// The extremes of several passes as those of all their images.
pub(super) fn joined(all: &mut Vec<Extremes>, more: Vec<Extremes>) {
    if all.is_empty() {
        *all = more;
        return;
    }
    for ([low, high], [least, most]) in all.iter_mut().zip(more) {
        *low = low.clone().min_pair(least);
        *high = high.clone().max_pair(most);
    }
}

/// Weights `[outputs, …]`, each output with a scale of its own: signed, without a zero
/// point. The scale follows the greatest weight, so that none is beyond its range.
pub(super) fn fake_quantize_rows(rows: Tensor<2>, bits: u8) -> Tensor<2> {
    let most = greatest(bits);
    let plain = rows.clone().detach();
    let scales = (plain.clone().abs().max_dim(1) / most).clamp_min(SMALLEST);
    let steps = (plain / scales.clone()).round().clamp(-most, most);
    straight_through(rows, steps * scales)
}

/// Values in the steps of an unsigned byte.
pub(super) fn fake_quantize<const D: usize>(values: Tensor<D>, by: Rounding) -> Tensor<D> {
    let zero_point = f64::from(by.zero_point);
    let plain = values.clone().detach();
    let steps = (plain / by.scale).round() + zero_point;
    let rounded = (steps.clone().clamp(0.0, STEPS) - zero_point) * by.scale;
    if !values.is_tracked() {
        return rounded;
    }
    let beyond = steps
        .clone()
        .lower_elem(0.0)
        .bool_or(steps.greater_elem(STEPS));
    straight_through(values.mask_fill(beyond, 0.0), rounded)
}

/// Values with the gradient of others.
fn straight_through<const D: usize>(gradient_of: Tensor<D>, values: Tensor<D>) -> Tensor<D> {
    if !gradient_of.is_tracked() {
        return values;
    }
    // A difference of 0, exactly.
    let nothing = gradient_of.clone() - gradient_of.detach();
    values + nothing
}

/// An arithmetic that can round values.
pub(super) trait FakeQuantize: Arithmetic {
    fn round_map(map: Self::Map, by: Rounding) -> Self::Map;
    fn round_features(features: Self::Features, by: Rounding) -> Self::Features;
    fn extremes_of_map(map: &Self::Map) -> Extremes;
    fn extremes_of_features(features: &Self::Features) -> Extremes;
}

impl FakeQuantize for Burn {
    fn round_map(map: Tensor<4>, by: Rounding) -> Tensor<4> {
        fake_quantize(map, by)
    }

    fn round_features(features: Tensor<2>, by: Rounding) -> Tensor<2> {
        fake_quantize(features, by)
    }

    fn extremes_of_map(map: &Tensor<4>) -> Extremes {
        let map = map.clone().inner();
        [map.clone().min(), map.max()]
    }

    fn extremes_of_features(features: &Tensor<2>) -> Extremes {
        let features = features.clone().inner();
        [features.clone().min(), features.max()]
    }
}

/// What rounds the values of one walk.
pub(super) struct Rounder {
    /// Which range every value has.
    places: Vec<Option<usize>>,
    /// By what it is rounded; none yet if empty.
    roundings: Vec<Rounding>,
    observes: bool,
    /// What values were, in the order of their ranges.
    observed: RefCell<Vec<Extremes>>,
}

impl Rounder {
    fn map<A: FakeQuantize>(&self, at: usize, map: A::Map) -> A::Map {
        self.round(at, map, A::extremes_of_map, A::round_map)
    }

    fn features<A: FakeQuantize>(&self, at: usize, features: A::Features) -> A::Features {
        self.round(at, features, A::extremes_of_features, A::round_features)
    }

    /// Notes what a new value is, and rounds it.
    fn round<T>(
        &self,
        at: usize,
        real: T,
        extremes: impl FnOnce(&T) -> Extremes,
        round: impl FnOnce(T, Rounding) -> T,
    ) -> T {
        let Some(place) = self.places[at] else {
            return real;
        };
        if self.observes {
            self.observed.borrow_mut().push(extremes(&real));
        }
        match self.roundings.get(place) {
            Some(rounding) => round(real, *rounding),
            None => real,
        }
    }
}

/// A value with its place among those of the file.
struct Tracked<T> {
    value: Value,
    real: T,
    rounder: Rc<Rounder>,
}

impl<T> Tracked<T> {
    /// What an operation gives, as the file's nodes and as what they compute.
    fn then<U>(
        self,
        note: impl FnOnce(Value) -> Value,
        compute: impl FnOnce(T) -> U,
        round: impl FnOnce(&Rounder, usize, U) -> U,
    ) -> Tracked<U> {
        let (before, rounder) = (self.value.at, self.rounder);
        let (value, real) = (note(self.value), compute(self.real));
        let real = match value.at {
            // Without a node nothing is new.
            at if at == before => real,
            at => round(&rounder, at, real),
        };
        Tracked {
            value,
            real,
            rounder,
        }
    }
}

/// Another arithmetic, each of whose values is rounded where that of the file is. What
/// is noted as the file's nodes counts values, so that both have the same places.
struct FakeQuantized<A>(PhantomData<A>);

/// Weights of nodes that nobody writes.
fn unwritten() -> Constant {
    Constant {
        name: String::new(),
        sides: Vec::new(),
        values: Vec::new(),
    }
}

impl<A: FakeQuantize> Arithmetic for FakeQuantized<A> {
    type Vector = A::Vector;
    type Map = Tracked<A::Map>;
    type Features = Tracked<A::Features>;

    fn share(map: Self::Map) -> [Self::Map; 2] {
        A::share(map.real).map(|real| Tracked {
            value: map.value.clone(),
            real,
            rounder: map.rounder.clone(),
        })
    }

    fn share_features(features: Self::Features) -> [Self::Features; 2] {
        A::share_features(features.real).map(|real| Tracked {
            value: features.value.clone(),
            real,
            rounder: features.rounder.clone(),
        })
    }

    fn conv(
        conv: &Conv,
        input: Self::Map,
        weight: A::Vector,
        bias: Option<A::Vector>,
    ) -> Self::Map {
        let has_bias = bias.is_some();
        input.then(
            |value| Recording::conv(conv, value, unwritten(), has_bias.then(unwritten)),
            |map| A::conv(conv, map, weight, bias),
            Rounder::map::<A>,
        )
    }

    fn linear(
        linear: &Linear,
        input: Self::Features,
        weight: A::Vector,
        bias: A::Vector,
    ) -> Self::Features {
        input.then(
            |value| Recording::linear(linear, value, unwritten(), unwritten()),
            |features| A::linear(linear, features, weight, bias),
            Rounder::features::<A>,
        )
    }

    fn normalize(
        norm: &BatchNorm,
        input: Self::Map,
        scale: [A::Vector; 2],
        mean: A::Vector,
        variance: A::Vector,
    ) -> Self::Map {
        input.then(
            |value| {
                let scale = [unwritten(), unwritten()];
                Recording::normalize(norm, value, scale, unwritten(), unwritten())
            },
            |map| A::normalize(norm, map, scale, mean, variance),
            Rounder::map::<A>,
        )
    }

    fn normalize_by_batch(_: &BatchNorm, _: Self::Map, _: [A::Vector; 2]) -> Normalized<Self::Map> {
        unreachable!("a network whose values are rounded has running statistics")
    }

    fn activate(kind: Activation, input: Self::Map) -> Self::Map {
        if kind == Activation::Silu {
            // Two nodes, and what is between them is rounded, too.
            let [input, again] = Self::share(input);
            return Self::scale(input, Self::activate(Activation::Sigmoid, again));
        }
        input.then(
            |value| Recording::activate(kind, value),
            |map| A::activate(kind, map),
            Rounder::map::<A>,
        )
    }

    fn activate_features(kind: Activation, input: Self::Features) -> Self::Features {
        input.then(
            |value| Recording::activate_features(kind, value),
            |features| A::activate_features(kind, features),
            Rounder::features::<A>,
        )
    }

    fn max_pool(pool: MaxPool, input: Self::Map) -> Self::Map {
        input.then(
            |value| Recording::max_pool(pool, value),
            |map| A::max_pool(pool, map),
            Rounder::map::<A>,
        )
    }

    fn average_pool(pool: AveragePool, input: Self::Map) -> Self::Map {
        input.then(
            |value| Recording::average_pool(pool, value),
            |map| A::average_pool(pool, map),
            Rounder::map::<A>,
        )
    }

    fn add(left: Self::Map, right: Self::Map) -> Self::Map {
        left.then(
            |value| Recording::add(value, right.value),
            |map| A::add(map, right.real),
            Rounder::map::<A>,
        )
    }

    fn scale(input: Self::Map, factors: Self::Map) -> Self::Map {
        input.then(
            |value| Recording::scale(value, factors.value),
            |map| A::scale(map, factors.real),
            Rounder::map::<A>,
        )
    }

    fn halves(input: Self::Map) -> [Self::Map; 2] {
        let (values, maps) = (Recording::halves(input.value), A::halves(input.real));
        let mut maps = maps.into_iter();
        values.map(|value| {
            let real = maps.next().expect("there are two halves of both");
            Tracked {
                real: input.rounder.map::<A>(value.at, real),
                value,
                rounder: input.rounder.clone(),
            }
        })
    }

    fn concat(first: Self::Map, second: Self::Map) -> Self::Map {
        first.then(
            |value| Recording::concat(value, second.value),
            |map| A::concat(map, second.real),
            Rounder::map::<A>,
        )
    }

    fn shuffle(shuffle: Shuffle, input: Self::Map) -> Self::Map {
        input.then(
            |value| Recording::shuffle(shuffle, value),
            |map| A::shuffle(shuffle, map),
            Rounder::map::<A>,
        )
    }

    fn flatten(input: Self::Map) -> Self::Features {
        input.then(Recording::flatten, A::flatten, Rounder::features::<A>)
    }

    fn unflatten(input: Self::Features) -> Self::Map {
        input.then(Recording::unflatten, A::unflatten, Rounder::map::<A>)
    }
}

#[cfg(test)]
#[path = "fake_quantized_tests.rs"]
mod tests;
