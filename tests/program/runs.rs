//! Runs without a screen: listed, shown, compared and thrown away.

use std::fs;

use crate::bench::{Bench, code, stderr};

fn printed(bench: &Bench, arguments: &[&str]) -> String {
    let output = bench.run(arguments);
    assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn json(bench: &Bench, arguments: &[&str]) -> serde_json::Value {
    let text = printed(bench, &[arguments, &["--json"]].concat());
    serde_json::from_str(&text).unwrap()
}

/// A bench with a run of batch 16 and one of batch 32.
fn trained() -> (Bench, String, String) {
    let bench = Bench::new();
    let names = ["16", "32"].map(|batch| {
        let batch = format!("batch={batch}");
        let one = "epochs=1";
        printed(
            &bench,
            &["--run", "tiny.ron", "--set", &batch, "--set", one],
        );
        bench
            .newest()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .into_owned()
    });
    let [small, large] = names;
    (bench, small, large)
}

#[test]
fn runs_are_listed_shown_compared_and_thrown_away() {
    let (bench, small, large) = trained();
    let table = printed(&bench, &["--runs", "--columns", "batch,lr"]);
    assert!(table.contains(&small) && table.contains(&large), "{table}");
    assert!(table.lines().next().unwrap().contains("batch"), "{table}");
    let found = json(&bench, &["--runs", "batch>16", "state:completed"]);
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["run"], large.as_str());
    assert!(printed(&bench, &["--runs", "state:failed"]).starts_with("no matches"));

    let shown = json(&bench, &["--show", &small]);
    assert_eq!(shown["configuration"]["batch"], 16);
    assert!(shown["metrics"]["valid/top1@best"].is_number(), "{shown}");
    let compared = json(&bench, &["--compare", &small, &large]);
    assert_eq!(
        compared["differences"],
        serde_json::json!({"batch": [16, 32]})
    );

    let moved = printed(&bench, &["--trash", &small]);
    let place = bench.path().join("checkpoints/.trash").join(&small);
    assert!(place.is_dir() && moved.contains("    mv "), "{moved}");
    assert_eq!(json(&bench, &["--runs"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_run_that_trains_and_what_is_no_run_are_refused_with_2() {
    let (bench, small, _) = trained();
    let folder = bench.path().join("checkpoints").join(&small);
    let lock = fs::File::options()
        .write(true)
        .open(folder.join("lock"))
        .unwrap();
    lock.lock().unwrap();
    for (arguments, reason) in [
        (vec!["--trash", &small], "being written by another process"),
        (vec!["--trash", "absent"], "no run `absent`"),
        (vec!["--show", "absent"], "no run `absent`"),
        (vec!["--compare", &small, "absent"], "no run `absent`"),
        (vec!["--compare", &small], "2 values required"),
        (vec!["--compare", &small, &small], "is given twice"),
        (vec!["--runs", "bets>1"], "did you mean `best`?"),
        (
            vec!["--runs", "--columns", "bacth"],
            "did you mean `batch`?",
        ),
        (vec!["--columns", "batch"], "--runs"),
    ] {
        let output = bench.run(&arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
    assert!(folder.is_dir());
}

#[test]
fn a_broken_run_is_listed_and_shown_with_what_is_wrong() {
    let (bench, small, _) = trained();
    let folder = bench.path().join("checkpoints").join(&small);
    fs::write(folder.join("journal.jsonl"), "nonsense\n").unwrap();
    for text in [
        printed(&bench, &["--runs"]),
        printed(&bench, &["--show", &small]),
    ] {
        assert!(text.contains("problem"), "{text}");
    }
    fs::remove_file(folder.join("experiment.ron")).unwrap();
    let listed = json(&bench, &["--runs"]);
    let listed = listed.as_array().unwrap();
    let left = listed
        .iter()
        .find(|run| run["run"] == small.as_str())
        .unwrap();
    assert!(
        left["problems"][0]
            .as_str()
            .unwrap()
            .contains("experiment.ron")
    );
}

#[test]
fn what_a_run_lost_is_listed_alone_and_restored_nothing_is_wrong() {
    let (bench, small, _) = trained();
    printed(&bench, &["--export", &small]);
    let folder = bench.path().join("checkpoints").join(&small);
    let problems = || {
        let listed = json(&bench, &["--runs"]);
        let runs = listed.as_array().unwrap();
        let run = runs.iter().find(|run| run["run"] == small.as_str());
        let shown = json(&bench, &["--show", &small]);
        assert_eq!(run.unwrap()["problems"], shown["problems"]);
        let problems = shown["problems"].as_array().unwrap().clone();
        problems
            .iter()
            .map(|problem| problem.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(problems(), [] as [&str; 0]);
    let exports = fs::read_dir(folder.join("export")).unwrap();
    let mut exports = exports.map(|entry| entry.unwrap().path());
    let model = exports.find(|path| path.extension().is_some_and(|ending| ending == "onnx"));
    for (path, why) in [
        (folder.join("best"), "best is missing"),
        (folder.join("probe/answers.bin"), "answers.bin: missing"),
        (
            folder.join("probe/images.safetensors"),
            "images.safetensors: missing",
        ),
        (
            folder.join("probe/views.safetensors"),
            "views.safetensors: missing",
        ),
        (model.unwrap(), ".onnx is missing: proof.json lists it"),
    ] {
        let aside = folder.join("aside");
        fs::rename(&path, &aside).unwrap();
        let found = problems();
        assert!(
            found.len() == 1 && found[0].contains(why),
            "{why}: {found:?}"
        );
        fs::rename(&aside, &path).unwrap();
        assert_eq!(problems(), [] as [&str; 0], "{why}");
    }
}
