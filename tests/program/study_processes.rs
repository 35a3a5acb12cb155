//! Studies that several processes train: of two that were started alike, and of one that
//! starts others.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;
use workbench::run::RunLock;

use crate::bench::{Bench, code, start_up, stderr, weights};
use crate::exit_codes::signal;
use crate::study::{STUDY, bench, cells, table, without_times};

type Bits = BTreeMap<(String, u64), Vec<Vec<u8>>>;

/// What the study comes to in one process that nobody disturbs.
fn undisturbed() -> &'static (Value, Bits) {
    static RESULT: OnceLock<(Value, Bits)> = OnceLock::new();
    RESULT.get_or_init(|| {
        let bench = bench(STUDY);
        let output = bench.run(&["--study", "small.ron"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        result(&bench)
    })
}

/// The table and the weights of every cell.
fn result(bench: &Bench) -> (Value, Bits) {
    let table = table(bench);
    let cells = cells(&table, bench).into_iter();
    let bits = cells.map(|(cell, run)| (cell, weights(&run))).collect();
    (without_times(table), bits)
}

/// Every cell has one run, with the bits of an undisturbed one, and nothing is left of
/// what processes shared.
fn assert_undisturbed(bench: &Bench) {
    assert_eq!(bench.runs().len(), 4, "a cell was trained twice");
    assert!(result(bench) == *undisturbed());
    let left = fs::read_dir(bench.path().join("checkpoints/.studies"));
    assert_eq!(left.into_iter().flatten().count(), 0);
    let teachers = fs::read_dir(bench.path().join("checkpoints/.teachers")).unwrap();
    let paths = teachers.map(|entry| entry.unwrap().path());
    let (trained, others): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    assert_eq!(trained.len(), 2);
    let is_claim = |path: &PathBuf| path.extension().is_some_and(|of| of == "claim");
    assert!(!others.iter().any(is_claim), "{others:?}");
}

#[test]
fn two_processes_share_a_study_and_train_no_cell_twice() {
    let bench = bench(STUDY);
    let start = || {
        let mut command = bench.command(&["--study", "small.ron"]);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let [first, second] = [start(), start()];
    let ends = [first, second].map(|child| child.wait_with_output().unwrap());
    for end in &ends {
        assert_eq!(code(end), 0, "{}", stderr(end));
    }
    assert_undisturbed(&bench);
    let trained = |end| stderr(end).matches(" of 4: ").count();
    let trained = ends.iter().map(trained).collect::<Vec<_>>();
    assert_eq!(trained.iter().sum::<usize>(), 4, "{trained:?}");
}

#[test]
fn who_waits_for_another_process_takes_its_cell_when_it_is_killed() {
    let bench = bench(
        &STUDY
            .replace("[1, 2]", "[1]")
            .replace("(name: \"adaptive\"),", ""),
    );
    let mut first = bench.start(&["--study", "small.ron"]);
    let claims = bench.path().join("checkpoints/.studies");
    wait_for(|| claims.is_dir() && fs::read_dir(&claims).unwrap().count() > 0);
    let second = bench.command(&["--study", "small.ron"]).spawn().unwrap();
    std::thread::sleep(start_up() / 2);
    signal(first.id(), "KILL");
    first.wait().unwrap();
    let end = second.wait_with_output().unwrap();
    assert_eq!(code(&end), 0, "{}", stderr(&end));
    assert_eq!(bench.runs().len(), 1);
    let (_, bits) = result(&bench);
    let (_, expected) = undisturbed();
    let cell = ("vanilla".to_owned(), 1);
    assert!(bits[&cell] == expected[&cell]);
}

#[test]
fn jobs_train_at_once_and_stop_saved_with_the_process_that_started_them() {
    let bench = bench(STUDY);
    let jobs = ["--study", "small.ron", "--jobs", "2"];
    for name in ["TERM", "KILL"] {
        let mut child = bench.start(&jobs);
        wait_for(|| {
            let training = |run: &PathBuf| RunLock::holder(run).unwrap().is_some();
            bench.runs().iter().filter(|run| training(run)).count() == 2
        });
        signal(child.id(), name);
        let end = child.wait().unwrap();
        if name == "TERM" {
            assert_eq!(end.code(), Some(130));
        }
        // Those of a process that was killed see it a moment later.
        wait_for(|| {
            bench
                .runs()
                .iter()
                .all(|run| RunLock::holder(run).unwrap().is_none())
        });
    }
    let output = bench.run(&jobs);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let lines = stderr(&output);
    for cell in ["vanilla, seed 2", "adaptive, seed 2"] {
        assert!(
            lines.contains(&format!("[{cell}] study small: run ")),
            "{lines}"
        );
    }
    assert_undisturbed(&bench);
}

#[test]
fn a_job_that_fails_is_named_and_the_others_are_trained() {
    let bench = bench(&STUDY.replace(
        "Vanilla(temperature: 3.0)\"",
        "Vanilla()\", \"lr=Constant(100.0)\"",
    ));
    let output = bench.run(&["--study", "small.ron", "--jobs", "3"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let named = "[vanilla, seed 1] its process ended with exit status: 3";
    assert!(stderr(&output).contains(named), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("2 of 2") && text.contains("0 of 2"), "{text}");
    assert_eq!(bench.runs().len(), 4);
    let output = bench.run(&["--study", "small.ron", "--task", "5"]);
    assert_eq!(code(&output), 2);
    let expected = "--task 5: the study has 4 runs; --dry-run lists them";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

fn wait_for(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(120), "it never is");
        std::thread::sleep(Duration::from_millis(5));
    }
}
