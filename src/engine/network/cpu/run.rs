//! A program's passes over images, forward and back.

use workbench_layers::{
    Conv, Map, Moments, Norm, Packed, Shape, Spread, activate, activate_gradient, add_narrow,
    average_pool, average_pool_gradient, bias_gradient, concat, factors_gradient, flatten,
    max_pool, max_pool_gradient, narrow, rectify_gradient, scale, shuffle, unflatten,
};

use super::program::{Kind, Operation, Program};

/// A program with parameters, whose weights lie as products read them.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) program: Program,
    /// Values of every parameter, in the network's order.
    parameters: Vec<Vec<f32>>,
    /// For every operation that is one.
    convs: Vec<Option<(Conv, Packed)>>,
}

/// What a forward pass leaves.
#[derive(Debug)]
pub(super) struct Passed {
    /// Those that a backward pass reads, and the logits.
    values: Vec<Option<Map>>,
    /// Of every operation that is one.
    norms: Vec<Option<Normalized>>,
}

/// What a normalisation normalised by.
#[derive(Debug, Clone)]
pub(super) struct Normalized {
    pub(super) moments: Moments,
    /// One over the standard deviation.
    inverse: Vec<f32>,
}

impl Normalized {
    fn by(moments: Moments, epsilon: f64) -> Self {
        let inverse = moments.inverse(epsilon);
        Self { moments, inverse }
    }
}

/// Where normalisations find mean and variance.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// In the batch; values that a backward pass reads are kept.
    Batch,
    /// Here, in the network's order; nothing is kept.
    Known(&'a [Moments]),
}

impl Passed {
    /// `[image][class]`.
    pub(super) fn logits(&self, program: &Program) -> &[f32] {
        value(&self.values, program.logits).values()
    }

    /// The values that are taken besides, each `[image][channel][row][column]`.
    pub(super) fn taken(&self, program: &Program, spread: Spread) -> Vec<Vec<f32>> {
        let taken = program.taken.iter();
        taken
            .map(|&at| {
                let map = value(&self.values, at);
                let planes = Shape::features(map.shape.size());
                flatten(map, planes, spread).values().to_vec()
            })
            .collect()
    }

    /// Mean and variance of every normalisation's batch, with its place among the network's,
    /// its momentum and how many values a channel had.
    pub(super) fn moments<'a>(
        &'a self,
        program: &'a Program,
        images: usize,
    ) -> impl Iterator<Item = (usize, f64, &'a Moments, usize)> {
        let operations = program.operations.iter().zip(&self.norms);
        operations.filter_map(move |(operation, norm)| match operation.kind {
            Kind::Norm {
                statistics,
                momentum,
                ..
            } => {
                let count = images * operation.from.pixels();
                Some((statistics, momentum, &norm.as_ref()?.moments, count))
            }
            _ => None,
        })
    }
}

fn value(values: &[Option<Map>], at: usize) -> &Map {
    values[at].as_ref().expect(IN_ORDER)
}

/// Why no value is missing: the program says how long each is read.
const IN_ORDER: &str = "values are kept as long as the program reads them";

impl Runner {
    pub(super) fn new(program: Program, parameters: Vec<Vec<f32>>) -> Self {
        let convs = program.operations.iter().map(|operation| {
            let Kind::Conv {
                window,
                weight,
                bias,
            } = operation.kind
            else {
                return None;
            };
            let conv = Conv::new(window, operation.from, operation.to);
            let bias = bias.map(|bias| parameters[bias].as_slice());
            let packed = conv.packed(&parameters[weight], bias);
            Some((conv, packed))
        });
        Self {
            convs: convs.collect(),
            program,
            parameters,
        }
    }

    /// Takes images through every operation.
    pub(super) fn forward(&self, images: Map, source: Source<'_>, spread: Spread) -> Passed {
        let count = self.program.operations.len();
        let mut passed = Passed {
            values: (0..=count).map(|_| None).collect(),
            norms: vec![None; count],
        };
        passed.values[0] = Some(images);
        let keeps = matches!(source, Source::Batch);
        for (at, operation) in self.program.operations.iter().enumerate() {
            passed.norms[at] = match (&operation.kind, source) {
                (
                    Kind::Norm {
                        epsilon,
                        statistics,
                        ..
                    },
                    source,
                ) => {
                    let moments = match source {
                        Source::Batch => Moments::of(value(&passed.values, operation.input)),
                        Source::Known(moments) => moments[*statistics].clone(),
                    };
                    Some(Normalized::by(moments, *epsilon))
                }
                _ => None,
            };
            let norm = passed.norms[at].as_ref();
            let result = self.result(at, operation, &passed.values, norm, spread);
            passed.values[at + 1] = Some(result);
            for read in operation.reads() {
                let stays = keeps && self.program.is_kept(read);
                if self.program.ends(read, at) && !stays {
                    passed.values[read] = None;
                }
            }
        }
        passed
    }

    fn result(
        &self,
        at: usize,
        operation: &Operation,
        values: &[Option<Map>],
        norm: Option<&Normalized>,
        spread: Spread,
    ) -> Map {
        let input = value(values, operation.input);
        let added = operation.tail.added.map(|at| value(values, at));
        let bound = operation.tail.bound;
        let to = operation.to;
        match operation.kind {
            Kind::Conv { .. } => {
                let (conv, packed) = self.conv(at);
                conv.forward(input, packed, bound, added, spread)
            }
            Kind::Norm { scale, shift, .. } => self
                .norm([scale, shift], norm.expect(IN_ORDER))
                .forward(input, bound, added, spread),
            Kind::Activation(kind) => activate(kind, input, spread),
            Kind::MaxPool(pool) => max_pool(pool, input, to, spread),
            Kind::AveragePool => average_pool(input, to, spread),
            Kind::Identity => input.followed(bound, added, spread),
            Kind::Scale(factors) => scale(input, value(values, factors), spread),
            Kind::Narrow(first) => narrow(input, first, to, spread),
            Kind::Concat(second) => concat(input, value(values, second), to, spread),
            Kind::Shuffle(groups) => shuffle(input, groups, spread),
            Kind::Flatten => flatten(input, to, spread),
        }
    }

    fn conv(&self, at: usize) -> &(Conv, Packed) {
        self.convs[at].as_ref().expect("it was made for every one")
    }

    fn norm<'a>(&'a self, [scale, shift]: [usize; 2], by: &'a Normalized) -> Norm<'a> {
        Norm {
            moments: &by.moments,
            inverse: &by.inverse,
            scale: &self.parameters[scale],
            shift: &self.parameters[shift],
        }
    }

    /// Adds to every parameter's gradient what one pass gives, given that of its logits and
    /// of what was taken besides, where they have one.
    pub(super) fn backward(
        &self,
        passed: Passed,
        logits: Option<&[f32]>,
        taken: &[Option<Vec<f32>>],
        sums: &mut [Vec<f32>],
    ) {
        let Passed { mut values, norms } = passed;
        let mut gradients = Gradients((0..values.len()).map(|_| None).collect());
        let of_taken = self.program.taken.iter().zip(taken);
        let of_taken = of_taken.map(|(&at, gradient)| (at, gradient.as_deref()));
        for (at, gradient) in of_taken.chain([(self.program.logits, logits)]) {
            if let Some(gradient) = gradient {
                let Map { images, shape, .. } = *value(&values, at);
                gradients.add(at, Map::of_planes(gradient, images, shape));
            }
        }
        for (at, operation) in self.program.operations.iter().enumerate().rev() {
            if let Some(gradient) = gradients.0[at + 1].take() {
                let norm = norms[at].as_ref();
                self.back(
                    at,
                    operation,
                    (&values, norm),
                    gradient,
                    &mut gradients,
                    sums,
                );
            }
            // All that read it come later in the program.
            values[at + 1] = None;
        }
    }

    fn back(
        &self,
        at: usize,
        operation: &Operation,
        (values, norm): (&[Option<Map>], Option<&Normalized>),
        mut gradient: Map,
        gradients: &mut Gradients,
        sums: &mut [Vec<f32>],
    ) {
        let (from, input) = (operation.from, operation.input);
        if let Some(bound) = operation.tail.bound {
            rectify_gradient(bound, value(values, at + 1), &mut gradient);
        }
        if let Some(added) = operation.tail.added {
            gradients.add(added, gradient.clone());
        }
        match operation.kind {
            Kind::Conv { weight, bias, .. } => {
                let (conv, _) = self.conv(at);
                if let Some(bias) = bias {
                    add(&mut sums[bias], &bias_gradient(&gradient));
                }
                let found = conv.weight_gradient(value(values, input), &gradient);
                add(&mut sums[weight], &found);
                if input != 0 {
                    let packed = conv.packed_back(&self.parameters[weight]);
                    gradients.add(input, conv.input_gradient(&gradient, &packed));
                }
            }
            Kind::Norm { scale, shift, .. } => {
                let norm = self.norm([scale, shift], norm.expect(IN_ORDER));
                let [by_scale, by_shift] = norm.backward(value(values, input), &mut gradient);
                add(&mut sums[scale], &by_scale);
                add(&mut sums[shift], &by_shift);
                gradients.add(input, gradient);
            }
            Kind::Activation(kind) => {
                let known = if kind.is_known_by_result() {
                    at + 1
                } else {
                    input
                };
                activate_gradient(kind, value(values, known), &mut gradient);
                gradients.add(input, gradient);
            }
            Kind::MaxPool(pool) => {
                let (before, after) = (value(values, input), value(values, at + 1));
                gradients.add(input, max_pool_gradient(pool, before, after, &gradient));
            }
            Kind::AveragePool => gradients.add(input, average_pool_gradient(&gradient, from)),
            Kind::Identity => gradients.add(input, gradient),
            Kind::Scale(factors) => {
                let found = factors_gradient(value(values, input), &gradient);
                gradients.add(factors, found);
                let factors = value(values, factors);
                gradients.add(input, scale(&gradient, factors, Spread::Shared));
            }
            Kind::Narrow(first) => {
                let sum =
                    gradients.0[input].get_or_insert_with(|| Map::zeros(gradient.images, from));
                add_narrow(sum, first, &gradient);
            }
            Kind::Concat(second) => {
                let behind = Shape {
                    channels: operation.to.channels - from.channels,
                    ..from
                };
                let part = |first, to| narrow(&gradient, first, to, Spread::Shared);
                gradients.add(input, part(0, from));
                gradients.add(second, part(from.channels, behind));
            }
            Kind::Shuffle(groups) => {
                let back = from.channels / groups;
                gradients.add(input, shuffle(&gradient, back, Spread::Shared));
            }
            Kind::Flatten => gradients.add(input, unflatten(&gradient, from)),
        }
    }
}

/// The gradient of every value, as far as its readers are known. The images have none.
struct Gradients(Vec<Option<Map>>);

impl Gradients {
    fn add(&mut self, value: usize, gradient: Map) {
        match &mut self.0[value] {
            _ if value == 0 => {}
            Some(sum) => sum.add(&gradient),
            none => *none = Some(gradient),
        }
    }
}

fn add(sums: &mut [f32], values: &[f32]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
