//! Teachers that PyTorch wrote as ONNX files: they answer here as they do there, and
//! teach.

use std::path::Path;
use std::process::Command;

use workbench::engine::onnx::{OnnxModel, has_onnxruntime};
use workbench::experiment::spec::OnnxEngine;

use crate::bench::{Bench, code, said};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/onnx_teachers.py"
);
const CLASSES: usize = 10;
const SIDE: usize = 64;

/// The names of the models that were written; none where Python lacks a module,
/// which is told.
fn written(folder: &Path) -> Option<Vec<String>> {
    let program = std::env::var_os("WORKBENCH_PYTHON").unwrap_or_else(|| "python3".into());
    let python = |arguments: &[&str]| Command::new(&program).args(arguments).output();
    let modules = "torch, torchvision, timm, onnx, onnxscript";
    let has = python(&["-c", &format!("import {modules}")]);
    if !has.is_ok_and(|has| has.status.success()) {
        eprintln!(
            "skipped: {} lacks one of {modules}; set WORKBENCH_PYTHON to a Python that has them",
            program.to_string_lossy()
        );
        return None;
    }
    let output = python(&[SCRIPT, folder.to_str()?]).unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let names = String::from_utf8(output.stdout).unwrap();
    let is_model = |name: &&str| folder.join(format!("{name}.onnx")).exists();
    Some(names.lines().filter(is_model).map(str::to_owned).collect())
}

fn floats(path: &Path) -> Vec<f32> {
    let bytes = std::fs::read(path).unwrap();
    let (floats, _) = bytes.as_chunks::<4>();
    floats
        .iter()
        .map(|four| f32::from_le_bytes(*four))
        .collect()
}

#[test]
fn teachers_of_timm_and_torchvision_answer_as_in_pytorch_and_teach() {
    let bench = Bench::new();
    let folder = bench.path();
    let Some(names) = written(folder) else {
        return;
    };
    assert_eq!(names.len(), 5, "{names:?}");
    let mut engines = vec![OnnxEngine::Rten];
    if has_onnxruntime() {
        engines.push(OnnxEngine::OnnxRuntime);
    }
    for name in &names {
        let file = |ending: &str| folder.join(format!("{name}.{ending}"));
        let (images, expected) = (floats(&file("images")), floats(&file("logits")));
        let count = expected.len() / CLASSES;
        let greatest = expected.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
        for engine in &engines {
            let model = OnnxModel::of_path(&file("onnx"), *engine).unwrap();
            let logits = model.logits(&images, [count, SIDE, SIDE]).unwrap();
            assert_eq!(logits.len(), expected.len(), "{name}");
            for (here, there) in logits.iter().zip(&expected) {
                let apart = (here - there).abs() / greatest;
                assert!(apart < 1e-4, "{name} in {}: {apart}", model.engine());
            }
        }
        let experiment = format!(
            "(
                device: Cpu,
                data: (train: Shapes(count: 24, classes: {CLASSES}, size: {SIDE}), valid: Holdout(0.25)),
                teacher: (weights: Onnx(\"{name}.onnx\"), engine: Rten, trusted: true),
                student: (model: Cnn(channels: [2])),
                method: Vanilla(),
                epochs: 1,
                batch: 6,
            )"
        );
        std::fs::write(folder.join("teach.ron"), experiment).unwrap();
        let output = bench.run(&["--run", "teach.ron"]);
        assert_eq!(code(&output), 0, "{name}: {}", said(&output));
        assert!(said(&output).contains(&format!("{name}.onnx, run by rten")));
    }
}
