//! A run as event files: refusals, and that TensorBoard reads what the run logged.

use std::fs;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use workbench::event::Phase;
use workbench::run::{RunFolder, RunLock};
use workbench::store::{RunStore, write_csv};

use crate::bench::{Bench, code, stderr};
#[cfg(unix)]
use crate::exit_codes::signal;
use crate::python_teachers::python;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/event_files.py");

const LIVE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/live_event_files.py"
);

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

/// The last event file of a part, and how long it is.
fn event_file(folder: &Path, part: &str) -> Option<(PathBuf, u64)> {
    let files = fs::read_dir(folder.join(part)).ok()?;
    let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    let last = files.into_iter().max()?;
    let length = last.metadata().ok()?.len();
    Some((last, length))
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(
            started.elapsed() < Duration::from_mins(2),
            "{what}: it never is"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// TensorBoard reads all the while: through a kill, a stop, and two resumes.
#[test]
#[cfg(unix)]
fn a_run_that_trains_is_watched_in_tensorboard_through_kill_stop_and_resume() {
    let bench = Bench::new();
    let args = ["--run", "tiny.ron", "--set", "epochs=500", "--tensorboard"];
    let mut child = bench.start(&args);
    wait_for("a run", || !bench.runs().is_empty());
    let run = bench.newest();
    let logs = run.join("export/tensorboard");
    let script = [LIVE, logs.to_str().unwrap(), "whole"];
    let has_python = python("tensorboard, tensorboard_data_server", &["-c", ""]).is_some();
    let mut reader = has_python.then(|| {
        let program = std::env::var_os("WORKBENCH_PYTHON").unwrap_or_else(|| "python3".into());
        let mut command = Command::new(program);
        command.args(script).current_dir(bench.path());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    });
    let student = || event_file(&logs, "student");
    wait_for("events of the student", || student().is_some());
    let grown = |before: u64| student().is_some_and(|(_, length)| length > before);
    let (first, length) = student().unwrap();
    wait_for("it grows", || grown(length));
    signal(child.id(), "KILL");
    child.wait().unwrap();
    let name = run.file_name().unwrap().to_str().unwrap();
    let resume = ["--resume", name, "--tensorboard"];
    let mut child = bench.start(&resume);
    let is_other = || student().is_some_and(|(file, length)| file != first && length > 0);
    wait_for("a file of the process that resumed", is_other);
    let (_, length) = student().unwrap();
    wait_for("it grows again", || grown(length));
    signal(child.id(), "TERM");
    let stopped = child.wait().unwrap().code();
    assert_eq!(stopped, Some(130));
    // Another process may write as well what this one trains.
    let extended = ["--resume", name];
    let child = bench.start(&extended);
    let holder = || RunLock::holder(&run).is_ok_and(|holder| holder.is_some());
    wait_for("a process that trains", holder);
    let follow = ["--export", name, "--to", "tensorboard", "--follow"];
    let followed = bench.run(&follow);
    assert_eq!(code(&followed), 0, "{}", stderr(&followed));
    assert!(child.wait_with_output().unwrap().status.success());
    for part in ["teacher", "student", "summary"] {
        let files = fs::read_dir(logs.join(part)).unwrap();
        let lengths = files.map(|file| file.unwrap().metadata().unwrap().len());
        let full = lengths.filter(|length| *length > 0).count();
        assert_eq!(full, 1, "{part} has numbers of earlier processes");
    }
    let whole = ["--export", name, "--to", "tensorboard", "--out", "whole"];
    let output = bench.run(&whole);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    if let Some(mut reader) = reader.take() {
        drop(reader.stdin.take());
        let output = reader.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("watched"), "{text}");
    }
}
