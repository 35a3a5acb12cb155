//! Gates: conditions on a run's results that decide its exit code.
//!
//! A gate holds only if it was evaluated and found to hold. A metric that is
//! missing or not a number, a run to compare with that can't be read, a name
//! that is no metric: all of these fail, and say why. The caller says where
//! other runs are found.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use crate::event::{Dataset, Measurement, Variant};
use crate::experiment::metric::{Metric, MetricSplit, Quantity};
use crate::experiment::spec::{Bound, Gate};
use crate::format;
use crate::store::RunStore;
use crate::store::metrics::{evaluation, exported, of_evaluation};

/// What became of a gate.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The gate as a person reads it, such as `test/top1@best ≥ 85 %`.
    pub gate: String,
    /// Whether its metric is a share, which is written in percent.
    pub is_share: bool,
    /// The metric's value, where there is one.
    pub value: Option<f64>,
    /// What that is held against, where it is another run's.
    pub limit: Option<f64>,
    /// The verdict.
    pub status: GateStatus,
}

/// Whether a gate holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateStatus {
    /// It does.
    Passed,
    /// It does not.
    Failed,
    /// It could not be evaluated, and this is why. Counts as failed.
    NotEvaluated(String),
}

impl Verdict {
    /// Whether the gate was evaluated and holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.status == GateStatus::Passed
    }

    /// What was found, without the gate.
    #[must_use]
    pub fn finding(&self) -> String {
        let value = match (self.value, self.limit) {
            (Some(value), Some(limit)) => {
                format!(
                    "{} against {}, ",
                    self.measured(value),
                    self.measured(limit)
                )
            }
            (Some(value), None) => format!("{}, ", self.measured(value)),
            (None, _) => String::new(),
        };
        match &self.status {
            GateStatus::Passed => format!("{value}passed"),
            GateStatus::Failed => format!("{value}failed"),
            GateStatus::NotEvaluated(reason) => format!("not evaluated: {reason}"),
        }
    }
}

impl Verdict {
    /// A measured value. One that did not pass keeps its digits: it may be the last of
    /// them that lacks.
    fn measured(&self, value: f64) -> String {
        match self.status {
            GateStatus::Failed if self.is_share => chosen(value, true),
            _ if self.is_share => format::percent(value),
            _ => format::number(value),
        }
    }
}

/// A number that somebody chose, of a metric that is a share or not.
fn chosen(value: f64, is_share: bool) -> String {
    if is_share {
        format::round_percent(value)
    } else {
        format::number(value)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.gate, self.finding())
    }
}

impl Verdict {
    /// The run is not completed, so that the gate is not evaluated.
    pub fn withdraw(&mut self) {
        (self.value, self.limit) = (None, None);
        self.status = GateStatus::NotEvaluated("the run is not completed".to_owned());
    }
}

/// Finds the run of a folder, or says why not.
pub type FindRun<'a, 'run> = &'a dyn Fn(&Path) -> Result<Cow<'run, RunStore>, String>;

/// Evaluates every gate of a run by what was measured until now.
#[must_use]
pub fn evaluate(gates: &[Gate], store: &RunStore, find: FindRun<'_, '_>) -> Vec<Verdict> {
    let verdicts = gates.iter().map(|gate| evaluate_one(gate, store, find));
    verdicts.collect()
}

/// Whether all of them were evaluated and hold.
#[must_use]
pub fn all_hold(verdicts: &[Verdict]) -> bool {
    verdicts.iter().all(Verdict::holds)
}

fn evaluate_one(gate: &Gate, store: &RunStore, find: FindRun<'_, '_>) -> Verdict {
    let (name, bound, at_least) = match gate {
        Gate::AtLeast(name, bound) => (name, bound, true),
        Gate::AtMost(name, bound) => (name, bound, false),
    };
    let sign = if at_least { "≥" } else { "≤" };
    let metric = name.parse::<Metric>();
    let shown = metric
        .as_ref()
        .map_or_else(|_| name.clone(), Metric::to_string);
    let is_share = metric
        .as_ref()
        .is_ok_and(|metric| metric.quantity.is_share());
    let bound_text = bound.words(|value| chosen(value, is_share));
    let mut verdict = Verdict {
        gate: format!("{shown} {sign} {bound_text}"),
        is_share,
        value: None,
        limit: None,
        status: GateStatus::Failed,
    };
    let passed = metric
        .map_err(|error| format!("{error}; {}", error.remedy()))
        .and_then(|metric| {
            let value = measure(&metric, store)?;
            verdict.value = Some(value);
            let (limit, tolerance) = limit(bound, &metric, store, find)?;
            if matches!(bound, Bound::Run { .. }) {
                verdict.limit = Some(limit);
            }
            compare(value, limit, tolerance, at_least)
        });
    verdict.status = match passed {
        Ok(true) => GateStatus::Passed,
        Ok(false) => GateStatus::Failed,
        Err(reason) => GateStatus::NotEvaluated(reason),
    };
    verdict
}

/// What the metric is held against, and how much worse still passes.
fn limit(
    bound: &Bound,
    metric: &Metric,
    store: &RunStore,
    find: FindRun<'_, '_>,
) -> Result<(f64, f64), String> {
    match bound {
        Bound::Value(value) => Ok((*value, 0.0)),
        Bound::Run { run, tolerance } => {
            let name = run.to_string_lossy();
            let other = find(run).map_err(|error| format!("{name} cannot be read: {error}"))?;
            let value = measure(metric, &other).map_err(|reason| format!("in {name}, {reason}"))?;
            let (dataset, images) = match metric.split {
                MetricSplit::Valid | MetricSplit::Export => (Dataset::Valid, "validation"),
                MetricSplit::Test => (Dataset::Test, "test"),
                MetricSplit::Bench => {
                    let own = store.measured.as_ref().map(conditions);
                    return if own == other.measured.as_ref().map(conditions) {
                        Ok((value, *tolerance))
                    } else {
                        Err(format!(
                            "{name} was measured on another processor or engine"
                        ))
                    };
                }
            };
            let both = store.data.as_ref().zip(other.data.as_ref());
            if both.and_then(|(own, others)| own.shares(dataset, others)) == Some(false) {
                return Err(format!(
                    "{name} was evaluated on other {images} images or other classes"
                ));
            }
            Ok((value, *tolerance))
        }
    }
}

/// What a time depends on besides the model: processor and engine.
fn conditions(measured: &Measurement) -> (&str, Option<&str>) {
    let row = measured.of_student(Variant::Fp32);
    let engine = row.map(|row| row.engine.as_str());
    (&measured.machine.processor, engine)
}

fn compare(value: f64, limit: f64, tolerance: f64, at_least: bool) -> Result<bool, String> {
    let named = [
        ("the value", value),
        ("the bound", limit),
        ("the tolerance", tolerance),
    ];
    for (what, number) in named {
        if number.is_nan() {
            return Err(format!("{what} is not a number"));
        }
    }
    Ok(if at_least {
        value >= limit - tolerance
    } else {
        value <= limit + tolerance
    })
}

/// The student's result: on test images the last evaluation of the best or the
/// last weights; on validation images that of the epoch whose checkpoint is the
/// best, or of the last; or why there is no such result.
pub fn measure(metric: &Metric, store: &RunStore) -> Result<f64, String> {
    if metric.split == MetricSplit::Export {
        return exported(store, metric.quantity)
            .ok_or_else(|| format!("there is no verified export for {metric}"));
    }
    if let Quantity::Cost(cost) = metric.quantity {
        let measured = store.measured.as_ref();
        return measured
            .and_then(|measured| measured.cost(cost))
            .ok_or_else(|| format!("{metric} was not measured when the run ended"));
    }
    let evaluation = evaluation(store, metric);
    let evaluation = evaluation.ok_or_else(|| format!("there is no evaluation for {metric}"))?;
    of_evaluation(store, evaluation, metric).ok_or_else(|| match metric.quantity {
        Quantity::Top5 => format!("{metric} needs more than five classes"),
        Quantity::Recall => format!("{metric} needs images of that class"),
        Quantity::Precision => format!("{metric} needs images that are predicted as that class"),
        _ => format!("{metric} needs a teacher, and there was none"),
    })
}

#[cfg(test)]
#[path = "gates_tests.rs"]
mod tests;
