//! A run stopped or killed anywhere and resumed gives the bits of a run that was
//! not, adjustments included; so does a replay.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bench::{Bench, TINY, code, lifetime, recorded_so_far, stderr, weights};
use crate::exit_codes::signal;

/// An adjustment in the middle of the student's training, as another process
/// would send it.
const ADJUSTMENT: &str = r#"{"id":"cooler","origin":"Process","command":{"Adjust":{"knob":"temperature","schedule":{"Constant":1.7}}}}"#;

/// Whether the journal says that the run was trained to its end.
fn is_complete(run: &Path) -> bool {
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
    let ends = [
        r#"{"RunEnded":"Completed"}"#,
        r#"{"RunEnded":{"StoppedEarly""#,
    ];
    ends.iter().any(|end| journal.contains(end))
}

/// Stops that are tried before it is believed.
#[cfg(unix)]
const STOPS: u64 = 20;

#[test]
#[cfg(unix)]
fn a_run_killed_again_and_again_ends_with_the_bits_of_one_that_was_not() {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let whole = weights(&bench.newest());
    let mut stops = 0;
    while stops < STOPS {
        bench.forget_teachers();
        stops += stopped_run(&bench, "tiny.ron", stops);
        assert!(weights(&bench.newest()) == whole, "after {stops} stops");
    }
}

#[test]
#[cfg(unix)]
fn a_run_that_trains_no_teacher_is_resumed_too() {
    let bench = Bench::new();
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    let teacher = bench.newest().join("teacher/weights.safetensors");
    let from_file = format!("File({teacher:?}), trusted: true");
    let trained = "Train(epochs: 2)";
    let line = TINY.lines().find(|line| line.contains(trained)).unwrap();
    let method = TINY.lines().find(|line| line.contains("method:")).unwrap();
    for (name, text) in [
        (
            "scratch.ron",
            TINY.replace(line, "")
                .replace(method, "    method: Scratch(),"),
        ),
        ("file.ron", TINY.replace(trained, &from_file)),
    ] {
        fs::write(bench.path().join(name), text).unwrap();
        let output = bench.run(&["--run", name]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let whole = weights(&bench.newest());
        let mut stops = 0;
        while stops < 3 {
            stops += stopped_run(&bench, name, stops);
            assert!(weights(&bench.newest()) == whole, "{name}: {stops} stops");
        }
    }
}

/// Runs the experiment to its end in processes of which each but the last is
/// stopped. Returns how many were; `before` of them were in earlier runs.
#[cfg(unix)]
pub fn stopped_run(bench: &Bench, file: &str, before: u64) -> u64 {
    let earlier = bench.runs().len();
    let mut stops = 0;
    let mut child = bench.start(&["--run", file]);
    for attempt in 0_u64.. {
        let name = ["KILL", "TERM", "INT"][((before + attempt) % 3) as usize];
        std::thread::sleep(lifetime(attempt) + Duration::from_millis(before % 7));
        if child.try_wait().unwrap().is_none() {
            signal(child.id(), name);
            child.wait().unwrap();
            stops += 1;
        }
        let started = bench.runs().len() > earlier;
        // A process may be stopped after its run has come to its end.
        if started && is_complete(&bench.newest()) {
            break;
        }
        child = if started {
            bench.start(&["--resume", bench.newest().to_str().unwrap()])
        } else {
            bench.start(&["--run", file])
        };
    }
    stops
}

#[test]
fn answers_of_the_teacher_that_were_kept_lost_or_damaged_change_no_bit() {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let whole = weights(&bench.newest());
    let kept = || -> Vec<PathBuf> {
        let files = fs::read_dir(bench.path().join("checkpoints/.teachers")).unwrap();
        let files = files.map(|file| file.unwrap().path());
        files
            .filter(|path| path.extension().is_some_and(|it| it == "bin"))
            .collect()
    };
    let [file] = kept().try_into().unwrap();
    let answers = fs::read(&file).unwrap();
    let mut damaged = answers.clone();
    damaged[20] ^= 4;
    for (content, is_reported) in [
        (answers.clone(), false),
        (Vec::new(), false),
        (answers[..answers.len() / 2].to_vec(), false),
        (damaged, true),
    ] {
        fs::write(&file, content).unwrap();
        let output = bench.run(&["--run", "tiny.ron"]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        assert!(weights(&bench.newest()) == whole);
        assert_eq!(stderr(&output).contains("are computed again"), is_reported);
        assert!(fs::read(&file).unwrap() == answers);
    }
}

#[test]
fn a_replay_applies_the_adjustments_of_a_run_again() {
    let bench = Bench::new();
    // A first run leaves the teacher, so that the next is about the student.
    let plain = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&plain), 0, "{}", stderr(&plain));
    let unadjusted = weights(&bench.newest());

    let mut child = bench.start(&["--run", "tiny.ron"]);
    while bench.runs().len() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let run = bench.newest();
    fs::write(
        run.join("commands.jsonl"),
        format!("{ADJUSTMENT}\nnonsense\n"),
    )
    .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    assert!(
        journal.contains(r#"{"CommandApplied":{"id":"cooler""#),
        "{journal}"
    );
    assert!(journal.contains(r#","from":3.0}}"#), "{journal}");
    // A line that is no command is reported, and nothing else comes of it.
    assert!(journal.contains(r#"{"Warned":"#), "{journal}");
    let adjusted = weights(&run);
    assert!(adjusted != unadjusted, "the adjustment changed nothing");

    let output = bench.run(&["--replay", run.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(bench.newest() != run);
    assert!(weights(&bench.newest()) == adjusted);
}

/// Killed between the last checkpoint and its place: no step is left that would
/// put it there.
#[test]
fn the_last_checkpoint_is_put_in_its_place_by_a_resume_without_steps() {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let run = bench.newest();
    let whole = weights(&run);
    let journal = run.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let ended = text.find("{\"RunEnded\"").unwrap();
    fs::write(&journal, &text[..ended]).unwrap();
    recorded_so_far(&run);
    fs::rename(run.join("latest"), run.join("latest.new-7")).unwrap();
    let output = bench.run(&["--resume", run.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&run) == whole);
    assert!(!run.join("latest.new-7").exists());
}

#[test]
#[cfg(unix)]
fn a_run_with_layer_decay_is_checked_with_its_blocks_and_resumes_to_the_same_bits() {
    let bench = Bench::new();
    let student = "student: (model: Cnn(channels: [4, 8])";
    let text = TINY.replace(student, &format!("{student}, layer_decay: 0.5"));
    assert_ne!(text, TINY);
    fs::write(bench.path().join("decay.ron"), text).unwrap();
    let output = bench.run(&["--check", "decay.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    let blocks = "features.0 × 0.25, features.4 × 0.5, classifier × 1";
    let page: String = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains(blocks), "{page}");
    let output = bench.run(&["--check", "decay.ron", "--json"]);
    let checked: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(checked["plan"]["training"]["layer_decay"], 0.5);
    assert_eq!(checked["lr_groups"][0]["name"], "features.0");
    assert_eq!(checked["lr_groups"][0]["factor"], 0.25);
    let output = bench.run(&["--run", "decay.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let whole = weights(&bench.newest());
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&bench.newest()) != whole, "it changes the training");
    stopped_run(&bench, "decay.ron", 1);
    assert!(weights(&bench.newest()) == whole);
}
