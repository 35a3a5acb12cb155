use std::path::Path;

use serde::Deserialize;

use burn::tensor::{Device, Tensor, TensorData};

use super::*;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/torchscript");
const SIZE: (u32, u32) = (8, 8);
const IMAGES: usize = 4;

/// What `tests/fixtures/torchscript.py` wrote.
#[derive(Deserialize)]
struct Written {
    images: Vec<f32>,
    logits: std::collections::BTreeMap<String, Vec<f32>>,
}

fn written() -> Written {
    let text = std::fs::read_to_string(Path::new(FIXTURES).join("logits.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn file(name: &str) -> ScriptFile {
    ScriptFile::open(&Path::new(FIXTURES).join(name)).unwrap()
}

fn first(name: &str, output: Option<&str>) -> (TorchScriptModel, ScriptFacts) {
    tried(name, output).unwrap()
}

fn tried(
    name: &str,
    output: Option<&str>,
) -> Result<(TorchScriptModel, ScriptFacts), TorchScriptError> {
    let answers = ScriptAnswers {
        output: output.map(str::to_owned),
        ..ScriptAnswers::default()
    };
    TorchScriptModel::first(&file(name), answers, SIZE, &libtorch())
}

#[expect(
    deprecated,
    reason = "burn 0.22 deprecates libtorch; the version is pinned"
)]
fn libtorch() -> Device {
    Device::libtorch()
}

fn images(values: &[f32], device: &Device) -> Tensor<4> {
    let count = values.len() / 192;
    Tensor::from_data(TensorData::new(values.to_vec(), [count, 3, 8, 8]), device)
}

fn logits(model: &TorchScriptModel, values: &[f32], device: &Device) -> Vec<f32> {
    let rows = model.logits(images(values, device)).unwrap();
    rows.into_data().try_to_vec().unwrap()
}

fn near(found: &[f32], expected: &[f32], name: &str) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < 1e-4,
            "{name}: {found} {expected}"
        );
    }
}

#[test]
fn logits_are_pytorch_s_for_traced_and_scripted_files_on_every_device() {
    let written = written();
    let outputs = [("tuple.pt", "1"), ("dict.pt", "logits")];
    let outputs = std::collections::BTreeMap::from(outputs);
    for (name, expected) in &written.logits {
        let (model, facts) = first(name, outputs.get(name.as_str()).copied());
        assert_eq!(facts.classes, 3, "{name}");
        assert_eq!(facts.probabilities, name == "probabilities.pt");
        assert_eq!(model.batch(), (name == "fixed.pt").then_some(IMAGES));
        for device in [libtorch(), Device::flex()] {
            let found = logits(&model, &written.images, &device);
            near(&found, expected, name);
            // However many images are asked about, and however often.
            for count in [1, 3, 4] {
                let found = logits(&model, &written.images[..count * 192], &device);
                near(&found, &expected[..count * 3], name);
            }
            assert_eq!(found, logits(&model, &written.images, &device), "{name}");
        }
    }
}

#[test]
fn a_program_that_gives_another_number_of_scores_than_before_is_refused() {
    let values = written().images;
    let found = |classes| {
        let answers = ScriptAnswers {
            classes,
            ..ScriptAnswers::default()
        };
        let model = TorchScriptModel::open(&file("traced.pt"), answers, &libtorch()).unwrap();
        let rows = model.logits(images(&values, &libtorch()));
        rows.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(found(None), Ok(()));
    assert_eq!(found(Some(3)), Ok(()));
    let error = found(Some(4)).unwrap_err();
    let why = "it gives 3 scores for each of 4 images, and gave 4 when it was checked";
    assert!(error.contains(why), "{error}");
}

#[test]
fn what_was_changed_to_run_a_file_is_noted() {
    let notes = |name| first(name, None).1.notes.join("; ");
    assert!(notes("scripted.pt").contains("saved in training mode"));
    assert!(notes("half.pt").contains("of type Half"));
    assert!(notes("fixed.pt").contains("always takes 4 images"));
    assert_eq!(notes("traced.pt"), "");
    assert_eq!(first("traced.pt", None).1.parameters, 135);
    assert_eq!(first("frozen.pt", None).1.parameters, 127);
}

#[test]
fn probabilities_and_chosen_outputs_become_logits_of_the_same_softmax() {
    let written = written();
    let answers = ScriptAnswers {
        scores: Some(Scores::Probabilities),
        taken: Some(vec![2, 0]),
        ..ScriptAnswers::default()
    };
    let model = TorchScriptModel::open(&file("probabilities.pt"), answers, &libtorch()).unwrap();
    let found = logits(&model, &written.images, &libtorch());
    let expected: Vec<f32> = written.logits["probabilities.pt"]
        .chunks(3)
        .flat_map(|row| [row[2].ln(), row[0].ln()])
        .collect();
    near(&found, &expected, "probabilities.pt");
}

#[test]
fn what_cannot_be_run_is_refused_with_libtorch_s_reason_or_the_outputs() {
    let refusal = |name, output| tried(name, output).unwrap_err().to_string();
    let several = refusal("dict.pt", None);
    let listed = "`features` [1, 4], `logits` [1, 3]";
    assert!(
        several.contains(listed) && several.contains("output: \"…\""),
        "{several}"
    );
    assert!(refusal("tuple.pt", Some("7")).contains("no output `7`"));
    assert!(refusal("traced.pt", Some("logits")).contains("remove `output`"));
    let taken = ScriptAnswers {
        scores: Some(Scores::Probabilities),
        ..ScriptAnswers::default()
    };
    let model = TorchScriptModel::open(&file("traced.pt"), taken, &libtorch()).unwrap();
    let error = model
        .logits(images(&written().images, &libtorch()))
        .unwrap_err();
    assert!(
        error.to_string().contains("which is not a probability"),
        "{error}"
    );
    // Images of four colours.
    let images = Tensor::zeros([1, 4, 8, 8], &libtorch());
    let error = first("traced.pt", None)
        .0
        .logits(images)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("TorchScript cannot run it: RuntimeError"),
        "{error}"
    );
    assert!(!error.contains('\n') && error.len() < 600, "{error}");
}
