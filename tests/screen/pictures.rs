//! The way to the pictures of the screens that README and docs/ show, on the real
//! program. `scripts/screenshots` goes it with the whole quick start and writes
//! the pictures; a test goes it with a shorter one.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::quick_start::{pictures, shortened};
use crate::terminal::Terminal;
use crate::{ESCAPE, classify};

/// As wide as a page of code is shown.
const SIZE: (u16, u16) = (118, 32);

/// Pages with pictures.
const PAGES: [&str; 2] = ["README.md", "docs/screens.md"];

/// Says that the pages are to be written.
const WRITE: &str = "WRITE_SCREENSHOTS";

/// Puts a picture between its marks in every page that has them, or sees that one
/// is there.
fn put(name: &str, text: &str) {
    let begin = format!("<!-- screen: {name} -->\n");
    let mut pages = 0;
    for page in PAGES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
        let written = fs::read_to_string(&path).unwrap();
        let Some((before, rest)) = written.split_once(&begin) else {
            continue;
        };
        pages += 1;
        let (shown, after) = rest.split_once("<!-- end of screen -->").unwrap();
        if std::env::var_os(WRITE).is_none() {
            assert!(shown.contains("1 Experiments"), "no picture of {name}");
            continue;
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let picture = lines.join("\n");
        let picture =
            format!("{before}{begin}```text\n{picture}\n```\n<!-- end of screen -->{after}");
        fs::write(path, picture).unwrap();
    }
    assert!(pages > 0, "no page shows {name}");
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
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
    }
}

#[test]
fn every_screen_comes_to_what_the_pages_show() {
    let place = tempfile::tempdir().unwrap();
    let experiments = place.path().join("experiments");
    fs::create_dir(&experiments).unwrap();
    let writes = std::env::var_os(WRITE).is_some();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let quick_start = experiments.join("quickstart.ron");
    if writes {
        fs::copy(root.join("experiments/quickstart.ron"), quick_start).unwrap();
    } else {
        fs::write(quick_start, shortened(40)).unwrap();
    }
    let other = "experiments/cifar10-adaptive.ron";
    fs::copy(root.join(other), place.path().join(other)).unwrap();
    pictures(&place.path().join("photos"), 40);
    earlier_runs(place.path());
    // Without colours pictures are letters, which a page of text can show.
    let mut terminal = Terminal::start_with(place.path(), SIZE, &[("NO_COLOR", "1")]);
    terminal.until(&["1 Experiments", "quickstart"]);
    terminal.keys("j");
    terminal.until(&["The first experiment", "ready"]);
    put("experiments", &terminal.text());

    terminal.keys("r");
    // One that is over sooner may not be seen in an epoch of its own.
    let halfway = if writes { "epoch 7" } else { "of 40" };
    terminal.until(&["student  ●", "training", halfway]);
    terminal.keys(" ");
    terminal.until(&["paused"]);
    put("live", &terminal.text());
    terminal.keys(" ");
    terminal.until(&["✓ completed"]);
    terminal.keys("2");
    terminal.until(&["Runs 3"]);
    terminal.keys("   o");
    terminal.until(&["scratch", "loss/total"]);
    put("runs", &terminal.text());
    terminal.keys("4");
    terminal.until_gone("Runs 3");
    terminal.until(&["teacher", "student", "KL"]);
    put("compare", &terminal.text());
    classify(&mut terminal, "photos");
    terminal.until(&["40 images"]);
    put("inference", &terminal.text());
    terminal.keys(ESCAPE);
}
