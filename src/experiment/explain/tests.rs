use std::path::Path;

use crate::experiment::{explain, load_text};

const TEXT: &str = r"(
    data: (
        train: Shapes(count: 200, size: 16),
        test: Shapes(count: 100, size: 16, seed: 1),
        workers: 2,
    ),
    TEACHER
    student: (model: ResNetCifar(depth: 8)),
    augment: [HorizontalFlip, PadCrop(2)],
    method: METHOD,
    epochs: 5,
    EXTRA
)";

fn explained(method: &str, teacher: bool, extra: &str) -> String {
    let teacher = if teacher {
        "teacher: (model: ResNetCifar(depth: 20), weights: Train(epochs: 3)),"
    } else {
        ""
    };
    let text = TEXT
        .replace("METHOD", method)
        .replace("TEACHER", teacher)
        .replace("EXTRA", extra);
    let loaded = load_text(&text, Path::new("experiments/small.ron"), &[]);
    let page = explain(&loaded.unwrap_or_else(|report| panic!("{report}")).plan);
    for line in page.lines() {
        assert!(line.chars().count() <= 80, "too long: {line}");
    }
    page
}

#[test]
fn scratch_is_explained() {
    insta::assert_snapshot!(explained("Scratch()", false, ""));
}

#[test]
fn vanilla_is_explained() {
    let extra = "knobs: {\"temperature\": Linear(from: 6, to: 2)}, gates: [AtLeast(\"test/top1\", 0.5)], \
                 clip: 1.0, ema: 0.999, label_smoothing: 0.1, checkpoint_every: 100, \
                 optimizer: AdamW(weight_decay: 0.01), lr: Warmup(epochs: 1, then: Constant(0.001))";
    insta::assert_snapshot!(explained("Vanilla(divergence: Dkd())", true, extra));
}

#[test]
fn adaptive_augmentation_is_explained() {
    insta::assert_snapshot!(explained(
        "AdaptiveAugmentation()",
        true,
        "iteration: Steps(50)"
    ));
}

#[test]
fn a_scheduled_update_is_explained() {
    let method = "AdaptiveAugmentation(update: Scheduled(P1(Linear(from: 0, to: 0.5))))";
    insta::assert_snapshot!(explained(method, true, ""));
}

#[test]
fn multi_view_is_explained() {
    let method = "MultiView(teacher_views: All, divergence: L2(space: Logits))";
    insta::assert_snapshot!(explained(method, true, ""));
}

#[test]
fn custom_is_explained() {
    let method = "Custom(views: [(p: 0.1), (), ()], \
                  terms: [Distill(), Truth(view: 2), Consistency(w_consistency: 0.5)], \
                  controller: AdaptiveAugmentation(second: [2, 3]))";
    insta::assert_snapshot!(explained(method, true, ""));
}
