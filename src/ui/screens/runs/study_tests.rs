use super::testing::{entry, screen};
use crate::event::Outcome;
use crate::run::StudyRole;
use crate::store::{Owner, RunEntry, Runs};
use crate::study::Cell;
use crate::study::testing::{run, study};
use crate::ui::News;
use crate::ui::testing::Harness;

const QUICKSTART_TEXT: &str = include_str!("../../../../experiments/quickstart.ron");

/// A run of the study of the tests.
fn of_study(variant: usize, seed: u64, end: Option<Outcome>, top1: f64) -> RunEntry {
    let role = StudyRole::Seed(seed);
    let epochs = if variant == 0 { 2 } else { 4 };
    run(&study(), Cell { variant, role }, epochs, end, top1)
}

/// Three of the four runs of the study, one of which trains, between two others.
fn runs() -> Runs {
    let mut runs = Runs::new();
    let done = || Some(Outcome::Completed);
    runs.insert(of_study(1, 5, done(), 0.75));
    runs.insert(of_study(1, 6, done(), 0.5));
    let mut training = of_study(0, 5, None, 0.875);
    training.owner = Owner::Here;
    runs.insert(training);
    runs.insert(entry("earlier-20260102-110000-a1a1a1", QUICKSTART_TEXT, 11));
    runs
}

fn shown(width: u16, height: u16) -> Harness {
    let mut harness = screen(width, height, runs());
    harness.news(News::Studies(vec![study()])).keys(&["home"]);
    harness
}

/// What stands in the first cells of the rows.
fn rows(harness: &mut Harness) -> Vec<String> {
    let screen = harness.screen();
    let rows = screen.lines().skip_while(|line| !line.contains(" state "));
    let rows = rows.skip(1).take_while(|line| !line.contains('└'));
    let texts = rows.map(|line| {
        let inside = line.trim_start_matches('"').trim_start_matches('│');
        inside
            .chars()
            .take(46)
            .collect::<String>()
            .trim()
            .to_owned()
    });
    texts.filter(|text| !text.is_empty()).collect()
}

#[test]
fn runs_of_a_study_stand_below_it_and_what_they_come_to_beside() {
    for (width, height) in [(80, 24), (200, 60)] {
        let mut harness = shown(width, height);
        let size = format!("{width}x{height}");
        insta::assert_snapshot!(format!("study_{size}"), harness.screen());
        if width < 100 {
            harness.keys(&["enter"]);
            insta::assert_snapshot!(format!("study_table_{size}"), harness.screen());
            harness.keys(&["esc"]);
            assert!(harness.screen().contains("study  2 of 4 done, 1 training"));
        }
    }
}

#[test]
fn a_study_follows_its_runs_while_they_end() {
    let mut harness = shown(200, 60);
    assert!(harness.screen().contains("2 of 4 done, 1 training"));
    assert!(!harness.screen().contains("[+"));
    harness
        .runs
        .insert(of_study(0, 5, Some(Outcome::Completed), 0.875));
    harness
        .runs
        .insert(of_study(0, 6, Some(Outcome::Completed), 0.75));
    harness.news(News::RunsChanged);
    let text = harness.screen();
    assert!(text.contains("4 of 4 done"), "{text}");
    // 0.125 and 0.25 more than the baseline.
    assert!(text.contains("+18.8 [+12.5, +25.0]"), "{text}");
    let failed = Outcome::Failed {
        message: "loss is NaN".to_owned(),
    };
    harness.runs.insert(of_study(0, 6, Some(failed), 0.75));
    harness.news(News::RunsChanged);
    let text = harness.screen();
    assert!(text.contains("3 of 4 done, 1 failed"), "{text}");
    assert!(
        text.contains("multi-view, seed 6 failed: loss is NaN"),
        "{text}"
    );
}

#[test]
fn a_study_keeps_its_runs_together_in_any_order_and_with_a_filter() {
    let mut harness = shown(140, 40);
    let together = |harness: &mut Harness| {
        let rows = rows(harness);
        let at = rows
            .iter()
            .position(|row| row.starts_with("study  "))
            .unwrap();
        let below = rows[at + 1..].iter().take_while(|row| row.contains("run-"));
        below.count()
    };
    assert_eq!(together(&mut harness), 3);
    harness.keys(&["S"]);
    assert!(rows(&mut harness)[0].contains("earlier"));
    assert_eq!(together(&mut harness), 3);
    harness.keys(&["/"]).text("state:completed\n");
    assert_eq!(together(&mut harness), 2);
    // The study is no smaller for that.
    assert!(harness.screen().contains("2 of 4 done, 1 training"));
}

#[test]
fn a_mark_on_a_study_is_one_on_each_of_its_runs_and_its_keys_work() {
    let mut harness = shown(140, 40);
    harness.keys(&["space"]);
    assert!(harness.screen().contains("Runs 4, 3 marked"));
    harness.keys(&["space"]);
    assert!(!harness.screen().contains("marked"));
    // What is only for a run says so.
    harness.keys(&["t"]);
    assert!(!harness.screen().contains("Tags of"));
    assert!(harness.screen().contains("study is a study"));
    harness.keys(&["down"]);
    harness.keys(&["t"]);
    assert!(harness.screen().contains("Tags of"));
}

#[test]
fn without_a_file_the_runs_of_a_study_are_counted_as_they_are() {
    let mut harness = screen(200, 60, runs());
    harness.keys(&["home"]);
    let text = harness.screen();
    assert!(text.contains("2 done, 1 training"), "{text}");
    assert!(text.contains("No file of this study"), "{text}");
}
