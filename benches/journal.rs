//! Keeping and reading what happened, events per second: the journal's lines and the series' rows.
#![allow(
    missing_docs,
    reason = "criterion's macros make items without documentation"
)]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use workbench::event::{Phase, RunEvent, StepRow};
use workbench::store::{Journal, JournalReader, SeriesReader, SeriesWriter, Tables};

/// Entries of a file that is read.
const LENGTH: u64 = 10_000;

fn values<const N: usize>(named: [(&str, f64); N]) -> BTreeMap<String, f64> {
    named.map(|(name, value)| (name.to_owned(), value)).into()
}

fn round(number: u32) -> RunEvent {
    RunEvent::RoundEnded {
        round: number,
        rounds: u32::MAX,
        step: u64::from(number) * 391,
        losses: values([("distill", 0.731), ("truth", 1.204), ("total", 1.862)]),
        decision: None,
        knobs: values([
            ("lr", 0.1),
            ("p1", 0.25),
            ("p2", 0.3),
            ("temperature", 4.0),
            ("w", 0.9),
        ]),
    }
}

fn row(step: u64) -> StepRow {
    StepRow {
        phase: Phase::Student,
        step,
        epoch: step as f64 / 391.0,
        seconds: step as f64 * 0.1,
        values: values([
            ("grad/norm", 1.5),
            ("knob/lr", 0.1),
            ("knob/p1", 0.25),
            ("knob/w", 0.9),
            ("loss/distill", 0.731),
            ("loss/total", 1.862),
            ("loss/truth", 1.204),
            ("train/accuracy", 0.5),
        ]),
    }
}

fn journal(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = criterion.benchmark_group("journal");

    let path = folder.path().join("appended.jsonl");
    let mut journal = Journal::append_to(&path).expect("a new journal");
    let mut number = 0;
    group.throughput(Throughput::Elements(1));
    group.bench_function("append", |bencher| {
        bencher.iter(|| {
            number += 1;
            journal.append(&round(number)).expect("room on the disk");
        });
    });

    let path = folder.path().join("read.jsonl");
    let mut journal = Journal::append_to(&path).expect("a new journal");
    for number in (1..).take(LENGTH as usize) {
        journal.append(&round(number)).expect("room on the disk");
    }
    group.throughput(Throughput::Elements(LENGTH));
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let events = JournalReader::new(&path)
                .read_all()
                .expect("a whole journal");
            assert_eq!(black_box(events).len() as u64, LENGTH);
        });
    });
    group.finish();
}

fn series(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut group = criterion.benchmark_group("series");

    let path = folder.path().join("appended.bin");
    let mut writer = SeriesWriter::append_to(&path).expect("a new series");
    let mut step = 0;
    group.throughput(Throughput::Elements(1));
    group.bench_function("append", |bencher| {
        bencher.iter(|| {
            writer.push(row(step)).expect("room on the disk");
            step += 1;
        });
    });

    let path = folder.path().join("read.bin");
    let mut writer = SeriesWriter::append_to(&path).expect("a new series");
    for step in 0..LENGTH {
        writer.push(row(step)).expect("room on the disk");
    }
    writer.flush().expect("room on the disk");
    group.throughput(Throughput::Elements(LENGTH));
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            let mut tables = Tables::default();
            let read = SeriesReader::new(&path).read_into(&mut tables);
            assert!(read.expect("a whole series"));
            black_box(tables);
        });
    });
    group.finish();
}

criterion_group!(benches, journal, series);
criterion_main!(benches);
