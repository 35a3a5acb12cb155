//! The sizes of every value of a graph for images of one size, followed from node to
//! node, and what they take. Nothing is run: of values only the short lists of numbers
//! are known that sizes are computed from.
//!
//! An operator without a rule here is refused, as is one whose output is as large as
//! the values in an image say.

use std::collections::{BTreeMap, BTreeSet};

use super::fold::{self, Numbers};
use super::operator::{self, Step};
use super::proto::{AttributeProto, GraphProto, NodeProto};

/// Memory that a network's values take at once, at most, bytes.
pub const MOST_MEMORY: u64 = 2 << 30;

/// Products and elements that are computed at once, at most: a minute's, and more than
/// the largest vision transformers have for an image.
const MOST_WORK: u64 = 1 << 42;

/// Bytes of an element.
const WIDTH: u64 = 4;

/// Most sides of a value.
const MOST_SIDES: usize = 16;

/// What is known of a value.
#[derive(Debug, Clone, Default)]
pub struct Value {
    /// Its sides.
    pub sides: Vec<u64>,
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
    /// How often something is repeated is only known in a run.
    Loop,
    /// The answers differ from run to run.
    Random,
    /// The size depends on values that only a run has.
    Depends,
    /// The inputs do not fit together.
    Misfit,
    /// All values that are there at once take this many bytes.
    Memory(u64),
    /// It takes this many steps.
    Work(u64),
}

/// Bytes that the values take at once when images of this shape are given, or the node
/// that makes this impossible.
///
/// # Errors
/// The node, and why.
pub fn weigh<'a>(
    graph: &'a GraphProto,
    input: &'a str,
    shape: [u64; 4],
) -> Result<u64, (&'a NodeProto, Fault)> {
    let mut walk = Walk {
        input,
        values: BTreeMap::new(),
        bytes: 0,
        most: 0,
        work: 0,
    };
    let images = Value {
        sides: shape.to_vec(),
        ..Value::default()
    };
    walk.bytes = bytes(&images.sides);
    walk.values.insert(input, images);
    walk.graph(graph)?;
    Ok(walk.most)
}

struct Walk<'a> {
    /// The images, which only the outermost graph has.
    input: &'a str,
    values: BTreeMap<&'a str, Value>,
    /// What is there now, bytes.
    bytes: u64,
    /// The most that was, bytes.
    most: u64,
    work: u64,
}

impl<'a> Walk<'a> {
    fn graph(&mut self, graph: &'a GraphProto) -> Result<(), (&'a NodeProto, Fault)> {
        for tensor in &graph.initializer {
            let value = fold::constant(tensor);
            self.values.insert(&tensor.name, value);
        }
        let mut last = BTreeMap::new();
        for (at, node) in graph.node.iter().enumerate() {
            last.extend(used(node).into_iter().map(|name| (name, at)));
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

    fn node(&mut self, node: &'a NodeProto) -> Result<(), (&'a NodeProto, Fault)> {
        if node.op_type == "If" {
            return self.branches(node);
        }
        let inputs = node.input.iter().map(|name| self.values.get(name.as_str()));
        let step = Step::new(node, inputs.collect());
        let fault = |fault| (node, fault);
        let found = operator::outputs(&step).map_err(fault)?;
        let constant = step.is_constant();
        let first = found.first().map(Vec::as_slice).unwrap_or_default();
        let numbers = fold::fold(&step, first);
        let extra = operator::scratch(&step, first).saturating_mul(WIDTH);
        let work = operator::work(&step, &found);
        self.work = self.work.saturating_add(work);
        let all = found
            .iter()
            .fold(0_u64, |sum, it| sum.saturating_add(bytes(it)));
        self.bytes = self.bytes.saturating_add(all);
        self.most = self.most.max(self.bytes.saturating_add(extra));
        if self.most > MOST_MEMORY {
            return Err(fault(Fault::Memory(self.most)));
        }
        if self.work > MOST_WORK {
            return Err(fault(Fault::Work(self.work)));
        }
        if found.iter().any(|sides| sides.len() > MOST_SIDES) {
            return Err(fault(Fault::Misfit));
        }
        let mut numbers = Some(numbers);
        for (name, sides) in node.output.iter().zip(found) {
            let value = Value {
                sides,
                numbers: numbers.take().flatten(),
                constant,
            };
            self.values.insert(name, value);
        }
        Ok(())
    }

    /// The branch that is taken where this is known, and else both: what they give must
    /// be of the same sizes.
    fn branches(&mut self, node: &'a NodeProto) -> Result<(), (&'a NodeProto, Fault)> {
        let branch = |name: &str| {
            let mut attributes = node.attribute.iter();
            let found = attributes.find(|it| it.name == name);
            found
                .and_then(|it| it.g.as_ref())
                .ok_or((node, Fault::Misfit))
        };
        let (yes, no) = (branch("then_branch")?, branch("else_branch")?);
        let condition = node
            .input
            .first()
            .and_then(|it| self.values.get(it.as_str()));
        let known = condition.and_then(|it| it.numbers.as_ref()?.values.first().copied());
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
                    return Err((node, Fault::Depends));
                }
                outputs.iter_mut().for_each(|it| it.numbers = None);
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
        let Some(value) = self.values.get(name) else {
            return;
        };
        // Weights were not counted; what is made of them alone stays.
        if !value.constant {
            self.bytes = self.bytes.saturating_sub(bytes(&value.sides));
            self.values.remove(name);
        }
    }
}

/// The values that a node takes, in its graphs too.
fn used(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).collect();
    for graph in node.attribute.iter().flat_map(AttributeProto::graphs) {
        names.extend(graph.node.iter().flat_map(used));
        names.extend(graph.output.iter().map(|it| it.name.as_str()));
    }
    names
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

fn bytes(sides: &[u64]) -> u64 {
    count(sides).saturating_mul(WIDTH)
}
