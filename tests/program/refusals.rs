//! What is refused before anything is trained or lost, and with which message.

use std::fs;
use std::path::Path;
use std::time::Duration;

use image::{Rgb, RgbImage};

use crate::bench::{Bench, code, stderr};

const SHORT: [&str; 4] = ["--run", "tiny.ron", "--set", "epochs=1"];

fn trained() -> Bench {
    let bench = Bench::new();
    let output = bench.run(&SHORT);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    bench
}

/// A run that was stopped as soon as it could be.
fn stopped() -> Bench {
    let bench = Bench::new();
    let mut child = bench.start(&["--run", "tiny.ron", "--set", "epochs=4000"]);
    let journal = || {
        let run = bench.runs().pop();
        run.and_then(|run| fs::read_to_string(run.join("journal.jsonl")).ok())
    };
    while !journal().is_some_and(|text| text.contains("Evaluated")) {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let run = bench.newest();
    let stop = r#"{"id":"enough","origin":"Process","command":"Stop"}"#;
    fs::write(run.join("commands.jsonl"), format!("{stop}\n")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    bench
}

#[test]
fn a_run_whose_experiment_was_edited_is_not_resumed() {
    let bench = stopped();
    let file = bench.newest().join("experiment.ron");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("batch: 16", "batch: 8")).unwrap();
    let output = bench.run(&["--resume", "tiny"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("was edited"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_damaged_checkpoint_is_reported_and_not_passed_over() {
    let bench = stopped();
    let latest = ["latest", "teacher/latest"].map(|place| bench.newest().join(place));
    let torn = latest.iter().find(|place| place.exists()).unwrap();
    let weights = torn.join("weights.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    let output = bench.run(&["--resume", "tiny"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("is damaged"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_report_without_a_place_is_refused_before_anything_is_trained() {
    let bench = Bench::new();
    let absent = [&SHORT[..], &["--junit", "absent/report.xml"]].concat();
    let output = bench.run(&absent);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("absent/report.xml"),
        "{}",
        stderr(&output)
    );
    let mut command = bench.command(&SHORT);
    let output = command
        .env("GITHUB_STEP_SUMMARY", "absent/summary.md")
        .output()
        .unwrap();
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("absent/summary.md"),
        "{}",
        stderr(&output)
    );
    assert!(bench.runs().is_empty());
}

#[test]
fn a_report_replaces_nothing_that_is_not_a_report() {
    let bench = Bench::new();
    let page = "<?xml version=\"1.0\"?><svg>mine</svg>";
    fs::write(bench.path().join("mine.svg"), page).unwrap();
    let experiment = fs::read_to_string(bench.path().join("tiny.ron")).unwrap();
    for arguments in [
        &["--run", "tiny.ron", "--junit", "tiny.ron"][..],
        &["--run", "tiny.ron", "--junit", "mine.svg"],
        &["--run", "absent.ron", "--junit", "tiny.ron"],
        &["--resume", "absent", "--junit", "mine.svg"],
    ] {
        let output = bench.run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        let expected = format!("--junit: {} cannot be written", arguments[3]);
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
    }
    // Arguments that mean nothing are reported, if it is one.
    let output = bench.run(&["--no-such-flag", "--junit", "tiny.ron"]);
    assert_eq!(code(&output), 2);
    let now = fs::read_to_string(bench.path().join("tiny.ron")).unwrap();
    assert_eq!(now, experiment);
    let now = fs::read_to_string(bench.path().join("mine.svg")).unwrap();
    assert_eq!(now, page);
    assert!(bench.runs().is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn a_report_may_go_to_standard_output_or_nowhere() {
    let bench = Bench::new();
    let output = bench.run(&[&SHORT[..], &["--junit", "/dev/stdout"]].concat());
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(report.matches("<testsuites").count(), 1, "{report}");
    let output = bench
        .command(&[&SHORT[..], &["--junit", "/dev/null"]].concat())
        .env("GITHUB_STEP_SUMMARY", "/dev/null")
        .output()
        .unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
#[cfg(target_os = "linux")]
fn what_finds_no_room_is_no_success() {
    let bench = trained();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let to_nowhere = |arguments: &[&str]| {
        let output = bench.command(arguments).stdout(full()).output().unwrap();
        (code(&output), stderr(&output))
    };
    let (exit, errors) = to_nowhere(&[&SHORT[..], &["--json"]].concat());
    assert_eq!(exit, 3, "{errors}");
    assert_eq!(to_nowhere(&["--check", "tiny.ron"]).0, 2);
    image::RgbImage::new(8, 8)
        .save(bench.path().join("a.png"))
        .unwrap();
    let (exit, errors) = to_nowhere(&["--infer", "."]);
    assert_eq!(exit, 2, "{errors}");
    assert!(errors.contains("standard output"), "{errors}");
}

#[test]
fn a_teacher_that_does_not_fit_is_found_before_there_is_a_run() {
    let bench = trained();
    let weights = bench.newest().join("teacher/weights.safetensors");
    let teacher = format!(
        "teacher=(model: Cnn(channels: [8, 17]), weights: File({:?}))",
        weights.to_string_lossy().to_string()
    );
    let output = bench.run(&["--run", "tiny.ron", "--set", &teacher]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("teacher.weights"),
        "{}",
        stderr(&output)
    );
    assert_eq!(bench.runs().len(), 1);
}

#[test]
fn arguments_that_would_mean_nothing_are_refused() {
    let bench = Bench::new();
    for arguments in [
        &["--run", "tiny.ron", "--model", "both"][..],
        &["--run", "tiny.ron", "--checkpoint", "x"],
        &["--check", "tiny.ron", "--junit", "a.xml"],
        &["--infer", ".", "--junit", "a.xml"],
    ] {
        let output = bench.run(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(" needs --"), "{}", stderr(&output));
    }
}

#[test]
fn weights_say_what_they_are_to_be_used_with() {
    let bench = trained();
    let text = fs::read_to_string(bench.newest().join("best/model.json")).unwrap();
    let card: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(card["classes"].as_array().unwrap().len(), 3);
    assert_eq!(card["size"], serde_json::json!([12, 12]));
    assert!(card["mean"][0].as_f64().unwrap() > 0.0);
    assert!(card["name"].as_str().unwrap().contains("CNN"), "{card}");
}

/// Images of two classes below `images`.
fn save_images(bench: &Bench, times: u8) {
    for (shade, class) in (0..).zip(["cat", "dog"]) {
        let folder = bench.path().join("images").join(class);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..20_u8 {
            let red = (number * 10 + 3 * shade).wrapping_mul(times);
            let image = RgbImage::from_fn(24, 24, |x, y| Rgb([red, (x * 9) as u8, (y * 9) as u8]));
            image.save(folder.join(format!("{number:02}.bmp"))).unwrap();
        }
    }
}

/// Waits until a run's journal has some text.
fn wait_for(bench: &Bench, text: &str) {
    let journal = |run: &Path| fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default();
    while !bench.runs().iter().any(|run| journal(run).contains(text)) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn images_that_are_changed_while_a_run_streams_them_end_it() {
    let bench = Bench::new();
    save_images(&bench, 1);
    let data = "data=(train: ImageFolder(\"images\"), valid: Holdout(0.2), memory_mb: 0, \
                max_bad: 0.9)";
    let more = ["--set", data, "--set", "batch=8", "--set", "epochs=4000"];
    let child = bench
        .command(&[&["--run", "tiny.ron"][..], &more].concat())
        .spawn()
        .unwrap();
    wait_for(&bench, "\"Evaluated\"");
    save_images(&bench, 7);
    let output = child.wait_with_output().unwrap();
    assert_ne!(code(&output), 0, "{}", stderr(&output));
    let message = stderr(&output);
    assert!(
        message.contains(".bmp was changed while the run trains"),
        "{message}"
    );
    assert!(
        message.contains("restore it and resume, or start a new run"),
        "{message}"
    );
}
