//! What can be drawn of runs: metrics of their evaluations, and everything that
//! they logged.

use std::collections::BTreeSet;

use crate::event::{EvaluatedWeights, Evaluation, Phase, Split};
use crate::experiment::metric::Quantity;
use crate::store::RunStore;

/// Metrics of evaluations.
const METRICS: [Quantity; 7] = [
    Quantity::Top1,
    Quantity::Top5,
    Quantity::BalancedAccuracy,
    Quantity::MacroF1,
    Quantity::Loss,
    Quantity::Agreement,
    Quantity::Kl,
];

/// Something of which every run has a curve, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Drawable {
    /// A metric of the evaluations on the validation images.
    Evaluated(Quantity),
    /// A metric of the logged steps.
    Logged(String),
}

impl Drawable {
    /// Everything that any of some runs has, what one asks for first at the
    /// beginning.
    pub(super) fn all<'a>(stores: impl Iterator<Item = &'a RunStore>) -> Vec<Self> {
        let mut metrics = [false; METRICS.len()];
        let mut logged = BTreeSet::new();
        for store in stores {
            for (metric, has) in METRICS.into_iter().zip(&mut metrics) {
                *has |= evaluations(store).any(|each| each.value(metric).is_some());
            }
            logged.extend(store.table(Phase::Student).metrics().map(str::to_owned));
        }
        let metrics = METRICS.into_iter().zip(metrics);
        let metrics = metrics.filter_map(|(metric, has)| has.then_some(Self::Evaluated(metric)));
        let mut all: Vec<Self> = metrics
            .chain(logged.into_iter().map(Self::Logged))
            .collect();
        // Sorting is stable: metrics of a kind stay by name.
        all.sort_by_key(Self::rank);
        all
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Evaluated(Quantity::Top1) => 0,
            Self::Evaluated(Quantity::Loss) => 1,
            Self::Logged(metric) if metric == "loss/total" => 2,
            Self::Logged(metric) if metric == "train/accuracy" => 3,
            Self::Evaluated(Quantity::Agreement) => 4,
            Self::Evaluated(Quantity::Kl) => 5,
            Self::Logged(metric) if metric.starts_with("loss/") => 6,
            Self::Evaluated(_) => 7,
            Self::Logged(metric) if metric.starts_with("knob/") => 9,
            Self::Logged(_) => 8,
        }
    }

    /// Its name, for people.
    pub(super) fn title(&self) -> &str {
        match self {
            Self::Evaluated(Quantity::Top1) => "valid top-1",
            Self::Evaluated(Quantity::Top5) => "valid top-5",
            Self::Evaluated(Quantity::BalancedAccuracy) => "valid balanced accuracy",
            Self::Evaluated(Quantity::MacroF1) => "valid macro-F1",
            Self::Evaluated(quantity @ (Quantity::Recall | Quantity::Precision)) => quantity.name(),
            Self::Evaluated(Quantity::Loss) => "valid loss",
            Self::Evaluated(Quantity::Agreement) => "agreement with teacher",
            Self::Evaluated(Quantity::Kl) => "KL from teacher",
            Self::Evaluated(Quantity::MaxDifference) => "difference of logits",
            Self::Evaluated(Quantity::Cost(cost)) => cost.name(),
            Self::Logged(metric) => metric,
        }
    }

    /// Whether its values are shares in [0, 1].
    pub(super) fn is_share(&self) -> bool {
        match self {
            Self::Evaluated(quantity) => quantity.is_share(),
            Self::Logged(metric) => metric == "train/accuracy",
        }
    }

    /// Whether it is turned and not measured: it is drawn as it is.
    pub(super) fn is_knob(&self) -> bool {
        matches!(self, Self::Logged(metric) if metric.starts_with("knob/"))
    }
}

/// Evaluations that make a curve: those of the weights as they were trained.
pub(super) fn evaluations(store: &RunStore) -> impl Iterator<Item = &Evaluation> {
    store
        .evaluations_of(Phase::Student, Split::Valid)
        .filter(|evaluation| evaluation.weights == EvaluatedWeights::Last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::small_run;

    #[test]
    fn what_any_run_has_can_be_drawn_and_accuracy_comes_first() {
        let mut store = RunStore::new();
        for event in small_run() {
            store.apply(&event);
        }
        let empty = RunStore::new();
        let all = Drawable::all([&empty, &store].into_iter());
        assert_eq!(all[0].title(), "valid top-1");
        assert!(all.iter().any(|each| each.title() == "loss/total"));
        assert!(Drawable::all([&empty].into_iter()).is_empty());
    }
}
