//! `AdaptiveAugmentation` (after US20240070454). View 1 is the batch augmented
//! with p1, view 2 the same images augmented with p2; `L = w·L_d + L_t` with
//! `L_d = divergence(student(view 1), teacher(view 1))` and `L_t` the student's
//! truth loss on view 2. After every round but the last at most one of p1 and
//! w moves.

use serde::{Deserialize, Serialize};

use super::moved::Moved;
use super::{
    ExpansionContext, Method, check, check_distillation, check_start, check_target, distillation,
    truth,
};
use crate::experiment::controller::{
    AdaptiveAugmentationRule, Controller, SecondProbability, Update,
};
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::objective::{Divergence, Objective, Part, TruthTarget, View};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// Augmentation and distillation that a rule moves against each other, by the truth loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveAugmentation {
    /// First augmentation probability of the first round, at most `p_max`.
    #[serde(default)]
    pub p1: f64,
    /// Maximum augmentation probability, in [0, 1].
    #[serde(default = "super::default_probability")]
    pub p_max: f64,
    /// Target weight of the distillation loss in the first round.
    #[serde(default = "super::default_weight")]
    pub w: f64,
    /// Distillation temperature.
    #[serde(default = "super::default_temperature")]
    pub temperature: f64,
    /// How student and teacher are compared.
    #[serde(default)]
    pub divergence: Divergence,
    /// The truth value of the truth loss.
    #[serde(default)]
    pub truth: TruthTarget,
    /// How p2 comes from p1, `p_max` and the number of rounds.
    #[serde(default)]
    pub p2: SecondProbability,
    /// Which of p1 and w moves.
    #[serde(default)]
    pub update: Update,
    /// Which images the two views show.
    #[serde(default)]
    pub views: ViewImages,
}

/// Which images of a batch the two views show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ViewImages {
    /// All of them, both.
    #[default]
    All,
    /// Each its own half, so that both take one pass of the student.
    Halves,
}

impl Method for AdaptiveAugmentation {
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        let problems = self.problems(*context);
        if !problems.is_empty() {
            return Err(problems);
        }
        let second = self.p2.value(self.p1, self.p_max, context.rounds);
        Ok(Objective {
            views: self.views.views(),
            terms: vec![distillation(vec![0], self.divergence), truth(1, self.truth)],
            knobs: vec![
                Knob::constant("p1", KnobRole::Probability, self.p1),
                Knob::constant("p2", KnobRole::Probability, second),
                Knob::constant("w", KnobRole::Weight, self.w),
                Knob::constant("w_truth", KnobRole::Weight, 1.0),
                Knob::constant("temperature", KnobRole::Temperature, self.temperature),
            ],
            controller: Some(Controller::AdaptiveAugmentation(AdaptiveAugmentationRule {
                first: "p1".to_owned(),
                second: vec!["p2".to_owned()],
                weight: "w".to_owned(),
                truth: "truth".to_owned(),
                p_max: self.p_max,
                p2_rule: self.p2,
                update: self.update.clone(),
            })),
        })
    }
}

impl ViewImages {
    /// The first image goes to the second view, so that a single label meets the truth loss.
    fn views(self) -> Vec<View> {
        let views = [View::numbered(1), View::numbered(2)];
        match self {
            Self::All => views.into(),
            Self::Halves => {
                let halves = views.into_iter().zip([1, 0]);
                let half = |(view, first): (View, usize)| view.of(Part { first, of: 2 });
                halves.map(half).collect()
            }
        }
    }
}

impl AdaptiveAugmentation {
    /// The method's name, in files and for people.
    pub const NAME: &str = "AdaptiveAugmentation";

    fn problems(&self, context: ExpansionContext) -> Vec<Problem> {
        let mut problems = Vec::new();
        check(&mut problems, "p1", self.p1, Range::PROBABILITY);
        check(&mut problems, "p_max", self.p_max, Range::PROBABILITY);
        let strength = (self.w, self.temperature);
        check_distillation(&mut problems, strength, self.divergence, context);
        check_start(&mut problems, self.p1, self.p_max);
        check_target(&mut problems, self.truth, context);
        let moved = Moved {
            first: "p1",
            weight: "w",
            p_max: self.p_max,
            epochs: context.epochs,
        };
        problems.extend(moved.problems(&self.update));
        problems
    }
}
