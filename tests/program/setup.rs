//! What a shell, `man` and other programs are told.

use crate::bench::{Bench, code, said};

fn printed(bench: &Bench, arguments: &[&str]) -> String {
    let output = bench.run(arguments);
    assert_eq!(code(&output), 0, "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_and_the_manual_know_every_argument() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&bench, &["--completions", shell]);
        for argument in ["resume", "without-adjustments-after", "junit"] {
            assert!(script.contains(argument), "{shell}: {argument}");
        }
    }
    let manual = printed(&bench, &["--man"]);
    assert!(manual.contains(".TH workbench") && manual.contains("without\\-adjustments\\-after"));
    assert_eq!(code(&bench.run(&["--man", "--run", "tiny.ron"])), 2);
}

#[test]
fn a_checked_experiment_is_json_for_other_programs() {
    let bench = Bench::new();
    let text = printed(&bench, &["--check", "tiny.ron", "--json"]);
    let page: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(page["images"]["Train"], 96);
    assert_eq!(page["classes"].as_array().unwrap().len(), 3);
    assert_eq!(page["steps_per_epoch"], 6);
    let knobs = page["plan"]["training"]["objective"]["knobs"]
        .as_array()
        .unwrap();
    assert!(knobs.iter().any(|knob| knob["name"] == "p2"), "{knobs:?}");
    let output = bench.run(&["--check", "tiny.ron", "--json", "--set", "batch=4096"]);
    assert_eq!(code(&output), 2);
    assert!(output.stdout.is_empty());
    assert!(said(&output).contains("batch 4096 is larger than the 96 training images"));
}
