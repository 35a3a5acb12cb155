use std::path::Path;

use crate::experiment::catalogue::{Shape, Type};
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
fn terms_over_feature_maps_are_explained() {
    let terms = "Custom(views: [()], terms: [Truth(), Hint(), Attention(stages: [(\"layer1\", \"layer1\"), \
                 (\"layer2\", \"layer3\")]), Similarity(), Relation(angle: 10.0)])";
    let method = |page: &str| -> String {
        let lines = page.lines().skip_while(|line| *line != "Views");
        let lines = lines.take_while(|line| *line != "Export");
        lines.collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(method(&explained(terms, true, "")));
    let preset = explained("Vanilla(features: Attention())", true, "");
    assert!(preset.contains("w_attention · attention"), "{preset}");
}

#[test]
fn operations_that_are_applied_otherwise_are_explained() {
    let rows = [
        "  steered        RandAugment on every",
        "  mixed          with the image",
    ];
    for (augment, found) in [
        ("HorizontalFlip, RandAugment()", [false, false]),
        ("RandAugment(steer: Magnitude)", [true, false]),
        ("RandAugment(), CutMix(1.0)", [false, true]),
    ] {
        let text = TEXT
            .replace("METHOD", "Scratch()")
            .replace("TEACHER", "")
            .replace("EXTRA", "")
            .replace("HorizontalFlip, PadCrop(2)", augment);
        let plan = load_text(&text, Path::new("small.ron"), &[]).unwrap().plan;
        assert_eq!(
            rows.map(|row| explain(&plan).contains(row)),
            found,
            "{augment}"
        );
    }
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
    assert!(!page.contains("· truth"), "{page}");
    assert!(explained_for("MultiView()", "", &FACTS).contains("w_truth"));
}

#[test]
fn what_a_batch_counts_and_what_its_labels_count_is_explained() {
    let unlabelled = "data: (train: Shapes(count: 200), unlabelled: (source: Shapes(count: 100, \
                      seed: 1), ratio: 7)), batch: 8,";
    let page = |method: &str, teacher: &str| {
        let text = format!(
            "({unlabelled} {teacher} student: (model: Cnn(channels: [4])), method: {method}, epochs: 3)"
        );
        let loaded = load_text(&text, Path::new("small.ron"), &[]);
        explain(&loaded.unwrap_or_else(|report| panic!("{report}")).plan)
    };
    let teacher = "teacher: (model: Cnn(channels: [8]), weights: Train(epochs: 1)),";
    let text = page("Vanilla()", teacher);
    for line in [
        "  epochs         3 of batches of 8 (1 training images, 7 unlabelled);",
        "  L              = w · distill + n · w_truth · truth\n",
        "  n              = 0.125, the share of the images that are labelled\n",
        // The teacher's own training takes none.
        "  epochs         1 of batches of 8; a round is an epoch",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // Of the halves the one with the truth term has the first image.
    let halves = page("AdaptiveAugmentation(views: Halves)", teacher);
    assert!(
        halves.contains("  n              = 0.25, the share"),
        "{halves}"
    );
    assert!(
        halves.contains("view 2         one image in 2 of the batch"),
        "{halves}"
    );
    // Where nothing is learnt of unlabelled images, the labelled ones are all.
    for (method, teacher) in [("Scratch()", ""), ("Vanilla(divergence: Dkd())", teacher)] {
        let text = page(method, teacher);
        assert!(
            !text.contains("n · ") && !text.contains("\n  n  "),
            "{text}"
        );
    }
}

#[test]
fn size_is_that_of_the_images_and_normalisation_is_measured_when_the_run_starts() {
    let page = explained_for("Vanilla()", "", &FACTS);
    assert!(page.contains("size           16 × 16 pixels"), "{page}");
    assert!(page.contains("measured when the run starts"), "{page}");
}

/// Where the page has a field of the experiment, and the plan as JSON: all at their defaults.
/// A new field that is not named here fails this.
#[test]
fn every_field_of_an_experiment_stands_on_the_page_and_in_json_though_unchanged() {
    let text = explained("Scratch()", false, "");
    let loaded = load_text(
        &TEXT
            .replace("METHOD", "Scratch()")
            .replace("TEACHER", "")
            .replace("EXTRA", ""),
        Path::new("experiments/small.ron"),
        &[],
    );
    let json = loaded.unwrap().plan.to_json().unwrap();
    let places = |name: &str| match name {
        "name" => ("small: ", "/name"),
        "seed" => ("  seed ", "/seed"),
        "device" => ("  device ", "/device"),
        "data" => ("\nData\n", "/data"),
        "teacher" => ("\nTeacher\n  none", "/teacher"),
        "student" => ("\nStudent\n  model ", "/student"),
        "augment" => ("  augment ", "/training/augment"),
        "method" => (": Scratch\n", "/method"),
        "optimizer" => ("  optimizer ", "/training/optimizer"),
        "lr" => ("  lr ", "/training/lr"),
        "knobs" => ("\nKnobs\n", "/training/objective/knobs"),
        "epochs" => ("  epochs ", "/training/epochs"),
        "batch" => (" of batches of 128", "/training/batch"),
        "sampler" => ("  sampler ", "/training/sampler"),
        "accumulate" => ("  accumulate ", "/training/accumulate"),
        "precision" => ("  precision ", "/training/precision"),
        "round" => ("a round is an epoch", "/training/round"),
        "clip" => ("  clip ", "/training/clip"),
        "ema" => ("  ema ", "/training/ema"),
        "label_smoothing" => ("label smoothing 0", "/training/label_smoothing"),
        "class_weights" => ("  class weights  none", "/training/class_weights"),
        "truth_loss" => ("  truth loss     cross-entropy", "/training/truth_loss"),
        "log_every" => ("every 10 steps and at", "/training/log_every"),
        "checkpoint_every" => ("checkpoints every", "/training/checkpoint_every"),
        "metric" => ("highest valid/top1", "/training/metric"),
        "early_stop" => ("  early stop     off", "/training/early_stop"),
        "finish" => ("  finish         none", "/training/finish"),
        "export" => ("\nExport\n  none", "/export"),
        "gates" => ("\nGates\n  none", "/gates"),
        // Fields of data and student.
        "train" => ("  train ", "/data/train"),
        "valid" => ("  valid ", "/data/valid"),
        "test" => ("  test ", "/data/test"),
        "unlabelled" => ("  unlabelled     none", "/data/unlabelled"),
        "size" => ("  size ", "/data/size"),
        "normalize" => ("  normalize ", "/data/normalize"),
        "order" => ("  class order ", "/data/order"),
        "max_bad" => ("unreadable images", "/data/max_bad"),
        "max_pixels" => ("pixels an image", "/data/max_pixels"),
        "memory_mb" => ("images in memory", "/data/memory"),
        "workers" => ("  workers ", "/data/workers"),
        "model" => ("  model ", "/student"),
        // Of a file of weights, of which there is none.
        "weights" | "ema of weights" | "head" => ("  weights        random", "/student_weights"),
        "freeze" => ("  frozen         nothing", "/training/freeze"),
        "layer_decay" => ("  layer decay    none", "/training/layer_decay"),
        other => panic!("where does `{other}` stand?"),
    };
    let fields = |kind: &str| match Type::named(kind).unwrap().shape {
        Shape::Struct(fields) => fields,
        Shape::Enum(_) => panic!("{kind} has fields"),
    };
    for kind in ["Experiment", "DataSpec", "StudentSpec"] {
        for field in fields(kind) {
            let name = match (kind, field.name) {
                ("StudentSpec", "ema") => "ema of weights",
                (_, name) => name,
            };
            let (on_page, in_json) = places(name);
            assert!(text.contains(on_page), "{name}: {text}");
            assert!(json.pointer(in_json).is_some(), "{name}: {json:#}");
        }
    }
}
