//! Classifying a folder of images with a run's models.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use image::RgbImage;

use super::classify::{Classify, images_per_pass};
use super::evaluate::ask;
use super::failure::Failure;
use super::lanes::in_order;
use super::models::RunModels;
use super::network::Network;
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
    let pages = images.pages(&images.valid, images_per_pass(images.size, BATCH));
    let student = models.student.as_ref().map(Network::folded);
    // Where one answers at a time, the next images are read meanwhile.
    let lanes = models.device.lanes().max(2);
    let turn = (models.device.lanes() == 1).then(Mutex::default);
    let answered = |page: usize| {
        if stop.reason().is_some() {
            return Ok(Vec::new());
        }
        let (batch, originals) = pages.read(page)?;
        let _turn: Option<MutexGuard<()>> = turn.as_ref().map(|turn: &Mutex<()>| {
            // Nothing is behind it that a panic could leave half done.
            turn.lock().unwrap_or_else(PoisonError::into_inner)
        });
        answer(models, student.as_ref(), &images, &batch, originals, folder)
    };
    let mut failure = None;
    let enter = || match &turn {
        Some(_) => models.device.enter(),
        None => models.device.enter_alone(),
    };
    let started = in_order(lanes, pages.count(), enter, answered, |rows| {
        match rows {
            Ok(rows) => {
                for row in rows {
                    report(InferenceEvent::Classified(Box::new(row)));
                }
            }
            Err(error) => failure = Some(error),
        }
        for image in images.warnings() {
            report(InferenceEvent::Unreadable(image));
        }
        if failure.is_some() || stop.reason().is_some() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    models.device.enter();
    started.map_err(Failure::Thread)?;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(stop.reason().is_some()),
    }
}

/// What the models answer on a batch; the student with its normalisations folded.
fn answer(
    models: &RunModels,
    student: Option<&Network>,
    images: &Images,
    batch: &EvaluationBatch,
    originals: Vec<RgbImage>,
    folder: &Path,
) -> Result<Vec<Classified>, Failure> {
    let started = Instant::now();
    let ask = |model: &dyn Classify| ask(model, &images.valid, images, batch);
    let student = student.map(|model| ask(model)).transpose()?;
    let teacher = models
        .teacher
        .as_ref()
        .map(|model| ask(model))
        .transpose()?;
    for (who, logits) in [("student", &student), ("teacher", &teacher)] {
        check_finite(who, logits.as_deref(), batch.indices.len(), |at| {
            images.valid.name(batch.indices[at])
        })?;
    }
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0 / batch.indices.len().max(1) as f64;
    let classes = models.classes().len();
    let row = |logits: &Option<Vec<f32>>, at: usize| {
        let logits = logits.as_ref()?;
        Some(logits[at * classes..(at + 1) * classes].to_vec())
    };
    let classified = batch.indices.iter().zip(originals).enumerate();
    let classified = classified.map(|(at, (&index, image))| {
        let path = images.valid.name(index);
        let path = path.strip_prefix(folder).unwrap_or(&path);
        Classified {
            label: label_of(path, models.classes()),
            path: path.to_owned(),
            picture: picture(image),
            student: row(&student, at),
            teacher: row(&teacher, at),
            milliseconds,
        }
    });
    Ok(classified.collect())
}

/// Answers that are no numbers say nothing of an image, and no accuracy is made of them.
fn check_finite(
    who: &'static str,
    logits: Option<&[f32]>,
    images: usize,
    name: impl Fn(usize) -> PathBuf,
) -> Result<(), Failure> {
    let logits = logits.unwrap_or_default();
    let Some(at) = logits.iter().position(|logit| !logit.is_finite()) else {
        return Ok(());
    };
    let image = name(at / (logits.len() / images.max(1)).max(1));
    Err(Failure::NoAnswer { who, image })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_number_is_named_with_its_image() {
        let name = |at: usize| PathBuf::from(format!("{at}.png"));
        let check = |logits: &[f32]| check_finite("student", Some(logits), 2, name);
        assert!(check(&[1.0, 2.0, 3.0, -4.0]).is_ok());
        assert!(check_finite("teacher", None, 2, name).is_ok());
        for odd in [f32::NAN, f32::INFINITY] {
            let error = check(&[1.0, 2.0, 3.0, odd]).unwrap_err().to_string();
            let expected = "the student's logits of 1.png are not finite";
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
