//! Rounds of an adaptive method: where they end, their mean losses, and
//! the controller's decision.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::knobs::KnobState;
use crate::event::RunEvent;
use crate::experiment::controller::{Controller, ControllerState, RoundSummary};
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
    /// Takes in the losses of the step that completed `completed` steps. If it
    /// ended a round, lets the controller decide, turns the knobs and
    /// returns the event. A training without a controller has no rounds.
    pub fn step(
        &mut self,
        losses: &[(String, f64)],
        completed: u64,
        timeline: &Timeline,
        training: &Training,
        knobs: &mut KnobState,
    ) -> Option<RunEvent> {
        let controller = training.objective.controller.as_ref()?;
        if completed > timeline.steps_of_rounds {
            return None;
        }
        for (term, loss) in losses {
            *self.sums.entry(term.clone()).or_default() += loss;
        }
        self.steps += 1;
        timeline
            .ends_round(completed)
            .then(|| self.end(completed, timeline, controller, knobs))
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
        Ok(())
    }

    fn end(
        &mut self,
        completed: u64,
        timeline: &Timeline,
        controller: &Controller,
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
            knob: &|knob| values.get(knob).copied().unwrap_or(f64::NAN),
        };
        let decision = if self.by_hand {
            None
        } else {
            controller.decide(&mut self.controller, &summary)
        };
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
        match state.step(&losses, completed, &timeline, training, knobs) {
            Some(RunEvent::RoundEnded { decision, .. }) => decision.is_some(),
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
