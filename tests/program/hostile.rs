//! What lies in and around a run's folder may be anything, and may go away: it is
//! named, never waited for, and never made again.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::bench::{Bench, code, stderr};
use crate::exit_codes::signal;

/// Longer than anything here may take; a hang is longer.
const LONG: Duration = Duration::from_mins(2);

/// A training that continues until it is stopped, as soon as it can hear.
fn training(bench: &Bench) -> Child {
    let child = bench
        .command(&["--run", "tiny.ron", "--set", "epochs=40000"])
        .stdout(Stdio::null())
        .stderr(File::create(bench.path().join("stderr")).unwrap())
        .spawn()
        .unwrap();
    until(|| journal(bench).contains("\"phase\":\"Student\",\"split\":\"Valid\""));
    child
}

/// Waits until a training came so far.
fn until(mut so_far: impl FnMut() -> bool) {
    let started = Instant::now();
    while !so_far() {
        assert!(started.elapsed() < LONG, "it does not train");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn journal(bench: &Bench) -> String {
    let run = bench.runs().pop();
    run.and_then(|run| fs::read_to_string(run.join("journal.jsonl")).ok())
        .unwrap_or_default()
}

/// The exit code of a process that ends by itself.
fn ended(child: &mut Child) -> i32 {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if started.elapsed() > LONG {
            child.kill().unwrap();
            panic!("it hangs");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn make_pipe(path: &Path) {
    let _ = fs::remove_file(path);
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
}

fn grow_sparse(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length + (1 << 40)).unwrap();
}

#[test]
fn a_pipe_or_a_folder_as_commands_file_is_warned_of_once_and_hangs_nothing() {
    let bench = Bench::new();
    let mut child = training(&bench);
    let commands = bench.newest().join("commands.jsonl");
    make_pipe(&commands);
    let started = Instant::now();
    while !journal(&bench).contains("it is a pipe") {
        assert!(started.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(10));
    }
    fs::remove_file(&commands).unwrap();
    fs::create_dir(&commands).unwrap();
    while !journal(&bench).contains("it is a folder") {
        assert!(started.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(10));
    }
    fs::remove_dir(&commands).unwrap();
    // A file that takes their place is heard of.
    let stop = r#"{"id":"enough","origin":"Process","command":"Stop"}"#;
    fs::write(&commands, format!("{stop}\n")).unwrap();
    assert_eq!(ended(&mut child), 130);
    let text = journal(&bench);
    assert_eq!(text.matches("commands.jsonl").count(), 2, "{text}");
    // From the start as well, and not on SIGTERM either.
    make_pipe(&commands);
    let run = bench.newest();
    let mut child = bench.start(&["--resume", run.to_str().unwrap()]);
    let started = Instant::now();
    while journal(&bench).matches("it is a pipe").count() < 2 {
        assert!(started.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(10));
    }
    signal(child.id(), "TERM");
    assert_eq!(ended(&mut child), 130);
}

/// The program as a shell starts it after `prepared`, trained as long as it likes.
fn training_after(bench: &Bench, prepared: &str) -> Child {
    let plain = bench.command(&["--run", "tiny.ron", "--set", "epochs=40000"]);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{prepared}; exec \"$0\" \"$@\"")])
        .arg(plain.get_program())
        .args(plain.get_args())
        .current_dir(bench.path())
        .stdout(Stdio::null())
        .stderr(File::create(bench.path().join("stderr")).unwrap());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.spawn().unwrap()
}

#[test]
fn a_lost_terminal_saves_the_run_unless_it_was_to_outlive_it() {
    let bench = Bench::new();
    let mut child = training(&bench);
    signal(child.id(), "HUP");
    assert_eq!(ended(&mut child), 130);
    assert!(journal(&bench).contains("SIGHUP"), "{}", journal(&bench));

    let bench = Bench::new();
    let mut child = training_after(&bench, "trap '' HUP");
    let evaluations = || journal(&bench).matches("\"split\":\"Valid\"").count();
    until(|| evaluations() >= 3);
    signal(child.id(), "HUP");
    let now = evaluations();
    until(|| {
        assert!(child.try_wait().unwrap().is_none());
        evaluations() >= now + 3
    });
    signal(child.id(), "TERM");
    assert_eq!(ended(&mut child), 130);
}

#[test]
fn a_stop_is_not_called_resumable_where_the_best_weights_are_damaged() {
    for _ in 0..20 {
        let bench = Bench::new();
        let mut child = training(&bench);
        let best = bench.newest().join("best/weights.safetensors");
        let mut bytes = Vec::new();
        until(|| fs::read(&best).map(|read| bytes = read).is_ok());
        *bytes.last_mut().unwrap() ^= 1;
        let written = fs::write(&best, &bytes);
        signal(child.id(), "TERM");
        let code = ended(&mut child);
        // Better weights may have taken their place meanwhile.
        if written.is_err() || fs::read(&best).unwrap() != bytes {
            continue;
        }
        assert_eq!(code, 3);
        let stderr = fs::read_to_string(bench.path().join("stderr")).unwrap();
        assert!(
            stderr.contains("best/weights.safetensors is damaged"),
            "{stderr}"
        );
        return;
    }
    panic!("the best weights never stay");
}

#[test]
fn a_file_beyond_the_limit_of_its_size_is_named() {
    let bench = Bench::new();
    let mut child = training_after(&bench, "ulimit -f 20");
    assert_eq!(ended(&mut child), 3);
    let stderr = fs::read_to_string(bench.path().join("stderr")).unwrap();
    assert!(stderr.contains("File too large"), "{stderr}");
}

#[test]
fn a_run_whose_folder_is_deleted_moved_or_bereft_of_a_file_fails_and_is_not_made_again() {
    for happening in ["delete", "move", "journal.jsonl", "series.bin", "lock"] {
        let bench = Bench::new();
        let mut child = training(&bench);
        let run = bench.newest();
        let moved = bench.path().join("moved");
        match happening {
            // What is written at this very moment may be in the way once.
            "delete" => while fs::remove_dir_all(&run).is_err() {},
            "move" => fs::rename(&run, &moved).unwrap(),
            file => fs::remove_file(run.join(file)).unwrap(),
        }
        assert_eq!(ended(&mut child), 3, "{happening}");
        let stderr = fs::read_to_string(bench.path().join("stderr")).unwrap();
        assert!(stderr.contains("removed"), "{happening}: {stderr}");
        match happening {
            "delete" | "move" => assert!(!run.exists(), "{happening}"),
            file => assert!(!run.join(file).exists(), "{happening}"),
        }
    }
}

#[test]
fn a_run_whose_files_are_changed_while_it_trains_fails_and_names_the_file() {
    for (name, is_lost) in [
        ("journal.jsonl", false),
        ("series.bin", false),
        ("experiment.ron", false),
        ("experiment.ron", true),
        ("plan.json", true),
    ] {
        let bench = Bench::new();
        let mut child = training(&bench);
        let path = bench.newest().join(name);
        if is_lost {
            fs::remove_file(&path).unwrap();
        } else {
            // In place: the file keeps its number.
            fs::write(&path, "").unwrap();
        }
        assert_eq!(ended(&mut child), 3, "{name}");
        let stderr = fs::read_to_string(bench.path().join("stderr")).unwrap();
        let happening = if is_lost {
            "was removed"
        } else {
            "was changed"
        };
        assert!(
            stderr.contains(&format!("{name} {happening}")),
            "{name}: {stderr}"
        );
        // What was written at the very moment may follow; nothing is made again.
        let left = fs::metadata(&path).ok().map(|file| file.len());
        assert_eq!(left.is_none(), is_lost, "{name}");
    }
}

#[test]
fn gigabytes_of_nothing_behind_the_files_of_a_run_change_nothing() {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let weights = |run: &Path| fs::read(run.join("latest/weights.safetensors")).unwrap();
    let whole = weights(&bench.newest());
    let mut child = bench.start(&["--run", "tiny.ron"]);
    while bench.runs().len() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let run = bench.newest();
    while !run.join("latest").exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for name in ["journal.jsonl", "series.bin"] {
        grow_sparse(&run.join(name));
    }
    fs::write(run.join("commands.jsonl"), "").unwrap();
    grow_sparse(&run.join("commands.jsonl"));
    let output = bench.run(&["--resume", run.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&run) == whole);
    for name in ["journal.jsonl", "series.bin"] {
        assert!(fs::metadata(run.join(name)).unwrap().len() < 1 << 20);
    }
    assert!(fs::read_dir(&run).unwrap().all(|entry| {
        let name = entry.unwrap().file_name();
        !name.to_string_lossy().starts_with(".writing-")
    }));
}

#[test]
fn of_processes_that_resume_a_run_at_once_one_trains() {
    let bench = Bench::new();
    let mut child = training(&bench);
    signal(child.id(), "TERM");
    assert_eq!(ended(&mut child), 130);
    let run = bench.newest();
    let resume = ["--resume", run.to_str().unwrap()];
    let mut processes = [(); 4].map(|()| bench.start(&resume));
    let started = Instant::now();
    let mut train = || {
        let living = processes.iter_mut().map(|it| it.try_wait().unwrap());
        living.filter(Option::is_none).count()
    };
    while train() > 1 {
        assert!(started.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(10));
    }
    // The one that is left may not have begun yet.
    while journal(&bench).matches("\"RunStarted\"").count() < 2 {
        assert!(started.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut codes = Vec::new();
    for process in &mut processes {
        if process.try_wait().unwrap().is_none() {
            signal(process.id(), "TERM");
        }
        codes.push(ended(process));
    }
    codes.sort_unstable();
    assert_eq!(codes, [2, 2, 2, 130]);
}

#[test]
fn a_refused_resume_neither_follows_nor_rewrites_what_is_named_like_the_lock() {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron", "--set", "epochs=1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let run = bench.newest();
    let refused = |why: &str| {
        let output = bench.run(&["--resume", run.to_str().unwrap()]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    };
    let holder = fs::read(run.join("lock.json")).unwrap();
    refused("is complete");
    assert_eq!(fs::read(run.join("lock.json")).unwrap(), holder);
    for name in ["lock", "lock.json"] {
        fs::remove_file(run.join(name)).unwrap();
    }
    refused("is complete");
    assert!(!run.join("lock.json").exists());
    fs::remove_file(run.join("lock")).unwrap();
    symlink(bench.path().join("outside"), run.join("lock")).unwrap();
    refused("lock: it is a symbolic link");
    assert!(!bench.path().join("outside").exists() && run.join("lock").is_symlink());
}

#[test]
fn a_folder_that_is_called_like_a_run_does_not_hide_it() {
    let bench = Bench::new();
    let output = bench.run(&["--run", "tiny.ron", "--set", "epochs=1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let name = bench.newest().file_name().unwrap().to_owned();
    let name = name.to_str().unwrap();
    fs::create_dir(bench.path().join(name)).unwrap();
    fs::create_dir(bench.path().join("photos")).unwrap();
    image::RgbImage::new(8, 8)
        .save(bench.path().join("photos/a.png"))
        .unwrap();
    let output = bench.run(&["--infer", "photos", "--checkpoint", name]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let output = bench.run(&["--replay", name]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let output = bench.run(&["--resume", "photos"]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("photos exists but is not a run"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn no_name_reaches_a_terminal_or_a_workflow_as_anything_but_text() {
    let bench = Bench::new();
    let hostile = "a\u{1b}[31m\n::error title=x::y\n.png";
    let data = bench.path().join("data");
    for class in ["one", "t\u{1b}wo"] {
        let folder = data.join(class);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..20_u8 {
            image::RgbImage::from_pixel(12, 12, image::Rgb([number; 3]))
                .save(folder.join(format!("{number}.png")))
                .unwrap();
        }
        fs::write(folder.join(hostile), "no image").unwrap();
    }
    let run = |arguments: &[&str]| {
        let mut command = bench.command(arguments);
        command.env("GITHUB_ACTIONS", "true").output().unwrap()
    };
    let images =
        "data=(train: ImageFolder(\"data\"), valid: Holdout(0.3), size: (12, 12), max_bad: 0.1)";
    let trained = run(&["--run", "tiny.ron", "--set", images, "--set", "epochs=1"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let photos = bench.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::copy(data.join("one/1.png"), photos.join(hostile)).unwrap();
    fs::write(photos.join(format!("b{hostile}")), "no image").unwrap();
    fs::copy(data.join("one/2.png"), photos.join("::warning::z.png")).unwrap();
    let csv = run(&["--infer", "photos"]);
    let json = run(&["--infer", "photos", "--json"]);
    let refused = run(&["--run", hostile]);
    let edited = run(&[
        "--run",
        "tiny.ron",
        "--set",
        "data.train=ImageFolder(\"\u{1b}\\n::error::x\")",
    ]);
    assert_eq!((code(&csv), code(&json)), (0, 0), "{}", stderr(&csv));
    assert_eq!((code(&refused), code(&edited)), (2, 2));
    for output in [&trained, &csv, &json, &refused, &edited] {
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains('\u{1b}'), "{text}");
        for line in text.split(['\n', '\r']) {
            let ours = line.starts_with("::") && line.contains(" title=workbench::");
            assert!(ours || !line.trim_start().starts_with("::"), "{text}");
        }
    }
    let names: Vec<String> = String::from_utf8(json.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["file"].to_string())
        .collect();
    assert_eq!(names.len(), 2);
    assert!(
        names.contains(&serde_json::to_string(hostile).unwrap()),
        "{names:?}"
    );
}

#[test]
fn what_stands_where_a_folder_is_needed_is_named_with_what_to_do() {
    let bench = Bench::new();
    assert_eq!(
        code(&bench.run(&["--run", "tiny.ron", "--set", "epochs=1"])),
        0
    );
    let at = |name: &str| bench.path().join(name);
    fs::write(at("file"), "").unwrap();
    make_pipe(&at("pipe"));
    symlink(at("nowhere"), at("dangling")).unwrap();
    symlink("/dev/zero", at("zero")).unwrap();
    let move_it = "move it away, or name another folder";
    for (name, what) in [
        ("file", "a file"),
        ("pipe", "a pipe"),
        ("dangling", "a symbolic link that leads nowhere"),
    ] {
        let output = bench.run(&["--run", "tiny.ron", "--checkpoints", name]);
        let message = format!("{name} is {what}, not a folder; {move_it}");
        assert!(stderr(&output).contains(&message), "{}", stderr(&output));
        let trash = at("checkpoints/.trash");
        let _ = fs::remove_file(&trash);
        fs::rename(at(name), &trash).unwrap();
        let output = bench.run(&["--trash", "tiny"]);
        let message = format!(".trash is {what}, not a folder; {move_it}");
        assert!(stderr(&output).contains(&message), "{}", stderr(&output));
        fs::rename(&trash, at(name)).unwrap();
    }
    let output = bench.run(&["--runs", "--checkpoints", "pipe"]);
    assert!(stderr(&output).contains("pipe is a pipe, not a folder"));
    for (name, what) in [
        ("pipe", "a pipe"),
        ("zero", "a device"),
        ("dangling", "a symbolic link that leads nowhere"),
    ] {
        for option in ["--bench", "--resume", "--show", "--export"] {
            let output = bench.run(&[option, name]);
            let message = format!("({name} is {what}, not the folder of a run)");
            assert!(stderr(&output).contains(&message), "{}", stderr(&output));
        }
        let output = bench.run(&["--infer", name]);
        let message = format!("{name} is {what}; --infer takes the folder");
        assert!(stderr(&output).contains(&message), "{}", stderr(&output));
    }
}

#[test]
fn no_report_is_written_among_the_files_of_a_run() {
    let bench = Bench::new();
    let short = ["tiny.ron", "--set", "epochs=1"];
    assert_eq!(code(&bench.run(&[&["--run"], &short[..]].concat())), 0);
    let run = bench.newest();
    for place in ["report.svg", "best/report.svg"] {
        let file = run.join(place).to_string_lossy().into_owned();
        let why = "it is in the folder of the run ";
        let junit = [&["--run"], &short[..], &["--junit", &file]].concat();
        let pareto = ["--runs", "--x", "size", "--pareto", &file];
        let mut summary = bench.command(&[&["--run"], &short[..]].concat());
        summary.env("GITHUB_STEP_SUMMARY", &file);
        for output in [
            bench.run(&junit),
            bench.run(&pareto),
            summary.output().unwrap(),
        ] {
            assert_eq!(code(&output), 2);
            let message = stderr(&output);
            assert!(message.contains(why), "{message}");
            assert!(message.ends_with("name a file outside\n"), "{message}");
        }
        assert!(!Path::new(&file).exists());
    }
    assert_eq!(bench.runs().len(), 1);
}

#[test]
fn a_line_break_in_a_name_is_seen_as_one_and_begins_no_line() {
    let bench = Bench::new();
    let name = "x\nerror: forged";
    let class = bench.path().join("data").join(name);
    let other = bench.path().join("data/other");
    for (folder, level) in [(&class, 0), (&other, 200)] {
        fs::create_dir_all(folder).unwrap();
        for number in 0..20_u8 {
            image::RgbImage::from_pixel(12, 12, image::Rgb([level + number; 3]))
                .save(folder.join(format!("{number}.png")))
                .unwrap();
        }
    }
    fs::write(bench.path().join(name), "Experiment(").unwrap();
    let data = "data=(train: ImageFolder(\"data\"), valid: Holdout(0.3), size: (12, 12))";
    let on_data = ["tiny.ron", "--set", data, "--set", "epochs=1"];
    fs::write(other.join("bad\nerror: forged.png"), "no image").unwrap();
    let refused = bench.run(&[&["--run"], on_data.as_slice()].concat());
    assert!(stderr(&refused).contains("bad\\nerror: forged.png"));
    fs::remove_file(other.join("bad\nerror: forged.png")).unwrap();
    let outputs = [
        refused,
        bench.run(&[&["--run"], on_data.as_slice()].concat()),
        bench.run(&[&["--check"], on_data.as_slice()].concat()),
        bench.run(&["--check", name]),
        bench.run(&["--run", &format!("no {name}")]),
        bench.run(&["--resume", name]),
        bench.run(&["--show", name]),
        bench.run(&["--export", name]),
        bench.run(&["--infer", name]),
        bench.run(&["--runs", "--pareto", name]),
        bench.run(&["--junit", name, "--nonsense", name]),
        bench.run(&["some", name]),
    ];
    assert_eq!(code(&outputs[1]), 0, "{}", stderr(&outputs[1]));
    let run = bench.newest();
    fs::rename(&run, run.with_file_name(name)).unwrap();
    let renamed = [
        bench.run(&["--runs"]),
        bench.run(&["--show", name]),
        bench.run(&["--resume", name]),
        bench.run(&["--resume", "y"]),
    ];
    for output in outputs.iter().chain(&renamed) {
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        let forged = text
            .lines()
            .filter(|line| line.starts_with("error: forged"));
        assert_eq!(forged.count(), 0, "{text}");
    }
    for output in &renamed[..3] {
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        assert!(String::from_utf8_lossy(&text).contains("x\\nerror: forged"));
    }
}

#[test]
fn a_green_report_of_an_earlier_run_does_not_outlive_a_refusal() {
    let bench = Bench::new();
    let report = bench.path().join("report.xml");
    let refused = |arguments: &[&str], why: &str| {
        fs::write(&report, "<testsuites errors=\"0\"/>").unwrap();
        let mut command = bench.command(&[arguments, &["--junit", "report.xml"]].concat());
        let summary = bench.path().join("summary.md");
        let output = command
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .unwrap();
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        for path in [&report, &summary] {
            let text = fs::read_to_string(path).unwrap();
            assert!(text.contains(why), "{text}");
        }
        assert!(
            fs::read_to_string(&report)
                .unwrap()
                .contains("errors=\"1\"")
        );
        fs::remove_file(summary).unwrap();
    };
    refused(&["--run", "absent.ron"], "absent.ron");
    refused(&["--run", "tiny.ron", "--set", "batch=1000"], "batch");
    refused(&["--run", "tiny.ron", "--set", "nonsense"], "nonsense");
    refused(&["--resume", "absent"], "absent");
    refused(&["--no-such-flag"], "--no-such-flag");
    // A process that is killed leaves none either.
    fs::write(&report, "<testsuites errors=\"0\"/>").unwrap();
    let mut child = bench.start(&["--run", "tiny.ron", "--junit", "report.xml"]);
    while bench.runs().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = fs::read_to_string(&report).unwrap();
    assert!(
        text.contains("errors=\"1\"") && text.contains("has not ended"),
        "{text}"
    );
}

#[test]
fn a_report_that_is_a_pipe_is_refused_and_not_waited_for() {
    let bench = Bench::new();
    make_pipe(&bench.path().join("pipe"));
    let runs = &["--run", "tiny.ron"][..];
    let refused = |arguments: &[&str], summary: &str| {
        let child = bench
            .command(arguments)
            .env("GITHUB_STEP_SUMMARY", summary)
            .stderr(File::create(bench.path().join("stderr")).unwrap())
            .spawn();
        assert_eq!(ended(&mut child.unwrap()), 2, "{arguments:?}");
        fs::read_to_string(bench.path().join("stderr")).unwrap()
    };
    let stderr = refused(&[runs, &["--junit", "pipe"]].concat(), "");
    assert!(
        stderr.contains("--junit: pipe cannot be written: it is a pipe"),
        "{stderr}"
    );
    let stderr = refused(runs, "pipe");
    assert!(
        stderr.contains("GITHUB_STEP_SUMMARY: pipe cannot be written: it is a pipe"),
        "{stderr}"
    );
    // Nor where only the refusal would be reported.
    refused(&["--no-such-flag", "--junit", "pipe"], "pipe");
    refused(&["--check", "absent.ron"], "pipe");
    assert!(bench.runs().is_empty());
}

#[test]
fn an_experiment_that_is_a_pipe_or_a_link_in_a_circle_is_reported() {
    let bench = Bench::new();
    make_pipe(&bench.path().join("pipe.ron"));
    symlink("circle.ron", bench.path().join("circle.ron")).unwrap();
    for (name, why) in [
        ("pipe.ron", "it is a pipe"),
        ("circle.ron", "cannot be read"),
    ] {
        let mut child = bench.start(&["--run", name]);
        assert_eq!(ended(&mut child), 2);
        let output = bench.run(&["--check", name]);
        assert!(stderr(&output).contains(why), "{}", stderr(&output));
    }
}

#[test]
fn an_environment_that_asks_for_thousands_of_threads_gets_a_sensible_number_and_a_warning() {
    let bench = Bench::new();
    let output = bench
        .command(&["--run", "tiny.ron"])
        .env("RAYON_NUM_THREADS", "100000")
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = "warning: RAYON_NUM_THREADS=100000 asks for more threads";
    assert_eq!(
        stderr(&output).matches(text).count(),
        1,
        "{}",
        stderr(&output)
    );
}
