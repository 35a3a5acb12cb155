//! What each operator makes of the sizes of its inputs.

use super::fold::Numbers;
use super::proto::{AttributeProto, NodeProto};
use super::sizes::{Fault, Value, count};

type Sides = Vec<u64>;

/// A node with what is known of its inputs.
pub struct Step<'a> {
    pub node: &'a NodeProto,
    inputs: Vec<Option<&'a Value>>,
}

impl<'a> Step<'a> {
    pub fn new(node: &'a NodeProto, inputs: Vec<Option<&'a Value>>) -> Self {
        Self { node, inputs }
    }

    pub fn operator(&self) -> &'a str {
        &self.node.op_type
    }

    /// Inputs that are given.
    pub fn inputs(&self) -> impl Iterator<Item = &'a Value> {
        self.inputs.iter().copied().flatten()
    }

    pub fn is_constant(&self) -> bool {
        self.inputs().all(|value| value.constant)
    }

    pub fn given(&self, at: usize) -> Option<&'a Value> {
        self.inputs.get(at).copied().flatten()
    }

    fn sides(&self, at: usize) -> Result<&'a [u64], Fault> {
        let value = self.given(at).ok_or(Fault::Misfit)?;
        Ok(&value.sides)
    }

    fn numbers(&self, at: usize) -> Result<&'a Numbers, Fault> {
        let value = self.given(at).ok_or(Fault::Misfit)?;
        value.numbers.as_ref().ok_or(Fault::Depends)
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.node.attribute.iter().find(|it| it.name == name)
    }

    pub fn int(&self, name: &str, otherwise: i64) -> i64 {
        self.attribute(name).map_or(otherwise, |it| it.i)
    }

    pub fn text(&self, name: &str) -> &'a [u8] {
        self.attribute(name).map_or(&[], |it| &it.s)
    }

    pub fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|it| it.ints.as_slice())
    }

    /// Whole numbers that are an input, or a setting in files of older versions.
    pub fn list(&self, at: usize, name: &str) -> Result<Option<Vec<i64>>, Fault> {
        if self.given(at).is_some() {
            return Ok(Some(self.numbers(at)?.whole()));
        }
        Ok(self.ints(name).map(<[i64]>::to_vec))
    }

    fn demanded(&self, at: usize, name: &str) -> Result<Vec<i64>, Fault> {
        self.list(at, name)?.ok_or(Fault::Misfit)
    }

    fn spatial(&self, name: &str, length: usize, otherwise: i64) -> Vec<i64> {
        let mut values = self.ints(name).unwrap_or_default().to_vec();
        values.resize(length, otherwise);
        values
    }
}

/// The place of an axis, which counts from the end if negative.
pub fn axis(axis: i64, rank: usize) -> Result<usize, Fault> {
    let rank_signed = rank as i64;
    let place = if axis < 0 {
        axis.saturating_add(rank_signed)
    } else {
        axis
    };
    let place = usize::try_from(place).map_err(|_| Fault::Misfit)?;
    (place < rank).then_some(place).ok_or(Fault::Misfit)
}

fn side(value: i64) -> Result<u64, Fault> {
    u64::try_from(value).map_err(|_| Fault::Misfit)
}

fn signed(side: u64) -> i64 {
    i64::try_from(side).unwrap_or(i64::MAX)
}

/// The sides of every output.
pub fn outputs(step: &Step) -> Result<Vec<Sides>, Fault> {
    let made = match step.operator() {
        "Split" => return split(step),
        "TopK" => {
            let mut sides = step.sides(0)?.to_vec();
            let k = match step.list(1, "")? {
                Some(list) => list.first().copied().ok_or(Fault::Misfit)?,
                None => step.int("k", 0),
            };
            let place = axis(step.int("axis", -1), sides.len())?;
            let wanted = side(k)?;
            let given = sides.get_mut(place).ok_or(Fault::Misfit)?;
            *given = wanted.min(*given);
            return Ok(vec![sides.clone(), sides]);
        }
        "MaxPool" => {
            let sides = pool(step)?;
            return Ok(vec![sides; step.node.output.len().max(1)]);
        }
        "Dropout" if trains(step) => return Err(Fault::Random),
        "BatchNormalization" if step.node.output.len() > 1 || step.int("training_mode", 0) != 0 => {
            return Err(Fault::Random);
        }
        "RandomNormal" | "RandomNormalLike" | "RandomUniform" | "RandomUniformLike"
        | "Multinomial" | "Bernoulli" => return Err(Fault::Random),
        "Loop" | "Scan" | "SequenceMap" => return Err(Fault::Loop),
        "Dropout" | "LayerNormalization" => {
            let sides = step.sides(0)?.to_vec();
            return Ok(vec![sides; step.node.output.len().max(1)]);
        }
        "DynamicQuantizeLinear" => {
            return Ok(vec![step.sides(0)?.to_vec(), Vec::new(), Vec::new()]);
        }
        _ if step.node.output.len() > 1 => return Err(Fault::Operator),
        _ => output(step)?,
    };
    Ok(vec![made])
}

/// Whether a dropout drops anything, or may.
fn trains(step: &Step) -> bool {
    let mode = step.given(2);
    mode.is_some_and(|mode| mode.numbers.as_ref().is_none_or(|it| it.values != [0.0]))
}

#[rustfmt::skip]
fn output(step: &Step) -> Result<Sides, Fault> {
    match step.operator() {
        "Relu" | "LeakyRelu" | "Sigmoid" | "HardSigmoid" | "HardSwish" | "Swish" | "Tanh" | "Erf" | "Gelu" | "Mish"
        | "Selu" | "Elu" | "Celu" | "ThresholdedRelu" | "Softplus" | "Softsign" | "Exp" | "Log" | "Sqrt"
        | "Reciprocal" | "Abs" | "Neg" | "Sign" | "Floor" | "Ceil" | "Round" | "Sin" | "Cos" | "Tan" | "Asin"
        | "Acos" | "Atan" | "Sinh" | "Cosh" | "Asinh" | "Acosh" | "Atanh" | "Not" | "BitwiseNot" | "Identity"
        | "Cast" | "CastLike" | "Softmax" | "LogSoftmax" | "Hardmax" | "Clip" | "BatchNormalization"
        | "InstanceNormalization" | "GroupNormalization" | "RMSNormalization" | "LpNormalization" | "LRN"
        | "MeanVarianceNormalization" | "CumSum" | "IsNaN" | "IsInf" | "Shrink" | "QuantizeLinear"
        | "DequantizeLinear" | "Trilu" | "ScatterND" | "ScatterElements" | "EyeLike" => Ok(step.sides(0)?.to_vec()),
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "Min" | "Max" | "Mean" | "Sum" | "Equal" | "Greater" | "Less"
        | "GreaterOrEqual" | "LessOrEqual" | "And" | "Or" | "Xor" | "Where" | "PRelu" | "BitwiseAnd" | "BitwiseOr"
        | "BitwiseXor" | "BitShift" => step.inputs().try_fold(Vec::new(), |sides, it| broadcast(&sides, &it.sides)),
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceSumSquare" => {
            let axes = step.list(1, "axes")?.unwrap_or_default();
            reduce(step, &axes, step.int("noop_with_empty_axes", 0) != 0)
        }
        "ArgMax" | "ArgMin" => reduce(step, &[step.int("axis", 0)], false),
        "Conv" | "ConvInteger" => conv(step, step.sides(1)?),
        "QLinearConv" => conv(step, step.sides(3)?),
        "ConvTranspose" => conv_transpose(step),
        "AveragePool" | "LpPool" => pool(step),
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => {
            let sides = step.sides(0)?;
            Ok(sides.iter().enumerate().map(|(at, side)| if at < 2 { *side } else { 1 }).collect())
        }
        "MatMul" | "MatMulInteger" => matmul(step.sides(0)?, step.sides(1)?),
        "QLinearMatMul" => matmul(step.sides(0)?, step.sides(3)?),
        "Gemm" => gemm(step),
        "Einsum" => einsum(step),
        "Attention" => attention(step),
        "Constant" => constant(step),
        "Shape" => {
            let rank = signed(step.sides(0)?.len() as u64);
            let place = |value: i64| if value < 0 { value.saturating_add(rank) } else { value }.clamp(0, rank);
            Ok(vec![side(place(step.int("end", rank)) - place(step.int("start", 0)))?])
        }
        "Size" => step.sides(0).map(|_| Vec::new()),
        "ConstantOfShape" => step.numbers(0)?.whole().into_iter().map(side).collect(),
        "Reshape" => reshape(step),
        "Flatten" => flatten(step),
        "Transpose" => transpose(step),
        "Squeeze" => squeeze(step),
        "Unsqueeze" => unsqueeze(step),
        "Concat" => concat(step),
        "Slice" => Ok(slices(step)?.iter().map(|it| it.2).collect()),
        "Gather" => {
            let (data, indices) = (step.sides(0)?, step.sides(1)?);
            let at = axis(step.int("axis", 0), data.len())?;
            let after = data.get(at + 1..).ok_or(Fault::Misfit)?;
            Ok([&data[..at], indices, after].concat())
        }
        "GatherElements" => Ok(step.sides(1)?.to_vec()),
        "GatherND" => gather_nd(step),
        "Expand" => {
            let sides: Result<Sides, Fault> = step.numbers(1)?.whole().into_iter().map(side).collect();
            broadcast(step.sides(0)?, &sides?)
        }
        "Tile" => {
            let (sides, times) = (step.sides(0)?, step.numbers(1)?.whole());
            if sides.len() != times.len() {
                return Err(Fault::Misfit);
            }
            sides.iter().zip(times).map(|(it, times)| Ok(it.saturating_mul(side(times)?))).collect()
        }
        "Pad" => pad(step),
        "Resize" | "Upsample" => resize(step),
        "Range" => range(step),
        "OneHot" => {
            let mut sides = step.sides(0)?.to_vec();
            let depth = step.numbers(1)?.whole().first().copied().ok_or(Fault::Misfit)?;
            let at = axis(step.int("axis", -1), sides.len() + 1)?;
            sides.insert(at, side(depth)?);
            Ok(sides)
        }
        "DepthToSpace" | "SpaceToDepth" => depth_and_space(step),
        "NonZero" | "Compress" | "Unique" | "NonMaxSuppression" => Err(Fault::Depends),
        _ => Err(Fault::Operator),
    }
}

/// Elements that an operator holds besides its inputs and outputs.
pub fn scratch(step: &Step, made: &[u64]) -> u64 {
    let last = |at: usize| {
        let key = step.given(at).map_or(&[][..], |it| &it.sides);
        let place = key.len().saturating_sub(2);
        key.get(place).copied().unwrap_or(1)
    };
    match step.operator() {
        "Attention" => {
            let heads = step.int("q_num_heads", 1).max(1).unsigned_abs();
            let rows = count(&made[..made.len().saturating_sub(1)]);
            rows.saturating_mul(last(1)).saturating_mul(heads)
        }
        _ => 0,
    }
}

/// How often something is added or multiplied.
pub fn work(step: &Step, made: &[Sides]) -> u64 {
    let sides = |at: usize| step.given(at).map_or(&[][..], |it| &it.sides);
    let first = made.first().map_or(0, |it| count(it));
    let times = match step.operator() {
        "Conv" | "ConvInteger" => count(sides(1).get(1..).unwrap_or_default()),
        "QLinearConv" => count(sides(3).get(1..).unwrap_or_default()),
        "ConvTranspose" => {
            let each = count(sides(1).get(1..).unwrap_or_default());
            return count(sides(0)).saturating_mul(each);
        }
        "MatMul" | "MatMulInteger" | "QLinearMatMul" => sides(0).last().copied().unwrap_or(1),
        "Gemm" => count(sides(0)) / sides(0).iter().copied().min().unwrap_or(1).max(1),
        "MaxPool" | "AveragePool" | "LpPool" => {
            let kernel = step.ints("kernel_shape").unwrap_or_default();
            kernel
                .iter()
                .fold(1, |all: u64, side| all.saturating_mul(side.unsigned_abs()))
        }
        "LRN" => step.int("size", 1).unsigned_abs(),
        // Every element of the one meets every element of the other, at most.
        "Einsum" => {
            return step
                .inputs()
                .fold(1, |all, it| all.saturating_mul(count(&it.sides)));
        }
        "Attention" => {
            return scratch(step, made.first().map_or(&[], Vec::as_slice)).saturating_mul(128);
        }
        _ => 1,
    };
    let read = step
        .inputs()
        .fold(0_u64, |sum, it| sum.saturating_add(count(&it.sides)));
    first.saturating_mul(times.max(1)).saturating_add(read)
}

pub fn broadcast(first: &[u64], second: &[u64]) -> Result<Sides, Fault> {
    let rank = first.len().max(second.len());
    let from_end =
        |sides: &[u64], back: usize| sides.len().checked_sub(back).map_or(1, |at| sides[at]);
    let sides =
        (1..=rank).rev().map(
            |back| match (from_end(first, back), from_end(second, back)) {
                (a, b) if a == b || b == 1 => Ok(a),
                (1, b) => Ok(b),
                _ => Err(Fault::Misfit),
            },
        );
    sides.collect()
}

fn reduce(step: &Step, axes: &[i64], none_is_nothing: bool) -> Result<Sides, Fault> {
    let sides = step.sides(0)?;
    let keeps = step.int("keepdims", 1) != 0;
    let all = axes.is_empty();
    if all && none_is_nothing {
        return Ok(sides.to_vec());
    }
    let places: Vec<usize> = axes
        .iter()
        .map(|it| axis(*it, sides.len()))
        .collect::<Result<_, _>>()?;
    let kept = sides.iter().enumerate().filter_map(|(at, side)| {
        let reduced = all || places.contains(&at);
        if reduced {
            keeps.then_some(1)
        } else {
            Some(*side)
        }
    });
    Ok(kept.collect())
}

/// The sides of a window's places: padding, steps and gaps as a convolution and a pool
/// have them.
fn places(step: &Step, given: &[u64], kernel: &[u64]) -> Result<Sides, Fault> {
    let rank = given.len();
    if rank != kernel.len() {
        return Err(Fault::Misfit);
    }
    let (strides, gaps) = (
        step.spatial("strides", rank, 1),
        step.spatial("dilations", rank, 1),
    );
    let pads = match step.text("auto_pad") {
        b"VALID" => vec![0; 2 * rank],
        _ => step.spatial("pads", 2 * rank, 0),
    };
    let same = step.text("auto_pad").starts_with(b"SAME");
    let ceil = step.int("ceil_mode", 0) != 0;
    let sides = (0..rank).map(|at| {
        let stride = side(strides[at])?.max(1);
        if same {
            return Ok(given[at].div_ceil(stride));
        }
        let reach = kernel[at]
            .saturating_sub(1)
            .saturating_mul(side(gaps[at])?)
            .saturating_add(1);
        let (before, after) = (side(pads[at])?, side(pads[at + rank])?);
        let padded = given[at].saturating_add(before).saturating_add(after);
        let room = padded.checked_sub(reach).ok_or(Fault::Misfit)?;
        if !ceil {
            return Ok(room / stride + 1);
        }
        let last = room.div_ceil(stride);
        // A window that would begin in the padding after the image is left out.
        let outside = last.saturating_mul(stride) >= given[at].saturating_add(before);
        Ok(if outside { last } else { last + 1 })
    });
    sides.collect()
}

fn conv(step: &Step, weights: &[u64]) -> Result<Sides, Fault> {
    let ([images, channels, given @ ..], [made, each, kernel @ ..]) = (step.sides(0)?, weights)
    else {
        return Err(Fault::Misfit);
    };
    if side(step.int("group", 1))?.saturating_mul(*each) != *channels {
        return Err(Fault::Misfit);
    }
    Ok([&[*images, *made][..], &places(step, given, kernel)?].concat())
}

fn pool(step: &Step) -> Result<Sides, Fault> {
    let [images, channels, given @ ..] = step.sides(0)? else {
        return Err(Fault::Misfit);
    };
    let kernel = step.ints("kernel_shape").unwrap_or_default();
    let kernel: Sides = kernel
        .iter()
        .map(|it| side(*it))
        .collect::<Result<_, _>>()?;
    Ok([&[*images, *channels][..], &places(step, given, &kernel)?].concat())
}

fn conv_transpose(step: &Step) -> Result<Sides, Fault> {
    let ([images, _, given @ ..], [_, each, kernel @ ..]) = (step.sides(0)?, step.sides(1)?) else {
        return Err(Fault::Misfit);
    };
    let rank = given.len();
    if rank != kernel.len() {
        return Err(Fault::Misfit);
    }
    let strides = step.spatial("strides", rank, 1);
    let gaps = step.spatial("dilations", rank, 1);
    let pads = step.spatial("pads", 2 * rank, 0);
    let more = step.spatial("output_padding", rank, 0);
    let mut sides = vec![*images, each.saturating_mul(side(step.int("group", 1))?)];
    let wanted = step.ints("output_shape").unwrap_or_default();
    for at in 0..rank {
        // What is asked for may be the whole shape or its last sides.
        if let Some(asked) = (wanted.len() + at)
            .checked_sub(rank)
            .and_then(|at| wanted.get(at))
        {
            sides.push(side(*asked)?);
            continue;
        }
        let stride = side(strides[at])?;
        let reach = kernel[at].saturating_sub(1).saturating_mul(side(gaps[at])?);
        let full = stride.saturating_mul(given[at].saturating_sub(1));
        let full = full
            .saturating_add(reach)
            .saturating_add(1)
            .saturating_add(side(more[at])?);
        let cut = side(pads[at])?.saturating_add(side(pads[at + rank])?);
        let same = step.text("auto_pad").starts_with(b"SAME");
        sides.push(if same {
            stride.saturating_mul(given[at])
        } else {
            full.saturating_sub(cut)
        });
    }
    Ok(sides)
}

fn matmul(first: &[u64], second: &[u64]) -> Result<Sides, Fault> {
    let (first_row, second_column) = (first.len() == 1, second.len() == 1);
    let padded = if first_row {
        [&[1], first].concat()
    } else {
        first.to_vec()
    };
    let other = if second_column {
        [second, &[1]].concat()
    } else {
        second.to_vec()
    };
    let ([more @ .., rows, inner], [others @ .., length, columns]) = (&padded[..], &other[..])
    else {
        return Err(Fault::Misfit);
    };
    if inner != length {
        return Err(Fault::Misfit);
    }
    let mut sides = broadcast(more, others)?;
    sides.extend((!first_row).then_some(*rows));
    sides.extend((!second_column).then_some(*columns));
    Ok(sides)
}

fn gemm(step: &Step) -> Result<Sides, Fault> {
    let ([a, b], [c, d]) = (step.sides(0)?, step.sides(1)?) else {
        return Err(Fault::Misfit);
    };
    let (rows, inner) = if step.int("transA", 0) == 0 {
        (a, b)
    } else {
        (b, a)
    };
    let (length, columns) = if step.int("transB", 0) == 0 {
        (c, d)
    } else {
        (d, c)
    };
    if inner != length {
        return Err(Fault::Misfit);
    }
    Ok(vec![*rows, *columns])
}

/// Without spaces for "all other sides".
fn einsum(step: &Step) -> Result<Sides, Fault> {
    let text = std::str::from_utf8(step.text("equation")).map_err(|_| Fault::Misfit)?;
    let text: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let (given, made) = text.split_once("->").ok_or(Fault::Operator)?;
    if text.contains('.') {
        return Err(Fault::Operator);
    }
    let mut known = std::collections::BTreeMap::new();
    for (letters, value) in given.split(',').zip(step.inputs()) {
        if letters.chars().count() != value.sides.len() {
            return Err(Fault::Misfit);
        }
        known.extend(letters.chars().zip(value.sides.iter().copied()));
    }
    made.chars()
        .map(|letter| known.get(&letter).copied().ok_or(Fault::Misfit))
        .collect()
}

fn attention(step: &Step) -> Result<Sides, Fault> {
    match (step.sides(0)?, step.sides(2)?) {
        ([images, heads, rows, _], [.., width]) => Ok(vec![*images, *heads, *rows, *width]),
        ([images, rows, _], [_, _, width]) => {
            let heads = side(step.int("q_num_heads", 1))?;
            let each = width / side(step.int("kv_num_heads", 1))?.max(1);
            Ok(vec![*images, *rows, each.saturating_mul(heads)])
        }
        _ => Err(Fault::Misfit),
    }
}

fn constant(step: &Step) -> Result<Sides, Fault> {
    let attribute = step.node.attribute.first().ok_or(Fault::Misfit)?;
    match attribute.name.as_str() {
        "value" => {
            let tensor = attribute.t.as_ref().ok_or(Fault::Misfit)?;
            tensor.dims.iter().map(|it| side(*it)).collect()
        }
        "value_ints" => Ok(vec![attribute.ints.len() as u64]),
        "value_floats" => Ok(vec![attribute.floats.len() as u64]),
        "value_int" | "value_float" => Ok(Vec::new()),
        _ => Err(Fault::Operator),
    }
}

fn reshape(step: &Step) -> Result<Sides, Fault> {
    let given = step.sides(0)?;
    let wanted = step.demanded(1, "shape")?;
    let zero_is_zero = step.int("allowzero", 0) != 0;
    let mut open = None;
    let mut sides = Vec::new();
    for (at, wanted) in wanted.into_iter().enumerate() {
        sides.push(match wanted {
            -1 if open.is_some() => return Err(Fault::Misfit),
            -1 => {
                open = Some(at);
                1
            }
            0 if !zero_is_zero => *given.get(at).ok_or(Fault::Misfit)?,
            wanted => side(wanted)?,
        });
    }
    let all = count(given);
    if let Some(open) = open {
        sides[open] = all.checked_div(count(&sides)).unwrap_or(0);
    }
    (count(&sides) == all).then_some(sides).ok_or(Fault::Misfit)
}

fn flatten(step: &Step) -> Result<Sides, Fault> {
    let given = step.sides(0)?;
    let at = step.int("axis", 1);
    let at = if at < 0 {
        at.saturating_add(signed(given.len() as u64))
    } else {
        at
    };
    let at = usize::try_from(at).map_err(|_| Fault::Misfit)?;
    let (before, after) = given.split_at_checked(at).ok_or(Fault::Misfit)?;
    Ok(vec![count(before), count(after)])
}

/// Which side of the input each side of a transposed output is.
pub fn order(step: &Step) -> Result<Vec<usize>, Fault> {
    let rank = step.sides(0)?.len();
    let Some(order) = step.ints("perm") else {
        return Ok((0..rank).rev().collect());
    };
    let order: Vec<usize> = order
        .iter()
        .map(|it| axis(*it, rank))
        .collect::<Result<_, _>>()?;
    let whole = (0..rank).all(|at| order.contains(&at)) && order.len() == rank;
    whole.then_some(order).ok_or(Fault::Misfit)
}

fn transpose(step: &Step) -> Result<Sides, Fault> {
    let given = step.sides(0)?;
    Ok(order(step)?.into_iter().map(|at| given[at]).collect())
}

fn squeeze(step: &Step) -> Result<Sides, Fault> {
    let given = step.sides(0)?;
    let axes = step.list(1, "axes")?;
    let axes = axes.map(|axes| axes.into_iter().map(|it| axis(it, given.len())).collect());
    let axes: Option<Vec<usize>> = axes.transpose()?;
    let drops = |at: usize, side: u64| match &axes {
        Some(axes) => axes.contains(&at),
        None => side == 1,
    };
    let mut sides = Vec::new();
    for (at, side) in given.iter().enumerate() {
        match (drops(at, *side), side) {
            (true, 1) => {}
            (true, _) => return Err(Fault::Misfit),
            (false, _) => sides.push(*side),
        }
    }
    Ok(sides)
}

fn unsqueeze(step: &Step) -> Result<Sides, Fault> {
    let mut sides = step.sides(0)?.to_vec();
    let axes = step.demanded(1, "axes")?;
    let rank = sides.len() + axes.len();
    let mut places: Vec<usize> = axes
        .iter()
        .map(|it| axis(*it, rank))
        .collect::<Result<_, _>>()?;
    places.sort_unstable();
    for place in places {
        if place > sides.len() {
            return Err(Fault::Misfit);
        }
        sides.insert(place, 1);
    }
    Ok(sides)
}

fn concat(step: &Step) -> Result<Sides, Fault> {
    let mut sides = step.sides(0)?.to_vec();
    let at = axis(step.int("axis", 1), sides.len())?;
    for value in step.inputs().skip(1) {
        let fits = |(place, (a, b)): (usize, (&u64, &u64))| place == at || a == b;
        let alike = sides.iter().zip(&value.sides).enumerate().all(fits);
        if !alike || sides.len() != value.sides.len() || sides.is_empty() {
            return Err(Fault::Misfit);
        }
        sides[at] = sides[at].saturating_add(value.sides[at]);
    }
    Ok(sides)
}

fn split(step: &Step) -> Result<Vec<Sides>, Fault> {
    let given = step.sides(0)?;
    let parts = step.node.output.len() as u64;
    let at = axis(step.int("axis", 0), given.len())?;
    let whole = *given.get(at).ok_or(Fault::Misfit)?;
    let lengths: Sides = if let Some(lengths) = step.list(1, "split")? {
        lengths.into_iter().map(side).collect::<Result<_, _>>()?
    } else {
        let each = whole.div_ceil(parts.max(1));
        let left = |part: u64| whole.saturating_sub(part.saturating_mul(each)).min(each);
        (0..parts).map(left).collect()
    };
    let all = lengths
        .iter()
        .fold(0_u64, |sum, it| sum.saturating_add(*it));
    if all != whole || lengths.len() as u64 != parts {
        return Err(Fault::Misfit);
    }
    let part = |length| {
        let mut sides = given.to_vec();
        sides[at] = length;
        sides
    };
    Ok(lengths.into_iter().map(part).collect())
}

/// Of each side where a slice begins, its step, and how many it takes.
pub fn slices(step: &Step) -> Result<Vec<(i64, i64, u64)>, Fault> {
    let given = step.sides(0)?;
    let (starts, ends) = (step.demanded(1, "starts")?, step.demanded(2, "ends")?);
    let axes = step.list(3, "axes")?;
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = step
        .list(4, "steps")?
        .unwrap_or_else(|| vec![1; starts.len()]);
    if starts.len() != ends.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return Err(Fault::Misfit);
    }
    let mut slices: Vec<(i64, i64, u64)> = given.iter().map(|side| (0, 1, *side)).collect();
    for (at, place) in axes.into_iter().enumerate() {
        let place = axis(place, given.len())?;
        let length = signed(*given.get(place).ok_or(Fault::Misfit)?);
        let by = steps[at];
        let from_end = |value: i64| {
            if value < 0 {
                value.saturating_add(length)
            } else {
                value
            }
        };
        let (start, end) = (from_end(starts[at]), from_end(ends[at]));
        let (start, room) = match by {
            0 => return Err(Fault::Misfit),
            1.. => {
                let start = start.clamp(0, length);
                (start, end.clamp(0, length) - start)
            }
            _ => {
                let start = start.clamp(-1, length - 1);
                (start, start - end.clamp(-1, length - 1))
            }
        };
        let taken = u64::try_from(room).unwrap_or(0).div_ceil(by.unsigned_abs());
        slices[place] = (start, by, taken);
    }
    Ok(slices)
}

fn gather_nd(step: &Step) -> Result<Sides, Fault> {
    let (data, indices) = (step.sides(0)?, step.sides(1)?);
    let shared = usize::try_from(step.int("batch_dims", 0)).map_err(|_| Fault::Misfit)?;
    let (deep, before) = indices.split_last().ok_or(Fault::Misfit)?;
    let deep = usize::try_from(*deep).map_err(|_| Fault::Misfit)?;
    let from = shared.checked_add(deep).ok_or(Fault::Misfit)?;
    let after = data.get(from..).ok_or(Fault::Misfit)?;
    Ok([before, after].concat())
}

fn pad(step: &Step) -> Result<Sides, Fault> {
    let mut sides = step.sides(0)?.to_vec();
    let pads = step.demanded(1, "pads")?;
    let axes = step.list(3, "")?;
    let axes = axes.unwrap_or_else(|| (0..sides.len() as i64).collect());
    if pads.len() != 2 * axes.len() {
        return Err(Fault::Misfit);
    }
    let (before, after) = pads.split_at(axes.len());
    for (at, place) in axes.iter().enumerate() {
        let place = axis(*place, sides.len())?;
        let grown = signed(sides[place])
            .saturating_add(before[at])
            .saturating_add(after[at]);
        sides[place] = side(grown)?;
    }
    Ok(sides)
}

fn resize(step: &Step) -> Result<Sides, Fault> {
    let mut sides = step.sides(0)?.to_vec();
    if !matches!(step.text("keep_aspect_ratio_policy"), b"" | b"stretch") {
        return Err(Fault::Operator);
    }
    let axes = step.ints("axes").map(<[i64]>::to_vec);
    let axes = axes.unwrap_or_else(|| (0..sides.len() as i64).collect());
    let places: Vec<usize> = axes
        .iter()
        .map(|it| axis(*it, sides.len()))
        .collect::<Result<_, _>>()?;
    let is_there = |at: &usize| step.given(*at).is_some_and(|it| count(&it.sides) > 0);
    if is_there(&3) {
        let wanted = step.numbers(3)?.whole();
        for (place, wanted) in places.into_iter().zip(wanted) {
            sides[place] = side(wanted)?;
        }
        return Ok(sides);
    }
    let scales = match [2, 1].iter().find(|at| is_there(at)) {
        Some(at) => step.numbers(*at)?.values.clone(),
        None => {
            let scales = step.attribute("scales").ok_or(Fault::Misfit)?;
            scales.floats.iter().map(|it| f64::from(*it)).collect()
        }
    };
    for (place, scale) in places.into_iter().zip(scales) {
        // As the engines do it, in 32 bits.
        sides[place] = f64::from((sides[place] as f32) * (scale as f32)).floor() as u64;
    }
    Ok(sides)
}

fn range(step: &Step) -> Result<Sides, Fault> {
    let number = |at: usize| {
        let values = &step.numbers(at)?.values;
        values.first().copied().ok_or(Fault::Misfit)
    };
    let (start, end, by) = (number(0)?, number(1)?, number(2)?);
    let length = ((end - start) / by).ceil();
    if by == 0.0 || length.is_nan() {
        return Err(Fault::Misfit);
    }
    Ok(vec![length.max(0.0) as u64])
}

fn depth_and_space(step: &Step) -> Result<Sides, Fault> {
    let [images, channels, height, width] = *step.sides(0)? else {
        return Err(Fault::Misfit);
    };
    let block = side(step.int("blocksize", 0))?;
    let area = block
        .checked_mul(block)
        .filter(|area| *area > 0)
        .ok_or(Fault::Misfit)?;
    if step.operator() == "SpaceToDepth" {
        return Ok(vec![
            images,
            channels.saturating_mul(area),
            height / block,
            width / block,
        ]);
    }
    Ok(vec![
        images,
        channels / area,
        height.saturating_mul(block),
        width.saturating_mul(block),
    ])
}
