//! Pictures of the screens for the README, taken from the real program:
//! `scripts/screenshots` writes them.

use std::fs;
use std::path::Path;
use std::process::Command;

use workbench::data::shapes;
use workbench::experiment::spec::Shapes;

use crate::terminal::Terminal;
use crate::{ENTER, ESCAPE};

/// As wide as a page of code is shown.
const SIZE: (u16, u16) = (118, 32);

/// Puts a picture between its marks in the README.
fn put(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let begin = format!("<!-- screen: {name} -->\n");
    let (before, rest) = readme.split_once(&begin).unwrap();
    let (_, after) = rest.split_once("<!-- end of screen -->").unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let picture = lines.join("\n");
    let picture = format!("{before}{begin}```text\n{picture}\n```\n<!-- end of screen -->{after}");
    fs::write(path, picture).unwrap();
}

/// Images that the quick start's models have not seen.
fn photos(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let pictures: Shapes =
        ron::from_str("(classes: 5, count: 40, size: 16, difficulty: 0.4, seed: 3)").unwrap();
    let names = shapes::class_names(&pictures);
    for index in 0..pictures.count {
        let (image, class) = shapes::render(&pictures, index);
        let name = format!("{}-{index:02}.png", names[class as usize]);
        image.save(folder.join(name)).unwrap();
    }
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
#[ignore = "writes the README; scripts/screenshots runs it"]
fn pictures_of_every_screen() {
    let place = tempfile::tempdir().unwrap();
    let experiments = place.path().join("experiments");
    fs::create_dir(&experiments).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["quickstart.ron", "cifar10-adaptive.ron"] {
        fs::copy(root.join("experiments").join(file), experiments.join(file)).unwrap();
    }
    photos(&place.path().join("photos"));
    earlier_runs(place.path());
    // Without colours pictures are letters, which a page of text can show.
    let mut terminal = Terminal::start_with(place.path(), SIZE, &[("NO_COLOR", "1")]);
    terminal.until(&["1 Experiments", "quickstart"]);
    terminal.keys("j");
    terminal.until(&["The first experiment", "ready"]);
    put("experiments", &terminal.text());

    terminal.keys("r");
    terminal.until(&["student", "training", "epoch 7"]);
    terminal.keys(" ");
    terminal.until(&["paused"]);
    put("live", &terminal.text());
    terminal.keys(" ");
    terminal.until(&["is complete"]);
    terminal.keys("2");
    terminal.until(&["Runs 3"]);
    terminal.keys("   o");
    terminal.until(&["scratch", "epochs"]);
    put("runs", &terminal.text());
    terminal.keys("4");
    terminal.until_gone("Runs 3");
    terminal.until(&["teacher", "student", "KL"]);
    put("compare", &terminal.text());
    terminal.keys("5");
    terminal.until(&["folder"]);
    terminal.keys("o");
    terminal.until(&["enter takes it"]);
    terminal.keys("photos");
    terminal.keys(ENTER);
    terminal.until_gone("enter takes it");
    terminal.keys(ENTER);
    terminal.until(&["40 images"]);
    put("inference", &terminal.text());
    terminal.keys(ESCAPE);
}
