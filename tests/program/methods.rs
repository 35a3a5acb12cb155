//! Every preset, term, divergence, truth target and rule that the catalogue names, among labelled
//! and unlabelled images: checked, trained with, stopped and resumed to the same bits, and
//! exported.

use std::fs;

use workbench::experiment::catalogue::{Holds, Shape, Type};

use crate::bench::{Bench, TINY, code, stderr, weights};
#[cfg(unix)]
use crate::resume::stopped_run;

/// Every form of a type of the catalogue with the least that must be written.
fn every(kind: &str) -> Vec<String> {
    let Shape::Enum(variants) = Type::named(kind).unwrap().shape else {
        panic!("{kind} is one of several");
    };
    let written = variants.iter().map(|variant| match variant.holds {
        Holds::Nothing => variant.name.to_owned(),
        Holds::Fields(_) => format!("{}()", variant.name),
        Holds::Values(_) if kind == "Update" => format!("{}(W(Constant(0.5)))", variant.name),
        Holds::Values(_) => panic!("what does {}(…) hold?", variant.name),
    });
    written.collect()
}

/// Methods, with what stands beside them in the experiment.
fn every_method() -> Vec<(String, String)> {
    let mut methods: Vec<String> = every("MethodSpec");
    methods.retain(|method| method != "Custom()");
    methods.extend(every("CustomTerm").iter().map(|term| {
        let term = term.replace("()", "(name: \"own\")");
        format!("Custom(views: [(p: 0.3), ()], terms: [Distill(), Truth(), {term}])")
    }));
    methods.extend(every("CustomController").iter().map(|it| {
        let it = it.replace("()", "(second: [])");
        format!("Custom(views: [()], terms: [Distill(), Truth()], controller: {it})")
    }));
    for (kind, method) in [
        ("FeatureTerm", "Vanilla(features: EACH)"),
        ("Divergence", "Vanilla(divergence: EACH)"),
        ("TruthTarget", "SteeredKd(truth: EACH)"),
        ("SecondProbability", "AdaptiveAugmentation(p2: EACH)"),
        ("Update", "AdaptiveAugmentation(update: EACH)"),
        (
            "WhenUnderfitting",
            "AdaptiveAugmentation(update: Gap(when_underfitting: EACH))",
        ),
        ("ViewImages", "AdaptiveAugmentation(views: EACH)"),
        ("TeacherViews", "MultiView(teacher_views: EACH)"),
        ("ConsistencySpace", "MultiView(space: EACH)"),
    ] {
        methods.extend(every(kind).iter().map(|it| method.replace("EACH", it)));
    }
    let mut all: Vec<(String, String)> = methods
        .into_iter()
        .map(|method| (method, String::new()))
        .collect();
    for loss in every("TruthLossSpec") {
        let beside = format!("truth_loss: {loss}, label_smoothing: 0.1,");
        for target in every("TruthTarget") {
            all.push((format!("SteeredKd(truth: {target})"), beside.clone()));
        }
    }
    all
}

/// The tiny experiment with a method, half of its batches unlabelled.
fn with(method: &str, beside: &str) -> String {
    let line = |name: &str| {
        let mut lines = TINY.lines();
        lines
            .find(|line| line.trim_start().starts_with(name))
            .unwrap()
    };
    let unlabelled = "workers: 2, unlabelled: (source: Shapes(classes: 3, count: 40, size: 12, \
                      seed: 5)),";
    let mut text = TINY
        .replace(line("method:"), &format!("    method: {method}, {beside}"))
        .replace(line("workers:"), unlabelled)
        .replace(
            line("epochs:"),
            "    epochs: 2, round: Steps(4), export: Onnx,",
        );
    if method == "Scratch()" {
        text = text.replace(line("teacher:"), "");
    }
    text
}

#[test]
fn every_method_of_the_catalogue_is_checked_trained_resumed_and_exported() {
    let bench = Bench::new();
    for (method, beside) in every_method() {
        let name = format!("{method} {beside}");
        fs::write(bench.path().join("each.ron"), with(&method, &beside)).unwrap();
        let output = bench.run(&["--check", "each.ron"]);
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
        let page = String::from_utf8(output.stdout).unwrap();
        assert!(page.contains("8 training images, 8 unlabelled"), "{page}");
        let output = bench.run(&["--run", "each.ron"]);
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
        let run = bench.newest();
        let exported = fs::read_dir(run.join("export")).unwrap();
        let is_onnx = |path: &std::path::Path| path.extension().is_some_and(|it| it == "onnx");
        assert!(
            exported
                .map(|entry| entry.unwrap().path())
                .any(|path| is_onnx(&path)),
            "{name}"
        );
        #[cfg(unix)]
        {
            let whole = weights(&run);
            stopped_run(&bench, "each.ron", 1);
            assert!(weights(&bench.newest()) == whole, "{name}");
        }
    }
}
