//! A student that leaves: verified, refused, and back again as a teacher.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::Value;

use crate::bench::{Bench, code, stderr};

fn printed(bench: &Bench, arguments: &[&str]) -> String {
    let output = bench.run(arguments);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(bench: &Bench, arguments: &[&str], why: &str) {
    let output = bench.run(arguments);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    assert!(stderr(&output).contains(why), "{}", stderr(&output));
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn a_student_leaves_as_one_proven_file_and_comes_back_as_a_teacher() {
    let bench = Bench::new();
    let trained = bench.run(&["--run", "tiny.ron", "--set", "epochs=1"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let run = bench.newest();
    let name = run.file_name().unwrap().to_str().unwrap().to_owned();
    let journal = fs::read(run.join("journal.jsonl")).unwrap();

    let text = printed(&bench, &["--export", "tiny"]);
    let engine = "verification: rten 0.27 on 24 validation images: agreement 100.0 %";
    assert!(text.contains(engine), "{text}");
    let file = run.join(format!("export/{name}.onnx"));
    let bytes = fs::read(&file).unwrap();
    refused(&bench, &["--export", "tiny"], "already exists");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    printed(&bench, &["--export", "tiny", "--force"]);
    assert_eq!(fs::read(&file).unwrap(), bytes, "the same bytes each time");

    let uint8 = [
        "--export",
        "tiny",
        "--input",
        "uint8",
        "--weights",
        "latest",
    ];
    let latest = json(&printed(&bench, &[&uint8[..], &["--json"]].concat()));
    assert_eq!(latest["input"], "uint8");
    assert_eq!(latest["weights"], "latest");
    assert_eq!(latest["proof"]["agreement"], 1.0);
    assert_eq!(latest["proof"]["images"], 24);
    printed(&bench, &["--export", "tiny", "--to", "torch"]);
    let proofs = json(&fs::read_to_string(run.join("export/proof.json")).unwrap());
    let proofs = &proofs["files"];
    let proof = &proofs[&format!("{name}.onnx")];
    assert_eq!(proof["blake3"], blake3::hash(&bytes).to_hex().as_str());
    assert_eq!(proof["proof"]["engine"], "rten 0.27");
    assert_eq!(proofs[&format!("{name}.safetensors")]["proof"], Value::Null);
    let expected = [
        "MODEL_CARD.md".to_owned(),
        format!("load_{name}.py"),
        "proof.json".to_owned(),
        format!("{name}-latest-uint8.onnx"),
        format!("{name}.onnx"),
        format!("{name}.safetensors"),
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(names(&run.join("export")), expected);
    let card = fs::read_to_string(run.join("export/MODEL_CARD.md")).unwrap();
    for file in ["-latest-uint8.onnx`", ".onnx`", ".safetensors`"] {
        assert!(card.contains(file), "{card}");
    }
    assert_eq!(fs::read(run.join("journal.jsonl")).unwrap(), journal);

    fs::rename(&file, bench.path().join("student.onnx")).unwrap();
    let output = bench.run(&[
        "--run",
        "tiny.ron",
        "--set",
        "teacher=(weights: Onnx(\"student.onnx\"), trusted: true)",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
}

#[test]
fn a_file_goes_to_its_given_place_and_replaces_nothing() {
    let bench = Bench::new();
    let trained = bench.run(&["--run", "tiny.ron", "--set", "epochs=1"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let at = |name: &str| bench.path().join(name);
    fs::write(at("notes.md"), "mine").unwrap();
    let to = |file: &str| {
        ["--export", "tiny", "--out"]
            .map(str::to_owned)
            .into_iter()
            .chain([file.to_owned()])
            .collect::<Vec<_>>()
    };
    let export = |file: &str| bench.run(&to(file).iter().map(String::as_str).collect::<Vec<_>>());
    let output = export("notes.onnx");
    assert!(
        stderr(&output).contains("notes.md already exists"),
        "{}",
        stderr(&output)
    );
    assert!(!at("notes.onnx").exists());
    assert_eq!(fs::read_to_string(at("notes.md")).unwrap(), "mine");
    let output = export("absent/student.onnx");
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("could not write absent/student.onnx"),
        "{}",
        stderr(&output)
    );
    assert_eq!(code(&export(".")), 2);
    assert_eq!(code(&export("student.onnx")), 0);
    assert!(at("student.onnx").exists() && at("student.md").exists());
    assert_eq!(names(&bench.newest().join("export")), ["proof.json"]);
    let torch = ["--export", "tiny", "--to", "torch"];
    let run = bench.newest();
    let name = run.file_name().unwrap().to_str().unwrap();
    fs::create_dir(at("checkpoints/.kept")).unwrap();
    std::os::unix::fs::symlink("nowhere.onnx", at("link.onnx")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(at("socket.onnx")).unwrap();
    // A run somewhere else.
    fs::create_dir_all(at("elsewhere/other/best")).unwrap();
    for file in ["experiment.ron", "journal.jsonl"] {
        fs::write(at("elsewhere/other").join(file), "").unwrap();
    }
    fs::create_dir(at("folder.md")).unwrap();
    for (file, why) in [
        (
            "student.md",
            "the model card beside the model would have the same name",
        ),
        (
            "other.MD",
            "the model card beside the model would have the same name",
        ),
        ("/dev/null", "it is a device, not a regular file"),
        ("link.onnx", "it is a symbolic link, not a regular file"),
        ("socket.onnx", "it is a socket, not a regular file"),
        ("folder.onnx", "folder.md cannot be written: it is a folder"),
        (
            "checkpoints/RUN/export/proof.json",
            "one of the files that a run keeps",
        ),
        (
            "checkpoints/RUN/export/MODEL_CARD.onnx",
            "one of the files that a run keeps",
        ),
        (
            "checkpoints/RUN/latest/weights.onnx",
            "one of the files that a run keeps",
        ),
        (
            "checkpoints/RUN/plan.json",
            "one of the files that a run keeps",
        ),
        (
            "elsewhere/other/best/a.onnx",
            "one of the files that a run keeps",
        ),
        (
            "checkpoints/.kept/a.onnx",
            "one of the files that a run keeps",
        ),
    ] {
        let file = file.replace("RUN", name);
        for more in [&["--force"][..], &["--force", "--to", "torch"]] {
            let out = ["--export", "tiny", "--out", &file];
            refused(&bench, &[&out[..], more].concat(), why);
        }
    }
    drop(socket);
    assert!(at("link.onnx").is_symlink() && !at("nowhere.onnx").exists());
    assert_eq!(names(&run.join("export")), ["proof.json"]);
    let beside = format!("checkpoints/{name}/export/board.onnx");
    assert_eq!(code(&export(&beside)), 0);
    refused(
        &bench,
        &[&torch[..], &["--input", "uint8"]].concat(),
        "about ONNX files",
    );
    refused(&bench, &["--export", "other"], "no run `other`");
    refused(&bench, &["--unverified"], "--export");
    refused(&bench, &["--export", "tiny", "--run", "tiny.ron"], "--run");
}

#[test]
fn without_its_images_a_student_leaves_only_if_that_is_asked_for() {
    let bench = Bench::new();
    let folder = bench.path().join("colours");
    for k in 0..40_u8 {
        for (class, shade) in [("dark", 40), ("light", 200)] {
            let path = folder.join(class).join(format!("{k}.png"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            RgbImage::from_pixel(12, 12, Rgb([shade, shade.saturating_add(k), k]))
                .save(path)
                .unwrap();
        }
    }
    let output = bench.run(&[
        "--run",
        "tiny.ron",
        "--set",
        "epochs=1",
        "--set",
        "data=(train: ImageFolder(\"colours\"), valid: Holdout(0.25), workers: 2)",
    ]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    fs::remove_file(folder.join("dark/3.png")).unwrap();
    refused(
        &bench,
        &["--export", "tiny"],
        "the images are not those that the run started with",
    );
    refused(
        &bench,
        &["--export", "tiny"],
        "write the file unverified: --unverified",
    );
    fs::remove_dir_all(&folder).unwrap();
    refused(
        &bench,
        &["--export", "tiny"],
        "write the file unverified: --unverified",
    );
    assert!(!bench.newest().join("export").exists());
    let text = printed(&bench, &["--export", "tiny", "--unverified"]);
    assert!(
        text.contains("verification: not evaluated (--unverified)"),
        "{text}"
    );
    let card = fs::read_to_string(bench.newest().join("export/MODEL_CARD.md")).unwrap();
    assert!(card.contains(".onnx`: not evaluated"), "{card}");
}

#[test]
fn a_run_exports_its_student_at_the_end_and_its_gates_look_at_the_file() {
    let bench = Bench::new();
    let run = |more: &[&str]| {
        let output = bench.run(&[&["--run", "tiny.ron", "--set", "epochs=1"], more].concat());
        (code(&output), stderr(&output))
    };
    let agree =
        "gates=[AtLeast(\"export/agreement\", 0.999), AtMost(\"export/max_difference\", 0.001)]";
    let (exit, text) = run(&["--set", agree]);
    assert_eq!(exit, 2, "{text}");
    assert!(
        text.contains("add `export: Onnx` to the experiment"),
        "{text}"
    );
    let (exit, text) = run(&["--set", "export=Onnx", "--set", agree]);
    assert_eq!(exit, 0, "{text}");
    assert!(text.contains("exported export/tiny-"), "{text}");
    assert!(
        text.contains("export/agreement@best ≥ 99.9 %: 100.0 %, passed"),
        "{text}"
    );
    let export = bench.newest().join("export");
    let name = bench
        .newest()
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        names(&export),
        ["proof.json".to_owned(), format!("{name}.onnx")]
    );
    let shown = json(&printed(&bench, &["--show", &name, "--json"]));
    assert_eq!(shown["metrics"]["export/agreement@best"], 1.0);
    let card = export.join("MODEL_CARD.md");
    printed(&bench, &["--export", &name, "--force"]);
    assert!(card.exists());
    let more = bench.run(&[
        "--resume",
        &name,
        "--add-epochs",
        "1",
        "--schedules",
        "hold",
    ]);
    assert!(
        stderr(&more).contains("described an earlier file and was removed"),
        "{}",
        stderr(&more)
    );
    assert!(!card.exists());
    printed(&bench, &["--export", &name, "--weights", "latest"]);
    let text = fs::read_to_string(&card).unwrap();
    for file in [format!("{name}.onnx"), format!("{name}-latest.onnx")] {
        let hash = blake3::hash(&fs::read(export.join(&file)).unwrap()).to_hex();
        assert!(text.contains(hash.as_str()), "{text}");
    }
    fs::copy(
        export.join(format!("{name}-latest.onnx")),
        export.join(format!("{name}.onnx")),
    )
    .unwrap();
    let text = printed(
        &bench,
        &["--export", &name, "--weights", "latest", "--force"],
    );
    assert!(text.contains("is not the file that was exported"), "{text}");
    let text = fs::read_to_string(&card).unwrap();
    assert!(!text.contains(&format!("`{name}.onnx`")), "{text}");
    let (exit, text) = run(&[
        "--set",
        "export=OnnxUint8",
        "--set",
        "gates=[AtLeast(\"export/top1\", 1.0)]",
    ]);
    assert_eq!(exit, 1, "{text}");
    assert!(text.contains("export/top1@best ≥ 100 %: "), "{text}");
}

#[test]
fn a_student_leaves_with_8_bit_integers_and_its_cost_is_shown() {
    let bench = Bench::new();
    let trained = bench.run(&["--run", "tiny.ron", "--set", "epochs=1"]);
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let run = bench.newest();
    let name = run.file_name().unwrap().to_str().unwrap().to_owned();
    let int8 = ["--export", "tiny", "--int8", "--calibration-images", "8"];
    let report = json(&printed(&bench, &[&int8[..], &["--json"]].concat()));
    let found = &report["int8"];
    assert_eq!(found["images"], 8);
    assert_eq!(found["trials"].as_array().unwrap().len(), 9);
    let rows = found["rows"].as_array().unwrap();
    let models: Vec<&str> = rows
        .iter()
        .map(|row| row["model"].as_str().unwrap())
        .collect();
    assert_eq!(models, ["teacher", "fp32", "fp16", "int8"]);
    for row in rows {
        assert!(row["teacher_agreement"].is_f64(), "{row}");
        assert!(row["bytes"].as_u64().unwrap() > 0, "{row}");
        // Only onnxruntime computes with integers.
        let engine = row["engine"].as_str();
        let is_runtime = engine.is_some_and(|engine| engine.starts_with("onnxruntime"));
        assert_eq!(row["p50_ms"].is_f64(), engine.is_some(), "{row}");
        assert!(
            is_runtime || row["model"] != "int8" || engine.is_none(),
            "{row}"
        );
    }
    assert!(rows[1]["p50_ms"].is_f64(), "{}", rows[1]);
    let file = run.join(format!("export/{name}-int8.onnx"));
    let hash = blake3::hash(&fs::read(&file).unwrap()).to_hex();
    assert_eq!(report["blake3"], hash.as_str());

    let sizes = rows.iter().map(|row| row["bytes"].as_u64().unwrap());
    let sizes: Vec<u64> = sizes.collect();
    assert!(sizes[2] < sizes[1], "{sizes:?}");

    refused(&bench, &int8, "already exists");
    let text = printed(
        &bench,
        &[&int8[..], &["--force", "--weight-bits", "7"]].concat(),
    );
    for part in [
        "agrees with teacher",
        "percentile 99.99",
        "7 bits",
        "first and last",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let card = fs::read_to_string(run.join("export/MODEL_CARD.md")).unwrap();
    assert!(
        card.contains("takes normalised floats, 8-bit integers"),
        "{card}"
    );
    assert!(card.contains("| int8 |"), "{card}");
    let proofs = json(&fs::read_to_string(run.join("export/proof.json")).unwrap());
    let proofs = &proofs["files"];
    let kept = &proofs[&format!("{name}-int8.onnx")]["int8"];
    assert_eq!(kept["scheme"]["weight_bits"], 7);

    refused(
        &bench,
        &["--export", "tiny", "--int8", "--to", "torch"],
        "about ONNX files",
    );
    refused(
        &bench,
        &["--export", "tiny", "--int8", "--unverified"],
        "--unverified",
    );
    refused(
        &bench,
        &["--export", "tiny", "--int8", "--weight-bits", "6"],
        "7..=8",
    );
    refused(
        &bench,
        &["--export", "tiny", "--weight-bits", "7"],
        "--int8",
    );
}

#[test]
fn a_student_leaves_with_16_bit_floats_and_is_listed_beside_the_others() {
    let bench = Bench::new();
    let export = ["--set", "epochs=1", "--set", "export=Fp16(uint8: true)"];
    let gates = ["--set", "gates=[AtLeast(\"export/agreement\", 0.9)]"];
    let trained = bench.run(&[&["--run", "tiny.ron"], &export[..], &gates].concat());
    assert_eq!(code(&trained), 0, "{}", stderr(&trained));
    let run = bench.newest();
    let name = run.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(
        names(&run.join("export")),
        ["proof.json", &format!("{name}-uint8-fp16.onnx")]
    );
    let fp16 = ["--export", "tiny", "--fp16"];
    let report = json(&printed(&bench, &[&fp16[..], &["--json"]].concat()));
    assert_eq!(report["floats"], "fp16");
    let proof = &report["proof"];
    let logit = proof["max_logit"].as_f64().unwrap();
    assert!(proof["max_difference"].as_f64().unwrap() <= 0.01 * logit);
    assert!(proof["agreement"].as_f64().unwrap() >= 0.98, "{proof}");
    let float = json(&printed(&bench, &["--export", "tiny", "--json"]));
    assert!(float["floats"].is_null(), "{float}");
    let size = |export: &Value| export["bytes"].as_u64().unwrap();
    assert!(size(&report) < size(&float), "{report} {float}");

    let card = fs::read_to_string(run.join("export/MODEL_CARD.md")).unwrap();
    let listed = "takes normalised floats, 16-bit floats";
    assert!(card.contains(listed), "{card}");
    let shown = printed(&bench, &["--bench", "tiny", "--batch", "1", "--json"]);
    let rows = json(&shown)["rows"].clone();
    let of = |variant: &str| {
        let mut rows = rows.as_array().unwrap().iter();
        rows.any(|row| row["variant"] == variant && row["top1"].is_f64())
    };
    assert!(of("fp16") && of("fp32"), "{rows}");

    refused(&bench, &fp16, "already exists");
    let torch = [&fp16[..], &["--to", "torch"]].concat();
    refused(&bench, &torch, "about ONNX files");
    refused(&bench, &[&fp16[..], &["--int8"]].concat(), "--int8");
}

#[test]
fn a_run_that_ends_with_integers_is_evaluated_with_them() {
    let bench = Bench::new();
    let run = |export: &str, gates: &str| {
        let (export, gates) = (format!("export={export}"), format!("gates={gates}"));
        let output = bench.run(&[
            "--run", "tiny.ron", "--set", "epochs=1", "--set", &export, "--set", &gates,
        ]);
        (code(&output), stderr(&output))
    };
    // Its speed and size are those of the file, too.
    let loose = "[AtLeast(\"export/agreement\", 0.5), AtMost(\"bench/file_bytes\", 1000000.0)]";
    let (exit, text) = run("Int8(images: 0)", loose);
    assert_eq!(exit, 2, "{text}");
    assert!(
        text.contains("ranges cannot be found on 0 images"),
        "{text}"
    );
    let (exit, text) = run("Int8(images: 8, weight_bits: 7, uint8: true)", loose);
    assert_eq!(exit, 0, "{text}");
    assert!(text.contains("-uint8-int8.onnx"), "{text}");
    let strict = "[AtMost(\"export/max_difference\", 0.0)]";
    let (exit, text) = run("Int8(images: 8)", strict);
    assert_eq!(exit, 1, "{text}");
}
