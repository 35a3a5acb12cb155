//! Studies that several processes train: of two that were started alike, and of one that
//! starts others.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Output, Stdio};
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
    let temporary = tempfile::tempdir().unwrap();
    let jobs = || {
        let mut command = bench.command(&["--study", "small.ron", "--jobs", "2"]);
        command.env("TMPDIR", temporary.path());
        command
    };
    // What the processes read is removed with the process that wrote it.
    let left = || fs::read_dir(temporary.path()).unwrap().count();
    for (name, stays) in [("TERM", 0), ("KILL", 1)] {
        let mut child = jobs()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
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
        assert_eq!(left(), stays, "{name}");
    }
    let output = jobs().output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // Nor does it stay for ever where that was killed.
    assert_eq!(left(), 0);
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

/// Three variants with four seeds.
const TWELVE: &str = "Study(
    base: \"tiny.ron\",
    variants: [
        (name: \"plain\", set: [\"method=Vanilla()\", \"ema=None\"]),
        (name: \"temperature\", set: [\"method=Vanilla()\"], vary: {\"method.temperature\": [2.0, 6.0]}),
    ],
    seeds: [1, 2, 3, 4],
    budget: Epochs(2),
    baseline: \"plain\",
)";

#[test]
fn a_study_of_twelve_runs_that_is_killed_five_times_comes_to_the_same_table_and_bits() {
    let undisturbed = bench(TWELVE);
    let started = Instant::now();
    let output = undisturbed.run(&["--study", "small.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let took = started.elapsed();
    let expected = result(&undisturbed);
    assert_eq!(expected.1.len(), 12);

    let killed = bench(TWELVE);
    // Anywhere: nothing that is tested depends on where.
    let now = std::time::SystemTime::now();
    let mut random = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .subsec_nanos();
    let mut lived = Vec::new();
    for _ in 0..5 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let share = f64::from(random >> 8) / f64::from(1 << 24);
        let life = start_up() + took.mul_f64(share / 4.0);
        let mut child = killed.start(&["--study", "small.ron"]);
        std::thread::sleep(life);
        signal(child.id(), "KILL");
        child.wait().unwrap();
        lived.push(life);
    }
    let output = killed.run(&["--study", "small.ron"]);
    assert_eq!(code(&output), 0, "{lived:?}: {}", stderr(&output));
    assert_eq!(
        killed.runs().len(),
        12,
        "{lived:?}: a cell was trained twice"
    );
    assert!(result(&killed) == expected, "{lived:?}");
    the_runs_come_to_the_table(&killed);
}

/// Every number of the table is computed again by a program that shares nothing with this
/// one.
fn the_runs_come_to_the_table(bench: &Bench) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/check-study-table");
    let path = bench.path().join("table.json");
    fs::write(&path, table(bench).to_string()).unwrap();
    let python = std::process::Command::new("python3")
        .arg(script)
        .arg(bench.path().join("checkpoints"))
        .arg(&path)
        .output();
    let Ok(output) = python else {
        eprintln!("skipped: there is no python3");
        return;
    };
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // A number that is a little different is noticed.
    let mut changed = table(bench);
    let mean = &mut changed["variants"][1]["metrics"]["valid/top1@best"]["mean"];
    *mean = (mean.as_f64().unwrap() + 0.001).into();
    fs::write(&path, changed.to_string()).unwrap();
    let output = std::process::Command::new("python3")
        .arg(script)
        .arg(bench.path().join("checkpoints"))
        .arg(&path)
        .output();
    assert_eq!(code(&output.unwrap()), 1);
}

/// A study with programs named like those of Slurm, which do what is written here.
struct FakeSlurm {
    bench: Bench,
    programs: tempfile::TempDir,
}

impl FakeSlurm {
    /// Takes what is submitted for job 8; in its queue is what a file says.
    fn new() -> Self {
        let slurm = Self {
            bench: bench(STUDY),
            programs: tempfile::tempdir().unwrap(),
        };
        slurm.program("squeue", "cat queue");
        slurm.program("sacct", "echo 'accounting is disabled' >&2; exit 1");
        slurm.program("sbatch", "cp \"$2\" submitted; echo '8;cluster'");
        slurm.program("scancel", "echo \"$@\" >cancelled");
        slurm.queue("");
        slurm
    }

    fn program(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.programs.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn queue(&self, lines: &str) {
        fs::write(self.bench.path().join("queue"), lines).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let arguments: Vec<&str> = ["--study", "small.ron", "--slurm"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        let mut command = self.bench.command(&arguments);
        // Theirs need some of the system's.
        let path = format!("{}:/usr/bin:/bin", self.programs.path().to_string_lossy());
        command.env("PATH", path).output().unwrap()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn submit(&self) -> Value {
        serde_json::from_str(&self.text(&["--json"])).unwrap()
    }
}

#[test]
fn a_study_is_submitted_as_tasks_and_refusals_have_the_words_of_slurm() {
    let slurm = FakeSlurm::new();
    let refuses = "echo 'sbatch: error: invalid account' >&2; exit 1";
    slurm.program("sbatch", refuses);
    let output = slurm.run(&[]);
    assert_eq!(code(&output), 2);
    let expected = "error: sbatch refused: sbatch: error: invalid account";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));

    let slurm = FakeSlurm::new();
    let submitted = slurm.submit();
    assert_eq!(submitted["job"], "8");
    assert_eq!(submitted["tasks"], serde_json::json!([1, 2, 3, 4]));
    let script = submitted["script"].as_str().unwrap();
    slurm.queue(&format!(
        "8|2|PENDING|(Priority)|{script}\n8|3|RUNNING|n1|{script}\n"
    ));
    assert_eq!(slurm.submit()["tasks"], serde_json::json!([1, 4]));
    let script = fs::read_to_string(slurm.bench.path().join("submitted")).unwrap();
    assert!(script.contains("#SBATCH --array=1,4\n"), "{script}");
    let listed = slurm.text(&["--dry-run"]);
    for task in ["pending (Priority)", "running on n1"] {
        assert!(listed.contains(task), "{listed}");
    }
    let output = slurm.text(&["--cancel"]);
    assert!(
        output.starts_with("cancelled job 8: 2 tasks of study small"),
        "{output}"
    );
    let cancelled = fs::read_to_string(slurm.bench.path().join("cancelled")).unwrap();
    assert_eq!(cancelled, "8\n");

    fs::remove_file(slurm.programs.path().join("squeue")).unwrap();
    let mut command = slurm.bench.command(&["--study", "small.ron", "--slurm"]);
    let output = command.env("PATH", slurm.programs.path()).output().unwrap();
    assert_eq!(code(&output), 2);
    let expected = "error: squeue is not in PATH; run this on a machine that submits";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn a_task_trains_what_was_submitted_however_the_study_is_changed_since() {
    let slurm = FakeSlurm::new();
    let path = |name: &str| slurm.bench.path().join(name);
    let submitted = slurm.submit();
    let script = submitted["script"].as_str().unwrap();
    // Of the baseline comes first: these are adaptive, seed 1, and vanilla, seed 2.
    slurm.queue(&format!(
        "8|2|PENDING|(Priority)|{script}\n8|3|RUNNING|n1|{script}\n"
    ));
    let states = || -> Vec<(Value, Value)> {
        let listed: Value = serde_json::from_str(&slurm.text(&["--dry-run", "--json"])).unwrap();
        let cells = listed["cells"].as_array().unwrap().iter();
        cells
            .map(|cell| (cell["state"].clone(), cell["slurm"].clone()))
            .collect()
    };
    // Runs have other numbers; a task is of the run that it was submitted for.
    let longer = STUDY.replace(
        "        (name: \"vanilla\"",
        "        (name: \"soft\", set: [\"method=Vanilla(temperature: 8.0)\"]),\n        (name: \"vanilla\"",
    );
    fs::write(path("small.ron"), &longer).unwrap();
    let words: Vec<Value> = states().into_iter().map(|(_, words)| words).collect();
    let none = Value::Null;
    let (pending, running) = ("pending (Priority)".into(), "running on n1".into());
    let expected = [&none, &pending, &none, &running, &none, &none];
    assert_eq!(words.iter().collect::<Vec<_>>(), expected);
    assert_eq!(slurm.submit()["tasks"], serde_json::json!([1, 3, 5, 6]));
    // One that trains what the study no longer has is named, and does not count.
    let changed = longer.replace("temperature: 3.0", "temperature: 2.0");
    fs::write(path("small.ron"), changed).unwrap();
    assert!(states().iter().all(|(_, words)| *words != running));
    let listed = slurm.text(&["--dry-run"]);
    let remark = "! 1 task in the queue trains the study as it was before it was changed";
    assert!(listed.contains(remark), "{listed}");
    // The experiment is changed, too, before the task begins.
    let tiny = fs::read_to_string(path("tiny.ron")).unwrap();
    fs::write(path("tiny.ron"), "not an experiment").unwrap();
    let trained = std::process::Command::new("bash")
        .arg(script)
        .env("SLURM_ARRAY_TASK_ID", "3")
        .current_dir(slurm.bench.path())
        .output()
        .unwrap();
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    fs::write(path("tiny.ron"), tiny).unwrap();
    slurm.queue("");
    let done = || {
        let states = states();
        let done = states.iter().map(|(state, _)| *state == "done");
        done.collect::<Vec<bool>>()
    };
    assert!(!done().contains(&true));
    fs::write(path("small.ron"), STUDY).unwrap();
    assert_eq!(done(), [false, false, true, false]);
}

fn wait_for(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_mins(2), "it never is");
        std::thread::sleep(Duration::from_millis(5));
    }
}
