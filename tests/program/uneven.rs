//! A run on classes that do not count alike: weights, places and metrics of classes, in
//! its plan and results, and its bits.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, TINY, code, stderr, weights};
#[cfg(unix)]
use crate::resume::stopped_run;

fn written(bench: &Bench, more: &str) -> &'static str {
    let text = TINY.replacen("epochs: 5,\n", &format!("epochs: 3, {more}\n"), 1);
    assert!(text.contains(more), "{text}");
    fs::write(bench.path().join("uneven.ron"), text).unwrap();
    "uneven.ron"
}

fn events(run: &Path, name: &str) -> Vec<Value> {
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let lines = journal.lines();
    let events = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let events = events.filter_map(|event| {
        let body = event.get(name).or_else(|| event["event"].get(name))?;
        Some(body.clone())
    });
    events.collect()
}

/// Mean over classes of 2 TP / (2 TP + FP + FN), from an evaluation's confusion matrix.
fn macro_f1(evaluation: &Value) -> f64 {
    let rows: Vec<Vec<f64>> = serde_json::from_value(evaluation["confusion"].clone()).unwrap();
    let f1 = (0..rows.len()).filter_map(|class| {
        let images: f64 = rows[class].iter().sum();
        let predicted: f64 = rows.iter().map(|row| row[class]).sum();
        (images + predicted > 0.0).then(|| 2.0 * rows[class][class] / (images + predicted))
    });
    let f1: Vec<f64> = f1.collect();
    f1.iter().sum::<f64>() / f1.len() as f64
}

#[test]
fn the_best_weights_are_those_of_the_metric_and_gates_may_be_of_a_class() {
    let bench = Bench::new();
    let gates = "metric: MacroF1, gates: [AtLeast(\"test/macro_f1\", 0.0), \
                 AtLeast(\"valid/recall/CLASS\", 0.0), AtMost(\"test/balanced_accuracy@last\", 1.0)],";
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let data = &events(&bench.newest(), "DataIndexed")[0];
    let class = data["classes"][1].as_str().unwrap().to_owned();
    let file = written(&bench, &gates.replace("CLASS", &class));
    let output = bench.run(&["--run", file]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stderr(&output);
    assert!(text.contains("macro-F1 "), "{text}");
    assert!(
        text.contains(&format!("valid/recall/{class}@best ≥ 0 %")),
        "{text}"
    );
    let run = bench.newest();
    let evaluations = events(&run, "Evaluated").into_iter().filter(|each| {
        each["phase"] == "Student" && each["split"] == "Valid" && each["weights"] == "Last"
    });
    let values: Vec<(u64, f64)> = evaluations
        .map(|each| (each["step"].as_u64().unwrap(), macro_f1(&each)))
        .collect();
    let best = values
        .iter()
        .copied()
        .reduce(|a, b| if b.1 > a.1 { b } else { a });
    let (step, value) = best.unwrap();
    let state: Value =
        serde_json::from_slice(&fs::read(run.join("latest/state.json")).unwrap()).unwrap();
    assert_eq!(state["best"]["step"], step);
    assert!((state["best"]["value"].as_f64().unwrap() - value).abs() < 1e-12);
    let columns = format!("valid/macro_f1,valid/recall/{class}");
    let listed = bench.run(&["--runs", "--json", "--columns", &columns]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let listed = listed.as_array().unwrap_or_else(|| panic!("{listed}"));
    let name = run.file_name().unwrap().to_str().unwrap();
    let own = listed.iter().find(|each| each["run"] == name).unwrap();
    let found = own["columns"]["valid/macro_f1@best"].as_f64().unwrap();
    assert!((found - value).abs() < 1e-12, "{own}");
    assert!(
        own["columns"][format!("valid/recall/{class}@best")].is_number(),
        "{own}"
    );

    let file = written(&bench, "gates: [AtLeast(\"test/recall/horse\", 0.5)],");
    for mode in ["--check", "--run"] {
        let output = bench.run(&[mode, file]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        let why = "there is no class `horse`";
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
}

#[test]
#[cfg(unix)]
fn weighted_labels_and_balanced_places_resume_to_the_same_bits() {
    let bench = Bench::new();
    let plain = written(&bench, "");
    assert_eq!(code(&bench.run(&["--run", plain])), 0);
    let mut ends = vec![weights(&bench.newest())];
    for more in [
        "class_weights: [0.5, 1.0, 4.0],",
        "sampler: Balanced, accumulate: 2,",
    ] {
        let file = written(&bench, more);
        let output = bench.run(&["--run", file]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let whole = weights(&bench.newest());
        assert!(!ends.contains(&whole), "{more} changes nothing");
        let mut stops = 0;
        while stops < 6 {
            stops += stopped_run(&bench, file, stops);
            assert!(
                weights(&bench.newest()) == whole,
                "{more} after {stops} stops"
            );
        }
        ends.push(whole);
    }
}

#[test]
fn what_cannot_weigh_classes_is_refused() {
    let bench = Bench::new();
    for (setting, why) in [
        (
            "class_weights=[1, 2]",
            "2 weights are given, and there are 3 classes",
        ),
        ("class_weights=[1, 2, 0]", "0 is not positive"),
        ("class_weights=Even", "Balanced"),
        ("sampler=Random", "Balanced"),
        ("metric=Accuracy", "Top1"),
    ] {
        let output = bench.run(&["--check", "tiny.ron", "--set", setting]);
        assert_eq!(code(&output), 2, "{setting}: {}", stderr(&output));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
    let balanced = [
        "--check",
        "tiny.ron",
        "--set",
        "class_weights=Balanced",
        "--set",
    ];
    let output = bench.run(&[&balanced[..], &["sampler=Balanced"]].concat());
    let plan = String::from_utf8(output.stdout).unwrap();
    assert!(plan.contains("class weights"), "{plan}");
    assert!(plan.contains("as many places in an epoch"), "{plan}");
}
