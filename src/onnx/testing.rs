//! Small files for tests.

use prost::Message;

use super::proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    ValueInfoProto, data_type,
};
use super::write::{self, Element, Side, setting, settings};

/// A value of 32-bit floats; sides without a length are called `batch`.
pub fn value(name: &str, sides: &[Option<i64>]) -> ValueInfoProto {
    let sides = sides.iter().map(|side| match side {
        Some(length) => Side::Fixed(usize::try_from(*length).unwrap()),
        None => Side::Named("batch"),
    });
    write::value(name, Element::Float, &sides.collect::<Vec<_>>())
}

pub fn node(
    op_type: &str,
    input: &[&str],
    output: &str,
    attribute: Vec<AttributeProto>,
) -> NodeProto {
    NodeProto {
        name: format!("/{op_type}"),
        op_type: op_type.to_owned(),
        input: input.iter().map(ToString::to_string).collect(),
        output: vec![output.to_owned()],
        attribute,
        ..NodeProto::default()
    }
}

pub fn weights(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: data_type::FLOAT,
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// The mean of each colour, times a matrix: row k of it makes class k.
pub fn model(batch: Option<i64>, last: Option<&str>, channels_last: bool) -> ModelProto {
    let mut nodes = Vec::new();
    let mut images = "images";
    if channels_last {
        let perm = settings("perm", &[0, 3, 1, 2]);
        nodes.push(node("Transpose", &["images"], "planes", vec![perm]));
        images = "planes";
    }
    nodes.push(node("GlobalAveragePool", &[images], "means", Vec::new()));
    nodes.push(node("Flatten", &["means"], "features", Vec::new()));
    let transposed = setting("transB", 1);
    let scores = if last.is_some() { "scores" } else { "logits" };
    nodes.push(node(
        "Gemm",
        &["features", "fc.weight"],
        scores,
        vec![transposed],
    ));
    if let Some(last) = last {
        nodes.push(node(last, &["scores"], "logits", Vec::new()));
    }
    let shape = if channels_last {
        [batch, Some(2), Some(2), Some(3)]
    } else {
        [batch, Some(3), Some(2), Some(2)]
    };
    ModelProto {
        ir_version: 8,
        opset_import: vec![OperatorSetIdProto {
            version: 18,
            ..OperatorSetIdProto::default()
        }],
        graph: Some(GraphProto {
            name: "main".to_owned(),
            node: nodes,
            initializer: vec![weights(
                "fc.weight",
                &[4, 3],
                &[1., 0., 0., 0., 1., 0., 0., 0., 1., 1., 1., 1.],
            )],
            input: vec![value("images", &shape)],
            output: vec![value("logits", &[batch, Some(4)])],
            ..GraphProto::default()
        }),
        ..ModelProto::default()
    }
}

/// The same as a file.
pub fn classifier(batch: Option<i64>, last: Option<&str>, channels_last: bool) -> Vec<u8> {
    model(batch, last, channels_last).encode_to_vec()
}
