//! Where a training stands: all that its next step depends on besides weights
//! and optimizer.

use serde::{Deserialize, Serialize};

use super::knobs::KnobState;
use super::round::RoundState;
use crate::event::number;
use crate::experiment::early_stop::EarlyStopState;
use crate::experiment::plan::Training;
use crate::experiment::timeline::{Extension, Timeline};
use crate::run::CheckpointMark;

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
    /// Whether the epoch that ended here is still to be evaluated: the training was
    /// stopped in the middle of that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub evaluation_due: bool,
    /// The best evaluation so far, of weights in floats.
    pub best: Option<Best>,
    /// The best evaluation so far while weights and values were rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_quantized: Option<Best>,
    /// What early stopping waits for, and whether it ended the training.
    #[serde(default, skip_serializing_if = "EarlyStopState::is_new")]
    pub early_stop: EarlyStopState,
    /// BLAKE3 of the weights of the run's own teacher, hexadecimal; absent without
    /// one, and in checkpoints of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<String>,
    /// How long the training is, if a person extended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<Extension>,
    /// Seconds that it trained to come here, in all processes: evaluations included, pauses
    /// and what a kill lost left out. 0 in checkpoints of older programs.
    #[serde(default)]
    pub seconds: f64,
    /// Whether a person or a file changed a knob or stopped the controller: then
    /// the result is not the one that the plan alone gives.
    #[serde(default)]
    pub adjusted: bool,
    /// How far the run was recorded when the checkpoint was written.
    #[serde(flatten)]
    pub mark: CheckpointMark,
}

/// The best evaluation on the validation images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Steps completed.
    pub step: u64,
    /// The value of the metric by which it is the best; in checkpoints of older
    /// programs top-1.
    #[serde(alias = "top1", with = "number")]
    pub value: f64,
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
            evaluation_due: false,
            best: None,
            best_quantized: None,
            early_stop: EarlyStopState::default(),
            teacher: None,
            extension: None,
            seconds: 0.0,
            adjusted: false,
            mark: CheckpointMark::default(),
        }
    }

    /// The training's steps as they stand, of those that were `planned`.
    #[must_use]
    pub fn timeline(&self, planned: Timeline, training: &Training) -> Timeline {
        let timeline = planned.extended(self.length(training));
        match self.early_stop.ended {
            Some(step) => timeline.ended_early(step, training.finish_epochs()),
            None => timeline,
        }
    }

    /// How long the training is.
    #[must_use]
    pub fn length(&self, training: &Training) -> Extension {
        self.extension.unwrap_or_else(|| training.length())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_comes_back_whatever_its_value_is_and_from_older_checkpoints() {
        for value in [0.5, f64::NAN, f64::INFINITY] {
            let best = Best {
                step: 3,
                value,
                weights: None,
            };
            let text = serde_json::to_string(&best).unwrap();
            let read: Best = serde_json::from_str(&text).unwrap();
            assert_eq!(read.value.to_bits(), value.to_bits(), "{text}");
        }
        let older: Best = serde_json::from_str(r#"{"step":3,"top1":0.5}"#).unwrap();
        assert_eq!(older.value, 0.5);
    }
}
