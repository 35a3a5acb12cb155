//! From spec to plan: every check of every value, in one place.

use std::collections::BTreeSet;
use std::path::Path;

use super::checks::{self, between};
use super::data::data_plan;
use super::paths::{Paths, run_name};
use super::{
    Plan, TeacherPlan, TeacherSource, Training, elsewhere, gates, models, operations, optimizers,
};
use crate::experiment::early_stop::EarlyStop;
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::method::{ExpansionContext, Method, Scratch};
use crate::experiment::metric::ValidMetric;
use crate::experiment::nearest::nearest;
use crate::experiment::objective::{Divergence, FeatureComparison, Loss, Objective, Term};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::{
    ClassWeights, ExportSpec, FinishSpec, QuantizeSpec, RoundSpec, Spec, TeacherTraining,
    TeacherWeights, TruthLossSpec,
};

impl Plan {
    /// Plans what was written in the file `origin`. Relative paths start at the
    /// file's folder, and its name is the default name of the runs.
    ///
    /// # Errors
    /// Every problem of every value, in the order of the file's fields.
    pub fn new(spec: Spec, origin: &Path) -> Result<Self, Vec<Problem>> {
        let method = spec.method.clone();
        let name = method.name();
        make(spec, name, method.method(), origin).map_err(|problems| {
            let prefix = format!("method.{name}");
            problems
                .into_iter()
                .map(|problem| match problem {
                    Located::Method(problem) => problem.under(&prefix),
                    Located::File(problem) => problem,
                })
                .collect()
        })
    }

    /// Plans with another method than the spec names, which is ignored. A
    /// method that no file can name yet is tried this way; `name` is shown to
    /// people. See [`Plan::new`].
    ///
    /// # Errors
    /// As [`Plan::new`]; the method's own problems are under `method`.
    pub fn with_method(
        spec: Spec,
        name: &str,
        method: &dyn Method,
        origin: &Path,
    ) -> Result<Self, Vec<Problem>> {
        make(spec, name, method, origin).map_err(|problems| {
            problems
                .into_iter()
                .map(|problem| match problem {
                    Located::Method(problem) => problem.under("method"),
                    Located::File(problem) => problem,
                })
                .collect()
        })
    }
}

/// A problem whose path starts at the method, or at the file.
enum Located {
    Method(Problem),
    File(Problem),
}

fn make(spec: Spec, name: &str, method: &dyn Method, origin: &Path) -> Result<Plan, Vec<Located>> {
    let mut problems = checks::top_level(&spec, origin);
    let paths = Paths::beside(origin);
    let data = data_plan(&spec, &paths, &mut problems);
    problems.extend(models::problems(&spec));
    problems.extend(augment_problems(&spec));
    let mut located: Vec<Located> = problems.into_iter().map(Located::File).collect();

    let context = ExpansionContext {
        rounds: spec.epochs,
        epochs: spec.epochs,
        labelled: true,
    };
    let mut problems = Vec::new();
    let objective = match method.expand(&context) {
        Ok(mut objective) => {
            problems.extend(knob_problems(&spec, &objective));
            problems.extend(teacher_problems(&spec, name, &objective));
            problems.extend(features_problem(&spec, &objective));
            problems.extend(lone_image_problem(&spec, &objective));
            problems.extend(halves_problem(&spec, &objective));
            problems.extend(class_weights_problems(&spec, &objective));
            problems.extend(truth_loss_problems(&spec, &objective));
            problems.extend(operations::mixing_problems(&spec, &objective));
            apply_knobs(&mut objective, &spec);
            problems.extend(keep_untouched(&spec, &mut objective));
            Some(objective)
        }
        Err(found) => {
            located.extend(found.into_iter().map(Located::Method));
            None
        }
    };
    problems.extend(optimizers::problems(&spec.optimizer, "optimizer"));
    let lr = Knob::lr(spec.lr.clone());
    problems.extend(schedule_problems(&lr, &spec.lr, "lr", spec.epochs));
    let teacher = teacher_plan(&spec, &paths, &mut problems);
    let student_weights = elsewhere::student_weights(&spec.student, &paths, &mut problems);
    let gates = gates::planned(&spec, &paths, &mut problems);
    problems.extend(metric_problems(&spec));
    problems.extend(finish_problems(spec.finish));
    problems.extend(export_problems(spec.export));
    located.extend(problems.into_iter().map(Located::File));

    let Some(objective) = objective.filter(|_| located.is_empty()) else {
        return Err(located);
    };
    Ok(Plan {
        name: run_name(&spec, origin),
        seed: spec.seed,
        device: spec.device,
        data,
        teacher,
        student: spec.student.model.clone(),
        student_weights,
        method: name.to_owned(),
        export: spec.export,
        training: student_training(spec, objective),
        gates,
    })
}

/// Weights that weigh nothing, or that are none.
fn class_weights_problems(spec: &Spec, objective: &Objective) -> Vec<Problem> {
    let Some(weights) = &spec.class_weights else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if !objective
        .terms
        .iter()
        .any(|term| term.loss.is_truth_of_labels())
    {
        problems.push(
            Problem::new(
                "class_weights",
                "the method has no truth term with labels, whose classes would be weighted",
            )
            .help("remove them, or give the method `truth: Label`")
            .depends_on("method"),
        );
    }
    if let ClassWeights::Each(weights) = weights {
        for (class, weight) in weights.iter().enumerate() {
            let path = format!("class_weights.Each[{class}]");
            checks::positive(&mut problems, &path, *weight);
            between(&mut problems, &path, *weight, 0.0, 1e6);
        }
    }
    problems
}

/// A truth loss for no term, or with a threshold that no target is above or below.
fn truth_loss_problems(spec: &Spec, objective: &Objective) -> Vec<Problem> {
    let TruthLossSpec::BinaryCrossEntropy(binary) = spec.truth_loss else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    let is_truth = |term: &Term| matches!(term.loss, Loss::Truth { .. });
    let trains_teacher = spec
        .teacher
        .as_ref()
        .is_some_and(|teacher| matches!(teacher.weights, TeacherWeights::Train(_)));
    if !objective.terms.iter().any(is_truth) && !trains_teacher {
        problems.push(
            Problem::new(
                "truth_loss",
                "the method has no truth term, whose loss it would be",
            )
            .help("remove it, or choose a method with a truth term, such as Vanilla()")
            .depends_on("method"),
        );
    }
    if let Some(threshold) = binary.target_threshold {
        let path = "truth_loss.BinaryCrossEntropy.target_threshold";
        checks::inside(&mut problems, path, threshold);
    }
    problems
}

/// What is wrong with what a training is steered by.
fn metric_problems(spec: &Spec) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(teacherless_metric_problem(spec, "metric", spec.metric));
    let Some(early) = spec.early_stop else {
        return problems;
    };
    let metric = early.metric.unwrap_or(spec.metric);
    let (path, patience) = ("early_stop.patience", f64::from(early.patience));
    between(&mut problems, path, patience, 1.0, 1e6);
    let path = "early_stop.min_delta";
    if metric.quantity().is_share() {
        checks::below_one(&mut problems, path, early.min_delta);
    } else {
        between(&mut problems, path, early.min_delta, 0.0, 1e6);
    }
    let watched = early.metric;
    problems.extend(
        watched.and_then(|metric| teacherless_metric_problem(spec, "early_stop.metric", metric)),
    );
    problems
}

fn teacherless_metric_problem(spec: &Spec, path: &str, metric: ValidMetric) -> Option<Problem> {
    (metric.needs_teacher() && spec.teacher.is_none()).then(|| {
        let message = format!("`{metric}` needs a teacher and there is none");
        Problem::new(path, message)
            .help("write `metric: Top1` or `metric: Loss`, or add a teacher")
            .depends_on("teacher")
    })
}

fn finish_problems(finish: Option<FinishSpec>) -> Vec<Problem> {
    let Some(FinishSpec::Quantize(quantize)) = finish else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    between(
        &mut problems,
        "finish.Quantize.epochs",
        f64::from(quantize.epochs),
        1.0,
        1e6,
    );
    if let Some(lr) = quantize.learning_rate {
        let (path, range) = ("finish.Quantize.learning_rate", Range::LEARNING_RATE);
        checks::positive(&mut problems, path, lr);
        between(&mut problems, path, lr, range.min, range.max);
    }
    problems.extend(bits_problem(
        "finish.Quantize.weight_bits",
        quantize.weight_bits,
    ));
    problems
}

fn bits_problem(path: &str, bits: u8) -> Option<Problem> {
    (!(7..=8).contains(&bits)).then(|| Problem::new(path, "a weight has 7 or 8 bits"))
}

fn export_problems(export: Option<ExportSpec>) -> Vec<Problem> {
    let Some(ExportSpec::Int8(int8)) = export else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if int8.images == 0 {
        problems.push(Problem::new(
            "export.Int8.images",
            "ranges cannot be found on 0 images",
        ));
    }
    let bits = int8.weight_bits;
    problems.extend(bits.and_then(|bits| bits_problem("export.Int8.weight_bits", bits)));
    problems
}

/// A hundredth of the greatest learning rate, from which rounded weights are tuned: H. Wu
/// et al., "Integer Quantization for Deep Learning Inference", 2020.
const FINISH_LR: f64 = 0.01;

/// Every knob is held at what it came to when a training is finished, and the learning
/// rate starts once more.
fn finish_knobs(lr: &mut Knob, knobs: &mut [Knob], epochs: u32, quantize: QuantizeSpec) {
    let end = f64::from(epochs);
    let until = |first: &Schedule, then: Schedule| Schedule::Until {
        epochs: end,
        first: Box::new(first.clone()),
        then: Box::new(then),
    };
    for knob in knobs {
        if !matches!(knob.schedule, Schedule::Constant(_)) {
            let last = Schedule::Constant(knob.schedule.at(end, end));
            knob.schedule = until(&knob.schedule, last);
        }
    }
    let from = quantize
        .learning_rate
        .unwrap_or_else(|| FINISH_LR * lr.schedule.greatest(end));
    let (to, epochs) = (0.0, None);
    lr.schedule = until(&lr.schedule, Schedule::Cosine { from, to, epochs });
}

fn student_training(spec: Spec, mut objective: Objective) -> Training {
    let mut lr = Knob::lr(spec.lr);
    let mut epochs = spec.epochs;
    if let Some(FinishSpec::Quantize(quantize)) = spec.finish {
        finish_knobs(&mut lr, &mut objective.knobs, epochs, quantize);
        epochs += quantize.epochs;
    }
    Training {
        objective,
        augment: spec.augment,
        freeze: spec.student.freeze,
        layer_decay: spec.student.layer_decay,
        optimizer: spec.optimizer,
        lr,
        epochs,
        metric: spec.metric,
        early_stop: spec.early_stop.map(|early| EarlyStop {
            patience: early.patience,
            min_delta: early.min_delta,
            metric: early.metric.unwrap_or(spec.metric),
        }),
        finish: spec.finish,
        batch: spec.batch,
        sampler: spec.sampler,
        accumulate: spec.accumulate,
        precision: spec.precision,
        round: spec.round,
        clip: spec.clip,
        ema: spec.ema,
        label_smoothing: spec.label_smoothing,
        class_weights: spec.class_weights,
        truth_loss: spec.truth_loss,
        log_every: spec.log_every,
        checkpoint_every: spec.checkpoint_every,
    }
}

fn augment_problems(spec: &Spec) -> Vec<Problem> {
    let mut problems: Vec<Problem> = spec
        .augment
        .iter()
        .enumerate()
        .flat_map(|(i, operation)| {
            operations::problems(operation)
                .into_iter()
                .map(move |problem| problem.under(&format!("augment[{i}]")))
        })
        .collect();
    if let Some(size) = spec.data.size.filter(|_| problems.is_empty()) {
        problems.extend(operations::size_problems(&spec.augment, size));
    }
    problems
}

/// Schedules of knobs the method does not have or moves by itself.
fn knob_problems(spec: &Spec, objective: &Objective) -> Vec<Problem> {
    let mut problems = Vec::new();
    let moved = objective
        .controller
        .as_ref()
        .map(|controller| controller.knobs())
        .unwrap_or_default();
    for (name, schedule) in &spec.knobs {
        let path = format!("knobs.{name}");
        match objective.knob(name) {
            Some(_) if moved.contains(&name.as_str()) => problems.push(
                Problem::new(
                    path,
                    format!("the method's controller moves `{name}` itself"),
                )
                .on_name()
                .help("remove it here; its first value is a field of the method")
                .depends_on("method"),
            ),
            Some(knob) => {
                let found = schedule_problems(knob, schedule, &path, spec.epochs).into_iter();
                problems.extend(found.map(|problem| problem.depends_on("method")));
            }
            None if name == "lr" => problems.push(
                Problem::new(path, "the learning rate has a field of its own")
                    .on_name()
                    .help("write it as lr: …, outside knobs"),
            ),
            None => {
                let known: Vec<&str> = objective.knobs.iter().map(|k| k.name.as_str()).collect();
                let listed = known.join(", ");
                let help = match nearest(name, known) {
                    Some(near) => format!("did you mean `{near}`? this method's are {listed}"),
                    None => format!("this method's are {listed}"),
                };
                problems.push(
                    Problem::new(path, format!("there is no knob `{name}`"))
                        .on_name()
                        .help(help)
                        .depends_on("method"),
                );
            }
        }
    }
    problems
}

fn apply_knobs(objective: &mut Objective, spec: &Spec) {
    for knob in &mut objective.knobs {
        if let Some(schedule) = spec.knobs.get(&knob.name) {
            knob.schedule = schedule.clone();
        }
    }
}

/// A teacher whose answers are in a file knows images as they are: the views on which
/// it is asked stay so, whatever is changed while the student trains.
fn keep_untouched(spec: &Spec, objective: &mut Objective) -> Vec<Problem> {
    let is_kept = spec
        .teacher
        .as_ref()
        .is_some_and(|teacher| matches!(teacher.weights, TeacherWeights::Logits(_)));
    if !is_kept || spec.augment.is_empty() {
        return Vec::new();
    }
    let terms = objective.terms.iter();
    let asked: BTreeSet<usize> = terms
        .filter(|term| term.loss.needs_teacher())
        .flat_map(|term| term.loss.views())
        .collect();
    let controller = objective.controller.as_ref();
    let moved = controller.map(|controller| controller.knobs());
    let moved: Vec<String> = moved.iter().flatten().map(ToString::to_string).collect();
    let mut problems = Vec::new();
    for view in asked {
        let Some(name) = objective.views.get(view).map(|view| &view.probability) else {
            continue;
        };
        let Some(knob) = objective.knobs.iter_mut().find(|knob| knob.name == *name) else {
            continue;
        };
        if knob.schedule == Schedule::Constant(0.0) && !moved.contains(name) {
            knob.role = KnobRole::NoAugmentation;
            continue;
        }
        problems.push(
            Problem::new(
                "method",
                format!(
                    "the teacher is asked about view {}, whose augmentation probability `{name}` is \
                     not 0; the teacher's logits are for images as they are",
                    view + 1
                ),
            )
            .help(
                "distil on a view of probability 0, as Vanilla(p1: 0) does, or use a teacher that can be \
                 asked: weights: Onnx(\"teacher.onnx\")",
            )
            .depends_on("teacher.weights"),
        );
    }
    problems
}

fn teacher_problems(spec: &Spec, method: &str, objective: &Objective) -> Option<Problem> {
    match (&spec.teacher, objective.needs_teacher()) {
        (None, true) => Some(
            Problem::new(
                "method",
                format!("`{method}` needs a teacher and there is none"),
            )
            .help(
                "add teacher: (model: …, weights: …), \
                     or train without one with method: Scratch()",
            )
            .depends_on("teacher"),
        ),
        (Some(_), false) => Some(
            Problem::new("teacher", format!("`{method}` does not use a teacher"))
                .on_name()
                .help("remove the teacher, or choose a method that distils, such as Vanilla()")
                .depends_on("method"),
        ),
        _ => None,
    }
}

/// A term over feature maps where the teacher gives logits alone. The maps of an ONNX file
/// are known once it is opened.
fn features_problem(spec: &Spec, objective: &Objective) -> Option<Problem> {
    let is_of_maps = |term: &&Term| matches!(term.loss, Loss::Features { .. });
    let term = objective.terms.iter().find(is_of_maps)?;
    let file = match &spec.teacher.as_ref()?.weights {
        TeacherWeights::File(_) | TeacherWeights::Train(_) | TeacherWeights::Onnx(_) => {
            return None;
        }
        TeacherWeights::TorchScript(_) => "a TorchScript file",
        TeacherWeights::Logits(_) => "a file of logits",
        TeacherWeights::Ensemble(_) => "an ensemble",
    };
    let message = format!(
        "the term `{}` compares feature maps, and {file} gives logits alone",
        term.name
    );
    let help = match &spec.teacher.as_ref()?.weights {
        TeacherWeights::Ensemble(_) => {
            "teach with one of its members, whose maps are compared, or leave the term out"
        }
        _ => {
            "take a teacher whose layout is one of these here: model: …, weights: \
             File(\"teacher.safetensors\"), or its ONNX file: weights: Onnx(\"teacher.onnx\"), or \
             leave the term out"
        }
    };
    let problem = Problem::new("method", message).help(help);
    Some(problem.depends_on("teacher.weights"))
}

/// A batch that has no halves.
fn halves_problem(spec: &Spec, objective: &Objective) -> Option<Problem> {
    let (batch, parts) = (spec.batch, objective.parts());
    (!batch.is_multiple_of(parts)).then(|| {
        let message = format!("{batch} images cannot be divided evenly between {parts} views");
        Problem::new("batch", message)
            .help(format!("write a multiple of {parts}, or `views: All`"))
            .depends_on("method")
    })
}

/// A batch in parts, or of one image, where images are compared with one another.
fn lone_image_problem(spec: &Spec, objective: &Objective) -> Option<Problem> {
    let related = |term: &Term| match term.loss {
        Loss::Distill { divergence, .. } if divergence.relates_images() => Some(match divergence {
            Divergence::Dist { .. } => ("Dist correlates the images", ", or Dist(gamma: 0)"),
            _ => ("Mlkd compares the images", ", or another divergence"),
        }),
        Loss::Features { comparison, .. } if comparison.relates_images() => {
            Some(match comparison {
                FeatureComparison::Similarity => {
                    ("Similarity compares the images", ", or Attention or Hint")
                }
                _ => ("Relation compares the images", ", or Attention or Hint"),
            })
        }
        _ => None,
    };
    let mut terms = objective.terms.iter();
    let (term, (does, instead)) = terms.find_map(|term| Some((&term.name, related(term)?)))?;
    let accumulates = spec.accumulate > 1;
    if accumulates {
        let message =
            format!("a batch in parts is another batch for `{term}`: {does} of a whole one");
        let problem = Problem::new("accumulate", message);
        return Some(
            problem
                .help(format!("leave it out{instead}"))
                .depends_on("method"),
        );
    }
    (spec.batch <= objective.parts()).then(|| {
        let message = format!(
            "1 image has no other to be compared with, which `{term}` does: {does} of a batch"
        );
        let least = 2 * objective.parts();
        Problem::new("batch", message)
            .help(format!("write `batch: {least}` or more{instead}"))
            .depends_on("method")
    })
}

/// What is wrong with the schedule of a knob, at `path`, over a training whose
/// length is the field `epochs` beside it or above it.
fn schedule_problems(knob: &Knob, schedule: &Schedule, path: &str, epochs: u32) -> Vec<Problem> {
    let form = schedule.form_problems();
    if !form.is_empty() {
        return form
            .into_iter()
            .map(|problem| problem.under(path))
            .collect();
    }
    let values = knob.problems(schedule, 0.0, f64::from(epochs)).into_iter();
    values
        .map(|problem| problem.under(path).depends_on("epochs"))
        .collect()
}

/// What is wrong with the student's learning rate over the teacher's training.
fn inherited_lr_problems(spec: &Spec, written: &TeacherTraining) -> Vec<Problem> {
    let lr = Knob::lr(spec.lr.clone());
    if !schedule_problems(&lr, &spec.lr, "lr", spec.epochs).is_empty() {
        // Reported where it is written.
        return Vec::new();
    }
    let end = f64::from(written.epochs);
    // A short teacher may end within the student's warmup: weak, and not wrong.
    if matches!(spec.lr, Schedule::Warmup { epochs, .. } if epochs >= end) {
        return Vec::new();
    }
    let problems = lr.problems(&spec.lr, 0.0, end).into_iter().map(|problem| {
        Problem::new(
            "epochs",
            format!(
                "over the teacher's epochs the student's lr does not fit: {}",
                problem.message
            ),
        )
        .help("give the teacher a schedule of its own: Train(epochs: …, lr: …)")
    });
    problems.collect()
}

fn teacher_plan(spec: &Spec, paths: &Paths, problems: &mut Vec<Problem>) -> Option<TeacherPlan> {
    let teacher = spec.teacher.as_ref()?;
    let weights = match &teacher.weights {
        TeacherWeights::File(_)
        | TeacherWeights::Onnx(_)
        | TeacherWeights::TorchScript(_)
        | TeacherWeights::Logits(_) => {
            problems.extend(elsewhere::share_alone(teacher));
            TeacherSource::File(Box::new(elsewhere::file(teacher, paths, problems)?))
        }
        TeacherWeights::Ensemble(members) => {
            problems.extend(elsewhere::beside_members(teacher));
            TeacherSource::Ensemble(elsewhere::ensemble(members, paths, problems)?)
        }
        TeacherWeights::Train(training) => {
            problems.extend(elsewhere::share_alone(teacher));
            problems.extend(elsewhere::without_file(teacher));
            problems.extend(elsewhere::without_program(teacher));
            TeacherSource::Train(Box::new(teacher_training(spec, training, problems)?))
        }
    };
    Some(TeacherPlan {
        model: teacher.model.clone(),
        weights,
    })
}

/// The teacher's own training: cross-entropy, and everything else as for the
/// student unless the file says otherwise.
fn teacher_training(
    spec: &Spec,
    written: &TeacherTraining,
    problems: &mut Vec<Problem>,
) -> Option<Training> {
    let place = "teacher.weights.Train";
    let mut found = Vec::new();
    between(&mut found, "epochs", f64::from(written.epochs), 1.0, 1e6);
    if let Some(optimizer) = &written.optimizer {
        found.extend(optimizers::problems(optimizer, "optimizer"));
    }
    let lr = if let Some(own) = &written.lr {
        let lr = Knob::lr(own.clone());
        found.extend(schedule_problems(&lr, own, "lr", written.epochs));
        own.clone()
    } else {
        found.extend(inherited_lr_problems(spec, written));
        spec.lr.clone()
    };
    let context = ExpansionContext {
        rounds: written.epochs,
        epochs: written.epochs,
        labelled: true,
    };
    let objective = Scratch { p1: written.p1 }.expand(&context);
    let objective = objective.map_err(|problems| found.extend(problems)).ok();
    problems.extend(found.into_iter().map(|problem| problem.under(place)));
    Some(Training {
        objective: objective?,
        augment: spec.augment.clone(),
        freeze: Vec::new(),
        layer_decay: 1.0,
        optimizer: written.optimizer.clone().unwrap_or(spec.optimizer.clone()),
        lr: Knob::lr(lr),
        epochs: written.epochs,
        // A teacher has none to be compared with.
        metric: if spec.metric.needs_teacher() {
            ValidMetric::default()
        } else {
            spec.metric
        },
        early_stop: None,
        finish: None,
        batch: spec.batch,
        sampler: spec.sampler,
        accumulate: spec.accumulate,
        precision: spec.precision,
        round: RoundSpec::Epoch,
        clip: spec.clip,
        ema: spec.ema,
        label_smoothing: spec.label_smoothing,
        class_weights: spec.class_weights.clone(),
        truth_loss: spec.truth_loss,
        log_every: spec.log_every,
        checkpoint_every: spec.checkpoint_every,
    })
}
