//! Where a training stands: all that its next step depends on besides weights
//! and optimizer.

use serde::{Deserialize, Serialize};

use super::knobs::KnobState;
use super::round::RoundState;
use crate::experiment::plan::Training;
use crate::experiment::timeline::Extension;

/// Everything besides weights and optimizer that the next step depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitState {
    /// Steps completed.
    pub step: u64,
    /// Knobs as they stand.
    pub knobs: KnobState,
    /// Round and controller.
    #[serde(alias = "iteration")]
    pub round: RoundState,
    /// The best evaluation so far, of weights in floats.
    pub best: Option<Best>,
    /// The best evaluation so far while weights and values were rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_quantized: Option<Best>,
    /// BLAKE3 of the weights of the run's own teacher, hexadecimal; absent without
    /// one, and in checkpoints of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
    /// How long the training is, if a person extended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// Whether a person or a file changed a knob or stopped the controller: then
    /// the result is not the one that the plan alone gives.
    #[serde(default)]
    pub adjusted: bool,
    /// Bytes of the journal when the checkpoint was written: a journal that is
    /// shorter has lost what led here.
    #[serde(default)]
    pub journal: Option<u64>,
    /// CRC-32C of these bytes: the journal of another run has others.
    #[serde(default)]
    pub journal_crc32c: Option<u32>,
    /// Bytes of the series of logged steps then.
    #[serde(default)]
    pub series: Option<u64>,
    /// CRC-32C of these bytes.
    #[serde(default)]
    pub series_crc32c: Option<u32>,
}

/// The best evaluation on the validation images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Steps completed.
    pub step: u64,
    /// Its top-1.
    pub top1: f64,
    /// BLAKE3 of its weights, hexadecimal; absent in checkpoints of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
}

impl FitState {
    /// The beginning of a training.
    #[must_use]
    pub fn new(training: &Training) -> Self {
        Self {
            step: 0,
            knobs: KnobState::new(training),
            round: RoundState::default(),
            best: None,
            best_quantized: None,
            teacher: None,
            extension: None,
            adjusted: false,
            journal: None,
            journal_crc32c: None,
            series: None,
            series_crc32c: None,
        }
    }

    /// How long the training is.
    #[must_use]
    pub fn length(&self, training: &Training) -> Extension {
        self.extension.unwrap_or_else(|| training.length())
    }
}
