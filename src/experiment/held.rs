//! What knobs keep to where a training is extended past the end of their schedules.

use std::fmt;

use super::knob::KnobRole;
use super::schedule::Schedule;
use crate::format::number;

/// A knob whose schedule is over when a training is extended.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The knob.
    pub knob: String,
    /// What it is to the training.
    pub role: KnobRole,
    /// What it is held at.
    pub value: f64,
    /// Whether its schedule ends with the training, and so could be stretched.
    pub stretches: bool,
}

impl Held {
    /// What becomes of a knob after `end`, epochs, if its schedule is held there; none if
    /// nothing ends. A constant is nothing that ends, but a learning rate of 0 always
    /// counts.
    #[must_use]
    pub fn after(end: f64, knob: &str, role: KnobRole, schedule: &Schedule) -> Option<Self> {
        let ended = schedule.ending_at(end);
        let held = Self {
            knob: knob.to_owned(),
            role,
            value: ended.settled(end)?,
            stretches: ended != *schedule,
        };
        let is_constant = matches!(schedule, Schedule::Constant(_));
        (!is_constant || held.stops_learning()).then_some(held)
    }

    /// Whether the weights no longer change.
    #[must_use]
    pub fn stops_learning(&self) -> bool {
        self.role == KnobRole::LearningRate && self.value == 0.0
    }
}

/// `lr at 0`.
impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.knob, number(self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_12(schedule: &Schedule) -> Option<Held> {
        Held::after(12.0, "lr", KnobRole::LearningRate, schedule)
    }

    #[test]
    fn a_knob_is_held_where_its_schedule_ends_and_could_be_stretched_if_that_is_the_end() {
        let cosine = |epochs| Schedule::Cosine {
            from: 0.1,
            to: 0.0,
            epochs,
        };
        let warmup = |then| Schedule::Warmup {
            epochs: 2.0,
            then: Box::new(then),
        };
        let steps = |last| Schedule::Steps {
            from: 0.1,
            factor: 0.5,
            at: vec![4.0, last],
        };
        let points = vec![(0.0, 0.1), (12.0, 0.02)];
        for (schedule, value, stretches) in [
            (cosine(None), 0.0, true),
            (warmup(cosine(None)), 0.0, true),
            (cosine(Some(12.0)), 0.0, false),
            (warmup(cosine(Some(10.0))), 0.0, false),
            (steps(8.0), 0.025, false),
            (Schedule::Piecewise(points), 0.02, false),
            (Schedule::Constant(0.0), 0.0, false),
        ] {
            let held = after_12(&schedule).unwrap_or_else(|| panic!("{schedule}"));
            assert_eq!(
                (held.value, held.stretches),
                (value, stretches),
                "{schedule}"
            );
            assert_eq!(held.stops_learning(), value == 0.0);
        }
        let decays = Schedule::Exponential {
            from: 0.1,
            decay: 0.9,
        };
        for goes_on in [
            cosine(Some(13.0)),
            warmup(cosine(Some(10.5))),
            steps(13.0),
            decays,
        ] {
            assert_eq!(after_12(&goes_on), None, "{goes_on}");
        }
        assert_eq!(after_12(&Schedule::Constant(0.1)), None);
        let weight = Held::after(12.0, "w", KnobRole::Weight, &Schedule::Constant(0.0));
        assert_eq!(weight, None);
    }
}
