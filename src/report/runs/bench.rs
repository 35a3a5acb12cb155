//! What `--bench` measured, as a table.

use super::{grid, text_of};
use crate::format::{MISSING, bytes, number};
use crate::run::{BenchModel, BenchResult, BenchRow};

/// The machine, and a row for every measurement.
#[must_use]
pub fn bench_table(result: &BenchResult) -> String {
    let machine = &result.machine;
    let head = format!(
        "{}\n{}, {} threads, {}\n\n",
        result.target, machine.processor, machine.threads, machine.system
    );
    let titles = [
        "model", "engine", "batch", "threads", "p50 ms", "p90 ms", "p99 ms", "images/s", "memory",
        "file",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(result.rows.iter().map(cells));
    let mut is_right = vec![true; titles.len()];
    is_right[..2].fill(false);
    head + &text_of(grid(&rows, &is_right))
}

fn cells(row: &BenchRow) -> Vec<String> {
    let model = match row.model {
        BenchModel::Teacher => "teacher",
        BenchModel::Student => "student",
        BenchModel::File => "file",
    };
    let memory = match row.peak_memory {
        0 => MISSING.to_owned(),
        memory => bytes(memory),
    };
    vec![
        model.to_owned(),
        row.engine.clone(),
        row.batch.to_string(),
        row.threads.to_string(),
        number(row.p50_ms),
        number(row.p90_ms),
        number(row.p99_ms),
        number(row.images_per_second),
        memory,
        bytes(row.file_bytes),
    ]
}
