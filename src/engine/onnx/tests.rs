use prost::Message;

use super::*;
use crate::onnx::proto::{
    AttributeProto, Dimension, Extent, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorType, TypeProto, ValueInfoProto, attribute_type,
    data_type,
};

fn value(name: &str, sides: &[Option<i64>]) -> ValueInfoProto {
    let dim = sides.iter().map(|side| Dimension {
        value: Some(side.map_or(Extent::Name("batch".to_owned()), Extent::Value)),
    });
    ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(TypeProto {
            tensor_type: Some(TensorType {
                elem_type: data_type::FLOAT,
                shape: Some(TensorShapeProto { dim: dim.collect() }),
            }),
        }),
    }
}

fn node(op_type: &str, input: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        name: format!("/{op_type}"),
        op_type: op_type.to_owned(),
        input: input.iter().map(ToString::to_string).collect(),
        output: vec![output.to_owned()],
        attribute,
        ..NodeProto::default()
    }
}

fn weights(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: dims.to_vec(),
        data_type: data_type::FLOAT,
        float_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// The mean of each colour, times a matrix: row k of it makes class k.
fn classifier(batch: Option<i64>, last: Option<&str>, channels_last: bool) -> Vec<u8> {
    let mut nodes = Vec::new();
    let mut images = "images";
    if channels_last {
        let perm = AttributeProto {
            name: "perm".to_owned(),
            r#type: attribute_type::INTS,
            ints: vec![0, 3, 1, 2],
            ..AttributeProto::default()
        };
        nodes.push(node("Transpose", &["images"], "planes", vec![perm]));
        images = "planes";
    }
    nodes.push(node("GlobalAveragePool", &[images], "means", Vec::new()));
    nodes.push(node("Flatten", &["means"], "features", Vec::new()));
    let transposed = AttributeProto {
        name: "transB".to_owned(),
        r#type: attribute_type::INT,
        i: 1,
        ..AttributeProto::default()
    };
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
    let model = ModelProto {
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
        }),
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

fn opened(bytes: &[u8]) -> OnnxFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teacher.onnx");
    std::fs::write(&path, bytes).unwrap();
    OnnxFile::open(&path).unwrap()
}

fn model(bytes: &[u8], scores: Scores, taken: Option<Vec<usize>>) -> OnnxModel {
    let answers = Answers {
        output: "logits".to_owned(),
        scores,
        taken,
    };
    OnnxModel::new(opened(bytes), answers).unwrap()
}

/// Three images of 2 × 2 pixels: red, then green, then a little of everything.
const IMAGES: [f32; 36] = [
    1., 1., 1., 1., 0., 0., 0., 0., 0., 0., 0., 0., //
    0., 0., 0., 0., 2., 2., 2., 2., 0., 0., 0., 0., //
    0., 0., 0., 4., 1., 1., 1., 1., 3., 3., 3., 3.,
];

const LOGITS: [f32; 12] = [1., 0., 0., 1., 0., 2., 0., 2., 1., 1., 3., 5.];

#[test]
fn logits_are_those_of_the_graph_however_many_images_it_takes_at_once() {
    for batch in [None, Some(1), Some(2), Some(7)] {
        let model = model(&classifier(batch, None, false), Scores::Logits, None);
        assert_eq!(
            model.logits(&IMAGES, [3, 2, 2]).unwrap(),
            LOGITS,
            "{batch:?}"
        );
    }
}

#[test]
fn images_are_handed_over_in_the_order_of_the_input() {
    let model = model(&classifier(None, None, true), Scores::Logits, None);
    assert_eq!(model.input().order, PixelOrder::ChannelsLast);
    assert_eq!(model.logits(&IMAGES, [3, 2, 2]).unwrap(), LOGITS);
}

#[test]
fn outputs_are_taken_in_the_order_of_the_data_s_classes() {
    let model = model(
        &classifier(None, None, false),
        Scores::Logits,
        Some(vec![3, 1]),
    );
    let rows = model.logits(&IMAGES, [3, 2, 2]).unwrap();
    assert_eq!(rows, [1., 0., 2., 2., 5., 1.]);
}

#[test]
fn logarithms_of_probabilities_have_the_same_softmax() {
    let bytes = classifier(None, Some("Softmax"), false);
    assert!(opened(&bytes).score_output(None).unwrap().probabilities);
    let model = model(&bytes, Scores::Probabilities, None);
    let rows = model.logits(&IMAGES, [3, 2, 2]).unwrap();
    for (row, logits) in rows.chunks(4).zip(LOGITS.chunks(4)) {
        let shift = row[0] - logits[0];
        for (found, logit) in row.iter().zip(logits) {
            assert!((found - logit - shift).abs() < 1e-5, "{row:?} {logits:?}");
        }
    }
}

#[test]
fn products_are_counted_for_one_image() {
    for batch in [None, Some(2)] {
        let file = opened(&classifier(batch, None, false));
        let input = file.image_input().unwrap();
        assert_eq!(macs(file, &input, (2, 2)).unwrap(), Some(12));
    }
}

#[test]
fn the_engine_s_name_is_the_version_that_is_built_in() {
    let lock = include_str!("../../../Cargo.lock");
    let at = lock.find("name = \"rten\"\nversion = \"").unwrap();
    let version = lock[at..].split('"').nth(3).unwrap();
    assert!(version.starts_with(super::rten::NAME.trim_start_matches("rten ")));
}
