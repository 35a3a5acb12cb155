//! `SteeredKd`: knowledge distillation on one view whose augmentation probability
//! is steered while it trains, `L = w · divergence(student, teacher) + w_truth ·
//! CE(student, target)`. After every round but the last the truth loss is compared
//! with the validation loss: below it the student overfits, and p1 goes a step up;
//! above it the student underfits, and p1 goes a step back. This project's own: a
//! rule of `AdaptiveAugmentation` without its second view.

use serde::{Deserialize, Serialize};

use super::moved::gap_problems;
use super::{
    ExpansionContext, Method, check, check_distillation, check_start, check_target, distillation,
    truth,
};
use crate::experiment::controller::{
    AdaptiveAugmentationRule, Controller, Gap, SecondProbability, Update, WhenUnderfitting,
};
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::objective::{Divergence, Objective, TruthTarget, View};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// Distillation that finds its augmentation probability in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteeredKd {
    /// Augmentation probability of the first round, at most `p_max`.
    #[serde(default)]
    pub p1: f64,
    /// Maximum augmentation probability, in [0, 1].
    #[serde(default = "one")]
    pub p_max: f64,
    /// How far p1 moves at a time.
    #[serde(default)]
    pub step: SecondProbability,
    /// Weight of the distillation loss.
    #[serde(default = "super::default_weight")]
    pub w: f64,
    /// Weight of the truth loss.
    #[serde(default = "super::default_truth_weight")]
    pub w_truth: f64,
    /// Distillation temperature.
    #[serde(default = "super::default_temperature")]
    pub temperature: f64,
    /// How student and teacher are compared.
    #[serde(default)]
    pub divergence: Divergence,
    /// The target of the truth loss.
    #[serde(default)]
    pub truth: TruthTarget,
    /// How far truth loss and validation loss must lie apart, as a fraction of the
    /// validation loss.
    #[serde(default)]
    pub margin: f64,
    /// Rounds over which both losses are averaged.
    #[serde(default = "one_round")]
    pub window: u32,
    /// Rounds in a row that must find the same before p1 moves.
    #[serde(default = "one_round")]
    pub patience: u32,
}

fn one() -> f64 {
    1.0
}

fn one_round() -> u32 {
    1
}

impl Method for SteeredKd {
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        let problems = self.problems(*context);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Objective {
            views: vec![View::numbered(1)],
            terms: vec![distillation(vec![0], self.divergence), truth(0, self.truth)],
            knobs: vec![
                Knob::constant("p1", KnobRole::Probability, self.p1),
                Knob::constant("w", KnobRole::Weight, self.w),
                Knob::constant("w_truth", KnobRole::Weight, self.w_truth),
                Knob::constant("temperature", KnobRole::Temperature, self.temperature),
            ],
            controller: Some(Controller::AdaptiveAugmentation(AdaptiveAugmentationRule {
                first: "p1".to_owned(),
                second: Vec::new(),
                weight: "w".to_owned(),
                truth: "truth".to_owned(),
                p_max: self.p_max,
                p2_rule: self.step,
                update: Update::Gap(self.gap()),
            })),
        })
    }
}

impl SteeredKd {
    fn gap(&self) -> Gap {
        Gap {
            margin: self.margin,
            window: self.window,
            patience: self.patience,
            when_underfitting: WhenUnderfitting::StepBack,
        }
    }

    fn problems(&self, context: ExpansionContext) -> Vec<Problem> {
        let mut problems = Vec::new();
        check(&mut problems, "p1", self.p1, Range::PROBABILITY);
        check(&mut problems, "p_max", self.p_max, Range::PROBABILITY);
        check(&mut problems, "w_truth", self.w_truth, Range::WEIGHT);
        let strength = (self.w, self.temperature);
        check_distillation(&mut problems, strength, self.divergence, context);
        check_start(&mut problems, self.p1, self.p_max);
        check_target(&mut problems, self.truth, context);
        problems.extend(gap_problems(&self.gap()));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTEXT: ExpansionContext = ExpansionContext {
        rounds: 10,
        epochs: 10,
        labelled: true,
    };

    fn expanded(text: &str) -> Result<Objective, Vec<Problem>> {
        let method: SteeredKd = ron::from_str(text).unwrap();
        method.expand(&CONTEXT)
    }

    #[test]
    fn it_is_plain_distillation_whose_p1_alone_is_steered() {
        let objective = expanded("()").unwrap();
        assert_eq!(objective.views.len(), 1);
        assert!(objective.terms.iter().all(|term| term.loss.views() == [0]));
        let controller = objective.controller.as_ref().unwrap();
        assert_eq!(controller.knobs(), ["p1"]);
        assert_eq!(objective.compared_target(), Some(TruthTarget::Label));
        let vanilla: super::super::Vanilla = ron::from_str("(p1: 0.0)").unwrap();
        let vanilla = vanilla.expand(&CONTEXT).unwrap();
        assert_eq!(objective.views, vanilla.views);
        assert_eq!(objective.terms, vanilla.terms);
        for knob in &vanilla.knobs {
            assert_eq!(objective.knob(&knob.name), Some(knob));
        }
    }

    #[test]
    fn it_can_be_written_as_a_custom_method_with_no_second_view() {
        let custom: super::super::Custom = ron::from_str(
            "(views: [(p: 0.0)], terms: [Distill(), Truth()], controller: Some(
                AdaptiveAugmentation(second: [], p_max: 1.0, update: Gap(()))))",
        )
        .unwrap();
        let custom = custom.expand(&CONTEXT).unwrap();
        let steered = expanded("()").unwrap();
        assert_eq!(custom.terms, steered.terms);
        assert_eq!(custom.controller, steered.controller);
    }

    #[test]
    fn every_value_out_of_range_is_refused_with_its_field() {
        for (text, path) in [
            ("(p1: 0.6, p_max: 0.5)", "p1"),
            ("(p_max: 1.5)", "p_max"),
            ("(w: -1.0)", "w"),
            ("(w_truth: -1.0)", "w_truth"),
            ("(temperature: 0.0)", "temperature"),
            ("(divergence: Dkd(alpha: -1.0))", "divergence.Dkd.alpha"),
            ("(margin: -0.1)", "margin"),
            ("(margin: 1.0)", "margin"),
            ("(window: 0)", "window"),
            ("(patience: 0)", "patience"),
            ("(patience: 1001)", "patience"),
        ] {
            let problems = expanded(text).unwrap_err();
            let paths: Vec<&str> = problems.iter().map(|it| it.path.as_str()).collect();
            assert_eq!(paths, [path], "{text}");
        }
        let unlabelled = ExpansionContext {
            labelled: false,
            ..CONTEXT
        };
        let method: SteeredKd = ron::from_str("()").unwrap();
        assert_eq!(method.expand(&unlabelled).unwrap_err()[0].path, "truth");
    }
}
