//! How large weights are by what a file declares, and settings that no network has: windows, steps
//! and paddings beyond any image.

use std::collections::BTreeMap;

use super::proto::{AttributeProto, GraphProto, NodeProto, TensorProto, data_type};

/// Longest padding and largest step, pixels.
const MOST_PIXELS: u64 = 1 << 16;

/// Numbers in a constant that is a list of sides.
const MOST_SIDES: usize = 16;

/// A node that asks for more than any network needs, if there is one, and what
/// for.
pub fn excess(graph: &GraphProto) -> Option<(&NodeProto, String)> {
    let constants = constants(graph);
    graph.node.iter().find_map(|node| {
        let mut inside = node.attribute.iter().flat_map(AttributeProto::graphs);
        let deeper = inside.find_map(excess);
        deeper.or_else(|| Some((node, of_node(&constants, node)?)))
    })
}

fn of_node(constants: &BTreeMap<&str, Vec<i64>>, node: &NodeProto) -> Option<String> {
    let sizes = |input: usize| constants.get(node.input.get(input)?.as_str());
    let pads = (node.op_type == "Pad").then(|| sizes(1)).flatten();
    let settings = node.attribute.iter().filter(|it| {
        matches!(
            it.name.as_str(),
            "pads" | "strides" | "dilations" | "kernel_shape" | "output_shape"
        )
    });
    settings
        .map(|it| (it.name.as_str(), &it.ints))
        .chain(pads.map(|pads| ("pads", pads)))
        .find(|(_, values)| {
            values
                .iter()
                .any(|value| value.unsigned_abs() > MOST_PIXELS)
        })
        .map(|(name, values)| format!("{name} of {values:?}"))
}

/// Number of elements of a tensor with these sides, where −1 and 0 stand for what
/// follows from others; none if it is more than can be counted.
pub fn elements(sides: &[i64]) -> Option<u64> {
    sides.iter().try_fold(1_u64, |product, side| {
        product.checked_mul(side.unsigned_abs().max(1))
    })
}

/// Bytes of weights by their declared size.
pub fn weight_bytes(tensor: &TensorProto) -> Option<u64> {
    if tensor.dims.contains(&0) {
        return Some(0);
    }
    elements(&tensor.dims)?.checked_mul(width(tensor.data_type)?)
}

/// Bytes of an element; half ones count as one.
pub fn width(data_type: i32) -> Option<u64> {
    Some(match data_type {
        data_type::FLOAT | data_type::INT32 | 12 => 4,
        data_type::UINT8 | data_type::INT8 | 8 | 9 | 17..=24 => 1,
        4 | 5 | data_type::FLOAT16 | 16 => 2,
        data_type::INT64 | 11 | 13 | 14 => 8,
        15 => 16,
        _ => return None,
    })
}

/// Short lists of whole numbers that the graph holds as constants, by name.
fn constants(graph: &GraphProto) -> BTreeMap<&str, Vec<i64>> {
    let weights = graph.initializer.iter();
    let weights = weights.filter_map(|tensor| Some((tensor.name.as_str(), numbers(tensor)?)));
    let nodes = graph.node.iter().filter(|node| node.op_type == "Constant");
    let nodes = nodes.filter_map(|node| {
        let value = node.attribute.first()?;
        let numbers = match &value.t {
            Some(tensor) => numbers(tensor)?,
            None => value.ints.clone(),
        };
        Some((node.output.first()?.as_str(), numbers))
    });
    weights.chain(nodes).collect()
}

fn numbers(tensor: &TensorProto) -> Option<Vec<i64>> {
    let short = tensor.int64_data.len().max(tensor.raw_data.len() / 8) <= MOST_SIDES;
    if tensor.data_type != data_type::INT64 || !short {
        return None;
    }
    if !tensor.int64_data.is_empty() {
        return Some(tensor.int64_data.clone());
    }
    let bytes = tensor.raw_data.chunks_exact(8);
    let bytes = bytes.filter_map(|bytes| bytes.try_into().ok());
    Some(bytes.map(i64::from_le_bytes).collect())
}
