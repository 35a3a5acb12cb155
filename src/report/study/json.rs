//! What other programs read of a study's results. Shares are fractions; what is not known is
//! `null`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::study::table::{RunResult, VariantRow};
use crate::study::{CONFIDENCE, Compared, StudyTable};
use crate::untrusted::json_page;

#[derive(Debug, Serialize)]
struct Page<'a> {
    study: &'a str,
    budget: String,
    metric: String,
    seeds: &'a [u64],
    baseline: &'a str,
    complete: bool,
    /// Of the intervals.
    confidence: f64,
    /// That latencies are of.
    processor: Option<&'a str>,
    variants: Vec<VariantPage<'a>>,
    remarks: &'a [String],
}

#[derive(Debug, Serialize)]
struct VariantPage<'a> {
    variant: &'a str,
    seeds: usize,
    metrics: BTreeMap<String, MetricPage>,
    passes: Option<f64>,
    seconds: Option<f64>,
    seconds_std: Option<f64>,
    parameters: Option<u64>,
    latency_ms: Option<f64>,
    runs: Vec<RunPage<'a>>,
}

#[derive(Debug, Serialize)]
struct MetricPage {
    seeds: usize,
    mean: f64,
    /// With n − 1; none of a single seed.
    std: Option<f64>,
    /// From the baseline.
    difference: Option<DifferencePage>,
}

#[derive(Debug, Serialize)]
struct DifferencePage {
    seeds: usize,
    mean: f64,
    low: Option<f64>,
    high: Option<f64>,
    /// What was resampled for them.
    resampled: &'static str,
}

#[derive(Debug, Serialize)]
struct RunPage<'a> {
    run: &'a str,
    seed: u64,
    metrics: BTreeMap<String, f64>,
    passes: Option<f64>,
    seconds: Option<f64>,
    latency_ms: Option<f64>,
}

/// The results as JSON.
///
/// # Errors
/// If a value has no form in JSON.
pub fn json(table: &StudyTable) -> serde_json::Result<String> {
    let variants = table.rows.iter();
    json_page(&Page {
        study: &table.study,
        budget: table.budget.to_string(),
        metric: table.metric.to_string(),
        seeds: &table.seeds,
        baseline: &table.baseline().variant,
        complete: table.is_complete(),
        confidence: CONFIDENCE,
        processor: table.processor.as_deref(),
        variants: variants.map(|row| variant(table, row)).collect(),
        remarks: &table.remarks,
    })
}

fn variant<'a>(table: &StudyTable, row: &'a VariantRow) -> VariantPage<'a> {
    let name = |compared: Compared| compared.metric(table.metric.quantity()).to_string();
    let metrics = Compared::ALL.into_iter().filter_map(|compared| {
        let spread = row.spread(|run| run.value(compared))?;
        let difference = row.difference(table.baseline(), compared);
        let page = MetricPage {
            seeds: spread.seeds,
            mean: spread.mean,
            std: spread.std,
            difference: difference.map(|it| DifferencePage {
                seeds: it.seeds,
                mean: it.mean,
                low: it.interval.map(|(low, _)| low),
                high: it.interval.map(|(_, high)| high),
                resampled: match it.images {
                    Some(_) => "seeds and images",
                    None => "seeds",
                },
            }),
        };
        Some((name(compared), page))
    });
    let of_run = |run: &'a RunResult| RunPage {
        run: &run.run,
        seed: run.seed,
        metrics: Compared::ALL
            .into_iter()
            .filter_map(|it| Some((name(it), run.value(it)?)))
            .collect(),
        passes: run.passes,
        seconds: run.seconds,
        latency_ms: run.latency_ms,
    };
    let seconds = row.spread(|run| run.seconds);
    VariantPage {
        variant: &row.variant,
        seeds: row.runs.len(),
        metrics: metrics.collect(),
        passes: row.spread(|run| run.passes).map(|it| it.mean),
        seconds: seconds.map(|it| it.mean),
        seconds_std: seconds.and_then(|it| it.std),
        parameters: row.parameters(),
        latency_ms: row.spread(|run| run.latency_ms).map(|it| it.mean),
        runs: row.runs.iter().map(of_run).collect(),
    }
}
