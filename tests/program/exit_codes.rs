//! Every exit code, from the program itself.

use std::fs;
use std::time::Duration;

use crate::bench::{Bench, code, stderr};

#[test]
fn a_run_whose_gates_hold_ends_with_0_and_names_its_folder() {
    let bench = Bench::new();
    let output = bench.run(&[
        "--run",
        "tiny.ron",
        "--set",
        "gates=[AtLeast(\"test/top1\", 0.0)]",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let folder = bench.newest();
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    assert!(stderr(&output).contains(&name), "{}", stderr(&output));
}

#[test]
fn a_gate_that_fails_ends_with_1_and_is_a_failure_in_the_junit_file() {
    let bench = Bench::new();
    let output = bench.run(&[
        "--run",
        "tiny.ron",
        "--set",
        "gates=[AtLeast(\"test/top1\", 1.0), AtMost(\"test/loss\", 1000.0)]",
        "--junit",
        "junit.xml",
    ]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let junit = fs::read_to_string(bench.path().join("junit.xml")).unwrap();
    assert_eq!(junit.matches("<failure").count(), 1, "{junit}");
}

#[test]
fn a_wrong_file_ends_with_2_and_makes_no_run() {
    let bench = Bench::new();
    for (arguments, expected) in [
        (vec!["--run", "absent.ron"], "absent.ron"),
        (vec!["--run", "tiny.ron", "--set", "epoch=3"], "epochs"),
        (vec!["--run", "tiny.ron", "--set", "batch=1000"], "batch"),
        (vec!["--resume", "absent"], "absent"),
        (vec!["--no-such-flag"], "--no-such-flag"),
        (
            vec!["--junit", "junit.xml"],
            "--junit needs --run, --resume, --fork or --replay",
        ),
        (vec!["--json"], "--json needs --run"),
    ] {
        let output = bench.run(&arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    }
    assert!(bench.runs().is_empty());
}

#[test]
fn errors_of_a_checked_file_are_printed_as_json_too() {
    let bench = Bench::new();
    let output = bench.run(&["--check", "tiny.ron", "--json", "--set", "batch=100000"]);
    assert_eq!(code(&output), 2);
    let page: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(page["errors"][0]["message"].is_string(), "{page}");
    let text = fs::read_to_string(bench.path().join("tiny.ron")).unwrap();
    fs::write(
        bench.path().join("bad.ron"),
        text.replace("batch:", "bacth:"),
    )
    .unwrap();
    let output = bench.run(&["--check", "bad.ron", "--json"]);
    assert_eq!(code(&output), 2);
    let page: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let error = &page["errors"][0];
    assert_eq!(error["line"], 19, "{page}");
    assert_eq!(error["column"], 5, "{page}");
    assert!(stderr(&output).contains("bacth"), "{}", stderr(&output));
}

#[test]
fn unlabelled_training_images_are_refused_where_labels_are_needed() {
    let bench = Bench::new();
    fs::create_dir(bench.path().join("flat")).unwrap();
    for number in 0..40_u8 {
        let picture = image::RgbImage::from_pixel(12, 12, image::Rgb([number; 3]));
        picture
            .save(bench.path().join(format!("flat/{number}.png")))
            .unwrap();
    }
    let output = bench.run(&[
        "--run",
        "tiny.ron",
        "--set",
        "data.train=ImageFolder(\"flat\")",
        "--set",
        "data.valid=Set(Shapes(classes: 3, count: 30, size: 12, seed: 8))",
    ]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("TeacherHard"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_run_that_diverges_ends_with_3_and_says_where() {
    let bench = Bench::new();
    let output = bench.run(&[
        "--run",
        "tiny.ron",
        "--set",
        "lr=Constant(100.0)",
        "--set",
        "student.model=Mlp(hidden: [32, 32])",
        "--set",
        "teacher.weights=Train(epochs: 2, lr: Constant(0.05))",
    ]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(stderr(&output).contains("step"), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("was not applied"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn weights_that_overflow_while_losses_are_finite_are_not_saved() {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron", "--set", "lr=Constant(100.0)"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("is no longer finite; the last checkpoint is kept"),
        "{}",
        stderr(&output)
    );
}

#[test]
#[cfg(unix)]
fn a_run_that_is_terminated_ends_with_130_and_can_be_resumed() {
    let bench = Bench::new();
    let mut child = bench.start(&["--run", "tiny.ron", "--set", "epochs=4000"]);
    while !bench
        .runs()
        .first()
        .is_some_and(|run| run.join("latest").exists())
    {
        std::thread::sleep(Duration::from_millis(20));
    }
    // As `timeout` does: to the process, then to its group.
    signal(child.id(), "TERM");
    signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = bench.newest();
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    assert!(
        journal.lines().last().unwrap().contains("Stopped"),
        "{journal}"
    );
}

#[test]
fn events_go_to_standard_output_one_a_line_with_json() {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron", "--json", "--set", "epochs=1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(events[0].get("RunStarted").is_some());
    assert_eq!(
        events
            .iter()
            .filter(|event| event.get("StepLogged").is_some())
            .count(),
        12 + 6
    );
    assert!(events.last().unwrap().get("RunEnded").is_some());
}

/// Sends a signal by name, with the tool that every Unix has.
#[cfg(unix)]
pub fn signal(process: u32, name: &str) {
    let status = std::process::Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}
