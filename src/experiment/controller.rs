//! Controllers: rules that turn knobs at the end of a round.
//!
//! A controller is plain data (the rule) plus plain state (what it remembers),
//! so that both travel in checkpoints. It reads the round's mean losses, the
//! validation loss where it compares with that, and the knobs' values, and answers
//! with one decision; it never touches the knobs itself.

mod gap;
mod second;

use serde::{Deserialize, Serialize};

pub use gap::{Comparison, Finding, Gap, GapState, WhenUnderfitting};
pub use second::SecondProbability;

use gap::{default_decay, default_w_min};

use super::schedule::Schedule;
use crate::format::{loss, number};

/// A rule that may turn knobs at the end of a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Controller {
    /// Adaptive augmentation (US20240070454).
    AdaptiveAugmentation(AdaptiveAugmentationRule),
}

/// After round e < E at most one of p1 and w moves; p2 follows p1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdaptiveAugmentationRule {
    /// Knob p1, the first augmentation probability.
    pub first: String,
    /// Knobs that follow as p2, the second augmentation probability; none where a
    /// single view is steered, and p2 is only what p1 comes to next.
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
    /// The round's truth loss is compared with the validation loss after it. If it
    /// is lower, the student overfits: p1 ← p2. If it is higher, it underfits: p1
    /// goes a step back, or w is lowered.
    Gap(Gap),
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
        Self::Gap(Gap::default())
    }
}

fn default_tolerance() -> f64 {
    0.01
}

/// What a controller remembers between rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ControllerState {
    /// Least truth loss of any round so far.
    pub best_truth_loss: Option<f64>,
    /// What the gap rule remembers.
    #[serde(default)]
    pub gap: GapState,
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
    /// The student's loss on the validation images after the round, against the
    /// target of the truth loss; given where the controller
    /// [compares](Controller::compared_term) with it.
    pub valid_loss: Option<f64>,
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
    /// The losses that decided, of a rule that compares two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared: Option<Comparison>,
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

impl Update {
    /// Whether the weight is one of the knobs that it may move.
    #[must_use]
    pub fn moves_weight(&self) -> bool {
        !matches!(
            self,
            Self::Gap(Gap {
                when_underfitting: WhenUnderfitting::StepBack,
                ..
            })
        )
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
                let mut knobs = vec![rule.first.as_str()];
                knobs.extend(rule.update.moves_weight().then_some(rule.weight.as_str()));
                knobs.extend(rule.second.iter().map(String::as_str));
                knobs
            }
        }
    }

    /// The term that it compares with its loss on the validation images, which must
    /// be evaluated after every round then.
    #[must_use]
    pub fn compared_term(&self) -> Option<&str> {
        match self {
            Self::AdaptiveAugmentation(rule) => {
                matches!(rule.update, Update::Gap(_)).then_some(rule.truth.as_str())
            }
        }
    }
}

impl AdaptiveAugmentationRule {
    /// The minimum of the weight, of a rule that lowers it.
    fn w_min(&self) -> Option<f64> {
        match &self.update {
            Update::Feedback { w_min, .. }
            | Update::Gap(Gap {
                when_underfitting: WhenUnderfitting::LowerWeight { w_min, .. },
                ..
            }) => Some(*w_min),
            Update::Gap(_) | Update::Scheduled(_) => None,
        }
    }

    fn decide(&self, state: &mut ControllerState, summary: &RoundSummary<'_>) -> Option<Decision> {
        if summary.round >= summary.rounds {
            return None;
        }
        let p1 = (summary.knob)(&self.first);
        let w = (summary.knob)(&self.weight);
        let mut compared = None;
        let (next, reason) = match &self.update {
            Update::Gap(gap) => {
                let truth = (summary.mean_loss)(&self.truth);
                let comparison = gap.compare(&mut state.gap, truth, summary.valid_loss?);
                compared = Some(comparison);
                let next = if gap.acts(&mut state.gap, &comparison) {
                    self.answer(gap, comparison.finding, (p1, w), summary.rounds)
                } else {
                    Next::P1(p1)
                };
                (next, gap.reason(&comparison))
            }
            Update::Feedback {
                decay,
                w_min,
                tolerance,
            } => {
                let truth = (summary.mean_loss)(&self.truth);
                let best = state.best_truth_loss;
                state.best_truth_loss = Some(best.map_or(truth, |best| best.min(truth)));
                let reason = feedback_reason(truth, best, *tolerance);
                let improved = best.is_none_or(|best| truth <= best * (1.0 + tolerance));
                let next = if improved {
                    Next::P1(self.p2_rule.value(p1, self.p_max, summary.rounds))
                } else {
                    Next::W(lowered(w, *decay, *w_min))
                };
                (next, reason)
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
        Some(self.decision(&next, (reason, compared), (p1, w), summary))
    }

    /// What moves after the gap rule found this.
    fn answer(&self, gap: &Gap, finding: Finding, (p1, w): (f64, f64), rounds: u32) -> Next {
        match (finding, &gap.when_underfitting) {
            (Finding::Overfits, _) => Next::P1(self.p2_rule.value(p1, self.p_max, rounds)),
            (Finding::Underfits, WhenUnderfitting::StepBack) => {
                Next::P1(self.p2_rule.step_back(p1, self.p_max, rounds))
            }
            (Finding::Underfits, WhenUnderfitting::LowerWeight { decay, w_min }) => {
                Next::W(lowered(w, *decay, *w_min))
            }
            (Finding::WithinMargin, _) => Next::P1(p1),
        }
    }

    fn decision(
        &self,
        next: &Next,
        (mut reason, compared): (String, Option<Comparison>),
        (p1, w): (f64, f64),
        summary: &RoundSummary<'_>,
    ) -> Decision {
        let (moved, p1_after) = match next {
            Next::P1(to) => (knob_move(&self.first, p1, *to), *to),
            Next::W(to) => (knob_move(&self.weight, w, *to), p1),
        };
        let p2 = self.p2_rule.value(p1_after, self.p_max, summary.rounds);
        reason.push_str(&self.limits(&moved, p2, compared));
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
            compared,
        }
    }

    /// Which knobs the rule has brought to a limit that it does not let them pass.
    fn limits(&self, moved: &KnobMove, p2: f64, compared: Option<Comparison>) -> String {
        let (mut reasons, mut below) = (Vec::new(), String::new());
        let mut at_limit = |names: &[&str], limit: &str| {
            let (verb, whose) = match names {
                [] => return,
                [_] => ("is", "its"),
                _ => ("are", "their"),
            };
            let names = names.join(" and ");
            reasons.push(format!("; {names} {verb} at {whose} limit, {limit}"));
        };
        if let Some(w_min) = self.w_min()
            && moved.knob == self.weight
        {
            if moved.to < w_min {
                // A person, or the experiment, has set it lower.
                below = format!(
                    "; {} is below its limit already, w_min = {w_min}",
                    moved.knob
                );
            } else if moved.to == w_min {
                at_limit(&[&moved.knob], &format!("w_min = {w_min}"));
            }
        }
        let underfits = compared.is_some_and(|it| it.finding == Finding::Underfits);
        if underfits && moved.knob == self.first && moved.to == 0.0 {
            at_limit(&[&moved.knob], "0");
        }
        let first = (moved.knob == self.first && moved.to == self.p_max).then_some(&self.first);
        let second = self.second.iter().filter(|_| p2 == self.p_max);
        let highest: Vec<&str> = first
            .into_iter()
            .chain(second)
            .map(String::as_str)
            .collect();
        at_limit(&highest, &format!("p_max = {}", self.p_max));
        below + &reasons.concat()
    }
}

/// What the rule `Feedback` says of a round: its truth loss beside the best of the
/// rounds before it, with which it is compared, and not with the last.
fn feedback_reason(truth: f64, best: Option<f64>, tolerance: f64) -> String {
    let Some(best) = best else {
        return format!("truth loss {}, the first round", loss(truth));
    };
    let found = if truth < best {
        "better than".to_owned()
    } else if truth <= best * (1.0 + tolerance) {
        format!("within {} % of", number(tolerance * 100.0))
    } else {
        "worse than".to_owned()
    };
    format!(
        "truth loss {}, {found} the best so far ({})",
        loss(truth),
        loss(best)
    )
}

/// A weight after the student underfitted. One that was below the minimum already is
/// not raised.
fn lowered(w: f64, decay: f64, w_min: f64) -> f64 {
    (decay * w).max(w_min.min(w))
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
