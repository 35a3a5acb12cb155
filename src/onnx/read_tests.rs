use std::fs;

use prost::Message;

use super::*;
use crate::onnx::proto::{FunctionProto, SparseTensorProto, StringStringEntryProto};
use crate::onnx::testing::{classifier, model, node, value, weights};
use crate::onnx::write;

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
        takes_bytes: false,
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
fn what_is_cut_or_something_else_is_reported() {
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
fn weights_must_be_as_many_as_the_file_declares() {
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
    let error = place.refused_graph(|graph| {
        graph
            .initializer
            .push(numbers("sizes", &[0, 0, 1 << 40, 0, 0, 0, 0, 0]));
        graph
            .node
            .insert(0, node("Pad", &["images", "sizes"], "padded", Vec::new()));
    });
    assert!(error.contains("asks for pads"), "{error}");
    // Ten megabytes that may be as many texts would take three hundred.
    let error = place.refused_graph(|graph| graph.name = "x".repeat(10 << 20));
    assert!(
        error.contains("bytes of memory besides its weights"),
        "{error}"
    );
}

#[test]
fn files_of_nothing_but_fields_are_refused_by_their_number() {
    let place = Place::new();
    let nodes = vec![NodeProto::default(); 3_000_000];
    let error = place.refused_graph(|graph| graph.node.extend(nodes));
    assert!(error.contains("more than 524288 fields in all"), "{error}");
    let entries = vec![StringStringEntryProto::default(); 3_000_000];
    let error = place.refused_model(|model| model.metadata_props = entries);
    assert!(
        error.contains("more than 65536 fields outside its graph, such as entries of metadata"),
        "{error}"
    );
}

#[test]
fn versions_of_the_format_that_engines_take_differently_are_named() {
    let place = Place::new();
    let with = |versions: &[(&str, i64)]| {
        let set = |(domain, version): &(&str, i64)| OperatorSetIdProto {
            domain: (*domain).to_owned(),
            version: *version,
        };
        let sets = versions.iter().map(set).collect();
        place.refused_model(|model| model.opset_import = sets)
    };
    let error = with(&[("", 99)]);
    assert!(
        error.contains("it uses opset 99 of ONNX, and opsets 7 to 27"),
        "{error}"
    );
    assert!(error.contains("opset_version=27"), "{error}");
    assert!(with(&[("ai.onnx", 1)]).contains("opset_version=7"));
    assert!(with(&[("", 17), ("ai.onnx", 18)]).contains("several versions"));
    assert!(with(&[("ai.onnx.ml", 3)]).contains("does not name the version"));
    let error = place.refused_model(|model| model.ir_version = 99);
    assert!(
        error.contains("version 99 of the format (ir_version)"),
        "{error}"
    );
}

#[test]
fn scores_and_products_of_an_image_are_known_before_it_runs() {
    assert_eq!(
        demand(&[], &[]),
        Demand {
            images: 64,
            scores: 4,
            macs: Some(12),
        }
    );
    // What no answer needs counts for nothing.
    let huge = numbers("huge", &[1 << 20, 1 << 20]);
    let filled = node("Expand", &["images", "huge"], "unused", Vec::new());
    assert_eq!(demand(&[huge], &[filled]), demand(&[], &[]));
    let mut model = model(None, None, false);
    let graph = model.graph.as_mut().unwrap();
    graph.node[2].output[0] = "few".to_owned();
    graph.initializer.push(numbers("times", &[1, 1 << 20]));
    graph
        .node
        .push(node("Tile", &["few", "times"], "logits", Vec::new()));
    let file = Place::new().open(&model.encode_to_vec()).unwrap();
    let input = file.image_input().unwrap();
    assert_eq!(
        file.demand(&input, &logits(), (2, 2), 1).unwrap().scores,
        4 << 20
    );
}

#[test]
fn what_grows_with_the_square_of_the_images_is_named() {
    let equation = |text: &'static str| AttributeProto {
        name: "equation".to_owned(),
        s: Bytes::from_static(text.as_bytes()),
        ..AttributeProto::default()
    };
    let flat = node("Flatten", &["images"], "flat", Vec::new());
    let turned = node("Transpose", &["flat"], "turned", Vec::new());
    let all = |operator: &str, inputs: &[&str], attributes| {
        let squared = node(operator, inputs, "squared", attributes);
        let most = node("ReduceMax", &["squared"], "most", Vec::new());
        vec![flat.clone(), turned.clone(), squared, most]
    };
    for nodes in [
        all("Einsum", &["flat", "flat"], vec![equation("ab,cd->abcd")]),
        all("Einsum", &["flat", "flat"], vec![equation("ab,cb")]),
        all("MatMul", &["flat", "turned"], Vec::new()),
        all("Gemm", &["flat", "flat"], vec![write::setting("transB", 1)]),
    ] {
        let message = weighed(&[], &nodes);
        assert!(
            message.contains("makes more of 2 images together"),
            "{message}"
        );
        assert!(message.contains(&nodes[2].op_type), "{message}");
    }
    // Of one image with itself it is what a network computes.
    let own = node(
        "Einsum",
        &["flat", "flat"],
        "own",
        vec![equation("ab,ac->abc")],
    );
    assert_eq!(weighed(&[], &[flat, own]), "");
}

#[test]
fn buffers_that_an_engine_keeps_for_later_are_counted() {
    // Each value is a little larger than the one before, so that no buffer is used again.
    let mut constants = vec![numbers("first", &[400_000_000 / 12])];
    let mut nodes = Vec::new();
    let mut before = "images".to_owned();
    for at in 0..8 {
        let (size, long, most) = (
            format!("size{at}"),
            format!("long{at}"),
            format!("most{at}"),
        );
        constants.push(numbers(&size, &[100_000_000 + at]));
        let one = node(
            "ReduceMax",
            &[&before],
            &most,
            vec![write::setting("keepdims", 0)],
        );
        nodes.push(one);
        nodes.push(node("Expand", &[&most, &size], &long, Vec::new()));
        before = long;
    }
    assert_eq!(weighed(&constants, &nodes[..8]), "");
    let message = weighed(&constants, &nodes);
    assert!(message.contains("(Expand) it would take"), "{message}");
}

#[test]
fn channels_that_a_convolution_fills_up_are_counted() {
    // 400 MB in and out, of which onnxruntime makes the second sixteen times as large.
    let constants = [
        weights("kernel", &[1, 1, 3, 3], &[0.0; 9]),
        numbers("sizes", &[1, 1, 10_000, 10_000]),
    ];
    let nodes = |operator: &str, settings| {
        [
            node("ReduceMax", &["images"], "most", Vec::new()),
            node("Expand", &["most", "sizes"], "large", Vec::new()),
            node(operator, &["large", "kernel"], "made", settings),
        ]
    };
    let pads = vec![write::settings("pads", &[1, 1, 1, 1])];
    let message = weighed(&constants, &nodes("Conv", pads));
    assert!(message.contains("(Conv) it would take 68"), "{message}");
    assert_eq!(weighed(&constants, &nodes("CastLike", Vec::new())), "");
}

#[test]
fn windows_without_length_or_step_are_named() {
    let kernel = |sides| write::settings("kernel_shape", sides);
    let strides = write::settings("strides", &[0, 0]);
    for (operator, settings) in [
        ("MaxPool", vec![kernel(&[0, 0])]),
        ("AveragePool", vec![kernel(&[1, 1]), strides]),
    ] {
        let message = weighed(&[], &[node(operator, &["images"], "made", settings)]);
        let expected = format!("({operator}) is used in a way that is not run here");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn windows_that_are_laid_out_are_counted() {
    // A thousand products for every pixel, of which one value for every pixel is made.
    let mut constants = vec![weights("kernel", &[3, 1, 32, 32], &[0.0; 3 * 1024])];
    constants.push(numbers("sizes", &[1, 3, 1000, 1000]));
    let pads = vec![write::settings("pads", &[16, 16, 15, 15])];
    let nodes = [
        node("ReduceMax", &["images"], "most", Vec::new()),
        node("Expand", &["most", "sizes"], "large", Vec::new()),
        node("ConvTranspose", &["large", "kernel"], "made", pads),
    ];
    let message = weighed(&constants, &nodes);
    assert!(
        message.contains("(ConvTranspose) it would take 4"),
        "{message}"
    );
}

/// A list of whole numbers.
fn numbers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: vec![i64::try_from(values.len()).unwrap()],
        data_type: data_type::INT64,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

/// What is said of a graph with these nodes before its own, for images of 2 × 2 pixels;
/// nothing if it is taken.
fn weighed(constants: &[TensorProto], nodes: &[NodeProto]) -> String {
    let mut model = model(None, None, false);
    let graph = model.graph.as_mut().unwrap();
    graph.initializer.extend_from_slice(constants);
    graph.node.splice(0..0, nodes.iter().cloned());
    let file = Place::new().open(&model.encode_to_vec()).unwrap();
    let demand = file.demand(&file.image_input().unwrap(), &logits(), (2, 2), 64);
    demand.err().map_or_else(String::new, |it| it.to_string())
}

/// The output of the classifiers here.
fn logits() -> ScoreOutput {
    ScoreOutput {
        name: "logits".to_owned(),
        classes: Some(4),
        probabilities: false,
    }
}

/// What a graph with these nodes before its own takes for images of 2 × 2 pixels.
fn demand(constants: &[TensorProto], nodes: &[NodeProto]) -> Demand {
    let mut model = model(None, None, false);
    let graph = model.graph.as_mut().unwrap();
    graph.initializer.extend_from_slice(constants);
    graph.node.splice(0..0, nodes.iter().cloned());
    let mut file = Place::new().open(&model.encode_to_vec()).unwrap();
    file.keep_only(&["logits"]);
    let input = file.image_input().unwrap();
    file.demand(&input, &logits(), (2, 2), 64).unwrap()
}

#[test]
fn values_beyond_the_memory_are_refused_whatever_makes_them() {
    let huge = numbers("huge", &[1 << 20, 1 << 20]);
    let many = numbers("many", &[1, 1 << 12, 1 << 12, 1 << 10]);
    let depth = numbers("depth", &[1 << 40]);
    let scales = weights("scales", &[4], &[1., 1., 65536., 65536.]);
    let range = [
        weights("start", &[], &[0.]),
        weights("end", &[], &[3e9]),
        weights("by", &[], &[1.]),
    ];
    let ones = numbers("ones", &[1]);
    let constants = [&[huge, many, depth, scales, ones][..], &range].concat();
    for (operator, inputs) in [
        ("ConstantOfShape", &["huge"][..]),
        ("Expand", &["ones", "huge"]),
        ("Tile", &["images", "many"]),
        ("Resize", &["images", "", "scales"]),
        ("Range", &["start", "end", "by"]),
        ("OneHot", &["ones", "depth", "ones"]),
    ] {
        let message = weighed(&constants, &[node(operator, inputs, "made", Vec::new())]);
        let expected = format!("with the node `/{operator}` ({operator}) it would take");
        assert!(message.contains(&expected), "{operator}: {message}");
    }
    // What doubles doubles often, and what is made of weights alone is kept.
    let mut doubled = vec![node("Concat", &["images", "images"], "0", Vec::new())];
    let side = |mut node: NodeProto| {
        node.attribute = vec![write::setting("axis", 1)];
        node
    };
    for at in 0..40 {
        let before = at.to_string();
        let next = (at + 1).to_string();
        doubled.push(node("Concat", &[&before, &before], &next, Vec::new()));
    }
    let doubled: Vec<NodeProto> = doubled.into_iter().map(side).collect();
    assert!(weighed(&[], &doubled).contains("(Concat) it would take"));
    let sizes = numbers("sizes", &[1 << 13, 1 << 14]);
    let kept = ["a", "b", "c", "d"].map(|name| node("ConstantOfShape", &["sizes"], name, vec![]));
    assert!(weighed(std::slice::from_ref(&sizes), &kept[..1]).is_empty());
    assert!(weighed(&[sizes], &kept).contains("(ConstantOfShape) it would take"));
    // Each product that shares weights rearranges them for itself.
    let square = numbers("square", &[1 << 12, 1 << 12]);
    let row = numbers("row", &[1, 1 << 12]);
    let mut shared = vec![
        node("ConstantOfShape", &["square"], "a", Vec::new()),
        node("ConstantOfShape", &["row"], "b", Vec::new()),
        node(
            "ReduceMax",
            &["images"],
            "some",
            vec![write::setting("keepdims", 0)],
        ),
        node("Mul", &["b", "some"], "0", Vec::new()),
    ];
    for at in 0..40 {
        let (before, next) = (at.to_string(), (at + 1).to_string());
        shared.push(node("MatMul", &[&before, "a"], &next, Vec::new()));
    }
    let few = weighed(&[square.clone(), row.clone()], &shared[..14]);
    assert!(few.is_empty(), "{few}");
    let message = weighed(&[square, row], &shared);
    assert!(message.contains("(MatMul) it would take"), "{message}");
    // Products that take no memory and forever.
    let square = numbers("square", &[1 << 13, 1 << 13]);
    let mut nodes = vec![
        node("ConstantOfShape", &["square"], "a", Vec::new()),
        node(
            "ReduceMax",
            &["images"],
            "some",
            vec![write::setting("keepdims", 0)],
        ),
        node("Mul", &["a", "some"], "0", Vec::new()),
    ];
    for at in 0..8 {
        let (before, next) = (at.to_string(), (at + 1).to_string());
        nodes.push(node("MatMul", &[&before, "0"], &next, Vec::new()));
    }
    let message = weighed(&[square], &nodes);
    assert!(
        message.contains("operations for a batch of 1, more than"),
        "{message}"
    );
}

#[test]
fn sizes_that_depend_on_what_images_show_are_refused_and_those_that_do_not_are_followed() {
    let number = |name: &str, value: i64| numbers(name, &[value]);
    let cast = node("Cast", &["flat"], "whole", vec![write::setting("to", 7)]);
    let flat = node("Reshape", &["images", "all"], "flat", Vec::new());
    let filled = node("ConstantOfShape", &["whole"], "filled", Vec::new());
    let message = weighed(&[number("all", -1)], &[flat, cast, filled]);
    assert!(
        message.contains("(ConstantOfShape) gives a value whose size depends"),
        "{message}"
    );
    let message = weighed(&[], &[node("NonZero", &["images"], "places", Vec::new())]);
    assert!(
        message.contains("(NonZero) gives a value whose size depends"),
        "{message}"
    );
    let message = weighed(&[], &[node("Magic", &["images"], "made", Vec::new())]);
    assert!(
        message.contains("the node `/Magic` needs the operator ai.onnx.Magic, which is not among"),
        "{message}"
    );
    assert!(message.contains("teach with its TorchScript"), "{message}");
    // [batch, 3, 2, 2] becomes [batch, 12], as exports with a dynamic batch have it.
    let shape = node("Shape", &["images"], "shape", Vec::new());
    let batch = node("Gather", &["shape", "first"], "batch", Vec::new());
    let joined = node(
        "Concat",
        &["batch", "rest"],
        "sizes",
        vec![write::setting("axis", 0)],
    );
    let reshaped = node("Reshape", &["images", "sizes"], "rows", Vec::new());
    let nodes = [shape, batch, joined, reshaped];
    let message = weighed(&[number("first", 0), number("rest", 12)], &nodes);
    assert_eq!(message, "");
    let message = weighed(&[number("first", 0), number("rest", 13)], &nodes);
    assert!(
        message.contains("(Reshape) is given values whose sizes do not fit together ([2, 3, 2, 2]"),
        "{message}"
    );
    assert!(message.contains("the file is damaged"), "{message}");
    let fixed = node("Reshape", &["images", "one"], "rows", Vec::new());
    let message = weighed(&[numbers("one", &[1, 12])], &[fixed]);
    assert!(
        message.contains("with one image they do; export it with a dynamic batch"),
        "{message}"
    );
    // A number that wraps in the engine is not computed with.
    let sum = node("Add", &["large", "large"], "wrapped", Vec::new());
    let filled = node("ConstantOfShape", &["wrapped"], "filled", Vec::new());
    let message = weighed(&[number("large", i64::MAX / 2 + 10)], &[sum, filled]);
    assert!(message.contains("depends"), "{message}");
}

#[test]
fn loops_and_what_differs_from_run_to_run_are_refused() {
    for operator in ["Loop", "Scan", "SequenceMap"] {
        let message = weighed(&[], &[node(operator, &["images"], "made", Vec::new())]);
        assert!(message.contains("as often as a run decides"), "{message}");
    }
    for operator in [
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Multinomial",
        "Bernoulli",
    ] {
        let message = weighed(&[], &[node(operator, &["images"], "made", Vec::new())]);
        assert!(
            message.contains("gives other values in every run"),
            "{message}"
        );
    }
    let truth = |name: &str, value: i32| TensorProto {
        name: name.to_owned(),
        data_type: data_type::BOOL,
        int32_data: vec![value],
        ..TensorProto::default()
    };
    let dropped = |trains: i32| {
        let dropout = node("Dropout", &["images", "", "mode"], "made", Vec::new());
        weighed(&[truth("mode", trains)], &[dropout])
    };
    assert_eq!(dropped(0), "");
    assert!(dropped(1).contains("gives other values in every run"));
    let training = vec![write::setting("training_mode", 1)];
    let message = weighed(
        &[],
        &[node("BatchNormalization", &["images"], "made", training)],
    );
    assert!(
        message.contains("gives other values in every run"),
        "{message}"
    );
}

#[test]
fn a_branch_is_taken_where_it_can_be_weighed() {
    let branch = |name: &str, operator: &str, inputs: &[&str]| AttributeProto {
        name: name.to_owned(),
        g: Some(GraphProto {
            node: vec![node(operator, inputs, name, Vec::new())],
            output: vec![value(name, &[])],
            ..GraphProto::default()
        }),
        ..AttributeProto::default()
    };
    let huge = numbers("huge", &[1 << 20, 1 << 20]);
    let with = |condition: &[NodeProto], other: (&str, &[&str])| {
        let branches = vec![
            branch("then_branch", "Relu", &["images"]),
            branch("else_branch", other.0, other.1),
        ];
        let mut nodes = condition.to_vec();
        nodes.push(node("If", &["condition"], "chosen", branches));
        weighed(&[huge.clone(), numbers("zero", &[0])], &nodes)
    };
    let known = node("Equal", &["zero", "zero"], "condition", Vec::new());
    let unknown = node("ReduceMax", &["images"], "condition", Vec::new());
    let filled = ("ConstantOfShape", &["huge"][..]);
    assert_eq!(with(&[known], filled), "");
    let message = with(std::slice::from_ref(&unknown), filled);
    assert!(
        message.contains("(ConstantOfShape) it would take"),
        "{message}"
    );
    assert_eq!(
        with(std::slice::from_ref(&unknown), ("Neg", &["images"])),
        ""
    );
    let message = with(&[unknown], ("Flatten", &["images"]));
    assert!(
        message.contains("(If) gives a value whose size depends"),
        "{message}"
    );
}

#[test]
fn fewer_images_are_given_at_once_where_they_take_much_and_a_fixed_batch_has_a_bound() {
    let file = Place::new().open(&classifier(None, None, false)).unwrap();
    let input = ImageInput {
        size: None,
        ..file.image_input().unwrap()
    };
    let images = |size| file.demand(&input, &logits(), size, 64).unwrap().images;
    assert_eq!(images((64, 64)), 64);
    assert_eq!(images((4096, 4096)), 4);
    for (batch, expected) in [
        (1 << 40, "always takes 1099511627776 images at once"),
        (1025, "always takes 1025 images at once"),
        (1024, "bytes of memory for a batch of 1024"),
    ] {
        let input = ImageInput {
            batch: Some(batch),
            ..input.clone()
        };
        let error = file.demand(&input, &logits(), (512, 512), 64).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("export it with a dynamic batch"), "{error}");
    }
}

#[test]
fn two_values_of_one_name_are_a_damaged_file() {
    let place = Place::new();
    let error = place.refused_graph(|graph| {
        let again = graph.initializer[0].clone();
        graph.initializer.push(again);
    });
    assert!(
        error.contains("two values of the name `fc.weight`"),
        "{error}"
    );
    let error = place.refused_graph(|graph| {
        let mut again = graph.node[0].clone();
        again.op_type = "GlobalMaxPool".to_owned();
        graph.node.insert(1, again);
    });
    assert!(error.contains("two values of the name `means`"), "{error}");
    let error = place.refused_graph(|graph| {
        graph.node[0].output[0] = "images".to_owned();
    });
    assert!(error.contains("two values of the name `images`"), "{error}");
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
    assert!(error.contains("to an impossible place"), "{error}");
    fs::write(place.0.path().join("w.data"), [0; 48]).unwrap();
    let file = place.open(&with("w.data", "0")).unwrap();
    assert_eq!(file.beside().len(), 1);
    std::os::unix::fs::symlink("/dev/zero", place.0.path().join("l.data")).unwrap();
    let error = place.refused(&with("l.data", "0"));
    assert!(error.contains("a link to elsewhere"), "{error}");
}

#[test]
fn what_takes_no_images_or_gives_no_scores_is_reported() {
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
    let none = value("images", &[Some(0), Some(3), Some(2), Some(2)]);
    let error = described(&|graph| graph.input[0] = none.clone());
    assert!(error.contains("declared to hold nothing"), "{error}");
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
fn a_node_without_a_name_is_called_by_what_it_gives() {
    let place = Place::new();
    let error = place.refused_graph(|graph| {
        graph.node[1].name.clear();
        graph.node[1].input[0] = "nowhere".to_owned();
    });
    let called = "the node that gives `features` (Flatten) uses `nowhere`";
    assert!(error.contains(called), "{error}");
}

#[test]
fn what_is_given_in_place_of_a_file_is_named() {
    let place = Place::new();
    let cases: [(&[u8], &str); 5] = [
        (
            b"version https://git-lfs.github.com/spec/v1\nsize 9\n",
            "a Git LFS pointer",
        ),
        (b"<!DOCTYPE html><title>Log in", "an HTML page"),
        (b"\x10\0\0\0\0\0\0\0{\"a\":", "a safetensors file"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\x80\x04\x95\x10", "a pickle; export the model as ONNX"),
    ];
    for (bytes, expected) in cases {
        let error = place.open(bytes).unwrap_err().to_string();
        assert!(error.contains("is not an ONNX file: it is "), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn sparse_weights_are_refused_wherever_they_are() {
    let place = Place::new();
    let of_graph = place.refused_graph(|graph| {
        graph.sparse_initializer = vec![SparseTensorProto {}];
    });
    let of_node = place.refused_graph(|graph| {
        graph.node[0].attribute.push(AttributeProto {
            sparse_tensor: Some(SparseTensorProto {}),
            ..AttributeProto::default()
        });
    });
    for error in [of_graph, of_node] {
        assert!(error.contains("it has sparse weights"), "{error}");
    }
}

#[test]
fn weights_of_other_widths_and_of_many_sides_are_held_against_the_file_too() {
    let place = Place::new();
    for data_type in [data_type::FLOAT16, data_type::DOUBLE, data_type::BOOL] {
        let error = place.refused_graph(|graph| {
            graph.initializer[0] = TensorProto {
                data_type,
                raw_data: Bytes::from(vec![0; 16]),
                ..weights("fc.weight", &[1 << 30, 1 << 20], &[])
            };
        });
        assert!(error.contains("hold another number of values"), "{error}");
    }
    let error = place.refused_graph(|graph| {
        graph.initializer[0] = weights("fc.weight", &vec![2; 10_000], &[1.0]);
    });
    assert!(error.len() < 500, "{error}");
}
