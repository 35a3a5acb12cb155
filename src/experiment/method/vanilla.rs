//! `Vanilla`: knowledge distillation as Hinton et al. (2015) have it. One view;
//! `L = w · divergence(student, teacher) + w_truth · CE(student, label)`.

use serde::{Deserialize, Serialize};

use super::{ExpansionContext, Method, check, check_distillation, distillation, truth};
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::objective::{Divergence, Objective, TruthTarget, View};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// The baseline that all else is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vanilla {
    /// Augmentation probability of the view, in [0, 1].
    #[serde(default = "super::default_probability")]
    pub p1: f64,
    /// Weight of the distillation loss.
    #[serde(default = "super::default_weight")]
    pub w: f64,
    /// Weight of the cross-entropy with the label.
    #[serde(default = "super::default_truth_weight")]
    pub w_truth: f64,
    /// Distillation temperature.
    #[serde(default = "super::default_temperature")]
    pub temperature: f64,
    /// How student and teacher are compared.
    #[serde(default)]
    pub divergence: Divergence,
}

impl Method for Vanilla {
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        let mut problems = Vec::new();
        check(&mut problems, "p1", self.p1, Range::PROBABILITY);
        check(&mut problems, "w_truth", self.w_truth, Range::WEIGHT);
        let strength = (self.w, self.temperature);
        check_distillation(&mut problems, strength, self.divergence, *context);
        let mut objective = Objective {
            views: vec![View::numbered(1)],
            terms: vec![distillation(vec![0], self.divergence)],
            knobs: vec![
                Knob::constant("p1", KnobRole::Probability, self.p1),
                Knob::constant("w", KnobRole::Weight, self.w),
                Knob::constant("temperature", KnobRole::Temperature, self.temperature),
            ],
            controller: None,
        };
        if context.labelled {
            objective.terms.push(truth(0, TruthTarget::Label));
            objective
                .knobs
                .push(Knob::constant("w_truth", KnobRole::Weight, self.w_truth));
        }
        if problems.is_empty() {
            Ok(objective)
        } else {
            Err(problems)
        }
    }
}
