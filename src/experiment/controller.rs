//! Controllers: rules that turn knobs at the end of a round.
//!
//! A controller is plain data (the rule) plus plain state (what it remembers),
//! so that both travel in checkpoints. It reads the round's mean losses and
//! the knobs' values and answers with one decision; it never touches the knobs
//! itself.

use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use crate::format::{loss, number};

/// A rule that may turn knobs at the end of a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Controller {
    /// Adaptive augmentation (US20240070454).
    AdaptiveAugmentation(AdaptiveAugmentationRule),
}

/// After round e < E exactly one of p1 and w moves; p2 follows p1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdaptiveAugmentationRule {
    /// Knob p1, the first augmentation probability.
    pub first: String,
    /// Knobs that follow as p2, the second augmentation probability.
    pub second: Vec<String>,
    /// Knob w, the target weight.
    pub weight: String,
    /// Term whose round mean is the truth loss.
    pub truth: String,
    /// Maximum augmentation probability.
    pub p_max: f64,
    /// How p2 comes from p1, `p_max` and E.
    pub p2_rule: SecondProbability,
    /// Which of p1 and w moves, and how.
    pub update: Update,
}

/// How the second augmentation probability comes from the first. The published
/// text names its inputs and leaves the formula open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SecondProbability {
    /// `p2 = min(p_max, p1 + p_max / E)`. This project's choice.
    #[default]
    EqualSteps,
}

/// Which of p1 and w moves after a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Update {
    /// If this round's truth loss is no worse than the best so far by the
    /// tolerance, p1 ← p2; otherwise the student underfits and
    /// `w ← max(w_min, decay · w)`; a `w` that is lower already stays.
    Feedback {
        /// Factor on w when the student underfits, in (0, 1).
        #[serde(default = "default_decay")]
        decay: f64,
        /// Minimum weight: a teacher that no longer counts teaches nothing.
        #[serde(default = "default_w_min")]
        w_min: f64,
        /// How much worse than the best so far still counts as no worse, as a
        /// fraction of the best.
        #[serde(default = "default_tolerance")]
        tolerance: f64,
    },
    /// p1 or w follows a given schedule, evaluated at the end of each
    /// round in epochs; the other stays.
    Scheduled(ScheduledKnob),
}

/// The one knob that a scheduled update moves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ScheduledKnob {
    /// The first augmentation probability follows the schedule.
    P1(Schedule),
    /// The target weight follows the schedule.
    W(Schedule),
}

impl Default for Update {
    fn default() -> Self {
        Self::Feedback {
            decay: default_decay(),
            w_min: default_w_min(),
            tolerance: default_tolerance(),
        }
    }
}

fn default_decay() -> f64 {
    0.9
}

fn default_w_min() -> f64 {
    0.01
}

fn default_tolerance() -> f64 {
    0.01
}

/// What a controller remembers between rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ControllerState {
    /// Least truth loss of any round so far.
    pub best_truth_loss: Option<f64>,
}

/// What a controller receives at the end of a round.
pub struct RoundSummary<'a> {
    /// Round that just ended, from 1.
    pub round: u32,
    /// Number of rounds E.
    pub rounds: u32,
    /// Time at its end, epochs.
    pub epoch: f64,
    /// Length of training, epochs.
    pub epochs: f64,
    /// Mean over the round's steps of the named term's loss.
    pub mean_loss: &'a dyn Fn(&str) -> f64,
    /// Current value of the named knob.
    pub knob: &'a dyn Fn(&str) -> f64,
}

/// What a controller decided: which of its knobs moved and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The one knob that the rule moved.
    pub moved: KnobMove,
    /// Knobs that follow from it by formula (p2 follows p1).
    pub followed: Vec<KnobMove>,
    /// Why, for a person.
    pub reason: String,
}

/// One knob's change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnobMove {
    /// Name.
    pub knob: String,
    /// Value before.
    pub from: f64,
    /// Value after.
    pub to: f64,
}

impl KnobMove {
    /// The move in words, with values as `value` writes them; a knob that a limit holds
    /// stays where it is.
    #[must_use]
    pub fn words(&self, value: impl Fn(f64) -> String) -> String {
        if self.from == self.to {
            format!("{} stays at {}", self.knob, value(self.to))
        } else {
            format!("{} {} → {}", self.knob, value(self.from), value(self.to))
        }
    }
}

impl SecondProbability {
    /// p2 for the given p1, `p_max` and number of rounds E.
    #[must_use]
    pub fn value(self, p1: f64, p_max: f64, rounds: u32) -> f64 {
        match self {
            Self::EqualSteps => p_max.min(p1 + p_max / f64::from(rounds.max(1))),
        }
    }
}

impl Controller {
    /// Decides what moves after a round; `None` after the last one.
    pub fn decide(
        &self,
        state: &mut ControllerState,
        summary: &RoundSummary<'_>,
    ) -> Option<Decision> {
        match self {
            Self::AdaptiveAugmentation(rule) => rule.decide(state, summary),
        }
    }

    /// Names of the knobs it may turn.
    #[must_use]
    pub fn knobs(&self) -> Vec<&str> {
        match self {
            Self::AdaptiveAugmentation(rule) => {
                let mut knobs = vec![rule.first.as_str(), rule.weight.as_str()];
                knobs.extend(rule.second.iter().map(String::as_str));
                knobs
            }
        }
    }
}

impl AdaptiveAugmentationRule {
    fn decide(&self, state: &mut ControllerState, summary: &RoundSummary<'_>) -> Option<Decision> {
        if summary.round >= summary.rounds {
            return None;
        }
        let p1 = (summary.knob)(&self.first);
        let w = (summary.knob)(&self.weight);
        let (next, reason) = match &self.update {
            Update::Feedback {
                decay,
                w_min,
                tolerance,
            } => {
                let truth = (summary.mean_loss)(&self.truth);
                let best = state.best_truth_loss;
                state.best_truth_loss = Some(best.map_or(truth, |best| best.min(truth)));
                let improved = best.is_none_or(|best| truth <= best * (1.0 + tolerance));
                if improved {
                    let p2 = self.p2_rule.value(p1, self.p_max, summary.rounds);
                    let reason = match best {
                        None => format!("truth loss {}, the first round", loss(truth)),
                        Some(best) if truth <= best => {
                            format!("truth loss improved, {} → {}", loss(best), loss(truth))
                        }
                        Some(best) => format!(
                            "truth loss {} is within {} % of the best, {}",
                            loss(truth),
                            number(tolerance * 100.0),
                            loss(best)
                        ),
                    };
                    (Next::P1(p2), reason)
                } else {
                    let best = best.map_or_else(String::new, |best| format!("{} → ", loss(best)));
                    (
                        // One that was below the minimum already is not raised.
                        Next::W((decay * w).max(w_min.min(w))),
                        format!("truth loss got worse, {best}{}", loss(truth)),
                    )
                }
            }
            Update::Scheduled(ScheduledKnob::P1(schedule)) => (
                Next::P1(schedule.at(summary.epoch, summary.epochs)),
                format!("{} follows its schedule", self.first),
            ),
            Update::Scheduled(ScheduledKnob::W(schedule)) => (
                Next::W(schedule.at(summary.epoch, summary.epochs)),
                format!("{} follows its schedule", self.weight),
            ),
        };
        Some(self.decision(&next, reason, p1, w, summary))
    }

    fn decision(
        &self,
        next: &Next,
        mut reason: String,
        p1: f64,
        w: f64,
        summary: &RoundSummary<'_>,
    ) -> Decision {
        let (moved, p1_after) = match next {
            Next::P1(to) => (knob_move(&self.first, p1, *to), *to),
            Next::W(to) => (knob_move(&self.weight, w, *to), p1),
        };
        let p2 = self.p2_rule.value(p1_after, self.p_max, summary.rounds);
        reason.push_str(&self.limits(&moved, p2));
        let followed = self
            .second
            .iter()
            .map(|name| knob_move(name, (summary.knob)(name), p2))
            .filter(|follow| follow.from != follow.to)
            .collect();
        Decision {
            moved,
            followed,
            reason,
        }
    }

    /// Which knobs the rule has brought to a limit that it does not let them pass.
    fn limits(&self, moved: &KnobMove, p2: f64) -> String {
        let (mut reasons, mut below) = (Vec::new(), String::new());
        let mut at_limit = |names: &[&str], limit: &str, value: f64| {
            let (verb, whose) = match names {
                [] => return,
                [_] => ("is", "its"),
                _ => ("are", "their"),
            };
            let names = names.join(" and ");
            reasons.push(format!(
                "; {names} {verb} at {whose} limit, {limit} = {value}"
            ));
        };
        if let Update::Feedback { w_min, .. } = self.update
            && moved.knob == self.weight
        {
            if moved.to < w_min {
                // A person, or the experiment, has set it lower.
                below = format!(
                    "; {} is below its limit already, w_min = {w_min}",
                    moved.knob
                );
            } else if moved.to == w_min {
                at_limit(&[&moved.knob], "w_min", w_min);
            }
        }
        let first = (moved.knob == self.first && moved.to == self.p_max).then_some(&self.first);
        let second = self.second.iter().filter(|_| p2 == self.p_max);
        let highest: Vec<&str> = first
            .into_iter()
            .chain(second)
            .map(String::as_str)
            .collect();
        at_limit(&highest, "p_max", self.p_max);
        below + &reasons.concat()
    }
}

fn knob_move(knob: &str, from: f64, to: f64) -> KnobMove {
    KnobMove {
        knob: knob.to_owned(),
        from,
        to,
    }
}

enum Next {
    P1(f64),
    W(f64),
}

#[cfg(test)]
mod tests;
