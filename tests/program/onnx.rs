//! A teacher that is an ONNX file, from the check to the resume.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use workbench::onnx::write::{Element, GraphWriter, Side, setting};

use crate::bench::{Bench, code, stderr, weights};

/// Classes of the data, in its order, and their colours.
const COLOURS: [(&str, [u8; 3]); 3] = [
    ("blue", [0, 0, 255]),
    ("green", [0, 255, 0]),
    ("red", [255, 0, 0]),
];

const EXPERIMENT: &str = "(
    device: Cpu,
    data: (train: ImageFolder(\"colours\"), valid: Holdout(0.25), workers: 2),
    teacher: (weights: Onnx(\"teacher.onnx\"), engine: Rten),
    student: (model: Cnn(channels: [4, 8])),
    augment: [HorizontalFlip, Cutout(3)],
    method: AdaptiveAugmentation(p1: 0.1, p_max: 0.6, w: 0.8, temperature: 3.0),
    epochs: 3,
    batch: 16,
    log_every: 1,
)";

/// A model that knows colours: its logits are the means of red, of green and of
/// blue, and of a class that the data does not have.
fn teacher(texts: &[(&str, &str)]) -> Vec<u8> {
    let mut graph = GraphWriter::new("colours");
    let batch = Side::Named("batch");
    let sides = [
        batch,
        Side::Fixed(3),
        Side::Named("height"),
        Side::Named("width"),
    ];
    graph.input("images", Element::Float, &sides);
    graph.output("logits", Element::Float, &[batch, Side::Fixed(4)]);
    let rows = [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0], [-9.0; 3]];
    graph.floats("weight", &[4, 3], &rows.concat());
    let nodes = [
        ("GlobalAveragePool", &["images"][..], "means", Vec::new()),
        ("Flatten", &["means"], "features", Vec::new()),
        (
            "Gemm",
            &["features", "weight"],
            "logits",
            vec![setting("transB", 1)],
        ),
    ];
    for (operator, inputs, output, settings) in nodes {
        let inputs = inputs.iter().map(ToString::to_string).collect();
        graph.node((operator, operator), inputs, output, settings);
    }
    let texts = texts
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
    graph.into_bytes(&texts.collect())
}

const DESCRIBED: [(&str, &str); 3] = [
    ("classes", r#"["red", "green", "blue", "grey"]"#),
    ("mean", "[0.0, 0.0, 0.0]"),
    ("std", "[1.0, 1.0, 1.0]"),
];

fn place(texts: &[(&str, &str)]) -> Bench {
    let bench = Bench::new();
    for (class, colour) in COLOURS {
        let folder = bench.path().join("colours").join(class);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..32_u8 {
            let shade = |value: u8| value.saturating_sub(number * 3).max(number);
            let picture = RgbImage::from_pixel(12, 12, Rgb(colour.map(shade)));
            picture.save(folder.join(format!("{number}.png"))).unwrap();
        }
    }
    fs::write(bench.path().join("teacher.onnx"), teacher(texts)).unwrap();
    fs::write(bench.path().join("colours.ron"), EXPERIMENT).unwrap();
    bench
}

fn journal(run: &Path) -> String {
    fs::read_to_string(run.join("journal.jsonl")).unwrap_or_default()
}

#[test]
fn any_classifier_teaches_and_what_ran_it_is_kept() {
    let bench = place(&DESCRIBED);
    let output = bench.run(&["--check", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    for line in [
        "teacher.onnx, 12 parameters, 12 MACs",
        "rten 0.27",
        "2, 1, 0",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stderr(&output);
    for line in [
        "teacher  valid top-1 100.0 %",
        "teacher.onnx, run by rten 0.27",
        "outputs for classes that the data does not have are left out: `grey`",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let run = bench.newest();
    assert!(journal(&run).contains(r#""engine":"rten 0.27""#));
    let plan = fs::read_to_string(run.join("plan.json")).unwrap();
    assert!(plan.contains(r#""output": "logits""#), "{plan}");
    let whole = weights(&run);
    // What was kept changes nothing.
    bench.forget_teachers();
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&bench.newest()) == whole);
}

/// Starts the experiment with many epochs and stops it once it has a checkpoint.
fn stopped(bench: &Bench, epochs: &str) -> PathBuf {
    let mut longer = bench.start(&["--run", "colours.ron", "--set", epochs]);
    while !bench
        .runs()
        .iter()
        .any(|run| journal(run).contains("CheckpointSaved"))
    {
        assert!(longer.try_wait().unwrap().is_none(), "it has many epochs");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    crate::exit_codes::signal(longer.id(), "TERM");
    longer.wait().unwrap();
    bench.newest()
}

#[test]
fn a_run_with_an_onnx_teacher_resumes_and_replays_to_the_same_bits_from_anywhere() {
    let bench = place(&DESCRIBED);
    let run = stopped(&bench, "epochs=60");
    let name = run.to_str().unwrap();
    let output = bench.run(&["--resume", name]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let resumed = weights(&run);
    // The experiment that the run keeps names the file wherever it is read.
    let output = bench.run(&["--replay", name]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&bench.newest()) == resumed);
    bench.forget_teachers();
    let output = bench.run(&["--run", "colours.ron", "--set", "epochs=60"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&bench.newest()) == resumed);
    let output = bench.run(&["--resume", name, "--add-epochs", "1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn kept_answers_of_another_teacher_are_none() {
    let answers = |bench: &Bench| {
        let cached = bench.path().join("checkpoints/.teachers");
        let entries = fs::read_dir(cached).unwrap().map(Result::unwrap);
        let mut files =
            entries.filter(|entry| entry.file_name().to_str().unwrap().starts_with("answers-"));
        files.next().unwrap().path()
    };
    let bench = place(&DESCRIBED);
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let whole = weights(&bench.newest());
    // Another teacher of the same classes.
    let other = place(&DESCRIBED);
    let set = "teacher.normalize=Given(mean: (0.5, 0.5, 0.5), std: (0.5, 0.5, 0.5))";
    let output = other.run(&["--run", "colours.ron", "--set", set]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let foreign = fs::read(answers(&other)).unwrap();
    assert_ne!(foreign, fs::read(answers(&bench)).unwrap());
    fs::write(answers(&bench), foreign).unwrap();
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(weights(&bench.newest()) == whole);
    assert!(
        stderr(&output).contains("is damaged and is computed again"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn another_teacher_than_that_of_the_run_resumes_nothing() {
    let bench = place(&DESCRIBED);
    let run = stopped(&bench, "epochs=2000");
    let mut other = DESCRIBED;
    other[0].1 = r#"["green", "red", "blue", "grey"]"#;
    fs::write(bench.path().join("teacher.onnx"), teacher(&other)).unwrap();
    let output = bench.run(&["--resume", run.to_str().unwrap()]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("is not the file that the run started with"));
    let arguments = [
        "--infer",
        "colours",
        "--checkpoint",
        run.to_str().unwrap(),
        "--model",
        "teacher",
    ];
    let output = bench.run(&arguments);
    assert_ne!(code(&output), 0);
    assert!(
        stderr(&output).contains("is not the teacher that the run was trained with"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_teacher_that_says_too_little_of_itself_is_asked_for_more() {
    let bench = place(&[]);
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains("the teacher has 4 outputs, and the data 3 classes"));
    let named = "teacher.classes=Names([\"green\", \"red\", \"blue\", \"grey\"])";
    let output = bench.run(&["--run", "colours.ron", "--set", named]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("write in teacher: classes: Names([\"red\", \"green\", \"blue\""),
        "{}",
        stderr(&output)
    );
    fs::write(bench.path().join("teacher.onnx"), b"\x80\x02}q\x00.").unwrap();
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(
        stderr(&output).contains("is not an ONNX file"),
        "{}",
        stderr(&output)
    );
    assert!(bench.runs().is_empty());
}
