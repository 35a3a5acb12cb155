use std::path::Path;

use crate::experiment::plan::DataFacts;
use crate::experiment::{explain, explain_resolved, load_text};

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
        "round: Steps(50)"
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

/// The page of a method on images that are known.
fn explained_for(method: &str, extra: &str, facts: &DataFacts) -> String {
    let text = TEXT
        .replace("METHOD", method)
        .replace(
            "TEACHER",
            "teacher: (model: Cnn(channels: [8]), weights: File(\"teacher.pt\")),",
        )
        .replace("EXTRA", extra);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("teacher.pt"), "x").unwrap();
    let loaded = load_text(&text, &folder.path().join("small.ron"), &[]);
    let plan = loaded.unwrap_or_else(|report| panic!("{report}")).plan;
    explain_resolved(&plan.resolve(facts).unwrap())
}

const FACTS: DataFacts = DataFacts {
    train: 200,
    unlabelled: 0,
    classes: 4,
    labelled: true,
    per_class: Vec::new(),
    size: (16, 16),
    normalization: None,
    steps_per_epoch: 8,
    teacher_steps_per_epoch: 8,
};

#[test]
fn p2_starts_as_the_run_will_have_it_once_the_images_are_known() {
    // 5 epochs of 8 steps: one round of 50.
    let page = explained_for("AdaptiveAugmentation()", "round: Steps(50),", &FACTS);
    assert!(
        page.contains("p2             starts at 0.5; the controller"),
        "{page}"
    );
    assert!(page.contains("E = 1 round in all"), "{page}");
    let page = explained_for("AdaptiveAugmentation()", "round: Steps(10),", &FACTS);
    assert!(
        page.contains("p2             starts at 0.125; the controller"),
        "{page}"
    );
    assert!(page.contains("E = 4 rounds in all"), "{page}");
}

#[test]
fn a_first_value_that_the_images_decide_is_not_guessed_without_them() {
    let page = explained("AdaptiveAugmentation()", true, "round: Steps(50)");
    assert!(
        page.contains("p2             first value from the number of steps"),
        "{page}"
    );
    let page = explained("AdaptiveAugmentation()", true, "");
    assert!(
        page.contains("p2             starts at 0.1; the controller"),
        "{page}"
    );
}

#[test]
fn terms_of_labels_are_left_out_where_the_images_have_none() {
    let unlabelled = DataFacts {
        labelled: false,
        ..FACTS
    };
    let page = explained_for("MultiView()", "", &unlabelled);
    assert!(!page.contains("truth"), "{page}");
    assert!(explained_for("MultiView()", "", &FACTS).contains("w_truth"));
}

#[test]
fn size_is_that_of_the_images_and_normalisation_is_measured_when_the_run_starts() {
    let page = explained_for("Vanilla()", "", &FACTS);
    assert!(page.contains("size           16 × 16 pixels"), "{page}");
    assert!(page.contains("measured when the run starts"), "{page}");
}
