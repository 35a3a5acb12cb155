//! The metrics that a run is remembered by: of its best weights and its last.

use super::wording;
use crate::event::{EvaluatedWeights, Evaluation, Phase, Position, Split};
use crate::format;
use crate::store::RunStore;

/// What [`best_and_last`] says, and where the checkpoint stands that a resume continues
/// from, if that is past the last evaluation.
pub(super) fn summary(store: &RunStore) -> Vec<(&'static str, Vec<String>)> {
    let mut rows = best_and_last(store);
    let evaluated = store.evaluations.iter().map(|evaluation| Position {
        phase: evaluation.phase,
        step: evaluation.step,
    });
    let latest = store.checkpoints.iter().rev().find(|it| !it.best);
    if let Some(latest) = latest.filter(|latest| evaluated.max() < Some(latest.at)) {
        let Position { phase, step } = latest.at;
        let place = match store.phases.get(&phase) {
            Some(training) => {
                let epoch = training.epochs_after(step);
                let epoch = format::number((epoch * 100.0).round() / 100.0);
                format!("epoch {epoch}, step {}", format::count(step))
            }
            None => format!("step {}", format::count(step)),
        };
        let phase = phase.word();
        let saved = format!("{phase} saved to latest/, not evaluated");
        rows.push(("latest", vec![place, saved]));
    }
    rows
}

/// `best` and `last` with what is known of each, for the student, and how good
/// its teacher is; all for the teacher if the run did not get further.
pub(super) fn best_and_last(store: &RunStore) -> Vec<(&'static str, Vec<String>)> {
    let phase = if store.evaluations.iter().any(|e| e.phase == Phase::Student) {
        Phase::Student
    } else {
        Phase::Teacher
    };
    let test = |weights| store.last_evaluation(phase, Split::Test, weights);
    let found = store.best_evaluation(phase);
    let mut best = metrics(found, test(EvaluatedWeights::Best));
    if let Some(chosen) = found.and_then(|found| chosen_by(found, store)) {
        best.insert(1, chosen);
    }
    let last = metrics(
        store.last_evaluation(phase, Split::Valid, EvaluatedWeights::Last),
        test(EvaluatedWeights::Last),
    );
    let quantized = store.best_quantized();
    let quantized = metrics(
        quantized.filter(|_| phase == Phase::Student),
        test(EvaluatedWeights::Quantized),
    );
    let valid = store.best_evaluation(Phase::Teacher);
    let valid = valid.filter(|_| phase == Phase::Student);
    let valid = valid.map(|valid| format!("valid {}", wording::evaluation(valid)));
    // On test images it only answers beside the student.
    let tested = test(EvaluatedWeights::Best).and_then(|tested| tested.teacher);
    let tested = tested.map(|teacher| format!("test top-1 {}", format::percent(teacher.top1)));
    let teacher = valid.into_iter().chain(tested);
    let [best_of, last_of] = match phase {
        Phase::Student => ["best", "last"],
        Phase::Teacher => ["teacher (best)", "teacher (last)"],
    };
    [
        (best_of, best),
        (last_of, last),
        ("quantized", quantized),
        ("teacher", teacher.collect()),
    ]
    .into_iter()
    .filter(|(_, metrics)| !metrics.is_empty())
    .collect()
}

/// By which metric an evaluation is the best, where that is not top-1.
fn chosen_by(best: &Evaluation, store: &RunStore) -> Option<String> {
    let metric = store.best_by.get(&best.phase)?;
    let value = best.value(metric.quantity())?;
    Some(format!("chosen by {metric} {}", metric.written(value)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::RunEvent;
    use crate::listing::testing::evaluated;

    #[test]
    fn results_of_a_teacher_are_not_called_the_students() {
        let mut store = RunStore::new();
        let RunEvent::Evaluated(evaluation) = evaluated(Split::Valid, 1, 0.5) else {
            panic!("an evaluation");
        };
        store.apply(&RunEvent::Evaluated(Evaluation {
            phase: Phase::Teacher,
            teacher: None,
            ..evaluation.clone()
        }));
        let labels = |store: &RunStore| -> Vec<&str> {
            let rows = best_and_last(store).into_iter();
            rows.map(|(label, _)| label).collect()
        };
        let of_teacher = labels(&store);
        assert!(!of_teacher.is_empty());
        assert!(
            of_teacher.iter().all(|label| label.starts_with("teacher")),
            "{of_teacher:?}"
        );
        store.apply(&RunEvent::Evaluated(evaluation));
        assert!(labels(&store).contains(&"last"), "{:?}", labels(&store));
    }
}
