//! The knobs of one training as they stand: schedules that may have been
//! turned since the plan was made, evaluated at a time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::experiment::controller::Decision;
use crate::experiment::knob::Knob;
use crate::experiment::plan::Training;
use crate::experiment::schedule::Schedule;

/// Every knob of a training and the length of its schedules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KnobBoard {
    knobs: Vec<Knob>,
    /// Length of the training, epochs.
    epochs: f64,
}

impl KnobBoard {
    /// The knobs as planned.
    #[must_use]
    pub fn new(training: &Training) -> Self {
        Self {
            knobs: training.knobs().cloned().collect(),
            epochs: f64::from(training.epochs),
        }
    }

    /// Whether these are the knobs of a training: they were read from a file.
    ///
    /// # Errors
    /// What does not agree.
    pub fn check(&self, training: &Training) -> Result<(), String> {
        let same =
            |(own, planned): (&Knob, &Knob)| own.name == planned.name && own.range == planned.range;
        let agree = self.knobs.len() == training.knobs().count()
            && self.knobs.iter().zip(training.knobs()).all(same)
            && self.epochs == f64::from(training.epochs);
        if !agree {
            return Err(format!(
                "its knobs ({}) are not those of the run's plan",
                self.names()
            ));
        }
        for knob in &self.knobs {
            if let Some(problem) = knob.schedule.problems(knob.range).first() {
                return Err(format!("knob `{}`: {problem}", knob.name));
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

    /// Gives a knob a new schedule.
    ///
    /// # Errors
    /// If there is no such knob or the schedule leaves its range; nothing has
    /// changed then.
    pub fn adjust(&mut self, name: &str, schedule: Schedule) -> Result<(), String> {
        let known = self.names();
        let Some(knob) = self.knobs.iter_mut().find(|knob| knob.name == name) else {
            return Err(format!("there is no knob `{name}`; there are {known}"));
        };
        if let Some(problem) = schedule.problems(knob.range).first() {
            return Err(format!("knob `{name}`: {problem}"));
        }
        knob.schedule = schedule;
        Ok(())
    }

    /// Holds the knobs that a controller moved at their new values.
    pub fn follow(&mut self, decision: &Decision) {
        for step in std::iter::once(&decision.moved).chain(&decision.followed) {
            if let Some(knob) = self.knobs.iter_mut().find(|knob| knob.name == step.knob) {
                knob.schedule = Schedule::Constant(step.to);
            }
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
