//! Files of our own: a graph put together node by node, and written with the same
//! bytes each time.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message;

use super::proto::{
    AttributeProto, Dimension, Extent, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorType, TypeProto, ValueInfoProto,
    attribute_type, data_type,
};

/// Version of the format, and of its operators: what every engine of the last two
/// years reads.
const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 18;

/// What the file says wrote it.
const PRODUCER: &str = env!("CARGO_PKG_NAME");

/// Types of the elements of inputs, outputs and constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floats.
    Float,
    /// Bytes.
    Uint8,
    /// 8-bit integers with a sign.
    Int8,
    /// 32-bit integers.
    Int32,
    /// 16-bit floats.
    Float16,
}

impl Element {
    fn code(self) -> i32 {
        match self {
            Self::Float => data_type::FLOAT,
            Self::Uint8 => data_type::UINT8,
            Self::Int8 => data_type::INT8,
            Self::Int32 => data_type::INT32,
            Self::Float16 => data_type::FLOAT16,
        }
    }
}

/// How long a side of an input or output is.
#[derive(Debug, Clone, Copy)]
pub enum Side {
    /// Always as long.
    Fixed(usize),
    /// As long as all others of this name.
    Named(&'static str),
}

/// A graph that is being put together. Nodes are added in the order in which they
/// are computed.
#[derive(Debug, Default)]
pub struct GraphWriter {
    graph: GraphProto,
    /// Names of constants that are there already.
    constants: BTreeSet<String>,
}

impl GraphWriter {
    /// A graph with this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            graph: GraphProto {
                name: name.to_owned(),
                ..GraphProto::default()
            },
            ..Self::default()
        }
    }

    /// Adds an input.
    pub fn input(&mut self, name: &str, element: Element, sides: &[Side]) {
        self.graph.input.push(value(name, element, sides));
    }

    /// Adds an output, which a node gives.
    pub fn output(&mut self, name: &str, element: Element, sides: &[Side]) {
        self.graph.output.push(value(name, element, sides));
    }

    /// Adds 32-bit floats, row by row; those that are there already stay.
    pub fn floats(&mut self, name: &str, sides: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constant(name, sides, Element::Float, bytes.collect());
    }

    /// Adds a list of whole numbers; one that is there already stays.
    pub fn integers(&mut self, name: &str, values: &[usize]) {
        let bytes = values.iter().flat_map(|value| int(*value).to_le_bytes());
        self.initializer(name, &[values.len()], data_type::INT64, bytes.collect());
    }

    /// Adds values as their bytes, little endian, row by row; those that are there
    /// already stay.
    pub fn constant(&mut self, name: &str, sides: &[usize], element: Element, bytes: Vec<u8>) {
        self.initializer(name, sides, element.code(), bytes);
    }

    fn initializer(&mut self, name: &str, sides: &[usize], data_type: i32, bytes: Vec<u8>) {
        if self.constants.insert(name.to_owned()) {
            self.graph.initializer.push(TensorProto {
                name: name.to_owned(),
                dims: sides.iter().copied().map(int).collect(),
                data_type,
                raw_data: Bytes::from(bytes),
                ..TensorProto::default()
            });
        }
    }

    /// Adds a node that gives one value.
    pub fn node(
        &mut self,
        (name, operator): (&str, &str),
        inputs: Vec<String>,
        output: &str,
        attributes: Vec<AttributeProto>,
    ) {
        self.graph.node.push(NodeProto {
            input: inputs,
            output: vec![output.to_owned()],
            name: name.to_owned(),
            op_type: operator.to_owned(),
            attribute: attributes,
            ..NodeProto::default()
        });
    }

    /// The file, with named texts.
    #[must_use]
    pub fn into_bytes(self, texts: &BTreeMap<String, String>) -> Vec<u8> {
        let entry = |(key, value): (&String, &String)| StringStringEntryProto {
            key: key.clone(),
            value: value.clone(),
        };
        ModelProto {
            ir_version: IR_VERSION,
            producer_name: PRODUCER.to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto {
                domain: String::new(),
                version: OPERATORS,
            }],
            metadata_props: texts.iter().map(entry).collect(),
            ..ModelProto::default()
        }
        .encode_to_vec()
    }
}

/// A whole number as a setting of a node.
#[must_use]
pub fn setting(name: &str, value: usize) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: int(value),
        r#type: attribute_type::INT,
        ..AttributeProto::default()
    }
}

/// The type that a cast gives, as its setting.
#[must_use]
pub fn cast_to(element: Element) -> AttributeProto {
    setting("to", element.code() as usize)
}

/// Whole numbers as a setting of a node.
#[must_use]
pub fn settings(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        ints: values.iter().copied().map(int).collect(),
        r#type: attribute_type::INTS,
        ..AttributeProto::default()
    }
}

/// A number as a setting of a node.
#[must_use]
pub fn number_setting(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        f: value,
        r#type: attribute_type::FLOAT,
        ..AttributeProto::default()
    }
}

pub(super) fn value(name: &str, element: Element, sides: &[Side]) -> ValueInfoProto {
    let dim = sides.iter().map(|side| Dimension {
        value: Some(match side {
            Side::Fixed(length) => Extent::Value(int(*length)),
            Side::Named(name) => Extent::Name((*name).to_owned()),
        }),
    });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorType {
                elem_type: element.code(),
                shape: Some(TensorShapeProto { dim: dim.collect() }),
            }),
        }),
    }
}

/// The format wants signed sizes.
fn int(size: usize) -> i64 {
    i64::try_from(size).expect("sizes of tensors fit in memory")
}
