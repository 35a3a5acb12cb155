//! Going back: a checkpoint is kept before a person changes a knob, and a run that
//! starts from it has the bits of one that was never changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bench::{Bench, code, start_up, stderr, weights};
use crate::exit_codes::signal;

/// A run that was stopped in the middle of the student's training, changed there
/// and trained to its end, and the name of the checkpoint that it kept.
pub fn changed_run(bench: &Bench, file: &str) -> (PathBuf, String) {
    for _ in 0..50 {
        let before = bench.runs().len();
        let mut child = bench.start(&["--run", file]);
        let is_under_way = || {
            let run = bench.runs().get(before).cloned();
            let journal = run.map(|run| fs::read_to_string(run.join("journal.jsonl")));
            journal.is_some_and(|text| {
                text.unwrap_or_default()
                    .contains(r#"{"CheckpointSaved":{"at":{"phase":"Student","step":8}"#)
            })
        };
        while child.try_wait().unwrap().is_none() && !is_under_way() {
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(child.id(), "TERM");
        if child.wait().unwrap().code() != Some(130) {
            continue;
        }
        let run = bench.newest();
        let name = run.to_str().unwrap();
        let output = bench.run(&["--resume", name, "--set", "temperature=1.7"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let kept: Vec<_> = fs::read_dir(run.join("kept")).unwrap().collect();
        let [Ok(kept)] = kept.as_slice() else {
            panic!("{kept:?}");
        };
        let kept = kept.file_name().into_string().unwrap();
        return (run, kept);
    }
    panic!("no run could be stopped in time");
}

fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut content = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            content.extend(self::content(&entry.path()));
        } else {
            content.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    content
}

#[test]
#[cfg(unix)]
fn a_run_that_goes_back_has_the_bits_of_one_that_was_never_changed() {
    let bench = Bench::new();
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    let unchanged = weights(&bench.newest());
    let (run, kept) = changed_run(&bench, "tiny.ron");
    let changed = weights(&run);
    assert!(changed != unchanged, "the change changed nothing");
    let name = run.to_str().unwrap();
    let before = content(&run);

    let output = bench.run(&["--fork", name, "--from", &kept]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let fork = bench.newest();
    assert!(fork != run && weights(&fork) == unchanged);
    // What the run was watched by is the fork's own from here on.
    assert!(!stderr(&output).contains("probe"), "{}", stderr(&output));
    let probe = fork.join("probe/answers.bin");
    let (own, others) = (fs::read(probe), fs::read(run.join("probe/answers.bin")));
    assert_eq!(own.unwrap().len(), others.unwrap().len());
    let journal = fs::read_to_string(fork.join("journal.jsonl")).unwrap();
    let origin = run.file_name().unwrap().to_str().unwrap();
    let forked = format!(r#"{{"RunForked":{{"from":"{origin}","at":{{"phase":"Student""#);
    assert!(journal.contains(&forked), "{journal}");
    // The change is known to have been due, and neither came nor took effect.
    let mut received = journal
        .lines()
        .filter(|line| line.contains("CommandReceived"));
    assert!(
        received.all(|line| !line.contains("temperature")),
        "{journal}"
    );
    let plan = fs::read_to_string(fork.join("plan.json")).unwrap();
    assert!(plan.contains(origin), "{plan}");

    // The same change again, and a replay of either.
    let output = bench.run(&["--fork", name, "--from", &kept, "--set", "temperature=1.7"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let again = bench.newest();
    assert!(weights(&again) == changed);
    for (run, expected) in [(&fork, &unchanged), (&again, &changed)] {
        let output = bench.run(&["--replay", run.to_str().unwrap()]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(weights(&bench.newest()) == *expected);
    }

    // Killed anywhere, there is no run yet or one that can be resumed.
    for wait in (0..40).step_by(4) {
        let runs = bench.runs().len();
        let mut child = bench.start(&["--fork", name, "--from", &kept]);
        std::thread::sleep(start_up() + Duration::from_millis(wait));
        signal(child.id(), "KILL");
        let killed = child.wait().unwrap().code() != Some(0);
        if bench.runs().len() > runs && killed {
            let output = bench.run(&["--resume", bench.newest().to_str().unwrap()]);
            // The process may outlive its training by a moment.
            let complete = stderr(&output).contains("is complete; there is nothing to resume");
            assert!(code(&output) == 0 || complete, "{}", stderr(&output));
        }
        if bench.runs().len() > runs {
            assert!(weights(&bench.newest()) == unchanged);
        }
    }
    assert!(content(&run) == before, "the run was written to");
}

#[test]
#[cfg(unix)]
fn a_run_that_goes_back_does_without_a_damaged_probe_and_takes_no_room_for_it() {
    let bench = Bench::new();
    let (run, kept) = changed_run(&bench, "tiny.ron");
    let views = run.join("probe/views.safetensors");
    let file = fs::File::options().write(true).open(&views).unwrap();
    file.set_len(1 << 40).unwrap();
    let output = bench.run(&["--fork", run.to_str().unwrap(), "--from", &kept]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let warning = "the new run does without what is damaged of the probe: ";
    let text = stderr(&output);
    assert!(text.contains(warning), "{text}");
    assert!(text.contains("probe/views.safetensors"), "{text}");
    let fork = bench.newest();
    let journal = fs::read_to_string(fork.join("journal.jsonl")).unwrap();
    assert!(journal.contains(warning), "{journal}");
    // It was made anew by the next evaluation.
    let views = fs::metadata(fork.join("probe/views.safetensors")).unwrap();
    assert!(views.len() < 1 << 20);
    let shown = bench.run(&["--show", fork.to_str().unwrap()]);
    assert_eq!(code(&shown), 0, "{}", stderr(&shown));
}

#[test]
#[cfg(unix)]
fn a_checkpoint_that_is_not_kept_or_is_damaged_is_named_and_makes_no_run() {
    let bench = Bench::new();
    let (run, kept) = changed_run(&bench, "tiny.ron");
    let name = run.to_str().unwrap();
    let runs = bench.runs().len();
    let refused = |arguments: &[&str], expected: &str| {
        let output = bench.run(&[&["--fork", name], arguments].concat());
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
        assert_eq!(bench.runs().len(), runs);
    };
    refused(&[], &format!("kept checkpoints: {kept}"));
    refused(&["--from", "step-99999"], "no kept checkpoint `step-99999`");
    // What is to be changed is looked at before the run appears.
    refused(&["--from", &kept, "--set", "nope=1"], "nope");
    refused(&["--from", &kept, "--set", "temperature=-5"], "temperature");
    let weights = run
        .join("kept")
        .join(&kept)
        .join("best/weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&weights, bytes).unwrap();
    refused(&["--from", &kept], "is damaged");
}
