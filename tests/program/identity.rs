//! A run holds what it means: other images, classes, weights or a damaged file
//! are refused by name, and a refusal changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use image::{Rgb, RgbImage};

use crate::bench::{Bench, code, stderr};

const CLASSES: [&str; 3] = ["ant", "bee", "cat"];

fn save(path: &Path, hue: u8, number: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let image = RgbImage::from_fn(12, 12, |x, y| {
        Rgb([hue, (x as u8 * 9).wrapping_add(number), y as u8 * 9])
    });
    image.save(path).unwrap();
}

fn picture(bench: &Bench, class: &str, number: u8) -> PathBuf {
    bench.path().join(format!("images/{class}/{number:02}.png"))
}

/// Three classes that are easily distinguished, in folders.
fn folders() -> Bench {
    let bench = Bench::new();
    for (class, hue) in CLASSES.into_iter().zip([10, 120, 240]) {
        for number in 0..16 {
            save(&picture(&bench, class, number), hue, number);
        }
    }
    bench
}

fn data(memory: &str) -> String {
    format!("data=(train: ImageFolder(\"images\"), valid: Holdout(0.25), memory_mb: {memory})")
}

/// A run on such folders, stopped in its student's training.
fn stopped(bench: &Bench, memory: &str) -> PathBuf {
    let data = data(memory);
    let earlier = bench.runs();
    let mut child = bench.start(&[
        "--run",
        "tiny.ron",
        "--set",
        &data,
        "--set",
        "epochs=4000",
        "--set",
        "batch=8",
    ]);
    let until = "\"phase\":\"Student\",\"split\":\"Valid\"";
    let mut journal = String::new();
    while !journal.contains(until) {
        assert!(child.try_wait().unwrap().is_none(), "it ended: {journal}");
        std::thread::sleep(Duration::from_millis(5));
        let run = bench.runs().into_iter().find(|run| !earlier.contains(run));
        journal = run
            .and_then(|run| fs::read_to_string(run.join("journal.jsonl")).ok())
            .unwrap_or_default();
    }
    let run = bench.newest();
    let stop = r#"{"id":"enough","origin":"Process","command":"Stop"}"#;
    fs::write(run.join("commands.jsonl"), format!("{stop}\n")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    run
}

/// Every file of a run, with its content, but the one that is locked: it has
/// none, and may appear where there was none.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "lock" {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    found
}

/// A resume is refused with these words and leaves the run as it was.
fn refused(bench: &Bench, run: &Path, words: &str) {
    let before = contents(run);
    let output = bench.run(&["--resume", run.to_str().unwrap()]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains(words),
        "{words}: {}",
        stderr(&output)
    );
    assert!(contents(run) == before, "a refusal writes nothing");
}

/// A resume is not refused, and comes to what its journal is to say.
fn resumes(bench: &Bench, run: &Path, is_there: impl Fn(&str) -> bool) {
    let mut child = bench.start(&["--resume", run.to_str().unwrap()]);
    while !is_there(&fs::read_to_string(run.join("journal.jsonl")).unwrap()) {
        assert!(child.try_wait().unwrap().is_none(), "it was refused");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// What the run's best weights answer on a picture of each class.
fn answers(bench: &Bench, run: &Path) -> String {
    let output = bench.run(&[
        "--infer",
        "images",
        "--checkpoint",
        run.to_str().unwrap(),
        "--json",
        // Another one computes other last digits, and the run's own is known from
        // its plan alone.
        "--device",
        "cpu",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| {
        let mut row: serde_json::Value = serde_json::from_str(line).unwrap();
        row.as_object_mut().unwrap().remove("milliseconds");
        row.to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_class_renamed_between_stop_and_resume_is_refused_and_leaves_the_weights_names() {
    let bench = folders();
    let run = stopped(&bench, "64");
    let before = answers(&bench, &run);
    let class = |name: &str| bench.path().join("images").join(name);
    fs::rename(class("ant"), class("zebra")).unwrap();
    refused(&bench, &run, "class `ant` is missing and `zebra` is new");
    fs::rename(class("zebra"), class("ant")).unwrap();
    assert_eq!(answers(&bench, &run), before);
}

#[test]
fn other_pixels_under_the_same_names_are_refused_streamed_or_not() {
    for memory in ["64", "0"] {
        let bench = folders();
        let run = stopped(&bench, memory);
        for number in 0..16 {
            save(&picture(&bench, "bee", number), 121, number);
        }
        refused(&bench, &run, "content of the");
    }
}

#[test]
fn images_that_were_only_touched_or_copied_are_the_same() {
    let bench = folders();
    let run = stopped(&bench, "0");
    let file = picture(&bench, "bee", 3);
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    fs::write(&file, bytes).unwrap();
    resumes(&bench, &run, |journal| {
        journal.matches("\"RunStarted\"").count() == 2
    });
}

#[test]
fn a_flipped_bit_in_any_file_that_a_resume_uses_is_named() {
    let bench = folders();
    let run = stopped(&bench, "64");
    for name in [
        "plan.json",
        "latest/weights.safetensors",
        "latest/network.safetensors",
        "latest/optimizer.safetensors",
        "latest/state.json",
        "latest/manifest.json",
        "best/weights.safetensors",
        "best/model.json",
        "teacher/weights.safetensors",
        "teacher/manifest.json",
    ] {
        let path = run.join(name);
        let whole = fs::read(&path).unwrap();
        let mut bytes = whole.clone();
        let at = bytes.len() - 5;
        bytes[at] ^= 4;
        fs::write(&path, &bytes).unwrap();
        refused(&bench, &run, "is damaged");
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn missing_is_another_answer_than_damaged_and_never_a_new_beginning() {
    let bench = folders();
    let run = stopped(&bench, "64");
    let aside = run.join("aside");
    for (name, words) in [
        ("plan.json", "plan.json is missing"),
        ("journal.jsonl", "journal.jsonl is missing"),
        ("latest", "the checkpoint of the student's step"),
        ("latest/manifest.json", "manifest.json is missing"),
        (
            "latest/optimizer.safetensors",
            "optimizer.safetensors is missing",
        ),
    ] {
        fs::rename(run.join(name), &aside).unwrap();
        refused(&bench, &run, words);
        fs::rename(&aside, run.join(name)).unwrap();
    }
    // A student needs nothing but its weights and what stands beside them.
    for name in ["plan.json", "journal.jsonl", "series.bin"] {
        let path = run.join(name);
        let whole = fs::read(&path).unwrap();
        let before = answers(&bench, &run);
        fs::write(&path, "garbage\n".repeat(40)).unwrap();
        assert_eq!(answers(&bench, &run), before, "{name}");
        fs::write(&path, whole).unwrap();
    }
    fs::rename(run.join("best"), &aside).unwrap();
    let output = bench.run(&[
        "--infer",
        "images",
        "--checkpoint",
        run.to_str().unwrap(),
        "--weights",
        "best",
    ]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("best is missing"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_journal_that_ends_before_its_checkpoint_is_refused() {
    let bench = folders();
    let run = stopped(&bench, "64");
    let path = run.join("journal.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let kept: Vec<&str> = text.lines().take(8).collect();
    fs::write(&path, kept.join("\n") + "\n").unwrap();
    refused(&bench, &run, "its end is lost");
}

/// What is done to an entry of the cache.
type Damage = fn(&Path);

#[test]
fn a_damaged_teacher_in_the_cache_is_trained_again_and_ends_the_same() {
    let bench = Bench::new();
    let short = ["--run", "tiny.ron", "--set", "epochs=1"];
    assert_eq!(code(&bench.run(&short)), 0);
    let teacher = |run: PathBuf| fs::read(run.join("teacher/weights.safetensors")).unwrap();
    let first = teacher(bench.newest());
    let cache = bench.path().join("checkpoints/.teachers");
    // Beside the teacher's answers, which are a file.
    let mut kept = fs::read_dir(&cache).unwrap().map(Result::unwrap);
    let kept = kept.find(|kept| kept.path().is_dir()).unwrap().path();
    let flip: Damage = |kept| {
        let weights = kept.join("weights.safetensors");
        let mut bytes = fs::read(&weights).unwrap();
        let at = bytes.len() - 9;
        bytes[at] ^= 1;
        fs::write(&weights, bytes).unwrap();
    };
    let damages: [(Damage, &str); 4] = [
        (flip, "is damaged"),
        (
            |kept| fs::remove_file(kept.join("manifest.json")).unwrap(),
            "is damaged: it has no manifest.json",
        ),
        (
            |kept| {
                fs::remove_dir_all(kept).unwrap();
                fs::create_dir(kept).unwrap();
            },
            "is damaged: it has no manifest.json",
        ),
        (
            |kept| {
                fs::remove_dir_all(kept).unwrap();
                fs::write(kept, "text").unwrap();
            },
            "is damaged: it is not a folder",
        ),
    ];
    for (damage, what) in damages {
        damage(&kept);
        let output = bench.run(&short);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let warning = "the cached teacher is not used, was removed, and is trained again";
        assert!(stderr(&output).contains(warning), "{}", stderr(&output));
        assert!(!stderr(&output).contains("restore it"));
        assert!(stderr(&output).contains(what), "{}", stderr(&output));
        let journal = fs::read_to_string(bench.newest().join("journal.jsonl")).unwrap();
        assert!(journal.contains(warning));
        assert!(teacher(bench.newest()) == first);
    }
    // It was put back, whole; and one that was never there is no damage.
    for _ in 0..2 {
        let output = bench.run(&short);
        assert!(
            !stderr(&output).contains("is damaged"),
            "{}",
            stderr(&output)
        );
        assert!(teacher(bench.newest()) == first);
        let _ = fs::remove_dir_all(&cache);
    }
}

#[test]
fn a_teacher_whose_training_was_changed_is_not_kept_for_others() {
    let bench = Bench::new();
    let mut child = bench.start(&[
        "--run",
        "tiny.ron",
        "--set",
        "teacher.weights=Train(epochs: 400)",
        "--set",
        "epochs=1",
    ]);
    while bench.runs().is_empty() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let turn = r#"{"id":"t","origin":"Process","command":{"Adjust":{"knob":"lr","schedule":{"Constant":0.001}}}}"#;
    fs::write(bench.newest().join("commands.jsonl"), format!("{turn}\n")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let journal = fs::read_to_string(bench.newest().join("journal.jsonl")).unwrap();
    assert!(journal.contains(r#"{"CommandApplied":{"id":"t","phase":"Teacher""#));
    let cache = bench.path().join("checkpoints/.teachers");
    assert!(teachers(&cache).is_empty());
    // A replay trains its teacher in the same way, and changes nothing of the
    // student's.
    let changed = bench.newest();
    let output = bench.run(&["--replay", changed.to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for name in ["teacher/weights.safetensors", "latest/weights.safetensors"] {
        let read = |run: &Path| fs::read(run.join(name)).unwrap();
        assert!(read(&bench.newest()) == read(&changed), "{name}");
    }
    assert_ne!(bench.newest(), changed);
}

#[test]
fn a_diverged_run_says_what_to_type_and_that_gets_it_going() {
    let bench = Bench::new();
    let mut child = bench.start(&[
        "--run",
        "tiny.ron",
        "--set",
        "epochs=4000",
        "--set",
        "student.model=Mlp(hidden: [32, 32])",
    ]);
    let journal = || {
        let run = bench.runs().pop();
        run.and_then(|run| fs::read_to_string(run.join("journal.jsonl")).ok())
            .unwrap_or_default()
    };
    while !journal().contains("\"phase\":\"Student\",\"split\":\"Valid\"") {
        std::thread::sleep(Duration::from_millis(5));
    }
    let run = bench.newest();
    let turn = r#"{"id":"t","origin":"Process","command":{"Adjust":{"knob":"lr","schedule":{"Constant":100.0}}}}"#;
    fs::write(run.join("commands.jsonl"), format!("{turn}\n")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let text = journal();
    // The change is in the checkpoint or after it, as the kill of the learning rate fell.
    let advice = text.split("workbench --").nth(1).unwrap();
    let advice = advice.split(['"', ';']).next().unwrap();
    let advice = advice.split(". ").next().unwrap();
    let typed: Vec<String> = format!("--{advice}")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    assert!(typed.len() == 4, "{typed:?}");
    goes(&bench, &typed);
    // A person may try a lower rate as well.
    let name = run.to_str().unwrap();
    let resumed = ["--resume", name, "--set", "lr=0.001"];
    goes(&bench, &resumed);
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    let set = r#"{"Adjust":{"knob":"lr","schedule":{"Constant":0.001}}}"#;
    assert!(journal.contains(set));
}

/// Starts a training and sees that it gets past an evaluation.
fn goes(bench: &Bench, arguments: &[&str]) {
    let evaluations = || -> usize {
        let count = |run: &PathBuf| {
            let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
            journal.matches("\"Evaluated\"").count()
        };
        bench.runs().iter().map(count).sum()
    };
    let before = evaluations();
    let mut child = bench.start(arguments);
    // A fork begins with those of the run that it is made of.
    let mut copied = 0;
    loop {
        assert!(child.try_wait().unwrap().is_none(), "{arguments:?} ended");
        std::thread::sleep(Duration::from_millis(5));
        let now = evaluations();
        if copied == 0 && now > before {
            copied = now;
        }
        if copied > 0 && now > copied + 1 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Makes a run what programs made that kept no plan and no checksums.
fn age(run: &Path) {
    for name in [
        "plan.json",
        "recorded.json",
        "teacher/manifest.json",
        "teacher/model.json",
    ] {
        fs::remove_file(run.join(name)).unwrap();
    }
    let journal = run.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("{\"Sealed\""));
    let lines = lines.map(|line| {
        let line = line.split(",\"weights\":\"").collect::<Vec<_>>();
        let line = match line[..] {
            [before, after] if before.contains("CheckpointSaved") => {
                before.to_owned() + &after[after.find('"').unwrap() + 1..]
            }
            _ => line.join(",\"weights\":\""),
        };
        line.replace("\"version\":5}", "\"version\":1}") + "\n"
    });
    fs::write(&journal, lines.collect::<String>()).unwrap();
    for folder in ["latest", "best", "teacher/latest", "teacher/best"] {
        let folder = run.join(folder);
        let state = folder.join("state.json");
        if state.exists() {
            let text = fs::read_to_string(&state).unwrap();
            let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let state_of = value.as_object_mut().unwrap();
            for name in [
                "journal",
                "journal_crc32c",
                "series",
                "series_crc32c",
                "teacher",
            ] {
                state_of.remove(name);
            }
            if let Some(best) = state_of["best"].as_object_mut() {
                best.remove("weights");
            }
            fs::write(&state, value.to_string()).unwrap();
        }
        let manifest = folder.join("manifest.json");
        let text = fs::read_to_string(&manifest).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
        for name in ["checksum", "owner"] {
            value.as_object_mut().unwrap().remove(name);
        }
        for file in value["files"].as_array_mut().unwrap() {
            let file = file.as_array_mut().unwrap();
            file.truncate(1);
            let length = fs::metadata(folder.join(file[0].as_str().unwrap()))
                .unwrap()
                .len();
            file.push(length.into());
        }
        fs::write(&manifest, value.to_string()).unwrap();
    }
}

#[test]
fn a_run_of_a_program_that_kept_no_plan_answers_and_resumes() {
    let bench = folders();
    let run = stopped(&bench, "64");
    let before = answers(&bench, &run);
    age(&run);
    assert_eq!(answers(&bench, &run), before);
    resumes(&bench, &run, |journal| {
        journal.matches("\"Evaluated\"").count() > 4 && run.join("plan.json").exists()
    });
}

#[test]
fn a_student_with_a_checkpoint_needs_no_longer_the_weights_that_it_started_from() {
    let bench = folders();
    let first = stopped(&bench, "64");
    let start = bench.path().join("start.safetensors");
    fs::copy(first.join("latest/weights.safetensors"), &start).unwrap();
    let text = fs::read_to_string(bench.path().join("tiny.ron")).unwrap();
    let student = "student: (model: Cnn(channels: [4, 8])";
    assert!(text.contains(student));
    let text = text.replace(
        student,
        &format!("{student}, weights: \"start.safetensors\""),
    );
    fs::write(bench.path().join("tiny.ron"), text).unwrap();
    let run = stopped(&bench, "64");
    assert_ne!(run, first);
    let intact = fs::read(&start).unwrap();
    fs::remove_file(&start).unwrap();
    resumes(&bench, &run, |journal| {
        journal.matches("\"RunStarted\"").count() == 2
    });
    // Finite values that overflow in the first pass are not the learning rate's fault.
    let mut large = intact;
    let header = u64::from_le_bytes(large[..8].try_into().unwrap()) as usize;
    for value in large[8 + header..].as_chunks_mut().0 {
        *value = f32::MAX.to_le_bytes();
    }
    fs::write(&start, large).unwrap();
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    let message = stderr(&output);
    assert!(
        message.contains("start.safetensors: in the first step"),
        "{message}"
    );
    assert!(!message.contains("learning rate"), "{message}");
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// The run was stopped by a program that called rounds iterations, in its
/// journal, its experiment, its plan and its checkpoints.
#[test]
fn a_run_of_a_program_that_had_iterations_for_rounds_answers_resumes_and_is_replayed() {
    let bench = Bench::new();
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs/version-2");
    let run = bench.path().join("checkpoints/version-2");
    copy(&kept, &run);
    let run = run.to_str().unwrap();
    let output = bench.run(&["--resume", run]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let journal = fs::read_to_string(Path::new(run).join("journal.jsonl")).unwrap();
    let (older, newer) = (journal.find("IterationEnded"), journal.find("RoundEnded"));
    assert!(older.unwrap() < newer.unwrap());
    let output = bench.run(&["--replay", run]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // A new file gets the word of today.
    let text = fs::read_to_string(Path::new(run).join("experiment.ron")).unwrap();
    assert!(text.contains("iteration: Steps(9)"));
    fs::write(bench.path().join("new.ron"), text).unwrap();
    let output = bench.run(&["--check", "new.ron"]);
    assert_eq!(code(&output), 2);
    let message = stderr(&output);
    assert!(
        message.contains("`iteration` is now called `round`"),
        "{message}"
    );
}

/// Two runs of one experiment but for the seed: what is one's is never the
/// other's, however well it would fit.
#[test]
fn folders_of_another_run_are_refused_and_answer_nothing() {
    let bench = Bench::new();
    let first = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    let other = bench.newest();
    let mut child = bench.start(&[
        "--run",
        "tiny.ron",
        "--set",
        "seed=4",
        "--set",
        "epochs=4000",
    ]);
    let run = loop {
        std::thread::sleep(Duration::from_millis(5));
        let run = bench.newest();
        if run != other && run.join("best/manifest.json").exists() {
            break run;
        }
        assert!(child.try_wait().unwrap().is_none());
    };
    crate::exit_codes::signal(child.id(), "TERM");
    child.wait().unwrap();
    for name in ["teacher", "latest", "best"] {
        let (own, aside) = (run.join(name), bench.path().join("aside"));
        fs::rename(&own, &aside).unwrap();
        copy(&other.join(name), &own);
        refused(&bench, &run, &format!("{name} is from another run"));
        fs::remove_dir_all(&own).unwrap();
        fs::rename(&aside, &own).unwrap();
    }
    // The latest weights are not the best.
    let best = run.join("best");
    fs::rename(&best, bench.path().join("aside")).unwrap();
    copy(&run.join("latest"), &best);
    refused(&bench, &run, "best is from another run");
}

/// The trained teachers of a cache, without kept answers.
fn teachers(cache: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache).into_iter().flatten();
    let entries = entries.map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

/// The cache has two teachers, and each stands where the other belongs.
#[test]
fn cached_teachers_that_changed_places_are_trained_again() {
    let bench = Bench::new();
    let weights = || fs::read(bench.newest().join("teacher/weights.safetensors")).unwrap();
    assert_eq!(code(&bench.run(&["--run", "tiny.ron"])), 0);
    let first = weights();
    assert_eq!(
        code(&bench.run(&["--run", "tiny.ron", "--set", "seed=4"])),
        0
    );
    assert!(weights() != first);
    let cache = bench.path().join("checkpoints/.teachers");
    let entries = teachers(&cache);
    let [one, two] = entries.as_slice() else {
        panic!("two teachers: {entries:?}");
    };
    let aside = cache.join("aside");
    fs::rename(one, &aside).unwrap();
    fs::rename(two, one).unwrap();
    fs::rename(&aside, two).unwrap();
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let warning = stderr(&output);
    let fault = "is trained again: checkpoints/.teachers/";
    assert!(warning.contains(fault), "{warning}");
    assert!(
        warning.contains("is from another run or recipe"),
        "{warning}"
    );
    assert!(!warning.contains("restore it"), "{warning}");
    assert!(weights() == first);
    // A cache that cannot be one costs nobody his run.
    fs::remove_dir_all(&cache).unwrap();
    fs::write(&cache, "").unwrap();
    let output = bench.run(&["--run", "tiny.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("not kept for other runs"),
        "{}",
        stderr(&output)
    );
    assert!(weights() == first);
}

/// Two runs of one experiment have the same plan but for who they are.
#[test]
fn runs_of_one_experiment_cannot_stand_in_for_each_other() {
    let bench = Bench::new();
    let stopped = |number: usize| {
        let mut child = bench.start(&["--run", "tiny.ron", "--set", "epochs=4000"]);
        let run = loop {
            std::thread::sleep(Duration::from_millis(5));
            assert!(child.try_wait().unwrap().is_none());
            let runs = bench.runs();
            if runs.len() == number && bench.newest().join("best/manifest.json").exists() {
                break bench.newest();
            }
        };
        crate::exit_codes::signal(child.id(), "TERM");
        child.wait().unwrap();
        run
    };
    let (one, two) = (stopped(1), stopped(2));
    let journal = fs::read(one.join("journal.jsonl")).unwrap();
    fs::copy(two.join("journal.jsonl"), one.join("journal.jsonl")).unwrap();
    let output = bench.run(&["--resume", one.to_str().unwrap()]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert_eq!(code(&bench.run(&["--replay", one.to_str().unwrap()])), 2);
    fs::write(one.join("journal.jsonl"), journal).unwrap();
    fs::remove_dir_all(one.join("latest")).unwrap();
    copy(&two.join("latest"), &one.join("latest"));
    refused(&bench, &one, "latest is from another run");
}

/// The run of a process that trains, once it has best weights.
fn with_best(bench: &Bench, child: &mut Child) -> PathBuf {
    loop {
        std::thread::sleep(Duration::from_millis(2));
        assert!(child.try_wait().unwrap().is_none());
        let mut runs = bench.runs().into_iter();
        if let Some(run) = runs.find(|run| run.join("best/manifest.json").exists()) {
            return run;
        }
    }
}

/// A change that was made after the last checkpoint, and a journal that ends before.
#[test]
fn a_journal_that_lost_its_last_lines_is_not_taken_for_one_of_a_killed_process() {
    let bench = Bench::new();
    let mut child = bench.start(&["--run", "tiny.ron", "--set", "epochs=4000"]);
    let run = with_best(&bench, &mut child);
    let journal = run.join("journal.jsonl");
    let read = || fs::read_to_string(&journal).unwrap();
    let command = r#"{"id":"x","origin":"Process","command":{"Adjust":{"knob":"temperature","schedule":{"Constant":2.0}}}}"#;
    fs::write(run.join("commands.jsonl"), format!("{command}\n")).unwrap();
    let recorded = || -> Option<u64> {
        let text = fs::read(run.join("recorded.json")).ok()?;
        let mark: serde_json::Value = serde_json::from_slice(&text).ok()?;
        mark["mark"]["bytes"].as_u64()
    };
    // What is noted comes a moment after what is written.
    while read()
        .find(r#"{"CommandApplied":{"id":"x""#)
        .is_none_or(|applied| recorded() <= Some(applied as u64))
    {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let whole = read();
    let received = whole.find(r#"{"CommandReceived""#).unwrap();
    let applied = whole.find(r#"{"CommandApplied""#).unwrap();
    for cut in [received, applied] {
        fs::write(&journal, &whole[..cut]).unwrap();
        refused(&bench, &run, "its end is lost");
    }
    fs::remove_file(&journal).unwrap();
    refused(&bench, &run, "journal.jsonl is missing");
    let name = run.to_str().unwrap();
    let shown = bench.run(&["--show", name]);
    let page = String::from_utf8_lossy(&shown.stdout).into_owned();
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("journal.jsonl is missing"), "{page}");
    fs::write(&journal, &whole).unwrap();
    let mark = run.join("recorded.json");
    let aside = fs::read(&mark).unwrap();
    fs::remove_file(&mark).unwrap();
    refused(&bench, &run, "recorded.json is missing");
    fs::write(&mark, &aside[..aside.len() / 2]).unwrap();
    refused(&bench, &run, "recorded.json is damaged");
    fs::write(&mark, aside).unwrap();
    resumes(&bench, &run, |journal| journal.len() > whole.len() + 100);
}

/// A copy of a run has its plan, and what it trains after that is its own.
#[test]
fn what_a_copy_of_a_run_trained_is_not_taken_for_the_runs_own() {
    let bench = Bench::new();
    let mut child = bench.start(&["--run", "tiny.ron", "--set", "epochs=40"]);
    let run = with_best(&bench, &mut child);
    crate::exit_codes::signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let twin = run.with_file_name("twin");
    copy(&run, &twin);
    let images = bench.path().join("images");
    fs::create_dir(&images).unwrap();
    RgbImage::new(12, 12).save(images.join("a.png")).unwrap();
    for (folder, change) in [(&run, "temperature=2.0"), (&twin, "temperature=7.0")] {
        let output = bench.run(&["--resume", folder.to_str().unwrap(), "--set", change]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    for (name, reason) in [
        ("best", "best is damaged: it holds other weights"),
        (
            "latest",
            "latest holds other weights than the journal records",
        ),
    ] {
        let (own, aside) = (run.join(name), bench.path().join("aside"));
        fs::rename(&own, &aside).unwrap();
        copy(&twin.join(name), &own);
        let path = run.to_str().unwrap();
        let output = bench.run(&["--infer", "images", "--checkpoint", path, "--weights", name]);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
        fs::remove_dir_all(&own).unwrap();
        fs::rename(&aside, &own).unwrap();
    }
}

#[test]
fn an_older_checkpoint_in_a_finished_run_is_used_for_nothing() {
    let bench = Bench::new();
    let mut child = bench.start(&["--run", "tiny.ron", "--set", "epochs=40"]);
    while !bench.runs().iter().any(|run| run.join("latest").exists()) {
        std::thread::sleep(Duration::from_millis(2));
        assert!(child.try_wait().unwrap().is_none());
    }
    crate::exit_codes::signal(child.id(), "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = bench.newest();
    let name = run.to_str().unwrap();
    copy(&run.join("latest"), &bench.path().join("older"));
    let output = bench.run(&["--resume", name]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    fs::remove_dir_all(run.join("latest")).unwrap();
    copy(&bench.path().join("older"), &run.join("latest"));
    fs::create_dir(bench.path().join("some")).unwrap();
    let picture = bench.path().join("some/a.png");
    RgbImage::new(12, 12).save(picture).unwrap();
    let ask = [
        "--infer",
        "some",
        "--checkpoint",
        name,
        "--weights",
        "latest",
    ];
    let output = bench.run(&ask);
    assert_ne!(code(&output), 0);
    assert!(
        stderr(&output).contains("it is an older copy"),
        "{}",
        stderr(&output)
    );
    let output = bench.run(&["--resume", name]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("is missing from"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_training_that_ends_without_its_teacher_has_failed() {
    let bench = Bench::new();
    let arguments = [
        "--run",
        "tiny.ron",
        "--set",
        "epochs=300",
        "--set",
        "data.test=None",
    ];
    let child = bench.command(&arguments).spawn().unwrap();
    while !bench.runs().iter().any(|run| run.join("latest").exists()) {
        std::thread::sleep(Duration::from_millis(2));
    }
    fs::remove_file(bench.newest().join("teacher/weights.safetensors")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("weights.safetensors"),
        "{}",
        stderr(&output)
    );
}
