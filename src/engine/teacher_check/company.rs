//! Whether a teacher answers about an image the same whatever it is asked about with
//! it: an answer is kept for later, and a student's training is a function of its seed.

use std::path::Path;

use crate::data::Images;
use crate::engine::classify::Classify;
use crate::engine::evaluate::{ask, host, image_tensor};
use crate::engine::failure::Failure;
use crate::engine::teacher_model::{Teacher, TeacherModel};
use crate::event::inspection::metrics::log_softmax;
use crate::experiment::problem::Problem;
use crate::untrusted::Show as _;

/// Images that are asked about together.
const TOGETHER: usize = 8;
/// Difference of logarithms of probabilities up to which engines may round, as a share
/// of them.
const ROUNDING: f64 = 0.01;
/// Logarithm of a probability below which none is told from another.
const SMALLEST: f64 = -16.0;

/// Refuses a teacher that is a program of its own and answers otherwise in other
/// company, or every time.
///
/// # Errors
/// Images cannot be read, or the teacher fails.
pub fn unsteady(
    teacher: &Teacher,
    path: &Path,
    images: &Images,
) -> Result<Option<Problem>, Failure> {
    let model = teacher.model();
    if matches!(model, TeacherModel::Network(_) | TeacherModel::Kept(_)) {
        return Ok(None);
    }
    let batch = model.batch();
    let count = images.valid.len().min(TOGETHER);
    let spread: Vec<usize> = (0..count).map(|k| k * images.valid.len() / count).collect();
    let set = images.valid.subset(&spread);
    let Some(together) = images.in_order(&set, TOGETHER).next() else {
        return Ok(None);
    };
    let together = together?;
    let rows = ask(teacher, &set, images, &together)?;
    let (Some(image), classes) = (together.indices.last(), images.classes.len()) else {
        return Ok(None);
    };
    let pixels = together.pixels.len() / together.indices.len();
    let last = &together.pixels[together.pixels.len() - pixels..];
    let alone = host(teacher.logits(image_tensor(last, images.size, teacher.device()))?)?;
    // All of them: a few numbers may come up the same twice.
    let again = ask(teacher, &set, images, &together)?;
    let problem = |what: &str, remedy: &str| {
        let name = set.name(*image);
        let problem = format!("{}: {what}, such as {}", path.shown(), name.shown());
        Some(Problem::new("teacher.weights", problem).help(remedy))
    };
    let mut twice = rows.chunks(classes).zip(again.chunks(classes));
    if twice.any(|(first, second)| differ(first, second)) {
        return Ok(problem(
            "its logits for an image differ in every run",
            "export it after model.eval(), without dropout and random numbers",
        ));
    }
    if differ(&alone, &rows[rows.len() - classes..]) {
        let remedy = match batch {
            Some(_) => "export it after model.eval() and with a dynamic batch",
            None => "export it after model.eval(), so that nothing is computed over the batch",
        };
        return Ok(problem(
            "its logits for an image depend on the others of its batch",
            remedy,
        ));
    }
    Ok(None)
}

/// Whether two rows of logits are those of different probabilities.
fn differ(one: &[f32], other: &[f32]) -> bool {
    let logs = |row: &[f32]| log_softmax(row).into_iter().map(|log| log.max(SMALLEST));
    let mut pairs = logs(one).zip(logs(other));
    pairs.any(|(one, other)| (one - other).abs() > ROUNDING * one.abs().max(1.0))
}
