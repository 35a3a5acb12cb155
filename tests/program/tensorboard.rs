//! A run as event files: refusals, and that TensorBoard reads what the run logged.

use std::fs;
use std::fs::File;

use workbench::event::Phase;
use workbench::run::RunFolder;
use workbench::store::{RunStore, write_csv};

use crate::bench::{Bench, code, stderr};
use crate::python_teachers::python;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/event_files.py");

const TO: [&str; 4] = ["--export", "tiny", "--to", "tensorboard"];

#[test]
fn a_run_leaves_for_tensorboard_and_nothing_else_is_replaced() {
    let bench = Bench::new();
    let trained = bench.run(&["--run", "tiny.ron", "--set", "epochs=1"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let run = bench.newest();
    let name = run.file_name().unwrap().to_str().unwrap();
    let export = |more: &[&str]| bench.run(&[&TO[..], more].concat());
    let refused = |more: &[&str], why: &str| {
        let output = export(more);
        assert_eq!(code(&output), 2, "{more:?}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(why),
            "{more:?}: {}",
            stderr(&output)
        );
    };
    for model in [
        &["--fp16"][..],
        &["--weights", "latest"],
        &["--device", "cpu"],
    ] {
        refused(model, "are about models");
    }
    assert!(!run.join("export").exists());
    let output = export(&["--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["format"], "tensorboard");
    let files = report["files"].as_array().unwrap();
    let files: Vec<&str> = files.iter().map(|file| file.as_str().unwrap()).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for (file, part) in files.iter().zip(["teacher", "student", "summary"]) {
        let folder = format!("checkpoints/{name}/export/tensorboard/{part}/events.out.tfevents.");
        assert!(file.starts_with(&folder) && file.ends_with(name), "{file}");
    }
    let bytes = || fs::read(bench.path().join(files[1])).unwrap();
    let before = bytes();
    refused(&[], "already exists");
    let again = export(&["--force"]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert_eq!(bytes(), before, "the same bytes each time");

    let at = |path: &str| bench.path().join(path);
    fs::create_dir(at("photos")).unwrap();
    fs::write(at("photos/a.jpg"), "mine").unwrap();
    let inside = format!("checkpoints/{name}/probe/tensorboard");
    for (out, why) in [
        ("photos", "holds something else than an earlier export"),
        ("tiny.ron", "holds something else than an earlier export"),
        ("checkpoints", "holds something else than an earlier export"),
        (".", "it is not the name of a folder"),
        (inside.as_str(), "one of the files that a run keeps"),
        ("absent/logs", "could not write absent/logs"),
    ] {
        refused(&["--out", out, "--force"], why);
    }
    assert_eq!(fs::read_to_string(at("photos/a.jpg")).unwrap(), "mine");
    // What is left without its images and models.
    for lost in ["latest", "best", "teacher", "probe"] {
        fs::remove_dir_all(run.join(lost)).unwrap();
    }
    let output = export(&["--out", "logs"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("note: ") && text.contains("tensorboard --logdir logs"),
        "{text}"
    );
}

#[test]
fn tensorboard_reads_every_scalar_that_a_run_logged_and_compares_two_runs() {
    let bench = Bench::new();
    let logs = bench.path().join("logs");
    let script = ["-c", "import sys"];
    let modules = "tensorboard, numpy";
    if python(modules, &script).is_none() {
        return;
    }
    fs::create_dir(&logs).unwrap();
    for (name, epochs) in [("one", "epochs=1"), ("two", "epochs=2")] {
        // Each run trains its own.
        bench.forget_teachers();
        let trained = bench.run(&["--run", "tiny.ron", "--set", epochs]);
        assert_eq!(code(&trained), 0, "{}", stderr(&trained));
        let run = bench.newest();
        let folder = logs.join(name);
        let run_name = run.file_name().unwrap().to_str().unwrap();
        let out = ["--out", folder.to_str().unwrap()];
        let export = ["--export", run_name, "--to", "tensorboard"];
        let output = bench.run(&[&export[..], &out].concat());
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let store = RunStore::open(&RunFolder::at(&run).unwrap());
        for (phase, part) in [(Phase::Teacher, "teacher"), (Phase::Student, "student")] {
            let mut csv = File::create(bench.path().join(format!("{name}-{part}.csv"))).unwrap();
            write_csv(&store, phase, &mut csv).unwrap();
        }
        fs::copy(
            run.join("journal.jsonl"),
            bench.path().join(format!("{name}.jsonl")),
        )
        .unwrap();
    }
    let output = python(modules, &[SCRIPT, bench.path().to_str().unwrap()]).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("compared"), "{text}");
}
