use super::*;
use crate::event::Outcome;
use crate::event::inspection::{Picture, ProbeAnswers, ProbeImage};
use crate::listing::RunSummary;
use crate::listing::testing::{ADAPTIVE, STOPPED, VANILLA, measured_runs};
use crate::store::{RunEntry, Runs};
use crate::study::testing::{run, study};

/// A report on some of these runs, each with this probe.
fn reported(runs: &Runs, names: &[&str], probe: Option<&Probe>) -> String {
    let known: Vec<(&str, &RunEntry, RunSummary)> = names
        .iter()
        .map(|name| {
            let run = runs.get(name).unwrap();
            (*name, run, RunSummary::of(run))
        })
        .collect();
    let reported = known.iter().map(|(name, run, summary)| ReportedRun {
        run: summary.subject(name, run),
        spec: summary.frozen.spec.as_ref(),
        probe,
    });
    html(&reported.collect::<Vec<_>>())
}

fn probe(side: u32) -> Probe {
    let picture = Picture {
        width: side,
        height: side,
        rgb: (0..side * side * 3)
            .map(|value| (value % 251) as u8)
            .collect(),
    };
    let image = |number: usize| ProbeImage {
        source: format!("<{number}>.png"),
        label: Some((number % 2) as u32),
        picture: picture.clone(),
        views: Vec::new(),
    };
    let logits = |sign: f32| (0..16).map(|at| vec![sign * at as f32, 0.0]).collect();
    Probe {
        classes: vec!["a<b".to_owned(), "c&d".to_owned()],
        images: (0..16).map(image).collect(),
        teacher: Some(logits(1.0)),
        students: vec![ProbeAnswers {
            step: 1,
            epoch: 1.0,
            logits: logits(-1.0),
        }],
    }
}

#[test]
fn a_run_is_reported_with_what_it_was_and_what_came_of_it() {
    let runs = measured_runs();
    let page = reported(&runs, &[ADAPTIVE], None);
    for expected in [
        "<h1>cifar10-adaptive-20260102-101500-a1b2c3</h1>",
        "images</h3>",
        "<th scope=\"row\">student (best)</th>",
        "<h3>Top-1</h3>",
        "<h3>Losses</h3>",
        "experiment.ron",
        "workbench --replay",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(!page.contains("What differs"), "there is one run");
}

#[test]
fn several_runs_are_held_against_one_another() {
    let runs = measured_runs();
    let page = reported(&runs, &[ADAPTIVE, VANILLA, STOPPED], None);
    for expected in [
        "<h1>3 runs</h1>",
        "<h2>What differs</h2>",
        "<th scope=\"row\">method</th>",
        "<h2>What accuracy costs</h2>",
        "<section id=\"run-2\">",
        "<h2>cifar10-vanilla-20260101-090000-d4e5f6</h2>",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
}

#[test]
fn what_differs_between_many_runs_is_folded() {
    let seven = [
        ADAPTIVE, VANILLA, STOPPED, ADAPTIVE, VANILLA, STOPPED, ADAPTIVE,
    ];
    let page = reported(&measured_runs(), &seven, None);
    assert!(page.contains("<summary>Fields of 7 runs</summary>"));
}

#[test]
fn a_study_has_a_curve_of_each_variant_and_no_picture_of_costs_that_are_the_same() {
    let study = study();
    let runs = study.cells().into_iter().map(|cell| {
        let epochs = if cell.variant == 0 { 2 } else { 4 };
        run(&study, cell, epochs, Some(Outcome::Completed), 0.75)
    });
    let runs: Vec<RunEntry> = runs.collect();
    let table = StudyTable::of(&study, &runs, &study.outlook(&runs).unwrap());
    let known = runs
        .iter()
        .map(|run| (run.folder.name(), run, RunSummary::of(run)));
    let known: Vec<(String, &RunEntry, RunSummary)> = known.collect();
    let reported = known.iter().map(|(name, run, summary)| ReportedRun {
        run: summary.subject(name, run),
        spec: None,
        probe: None,
    });
    let page = study_html(&table, &reported.collect::<Vec<_>>());
    let (_, rest) = page.split_once("<h2>Validation accuracy</h2>").unwrap();
    let (chart, _) = rest.split_once("<section").unwrap();
    assert_eq!(chart.matches("<li>").count(), 2, "{chart}");
    assert!(chart.contains("</svg>vanilla</li>"), "{chart}");
    assert!(chart.contains("mean of the seeds that are complete"));
    assert!(!page.contains("What accuracy costs"));
}

/// A name of an image or a class is text, and nothing is fetched.
#[test]
fn names_are_text_and_nothing_is_fetched() {
    let mut runs = measured_runs();
    let classes = [
        "<script>alert(1)</script>",
        "\"quoted\"",
        "a&b",
        "\u{1b}[31m",
    ];
    let run = runs.get_mut(ADAPTIVE).unwrap();
    let data = run.store.data.as_mut().unwrap();
    data.classes = classes.map(str::to_owned).to_vec();
    for evaluation in &mut run.store.evaluations {
        evaluation.confusion = vec![vec![1; 4]; 4];
    }
    let page = reported(&runs, &[ADAPTIVE], Some(&probe(8)));
    assert!(page.contains("&lt;script&gt;alert(1)"), "{page}");
    assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    assert!(page.contains("label c&amp;d") && page.contains("alt=\"&lt;9&gt;.png\""));
    for address in ["src=\"", "href=\""] {
        for after in page.split(address).skip(1) {
            assert!(
                after.starts_with("data:") || after.starts_with('#'),
                "{after}"
            );
        }
    }
    assert!(!page.contains("url("));
}

#[test]
fn the_image_that_student_and_teacher_see_most_differently_comes_first() {
    let page = reported(&measured_runs(), &[ADAPTIVE], Some(&probe(8)));
    let first = page.find("alt=\"&lt;15&gt;.png\"").unwrap();
    let second = page.find("alt=\"&lt;14&gt;.png\"").unwrap();
    assert!(first < second);
    assert!(page.contains("Of 16 probe images"));
    assert_eq!(page.matches("alt=\"&lt;").count(), IMAGES_OF_RUN);
}

/// Large images are made smaller, and curves of many steps thinned.
#[test]
fn a_report_of_many_runs_stays_small() {
    let runs = measured_runs();
    let names = vec![ADAPTIVE; 12];
    let page = reported(&runs, &names, Some(&probe(600)));
    assert!(page.len() < 2_000_000, "{}", page.len());
}

#[test]
fn neighbours_are_drawn_as_their_mean_and_gaps_stay() {
    let curve = Curve {
        name: "a".to_owned(),
        points: (0..1000)
            .map(|at| (f64::from(at), f64::from(at % 2)))
            .collect(),
    };
    let chart = |curves| Chart {
        title: "A".to_owned(),
        unit: Unit::Number,
        curves,
        marks: &[],
        most: 100,
    };
    let drawn = chart(vec![curve.clone()]).html();
    assert!(drawn.contains("A point is the mean of neighbouring logged steps."));
    assert_eq!(drawn.matches('L').count(), 99, "{drawn}");
    assert!(drawn.contains("<td class=\"number\">1</td>"), "{drawn}");
    let gap = Curve {
        points: vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 1.0), (3.0, 2.0)],
        ..curve
    };
    let drawn = chart(vec![gap]).html();
    assert_eq!(drawn.matches("stroke-linecap").count(), 2, "{drawn}");
    let nothing = Curve {
        name: "b".to_owned(),
        points: vec![(0.0, f64::NAN)],
    };
    assert_eq!(chart(vec![nothing]).html(), "");
}
