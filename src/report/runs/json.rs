//! What other programs read of a run.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Number, Value};

use crate::event::{ModelSummary, Phase, Position};
use crate::experiment::metric::Metric;
use crate::format::MISSING;
use crate::listing::{Field, Fields, GateStatus, Subject, Verdict};
use crate::run::StudyRole;
use crate::run::kept::kept_name;
use crate::run::timestamp::moment;
use crate::store::{Config, FieldValue, Progress};

/// A run in a list. Shares are fractions; what is not known is `null`.
#[derive(Debug, Serialize)]
pub(super) struct ListedRun<'a> {
    run: &'a str,
    folder: String,
    state: &'static str,
    experiment: Option<&'a str>,
    method: Option<&'a str>,
    device: Option<&'a str>,
    /// In UTC.
    started: String,
    /// The run and the checkpoint that it was forked from.
    forked: Option<Forked<'a>>,
    /// Which run of a study it is.
    study: Option<OfStudy<'a>>,
    tags: &'a [String],
    note: &'a str,
    done: Option<f64>,
    best: Option<f64>,
    /// The metric by which the best weights are chosen.
    best_by: String,
    last: Option<f64>,
    test: Option<f64>,
    #[serde(rename = "loss@last")]
    loss: Option<f64>,
    #[serde(rename = "agreement@last")]
    agreement: Option<f64>,
    seconds: Option<f64>,
    teacher_seconds: Option<f64>,
    /// What of it could not be read.
    problems: Vec<&'a str>,
    /// What was requested.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    columns: BTreeMap<String, Value>,
}

/// Which run of a study a run is.
#[derive(Debug, Serialize)]
struct OfStudy<'a> {
    study: &'a str,
    variant: &'a str,
    /// None where an epoch was timed.
    seed: Option<u64>,
}

/// Where a run that was forked began.
#[derive(Debug, Serialize)]
struct Forked<'a> {
    from: &'a str,
    checkpoint: String,
}

impl<'a> ListedRun<'a> {
    pub(super) fn of(run: &Subject<'a>, chosen: &[Field], fields: &Fields) -> Self {
        let (entry, metrics) = (run.run, run.metrics);
        let asked = chosen.iter().map(|field| {
            let value = match field {
                Field::Metric(metric) => entry.metric(metric).into(),
                _ => of_text(&field.text(run)),
            };
            (field.name(fields), value)
        });
        Self {
            run: run.name,
            folder: entry.folder.path().to_string_lossy().into_owned(),
            state: entry.state().word(),
            experiment: run.experiment(),
            method: run.config.get("method"),
            device: entry
                .store
                .identity
                .as_ref()
                .map(|known| known.device.as_str()),
            started: moment(entry.started).replace(' ', "T") + "Z",
            forked: run.forked().map(|fork| Forked {
                from: &fork.from,
                checkpoint: kept_name(fork.at),
            }),
            study: run.study().map(|of| OfStudy {
                study: &of.study,
                variant: &of.variant,
                seed: match of.role {
                    StudyRole::Seed(seed) => Some(seed),
                    StudyRole::Speed => None,
                },
            }),
            tags: &entry.notes.tags,
            note: &entry.notes.note,
            done: metrics.progress.map(Progress::share),
            best: metrics.best,
            best_by: run.best_by(),
            last: metrics.last,
            test: metrics.test,
            loss: metrics.loss,
            agreement: metrics.agreement,
            seconds: metrics.seconds,
            teacher_seconds: metrics.teacher_seconds,
            problems: entry.all_problems().map(String::as_str).collect(),
            columns: asked.collect(),
        }
    }
}

/// Everything about a run.
#[derive(Debug, Serialize)]
pub(super) struct ShownRun<'a> {
    #[serde(flatten)]
    listed: ListedRun<'a>,
    models: Vec<&'a ModelSummary>,
    metrics: BTreeMap<String, f64>,
    gates: Vec<GateResult<'a>>,
    /// As the run began.
    configuration: BTreeMap<&'a str, Value>,
    adjustments: Vec<Adjustment<'a>>,
}

#[derive(Debug, Serialize)]
struct GateResult<'a> {
    gate: &'a str,
    value: Option<f64>,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Adjustment<'a> {
    field: &'a str,
    value: Value,
    phase: Phase,
    step: u64,
}

impl<'a> ShownRun<'a> {
    pub(super) fn of(run: &Subject<'a>, verdicts: &'a [Verdict]) -> Self {
        let store = &run.run.store;
        let named = Metric::NAMES
            .into_iter()
            .flat_map(|name| ["best", "last"].map(|weights| format!("{name}@{weights}")));
        let measured = named.filter_map(|name| {
            let metric: Metric = name.parse().ok()?;
            Some((metric.to_string(), run.run.metric(&metric)?))
        });
        let gates = verdicts.iter().map(|verdict| {
            let (word, reason) = match &verdict.status {
                GateStatus::Passed => ("passed", None),
                GateStatus::Failed => ("failed", None),
                GateStatus::NotEvaluated(reason) => ("not evaluated", Some(reason.as_str())),
            };
            GateResult {
                gate: &verdict.gate,
                value: verdict.value,
                verdict: word,
                reason,
            }
        });
        Self {
            listed: ListedRun::of(run, &[], &Fields::default()),
            models: store.models.values().collect(),
            metrics: measured.collect(),
            gates: gates.collect(),
            configuration: configuration(run.config),
            adjustments: adjustments(run.config),
        }
    }
}

/// The fields as the run began, if it began with them.
fn configuration(config: &Config) -> BTreeMap<&str, Value> {
    let first = |path| {
        let value = config.values(path).first()?;
        value.since.is_none().then(|| (path, of_value(value)))
    };
    config.paths().filter_map(first).collect()
}

fn adjustments(config: &Config) -> Vec<Adjustment<'_>> {
    let mut found: Vec<(Position, Adjustment)> = Vec::new();
    for (field, _) in config.changed() {
        found.extend(config.values(field).iter().filter_map(|value| {
            let at = value.since?;
            let adjustment = Adjustment {
                field,
                value: of_value(value),
                phase: at.phase,
                step: at.step,
            };
            Some((at, adjustment))
        }));
    }
    found.sort_by_key(|(at, _)| *at);
    found
        .into_iter()
        .map(|(_, adjustment)| adjustment)
        .collect()
}

fn of_value(value: &FieldValue) -> Value {
    of_text(&value.text)
}

/// A number where it is one.
pub(super) fn of_text(text: &str) -> Value {
    match text.parse::<Number>() {
        _ if text == MISSING => Value::Null,
        Ok(number) => Value::Number(number),
        Err(_) => Value::String(text.to_owned()),
    }
}
