//! More epochs: an extended run is the run that was as long from its beginning,
//! where nothing ends with the training, and repeats exactly in every case.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::bench::{Bench, TINY, code, lifetime, stderr, weights};
use crate::exit_codes::signal;

fn extended(bench: &Bench, run: &Path, arguments: &[&str]) {
    let name = run.to_str().unwrap();
    let output = bench.run(&[&["--resume", name, "--add-epochs"], arguments].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_completed_run_that_is_extended_is_one_that_was_planned_so() {
    let bench = Bench::new();
    let text = TINY
        .replace("Cosine(from: 0.05, to: 0.0)", "Constant(0.05)")
        .replace("epochs: 5", "epochs: 3");
    let method = TINY.lines().find(|line| line.contains("method:")).unwrap();
    let text = text.replace(method, "    method: Vanilla(p1: 0.3),");
    fs::write(bench.path().join("short.ron"), text).unwrap();
    let output = bench.run(&["--run", "short.ron", "--set", "epochs=5"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let whole = weights(&bench.newest());
    let output = bench.run(&["--run", "short.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let run = bench.newest();
    assert!(weights(&run) != whole);
    let name = run.to_str().unwrap();
    let output = bench.run(&["--resume", name]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("--add-epochs 10"),
        "{}",
        stderr(&output)
    );
    extended(&bench, &run, &["1"]);
    extended(&bench, &run, &["1", "--schedules", "stretch"]);
    assert!(weights(&run) == whole);
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    for steps in [24, 30] {
        let extended = format!(r#"{{"TrainingExtended":{{"phase":"Student","steps":{steps},"#);
        assert!(journal.contains(&extended), "{journal}");
    }
    // What it was before is kept.
    assert!(run.join("kept/step-18/manifest.json").exists());
    assert!(run.join("kept/step-24/manifest.json").exists());
}

#[test]
#[cfg(unix)]
fn held_and_stretched_schedules_and_rounds_repeat_however_often_the_run_is_killed() {
    let bench = Bench::new();
    let run = |file: &str| {
        let output = bench.run(&["--run", file]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        bench.newest()
    };
    let mut ends = Vec::new();
    for how in ["hold", "stretch"] {
        let first = run("tiny.ron");
        extended(&bench, &first, &["3", "--schedules", how]);
        let whole = weights(&first);
        let output = bench.run(&["--replay", first.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(
            weights(&bench.newest()) == whole,
            "{how}: the replay differs"
        );

        let killed = run("tiny.ron");
        let name = killed.to_str().unwrap();
        let journal = || fs::read_to_string(killed.join("journal.jsonl")).unwrap();
        let is_extended = || journal().contains("TrainingExtended");
        let mut child = bench.start(&["--resume", name, "--add-epochs", "3", "--schedules", how]);
        while child.try_wait().unwrap().is_none() && !is_extended() {
            std::thread::sleep(Duration::from_millis(1));
        }
        for attempt in 0.. {
            signal(child.id(), if attempt % 2 == 0 { "KILL" } else { "TERM" });
            child.wait().unwrap();
            if journal().matches(r#"{"RunEnded":"Completed"}"#).count() == 2 {
                break;
            }
            child = bench.start(&["--resume", name]);
            std::thread::sleep(lifetime(attempt));
        }
        assert!(weights(&killed) == whole, "{how}: the killed run differs");
        ends.push(whole);
    }
    assert!(ends[0] != ends[1], "it makes no difference");
}

/// Nothing can be kept where a file stands in the way, so nothing is changed: the
/// training does not go on as it was.
#[test]
fn a_change_that_cannot_be_made_ends_the_resume_that_was_to_make_it() {
    let bench = Bench::new();
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    let run = bench.newest();
    let before = weights(&run);
    fs::write(run.join("kept"), "").unwrap();
    let name = run.to_str().unwrap();
    for (arguments, more) in [
        (["--add-epochs", "3"], ["--schedules", "hold"]),
        (["--set", "lr=0.001"], ["--add-epochs", "1"]),
    ] {
        let output = bench.run(&[&["--resume", name][..], &arguments, &more].concat());
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains("kept"), "{}", stderr(&output));
        assert!(weights(&run) == before);
    }
    fs::remove_file(run.join("kept")).unwrap();
    extended(&bench, &run, &["1", "--schedules", "hold"]);
}

/// A learning rate that came to 0 stays there unless somebody says otherwise: to train
/// on without learning is chosen, and said in the journal.
#[test]
fn more_epochs_at_a_learning_rate_of_zero_are_refused_until_they_are_chosen() {
    let bench = Bench::new();
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    let run = bench.newest();
    let name = run.to_str().unwrap();
    let refused = |arguments: &[&str]| {
        let output = bench.run(&[&["--resume", name, "--add-epochs", "2"], arguments].concat());
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        stderr(&output)
    };
    let before = weights(&run);
    let message = refused(&[]);
    for part in [
        "lr is held at 0 from epoch 5: the weights will not change",
        "--schedules stretch",
        "--set lr=0.01",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(weights(&run) == before);
    let journal = || fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let held = "held from epoch 5: lr at 0 (the weights will not change)";
    assert!(!journal().contains(held));
    extended(&bench, &run, &["2", "--schedules", "hold"]);
    assert!(journal().contains(held), "{}", journal());
    // Its schedule has an end of its own now, which stretching does not move.
    for arguments in [&[][..], &["--schedules", "stretch"]] {
        let message = refused(arguments);
        assert!(
            message.contains("lr is held at 0 from epoch 7"),
            "{message}"
        );
        assert!(!message.contains("add --schedules stretch"), "{message}");
    }
    let before = weights(&run);
    extended(&bench, &run, &["2", "--set", "lr=0.01"]);
    assert!(weights(&run) != before);
}
