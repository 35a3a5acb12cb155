//! Training steps agree with PyTorch: losses, gradient norms, updated weights and
//! running statistics, for every method. The other side is
//! `tests/fixtures/steps.py`, which shares no code with this.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue fails, and says where"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use workbench::engine::network::Network;
use workbench::engine::optimizer::Optimizer;
use workbench::engine::regressors::regressors;
use workbench::engine::step::{Batch, StepReport, StepSettings, train_step};
use workbench::engine::weights::{self, Array, ArrayFile, Values};
use workbench::experiment::architecture::build;
use workbench::experiment::method::{ExpansionContext, MethodSpec};
use workbench::experiment::model::Model;
use workbench::experiment::objective::{Objective, Part};
use workbench::experiment::plan::{TeacherStages, TruthSettings};
use workbench::experiment::spec::{BinarySpec, Precision, TruthLossSpec};

/// Greatest difference, as a share of the greatest value of the same tensor.
const TOLERANCE: f64 = 1e-4;
const SIZE: (u32, u32) = (12, 12);
const CLASSES: usize = 5;
const RATES: [f64; 3] = [0.1, 0.05, 0.025];

struct Method {
    /// Name of the fixture.
    name: &'static str,
    /// As an experiment file has it.
    written: &'static str,
    labelled: usize,
    clip: Option<f64>,
    truth: TruthSettings<'static>,
}

#[test]
fn vanilla_steps_agree_with_pytorch() {
    assert_agrees(&Method {
        name: "vanilla",
        written: "Vanilla(w: 0.9, temperature: 4.0)",
        labelled: 6,
        clip: None,
        truth: TruthSettings::default(),
    });
}

#[test]
fn adaptive_augmentation_steps_agree_with_pytorch() {
    assert_agrees(&Method {
        name: "adaptive",
        written: "AdaptiveAugmentation(w: 0.9, temperature: 4.0)",
        labelled: 6,
        clip: None,
        truth: TruthSettings::default(),
    });
}

#[test]
fn clipped_multi_view_steps_agree_with_pytorch() {
    assert_agrees(&Method {
        name: "multi_view",
        written: "MultiView(views: 3, teacher_views: All, w_consistency: 3.0,
                  w: 0.9, temperature: 4.0)",
        labelled: 6,
        clip: Some(1.0),
        truth: TruthSettings::default(),
    });
}

#[test]
fn multi_view_consistency_under_adaptive_augmentation_agrees_with_pytorch() {
    assert_agrees(&Method {
        name: "combined",
        written: "Custom(
            views: [(p: 0.0), (), ()],
            terms: [
                Distill(views: [1], w: 0.7),
                Truth(view: 2),
                Consistency(w_consistency: 2.0),
            ],
            temperature: 4.0,
            controller: AdaptiveAugmentation(first: 1, second: [2, 3], p_max: 0.5),
        )",
        labelled: 4,
        clip: None,
        truth: TruthSettings {
            label_smoothing: 0.1,
            ..TruthSettings::default()
        },
    });
}

#[test]
fn steps_of_one_labelled_image_among_unlabelled_ones_agree_with_pytorch() {
    assert_agrees(&Method {
        name: "few_labels",
        written: "MultiView(views: 3, w_consistency: 3.0, w: 0.9, w_truth: 2.0, temperature: 4.0)",
        labelled: 1,
        clip: None,
        truth: TruthSettings::default(),
    });
}

#[test]
fn steps_of_binary_cross_entropy_with_some_of_the_images_labelled_agree_with_pytorch() {
    let summed = BinarySpec {
        target_threshold: None,
        sum_classes: true,
    };
    assert_agrees(&Method {
        name: "binary",
        written: "AdaptiveAugmentation(w: 0.9, temperature: 4.0)",
        labelled: 2,
        clip: None,
        truth: TruthSettings {
            loss: TruthLossSpec::BinaryCrossEntropy(summed),
            label_smoothing: 0.1,
            ..TruthSettings::default()
        },
    });
}

#[test]
fn steps_of_views_of_a_half_of_the_batch_each_agree_with_pytorch() {
    assert_agrees(&Method {
        name: "halves",
        written: "AdaptiveAugmentation(w: 0.9, temperature: 4.0, views: Halves)",
        labelled: 3,
        clip: None,
        truth: TruthSettings::default(),
    });
}

#[test]
fn terms_over_feature_maps_and_their_regressor_agree_with_pytorch() {
    let mut objective = expand(
        "Custom(
            views: [()],
            terms: [
                Distill(),
                Truth(),
                Hint(w_hint: 2.0),
                Attention(w_attention: 100.0),
                Similarity(w_similarity: 30.0),
                Relation(w_relation: 0.1),
            ],
            temperature: 4.0,
        )",
    );
    let (mut student, teacher) = (student(), teacher());
    let stages = [&student, &teacher].map(|network| network.graph().stages());
    let theirs = TeacherStages::Layout(&stages[1]);
    objective.settle_stages(&stages[0], theirs).unwrap();
    let expected = fixture("features.safetensors");
    let mut regressors = regressors(&objective, 0, &Device::flex());
    for parameter in &mut regressors {
        let (_, part) = parameter.name.rsplit_once('.').unwrap();
        let name = format!("start.{part}");
        let array = expected.iter().find(|array| array.name == name).unwrap();
        assert_eq!(parameter.shape, array.shape, "{}", parameter.name);
        parameter.value = array.tensor(&Device::flex()).unwrap();
    }
    let spec = "Sgd(momentum: 0.9, nesterov: true, weight_decay: 1e-2)";
    let parameters = student.parameters().iter().chain(&regressors);
    let mut optimizer = Optimizer::of(&ron::from_str(spec).unwrap(), parameters);
    let knobs = knobs(&objective);
    let rows = floats(&expected, "rows").chunks_exact(objective.terms.len() + 2);
    for (step, (lr, row)) in RATES.into_iter().zip(rows).enumerate() {
        let settings = StepSettings {
            objective: &objective,
            knobs: &knobs,
            lr,
            clip: Some(1.0),
            truth: TruthSettings::default(),
            accumulate: 1,
            precision: Precision::Fp32,
        };
        let report = train_step(
            &mut student,
            &mut regressors,
            Some(&teacher),
            &mut optimizer,
            &batch(1, 6),
            &settings,
        )
        .unwrap();
        assert_same_numbers(step, &report, row);
    }
    assert_same_state("last", &student, &expected);
    for parameter in regressors {
        let (_, part) = parameter.name.rsplit_once('.').unwrap();
        let ours: Vec<f32> = parameter.value.into_data().try_to_vec().unwrap();
        assert_close(part, &ours, floats(&expected, &format!("end.{part}")));
    }
}

#[test]
fn the_teacher_evaluates_as_in_pytorch() {
    let batch = fixture("batch.safetensors");
    let logits = teacher().forward(images(&batch, "view0"));
    let logits: Vec<f32> = logits.into_data().try_to_vec().unwrap();
    assert_close("logits", &logits, floats(&batch, "teacher_logits"));
}

#[track_caller]
fn assert_agrees(method: &Method) {
    let objective = expand(method.written);
    let knobs = knobs(&objective);
    let expected = fixture(&format!("{}.safetensors", method.name));
    let rows = floats(&expected, "rows").chunks_exact(objective.terms.len() + 2);
    let batch = parted(&objective, &batch(objective.views.len(), method.labelled));
    let (mut student, teacher) = (student(), teacher());
    let spec = "Sgd(momentum: 0.9, nesterov: true, weight_decay: 1e-2)";
    let mut optimizer = Optimizer::new(&ron::from_str(spec).unwrap(), &student);
    for (step, (lr, row)) in RATES.into_iter().zip(rows).enumerate() {
        let settings = StepSettings {
            objective: &objective,
            knobs: &knobs,
            lr,
            clip: method.clip,
            truth: method.truth,
            accumulate: 1,
            precision: Precision::Fp32,
        };
        let report = train_step(
            &mut student,
            &mut [],
            Some(&teacher),
            &mut optimizer,
            &batch,
            &settings,
        )
        .unwrap();
        assert_same_numbers(step, &report, row);
        if step == 0 {
            assert_same_state("first", &student, &expected);
        }
    }
    assert_same_state("last", &student, &expected);
}

/// Compares number by number: a loss is a tensor of its own.
#[track_caller]
fn assert_same_numbers(step: usize, report: &StepReport, expected: &[f32]) {
    let mut ours = report.losses.clone();
    ours.extend([report.total, report.grad_norm]);
    assert_eq!(ours.len(), expected.len());
    for (i, (ours, theirs)) in ours.iter().zip(expected).enumerate() {
        let relative = (ours / f64::from(*theirs) - 1.0).abs();
        assert!(
            relative < TOLERANCE,
            "step {step}, number {i}: {ours} and {theirs}"
        );
    }
}

/// Compares every array that the fixture has at this point.
#[track_caller]
fn assert_same_state(point: &str, student: &Network, expected: &[Array]) {
    let prefix = format!("{point}.");
    let compared = expected.iter().any(|array| array.name.starts_with(&prefix));
    for array in weights::state(student).unwrap() {
        let name = format!("{prefix}{}", array.name);
        let Some(theirs) = expected.iter().find(|array| array.name == name) else {
            assert!(!compared, "{name} is not in the fixture");
            continue;
        };
        match (&array.values, &theirs.values) {
            (Values::F32(ours), Values::F32(theirs)) => assert_close(&name, ours, theirs),
            (ours, theirs) => assert_eq!(ours, theirs, "{name}"),
        }
    }
}

#[track_caller]
fn assert_close(name: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{name}");
    let greatest = |values: &mut dyn Iterator<Item = f32>| f64::from(values.fold(0.0, f32::max));
    let difference = greatest(&mut ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()));
    let scale = greatest(&mut theirs.iter().map(|b| b.abs()));
    assert!(
        difference <= TOLERANCE * scale && difference.is_finite(),
        "{name} is off by {difference} of {scale}"
    );
}

fn knobs(objective: &Objective) -> BTreeMap<String, f64> {
    let knobs = objective.knobs.iter();
    knobs
        .map(|knob| (knob.name.clone(), knob.schedule.at(0.0, 1.0)))
        .collect()
}

fn expand(written: &str) -> Objective {
    let options = ron::Options::default()
        .with_default_extension(ron::extensions::Extensions::UNWRAP_VARIANT_NEWTYPES)
        .with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
    let method: MethodSpec = options.from_str(written).unwrap();
    let context = ExpansionContext {
        rounds: 10,
        epochs: 10,
        labelled: true,
    };
    method.method().expand(&context).unwrap()
}

/// The student, from a PyTorch file that nests and prefixes it.
fn student() -> Network {
    network(4, "student.pt")
}

fn teacher() -> Network {
    network(8, "teacher.safetensors")
}

fn network(width: usize, file: &str) -> Network {
    let graph = build(&Model::ResNetCifar { depth: 8, width }, SIZE, CLASSES).unwrap();
    let mut network = Network::new(graph, 0, &Device::flex());
    weights::load(&mut network, &path(file)).unwrap();
    network
}

fn batch(views: usize, labelled: usize) -> Batch {
    let arrays = fixture("batch.safetensors");
    let labels = arrays.iter().find(|array| array.name == "labels").unwrap();
    let Values::I64(labels) = &labels.values else {
        panic!("labels are integers");
    };
    let labels = labels[..labelled].iter();
    let labels: Vec<u32> = labels.map(|&it| u32::try_from(it).unwrap()).collect();
    Batch {
        views: (0..views)
            .map(|view| images(&arrays, &format!("view{view}")))
            .collect(),
        labels: vec![labels; views],
        mixed: Vec::new(),
        answers: Vec::new(),
    }
}

/// Of each view of a batch the images that it shows.
fn parted(objective: &Objective, whole: &Batch) -> Batch {
    let parts = objective.views.iter().map(|view| view.part);
    let shown = |part: Part, images: usize| -> Vec<i32> {
        let places = part.places(images);
        places.map(|place| i32::try_from(place).unwrap()).collect()
    };
    let views = whole.views.iter().zip(parts.clone()).map(|(view, part)| {
        let places = shown(part, view.dims()[0]);
        let places = Tensor::from_ints(places.as_slice(), &Device::flex());
        view.clone().select(0, places)
    });
    let labels = whole.labels.iter().zip(parts).map(|(labels, part)| {
        let places = part.places(labels.len());
        places.map(|place| labels[place]).collect()
    });
    Batch {
        views: views.collect(),
        labels: labels.collect(),
        ..whole.clone()
    }
}

fn images(arrays: &[Array], name: &str) -> Tensor<4> {
    let array = arrays.iter().find(|array| array.name == name).unwrap();
    let shape: [usize; 4] = array.shape.clone().try_into().unwrap();
    array.tensor(&Device::flex()).unwrap().reshape(shape)
}

fn floats<'a>(arrays: &'a [Array], name: &str) -> &'a [f32] {
    let array = arrays.iter().find(|array| array.name == name).unwrap();
    match &array.values {
        Values::F32(values) => values,
        Values::I64(_) => panic!("{name} holds integers"),
    }
}

fn fixture(name: &str) -> Vec<Array> {
    ArrayFile::open(&path(name)).unwrap().arrays().unwrap()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/steps")
        .join(name)
}
