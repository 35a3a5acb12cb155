//! The knobs of one training as they stand: schedules that may have been
//! turned since the plan was made, evaluated at a time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::experiment::controller::Decision;
use crate::experiment::knob::Knob;
use crate::experiment::plan::Training;
use crate::experiment::problem::Problem;
use crate::experiment::schedule::Schedule;
use crate::untrusted::Show as _;

/// Every knob of a training and the length of its schedules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnobState {
    knobs: Vec<Knob>,
    /// Length of the training, epochs.
    epochs: f64,
}

/// What cannot be done with knobs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KnobError {
    /// There is no such knob.
    #[error("there is no knob `{name}`; there are {known}", name = name.shown())]
    Unknown {
        /// The name that was requested.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A schedule is none for its knob.
    #[error("knob `{name}`: {problem}", name = name.shown())]
    Schedule {
        /// The knob.
        name: String,
        /// What is wrong.
        problem: Problem,
    },
    /// A checkpoint has other knobs than the experiment.
    #[error(
        "its knobs are {found} over {found_epochs} epochs, and the run's are {expected} over \
         {expected_epochs}: it is of another training; restore it from a copy, or start a new run"
    )]
    Others {
        /// The checkpoint's.
        found: String,
        /// Length of its training.
        found_epochs: String,
        /// The experiment's.
        expected: String,
        /// Length of the experiment's training.
        expected_epochs: String,
    },
}

impl KnobState {
    /// The knobs as planned.
    #[must_use]
    pub fn new(training: &Training) -> Self {
        Self {
            knobs: training.knobs().cloned().collect(),
            epochs: f64::from(training.epochs),
        }
    }

    /// Whether these are the knobs of `training`, which has `epochs` and stands at
    /// the time `now`, and can be followed to its end. A board that was read from a file may be
    /// anything.
    ///
    /// # Errors
    /// What is not as it must be.
    pub fn check(&self, training: &Training, epochs: u32, now: f64) -> Result<(), KnobError> {
        let planned = Self {
            epochs: f64::from(epochs),
            ..Self::new(training)
        };
        let kind = |knob: &Knob| (knob.name.clone(), knob.role);
        let same = self
            .knobs
            .iter()
            .map(kind)
            .eq(planned.knobs.iter().map(kind));
        if !same || self.epochs != planned.epochs {
            return Err(KnobError::Others {
                found: self.names(),
                found_epochs: self.epochs.to_string(),
                expected: planned.names(),
                expected_epochs: planned.epochs.to_string(),
            });
        }
        for (knob, planned) in self.knobs.iter().zip(&planned.knobs) {
            // What the plan says was looked at when the run began.
            if knob.schedule != planned.schedule {
                self.refuse(knob, &knob.schedule, now)?;
            }
        }
        Ok(())
    }

    /// Every knob's value at `epoch`, by name.
    #[must_use]
    pub fn values(&self, epoch: f64) -> BTreeMap<String, f64> {
        self.knobs
            .iter()
            .map(|knob| (knob.name.clone(), knob.schedule.at(epoch, self.epochs)))
            .collect()
    }

    /// Gives a knob a new schedule from the time `now` on.
    ///
    /// # Errors
    /// If there is no such knob or the schedule leaves its range before the end of
    /// the training; nothing has changed then.
    pub fn adjust(&mut self, name: &str, schedule: Schedule, now: f64) -> Result<(), KnobError> {
        let index = self.knobs.iter().position(|knob| knob.name == name);
        let index = index.ok_or_else(|| self.unknown(name))?;
        self.refuse(&self.knobs[index], &schedule, now)?;
        self.knobs[index].schedule = schedule;
        Ok(())
    }

    /// Follows the knobs through a training of so many epochs. Schedules that would
    /// end with it end at `schedules_end` instead, if that is given.
    ///
    /// # Errors
    /// If one leaves its range before the new end; nothing has changed then.
    pub fn extend(
        &mut self,
        epochs: u32,
        schedules_end: Option<u32>,
        now: f64,
    ) -> Result<(), KnobError> {
        let mut extended = Self {
            epochs: f64::from(epochs),
            ..self.clone()
        };
        for knob in &mut extended.knobs {
            if let Some(end) = schedules_end {
                knob.schedule = knob.schedule.ending_at(f64::from(end));
            }
        }
        for knob in &extended.knobs {
            extended.refuse(knob, &knob.schedule, now)?;
        }
        *self = extended;
        Ok(())
    }

    /// Follows the knobs through a training that was to be finished after `planned` epochs
    /// and is from the time `now` on, in `last` epochs.
    pub fn finish_early(&mut self, planned: f64, now: f64, last: f64) {
        for knob in &mut self.knobs {
            knob.schedule = knob.schedule.finished_early(planned, now, last);
        }
    }

    /// Holds the knobs that a controller moved at their new values.
    pub fn follow(&mut self, decision: &Decision) {
        for step in std::iter::once(&decision.moved).chain(&decision.followed) {
            if let Some(knob) = self.knobs.iter_mut().find(|knob| knob.name == step.knob) {
                knob.schedule = Schedule::Constant(step.to);
            }
        }
    }

    /// A knob's value at `epoch`.
    ///
    /// # Errors
    /// If there is no such knob.
    pub fn value(&self, name: &str, epoch: f64) -> Result<f64, KnobError> {
        let knob = self.knobs.iter().find(|knob| knob.name == name);
        knob.map(|knob| knob.schedule.at(epoch, self.epochs))
            .ok_or_else(|| self.unknown(name))
    }

    fn refuse(&self, knob: &Knob, schedule: &Schedule, now: f64) -> Result<(), KnobError> {
        let found = knob.problems(schedule, now, self.epochs);
        found.into_iter().next().map_or(Ok(()), |problem| {
            Err(KnobError::Schedule {
                name: knob.name.clone(),
                problem,
            })
        })
    }

    fn unknown(&self, name: &str) -> KnobError {
        KnobError::Unknown {
            name: name.to_owned(),
            known: self.names(),
        }
    }

    fn names(&self) -> String {
        let names: Vec<String> = self
            .knobs
            .iter()
            .map(|knob| format!("`{}`", knob.name))
            .collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::load_text;

    const TEXT: &str = "(
        data: (train: Shapes(count: 200, size: 16)),
        teacher: (model: Cnn(channels: [8]), weights: Train(epochs: 2)),
        student: (model: Cnn(channels: [4])),
        method: METHOD,
        epochs: 10,
    )";

    fn training(method: &str) -> Training {
        let text = TEXT.replace("METHOD", method);
        let loaded = load_text(&text, Path::new("a.ron"), &[]);
        loaded
            .unwrap_or_else(|report| panic!("{report}"))
            .plan
            .training
    }

    fn warmup() -> Schedule {
        Schedule::Warmup {
            epochs: 1.0,
            then: Box::new(Schedule::Constant(4.0)),
        }
    }

    #[test]
    fn a_turn_is_checked_from_the_present_to_the_end_and_changes_nothing_where_it_is_refused() {
        let mut board = KnobState::new(&training("Vanilla()"));
        let before = board.clone();
        let refused = board.adjust("temperature", warmup(), 0.0).unwrap_err();
        assert!(
            refused
                .to_string()
                .contains("temperature is 0 at epoch 0, below its minimum 0.05"),
            "{refused}"
        );
        let growing = Schedule::Exponential {
            from: 0.1,
            decay: 10.0,
        };
        assert!(board.adjust("lr", growing, 0.0).is_err());
        assert!(board.adjust("q", warmup(), 0.0).is_err());
        assert_eq!(board, before);
        board.adjust("temperature", warmup(), 1.0).unwrap();
        assert_eq!(board.values(2.0)["temperature"], 4.0);
    }

    #[test]
    fn a_board_of_another_training_is_refused_with_the_knobs_of_both() {
        let board = KnobState::new(&training("Vanilla()"));
        board.check(&training("Vanilla(p1: 0.1)"), 10, 0.0).unwrap();
        let error = board.check(&training("MultiView()"), 10, 0.0).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("`lr`, `p1`, `w`, `temperature`, `w_truth` over 10"),
            "{message}"
        );
        assert!(message.contains("`p3`"), "{message}");
    }

    #[test]
    fn a_board_with_a_value_that_no_training_can_have_is_refused() {
        let training = training("Vanilla()");
        let text = serde_json::to_string(&KnobState::new(&training)).unwrap();
        for damaged in [
            text.replace("{\"Constant\":4.0}", "{\"Constant\":4e5}"),
            text.replace("\"temperature\"", "\"temperaturf\""),
            text.replace("\"epochs\":10.0", "\"epochs\":11.0"),
        ] {
            assert_ne!(damaged, text);
            let board: KnobState = serde_json::from_str(&damaged).unwrap();
            assert!(board.check(&training, 10, 3.0).is_err(), "{damaged}");
        }
    }

    #[test]
    fn a_knob_that_is_not_there_is_an_error_and_no_panic() {
        let board = KnobState::new(&training("Vanilla()"));
        assert_eq!(board.value("p1", 0.0), Ok(0.5));
        let error = board.value("p2", 0.0).unwrap_err();
        assert!(
            error.to_string().starts_with("there is no knob `p2`"),
            "{error}"
        );
    }
}
