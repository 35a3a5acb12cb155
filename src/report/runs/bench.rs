//! What `--bench` measured, as a table.

use super::{grid, text_of};
use crate::event::{BenchModel, BenchRow, Measurement};
use crate::format::{MISSING, bytes, milliseconds, scaled, speed};
use crate::run::BenchResult;

/// The machine, and a row for every measurement.
#[must_use]
pub fn bench_table(result: &BenchResult) -> String {
    let Measurement {
        machine,
        rows,
        unmeasured,
    } = &result.measurement;
    let head = format!(
        "{}\n{}, {} threads, {}\n\n",
        result.target, machine.processor, machine.threads, machine.system
    );
    let titles = [
        "model", "as", "engine", "batch", "threads", "p50", "p90", "p99", "speed", "memory",
        "size", "MACs",
    ];
    let cells = rows.iter().map(cells);
    let rows: Vec<_> = std::iter::once(titles.map(str::to_owned).to_vec())
        .chain(cells)
        .collect();
    let mut is_right = vec![true; titles.len()];
    is_right[..3].fill(false);
    let mut text = head + &text_of(grid(&rows, &is_right));
    let lines = unmeasured.iter().map(|it| {
        let (file, engine, reason) = (&it.file, &it.engine, &it.reason);
        format!(
            "{}, {file} in {engine}: not measured: {reason}\n",
            model(it.model)
        )
    });
    if !unmeasured.is_empty() {
        text.push('\n');
        text.extend(lines);
    }
    text
}

fn model(model: BenchModel) -> &'static str {
    match model {
        BenchModel::Teacher => "teacher",
        BenchModel::Student => "student",
        BenchModel::File => "file",
    }
}

fn cells(row: &BenchRow) -> Vec<String> {
    let memory = match row.peak_memory {
        0 => MISSING.to_owned(),
        memory => bytes(memory),
    };
    vec![
        model(row.model).to_owned(),
        form(row),
        row.engine.clone(),
        row.batch.to_string(),
        row.threads.to_string(),
        milliseconds(row.p50_ms),
        milliseconds(row.p90_ms),
        milliseconds(row.p99_ms),
        speed(row.images_per_second),
        memory,
        bytes(row.file_bytes),
        row.macs
            .map_or(MISSING.to_owned(), |macs| scaled(macs as f64)),
    ]
}

/// `weights`, `ONNX`, `ONNX int8`.
fn form(row: &BenchRow) -> String {
    match &row.file {
        None => "weights".to_owned(),
        Some(_) => format!("ONNX{}", row.variant.suffix()),
    }
}
