//! Strengths of augmentation operations.

use super::checks::between;
use crate::experiment::augment::Operation;
use crate::experiment::controller::Controller;
use crate::experiment::objective::{Divergence, Loss, Objective};
use crate::experiment::problem::Problem;
use crate::experiment::spec::Spec;

/// Larger paddings, blanks and blurs are taken for a slip.
const MAX_PIXELS: f64 = 1024.0;

/// More operations in a row, or chains of them, are taken for a slip.
const MAX_PARTS: f64 = 16.0;

/// Problems of one operation, under its variant's name.
pub(super) fn problems(operation: &Operation) -> Vec<Problem> {
    let mut problems = Vec::new();
    let found = &mut problems;
    match operation {
        Operation::HorizontalFlip
        | Operation::VerticalFlip
        | Operation::Grayscale
        | Operation::Equalize
        | Operation::TrivialAugment
        | Operation::AutoAugment(_)
        | Operation::Solarize(_) => {}
        Operation::PadCrop(pixels) => {
            between(found, "PadCrop", f64::from(*pixels), 1.0, MAX_PIXELS);
        }
        Operation::Cutout(pixels) => {
            between(found, "Cutout", f64::from(*pixels), 1.0, MAX_PIXELS);
        }
        Operation::RandomResizedCrop { scale, ratio } => {
            span(found, "RandomResizedCrop.scale", *scale, 1e-3, 1.0);
            span(found, "RandomResizedCrop.ratio", *ratio, 1e-2, 100.0);
        }
        Operation::Rotate(degrees) => between(found, "Rotate", f64::from(*degrees), 0.0, 180.0),
        Operation::Translate(share) => between(found, "Translate", f64::from(*share), 0.0, 1.0),
        Operation::Affine {
            degrees,
            translate,
            scale,
            shear,
        } => {
            between(found, "Affine.degrees", f64::from(*degrees), 0.0, 180.0);
            between(found, "Affine.translate", f64::from(*translate), 0.0, 1.0);
            span(found, "Affine.scale", *scale, 1e-2, 100.0);
            between(found, "Affine.shear", f64::from(*shear), 0.0, 89.0);
        }
        Operation::ColorJitter {
            brightness,
            contrast,
            saturation,
            hue,
        } => {
            for (path, strength, max) in [
                ("ColorJitter.brightness", brightness, 1.0),
                ("ColorJitter.contrast", contrast, 1.0),
                ("ColorJitter.saturation", saturation, 1.0),
                ("ColorJitter.hue", hue, 0.5),
            ] {
                between(found, path, f64::from(*strength), 0.0, max);
            }
        }
        Operation::GaussianBlur { sigma } => {
            span(found, "GaussianBlur.sigma", *sigma, 1e-2, MAX_PIXELS);
        }
        Operation::GaussianNoise(deviation) => {
            between(found, "GaussianNoise", f64::from(*deviation), 0.0, 1.0);
        }
        Operation::Posterize(bits) => between(found, "Posterize", f64::from(*bits), 1.0, 8.0),
        Operation::MixUp(alpha) => concentration(found, "MixUp", *alpha),
        Operation::CutMix(alpha) => concentration(found, "CutMix", *alpha),
        Operation::RandomErasing { scale, ratio, .. } => {
            span(found, "RandomErasing.scale", *scale, 1e-3, 1.0);
            span(found, "RandomErasing.ratio", *ratio, 1e-2, 100.0);
        }
        Operation::RandAugment { n, magnitude, .. } => {
            between(found, "RandAugment.n", f64::from(*n), 1.0, MAX_PARTS);
            let magnitude = f64::from(*magnitude);
            between(found, "RandAugment.magnitude", magnitude, 0.0, 30.0);
        }
        Operation::AugMix {
            severity,
            width,
            depth,
            alpha,
        } => {
            for (path, value, max) in [
                ("AugMix.severity", u32::from(*severity), 10.0),
                ("AugMix.width", *width, MAX_PARTS),
                ("AugMix.depth", depth.unwrap_or(1), MAX_PARTS),
            ] {
                between(found, path, f64::from(value), 1.0, max);
            }
            concentration(found, "AugMix.alpha", *alpha);
        }
    }
    problems
}

/// What of an operation is too large for images of this size, height and width, under its
/// variant's name.
fn size_problem(operation: &Operation, (height, width): (u32, u32)) -> Option<Problem> {
    let side = height.min(width);
    let images = format!("images of {height} × {width} pixels");
    match *operation {
        Operation::Cutout(hole) if hole > side => {
            let message = format!("a hole of {hole} pixels is larger than {images}");
            Some(Problem::new("Cutout", message).help(format!("write at most {side}")))
        }
        Operation::PadCrop(padding) if padding >= side => {
            let message = format!("{images} padded by {padding} may be cropped to padding alone");
            let help = format!("write at most {}", side.saturating_sub(1));
            Some(Problem::new("PadCrop", message).help(help))
        }
        _ => None,
    }
}

/// What in a pipeline is too large for images of this size, height and width.
pub(super) fn size_problems(
    operations: &[Operation],
    size: (u32, u32),
) -> impl Iterator<Item = Problem> {
    let problems = operations
        .iter()
        .enumerate()
        .filter_map(move |(at, operation)| {
            Some(size_problem(operation, size)?.under(&format!("augment[{at}]")))
        });
    problems.map(|problem| problem.depends_on("data.size"))
}

/// What of a training does not bear images that are mixed with others, each of which has
/// two labels and is no other view of either.
pub(super) fn mixing_problems(spec: &Spec, objective: &Objective) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut operations = (0..)
        .zip(&spec.augment)
        .skip_while(|(_, it)| !it.mixes_images());
    let Some((at, operation)) = operations.next() else {
        return problems;
    };
    let (path, name) = (format!("augment[{at}]"), name_of(operation));
    if let Some((later, _)) = operations.find(|(_, it)| !it.mixes_images()) {
        let message = format!("{name} mixes whole images, and here follow operations on one");
        let problem = Problem::new(format!("augment[{later}]"), message);
        problems.push(problem.help("write MixUp and CutMix last"));
    }
    let mut refuse = |message: String, help: &str, on: &str| {
        problems.push(Problem::new(&path, message).help(help).depends_on(on));
    };
    let parts = objective.parts();
    if spec.batch <= parts {
        let message = format!("{name} mixes an image with another one of its view, which has 1");
        let help = format!("write `batch: {}` or more", 2 * parts);
        refuse(message, &help, "batch");
    }
    if spec.class_weights.is_some() {
        let message = format!("after {name} an image has two classes, and class_weights weigh one");
        refuse(message, "remove one of the two", "class_weights");
    }
    for term in &objective.terms {
        let why = match term.loss {
            Loss::Consistency { .. } => "compares views of one image, each mixed otherwise",
            Loss::Distill {
                divergence: Divergence::Dkd { .. },
                ..
            } => "needs one class for each image",
            Loss::Distill { .. } | Loss::Truth { .. } | Loss::Features { .. } => continue,
        };
        let message = format!("{name} mixes images, and the term `{}` {why}", term.name);
        refuse(
            message,
            "remove one of the two, or choose another method",
            "method",
        );
    }
    let controller = objective.controller.as_ref();
    if let Some(term) = controller.and_then(Controller::compared_term) {
        let message = format!(
            "{name} mixes images, and Gap compares the term `{term}` with its loss on validation \
             images, which are not mixed"
        );
        refuse(
            message,
            "remove it, or choose another method, AdaptiveAugmentation with `update: Feedback()`, say",
            "method",
        );
    }
    problems
}

/// The name of an operation that mixes images.
fn name_of(operation: &Operation) -> &'static str {
    match operation {
        Operation::MixUp(_) => "MixUp",
        _ => "CutMix",
    }
}

/// What the parameter of a beta or Dirichlet distribution may be.
fn concentration(problems: &mut Vec<Problem>, path: &str, alpha: f32) {
    between(problems, path, f64::from(alpha), 1e-3, 100.0);
}

/// Both ends in range, the lesser first.
fn span(problems: &mut Vec<Problem>, path: &str, (low, high): (f32, f32), min: f64, max: f64) {
    between(problems, &format!("{path}[0]"), f64::from(low), min, max);
    between(problems, &format!("{path}[1]"), f64::from(high), min, max);
    if low > high {
        problems.push(
            Problem::new(path, format!("{low} is above {high}"))
                .help("write the smaller value first"),
        );
    }
}
