use std::collections::BTreeMap;
use std::time::Duration;

use super::testing::{entry, screen};
use crate::event::Outcome;
use crate::run::StudyRole;
use crate::store::{Owner, RunEntry, Runs};
use crate::study::Cell;
use crate::study::slurm::Tasks;
use crate::study::testing::{run, study};
use crate::ui::effect::ClusterRequest;
use crate::ui::testing::Harness;
use crate::ui::{Effect, News};

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

/// What a cluster is asked about the study of the tests.
fn asked(request: ClusterRequest) -> Vec<Effect> {
    let study = "study".to_owned();
    vec![Effect::Cluster { study, request }]
}

/// A cluster runs one task of the study, and another waits.
fn tasks() -> News {
    let words = [(2, "running on n12"), (4, "pending (Priority)")];
    let of_runs = words.map(|(number, words)| (number, words.to_owned()));
    News::StudyTasks {
        study: "study".to_owned(),
        tasks: Ok(Some(Tasks {
            of_runs: BTreeMap::from(of_runs),
            others: 1,
        })),
    }
}

#[test]
fn tasks_of_a_cluster_stand_in_the_particulars_and_are_asked_for_again() {
    let mut harness = shown(200, 60);
    harness.take();
    let mut at = |seconds| {
        harness.at(Duration::from_secs(seconds));
        harness.take()
    };
    assert_eq!(at(1), asked(ClusterRequest::Tasks));
    // Who does not answer is not asked again.
    assert_eq!(at(60), []);
    harness.news(tasks());
    let text = harness.screen();
    for line in [
        "Slurm: 1 running, 1 pending",
        "multi-view, seed 5  running on n12",
        "multi-view, seed 6  pending (Priority)",
        "! 1 task in the queue trains the study as it was",
        "R submit  x cancel",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    harness.at(Duration::from_secs(70));
    assert_eq!(harness.take(), asked(ClusterRequest::Tasks));
    harness.news(News::StudyTasks {
        study: "study".to_owned(),
        tasks: Err("squeue refused: no connection".to_owned()),
    });
    let text = harness.screen();
    assert!(text.contains("! squeue refused: no connection"), "{text}");
    // Of a run, and out of sight, it is not asked.
    harness.keys(&["down"]).at(Duration::from_secs(200));
    assert_eq!(harness.take(), []);
    harness.keys(&["home", "i"]).at(Duration::from_mins(5));
    assert_eq!(harness.take(), []);
}

#[test]
fn a_study_whose_tasks_all_wait_has_a_line_on_which_it_is_cancelled() {
    let mut runs = Runs::new();
    runs.insert(entry("earlier-20260102-110000-a1a1a1", QUICKSTART_TEXT, 11));
    let mut harness = screen(140, 40, runs);
    harness.news(News::Studies(vec![study()])).keys(&["home"]);
    harness.take();
    let answer = |of_runs: &[(u32, &str)]| News::StudyTasks {
        study: "study".to_owned(),
        tasks: Ok(Some(Tasks {
            of_runs: of_runs
                .iter()
                .map(|(at, it)| (*at, (*it).to_owned()))
                .collect(),
            others: 0,
        })),
    };
    harness.at(Duration::from_secs(1));
    assert_eq!(harness.take(), asked(ClusterRequest::Tasks));
    // Whether anything was submitted is known once that is answered.
    assert!(!harness.screen().contains("of 4 done"));
    let pending = [1, 2, 3, 4].map(|number| (number, "pending (Priority)"));
    harness.news(answer(&pending)).keys(&["home"]);
    let line = "study  0 of 4 done, Slurm: 4 pending";
    assert!(
        rows(&mut harness)[0].starts_with(line),
        "{}",
        harness.screen()
    );
    assert_eq!(rows(&mut harness).len(), 2);
    harness.keys(&["enter"]);
    insta::assert_snapshot!("study_waiting_140x40", harness.screen());
    harness.keys(&["x", "y"]);
    assert_eq!(harness.take(), asked(ClusterRequest::Cancel));
    // It can be submitted again.
    harness.news(answer(&[]));
    assert!(rows(&mut harness)[0].starts_with("study  0 of 4 done, Slurm: no task"));
    harness.keys(&["R"]);
    assert!(harness.screen().contains("Submit 4 of the 4 runs of study"));
    harness.keys(&["n", "/"]).text("state:completed\n");
    assert!(!harness.screen().contains("of 4 done"));
    // Its first run takes its place.
    harness.keys(&["esc"]);
    harness.runs.insert(of_study(1, 5, None, 0.75));
    harness.news(News::RunsChanged);
    let rows = rows(&mut harness);
    let of_study = rows.iter().filter(|row| row.starts_with("study  "));
    assert_eq!((of_study.count(), rows.len()), (1, 3), "{rows:?}");
}

#[test]
fn a_study_is_submitted_and_cancelled_after_a_question() {
    let mut harness = shown(140, 40);
    let failed = Outcome::Failed {
        message: "loss is NaN".to_owned(),
    };
    harness.runs.insert(of_study(0, 6, Some(failed), 0.75));
    harness.news(News::RunsChanged).keys(&["R"]);
    let text = harness.screen();
    assert!(
        text.contains("Submit 1 of the 4 runs of study to Slurm"),
        "{text}"
    );
    assert!(
        text.contains("The one that failed moves to the trash"),
        "{text}"
    );
    harness.take();
    harness.keys(&["y"]);
    assert_eq!(harness.take(), asked(ClusterRequest::Submit));
    // On one of its runs as well.
    harness.keys(&["down", "x"]);
    let text = harness.screen();
    assert!(
        text.contains("Cancel all tasks of study that are in"),
        "{text}"
    );
    harness.keys(&["n"]);
    assert_eq!(harness.take(), []);
    harness.keys(&["x", "y"]);
    assert_eq!(harness.take(), asked(ClusterRequest::Cancel));
    // A run of no study, a study without a file, and one without anything missing.
    harness.keys(&["end", "R"]);
    assert!(harness.screen().contains("is no run of a study"));
    for (variant, seed) in [(0, 5), (0, 6)] {
        let done = Some(Outcome::Completed);
        harness.runs.insert(of_study(variant, seed, done, 0.75));
    }
    harness.news(News::RunsChanged).keys(&["home", "R"]);
    assert!(harness.screen().contains("every run of study is complete"));
    harness.news(News::Studies(Vec::new())).keys(&["x"]);
    assert!(
        harness
            .screen()
            .contains("no file of study is among the experiments")
    );
    assert_eq!(harness.take(), []);
}

#[test]
fn hints_on_a_study_name_the_keys_that_open_it() {
    let mut harness = shown(80, 24);
    let foot = |harness: &mut Harness| harness.screen().lines().last().unwrap().to_owned();
    let text = foot(&mut harness);
    assert!(
        text.contains("enter details") && !text.contains("i details"),
        "{text}"
    );
    harness.keys(&["enter"]);
    let text = foot(&mut harness);
    assert!(
        text.contains("esc back") && !text.contains("details"),
        "{text}"
    );
    harness.keys(&["esc"]);
    assert!(foot(&mut harness).contains("enter details"));
}
