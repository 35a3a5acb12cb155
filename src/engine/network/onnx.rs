//! A network as the nodes of an ONNX graph: a walk over its layers that computes
//! nothing and notes what would be computed.
//!
//! A batch normalisation right behind a convolution goes into its weights.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use burn::tensor::f16;

use super::arithmetic::{Arithmetic, Normalized};
use super::walk::{Statistics, walk};
use crate::experiment::architecture::{
    Activation, AveragePool, BatchNorm, Conv, Folded, Graph, IMAGE_CHANNELS, Linear, MaxPool,
    Shuffle, windows,
};
use crate::onnx::proto::AttributeProto;
use crate::onnx::write::{Element, GraphWriter, Side, cast_to, number_setting, setting, settings};

/// Name of the input.
pub const INPUT: &str = "images";

/// Name of the output.
pub const OUTPUT: &str = "logits";

/// Name of the side that is as long as there are images.
const BATCH: &str = "batch";

/// Greatest value of an 8-bit pixel.
const WHITE: f64 = 255.0;

/// What a file takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PixelInput {
    /// Normalised floats `[batch, 3, height, width]`.
    Float,
    /// Pixels as cameras and decoders give them, RGB bytes `[batch, height, width,
    /// 3]`: normalised inside.
    Uint8 {
        /// Mean of each channel.
        mean: [f32; 3],
        /// Standard deviation of each channel.
        std: [f32; 3],
    },
}

/// Greatest number that a 16-bit float holds.
pub const GREATEST_HALF: f32 = 65504.0;

/// What a 16-bit float cannot hold.
#[derive(Debug, thiserror::Error)]
pub enum UnfitForHalf {
    /// A weight.
    #[error(
        "the weights `{0}` hold {1}, and a 16-bit float at most {GREATEST_HALF}; export the student \
         with 32-bit floats"
    )]
    Weights(String, f32),
    /// What a layer makes of an image.
    #[error(
        "the values of `{0}` reach {1} on the validation images, and a 16-bit float holds at most \
         {GREATEST_HALF}; export the student with 32-bit floats"
    )]
    Values(String, f32),
}

/// Values of every parameter and running statistic, by PyTorch's name.
pub type NamedValues = BTreeMap<String, Vec<f32>>;

/// A network as the nodes of a graph that takes `images` and gives `logits` `[batch,
/// classes]`, with running statistics.
#[derive(Debug)]
pub struct OnnxGraph {
    name: String,
    /// Channels, height and width of the images.
    sides: [usize; 3],
    input: PixelInput,
    classes: usize,
    pub(super) recorded: Recorded,
    /// Nodes before the first layer: they make bytes the network's images.
    pub(super) prepared: usize,
}

/// The nodes of a network.
///
/// # Panics
/// If a value is not there.
#[must_use]
pub fn onnx_graph(graph: &Graph, mut values: NamedValues, input: PixelInput) -> OnnxGraph {
    let Folded { graph, pairs } = graph.folded();
    for (conv, norm) in &pairs {
        fold(conv, norm, &mut values);
    }
    let mut constant = |name: String, sides: Vec<usize>| {
        let values = values.remove(&name).expect(HAS_VALUES);
        Constant {
            name,
            sides,
            values,
        }
    };
    let parameters = graph.parameters().into_iter();
    let parameters = parameters
        .map(|spec| constant(spec.name, spec.shape))
        .collect();
    let statistics = graph.statistics().into_iter();
    let statistics: Vec<_> = statistics
        .map(|spec| {
            ["running_mean", "running_var"]
                .map(|part| constant(format!("{}.{part}", spec.name), vec![spec.channels]))
        })
        .collect();
    let (height, width) = graph.size;
    let recorded = Rc::new(RefCell::new(Recorded::default()));
    let sides = [IMAGE_CHANNELS, height as usize, width as usize];
    let images = Value::images(&recorded, sides);
    let images = match input {
        PixelInput::Float => images,
        PixelInput::Uint8 { mean, std } => images.normalized(mean, std),
    };
    let prepared = images.at;
    let statistics = Statistics::Running(statistics.into_iter());
    walk::<Recording>(&graph, images, parameters, statistics);
    OnnxGraph {
        name: graph.name,
        sides,
        input,
        classes: graph.classes,
        recorded: recorded.take(),
        prepared,
    }
}

impl OnnxGraph {
    /// The graph with 32-bit floats only.
    #[must_use]
    pub fn float(&self) -> GraphWriter {
        let mut file = self.started();
        self.recorded.write(&mut file);
        file
    }

    /// The graph with 16-bit floats only. It takes and gives what the others do: what
    /// goes in becomes 16-bit floats, and what comes out 32-bit ones.
    ///
    /// # Errors
    /// A weight is too large for one.
    pub fn half(&self) -> Result<GraphWriter, UnfitForHalf> {
        let mut file = self.started();
        let Recorded { nodes } = &self.recorded;
        let half = |at: usize| {
            let name = self.recorded.value(at);
            if at == self.prepared || at == nodes.len() {
                format!("{name}_half")
            } else {
                name
            }
        };
        let cast = |file: &mut GraphWriter, from: String, to: &str, element| {
            let node = format!("{to}_cast");
            file.node((&node, "Cast"), vec![from], to, vec![cast_to(element)]);
        };
        for (at, node) in nodes.iter().enumerate() {
            if at == self.prepared {
                let input = self.recorded.value(at);
                cast(&mut file, input, &half(at), Element::Float16);
            }
            let is_half = at >= self.prepared;
            let inputs = node.inputs.iter();
            let inputs = inputs.map(|source| match source {
                Source::Constant(constant) if is_half => constant.write_half(&mut file),
                _ if is_half => Ok(source.write(&mut file, &half)),
                _ => Ok(source.write(&mut file, &|at| self.recorded.value(at))),
            });
            let inputs = inputs.collect::<Result<_, _>>()?;
            let output = if is_half && at + 1 == nodes.len() {
                half(at + 1)
            } else {
                self.recorded.value(at + 1)
            };
            let named = (node.name.as_str(), node.operator);
            file.node(named, inputs, &output, node.attributes.clone());
        }
        cast(&mut file, half(nodes.len()), OUTPUT, Element::Float);
        Ok(file)
    }

    /// Names of all values, the first layer's input first.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        let values = self.prepared..=self.recorded.nodes.len();
        values.map(|at| self.recorded.value(at)).collect()
    }

    /// A file with input and output and without nodes.
    pub(super) fn started(&self) -> GraphWriter {
        let mut file = GraphWriter::new(&self.name);
        let batch = Side::Named(BATCH);
        let [channels, height, width] = self.sides.map(Side::Fixed);
        match self.input {
            PixelInput::Float => {
                file.input(INPUT, Element::Float, &[batch, channels, height, width]);
            }
            PixelInput::Uint8 { .. } => {
                file.input(INPUT, Element::Uint8, &[batch, height, width, channels]);
            }
        }
        file.output(OUTPUT, Element::Float, &[batch, Side::Fixed(self.classes)]);
        file
    }
}

/// Named floats, row by row.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    pub(super) name: String,
    pub(super) sides: Vec<usize>,
    pub(super) values: Vec<f32>,
}

/// Where a node takes one of its inputs from.
#[derive(Debug)]
pub(super) enum Source {
    Value(usize),
    Constant(Constant),
    Integers(String, Vec<usize>),
}

/// A node that was noted.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) operator: &'static str,
    pub(super) name: String,
    pub(super) inputs: Vec<Source>,
    pub(super) attributes: Vec<AttributeProto>,
}

/// The nodes so far; value 0 is the graph's input, and value k what node k − 1 gives.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) nodes: Vec<Node>,
}

impl Recorded {
    /// Name of a value.
    pub(super) fn value(&self, at: usize) -> String {
        match at {
            0 => INPUT.to_owned(),
            at if at == self.nodes.len() => OUTPUT.to_owned(),
            at => self.nodes[at - 1].name.clone(),
        }
    }

    fn write(&self, graph: &mut GraphWriter) {
        for (at, node) in self.nodes.iter().enumerate() {
            let inputs = node.inputs.iter();
            let inputs = inputs.map(|source| source.write(graph, &|at| self.value(at)));
            let inputs = inputs.collect();
            let named = (node.name.as_str(), node.operator);
            graph.node(named, inputs, &self.value(at + 1), node.attributes.clone());
        }
    }
}

impl Constant {
    /// Its name; it is added as 16-bit floats.
    fn write_half(&self, graph: &mut GraphWriter) -> Result<String, UnfitForHalf> {
        let fits = |value: &&f32| f16::from_f32(**value).is_finite();
        if let Some(value) = self.values.iter().find(|value| !fits(value)) {
            let name = self.name.clone();
            return Err(UnfitForHalf::Weights(name, *value));
        }
        let values = self.values.iter();
        let bytes = values.flat_map(|value| f16::from_f32(*value).to_le_bytes());
        let (name, sides) = (&self.name, &self.sides);
        graph.constant(name, sides, Element::Float16, bytes.collect());
        Ok(name.clone())
    }
}

impl Source {
    /// The name of what is taken, which is added where it is constant.
    pub(super) fn write(&self, graph: &mut GraphWriter, value: &dyn Fn(usize) -> String) -> String {
        match self {
            Self::Value(at) => value(*at),
            Self::Constant(constant) => {
                graph.floats(&constant.name, &constant.sides, &constant.values);
                constant.name.clone()
            }
            Self::Integers(name, values) => {
                graph.integers(name, values);
                name.clone()
            }
        }
    }
}

/// What a node gives, and its sides without the batch.
#[derive(Debug, Clone)]
pub(super) struct Value {
    recorded: Rc<RefCell<Recorded>>,
    pub(super) at: usize,
    sides: Vec<usize>,
}

impl Value {
    pub(super) fn images(recorded: &Rc<RefCell<Recorded>>, sides: [usize; 3]) -> Self {
        Self {
            recorded: recorded.clone(),
            at: 0,
            sides: sides.to_vec(),
        }
    }

    /// Bytes with the channels last as normalised floats with the channels first.
    fn normalized(self, mean: [f32; 3], std: [f32; 3]) -> Self {
        let channels = |name: &str, value: &dyn Fn(usize) -> f64| {
            Source::Constant(Constant {
                name: format!("{INPUT}.{name}"),
                sides: vec![IMAGE_CHANNELS, 1, 1],
                values: (0..IMAGE_CHANNELS).map(|at| value(at) as f32).collect(),
            })
        };
        let scale = channels("scale", &|at| 1.0 / (WHITE * f64::from(std[at])));
        let shift = channels("shift", &|at| -f64::from(mean[at]) / f64::from(std[at]));
        let first = vec![settings("perm", &[0, 3, 1, 2])];
        self.unnamed("Cast", Vec::new(), vec![cast_to(Element::Float)])
            .unnamed("Transpose", Vec::new(), first)
            .unnamed("Mul", vec![scale], Vec::new())
            .unnamed("Add", vec![shift], Vec::new())
    }

    /// What a node with this name gives, which takes this and more.
    fn then(
        self,
        named: (String, &'static str),
        more: Vec<Source>,
        attributes: Vec<AttributeProto>,
    ) -> Self {
        let inputs = [Source::Value(self.at)].into_iter().chain(more).collect();
        self.node(named, inputs, attributes)
    }

    /// What a node gives, with sides as this has them.
    fn node(
        self,
        (name, operator): (String, &'static str),
        inputs: Vec<Source>,
        attributes: Vec<AttributeProto>,
    ) -> Self {
        let mut recorded = self.recorded.borrow_mut();
        recorded.nodes.push(Node {
            operator,
            name,
            inputs,
            attributes,
        });
        let at = recorded.nodes.len();
        drop(recorded);
        Self { at, ..self }
    }

    /// What a node gives that is named by its operator and its place.
    fn unnamed(
        self,
        operator: &'static str,
        more: Vec<Source>,
        attributes: Vec<AttributeProto>,
    ) -> Self {
        let name = self.free_name(operator);
        self.then((name, operator), more, attributes)
    }

    fn free_name(&self, operator: &str) -> String {
        format!("{operator}_{}", self.recorded.borrow().nodes.len())
    }

    fn with_sides(self, sides: Vec<usize>) -> Self {
        Self { sides, ..self }
    }

    /// The sides after a window moved over them.
    fn windows(&self, channels: usize, [kernel, stride, padding]: [usize; 3]) -> Vec<usize> {
        let along = |side: usize| windows(side, kernel, stride, padding).expect(FITS);
        vec![channels, along(self.sides[1]), along(self.sides[2])]
    }
}

/// Puts a normalisation into the values of the convolution before it.
fn fold(conv: &Conv, norm: &BatchNorm, values: &mut NamedValues) {
    let mut take = |name: String| values.remove(&name).expect(HAS_VALUES);
    let [gamma, beta, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
        .map(|part| take(format!("{}.{part}", norm.name)));
    let weight = format!("{}.weight", conv.name);
    let mut kernels = take(weight.clone());
    let bias = format!("{}.bias", conv.name);
    let before = if conv.bias {
        take(bias.clone())
    } else {
        vec![0.0; conv.outputs]
    };
    let factors = gamma.iter().zip(&variance);
    let factors = factors
        .map(|(gamma, variance)| f64::from(*gamma) / (f64::from(*variance) + norm.epsilon).sqrt());
    let factors: Vec<f64> = factors.collect();
    let kernel = kernels.len() / factors.len();
    for (kernel, factor) in kernels.chunks_exact_mut(kernel).zip(&factors) {
        for value in kernel {
            *value = (f64::from(*value) * factor) as f32;
        }
    }
    let shift = |(at, bias): (usize, &f32)| {
        let centred = f64::from(*bias) - f64::from(mean[at]);
        (centred * factors[at] + f64::from(beta[at])) as f32
    };
    let shifted = before.iter().enumerate().map(shift).collect();
    values.insert(bias, shifted);
    values.insert(weight, kernels);
}

/// Averages of `length` values over `windows` windows, as `PyTorch` places them: row
/// by row the share of each value in a window's mean.
fn means(length: usize, windows: usize) -> Vec<f32> {
    let mut shares = vec![0.0; windows * length];
    for (window, row) in shares.chunks_exact_mut(length).enumerate() {
        let start = window * length / windows;
        let end = ((window + 1) * length).div_ceil(windows);
        row[start..end].fill(1.0 / (end - start) as f32);
    }
    shares
}

/// Rows of this length as columns.
fn transposed(values: &[f32], length: usize) -> Vec<f32> {
    let columns = 0..length;
    let column = |at| values.iter().skip(at).step_by(length).copied();
    columns.flat_map(column).collect()
}

/// Why a network's values are complete.
const HAS_VALUES: &str = "every weight has values";

/// Why windows always have a place: a graph's layers are held against its images
/// when it is built.
const FITS: &str = "a network's layers fit its images";

/// Notes what would be computed.
pub(super) struct Recording;

impl Recording {
    fn clamp(input: Value) -> Value {
        let bound = |name: &str, value| {
            Source::Constant(Constant {
                name: format!("relu6.{name}"),
                sides: Vec::new(),
                values: vec![value],
            })
        };
        input.unnamed(
            "Clip",
            vec![bound("min", 0.0), bound("max", 6.0)],
            Vec::new(),
        )
    }
}

impl Arithmetic for Recording {
    type Vector = Constant;
    type Map = Value;
    type Features = Value;

    fn share(map: Value) -> [Value; 2] {
        [map.clone(), map]
    }

    fn share_features(features: Value) -> [Value; 2] {
        Self::share(features)
    }

    fn conv(conv: &Conv, input: Value, weight: Constant, bias: Option<Constant>) -> Value {
        let sides = input.windows(conv.outputs, [conv.kernel, conv.stride, conv.padding]);
        let constants = [weight].into_iter().chain(bias);
        let attributes = vec![
            settings("kernel_shape", &[conv.kernel; 2]),
            settings("strides", &[conv.stride; 2]),
            settings("pads", &[conv.padding; 4]),
            setting("group", conv.groups),
        ];
        let named = (conv.name.clone(), "Conv");
        input
            .then(named, constants.map(Source::Constant).collect(), attributes)
            .with_sides(sides)
    }

    fn linear(linear: &Linear, input: Value, weight: Constant, bias: Constant) -> Value {
        let constants = vec![Source::Constant(weight), Source::Constant(bias)];
        let named = (linear.name.clone(), "Gemm");
        input
            .then(named, constants, vec![setting("transB", 1)])
            .with_sides(vec![linear.outputs])
    }

    fn normalize(
        norm: &BatchNorm,
        input: Value,
        [weight, bias]: [Constant; 2],
        mean: Constant,
        variance: Constant,
    ) -> Value {
        let name = input.free_name("BatchNormalization");
        let constants = [weight, bias, mean, variance];
        let epsilon = number_setting("epsilon", norm.epsilon as f32);
        input.then(
            (name, "BatchNormalization"),
            constants.map(Source::Constant).into(),
            vec![epsilon],
        )
    }

    fn normalize_by_batch(_: &BatchNorm, _: Value, _: [Constant; 2]) -> Normalized<Value> {
        unreachable!("a graph is written with running statistics")
    }

    fn activate(kind: Activation, input: Value) -> Value {
        let plain = |input: Value, operator| input.unnamed(operator, Vec::new(), Vec::new());
        match kind {
            Activation::Relu => plain(input, "Relu"),
            Activation::Relu6 => Self::clamp(input),
            Activation::Sigmoid => plain(input, "Sigmoid"),
            Activation::HardSigmoid => {
                let line = [("alpha", 1.0 / 6.0), ("beta", 0.5)];
                let line = line.map(|(name, value)| number_setting(name, value));
                input.unnamed("HardSigmoid", Vec::new(), line.into())
            }
            Activation::Silu => {
                let factors = plain(input.clone(), "Sigmoid");
                Self::scale(input, factors)
            }
            Activation::HardSwish => plain(input, "HardSwish"),
        }
    }

    fn activate_features(kind: Activation, input: Value) -> Value {
        Self::activate(kind, input)
    }

    fn max_pool(pool: MaxPool, input: Value) -> Value {
        let sides = input.windows(input.sides[0], [pool.kernel, pool.stride, pool.padding]);
        let attributes = vec![
            settings("kernel_shape", &[pool.kernel; 2]),
            settings("strides", &[pool.stride; 2]),
            settings("pads", &[pool.padding; 4]),
        ];
        input
            .unnamed("MaxPool", Vec::new(), attributes)
            .with_sides(sides)
    }

    /// ONNX pools to one pixel, or with windows of one size. Where these do not
    /// come out even, the means are sums weighted by a matrix along each side.
    fn average_pool(pool: AveragePool, input: Value) -> Value {
        let [channels, height, width] = [input.sides[0], input.sides[1], input.sides[2]];
        let sides = vec![channels, pool.side, pool.side];
        if pool.side == 1 {
            return input
                .unnamed("GlobalAveragePool", Vec::new(), Vec::new())
                .with_sides(sides);
        }
        if [height, width] == [pool.side; 2] {
            return input;
        }
        if height.is_multiple_of(pool.side) && width.is_multiple_of(pool.side) {
            let window = [height / pool.side, width / pool.side];
            let attributes = vec![
                settings("kernel_shape", &window),
                settings("strides", &window),
            ];
            return input
                .unnamed("AveragePool", Vec::new(), attributes)
                .with_sides(sides);
        }
        let name = input.free_name("AveragePool");
        let rows = Source::Constant(Constant {
            name: format!("{name}.rows"),
            sides: vec![pool.side, height],
            values: means(height, pool.side),
        });
        let columns = Source::Constant(Constant {
            name: format!("{name}.columns"),
            sides: vec![width, pool.side],
            values: transposed(&means(width, pool.side), width),
        });
        let along = format!("{name}.along");
        let inputs = vec![rows, Source::Value(input.at)];
        input
            .node((along, "MatMul"), inputs, Vec::new())
            .then((name, "MatMul"), vec![columns], Vec::new())
            .with_sides(sides)
    }

    fn add(left: Value, right: Value) -> Value {
        left.unnamed("Add", vec![Source::Value(right.at)], Vec::new())
    }

    fn scale(input: Value, factors: Value) -> Value {
        input.unnamed("Mul", vec![Source::Value(factors.at)], Vec::new())
    }

    fn halves(input: Value) -> [Value; 2] {
        let half = input.sides[0] / 2;
        let sides = vec![half, input.sides[1], input.sides[2]];
        let part = |input: Value, from: usize| {
            let number = |value: usize| Source::Integers(format!("channel.{value}"), vec![value]);
            let axis = Source::Integers("axis.of_channels".to_owned(), vec![1]);
            let inputs = vec![number(from), number(from + half), axis];
            input
                .unnamed("Slice", inputs, Vec::new())
                .with_sides(sides.clone())
        };
        [part(input.clone(), 0), part(input, half)]
    }

    fn concat(first: Value, second: Value) -> Value {
        let sides = vec![
            first.sides[0] + second.sides[0],
            first.sides[1],
            first.sides[2],
        ];
        first
            .unnamed(
                "Concat",
                vec![Source::Value(second.at)],
                vec![setting("axis", 1)],
            )
            .with_sides(sides)
    }

    fn shuffle(Shuffle { groups }: Shuffle, input: Value) -> Value {
        let [channels, height, width] = [input.sides[0], input.sides[1], input.sides[2]];
        let sides = input.sides.clone();
        let reshaped = |input: Value, sides: &[usize]| {
            // A side of 0 stays as it is: the batch.
            let shape = [0].into_iter().chain(sides.iter().copied());
            let shape: Vec<usize> = shape.collect();
            let name = format!("{}.shape", input.free_name("Reshape"));
            input.unnamed("Reshape", vec![Source::Integers(name, shape)], Vec::new())
        };
        let grouped = reshaped(input, &[groups, channels / groups, height, width]);
        let turned = vec![settings("perm", &[0, 2, 1, 3, 4])];
        reshaped(grouped.unnamed("Transpose", Vec::new(), turned), &sides)
    }

    fn flatten(input: Value) -> Value {
        let features = input.sides.iter().product();
        input
            .unnamed("Flatten", Vec::new(), vec![setting("axis", 1)])
            .with_sides(vec![features])
    }

    fn unflatten(input: Value) -> Value {
        let sides = vec![input.sides[0], 1, 1];
        let axes = Source::Integers("axes.of_a_map".to_owned(), vec![2, 3]);
        input
            .unnamed("Unsqueeze", vec![axes], Vec::new())
            .with_sides(sides)
    }
}
