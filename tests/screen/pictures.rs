//! The way to the pictures of the screens in assets/, which README and docs/ show,
//! on the real program. `scripts/screenshots` goes it with the whole quick start
//! and writes the pictures; a test goes it with a shorter one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::quick_start::{pictures, shortened};
use crate::svg::{Colours, DARK, LIGHT, svg};
use crate::terminal::Terminal;
use crate::{ESCAPE, classify};

/// As wide as a page shows legibly.
const SIZE: (u16, u16) = (118, 32);

/// Where pages name the pictures.
const PAGES: [&str; 2] = ["README.md", "docs/screens.md"];

/// Says that the pictures are to be written.
const WRITE: &str = "WRITE_SCREENSHOTS";

/// The key of the next of four themes: dark, light, and both for the colour-blind.
const NEXT_THEME: &str = "\x1b[20~";

/// Most bytes of a picture: a page loads several.
const LARGEST: usize = 150_000;

/// How many pictures there are for trying inference, and what they are.
const SAMPLES: (&str, u32) = ("assets/samples", 40);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn writes() -> bool {
    std::env::var_os(WRITE).is_some()
}

/// Takes a screen on dark and on light background, once it no longer shows what
/// has just happened, in place of its keys.
fn take(terminal: &mut Terminal, name: &str, happened: &str) {
    if writes() {
        terminal.until_absent(happened);
    }
    keep(terminal, name, "dark", &DARK);
    terminal.keys(NEXT_THEME);
    terminal.until(&["theme: light"]);
    if writes() {
        terminal.until_absent("theme: light");
    }
    keep(terminal, name, "light", &LIGHT);
    terminal.keys(NEXT_THEME);
    terminal.until(&["colour-blind"]);
    terminal.keys(NEXT_THEME);
    terminal.keys(NEXT_THEME);
    terminal.until(&["theme: dark"]);
    terminal.until_absent("colour-blind");
}

/// Writes a picture, or sees that there is one and that a page shows it.
fn keep(terminal: &Terminal, name: &str, theme: &str, colours: &Colours) {
    let path = format!("assets/screens/{name}-{theme}.svg");
    let title = format!("The screen {name} of workbench");
    let picture = terminal.look(|screen| svg(screen, &title, colours));
    assert!(picture.len() < LARGEST, "{path}: {} bytes", picture.len());
    if writes() {
        fs::create_dir_all(root().join("assets/screens")).unwrap();
        fs::write(root().join(&path), picture).unwrap();
    }
    let written = fs::read_to_string(root().join(&path)).unwrap();
    assert!(written.contains(&title), "{path} shows something else");
    let shown = PAGES.iter().any(|page| {
        fs::read_to_string(root().join(page))
            .unwrap()
            .contains(&path)
    });
    assert!(shown, "no page shows {path}");
}

/// Runs that were trained before.
fn earlier_runs(place: &Path) {
    for (name, method) in [("scratch", "Scratch()"), ("vanilla", "Vanilla()")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
        command.args(["--run", "experiments/quickstart.ron", "--set"]);
        command.arg(format!("name={name:?}"));
        command.args(["--set", &format!("method={method}")]);
        if name == "scratch" {
            command.args(["--set", "teacher=None"]);
        }
        let output = command.current_dir(place).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
    }
}

#[test]
fn every_screen_comes_to_what_the_pages_show() {
    let place = tempfile::tempdir().unwrap();
    let experiments = place.path().join("experiments");
    fs::create_dir(&experiments).unwrap();
    let quick_start = experiments.join("quickstart.ron");
    if writes() {
        fs::copy(root().join("experiments/quickstart.ron"), quick_start).unwrap();
    } else {
        fs::write(quick_start, shortened(40)).unwrap();
    }
    let other = "experiments/cifar10-adaptive.ron";
    fs::copy(root().join(other), place.path().join(other)).unwrap();
    // It is ready where there are images.
    for part in ["train", "test"] {
        pictures(&place.path().join("data/cifar10").join(part), 200);
    }
    pictures(&place.path().join(SAMPLES.0), SAMPLES.1);
    earlier_runs(place.path());
    let mut terminal = Terminal::start_with(place.path(), SIZE, &[("COLORTERM", "truecolor")]);
    terminal.until(&["1 Experiments", "quickstart"]);
    terminal.keys("j");
    terminal.until(&[
        "The first experiment",
        "ready",
        "method AdaptiveAugmentation",
    ]);
    take(&mut terminal, "experiments", "theme:");

    terminal.keys("r");
    // One that is over sooner may not be seen in an epoch of its own.
    let halfway = if writes() { "epoch 7" } else { "of 40" };
    terminal.until(&["student  ▶", "training", halfway]);
    terminal.keys(" ");
    terminal.until(&["paused"]);
    take(&mut terminal, "live", "pause requested");
    terminal.keys(" ");
    terminal.until(&["✓ completed"]);
    terminal.keys("2");
    terminal.until(&["Runs 3"]);
    terminal.keys("   o");
    terminal.until(&["scratch", "loss/total"]);
    take(&mut terminal, "runs", "theme:");
    // Back to the table, and to the newest run: it is the one that Compare shows.
    terminal.keys("\x1b");
    terminal.until(&["Runs 3"]);
    terminal.keys("g4");
    terminal.until_absent("Runs 3");
    terminal.until(&["teacher", "student", "KL"]);
    take(&mut terminal, "compare", "theme:");
    classify(&mut terminal, SAMPLES.0);
    terminal.until(&["40 images"]);
    take(&mut terminal, "inference", "classified 40");
    terminal.keys(ESCAPE);
}

#[test]
fn the_samples_are_what_the_generator_draws() {
    let drawn = tempfile::tempdir().unwrap();
    pictures(drawn.path(), SAMPLES.1);
    let samples = root().join(SAMPLES.0);
    if writes() {
        pictures(&samples, SAMPLES.1);
    }
    let (drawn, kept) = (images(drawn.path()), images(&samples));
    assert_eq!(drawn.len(), SAMPLES.1 as usize);
    let names = |images: &[(PathBuf, _)]| {
        images
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&drawn), names(&kept));
    assert!(
        drawn == kept,
        "other pixels: write them again by scripts/screenshots"
    );
}

/// Pictures in folders of classes: their paths there, and their pixels.
fn images(folder: &Path) -> Vec<(PathBuf, image::RgbImage)> {
    let mut found = Vec::new();
    for class in fs::read_dir(folder).unwrap() {
        let class = class.unwrap();
        for file in fs::read_dir(class.path()).unwrap() {
            let path = file.unwrap().path();
            let pixels = image::open(&path).unwrap().into_rgb8();
            found.push((path.strip_prefix(folder).unwrap().to_owned(), pixels));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
