//! The model card of a run: what its student is, what it was made from, how good it
//! is, where its limits are, and how its files are loaded. Markdown, for
//! readers who have the files and not the run.

use std::fmt::Write as _;

use super::runs::int8_markdown;
use super::wording::{int8_words, proof_words};
use super::{event_formatter, metrics};
use crate::event::inspection::Weights;
use crate::event::{
    DataSummary, EvaluatedWeights, Evaluation, Export, ExportFormat, Exports, Phase, PixelFormat,
    RESIZE, Split, Variant,
};
use crate::experiment::metric::Quantity;
use crate::experiment::plan::{Plan, TeacherPlan};
use crate::format;
use crate::listing::{Column, Field, Subject};
use crate::store::{PhaseState, RunStore};
use crate::untrusted::{clean_line, json_line};

/// Fewer images of a class say little of it.
const FEW: u64 = 20;

/// The card for files that were written of a run.
#[must_use]
pub fn card(run: &Subject, exports: &Exports) -> String {
    let store = &run.run.store;
    let mut text = head(run);
    text += &files(exports);
    if let Some(data) = &store.data {
        text += &images(data, exports);
    }
    text += &method(run);
    let of = |weights: &Weights| exports.values().any(|export| export.weights == *weights);
    let weights: Vec<Weights> = [Weights::Best, Weights::Latest]
        .into_iter()
        .filter(of)
        .collect();
    text += &metrics(store, &weights);
    text += &unread(run);
    text += &limits(store, &weights);
    text += &loading(exports);
    text
}

fn head(run: &Subject) -> String {
    let store = &run.run.store;
    let student = store.models.get(&Phase::Student);
    let name = student.map_or("classifier", |model| model.name.as_str());
    let classes = store.data.as_ref().map_or(0, |data| data.classes.len());
    let method = match store.models.get(&Phase::Teacher) {
        Some(teacher) => format!("distilled from {}", cell(&teacher.name)),
        None => "trained without a teacher".to_owned(),
    };
    format!(
        "# {}\n\nAn image classifier: {}, {}, {method} by {} {}.\n",
        cell(run.name),
        cell(name),
        format::plural(classes, "class", "classes"),
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION"),
    )
}

/// What of the run could not be read for this card.
fn unread(run: &Subject) -> String {
    run.run.problem().map_or_else(String::new, |problem| {
        format!(
            "\nNot all of the run could be read for this card: {}.\n",
            cell(&problem)
        )
    })
}

fn files(exports: &Exports) -> String {
    let mut text = title("Files");
    text += "| file | what | file size | weights | BLAKE3 |\n|---|---|--:|---|---|\n";
    for (name, export) in exports {
        let what = match (export.format, export.input) {
            (ExportFormat::Onnx, Some(PixelFormat::Uint8)) => "ONNX, takes RGB bytes",
            (ExportFormat::Onnx, _) => "ONNX, takes normalised floats",
            (ExportFormat::Torch, _) => "weights for PyTorch",
        };
        let holds = match export.variant() {
            Variant::Fp32 => "",
            Variant::Fp16 => ", 16-bit floats",
            Variant::Int8 => ", 8-bit integers",
        };
        let weights = export.weights.word();
        let _ = writeln!(
            text,
            "| `{}` | {what}{holds} | {} | {weights}, step {} | `{}` |",
            cell(name),
            format::bytes(export.bytes),
            format::count(export.step),
            export.blake3
        );
    }
    text += "\nProof:\n\n";
    for (name, export) in exports {
        let _ = writeln!(text, "- `{}`: {}", cell(name), proof(export));
    }
    for (name, export) in exports {
        if let Some(int8) = &export.int8 {
            let _ = write!(
                text,
                "\n`{}`, {}. Top-1 and agreement are those on the validation images, which also \
                 chose the scheme; p50 is the median time of an answer to one image on one \
                 thread.\n\n{}",
                cell(name),
                int8_words(int8),
                int8_markdown(int8)
            );
        }
    }
    text
}

fn proof(export: &Export) -> String {
    proof_words(export).unwrap_or_else(|| {
        let why = match export.format {
            ExportFormat::Onnx => "not evaluated",
            ExportFormat::Torch => "not evaluated; these are the run's own weights",
        };
        why.to_owned()
    })
}

fn images(data: &DataSummary, exports: &Exports) -> String {
    let (height, width) = data.size;
    let mut text = title("Input and output");
    let _ = writeln!(
        text,
        "Images of {height} × {width} pixels (height × width), RGB. An image of another size is \
         {RESIZE}.\n"
    );
    let takes_bytes = |export: &Export| export.input == Some(PixelFormat::Uint8);
    if exports.values().any(takes_bytes) {
        let _ = writeln!(
            text,
            "A file that takes RGB bytes has the input `images`, uint8 `[batch, {height}, {width}, \
             3]`, and normalises them itself.\n"
        );
    }
    if !exports.values().all(takes_bytes) {
        let _ = writeln!(
            text,
            "A file that takes normalised floats has the input `images`, float32 `[batch, 3, \
             {height}, {width}]`: values divided by 255, less the mean {:?}, divided by the std \
             {:?}. So do the weights for PyTorch.\n",
            data.mean, data.std
        );
    }
    text += "Output: `logits`, float32 `[batch, classes]`; their softmax is the probabilities. \
             Classes in order:\n\n";
    for (at, class) in data.classes.iter().enumerate() {
        let _ = writeln!(text, "{at}. {}", cell(class));
    }
    text
}

fn method(run: &Subject) -> String {
    let store = &run.run.store;
    let mut text = title("Data and method");
    for line in event_formatter::facts(store) {
        let _ = writeln!(text, "- {}", cell(&line));
    }
    for (set, identity) in store.data.iter().flat_map(|data| &data.identity) {
        let set = format!("{set:?}").to_lowercase();
        let _ = writeln!(
            text,
            "- content of the {set} images: `{}`",
            identity.content
        );
    }
    let _ = writeln!(
        text,
        "- method: {}",
        Field::Column(Column::Method).text(run)
    );
    if let Some(plan) = &run.run.plan {
        let plan: &Plan = &plan.resolved.plan;
        let training = &plan.training;
        let teacher = plan.teacher.as_ref().map(TeacherPlan::members);
        for member in teacher.iter().flatten() {
            let name = cell(&member.file.name());
            let _ = match member.name {
                Some(_) => {
                    let share = format::percent(member.weight);
                    writeln!(text, "- teacher's file: {name}, {share} of the mean logits")
                }
                None => writeln!(text, "- teacher's file: {name}"),
            };
        }
        let planned = || f64::from(training.epochs);
        let trained = store.phases.get(&Phase::Student);
        let epochs = format::number(trained.map_or_else(planned, PhaseState::epochs));
        let planned = store.planned_epochs(Phase::Student);
        let epochs = planned.map_or(epochs.clone(), |planned| format!("{epochs} of {planned}"));
        let early = match &store.stopped_early {
            Some((_, reason)) => format!(" (stopped early: {reason})"),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "- {epochs} epochs{early}, batches of {}, seed {}",
            training.batch, plan.seed
        );
    }
    text += "\nThe run's folder has the whole configuration (`experiment.ron`, `plan.json`).\n";
    text
}

fn metrics(store: &RunStore, weights: &[Weights]) -> String {
    let mut text = title("Metrics");
    for (name, metrics) in metrics::best_and_last(store) {
        let _ = writeln!(text, "- {name}: {}", cell(&metrics.join("; ")));
    }
    for &weights in weights {
        if let (Some(evaluation), Some(data)) = (evaluation_of(store, weights), &store.data) {
            text += &by_class(evaluation, weights, data);
        }
    }
    text
}

fn by_class(evaluation: &Evaluation, weights: Weights, data: &DataSummary) -> String {
    let (split, _) = split(evaluation);
    let mut text = format!(
        "\nThe {} weights on {} {split} images, by class:\n\n",
        weights.word(),
        format::count(evaluation.images)
    );
    let shares = [Quantity::BalancedAccuracy, Quantity::MacroF1];
    let shares = shares.map(|share| format::percent(evaluation.value(share).unwrap_or(f64::NAN)));
    let _ = writeln!(
        text,
        "Balanced accuracy {}, macro-F1 {}.\n",
        shares[0], shares[1]
    );
    text +=
        "| class | images | recall | precision | most often taken for |\n|---|--:|--:|--:|---|\n";
    for (class, row) in evaluation.confusion.iter().enumerate() {
        let images: u64 = row.iter().copied().map(u64::from).sum();
        let others = row.iter().enumerate().filter(|(other, _)| *other != class);
        let worst = others.max_by_key(|(other, count)| (**count, usize::MAX - other));
        let worst = worst.filter(|(_, count)| **count > 0).map_or_else(
            || format::MISSING.to_owned(),
            |(other, count)| format!("{} ({count})", cell(class_name(data, other))),
        );
        let [recall, precision] = [Quantity::Recall, Quantity::Precision].map(|quantity| {
            let value = evaluation.value_of_class(quantity, class);
            format::percent(value.unwrap_or(f64::NAN))
        });
        let _ = writeln!(
            text,
            "| {} | {} | {recall} | {precision} | {worst} |",
            cell(class_name(data, class)),
            format::count(images),
        );
    }
    text
}

/// The evaluation that says most of these weights.
fn evaluation_of(store: &RunStore, weights: Weights) -> Option<&Evaluation> {
    let last = |split, which| store.last_evaluation(Phase::Student, split, which);
    match weights {
        Weights::Best => last(Split::Test, EvaluatedWeights::Best)
            .or_else(|| store.best_evaluation(Phase::Student)),
        Weights::Latest => last(Split::Test, EvaluatedWeights::Last)
            .or_else(|| last(Split::Valid, EvaluatedWeights::Last)),
    }
}

/// The name of an evaluation's images, and whether they had no part in training.
fn split(evaluation: &Evaluation) -> (&'static str, bool) {
    match evaluation.split {
        Split::Test => ("test", true),
        Split::Valid => ("validation", false),
    }
}

fn limits(store: &RunStore, weights: &[Weights]) -> String {
    let mut text = title("Limits");
    text += "- It knows these classes only: an image of anything else gets one of them too.\n\
             - It was tried on images from the same source as those it learned from. Of images of \
             another camera, light or place nothing is known.\n";
    let known = weights.iter();
    let known = known.filter_map(|&weights| Some((weights.word(), evaluation_of(store, weights)?)));
    let known: Vec<(&str, &Evaluation)> = known.collect();
    let Some((_, first)) = known.first() else {
        text += "- It was not evaluated.\n";
        return text;
    };
    for (weights, evaluation) in &known {
        let (name, _) = split(evaluation);
        let (share, images) = (evaluation.top1, evaluation.images.max(1) as f64);
        let _ = writeln!(
            text,
            "- Top-1 of the {weights} weights, {} on {} {name} images, has a standard error of {}.",
            format::percent(share),
            format::count(evaluation.images),
            format::percent((share * (1.0 - share) / images).sqrt()),
        );
        if let Some(ece) = evaluation.ece {
            let _ = writeln!(
                text,
                "- Probabilities of the {weights} weights on these {name} images are off by {} on \
                 average (expected calibration error).",
                format::percent(ece)
            );
        }
    }
    let (name, unseen) = split(first);
    if !unseen {
        text += "- There were no test images. The validation images also chose the best weights, so \
                 that new images are probably a little harder.\n";
    }
    let rows = first.confusion.iter().enumerate();
    let few = rows.filter(|(_, row)| row.iter().copied().map(u64::from).sum::<u64>() < FEW);
    let few = few.filter_map(|(class, _)| Some(class_name(store.data.as_ref()?, class)));
    let few: Vec<String> = few.map(cell).collect();
    if !few.is_empty() {
        let _ = writeln!(
            text,
            "- Classes with fewer than {FEW} {name} images, of which the numbers say little: {}.",
            few.join(", ")
        );
    }
    text
}

fn loading(exports: &Exports) -> String {
    let mut text = title("How to load it");
    for (name, export) in exports {
        let prepare = match (export.format, export.input) {
            (ExportFormat::Torch, _) => {
                let _ = writeln!(
                    text,
                    "`{}` with PyTorch: run the `load_….py` beside it, or import `load` from it.\n",
                    cell(name)
                );
                continue;
            }
            (ExportFormat::Onnx, Some(PixelFormat::Uint8)) => {
                "images = numpy.asarray(image, numpy.uint8)[None]"
            }
            (ExportFormat::Onnx, _) => {
                "mean, std = (numpy.array(json.loads(about[name]), numpy.float32) for name in (\"mean\", \"std\"))\n\
                 pixels = (numpy.asarray(image, numpy.float32) / 255 - mean) / std\n\
                 images = pixels.transpose(2, 0, 1)[None]"
            }
        };
        // A name is a text for Python as it is one in JSON.
        let file = json_line(name).unwrap_or_default();
        let file = file.trim_end();
        let _ = writeln!(
            text,
            "```python\n\
             import json\n\
             import numpy\n\
             import onnxruntime\n\
             from PIL import Image, ImageOps\n\
             \n\
             session = onnxruntime.InferenceSession({file})\n\
             about = session.get_modelmeta().custom_metadata_map\n\
             height, width = json.loads(about[\"size\"])\n\
             image = Image.open(\"image.png\").convert(\"RGB\")\n\
             image = ImageOps.fit(image, (width, height), Image.Resampling.BILINEAR)\n\
             {prepare}\n\
             logits = session.run(None, {{\"images\": images}})[0][0]\n\
             print(json.loads(about[\"classes\"])[logits.argmax()])\n\
             ```\n"
        );
    }
    text
}

fn title(name: &str) -> String {
    format!("\n## {name}\n\n")
}

fn class_name(data: &DataSummary, class: usize) -> &str {
    data.classes
        .get(class)
        .map_or(format::MISSING, String::as_str)
}

/// A text from outside as one line of Markdown.
fn cell(text: &str) -> String {
    let line = clean_line(text);
    let mut safe = String::with_capacity(line.len());
    for c in line.chars() {
        if matches!(c, '|' | '<' | '*' | '[') {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

#[cfg(test)]
#[path = "card_tests.rs"]
mod tests;
