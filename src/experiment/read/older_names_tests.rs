//! Files with the names that fields had in older versions.

use std::path::Path;

use super::{Loaded, Override, Report, load_frozen, load_text};

const TEXT: &str = "(
    data: (train: Shapes(count: 200, size: 16)),
    TEACHER
    student: (model: Cnn(channels: [4, 8])),
    method: METHOD,
    epochs: 5,
)";

const TEACHER: &str = "teacher: (model: Cnn(channels: [8, 16]), weights: Train(TRAIN)),";

fn read(method: &str, teacher: Option<&str>, sets: &[&str]) -> Result<Loaded, Report> {
    let teacher = teacher.map_or(String::new(), |train| TEACHER.replace("TRAIN", train));
    let text = TEXT.replace("METHOD", method).replace("TEACHER", &teacher);
    let sets: Vec<Override> = sets
        .iter()
        .map(|set| Override::parse(set).unwrap())
        .collect();
    load_text(&text, Path::new("experiments/older.ron"), &sets)
}

const TRAIN: Option<&str> = Some("epochs: 2");

fn report_of(method: &str, sets: &[&str]) -> String {
    let report = read(method, TRAIN, sets).unwrap_err();
    assert_eq!(report.diagnostics.len(), 1, "{report}");
    report.to_string()
}

#[test]
fn every_field_is_still_read_by_the_name_that_it_once_had() {
    for (older, today) in [
        (
            "Vanilla(p: 0.1, weight: 0.2, truth_weight: 0.3)",
            "Vanilla(p1: 0.1, w: 0.2, w_truth: 0.3)",
        ),
        (
            "AdaptiveAugmentation(p_first: 0.1, p_max: 0.4, weight: 0.2)",
            "AdaptiveAugmentation(p1: 0.1, p_max: 0.4, w: 0.2)",
        ),
        (
            "MultiView(p: 0.1, weight: 0.2, consistency_weight: 0.3, truth_weight: 0.4)",
            "MultiView(p: 0.1, w: 0.2, w_consistency: 0.3, w_truth: 0.4)",
        ),
        (
            "Custom(views: [(p: 0.1), ()], terms: [Distill(weight: 0.2), Truth(weight: 0.3), \
             Consistency(weight: 0.4)], \
             controller: AdaptiveAugmentation(second: [2], weight: \"distill\"))",
            "Custom(views: [(p: 0.1), ()], terms: [Distill(w: 0.2), Truth(w_truth: 0.3), \
             Consistency(w_consistency: 0.4)], \
             controller: AdaptiveAugmentation(second: [2], w: \"distill\"))",
        ),
    ] {
        let older = read(older, Some("epochs: 2, p: 0.3"), &[]).unwrap();
        let today = read(today, Some("epochs: 2, p1: 0.3"), &[]).unwrap();
        assert_eq!(older.spec, today.spec);
        assert_eq!(older.plan, today.plan);
    }
    let scratch = read("Scratch(p: 0.1)", None, &[]).unwrap();
    assert_eq!(
        scratch.plan,
        read("Scratch(p1: 0.1)", None, &[]).unwrap().plan
    );
}

#[test]
fn a_frozen_text_with_older_names_is_read_again() {
    let first = read(
        "AdaptiveAugmentation(p_first: 0.1, weight: 0.2)",
        TRAIN,
        &[],
    )
    .unwrap();
    let origin = Path::new("checkpoints/older-1/experiment.ron");
    let again = load_text(first.frozen_text(), origin, &[]).unwrap();
    assert_eq!(again.plan, first.plan);
}

#[test]
fn a_run_without_a_plan_keeps_the_rule_that_was_the_default_then() {
    let origin = Path::new("checkpoints/older-1/experiment.ron");
    for (left_out, written) in [
        (
            "AdaptiveAugmentation()",
            "AdaptiveAugmentation(update: Feedback())",
        ),
        (
            "AdaptiveAugmentation(w: 0.3)",
            "AdaptiveAugmentation(w: 0.3, update: Feedback())",
        ),
        (
            "Custom(views: [(), ()], terms: [Distill(), Truth(view: 2)], \
             controller: AdaptiveAugmentation(second: [2]))",
            "Custom(views: [(), ()], terms: [Distill(), Truth(view: 2)], \
             controller: AdaptiveAugmentation(second: [2], update: Feedback()))",
        ),
        (
            "AdaptiveAugmentation(update: Gap())",
            "AdaptiveAugmentation(update: Gap())",
        ),
        ("Vanilla()", "Vanilla()"),
    ] {
        let of_run = load_frozen(read(left_out, TRAIN, &[]).unwrap().frozen_text(), origin);
        let meant = read(written, TRAIN, &[]).unwrap();
        assert_eq!(of_run.unwrap().plan, meant.plan, "{left_out}");
    }
}

#[test]
fn a_field_written_by_both_of_its_names_is_written_twice() {
    let report = report_of("Vanilla(weight: 0.2, w: 0.3)", &[]);
    assert!(
        report.contains("`w` is written twice: `weight` is its older name"),
        "{report}"
    );
    let report = report_of("MultiView(w_truth: 0.2, truth_weight: 0.3)", &[]);
    assert!(
        report.contains("`truth_weight` is its older name"),
        "{report}"
    );
    let report = report_of("Vanilla(weight: 0.2, weight: 0.3)", &[]);
    assert!(report.contains("`w` is written twice"), "{report}");
}

#[test]
fn a_setting_finds_its_field_by_either_name_in_a_file_with_either() {
    let w = |method: &str, set: &str| {
        let loaded = read(method, TRAIN, &[set]).unwrap_or_else(|report| panic!("{report}"));
        let w = loaded.plan.training.objective.knob("w").unwrap();
        (w.schedule.at(0.0, 1.0), loaded.text)
    };
    for method in [
        "AdaptiveAugmentation(weight: 0.2)",
        "AdaptiveAugmentation(w: 0.2)",
        "AdaptiveAugmentation()",
    ] {
        for set in [
            "method.AdaptiveAugmentation.weight=0.7",
            "method.AdaptiveAugmentation.w=0.7",
            "method.weight=0.7",
            "method.w=0.7",
        ] {
            let (value, text) = w(method, set);
            assert_eq!(value, 0.7, "{method} {set}");
            assert_eq!(text.matches("0.7").count(), 1, "{text}");
        }
    }
    // The older name of one field is not taken for that of another.
    let (value, text) = w("MultiView(consistency_weight: 0.3)", "method.weight=0.7");
    assert_eq!(value, 0.7);
    assert!(text.contains("consistency_weight: 0.3"), "{text}");
}

#[test]
fn what_is_wrong_with_a_value_is_shown_where_it_stands_and_called_as_today() {
    let report = report_of("Vanilla(truth_weight: -2.0)", &[]);
    assert!(
        report.contains("w_truth: -2 is not between 0 and 1000"),
        "{report}"
    );
    assert!(report.contains("truth_weight: -2.0"), "{report}");
    let report = report_of("Vanilla(temperature: 4.0, wrong: 1.0)", &[]);
    assert!(report.contains("p1, w, w_truth, temperature"), "{report}");
    assert!(!report.contains("weight"), "{report}");
}
