//! What the gap rule finds: whether the student overfits or underfits, by its
//! truth loss and its loss on the validation images, which stand for images that it
//! has not seen.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::format::{loss, number};

/// How the truth loss is compared with the validation loss, and what follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// How far the two must lie apart, as a fraction of the validation loss.
    #[serde(default)]
    pub margin: f64,
    /// Rounds over which both losses are averaged.
    #[serde(default = "one")]
    pub window: u32,
    /// Rounds in a row that must find the same before a knob moves.
    #[serde(default = "one")]
    pub patience: u32,
    /// What moves when the student underfits.
    #[serde(default)]
    pub when_underfitting: WhenUnderfitting,
}

/// What moves when the student underfits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum WhenUnderfitting {
    /// p1 goes one step back; w follows its schedule.
    #[default]
    StepBack,
    /// `w ← max(w_min, decay · w)`, as the published text has it; a `w` that is
    /// lower already stays.
    LowerWeight {
        /// Factor on w, in (0, 1).
        #[serde(default = "default_decay")]
        decay: f64,
        /// Minimum weight.
        #[serde(default = "default_w_min")]
        w_min: f64,
    },
}

/// What a comparison of the two losses shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// The truth loss is lower: what was learned does not carry over to other
    /// images.
    Overfits,
    /// The truth loss is higher: the images are harder than the student can learn.
    Underfits,
    /// The two differ by the margin at most.
    WithinMargin,
}

/// The two losses that were compared after a round, and what that showed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The student's truth loss in training, mean over the rounds.
    pub truth_loss: f64,
    /// Its loss on the validation images against the same target, likewise.
    pub valid_loss: f64,
    /// Rounds over which both are averaged: the window, fewer at first.
    pub rounds: u32,
    /// What they show.
    pub finding: Finding,
    /// Rounds in a row that showed the same, this one included.
    pub in_a_row: u32,
}

/// What the rule remembers between rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GapState {
    /// Truth loss and validation loss of the latest rounds, at most a window of them.
    losses: Vec<(f64, f64)>,
    /// What the last round showed, and how many in a row did since a knob moved.
    found: Option<(Finding, u32)>,
}

impl Default for Gap {
    fn default() -> Self {
        Self {
            margin: 0.0,
            window: one(),
            patience: one(),
            when_underfitting: WhenUnderfitting::default(),
        }
    }
}

fn one() -> u32 {
    1
}

pub(super) fn default_decay() -> f64 {
    0.9
}

pub(super) fn default_w_min() -> f64 {
    0.01
}

impl Gap {
    /// Compares the losses of the round that ended.
    pub(super) fn compare(
        &self,
        state: &mut GapState,
        truth_loss: f64,
        valid_loss: f64,
    ) -> Comparison {
        state.losses.push((truth_loss, valid_loss));
        let window = self.window.max(1) as usize;
        state
            .losses
            .drain(..state.losses.len().saturating_sub(window));
        let count = state.losses.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| state.losses.iter().map(of).sum::<f64>() / count;
        let (truth_loss, valid_loss) = (mean(|pair| pair.0), mean(|pair| pair.1));
        let finding = if truth_loss < valid_loss * (1.0 - self.margin) {
            Finding::Overfits
        } else if truth_loss > valid_loss * (1.0 + self.margin) {
            Finding::Underfits
        } else {
            Finding::WithinMargin
        };
        let in_a_row = match state.found {
            Some((before, count)) if before == finding => count.saturating_add(1),
            _ => 1,
        };
        state.found = Some((finding, in_a_row));
        Comparison {
            truth_loss,
            valid_loss,
            rounds: state.losses.len() as u32,
            finding,
            in_a_row,
        }
    }

    /// Whether a knob moves after this comparison; it takes patience again then.
    pub(super) fn acts(&self, state: &mut GapState, comparison: &Comparison) -> bool {
        let acts = comparison.finding != Finding::WithinMargin
            && comparison.in_a_row >= self.patience.max(1);
        if acts {
            state.found = None;
        }
        acts
    }

    /// What was compared and what that shows, for a person.
    pub(super) fn reason(&self, comparison: &Comparison) -> String {
        let Comparison {
            truth_loss,
            valid_loss,
            rounds,
            finding,
            in_a_row,
        } = *comparison;
        let (truth, valid) = (loss(truth_loss), loss(valid_loss));
        let shown = |finding: &str, sign: &str| {
            let waits = if in_a_row < self.patience {
                format!(", round {in_a_row} of {} in a row", self.patience)
            } else {
                String::new()
            };
            format!("{finding}, truth loss {truth} {sign} validation loss {valid}{waits}")
        };
        let mut text = match finding {
            Finding::Overfits => shown("overfits", "<"),
            Finding::Underfits => shown("underfits", ">"),
            Finding::WithinMargin => format!(
                "truth loss {truth} is within {} % of the validation loss, {valid}",
                number(self.margin * 100.0)
            ),
        };
        if rounds > 1 {
            let _ = write!(text, " (means over {rounds} rounds)");
        }
        text
    }
}
