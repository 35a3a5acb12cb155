//! `--bench`: measured by processes of their own, kept in the run, taken home.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::bench::{Bench, code, stderr};

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// What was printed, without the breaks of its lines.
fn in_one_line(output: &Output) -> String {
    let text = printed(output);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A run, and what was measured of its models here.
fn measured(bench: &Bench) -> (PathBuf, Value) {
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    let run = bench.newest();
    let output = bench.run(&["--bench", run.to_str().unwrap(), "--batch", "2", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let result = serde_json::from_slice(&output.stdout).unwrap();
    (run, result)
}

#[test]
fn a_run_keeps_what_was_measured_of_its_models() {
    let bench = Bench::new();
    let (run, result) = measured(&bench);
    let name = run.to_str().unwrap();
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
    // What was written to be measured is what would be exported.
    let exported = bench.path().join("same.onnx");
    let out = ["--export", name, "--out", "same.onnx"];
    assert_eq!(code(&bench.run(&out)), 0);
    let sizes = |file: bool| {
        let rows = rows.iter().filter(|row| row["model"] == "Student");
        let mut rows = rows.filter(|row| row["file"].is_string() == file);
        (rows
            .clone()
            .all(|row| row["macs"] == rows.clone().next().unwrap()["macs"]))
        .then(|| rows.next().unwrap()["file_bytes"].as_u64().unwrap())
        .unwrap()
    };
    let (weights, onnx) = (sizes(false), sizes(true));
    assert_eq!(weights, length(&run.join("best/weights.safetensors")));
    assert_eq!(onnx, length(&exported));
    let inputs = rows
        .iter()
        .map(|row| (row["file"].is_string(), &row["input"]));
    for (is_file, input) in inputs {
        assert_eq!(*input, if is_file { "float".into() } else { Value::Null });
    }
}

#[test]
fn what_a_board_measured_of_a_run_is_taken_home() {
    let bench = Bench::new();
    let (run, mut result) = measured(&bench);
    let name = run.to_str().unwrap();
    result["machine"]["processor"] = "Cortex-A72".into();
    let board = bench.path().join("board.json");
    fs::write(&board, result.to_string()).unwrap();
    let output = bench.run(&["--bench-into", name, "board.json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(
        page.contains("Cortex-A72") && page.contains("p50") && page.contains(" ms "),
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
    let refused = |result: &Value, why: &str| {
        fs::write(&board, result.to_string()).unwrap();
        let output = bench.run(&["--bench-into", name, "board.json"]);
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    };
    for (at, row) in result["rows"].as_array().unwrap().iter().enumerate() {
        let model = row["model"].as_str().unwrap().to_lowercase();
        let mut other = result.clone();
        other["rows"][at]["weights"] = "cd".into();
        refused(
            &other,
            &format!("it measured a {model} (BLAKE3 cd) with other weights"),
        );
    }
    fs::write(&board, "{}").unwrap();
    let output = bench.run(&["--bench-into", name, "board.json"]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("it is not a result of --bench"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn what_a_run_knows_itself_is_not_taken_from_a_result() {
    let bench = Bench::new();
    let (run, mut result) = measured(&bench);
    let name = run.to_str().unwrap();
    result["machine"]["processor"] = "Cortex-A72".into();
    let board = bench.path().join("board.json");
    // A run knows itself how much its models compute.
    let macs = || {
        let columns = [
            "--runs",
            "--columns",
            "bench/macs,bench/file_bytes",
            "--json",
        ];
        let listed: Value = serde_json::from_slice(&bench.run(&columns).stdout).unwrap();
        listed[0]["columns"].clone()
    };
    let before = macs();
    let mut other = result.clone();
    for row in other["rows"].as_array_mut().unwrap() {
        (row["macs"], row["file_bytes"]) = (1.into(), row["file_bytes"].clone());
    }
    fs::write(&board, other.to_string()).unwrap();
    let forged = bench.run(&["--bench-into", name, "board.json"]);
    assert_eq!(code(&forged), 0, "{}", stderr(&forged));
    let why = "warning: board.json: row 1: MACs are not those of tiny-";
    assert!(stderr(&forged).contains(why), "{}", stderr(&forged));
    assert_eq!(macs(), before);
    let kept: Value =
        serde_json::from_slice(&fs::read(run.join("bench/cortex-a72.json")).unwrap()).unwrap();
    assert!(
        kept["rows"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["macs"] != 1)
    );
    // Runs are renamed; what was measured are the weights.
    result["target"] = "before".into();
    fs::write(&board, result.to_string()).unwrap();
    let renamed = bench.run(&["--bench-into", name, "board.json"]);
    assert_eq!(code(&renamed), 0, "{}", stderr(&renamed));
    assert!(
        !stderr(&renamed).contains("warning: board.json"),
        "{}",
        stderr(&renamed)
    );
    let kept = run.join("bench/cortex-a72.json");
    let text = fs::read_to_string(&kept).unwrap();
    fs::write(&kept, text.replace("\"runs\": 200", "\"runs\": 201")).unwrap();
    let shown = in_one_line(&bench.run(&["--show", name]));
    let why = "cortex-a72.json is not used: its checksum does not match";
    assert!(
        shown.contains(why) && !shown.contains("Cortex-A72"),
        "{shown}"
    );
}

#[test]
fn a_file_that_was_measured_on_a_board_comes_home_to_the_run_that_wrote_it() {
    let bench = Bench::new();
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    let out = ["--export", "tiny", "--out", "model.onnx"];
    assert_eq!(code(&bench.run(&out)), 0);
    let output = bench.run(&["--bench", "model.onnx", "--batch", "1", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut result: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(result["rows"][0]["model"], "File");
    assert_eq!(result["rows"][0]["variant"], "fp32");
    fs::write(bench.path().join("board.json"), result.to_string()).unwrap();
    let output = bench.run(&["--bench-into", "tiny", "board.json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(printed(&output).contains("student"));
    let shown = printed(&bench.run(&["--show", "tiny"]));
    assert!(shown.contains("Speed"), "{shown}");
    result["rows"][0]["weights"] = "cd".into();
    fs::write(bench.path().join("board.json"), result.to_string()).unwrap();
    let output = bench.run(&["--bench-into", "tiny", "board.json"]);
    assert_eq!(code(&output), 2);
    let why = "it measured model.onnx (BLAKE3 cd), which is none of the files";
    assert!(stderr(&output).contains(why), "{}", stderr(&output));
}

#[test]
fn files_of_other_runs_are_named_and_not_measured() {
    let bench = Bench::new();
    for seed in ["seed=3", "seed=4"] {
        let short = ["--run", "tiny.ron", "--set", "epochs=1", "--set", seed];
        assert_eq!(code(&bench.run(&short)), 0);
    }
    let [one, other] = &bench.runs()[..] else {
        panic!("two runs")
    };
    let file = |run: &std::path::Path| {
        let name = run.file_name().unwrap().to_str().unwrap();
        run.join(format!("export/{name}.onnx"))
    };
    for run in [one, other] {
        assert_eq!(code(&bench.run(&["--export", run.to_str().unwrap()])), 0);
    }
    let measured = || {
        let output = bench.run(&["--bench", one.to_str().unwrap(), "--batch", "1", "--json"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let hash = |row: &Value| row["weights"].as_str().unwrap().to_owned();
        let rows = result["rows"].as_array().unwrap().iter();
        let students = rows.filter(|row| row["model"] == "Student").map(hash);
        (students.collect::<Vec<_>>(), stderr(&output))
    };
    let hash = |path: &std::path::Path| {
        let bytes = fs::read(path).unwrap();
        blake3::hash(&bytes).to_hex().to_string()
    };
    let (hashes, errors) = measured();
    assert!(
        hashes.contains(&hash(&file(one))) && errors.is_empty(),
        "{errors}"
    );
    fs::copy(file(other), file(one)).unwrap();
    let (hashes, errors) = measured();
    assert!(
        errors.contains("is not the file that was exported"),
        "{errors}"
    );
    assert!(!hashes.contains(&hash(&file(other))), "{hashes:?}");
    let proofs = one.join("export/proof.json");
    let text = fs::read_to_string(&proofs).unwrap();
    fs::write(&proofs, &text[..text.len() / 2]).unwrap();
    let (_, errors) = measured();
    assert!(errors.contains("proof.json is damaged"), "{errors}");
    let shown = bench.run(&["--show", one.to_str().unwrap()]);
    let shown = in_one_line(&shown);
    assert!(shown.contains("proof.json is damaged"), "{shown}");
    let output = bench.run(&["--export", one.to_str().unwrap(), "--force"]);
    assert!(
        printed(&output).contains("proof.json is damaged"),
        "{}",
        printed(&output)
    );
}

#[test]
fn a_teacher_that_is_another_file_now_is_refused() {
    let bench = Bench::new();
    for (seed, file) in [("seed=3", "teacher.onnx"), ("seed=4", "other.onnx")] {
        let short = ["--run", "tiny.ron", "--set", "epochs=1", "--set", seed];
        assert_eq!(code(&bench.run(&short)), 0);
        let run = bench.newest();
        let out = ["--export", run.to_str().unwrap(), "--out", file];
        assert_eq!(code(&bench.run(&out)), 0);
    }
    let teacher = "teacher=(weights: Onnx(\"teacher.onnx\"), trusted: true)";
    let taught = ["--run", "tiny.ron", "--set", "epochs=1", "--set", teacher];
    assert_eq!(code(&bench.run(&taught)), 0);
    let at = |name: &str| bench.path().join(name);
    fs::copy(at("other.onnx"), at("teacher.onnx")).unwrap();
    let run = bench.newest();
    let output = bench.run(&["--bench", run.to_str().unwrap(), "--batch", "1"]);
    assert_eq!(code(&output), 2);
    let why = "teacher.onnx is not the teacher that the run was trained with";
    assert!(stderr(&output).contains(why), "{}", stderr(&output));
    assert!(!run.join("bench").exists());
}

#[test]
fn a_run_with_a_gate_on_its_speed_measures_itself() {
    let bench = Bench::new();
    let run = |more: &[&str]| {
        let output = bench.run(&[&["--run", "tiny.ron", "--set", "epochs=1"], more].concat());
        (code(&output), stderr(&output))
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
    let why = "no run can be plotted: not measured (2): tiny-";
    assert!(stderr(&output).contains(why), "{}", stderr(&output));
    assert!(!bench.path().join("front.svg").exists());
    let output = pareto(&["--x", "macs"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(printed(&output).contains("wrote front.svg"));
    let newest = bench.newest();
    let name = newest.to_str().unwrap();
    assert_eq!(code(&bench.run(&["--bench", name, "--batch", "1"])), 0);
    let output = pareto(&["--accuracy", "test", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let picture: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(picture["points"].as_array().unwrap().len(), 1);
    assert_eq!(picture["points"][0]["on_front"], true);
    assert_eq!(picture["absent"][0]["reason"], "not measured");
    let drawn = fs::read_to_string(bench.path().join("front.svg")).unwrap();
    assert!(drawn.contains("latency p50") && drawn.contains("not measured: tiny-"));
    let output = pareto(&["--on", "Cortex"]);
    assert!(stderr(&output).contains("no run was measured on it; available: "));
    fs::write(bench.path().join("notes.svg"), "not a picture").unwrap();
    symlink("front.svg", bench.path().join("link.svg")).unwrap();
    let within = format!("{name}/best/front.svg");
    for (file, why) in [
        ("notes.svg", "the file that is there is no SVG"),
        ("link.svg", "it is a symbolic link"),
        (within.as_str(), "it is in the folder of the run"),
    ] {
        let output = bench.run(&["--runs", "--pareto", file]);
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
    let output = bench.run(&["--runs", "state:failed", "--pareto", "front.svg"]);
    assert!(stderr(&output).contains("none matches the filter"));
    let output = bench.run(&["--runs", "--pareto", "front.png"]);
    assert!(stderr(&output).contains("name it with the ending .svg"));
    assert_eq!(code(&bench.run(&["--pareto", "front.svg"])), 2);
    assert_eq!(code(&bench.run(&["--runs", "--x", "macs"])), 2);
}

#[test]
fn a_file_that_is_none_is_named() {
    let bench = Bench::new();
    fs::write(bench.path().join("model.onnx"), b"PK\x03\x04").unwrap();
    let output = bench.run(&["--bench", "model.onnx"]);
    assert_eq!(code(&output), 2);
    let text = stderr(&output);
    assert!(text.contains("is not an ONNX file"), "{text}");
    assert_eq!(text.matches("model.onnx").count(), 1, "{text}");
}

#[test]
fn a_file_that_is_missing_is_no_point_of_the_picture_by_size() {
    let bench = Bench::new();
    let short = ["--run", "tiny.ron", "--set", "epochs=1"];
    assert_eq!(code(&bench.run(&short)), 0);
    let run = bench.newest();
    let name = run.to_str().unwrap();
    assert_eq!(code(&bench.run(&["--export", name])), 0);
    let export = ["--export", name, "--input", "uint8"];
    assert_eq!(code(&bench.run(&export)), 0);
    let output = bench.run(&["--bench", name, "--batch", "1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let table = printed(&output);
    for input in [" float ", " uint8 "] {
        let is_row = |line: &&str| line.starts_with("student") && line.contains(input);
        assert!(table.lines().any(|line| is_row(&line)), "{table}");
    }
    let by_size = || {
        let output = bench.run(&["--runs", "--pareto", "front.svg", "--x", "size", "--json"]);
        (code(&output), printed(&output), stderr(&output))
    };
    let (exit, text, _) = by_size();
    assert_eq!(exit, 0, "{text}");
    let picture: Value = serde_json::from_str(&text).unwrap();
    let file = run.join(format!(
        "export/{}.onnx",
        run.file_name().unwrap().to_str().unwrap()
    ));
    assert_eq!(picture["points"][0]["cost"], length(&file) as f64);
    assert_eq!(picture["points"][0]["input"], "float");
    let other = file.with_file_name(
        file.file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .replace(".onnx", "-uint8.onnx"),
    );
    fs::remove_file(&other).unwrap();
    fs::write(&file, "cut").unwrap();
    let (exit, _, text) = by_size();
    assert_eq!(exit, 2, "{text}");
    let why = ".onnx is not the file that was exported: it has 3 bytes and was written with";
    assert!(text.contains(why), "{text}");
    fs::remove_file(&file).unwrap();
    let (exit, _, text) = by_size();
    assert_eq!(exit, 2, "{text}");
    assert!(
        text.contains(".onnx is missing: proof.json lists it"),
        "{text}"
    );
}

#[test]
fn an_engine_that_refuses_a_file_names_it_once() {
    let bench = Bench::new();
    let short = ["--run", "tiny.ron", "--set", "epochs=1"];
    assert_eq!(code(&bench.run(&short)), 0);
    let out = ["--export", "tiny", "--out", "model.onnx"];
    assert_eq!(code(&bench.run(&out)), 0);
    // A library that is none fails in the process that measures.
    fs::write(bench.path().join("other.so"), "text").unwrap();
    let mut command = bench.command(&["--bench", "model.onnx", "--batch", "1"]);
    let path = bench.path().join("other.so");
    let output = command.env("ORT_DYLIB_PATH", path).output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = printed(&output);
    let line = text.lines().find(|line| line.contains("not measured"));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert_eq!(line.matches("model.onnx").count(), 1, "{line}");
}

#[test]
fn a_library_that_cannot_be_opened_is_named_and_the_others_are_measured() {
    let bench = Bench::new();
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    // As a program for another machine begins, and one that was cut off.
    let own = fs::read(env!("CARGO_BIN_EXE_workbench")).unwrap();
    let mut foreign = own[..4096].to_vec();
    foreign[18..20].copy_from_slice(&8_u16.to_le_bytes());
    fs::write(bench.path().join("foreign.so"), foreign).unwrap();
    fs::write(bench.path().join("cut.so"), &own[..4096]).unwrap();
    for (library, why) in [
        ("foreign.so", "it is for machine 8"),
        ("cut.so", "it is cut off"),
    ] {
        let measure = |arguments: &[&str]| {
            let mut command = bench.command(&["--bench", "tiny", "--batch", "1"]);
            command.args(arguments);
            let path = bench.path().join(library);
            command.env("ORT_DYLIB_PATH", path).output().unwrap()
        };
        let output = measure(&["--json"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rows = result["rows"].as_array().unwrap();
        for model in ["Student", "Teacher"] {
            let row = |row: &Value| row["model"] == model && row["onnx"] == "Rten";
            assert!(rows.iter().any(row), "{result}");
        }
        let without = result["unmeasured"].as_array().unwrap();
        assert_eq!(without.len(), 2, "{result}");
        for row in without {
            assert_eq!(row["engine"], "onnxruntime");
            let reason = row["reason"].as_str().unwrap();
            assert!(reason.contains(why) && reason.contains(library), "{row}");
        }
        let table = in_one_line(&measure(&[]));
        assert!(table.contains("onnxruntime: not measured:") && table.contains(why));
    }
}
