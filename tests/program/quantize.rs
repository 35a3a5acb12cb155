//! A training that is finished with rounded weights and values: its place in plan,
//! journal and folder, its bits, and the file that comes of it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, code, stderr, weights};
#[cfg(unix)]
use crate::fork::changed_run;
#[cfg(unix)]
use crate::resume::stopped_run;

const FINISH: &str = "finish=Quantize(epochs: 2)";

/// The tiny experiment with a finish, in a file.
fn finished(bench: &Bench) -> &'static str {
    let text = fs::read_to_string(bench.path().join("tiny.ron")).unwrap();
    let text = text.replacen(
        "epochs: 5,\n",
        "epochs: 2, finish: Quantize(epochs: 2),\n",
        1,
    );
    assert!(text.contains("Quantize"), "{text}");
    fs::write(bench.path().join("finished.ron"), text).unwrap();
    "finished.ron"
}

/// What the journal says of the student's evaluations on validation images: weights,
/// step and top-1.
fn evaluations(run: &Path) -> Vec<(String, u64, f64)> {
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let lines = journal
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let evaluations = lines.filter_map(|line| {
        let each = line
            .get("Evaluated")
            .or_else(|| line["event"].get("Evaluated"))?;
        (each["phase"] == "Student" && each["split"] == "Valid").then(|| {
            (
                each["weights"].as_str().unwrap().to_owned(),
                each["step"].as_u64().unwrap(),
                each["top1"].as_f64().unwrap(),
            )
        })
    });
    evaluations.collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_finish_is_planned_trained_and_exported_with_what_it_learned() {
    let bench = Bench::new();
    let file = finished(&bench);
    let checked = bench.run(&["--check", file]);
    assert_eq!(code(&checked), 0, "{}", stderr(&checked));
    let plan = String::from_utf8(checked.stdout).unwrap();
    assert!(
        plan.contains("2 more epochs with fake quantisation"),
        "{plan}"
    );
    let output = bench.run(&["--run", file]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let run = bench.newest();
    let evaluations = evaluations(&run);
    let of: Vec<&str> = evaluations
        .iter()
        .map(|(weights, ..)| weights.as_str())
        .collect();
    assert_eq!(of, ["Last", "Last", "Quantized", "Quantized"]);
    let state = json(&run.join("latest/state.json"));
    let best = |from: usize| {
        let evaluations = evaluations[from..from + 2].iter();
        let best = evaluations.reduce(|best, next| if next.2 > best.2 { next } else { best });
        best.unwrap()
    };
    for (place, from, name) in [("best", 0, "best"), ("quantized", 2, "best_quantized")] {
        let (_, step, top1) = best(from);
        assert_eq!(state[name]["step"], *step, "{name}");
        assert_eq!(state[name]["value"], *top1, "{name}");
        let model = json(&run.join(place).join("model.json"));
        assert_eq!(model["trained"]["step"], *step, "{place}");
    }
    assert!(!run.join("best/ranges.json").exists());
    let ranges = json(&run.join("quantized/ranges.json"));
    assert_eq!(ranges["weight_bits"], 8);

    let exported = bench.run(&["--export", "tiny", "--int8", "--weight-bits", "8", "--json"]);
    assert_eq!(code(&exported), 0, "{}", stderr(&exported));
    let exported: Value = serde_json::from_slice(&exported.stdout).unwrap();
    let trials = exported["int8"]["trials"].as_array().unwrap();
    let trained = trials
        .iter()
        .find(|it| it["scheme"]["activations"] == "trained");
    // The file gives the classes that the rounding network gave.
    let top1 = trained.unwrap()["top1"].as_f64().unwrap();
    assert!((top1 - best(2).2).abs() < 0.01, "{top1} {:?}", best(2));
}

#[test]
#[cfg(unix)]
fn a_finish_that_is_stopped_anywhere_ends_with_the_same_bits() {
    let bench = Bench::new();
    let file = finished(&bench);
    let output = bench.run(&["--run", file]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let bits = |run: &Path| {
        let files = ["quantized/ranges.json", "latest/ranges.json"];
        let files = files.map(|file| fs::read(run.join(file)).unwrap());
        let quantized = fs::read(run.join("quantized/weights.safetensors")).unwrap();
        (weights(run), files, quantized)
    };
    let whole = bits(&bench.newest());
    let mut stops = 0;
    while stops < 12 {
        stops += stopped_run(&bench, file, stops);
        assert!(bits(&bench.newest()) == whole, "after {stops} stops");
    }
}

#[test]
#[cfg(unix)]
fn a_run_with_a_finish_goes_back_to_the_bits_of_one_that_was_never_changed() {
    let bench = Bench::new();
    let file = finished(&bench);
    assert_eq!(code(&bench.run(&["--run", file])), 0);
    let bits = |run: &Path| {
        let quantized = fs::read(run.join("quantized/weights.safetensors")).unwrap();
        (weights(run), quantized)
    };
    let unchanged = bits(&bench.newest());
    let (run, kept) = changed_run(&bench, file);
    assert!(bits(&run) != unchanged, "the change changed nothing");
    let back = ["--fork", run.to_str().unwrap(), "--from", &kept];
    let output = bench.run(&back);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(bits(&bench.newest()) == unchanged);
    let runs = bench.runs().len();
    let output = bench.run(&[&back[..], &["--add-epochs", "1"]].concat());
    assert_eq!(code(&output), 2);
    let why = "the training ends with its `finish`";
    assert!(stderr(&output).contains(why), "{}", stderr(&output));
    assert_eq!(bench.runs().len(), runs);
}

#[test]
fn what_cannot_be_of_a_finish_is_refused() {
    let bench = Bench::new();
    for (setting, why) in [
        ("finish=Quantize(epochs: 0)", "0 is not between 1 and"),
        (
            "finish=Quantize(epochs: 1, weight_bits: 4)",
            "a weight has 7 or 8 bits",
        ),
        (
            "finish=Quantize(epochs: 1, learning_rate: 0)",
            "is not positive",
        ),
    ] {
        let output = bench.run(&["--check", "tiny.ron", "--set", setting]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
    let output = bench.run(&["--run", "tiny.ron", "--set", FINISH]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let run = bench.newest();
    let output = bench.run(&["--resume", run.to_str().unwrap(), "--add-epochs", "1"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("ends with its `finish`"),
        "{}",
        stderr(&output)
    );
}
