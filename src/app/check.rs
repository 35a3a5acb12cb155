//! What `--check` prints: the plan as a run of the experiment will have it.
//!
//! The images are listed, none is decoded: their number, classes and size are
//! known, and what depends on them is resolved as it is when a run starts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use thiserror::Error;

use crate::data::{self, DataError, DataIndex, SetIndex};
use crate::engine::{ImportError, settle};
use crate::event::{Dataset, ModelSummary, Phase};
use crate::experiment::plan::{Plan, ResolvedPlan};
use crate::experiment::problem::Problem;
use crate::experiment::{explain, explain_resolved, section};
use crate::format;

/// Classes that are named before the rest is counted.
const NAMED: usize = 12;

/// Why an experiment whose file is in order cannot be trained.
#[derive(Debug, Error)]
pub enum CheckError {
    /// Its images.
    #[error(transparent)]
    Images(#[from] DataError),
    /// A model or the method does not suit the images.
    #[error("{0}")]
    Plan(Problem),
    /// Weights from elsewhere.
    #[error(transparent)]
    Weights(#[from] ImportError),
    /// A value has no form in JSON.
    #[error("the plan could not be written as JSON: {0}")]
    Json(#[source] serde_json::Error),
}

/// The page, and why the experiment cannot be trained, if so: then what depends
/// on the images is not on it.
pub fn check(plan: &Plan) -> (String, Option<CheckError>) {
    match resolved(plan) {
        Ok(checked) => {
            let page = explain_resolved(&checked.plan)
                + &images(&checked.plan, &checked.index)
                + &sizes(&checked.models, &checked.notes);
            (page, None)
        }
        Err(error) => {
            let page = explain(plan);
            let label = match error {
                CheckError::Images(_) => "not listed",
                CheckError::Plan(_) => "do not fit",
                CheckError::Weights(_) | CheckError::Json(_) => "not resolved",
            };
            let rows = [(
                label,
                format!(
                    "{error}; values that depend on the images are shown as for labelled \
                         images"
                ),
            )];
            (page + &section("Images", &rows), Some(error))
        }
    }
}

/// The same as JSON: the plan as a run will have it, its images and models.
pub fn check_json(plan: &Plan) -> Result<String, CheckError> {
    let checked = resolved(plan)?;
    let count = |(dataset, set): (&Dataset, &SetIndex)| (*dataset, set.images);
    let page = CheckedExperiment {
        plan: &checked.plan.plan,
        steps_per_epoch: checked.plan.steps_per_epoch,
        teacher_steps_per_epoch: checked.plan.teacher_steps_per_epoch,
        classes: &checked.index.classes,
        images: checked.index.sets.iter().map(count).collect(),
        models: &checked.models,
        notes: &checked.notes,
    };
    let mut text = serde_json::to_string_pretty(&page).map_err(CheckError::Json)?;
    text.push('\n');
    Ok(text)
}

/// What `--check --json` prints.
#[derive(Serialize)]
struct CheckedExperiment<'a> {
    plan: &'a Plan,
    steps_per_epoch: u64,
    teacher_steps_per_epoch: u64,
    classes: &'a [String],
    images: BTreeMap<Dataset, usize>,
    models: &'a [ModelSummary],
    notes: &'a [String],
}

/// An experiment held against its images.
struct Checked {
    plan: ResolvedPlan,
    index: DataIndex,
    models: Vec<ModelSummary>,
    notes: Vec<String>,
}

fn resolved(plan: &Plan) -> Result<Checked, CheckError> {
    let index = data::index(&plan.data, plan.seed)?;
    let mut resolved = plan
        .clone()
        .resolve(&index.facts(plan))
        .map_err(CheckError::Plan)?;
    let mut notes = resolved.notes.clone();
    notes.extend(settle(&mut resolved.plan, &index.classes)?);
    let networks = resolved.networks(index.classes.len());
    let networks = networks.map_err(CheckError::Plan)?;
    let models = ModelSummary::of_plan(&resolved, networks.teacher.as_ref(), &networks.student);
    Ok(Checked {
        plan: resolved,
        index,
        models,
        notes,
    })
}

/// What the images are, and the steps that follow from their number.
fn images(resolved: &ResolvedPlan, index: &DataIndex) -> String {
    let count = |dataset| index.sets.get(&dataset).map_or(0, |set| set.images);
    let mut counts = vec![
        format!("{} train", count(Dataset::Train)),
        format!("{} valid", count(Dataset::Valid)),
    ];
    for (dataset, name) in [(Dataset::Test, "test"), (Dataset::Unlabelled, "unlabelled")] {
        if index.sets.contains_key(&dataset) {
            counts.push(format!("{} {name}", count(dataset)));
        }
    }
    let labels = if index.is_labelled() {
        ""
    } else {
        "; the training images are unlabelled"
    };
    let mut names = index
        .classes
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if index.classes.len() > NAMED {
        // Writing to a string can't fail.
        let _ = write!(names, ", … ({} more)", index.classes.len() - NAMED);
    }
    let (height, width) = index.size;
    let timeline = resolved.timeline();
    let mut rows = vec![
        ("listed", format!("{}{labels}", counts.join(", "))),
        ("classes", format!("{}: {names}", index.classes.len())),
        (
            "size",
            format!("{height} × {width} pixels, {}", index.size_reason),
        ),
        (
            "steps",
            format!(
                "{} per epoch, {} in total",
                timeline.steps_per_epoch, timeline.steps
            ),
        ),
    ];
    if let Some((_, teacher)) = resolved.teacher_training() {
        let steps = format!(
            "{} per epoch, {} in total",
            teacher.steps_per_epoch, teacher.steps
        );
        rows.push(("teacher's steps", steps));
    }
    for note in &index.notes {
        rows.push(("note", note.clone()));
    }
    rows.push((
        "unreadable",
        "images that cannot be decoded are skipped when the run starts, which changes these counts"
            .to_owned(),
    ));
    section("Images", &rows)
}

fn sizes(models: &[ModelSummary], notes: &[String]) -> String {
    let mut rows: Vec<(&str, String)> = models
        .iter()
        .map(|model| {
            let label = match model.phase {
                Phase::Teacher => "teacher",
                Phase::Student => "student",
            };
            let macs = model
                .macs
                .map_or(format::MISSING.to_owned(), |macs| macs.to_string());
            let text = format!(
                "{}, {} parameters, {macs} MACs per image",
                model.name, model.parameters
            );
            (label, text)
        })
        .collect();
    rows.extend(notes.iter().map(|note| ("note", note.clone())));
    section("Models", &rows)
}
