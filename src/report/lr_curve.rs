//! What a learning-rate range test found, as text.
//!
//! ```text
//!        lr     loss
//!     1e-06    2.301  ·················●
//!      0.01    1.904  ············●           ← proposed
//!       0.3    1.402  ●                       ← lowest loss
//! ```

use std::fmt::Write as _;

use crate::experiment::lr_range::{LrCurve, LrProposal};
use crate::experiment::section;
use crate::format::loss;

/// Rows of the curve at most.
const ROWS: usize = 28;

/// Places of the curve's loss.
const WIDTH: usize = 32;

/// The curve and what it proposes, beside what the experiment says of its learning rate.
#[must_use]
pub fn lr_curve(curve: &LrCurve, experiment: &str) -> String {
    let proposal = curve.proposal();
    let mut page = rows(curve, proposal);
    let mut result = curve.results();
    result.push(("experiment", experiment.to_owned()));
    page += &section("Learning rate", &result);
    page
}

/// Some points of the smoothed curve, each as a number and a place.
fn rows(curve: &LrCurve, proposal: Option<LrProposal>) -> String {
    let smoothed = curve.smoothed();
    let low = smoothed.iter().copied().fold(f64::INFINITY, f64::min);
    let high = smoothed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let every = curve.points.len().div_ceil(ROWS).max(1);
    let mut page = format!("{:>9} {:>9}\n", "lr", "loss");
    let listed = curve.points.chunks(every).zip(smoothed.chunks(every));
    for (points, means) in listed {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            continue;
        };
        let share = (means[0] - low) / (high - low).max(f64::MIN_POSITIVE);
        let before = (share * (WIDTH - 1) as f64).round() as usize;
        let dots = "·".repeat(before);
        let blank = " ".repeat(WIDTH - 1 - before.min(WIDTH - 1));
        let holds = |lr: f64| {
            let step = (last.lr / first.lr).powf(0.5 / (points.len().max(2) - 1) as f64);
            first.lr <= lr * step && lr <= last.lr * step
        };
        let mark = match proposal {
            Some(found) if holds(found.lr) => "  ← proposed",
            Some(found) if holds(found.lowest.lr) => "  ← lowest loss",
            _ => "",
        };
        let line = format!(
            "{:>9} {:>9}  {dots}●{blank}{mark}",
            format!("{:.1e}", first.lr),
            loss(means[0]),
        );
        // Writing to a string can't fail.
        let _ = writeln!(page, "{}", line.trim_end());
    }
    page
}
