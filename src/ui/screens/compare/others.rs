//! Which other runs' students can stand beside a run's, in the order in which
//! they are offered: those that learnt from the same data first, for only they
//! are sure to know the same images and classes.

use crate::event::{DataSummary, Phase};
use crate::store::{RunEntry, RunStore, Runs};

/// Names of the other runs that have answers, on a folder's images or on their
/// own. The last ones may turn out not to be comparable.
pub(super) fn others<'a>(run: &str, on_folder: bool, runs: &'a Runs) -> Vec<&'a str> {
    let ours = runs.get(run).and_then(|run| run.store.data.as_ref());
    let mut others: Vec<(&str, &RunEntry)> = runs
        .iter()
        .filter(|(name, other)| *name != run && answers(&other.store, on_folder))
        .collect();
    // Names arrive sorted and sorting is stable: equals stay by name.
    others.sort_by_key(|(_, other)| distance(ours, other.store.data.as_ref()));
    others.into_iter().map(|(name, _)| name).collect()
}

/// Whether there is anything that a run's student answers. On its own images it
/// does at every evaluation; on a folder whatever was saved can be asked.
fn answers(store: &RunStore, on_folder: bool) -> bool {
    let mut evaluated = store.evaluations.iter().map(|each| each.phase);
    evaluated.any(|phase| phase == Phase::Student)
        || (on_folder
            && store
                .checkpoints
                .iter()
                .any(|saved| saved.at.phase == Phase::Student))
}

/// How far what two runs learnt from is apart. What is not known may be the same.
fn distance(ours: Option<&DataSummary>, theirs: Option<&DataSummary>) -> u8 {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours.classes != theirs.classes => 2,
        (Some(ours), Some(theirs)) => {
            let images = |data: &DataSummary| (data.valid, data.test, data.size);
            u8::from(images(ours) != images(theirs))
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::event::{Position, RunEvent};
    use crate::run::RunFolder;
    use crate::store::testing::{data_summary, small_run};

    fn add(runs: &mut Runs, name: &str, events: &[RunEvent]) {
        let folder = RunFolder::imagined(format!("checkpoints/{name}"));
        let mut run = RunEntry::new(folder, SystemTime::UNIX_EPOCH);
        for event in events {
            run.store.apply(event);
        }
        runs.insert(run);
    }

    #[test]
    fn runs_of_the_same_data_come_first_and_those_without_answers_never() {
        let data = |classes: &[&str], valid| RunEvent::DataIndexed(data_summary(classes, 9, valid));
        let is_evaluation = |event: &RunEvent| matches!(event, RunEvent::Evaluated(each) if each.phase == Phase::Student);
        let evaluated = || small_run().into_iter().find(is_evaluation).unwrap();
        let mut runs = Runs::new();
        add(
            &mut runs,
            "a-other-classes",
            &[data(&["x"], 5), evaluated()],
        );
        add(&mut runs, "b-unknown", &[evaluated()]);
        add(
            &mut runs,
            "c-fewer-images",
            &[data(&["cat", "dog"], 4), evaluated()],
        );
        add(&mut runs, "d-failed", &[data(&["cat", "dog"], 5)]);
        add(
            &mut runs,
            "e-same",
            &[data(&["cat", "dog"], 5), evaluated()],
        );
        add(
            &mut runs,
            "f-this",
            &[data(&["cat", "dog"], 5), evaluated()],
        );
        assert_eq!(
            others("f-this", false, &runs),
            ["e-same", "b-unknown", "c-fewer-images", "a-other-classes"]
        );
    }

    #[test]
    fn a_folder_can_be_answered_on_with_whatever_was_saved() {
        let mut runs = Runs::new();
        let at = Position {
            phase: Phase::Student,
            step: 3,
        };
        let folder = "latest".into();
        let best = false;
        let saved = RunEvent::CheckpointSaved {
            at,
            folder,
            best,
            weights: None,
        };
        add(&mut runs, "saved", &[saved]);
        assert_eq!(others("this", true, &runs), ["saved"]);
        assert!(others("this", false, &runs).is_empty());
    }
}
