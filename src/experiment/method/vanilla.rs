//! `Vanilla`: knowledge distillation as Hinton et al. (2015) have it. One view;
//! `L = w · divergence(student, teacher) + w_truth · CE(student, label)`.

use serde::{Deserialize, Serialize};

use super::{ExpansionContext, Method, check, check_divergence};
use crate::experiment::knob::Knob;
use crate::experiment::objective::{Divergence, Loss, Objective, Term, TruthTarget, View};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// The baseline that all else is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vanilla {
    /// Augmentation probability of the view, in [0, 1].
    #[serde(default = "super::default_probability")]
    pub p: f64,
    /// Weight of the distillation loss.
    #[serde(default = "super::default_weight")]
    pub weight: f64,
    /// Weight of the cross-entropy with the label.
    #[serde(default = "super::default_truth_weight")]
    pub truth_weight: f64,
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
        check(&mut problems, "p", self.p, Range::PROBABILITY);
        check(&mut problems, "weight", self.weight, Range::WEIGHT);
        check(
            &mut problems,
            "truth_weight",
            self.truth_weight,
            Range::WEIGHT,
        );
        check(
            &mut problems,
            "temperature",
            self.temperature,
            Range::TEMPERATURE,
        );
        check_divergence(&mut problems, "divergence", self.divergence, *context);
        let mut objective = Objective {
            views: vec![View::numbered(1)],
            terms: vec![Term {
                name: "distill".to_owned(),
                weight: "w".to_owned(),
                loss: Loss::Distill {
                    views: vec![0],
                    divergence: self.divergence,
                    temperature: "temperature".to_owned(),
                },
            }],
            knobs: vec![
                Knob::constant("p1", Range::PROBABILITY, self.p),
                Knob::constant("w", Range::WEIGHT, self.weight),
                Knob::constant("temperature", Range::TEMPERATURE, self.temperature),
            ],
            controller: None,
        };
        if context.labelled {
            objective.terms.push(Term {
                name: "truth".to_owned(),
                weight: "w_truth".to_owned(),
                loss: Loss::Truth {
                    view: 0,
                    target: TruthTarget::Label,
                },
            });
            objective
                .knobs
                .push(Knob::constant("w_truth", Range::WEIGHT, self.truth_weight));
        }
        if problems.is_empty() {
            Ok(objective)
        } else {
            Err(problems)
        }
    }
}
