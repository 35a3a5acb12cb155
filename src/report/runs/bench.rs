//! What `--bench` measured, as a table.

use super::{grid, text_of};
use crate::event::{BenchModel, BenchRow, Measurement, PixelFormat};
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
        "model",
        "file",
        "input",
        "engine",
        "batch",
        "threads",
        "runs",
        "p50",
        "p90",
        "p99",
        "speed",
        "memory",
        "file size",
        "MACs",
    ];
    let cells = rows.iter().map(|row| cells(row, rows));
    let rows: Vec<_> = std::iter::once(titles.map(str::to_owned).to_vec())
        .chain(cells)
        .collect();
    let mut is_right = vec![true; titles.len()];
    is_right[..4].fill(false);
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

fn cells(row: &BenchRow, rows: &[BenchRow]) -> Vec<String> {
    let memory = match row.peak_memory {
        0 => MISSING.to_owned(),
        memory => bytes(memory),
    };
    vec![
        model(row.model).to_owned(),
        form(row, rows),
        row.input.map_or(MISSING, PixelFormat::word).to_owned(),
        row.engine.clone(),
        row.batch.to_string(),
        row.threads.to_string(),
        row.runs.to_string(),
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

/// `weights`, `ONNX`, `ONNX int8`; the name of a file where another is the same but for that.
fn form(row: &BenchRow, rows: &[BenchRow]) -> String {
    let is_alike = |other: &BenchRow| {
        let what = |row: &BenchRow| (row.model, row.variant, row.input);
        what(other) == what(row) && other.file.is_some() && other.file != row.file
    };
    match &row.file {
        None => "weights".to_owned(),
        Some(name) if rows.iter().any(is_alike) => name.clone(),
        Some(_) => format!("ONNX{}", row.variant.suffix()),
    }
}
