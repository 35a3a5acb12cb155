//! The knobs that a rule of adaptive augmentation moves, and which of its values
//! they can take.

use super::check;
use crate::experiment::controller::{ScheduledKnob, Update};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;
use crate::experiment::schedule::Schedule;

/// What an update rule is checked against.
pub(super) struct Moved<'a> {
    /// The knob that is p1.
    pub first: &'a str,
    /// The knob that is w.
    pub weight: &'a str,
    /// Maximum augmentation probability.
    pub p_max: f64,
    /// Length of the training, epochs.
    pub epochs: u32,
}

impl Moved<'_> {
    /// What is wrong with an update rule. Paths start at `update`, which stands
    /// beside `p_max`.
    pub(super) fn problems(&self, update: &Update) -> Vec<Problem> {
        match update {
            Update::Feedback {
                decay,
                w_min,
                tolerance,
            } => feedback(*decay, *w_min, *tolerance),
            Update::Scheduled(ScheduledKnob::P1(schedule)) => {
                let found = self.first_problems(schedule).into_iter();
                found.map(|p| p.under("update.Scheduled.P1")).collect()
            }
            Update::Scheduled(ScheduledKnob::W(schedule)) => {
                let epochs = f64::from(self.epochs);
                let found = schedule.problems(self.weight, Range::WEIGHT, 0.0, epochs);
                let found = found.into_iter();
                found.map(|p| p.under("update.Scheduled.W")).collect()
            }
        }
    }

    /// A probability, and at most `p_max`.
    fn first_problems(&self, schedule: &Schedule) -> Vec<Problem> {
        let epochs = f64::from(self.epochs);
        let within = |range| schedule.problems(self.first, range, 0.0, epochs);
        let found = within(Range::PROBABILITY);
        if !found.is_empty() || !Range::PROBABILITY.contains(self.p_max) {
            return found;
        }
        let above = within(Range {
            max: self.p_max,
            ..Range::PROBABILITY
        });
        let remedy = format!("p_max is {}: raise it, or lower the schedule", self.p_max);
        above
            .into_iter()
            .map(|problem| problem.help(remedy.clone()))
            .collect()
    }
}

fn feedback(decay: f64, w_min: f64, tolerance: f64) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !(decay > 0.0 && decay < 1.0) {
        problems.push(Problem::new(
            "decay",
            format!("{decay} is not between 0 and 1, both excluded"),
        ));
    }
    check(&mut problems, "w_min", w_min, Range::WEIGHT);
    let range = Range {
        min: 0.0,
        max: 10.0,
    };
    check(&mut problems, "tolerance", tolerance, range);
    let place = "update.Feedback";
    problems.into_iter().map(|p| p.under(place)).collect()
}
