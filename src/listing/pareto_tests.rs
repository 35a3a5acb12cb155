use super::*;
use crate::event::bench::testing::{bench_row, measured};
use crate::event::export::testing::{export, proof};
use crate::event::{Dataset, ExportProof, Floats, Measurement, SetIdentity};
use crate::experiment::spec::OnnxEngine;
use crate::listing::RunSummary;
use crate::listing::testing::{ADAPTIVE, CRASHED, STOPPED, VANILLA, measured_runs};
use crate::store::testing::run_plan;
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
    assert_eq!(picture.teachers[0].of, None, "there is no other");
    assert_eq!(
        picture.conditions().unwrap(),
        "batch 1, 1 thread, rten 0.27, Xeon"
    );
}

#[test]
fn runs_on_other_images_are_marked_and_those_of_other_classes_left_out() {
    let mut runs = measured_runs();
    let identity = |content: &str| {
        let content = content.repeat(8);
        let trace = String::new();
        let images = 5000;
        BTreeMap::from([(
            Dataset::Valid,
            SetIdentity {
                images,
                content,
                trace,
            },
        )])
    };
    for (name, content) in [(ADAPTIVE, "a"), (STOPPED, "a"), (VANILLA, "b")] {
        let quickstart = runs.get(STOPPED).unwrap().experiment.clone();
        let run = runs.get_mut(name).unwrap();
        let mut plan = run_plan(&quickstart, 1);
        plan.data.identity = identity(content);
        run.plan = Some(plan.into());
    }
    let remarks = pictured(&runs, None, Split::Valid).remarks();
    let marked =
        format!("shown, but evaluated on other images than most, or at another size: {VANILLA}");
    assert!(remarks.contains(&marked), "{remarks:?}");
    let data = runs.get_mut(VANILLA).unwrap().store.data.as_mut().unwrap();
    data.classes.reverse();
    let picture = pictured(&runs, None, Split::Valid);
    let remarks = picture.remarks();
    let left_out = format!("has other classes than most of these runs: {VANILLA}");
    assert!(remarks.contains(&left_out), "{remarks:?}");
    assert!(picture.points.iter().all(|point| point.run != VANILLA));
}

/// Of one layout, and not equally good.
#[test]
fn two_teachers_of_one_name_are_distinguished_by_their_file_or_run() {
    let mut runs = measured_runs();
    let store = &mut runs.get_mut(VANILLA).unwrap().store;
    store.teacher = vec![("models/other.pt".into(), false)];
    for evaluation in &mut store.evaluations {
        if let Some(teacher) = &mut evaluation.teacher {
            teacher.top1 = 0.91;
        }
    }
    let picture = pictured(&runs, None, Split::Valid);
    let words: Vec<String> = picture.teachers.iter().map(TeacherLine::words).collect();
    let first = words[0].strip_prefix("teacher ResNetCifar 20 93.0 % (trained in ");
    let run = first.unwrap().trim_end_matches(')');
    assert!(runs.get(run).is_some(), "{words:?}");
    assert_eq!(
        words[1..],
        ["teacher ResNetCifar 20 91.0 % (models/other.pt)"]
    );
}

#[test]
fn a_run_that_is_not_shown_is_named_with_the_reason() {
    let picture = pictured(&measured_runs(), None, Split::Valid);
    let remarks = picture.remarks();
    let elsewhere = format!("measured on another processor, Cortex-A72: {CRASHED}");
    assert!(remarks.contains(&elsewhere), "{remarks:?}");
    let unmeasured = remarks
        .iter()
        .find(|line| line.starts_with("not measured ("));
    assert!(unmeasured.is_some(), "{remarks:?}");
    let shown = picture.points.len() - 1;
    assert_eq!(picture.absent.len() + shown, measured_runs().len());
}

#[test]
fn sizes_and_macs_need_no_clock_and_a_file_of_fewer_bits_has_no_test_accuracy() {
    let macs = pictured(&measured_runs(), Some(ParetoCost::Macs), Split::Valid);
    assert!(macs.points.iter().any(|point| point.run == CRASHED));
    assert!(macs.conditions().is_none());
    let mut runs = measured_runs();
    let fp16 = Export {
        floats: Floats::Fp16,
        proof: Some(proof()),
        ..export()
    };
    let files = [("a.onnx", export()), ("a-fp16.onnx", fp16)];
    let files = files.map(|(name, file)| (name.to_owned(), file));
    runs.get_mut(ADAPTIVE).unwrap().exports = files.into();
    let size = pictured(&runs, Some(ParetoCost::Size), Split::Test);
    assert_eq!(size.points.len(), 1);
    assert!(
        size.points
            .iter()
            .all(|point| point.variant == Variant::Fp32)
    );
    let remarks = size.remarks().join("\n");
    assert!(remarks.contains("fp16: no test accuracy"), "{remarks}");
}

/// What became of a run's files on an axis: points by variant, and why others lack.
fn of_run(runs: &Runs, name: &str, cost: ParetoCost) -> (Vec<(Variant, f64)>, Vec<String>) {
    let picture = pictured(runs, Some(cost), Split::Valid);
    let own = picture.points.iter().filter(|point| point.run == name);
    let points = own.map(|point| (point.variant, point.cost)).collect();
    let absent = picture.absent.iter().filter(|absent| absent.run == name);
    let reasons = absent.map(|absent| absent.reason.clone()).collect();
    (points, reasons)
}

#[test]
fn a_size_is_that_of_the_onnx_file_and_never_that_of_the_parameters() {
    let mut runs = crate::listing::testing::runs();
    let size = |runs: &Runs| of_run(runs, VANILLA, ParetoCost::Size);
    assert_eq!(size(&runs), (vec![], vec!["not exported".to_owned()]));
    let run = runs.get_mut(VANILLA).unwrap();
    let weights = Export {
        format: ExportFormat::Torch,
        ..export()
    };
    run.exports.insert("a.safetensors".to_owned(), weights);
    let own_engine = measured("Xeon", vec![bench_row(None, 9.0)]);
    run.store.measured = Some(own_engine);
    assert_eq!(size(&runs), (vec![], vec!["not exported".to_owned()]));
    let run = runs.get_mut(VANILLA).unwrap();
    run.exports.insert("a.onnx".to_owned(), export());
    assert_eq!(size(&runs), (vec![(Variant::Fp32, 8605.0)], vec![]));
    // Of several the one that is measured first, whatever its name.
    let run = runs.get_mut(VANILLA).unwrap();
    let latest = Export {
        weights: Weights::Latest,
        bytes: 1,
        ..export()
    };
    let of_bytes = Export {
        input: Some(PixelFormat::Uint8),
        bytes: 2,
        ..export()
    };
    for (name, file) in [("a-latest.onnx", latest), ("a-uint8.onnx", of_bytes)] {
        run.exports.insert(name.to_owned(), file);
    }
    assert_eq!(size(&runs), (vec![(Variant::Fp32, 8605.0)], vec![]));
    let row = bench_row(Some(OnnxEngine::Rten), 4.0);
    let only_measured = measured("Xeon", vec![row]);
    let run = runs.get_mut(VANILLA).unwrap();
    run.exports.clear();
    run.store.measured = Some(only_measured);
    assert_eq!(size(&runs), (vec![], vec!["not exported".to_owned()]));
}

#[test]
fn a_file_that_is_missed_is_no_point_by_its_size_and_is_named() {
    let mut runs = crate::listing::testing::runs();
    let size = |runs: &Runs| of_run(runs, VANILLA, ParetoCost::Size);
    let rows = [Variant::Fp32, Variant::Int8].map(|variant| BenchRow {
        variant,
        top1: Some(0.9),
        ..bench_row(Some(OnnxEngine::Rten), 4.0)
    });
    let run = runs.get_mut(VANILLA).unwrap();
    // What the training wrote and measured may be missing.
    run.store.measured = Some(measured("Xeon", rows.to_vec()));
    run.store.exported = Some(export());
    let missing = |name: &str| format!("export/{name} is missing: proof.json lists it");
    let lines = [missing("a.onnx"), missing("a-int8.onnx")];
    run.missed_exports = BTreeMap::from([
        (Variant::Fp32, lines[0].clone()),
        (Variant::Int8, lines[1].clone()),
    ]);
    run.unused_results = vec![lines[0].clone()];
    let (points, reasons) = size(&runs);
    assert!(points.is_empty(), "{points:?}");
    let int8 = format!("int8: {}; {}", lines[1], lines[0]);
    assert_eq!(reasons, [lines[0].clone(), int8]);
    let (points, _) = of_run(&runs, VANILLA, ParetoCost::Latency(Some("Xeon".to_owned())));
    assert_eq!(points.len(), 2, "what was measured stays measured");
    let run = runs.get_mut(VANILLA).unwrap();
    run.exports.insert("b.onnx".to_owned(), export());
    assert_eq!(size(&runs).0, [(Variant::Fp32, 8605.0)]);
    runs.get_mut(VANILLA).unwrap().store.measured = None;
    let (_, reasons) = size(&runs);
    assert_eq!(reasons.len(), 1, "the int8 file is named, measured or not");
}

#[test]
fn a_verified_file_of_fewer_bits_is_shown_without_being_measured() {
    let mut runs = crate::listing::testing::runs();
    let fp16 = |proof: Option<ExportProof>| Export {
        floats: Floats::Fp16,
        bytes: 5000,
        proof,
        ..export()
    };
    let size = |runs: &Runs| of_run(runs, VANILLA, ParetoCost::Size);
    let files = &mut runs.get_mut(VANILLA).unwrap().exports;
    files.insert("a.onnx".to_owned(), export());
    files.insert("a-fp16.onnx".to_owned(), fp16(None));
    let fp32 = (Variant::Fp32, 8605.0);
    let unverified = "fp16: no validation accuracy".to_owned();
    assert_eq!(size(&runs), (vec![fp32], vec![unverified]));
    let files = &mut runs.get_mut(VANILLA).unwrap().exports;
    files.insert("b-fp16.onnx".to_owned(), fp16(Some(proof())));
    let points = vec![(Variant::Fp16, 5000.0), fp32];
    assert_eq!(size(&runs), (points, vec![]));
    let picture = pictured(&runs, Some(ParetoCost::Size), Split::Valid);
    assert_eq!(picture.points[0].top1, 0.62);
    let elsewhere = Measurement {
        rows: vec![bench_row(Some(OnnxEngine::Rten), 4.0)],
        ..measured("Cortex-A72", vec![])
    };
    runs.get_mut(VANILLA).unwrap().store.measured = Some(elsewhere);
    let latency = ParetoCost::Latency(Some("Xeon".to_owned()));
    let reasons = [
        "measured on another processor, Cortex-A72",
        "fp16: not measured",
    ];
    let reasons = reasons.map(str::to_owned).to_vec();
    assert_eq!(of_run(&runs, VANILLA, latency), (vec![], reasons));
}

#[test]
fn accuracy_and_cost_are_of_one_file() {
    let mut runs = crate::listing::testing::runs();
    let file = |bytes, blake3: &str, top1| Export {
        floats: Floats::Fp16,
        bytes,
        blake3: blake3.to_owned(),
        proof: Some(ExportProof {
            top1: Some(top1),
            ..proof()
        }),
        ..export()
    };
    let row = |p50, weights: &str| BenchRow {
        variant: Variant::Fp16,
        weights: weights.to_owned(),
        top1: None,
        ..bench_row(Some(OnnxEngine::Rten), p50)
    };
    let run = runs.get_mut(VANILLA).unwrap();
    // What lies elsewhere is listed first, and was not measured.
    let files = [
        ("/elsewhere/rough.onnx", "b", 4000, 0.30),
        ("own.onnx", "a", 5000, 0.31),
    ];
    for (name, blake3, bytes, top1) in files {
        run.exports
            .insert(name.to_owned(), file(bytes, blake3, top1));
    }
    run.store.measured = Some(measured("Xeon", vec![row(0.5, "a")]));
    let point = |runs: &Runs, cost: ParetoCost| {
        let picture = pictured(runs, Some(cost), Split::Valid);
        let mut points = picture.points.iter();
        let found = points.find(|it| (it.run.as_str(), it.variant) == (VANILLA, Variant::Fp16));
        found.map(|point| (point.cost, point.top1)).unwrap()
    };
    let latency = || ParetoCost::Latency(Some("Xeon".to_owned()));
    assert_eq!(point(&runs, ParetoCost::Size), (5000.0, 0.31));
    assert_eq!(point(&runs, latency()), (0.5, 0.31));
    let measured = measured("Xeon", vec![row(0.4, "b")]);
    runs.get_mut(VANILLA).unwrap().store.measured = Some(measured);
    assert_eq!(point(&runs, latency()), (0.4, 0.30));
}

#[test]
fn without_any_measurement_the_picture_is_empty_and_says_so() {
    let picture = pictured(&crate::listing::testing::runs(), None, Split::Valid);
    assert_eq!(picture.cost, ParetoCost::Latency(None));
    assert!(picture.points.is_empty() && picture.front().is_empty());
    assert!(picture.remarks()[0].starts_with("not measured ("));
}

#[test]
fn what_lies_far_apart_has_a_logarithmic_axis() {
    let mut runs = measured_runs();
    assert!(!pictured(&runs, None, Split::Valid).is_logarithmic());
    let row = bench_row(Some(OnnxEngine::Rten), 400.0);
    runs.get_mut(VANILLA).unwrap().store.measured = Some(measured("Xeon", vec![row]));
    assert!(pictured(&runs, None, Split::Valid).is_logarithmic());
}
