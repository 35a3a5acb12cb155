//! Ranges of the values at the top of an experiment.

use std::path::Path;

use super::paths::run_name;
use crate::experiment::problem::Problem;
use crate::experiment::spec::{RoundSpec, Spec};
use crate::format::exact;

/// Longest name of a run; folders carry it.
const MAX_NAME: usize = 80;

/// More images than this in a step are taken for a slip.
const MAX_BATCH: f64 = 65_536.0;

/// Adds a problem unless `min <= value <= max`.
pub(super) fn between(problems: &mut Vec<Problem>, path: &str, value: f64, min: f64, max: f64) {
    if !(min..=max).contains(&value) {
        problems.push(Problem::new(
            path,
            format!(
                "{} is not between {} and {}",
                exact(value),
                exact(min),
                exact(max)
            ),
        ));
    }
}

/// Adds a problem unless `0 <= value < 1`.
pub(super) fn below_one(problems: &mut Vec<Problem>, path: &str, value: f64) {
    if !(0.0..1.0).contains(&value) {
        problems.push(Problem::new(
            path,
            format!("{value} is not at least 0 and below 1"),
        ));
    }
}

/// Adds a problem unless `0 < value < 1`.
pub(super) fn inside(problems: &mut Vec<Problem>, path: &str, value: f64) {
    if !(value > 0.0 && value < 1.0) {
        problems.push(Problem::new(
            path,
            format!("{value} is not between 0 and 1, both excluded"),
        ));
    }
}

/// Adds a problem unless `value > 0`.
pub(super) fn positive(problems: &mut Vec<Problem>, path: &str, value: f64) {
    if !(value > 0.0 && value.is_finite()) {
        problems.push(Problem::new(path, format!("{value} is not positive")));
    }
}

/// Problems of the fields that belong to no part.
pub(super) fn top_level(spec: &Spec, origin: &Path) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(name_problem(&run_name(spec, origin)));
    between(&mut problems, "epochs", f64::from(spec.epochs), 1.0, 1e6);
    between(&mut problems, "batch", spec.batch as f64, 1.0, MAX_BATCH);
    if spec.batch == 1 && spec.data.unlabelled.is_some() {
        problems.push(
            Problem::new(
                "batch",
                "1 image leaves no place for an unlabelled one beside the labelled one",
            )
            .help("write `batch: 2` or more")
            .depends_on("data"),
        );
    }
    if spec.accumulate == 0 || spec.accumulate > spec.batch.max(1) {
        let (parts, batch) = (spec.accumulate, spec.batch);
        problems.push(
            Problem::new(
                "accumulate",
                format!("{parts} is not between 1 and {batch}, the images of a batch"),
            )
            .help("a batch goes through the networks in so many parts; leave it out for one")
            .depends_on("batch"),
        );
    }
    if spec.round == RoundSpec::Steps(0) {
        problems.push(
            Problem::new("round.Steps", "a round of 0 steps never ends")
                .help("write Epoch, or Steps(100)"),
        );
    }
    if let Some(clip) = spec.clip {
        // The step computes with single precision.
        between(&mut problems, "clip", clip, 1e-30, 1e30);
    }
    if let Some(ema) = spec.ema {
        inside(&mut problems, "ema", ema);
    }
    between(
        &mut problems,
        "student.layer_decay",
        spec.student.layer_decay,
        0.01,
        1.0,
    );
    below_one(&mut problems, "label_smoothing", spec.label_smoothing);
    if spec.log_every == 0 {
        problems.push(Problem::new("log_every", "0 is not a number of steps").help("write 10"));
    }
    if spec.checkpoint_every == Some(0) {
        problems.push(
            Problem::new("checkpoint_every", "0 is not a number of steps")
                .help("leave it out for one checkpoint an epoch"),
        );
    }
    problems
}

/// Run folders carry the name, so it must be one on every system.
fn name_problem(name: &str) -> Option<Problem> {
    let refused = |message: String| {
        Some(
            Problem::new("name", message)
                .help("use letters, digits, `-`, `_` and `.`: run folders carry the name"),
        )
    };
    if name.trim().is_empty() {
        return refused("the name is empty".to_owned());
    }
    if name.chars().count() > MAX_NAME {
        return refused(format!("the name is longer than {MAX_NAME} characters"));
    }
    if name.starts_with('.') {
        return refused(format!("the name `{name}` starts with a dot"));
    }
    name.chars()
        .find(|&c| c.is_control() || r#"/\:*?"<>|"#.contains(c))
        .and_then(|c| refused(format!("the name cannot contain `{}`", c.escape_debug())))
}
