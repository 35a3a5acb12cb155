use prost::Message as _;

use super::*;
use crate::onnx::proto::{EXTERNAL, StringStringEntryProto};
use crate::onnx::testing::{classifier, node, value};

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
        maps: Vec::new(),
    };
    OnnxModel::new(opened(bytes), answers, OnnxEngine::Rten, (2, 2)).unwrap()
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

/// Means of the colours of these images.
const MEANS: [f32; 9] = [1., 0., 0., 0., 2., 0., 1., 1., 3.];

#[test]
fn maps_are_given_by_the_names_of_values_and_nodes_however_many_images_go_at_once() {
    let mut engines = vec![OnnxEngine::Rten];
    if has_onnxruntime() {
        engines.push(OnnxEngine::OnnxRuntime);
    }
    for batch in [None, Some(1), Some(2), Some(7)] {
        for engine in &engines {
            let answers = Answers {
                output: "logits".to_owned(),
                scores: Scores::Logits,
                taken: None,
                // A node, a value, and what the node gives.
                maps: ["/Flatten", "means", "features"].map(str::to_owned).into(),
            };
            let file = opened(&classifier(batch, None, false));
            let model = OnnxModel::new(file, answers, *engine, (2, 2)).unwrap();
            assert_eq!(model.map("means"), Some((1, [3, 1, 1])));
            assert_eq!(model.map("/Flatten"), Some((0, [3, 1, 1])));
            assert_eq!(
                model.map("/GlobalAveragePool"),
                None,
                "it was not asked for"
            );
            let given = model.forward(&IMAGES, [3, 2, 2], &[2, 1, 0]).unwrap();
            assert_eq!(given.logits, LOGITS, "{batch:?}");
            assert_eq!(given.maps, [MEANS, MEANS, MEANS], "{batch:?}");
            assert_eq!(model.logits(&IMAGES, [3, 2, 2]).unwrap(), LOGITS);
        }
    }
}

#[test]
fn what_is_no_map_is_refused_by_its_name() {
    for name in ["nothing", "images", "fc.weight", "logits"] {
        let answers = Answers {
            output: "logits".to_owned(),
            scores: Scores::Logits,
            taken: None,
            maps: vec![name.to_owned()],
        };
        let file = opened(&classifier(None, None, false));
        let refused = OnnxModel::new(file, answers, OnnxEngine::Rten, (2, 2)).unwrap_err();
        let message = refused.to_string();
        let expected = format!("it has no feature map `{name}`");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn a_file_lists_what_may_be_compared_with_shapes() {
    let file = opened(&classifier(None, None, true));
    let (input, output) = (
        file.image_input().unwrap(),
        file.score_output(None).unwrap(),
    );
    let maps = file.maps(&input, &output, (2, 2)).unwrap();
    let listed = maps
        .iter()
        .map(|it| (it.value.as_str(), it.node.as_deref(), it.shape));
    assert_eq!(
        listed.collect::<Vec<_>>(),
        [
            ("planes", Some("/Transpose"), [3, 2, 2]),
            ("means", Some("/GlobalAveragePool"), [3, 1, 1]),
            ("features", Some("/Flatten"), [3, 1, 1]),
        ]
    );
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
fn an_engine_is_given_only_numbers_of_images_that_were_weighed() {
    let model = model(&classifier(None, None, false), Scores::Logits, None);
    let mut left = 100;
    let mut given = Vec::new();
    while left > 0 {
        given.push(model.given_next(left));
        left -= given[given.len() - 1];
    }
    assert_eq!(given, [64, 32, 4]);
    let model = self::model(&classifier(Some(7), None, false), Scores::Logits, None);
    assert_eq!((model.given_next(100), model.given_next(3)), (7, 3));
}

#[test]
fn what_no_answer_needs_is_not_handed_over() {
    let mut whole = crate::onnx::testing::model(None, None, false);
    let graph = whole.graph.as_mut().unwrap();
    // An engine that is given it refuses its input, which is no number.
    let spare = node("Gather", &["images", "fc.weight"], "spare", Vec::new());
    graph.node.push(spare);
    graph.output.push(value("spare", &[None, Some(4), Some(1)]));
    let model = model(&whole.encode_to_vec(), Scores::Logits, None);
    assert_eq!(model.logits(&IMAGES, [3, 2, 2]).unwrap(), LOGITS);
}

#[test]
fn weights_beside_a_file_need_no_place_in_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teacher.onnx");
    let mut whole = crate::onnx::testing::model(None, None, false);
    let tensor = &mut whole.graph.as_mut().unwrap().initializer[0];
    let values = std::mem::take(&mut tensor.float_data);
    tensor.data_location = EXTERNAL;
    tensor.external_data = vec![StringStringEntryProto {
        key: "location".to_owned(),
        value: "w.bin".to_owned(),
    }];
    let bytes: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
    std::fs::write(folder.path().join("w.bin"), bytes).unwrap();
    std::fs::write(&path, whole.encode_to_vec()).unwrap();
    let answers = Answers {
        output: "logits".to_owned(),
        scores: Scores::Logits,
        taken: None,
        maps: Vec::new(),
    };
    let engines = [OnnxEngine::Rten, OnnxEngine::OnnxRuntime];
    for engine in engines.into_iter().take(1 + usize::from(has_onnxruntime())) {
        let file = OnnxFile::open(&path).unwrap();
        let model = OnnxModel::new(file, answers.clone(), engine, (2, 2)).unwrap();
        assert_eq!(model.logits(&IMAGES, [3, 2, 2]).unwrap(), LOGITS);
    }
}

#[test]
fn the_engine_s_name_is_the_version_that_is_built_in() {
    let lock = include_str!("../../../Cargo.lock");
    let at = lock.find("name = \"rten\"\nversion = \"").unwrap();
    let version = lock[at..].split('"').nth(3).unwrap();
    assert!(version.starts_with(super::rten::NAME.trim_start_matches("rten ")));
}
