//! Knobs: the scalars of a training that have a name, a role and a schedule, and
//! that a person or a controller can turn while it runs.

use crate::untrusted::Show as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::problem::Problem;
use super::range::Range;
use super::schedule::Schedule;

/// A named scalar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "WrittenKnob")]
pub struct Knob {
    /// `lr`, `temperature`, `p1`, `p2`, …, `w` (distillation weight),
    /// `w_truth`, `w_consistency`, or a custom term's `w_<term>`.
    pub name: String,
    /// What it is to the training.
    pub role: KnobRole,
    /// The value over time.
    pub schedule: Schedule,
}

/// What a knob is to a training: which values it can have, and with which others
/// it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KnobRole {
    /// The learning rate.
    LearningRate,
    /// A view's augmentation probability.
    Probability,
    /// The augmentation probability of a view that must stay as it is.
    NoAugmentation,
    /// A term's weight.
    Weight,
    /// The weight of a term over feature maps.
    FeatureWeight,
    /// A distillation temperature.
    Temperature,
}

impl KnobRole {
    const ALL: [Self; 6] = [
        Self::LearningRate,
        Self::Probability,
        Self::NoAugmentation,
        Self::Weight,
        Self::FeatureWeight,
        Self::Temperature,
    ];

    /// Values outside are refused.
    #[must_use]
    pub const fn range(self) -> Range {
        match self {
            Self::LearningRate => Range::LEARNING_RATE,
            Self::Probability => Range::PROBABILITY,
            Self::NoAugmentation => Range::NOTHING,
            Self::Weight => Range::WEIGHT,
            Self::FeatureWeight => Range::FEATURE_WEIGHT,
            Self::Temperature => Range::TEMPERATURE,
        }
    }
}

impl Knob {
    /// A knob that keeps one value until something turns it.
    #[must_use]
    pub fn constant(name: impl Into<String>, role: KnobRole, value: f64) -> Self {
        Self {
            name: name.into(),
            role,
            schedule: Schedule::Constant(value),
        }
    }

    /// The learning rate.
    #[must_use]
    pub fn lr(schedule: Schedule) -> Self {
        Self {
            name: "lr".to_owned(),
            role: KnobRole::LearningRate,
            schedule,
        }
    }

    /// Values outside are refused.
    #[must_use]
    pub const fn range(&self) -> Range {
        self.role.range()
    }

    /// What is wrong with a schedule for this knob, from the time `now` to the
    /// end of a training of `epochs`. Paths start at the schedule's variant.
    #[must_use]
    pub fn problems(&self, schedule: &Schedule, now: f64, epochs: f64) -> Vec<Problem> {
        schedule.problems(&self.name, self.range(), now, epochs)
    }
}

/// A knob as checkpoints keep it; those of older programs have its range instead
/// of its role.
#[derive(Deserialize)]
struct WrittenKnob {
    name: String,
    role: Option<KnobRole>,
    range: Option<Range>,
    schedule: Schedule,
}

/// A knob whose role is not given.
#[derive(Debug, Error)]
#[error("the knob `{name}` has no role, and no role's range", name = name.shown())]
struct NoRole {
    name: String,
}

impl TryFrom<WrittenKnob> for Knob {
    type Error = NoRole;

    fn try_from(written: WrittenKnob) -> Result<Self, NoRole> {
        let of_range = |range| KnobRole::ALL.into_iter().find(|role| role.range() == range);
        let role = written.role.or_else(|| written.range.and_then(of_range));
        match role {
            Some(role) => Ok(Self {
                name: written.name,
                role,
                schedule: written.schedule,
            }),
            None => Err(NoRole { name: written.name }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_range_of_its_own() {
        for role in KnobRole::ALL {
            let same = KnobRole::ALL
                .into_iter()
                .filter(|other| other.range() == role.range());
            assert_eq!(same.collect::<Vec<_>>(), [role]);
        }
    }

    #[test]
    fn a_knob_of_an_older_checkpoint_has_the_role_of_its_range() {
        let older =
            r#"{"name":"w_truth","range":{"min":0.0,"max":1000.0},"schedule":{"Constant":0.5}}"#;
        let knob: Knob = serde_json::from_str(older).unwrap();
        assert_eq!(knob, Knob::constant("w_truth", KnobRole::Weight, 0.5));
        let written = serde_json::to_string(&knob).unwrap();
        assert_eq!(serde_json::from_str::<Knob>(&written).unwrap(), knob);
    }

    #[test]
    fn a_knob_of_no_role_is_refused_by_its_name() {
        let strange = r#"{"name":"q","range":{"min":0.0,"max":7.0},"schedule":{"Constant":0.5}}"#;
        let error = serde_json::from_str::<Knob>(strange).unwrap_err();
        assert!(
            error.to_string().contains("the knob `q` has no role"),
            "{error}"
        );
    }
}
