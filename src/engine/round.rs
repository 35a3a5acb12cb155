//! Rounds of an adaptive method: where they end, their mean losses, and
//! the controller's decision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::knobs::KnobState;
use crate::event::RunEvent;
use crate::experiment::controller::{ControllerState, GapState, RoundSummary};
use crate::experiment::objective::TruthTarget;
use crate::experiment::plan::Training;
use crate::experiment::timeline::Timeline;

/// What is remembered between steps of a round and between rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RoundState {
    /// Sum of every term's loss over the steps of this round.
    sums: BTreeMap<String, f64>,
    /// Steps of this round so far.
    steps: u64,
    /// The controller's memory.
    controller: ControllerState,
    /// Whether a person has taken the knobs from the controller.
    #[serde(default)]
    by_hand: bool,
}

impl RoundState {
    /// Takes in the losses of the step that completed `completed` steps. Returns
    /// whether it ended a round, which [`end`](Self::end) is to end. A training
    /// without a controller has no rounds.
    pub fn step(
        &mut self,
        losses: &[(String, f64)],
        completed: u64,
        timeline: &Timeline,
        training: &Training,
    ) -> bool {
        if training.objective.controller.is_none() || completed > timeline.steps_of_rounds {
            return false;
        }
        for (term, loss) in losses {
            *self.sums.entry(term.clone()).or_default() += loss;
        }
        self.steps += 1;
        timeline.ends_round(completed)
    }

    /// Whether a round that ended with so many steps waits for an evaluation to be ended by.
    #[must_use]
    pub fn waits(&self, completed: u64, timeline: &Timeline) -> bool {
        self.steps > 0 && timeline.ends_round(completed)
    }

    /// The target against which the student must be evaluated on the validation images
    /// before the round that ends now can be ended, if the controller compares with
    /// that.
    #[must_use]
    pub fn compared_target(
        &self,
        completed: u64,
        timeline: &Timeline,
        training: &Training,
    ) -> Option<TruthTarget> {
        let decides = !self.by_hand && timeline.round(completed) < timeline.rounds();
        training.objective.compared_target().filter(|_| decides)
    }

    /// Lets the controller move its knobs from now on, or not. It continues from
    /// where the knobs then stand.
    ///
    /// # Errors
    /// If this training has no controller.
    pub fn set_controller(&mut self, on: bool, training: &Training) -> Result<(), String> {
        if training.objective.controller.is_none() {
            return Err("this training has no controller: its method moves no knob".to_owned());
        }
        self.by_hand = !on;
        if !on {
            // Rounds that a person steers say nothing of what the controller did.
            self.controller.gap = GapState::default();
        }
        Ok(())
    }

    /// Ends a round: lets the controller decide, moves the knobs and returns the event.
    /// `valid_loss` is there where [`compared_target`](Self::compared_target) is.
    pub fn end(
        &mut self,
        completed: u64,
        valid_loss: Option<f64>,
        timeline: &Timeline,
        training: &Training,
        knobs: &mut KnobState,
    ) -> RunEvent {
        let steps = std::mem::take(&mut self.steps) as f64;
        let losses: BTreeMap<String, f64> = std::mem::take(&mut self.sums)
            .into_iter()
            .map(|(term, sum)| (term, sum / steps))
            .collect();
        let epoch = timeline.epoch(completed);
        let values = knobs.values(epoch);
        let round = timeline.round(completed);
        let summary = RoundSummary {
            round,
            rounds: timeline.rounds(),
            epoch,
            epochs: timeline.epoch(timeline.steps_of_rounds),
            mean_loss: &|term| losses.get(term).copied().unwrap_or(f64::NAN),
            valid_loss,
            knob: &|knob| values.get(knob).copied().unwrap_or(f64::NAN),
        };
        let controller = training.objective.controller.as_ref();
        let decision = controller
            .filter(|_| !self.by_hand)
            .and_then(|controller| controller.decide(&mut self.controller, &summary));
        if let Some(decision) = &decision {
            knobs.follow(decision);
        }
        RunEvent::RoundEnded {
            round,
            rounds: timeline.rounds(),
            step: completed,
            losses,
            decision,
            knobs: knobs.values(epoch),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::load_text;

    const ADAPTIVE: &str = include_str!("../../experiments/quickstart.ron");

    fn training(text: &str) -> Training {
        let loaded = load_text(text, Path::new("experiments/quickstart.ron"), &[]);
        loaded.unwrap().plan.training
    }

    /// Ends the next round, of one step. Returns whether a knob was moved.
    fn end(
        state: &mut RoundState,
        completed: u64,
        training: &Training,
        knobs: &mut KnobState,
    ) -> bool {
        let losses = [("truth".to_owned(), 1.0), ("distill".to_owned(), 1.0)];
        let timeline = training.timeline(1);
        assert!(state.step(&losses, completed, &timeline, training));
        match state.end(completed, None, &timeline, training, knobs) {
            RunEvent::RoundEnded { decision, .. } => decision.is_some(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn knobs_taken_from_the_controller_stay_until_they_are_given_back() {
        let training = training(ADAPTIVE);
        let mut knobs = KnobState::new(&training);
        let mut state = RoundState::default();
        assert!(end(&mut state, 1, &training, &mut knobs));
        state.set_controller(false, &training).unwrap();
        let before = knobs.clone();
        assert!(!end(&mut state, 2, &training, &mut knobs));
        assert_eq!(knobs, before);
        state.set_controller(true, &training).unwrap();
        assert!(end(&mut state, 3, &training, &mut knobs));
        assert_ne!(knobs, before);
    }

    #[test]
    fn a_training_without_a_controller_refuses_to_be_given_one() {
        let start = ADAPTIVE.find("method: AdaptiveAugmentation").unwrap();
        let end = start + ADAPTIVE[start..].find("\n    ),").unwrap() + 7;
        let text = ADAPTIVE.replace(&ADAPTIVE[start..end], "method: Vanilla(),");
        let refusal = RoundState::default().set_controller(true, &training(&text));
        assert!(refusal.unwrap_err().contains("no controller"));
    }
}
