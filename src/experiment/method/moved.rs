//! The knobs that a rule of adaptive augmentation moves, and which of its values
//! they can take.

use super::check;
use crate::experiment::controller::{Gap, ScheduledKnob, Update, WhenUnderfitting};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;
use crate::experiment::schedule::Schedule;

/// Rounds over which a rule looks back, at most: they are in every checkpoint.
const MOST_ROUNDS: u32 = 1000;

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
            Update::Gap(gap) => {
                let found = gap_problems(gap).into_iter();
                found.map(|p| p.under("update.Gap")).collect()
            }
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

/// What is wrong with a gap rule. Paths start at its fields.
pub(super) fn gap_problems(gap: &Gap) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !(0.0..1.0).contains(&gap.margin) {
        problems.push(Problem::new(
            "margin",
            format!("{} is not a fraction from 0 to below 1", gap.margin),
        ));
    }
    for (field, rounds) in [("window", gap.window), ("patience", gap.patience)] {
        if !(1..=MOST_ROUNDS).contains(&rounds) {
            let message = format!("{rounds} is not a number of rounds from 1 to {MOST_ROUNDS}");
            problems.push(Problem::new(field, message));
        }
    }
    if let WhenUnderfitting::LowerWeight { decay, w_min } = gap.when_underfitting {
        let found = lowering(decay, w_min).into_iter();
        problems.extend(found.map(|p| p.under("when_underfitting.LowerWeight")));
    }
    problems
}

fn lowering(decay: f64, w_min: f64) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !(decay > 0.0 && decay < 1.0) {
        problems.push(Problem::new(
            "decay",
            format!("{decay} is not between 0 and 1, both excluded"),
        ));
    }
    check(&mut problems, "w_min", w_min, Range::WEIGHT);
    problems
}

fn feedback(decay: f64, w_min: f64, tolerance: f64) -> Vec<Problem> {
    let mut problems = lowering(decay, w_min);
    let range = Range {
        min: 0.0,
        max: 10.0,
    };
    check(&mut problems, "tolerance", tolerance, range);
    let place = "update.Feedback";
    problems.into_iter().map(|p| p.under(place)).collect()
}
