//! Classifying a folder of images with a run's models.

use std::path::Path;
use std::time::Instant;

use super::classify::{Classify, images_per_pass};
use super::evaluate::ask;
use super::failure::Failure;
use super::models::RunModels;
use super::probe::picture;
use crate::data::{EvaluationBatch, Images};
use crate::event::inspection::score::{label_of, unlabelled_folders};
use crate::event::inspection::{Classified, InferenceEvent};
use crate::run::StopSignal;

/// Images in a forward pass.
const BATCH: usize = 64;

/// Classifies every image below `folder` and reports each, until it is done or
/// `stop` is given. What goes wrong is reported too; nothing is fatal to the caller.
pub fn infer(
    models: &RunModels,
    folder: &Path,
    stop: &StopSignal,
    report: &mut dyn FnMut(InferenceEvent),
) {
    let started = Instant::now();
    match classify(models, folder, stop, report) {
        Ok(cancelled) => report(InferenceEvent::Ended {
            cancelled,
            seconds: started.elapsed().as_secs_f64(),
        }),
        Err(error) => report(InferenceEvent::Failed(error.to_string())),
    }
}

/// Returns whether it was cancelled.
fn classify(
    models: &RunModels,
    folder: &Path,
    stop: &StopSignal,
    report: &mut dyn FnMut(InferenceEvent),
) -> Result<bool, Failure> {
    let images = models.images(folder)?;
    report(InferenceEvent::Began {
        images: images.valid.len(),
        classes: models.classes().to_vec(),
    });
    let below = (0..images.valid.len()).map(|at| {
        let name = images.valid.name(at);
        name.strip_prefix(folder)
            .map_or(name.clone(), Path::to_owned)
    });
    let unlabelled = unlabelled_folders(below, models.classes());
    for note in models.notes.iter().chain(&images.notes).chain(&unlabelled) {
        report(InferenceEvent::Warned(note.clone()));
    }
    for image in &images.skipped {
        report(InferenceEvent::Unreadable(image.clone()));
    }
    for batch in images.in_order(&images.valid, images_per_pass(images.size, BATCH)) {
        if stop.reason().is_some() {
            return Ok(true);
        }
        let batch = batch?;
        answer(models, &images, &batch, folder, report)?;
        for image in images.warnings() {
            report(InferenceEvent::Unreadable(image));
        }
    }
    Ok(false)
}

fn answer(
    models: &RunModels,
    images: &Images,
    batch: &EvaluationBatch,
    folder: &Path,
    report: &mut dyn FnMut(InferenceEvent),
) -> Result<(), Failure> {
    let started = Instant::now();
    let ask = |model: &dyn Classify| ask(model, &images.valid, images, batch);
    let student = models
        .student
        .as_ref()
        .map(|model| ask(model))
        .transpose()?;
    let teacher = models
        .teacher
        .as_ref()
        .map(|model| ask(model))
        .transpose()?;
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0 / batch.indices.len().max(1) as f64;
    let classes = models.classes().len();
    let row = |logits: &Option<Vec<f32>>, at: usize| {
        let logits = logits.as_ref()?;
        Some(logits[at * classes..(at + 1) * classes].to_vec())
    };
    for (at, &index) in batch.indices.iter().enumerate() {
        // It could be read a moment ago; if it is gone now, so is its picture.
        let Ok(image) = images.valid.pixels(index) else {
            continue;
        };
        let path = images.valid.name(index);
        let path = path.strip_prefix(folder).unwrap_or(&path);
        report(InferenceEvent::Classified(Box::new(Classified {
            label: label_of(path, models.classes()),
            path: path.to_owned(),
            picture: picture(image),
            student: row(&student, at),
            teacher: row(&teacher, at),
            milliseconds,
        })));
    }
    Ok(())
}
