//! Knobs: named scalars with a range and a schedule that can be turned while
//! training runs.

use serde::{Deserialize, Serialize};

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

/// An inclusive range of allowed values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
}

impl Range {
    /// Learning rates.
    pub const LEARNING_RATE: Self = Self {
        min: 0.0,
        max: 100.0,
    };
    /// Probabilities.
    pub const PROBABILITY: Self = Self { min: 0.0, max: 1.0 };
    /// Distillation temperatures; the least keeps softmax(·/T) finite.
    pub const TEMPERATURE: Self = Self {
        min: 0.05,
        max: 100.0,
    };
    /// Term weights.
    pub const WEIGHT: Self = Self {
        min: 0.0,
        max: 1000.0,
    };

    /// Whether `value` is finite and inside.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        value >= self.min && value <= self.max
    }
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
