//! `--bench`: measured by processes of their own, kept in the run, taken home.

use std::fs;

use serde_json::Value;

use crate::bench::{Bench, code, said};

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
        for batch in [1, 2] {
            let row = rows
                .iter()
                .find(|row| row["model"] == model && row["batch"] == batch && row["threads"] == 1)
                .unwrap();
            let time = |name: &str| row[name].as_f64().unwrap();
            assert_eq!(row["runs"], 200);
            assert!(time("p50_ms") > 0.0 && time("p50_ms") <= time("p99_ms"));
            assert!(time("peak_memory") > time("file_bytes"));
        }
    }
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
