//! What `--check` prints: the plan as a run of the experiment will have it.
//!
//! The images are listed: their number, classes and size are known, and what depends on
//! them is resolved as it is when a run starts. A file that turns out to be unreadable
//! then changes the numbers, so they say what they assume. With `--decode` nothing is
//! assumed: the images are opened as a run opens them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use thiserror::Error;

use crate::data::{self, DataError, Images};
use crate::engine::{ImportError, settle};
use crate::event::{Dataset, ModelSummary, Phase, SkippedImage};
use crate::experiment::plan::{DataFacts, Plan, ResolvedPlan};
use crate::experiment::problem::Problem;
use crate::experiment::timeline::Timeline;

use crate::experiment::{Diagnostic, Report, explain, explain_resolved, section};
use crate::format;
use crate::untrusted::{Show as _, clean_line, json_page};

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
pub fn check(plan: &Plan, decode: bool) -> (String, Option<CheckError>) {
    match resolved(plan, decode) {
        Ok(checked) => {
            let page = explain_resolved(&checked.plan)
                + &images(&checked.plan, &checked.images)
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
pub fn check_json(plan: &Plan, decode: bool) -> Result<String, CheckError> {
    let checked = resolved(plan, decode)?;
    let page = CheckedExperiment {
        plan: &checked.plan.plan,
        steps_per_epoch: checked.plan.steps_per_epoch,
        teacher_steps_per_epoch: checked.plan.teacher_steps_per_epoch,
        classes: &checked.images.classes,
        images: &checked.images.counts,
        assumed_readable: checked.images.assumed_readable,
        unreadable: &checked.images.unreadable,
        models: &checked.models,
        notes: &checked.notes,
    };
    json_page(&page).map_err(CheckError::Json)
}

/// Why there is no such page, as JSON: each error of the file, or the one that its
/// images or weights have.
pub fn errors_json(file: Result<&Report, String>) -> Result<String, CheckError> {
    let (errors, more_errors) = match file {
        Ok(report) => {
            let listed = report.diagnostics.iter().map(CheckProblem::of);
            (listed.collect(), (report.more > 0).then_some(report.more))
        }
        Err(message) => {
            let only = CheckProblem {
                line: None,
                column: None,
                message,
                help: None,
            };
            (vec![only], None)
        }
    };
    let page = Failed {
        errors,
        more_errors,
    };
    json_page(&page).map_err(CheckError::Json)
}

/// What `--check --json` prints of an experiment that cannot be trained.
#[derive(Serialize)]
struct Failed<'a> {
    errors: Vec<CheckProblem<'a>>,
    /// Errors beyond those that are listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_errors: Option<usize>,
}

/// An error and its place; none of an error that concerns no place of the file.
#[derive(Serialize)]
struct CheckProblem<'a> {
    line: Option<usize>,
    column: Option<usize>,
    message: String,
    help: Option<&'a str>,
}

impl<'a> CheckProblem<'a> {
    fn of(diagnostic: &'a Diagnostic) -> Self {
        let place = diagnostic.place.as_ref();
        Self {
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            message: diagnostic.message.clone(),
            help: diagnostic.help.as_deref(),
        }
    }
}

/// What `--check --json` prints.
#[derive(Serialize)]
struct CheckedExperiment<'a> {
    plan: &'a Plan,
    steps_per_epoch: u64,
    teacher_steps_per_epoch: u64,
    classes: &'a [String],
    images: &'a BTreeMap<Dataset, usize>,
    /// Files among these images that were not opened: numbers of images and steps
    /// are those of a run if all of them can be read.
    assumed_readable: usize,
    /// Files that were opened and left out.
    unreadable: &'a [SkippedImage],
    models: &'a [ModelSummary],
    notes: &'a [String],
}

/// An experiment held against its images.
struct Checked {
    plan: ResolvedPlan,
    images: CheckedImages,
    models: Vec<ModelSummary>,
    notes: Vec<String>,
}

/// The images, listed or opened.
struct CheckedImages {
    classes: Vec<String>,
    size: (u32, u32),
    size_reason: String,
    counts: BTreeMap<Dataset, usize>,
    facts: DataFacts,
    notes: Vec<String>,
    /// Files that are counted without having been opened.
    assumed_readable: usize,
    unreadable: Vec<SkippedImage>,
}

impl CheckedImages {
    fn find(plan: &Plan, decode: bool) -> Result<Self, DataError> {
        let index = data::index(&plan.data, plan.seed)?;
        let listed = Self {
            classes: index.classes.clone(),
            size: index.size,
            size_reason: index.size_reason.to_string(),
            counts: index
                .sets
                .iter()
                .map(|(name, set)| (*name, set.images))
                .collect(),
            facts: index.facts(plan),
            notes: index.notes.clone(),
            assumed_readable: index.files(),
            unreadable: Vec::new(),
        };
        if !decode {
            return Ok(listed);
        }
        let images = Images::load(index)?;
        Ok(Self {
            counts: images
                .datasets()
                .map(|(name, set)| (name, set.len()))
                .collect(),
            facts: images.facts(plan),
            assumed_readable: 0,
            unreadable: images.skipped,
            ..listed
        })
    }

    /// What the numbers hold on.
    fn condition(&self) -> String {
        match self.assumed_readable {
            0 => String::new(),
            1 => ", if the file can be read".to_owned(),
            files => format!(", if all {} files can be read", format::count(files)),
        }
    }
}

fn resolved(plan: &Plan, decode: bool) -> Result<Checked, CheckError> {
    let images = CheckedImages::find(plan, decode)?;
    let mut resolved = plan
        .clone()
        .resolve(&images.facts)
        .map_err(CheckError::Plan)?;
    if let Some(problem) = resolved.plan.gate_without_class(&images.classes) {
        return Err(CheckError::Plan(problem));
    }
    let mut notes = resolved.notes.clone();
    let settled = settle(&mut resolved.plan, &images.classes)?;
    notes.extend(settled.iter().map(|note| note.message().to_owned()));
    let networks = resolved.networks(images.classes.len());
    let networks = networks.map_err(CheckError::Plan)?;
    let models = ModelSummary::of_plan(&resolved, networks.teacher.as_ref(), &networks.student);
    Ok(Checked {
        plan: resolved,
        images,
        models,
        notes,
    })
}

/// What the images are, and the steps that follow from their number.
fn images(resolved: &ResolvedPlan, images: &CheckedImages) -> String {
    let mut counts = Vec::new();
    for (dataset, name) in [
        (Dataset::Train, "train"),
        (Dataset::Valid, "valid"),
        (Dataset::Test, "test"),
        (Dataset::Unlabelled, "unlabelled"),
    ] {
        if let Some(count) = images.counts.get(&dataset) {
            counts.push(format!("{} {name}", format::count(*count)));
        }
    }
    let labels = if images.facts.labelled {
        ""
    } else {
        "; the training images are unlabelled"
    };
    let first = images.classes.iter().take(NAMED).cloned();
    let mut names = first.collect::<Vec<_>>().join(", ");
    if images.classes.len() > NAMED {
        // Writing to a string can't fail.
        let _ = write!(names, ", … ({} more)", images.classes.len() - NAMED);
    }
    let (height, width) = images.size;
    let condition = images.condition();
    let steps = |timeline: Timeline| {
        format!(
            "{} per epoch, {} in total{condition}",
            format::count(timeline.steps_per_epoch),
            format::count(timeline.steps)
        )
    };
    let listed = if condition.is_empty() {
        "images"
    } else {
        "listed"
    };
    let mut rows = vec![
        (listed, format!("{}{labels}{condition}", counts.join(", "))),
        ("classes", format!("{}: {names}", images.classes.len())),
        (
            "size",
            format!("{height} × {width} pixels, {}", images.size_reason),
        ),
        ("steps", steps(resolved.timeline())),
    ];
    if let Some((_, timeline)) = resolved.teacher_training() {
        rows.push(("teacher steps", steps(timeline)));
    }
    rows.extend(images.notes.iter().map(|note| ("note", note.clone())));
    if !condition.is_empty() {
        rows.push((
            "unread",
            "--decode reads the files as a run does".to_owned(),
        ));
    }
    rows.extend(images.unreadable.iter().take(NAMED).map(|image| {
        let line = format!("{} {}", image.path.shown(), image.reason);
        ("unreadable", clean_line(&line).into_owned())
    }));
    if let Some(more @ 1..) = images.unreadable.len().checked_sub(NAMED) {
        rows.push(("", format!("and {} more", format::count(more))));
    }
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
            let text = format!(
                "{}, {} parameters, {} MACs per image",
                model.name,
                format::scaled(model.parameters as f64),
                format::scaled(model.macs_or_nan())
            );
            (label, text)
        })
        .collect();
    rows.extend(notes.iter().map(|note| ("note", note.clone())));
    section("Models", &rows)
}
