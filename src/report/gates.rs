//! Evaluates the gates of a run that ended: other runs are read from disk.

use std::borrow::Cow;
use std::path::Path;

use crate::experiment::spec::Gate;
use crate::listing::gates::{self, Verdict};
use crate::run::RunFolder;
use crate::store::{Owner, RunEntry, RunStore};

/// Evaluates every gate of a run, which is completed or not: what did not come to its end
/// has no results.
#[must_use]
pub fn evaluate_gates(gates: &[Gate], store: &RunStore, completed: bool) -> Vec<Verdict> {
    let find = |path: &Path| {
        let folder = RunFolder::at(path).map_err(|error| error.to_string())?;
        let (mut run, _) = RunEntry::read(&folder, Owner::None);
        // What is damaged may be the very evaluation.
        match run.mismatch.or_else(|| run.store.problems.pop()) {
            None => Ok(Cow::Owned(run.store)),
            Some(problem) => Err(problem),
        }
    };
    let mut verdicts = gates::evaluate(gates, store, &find);
    if !completed {
        for verdict in &mut verdicts {
            verdict.withdraw();
        }
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::spec::Bound;
    use crate::listing::GateStatus;
    use crate::store::testing::{played, small_run};

    fn store(worse_by: f64) -> RunStore {
        use crate::event::RunEvent;
        let mut store = RunStore::new();
        for mut event in small_run() {
            if let RunEvent::Evaluated(evaluation) = &mut event {
                evaluation.top1 -= worse_by;
            }
            store.apply(&event);
        }
        store
    }

    fn status(gate: Gate, store: &RunStore) -> GateStatus {
        evaluate_gates(&[gate], store, true).remove(0).status
    }

    #[test]
    fn a_run_that_did_not_come_to_its_end_is_not_evaluated() {
        let verdicts = evaluate_gates(
            &[Gate::AtLeast("test/top1".to_owned(), Bound::Value(0.1))],
            &store(0.0),
            false,
        );
        assert_eq!((verdicts.len(), verdicts[0].holds()), (1, false));
        assert!(verdicts[0].finding().contains("is not completed"));
    }

    #[test]
    fn a_run_is_held_against_another_within_a_tolerance() {
        let (other, _) = played();
        let (same, worse) = (store(0.0), store(0.125));
        let against = |tolerance: f64, run: &Path| {
            Gate::AtLeast(
                "test/top1".to_owned(),
                Bound::Run {
                    run: run.to_owned(),
                    tolerance,
                },
            )
        };
        let path = other.run.path();
        assert_eq!(status(against(0.0, path), &same), GateStatus::Passed);
        assert_eq!(status(against(0.0, path), &worse), GateStatus::Failed);
        assert_eq!(status(against(0.125, path), &worse), GateStatus::Passed);
        let verdicts = evaluate_gates(&[against(0.125, path)], &worse, true);
        assert!(
            verdicts[0]
                .finding()
                .ends_with("67.5 % against 80.0 %, passed"),
            "{:?}",
            verdicts[0]
        );
        let GateStatus::NotEvaluated(missing) =
            status(against(0.0, Path::new("/nowhere/run")), &same)
        else {
            panic!("evaluated without the run");
        };
        assert!(
            missing.starts_with("/nowhere/run cannot be read: "),
            "{missing}"
        );
    }
}
