//! `Vanilla`: knowledge distillation as Hinton et al. (2015) have it. One view;
//! `L = w · divergence(student, teacher) + w_truth · CE(student, label)`, and a term over feature
//! maps where one is written.

use serde::{Deserialize, Serialize};

use super::terms::term_problems;
use super::{
    ExpansionContext, FeatureTerm, Method, check, check_distillation, distilled_view, truth,
};
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::objective::{Divergence, Objective, TruthTarget};
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
    /// What of the feature maps is compared besides.
    #[serde(default)]
    pub features: Option<FeatureTerm>,
}

impl Method for Vanilla {
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        let mut problems = Vec::new();
        check(&mut problems, "p1", self.p1, Range::PROBABILITY);
        check(&mut problems, "w_truth", self.w_truth, Range::WEIGHT);
        let strength = (self.w, self.temperature);
        check_distillation(&mut problems, strength, self.divergence, *context);
        let mut objective = distilled_view(self.p1, strength, self.divergence);
        if context.labelled {
            objective.terms.push(truth(0, TruthTarget::Label));
            objective
                .knobs
                .push(Knob::constant("w_truth", KnobRole::Weight, self.w_truth));
        }
        if let Some(features) = &self.features {
            let place = format!("features.{}", features.kind());
            let found = features.problems().into_iter();
            problems.extend(found.map(|problem| problem.under(&place)));
            let (term, (_, weight)) = features.term(objective.views.len());
            let found = term_problems(&term, &objective, *context).into_iter();
            problems.extend(found.map(|problem| problem.under(&place)));
            let name = term.weight.clone();
            objective.terms.push(term);
            objective
                .knobs
                .push(Knob::constant(name, KnobRole::FeatureWeight, weight));
        }
        if problems.is_empty() {
            Ok(objective)
        } else {
            Err(problems)
        }
    }
}
