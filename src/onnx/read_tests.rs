use std::fs;

use prost::Message;

use super::*;
use crate::onnx::proto::{FunctionProto, StringStringEntryProto};
use crate::onnx::testing::{classifier, model, node, value, weights};

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self, bytes: &[u8]) -> Result<OnnxFile, OnnxError> {
        let path = self.0.path().join("teacher.onnx");
        fs::write(&path, bytes).unwrap();
        OnnxFile::open(&path)
    }

    fn refused(&self, bytes: &[u8]) -> String {
        self.open(bytes).err().unwrap().to_string()
    }

    fn refused_model(&self, change: impl FnOnce(&mut ModelProto)) -> String {
        let mut model = model(None, None, false);
        change(&mut model);
        self.refused(&model.encode_to_vec())
    }

    fn refused_graph(&self, change: impl FnOnce(&mut GraphProto)) -> String {
        self.refused_model(|model| change(model.graph.as_mut().unwrap()))
    }
}

#[test]
fn a_classifier_is_described() {
    let place = Place::new();
    let file = place.open(&classifier(Some(2), None, false)).unwrap();
    let input = ImageInput {
        name: "images".to_owned(),
        batch: Some(2),
        size: Some((2, 2)),
        order: PixelOrder::ChannelsFirst,
    };
    assert_eq!(file.image_input().unwrap(), input);
    let output = ScoreOutput {
        name: "logits".to_owned(),
        classes: Some(4),
        probabilities: false,
    };
    assert_eq!(file.score_output(None).unwrap(), output);
    assert_eq!((file.parameters(), file.weight_bytes()), (12, 48));
}

#[test]
fn what_is_cut_or_something_else_is_told() {
    let place = Place::new();
    let bytes = classifier(None, None, false);
    for end in 0..bytes.len() {
        if let Err(error) = place.open(&bytes[..end]) {
            assert!(error.to_string().contains("teacher.onnx"), "{error}");
        }
    }
    for foreign in [
        &b"\x80\x02}q\x00."[..],
        b"PK\x03\x04",
        b"<!DOCTYPE html>",
        b"version https://git-lfs.github.com/spec/v1",
        b"",
        &[0; 4096],
        &[0x0a; 4096],
    ] {
        let error = place.refused(foreign);
        assert!(error.contains("is not an ONNX file"), "{error}");
    }
}

#[test]
fn weights_must_be_as_many_as_they_are_said_to_be() {
    let place = Place::new();
    for dims in [
        vec![4, 4],
        vec![1 << 40, 1 << 40],
        vec![i64::MAX],
        vec![-4, -3],
        vec![i64::MIN],
    ] {
        let error = place.refused_graph(|graph| graph.initializer[0].dims.clone_from(&dims));
        assert!(
            error.contains("the weights `fc.weight`"),
            "{dims:?}: {error}"
        );
    }
    let error = place.refused_graph(|graph| graph.initializer[0].data_type = 99);
    assert!(error.contains("unknown type"), "{error}");
}

#[test]
fn a_cycle_and_a_value_from_nowhere_are_named() {
    let place = Place::new();
    let error = place.refused_graph(|graph| graph.node[0].input[0] = "logits".to_owned());
    assert!(
        error.contains("uses `logits` before anything gives it: a cycle"),
        "{error}"
    );
    let error = place.refused_graph(|graph| graph.output[0].name = "scores".to_owned());
    assert!(
        error.contains("nothing gives its output `scores`"),
        "{error}"
    );
}

#[test]
fn operators_that_are_not_the_format_s_own_are_named() {
    let place = Place::new();
    let error = place.refused_graph(|graph| graph.node[0].domain = "com.acme".to_owned());
    assert!(
        error.contains("needs the operator com.acme.GlobalAveragePool"),
        "{error}"
    );
    let error = place.refused_model(|model| model.functions.push(FunctionProto::default()));
    assert!(error.contains("defines an operator of its own"), "{error}");
}

#[test]
fn what_would_fill_the_memory_is_refused_before_it_does() {
    let place = Place::new();
    let sizes = |graph: &mut GraphProto, sizes: &[i64]| {
        graph.initializer.push(TensorProto {
            name: "sizes".to_owned(),
            dims: vec![i64::try_from(sizes.len()).unwrap()],
            data_type: data_type::INT64,
            int64_data: sizes.to_vec(),
            ..TensorProto::default()
        });
    };
    let error = place.refused_graph(|graph| {
        sizes(graph, &[1 << 20, 1 << 20]);
        graph
            .node
            .insert(0, node("ConstantOfShape", &["sizes"], "filled", Vec::new()));
    });
    assert!(
        error.contains("asks for a tensor of [1048576, 1048576]"),
        "{error}"
    );
    let error = place.refused_graph(|graph| {
        sizes(graph, &[0, 0, 1 << 40, 0, 0, 0, 0, 0]);
        graph
            .node
            .insert(0, node("Pad", &["images", "sizes"], "padded", Vec::new()));
    });
    assert!(error.contains("asks for pads"), "{error}");
    // A megabyte of nodes would take half a gigabyte.
    let error = place.refused_graph(|graph| {
        graph.node.extend(vec![NodeProto::default(); 1 << 20]);
    });
    assert!(
        error.contains("bytes of memory besides its weights"),
        "{error}"
    );
}

#[test]
fn weights_beside_a_file_lie_in_its_folder_and_are_all_there() {
    let place = Place::new();
    let with = |location: &str, offset: &str| {
        let entry = |key: &str, value: &str| StringStringEntryProto {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let mut model = model(None, None, false);
        let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
        tensor.float_data.clear();
        tensor.data_location = EXTERNAL;
        tensor.external_data = vec![
            entry("location", location),
            entry("offset", offset),
            entry("length", "48"),
        ];
        model.encode_to_vec()
    };
    for outside in ["../w.data", "/etc/passwd", "a/w.data", "", ".."] {
        let error = place.refused(&with(outside, "0"));
        assert!(
            error.contains("only files beside it are read"),
            "{outside}: {error}"
        );
    }
    let error = place.refused(&with("w.data", "0"));
    assert!(error.contains("w.data cannot be read"), "{error}");
    fs::write(place.0.path().join("w.data"), [0; 40]).unwrap();
    let error = place.refused(&with("w.data", "0"));
    assert!(error.contains("40 bytes of at least 48"), "{error}");
    let error = place.refused(&with("w.data", "18446744073709551610"));
    assert!(error.contains("at a place that cannot be"), "{error}");
    fs::write(place.0.path().join("w.data"), [0; 48]).unwrap();
    let file = place.open(&with("w.data", "0")).unwrap();
    assert_eq!(file.beside().len(), 1);
    std::os::unix::fs::symlink("/dev/zero", place.0.path().join("l.data")).unwrap();
    let error = place.refused(&with("l.data", "0"));
    assert!(error.contains("a link to elsewhere"), "{error}");
}

#[test]
fn what_takes_no_images_or_gives_no_scores_is_told() {
    let place = Place::new();
    let described = |change: &dyn Fn(&mut GraphProto)| {
        let mut model = model(None, None, false);
        change(model.graph.as_mut().unwrap());
        let file = place.open(&model.encode_to_vec()).unwrap();
        let error = match file.image_input() {
            Err(error) => error,
            Ok(_) => file.score_output(None).unwrap_err(),
        };
        error.to_string()
    };
    let error = described(&|graph| graph.input[0] = value("images", &[None, Some(77)]));
    assert!(error.contains("is [?, 77], and images are"), "{error}");
    let error = described(&|graph| graph.input.push(value("mask", &[None, Some(3)])));
    assert!(error.contains("takes 2 inputs (images, mask)"), "{error}");
    let error = described(&|graph| {
        let tensor = graph.input[0].r#type.as_mut().unwrap().tensor_type.as_mut();
        tensor.unwrap().elem_type = data_type::FLOAT16;
    });
    assert!(error.contains("float32 input"), "{error}");
    let error = described(&|graph| graph.output[0] = value("logits", &[None, Some(4), Some(7)]));
    assert!(error.contains("is [?, 4, 7]"), "{error}");
    let error = described(&|graph| graph.output.push(value("features", &[None, Some(3)])));
    assert!(
        error.contains("say which are the logits: output:"),
        "{error}"
    );
    let file = place.open(&classifier(None, None, false)).unwrap();
    let error = file.score_output(Some("nope")).unwrap_err().to_string();
    assert!(
        error.contains("no output `nope`; its outputs are logits"),
        "{error}"
    );
}

#[test]
fn a_constant_that_is_passed_on_has_its_sides() {
    let place = Place::new();
    let mut model = model(None, None, false);
    let graph = model.graph.as_mut().unwrap();
    graph.initializer.push(weights("w", &[2, 5], &[0.; 10]));
    graph
        .node
        .insert(0, node("Identity", &["w"], "again", Vec::new()));
    let file = place.open(&model.encode_to_vec()).unwrap();
    assert_eq!(file.constant_sides("again"), Some(&[2, 5][..]));
    assert_eq!(file.constant_sides("features"), None);
}
