//! A plan for a person to read: what `--check` prints. Every field of an experiment has
//! its row, changed or not, and the method is written out as what it expands to.

mod data;
mod models;
mod objective;
mod text;

use super::plan::{Plan, ResolvedPlan, Training};
use super::spec::{
    Bound, ClassWeights, DeviceSpec, ExportSpec, Gate, LibTorchDevice, OptimizerSpec, Precision,
    RoundSpec, SamplerSpec, TruthLossSpec,
};
use super::timeline::Timeline;
use crate::format::{number, precise};
use crate::untrusted::Show as _;
use text::{Page, written};

/// A plan whose images are not known, in at most 80 columns (long paths apart).
/// What depends on them is said to.
#[must_use]
pub fn explain(plan: &Plan) -> String {
    page(plan, None)
}

/// The plan that a run has.
#[must_use]
pub fn explain_resolved(resolved: &ResolvedPlan) -> String {
    page(&resolved.plan, Some(resolved.timeline()))
}

fn page(plan: &Plan, timeline: Option<Timeline>) -> String {
    let mut page = Page::default();
    page.line(&format!("{}: {}", plan.name, plan.method));
    page.row("seed", &plan.seed.to_string());
    page.row("device", &device(plan.device));
    data::explain(&plan.data, &mut page);

    if let Some(teacher) = &plan.teacher {
        models::teacher(teacher, plan.data.size, &mut page);
    } else {
        page.heading("Teacher");
        page.line("  none");
    }
    models::student(plan, &mut page);
    let portions = plan.data.portions(plan.training.batch);
    objective::explain(&plan.training, portions, timeline, &mut page);
    page.heading("Export");
    if plan.export.is_none() {
        page.line("  none");
    }
    if let Some(export) = plan.export {
        let takes = if export.takes_bytes() {
            "takes RGB bytes"
        } else {
            "takes normalised floats"
        };
        let floats = match export {
            ExportSpec::Fp16(_) => ", computes with 16-bit floats",
            _ => "",
        };
        page.row(
            "file",
            &format!("ONNX, {takes}{floats}; verified at the end"),
        );
        if let ExportSpec::Int8(int8) = export {
            let bits = int8
                .weight_bits
                .map_or(String::new(), |bits| format!(", weights of {bits} bits"));
            let (images, seed) = (int8.images, int8.seed);
            let text = format!("8-bit, calibrated on {images} training images (seed {seed}){bits}");
            page.row("integers", &text);
        }
    }
    gates(&plan.gates, &mut page);
    page.finish()
}

/// A section of the same page: rows of a label and a text.
#[must_use]
pub fn section(title: &str, rows: &[(&str, String)]) -> String {
    let mut page = Page::default();
    page.heading(title);
    for (label, text) in rows {
        page.row(label, text);
    }
    page.finish()
}

fn device(device: DeviceSpec) -> String {
    let words = match device {
        DeviceSpec::Auto => "Auto: a CUDA GPU, else libtorch, else the pure-Rust CPU backend",
        DeviceSpec::Cpu => "the pure-Rust CPU backend",
        DeviceSpec::LibTorch(LibTorchDevice::Cpu) => "libtorch on the CPU",
        DeviceSpec::LibTorch(LibTorchDevice::Cuda(index)) => {
            return format!("libtorch on the CUDA GPU {index}");
        }
    };
    words.to_owned()
}

/// `portions` are the training images and the unlabelled ones of a batch.
fn training_rows(training: &Training, portions: (usize, usize), page: &mut Page) {
    let round = match training.round {
        RoundSpec::Epoch => "a round is an epoch".to_owned(),
        RoundSpec::Steps(steps) => format!("a round is {steps} steps"),
    };
    let (epochs, batch) = (training.length().epochs_of_rounds, training.batch);
    let kinds = match portions {
        (_, 0) => String::new(),
        (labelled, unlabelled) => format!(" ({labelled} training images, {unlabelled} unlabelled)"),
    };
    page.row(
        "epochs",
        &format!("{epochs} of batches of {batch}{kinds}; {round}"),
    );
    let sampler = match training.sampler {
        SamplerSpec::Shuffle => "every image once an epoch",
        SamplerSpec::Balanced => "as many places in an epoch for every class",
    };
    page.row("sampler", sampler);
    let parts = match training.accumulate {
        1 => "no: a batch in one part".to_owned(),
        parts => format!("a batch in {parts} parts of {}", batch.div_ceil(parts)),
    };
    page.row("accumulate", &parts);
    let precision = match training.precision {
        Precision::Fp32 => "32-bit floats",
        Precision::Bf16 => "bf16, weights and losses in 32-bit floats",
    };
    page.row("precision", precision);
    let order = if training.metric.rises() {
        "highest"
    } else {
        "lowest"
    };
    let best = format!("the weights with the {order} {}", training.metric);
    page.row("best", &best);
    let early = training.early_stop.map_or_else(
        || "off".to_owned(),
        |early| {
            let (metric, patience) = (early.metric, early.patience);
            let least = early.least();
            format!("after {patience} epochs without an improvement of {metric}{least}")
        },
    );
    page.row("early stop", &early);
    let finish = training.quantize().map_or_else(
        || "none".to_owned(),
        |quantize| {
            let (epochs, bits) = (quantize.epochs, quantize.weight_bits);
            format!(
                "{epochs} more epochs with fake quantisation (activations 8 bits, weights {bits} \
                 bits); knobs hold their last values, lr restarts"
            )
        },
    );
    page.row("finish", &finish);
    page.row("optimizer", &optimizer(&training.optimizer));
    let augment: Vec<String> = training.augment.iter().map(written).collect();
    page.row(
        "augment",
        &if augment.is_empty() {
            "nothing".to_owned()
        } else {
            augment.join(", ")
        },
    );
    let clip = training.clip.map_or_else(
        || "unlimited".to_owned(),
        |clip| format!("at most {}", precise(clip)),
    );
    page.row("clip", &format!("gradient norm {clip}"));
    let ema = training.ema.map_or_else(
        || "off".to_owned(),
        |decay| {
            format!(
                "decay {}; evaluated and saved in place of the weights",
                precise(decay)
            )
        },
    );
    page.row("ema", &ema);
    label_rows(training, page);
    let checkpoints = training.checkpoint_every.map_or_else(
        || "every epoch".to_owned(),
        |steps| format!("every epoch and every {steps} steps"),
    );
    page.row(
        "logging",
        &format!(
            "every {} steps and at the end of an epoch; checkpoints {checkpoints}",
            training.log_every
        ),
    );
}

/// What labels are and count.
fn label_rows(training: &Training, page: &mut Page) {
    let smoothing = precise(training.label_smoothing);
    page.row("labels", &format!("label smoothing {smoothing}"));
    let weights = match &training.class_weights {
        Some(ClassWeights::Balanced) => "balanced: n / (C · n of the class)".to_owned(),
        Some(ClassWeights::Each(weights)) => {
            let weights: Vec<String> = weights.iter().map(|weight| number(*weight)).collect();
            weights.join(", ")
        }
        None => "none: all classes alike".to_owned(),
    };
    page.row("class weights", &weights);
    page.row("truth loss", &truth_loss(training.truth_loss));
}

fn truth_loss(loss: TruthLossSpec) -> String {
    let TruthLossSpec::BinaryCrossEntropy(binary) = loss else {
        return "cross-entropy".to_owned();
    };
    let over = if binary.sum_classes { "sum" } else { "mean" };
    let targets = binary
        .target_threshold
        .map_or_else(String::new, |threshold| {
            format!("; a target above {} is 1", precise(threshold))
        });
    format!("binary cross-entropy, {over} over the classes{targets}")
}

fn optimizer(optimizer: &OptimizerSpec) -> String {
    match optimizer {
        OptimizerSpec::Sgd {
            momentum,
            nesterov,
            weight_decay,
        } => format!(
            "Sgd, momentum {}{}, weight decay {}",
            precise(*momentum),
            if *nesterov { " (Nesterov)" } else { "" },
            precise(*weight_decay)
        ),
        OptimizerSpec::AdamW {
            betas,
            epsilon,
            weight_decay,
        } => format!(
            "AdamW, betas {} and {}, epsilon {}, weight decay {}",
            precise(betas.0),
            precise(betas.1),
            precise(*epsilon),
            precise(*weight_decay)
        ),
    }
}

fn gates(gates: &[Gate], page: &mut Page) {
    page.heading("Gates");
    if gates.is_empty() {
        page.line("  none: the exit code is 0 whatever the results");
    }
    for gate in gates {
        let (metric, relation, bound) = match gate {
            Gate::AtLeast(metric, bound) => (metric, "at least", bound),
            Gate::AtMost(metric, bound) => (metric, "at most", bound),
        };
        let bound = match bound {
            Bound::Value(value) => precise(*value),
            Bound::Run { run, tolerance } => {
                format!("{} ± {}", run.shown(), precise(*tolerance))
            }
        };
        page.row(metric, &format!("{relation} {bound}"));
    }
}

#[cfg(test)]
mod tests;
