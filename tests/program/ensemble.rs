//! Several teachers with weights: the mean of their logits, from the check to the resume.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, code, stderr, weights};
#[cfg(unix)]
use crate::onnx::resumed_and_replayed;
use crate::onnx::{COLOURS, DESCRIBED, journal, linear, place, stopped};
#[cfg(unix)]
use crate::resume::stopped_run;

/// A second teacher of the same colours: with its outputs in another order, and of its own
/// opinion of how certain it is.
const OTHER: [[f32; 3]; 3] = [[0.5, 0.25, 4.0], [4.5, 0.0, 0.5], [0.0, 6.0, 0.0]];

const OTHER_DESCRIBED: [(&str, &str); 3] = [
    ("classes", r#"["blue", "red", "green"]"#),
    DESCRIBED[1],
    DESCRIBED[2],
];

const ENSEMBLE: &str = "Ensemble([
        (weights: Onnx(\"teacher.onnx\"), engine: Rten, share: 3),
        (weights: Onnx(\"other.onnx\"), engine: Rten),
    ])";

/// The experiment with these weights for its teacher, and the files of two.
fn with(weights: &str) -> Bench {
    let bench = place(&DESCRIBED);
    let path = bench.path().join("colours.ron");
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.contains("teacher:")).unwrap();
    let text = text.replace(line, &format!("    teacher: (weights: {weights}),"));
    fs::write(path, text).unwrap();
    let other = linear(&OTHER, &OTHER_DESCRIBED);
    fs::write(bench.path().join("other.onnx"), other).unwrap();
    bench
}

#[test]
fn an_ensemble_teaches_the_weighted_mean_of_logits_and_all_of_it_is_named() {
    let bench = with(ENSEMBLE);
    let output = bench.run(&["--check", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "the weighted mean of the logits of 2 members",
        "member 1 0.75 of the mean, read from",
        "member 2 0.25 of the mean, read from",
        "outputs 0, 2, 1, in the order of the data's classes",
        "teacher.onnx + other.onnx, 21 parameters, 21 MACs",
        "teacher, member 1 (teacher.onnx): outputs for classes that the data does not have",
        "teacher, member 2 (other.onnx): its outputs are in another order",
    ] {
        assert!(words.contains(part), "{part}: {page}");
    }
    let output = bench.run(&["--check", "colours.ron", "--json"]);
    let page: Value = serde_json::from_slice(&output.stdout).unwrap();
    let members = &page["plan"]["teacher"]["weights"]["Ensemble"];
    assert_eq!(members[0]["share"], 3.0, "{page}");
    assert_eq!(members[1]["file"]["weights"]["taken"]["outputs"][1], 2);
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stderr(&output);
    for line in [
        "teacher.onnx, run by rten 0.27",
        "other.onnx, run by rten 0.27",
        "teacher  valid top-1 100.0 %",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let run = bench.newest();
    let plan = fs::read_to_string(run.join("plan.json")).unwrap();
    for file in ["teacher.onnx", "other.onnx"] {
        let content = fs::read(bench.path().join(file)).unwrap();
        let hash = blake3::hash(&content).to_hex().to_string();
        assert!(plan.contains(&hash), "{file}: {plan}");
        assert!(journal(&run).contains(&format!("{file}\",\"cached\":false")));
    }
    let whole = weights(&run);
    // What was kept changes nothing.
    bench.forget_teachers();
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&bench.newest()) == whole);
    // Other shares are another teacher.
    let equal = "teacher.weights.Ensemble[0].share=1";
    let output = bench.run(&["--run", "colours.ron", "--set", equal]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&bench.newest()) != whole);
    answers_by_hand(&bench, run.to_str().unwrap());
    shown(&bench, run.to_str().unwrap());
}

/// The logits of the run's teacher are the mean of those that follow from the colours.
fn answers_by_hand(bench: &Bench, run: &str) {
    let output = bench.run(&[
        "--infer",
        "colours",
        "--checkpoint",
        run,
        "--model",
        "teacher",
        "--json",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let mut images = 0;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let file = row["file"].as_str().unwrap();
        let pixel = image::open(bench.path().join("colours").join(file)).unwrap();
        let [red, green, blue] = pixel
            .to_rgb8()
            .get_pixel(0, 0)
            .0
            .map(|v| f64::from(v) / 255.0);
        let product = |row: [f32; 3]| {
            let [r, g, b] = row.map(f64::from);
            r * red + g * green + b * blue
        };
        // The data's classes are blue, green, red.
        let first = [9.0 * blue, 9.0 * green, 9.0 * red];
        let second = [product(OTHER[0]), product(OTHER[2]), product(OTHER[1])];
        let logits = row["teacher"]["logits"].as_array().unwrap();
        assert_eq!(logits.len(), COLOURS.len());
        for (class, logit) in logits.iter().enumerate() {
            let expected = 0.75 * first[class] + 0.25 * second[class];
            let found = logit.as_f64().unwrap();
            assert!(
                (found - expected).abs() < 1e-5,
                "{file}, class {class}: {found} is not {expected}"
            );
        }
        images += 1;
    }
    assert_eq!(images, 96);
}

/// What a run says of itself later names both.
fn shown(bench: &Bench, run: &str) {
    let output = bench.run(&["--show", run]);
    let page = String::from_utf8(output.stdout).unwrap();
    for part in ["teacher.onnx + other.onnx", "Onnx(", "share"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let output = bench.run(&["--export", run, "--to", "onnx"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let card = Path::new(run).join("export/MODEL_CARD.md");
    let card = fs::read_to_string(card).unwrap();
    for line in [
        "- teacher's file: teacher.onnx, 75.0 % of the mean logits",
        "- teacher's file: other.onnx, 25.0 % of the mean logits",
    ] {
        assert!(card.contains(line), "{card}");
    }
    let output = bench.run(&["--bench", run, "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = result["rows"].as_array().unwrap();
    let teacher = rows.iter().find(|row| row["model"] == "Teacher").unwrap();
    let length = |file: &str| bench.path().join(file).metadata().unwrap().len();
    let bytes = length("teacher.onnx") + length("other.onnx");
    assert_eq!(teacher["file_bytes"], bytes);
    assert_eq!(teacher["macs"], 21);
}

#[test]
#[cfg(unix)]
fn a_run_with_an_ensemble_resumes_and_replays_to_the_same_bits() {
    let bench = with(ENSEMBLE);
    resumed_and_replayed(&bench);
    let path = bench.path().join("colours.ron");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("epochs: 3", "epochs: 20")).unwrap();
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let whole = weights(&bench.newest());
    bench.forget_teachers();
    // Killed, too.
    let stops = stopped_run(&bench, "colours.ron", 0);
    assert!(weights(&bench.newest()) == whole, "{stops} stops");
}

#[test]
fn a_run_resumes_with_the_members_that_taught_and_no_others() {
    let bench = with(ENSEMBLE);
    let run = stopped(&bench, "epochs=2000");
    let name = run.to_str().unwrap();
    let refused = |arguments: &[&str], words: &str| {
        let output = bench.run(arguments);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    };
    let resume = ["--resume", name];
    let infer = [
        "--infer",
        "colours",
        "--checkpoint",
        name,
        "--model",
        "teacher",
    ];
    for file in ["other.onnx", "teacher.onnx"] {
        let path = bench.path().join(file);
        let whole = fs::read(&path).unwrap();
        let another = linear(
            &OTHER.map(|row| row.map(|value| value * 2.0)),
            &DESCRIBED[1..],
        );
        fs::write(&path, another).unwrap();
        refused(
            &resume,
            &format!("{file} is not the file that the run started with"),
        );
        refused(
            &infer,
            &format!("{file} is not the teacher that the run was trained with"),
        );
        fs::remove_file(&path).unwrap();
        refused(
            &resume,
            &format!("{file} is missing, and the run started with it"),
        );
        refused(&infer, &format!("{file} is missing: it is the teacher"));
        fs::write(&path, whole).unwrap();
    }
    let output = bench.run(&infer);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn what_is_wrong_with_a_member_is_an_error_at_its_place() {
    let refused = |second: &str, place: &str, words: &str| {
        let bench = with(&ENSEMBLE.replace("Onnx(\"other.onnx\"), engine: Rten", second));
        let output = bench.run(&["--run", "colours.ron"]);
        let found = stderr(&output);
        assert_eq!(code(&output), 2, "{found}");
        let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [place, words] {
            assert!(found.contains(part), "{part} is not in {found}");
        }
        assert!(bench.runs().is_empty());
    };
    let other = "Onnx(\"other.onnx\"), engine: Rten";
    refused(
        &format!("{other}, classes: Names([\"blue\", \"green\", \"red\"])"),
        "colours.ron:6:",
        "write in the member: classes: Names([\"blue\", \"red\", \"green\"])",
    );
    refused(
        &format!("{other}, classes: Names([\"blue\", \"green\", \"grey\"])"),
        "colours.ron:6:",
        "these names lack classes of the data: `red`",
    );
    refused(
        "Onnx(\"colours.ron\"), engine: Rten",
        "colours.ron:6:",
        "is not an ONNX file",
    );
    refused(
        "Onnx(\"absent.onnx\"), engine: Rten",
        "colours.ron:6:",
        "there is no file `absent.onnx`",
    );
}

#[test]
fn what_a_run_trained_here_left_is_a_member_beside_a_file_of_any_architecture() {
    let bench = with("File(\"scratch\")");
    let text = "(device: Cpu, data: (train: ImageFolder(\"colours\"), valid: Holdout(0.25)), student: \
                (model: Cnn(channels: [4, 8])), method: Scratch(), lr: Constant(0.05), epochs: 30, \
                batch: 8)";
    fs::write(bench.path().join("scratch.ron"), text).unwrap();
    let output = bench.run(&["--run", "scratch.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let best = bench.newest().join("best/weights.safetensors");
    let own = format!(
        "(model: Cnn(channels: [4, 8]), weights: File({:?}))",
        best.to_str().unwrap()
    );
    let ensemble = ENSEMBLE.replace("(weights: Onnx(\"other.onnx\"), engine: Rten)", &own);
    let path = bench.path().join("colours.ron");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("File(\"scratch\")", &ensemble)).unwrap();
    let output = bench.run(&["--run", "colours.ron", "--set", "epochs=1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let run = bench.newest();
    assert!(journal(&run).contains("best/weights.safetensors\",\"cached\":false"));
    let output = bench.run(&[
        "--infer",
        "colours",
        "--checkpoint",
        run.to_str().unwrap(),
        "--model",
        "both",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}
