//! `--find-lr`: a curve and a proposal, and nothing left behind but what runs share.

use serde_json::Value;

use crate::bench::{Bench, code, stderr};

fn found(bench: &Bench, arguments: &[&str]) -> Value {
    let output = bench.run(&[&["--find-lr", "tiny.ron", "--json"], arguments].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_range_test_is_the_same_again_and_leaves_only_the_teacher() {
    let bench = Bench::new();
    let first = found(&bench, &["--steps", "60", "--lr-to", "100"]);
    let points = first["points"].as_array().unwrap();
    assert!((10..=60).contains(&points.len()), "{first}");
    let lr = |at: usize| points[at]["lr"].as_f64().unwrap();
    assert_eq!(lr(0), 1e-6);
    let factor = 1e8_f64.powf(1.0 / 59.0);
    assert!((lr(8) / lr(7) / factor - 1.0).abs() < 1e-9);
    assert!(
        points
            .iter()
            .all(|point| point["loss"].is_f64() && point["smoothed"].is_f64())
    );
    assert_eq!(first["experiment"], "tiny");
    assert!(bench.runs().is_empty());
    let kept = std::fs::read_dir(bench.path().join("checkpoints/.teachers")).unwrap();
    assert!(kept.count() > 0, "the teacher and its logits are shared");
    let again = found(&bench, &["--steps", "60", "--lr-to", "100"]);
    assert_eq!(first, again);
    // A run takes that teacher, and is the run that it would have been.
    let output = bench.run(&["--run", "tiny.ron", "--set", "epochs=1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("teacher: cached"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn losses_are_the_whole_ones_of_the_method() {
    let bench = Bench::new();
    let of = |method: &str| {
        let setting = format!("method={method}");
        let found = found(&bench, &["--steps", "10", "--set", &setting]);
        found["points"][0]["loss"].as_f64().unwrap()
    };
    let (all, truth) = (of("Vanilla(p1: 0.0)"), of("Vanilla(p1: 0.0, w: 0.0)"));
    assert!(all > truth && truth > 0.0, "{all}, {truth}");
}

#[test]
fn the_page_shows_the_curve_and_what_the_experiment_says() {
    let bench = Bench::new();
    let output = bench.run(&["--find-lr", "tiny.ron", "--steps", "40"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    for part in [
        "       lr      loss\n",
        "1.0e-6",
        "●",
        "  proposed ",
        "  experiment     cosine 0.05 to 0",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.lines().count() < 40, "{page}");
}

#[test]
fn what_is_no_range_is_refused_before_anything_is_opened() {
    let bench = Bench::new();
    for arguments in [
        &["--lr-from", "1", "--lr-to", "1"][..],
        &["--lr-from", "0"],
        &["--lr-from", "NaN"],
        &["--lr-to", "1000"],
    ] {
        let output = bench.run(&[&["--find-lr", "tiny.ron"], arguments].concat());
        assert_eq!(code(&output), 2);
        let text = stderr(&output);
        assert!(text.contains("0 < lr-from < lr-to ≤ 100"), "{text}");
        assert!(output.stdout.is_empty());
    }
    assert!(!bench.path().join("checkpoints").exists());
}

#[test]
#[cfg(unix)]
fn an_interrupted_range_test_prints_what_there_is() {
    let bench = Bench::new();
    let arguments = ["--find-lr", "tiny.ron", "--steps", "10000", "--json"];
    let mut child = bench.command(&arguments).spawn().unwrap();
    // Once the teacher is there the student trains for minutes.
    let teachers = bench.path().join("checkpoints/.teachers");
    let has_answers = || {
        let mut entries = std::fs::read_dir(&teachers).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_string_lossy().starts_with("logits-"))
    };
    while !has_answers() {
        assert!(child.try_wait().unwrap().is_none(), "it has many steps");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    crate::exit_codes::signal(child.id(), "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 130, "{}", stderr(&output));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["end"], "stopped");
    assert!(bench.runs().is_empty());
}
