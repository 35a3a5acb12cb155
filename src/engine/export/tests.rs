use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

use burn::tensor::{Device, Tensor, TensorData};
use prost::Message as _;

use super::calibrate::{Seen, observe};
use super::int8::best;
use super::proof::{must_fit_half, prove_int8};
use super::*;
use crate::data::Images;
use crate::engine::evaluate::{Answers, host};
use crate::engine::network::{FakeQuantization, INPUT, OUTPUT, Range};
use crate::engine::onnx::{BareModel, Engine};
use crate::engine::weights::save_described;
use crate::event::inspection::Weights;
use crate::event::{
    DataSummary, ExportFormat, FloatLayers, Floats, PixelFormat, PrecisionModel, QuantScheme,
    QuantTrial, RangeRule, Variant, WeightScales,
};
use crate::experiment::architecture::{AveragePool, Graph, Layer, Linear, LinearInit, build};
use crate::experiment::load_text;
use crate::experiment::model::{
    EfficientNetVariant, MobileNetV3Variant, Model, RegNetVariant, Stem,
};
use crate::experiment::spec::{Int8Spec, OnnxEngine};
use crate::onnx::OnnxFile;
use crate::onnx::proto::ModelProto;
use crate::run::RunFolder;
use crate::run::atomic::write_checked;

/// Greatest difference between logits, as a share of the greatest.
const SAME: f32 = 1e-4;

/// Mean difference between logits with integers and with floats, as a share of the
/// greatest.
const NEAR: f32 = 0.1;

/// The same with weights of 16 bits.
const HALF: f32 = 0.005;

/// The same between two engines, of which one adds integers and the other floats: now
/// and then a value is rounded the other way.
const ROUNDING: f32 = 0.02;

/// Images that go through a network.
const IMAGES: usize = 2;

const CLASSES: [&str; 5] = ["ant", "bee", "\"cat\"", "dög", "eel\nüb"];

/// Every layout with every kind of first and last layers: name, model and side.
fn layouts() -> Vec<(&'static str, Model, u32)> {
    let resnet = |depth, stem| Model::ResNet { depth, stem };
    let mobilenet_v3 = |stem| Model::MobileNetV3 {
        variant: MobileNetV3Variant::Small,
        stem,
    };
    let shufflenet = |stem| Model::ShuffleNetV2 { width: 0.5, stem };
    let efficientnet = |variant, stem| Model::EfficientNet { variant, stem };
    let lcnet = |stem| Model::PpLcNet { width: 0.5, stem };
    let y400 = |stem| Model::RegNet {
        variant: RegNetVariant::Y400MF,
        stem,
    };
    let mobilenet = |stem| Model::MobileNetV2 { width: 0.35, stem };
    vec![
        ("mlp", Model::Mlp { hidden: vec![9, 7] }, 8),
        ("linear", Model::Mlp { hidden: vec![] }, 8),
        (
            "cnn",
            Model::Cnn {
                channels: vec![5, 6],
            },
            12,
        ),
        (
            "cifar",
            Model::ResNetCifar {
                depth: 14,
                width: 4,
            },
            12,
        ),
        (
            "wide",
            Model::WideResNet {
                depth: 16,
                width: 2,
            },
            12,
        ),
        ("vgg8", Model::Vgg { depth: 8 }, 32),
        ("vgg11", Model::Vgg { depth: 11 }, 32),
        ("resnet18", resnet(18, Stem::Standard), 32),
        ("resnet18-small", resnet(18, Stem::Small), 16),
        ("resnet50", resnet(50, Stem::Standard), 32),
        ("mobilenet", mobilenet(Stem::Standard), 32),
        ("mobilenet-small", mobilenet(Stem::Small), 32),
        ("mobilenet-v3-small", mobilenet_v3(Stem::Standard), 32),
        ("mobilenet-v3-small-small", mobilenet_v3(Stem::Small), 16),
        ("shufflenet", shufflenet(Stem::Standard), 32),
        ("shufflenet-small", shufflenet(Stem::Small), 16),
        (
            "efficientnet-b0",
            efficientnet(EfficientNetVariant::B0, Stem::Small),
            16,
        ),
        (
            "efficientnet-lite0",
            efficientnet(EfficientNetVariant::Lite0, Stem::Standard),
            32,
        ),
        ("lcnet", lcnet(Stem::Standard), 32),
        ("lcnet-small", lcnet(Stem::Small), 16),
        ("regnet", y400(Stem::Standard), 32),
        ("regnet-small", y400(Stem::Small), 16),
    ]
}

/// A network that is to be written, images, and what it answers on them.
struct Case {
    name: &'static str,
    network: Network,
    known: ModelMetadata,
    side: usize,
    pictures: Vec<u8>,
    values: Vec<f32>,
    logits: Vec<f32>,
}

/// Drawing the weights takes longer than all else, so it is done once.
static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let layouts = layouts().into_iter();
    layouts
        .map(|(name, model, side)| {
            let (network, known) = trained(&model, side);
            let side = side as usize;
            let pictures = pictures(IMAGES, side);
            let values = normalised(&pictures, side, &known);
            Case {
                name,
                logits: logits(&network, &values, side),
                network,
                known,
                side,
                pictures,
                values,
            }
        })
        .collect()
});

/// A network whose running statistics and scales are not those of the start, and
/// what is known of it.
fn trained(model: &Model, side: u32) -> (Network, ModelMetadata) {
    let graph = build(model, (side, side), CLASSES.len()).unwrap();
    let data = DataSummary {
        classes: CLASSES.map(str::to_owned).to_vec(),
        size: (side, side),
        mean: [0.4, 0.5, 0.3],
        std: [0.2, 0.25, 0.3],
        ..DataSummary::default()
    };
    let known = ModelMetadata::new(&graph.name, model, &data);
    (of_graph(graph), known)
}

fn of_graph(graph: Graph) -> Network {
    let device = Device::flex();
    let mut network = Network::new(graph, 7, &device);
    let wave = |count: usize, from: f32, by: f32| {
        let values: Vec<f32> = (0..count).map(|k| from + by * (k as f32).sin()).collect();
        Tensor::from_data(TensorData::new(values, [count]), &device)
    };
    for known in network.statistics_mut() {
        let [count] = known.mean.dims();
        known.mean = wave(count, 0.05, 0.1);
        known.variance = wave(count, 0.8, 0.3);
    }
    for parameter in network.parameters_mut() {
        if parameter.shape.len() == 1 {
            let [count] = parameter.value.dims();
            parameter.value = parameter.value.clone() + wave(count, 0.0, 0.05);
        }
    }
    network
}

/// RGB bytes `[batch, side, side, 3]`.
fn pictures(count: usize, side: usize) -> Vec<u8> {
    let bytes = (0..count * side * side * 3).map(|k| (k * 37 % 251) as u8);
    bytes.collect()
}

/// The same, normalised and with the channels first.
fn normalised(pictures: &[u8], side: usize, known: &ModelMetadata) -> Vec<f32> {
    let area = side * side;
    let mut values = vec![0.0; pictures.len()];
    for (at, &byte) in pictures.iter().enumerate() {
        let (image, pixel, channel) = (at / 3 / area, at / 3 % area, at % 3);
        let value = (f32::from(byte) / 255.0 - known.mean[channel]) / known.std[channel];
        values[(image * 3 + channel) * area + pixel] = value;
    }
    values
}

fn logits(network: &Network, values: &[f32], side: usize) -> Vec<f32> {
    let count = values.len() / (3 * side * side);
    let shape = [count, 3, side, side];
    let images = Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex());
    host(network.forward(images)).unwrap()
}

fn assert_same(found: &[f32], wanted: &[f32], name: &str) {
    assert_eq!(found.len(), wanted.len(), "{name}");
    let greatest = wanted
        .iter()
        .fold(0.0_f32, |most, logit| most.max(logit.abs()));
    for (found, wanted) in found.iter().zip(wanted) {
        let difference = (found - wanted).abs();
        assert!(
            difference <= SAME * greatest,
            "{name}: {found} {wanted} of {greatest}"
        );
    }
}

fn written(network: &Network, known: &ModelMetadata, pixels: PixelFormat, to: &Path) {
    let about = BTreeMap::from([("run".to_owned(), "a-run".to_owned())]);
    let bytes = onnx_file(network, known, pixels, Floats::Fp32, &about).unwrap();
    std::fs::write(to, bytes).unwrap();
}

fn in_rten(path: &Path) -> Engine {
    let file = OnnxFile::open(path).unwrap();
    Engine::open(OnnxEngine::Rten, file, INPUT, &[OUTPUT])
        .unwrap()
        .0
}

#[test]
fn every_layout_gives_the_same_logits_in_another_engine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("student.onnx");
    for case in CASES.iter() {
        written(&case.network, &case.known, PixelFormat::Float, &path);
        let shape = [IMAGES, 3, case.side, case.side];
        let values = case.values.clone();
        let found = in_rten(&path).run(values, shape).unwrap();
        assert_same(&found, &case.logits, case.name);
        written(&case.network, &case.known, PixelFormat::Uint8, &path);
        let shape = [IMAGES, case.side, case.side, 3];
        let bytes = case.pictures.clone();
        let found = in_rten(&path).run(bytes, shape).unwrap();
        assert_same(&found, &case.logits, case.name);
    }
}

#[test]
fn maps_are_pooled_to_any_size_as_pytorch_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("student.onnx");
    // Larger, as large, even and uneven parts; the large VGG pools to 7 × 7.
    for (side, pooled) in [(2, 7), (7, 7), (8, 4), (9, 4), (5, 1)] {
        let features = 3 * pooled * pooled;
        let classifier = Linear {
            name: "fc".to_owned(),
            inputs: features,
            outputs: CLASSES.len(),
            init: LinearInit::Default,
        };
        let network = of_graph(Graph {
            name: "pooled".to_owned(),
            size: (side, side),
            classes: CLASSES.len(),
            layers: vec![
                Layer::AveragePool(AveragePool { side: pooled }),
                Layer::Flatten,
                Layer::Linear(classifier),
            ],
        });
        let (_, known) = trained(&Model::Mlp { hidden: vec![] }, 4);
        written(&network, &known, PixelFormat::Float, &path);
        let side = side as usize;
        let values = normalised(&pictures(IMAGES, side), side, &known);
        let given = values.clone();
        let found = in_rten(&path).run(given, [IMAGES, 3, side, side]).unwrap();
        assert_same(
            &found,
            &logits(&network, &values, side),
            &format!("{side} to {pooled}"),
        );
    }
}

#[test]
fn normalisations_go_into_the_convolutions_before_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("student.onnx");
    let norms = |model: Model| {
        let (network, known) = trained(&model, 12);
        written(&network, &known, PixelFormat::Float, &path);
        let file = OnnxFile::open(&path).unwrap();
        let nodes = file.nodes().iter();
        nodes
            .filter(|node| node.op_type == "BatchNormalization")
            .count()
    };
    assert_eq!(norms(Model::ResNetCifar { depth: 8, width: 4 }), 0);
    // One before each of three blocks, whose input has other readers, and the last.
    assert_eq!(
        norms(Model::WideResNet {
            depth: 10,
            width: 1
        }),
        4
    );
}

#[test]
fn weights_keep_their_names_and_every_value_has_one_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("student.onnx");
    let (network, known) = trained(&Model::ResNetCifar { depth: 8, width: 4 }, 12);
    written(&network, &known, PixelFormat::Float, &path);
    let file = OnnxFile::open(&path).unwrap();
    let decoded = ModelProto::decode(&fs::read(&path).unwrap()[..]).unwrap();
    let weights = decoded.graph.unwrap().initializer;
    let sides = |name: &str| {
        let found = weights.iter().find(|tensor| tensor.name == name);
        found.map(|tensor| tensor.dims.as_slice())
    };
    assert_eq!(sides("layer1.0.conv2.weight"), Some(&[4, 4, 3, 3][..]));
    assert_eq!(sides("layer1.0.conv2.bias"), Some(&[4][..]));
    assert_eq!(sides("fc.weight"), Some(&[5, 16][..]));
    assert_eq!(sides("bn1.weight"), None);
    let mut names = BTreeSet::new();
    for node in file.nodes() {
        assert!(names.insert(&node.name), "{}", node.name);
        assert!(
            node.output
                .iter()
                .all(|name| names.contains(name) || name == OUTPUT)
        );
    }
    let input = file.image_input().unwrap();
    assert_eq!(
        (input.name.as_str(), input.batch, input.size),
        (INPUT, None, Some((12, 12)))
    );
    assert_eq!(file.score_output(None).unwrap().classes, Some(5));
}

#[test]
fn a_file_says_of_itself_what_weights_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("student.onnx");
    let (network, known) = trained(&Model::Mlp { hidden: vec![4] }, 8);
    written(&network, &known, PixelFormat::Float, &path);
    let file = OnnxFile::open(&path).unwrap();
    for (name, text) in known.texts() {
        assert_eq!(file.metadata().get(&name), Some(&text), "{name}");
    }
    assert_eq!(file.metadata()["run"], "a-run");
    assert!(file.metadata()["resize"].contains("cropped at the centre"));
}

#[test]
fn the_same_weights_give_the_same_bytes() {
    let (network, known) = trained(&Model::ResNetCifar { depth: 8, width: 4 }, 12);
    let bytes = || {
        let about = BTreeMap::new();
        onnx_file(&network, &known, PixelFormat::Uint8, Floats::Fp32, &about).unwrap()
    };
    assert_eq!(bytes(), bytes());
}

/// Python with these modules: `WORKBENCH_PYTHON`, or `python3`. None where it lacks
/// one, which is reported.
fn python(modules: &str) -> Option<Command> {
    let program = std::env::var_os("WORKBENCH_PYTHON").unwrap_or_else(|| "python3".into());
    let command = || Command::new(&program);
    let output = command()
        .arg("-c")
        .arg(format!("import {modules}"))
        .output();
    if output.is_ok_and(|output| output.status.success()) {
        return Some(command());
    }
    eprintln!(
        "skipped: {} has no {modules}; set WORKBENCH_PYTHON to a Python that has",
        program.to_string_lossy()
    );
    None
}

fn run(mut python: Command, folder: &Path, script: &str) -> String {
    let output = python
        .current_dir(folder)
        .arg("-c")
        .arg(script)
        .output()
        .unwrap();
    let (out, err) = (output.stdout, output.stderr);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&err));
    String::from_utf8(out).unwrap()
}

/// Floats, one a line, as Python writes them.
fn floats(text: &str) -> Vec<f32> {
    text.lines().map(|line| line.parse().unwrap()).collect()
}

/// Images for a script: `images.uint8` and `images.float`.
fn give(folder: &Path, case: &Case) {
    let floats = case.values.iter().flat_map(|value| value.to_le_bytes());
    let floats: Vec<u8> = floats.collect();
    std::fs::write(folder.join("images.uint8"), &case.pictures).unwrap();
    std::fs::write(folder.join("images.float"), floats).unwrap();
}

#[test]
fn every_layout_gives_the_same_logits_in_onnxruntime() {
    const MODULES: &str = "numpy, onnx, onnxruntime";
    const SCRIPT: &str = "
import numpy, onnx, onnxruntime
for variant, kind, shape in [
    ('float', numpy.float32, (-1, 3, SIDE, SIDE)),
    ('uint8', numpy.uint8, (-1, SIDE, SIDE, 3)),
]:
    file = f'{variant}.onnx'
    onnx.checker.check_model(file, full_check=True)
    session = onnxruntime.InferenceSession(file, providers=['CPUExecutionProvider'])
    images = numpy.fromfile(f'images.{variant}', kind).reshape(shape)
    for logit in session.run(None, {'images': images})[0].ravel():
        print(float(logit))
";
    if python(MODULES).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for case in CASES.iter() {
        give(folder, case);
        for (format, variant) in [(PixelFormat::Float, "float"), (PixelFormat::Uint8, "uint8")] {
            let file = folder.join(format!("{variant}.onnx"));
            written(&case.network, &case.known, format, &file);
        }
        let script = SCRIPT.replace("SIDE", &case.side.to_string());
        let found = floats(&run(python(MODULES).unwrap(), folder, &script));
        let (floats, bytes) = found.split_at(case.logits.len());
        assert_same(floats, &case.logits, case.name);
        assert_same(bytes, &case.logits, case.name);
    }
}

#[test]
fn every_layout_loads_into_pytorch_by_its_script() {
    const MODULES: &str = "numpy, torch, torchvision, timm, safetensors";
    const SCRIPT: &str = "
import importlib.util, numpy, torch
spec = importlib.util.spec_from_file_location('loading', 'load_student.py')
loading = importlib.util.module_from_spec(spec)
spec.loader.exec_module(loading)
model = loading.load()
images = torch.from_numpy(numpy.fromfile('images.float', numpy.float32)).reshape(-1, 3, *loading.SIZE)
with torch.no_grad():
    for logit in model(images).ravel().tolist():
        print(logit)
assert loading.CLASSES[3] == 'd\\u00f6g' and loading.CLASSES[4] == 'eel\\n\\u00fcb', loading.CLASSES
";
    if python(MODULES).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for case in CASES.iter() {
        give(folder, case);
        let weights = folder.join("student.safetensors");
        save_described(&case.network, &case.known.texts(), &weights).unwrap();
        let script = loading_script(&case.known, case.network.graph(), "student.safetensors");
        std::fs::write(folder.join("load_student.py"), script).unwrap();
        let found = floats(&run(python(MODULES).unwrap(), folder, SCRIPT));
        assert_same(&found, &case.logits, case.name);
    }
    let mut python = python(MODULES).unwrap();
    let output = python.current_dir(folder).arg("load_student.py").output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    let side = CASES.last().unwrap().side;
    assert!(
        output.contains(&format!("size: {side} x {side}")),
        "{output}"
    );
    assert!(output.contains("mean: [0.4, 0.5, 0.3]"), "{output}");
}

/// The quick start's images, few of them, and a network for them.
fn quick_start() -> (Images, Graph, ModelMetadata) {
    let text =
        include_str!("../../../experiments/quickstart.ron").replace("count: 1500", "count: 60");
    let loaded = load_text(&text, Path::new("quickstart.ron"), &[]).unwrap();
    let images = Images::open(&loaded.plan.data, 1).unwrap();
    let model = Model::Cnn { channels: vec![4] };
    let graph = build(&model, images.size, images.classes.len()).unwrap();
    let known = ModelMetadata::new(&graph.name, &model, &images.summary());
    (images, graph, known)
}

#[test]
fn a_file_that_computes_something_else_is_not_left_behind() {
    let (images, graph, known) = quick_start();
    let network = |seed| Network::new(graph.clone(), seed, &Device::flex());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("student.onnx");
    let left = || std::fs::read_dir(folder.path()).unwrap().count();
    for (pixels, floats) in [
        (PixelFormat::Float, Floats::Fp32),
        (PixelFormat::Uint8, Floats::Fp32),
        (PixelFormat::Float, Floats::Fp16),
    ] {
        let about = BTreeMap::new();
        let bytes = onnx_file(&network(1), &known, pixels, floats, &about).unwrap();
        let checked = |bytes: &[u8], network: &Network| {
            let check = |file: &Path| prove(file, network, &images, pixels, floats);
            let proof = write_checked(&path, bytes, check).unwrap();
            proof.map_err(|error| error.to_string())
        };
        let error = checked(&bytes, &network(2)).unwrap_err();
        assert!(
            error.contains("does not compute what the network does"),
            "{error}"
        );
        assert_eq!(left(), 0);
        // Weights that are no numbers verify nothing.
        let mut broken = network(1);
        let value = broken.parameters()[0].value.clone() * f32::NAN;
        broken.parameters_mut()[0].value = value;
        let error = checked(&bytes, &broken).unwrap_err();
        assert!(
            error.contains("the network has logits that are not finite for 5 of 5"),
            "{error}"
        );
        let error = checked(&bytes[..bytes.len() / 2], &network(1)).unwrap_err();
        assert!(error.contains("cut off or damaged"), "{error}");
        assert_eq!(left(), 0);

        let proof = checked(&bytes, &network(1)).unwrap();
        assert_eq!((proof.agreement, proof.images), (1.0, images.valid.len()));
        assert_eq!(proof.top1, proof.network_top1);
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn an_export_that_fails_its_verification_leaves_the_run_as_it_was() {
    let (images, graph, known) = quick_start();
    let network = Network::new(graph, 1, &Device::flex());
    // A file that takes bytes normalises them itself: here otherwise than the images are.
    let other = ModelMetadata {
        std: known.std.map(|std| 4.0 * std),
        ..known.clone()
    };
    let place = tempfile::tempdir().unwrap();
    let run = RunFolder::create(place.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
    let write = |known: &ModelMetadata| {
        let student = Student {
            run: &run,
            network: &network,
            rounded: None,
            known,
            weights: Weights::Best,
            made_of: None,
        };
        let (format, pixels) = (ExportFormat::Onnx, PixelFormat::Uint8);
        let path = super::place(&run, Weights::Best, format, pixels, Variant::Fp32);
        let written = student.write_onnx(&path, pixels, Floats::Fp32, Some(&images));
        written.map_err(|error| error.to_string())
    };
    let refused = || {
        let error = write(&other).unwrap_err();
        let why = "the file does not compute what the network does: logits differ by ";
        assert!(error.starts_with(why), "{error}");
        assert!(error.ends_with("; nothing was written"), "{error}");
    };
    refused();
    assert!(!run.exports().exists(), "not even the folder is left");
    let export = write(&known).unwrap();
    assert_eq!(export.proof.unwrap().agreement, 1.0);
    let names = || {
        let entries = std::fs::read_dir(run.exports()).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
    };
    let files = names();
    let [file] = &files[..] else {
        panic!("{files:?}")
    };
    let before = std::fs::read(file).unwrap();
    refused();
    assert_eq!(names(), files);
    assert!(
        std::fs::read(file).unwrap() == before,
        "the verified one stays"
    );
}

const BYTES: QuantScheme = QuantScheme {
    weights: WeightScales::PerChannel,
    weight_bits: 8,
    activations: RangeRule::MinMax,
    float_layers: FloatLayers::None,
};

/// Those with few weights: with and without groups, residuals, halves and scales.
fn small_cases() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| {
        let sizes = case.network.graph().parameters().into_iter();
        sizes
            .map(|it| it.shape.iter().product::<usize>())
            .sum::<usize>()
            < 3_000_000
    })
}

/// What the values of a case are on its own images.
fn seen(case: &Case, folder: &Path) -> Vec<Seen> {
    let path = folder.join("float.onnx");
    std::fs::write(&path, plain_onnx_file(&case.network).unwrap()).unwrap();
    let graph = recorded(&case.network, PixelInput::Float).unwrap();
    observed(&path, &graph.rounded_values(), &case.values, case.side).unwrap()
}

fn observed(
    path: &Path,
    names: &[String],
    values: &[f32],
    side: usize,
) -> Result<Vec<Seen>, ProofError> {
    let image = 3 * side * side;
    let read = |part: std::ops::Range<usize>| {
        let (start, end) = (part.start * image, part.end * image);
        Ok(values[start..end].to_vec())
    };
    let square = (side as u32, side as u32);
    observe(path, names, square, values.len() / image, read)
}

/// Writes a case with integers.
fn rounded(case: &Case, seen: &[Seen], (scheme, pixels): (QuantScheme, PixelFormat), to: &Path) {
    let graph = recorded(&case.network, input(&case.known, pixels)).unwrap();
    let ranges = seen.iter().map(|seen| seen.range(scheme.activations));
    let file = graph.quantized(&scheme, &ranges.collect::<Vec<_>>());
    std::fs::write(to, file.unwrap().into_bytes(&BTreeMap::new())).unwrap();
}

/// How far logits are from others, as a share of the greatest: the root of the mean
/// of squares.
fn distance(found: &[f32], wanted: &[f32]) -> f32 {
    assert_eq!(found.len(), wanted.len());
    let squares = found.iter().zip(wanted).map(|(a, b)| (a - b).powi(2));
    let greatest = wanted
        .iter()
        .fold(0.0_f32, |most, logit| most.max(logit.abs()));
    (squares.sum::<f32>() / found.len() as f32).sqrt() / greatest
}

#[test]
fn every_layout_with_integers_computes_nearly_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("int8.onnx");
    for case in small_cases() {
        let seen = seen(case, folder.path());
        let logits = |scheme, pixels| {
            rounded(case, &seen, (scheme, pixels), &path);
            let (engine, side) = (in_rten(&path), case.side);
            let found = match pixels {
                PixelFormat::Float => engine.run(case.values.clone(), [IMAGES, 3, side, side]),
                PixelFormat::Uint8 => engine.run(case.pictures.clone(), [IMAGES, side, side, 3]),
            };
            found.unwrap()
        };
        let found = logits(BYTES, PixelFormat::Float);
        let whole = distance(&found, &case.logits);
        assert!(whole > 0.0 && whole < NEAR, "{}: {whole}", case.name);
        let bytes = logits(BYTES, PixelFormat::Uint8);
        assert!(distance(&bytes, &found) < NEAR, "{}", case.name);
        let ends = QuantScheme {
            float_layers: FloatLayers::FirstAndLast,
            weight_bits: 7,
            weights: WeightScales::PerTensor,
            activations: RangeRule::Entropy,
        };
        let found = logits(ends, PixelFormat::Float);
        let part = distance(&found, &case.logits);
        assert!(
            part.is_finite() && part < 5.0 * NEAR,
            "{}: {part}",
            case.name
        );
    }
}

#[test]
fn integers_are_the_same_in_onnxruntime() {
    const MODULES: &str = "numpy, onnx, onnxruntime";
    const SCRIPT: &str = "
import numpy, onnx, onnxruntime
onnx.checker.check_model('int8.onnx', full_check=True)
session = onnxruntime.InferenceSession('int8.onnx', providers=['CPUExecutionProvider'])
images = numpy.fromfile('images.float', numpy.float32).reshape(-1, 3, SIDE, SIDE)
for logit in session.run(None, {'images': images})[0].ravel():
    print(float(logit))
";
    if python(MODULES).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let path = folder.join("int8.onnx");
    // With 8 bits sums overflow on processors without VNNI.
    let scheme = QuantScheme {
        weight_bits: 7,
        ..BYTES
    };
    for case in small_cases() {
        give(folder, case);
        let seen = seen(case, folder);
        rounded(case, &seen, (scheme, PixelFormat::Float), &path);
        let shape = [IMAGES, 3, case.side, case.side];
        let values = case.values.clone();
        let wanted = in_rten(&path).run(values, shape).unwrap();
        let script = SCRIPT.replace("SIDE", &case.side.to_string());
        let found = floats(&run(python(MODULES).unwrap(), folder, &script));
        let apart = distance(&found, &wanted);
        assert!(apart < ROUNDING, "{}: {apart}", case.name);
    }
}

#[test]
fn layers_that_keep_floats_are_those_at_the_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("int8.onnx");
    let case = CASES.iter().find(|case| case.name == "cifar").unwrap();
    let seen = seen(case, folder.path());
    let reads = |float_layers| {
        let scheme = QuantScheme {
            float_layers,
            ..BYTES
        };
        rounded(case, &seen, (scheme, PixelFormat::Float), &path);
        let file = OnnxFile::open(&path).unwrap();
        let layers = file.nodes().iter();
        let layers = layers.filter(|node| matches!(node.op_type.as_str(), "Conv" | "Gemm"));
        let whole = layers.map(|node| {
            let read = node.input.iter();
            let whole = read.filter(|name| name.ends_with("_dequantized")).count();
            (node.name.clone(), whole == node.input.len(), whole == 0)
        });
        whole.collect::<Vec<_>>()
    };
    let names = |found: &[(String, bool, bool)]| {
        let floats = found.iter().filter(|(_, _, is_float)| *is_float);
        floats.map(|(name, ..)| name.clone()).collect::<Vec<_>>()
    };
    for (float_layers, expected) in [
        (FloatLayers::None, vec![]),
        (FloatLayers::First, vec!["conv1"]),
        (FloatLayers::Last, vec!["fc"]),
        (FloatLayers::FirstAndLast, vec!["conv1", "fc"]),
    ] {
        let found = reads(float_layers);
        assert_eq!(names(&found), expected);
        assert!(
            found.iter().all(|(_, whole, float)| whole ^ float),
            "{found:?}"
        );
    }
}

/// A network of two convolutions whose parameters are made others, and a case of it.
fn altered(change: impl Fn(&str, &mut [f32])) -> Case {
    let model = Model::Cnn {
        channels: vec![5, 6],
    };
    let (mut network, known) = trained(&model, 12);
    for parameter in network.parameters_mut() {
        let mut values = host(parameter.value.clone()).unwrap();
        change(&parameter.name, &mut values);
        let count = values.len();
        parameter.value = Tensor::from_data(TensorData::new(values, [count]), &Device::flex());
    }
    let pictures = pictures(IMAGES, 12);
    let values = normalised(&pictures, 12, &known);
    Case {
        name: "altered",
        logits: logits(&network, &values, 12),
        network,
        known,
        side: 12,
        pictures,
        values,
    }
}

#[test]
fn channels_without_weights_and_values_that_never_change_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("int8.onnx");
    let is_first = |name: &str| name.starts_with("features.0") || name.contains("conv1");
    let one_channel = altered(|name, values| {
        if name.ends_with("weight") && values.len() == 5 * 27 {
            values[..27].fill(0.0);
        }
    });
    let all = altered(|name, values| {
        if name.ends_with("weight") && values.len() == 5 * 27 {
            values.fill(0.0);
        }
        if is_first(name) && name.ends_with("bias") {
            values.fill(0.0);
        }
    });
    for case in [one_channel, all] {
        let seen = seen(&case, folder.path());
        for weights in [WeightScales::PerTensor, WeightScales::PerChannel] {
            for activations in [RangeRule::MinMax, RangeRule::Percentile, RangeRule::Entropy] {
                let scheme = QuantScheme {
                    weights,
                    activations,
                    ..BYTES
                };
                rounded(&case, &seen, (scheme, PixelFormat::Float), &path);
                let values = case.values.clone();
                let found = in_rten(&path).run(values, [IMAGES, 3, 12, 12]).unwrap();
                let apart = distance(&found, &case.logits);
                assert!(apart < NEAR, "{scheme:?}: {apart}");
            }
        }
    }
}

#[test]
fn values_that_are_not_finite_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("float.onnx");
    let refused = |case: &Case, values: &[f32]| {
        std::fs::write(&path, plain_onnx_file(&case.network).unwrap()).unwrap();
        let graph = recorded(&case.network, PixelInput::Float).unwrap();
        let seen = observed(&path, &graph.rounded_values(), values, 12);
        seen.map(|_| ()).unwrap_err().to_string()
    };
    let sound = altered(|_, _| ());
    assert!(refused(&sound, &[]).contains("no training images"));
    for odd in [f32::NAN, f32::INFINITY] {
        let mut values = sound.values.clone();
        values[7] = odd;
        let error = refused(&sound, &values);
        assert!(error.contains("`images` are not finite"), "{error}");
        // A Relu may make a number of what is none, so that weights are looked at too.
        let case = altered(|_, values| values[0] = odd);
        let graph = recorded(&case.network, PixelInput::Float).unwrap();
        let range = Range {
            low: 0.0,
            high: 1.0,
        };
        let ranges = vec![range; graph.rounded_values().len()];
        let error = graph.quantized(&BYTES, &ranges).unwrap_err().to_string();
        assert!(error.contains("weight` are not finite"), "{error}");
    }
}

#[test]
fn the_best_of_all_schemes_is_kept_with_what_it_costs() {
    const SCRIPT: &str = "
import numpy, onnxruntime
session = onnxruntime.InferenceSession('int8.onnx', providers=['CPUExecutionProvider'])
images = numpy.fromfile('images.float', numpy.float32).reshape(-1, 3, SIDE, SIDE)
for label in session.run(None, {'images': images})[0].argmax(1):
    print(float(label))
";
    let (images, graph, known) = quick_start();
    let network = Network::new(graph, 1, &Device::flex());
    let folder = tempfile::tempdir().unwrap();
    let run_folder =
        RunFolder::create(folder.path(), "a", "Experiment()", SystemTime::UNIX_EPOCH).unwrap();
    let student = Student {
        run: &run_folder,
        network: &network,
        rounded: None,
        known: &known,
        weights: Weights::Best,
        made_of: None,
    };
    let spec = Int8Spec {
        images: 16,
        seed: 5,
        weight_bits: Some(7),
        uint8: false,
    };
    let teacher = Answers::of(&network, &images.valid, &images)
        .unwrap()
        .logits;
    let path = folder.path().join("int8.onnx");
    let write = |pixels| {
        let teacher = Some(teacher.clone());
        student
            .write_int8(&path, pixels, &images, teacher, spec)
            .unwrap()
    };
    let file = write(PixelFormat::Float);
    let int8 = file.export.int8.as_ref().unwrap();
    assert_eq!((int8.images, int8.seed, int8.trials.len()), (16, 5, 9));
    let chosen = int8.trials.iter().find(|trial| trial.scheme == int8.scheme);
    let proof = file.export.proof.as_ref().unwrap();
    let chosen = chosen.unwrap();
    assert_eq!(
        (chosen.top1, chosen.agreement),
        (proof.top1, proof.agreement)
    );
    let most = int8.trials.iter().map(|trial| trial.top1.unwrap());
    assert!(chosen.top1.unwrap() > most.fold(0.0, f64::max) - 0.01);
    let models: Vec<_> = int8.rows.iter().map(|row| row.model).collect();
    assert_eq!(
        models,
        [
            PrecisionModel::Teacher,
            PrecisionModel::Fp32,
            PrecisionModel::Fp16,
            PrecisionModel::Int8
        ]
    );
    // The teacher here is the network itself.
    assert_eq!(int8.rows[1].teacher_agreement, Some(1.0));
    assert_eq!(int8.rows[3].teacher_agreement, int8.rows[3].agreement);
    let bytes = std::fs::read(&path).unwrap();
    write(PixelFormat::Float);
    assert_eq!(
        std::fs::read(&path).unwrap(),
        bytes,
        "the same bytes each time"
    );
    let of_bytes = write(PixelFormat::Uint8);
    assert_eq!(of_bytes.export.proof.unwrap().agreement, proof.agreement);

    if python("numpy, onnxruntime").is_none() {
        return;
    }
    write(PixelFormat::Float);
    let valid = images.in_order(&images.valid, images.valid.len());
    let valid = valid.into_iter().next().unwrap().unwrap();
    let floats_of = valid.pixels.iter().flat_map(|value| value.to_le_bytes());
    let floats_of: Vec<u8> = floats_of.collect();
    std::fs::write(folder.path().join("images.float"), floats_of).unwrap();
    let script = SCRIPT.replace("SIDE", &images.size.0.to_string());
    let found = floats(&run(python("numpy").unwrap(), folder.path(), &script));
    let pairs = found.iter().zip(&valid.labels);
    let right = pairs
        .filter(|(found, label)| **found as u32 == **label)
        .count();
    let top1 = right as f64 / valid.labels.len() as f64;
    assert!(
        (top1 - proof.top1.unwrap()).abs() < 1e-9,
        "{top1} {proof:?}"
    );
}

#[test]
fn of_a_network_that_rounding_destroys_no_file_is_left() {
    let (images, graph, known) = quick_start();
    let network = |seed| Network::new(graph.clone(), seed, &Device::flex());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("int8.onnx");
    let spec = Int8Spec::default();
    let of = |network: &Network| Reference {
        network: Answers::of(network, &images.valid, &images).unwrap(),
        teacher: None,
    };
    let reference = of(&network(1));
    let first = network(1);
    let student = Int8Student::choose(&first, None, &images, &reference, spec).unwrap();
    let about = BTreeMap::new();
    let bytes = student.file(&known, PixelFormat::Float, &about);
    let bytes = bytes.unwrap();
    let prove = |reference: &Reference| {
        let check = |file: &Path| prove_int8(file, reference, &images, PixelFormat::Float);
        write_checked(&path, &bytes, check).unwrap()
    };
    // Another network stands for what is left where little is.
    let mut other = of(&network(1));
    for row in &mut other.network.logits {
        row.rotate_left(1);
    }
    let error = prove(&other).unwrap_err().to_string();
    assert!(
        error.contains("get the class that the network gives them"),
        "{error}"
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(prove(&reference).is_ok());
}

#[test]
fn of_schemes_of_about_the_same_accuracy_the_truest_is_taken() {
    let trial = |top1, agreement, max_difference| QuantTrial {
        scheme: BYTES,
        top1,
        agreement,
        max_difference,
    };
    let taken = |trials: &[QuantTrial]| {
        let best = best(trials).unwrap();
        trials.iter().position(|trial| trial == best).unwrap()
    };
    let truer = [
        trial(Some(0.904), 0.95, 1.0),
        trial(Some(0.903), 0.97, 1.0),
        trial(Some(0.899), 0.99, 1.0),
    ];
    assert_eq!(taken(&truer), 1);
    let closer = [
        trial(Some(0.9), 0.95, 1.0),
        trial(Some(0.9), 0.95, 0.5),
        trial(Some(0.9), 0.95, f64::NAN),
    ];
    assert_eq!(taken(&closer), 1);
    assert_eq!(taken(&[trial(None, 0.9, 1.0), trial(None, 0.95, 2.0)]), 1);
}

fn half(case: &Case, pixels: PixelFormat) -> Vec<u8> {
    let about = BTreeMap::new();
    onnx_file(&case.network, &case.known, pixels, Floats::Fp16, &about).unwrap()
}

#[test]
fn a_file_of_16_bit_floats_is_half_as_long_and_computes_nearly_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.onnx");
    for case in small_cases() {
        let floats = plain_onnx_file(&case.network).unwrap();
        let write = |pixels| {
            let bytes = half(case, pixels);
            assert!(bytes.len() < floats.len(), "{}", case.name);
            std::fs::write(&path, bytes).unwrap();
            in_rten(&path)
        };
        let shape = [IMAGES, 3, case.side, case.side];
        let of_floats = write(PixelFormat::Float).run(case.values.clone(), shape);
        let facts = BareModel::facts(&path).unwrap();
        assert_eq!(facts.variant, Variant::Fp16, "{}", case.name);
        let shape = [IMAGES, case.side, case.side, 3];
        let of_bytes = write(PixelFormat::Uint8).run(case.pictures.clone(), shape);
        for found in [of_floats, of_bytes] {
            let apart = distance(&found.unwrap(), &case.logits);
            assert!(apart > 0.0 && apart < HALF, "{}: {apart}", case.name);
        }
    }
}

#[test]
fn a_file_of_16_bit_floats_takes_and_gives_32_bit_ones_in_onnxruntime() {
    const MODULES: &str = "numpy, onnx, onnxruntime";
    const SCRIPT: &str = "
import numpy, onnx, onnxruntime
from onnx.reference import ReferenceEvaluator
onnx.checker.check_model('half.onnx', full_check=True)
model = onnx.load('half.onnx')
inside = {v.type.tensor_type.elem_type for v in onnx.shape_inference.infer_shapes(model).graph.value_info}
assert inside == {onnx.TensorProto.FLOAT16}, inside
session = onnxruntime.InferenceSession('half.onnx', providers=['CPUExecutionProvider'])
assert session.get_inputs()[0].type == session.get_outputs()[0].type == 'tensor(float)'
images = numpy.fromfile('images.float', numpy.float32).reshape(-1, 3, SIDE, SIDE)
answers = [session.run(None, {'images': images})[0]]
if REFERENCE:
    answers += ReferenceEvaluator(model).run(None, {'images': images})
for logit in numpy.concatenate(answers).ravel():
    print(float(logit))
";
    // Slow, but it rounds every value to 16 bits, which engines of processors do not.
    const ROUNDED: [&str; 3] = ["linear", "cnn", "cifar"];
    if python(MODULES).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for case in small_cases() {
        give(folder, case);
        std::fs::write(folder.join("half.onnx"), half(case, PixelFormat::Float)).unwrap();
        let reference = if ROUNDED.contains(&case.name) {
            "True"
        } else {
            "False"
        };
        let script = SCRIPT.replace("SIDE", &case.side.to_string());
        let script = script.replace("REFERENCE", reference);
        let found = floats(&run(python(MODULES).unwrap(), folder, &script));
        for found in found.chunks_exact(case.logits.len()) {
            let apart = distance(found, &case.logits);
            assert!(apart > 0.0 && apart < HALF, "{}: {apart}", case.name);
        }
    }
}

#[test]
fn what_16_bit_floats_cannot_hold_is_refused_by_name() {
    let is_first = |name: &str, values: &[f32]| name.ends_with("weight") && values.len() == 5 * 27;
    let large = altered(|name, values| {
        if is_first(name, values) {
            values[3] = 7e4;
        }
    });
    let about = BTreeMap::new();
    let pixels = PixelFormat::Float;
    let written = onnx_file(&large.network, &large.known, pixels, Floats::Fp16, &about);
    let error = written.unwrap_err().to_string();
    let found = error.contains("the weights `features.0.weight` hold 7");
    assert!(
        found && error.contains("a 16-bit float at most 65504"),
        "{error}"
    );
    let (images, graph, _) = quick_start();
    let mut network = Network::new(graph, 1, &Device::flex());
    must_fit_half(&network, &images).unwrap();
    let value = network.parameters()[0].value.clone() * 1e6;
    network.parameters_mut()[0].value = value;
    let error = must_fit_half(&network, &images).unwrap_err().to_string();
    assert!(
        error.contains("on the validation images, and a 16-bit float holds at most 65504"),
        "{error}"
    );
}

#[test]
fn a_file_computes_what_the_network_that_learned_to_be_rounded_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("int8.onnx");
    let scheme = QuantScheme {
        activations: RangeRule::Trained,
        ..BYTES
    };
    for case in small_cases() {
        let shape = [IMAGES, 3, case.side, case.side];
        let images = TensorData::new(case.values.clone(), shape);
        let images = Tensor::<4>::from_data(images, &Device::flex());
        let mut network = case.network.clone();
        let unranged = FakeQuantization::new(network.graph(), 8);
        let (_, observed) = network.forward_quantized(&unranged, images.clone());
        let ranges = observed.into_iter().map(|[low, high]| Range {
            low: host(low).unwrap()[0],
            high: host(high).unwrap()[0],
        });
        let ranges: Vec<Range> = ranges.collect();
        network.quantize(unranged.with(&ranges));
        let wanted = host(network.forward(images)).unwrap();
        let graph = recorded(&network, PixelInput::Float).unwrap();
        let file = graph.quantized(&scheme, &ranges).unwrap();
        std::fs::write(&path, file.into_bytes(&BTreeMap::new())).unwrap();
        let found = in_rten(&path).run(case.values.clone(), shape).unwrap();
        let apart = distance(&found, &wanted);
        assert!(apart < ROUNDING, "{}: {apart}", case.name);
        let floats = distance(&wanted, &case.logits);
        assert!(floats > apart, "{}: {floats} {apart}", case.name);
    }
}
