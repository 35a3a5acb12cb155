//! What `--check` prints: the plan as a run of the experiment will have it.
//!
//! The images are listed: their number, classes and size are known, and what depends on
//! them is resolved as it is when a run starts. A file that turns out to be unreadable
//! then changes the numbers, so they say what they assume. With `--decode` nothing is
//! assumed: the experiment is prepared as a run prepares it. What a run refuses is refused
//! here, by the same functions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use thiserror::Error;

use crate::data::{self, DataError};
use crate::engine::{Note, PrepareError, Prepared, Settled, device_of};
use crate::event::{Dataset, ModelSummary, Phase, SkippedImage};
use crate::experiment::architecture::{Graph, LrGroup, Stage};
use crate::experiment::plan::{Networks, Plan, ProgramMaps, ResolvedPlan};
use crate::experiment::timeline::Timeline;
use crate::experiment::{Diagnostic, Report, explain, explain_resolved, section};
use crate::format;
use crate::untrusted::{Show as _, clean_line, json_page};

/// Classes that are named before the rest is counted.
const NAMED: usize = 12;

/// Maps of a file that are named of each height and width.
const LAST_MAPS: usize = 6;

/// Why an experiment whose file is in order cannot be trained.
#[derive(Debug, Error)]
pub enum CheckError {
    /// A run would be refused.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A value has no form in JSON.
    #[error("the plan could not be written as JSON: {0}")]
    Json(#[source] serde_json::Error),
}

impl From<DataError> for CheckError {
    fn from(error: DataError) -> Self {
        PrepareError::from(error).into()
    }
}

/// The page, and why the experiment cannot be trained, if so: where that is not its
/// device, what depends on the images is not on it.
pub fn check(plan: &Plan, decode: bool) -> (String, Option<CheckError>) {
    match Checked::new(plan, decode) {
        Ok((checked, refusal)) => {
            let mut page = explain_resolved(&checked.plan)
                + &images(&checked.plan, &checked.images)
                + &sizes(&checked);
            if let Some(error) = &refusal {
                page += &section("Device", &[("refused", error.to_string())]);
            }
            (page, refusal.map(CheckError::from))
        }
        Err(error) => {
            let label = match error {
                PrepareError::Data(_) => "not listed",
                PrepareError::Plan(_) => "do not fit",
                _ => "not resolved",
            };
            // The whole stands on stderr.
            let error_line = error.to_string();
            let error_line = error_line.lines().next().unwrap_or_default();
            let rows = [(
                label,
                format!(
                    "{error_line}; values that depend on the images are shown as for labelled \
                     images"
                ),
            )];
            let page = explain(plan) + &section("Images", &rows);
            (page, Some(error.into()))
        }
    }
}

/// The same as JSON: the plan as a run will have it, its images and models.
pub fn check_json(plan: &Plan, decode: bool) -> Result<String, CheckError> {
    let (checked, refusal) = Checked::new(plan, decode)?;
    if let Some(error) = refusal {
        return Err(error.into());
    }
    let page = CheckedExperiment {
        plan: checked.plan.plan.to_json().map_err(CheckError::Json)?,
        steps_per_epoch: checked.plan.steps_per_epoch,
        teacher_steps_per_epoch: checked.plan.teacher_steps_per_epoch,
        classes: &checked.images.classes,
        images: &checked.images.counts,
        assumed_readable: checked.images.assumed_readable,
        unreadable: &checked.images.unreadable,
        models: &checked.models,
        stages: &checked.stages,
        lr_groups: &checked.lr_groups,
        notes: &checked
            .images
            .notes
            .iter()
            .chain(&checked.notes)
            .collect::<Vec<_>>(),
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
    plan: serde_json::Value,
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
    /// The feature maps of the models that have some, in the order of evaluation.
    stages: &'a [CheckedStages],
    /// Factors of the student's learning rate by block, from the images to the classifier.
    lr_groups: &'a [LrGroup],
    notes: &'a [&'a String],
}

/// The feature maps of a model.
#[derive(Serialize)]
struct CheckedStages {
    phase: Phase,
    stages: Vec<Stage>,
    /// Whether they are all maps of a file, and not one of each size.
    #[serde(skip)]
    are_all: bool,
}

/// An experiment held against its images.
struct Checked {
    plan: ResolvedPlan,
    images: CheckedImages,
    models: Vec<ModelSummary>,
    /// Feature maps of the models that have some.
    stages: Vec<CheckedStages>,
    lr_groups: Vec<LrGroup>,
    notes: Vec<String>,
}

/// The images, listed or opened.
struct CheckedImages {
    classes: Vec<String>,
    size: (u32, u32),
    size_reason: String,
    labelled: bool,
    counts: BTreeMap<Dataset, usize>,
    notes: Vec<String>,
    /// Files that are counted without having been opened.
    assumed_readable: usize,
    unreadable: Vec<SkippedImage>,
}

impl Checked {
    /// The experiment, and why its device is refused, if so: then its images are listed.
    fn new(plan: &Plan, decode: bool) -> Result<(Self, Option<PrepareError>), PrepareError> {
        match device_of(plan) {
            Ok(_) if decode => Ok((Self::prepared(plan)?, None)),
            Ok(_) => Ok((Self::listed(plan)?, None)),
            Err(error) => Ok((Self::listed(plan)?, Some(error.into()))),
        }
    }

    /// Opens nothing but the headers of weights.
    fn listed(plan: &Plan) -> Result<Self, PrepareError> {
        let index = data::index(&plan.data, plan.seed)?;
        let facts = index.facts(plan);
        let settled = Settled::new(plan.clone(), &facts, &index.classes)?;
        let networks = settled.networks;
        let models = ModelSummary::of_plan(&settled.resolved, &networks);
        let counts = index.sets.iter().map(|(name, set)| (*name, set.images));
        Ok(Self {
            models,
            stages: stages(&networks, settled.maps),
            lr_groups: lr_groups(&settled.resolved, &networks),
            notes: messages(&settled.notes),
            images: CheckedImages {
                size: index.size,
                size_reason: index.size_reason.to_string(),
                labelled: facts.labelled,
                counts: counts.collect(),
                notes: index.notes.clone(),
                assumed_readable: index.files() - index.missing.len(),
                unreadable: index.missing.clone(),
                classes: index.classes,
            },
            plan: settled.resolved,
        })
    }

    /// Opens all that a run opens, and asks the teacher as it does.
    fn prepared(plan: &Plan) -> Result<Self, PrepareError> {
        let prepared = Prepared::new(plan.clone(), &|line| super::print_error_line(&line))?;
        let networks = prepared.networks();
        let images = &prepared.images;
        let counts = images.datasets().map(|(name, set)| (name, set.len()));
        Ok(Self {
            models: prepared.summaries(),
            stages: stages(&networks, prepared.maps.clone()),
            lr_groups: lr_groups(&prepared.resolved, &networks),
            notes: messages(&prepared.notes),
            images: CheckedImages {
                classes: images.classes.clone(),
                size: images.size,
                size_reason: images.size_reason.to_string(),
                labelled: images.facts(plan).labelled,
                counts: counts.collect(),
                notes: prepared.data.notes.clone(),
                assumed_readable: 0,
                unreadable: images.skipped.clone(),
            },
            plan: prepared.resolved,
        })
    }
}

/// The feature maps of the networks, the teacher's first, which may be those of its file.
fn stages(networks: &Networks, maps: ProgramMaps) -> Vec<CheckedStages> {
    let are_all = !maps.stages.is_empty();
    let layout = networks.teacher().into_iter().map(Graph::stages);
    let teacher = layout.chain(are_all.then_some(maps.stages));
    let teacher = teacher.map(|stages| (Phase::Teacher, stages, are_all));
    let models = teacher.chain([(Phase::Student, networks.student.stages(), false)]);
    let checked = models.map(|(phase, stages, are_all)| CheckedStages {
        phase,
        stages,
        are_all,
    });
    checked.collect()
}

/// The last maps of a file of each height and width.
fn maps_by_size(stages: &[Stage]) -> Vec<(&'static str, String)> {
    let mut sizes: Vec<[usize; 2]> = Vec::new();
    for stage in stages {
        if !sizes.contains(&stage.sides()) {
            sizes.push(stage.sides());
        }
    }
    let row = |[height, width]: [usize; 2]| {
        let of_size = stages
            .iter()
            .filter(|stage| stage.sides() == [height, width]);
        let names: Vec<String> = of_size
            .map(|it| format!("{} {}", it.name, it.shape[0]))
            .collect();
        let before = names.len().saturating_sub(LAST_MAPS);
        let listed = names[before..].join(", ");
        let more = match before {
            0 => String::new(),
            before => format!("; {before} before these, which --json lists"),
        };
        ("maps", format!("{height} × {width}: {listed}{more}"))
    };
    sizes.into_iter().map(row).collect()
}

/// The blocks of the student and their factors, which are 1 without a decay.
fn lr_groups(resolved: &ResolvedPlan, networks: &Networks) -> Vec<LrGroup> {
    networks
        .student
        .lr_groups(resolved.plan.training.layer_decay)
}

fn messages(notes: &[Note]) -> Vec<String> {
    let messages = notes.iter().map(|note| note.message().to_owned());
    messages.collect()
}

impl CheckedImages {
    /// What the numbers hold on.
    fn condition(&self) -> String {
        if self.assumed_readable > 0 && !self.unreadable.is_empty() {
            return format!(
                ", if all {} files can be read and the missing ones are found",
                format::count(self.assumed_readable)
            );
        }
        match self.assumed_readable {
            0 => String::new(),
            1 => ", if the file can be read".to_owned(),
            files => format!(", if all {} files can be read", format::count(files)),
        }
    }
}

/// What the images are, and the steps that follow from their number.
fn images(resolved: &ResolvedPlan, images: &CheckedImages) -> String {
    let mut counts = Vec::new();
    for dataset in Dataset::ALL {
        if let Some(count) = images.counts.get(&dataset) {
            counts.push(format!("{} {}", format::count(*count), dataset.word()));
        }
    }
    let labels = if images.labelled {
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

fn sizes(checked: &Checked) -> String {
    let stages = |phase: Phase| match checked.stages.iter().find(|of| of.phase == phase) {
        None => Vec::new(),
        Some(found) if found.are_all => maps_by_size(&found.stages),
        Some(found) => {
            let names = found.stages.iter().map(Stage::to_string);
            vec![("stages", names.collect::<Vec<_>>().join(", "))]
        }
    };
    let mut rows: Vec<(&str, String)> = checked
        .models
        .iter()
        .flat_map(|model| {
            let label = model.phase.word();
            let text = format!(
                "{}, {} parameters, {} MACs per image",
                model.name,
                format::scaled(model.parameters as f64),
                format::scaled(model.macs_or_nan())
            );
            std::iter::once((label, text)).chain(stages(model.phase))
        })
        .collect();
    if checked.plan.plan.training.layer_decay != 1.0 {
        let groups = checked.lr_groups.iter();
        let groups = groups.map(|it| format!("{} × {}", it.name, format::number(it.factor)));
        let groups: Vec<String> = groups.collect();
        rows.push(("lr by block", groups.join(", ")));
    }
    rows.extend(checked.notes.iter().map(|note| ("note", note.clone())));
    section("Models", &rows)
}
