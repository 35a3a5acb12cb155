//! Ranges that values of knobs lie in.

use serde::{Deserialize, Serialize};

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
    /// Of what is not to be.
    pub const NOTHING: Self = Self { min: 0.0, max: 0.0 };
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

    /// Weights of terms over feature maps: published ones go to thousands.
    pub const FEATURE_WEIGHT: Self = Self { min: 0.0, max: 1e5 };

    /// Whether `value` is finite and inside.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        value >= self.min && value <= self.max
    }
}
