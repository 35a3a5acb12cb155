//! A training that ends where a metric no longer improves: when, what comes after it, and
//! its bits.

use std::fs;
use std::path::Path;

use crate::bench::{Bench, TINY, code, stderr, weights};
#[cfg(unix)]
use crate::resume::stopped_run;

/// Nothing improves by so much after the first epoch: it ends after `patience` more.
fn with(early: &str, more: &str) -> String {
    let text = TINY.replacen(
        "epochs: 5,\n",
        &format!("epochs: 8, early_stop: ({early}, min_delta: 0.99), {more}\n"),
        1,
    );
    assert!(text.contains("early_stop"), "{text}");
    text
}

fn trained(bench: &Bench, text: &str, arguments: &[&str]) -> String {
    fs::write(bench.path().join("early.ron"), text).unwrap();
    let output = bench.run(&[&["--run", "early.ron"], arguments].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    stderr(&output)
}

fn journal(run: &Path) -> String {
    fs::read_to_string(run.join("journal.jsonl")).unwrap()
}

#[test]
fn a_training_that_ends_early_is_completed_says_so_and_takes_more_epochs() {
    let bench = Bench::new();
    let junit = ["--junit", "gates.xml"];
    let text = with("patience: 2", "gates: [AtLeast(\"test/top1@last\", 0.0)],");
    let lines = trained(&bench, &text, &junit);
    let reason = "no improvement of valid/top1 by more than 99 points in 2 epochs (";
    let outcome = format!("completed, stopped early after epoch 3 of 8: {reason}");
    assert!(lines.contains(&outcome), "{lines}");
    let xml = fs::read_to_string(bench.path().join("gates.xml")).unwrap();
    assert!(xml.contains("stopped early after epoch 3 of 8"), "{xml}");
    assert!(xml.contains(r#"errors="0""#), "{xml}");
    let run = bench.newest();
    let name = run.to_str().unwrap();
    let early = r#"{"StoppedEarly":{"phase":"Student","steps":18,"step":18,"#;
    assert!(journal(&run).contains(early), "{}", journal(&run));
    let ended = r#"{"RunEnded":{"StoppedEarly":{"epoch":3,"#;
    assert!(journal(&run).contains(ended), "{}", journal(&run));
    let shown = bench.run(&["--show", name]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("stopped early after epoch 3 of 8"),
        "{shown}"
    );
    let listed = bench.run(&["--runs", "state:completed and done=1", "--json"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains(name.rsplit('/').next().unwrap()),
        "{listed}"
    );
    // There is nothing to be resumed, and it can be exported.
    assert_eq!(code(&bench.run(&["--resume", name])), 2);
    assert_eq!(code(&bench.run(&["--export", name])), 0);

    // More epochs follow the schedules of the plan: as if it had waited longer.
    trained(&bench, &with("patience: 4", ""), &[]);
    let longer = bench.newest();
    assert!(journal(&longer).contains(r#""StoppedEarly":{"epoch":5,"#));
    let output = bench.run(&["--resume", name, "--add-epochs", "2"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let how = "train to epoch 5, schedules end at epoch 8";
    assert!(stderr(&output).contains(how), "{}", stderr(&output));
    assert!(weights(&run) == weights(&longer), "other bits");
    assert!(journal(&run).contains(r#"{"RunEnded":"Completed"}"#));
    // What was changed is done again to a new run, which ends early as this one did.
    let output = bench.run(&["--replay", name]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        weights(&bench.newest()) == weights(&run),
        "the replay differs"
    );
    let output = bench.run(&[
        "--resume",
        name,
        "--add-epochs",
        "9",
        "--schedules",
        "stretch",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // The patience began anew.
    let stopped = r#"{"StoppedEarly":{"phase":"Student","steps":42,"step":42,"#;
    assert!(journal(&run).contains(stopped), "{}", journal(&run));
}

#[test]
#[cfg(unix)]
fn a_run_stopped_anywhere_ends_early_at_the_same_step_with_the_same_bits() {
    let bench = Bench::new();
    for more in ["", "finish: Quantize(epochs: 2),"] {
        trained(&bench, &with("patience: 2", more), &[]);
        let run = bench.newest();
        let whole = weights(&run);
        let all = if more.is_empty() { 18 } else { 30 };
        let early = format!(r#"{{"StoppedEarly":{{"phase":"Student","steps":{all},"step":18,"#);
        assert!(journal(&run).contains(&early), "{}", journal(&run));
        let mut stops = 0;
        while stops < 8 {
            stops += stopped_run(&bench, "early.ron", stops);
            assert!(journal(&bench.newest()).contains(&early));
            assert!(weights(&bench.newest()) == whole, "after {stops} stops");
        }
    }
}

#[test]
fn what_early_stopping_cannot_be_is_refused() {
    let bench = Bench::new();
    for (setting, why) in [
        ("early_stop=(patience: 0)", "0 is not between 1 and"),
        ("early_stop=(patience: 1, min_delta: -0.1)", "-0.1 is not"),
        ("early_stop=(patience: 1, min_delta: 2)", "2 is not"),
        ("early_stop=(patience: 1, metric: Top2)", "Top1"),
    ] {
        let output = bench.run(&["--check", "tiny.ron", "--set", setting]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
    let scratch = [
        "--set",
        "method=Scratch()",
        "--set",
        "teacher=None",
        "--set",
        "early_stop=(patience: 1, metric: Kl)",
    ];
    let output = bench.run(&[&["--check", "tiny.ron"], &scratch[..]].concat());
    assert_eq!(code(&output), 2);
    let why = "`valid/kl` needs a teacher";
    assert!(stderr(&output).contains(why), "{}", stderr(&output));
    let checked = [
        "--check",
        "tiny.ron",
        "--set",
        "early_stop=(patience: 3, min_delta: 0.001)",
    ];
    let output = bench.run(&checked);
    let plan = String::from_utf8(output.stdout).unwrap();
    let line = "after 3 epochs without an improvement of valid/top1 by more than 0.1 points";
    let words: Vec<&str> = plan.split_whitespace().collect();
    assert!(words.join(" ").contains(line), "{plan}");
}
