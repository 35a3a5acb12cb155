use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::experiment::spec::{Bound, Gate, Source as Images};
use crate::untrusted::testing::{grow_sparse, make_pipe};
use crate::untrusted::text::is_active;

const VALID: &str = r#"// an experiment
Experiment(
    name: "small",
    data: (
        train: Shapes(count: 200, size: 16), // pictures
        valid: Holdout(0.2),
        test: Shapes(count: 100, size: 16, seed: 1),
        size: (16, 16),
    ),
    teacher: (model: Cnn(channels: [8, 16]), weights: Train(epochs: 2)),
    student: (model: MobileNetV2(width: 0.5)),
    augment: [HorizontalFlip, PadCrop(2), ColorJitter(hue: 0.1)],
    /* how */ method: AdaptiveAugmentation(update: Scheduled(P1(Linear(from: 0, to: 0.5)))),
    optimizer: AdamW(betas: (0.9, 0.99)),
    lr: Warmup(epochs: 1, then: Piecewise([(0, 0.1), (2, 0.01)])),
    knobs: {"temperature": Constant(3)},
    clip: 1.0,
    gates: [AtLeast("test/top1", 0.5), AtMost("valid/loss@last", Value(2))],
    epochs: 3, // three
)
"#;

fn origin() -> PathBuf {
    PathBuf::from("experiments/small.ron")
}

fn loaded(text: &str, sets: &[&str]) -> Result<Loaded, Report> {
    let overrides: Vec<Override> = sets
        .iter()
        .map(|set| Override::parse(set).unwrap())
        .collect();
    load_text(text, &origin(), &overrides)
}

#[test]
fn a_file_is_read_as_ron_reads_it() {
    // Bare bounds are this reader's own.
    let text = VALID.replace("0.5), AtMost", "Value(0.5)), AtMost");
    let extensions = ron::extensions::Extensions::IMPLICIT_SOME
        | ron::extensions::Extensions::UNWRAP_VARIANT_NEWTYPES;
    let by_ron: Spec = ron::Options::default()
        .with_default_extension(extensions)
        .from_str(&text)
        .unwrap();
    assert_eq!(loaded(&text, &[]).unwrap().spec, by_ron);
    assert_eq!(loaded(VALID, &[]).unwrap().spec, by_ron);
}

#[test]
fn a_bare_number_is_a_bound() {
    let spec = loaded(VALID, &[]).unwrap().spec;
    assert_eq!(
        spec.gates[0],
        Gate::AtLeast("test/top1".to_owned(), Bound::Value(0.5))
    );
}

#[test]
fn the_experiments_of_the_repository_are_well_formed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        read_spec(&text, &path).unwrap_or_else(|report| panic!("{report}"));
        // What may be wrong is that the images are not there.
        if let Err(report) = load(&path, &[]) {
            for diagnostic in report.diagnostics {
                assert!(
                    diagnostic.message.starts_with("there is no folder"),
                    "{diagnostic}"
                );
            }
        }
        count += 1;
    }
    assert!(count >= 7);
}

#[test]
fn an_override_changes_its_value_and_nothing_else() {
    let text = loaded(VALID, &["epochs=20"]).unwrap().text;
    assert_eq!(text, VALID.replace("epochs: 3,", "epochs: 20,"));
    let text = loaded(VALID, &["optimizer.AdamW.betas[1]=0.9"])
        .unwrap()
        .text;
    assert_eq!(text, VALID.replace("(0.9, 0.99)", "(0.9, 0.9)"));
}

#[test]
fn variants_may_be_left_out_of_an_override() {
    for set in [
        "lr.Warmup.then.Piecewise[1]=(2, 0.05)",
        "lr.then[1]=(2, 0.05)",
    ] {
        let text = loaded(VALID, &[set]).unwrap().text;
        assert_eq!(text, VALID.replace("(2, 0.01)", "(2, 0.05)"), "{set}");
    }
}

#[test]
fn an_override_of_what_is_absent_adds_it_behind_the_last_comment() {
    let text = loaded(VALID, &["ema=0.99"]).unwrap().text;
    assert!(
        text.ends_with("epochs: 3, // three\n    ema: 0.99\n)\n"),
        "{text}"
    );
    let again = loaded(VALID, &["ema=0.99", "batch=16"]).unwrap();
    assert_eq!(again.spec.batch, 16);
    assert_eq!(again.spec.ema, Some(0.99));
}

#[test]
fn an_override_adds_fields_inside_fields() {
    let bare = VALID
        .replace("    optimizer: AdamW(betas: (0.9, 0.99)),\n", "")
        .replace("    knobs: {\"temperature\": Constant(3)},\n", "");
    let sets = [
        "optimizer.Sgd.momentum=0.8",
        "optimizer.nesterov=true",
        "knobs.temperature=Constant(2)",
        "knobs.w_truth=Constant(0.5)",
        "method.update.Scheduled=W(Constant(0.5))",
    ];
    let loaded = loaded(&bare, &sets).unwrap();
    assert!(
        loaded
            .text
            .contains("optimizer: Sgd(momentum: 0.8, nesterov: true)")
    );
    assert_eq!(loaded.spec.knobs.len(), 2);
    assert!(loaded.text.contains("Scheduled(W(Constant(0.5)))"));
}

#[test]
fn a_frozen_text_means_the_same_from_another_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("data/train/a")).unwrap();
    std::fs::create_dir_all(folder.path().join("experiments")).unwrap();
    std::fs::write(folder.path().join("data/teacher.pt"), "x").unwrap();
    let text = VALID
        .replace("    name: \"small\",\n", "")
        .replace(
            "Shapes(count: 200, size: 16)",
            "ImageFolder(\"../data/train\")",
        )
        .replace("Train(epochs: 2)", "File(\"../data/teacher.pt\")");
    let origin = folder.path().join("experiments/mine.ron");
    let first = load_text(&text, &origin, &[]).unwrap();
    let elsewhere = folder.path().join("checkpoints/run/experiment.ron");
    let second = load_text(first.frozen_text(), &elsewhere, &[]).unwrap();
    assert_eq!(first.plan, second.plan);
    assert_eq!(second.plan.name, "mine");
    assert!(matches!(&second.spec.data.train, Images::ImageFolder(path) if path.is_absolute()));
    assert!(first.frozen_text().contains("// pictures"));
}

#[test]
fn the_files_of_an_ensemble_are_frozen_like_those_of_one_teacher() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["a.pt", "b.onnx", "names.txt"] {
        std::fs::write(folder.path().join(file), "x").unwrap();
    }
    let text = "(
        data: (train: Shapes(count: 200, size: 16)),
        teacher: (weights: Ensemble([
            (model: Cnn(channels: [8]), weights: File(\"a.pt\"), share: 2),
            (weights: Onnx(\"b.onnx\"), classes: File(\"names.txt\")),
        ])),
        student: (model: Cnn(channels: [4])),
        method: Vanilla(),
        epochs: 1,
    )";
    let first = load_text(text, &folder.path().join("mine.ron"), &[]).unwrap();
    let elsewhere = folder.path().join("checkpoints/run/experiment.ron");
    let second = load_text(first.frozen_text(), &elsewhere, &[]).unwrap();
    assert_eq!(first.plan, second.plan);
    let teacher = second.plan.teacher.unwrap();
    let members = teacher.members();
    let weights: Vec<f64> = members.iter().map(|member| member.weight).collect();
    assert_eq!(weights, [2.0 / 3.0, 1.0 / 3.0]);
    assert!(teacher.files().iter().all(|path| path.is_absolute()));
}

#[test]
fn a_problem_that_an_error_elsewhere_causes_is_not_reported() {
    // With a method that is not known nothing can be said about its teacher.
    let report = loaded(&VALID.replace("AdaptiveAugmentation", "Adaptive"), &[]).unwrap_err();
    assert_eq!(report.diagnostics.len(), 1, "{report}");
    let report = loaded(&VALID.replace("size: 16, seed: 1", "size: x, seed: 1"), &[]).unwrap_err();
    assert_eq!(report.diagnostics.len(), 1, "{report}");
}

#[test]
fn of_very_many_errors_some_are_listed_and_the_rest_is_counted() {
    let report = loaded(&with_fields(8_000, |i| format!("f{i}: 1")), &[]).unwrap_err();
    assert_eq!((report.diagnostics.len(), report.count()), (100, 8_000));
    let text = report.to_string();
    assert!(text.ends_with("\n\nand 7900 more errors"), "{text}");
    assert!(text.len() < 100_000, "{}", text.len());
}

#[test]
fn a_place_far_along_a_line_keeps_its_column_and_shows_what_is_around_it() {
    let note = "/*".to_owned() + &"ü".repeat(50_000) + "*/";
    let report = loaded(&with_fields(1, |_| format!("{note} wrong: 1")), &[]).unwrap_err();
    let place = report.diagnostics[0].place.clone().unwrap();
    assert!(place.column > 50_000, "{place:?}");
    let shown = place
        .source_line
        .chars()
        .skip(place.column - 1 - place.skipped);
    assert!(
        shown.collect::<String>().starts_with("wrong: 1"),
        "{place:?}"
    );
    assert!(place.source_line.chars().count() <= 100);
}

#[test]
fn a_megabyte_of_errors_is_reported_in_little_time_and_few_words() {
    let experiment = |field: &str| with_fields(1, |_| field.to_owned());
    let list = |name: &str, item: &str| experiment(&format!("{name}: [{}]", item.repeat(60_000)));
    let many_knobs: Vec<String> = (0..30_000).map(|i| format!("\"k{i}\": 1")).collect();
    let texts = [
        with_fields(90_000, |i| format!("f{i}: 1")),
        with_fields(90_000, |i| format!("\nf{i}: 1")),
        with_fields(90_000, |_| "epochs: 1".to_owned()),
        with_fields(90_000, |_| "epoch: 1".to_owned()),
        list("gates", "AtLeast(\"x/y\", 0.1),"),
        list("gates", "1,"),
        list("augment", "Nope(1),"),
        list("augment", "PadCrop(),"),
        experiment(&"[".repeat(200_000)),
        experiment(&format!("epochs: {}", "1.".repeat(400_000))),
        experiment(&format!("knobs: {{{}}}", many_knobs.join(","))),
    ];
    for text in texts {
        let start = Instant::now();
        let report = loaded(&text, &[]).unwrap_err();
        assert!(report.diagnostics.len() <= 100);
        let words = report.to_string();
        assert!(words.len() < 200_000, "{} bytes", words.len());
        // Quadratic work would take minutes here.
        let spent = start.elapsed();
        assert!(
            spent < Duration::from_secs(20),
            "{spent:?}: {}",
            &text[..80]
        );
    }
}

/// An experiment on one line with so many fields.
fn with_fields(count: usize, field: impl Fn(usize) -> String) -> String {
    let fields: Vec<String> = (0..count).map(field).collect();
    let valid = VALID.replace('\n', " ").replace("// an experiment", "");
    let valid = valid.replace("// pictures", "").replace("// three", "");
    let valid = valid.trim().trim_end_matches([')', ',', ' ']);
    format!("{valid}, {})", fields.join(","))
}

#[test]
fn errors_of_every_stage_are_reported_together() {
    let text = VALID
        .replace("size: (16, 16),", "size: (16, 16)\n        max_bad 0.5")
        .replace("width: 0.5", "width: \"half\"")
        .replace("PadCrop(2)", "PadCrop(0)")
        .replace("epochs: 3,", "epochs: 3.5,");
    let report = loaded(&text, &[]).unwrap_err();
    let messages: Vec<&str> = report
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "a comma is missing here",
            "a `:` is missing after `max_bad`",
            "expected a number, found the text \"half\"",
            "PadCrop: 0 is not between 1 and 1024",
            "expected a whole number, found `3.5`",
        ]
    );
}

#[test]
fn a_file_that_is_none_or_far_too_large_is_reported_and_neither_waited_for_nor_read() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.ron");
    make_pipe(&path);
    let message = read_text(&path).unwrap_err().to_string();
    assert!(
        message.contains("it is a pipe, not a regular file"),
        "{message}"
    );
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, VALID).unwrap();
    grow_sparse(&path, 1 << 40);
    let message = read_text(&path).unwrap_err().to_string();
    assert!(message.contains("it is larger than 1 MiB"), "{message}");
}

#[test]
fn what_a_terminal_would_act_on_is_visible_in_messages() {
    let hostile = "\u{1b}[2J\u{9b}2J\u{202e}\n::error title=x::y\n";
    let origin = PathBuf::from(format!("{hostile}.ron"));
    let with = |what: &str, written: &str| VALID.replacen(what, written, 1);
    let texts = [
        format!("{hostile}{VALID}"),
        with("temperature", hostile),
        with("test/top1", hostile),
        with("epochs: 3", &format!("\"{hostile}\": 3")),
        with(
            "Shapes(count: 200, size: 16)",
            &format!("ImageFolder(\"{hostile}\")"),
        ),
    ];
    for text in texts {
        let message = load_text(&text, &origin, &[]).unwrap_err().to_string();
        for line in message.lines() {
            assert!(!line.contains(is_active), "{message}");
            assert!(!line.trim_start().starts_with("::"), "{message}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_mutated_file_loads_or_says_why_not(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..4, "[\\PC\n]{0,3}|[()\\[\\]{},:\"/*=.0-9-]{1,3}"), 1..5)
    ) {
        let mut text: Vec<char> = VALID.chars().collect();
        for (at, remove, insert) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + remove).min(text.len());
            text.splice(at..end, insert.chars());
        }
        let text: String = text.into_iter().collect();
        if let Err(report) = load_text(&text, &origin(), &[]) {
            prop_assert!(!report.diagnostics.is_empty());
            for diagnostic in &report.diagnostics {
                prop_assert!(diagnostic.place.is_some());
            }
            prop_assert!(!report.to_string().is_empty());
        }
    }

    #[test]
    fn any_text_loads_or_says_why_not(text in "\\PC{0,60}") {
        if let Err(report) = load_text(&text, &origin(), &[]) {
            prop_assert!(!report.diagnostics.is_empty());
            prop_assert!(!report.to_string().is_empty());
        }
    }

    #[test]
    fn any_override_applies_or_says_why_not(argument in "[a-zA-Z.\\[\\]0-9_=(): \
        \"]{0,24}|[a-z]{1,9}(\\.[A-Za-z]{1,6}){0,3}(\\[[0-9]\\])?=[0-9.()a-z]{1,6}") {
        match Override::parse(&argument) {
            Err(report) => prop_assert!(!report.diagnostics.is_empty()),
            Ok(change) => {
                if let Err(report) = load_text(VALID, &origin(), &[change]) {
                    prop_assert!(!report.diagnostics.is_empty());
                    prop_assert!(!report.to_string().is_empty());
                }
            }
        }
    }
}

#[test]
fn a_path_that_is_set_twice_is_refused_however_it_is_written() {
    let set = |arguments: &[&str]| {
        let set: Vec<Override> = arguments
            .iter()
            .map(|argument| Override::parse(argument).unwrap())
            .collect();
        Override::each_once(&set)
    };
    set(&["epochs=2", "batch=4", "optimizer.momentum=0.5"]).unwrap();
    for second in ["optimizer.momentum=0.8", "optimizer.Sgd.momentum = 0.8"] {
        let error = set(&["optimizer.momentum=0.5", second]).unwrap_err();
        assert!(error.to_string().contains("is set twice"), "{error}");
    }
}

/// They name what to write.
#[test]
fn a_bare_value_and_a_field_that_is_further_in_are_answered_with_what_to_write() {
    for (set, help) in [
        (
            "lr=0.05",
            "write Constant(0.05); choices are Constant, Linear",
        ),
        ("knobs.temperature=2", "write Constant(2); choices are"),
        ("round=50", "write Steps(50); choices are"),
        (
            "data.train=\"photos\"",
            "write ImageFolder(\"photos\"); choices",
        ),
        (
            "temperature=2",
            "did you mean `method.temperature`? fields are",
        ),
        (
            "weight_decay=0.1",
            "did you mean `optimizer.weight_decay`? fields are",
        ),
        (
            "teacher.momentum=0.1",
            "did you mean `weights.optimizer.momentum`? fields are",
        ),
        ("augment=HorizontalFlip", "write [HorizontalFlip]"),
        ("lr.start=0.1", "of which `start` is a part: --set 'lr=…'"),
    ] {
        let text = VALID.replacen(
            "lr:",
            "lr: Constant(0.1), //",
            usize::from(set.starts_with("lr.")),
        );
        let report = loaded(&text, &[set]).unwrap_err();
        let found = report.diagnostics[0].help.as_deref().unwrap_or_default();
        assert!(found.contains(help), "{set}: {report}");
    }
}

#[test]
fn a_problem_that_the_images_make_is_at_its_place_in_the_file_or_the_argument() {
    let report = |sets: &[&str]| {
        let loaded = loaded(VALID, sets).unwrap();
        let report = loaded.report(&Problem::new("epochs", "9 is too many"));
        report
            .diagnostics
            .into_iter()
            .next()
            .unwrap()
            .place
            .unwrap()
    };
    let place = report(&[]);
    assert_eq!(
        (place.origin.as_str(), place.line),
        ("experiments/small.ron", 19)
    );
    let place = report(&["epochs=9"]);
    assert_eq!((place.origin.as_str(), place.column), ("--set", 8));
}
