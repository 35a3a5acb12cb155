//! The metrics that a run is evaluated by, taken from its fold once and kept until
//! it changes.

use super::run_store::RunStore;
use crate::event::{EvaluatedWeights, Evaluation, Phase, Split};
use crate::experiment::metric::{Metric, MetricSplit, MetricWeights, Quantity};

/// How well and how far a run is. Shares are in [0, 1]; what was not measured
/// is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Metrics {
    /// Top-1 on the validation images of the best weights.
    pub best: Option<f64>,
    /// Last top-1 on the validation images.
    pub last: Option<f64>,
    /// Top-1 on the test images of the best weights.
    pub test: Option<f64>,
    /// Last cross-entropy on the validation images, nats.
    pub loss: Option<f64>,
    /// Last share of validation images on which student and teacher agree.
    pub agreement: Option<f64>,
    /// How far the training that began last is.
    pub progress: Option<Progress>,
    /// Seconds that the student trained, as [`seconds`] counts them.
    pub seconds: Option<f64>,
    /// The same of its teacher, where the run trained it.
    pub teacher_seconds: Option<f64>,
}

/// How far a training is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// Whose training.
    pub phase: Phase,
    /// Epochs completed.
    pub epoch: f64,
    /// Epochs of all of it.
    pub epochs: f64,
}

impl Progress {
    /// Of the training that began last.
    #[must_use]
    pub fn of(store: &RunStore) -> Option<Self> {
        let phase = store.phase?;
        let state = store.phases.get(&phase)?;
        Some(Self {
            phase,
            epoch: state.epochs_after(store.completed(phase)),
            epochs: state.epochs(),
        })
    }

    /// Completed share, in [0, 1].
    #[must_use]
    pub fn share(self) -> f64 {
        if self.epochs > 0.0 {
            (self.epoch / self.epochs).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}

impl Metrics {
    /// The metrics of a run.
    #[must_use]
    pub fn of(store: &RunStore) -> Self {
        let measured = |name: &str| value(store, &name.parse().ok()?);
        Self {
            best: measured("valid/top1@best"),
            last: measured("valid/top1@last"),
            test: measured("test/top1@best"),
            loss: measured("valid/loss@last"),
            agreement: measured("valid/agreement@last"),
            progress: Progress::of(store),
            seconds: seconds(store, Phase::Student),
            teacher_seconds: seconds(store, Phase::Teacher),
        }
    }
}

/// The student's result of this name; none if it was not measured or is no
/// number.
#[must_use]
pub fn value(store: &RunStore, metric: &Metric) -> Option<f64> {
    if metric.split == MetricSplit::Export {
        return exported(store, metric.quantity);
    }
    if let Quantity::Cost(cost) = metric.quantity {
        return store.measured.as_ref()?.cost(cost);
    }
    let evaluation = evaluation(store, metric)?;
    of_evaluation(store, evaluation, metric).filter(|value| !value.is_nan())
}

/// What an evaluation of a run says of a metric; none of a class that there is not.
#[must_use]
pub fn of_evaluation(store: &RunStore, evaluation: &Evaluation, metric: &Metric) -> Option<f64> {
    let Some(class) = &metric.class else {
        return evaluation.value(metric.quantity);
    };
    let mut classes = store.data.as_ref()?.classes.iter();
    let class = classes.position(|known| known == class)?;
    evaluation.value_of_class(metric.quantity, class)
}

/// What the verification of the file says that the student was written to.
#[must_use]
pub fn exported(store: &RunStore, quantity: Quantity) -> Option<f64> {
    let proof = store.exported.as_ref()?.proof.as_ref()?;
    match quantity {
        Quantity::Top1 => proof.top1,
        Quantity::Agreement => Some(proof.agreement),
        Quantity::MaxDifference => Some(proof.max_difference),
        _ => None,
    }
}

/// The student's evaluation that a metric is read from: on test images the last of
/// the best or the last weights; on validation images that of the epoch whose
/// checkpoint is the best, or of the last.
#[must_use]
pub fn evaluation<'a>(store: &'a RunStore, metric: &Metric) -> Option<&'a Evaluation> {
    match (metric.split, metric.weights) {
        (MetricSplit::Export | MetricSplit::Bench, _) => None,
        (MetricSplit::Valid, MetricWeights::Best) => store.best_evaluation(Phase::Student),
        (MetricSplit::Valid, MetricWeights::Last) => {
            store.last_evaluation(Phase::Student, Split::Valid, EvaluatedWeights::Last)
        }
        (MetricSplit::Test, MetricWeights::Best) => {
            store.last_evaluation(Phase::Student, Split::Test, EvaluatedWeights::Best)
        }
        (MetricSplit::Test, MetricWeights::Last) => {
            store.last_evaluation(Phase::Student, Split::Test, EvaluatedWeights::Last)
        }
    }
}

/// Seconds that a training of a run took to come where it stands, in all processes:
/// evaluations included, pauses and what a kill lost left out.
#[must_use]
pub fn seconds(store: &RunStore, phase: Phase) -> Option<f64> {
    let table = store.table(phase);
    let ended = store.phases.get(&phase)?.ended;
    let ended = ended.map(|seconds| table.clock(seconds));
    let seconds = table.seconds().into_iter().chain(ended).reduce(f64::max);
    seconds.filter(|seconds| seconds.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::run_started;
    use crate::event::{Position, RunEvent};
    use crate::store::testing::small_run;

    fn folded(events: &[RunEvent]) -> RunStore {
        let mut store = RunStore::new();
        for event in events {
            store.apply(event);
        }
        store
    }

    #[test]
    fn a_finished_run_has_every_metric() {
        let metrics = Metrics::of(&folded(&small_run()));
        assert_eq!(metrics.best, Some(0.8));
        assert_eq!(metrics.last, Some(0.7));
        assert_eq!(metrics.test, Some(0.8));
        assert_eq!(metrics.seconds, Some(6.0));
        assert_eq!(metrics.teacher_seconds, Some(4.0));
        assert_eq!(metrics.progress.unwrap().share(), 1.0);
        assert_eq!(Metrics::of(&RunStore::new()), Metrics::default());
    }

    #[test]
    fn time_counts_on_over_processes_and_what_a_kill_lost_counts_once() {
        let all = small_run();
        let is_student = |event: &&RunEvent, from: u64| match event {
            RunEvent::StepLogged(row) => row.phase == Phase::Student && row.step >= from,
            RunEvent::PhaseEnded { phase, .. } => *phase == Phase::Student,
            _ => false,
        };
        let lost = all.iter().position(|event| is_student(&event, 6)).unwrap();
        let mut events = all[..lost].to_vec();
        assert_eq!(Metrics::of(&folded(&events)).seconds, Some(3.0));
        events.push(run_started(
            "small",
            Some(Position {
                phase: Phase::Student,
                step: 4,
            }),
        ));
        assert_eq!(Metrics::of(&folded(&events)).seconds, Some(2.0));
        events.extend(all.iter().filter(|event| is_student(event, 4)).cloned());
        let metrics = Metrics::of(&folded(&events));
        assert_eq!(metrics.seconds, Some(6.0));
        // Who keeps no curves knows it, too.
        let mut latest = RunStore::new().keeping_latest();
        for event in &events {
            latest.apply(event);
        }
        assert_eq!(seconds(&latest, Phase::Student), Some(6.0));
    }

    #[test]
    fn a_resumed_run_of_an_older_program_took_the_time_of_all_its_processes() {
        let mut events = small_run();
        let steps = |event: &RunEvent, from: u64| {
            matches!(event, RunEvent::StepLogged(row)
                if row.phase == Phase::Student && row.step >= from)
        };
        events.retain(|event| {
            !matches!(
                event,
                RunEvent::PhaseEnded {
                    phase: Phase::Student,
                    ..
                }
            )
        });
        let started = events
            .iter()
            .find(|event| {
                matches!(
                    event,
                    RunEvent::PhaseStarted {
                        phase: Phase::Student,
                        ..
                    }
                )
            })
            .unwrap()
            .clone();
        let again: Vec<RunEvent> = events
            .iter()
            .filter(|event| steps(event, 4))
            .cloned()
            .collect();
        events.push(run_started(
            "small",
            Some(Position {
                phase: Phase::Student,
                step: 4,
            }),
        ));
        events.push(started);
        for event in &again {
            let RunEvent::StepLogged(row) = event else {
                unreachable!()
            };
            let mut row = row.clone();
            row.seconds -= 2.0;
            events.push(RunEvent::StepLogged(row));
        }
        // Four steps of half a second before, and eight after.
        let metrics = Metrics::of(&folded(&events));
        assert_eq!(metrics.seconds, Some(2.0 + 4.0));
        assert_eq!(metrics.teacher_seconds, Some(4.0));
    }
}
