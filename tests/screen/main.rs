//! The real program on a terminal, as a person uses it: open, break a file, see
//! the error, fix it, train, change a knob, compare, classify, quit.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]
#![cfg(unix)]

mod pictures;
#[path = "../quick_start/mod.rs"]
mod quick_start;
mod svg;
mod terminal;

use std::fs;
use std::path::{Path, PathBuf};

use terminal::Terminal;

const ENTER: &str = "\r";
const ESCAPE: &str = "\x1b";
const SAVE: &str = "\x13";
const UP: &str = "\x1b[A";

/// An experiment that is trained in seconds, if nothing pauses it.
const SMALL: &str = "Experiment(
    name: \"small\",
    seed: 3,
    device: Cpu,
    data: (
        train: Shapes(classes: 3, count: 160, size: 12),
        valid: Holdout(0.25),
        test: Shapes(classes: 3, count: 30, size: 12, seed: 9),
        workers: 2,
    ),
    teacher: (model: Cnn(channels: [8, 16]), weights: Train(epochs: 2)),
    student: (model: Cnn(channels: [4, 8])),
    augment: [HorizontalFlip, PadCrop(1)],
    method: Vanilla(p1: 0.3, w: 0.8, temperature: 3.0),
    optimizer: Sgd(momentum: 0.9, nesterov: true, weight_decay: 1e-4),
    lr: Constant(0.02),
    epochs: 20000,
    batch: 16,
    log_every: 1,
)
";

fn place() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    let experiments = place.path().join("experiments");
    fs::create_dir(&experiments).unwrap();
    fs::write(experiments.join("small.ron"), SMALL).unwrap();
    place
}

fn images(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for shade in 0..4_u8 {
        let image = image::RgbImage::from_pixel(12, 12, image::Rgb([shade * 60, 80, 90]));
        image.save(folder.join(format!("{shade}.png"))).unwrap();
    }
    fs::write(folder.join("broken.png"), "no picture").unwrap();
}

/// Lets the newest run's student classify a folder.
fn classify(terminal: &mut Terminal, folder: &str) {
    terminal.keys("5");
    terminal.until(&["folder"]);
    terminal.keys("o");
    terminal.until(&["enter accept"]);
    terminal.keys(folder);
    terminal.keys(ENTER);
    terminal.until_absent("enter accept");
    terminal.keys(ENTER);
}

#[test]
fn a_person_opens_breaks_fixes_trains_adjusts_compares_classifies_and_quits() {
    let place = place();
    images(&place.path().join("photos"));
    let mut terminal = Terminal::start(place.path(), (140, 40));
    terminal.until(&["1 Experiments", "small", "Experiment(", "ready"]);

    // Break the file: a letter before everything.
    terminal.keys(ENTER);
    terminal.until(&["esc back"]);
    terminal.keys("x");
    terminal.until(&["1 error"]);
    // Fix it.
    terminal.keys("\x7f");
    terminal.until_absent("1 error");
    terminal.keys(SAVE);
    terminal.keys(ESCAPE);

    // Train. The teacher, which comes first, has knobs of its own.
    terminal.until(&["duplicate"]);
    terminal.keys("r");
    terminal.until(&["  student  ▶ training"]);

    // Change a knob and see it applied.
    terminal.keys("K");
    terminal.until(&["up raise", "knobs of the student"]);
    terminal.keys(UP);
    terminal.until(&["pending: 0.022"]);
    terminal.keys(ENTER);
    terminal.until(&["applied"]);
    terminal.keys(ESCAPE);
    // A key at the heels of escape is one with alt.
    terminal.until_absent("up raise");

    // Pause and resume.
    terminal.keys(" ");
    terminal.until(&["paused"]);
    terminal.keys(" ");
    terminal.until_absent("paused");

    // A change of its file reaches the run where it can.
    let file = place.path().join("experiments/small.ron");
    let text = fs::read_to_string(&file).unwrap();
    let changed = text
        .replace("temperature: 3.0", "temperature: 2.0")
        .replace("batch: 16", "batch: 8");
    fs::write(&file, changed).unwrap();
    terminal.until(&["temperature sent to", "batch take effect in the next run"]);

    // Student and teacher on the same images.
    terminal.keys("4");
    terminal.until(&["teacher", "student", "KL"]);

    // Classify a folder; its broken image is no reason to stop.
    classify(&mut terminal, "photos");
    terminal.until(&["3.png", "1 unreadable"]);

    // Quit: it asks, saves, and gives the terminal back.
    terminal.keys("q");
    terminal.until(&["Quit the workbench?"]);
    terminal.keys(ENTER);
    assert_eq!(terminal.end(), 0);
    assert!(terminal.is_given_back(), "{}", terminal.text());
    let run = run_in(place.path());
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    assert!(journal.contains("workbench closed"), "{journal}");
    let from_file = r#""origin":"File","command":{"Adjust":{"knob":"temperature""#;
    assert!(journal.contains(from_file), "{journal}");
    assert!(run.join("latest").exists());
}

#[test]
fn a_learning_rate_is_tested_and_what_is_proposed_written() {
    let place = place();
    // One whose loss differs less from batch to batch than it falls.
    let file = place.path().join("experiments/small.ron");
    let smooth = SMALL.replace(
        "count: 160, size: 12",
        "count: 480, size: 12, difficulty: 0.1",
    );
    let smooth = smooth.replace("p1: 0.3, w: 0.8", "p1: 0.0, w: 0.2");
    let smooth = smooth.replace("channels: [4, 8]", "channels: [8, 16]");
    let smooth = smooth.replace("batch: 16", "batch: 64");
    fs::write(&file, &smooth).unwrap();
    let mut terminal = Terminal::start(place.path(), (120, 34));
    terminal.until(&["small", "Experiment(", "ready"]);
    terminal.keys("f");
    terminal.until(&["Learning rate of small", "lowest loss"]);
    terminal.keys("w");
    terminal.until(&["lr is 0.0"]);
    terminal.keys(SAVE);
    terminal.until(&["small saved"]);
    let text = fs::read_to_string(&file).unwrap();
    // The teacher keeps the one that it is trained with.
    let teacher = "weights: Train(epochs: 2, lr: Constant(0.02))";
    assert!(text.contains(teacher), "{text}");
    let others = text.replace(teacher, "weights: Train(epochs: 2)");
    let changed = others.lines().zip(smooth.lines()).filter(|(a, b)| a != b);
    let changed: Vec<(&str, &str)> = changed.collect();
    let [(now, "    lr: Constant(0.02),")] = changed[..] else {
        panic!("{changed:?}");
    };
    assert!(now.starts_with("    lr: Constant(0.0"), "{now}");
    assert!(
        !place
            .path()
            .join("checkpoints")
            .read_dir()
            .unwrap()
            .any(|entry| {
                !entry
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with('.')
            })
    );
    terminal.keys("\x03");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn sigterm_saves_and_gives_the_terminal_back() {
    let place = place();
    let mut terminal = Terminal::start(place.path(), (80, 24));
    terminal.until(&["small"]);
    terminal.keys("r");
    terminal.until(&["training", "epoch"]);
    let process = terminal.program.number().to_string();
    let killed = std::process::Command::new("kill").arg(&process).status();
    assert!(killed.unwrap().success());
    assert_eq!(terminal.end(), 130);
    assert!(terminal.is_given_back());
}

#[test]
fn a_suspended_workbench_says_that_training_stops_and_is_continued_by_the_shell() {
    let place = place();
    let mut terminal = Terminal::start_in_shell(place.path(), (80, 24));
    terminal.until(&["small"]);
    terminal.keys("r");
    terminal.until(&["training", "epoch"]);
    terminal.keys("\x1a");
    terminal.until(&["training stops until `fg` continues the workbench"]);
    terminal.until_absent("epoch");
    terminal.keys(ENTER);
    terminal.until(&["training", "epoch"]);
    terminal.keys("qy");
    assert_eq!(terminal.end(), 0);
    assert!(terminal.is_given_back());
}

#[test]
fn a_second_workbench_waits_visibly_for_the_first_and_not_for_one_that_crashed() {
    let place = place();
    let first = Terminal::start(place.path(), (120, 30));
    let mut first = started(first);
    first.until(&["training small"]);
    let mut second = started(Terminal::start(place.path(), (120, 30)));
    // What is shown for seconds only may be missed on a busy machine.
    second.until(&["waiting for ", "small.ron, 1 queued", "queued 1"]);
    // Taken out and queued again.
    second.keys("1x");
    second.until(&["training elsewhere"]);
    second.keys("r");
    second.until(&["waiting for ", "small.ron, 1 queued"]);
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &first.program.number().to_string()])
        .status();
    assert!(killed.unwrap().success());
    second.until(&["training small"]);
    second.keys("q");
    second.until(&["Quit the workbench?"]);
    second.keys(ENTER);
    assert_eq!(second.end(), 0);
    assert_ne!(first.end(), 0);
}

fn started(mut terminal: Terminal) -> Terminal {
    terminal.until(&["small"]);
    terminal.keys("r");
    terminal
}

/// The folder of the run that was trained.
fn run_in(place: &Path) -> PathBuf {
    let folders = fs::read_dir(place.join("checkpoints")).unwrap();
    let mut folders = folders.map(|entry| entry.unwrap().path());
    let run = folders.find(|path| path.join("journal.jsonl").exists());
    run.unwrap()
}

#[test]
fn a_lost_connection_saves_what_trains() {
    let place = place();
    let mut terminal = Terminal::start(place.path(), (80, 24));
    terminal.until(&["small"]);
    terminal.keys("r");
    terminal.until(&["training", "epoch"]);
    // Something is being typed, too.
    terminal.keys("1");
    terminal.until(&["duplicate"]);
    terminal.keys(ENTER);
    terminal.until(&["esc back"]);
    terminal.keys("x");
    terminal.until(&["not saved"]);
    let mut program = terminal.hang_up();
    assert_eq!(program.end(), 130);
    let kept = place.path().join("experiments/.unsaved/small.ron");
    assert!(fs::read_to_string(&kept).unwrap().starts_with('x'));
    let run = run_in(place.path());
    let journal = fs::read_to_string(run.join("journal.jsonl")).unwrap();
    assert!(journal.contains("workbench closed"), "{journal}");
    assert!(run.join("latest").exists() || run.join("teacher").exists());
    // The next one offers the text, and forgets it once it is saved.
    let mut terminal = Terminal::start(place.path(), (100, 30));
    terminal.until(&["unsaved changes"]);
    terminal.keys("\r");
    terminal.until(&["f3 restore", "+ x"]);
    terminal.keys("\x1bt");
    terminal.until(&["* not saved"]);
    terminal.keys("\x13");
    terminal.until(&["small saved"]);
    let file = place.path().join("experiments/small.ron");
    assert!(fs::read_to_string(file).unwrap().starts_with('x'));
    assert!(!kept.exists());
    terminal.keys("\x1b");
    // Of a `q` at once, a terminal would make one with alt.
    terminal.until(&["duplicate"]);
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn half_a_key_stops_nothing() {
    let place = place();
    let mut terminal = Terminal::start(place.path(), (80, 24));
    terminal.until(&["small"]);
    // Of an arrow only the beginning arrives; the rest comes later.
    terminal.keys("\x1b[");
    terminal.resize((100, 30));
    terminal.until_it("the width of 100", |text| {
        text.lines()
            .any(|line| line.trim_end().chars().count() == 100)
    });
    terminal.keys("B");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn a_terminal_of_another_size_is_filled_whatever_is_open() {
    let place = place();
    let mut terminal = Terminal::start(place.path(), (80, 24));
    terminal.until(&["small"]);
    terminal.keys("?");
    terminal.until(&["Everywhere"]);
    for size in [(200, 50), (40, 10), (120, 30)] {
        terminal.resize(size);
        terminal.until_it(&format!("{size:?}"), |text| {
            let last = text.lines().nth(usize::from(size.1) - 2);
            let width = last.map_or(0, |line| line.trim_end().chars().count());
            width == usize::from(size.0)
        });
    }
    terminal.keys(ESCAPE);
    terminal.until_absent("Everywhere");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
}

#[test]
fn what_is_no_folder_and_no_experiment_ends_with_2() {
    let place = place();
    std::fs::write(place.path().join("notes.txt"), "").unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_workbench"))
        .arg("notes.txt")
        .current_dir(place.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("`notes.txt` is neither a folder nor an experiment"),
        "{errors}"
    );
}

#[test]
fn a_folder_is_made_with_its_first_experiment_and_watched_from_then_on() {
    let place = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start_on(place.path(), (120, 30), &[], &["mine"]);
    terminal.until(&["No experiments in this"]);
    terminal.keys("n");
    terminal.until(&["Name of the new experiment"]);
    terminal.keys("first");
    terminal.keys(ENTER);
    terminal.until(&["first.ron"]);
    let folder = place.path().join("mine");
    let text = fs::read_to_string(folder.join("first.ron")).unwrap();
    assert!(!place.path().join("experiments").exists());
    fs::write(folder.join("another.ron"), text).unwrap();
    // While a text is edited, its plan stands where the list was.
    terminal.keys("\x1b");
    terminal.until(&["another"]);
}

#[test]
fn a_terminal_that_only_prints_is_refused_with_a_sentence() {
    let place = place();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_workbench"))
        .env("TERM", "dumb")
        .current_dir(place.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("TERM is `dumb`"), "{errors}");
}

#[test]
fn without_a_terminal_it_says_what_to_do_instead() {
    let place = place();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_workbench"))
        .current_dir(place.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("--run FILE"), "{errors}");
}

#[test]
fn without_a_utf_8_locale_everything_is_drawn_in_ascii() {
    let place = place();
    let variables = [("LC_ALL", "C"), ("LANG", "en_US.UTF-8")];
    let mut terminal = Terminal::start_with(place.path(), (80, 24), &variables);
    terminal.until(&["small"]);
    for (screen, shown) in [
        ("2", "Runs 0"),
        ("3", "No runs yet"),
        ("4", "No runs yet"),
        ("5", "Classify a folder"),
        ("1", "small"),
    ] {
        terminal.keys(screen);
        terminal.until(&[shown]);
        let text = terminal.text();
        assert!(text.is_ascii(), "{text}");
    }
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
}
