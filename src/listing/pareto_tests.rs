use super::*;
use crate::event::bench::testing::{bench_row, measured};
use crate::experiment::spec::OnnxEngine;
use crate::listing::RunSummary;
use crate::listing::testing::{ADAPTIVE, CRASHED, STOPPED, VANILLA, measured_runs};
use crate::store::{RunEntry, Runs};

fn pictured(runs: &Runs, cost: Option<ParetoCost>, split: Split) -> Pareto {
    let summaries: Vec<(&str, &RunEntry, RunSummary)> = runs
        .iter()
        .map(|(name, run)| (name, run, RunSummary::of(run)))
        .collect();
    let subjects: Vec<Subject> = summaries
        .iter()
        .map(|(name, run, summary)| summary.subject(name, run))
        .collect();
    let cost = cost.unwrap_or_else(|| ParetoCost::all(&subjects).remove(0));
    Pareto::of(&subjects, cost, split)
}

fn names(picture: &Pareto) -> Vec<(String, bool)> {
    let points = picture.points.iter();
    points.map(|point| (point.name(), point.on_front)).collect()
}

#[test]
fn the_front_is_what_no_cheaper_student_reaches() {
    let picture = pictured(&measured_runs(), None, Split::Valid);
    let xeon = Some("Xeon".to_owned());
    assert_eq!(picture.cost, ParetoCost::Latency(xeon));
    let expected = [
        (format!("{ADAPTIVE} int8"), true),
        (ADAPTIVE.to_owned(), true),
        (STOPPED.to_owned(), false),
        (VANILLA.to_owned(), false),
    ];
    assert_eq!(names(&picture), expected);
    let (int8, fp32) = (&picture.points[0], &picture.points[1]);
    assert_eq!(
        picture.front(),
        [
            (int8.cost, int8.top1),
            (fp32.cost, int8.top1),
            (fp32.cost, fp32.top1)
        ]
    );
    assert_eq!(picture.teachers.len(), 1);
    assert_eq!(picture.teachers[0].top1, 0.93);
    assert_eq!(
        picture.conditions().unwrap(),
        "batch 1, 1 thread, rten 0.27, Xeon"
    );
}

#[test]
fn a_run_that_is_not_shown_is_named_with_the_reason() {
    let picture = pictured(&measured_runs(), None, Split::Valid);
    let absences = picture.absences();
    let elsewhere = format!("measured on another processor, Cortex-A72: {CRASHED}");
    assert!(absences.contains(&elsewhere), "{absences:?}");
    let unmeasured = absences
        .iter()
        .find(|line| line.starts_with("not measured ("));
    assert!(unmeasured.is_some(), "{absences:?}");
    let shown = picture.points.len() - 1;
    assert_eq!(picture.absent.len() + shown, measured_runs().len());
}

#[test]
fn sizes_and_macs_need_no_clock_and_an_int8_file_has_no_test_accuracy() {
    let macs = pictured(&measured_runs(), Some(ParetoCost::Macs), Split::Valid);
    assert!(macs.points.iter().any(|point| point.run == CRASHED));
    assert!(macs.conditions().is_none());
    let size = pictured(&measured_runs(), Some(ParetoCost::Size), Split::Test);
    assert!(
        size.points
            .iter()
            .all(|point| point.variant == Variant::Fp32)
    );
    let absences = size.absences().join("\n");
    assert!(absences.contains("int8: no test accuracy"), "{absences}");
}

#[test]
fn without_any_measurement_the_picture_is_empty_and_says_so() {
    let picture = pictured(&crate::listing::testing::runs(), None, Split::Valid);
    assert_eq!(picture.cost, ParetoCost::Latency(None));
    assert!(picture.points.is_empty() && picture.front().is_empty());
    assert!(picture.absences()[0].starts_with("not measured ("));
}

#[test]
fn what_lies_far_apart_has_a_logarithmic_axis() {
    let mut runs = measured_runs();
    assert!(!pictured(&runs, None, Split::Valid).is_logarithmic());
    let row = bench_row(Some(OnnxEngine::Rten), 400.0);
    runs.get_mut(VANILLA).unwrap().store.measured = Some(measured("Xeon", vec![row]));
    assert!(pictured(&runs, None, Split::Valid).is_logarithmic());
}
