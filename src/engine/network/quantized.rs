//! A network's graph with 8-bit integers, in the form that engines look for: every
//! value between layers is rounded by a `QuantizeLinear` and read through a
//! `DequantizeLinear`, weights and biases are integers behind a `DequantizeLinear`.
//! An engine with integer kernels merges each layer with those around it; one
//! without computes the same with floats.
//!
//! Integers are q = round(x / scale) + zero point. Activations are unsigned and take
//! a zero point, weights are signed and take none, a bias has the scale of the
//! products that it is added to.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::onnx::{Constant, Node, OnnxGraph, Source};
use crate::event::{FloatLayers, QuantScheme, WeightScales};
use crate::onnx::write::{Element, GraphWriter, setting};

/// Steps between the least and the greatest unsigned byte.
pub(super) const STEPS: f64 = 255.0;

/// Smallest scale. What is rounded by it is far smaller than what floats lose.
pub(super) const SMALLEST: f64 = 1e-12;

/// Greatest integer that a bias may become: a sum of products is added to it.
const GREATEST_BIAS: f64 = (1_u32 << 30) as f64;

/// Values that an activation has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The least.
    pub low: f32,
    /// The greatest.
    pub high: f32,
}

impl Range {
    /// Whether both ends are numbers.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }
}

/// Weights that are no numbers cannot be rounded.
#[derive(Debug, thiserror::Error)]
#[error("the weights `{0}` are not finite, so that they have no 8-bit form")]
pub struct UnfitWeights(String);

/// Scale and zero point of an activation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounding {
    pub(super) scale: f64,
    pub(super) zero_point: u8,
}

impl Rounding {
    /// The range is widened to hold 0, which padding and `Relu` need to be exact. One
    /// of 0 alone says nothing of a scale.
    pub(super) fn of(range: Range) -> Self {
        let low = f64::from(range.low.min(0.0));
        let mut high = f64::from(range.high.max(0.0));
        if low == 0.0 && high == 0.0 {
            high = 1.0;
        }
        let scale = f64::from((((high - low) / STEPS) as f32).max(SMALLEST as f32));
        Self {
            scale,
            zero_point: (-low / scale).round() as u8,
        }
    }
}

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounded {
    /// It stays a float.
    No,
    /// By what was seen of it.
    Itself,
    /// As this earlier value, which holds the same numbers.
    As(usize),
}

impl OnnxGraph {
    /// Names of the values whose ranges must be known, in order. They are as many
    /// whatever the input is.
    #[must_use]
    pub fn rounded_values(&self) -> Vec<String> {
        let rounded = self.rounded(FloatLayers::None);
        let values = rounded.iter().enumerate();
        values
            .filter(|(_, rounded)| **rounded == Rounded::Itself)
            .map(|(at, _)| self.recorded.value(at))
            .collect()
    }

    /// For every value, in order, which of [`rounded_values`](Self::rounded_values) it
    /// is.
    pub(super) fn range_places(&self) -> Vec<Option<usize>> {
        let mut places = 0..;
        let rounded = self.rounded(FloatLayers::None).into_iter();
        rounded
            .map(|rounded| match rounded {
                Rounded::Itself => places.next(),
                Rounded::No | Rounded::As(_) => None,
            })
            .collect()
    }

    /// The graph with integers. `ranges` are those of
    /// [`rounded_values`](Self::rounded_values).
    ///
    /// # Errors
    /// A weight is not finite.
    ///
    /// # Panics
    /// If ranges are missing.
    pub fn quantized(
        &self,
        scheme: &QuantScheme,
        ranges: &[Range],
    ) -> Result<GraphWriter, UnfitWeights> {
        let mut ranges = ranges.iter();
        let all = self.rounded(FloatLayers::None);
        let written = self.rounded(scheme.float_layers);
        let mut roundings: Vec<Option<(usize, Rounding)>> = Vec::new();
        for (at, rounded) in all.iter().enumerate() {
            roundings.push(match rounded {
                Rounded::No => None,
                Rounded::Itself => {
                    let range = ranges.next().expect("every rounded value has a range");
                    Some((at, Rounding::of(*range)))
                }
                Rounded::As(other) => roundings[*other],
            });
        }
        for (rounding, written) in roundings.iter_mut().zip(&written) {
            if *written == Rounded::No {
                *rounding = None;
            }
        }
        let mut writer = QuantizedWriter {
            graph: self,
            scheme,
            floats: self.float_nodes(scheme.float_layers),
            roundings,
            file: self.started(),
        };
        writer.value(0);
        for (at, node) in self.recorded.nodes.iter().enumerate() {
            writer.node(at, node)?;
            writer.value(at + 1);
        }
        Ok(writer.file)
    }

    /// What becomes of every value.
    fn rounded(&self, float_layers: FloatLayers) -> Vec<Rounded> {
        let nodes = &self.recorded.nodes;
        let floats = self.float_nodes(float_layers);
        let mut readers = vec![Vec::new(); nodes.len() + 1];
        for (at, node) in nodes.iter().enumerate() {
            for source in &node.inputs {
                if let Source::Value(value) = source {
                    readers[*value].push(at);
                }
            }
        }
        // A value that only float layers read stays one.
        let mut wanted = vec![false; nodes.len() + 1];
        for value in (0..nodes.len()).rev() {
            wanted[value] = readers[value].iter().any(|&reader| match &nodes[reader] {
                node if moves(node) => wanted[reader + 1],
                _ => !floats.contains(&reader),
            });
        }
        let mut rounded: Vec<Rounded> = Vec::new();
        for value in 0..=nodes.len() {
            let made_by = value.checked_sub(1).map(|at| &nodes[at]);
            let alone = match readers[value].as_slice() {
                [reader] => Some(nodes[*reader].operator),
                _ => None,
            };
            // What is clamped at once is rounded once it is; a mean that takes two
            // products is one.
            let goes_on = made_by.is_some_and(|node| match alone {
                Some("Relu" | "Clip") => true,
                Some("MatMul") => node.operator == "MatMul",
                _ => false,
            });
            rounded.push(if value < self.prepared || !wanted[value] || goes_on {
                Rounded::No
            } else {
                match made_by.filter(|node| moves(node) && value > self.prepared) {
                    Some(Node { inputs, .. }) => match inputs[0] {
                        Source::Value(from) => match rounded[from] {
                            Rounded::No => Rounded::Itself,
                            Rounded::Itself => Rounded::As(from),
                            Rounded::As(first) => Rounded::As(first),
                        },
                        _ => Rounded::Itself,
                    },
                    None => Rounded::Itself,
                }
            });
        }
        rounded
    }

    /// Layers with weights that stay floats.
    fn float_nodes(&self, float_layers: FloatLayers) -> BTreeSet<usize> {
        let nodes = self.recorded.nodes.iter().enumerate();
        let mut layers = nodes.filter(|(_, node)| is_layer(node)).map(|(at, _)| at);
        let first = layers.next();
        let last = layers.next_back();
        let kept = match float_layers {
            FloatLayers::None => [None, None],
            FloatLayers::First => [first, None],
            FloatLayers::Last => [None, last],
            FloatLayers::FirstAndLast => [first, last],
        };
        kept.into_iter().flatten().collect()
    }
}

/// Whether a node has weights.
fn is_layer(node: &Node) -> bool {
    matches!(node.operator, "Conv" | "Gemm")
}

/// Whether a node gives numbers that it was given.
fn moves(node: &Node) -> bool {
    matches!(
        node.operator,
        "MaxPool" | "Slice" | "Reshape" | "Transpose" | "Flatten" | "Unsqueeze"
    )
}

/// A file that is being put together.
struct QuantizedWriter<'a> {
    graph: &'a OnnxGraph,
    scheme: &'a QuantScheme,
    floats: BTreeSet<usize>,
    /// For every value that is rounded, how, and whose scale it is.
    roundings: Vec<Option<(usize, Rounding)>>,
    file: GraphWriter,
}

impl QuantizedWriter<'_> {
    /// Rounds a value that is there.
    fn value(&mut self, at: usize) {
        let Some((whose, rounding)) = self.roundings[at] else {
            return;
        };
        let name = self.graph.recorded.value(at);
        let whose = self.graph.recorded.value(whose);
        let (scale, zero_point) = (format!("{whose}_scale"), format!("{whose}_zero_point"));
        self.file.floats(&scale, &[], &[rounding.scale as f32]);
        let zero = vec![rounding.zero_point];
        self.file.constant(&zero_point, &[], Element::Uint8, zero);
        let quantized = format!("{name}_quantized");
        let round = format!("{name}_quantize");
        self.file.node(
            (&round, "QuantizeLinear"),
            vec![name.clone(), scale.clone(), zero_point.clone()],
            &quantized,
            Vec::new(),
        );
        self.dequantize(&name, vec![quantized, scale, zero_point], None);
    }

    fn dequantize(&mut self, name: &str, inputs: Vec<String>, axis: Option<usize>) -> String {
        let output = format!("{name}_dequantized");
        let node = format!("{name}_dequantize");
        let axis = axis.map(|axis| setting("axis", axis)).into_iter().collect();
        self.file
            .node((&node, "DequantizeLinear"), inputs, &output, axis);
        output
    }

    fn node(&mut self, at: usize, node: &Node) -> Result<(), UnfitWeights> {
        let inputs = match (self.input_scale(node), node.inputs.as_slice()) {
            (Some(scale), [Source::Value(input), Source::Constant(weight), rest @ ..])
                if is_layer(node) && !self.floats.contains(&at) =>
            {
                let bias = match rest {
                    [Source::Constant(bias)] => Some(bias),
                    _ => None,
                };
                let mut inputs = vec![read(self.graph, &self.roundings, *input)];
                inputs.extend(self.weights(weight, bias, scale)?);
                inputs
            }
            _ => {
                let value = |at| read(self.graph, &self.roundings, at);
                let inputs = node.inputs.iter();
                let inputs = inputs.map(|source| source.write(&mut self.file, &value));
                inputs.collect()
            }
        };
        let named = (node.name.as_str(), node.operator);
        let output = self.graph.recorded.value(at + 1);
        self.file
            .node(named, inputs, &output, node.attributes.clone());
        Ok(())
    }

    /// The scale of what a node reads first.
    fn input_scale(&self, node: &Node) -> Option<f64> {
        let Some(Source::Value(input)) = node.inputs.first() else {
            return None;
        };
        self.roundings[*input].map(|(_, rounding)| rounding.scale)
    }

    /// Integers in the place of weights and bias: the names that are read.
    fn weights(
        &mut self,
        weight: &Constant,
        bias: Option<&Constant>,
        input_scale: f64,
    ) -> Result<Vec<String>, UnfitWeights> {
        for constant in [Some(weight), bias].into_iter().flatten() {
            if !constant.values.iter().all(|value| value.is_finite()) {
                return Err(UnfitWeights(constant.name.clone()));
            }
        }
        let scales = self.scales(weight, bias, input_scale);
        let greatest = greatest(self.scheme.weight_bits);
        let outputs = weight.sides[0];
        let kernel = weight.values.len() / outputs.max(1);
        let rows = weight.values.chunks_exact(kernel.max(1)).zip(&scales);
        let bytes = rows.flat_map(|(row, scale)| {
            let byte = move |value: &f32| {
                let steps = (f64::from(*value) / scale).round();
                (steps.clamp(-greatest, greatest) as i8).to_le_bytes()[0]
            };
            row.iter().map(byte)
        });
        let is_one = self.scheme.weights == WeightScales::PerTensor;
        let name = &weight.name;
        let quantized = format!("{name}_quantized");
        self.file
            .constant(&quantized, &weight.sides, Element::Int8, bytes.collect());
        let kept = if is_one { 1 } else { outputs };
        let given: Vec<f32> = scales[..kept].iter().map(|scale| *scale as f32).collect();
        let sides = if is_one { vec![] } else { vec![outputs] };
        let scale = format!("{name}_scale");
        self.file.floats(&scale, &sides, &given);
        let zero = format!("{name}_zero_point");
        self.file
            .constant(&zero, &sides, Element::Int8, vec![0; kept]);
        let axis = (!is_one).then_some(0);
        let mut names = vec![self.dequantize(name, vec![quantized, scale, zero], axis)];
        if let Some(bias) = bias {
            let products: Vec<f32> = given
                .iter()
                .map(|scale| input_scale as f32 * scale)
                .collect();
            let whole = bias.values.iter().enumerate().map(|(at, value)| {
                let product = products[at.min(products.len() - 1)];
                (f64::from(*value) / f64::from(product)).round() as i32
            });
            let bytes = whole.flat_map(i32::to_le_bytes).collect();
            let name = &bias.name;
            let quantized = format!("{name}_quantized");
            self.file
                .constant(&quantized, &bias.sides, Element::Int32, bytes);
            let scale = format!("{name}_scale");
            self.file.floats(&scale, &sides, &products);
            let zero = format!("{name}_zero_point");
            let zeros = vec![0; 4 * kept];
            self.file.constant(&zero, &sides, Element::Int32, zeros);
            names.push(self.dequantize(name, vec![quantized, scale, zero], axis));
        }
        Ok(names)
    }

    /// A scale for every output: one for all, or each its own. A channel without
    /// weights has one by which its bias is still a 32-bit integer.
    fn scales(&self, weight: &Constant, bias: Option<&Constant>, input_scale: f64) -> Vec<f64> {
        let outputs = weight.sides[0];
        let kernel = (weight.values.len() / outputs.max(1)).max(1);
        let rows = weight.values.chunks_exact(kernel).enumerate();
        let scales = rows.map(|(at, row)| {
            let most = row
                .iter()
                .fold(0.0_f32, |most, value| most.max(value.abs()));
            let by_bias = bias.map_or(0.0, |bias| {
                f64::from(bias.values[at].abs()) / (input_scale * GREATEST_BIAS)
            });
            let scale = f64::from(most) / greatest(self.scheme.weight_bits);
            // As the file holds it.
            f64::from(scale.max(by_bias).max(SMALLEST) as f32)
        });
        let mut scales: Vec<f64> = scales.collect();
        if self.scheme.weights == WeightScales::PerTensor {
            let most = scales.iter().copied().fold(0.0, f64::max);
            scales.fill(most);
        }
        scales
    }
}

/// Name of a value as others read it.
fn read(graph: &OnnxGraph, roundings: &[Option<(usize, Rounding)>], at: usize) -> String {
    let name = graph.recorded.value(at);
    match roundings[at] {
        Some(_) => format!("{name}_dequantized"),
        None => name,
    }
}

/// Greatest integer of a weight of so many bits; the least is its negative.
pub(super) fn greatest(bits: u8) -> f64 {
    f64::from((1_u32 << (bits - 1)) - 1)
}
