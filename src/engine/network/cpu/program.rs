//! A graph's layers as a list of operations, each with what follows it at once.
//!
//! Made by the one walk over layers, with an [`Arithmetic`] that computes nothing and
//! notes what it is asked for. Sums and rectifications are a part of the operation
//! before them where nothing else reads its result.

use std::cell::RefCell;
use std::rc::Rc;

use workbench_layers::{self as layers, Pool, Shape, Window};

use super::super::arithmetic::{Arithmetic, Normalized};
use super::super::walk::{Statistics, Value as Walked, walk_with};
use crate::experiment::architecture::{
    Activation, AveragePool, BatchNorm, Conv, Graph, Linear, MaxPool, Shuffle, windows,
};

/// Operations in the order in which they are computed. Value 0 is the images, value
/// `n + 1` what operation `n` gives.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) images: Shape,
    pub(super) operations: Vec<Operation>,
    /// Which operations come last to read each value.
    last_readers: Vec<usize>,
    /// Which values a backward pass reads.
    kept: Vec<bool>,
    /// The value that is the logits.
    pub(super) logits: usize,
    /// The values that are taken besides.
    pub(super) taken: Vec<usize>,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    /// The value that it is about.
    pub(super) input: usize,
    /// Its shape.
    pub(super) from: Shape,
    pub(super) tail: Tail,
    /// The result's shape.
    pub(super) to: Shape,
}

/// What an operation computes; parameters and statistics by their place in the network.
#[derive(Debug)]
pub(super) enum Kind {
    /// A fully connected layer is one over a single pixel.
    Conv {
        window: Window,
        weight: usize,
        bias: Option<usize>,
    },
    Norm {
        epsilon: f64,
        momentum: f64,
        scale: usize,
        shift: usize,
        statistics: usize,
    },
    /// What is not a part of the operation before.
    Activation(layers::Activation),
    MaxPool(Pool),
    AveragePool,
    /// The input as it is, for what follows it.
    Identity,
    /// Channels times the one pixel of this value.
    Scale(usize),
    /// Channels from this one on.
    Narrow(usize),
    /// The channels of this value behind those of the input.
    Concat(usize),
    /// Channels of so many groups in turns.
    Shuffle(usize),
    /// A map's values in the order of planes, as PyTorch flattens them.
    Flatten,
}

/// What is done to a result before it is written.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tail {
    /// Value that is added.
    pub(super) added: Option<usize>,
    /// It is rectified, up to here.
    pub(super) bound: Option<f32>,
}

impl Program {
    /// That of a graph on images of this shape, which also gives what comes after so many of
    /// its layers.
    pub(super) fn of(graph: &Graph, images: Shape, after: &[usize]) -> Self {
        let notes = Rc::new(RefCell::new(Vec::new()));
        let input = Value {
            notes: Rc::clone(&notes),
            at: 0,
            shape: images,
            is_free: false,
        };
        let parameters = (0..graph.parameters().len()).collect();
        let statistics: Vec<_> = (0..graph.statistics().len()).map(|at| [at; 2]).collect();
        let statistics = Statistics::Running(statistics.into_iter());
        let (logits, taken) = walk_with::<Noting>(graph, input, parameters, statistics, after);
        let taken = taken.into_iter().map(|value| match value {
            Walked::Map(value) | Walked::Features(value) => value.at,
        });
        let taken = taken.collect();
        Self::ordered(images, notes.take(), logits.at, taken)
    }

    fn ordered(
        images: Shape,
        operations: Vec<Operation>,
        logits: usize,
        taken: Vec<usize>,
    ) -> Self {
        let mut last_readers = vec![0; operations.len() + 1];
        let mut kept = vec![false; operations.len() + 1];
        for (at, operation) in operations.iter().enumerate() {
            for value in operation.reads() {
                last_readers[value] = at;
            }
            for value in operation.reads_back(at + 1) {
                kept[value] = true;
            }
        }
        for &value in [logits].iter().chain(&taken) {
            last_readers[value] = usize::MAX;
        }
        Self {
            images,
            operations,
            last_readers,
            kept,
            logits,
            taken,
        }
    }

    /// Whether nothing reads a value any more after this operation of a forward pass.
    pub(super) fn ends(&self, value: usize, at: usize) -> bool {
        self.last_readers[value] <= at
    }

    /// Whether a backward pass reads a value.
    pub(super) fn is_kept(&self, value: usize) -> bool {
        self.kept[value]
    }

    /// The shape of a value.
    pub(super) fn shape(&self, value: usize) -> Shape {
        let operation = value.checked_sub(1).and_then(|at| self.operations.get(at));
        operation.map_or(self.images, |operation| operation.to)
    }

    /// Most values of any map of one image.
    pub(super) fn largest(&self) -> usize {
        let sizes = self.operations.iter().map(|operation| operation.to.size());
        sizes.fold(self.images.size(), usize::max)
    }
}

impl Operation {
    /// The values that it reads.
    pub(super) fn reads(&self) -> impl Iterator<Item = usize> + use<> {
        let other = match self.kind {
            Kind::Scale(other) | Kind::Concat(other) => Some(other),
            _ => None,
        };
        [self.input].into_iter().chain(other).chain(self.tail.added)
    }

    /// The values that its backward pass reads, of which `output` is its own.
    fn reads_back(&self, output: usize) -> impl Iterator<Item = usize> + use<> {
        let needs_input = match self.kind {
            Kind::Conv { .. } | Kind::Norm { .. } | Kind::MaxPool(_) | Kind::Scale(_) => true,
            Kind::Activation(kind) => !kind.is_known_by_result(),
            _ => false,
        };
        let needs_output = match self.kind {
            Kind::MaxPool(_) => true,
            Kind::Activation(kind) => kind.is_known_by_result(),
            _ => self.tail.bound.is_some(),
        };
        let factors = match self.kind {
            Kind::Scale(factors) => Some(factors),
            _ => None,
        };
        let input = needs_input.then_some(self.input);
        let output = needs_output.then_some(output);
        input.into_iter().chain(output).chain(factors)
    }
}

fn of_layers(kind: Activation) -> layers::Activation {
    match kind {
        Activation::Relu => layers::Activation::Relu,
        Activation::Relu6 => layers::Activation::Relu6,
        Activation::Sigmoid => layers::Activation::Sigmoid,
        Activation::HardSigmoid => layers::Activation::HardSigmoid,
        Activation::Silu => layers::Activation::Silu,
        Activation::HardSwish => layers::Activation::HardSwish,
    }
}

/// Computes nothing.
struct Noting;

/// A value of the program that is being noted.
#[derive(Clone)]
struct Value {
    notes: Rc<RefCell<Vec<Operation>>>,
    at: usize,
    shape: Shape,
    /// Nothing has read it yet.
    is_free: bool,
}

impl Value {
    fn then(self, kind: Kind, to: Shape) -> Self {
        self.followed(kind, to, Tail::default())
    }

    fn followed(self, kind: Kind, to: Shape, tail: Tail) -> Self {
        let mut notes = self.notes.borrow_mut();
        notes.push(Operation {
            kind,
            input: self.at,
            from: self.shape,
            tail,
            to,
        });
        Self {
            at: notes.len(),
            shape: to,
            is_free: true,
            notes: Rc::clone(&self.notes),
        }
    }

    fn with_channels(&self, channels: usize) -> Shape {
        Shape {
            channels,
            ..self.shape
        }
    }

    /// A pixel for every place of a window.
    fn windows(&self, kernel: usize, stride: usize, padding: usize) -> Shape {
        let count = |side| {
            let count = windows(side, kernel, stride, padding);
            count.expect("images are as large as the network's windows")
        };
        Shape {
            height: count(self.shape.height),
            width: count(self.shape.width),
            ..self.shape
        }
    }

    /// Whether `change` could be made to the operation that gives this.
    fn changed(&self, change: impl FnOnce(&mut Tail) -> bool) -> bool {
        if !self.is_free {
            return false;
        }
        let mut notes = self.notes.borrow_mut();
        let Some(operation) = self.at.checked_sub(1).and_then(|at| notes.get_mut(at)) else {
            return false;
        };
        let can = matches!(
            operation.kind,
            Kind::Conv { .. } | Kind::Norm { .. } | Kind::Identity
        );
        can && operation.tail.bound.is_none() && change(&mut operation.tail)
    }
}

impl Arithmetic for Noting {
    type Vector = usize;
    type Map = Value;
    type Features = Value;

    fn share(map: Value) -> [Value; 2] {
        let shared = Value {
            is_free: false,
            ..map
        };
        [shared.clone(), shared]
    }

    fn share_features(features: Value) -> [Value; 2] {
        Self::share(features)
    }

    fn conv(conv: &Conv, input: Value, weight: usize, bias: Option<usize>) -> Value {
        let to = Shape {
            channels: conv.outputs,
            ..input.windows(conv.kernel, conv.stride, conv.padding)
        };
        let window = Window {
            kernel: conv.kernel,
            stride: conv.stride,
            padding: conv.padding,
            groups: conv.groups,
        };
        let kind = Kind::Conv {
            window,
            weight,
            bias,
        };
        input.then(kind, to)
    }

    fn linear(linear: &Linear, input: Value, weight: usize, bias: usize) -> Value {
        let window = Window {
            kernel: 1,
            stride: 1,
            padding: 0,
            groups: 1,
        };
        let kind = Kind::Conv {
            window,
            weight,
            bias: Some(bias),
        };
        input.then(kind, Shape::features(linear.outputs))
    }

    fn normalize(
        norm: &BatchNorm,
        input: Value,
        [scale, shift]: [usize; 2],
        statistics: usize,
        _: usize,
    ) -> Value {
        let kind = Kind::Norm {
            epsilon: norm.epsilon,
            momentum: norm.momentum,
            scale,
            shift,
            statistics,
        };
        let to = input.shape;
        input.then(kind, to)
    }

    fn normalize_by_batch(_: &BatchNorm, _: Value, _: [usize; 2]) -> Normalized<Value> {
        unreachable!("a program is noted with running statistics, and serves both")
    }

    fn activate(kind: Activation, input: Value) -> Value {
        let bound = match kind {
            Activation::Relu => Some(f32::INFINITY),
            Activation::Relu6 => Some(6.0),
            _ => None,
        };
        if let Some(bound) = bound
            && input.changed(|tail| tail.bound.replace(bound).is_none())
        {
            return input;
        }
        let to = input.shape;
        input.then(Kind::Activation(of_layers(kind)), to)
    }

    fn activate_features(kind: Activation, input: Value) -> Value {
        Self::activate(kind, input)
    }

    fn max_pool(pool: MaxPool, input: Value) -> Value {
        let to = input.windows(pool.kernel, pool.stride, pool.padding);
        let pool = Pool {
            kernel: pool.kernel,
            stride: pool.stride,
            padding: pool.padding,
        };
        input.then(Kind::MaxPool(pool), to)
    }

    fn average_pool(pool: AveragePool, input: Value) -> Value {
        let to = Shape {
            height: pool.side,
            width: pool.side,
            channels: input.shape.channels,
        };
        input.then(Kind::AveragePool, to)
    }

    fn add(left: Value, right: Value) -> Value {
        // Into the later one, when the other is there already.
        let (early, late) = if left.at < right.at {
            (left, right)
        } else {
            (right, left)
        };
        if late.changed(|tail| tail.added.is_none() && tail.added.replace(early.at).is_none()) {
            return late;
        }
        let to = late.shape;
        let tail = Tail {
            added: Some(early.at),
            bound: None,
        };
        late.followed(Kind::Identity, to, tail)
    }

    fn scale(input: Value, factors: Value) -> Value {
        let to = input.shape;
        input.then(Kind::Scale(factors.at), to)
    }

    fn halves(input: Value) -> [Value; 2] {
        let half = input.shape.channels / 2;
        let to = input.with_channels(half);
        [0, half].map(|start| input.clone().then(Kind::Narrow(start), to))
    }

    fn concat(first: Value, second: Value) -> Value {
        let to = first.with_channels(first.shape.channels + second.shape.channels);
        first.then(Kind::Concat(second.at), to)
    }

    fn shuffle(Shuffle { groups }: Shuffle, input: Value) -> Value {
        let to = input.shape;
        input.then(Kind::Shuffle(groups), to)
    }

    fn flatten(input: Value) -> Value {
        if input.shape.pixels() == 1 {
            return input;
        }
        let to = Shape::features(input.shape.size());
        input.then(Kind::Flatten, to)
    }

    fn unflatten(input: Value) -> Value {
        input
    }
}
