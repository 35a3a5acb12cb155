//! What happened to a run, in words.

use crate::event::{
    Evaluation, Export, FloatLayers, Int8, Measurement, Outcome, QuantScheme, RangeRule, Variant,
    WeightScales,
};
use crate::experiment::controller::{Decision, KnobMove};
use crate::experiment::metric::{Cost, Quantity};
use crate::format::{self, loss, number, percent};
use crate::listing::written;

/// What an evaluation found, without where.
pub(super) fn evaluation(evaluation: &Evaluation) -> String {
    let mut text = format!("top-1 {}", percent(evaluation.top1));
    if let Some(top5) = evaluation.informative_top5() {
        text = format!("{text}  top-5 {}", percent(top5));
    }
    text = format!("{text}  loss {}", loss(evaluation.loss));
    if let Some(teacher) = evaluation.teacher {
        let agreement = percent(teacher.agreement);
        text = format!("{text}  agreement {agreement}  KL {}", loss(teacher.kl));
    }
    text
}

/// What a controller moved and why.
pub(super) fn decision(decision: &Decision) -> String {
    let moved = |step: &KnobMove| step.words(number);
    let mut text = moved(&decision.moved);
    if !decision.followed.is_empty() {
        let followed: Vec<String> = decision.followed.iter().map(moved).collect();
        text = format!("{text}, {} (derived)", followed.join(", "));
    }
    format!("{text}: {}", decision.reason)
}

pub(super) fn outcome(outcome: &Outcome) -> String {
    let words = outcome.words();
    match outcome {
        Outcome::StoppedEarly { .. } => format!("completed, {words}"),
        Outcome::Stopped { .. } => format!("{words}, can be resumed"),
        Outcome::Completed | Outcome::Failed { .. } => words,
    }
}

/// What a verification found, in a line.
#[must_use]
pub fn proof_words(export: &Export) -> Option<String> {
    let proof = export.proof.as_ref()?;
    let learned = |int8: &Int8| int8.scheme.activations == RangeRule::Trained;
    let against = if export.int8.as_deref().is_some_and(learned) {
        " with the student as it was quantized"
    } else {
        ""
    };
    let top1 = match (proof.top1, proof.network_top1) {
        (Some(file), Some(network)) => format!(
            "; top-1 {}, before the export {}",
            format::percent(file),
            format::percent(network)
        ),
        _ => String::new(),
    };
    Some(format!(
        "{} on {} validation images: agreement{against} {}, largest logit difference {} (largest logit {}){top1}",
        proof.engine,
        format::count(proof.images),
        format::percent(proof.agreement),
        format::loss(proof.max_difference),
        format::loss(proof.max_logit),
    ))
}

/// How a file with 8-bit integers was made, in a line.
#[must_use]
pub fn int8_words(int8: &Int8) -> String {
    format!(
        "int8: {}; chosen by {} from {} schemes in {}, calibrated on {} training images (seed {})",
        scheme_words(int8.scheme),
        if int8.trials.iter().any(|trial| trial.top1.is_some()) {
            "top-1"
        } else {
            "agreement"
        },
        int8.trials.len(),
        int8.engine,
        int8.images,
        int8.seed
    )
}

fn scheme_words(scheme: QuantScheme) -> String {
    let [weights, activations, floats] = scheme_cells(scheme);
    let floats = match scheme.float_layers {
        FloatLayers::None => String::new(),
        _ => format!(", fp32 layers: {floats}"),
    };
    let found = match scheme.activations {
        RangeRule::Trained => "as",
        _ => "by",
    };
    format!("weights {weights}, activations {found} {activations}{floats}")
}

/// What a scheme does to weights and activations, and what it leaves.
pub(super) fn scheme_cells(scheme: QuantScheme) -> [String; 3] {
    let weights = match scheme.weights {
        WeightScales::PerTensor => "per tensor",
        WeightScales::PerChannel => "per channel",
    };
    let activations = match scheme.activations {
        RangeRule::MinMax => "min-max",
        RangeRule::Percentile => "percentile 99.99",
        RangeRule::Entropy => "entropy",
        RangeRule::Trained => "trained",
    };
    let floats = match scheme.float_layers {
        FloatLayers::None => "none",
        FloatLayers::First => "first",
        FloatLayers::Last => "last",
        FloatLayers::FirstAndLast => "first and last",
    };
    [
        format!("{weights}, {} bits", scheme.weight_bits),
        activations.to_owned(),
        floats.to_owned(),
    ]
}

/// How fast a student is in a line, by the row that stands for it.
pub fn speed_words(measured: &Measurement) -> Option<String> {
    let row = measured.of_student(Variant::Fp32)?;
    let times = [Cost::P50, Cost::P90, Cost::P99].map(|cost| {
        let time = row.cost(cost).unwrap_or(f64::NAN);
        written(Quantity::Cost(cost), time)
    });
    let file = match row.input {
        Some(input) => format!("ONNX, {} input", input.word()),
        None if row.file.is_some() => "ONNX".to_owned(),
        None => "weights".to_owned(),
    };
    Some(format!(
        "p50 {}, p90 {}, p99 {}; batch 1, 1 thread, {file}, {}, {}",
        times[0], times[1], times[2], row.engine, measured.machine.processor
    ))
}
