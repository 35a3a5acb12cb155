//! Every term over feature maps that an experiment may name: checked, trained with, stopped and
//! resumed to the same bits, and exported without what was only there to train.

use std::fs;

use workbench::experiment::catalogue::{Holds, Shape, Type};

use crate::bench::{Bench, TINY, code, stderr, weights};
#[cfg(unix)]
use crate::resume::stopped_run;

/// Every term of the catalogue as it is written at least.
fn every_term() -> Vec<String> {
    let Shape::Enum(variants) = Type::named("FeatureTerm").unwrap().shape else {
        panic!("a term over feature maps is one of several");
    };
    let written = variants.iter().map(|variant| {
        assert!(matches!(variant.holds, Holds::Fields(_)));
        format!("{}()", variant.name)
    });
    written.collect()
}

/// The tiny experiment with another method.
fn with(method: &str) -> String {
    let line = TINY.lines().find(|line| line.contains("method:")).unwrap();
    TINY.replace(line, &format!("    method: {method},"))
}

#[test]
fn every_term_alone_is_taken_a_step_with_and_leaves_an_export_of_the_student_alone() {
    let bench = Bench::new();
    for term in every_term() {
        let text = with(&format!("Vanilla(p1: 0.0, features: {term})"))
            .replace("epochs: 5,", "epochs: 1, export: Onnx,");
        fs::write(bench.path().join("each.ron"), text).unwrap();
        let output = bench.run(&["--check", "each.ron"]);
        assert_eq!(code(&output), 0, "{term}: {}", stderr(&output));
        let page = String::from_utf8(output.stdout).unwrap();
        assert!(page.contains("stages"), "{page}");
        let output = bench.run(&["--run", "each.ron"]);
        assert_eq!(code(&output), 0, "{term}: {}", stderr(&output));
        let run = bench.newest();
        let plan = fs::read_to_string(run.join("plan.json")).unwrap();
        assert!(plan.contains("\"pairs\":"), "{plan}");
        let has_regressors = run.join("latest/regressors.safetensors").exists();
        assert_eq!(has_regressors, term == "Hint()", "{term}");
        for file in ["best/weights.safetensors", "latest/weights.safetensors"] {
            let weights = fs::read(run.join(file)).unwrap();
            let header = String::from_utf8_lossy(&weights[..weights.len().min(4096)]).into_owned();
            assert!(!header.contains("regressors"), "{term}: {file}");
        }
        let name = format!("{}.onnx", run.file_name().unwrap().to_string_lossy());
        let file = fs::read(run.join("export").join(&name)).unwrap();
        let text = String::from_utf8_lossy(&file);
        assert!(text.contains("classifier.weight") && !text.contains("regressors"));
    }
}

/// All of them on two views, of which one is of images as they are.
#[cfg(unix)]
const ALL: &str = "Custom(
        views: [(p: 0.4), (p: 0.0)],
        terms: [
            Distill(views: [1, 2]),
            Truth(),
            Hint(w_hint: 1.0, stages: [(\"features.0\", \"features.0\"), (\"features.4\", \"features.4\")]),
            Hint(name: \"embedding\", w_hint: 0.5, stages: [(\"embedding\", \"embedding\")]),
            Attention(views: [1, 2], w_attention: 10.0),
            Similarity(w_similarity: 10.0),
            Relation(w_relation: 0.1),
        ],
    )";

#[test]
#[cfg(unix)]
fn a_run_with_every_term_resumes_to_the_same_bits() {
    let bench = Bench::new();
    let text = with(ALL).replace("epochs: 5,", "epochs: 3, finish: Quantize(epochs: 1),");
    fs::write(bench.path().join("all.ron"), text).unwrap();
    let output = bench.run(&["--run", "all.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let state = || {
        let regressors = fs::read(bench.newest().join("latest/regressors.safetensors")).unwrap();
        (weights(&bench.newest()), regressors)
    };
    let whole = state();
    let mut stops = 0;
    while stops < 6 {
        stops += stopped_run(&bench, "all.ron", stops);
        assert!(state() == whole, "{stops} stops");
    }
}

#[test]
fn what_does_not_bear_feature_maps_is_refused_with_a_way_out() {
    let bench = Bench::new();
    let hint = "Vanilla(p1: 0.0, features: Hint())";
    let teacher = TINY.lines().find(|line| line.contains("teacher:")).unwrap();
    fs::write(bench.path().join("teacher.file"), "x").unwrap();
    let file = |kind: &str| {
        let program = format!("    teacher: (weights: {kind}(\"teacher.file\")),");
        with(hint).replace(teacher, &program)
    };
    let vanilla = |features: &str| with(&format!("Vanilla(features: {features})"));
    for (text, messages) in [
        (
            file("TorchScript"),
            vec!["a TorchScript file gives logits alone", "model: …"],
        ),
        (file("Logits"), vec!["a file of logits gives logits alone"]),
        (
            vanilla("Similarity()").replace("batch: 16,", "batch: 16, accumulate: 2,"),
            vec![
                "Similarity compares the images of a whole one",
                "Attention or Hint",
            ],
        ),
        (
            vanilla("Relation()").replace("batch: 16,", "batch: 1,"),
            vec![
                "Relation compares the images of a batch",
                "`batch: 2` or more",
            ],
        ),
        (
            vanilla("Hint(stages: [(\"features.0\", \"features.4\")])"),
            vec!["`features.0` of the student has 12 × 12 pixels", "6 × 6"],
        ),
        (
            vanilla("Attention(stages: [(\"features.5\", \"features.4\")])"),
            vec!["`features.5` of the student", "features.4 8 × 6 × 6"],
        ),
        (
            vanilla("Attention(stages: [(\"embedding\", \"embedding\")])"),
            vec!["is one pixel"],
        ),
        (
            vanilla("Hint()").replace("Cnn(channels: [4, 8])", "Mlp(hidden: [8])"),
            vec![
                "no stage of the student suits one of the teacher",
                "Relation",
            ],
        ),
        (vanilla("Hint(views: [2])"), vec!["views count from 1 to 1"]),
        (
            vanilla("Hint(w_hint: -1)"),
            vec!["-1 is not between 0 and 100000"],
        ),
    ] {
        fs::write(bench.path().join("refused.ron"), &text).unwrap();
        let output = bench.run(&["--check", "refused.ron"]);
        let found = stderr(&output);
        assert_eq!(code(&output), 2, "{messages:?}: {found}");
        // Lines are broken where they are long.
        let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
        for message in messages {
            assert!(found.contains(message), "{message} is not in {found}");
        }
    }
}

#[test]
fn feature_maps_bear_parts_of_batches_unlabelled_images_and_mixed_ones() {
    let bench = Bench::new();
    let text = with("Vanilla(features: Hint(w_hint: 1.0))")
        .replace("epochs: 5,", "epochs: 1, accumulate: 2,")
        .replace(
            "workers: 2,",
            "workers: 2, unlabelled: (source: Shapes(classes: 3, count: 60, size: 12, seed: 5)),",
        )
        .replace("Cutout(3)]", "Cutout(3), MixUp(0.2)]");
    fs::write(bench.path().join("mixed.ron"), text).unwrap();
    let output = bench.run(&["--run", "mixed.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}
