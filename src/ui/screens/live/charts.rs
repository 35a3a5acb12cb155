//! Which charts a training has, and which curves each holds: losses together,
//! accuracies together, knobs by role, and every other metric by itself.

use crate::event::{EvaluatedWeights, Evaluation, Phase, Split};
use crate::experiment::knob::KnobRole;
use crate::store::RunStore;

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ChartSpec {
    pub(super) title: String,
    pub(super) curves: Vec<CurveSpec>,
    /// Whether its y axis is logarithmic unless a person says otherwise.
    pub(super) log: bool,
    /// Whether its values are shares, which are written in percent.
    pub(super) shares: bool,
    /// Which end of the first evaluated curve is the best, if one is.
    pub(super) best: Option<Best>,
}

/// Where the best of a curve lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Best {
    Highest,
    Lowest,
}

/// A curve.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CurveSpec {
    pub(super) name: String,
    pub(super) source: Source,
}

/// Where a curve's points come from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// A metric of logged steps.
    Logged(String),
    /// A metric of evaluations on the validation images.
    Evaluated(EvaluatedMetric),
}

/// A metric of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EvaluatedMetric {
    Top1,
    QuantizedTop1,
    Loss,
    TeacherTop1,
    Agreement,
    Kl,
}

impl EvaluatedMetric {
    pub(super) fn of(self, evaluation: &Evaluation) -> Option<f64> {
        let is_float = evaluation.weights != EvaluatedWeights::Quantized;
        match self {
            Self::Top1 => is_float.then_some(evaluation.top1),
            Self::QuantizedTop1 => (!is_float).then_some(evaluation.top1),
            Self::Loss => Some(evaluation.loss),
            Self::TeacherTop1 => evaluation.teacher.map(|teacher| teacher.top1),
            Self::Agreement => evaluation.teacher.map(|teacher| teacher.agreement),
            Self::Kl => evaluation.teacher.map(|teacher| teacher.kl),
        }
    }
}

/// Evaluations that make a curve: those of the weights as they were trained.
pub(super) fn evaluations(store: &RunStore, phase: Phase) -> impl Iterator<Item = &Evaluation> {
    store
        .evaluations_of(phase, Split::Valid)
        .filter(|evaluation| evaluation.weights != EvaluatedWeights::Best)
}

/// The charts of a training, in the order of the grid. `role` says what a knob is
/// to the training, where that is known; others are drawn by themselves.
pub(super) fn charts(
    store: &RunStore,
    phase: Phase,
    role: &dyn Fn(&str) -> Option<KnobRole>,
) -> Vec<ChartSpec> {
    let table = store.table(phase);
    let mut left: Vec<&str> = table.metrics().collect();
    let mut take = |belongs: &dyn Fn(&str) -> bool| -> Vec<CurveSpec> {
        let (taken, rest) = left.iter().partition(|metric| belongs(metric));
        left = rest;
        let taken: Vec<&str> = taken;
        taken.into_iter().map(logged).collect()
    };
    let mut losses = take(&|metric| metric.starts_with("loss/"));
    losses.sort_by_key(|curve| curve.name != "total");
    let mut accuracy = take(&|metric| metric == "train/accuracy");
    let mut of_role = |wanted: KnobRole| {
        take(&|metric| {
            let knob = metric.strip_prefix("knob/");
            knob.and_then(role) == Some(wanted)
        })
    };
    let probabilities = of_role(KnobRole::Probability);
    let weights = of_role(KnobRole::Weight);
    let feature_weights = of_role(KnobRole::FeatureWeight);
    let lr = of_role(KnobRole::LearningRate);
    let knobs = take(&|metric| metric.starts_with("knob/"));
    let speed = take(&|metric| metric == "speed/images_per_second");

    let evaluated = evaluations(store, phase).next();
    let taught = evaluated.is_some_and(|evaluation| evaluation.teacher.is_some());
    if evaluated.is_some() {
        accuracy.insert(0, metric("valid", EvaluatedMetric::Top1));
    }
    if store.best_quantized().is_some() && phase == Phase::Student {
        accuracy.insert(1, metric("quantized", EvaluatedMetric::QuantizedTop1));
    }
    if taught {
        accuracy.push(metric("teacher", EvaluatedMetric::TeacherTop1));
    }
    let mut charts = vec![
        chart("loss", losses),
        ChartSpec {
            shares: true,
            best: Some(Best::Highest),
            ..chart("accuracy", accuracy)
        },
        chart("augmentation p", probabilities),
        chart("loss weights", weights),
        chart("feature weights", feature_weights),
        ChartSpec {
            log: true,
            ..chart("lr", lr)
        },
        chart("images/s", speed),
    ];
    if evaluated.is_some() {
        charts.push(ChartSpec {
            best: Some(Best::Lowest),
            ..chart(
                "valid loss",
                vec![metric("valid loss", EvaluatedMetric::Loss)],
            )
        });
    }
    if taught {
        charts.push(ChartSpec {
            shares: true,
            ..chart(
                "agreement with teacher",
                vec![metric("", EvaluatedMetric::Agreement)],
            )
        });
        charts.push(chart(
            "KL from teacher",
            vec![metric("", EvaluatedMetric::Kl)],
        ));
    }
    let rest: Vec<CurveSpec> = left.iter().map(|metric| logged(metric)).collect();
    let alone = |curve: CurveSpec| chart(&curve.name.clone(), vec![curve]);
    charts.extend(knobs.into_iter().map(alone));
    charts.extend(rest.into_iter().map(alone));
    charts.retain(|chart| !chart.curves.is_empty());
    charts
}

fn chart(title: &str, mut curves: Vec<CurveSpec>) -> ChartSpec {
    if let [only] = curves.as_mut_slice() {
        // What is alone in its chart needs no name beside the chart's.
        if only.name == title || title == "lr" || title == "images/s" {
            only.name.clear();
        }
    }
    ChartSpec {
        title: title.to_owned(),
        curves,
        log: false,
        shares: false,
        best: None,
    }
}

/// A logged metric, named by what stands after its kind.
fn logged(metric: &str) -> CurveSpec {
    let name = match metric.split_once('/') {
        Some(("loss" | "knob" | "speed", name)) => name,
        Some(("train", "accuracy")) => "train",
        _ => metric,
    };
    CurveSpec {
        name: name.to_owned(),
        source: Source::Logged(metric.to_owned()),
    }
}

fn metric(name: &str, metric: EvaluatedMetric) -> CurveSpec {
    CurveSpec {
        name: name.to_owned(),
        source: Source::Evaluated(metric),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::event::{RunEvent, StepRow};

    #[test]
    fn knobs_are_drawn_together_by_their_role_and_not_by_how_they_are_called() {
        let mut store = RunStore::new();
        let knobs = ["p1", "w", "w_p", "patience", "lr", "temperature"];
        let values = knobs.map(|knob| (format!("knob/{knob}"), 0.5));
        store.apply(&RunEvent::StepLogged(StepRow {
            phase: Phase::Student,
            step: 0,
            epoch: 0.0,
            seconds: 0.0,
            values: BTreeMap::from(values),
        }));
        let role = |knob: &str| match knob {
            "p1" => Some(KnobRole::Probability),
            "w" | "w_p" | "patience" => Some(KnobRole::Weight),
            "lr" => Some(KnobRole::LearningRate),
            _ => None,
        };
        let charts = charts(&store, Phase::Student, &role);
        let names = |title: &str| -> Vec<String> {
            let of_title = charts.iter().filter(|chart| chart.title == title);
            of_title
                .flat_map(|chart| chart.curves.iter().map(|curve| curve.name.clone()))
                .collect()
        };
        assert_eq!(names("augmentation p"), ["p1"]);
        assert_eq!(names("loss weights"), ["patience", "w", "w_p"]);
        assert_eq!(names("temperature"), [""]);
        assert_eq!(charts.len(), 4);
    }
}
