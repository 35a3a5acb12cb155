//! The metrics that a run is remembered by: of its best weights and its last.

use super::wording;
use crate::event::{EvaluatedWeights, Evaluation, Phase, Split};
use crate::format;
use crate::store::RunStore;

/// `best` and `last` with what is known of each, for the student, and how good
/// its teacher is; all for the teacher if the run did not get further.
pub(super) fn best_and_last(store: &RunStore) -> Vec<(&'static str, Vec<String>)> {
    let phase = if store.evaluations.iter().any(|e| e.phase == Phase::Student) {
        Phase::Student
    } else {
        Phase::Teacher
    };
    let test = |weights| store.last_evaluation(phase, Split::Test, weights);
    let best = metrics(store.best_evaluation(phase), test(EvaluatedWeights::Best));
    let last = metrics(
        store.last_evaluation(phase, Split::Valid, EvaluatedWeights::Last),
        test(EvaluatedWeights::Last),
    );
    let quantized = store.best_quantized();
    let quantized = metrics(
        quantized.filter(|_| phase == Phase::Student),
        test(EvaluatedWeights::Quantized),
    );
    let teacher = store
        .best_evaluation(Phase::Teacher)
        .filter(|_| phase == Phase::Student)
        .map(|valid| format!("valid {}", wording::evaluation(valid)));
    [
        ("best", best),
        ("last", last),
        ("quantized", quantized),
        ("teacher", teacher.into_iter().collect()),
    ]
    .into_iter()
    .filter(|(_, metrics)| !metrics.is_empty())
    .collect()
}

fn metrics(valid: Option<&Evaluation>, test: Option<&Evaluation>) -> Vec<String> {
    let mut metrics = Vec::new();
    if let Some(valid) = valid {
        metrics.push(format!(
            "epoch {}, step {}",
            format::number(valid.epoch),
            format::count(valid.step)
        ));
        metrics.push(format!("valid {}", wording::evaluation(valid)));
    }
    if let Some(test) = test {
        metrics.push(format!("test {}", wording::evaluation(test)));
    }
    metrics
}

/// Seconds that trainings took in the last process, as far as is known.
pub(super) fn seconds(store: &RunStore) -> f64 {
    [Phase::Teacher, Phase::Student]
        .into_iter()
        .filter_map(|phase| {
            let ended = store.phases.get(&phase)?.ended;
            ended.or_else(|| store.table(phase).seconds())
        })
        .filter(|seconds| seconds.is_finite())
        .sum()
}
