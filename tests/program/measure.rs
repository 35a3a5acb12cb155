//! `--bench`: measured by processes of their own, kept in the run, taken home.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::bench::{Bench, code, said};

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_run_keeps_what_was_measured_of_its_models_here_and_elsewhere() {
    let bench = Bench::new();
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    let run = bench.newest();
    let name = run.to_str().unwrap();
    let output = bench.run(&["--bench", name, "--batch", "2", "--json"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let mut result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = result["rows"].as_array().unwrap();
    for model in ["Student", "Teacher"] {
        for (batch, engine) in [(1, Value::Null), (1, "Rten".into()), (2, "Rten".into())] {
            let row = rows
                .iter()
                .find(|row| {
                    row["model"] == model
                        && (row["onnx"] == engine)
                        && (row["batch"] == batch && row["threads"] == 1)
                })
                .unwrap();
            let number = |name: &str| row[name].as_f64().unwrap();
            assert_eq!(row["runs"], 200);
            assert!(number("p50_ms") > 0.0 && number("p50_ms") <= number("p99_ms"));
            assert!(number("peak_memory") > number("file_bytes"));
            assert!(number("macs") > 1000.0);
            assert_eq!(row["file"].is_string(), engine != Value::Null);
        }
    }
    assert!(!run.join("export").exists(), "a file was in the way");
    result["machine"]["processor"] = "Cortex-A72".into();
    let board = bench.path().join("board.json");
    fs::write(&board, result.to_string()).unwrap();
    let output = bench.run(&["--bench-into", name, "board.json"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(
        page.contains("Cortex-A72") && page.contains("p50 ms"),
        "{page}"
    );
    assert!(run.join("bench/cortex-a72.json").is_file());
    assert_eq!(fs::read_dir(run.join("bench")).unwrap().count(), 2);
    let columns = "bench/p50_ms,bench/macs,bench/file_bytes";
    let listed = bench.run(&["--runs", "--columns", columns, "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let listed = &listed[0]["columns"];
    assert!(listed["bench/p50_ms"].is_number() && listed["bench/macs"].is_number());
    let table = bench.run(&["--runs", "bench/p50_ms<10000", "--columns", columns]);
    assert!(printed(&table).contains(" ms") && printed(&table).contains("bench/p50_ms"));
    fs::write(&board, "{}").unwrap();
    let output = bench.run(&["--bench-into", name, "board.json"]);
    assert_eq!(code(&output), 2);
    assert!(
        said(&output).contains("it is no result of --bench"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_file_that_was_measured_on_a_board_comes_home_to_the_run_that_wrote_it() {
    let bench = Bench::new();
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    let out = ["--export", "tiny", "--out", "model.onnx"];
    assert_eq!(code(&bench.run(&out)), 0);
    let output = bench.run(&["--bench", "model.onnx", "--batch", "1", "--json"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let mut result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["rows"][0]["model"], "File");
    assert_eq!(result["rows"][0]["variant"], "fp32");
    fs::write(bench.path().join("board.json"), result.to_string()).unwrap();
    let output = bench.run(&["--bench-into", "tiny", "board.json"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert!(printed(&output).contains("student"));
    let shown = printed(&bench.run(&["--show", "tiny"]));
    assert!(shown.contains("Speed"), "{shown}");
    result["rows"][0]["weights"] = "cd".into();
    fs::write(bench.path().join("board.json"), result.to_string()).unwrap();
    let output = bench.run(&["--bench-into", "tiny", "board.json"]);
    assert_eq!(code(&output), 2);
    let why = "it measured model.onnx (BLAKE3 cd), which is none of the files";
    assert!(said(&output).contains(why), "{}", said(&output));
}

#[test]
fn a_run_with_a_gate_on_its_speed_measures_itself() {
    let bench = Bench::new();
    let run = |more: &[&str]| {
        let output = bench.run(&[&["--run", "tiny.ron", "--set", "epochs=1"], more].concat());
        (code(&output), said(&output))
    };
    let gates = "gates=[AtMost(\"bench/p50_ms\", 10000), AtMost(\"bench/macs\", 10)]";
    let (exit, text) = run(&["--set", gates]);
    assert_eq!(exit, 2, "{text}");
    let why = "`bench/p50_ms` needs an export and there is none";
    assert!(text.contains(why), "{text}");
    let (exit, text) = run(&["--set", "gates=[AtMost(\"bench/p50\", 3)]"]);
    assert_eq!(exit, 2, "{text}");
    assert!(text.contains("did you mean `bench/p50_ms`?"), "{text}");
    for export in ["export=Onnx", "export=OnnxUint8"] {
        let (exit, text) = run(&["--set", export, "--set", gates]);
        assert_eq!(exit, 1, "{text}");
        assert!(text.contains("measured: p50 "), "{text}");
        assert!(text.contains("bench/p50_ms ≤ 10000: "), "{text}");
        assert!(text.contains("passed"), "{text}");
        let journal = fs::read_to_string(bench.newest().join("journal.jsonl")).unwrap();
        assert!(journal.contains("StudentMeasured"));
        assert!(bench.newest().join("bench").is_dir());
    }
}

#[test]
fn runs_are_drawn_with_what_they_cost() {
    let bench = Bench::new();
    for epochs in ["epochs=1", "epochs=2"] {
        assert_eq!(code(&bench.run(&["--run", "tiny.ron", "--set", epochs])), 0);
    }
    let pareto = |more: &[&str]| {
        let arguments = ["--runs", "state:completed", "--pareto", "front.svg"];
        bench.run(&[&arguments, more].concat())
    };
    let output = pareto(&[]);
    assert_eq!(code(&output), 2);
    let why = "there is nothing to draw: not measured (2): tiny-";
    assert!(said(&output).contains(why), "{}", said(&output));
    assert!(!bench.path().join("front.svg").exists());
    let output = pareto(&["--x", "macs"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    assert!(printed(&output).contains("wrote front.svg"));
    let newest = bench.newest();
    let name = newest.to_str().unwrap();
    assert_eq!(code(&bench.run(&["--bench", name, "--batch", "1"])), 0);
    let output = pareto(&["--accuracy", "test", "--json"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let picture: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(picture["points"].as_array().unwrap().len(), 1);
    assert_eq!(picture["points"][0]["on_front"], true);
    assert_eq!(picture["absent"][0]["reason"], "not measured");
    let drawn = fs::read_to_string(bench.path().join("front.svg")).unwrap();
    assert!(drawn.contains("latency p50") && drawn.contains("not measured: tiny-"));
    let output = pareto(&["--on", "Cortex"]);
    assert!(said(&output).contains("no run was measured on it; known are"));
    let output = bench.run(&["--runs", "--pareto", "front.png"]);
    assert!(said(&output).contains("name it with the ending .svg"));
    assert_eq!(code(&bench.run(&["--pareto", "front.svg"])), 2);
    assert_eq!(code(&bench.run(&["--runs", "--x", "macs"])), 2);
}

#[test]
fn a_file_that_is_none_is_named() {
    let bench = Bench::new();
    fs::write(bench.path().join("model.onnx"), b"PK\x03\x04").unwrap();
    let output = bench.run(&["--bench", "model.onnx"]);
    assert_eq!(code(&output), 2);
    assert!(
        said(&output).contains("is not an ONNX file"),
        "{}",
        said(&output)
    );
}
