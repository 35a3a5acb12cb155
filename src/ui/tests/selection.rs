//! One run is selected, whichever screen shows it.

use crate::ui::News;
use crate::ui::screens::compare::testing::with_runs;
use crate::untrusted::Show as _;

#[test]
fn a_run_chosen_in_runs_is_shown_on_every_screen_and_the_other_way_round() {
    // Where Live has a column beside the charts, that names the other run, too.
    let (mut harness, names) = with_runs(118, 30);
    harness.keys(&["2", "down"]);
    let chosen = Some(names[1].clone());
    for screen in ["3", "4", "5"] {
        let shown = harness.keys(&[screen]).screen();
        assert_eq!(harness.ui.shared.selected, chosen);
        assert!(
            shown.contains(&names[1]) && !shown.contains(&names[0]),
            "{shown}"
        );
    }
    for screen in ["3", "4", "5"] {
        let before = harness.ui.shared.selected.clone();
        harness.keys(&[screen, "]", "2", "y"]);
        assert_ne!(harness.ui.shared.selected, before);
        let selected = harness.ui.shared.selected.clone().unwrap();
        let message = format!(
            "copied {}",
            harness.runs.get(&selected).unwrap().folder.path().shown()
        );
        assert_eq!(harness.ui.shared.status().unwrap().message, message);
    }
}

#[test]
fn a_run_that_begins_is_not_selected_while_another_is_looked_at() {
    let (mut harness, names) = with_runs(120, 30);
    harness.keys(&["4"]);
    harness.news(News::RunBegan(names[1].clone()));
    assert_eq!(harness.ui.shared.selected.as_ref(), Some(&names[0]));
    harness.keys(&["1"]);
    harness.news(News::RunBegan(names[1].clone()));
    assert_eq!(harness.ui.shared.selected.as_ref(), Some(&names[1]));
}

#[test]
fn a_selected_run_stays_selected_under_another_name() {
    let (mut harness, names) = with_runs(120, 30);
    harness.keys(&["2", "down", "4"]);
    let folder = crate::run::RunFolder::imagined("checkpoints/other");
    harness.runs.rename(&names[1], folder);
    harness.news(News::RunRenamed {
        from: names[1].clone(),
        to: "other".to_owned(),
    });
    assert!(harness.screen().contains(" other"), "{}", harness.screen());
}
