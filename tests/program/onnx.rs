//! A teacher that is an ONNX file, from the check to the resume.

use std::fs;
use std::path::{Path, PathBuf};

use image::{Rgb, RgbImage};
use workbench::onnx::write::{Element, GraphWriter, Side, cast_to, setting, settings};

use crate::bench::{Bench, code, stderr, weights};

/// Classes of the data, in its order, and their colours.
pub const COLOURS: [(&str, [u8; 3]); 3] = [
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
    let rows = [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0], [-9.0; 3]];
    linear(&rows, texts)
}

/// A model whose logits are these products with the means of red, green and blue.
pub fn linear(rows: &[[f32; 3]], texts: &[(&str, &str)]) -> Vec<u8> {
    let outputs = rows.len();
    let mut graph = GraphWriter::new("colours");
    let batch = Side::Named("batch");
    let sides = [
        batch,
        Side::Fixed(3),
        Side::Named("height"),
        Side::Named("width"),
    ];
    graph.input("images", Element::Float, &sides);
    graph.output("logits", Element::Float, &[batch, Side::Fixed(outputs)]);
    graph.floats("weight", &[outputs, 3], &rows.concat());
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

pub const DESCRIBED: [(&str, &str); 3] = [
    ("classes", r#"["red", "green", "blue", "grey"]"#),
    ("mean", "[0.0, 0.0, 0.0]"),
    ("std", "[1.0, 1.0, 1.0]"),
];

/// Pictures of three colours, a teacher and an experiment.
pub fn place(texts: &[(&str, &str)]) -> Bench {
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

#[test]
fn a_gpu_that_the_engine_cannot_use_is_an_error_and_not_the_processor() {
    let bench = place(&DESCRIBED);
    let text = EXPERIMENT.replace("engine: Rten", "engine: OnnxRuntimeCuda(0)");
    assert_ne!(text, EXPERIMENT);
    fs::write(bench.path().join("colours.ron"), text).unwrap();
    let output = bench.run(&["--run", "colours.ron"]);
    let text = stderr(&output);
    // A machine that has all of it trains on it.
    let used = code(&output) == 0 && text.contains(" on CUDA 0");
    let refused =
        text.contains("cannot compute on CUDA 0") || text.contains("its library is not here");
    assert!(used || (code(&output) == 2 && refused), "{text}");
}

pub fn journal(run: &Path) -> String {
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
pub fn stopped(bench: &Bench, epochs: &str) -> PathBuf {
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

/// A run that was stopped and resumed, with the bits of its replay and of a run that
/// was not stopped and had no kept answers.
pub fn resumed_and_replayed(bench: &Bench) -> PathBuf {
    let run = stopped(bench, "epochs=60");
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
    run
}

#[test]
fn a_run_with_an_onnx_teacher_resumes_and_replays_to_the_same_bits_from_anywhere() {
    let bench = place(&DESCRIBED);
    let run = resumed_and_replayed(&bench);
    let name = run.to_str().unwrap();
    let output = bench.run(&["--resume", name, "--add-epochs", "1", "--schedules", "hold"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

/// A model like that of [`teacher`] behind a convolution of the images, whose map is half as
/// large: a node `/stem/Relu` gives the value `map`.
fn teacher_with_maps() -> Vec<u8> {
    let mut graph = GraphWriter::new("colours");
    let batch = Side::Named("batch");
    let side = Side::Fixed(12);
    graph.input(
        "images",
        Element::Float,
        &[batch, Side::Fixed(3), side, side],
    );
    graph.output("logits", Element::Float, &[batch, Side::Fixed(3)]);
    let kernel: Vec<f32> = (0..5 * 3 * 9)
        .map(|at| {
            if at % 9 == 4 {
                ((at / 9) as f32 * 0.7).cos()
            } else {
                0.0
            }
        })
        .collect();
    graph.floats("kernel", &[5, 3, 3, 3], &kernel);
    let rows = [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]];
    graph.floats("weight", &[3, 3], &rows.concat());
    graph.floats("extra", &[3, 5], &[0.01; 15]);
    let nodes = [
        (
            "/stem/Conv",
            "Conv",
            &["images", "kernel"][..],
            "made",
            vec![
                settings("kernel_shape", &[3, 3]),
                settings("strides", &[2, 2]),
                settings("pads", &[1, 1, 1, 1]),
            ],
        ),
        ("/stem/Relu", "Relu", &["made"], "map", Vec::new()),
        ("/Mean", "GlobalAveragePool", &["map"], "inside", Vec::new()),
        (
            "/Pool",
            "GlobalAveragePool",
            &["images"],
            "means",
            Vec::new(),
        ),
        ("/Flatten", "Flatten", &["means"], "features", Vec::new()),
        ("/Inside", "Flatten", &["inside"], "five", Vec::new()),
        (
            "/Fc",
            "Gemm",
            &["features", "weight"],
            "scores",
            vec![setting("transB", 1)],
        ),
        (
            "/Extra",
            "Gemm",
            &["five", "extra"],
            "more",
            vec![setting("transB", 1)],
        ),
        ("/Add", "Add", &["scores", "more"], "logits", Vec::new()),
    ];
    for (name, operator, inputs, output, settings) in nodes {
        let inputs = inputs.iter().map(ToString::to_string).collect();
        graph.node((name, operator), inputs, output, settings);
    }
    let texts = [("classes", r#"["red", "green", "blue"]"#)];
    let texts = texts.map(|(key, text)| (key.to_owned(), text.to_owned()));
    graph.into_bytes(&texts.into_iter().collect())
}

/// The experiment with terms over maps of the teacher's file.
fn with_maps(features: &str) -> String {
    let line = EXPERIMENT.lines().find(|line| line.contains("method:"));
    let method = format!("    method: Vanilla(features: {features}),");
    EXPERIMENT.replace(line.unwrap(), &method)
}

#[test]
fn maps_of_an_onnx_teacher_are_compared_by_the_names_in_its_file() {
    let bench = place(&DESCRIBED);
    fs::write(bench.path().join("teacher.onnx"), teacher_with_maps()).unwrap();
    let write = |features: &str| {
        fs::write(bench.path().join("colours.ron"), with_maps(features)).unwrap();
    };
    write("Hint(stages: [(\"features.4\", \"/stem/Relu\")])");
    let output = bench.run(&["--check", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let page = String::from_utf8(output.stdout).unwrap();
    for part in ["6 × 6: /stem/Conv 5, /stem/Relu 5", "1 × 1: /Mean 5"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    for (features, messages) in [
        (
            "Hint()",
            &["compared by their names there", "/stem/Relu 5 × 6 × 6"][..],
        ),
        (
            "Hint(stages: [(\"features.4\", \"/stem/Relu6\")])",
            &[
                "`/stem/Relu6` of the teacher",
                "near it are /stem/Relu 5 × 6 × 6",
            ],
        ),
        (
            "Hint(stages: [(\"features.4\", \"means\")])",
            &["`means` of the teacher 1 × 1"],
        ),
    ] {
        write(features);
        let output = bench.run(&["--check", "colours.ron"]);
        let found = stderr(&output);
        assert_eq!(code(&output), 2, "{found}");
        let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
        for message in messages {
            assert!(found.contains(message), "{message} is not in {found}");
        }
    }
    write("Hint(stages: [(\"features.4\", \"/stem/Relu\")])");
    let run = resumed_and_replayed(&bench);
    let plan = fs::read_to_string(run.join("plan.json")).unwrap();
    // Before the plan stands its checksum.
    let values = serde_json::Deserializer::from_str(&plan).into_iter::<serde_json::Value>();
    let text: String = values.map(|value| value.unwrap().to_string()).collect();
    assert!(text.contains(r#""maps":["/stem/Relu"]"#), "{text}");
    assert!(text.contains(r#""teacher":"/stem/Relu""#), "{text}");
    let regressors = run.join("latest/regressors.safetensors");
    assert!(regressors.exists());
    // The value is another name for the same.
    write("Hint(stages: [(\"features.4\", \"map\")])");
    let output = bench.run(&["--run", "colours.ron", "--set", "epochs=1"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for other in ["Attention", "Similarity", "Relation"] {
        write(&format!(
            "{other}(stages: [(\"features.4\", \"/stem/Relu\")])"
        ));
        let output = bench.run(&["--run", "colours.ron", "--set", "epochs=1"]);
        assert_eq!(code(&output), 0, "{other}: {}", stderr(&output));
    }
}

#[test]
fn a_replay_needs_no_file_of_names_and_a_teacher_that_is_missing_is_to_be_restored() {
    let bench = place(&DESCRIBED[1..]);
    let names = bench.path().join("names.txt");
    fs::write(&names, "red\ngreen\nblue\ngrey\n").unwrap();
    let text = EXPERIMENT.replace("engine: Rten", "engine: Rten, classes: File(\"names.txt\")");
    fs::write(bench.path().join("colours.ron"), text).unwrap();
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let run = bench.newest();
    let name = run.to_str().unwrap();
    fs::remove_file(&names).unwrap();
    let output = bench.run(&["--replay", name]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let again = bench.newest();
    assert!(again != run && weights(&again) == weights(&run));
    // The replay keeps the same text, and so can be replayed in turn.
    let [first, second] = [&run, &again].map(|run| fs::read(run.join("experiment.ron")).unwrap());
    assert!(first == second);
    fs::remove_file(bench.path().join("teacher.onnx")).unwrap();
    let runs = bench.runs().len();
    for (arguments, remedy) in [
        (
            &["--replay", name][..],
            "is missing, and the run started with it; restore it from a copy",
        ),
        (
            &[
                "--infer",
                "colours",
                "--checkpoint",
                name,
                "--model",
                "both",
            ],
            "restore the file, or ask the student alone",
        ),
    ] {
        let output = bench.run(arguments);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{text}");
        assert!(
            text.contains("teacher.onnx is missing") && text.contains(remedy),
            "{text}"
        );
        assert!(!text.contains("os error"), "{text}");
    }
    assert_eq!(bench.runs().len(), runs);
}

#[test]
fn names_that_turn_a_terminal_around_leave_as_json_escaped() {
    let bench = place(&DESCRIBED);
    let class = "re\u{9b}\u{202e}d";
    let [from, to] = ["red", class].map(|name| bench.path().join("colours").join(name));
    fs::rename(from, to).unwrap();
    let text = "(data: (train: ImageFolder(\"colours\"), valid: Holdout(0.25)), \
                student: (model: Cnn(channels: [4, 8])), method: Scratch(), epochs: 1, batch: 16)";
    fs::write(bench.path().join("alone.ron"), text).unwrap();
    let output = bench.run(&["--check", "alone.ron", "--json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let json = String::from_utf8(output.stdout).unwrap();
    assert!(json.contains(r"re\u009b\u202ed"), "{json}");
    assert!(!json.contains(['\u{9b}', '\u{202e}']));
}

#[test]
fn kept_answers_of_another_teacher_are_none() {
    let answers = |bench: &Bench| {
        let cached = bench.path().join("checkpoints/.teachers");
        let entries = fs::read_dir(cached).unwrap().map(Result::unwrap);
        let mut files =
            entries.filter(|entry| entry.file_name().to_str().unwrap().starts_with("logits-"));
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
        stderr(&output).contains("are damaged and are computed again"),
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

/// A chain of operations with the images first, which gives logits of three classes.
fn chain(graph: &mut GraphWriter, nodes: &[(&'static str, &[&str], &str)]) {
    graph.output(
        "logits",
        Element::Float,
        &[Side::Named("batch"), Side::Fixed(3)],
    );
    for (operator, inputs, output) in nodes {
        let settings = match *operator {
            "Cast" => vec![cast_to(Element::Float)],
            "Transpose" => vec![settings("perm", &[0, 3, 1, 2])],
            "Gemm" => vec![setting("transB", 1)],
            _ => Vec::new(),
        };
        let inputs = inputs.iter().map(ToString::to_string).collect();
        graph.node((output, operator), inputs, output, settings);
    }
}

fn described(graph: GraphWriter, texts: &[(&str, &str)]) -> Vec<u8> {
    let texts = texts
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).to_owned()));
    graph.into_bytes(&texts.collect())
}

const CLASSES: (&str, &str) = ("classes", r#"["red", "green", "blue"]"#);

#[test]
fn a_file_that_takes_bytes_teaches_and_is_measured() {
    let bench = place(&DESCRIBED);
    let mut graph = GraphWriter::new("bytes");
    let side = Side::Named;
    let sides = [side("batch"), side("height"), side("width"), Side::Fixed(3)];
    graph.input("pixels", Element::Uint8, &sides);
    let rows = [[0.05, 0.0, 0.0], [0.0, 0.05, 0.0], [0.0, 0.0, 0.05]];
    graph.floats("weight", &[3, 3], &rows.concat());
    chain(
        &mut graph,
        &[
            ("Cast", &["pixels"], "values"),
            ("Transpose", &["values"], "planes"),
            ("GlobalAveragePool", &["planes"], "means"),
            ("Flatten", &["means"], "features"),
            ("Gemm", &["features", "weight"], "logits"),
        ],
    );
    let bytes = described(
        graph,
        &[CLASSES, ("mean", "[0.5, 0.5, 0.5]"), ("std", "[1, 1, 1]")],
    );
    fs::write(bench.path().join("teacher.onnx"), bytes).unwrap();
    let output = bench.run(&["--run", "colours.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stderr(&output);
    assert!(text.contains("teacher  valid top-1 100.0 %"), "{text}");
    assert!(
        text.contains("given to it as values from 0 to 255"),
        "{text}"
    );
    let normalize = "teacher.normalize=ImageNet";
    let output = bench.run(&["--check", "colours.ron", "--set", normalize]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("takes bytes, and normalises them itself"));
    let output = bench.run(&["--bench", "teacher.onnx"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_teacher_whose_answers_depend_on_the_batch_is_refused() {
    let bench = place(&DESCRIBED);
    let mut graph = GraphWriter::new("company");
    let side = Side::Named;
    let sides = [side("batch"), Side::Fixed(3), side("height"), side("width")];
    graph.input("images", Element::Float, &sides);
    graph.integers("over", &[0]);
    let rows = [[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]];
    graph.floats("weight", &[3, 3], &rows.concat());
    chain(
        &mut graph,
        &[
            ("GlobalAveragePool", &["images"], "means"),
            ("Flatten", &["means"], "features"),
            ("ReduceMean", &["features", "over"], "centre"),
            ("Sub", &["features", "centre"], "centred"),
            ("Gemm", &["centred", "weight"], "logits"),
        ],
    );
    fs::write(
        bench.path().join("teacher.onnx"),
        described(graph, &[CLASSES]),
    )
    .unwrap();
    let trusted = "teacher.trusted=true";
    let output = bench.run(&["--run", "colours.ron", "--set", trusted]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    let text = stderr(&output);
    let why = "its logits for an image depend on the others of its batch";
    assert!(
        text.contains(why) && text.contains("model.eval()"),
        "{text}"
    );
}

#[test]
fn a_chain_of_very_many_nodes_neither_overflows_nor_hangs() {
    const LENGTH: usize = 20_000;
    let bench = place(&DESCRIBED);
    let mut graph = GraphWriter::new("chain");
    let sides = [1, 3, 12, 12].map(Side::Fixed);
    graph.input("images", Element::Float, &sides);
    graph.output("logits", Element::Float, &[Side::Fixed(1), Side::Fixed(3)]);
    let mut before = "images".to_owned();
    let mut then = |operator: &'static str, name: String| {
        let input = std::mem::replace(&mut before, name.clone());
        graph.node((&name, operator), vec![input], &name, Vec::new());
    };
    for at in 0..LENGTH {
        then("Relu", format!("relu{at}"));
    }
    then("GlobalAveragePool", "means".to_owned());
    then("Flatten", "logits".to_owned());
    fs::write(
        bench.path().join("teacher.onnx"),
        described(graph, &[CLASSES]),
    )
    .unwrap();
    let check = ["--check", "colours.ron"];
    for arguments in [&check[..], &["--bench", "teacher.onnx", "--batch", "1"]] {
        let started = std::time::Instant::now();
        let output = bench.run(arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
        let seconds = started.elapsed().as_secs();
        assert!(seconds < 120, "{arguments:?}: {seconds} s");
    }
}

#[test]
fn a_library_that_is_none_is_named_and_nothing_is_waited_for() {
    let bench = place(&DESCRIBED);
    let at = |name: &str| bench.path().join(name);
    rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), rustix::fs::Mode::RWXU).unwrap();
    fs::write(at("page"), "<!DOCTYPE html><title>Log in").unwrap();
    fs::write(
        at("pointer"),
        "version https://git-lfs.github.com/spec/v1\nsize 9\n",
    )
    .unwrap();
    for (name, expected) in [
        ("fifo", "a pipe, not a regular file"),
        ("colours", "a folder, not a regular file"),
        ("page", "an HTML page"),
        ("pointer", "run `git lfs pull`"),
        ("colours.ron", "a text file"),
        ("missing", "No such file"),
    ] {
        let mut command = bench.command(&["--check", "colours.ron"]);
        command.args(["--set", "teacher.engine=OnnxRuntime"]);
        let output = command.env("ORT_DYLIB_PATH", at(name)).output().unwrap();
        assert_eq!(code(&output), 2, "{name}: {}", stderr(&output));
        assert!(
            stderr(&output).contains(expected),
            "{name}: {}",
            stderr(&output)
        );
    }
}
