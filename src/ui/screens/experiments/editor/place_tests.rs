//! Places of whole, half-typed and broken texts.

use super::*;
use crate::ui::screens::experiments::editor::tokens::tokens;

const EXPERIMENTS: [&str; 6] = [
    include_str!("../../../../../experiments/quickstart.ron"),
    include_str!("../../../../../experiments/cifar10-adaptive.ron"),
    include_str!("../../../../../experiments/cifar10-combined.ron"),
    include_str!("../../../../../experiments/cifar10-multiview.ron"),
    include_str!("../../../../../experiments/cifar10-scratch.ron"),
    include_str!("../../../../../experiments/folder-template.ron"),
];

/// What is at the bar of a text.
fn at<T>(marked: &str, look: impl FnOnce(Place) -> T) -> T {
    let at = marked.find('|').unwrap();
    let text = marked.replace('|', "");
    look(place(&text, &tokens(&text), at))
}

fn fields(marked: &str) -> Vec<&'static str> {
    at(marked, |place| match place.expected {
        Expected::Field(fields, written) => fields
            .iter()
            .map(|field| field.name)
            .filter(|name| !written.contains(name))
            .collect(),
        other => panic!("{other:?}"),
    })
}

fn value(marked: &str) -> String {
    at(marked, |place| match place.expected {
        Expected::Value(value, _) => value.to_string(),
        other => panic!("{other:?}"),
    })
}

fn about(marked: &str) -> &'static str {
    at(marked, |place| match place.about {
        Some(About::Field(field)) => field.name,
        Some(About::Variant(variant)) => variant.name,
        None => "nothing",
    })
}

#[test]
fn every_name_in_every_experiment_is_known() {
    for text in EXPERIMENTS {
        let tokens = tokens(text);
        for token in &tokens {
            let word = &text[token.span.clone()];
            if !matches!(token.kind, Kind::Field | Kind::Name) || word == "Experiment" {
                continue;
            }
            let known = match place(text, &tokens, token.span.start).about {
                Some(About::Field(field)) => field.name,
                Some(About::Variant(variant)) => variant.name,
                None => "nothing",
            };
            assert_eq!(known, word, "at byte {} of\n{text}", token.span.start);
        }
    }
}

#[test]
fn fields_that_are_written_before_or_after_are_not_offered_again() {
    assert_eq!(
        fields("Experiment(student: (|))"),
        ["model", "weights", "ema", "head", "freeze", "layer_decay"]
    );
    for text in [
        "(student: (weights: None, |))",
        "(student: (|, weights: None))",
    ] {
        assert_eq!(
            fields(text),
            ["model", "ema", "head", "freeze", "layer_decay"]
        );
    }
    assert_eq!(
        fields("(optimizer: Sgd(nesterov: true, mo|"),
        ["momentum", "weight_decay"]
    );
}

#[test]
fn values_are_known_by_field_by_order_in_lists_and_in_maps() {
    assert_eq!(value("(lr: |"), "schedule");
    assert_eq!(value("(lr: Warmup(epochs: 1, then: Co|"), "schedule");
    assert_eq!(value("(augment: [HorizontalFlip, |"), "operation");
    assert_eq!(
        value("(augment: [PadCrop(|"),
        "whole number in 1 to 1024, pixels"
    );
    assert_eq!(value("(gates: [AtLeast(\"|\", 0.5)]"), "metric name");
    assert_eq!(
        value("(gates: [AtLeast(\"test/top1\", |"),
        "number or Run(…)"
    );
    assert_eq!(value("(knobs: {\"temperature\": |"), "schedule");
    assert_eq!(value("(clip: Some(|"), "number from 1e-30 to 1e30");
    assert_eq!(value("(data: (size: (32, |"), "whole number of pixels");
    assert_eq!(value("|"), "experiment");
}

#[test]
fn a_place_says_what_it_belongs_to() {
    assert_eq!(about("(epo|chs: 3)"), "epochs");
    assert_eq!(about("(epochs: |3)"), "epochs");
    assert_eq!(about("(lr: Cos|ine(from: 1))"), "Cosine");
    assert_eq!(about("(lr: Cosine( | ))"), "Cosine");
    assert_eq!(about("(data: ( | ))"), "data");
    assert_eq!(about("(augment: [Cutout(4|)])"), "Cutout");
    assert_eq!(about("(device: LibTorch(Cuda(|0)))"), "Cuda");
    assert_eq!(about("(what: |1)"), "nothing");
}

#[test]
fn broken_texts_and_comments_have_places_too() {
    assert_eq!(value("(data: ] 3, lr: |"), "schedule");
    at("(lr: // Cos|ine\n", |place| {
        assert_eq!(place.expected, Expected::Unknown);
    });
    for text in EXPERIMENTS {
        let tokens = tokens(text);
        for at in (0..=text.len())
            .filter(|at| text.is_char_boundary(*at))
            .step_by(7)
        {
            let found = place(&text[..at], &tokens_until(&tokens, at), at);
            assert!(found.word.start <= at && at <= found.word.end);
        }
    }
}

fn tokens_until(tokens: &[Token], at: usize) -> Vec<Token> {
    let until = tokens.iter().take_while(|token| token.span.end <= at);
    until.cloned().collect()
}
