use super::*;
use crate::event::bench::testing::{bench_row, measured};
use crate::event::{BenchRow, Phase, PixelFormat, Position, RunEvent, Variant};
use crate::experiment::metric::ValidMetric;
use crate::experiment::spec::OnnxEngine;
use crate::listing::testing::{ADAPTIVE, STOPPED, VANILLA, apply, changed, runs};
use crate::listing::{Field, Fields, RunSummary, Subject};
use crate::run::{BenchResult, Fork};
use crate::store::Runs;
use crate::store::testing::run_plan;

/// Runs of every kind, one of which was steered.
struct Known {
    runs: Runs,
    summaries: Vec<(String, RunSummary)>,
    fields: Fields,
}

impl Known {
    fn new() -> Self {
        let mut runs = runs();
        let adaptive = runs.get_mut(ADAPTIVE).unwrap();
        changed(adaptive);
        let gated = "seed: 7, gates: [AtLeast(\"test/top1\", 0.75)],";
        adaptive.experiment = adaptive.experiment.replace("seed: 7,", gated);
        let summaries: Vec<(String, RunSummary)> = runs
            .iter()
            .map(|(name, run)| (name.to_owned(), RunSummary::of(run)))
            .collect();
        let mut fields = Fields::default();
        for (name, summary) in &summaries {
            fields.add(&summary.subject(name, runs.get(name).unwrap()));
        }
        Self {
            runs,
            summaries,
            fields,
        }
    }

    fn subjects(&self) -> Vec<Subject<'_>> {
        let summaries = self.summaries.iter();
        summaries
            .map(|(name, summary)| summary.subject(name, self.runs.get(name).unwrap()))
            .collect()
    }

    fn subject(&self, wanted: &str) -> Subject<'_> {
        let mut known = self.subjects().into_iter();
        known.find(|run| run.name == wanted).unwrap()
    }

    fn chosen(&self, names: &[&str]) -> Vec<Field> {
        let fields = names.iter().map(|name| Field::named(name, &self.fields));
        fields.collect::<Result<_, _>>().unwrap()
    }

    fn page(&self, wanted: &str) -> (String, serde_json::Value) {
        let run = self.subject(wanted);
        let (_, summary) = self
            .summaries
            .iter()
            .find(|(name, _)| name == wanted)
            .unwrap();
        let spec = summary.frozen.spec.as_ref();
        let json = serde_json::from_str(&page_json(&run, spec).unwrap()).unwrap();
        (page(&run, spec), json)
    }
}

#[test]
fn a_table_has_the_chosen_columns_and_says_what_could_not_be_read() {
    let known = Known::new();
    let chosen = known.chosen(&["lr", "batch", "temperature", "valid/kl"]);
    let text = table(&known.subjects(), &chosen, &known.fields, None);
    insta::assert_snapshot!(text);
}

#[test]
fn a_narrow_table_loses_its_last_columns_and_keeps_the_first() {
    let known = Known::new();
    for most in [0, 20, 80, 120, 400] {
        let text = table(&known.subjects(), &[], &known.fields, Some(most));
        assert!(text.starts_with("run"), "{text}");
        let chosen = known.chosen(&["batch"]);
        let asked = table(&known.subjects(), &chosen, &known.fields, Some(most));
        assert!(asked.lines().next().unwrap().contains("  batch"), "{asked}");
        if most >= 80 {
            assert!(text.contains("  state"), "{text}");
            let rows = text.lines().filter(|line| !line.contains("! problem"));
            assert!(rows.map(width_of).all(|width| width <= most), "{text}");
        }
    }
}

#[test]
fn a_narrow_table_says_below_what_its_short_titles_stand_for() {
    let mut known = Known::new();
    apply(
        known.runs.get_mut(VANILLA).unwrap(),
        &[RunEvent::BestChosenBy {
            phase: Phase::Student,
            metric: ValidMetric::MacroF1,
        }],
    );
    let (wide, narrow) = [None, Some(90)]
        .map(|most| table(&known.subjects(), &[], &known.fields, most))
        .into();
    let titles = |text: &str| text.lines().next().unwrap().to_owned();
    assert!(titles(&wide).contains("valid top-1 (best)"), "{wide}");
    assert!(!wide.contains("best ="), "{wide}");
    assert!(
        titles(&narrow).ends_with("done    best    last    test"),
        "{narrow}"
    );
    let legend =
        "\n\nbest = valid top-1 (best)  last = valid top-1 (last)  test = test top-1 (best)\n";
    assert!(narrow.ends_with(legend), "{narrow}");
    let chosen = "\n  best chosen by valid/macro_f1\n";
    assert_eq!(narrow.matches(chosen).count(), 1, "{narrow}");
    let both = [known.subject(VANILLA), known.subject(ADAPTIVE)];
    let text = comparison(&both);
    let row = text.lines().find(|line| line.starts_with("best chosen by"));
    let words: Vec<&str> = row.unwrap().split_whitespace().skip(3).collect();
    assert_eq!(words, ["valid/macro_f1", "valid/top1"]);
}

#[test]
fn a_forked_run_names_the_run_and_the_checkpoint_that_it_began_from() {
    let mut known = Known::new();
    let mut plan = run_plan(
        "(data: (train: Shapes(count: 200)), student: (model: Cnn(channels: [4])), \
         method: Scratch(), epochs: 2)",
        10,
    );
    plan.forked = Some(Fork {
        from: ADAPTIVE.to_owned(),
        at: Position {
            phase: Phase::Student,
            step: 812,
        },
    });
    known.runs.get_mut(VANILLA).unwrap().plan = Some(plan.into());
    let parent = format!("{ADAPTIVE}, step-812");
    let chosen = known.chosen(&["forked"]);
    let text = table(&known.subjects(), &chosen, &known.fields, None);
    assert_eq!(text.matches(&parent).count(), 1, "{text}");
    let (text, json) = known.page(VANILLA);
    assert!(
        text.contains(&format!("forked from    {parent}\n")),
        "{text}"
    );
    assert_eq!(json["forked"]["from"], ADAPTIVE);
    assert_eq!(json["forked"]["checkpoint"], "step-812");
    let (text, json) = known.page(ADAPTIVE);
    assert!(
        !text.contains("forked") && json["forked"].is_null(),
        "{text}"
    );
}

#[test]
fn json_has_numbers_as_numbers_and_what_is_missing_as_null() {
    let known = Known::new();
    let chosen = known.chosen(&["batch", "temperature", "valid/kl"]);
    let text = table_json(&known.subjects(), &chosen, &known.fields).unwrap();
    let listed: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let of = |name: &str| listed.iter().find(|run| run["run"] == name).unwrap();
    let adaptive = of(ADAPTIVE);
    assert_eq!(adaptive["best"], 0.8914);
    assert_eq!(adaptive["best_by"], "valid/top1");
    assert_eq!(adaptive["started"], "2026-01-02T10:00Z");
    assert_eq!(adaptive["columns"]["batch"], 128);
    assert_eq!(adaptive["columns"]["temperature"], "4 → 2.5 at step 812");
    assert_eq!(adaptive["columns"]["valid/kl@best"], 0.3);
    assert_eq!(of(VANILLA)["columns"]["temperature"], 4);
    assert!(of(STOPPED)["test"].is_null());
    let unread = of("mnist-20260102-115900-000000");
    assert!(unread["columns"]["batch"].is_null());
    assert!(
        unread["problems"][0]
            .as_str()
            .unwrap()
            .contains("version 9")
    );
}

#[test]
fn a_page_has_what_a_run_was_its_metrics_gates_and_adjustments() {
    let (text, json) = Known::new().page(ADAPTIVE);
    insta::assert_snapshot!(text);
    assert_eq!(json["metrics"]["test/top1@best"], 0.8873);
    assert_eq!(json["gates"][0]["verdict"], "passed");
    assert_eq!(json["configuration"]["method.temperature"], 4);
    let adjustment = &json["adjustments"][1];
    assert_eq!(adjustment["field"], "method.temperature");
    assert_eq!(adjustment["value"], 2.5);
    assert_eq!(adjustment["step"], 812);
}

#[test]
fn a_page_of_a_stopped_and_of_an_unreadable_run_says_so() {
    let known = Known::new();
    let (text, json) = known.page(STOPPED);
    assert!(text.contains("stopped by user"), "{text}");
    // Whatever was evaluated at its last step has nothing to add.
    assert!(!text.contains("not evaluated\n"), "{text}");
    let mut later = Known::new();
    let at = Position {
        phase: Phase::Student,
        step: 250,
    };
    let saved = RunEvent::CheckpointSaved {
        at,
        folder: "latest".into(),
        best: false,
        weights: None,
    };
    apply(later.runs.get_mut(STOPPED).unwrap(), &[saved]);
    let (later, _) = later.page(STOPPED);
    let latest = "latest         epoch 2.5, step 250  student saved to latest/, not evaluated";
    assert!(later.contains(latest), "{later}");
    assert_eq!(json["gates"][0]["verdict"], "not evaluated");
    assert_eq!(json["gates"][0]["reason"], "the run is not completed");
    let (text, json) = known.page("mnist-20260102-115900-000000");
    assert!(text.contains("problem"), "{text}");
    assert_eq!(json["state"], "new");
}

#[test]
fn a_comparison_has_metrics_side_by_side_and_only_what_differs() {
    let known = Known::new();
    let both = [known.subject(VANILLA), known.subject(ADAPTIVE)];
    insta::assert_snapshot!(comparison(&both));
    let json: serde_json::Value = serde_json::from_str(&comparison_json(&both).unwrap()).unwrap();
    assert_eq!(json["metrics"]["best"], serde_json::json!([0.868, 0.8914]));
    assert_eq!(
        json["differences"]["method.temperature"],
        serde_json::json!([4, "4 → 2.5 at step 812"])
    );
    let same = [known.subject(VANILLA), known.subject(VANILLA)];
    assert!(comparison(&same).contains("The configurations are identical."));
}

#[test]
fn rows_of_files_that_differ_are_distinguished() {
    let file = |name: &str, input, variant| BenchRow {
        file: Some(name.to_owned()),
        input: Some(input),
        variant,
        ..bench_row(Some(OnnxEngine::Rten), 2.0)
    };
    let rows = vec![
        bench_row(None, 3.0),
        file("a.onnx", PixelFormat::Float, Variant::Fp32),
        file("a-uint8.onnx", PixelFormat::Uint8, Variant::Fp32),
        BenchRow {
            runs: 7,
            ..file("a-uint8-int8.onnx", PixelFormat::Uint8, Variant::Int8)
        },
    ];
    let table = |rows: Vec<BenchRow>| {
        let result = BenchResult::new("a".to_owned(), measured("Xeon", rows));
        let table = bench_table(&result);
        let cells = |line: &str| {
            let cells = line.split("  ").map(str::trim).filter(|it| !it.is_empty());
            cells.take(7).map(str::to_owned).collect::<Vec<_>>()
        };
        table.lines().skip(3).map(cells).collect::<Vec<_>>()
    };
    let found = table(rows.clone());
    assert_eq!(
        found[0],
        [
            "model", "file", "input", "engine", "batch", "threads", "runs"
        ]
    );
    let facts = |line: &Vec<String>| [line[1].clone(), line[2].clone(), line[6].clone()];
    let facts: Vec<_> = found[1..].iter().map(facts).collect();
    assert_eq!(
        facts,
        [
            ["weights", "\u{2013}", "200"],
            ["ONNX", "float", "200"],
            ["ONNX", "uint8", "200"],
            ["ONNX int8", "uint8", "7"],
        ]
    );
    // One of the latest weights is the same but for its name.
    let latest = file("a-latest.onnx", PixelFormat::Float, Variant::Fp32);
    let found = table([rows, vec![latest]].concat());
    assert_eq!(found[2][1], "a.onnx");
    assert_eq!(found[3][1], "ONNX");
    assert_eq!(found[5][1], "a-latest.onnx");
}
