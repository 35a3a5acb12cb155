//! A run whose rule compares with the validation images: what its journal says of
//! every decision, and that stops, replays and forks leave it as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, TINY, code, stderr, weights};
use crate::fork::changed_run;
use crate::resume::stopped_run;

/// Rounds of 4 steps in epochs of 6; nothing is decided after the last of eight.
const ROUNDS: usize = 8;

/// The tiny experiment with this method, in such rounds.
fn written(bench: &Bench, name: &str, method: &str) {
    let line = TINY.lines().find(|line| line.contains("method:")).unwrap();
    let text = TINY.replace(
        line,
        &format!("    method: {method},\n    round: Steps(4),"),
    );
    fs::write(bench.path().join(name), text).unwrap();
}

fn events(run: &Path) -> Vec<Value> {
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let lines = journal.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Every round's decision, by the steps completed then; of one that was trained
/// again after a stop the last.
fn decisions(run: &Path) -> BTreeMap<u64, Value> {
    let rounds = events(run).into_iter();
    let rounds = rounds.filter_map(|event| event.get("RoundEnded").cloned());
    rounds
        .map(|round| (round["step"].as_u64().unwrap(), round["decision"].clone()))
        .collect()
}

#[test]
fn a_steered_run_says_what_was_compared_and_is_the_same_however_it_is_stopped() {
    let bench = Bench::new();
    for (name, method) in [
        (
            "steered.ron",
            "SteeredKd(p1: 0.3, p_max: 0.6, temperature: 3.0, window: 2, step: Ratio)",
        ),
        (
            "gap.ron",
            "AdaptiveAugmentation(p1: 0.1, p_max: 0.6, truth: TeacherSoft, update: Gap(margin: \
             0.002, patience: 2, when_underfitting: LowerWeight(decay: 0.8)))",
        ),
    ] {
        written(&bench, name, method);
        let output = bench.run(&["--run", name]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let run = bench.newest();
        let (bits, decided) = (weights(&run), decisions(&run));
        assert_eq!(decided.len(), ROUNDS);
        let evaluated: Vec<u64> = events(&run)
            .iter()
            .filter_map(|event| event.get("Evaluated"))
            .filter(|it| it["phase"] == "Student" && it["split"] == "Valid")
            .filter(|it| it["weights"] == "Last")
            .map(|it| it["step"].as_u64().unwrap())
            .collect();
        // Once where a round and an epoch end together.
        assert_eq!(evaluated, [4, 6, 8, 12, 16, 18, 20, 24, 28, 30], "{name}");
        for (step, decision) in &decided {
            if *step == 30 {
                assert!(decision.is_null(), "nothing is decided after the last");
                continue;
            }
            let compared = &decision["compared"];
            let [truth, valid] = ["truth_loss", "valid_loss"].map(|name| {
                compared[name]
                    .as_f64()
                    .unwrap_or_else(|| panic!("{decision}"))
            });
            let expected = if truth < valid {
                "overfits"
            } else {
                "underfits"
            };
            let reason = decision["reason"].as_str().unwrap();
            assert!(
                reason.starts_with(expected) || compared["finding"] == "WithinMargin",
                "{decision}"
            );
        }
        assert!(
            decided
                .values()
                .any(|it| it["moved"]["from"] != it["moved"]["to"]),
            "{name}: nothing moved"
        );
        let mut stops = 0;
        while stops < 6 {
            stops += stopped_run(&bench, name, stops);
            let run = bench.newest();
            assert!(weights(&run) == bits, "{name}: {stops} stops");
            assert_eq!(decisions(&run), decided, "{name}: {stops} stops");
        }
    }
}

/// The validation loss of a round that ends with an epoch is that of the epoch.
#[test]
fn a_round_that_ends_with_an_epoch_compares_with_the_evaluation_of_the_epoch() {
    let bench = Bench::new();
    written(&bench, "steered.ron", "SteeredKd()");
    let output = bench.run(&["--run", "steered.ron", "--set", "round=Epoch"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let run = bench.newest();
    let losses: BTreeMap<u64, f64> = events(&run)
        .iter()
        .filter_map(|event| event.get("Evaluated"))
        .filter(|it| it["phase"] == "Student" && it["split"] == "Valid")
        .map(|it| {
            let [step, loss] = ["step", "loss"].map(|name| it[name].clone());
            (step.as_u64().unwrap(), loss.as_f64().unwrap())
        })
        .collect();
    let decided = decisions(&run);
    assert_eq!(decided.len(), 5);
    for (step, decision) in decided.iter().filter(|(_, it)| !it.is_null()) {
        let valid = decision["compared"]["valid_loss"].as_f64().unwrap();
        assert!((valid - losses[step]).abs() < 1e-12, "{decision}");
    }
    // The lines of a log say it, too.
    let text = stderr(&output);
    assert!(text.contains("validation loss"), "{text}");
}

#[test]
fn a_steered_run_that_goes_back_or_is_replayed_is_the_one_that_was_never_changed() {
    let bench = Bench::new();
    written(&bench, "steered.ron", "SteeredKd(p1: 0.3, window: 3)");
    assert_eq!(code(&bench.run(&["--run", "steered.ron"])), 0);
    let (bits, decided) = (weights(&bench.newest()), decisions(&bench.newest()));
    let (run, kept) = changed_run(&bench, "steered.ron");
    let changed = weights(&run);
    assert!(changed != bits);
    let name = run.to_str().unwrap();
    let output = bench.run(&["--fork", name, "--from", &kept]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let fork = bench.newest();
    assert!(weights(&fork) == bits);
    assert_eq!(decisions(&fork), decided);
    let output = bench.run(&["--replay", name]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&bench.newest()) == changed);
}
