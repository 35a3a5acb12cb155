use burn::tensor::{Device, TensorData};

use super::*;
use crate::engine::objective::tests::objective;
use crate::engine::regressors::{arrays, regressors};
use crate::engine::weights::state;
use crate::experiment::architecture::build;
use crate::experiment::model::Model;
use crate::experiment::plan::TeacherStages;

const BATCH: usize = 6;
const CLASSES: usize = 3;

fn network(seed: u64) -> Network {
    let model = Model::ResNetCifar { depth: 8, width: 4 };
    Network::new(
        build(&model, (8, 8), CLASSES).unwrap(),
        seed,
        &Device::flex(),
    )
}

/// Images whose class is their brightest channel.
fn batch(views: usize) -> Batch {
    let values: Vec<f32> = (0..BATCH * 3 * 64)
        .map(|i| {
            let (image, channel) = (i / 192, i / 64 % 3);
            (i as f32 * 0.7).sin() * 0.3 + if channel == image % 3 { 1.0 } else { 0.0 }
        })
        .collect();
    let images = Tensor::from_data(TensorData::new(values, [BATCH, 3, 8, 8]), &Device::flex());
    Batch {
        views: (0..views)
            .map(|view| images.clone() * (1.0 + 0.1 * view as f64))
            .collect(),
        labels: vec![vec![0, 1, 2, 0, 1, 2]; views],
        mixed: Vec::new(),
        answers: Vec::new(),
    }
}

struct Setup {
    objective: Objective,
    knobs: BTreeMap<String, f64>,
    student: Network,
    teacher: Network,
    regressors: Vec<Parameter>,
    optimizer: Optimizer,
    class_weights: Option<[f64; 3]>,
}

impl Setup {
    fn new(method: &str) -> Self {
        let mut objective = objective(method);
        let (student, teacher) = (network(1), network(2));
        let stages = [&student, &teacher].map(|network| network.graph().stages());
        let theirs = TeacherStages::Layout(&stages[1]);
        objective.settle_stages(&stages[0], theirs).unwrap();
        let regressors = regressors(&objective, 1, &Device::flex());
        let parameters = student.parameters().iter().chain(&regressors);
        let spec = ron::from_str("Sgd(momentum: 0.9, weight_decay: 5e-4)").unwrap();
        Self {
            knobs: objective
                .knobs
                .iter()
                .map(|knob| (knob.name.clone(), knob.schedule.at(0.0, 1.0)))
                .collect(),
            optimizer: Optimizer::of(&spec, parameters),
            objective,
            student,
            teacher,
            regressors,
            class_weights: None,
        }
    }

    fn step(&mut self, batch: &Batch, lr: f64, clip: Option<f64>) -> Result<StepReport, StepError> {
        self.step_in_parts(batch, lr, clip, 1)
    }

    fn step_in_parts(
        &mut self,
        batch: &Batch,
        lr: f64,
        clip: Option<f64>,
        accumulate: usize,
    ) -> Result<StepReport, StepError> {
        let settings = StepSettings {
            objective: &self.objective,
            knobs: &self.knobs,
            lr,
            clip,
            truth: TruthSettings {
                class_weights: self.class_weights.as_ref().map(<[f64; 3]>::as_slice),
                ..TruthSettings::default()
            },
            accumulate,
            precision: Precision::Fp32,
        };
        train_step(
            &mut self.student,
            &mut self.regressors,
            Some(&self.teacher),
            &mut self.optimizer,
            batch,
            &settings,
        )
    }

    /// The error of a step after which nothing must have changed.
    fn refused(&mut self, batch: &Batch) -> String {
        let before = (
            state(&self.student).unwrap(),
            self.optimizer.state().unwrap(),
        );
        let error = self.step(batch, 0.1, None).unwrap_err();
        let after = (
            state(&self.student).unwrap(),
            self.optimizer.state().unwrap(),
        );
        assert_eq!(before, after, "changed by a step that failed: {error}");
        error.to_string()
    }
}

#[test]
fn steps_learn_what_the_labels_say() {
    let mut setup = Setup::new("Scratch()");
    let first = setup.step(&batch(1), 0.05, None).unwrap();
    let mut last = first.clone();
    for _ in 0..30 {
        last = setup.step(&batch(1), 0.05, None).unwrap();
    }
    assert!(last.total < 0.1 * first.total, "{first:?} to {last:?}");
    assert_eq!((last.correct, last.labelled), (BATCH, BATCH));
}

#[test]
fn every_method_takes_a_step_and_only_the_student_changes() {
    for (method, views) in [
        ("Vanilla()", 1),
        ("AdaptiveAugmentation(truth: TeacherSoft)", 2),
        ("MultiView(views: 3, teacher_views: All)", 3),
        ("MultiView(divergence: Dkd())", 3),
    ] {
        let mut setup = Setup::new(method);
        let teacher = state(&setup.teacher).unwrap();
        let report = setup.step(&batch(views), 0.1, None).unwrap();
        assert!(report.grad_norm > 0.0, "{method}");
        assert_eq!(report.losses.len(), setup.objective.terms.len());
        assert_eq!(state(&setup.teacher).unwrap(), teacher);
        let seen = setup.student.statistics()[0].batches;
        assert_eq!(seen, views as u64, "every view is one batch for {method}");
    }
}

/// All terms over feature maps, on views of their own.
const FEATURES: &str = "Custom(
    views: [(), ()],
    terms: [
        Truth(),
        Hint(views: [1, 2], w_hint: 1.0),
        Attention(views: [2], w_attention: 10.0),
        Similarity(w_similarity: 10.0),
        Relation(w_relation: 0.1),
    ],
)";

#[test]
fn terms_over_feature_maps_teach_student_and_regressor() {
    let mut setup = Setup::new(FEATURES);
    let teacher = state(&setup.teacher).unwrap();
    let before = arrays(&setup.regressors).unwrap();
    let first = setup.step(&batch(2), 0.02, None).unwrap();
    assert!(first.losses.iter().all(|loss| *loss > 0.0), "{first:?}");
    assert_ne!(arrays(&setup.regressors).unwrap(), before);
    let mut last = first.clone();
    for _ in 0..30 {
        last = setup.step(&batch(2), 0.02, Some(1.0)).unwrap();
    }
    assert!(last.total < 0.7 * first.total, "{first:?} to {last:?}");
    assert_eq!(state(&setup.teacher).unwrap(), teacher);
    let memory = setup.optimizer.state().unwrap();
    let name = "velocity.regressors.hint.layer2.layer2.weight";
    assert!(memory.iter().any(|array| array.name == name));
}

#[test]
fn a_step_with_feature_maps_that_fails_changes_no_regressor() {
    let mut setup = Setup::new(FEATURES);
    let before = arrays(&setup.regressors).unwrap();
    setup.knobs.insert("w_hint".to_owned(), f64::INFINITY);
    setup.refused(&batch(2));
    assert_eq!(arrays(&setup.regressors).unwrap(), before);
}

#[test]
fn the_same_steps_give_the_same_bits() {
    let run = || {
        let mut setup = Setup::new("MultiView()");
        for _ in 0..3 {
            setup.step(&batch(3), 0.1, Some(1.0)).unwrap();
        }
        state(&setup.student).unwrap()
    };
    assert_eq!(run(), run());
}

#[test]
fn clipping_scales_the_update_and_not_the_report() {
    let update = |clip| {
        let mut setup = Setup::new("Scratch()");
        let before = setup.student.parameters()[0].value.clone();
        let report = setup.step(&batch(1), 1.0, clip).unwrap();
        let moved = setup.student.parameters()[0].value.clone() - before;
        let length: f32 = moved.square().sum().sqrt().into_scalar();
        (report.grad_norm, f64::from(length))
    };
    let (norm, whole) = update(None);
    let (same_norm, clipped) = update(Some(norm / 10.0));
    assert_eq!(norm, same_norm);
    // Weight decay is added after clipping and keeps this from being exact.
    assert!((whole / clipped - 10.0).abs() < 0.5, "{whole} to {clipped}");
}

/// A batch whose second half is its first half again: every half has the statistics of
/// the whole.
fn twice(batch: &Batch) -> Batch {
    let twice = |view: &Tensor<4>| Tensor::cat(vec![view.clone(), view.clone()], 0);
    Batch {
        views: batch.views.iter().map(twice).collect(),
        ..batch.clone()
    }
}

#[test]
fn a_batch_in_parts_is_the_batch_in_one() {
    let parameters = |setup: &Setup| -> Vec<f32> {
        let values = setup.student.parameters().iter().chain(&setup.regressors);
        let values = values.map(|it| it.value.to_data().try_to_vec::<f32>().unwrap());
        values.flatten().collect()
    };
    // Four of the labelled images are in the first part, then all, and the terms are of
    // labels, of all images and of pairs of views.
    let even = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2];
    // Of another weight in each part.
    let uneven = [0, 0, 1, 2, 0, 2, 2, 2, 2, 2, 1, 2];
    let weights = Some([0.5, 1.0, 4.0]);
    for (method, labels, class_weights) in [
        ("Vanilla()", &even[..4], None),
        ("Vanilla(divergence: Dkd())", &even[..4], None),
        ("MultiView(views: 2)", &even[..6], None),
        ("AdaptiveAugmentation()", &even[..], None),
        ("Vanilla(features: Hint(w_hint: 1.0))", &even[..4], None),
        (
            "Vanilla(features: Attention(w_attention: 10.0))",
            &even[..],
            None,
        ),
        ("Vanilla()", &uneven[..8], weights),
        ("Vanilla(divergence: Dkd())", &uneven[..], weights),
    ] {
        let mut batch = twice(&batch(2));
        batch.labels = vec![labels.to_vec(); 2];
        let [mut whole, mut parts] = [method, method].map(|method| Setup {
            class_weights,
            ..Setup::new(method)
        });
        let one = whole.step(&batch, 0.1, None).unwrap();
        let other = parts.step_in_parts(&batch, 0.1, None, 2).unwrap();
        assert_eq!((one.correct, one.labelled), (other.correct, other.labelled));
        let near = |one: f64, other: f64| (one - other).abs() <= 1e-5 * one.abs().max(1.0);
        assert!(near(one.total, other.total), "{method}: {one:?} {other:?}");
        assert!(
            near(one.grad_norm, other.grad_norm),
            "{method}: {one:?} {other:?}"
        );
        for (one, other) in one.losses.iter().zip(&other.losses) {
            assert!(near(*one, *other), "{method}: {one} {other}");
        }
        for (one, other) in parameters(&whole).into_iter().zip(parameters(&parts)) {
            assert!((one - other).abs() < 1e-5, "{method}: {one} {other}");
        }
    }
}

#[test]
fn known_answers_reach_the_part_that_they_are_of() {
    let mut batch = twice(&batch(1));
    let asked = Setup::new("Vanilla()")
        .step_in_parts(&batch, 0.1, None, 5)
        .unwrap();
    let teacher = Setup::new("Vanilla()").teacher;
    let logits = teacher.logits(batch.views[0].clone()).unwrap();
    let logits: Vec<f32> = logits.into_data().try_to_vec().unwrap();
    // Some of every part; a teacher that is asked about them all the same would not agree.
    let known = [0, 3, 4, 7, 8, 11];
    batch.answers = vec![KnownAnswers {
        images: known.to_vec(),
        logits: known
            .iter()
            .flat_map(|image| &logits[image * 3..][..3])
            .copied()
            .collect(),
    }];
    let looked_up = Setup::new("Vanilla()")
        .step_in_parts(&batch, 0.1, None, 5)
        .unwrap();
    assert!((asked.total - looked_up.total).abs() < 1e-6);
    batch.answers[0].logits[3..6].rotate_left(1);
    let other = Setup::new("Vanilla()")
        .step_in_parts(&batch, 0.1, None, 5)
        .unwrap();
    assert!((asked.total - other.total).abs() > 1e-6);
}

#[test]
fn second_labels_reach_the_part_that_they_are_of() {
    let mut batch = twice(&batch(1));
    let truth = |batch: &Batch, parts| {
        let mut setup = Setup::new("Vanilla()");
        let report = setup.step_in_parts(batch, 0.1, None, parts).unwrap();
        (report.losses[1], report.correct)
    };
    let alone: Vec<(f64, usize)> = [0, 1, 2]
        .map(|more| {
            let mut other = batch.clone();
            other.labels[0]
                .iter_mut()
                .for_each(|it| *it = (*it + more) % 3);
            truth(&other, 5)
        })
        .to_vec();
    for own in [0.25, 0.75] {
        let mixed = batch.labels[0].iter().map(|label| MixedLabel {
            own,
            other: (label + 1) % 3,
        });
        batch.mixed = vec![mixed.collect()];
        let (loss, correct) = truth(&batch, 5);
        let expected = f64::from(own) * alone[0].0 + (1.0 - f64::from(own)) * alone[1].0;
        assert!((loss - expected).abs() < 1e-5, "{loss} is not {expected}");
        let greater = if own < 0.5 { alone[1] } else { alone[0] };
        assert_eq!(correct, greater.1);
    }
}

#[test]
fn a_batch_has_as_many_parts_as_it_can() {
    let parts = |images: usize, parts| -> Vec<usize> {
        let batch = Batch {
            views: vec![Tensor::zeros([images, 3, 1, 1], &Device::flex())],
            labels: Vec::new(),
            mixed: Vec::new(),
            answers: Vec::new(),
        };
        batch.parts(parts).map(|part| part.len()).collect()
    };
    assert_eq!(parts(10, 4), [3, 3, 2, 2]);
    assert_eq!(parts(3, 4), [1, 1, 1]);
    assert_eq!(parts(5, 1), [5]);
}

#[test]
fn an_image_that_is_not_finite_stops_the_step_and_names_the_term() {
    let mut setup = Setup::new("Vanilla()");
    setup.step(&batch(1), 0.1, None).unwrap();
    let mut poisoned = batch(1);
    poisoned.views[0] = poisoned.views[0].clone() * f64::NAN;
    let message = setup.refused(&poisoned);
    assert!(
        message.starts_with("the loss of `distill` is NaN"),
        "{message}"
    );
}

#[test]
fn a_weight_that_overflows_the_total_stops_the_step() {
    let mut setup = Setup::new("Vanilla()");
    setup.knobs.insert("w".to_owned(), 1e300);
    let message = setup.refused(&batch(1));
    assert!(message.starts_with("the weighted sum"), "{message}");
}

#[test]
fn a_gradient_that_overflows_stops_the_step_and_names_the_parameter() {
    let mut setup = Setup::new("Vanilla()");
    setup.knobs.insert("w".to_owned(), 1e30);
    let message = setup.refused(&batch(1));
    assert!(message.starts_with("the gradient of `"), "{message}");
}

#[test]
fn a_batch_without_labels_still_distils_and_one_without_any_loss_only_decays() {
    let mut setup = Setup::new("Vanilla()");
    let mut unlabelled = batch(1);
    unlabelled.labels.clear();
    let report = setup.step(&unlabelled, 0.1, None).unwrap();
    assert!(report.grad_norm > 0.0);
    assert_eq!((report.correct, report.labelled), (0, 0));
    let mut setup = Setup::new("Scratch()");
    let report = setup.step(&unlabelled, 0.1, None).unwrap();
    assert_eq!((report.total, report.grad_norm), (0.0, 0.0));
}

#[test]
fn a_batch_that_does_not_fit_is_refused() {
    let mut setup = Setup::new("AdaptiveAugmentation()");
    let message = setup.refused(&batch(1));
    assert_eq!(message, "a term looks at view 2 and the batch has 1");
    let mut labels = batch(2);
    labels.labels[1][3] = 9;
    let message = setup.refused(&labels);
    assert_eq!(message, "the label 9 is not one of 3 classes");
    let mut empty = batch(2);
    empty.labels.clear();
    empty.views = vec![Tensor::zeros([0, 3, 8, 8], &Device::flex()); 2];
    assert_eq!(setup.refused(&empty), "the batch is empty");
}

#[test]
fn frozen_parameters_keep_their_bits_and_count_in_no_norm() {
    let bits = |setup: &Setup| -> Vec<(String, Vec<u32>)> {
        let all = setup.student.parameters().iter();
        all.map(|parameter| {
            let values: Vec<f32> = parameter.value.clone().into_data().try_to_vec().unwrap();
            let bits = values.into_iter().map(f32::to_bits).collect();
            (parameter.name.clone(), bits)
        })
        .collect()
    };
    let first = Setup::new("Vanilla()").student.parameters()[0].name.clone();
    let module = first.rsplit_once('.').unwrap().0.to_owned();
    for spec in [
        "Sgd(momentum: 0.9, weight_decay: 0.1)",
        "AdamW(weight_decay: 0.1)",
    ] {
        let mut setup = Setup::new("Vanilla()");
        setup.optimizer = Optimizer::new(&ron::from_str(spec).unwrap(), &setup.student);
        setup.student.freeze(std::slice::from_ref(&module));
        let before = bits(&setup);
        let report = setup.step(&batch(1), 0.1, None).unwrap();
        let whole = Setup::new("Vanilla()").step(&batch(1), 0.1, None).unwrap();
        assert!(report.grad_norm < whole.grad_norm, "{spec}");
        setup.step(&batch(1), 0.1, None).unwrap();
        for (before, after) in before.iter().zip(bits(&setup)) {
            let is_frozen = before.0.starts_with(&format!("{module}."));
            assert_eq!(*before == after, is_frozen, "{spec}: {}", after.0);
        }
    }
}

#[test]
fn a_block_moves_by_its_factor_of_the_learning_rate() {
    let moved = |decay: f64| -> Vec<(String, f32)> {
        let mut setup = Setup::new("Vanilla()");
        setup.optimizer = Optimizer::new(&ron::from_str("Sgd()").unwrap(), &setup.student);
        setup.student.decay_learning_rates(decay);
        let before = setup.student.clone();
        setup.step(&batch(1), 0.1, None).unwrap();
        let both = setup.student.parameters().iter().zip(before.parameters());
        both.map(|(after, before)| {
            let difference = after.value.clone() - before.value.clone();
            let length = difference.square().sum().sqrt().into_scalar::<f32>();
            (after.name.clone(), length)
        })
        .collect()
    };
    let groups = Setup::new("Vanilla()").student.graph().lr_groups(0.5);
    assert!(groups.len() > 2, "{groups:?}");
    let factors = groups.iter();
    let factors = factors.flat_map(|it| it.parameters.iter().map(|_| it.factor as f32));
    for (((name, all), (_, some)), factor) in moved(1.0).iter().zip(&moved(0.5)).zip(factors) {
        assert!(
            (some - all * factor).abs() < 1e-4 * all.max(1e-3),
            "{name}: {some} of {all}"
        );
    }
}

#[test]
fn a_teacher_that_is_needed_and_absent_is_an_error() {
    let mut setup = Setup::new("Vanilla()");
    let settings = StepSettings {
        objective: &setup.objective,
        knobs: &setup.knobs,
        lr: 0.1,
        clip: None,
        truth: TruthSettings::default(),
        accumulate: 1,
        precision: Precision::Fp32,
    };
    let error = train_step(
        &mut setup.student,
        &mut [],
        None,
        &mut setup.optimizer,
        &batch(1),
        &settings,
    )
    .unwrap_err();
    assert!(
        error.to_string().contains("the teacher's logits"),
        "{error}"
    );
}
