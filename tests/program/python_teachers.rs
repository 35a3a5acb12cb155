//! Teachers of PyTorch: as ONNX files they answer here as they do there, and teach; and
//! their answers, written by `scripts/make-logits`, do.

use std::path::Path;
use std::process::{Command, Output};

use workbench::engine::onnx::{Answers, OnnxModel, has_onnxruntime};
use workbench::experiment::spec::{OnnxEngine, Scores};
use workbench::onnx::OnnxFile;

use crate::bench::{Bench, code, stderr};

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/onnx_teachers.py"
);
const CLASSES: usize = 10;
const SIDE: usize = 64;

/// Runs Python; none where it lacks one of these modules, which is printed.
pub fn python(modules: &str, arguments: &[&str]) -> Option<Output> {
    let program = std::env::var_os("WORKBENCH_PYTHON").unwrap_or_else(|| "python3".into());
    let python = |arguments: &[&str]| Command::new(&program).args(arguments).output();
    let has = python(&["-c", &format!("import {modules}")]);
    if !has.is_ok_and(|has| has.status.success()) {
        eprintln!(
            "skipped: {} lacks one of {modules}; set WORKBENCH_PYTHON to a Python that has them",
            program.to_string_lossy()
        );
        return None;
    }
    let output = python(arguments).unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    Some(output)
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
    let modules = "torch, torchvision, timm, onnx, onnxscript";
    let Some(output) = python(modules, &[SCRIPT, folder.to_str().unwrap()]) else {
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let is_model = |name: &&str| folder.join(format!("{name}.onnx")).exists();
    let names: Vec<&str> = text.lines().filter(is_model).collect();
    assert_eq!(names.len(), 5, "{text}");
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
            let opened = OnnxFile::open(&file("onnx")).unwrap();
            let answers = Answers {
                output: opened.score_output(None).unwrap().name,
                scores: Scores::Logits,
                taken: None,
                maps: Vec::new(),
            };
            let model = OnnxModel::new(opened, answers, *engine, (64, 64)).unwrap();
            let logits = model.logits(&images, [count, SIDE, SIDE]).unwrap();
            assert_eq!(logits.len(), expected.len(), "{name}");
            for (here, there) in logits.iter().zip(&expected) {
                let apart = (here - there).abs() / greatest;
                assert!(apart < 1e-4, "{name} in {}: {apart}", model.engine());
            }
        }
        for engine in &engines {
            assert_maps_are_pytorchs(folder, name, &images, *engine);
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
        assert_eq!(code(&output), 0, "{name}: {}", stderr(&output));
        assert!(stderr(&output).contains(&format!("{name}.onnx, run by rten")));
    }
}

/// Modules of a model, with a node that gives their output where nodes are named after modules.
const MAPS: [(&str, &[(&str, &str)]); 2] = [
    (
        "resnet18",
        &[
            ("layer1", "/layer1/layer1.1/act2/Relu"),
            ("layer2", "/layer2/layer2.1/act2/Relu"),
            ("layer3", "/layer3/layer3.1/act2/Relu"),
            ("layer4", "/layer4/layer4.1/act2/Relu"),
        ],
    ),
    (
        "mobilenet_v3_small",
        &[
            (
                "features.1",
                "/features/features.1/block/block.2/block.2.0/Conv",
            ),
            ("features.3", "/features/features.3/Add"),
            (
                "features.12",
                "/features/features.12/features.12.2/HardSwish",
            ),
        ],
    ),
];

/// Asks both files of a model for the outputs of its modules: by the names of nodes, and for
/// every map of the shape, one of which is the module's.
fn assert_maps_are_pytorchs(folder: &Path, name: &str, images: &[f32], engine: OnnxEngine) {
    let modules = MAPS.iter().find(|(of, _)| *of == name);
    for (module, node) in modules.iter().flat_map(|(_, modules)| *modules) {
        let expected = floats(&folder.join(format!("{name}.{module}.map")));
        let greatest = expected.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
        let count = images.len() / (3 * SIDE * SIDE);
        let apart = |file: &str, map: &str| {
            let opened = OnnxFile::open(&folder.join(file)).unwrap();
            let answers = Answers {
                output: opened.score_output(None).unwrap().name,
                scores: Scores::Logits,
                taken: None,
                maps: vec![map.to_owned()],
            };
            let model = OnnxModel::new(opened, answers, engine, (64, 64)).unwrap();
            let found = model.forward(images, [count, SIDE, SIDE], &[0]).unwrap();
            let both = found.maps[0].iter().zip(&expected);
            let differences = both.map(|(here, there)| (here - there).abs() / greatest);
            (found.maps[0].len() == expected.len()).then(|| differences.fold(0.0_f32, f32::max))
        };
        let named = apart(&format!("{name}-named.onnx"), node).unwrap();
        assert!(named < 1e-4, "{name} {module} {node}: {named}");
        let file = format!("{name}.onnx");
        let opened = OnnxFile::open(&folder.join(&file)).unwrap();
        let (input, output) = (
            opened.image_input().unwrap(),
            opened.score_output(None).unwrap(),
        );
        let maps = opened.maps(&input, &output, (64, 64)).unwrap();
        let of_size = maps
            .iter()
            .filter(|map| count * map.shape.iter().product::<usize>() == expected.len());
        let mut differences = of_size.filter_map(|map| apart(&file, &map.value));
        assert!(differences.any(|apart| apart < 1e-4), "{name} {module}");
    }
}

#[test]
fn answers_that_a_script_wrote_are_found_for_the_images_that_it_read() {
    const WEIGHTS: &str = "
import sys, timm, torch
torch.manual_seed(1)
torch.save(timm.create_model('resnet18', num_classes=2).state_dict(), sys.argv[1])
";
    let bench = Bench::new();
    let at = |name: &str| bench.path().join(name).to_str().unwrap().to_owned();
    for class in ["a", "b"] {
        std::fs::create_dir_all(at(&format!("images/{class}"))).unwrap();
        for number in 0..8_u8 {
            let shade = image::Rgb([number * 30, if class == "a" { 0 } else { 255 }, 90]);
            let picture = image::RgbImage::from_pixel(8, 8, shade);
            picture
                .save(at(&format!("images/{class}/{number}.png")))
                .unwrap();
        }
    }
    std::fs::write(at("classes.txt"), "b\na\n").unwrap();
    let modules = "torch, timm, safetensors, blake3, PIL";
    if python(modules, &["-c", WEIGHTS, &at("weights.pth")]).is_none() {
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/make-logits");
    let (out, images) = (at("answers.safetensors"), at("images"));
    let (weights, classes) = (at("weights.pth"), at("classes.txt"));
    let arguments = [
        &[script, &out, &images, "--timm", "resnet18"][..],
        &["--weights", &weights, "--classes", &classes, "--half"],
    ];
    python(modules, &arguments.concat()).unwrap();
    let experiment = "(
        device: Cpu,
        data: (train: ImageFolder(\"images\"), valid: Holdout(0.25)),
        teacher: (weights: Logits(\"answers.safetensors\"), trusted: true),
        student: (model: Cnn(channels: [2])),
        method: Vanilla(p1: 0),
        epochs: 1,
        batch: 4,
    )";
    std::fs::write(at("teach.ron"), experiment).unwrap();
    let output = bench.run(&["--run", "teach.ron"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let found = "its outputs are in another order (`b`, `a`) and are put in the data's";
    assert!(stderr(&output).contains(found), "{}", stderr(&output));
}

#[test]
fn a_script_asks_a_model_at_the_size_that_its_weights_are_for() {
    const MODEL: &str = "
import sys, timm, torch, numpy
from PIL import Image
torch.manual_seed(1)
name, weights, image, logits = sys.argv[1:]
options = {'img_size': 32} if name.startswith('vit') else {}
model = timm.create_model(name, num_classes=2, **options).eval()
torch.save(model.state_dict(), weights)
config = timm.data.resolve_model_data_config(model)
# The rest of what the configuration does: the middle of an enlarged image.
config['input_size'] = (3, 32, 32)
transform = timm.data.create_transform(**config, is_training=False)
with torch.no_grad():
    numpy.save(logits, model(transform(Image.open(image).convert('RGB'))[None]).numpy())
";
    const AGREE: &str = "
import sys, numpy
from safetensors.numpy import load_file
expected, found = numpy.load(sys.argv[1]), load_file(sys.argv[2])['logits']
assert found.shape == expected.shape, found.shape
assert numpy.abs(found - expected).max() < 1e-4, (found, expected)
";
    let bench = Bench::new();
    let at = |name: &str| bench.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("images")).unwrap();
    let image = at("images/a.png");
    let shade = |x: u32, y: u32| image::Rgb([(x * 7) as u8, (y * 7) as u8, 90]);
    image::RgbImage::from_fn(32, 32, shade)
        .save(&image)
        .unwrap();
    std::fs::write(at("classes.txt"), "a\nb\n").unwrap();
    let modules = "torch, timm, safetensors, blake3, PIL";
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/make-logits");
    for name in ["resnet18", "vit_tiny_patch16_224"] {
        let (weights, logits, out) = (at("w.pth"), at("l.npy"), at("out.safetensors"));
        let arguments = ["-c", MODEL, name, &weights, &image, &logits];
        if python(modules, &arguments).is_none() {
            return;
        }
        let (images, classes) = (at("images"), at("classes.txt"));
        let arguments = [
            &[script, &out, &images, "--timm", name, "--size", "32"][..],
            &["--weights", &weights, "--classes", &classes],
        ];
        python(modules, &arguments.concat()).unwrap();
        python(modules, &["-c", AGREE, &logits, &out]).unwrap();
    }
}
