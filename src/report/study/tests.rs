use insta::assert_snapshot;

use super::{csv, json, markdown, outlook, svg, text};
use crate::event::Outcome;
use crate::experiment::metric::ValidMetric;
use crate::store::RunEntry;
use crate::study::table::{RunResult, VariantRow};
use crate::study::testing::{run, study};
use crate::study::{Budget, Estimate, StudyTable};

fn result(seed: u64, best: f64, test: f64, latency_ms: Option<f64>) -> RunResult {
    RunResult {
        run: format!("a-s{seed}-20260102-101500-a1b2c3"),
        seed,
        best: Some(best),
        last: Some(best - 0.015_625),
        test: Some(test),
        right: None,
        passes: Some(12.0),
        seconds: Some(60.0 + 2.0 * seed as f64),
        parameters: Some(78_000),
        latency_ms,
    }
}

/// A baseline with three seeds, a variant with three and one with a single seed.
fn table() -> StudyTable {
    let row = |variant: &str, runs: Vec<RunResult>| VariantRow {
        variant: variant.to_owned(),
        runs,
    };
    StudyTable {
        study: "shapes".to_owned(),
        budget: Budget::StudentPasses(12),
        metric: ValidMetric::Top1,
        seeds: vec![1, 2, 3],
        baseline: 1,
        rows: vec![
            row(
                "multi-view",
                vec![
                    result(1, 0.875, 0.875, Some(1.5)),
                    result(2, 0.906_25, 0.890_625, None),
                    result(3, 0.890_625, 0.859_375, None),
                ],
            ),
            row(
                "vanilla",
                vec![
                    result(1, 0.859_375, 0.843_75, None),
                    result(2, 0.875, 0.859_375, None),
                    result(3, 0.859_375, 0.859_375, None),
                ],
            ),
            row("=1|2", vec![result(1, 0.75, 0.734_375, None)]),
        ],
        processor: Some("Xeon".to_owned()),
        remarks: vec!["=1|2, seed 2 failed: loss is NaN (a-s2)".to_owned()],
    }
}

#[test]
fn a_table_says_how_many_seeds_there_were_and_what_they_spread() {
    assert_snapshot!(text(&table()));
}

#[test]
fn a_table_in_markdown_has_the_same_cells() {
    assert_snapshot!(markdown(&table()));
}

#[test]
fn a_table_for_a_spreadsheet_has_numbers_in_full_and_no_formulas() {
    let text = csv(&table()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("variant,baseline,seeds,seeds_planned,valid/top1@best mean,"));
    assert!(lines[1].starts_with("multi-view,false,3,3,0.890625,0.015625,0.0260416"));
    // The baseline does not differ from itself, and one seed has no spread.
    assert!(lines[2].starts_with("vanilla,true,3,3,") && lines[2].contains(",,,"));
    assert!(
        lines[3].starts_with("'=1|2,false,1,3,0.75,,-0.109375,,,"),
        "{}",
        lines[3]
    );
}

#[test]
fn json_has_every_run_and_null_for_what_is_not_known() {
    let page: serde_json::Value = serde_json::from_str(&json(&table()).unwrap()).unwrap();
    let single = &page["variants"][2]["metrics"]["test/top1@best"];
    assert!(single["std"].is_null() && single["difference"]["low"].is_null());
    assert_eq!(single["difference"]["mean"], -0.109_375);
    assert_eq!(page["variants"][0]["latency_ms"], 1.5);
    assert_eq!(
        page["variants"][0]["runs"][1]["metrics"]["valid/top1@best"],
        0.906_25
    );
    assert_eq!(page["complete"], false);
}

#[test]
fn losses_have_their_own_unit_and_no_metric_is_missed() {
    let losses = StudyTable {
        metric: ValidMetric::Loss,
        ..table()
    };
    let text = text(&losses);
    assert!(
        text.contains("valid loss (best)") && text.contains("0.8906 ± 0.01562"),
        "{text}"
    );
    assert!(text.contains("Difference from vanilla\n"), "{text}");
    assert!(text.contains("+0.02604 [+0.01562, +0.03125]"), "{text}");
}

#[test]
fn a_picture_has_a_dot_for_each_seed_and_a_bar_for_each_difference() {
    let picture = svg(&table());
    assert_eq!(picture.matches("class=\"seed\"").count(), 7);
    assert_eq!(picture.matches("<circle class=\"clear\"").count(), 0);
    assert_eq!(picture.matches("<circle class=\"unclear\"").count(), 2);
    assert!(
        picture.contains(">=1|2<") && !picture.contains("\"NaN"),
        "{picture}"
    );
    assert_snapshot!(picture);
}

#[test]
fn runs_are_listed_in_their_order_with_the_time_that_is_left() {
    let study = study();
    let cells = study.cells();
    let runs = [
        run(&study, cells[0], 4, Some(Outcome::Completed), 0.75),
        run(&study, cells[1], 2, None, 0.75),
    ];
    let known = study.outlook(&runs).unwrap();
    let estimate = Estimate::of(&study, &runs, &known);
    assert_snapshot!(outlook(&study, &runs, &known, &estimate, None));
    let nothing = study.outlook::<RunEntry>(&[]).unwrap();
    let estimate = Estimate::of(&study, &[], &nothing);
    assert!(outlook(&study, &[], &nothing, &estimate, None).ends_with("\ntime left: unknown\n"));
}
