use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use super::*;
use crate::listing::{GateStatus, Verdict};
use crate::store::Config;

static EMPTY: LazyLock<Config> = LazyLock::new(Config::default);

fn ending<'a>(store: &'a RunStore, outcome: &'a Outcome, verdicts: &'a [Verdict]) -> Ending<'a> {
    Ending {
        folder: Path::new("checkpoints/small"),
        store,
        config: &EMPTY,
        outcome,
        verdicts,
    }
}

fn warned(times: usize) -> RunStore {
    let mut store = RunStore::new();
    for n in 0..times {
        store.apply(&RunEvent::Warned {
            message: format!("warning {n}"),
        });
    }
    store
}

#[test]
fn at_most_ten_annotations_are_made_and_the_gravest_come_first() {
    let failed = Outcome::Failed {
        message: "NaN".to_owned(),
    };
    let verdicts = [Verdict {
        gate: "test/top1@best ≥ 90 %".to_owned(),
        is_share: true,
        value: None,
        limit: None,
        status: GateStatus::NotEvaluated("missing".to_owned()),
    }];
    let (store, few) = (warned(20), warned(8));
    let all = annotations(&ending(&store, &failed, &verdicts));
    assert_eq!(all.len(), 10);
    assert_eq!(all[0], (Level::Error, "failed: NaN".to_owned()));
    assert_eq!(all[1].0, Level::Error);
    assert_eq!(all[9].1, "13 more are in the run's journal");
    assert_eq!(annotations(&ending(&few, &failed, &verdicts)).len(), 10);
}

#[test]
fn a_message_of_several_lines_is_one_command() {
    assert_eq!(
        command(Level::Warning, "50 % of\nthe images"),
        "::warning title=workbench::50 %25 of%0Athe images"
    );
}

#[test]
fn a_gate_cannot_break_out_of_its_cell() {
    assert_eq!(cell("a|b\n<c>\\"), "a\\|b &lt;c>\\\\");
}

#[test]
fn outside_of_a_workflow_there_is_nothing_to_report() {
    let none = GithubReporter::from_environment(|_| None, io::sink()).unwrap();
    assert!(none.is_none());
}

#[test]
fn a_summary_is_appended_to_the_file_that_the_environment_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.md");
    fs::write(&path, "of an earlier step\n").unwrap();
    let variable = |name: &str| (name == "GITHUB_STEP_SUMMARY").then(|| path.clone().into());
    let mut reporter = GithubReporter::from_environment(variable, io::sink())
        .unwrap()
        .unwrap();
    let store = RunStore::new();
    reporter
        .finish(&ending(&store, &Outcome::Completed, &[]))
        .unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("of an earlier step\n## run\n"), "{text}");
}
