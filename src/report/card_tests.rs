use std::collections::BTreeMap;

use super::*;
use crate::event::RunEvent;
use crate::event::export::testing::{export, proof};
use crate::event::{
    FloatLayers, Int8, PrecisionModel, PrecisionRow, QuantScheme, QuantTrial, RangeRule,
    WeightScales,
};
use crate::listing::RunSummary;
use crate::listing::testing::{apply, entry};
use crate::store::testing::small_run;

fn exports() -> Exports {
    let onnx = |input, proof| Export {
        input: Some(input),
        proof,
        ..export()
    };
    let torch = Export {
        format: ExportFormat::Torch,
        weights: Weights::Latest,
        input: None,
        proof: None,
        ..onnx(PixelFormat::Float, None)
    };
    BTreeMap::from([
        (
            "small.onnx".to_owned(),
            onnx(PixelFormat::Float, Some(proof())),
        ),
        (
            "small-uint8.onnx".to_owned(),
            onnx(PixelFormat::Uint8, None),
        ),
        ("small.safetensors".to_owned(), torch),
    ])
}

fn of(events: &[RunEvent]) -> String {
    let mut run = entry("small-20260102-090000-a1b2c3", "", 9);
    apply(&mut run, events);
    let summary = RunSummary::of(&run);
    let name = run.folder.name();
    card(&summary.subject(&name, &run), &exports())
}

#[test]
fn a_card_says_what_a_student_is_and_where_its_limits_are() {
    insta::assert_snapshot!(of(&small_run()));
}

#[test]
fn without_test_images_the_card_says_that_new_images_are_harder() {
    let mut events = small_run();
    assert!(!of(&events).contains("There were no test images"));
    events.retain(|event| {
        !matches!(event, RunEvent::Evaluated(evaluation) if evaluation.split == Split::Test)
    });
    assert!(of(&events).contains("There were no test images"));
}

#[test]
fn names_from_outside_stay_names_in_markdown() {
    let mut events = small_run();
    for event in &mut events {
        if let RunEvent::DataIndexed(data) = event {
            data.classes[0] = "a|b\n# <script>\u{1b}[31m".to_owned();
        }
    }
    let text = of(&events);
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("| a\\|b"), "{text}");
    assert!(
        !text.lines().any(|line| line.starts_with("# \\<script")),
        "{text}"
    );
}

#[test]
fn a_card_shows_what_8_bit_integers_cost_and_what_was_tried() {
    let scheme = |activations| QuantScheme {
        weights: WeightScales::PerChannel,
        weight_bits: 7,
        activations,
        float_layers: FloatLayers::Last,
    };
    let trial = |activations, top1| QuantTrial {
        scheme: scheme(activations),
        top1: Some(top1),
        agreement: 0.98,
        max_difference: 0.31,
    };
    let row = |model, top1, p50_ms: Option<f64>| PrecisionRow {
        model,
        top1: Some(top1),
        teacher_agreement: Some(0.8),
        agreement: Some(0.98),
        bytes: Some(8605),
        p50_ms,
        engine: p50_ms.map(|_| "rten 0.27".to_owned()),
    };
    let int8 = Int8 {
        images: 512,
        seed: 3,
        scheme: scheme(RangeRule::Entropy),
        engine: "rten 0.27".to_owned(),
        trials: vec![
            trial(RangeRule::MinMax, 0.6),
            trial(RangeRule::Entropy, 0.61),
        ],
        rows: vec![
            row(PrecisionModel::Fp32, 0.62, Some(1.5)),
            row(PrecisionModel::Int8, 0.61, None),
        ],
    };
    let (name, export) = exports().into_iter().next().unwrap();
    let export = Export {
        int8: Some(Box::new(int8)),
        ..export
    };
    let text = files(&BTreeMap::from([(name, export)]));
    insta::assert_snapshot!(text);
}
