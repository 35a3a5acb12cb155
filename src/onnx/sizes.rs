//! The sizes of every value of a graph for images of one size, followed from node to
//! node, and what they take. Nothing is run: of values only the short lists of numbers
//! are known that sizes are computed from.
//!
//! An operator without a rule here is refused, as is one whose output is as large as
//! the values in an image say.

use std::collections::{BTreeMap, BTreeSet};

use self::fold::Numbers;
use self::operator::Step;
use super::proto::{GraphProto, NodeProto};

/// Memory that a network's values take at once, at most, bytes.
pub const MOST_MEMORY: u64 = 2 << 30;

/// Products and elements that are computed at once, at most: a minute's, and more than
/// the largest vision transformers have for an image.
const MOST_WORK: u64 = 1 << 42;

/// Bytes of an element.
const WIDTH: u64 = 4;

/// Most sides of a value.
const MOST_SIDES: usize = 16;

/// Times that engines hold a value which is made of weights alone: onnxruntime computes it, and
/// copies it into the graph while it computes the next.
const COPIES: u64 = 2;

/// Bytes of such values that come with a byte of weights: what turns, casts and dequantizes them.
const PER_WEIGHT: u64 = 4 * COPIES;

/// Channels that onnxruntime computes convolutions in, at most.
const BLOCK: u64 = 16;

/// Buffers that an engine keeps are no smaller, bytes.
const SMALLEST_BUFFER: u64 = 128;

/// What is known of a value.
#[derive(Debug, Clone, Default)]
pub struct Value {
    /// Its sides.
    pub sides: Vec<u64>,
    /// Bytes of an element.
    pub width: u64,
    /// Whether its channels lie in blocks of [`BLOCK`], of which the last may be empty for the most.
    pub blocked: bool,
    /// What it holds, where that is known and short.
    pub numbers: Option<Numbers>,
    /// Whether it is the same for all images: engines compute it once and keep it.
    pub constant: bool,
}

/// Why the sizes of a graph are not known, or not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operator has no rule.
    Operator,
    /// The operator is used in a way that has no rule.
    Form,
    /// How often something is repeated is only known in a run.
    Loop,
    /// The answers differ from run to run.
    Random,
    /// The size depends on values that only a run has.
    Depends,
    /// The inputs do not fit together.
    SizeMismatch,
    /// All values that are there at once take this many bytes.
    Memory(u64),
    /// It takes this many steps.
    Work(u64),
    /// What it makes of several images is more than what it makes of each of them.
    Mixes,
}

/// A node that is not run, and why.
#[derive(Debug)]
pub struct Refusal<'a> {
    pub node: &'a NodeProto,
    pub fault: Fault,
    /// The sides of what it is given, where they are known.
    pub given: Vec<Option<Vec<u64>>>,
}

/// What a graph takes for images of one shape.
#[derive(Debug)]
pub struct Weighed<'a> {
    /// Bytes that an engine holds at once for its values.
    pub bytes: u64,
    /// Multiply-accumulates, where they are known.
    pub macs: Option<u64>,
    /// The sides of the output.
    pub output: Vec<u64>,
    /// Values of the outermost graph that depend on the images, in order, with their sides.
    pub values: Vec<(&'a NodeProto, &'a str, Vec<u64>)>,
    /// Elements and products of every node that was run, in order.
    made: Vec<(&'a NodeProto, u64)>,
}

impl<'a> Weighed<'a> {
    /// A node that makes more of several images together than of each of them alone:
    /// the answer on one depends on the others, and memory grows with their square.
    pub fn mixing(&self, of_one: &Self, images: usize) -> Option<Refusal<'a>> {
        let images = images as u64;
        let pairs = self.made.iter().zip(&of_one.made);
        let mut pairs = pairs.filter(|((a, _), (b, _))| std::ptr::eq(*a, *b));
        let found =
            pairs.find(|((_, together), (_, alone))| *together > alone.saturating_mul(images));
        found.map(|((node, _), _)| Refusal {
            node,
            fault: Fault::Mixes,
            given: Vec::new(),
        })
    }
}

/// What a graph with so many bytes of weights takes for its `output` when images of this shape are
/// given to its `input`, beside what comes with every weight; or the node that makes this
/// impossible.
///
/// # Errors
/// The node, and why.
pub fn weigh<'a>(
    graph: &'a GraphProto,
    input: &'a str,
    output: &str,
    shape: [u64; 4],
    weights: u64,
) -> Result<Weighed<'a>, Refusal<'a>> {
    let mut walk = Walk {
        input,
        allowance: weights.saturating_mul(PER_WEIGHT),
        values: BTreeMap::new(),
        buffers: BTreeMap::new(),
        memory: Memory::default(),
        packed: BTreeSet::new(),
        work: 0,
        macs: Some(0),
        made: Vec::new(),
        followed: Vec::new(),
    };
    let images = Value {
        sides: shape.to_vec(),
        width: WIDTH,
        ..Value::default()
    };
    walk.put(input, images);
    walk.graph(graph)?;
    let output = walk.values.get(output);
    Ok(Weighed {
        bytes: walk.memory.held,
        macs: walk.macs,
        output: output.map(|it| it.sides.clone()).unwrap_or_default(),
        values: walk.followed,
        made: walk.made,
    })
}

/// What an engine holds: buffers that are taken, and those that it keeps for later values. rten takes
/// the smallest that is large enough, and gives none back before the run has ended.
#[derive(Default)]
struct Memory {
    /// All of them, bytes.
    held: u64,
    free: Vec<u64>,
}

impl Memory {
    /// A buffer of at least so many bytes, and its length.
    fn take(&mut self, bytes: u64) -> u64 {
        if bytes < SMALLEST_BUFFER {
            return 0;
        }
        let at = self.free.partition_point(|free| *free < bytes);
        if at < self.free.len() {
            return self.free.remove(at);
        }
        self.held = self.held.saturating_add(bytes);
        bytes
    }

    fn give(&mut self, buffer: u64) {
        if buffer > 0 {
            let at = self.free.partition_point(|free| *free < buffer);
            self.free.insert(at, buffer);
        }
    }
}

struct Walk<'a> {
    /// The images, which only the outermost graph has.
    input: &'a str,
    /// Bytes of values made of weights that are not counted.
    allowance: u64,
    values: BTreeMap<&'a str, Value>,
    /// The length of the buffer of every value that is no constant.
    buffers: BTreeMap<&'a str, u64>,
    memory: Memory,
    /// Weights that a product rearranged.
    packed: BTreeSet<&'a str>,
    work: u64,
    macs: Option<u64>,
    made: Vec<(&'a NodeProto, u64)>,
    followed: Vec<(&'a NodeProto, &'a str, Vec<u64>)>,
}

impl<'a> Walk<'a> {
    fn put(&mut self, name: &'a str, value: Value) {
        let elements = if value.blocked {
            in_blocks(&value.sides)
        } else {
            count(&value.sides)
        };
        let bytes = elements.saturating_mul(value.width);
        if value.constant {
            let copies = bytes.saturating_mul(COPIES);
            let allowed = copies.min(self.allowance);
            self.allowance -= allowed;
            self.memory.held = self.memory.held.saturating_add(copies - allowed);
        } else {
            let buffer = self.memory.take(bytes);
            self.buffers.insert(name, buffer);
        }
        self.values.insert(name, value);
    }

    fn graph(&mut self, graph: &'a GraphProto) -> Result<(), Refusal<'a>> {
        for tensor in &graph.initializer {
            let value = fold::constant(tensor);
            self.values.insert(&tensor.name, value);
        }
        let mut last = BTreeMap::new();
        for (at, node) in graph.node.iter().enumerate() {
            // What nothing takes ends where it is made.
            last.extend(node.output.iter().map(|name| (name.as_str(), at)));
            last.extend(node.used().into_iter().map(|name| (name, at)));
        }
        // What comes from around this graph may be needed after it.
        let nodes = graph.node.iter();
        let own: BTreeSet<&str> = nodes
            .flat_map(|it| &it.output)
            .map(String::as_str)
            .collect();
        last.retain(|name, _| own.contains(name) || *name == self.input);
        for output in &graph.output {
            last.remove(output.name.as_str());
        }
        let mut ends: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (name, at) in last {
            ends.entry(at).or_default().push(name);
        }
        for (at, node) in graph.node.iter().enumerate() {
            self.node(node)?;
            for name in ends.remove(&at).unwrap_or_default() {
                self.end(name);
            }
        }
        Ok(())
    }

    fn refuse(&self, node: &'a NodeProto, fault: Fault) -> Refusal<'a> {
        let given = node.input.iter().map(|name| {
            let value = self.values.get(name.as_str());
            value.map(|value| value.sides.clone())
        });
        Refusal {
            node,
            fault,
            given: given.collect(),
        }
    }

    fn node(&mut self, node: &'a NodeProto) -> Result<(), Refusal<'a>> {
        if node.op_type == "If" {
            return self.branches(node);
        }
        let inputs = node.input.iter().map(|name| self.values.get(name.as_str()));
        let step = Step::new(node, inputs.collect());
        let found = match operator::outputs(&step) {
            Ok(found) => found,
            Err(fault) => return Err(self.refuse(node, fault)),
        };
        let constant = step.is_constant();
        let width = operator::width(&step).max(WIDTH);
        let blocked = operator::is_blocked(&step);
        let first = found.first().map(Vec::as_slice).unwrap_or_default();
        let numbers = fold::fold(&step, first);
        let scratch = operator::scratch(&step, first).saturating_mul(WIDTH);
        let products = operator::products(&step, first);
        let work = operator::work(&step, &found, products);
        self.made.push((node, work));
        self.work = self.work.saturating_add(work);
        if !constant {
            let macs = self.macs.map(|all| all.saturating_add(products));
            self.macs = macs;
        }
        if found.iter().any(|sides| sides.len() > MOST_SIDES) {
            return Err(self.refuse(node, Fault::SizeMismatch));
        }
        let mut numbers = Some(numbers);
        let made = node.output.iter().zip(found);
        for (name, sides) in made.filter(|(name, _)| !name.is_empty()) {
            // Only the outermost graph has the images.
            if !constant && !self.input.is_empty() {
                self.followed.push((node, name, sides.clone()));
            }
            let value = Value {
                sides,
                width,
                blocked,
                numbers: numbers.take().flatten(),
                constant,
            };
            self.put(name, value);
        }
        let buffer = self.memory.take(scratch);
        self.memory.give(buffer);
        self.pack(node);
        if self.memory.held > MOST_MEMORY {
            return Err(self.refuse(node, Fault::Memory(self.memory.held)));
        }
        if self.work > MOST_WORK {
            return Err(self.refuse(node, Fault::Work(self.work)));
        }
        Ok(())
    }

    /// Counts the weights that a product rearranges for itself. What comes with every
    /// weight has room for that once; rten does it for every product that shares them.
    fn pack(&mut self, node: &'a NodeProto) {
        if !operator::is_product(&node.op_type) {
            return;
        }
        for name in &node.input {
            let value = self.values.get(name.as_str());
            if let Some(value) = value.filter(|value| value.constant)
                && !self.packed.insert(name)
            {
                let bytes = count(&value.sides).saturating_mul(WIDTH);
                self.memory.held = self.memory.held.saturating_add(bytes);
            }
        }
    }

    /// The branch that is taken where this is known, and else both: what they give must
    /// be of the same sizes.
    fn branches(&mut self, node: &'a NodeProto) -> Result<(), Refusal<'a>> {
        let branch = |name: &str| {
            let mut attributes = node.attribute.iter();
            let found = attributes.find(|it| it.name == name);
            found
                .and_then(|it| it.g.as_ref())
                .ok_or_else(|| self.refuse(node, Fault::SizeMismatch))
        };
        let (yes, no) = (branch("then_branch")?, branch("else_branch")?);
        let condition = node
            .input
            .first()
            .and_then(|it| self.values.get(it.as_str()));
        let known = condition.and_then(|it| it.numbers.as_ref()?.values.first().copied());
        if known.is_none() {
            self.macs = None;
        }
        let mut found: Option<Vec<Value>> = None;
        for (graph, taken) in [(yes, true), (no, false)] {
            if known.is_some_and(|known| (known != 0.0) != taken) {
                continue;
            }
            // The images may be needed after it.
            let images = std::mem::take(&mut self.input);
            self.graph(graph)?;
            self.input = images;
            let outputs = graph.output.iter();
            let outputs = outputs.filter_map(|it| self.values.get(it.name.as_str()).cloned());
            let mut outputs: Vec<Value> = outputs.collect();
            if let Some(before) = &found {
                let alike = before
                    .iter()
                    .map(|it| &it.sides)
                    .eq(outputs.iter().map(|it| &it.sides));
                if !alike {
                    return Err(self.refuse(node, Fault::Depends));
                }
                for it in &mut outputs {
                    it.numbers = None;
                }
            }
            found = Some(outputs);
        }
        for (name, value) in node.output.iter().zip(found.unwrap_or_default()) {
            self.values.insert(name, value);
        }
        Ok(())
    }

    /// A value that no node takes any more.
    fn end(&mut self, name: &str) {
        // Weights were not counted; what is made of them alone stays, as does what a branch gave.
        if let Some(buffer) = self.buffers.remove(name) {
            self.memory.give(buffer);
            self.values.remove(name);
        }
    }
}

/// Number of elements.
pub fn count(sides: &[u64]) -> u64 {
    if sides.contains(&0) {
        return 0;
    }
    sides
        .iter()
        .fold(1_u64, |product, side| product.saturating_mul(*side))
}

/// Number of elements where channels, the second side, lie in blocks.
fn in_blocks(sides: &[u64]) -> u64 {
    let channels = sides.get(1).copied().unwrap_or(1).max(1);
    let places = count(sides) / channels;
    places
        .saturating_mul(channels.div_ceil(BLOCK))
        .saturating_mul(BLOCK)
}

/// Short lists of numbers that a graph computes sizes with: those that are constants,
/// and what follows from sizes.
#[expect(
    clippy::cast_possible_wrap,
    reason = "sides and ranks are within limits"
)]
mod fold {

    use std::cmp::Ordering;

    use super::operator::{Step, broadcast, order, slices};
    use super::{Value, WIDTH, count};
    use crate::onnx::proto::{TensorProto, data_type};

    /// Longest list that is followed.
    const LONGEST: u64 = 1 << 12;

    /// Whole numbers beyond this are not computed with: an engine may let them wrap.
    const LARGEST: f64 = (1_u64 << 31) as f64;

    /// Numbers, row by row.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Numbers {
        /// Whether they are integers or truths.
        pub is_whole: bool,
        /// Their values.
        pub values: Vec<f64>,
    }

    impl Numbers {
        fn whole_of(values: Vec<f64>) -> Self {
            Self {
                is_whole: true,
                values,
            }
        }

        /// As sizes, the nearest ones where they are none.
        pub fn whole(&self) -> Vec<i64> {
            self.values.iter().map(|value| *value as i64).collect()
        }

        /// None where an engine would have other ones.
        fn computed(mut self) -> Option<Self> {
            if self.is_whole {
                return self
                    .values
                    .iter()
                    .all(|it| it.abs() < LARGEST)
                    .then_some(self);
            }
            self.values
                .iter_mut()
                .for_each(|it| *it = f64::from(*it as f32));
            Some(self)
        }
    }

    /// What is known of a weight.
    pub fn constant(tensor: &TensorProto) -> Value {
        let sides: Vec<u64> = tensor.dims.iter().map(|side| side.unsigned_abs()).collect();
        Value {
            numbers: numbers(tensor, &sides),
            width: width(tensor.data_type),
            blocked: false,
            sides,
            constant: true,
        }
    }

    /// Bytes of an element, at most.
    pub fn width(of: i32) -> u64 {
        /// `UINT64`, `COMPLEX64` and `COMPLEX128`.
        const OTHERS: std::ops::RangeInclusive<i32> = 13..=15;
        let wide = matches!(of, data_type::INT64 | data_type::DOUBLE) || OTHERS.contains(&of);
        if wide { 2 * WIDTH } else { WIDTH }
    }

    fn numbers(tensor: &TensorProto, sides: &[u64]) -> Option<Numbers> {
        let length = count(sides);
        let bytes = &tensor.raw_data;
        let is_whole = tensor.data_type != data_type::FLOAT;
        let values: Vec<f64> = match tensor.data_type {
            _ if length > LONGEST => return None,
            data_type::INT64 if !tensor.int64_data.is_empty() => {
                tensor.int64_data.iter().map(|it| *it as f64).collect()
            }
            data_type::INT64 => raw(bytes, |it| i64::from_le_bytes(it) as f64),
            data_type::INT32 | data_type::BOOL if !tensor.int32_data.is_empty() => {
                tensor.int32_data.iter().map(|it| f64::from(*it)).collect()
            }
            data_type::INT32 => raw(bytes, |it| f64::from(i32::from_le_bytes(it))),
            data_type::BOOL => bytes.iter().map(|it| f64::from(*it)).collect(),
            data_type::FLOAT if !tensor.float_data.is_empty() => {
                tensor.float_data.iter().map(|it| f64::from(*it)).collect()
            }
            data_type::FLOAT => raw(bytes, |it| f64::from(f32::from_le_bytes(it))),
            _ => return None,
        };
        // Weights beside the file are not read for this.
        (values.len() as u64 == length).then_some(Numbers { is_whole, values })
    }

    fn raw<const LENGTH: usize>(bytes: &[u8], number: impl Fn([u8; LENGTH]) -> f64) -> Vec<f64> {
        let (numbers, _) = bytes.as_chunks();
        numbers.iter().map(|it| number(*it)).collect()
    }

    /// What the first output of a node holds, where it follows.
    pub fn fold(step: &Step, sides: &[u64]) -> Option<Numbers> {
        if count(sides) > LONGEST {
            return None;
        }
        let known = |at: usize| step.given(at)?.numbers.as_ref();
        match step.operator() {
            "Constant" => {
                let attribute = step.node.attribute.first()?;
                match attribute.name.as_str() {
                    "value" => constant(attribute.t.as_ref()?).numbers,
                    "value_int" => Some(Numbers::whole_of(vec![attribute.i as f64])),
                    "value_ints" => {
                        let values = attribute.ints.iter().map(|it| *it as f64);
                        Some(Numbers::whole_of(values.collect()))
                    }
                    "value_float" => Some(Numbers {
                        is_whole: false,
                        values: vec![f64::from(attribute.f)],
                    }),
                    _ => None,
                }
            }
            "Shape" => shape(step),
            "Size" => Numbers::whole_of(vec![count(&step.given(0)?.sides) as f64]).computed(),
            "Identity" | "Reshape" | "Squeeze" | "Unsqueeze" | "Flatten" => known(0).cloned(),
            "Cast" => cast(known(0)?, step.int("to", 0)),
            "ConstantOfShape" => {
                let mut attributes = step.node.attribute.iter();
                let value = attributes.find(|it| it.name == "value");
                let value = match value.and_then(|it| it.t.as_ref()) {
                    Some(tensor) => constant(tensor).numbers?,
                    None => Numbers {
                        is_whole: false,
                        values: vec![0.0],
                    },
                };
                let values = vec![*value.values.first()?; count(sides) as usize];
                Some(Numbers { values, ..value })
            }
            "Range" => {
                let (start, by) = (known(0)?, known(2)?);
                let (first, by) = (start.values.first()?, by.values.first()?);
                let values = (0..count(sides)).map(|at| first + at as f64 * by);
                let is_whole = start.is_whole;
                let values = values.collect();
                Numbers { is_whole, values }.computed()
            }
            "Concat" => concat(step),
            "Gather" => gather(step),
            "Slice" => {
                let slices = slices(step).ok()?;
                let from = |at: usize, place: i64| slices[at].0 + place * slices[at].1;
                pick(known(0)?, &step.given(0)?.sides, sides, |places| {
                    places
                        .iter()
                        .enumerate()
                        .map(|(at, it)| from(at, *it))
                        .collect()
                })
            }
            "Transpose" => {
                let order = order(step).ok()?;
                pick(known(0)?, &step.given(0)?.sides, sides, |places| {
                    let mut from = vec![0; places.len()];
                    order
                        .iter()
                        .zip(places)
                        .for_each(|(at, it)| from[*at] = *it);
                    from
                })
            }
            "Expand" => {
                let data = step.given(0)?;
                let found = spread(known(0)?, &data.sides, sides)?;
                let is_whole = known(0)?.is_whole;
                Some(Numbers {
                    is_whole,
                    values: found,
                })
            }
            "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" if count(sides) == 1 => {
                let Numbers { is_whole, values } = known(0)?;
                let values = values.iter().copied();
                let value = match step.operator() {
                    "ReduceProd" => values.product(),
                    "ReduceSum" => values.sum(),
                    "ReduceMax" => values.reduce(f64::max)?,
                    _ => values.reduce(f64::min)?,
                };
                let (is_whole, values) = (*is_whole, vec![value]);
                Numbers { is_whole, values }.computed()
            }
            _ => each(step, sides),
        }
    }

    fn shape(step: &Step) -> Option<Numbers> {
        let given = &step.given(0)?.sides;
        let rank = given.len() as i64;
        let place = |value: i64| {
            let value = if value < 0 {
                value.saturating_add(rank)
            } else {
                value
            };
            value.clamp(0, rank) as usize
        };
        let (start, end) = (place(step.int("start", 0)), place(step.int("end", rank)));
        let taken = given.get(start..end)?;
        let values = taken.iter().map(|side| *side as f64).collect();
        Some(Numbers::whole_of(values))
    }

    fn cast(numbers: &Numbers, to: i64) -> Option<Numbers> {
        let values = numbers.values.iter();
        let (is_whole, values) = match i32::try_from(to).ok()? {
            data_type::FLOAT => (false, values.copied().collect()),
            data_type::INT32 | data_type::INT64 => (true, values.map(|it| it.trunc()).collect()),
            data_type::BOOL => (true, values.map(|it| f64::from(*it != 0.0)).collect()),
            _ => return None,
        };
        Numbers { is_whole, values }.computed()
    }

    fn concat(step: &Step) -> Option<Numbers> {
        let mut is_whole = true;
        let mut values = Vec::new();
        for value in step.inputs() {
            let numbers = value.numbers.as_ref().filter(|_| value.sides.len() == 1)?;
            is_whole &= numbers.is_whole;
            values.extend_from_slice(&numbers.values);
        }
        Some(Numbers { is_whole, values })
    }

    /// Of a list, or of the rows of a table.
    fn gather(step: &Step) -> Option<Numbers> {
        let (data, indices) = (step.given(0)?, step.given(1)?);
        let (numbers, indices) = (data.numbers.as_ref()?, indices.numbers.as_ref()?);
        if step.int("axis", 0) != 0 {
            return None;
        }
        let row = count(data.sides.get(1..)?) as usize;
        let rows = *data.sides.first()? as i64;
        let mut values = Vec::new();
        for at in indices.whole() {
            let at = if at < 0 { at.saturating_add(rows) } else { at };
            let from = usize::try_from(at).ok()?.checked_mul(row)?;
            values.extend_from_slice(numbers.values.get(from..from.checked_add(row)?)?);
        }
        let is_whole = numbers.is_whole;
        Some(Numbers { is_whole, values })
    }

    /// Each element of a value that has these sides from its place in another.
    fn pick(
        numbers: &Numbers,
        given: &[u64],
        sides: &[u64],
        from: impl Fn(&[i64]) -> Vec<i64>,
    ) -> Option<Numbers> {
        let mut places = vec![0_i64; sides.len()];
        let mut values = Vec::new();
        for _ in 0..count(sides) {
            let at = from(&places)
                .iter()
                .zip(given)
                .try_fold(0_usize, |at, (place, side)| {
                    let place = u64::try_from(*place).ok().filter(|place| place < side)?;
                    at.checked_mul(*side as usize)?.checked_add(place as usize)
                })?;
            values.push(*numbers.values.get(at)?);
            for (place, side) in places.iter_mut().zip(sides).rev() {
                *place += 1;
                if (*place as u64) < *side {
                    break;
                }
                *place = 0;
            }
        }
        let is_whole = numbers.is_whole;
        Some(Numbers { is_whole, values })
    }

    /// The values of an input as they are repeated for the sides of an output.
    fn spread(numbers: &Numbers, given: &[u64], sides: &[u64]) -> Option<Vec<f64>> {
        if broadcast(given, sides).ok()?.as_slice() != sides {
            return None;
        }
        let missing = sides.len().checked_sub(given.len())?;
        let found = pick(numbers, given, sides, |places| {
            let places = places.iter().skip(missing).zip(given);
            places
                .map(|(place, side)| if *side == 1 { 0 } else { *place })
                .collect()
        });
        Some(found?.values)
    }

    /// Operators that compute each element from those at its place.
    fn each(step: &Step, sides: &[u64]) -> Option<Numbers> {
        let mut inputs = Vec::new();
        let mut is_whole = true;
        for value in step.inputs() {
            let numbers = value.numbers.as_ref()?;
            // Large ones are taken for what they are, but not computed with.
            numbers.clone().computed()?;
            is_whole &= numbers.is_whole;
            inputs.push(spread(numbers, &value.sides, sides)?);
        }
        let truth = |truth: bool| f64::from(truth);
        let two = |compute: &dyn Fn(f64, f64) -> f64| -> Option<Vec<f64>> {
            let (first, rest) = inputs.split_first()?;
            let mut values = first.clone();
            for other in rest {
                values
                    .iter_mut()
                    .zip(other)
                    .for_each(|(a, b)| *a = compute(*a, *b));
            }
            Some(values)
        };
        let one = |compute: &dyn Fn(f64) -> f64| -> Option<Vec<f64>> {
            Some(inputs.first()?.iter().map(|it| compute(*it)).collect())
        };
        let (is_whole, values) = match step.operator() {
            "Add" | "Sum" => (is_whole, two(&|a, b| a + b)?),
            "Sub" => (is_whole, two(&|a, b| a - b)?),
            "Mul" => (is_whole, two(&|a, b| a * b)?),
            "Div" if is_whole && inputs.get(1)?.contains(&0.0) => return None,
            // Engines differ in how they round negative ones.
            "Div" if is_whole && inputs.iter().flatten().any(|it| *it < 0.0) => return None,
            "Div" if is_whole => (true, two(&|a, b| (a / b).trunc())?),
            "Div" => (false, two(&|a, b| a / b)?),
            "Mod" if is_whole && inputs.iter().flatten().any(|it| *it < 0.0) => return None,
            "Mod" if is_whole && !inputs.get(1)?.contains(&0.0) => (true, two(&|a, b| a % b)?),
            "Min" => (is_whole, two(&f64::min)?),
            "Max" => (is_whole, two(&f64::max)?),
            "Equal" => (
                true,
                two(&|a, b| truth(a.partial_cmp(&b) == Some(Ordering::Equal)))?,
            ),
            "Greater" => (true, two(&|a, b| truth(a > b))?),
            "Less" => (true, two(&|a, b| truth(a < b))?),
            "GreaterOrEqual" => (true, two(&|a, b| truth(a >= b))?),
            "LessOrEqual" => (true, two(&|a, b| truth(a <= b))?),
            "And" => (true, two(&|a, b| truth(a != 0.0 && b != 0.0))?),
            "Or" => (true, two(&|a, b| truth(a != 0.0 || b != 0.0))?),
            "Not" => (true, one(&|a| truth(a == 0.0))?),
            "Neg" => (is_whole, one(&|a| -a)?),
            "Abs" => (is_whole, one(&f64::abs)?),
            "Floor" => (is_whole, one(&f64::floor)?),
            "Ceil" => (is_whole, one(&f64::ceil)?),
            "Where" => {
                let [condition, yes, no] = inputs.as_slice() else {
                    return None;
                };
                let chosen = condition.iter().zip(yes).zip(no);
                let chosen = chosen.map(|((is, yes), no)| if *is == 0.0 { *no } else { *yes });
                (step.given(1)?.numbers.as_ref()?.is_whole, chosen.collect())
            }
            _ => return None,
        };
        Numbers { is_whole, values }.computed()
    }
}

/// What each operator makes of the sizes of its inputs.
#[expect(
    clippy::cast_possible_wrap,
    reason = "sides and ranks are within limits"
)]
mod operator {

    use std::collections::{BTreeMap, BTreeSet};

    use super::fold::{self, Numbers};
    use super::{Fault, Value, WIDTH, count, in_blocks};
    use crate::onnx::proto::{AttributeProto, NodeProto};

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
            let value = self.given(at).ok_or(Fault::SizeMismatch)?;
            Ok(&value.sides)
        }

        fn numbers(&self, at: usize) -> Result<&'a Numbers, Fault> {
            let value = self.given(at).ok_or(Fault::SizeMismatch)?;
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
            self.list(at, name)?.ok_or(Fault::SizeMismatch)
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
        let place = usize::try_from(place).map_err(|_| Fault::SizeMismatch)?;
        (place < rank).then_some(place).ok_or(Fault::SizeMismatch)
    }

    fn side(value: i64) -> Result<u64, Fault> {
        u64::try_from(value).map_err(|_| Fault::SizeMismatch)
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
                    Some(list) => list.first().copied().ok_or(Fault::SizeMismatch)?,
                    None => step.int("k", 0),
                };
                let place = axis(step.int("axis", -1), sides.len())?;
                let wanted = side(k)?;
                let given = sides.get_mut(place).ok_or(Fault::SizeMismatch)?;
                *given = wanted.min(*given);
                return Ok(vec![sides.clone(), sides]);
            }
            "MaxPool" => {
                let sides = pool(step)?;
                return Ok(vec![sides; step.node.output.len().max(1)]);
            }
            "Dropout" if trains(step) => return Err(Fault::Random),
            "BatchNormalization"
                if step.node.output.len() > 1 || step.int("training_mode", 0) != 0 =>
            {
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
            _ if step.node.output.len() > 1 => return Err(Fault::Form),
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
        "Einsum" => Ok(Equation::of(step)?.sides()),
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
            let after = data.get(at + 1..).ok_or(Fault::SizeMismatch)?;
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
                return Err(Fault::SizeMismatch);
            }
            sides.iter().zip(times).map(|(it, times)| Ok(it.saturating_mul(side(times)?))).collect()
        }
        "Pad" => pad(step),
        "Resize" | "Upsample" => resize(step),
        "Range" => range(step),
        "OneHot" => {
            let mut sides = step.sides(0)?.to_vec();
            let depth = step.numbers(1)?.whole().first().copied().ok_or(Fault::SizeMismatch)?;
            let at = axis(step.int("axis", -1), sides.len() + 1)?;
            sides.insert(at, side(depth)?);
            Ok(sides)
        }
        "DepthToSpace" | "SpaceToDepth" => depth_and_space(step),
        "NonZero" | "Compress" | "Unique" | "NonMaxSuppression" => Err(Fault::Depends),
        _ => Err(Fault::Operator),
    }
}

    /// Bytes of an element of what an operator gives, at least.
    pub fn width(step: &Step) -> u64 {
        let of = |at: usize| step.given(at).map_or(WIDTH, |value| value.width);
        let typed = |name: &str| i32::try_from(step.int(name, 0)).map_or(2 * WIDTH, fold::width);
        let tensor = |name: &str| {
            let tensor = step.attribute(name).and_then(|it| it.t.as_ref());
            tensor.map(|it| fold::width(it.data_type))
        };
        match step.operator() {
            "Cast" => typed("to"),
            "EyeLike" if step.attribute("dtype").is_some() => typed("dtype"),
            "Shape" | "Size" | "ArgMax" | "ArgMin" | "TopK" => 2 * WIDTH,
            "Constant" => tensor("value").unwrap_or(2 * WIDTH),
            "ConstantOfShape" => tensor("value").unwrap_or(WIDTH),
            "CastLike" | "Where" => of(1),
            "OneHot" => of(2),
            "Equal" | "Greater" | "Less" | "GreaterOrEqual" | "LessOrEqual"
            | "DequantizeLinear" | "QuantizeLinear" | "IsNaN" | "IsInf" => WIDTH,
            _ => of(0),
        }
    }

    /// Whether channels of what an operator gives may lie in blocks: what a convolution gives, and
    /// what is computed from that place by place.
    pub fn is_blocked(step: &Step) -> bool {
        match step.operator() {
            "Conv" => true,
            "Reshape" | "Flatten" | "Transpose" | "Squeeze" | "Unsqueeze" | "MatMul" | "Gemm"
            | "Einsum" | "Expand" | "Tile" | "Shape" | "Gather" | "GatherND" | "Attention"
            | "LayerNormalization" => false,
            _ => step.inputs().any(|value| value.blocked),
        }
    }

    /// Whether it multiplies its inputs with one another, and weights among them lie in memory
    /// once more, as its products read them.
    pub fn is_product(operator: &str) -> bool {
        matches!(
            operator,
            "MatMul"
                | "Gemm"
                | "Conv"
                | "ConvTranspose"
                | "MatMulInteger"
                | "ConvInteger"
                | "QLinearMatMul"
                | "QLinearConv"
                | "Einsum"
        )
    }

    /// Elements that an operator holds besides its inputs and outputs.
    pub fn scratch(step: &Step, made: &[u64]) -> u64 {
        let sides = |at: usize| step.given(at).map_or(&[][..], |it| &it.sides);
        let given = || {
            let counts = step.inputs().map(|it| count(&it.sides));
            counts.fold(0_u64, u64::saturating_add)
        };
        match step.operator() {
            "Attention" => scores(step, made),
            // Its input, whose channels do not lie in blocks yet.
            "Conv"
                if step
                    .given(0)
                    .is_some_and(|it| !it.blocked && it.sides.get(1) >= Some(&8)) =>
            {
                in_blocks(sides(0))
            }
            // A product for every place of every window, which are then added where they lie.
            "ConvTranspose" => {
                let ([_, channels, ..], [_, kernel @ ..]) = (sides(0), sides(1)) else {
                    return 0;
                };
                let places = count(sides(0)) / channels.max(&1);
                places.saturating_mul(count(kernel))
            }
            // The patches of an image, unfolded into a matrix (im2col).
            "ConvInteger" | "QLinearConv" => {
                let weights = sides(if step.operator() == "ConvInteger" {
                    1
                } else {
                    3
                });
                let places = count(made.get(2..).unwrap_or_default());
                let window = count(weights.get(1..).unwrap_or_default());
                let groups = step.int("group", 1).max(1).unsigned_abs();
                places.saturating_mul(window).saturating_mul(groups)
            }
            // Its inputs and its output in another order, and so what the steps before give.
            "Einsum" => {
                let steps = Equation::of(step).map(|it| it.steps()).unwrap_or_default();
                let before = steps.iter().map(|it| it.0.saturating_mul(3)).rev().skip(1);
                before.fold(given().saturating_add(count(made)), u64::saturating_add)
            }
            _ => 0,
        }
    }

    /// Elements of the table of who attends to whom.
    fn scores(step: &Step, made: &[u64]) -> u64 {
        let key = step.given(1).map_or(&[][..], |it| &it.sides);
        let keys = key.get(key.len().saturating_sub(2)).copied().unwrap_or(1);
        let heads = step.int("q_num_heads", 1).max(1).unsigned_abs();
        let rows = count(&made[..made.len().saturating_sub(1)]);
        rows.saturating_mul(keys).saturating_mul(heads)
    }

    /// Multiply-accumulates.
    pub fn products(step: &Step, made: &[u64]) -> u64 {
        let sides = |at: usize| step.given(at).map_or(&[][..], |it| &it.sides);
        let window = |at: usize| count(sides(at).get(1..).unwrap_or_default());
        let each = |times: u64| count(made).saturating_mul(times);
        match step.operator() {
            "Conv" | "ConvInteger" => each(window(1)),
            "QLinearConv" => each(window(3)),
            "ConvTranspose" => count(sides(0)).saturating_mul(window(1)),
            "MatMul" | "MatMulInteger" | "QLinearMatMul" => {
                each(sides(0).last().copied().unwrap_or(1))
            }
            "Gemm" => {
                let inner = usize::from(step.int("transA", 0) == 0);
                each(sides(0).get(inner).copied().unwrap_or(1))
            }
            "Einsum" => {
                let steps = Equation::of(step).map(|it| it.steps()).unwrap_or_default();
                steps.iter().map(|it| it.1).fold(0, u64::saturating_add)
            }
            "Attention" => {
                let heads = step.int("q_num_heads", 1).max(1).unsigned_abs();
                let width = |sides: &[u64]| sides.last().map_or(1, |width| width / heads);
                let both = width(sides(0)).saturating_add(width(made));
                scores(step, made).saturating_mul(both)
            }
            _ => 0,
        }
    }

    /// How often something is added, multiplied or moved.
    pub fn work(step: &Step, made: &[Sides], products: u64) -> u64 {
        let first = made.first().map_or(0, |it| count(it));
        let times = match step.operator() {
            "MaxPool" | "AveragePool" | "LpPool" => {
                let kernel = step.ints("kernel_shape").unwrap_or_default();
                kernel
                    .iter()
                    .fold(1, |all: u64, side| all.saturating_mul(side.unsigned_abs()))
            }
            "LRN" => step.int("size", 1).unsigned_abs(),
            _ => 1,
        };
        let read = step
            .inputs()
            .fold(0_u64, |sum, it| sum.saturating_add(count(&it.sides)));
        let moved = first.saturating_mul(times.max(1)).saturating_add(read);
        moved.saturating_add(products)
    }

    /// What an Einsum multiplies: the letters of its inputs and of its output, and how long the
    /// side of each is.
    struct Equation {
        given: Vec<Vec<char>>,
        made: Vec<char>,
        lengths: BTreeMap<char, u64>,
    }

    impl Equation {
        /// Without dots for "all other sides".
        fn of(step: &Step) -> Result<Self, Fault> {
            let text = std::str::from_utf8(step.text("equation")).map_err(|_| Fault::Form)?;
            let text: String = text.chars().filter(|it| !it.is_whitespace()).collect();
            let (given, made) = match text.split_once("->") {
                Some((given, made)) => (given, Some(made)),
                None => (text.as_str(), None),
            };
            let is_plain =
                |text: &str| text.chars().all(|it| it.is_ascii_alphabetic() || it == ',');
            if !is_plain(given) || !made.is_none_or(|made| is_plain(made) && !made.contains(',')) {
                return Err(Fault::Form);
            }
            let given: Vec<Vec<char>> = given.split(',').map(|it| it.chars().collect()).collect();
            if given.len() != step.inputs().count() {
                return Err(Fault::SizeMismatch);
            }
            let mut lengths = BTreeMap::new();
            for (letters, value) in given.iter().zip(step.inputs()) {
                if letters.len() != value.sides.len() {
                    return Err(Fault::SizeMismatch);
                }
                for (letter, side) in letters.iter().zip(&value.sides) {
                    let known = lengths.entry(*letter).or_insert(*side);
                    match (*known, *side) {
                        (known, side) if known == side || side == 1 => {}
                        (1, side) => *known = side,
                        _ => return Err(Fault::SizeMismatch),
                    }
                }
            }
            let made: Vec<char> = if let Some(made) = made {
                made.chars().collect()
            } else {
                // Those that are there once, in the order of the alphabet.
                let all = given.iter().flatten();
                let once = |letter: &char| all.clone().filter(|it| *it == letter).count() == 1;
                lengths.keys().copied().filter(once).collect()
            };
            let once = made.iter().collect::<BTreeSet<_>>().len() == made.len();
            if !once || !made.iter().all(|letter| lengths.contains_key(letter)) {
                return Err(Fault::SizeMismatch);
            }
            Ok(Self {
                given,
                made,
                lengths,
            })
        }

        fn sides(&self) -> Sides {
            self.made
                .iter()
                .map(|letter| self.lengths[letter])
                .collect()
        }

        fn size<'a>(&self, letters: impl IntoIterator<Item = &'a char>) -> u64 {
            let letters: BTreeSet<&char> = letters.into_iter().collect();
            letters.into_iter().fold(1, |all: u64, letter| {
                all.saturating_mul(self.lengths[letter])
            })
        }

        /// One input after the other is multiplied with what there is: elements that this gives, and
        /// products.
        fn steps(&self) -> Vec<(u64, u64)> {
            let mut have = self.given[0].clone();
            let mut steps = Vec::new();
            for at in 1..self.given.len().max(2) {
                let other = self.given.get(at).map_or(&[][..], Vec::as_slice);
                have.extend(other);
                let products = self.size(&have);
                let later: Vec<&char> = self.given.iter().skip(at + 1).flatten().collect();
                have.retain(|letter| later.contains(&letter) || self.made.contains(letter));
                steps.push((self.size(&have), products));
            }
            steps
        }
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
                    _ => Err(Fault::SizeMismatch),
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
            return Err(Fault::SizeMismatch);
        }
        let (strides, gaps) = (
            step.spatial("strides", rank, 1),
            step.spatial("dilations", rank, 1),
        );
        if kernel.contains(&0) || strides.contains(&0) || gaps.contains(&0) {
            return Err(Fault::Form);
        }
        let pads = match step.text("auto_pad") {
            b"VALID" => vec![0; 2 * rank],
            _ => step.spatial("pads", 2 * rank, 0),
        };
        let same = step.text("auto_pad").starts_with(b"SAME");
        let ceil = step.int("ceil_mode", 0) != 0;
        let sides = (0..rank).map(|at| {
            let stride = side(strides[at])?;
            if same {
                return Ok(given[at].div_ceil(stride));
            }
            let reach = kernel[at]
                .saturating_sub(1)
                .saturating_mul(side(gaps[at])?)
                .saturating_add(1);
            let (before, after) = (side(pads[at])?, side(pads[at + rank])?);
            let padded = given[at].saturating_add(before).saturating_add(after);
            let room = padded.checked_sub(reach).ok_or(Fault::SizeMismatch)?;
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
            return Err(Fault::SizeMismatch);
        };
        if side(step.int("group", 1))?.saturating_mul(*each) != *channels {
            return Err(Fault::SizeMismatch);
        }
        Ok([&[*images, *made][..], &places(step, given, kernel)?].concat())
    }

    fn pool(step: &Step) -> Result<Sides, Fault> {
        let [images, channels, given @ ..] = step.sides(0)? else {
            return Err(Fault::SizeMismatch);
        };
        let kernel = step.ints("kernel_shape").unwrap_or_default();
        let kernel: Sides = kernel
            .iter()
            .map(|it| side(*it))
            .collect::<Result<_, _>>()?;
        Ok([&[*images, *channels][..], &places(step, given, &kernel)?].concat())
    }

    fn conv_transpose(step: &Step) -> Result<Sides, Fault> {
        let ([images, _, given @ ..], [_, each, kernel @ ..]) = (step.sides(0)?, step.sides(1)?)
        else {
            return Err(Fault::SizeMismatch);
        };
        let rank = given.len();
        if rank != kernel.len() {
            return Err(Fault::SizeMismatch);
        }
        let strides = step.spatial("strides", rank, 1);
        let gaps = step.spatial("dilations", rank, 1);
        let pads = step.spatial("pads", 2 * rank, 0);
        let more = step.spatial("output_padding", rank, 0);
        let mut sides = vec![*images, each.saturating_mul(side(step.int("group", 1))?)];
        let wanted = step.ints("output_shape").unwrap_or_default();
        for at in 0..rank {
            // What is requested may be the whole shape or its last sides.
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
            return Err(Fault::SizeMismatch);
        };
        if inner != length {
            return Err(Fault::SizeMismatch);
        }
        let mut sides = broadcast(more, others)?;
        sides.extend((!first_row).then_some(*rows));
        sides.extend((!second_column).then_some(*columns));
        Ok(sides)
    }

    fn gemm(step: &Step) -> Result<Sides, Fault> {
        let ([a, b], [c, d]) = (step.sides(0)?, step.sides(1)?) else {
            return Err(Fault::SizeMismatch);
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
            return Err(Fault::SizeMismatch);
        }
        Ok(vec![*rows, *columns])
    }

    fn attention(step: &Step) -> Result<Sides, Fault> {
        match (step.sides(0)?, step.sides(2)?) {
            ([images, heads, rows, _], [.., width]) => Ok(vec![*images, *heads, *rows, *width]),
            ([images, rows, _], [_, _, width]) => {
                let heads = side(step.int("q_num_heads", 1))?;
                let each = width / side(step.int("kv_num_heads", 1))?.max(1);
                Ok(vec![*images, *rows, each.saturating_mul(heads)])
            }
            _ => Err(Fault::SizeMismatch),
        }
    }

    fn constant(step: &Step) -> Result<Sides, Fault> {
        let attribute = step.node.attribute.first().ok_or(Fault::SizeMismatch)?;
        match attribute.name.as_str() {
            "value" => {
                let tensor = attribute.t.as_ref().ok_or(Fault::SizeMismatch)?;
                tensor.dims.iter().map(|it| side(*it)).collect()
            }
            "value_ints" => Ok(vec![attribute.ints.len() as u64]),
            "value_floats" => Ok(vec![attribute.floats.len() as u64]),
            "value_int" | "value_float" => Ok(Vec::new()),
            _ => Err(Fault::Form),
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
                -1 if open.is_some() => return Err(Fault::SizeMismatch),
                -1 => {
                    open = Some(at);
                    1
                }
                0 if !zero_is_zero => *given.get(at).ok_or(Fault::SizeMismatch)?,
                wanted => side(wanted)?,
            });
        }
        let all = count(given);
        if let Some(open) = open {
            sides[open] = all.checked_div(count(&sides)).unwrap_or(0);
        }
        (count(&sides) == all)
            .then_some(sides)
            .ok_or(Fault::SizeMismatch)
    }

    fn flatten(step: &Step) -> Result<Sides, Fault> {
        let given = step.sides(0)?;
        let at = step.int("axis", 1);
        let at = if at < 0 {
            at.saturating_add(signed(given.len() as u64))
        } else {
            at
        };
        let at = usize::try_from(at).map_err(|_| Fault::SizeMismatch)?;
        let (before, after) = given.split_at_checked(at).ok_or(Fault::SizeMismatch)?;
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
        whole.then_some(order).ok_or(Fault::SizeMismatch)
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
                (true, _) => return Err(Fault::SizeMismatch),
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
                return Err(Fault::SizeMismatch);
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
                return Err(Fault::SizeMismatch);
            }
            sides[at] = sides[at].saturating_add(value.sides[at]);
        }
        Ok(sides)
    }

    fn split(step: &Step) -> Result<Vec<Sides>, Fault> {
        let given = step.sides(0)?;
        let parts = step.node.output.len() as u64;
        let at = axis(step.int("axis", 0), given.len())?;
        let whole = *given.get(at).ok_or(Fault::SizeMismatch)?;
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
            return Err(Fault::SizeMismatch);
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
            return Err(Fault::SizeMismatch);
        }
        let mut slices: Vec<(i64, i64, u64)> = given.iter().map(|side| (0, 1, *side)).collect();
        for (at, place) in axes.into_iter().enumerate() {
            let place = axis(place, given.len())?;
            let length = signed(*given.get(place).ok_or(Fault::SizeMismatch)?);
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
                0 => return Err(Fault::SizeMismatch),
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
        let shared = usize::try_from(step.int("batch_dims", 0)).map_err(|_| Fault::SizeMismatch)?;
        let (deep, before) = indices.split_last().ok_or(Fault::SizeMismatch)?;
        let deep = usize::try_from(*deep).map_err(|_| Fault::SizeMismatch)?;
        let from = shared.checked_add(deep).ok_or(Fault::SizeMismatch)?;
        let after = data.get(from..).ok_or(Fault::SizeMismatch)?;
        Ok([before, after].concat())
    }

    fn pad(step: &Step) -> Result<Sides, Fault> {
        let mut sides = step.sides(0)?.to_vec();
        let pads = step.demanded(1, "pads")?;
        let axes = step.list(3, "")?;
        let axes = axes.unwrap_or_else(|| (0..sides.len() as i64).collect());
        if pads.len() != 2 * axes.len() {
            return Err(Fault::SizeMismatch);
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
            return Err(Fault::Form);
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
        #[expect(clippy::single_match_else, reason = "both arms give scales")]
        let scales = match [2, 1].iter().find(|at| is_there(at)) {
            Some(at) => step.numbers(*at)?.values.clone(),
            None => {
                let scales = step.attribute("scales").ok_or(Fault::SizeMismatch)?;
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
            values.first().copied().ok_or(Fault::SizeMismatch)
        };
        let (start, end, by) = (number(0)?, number(1)?, number(2)?);
        let length = ((end - start) / by).ceil();
        if by == 0.0 || length.is_nan() {
            return Err(Fault::SizeMismatch);
        }
        Ok(vec![length.max(0.0) as u64])
    }

    fn depth_and_space(step: &Step) -> Result<Sides, Fault> {
        let [images, channels, height, width] = *step.sides(0)? else {
            return Err(Fault::SizeMismatch);
        };
        let block = side(step.int("blocksize", 0))?;
        let area = block
            .checked_mul(block)
            .filter(|area| *area > 0)
            .ok_or(Fault::SizeMismatch)?;
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
}
