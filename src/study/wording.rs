//! Results of a study in words, the same on a screen, in a table and in a picture.

use super::read::{Cell, Study};
use super::spread::{Difference, Spread};
use super::table::{Compared, StudyTable};
use crate::experiment::metric::{Quantity, ValidMetric};
use crate::format::loss;
use crate::run::StudyRole;

/// A cell in words: `multi-view, seed 2`.
#[must_use]
pub fn cell_words(study: &Study, cell: Cell) -> String {
    let variant = &study.variants[cell.variant].name;
    match cell.role {
        StudyRole::Seed(seed) => format!("{variant}, seed {seed}"),
        StudyRole::Speed => format!("{variant}, time of an epoch"),
    }
}

/// `valid top-1 (best)`.
#[must_use]
pub fn title(compared: Compared, metric: ValidMetric) -> String {
    let quantity = match metric.quantity() {
        Quantity::Top1 => "top-1".to_owned(),
        other => other.name().replace('_', " "),
    };
    match compared {
        Compared::Best => format!("valid {quantity} (best)"),
        Compared::Last => format!("valid {quantity} (last)"),
        Compared::Test => format!("test {quantity} (best)"),
    }
}

/// What all variants have: `12 epochs, seeds 1, 2, 3`.
#[must_use]
pub fn conditions(table: &StudyTable) -> String {
    let seeds: Vec<String> = table.seeds.iter().map(ToString::to_string).collect();
    let word = if seeds.len() == 1 { "seed" } else { "seeds" };
    format!("{}, {word} {}", table.budget, seeds.join(", "))
}

/// What follows the title of differences: `, percentage points` of shares.
#[must_use]
pub fn difference_unit(metric: ValidMetric) -> &'static str {
    if metric.quantity().is_share() {
        ", percentage points"
    } else {
        ""
    }
}

/// `88.2 ± 0.4 %`.
#[must_use]
pub fn spread_words(spread: Spread, metric: ValidMetric) -> String {
    let is_share = metric.quantity().is_share();
    let mean = spread.mean;
    match spread.std {
        None => format!("{} (1 seed: no spread)", metric.written(mean)),
        Some(std) if is_share => format!("{:.1} ± {:.1} %", 100.0 * mean, 100.0 * std),
        Some(std) => format!("{} ± {}", loss(mean), loss(std)),
    }
}

/// `+1.2 [+0.4, +2.0]`, shares in percentage points.
#[must_use]
pub fn difference_words(difference: Difference, metric: ValidMetric) -> String {
    let value = |value: f64| {
        if metric.quantity().is_share() {
            format!("{:+.1}", 100.0 * value)
        } else {
            let sign = if value < 0.0 { '-' } else { '+' };
            format!("{sign}{}", loss(value.abs()))
        }
    };
    let mean = value(difference.mean);
    match difference.interval {
        Some((low, high)) => format!("{mean} [{}, {}]", value(low), value(high)),
        None => format!("{mean} (1 seed: no interval)"),
    }
}
