//! Knobs: named scalars with a range and a schedule that can be turned while
//! training runs.

use serde::{Deserialize, Serialize};

use super::range::Range;
use super::schedule::Schedule;

/// A named scalar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Knob {
    /// `lr`, `temperature`, `p1`, `p2`, …, `w` (distillation weight),
    /// `w_truth`, `w_consistency`, or a custom term's `w_<term>`.
    pub name: String,
    /// Values outside are refused.
    pub range: Range,
    /// The value over time.
    pub schedule: Schedule,
}

impl Knob {
    /// A knob that keeps one value until something turns it.
    #[must_use]
    pub fn constant(name: impl Into<String>, range: Range, value: f64) -> Self {
        Self {
            name: name.into(),
            range,
            schedule: Schedule::Constant(value),
        }
    }
}
