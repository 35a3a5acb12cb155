use super::*;
use crate::event::Evaluation;
use crate::event::RunEvent;
use crate::event::bench::testing::{bench_row, measured};
use crate::experiment::spec::OnnxEngine;
use crate::store::testing::small_run;

fn store_with(change: impl Fn(&mut Evaluation)) -> RunStore {
    let mut store = RunStore::new();
    for mut event in small_run() {
        if let RunEvent::Evaluated(evaluation) = &mut event {
            change(evaluation);
        }
        store.apply(&event);
    }
    store
}

fn store() -> RunStore {
    store_with(|_| {})
}

fn at_least(metric: &str, value: f64) -> Gate {
    Gate::AtLeast(metric.to_owned(), Bound::Value(value))
}

fn at_most(metric: &str, value: f64) -> Gate {
    Gate::AtMost(metric.to_owned(), Bound::Value(value))
}

fn unknown<'run>(_: &Path) -> Result<Cow<'run, RunStore>, String> {
    Err("unknown".to_owned())
}

fn status(gate: Gate, store: &RunStore) -> GateStatus {
    evaluate(&[gate], store, &unknown).remove(0).status
}

fn reason(gate: Gate, store: &RunStore) -> String {
    match status(gate, store) {
        GateStatus::NotEvaluated(reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn gates_hold_or_fail_by_their_metric() {
    let store = store();
    for (gate, holds) in [
        (at_least("test/top1", 0.8), true),
        (at_least("test/top1", 0.81), false),
        (at_least("test/accuracy", 0.8), true),
        (at_least("test/top1@last", 0.8), false),
        (at_least("test/top1@last", 0.7), true),
        (at_most("test/loss", 0.625), true),
        (at_most("test/loss", 0.6), false),
        (at_least("test/agreement", 0.85), true),
        (at_most("test/kl", 0.1), false),
        (at_least("valid/top1", 0.8), true),
        (at_least("valid/top1@last", 0.8), false),
        (at_most("valid/loss", 0.6), true),
    ] {
        let expected = if holds {
            GateStatus::Passed
        } else {
            GateStatus::Failed
        };
        assert_eq!(status(gate.clone(), &store), expected, "{gate:?}");
    }
}

#[test]
fn what_is_missing_or_not_a_number_is_not_evaluated() {
    let nothing = RunStore::new();
    let missing = reason(at_least("test/top1", 0.0), &nothing);
    assert_eq!(missing, "there is no evaluation for test/top1@best");
    let nan = store_with(|evaluation| evaluation.loss = f64::NAN);
    assert_eq!(
        reason(at_most("test/loss", 9.0), &nan),
        "the value is not a number"
    );
    let bound = reason(at_most("test/loss", f64::NAN), &store());
    assert_eq!(bound, "the bound is not a number");
    let alone = store_with(|evaluation| evaluation.teacher = None);
    let no_teacher = reason(at_least("test/agreement", 0.0), &alone);
    assert!(no_teacher.ends_with("needs a teacher, and there was none"));
    let few = reason(at_least("test/top5", 0.0), &store());
    assert!(few.ends_with("needs more than five classes"), "{few}");
    let many = store_with(|evaluation| evaluation.per_class = vec![0.5; 6]);
    assert_eq!(
        status(at_least("test/top5", 1.0), &many),
        GateStatus::Passed
    );
    let unknown = reason(at_least("test/tpo1", 0.0), &store());
    assert_eq!(
        unknown,
        "there is no metric `test/tpo1`; did you mean `test/top1`?"
    );
}

#[test]
fn every_gate_has_to_hold() {
    let store = store();
    let verdicts = evaluate(
        &[at_least("test/top1", 0.5), at_least("test/top1", 0.9)],
        &store,
        &unknown,
    );
    assert!(!all_hold(&verdicts));
    assert!(all_hold(&verdicts[..1]));
    assert!(all_hold(&[]));
    assert_eq!(
        verdicts[1].to_string(),
        "test/top1@best ≥ 90 %: 80 %, failed"
    );
}

#[test]
fn a_run_that_was_evaluated_on_other_images_is_no_bound() {
    use crate::event::SetIdentity;
    let with = |content: &str| {
        let mut store = store();
        let identity = SetIdentity {
            images: 20,
            content: content.to_owned(),
            trace: content.to_owned(),
        };
        let data = store.data.as_mut().unwrap();
        data.identity.insert(Dataset::Test, identity);
        store
    };
    let gate = |metric: &str| {
        let run = "checkpoints/other".into();
        let tolerance = 1.0;
        Gate::AtLeast(metric.to_owned(), Bound::Run { run, tolerance })
    };
    let status = |metric: &str| {
        let verdicts = evaluate(&[gate(metric)], &with("a"), &|_| Ok(Cow::Owned(with("b"))));
        verdicts[0].status.clone()
    };
    let GateStatus::NotEvaluated(reason) = status("test/top1") else {
        panic!("evaluated against other images");
    };
    assert!(
        reason.ends_with("was evaluated on other test images or other classes"),
        "{reason}"
    );
    assert_eq!(status("valid/top1"), GateStatus::Passed);
}

#[test]
fn a_latency_is_held_against_one_of_the_same_processor_and_engine_only() {
    let gate = || at_most("bench/p50_ms", 3.0);
    let mut store = store();
    assert_eq!(
        reason(gate(), &store),
        "bench/p50_ms was not measured when the run ended"
    );
    let row = |p50_ms| bench_row(Some(OnnxEngine::Rten), p50_ms);
    store.measured = Some(measured("Xeon", vec![row(2.5)]));
    assert_eq!(status(gate(), &store), GateStatus::Passed);
    let than_other = Gate::AtMost(
        "bench/p50_ms".to_owned(),
        Bound::Run {
            run: "other".into(),
            tolerance: 0.1,
        },
    );
    let status_by = |processor: &str, p50_ms: f64| {
        let mut other = store.clone();
        other.measured = Some(measured(processor, vec![row(p50_ms)]));
        let found = evaluate(std::slice::from_ref(&than_other), &store, &|_| {
            Ok(Cow::Owned(other.clone()))
        });
        found[0].status.clone()
    };
    assert_eq!(status_by("Xeon", 2.45), GateStatus::Passed);
    assert_eq!(status_by("Xeon", 2.0), GateStatus::Failed);
    let other =
        GateStatus::NotEvaluated("other was measured on another processor or engine".to_owned());
    assert_eq!(status_by("Cortex-A72", 2.45), other);
}
