//! `AdaptiveAugmentation` (after US20240070454). View 1 is the batch augmented
//! with p1, view 2 the same images augmented with p2; `L = w·L_d + L_t` with
//! `L_d = divergence(student(view 1), teacher(view 1))` and `L_t` the student's
//! truth-value loss on view 2. After every iteration but the last exactly one
//! of p1 and w moves.

use serde::{Deserialize, Serialize};

use super::{ExpansionContext, Method, check, check_divergence};
use crate::experiment::controller::{
    AdaptiveAugmentationRule, Controller, ScheduledKnob, SecondProbability, Update,
};
use crate::experiment::knob::Knob;
use crate::experiment::objective::{Divergence, Loss, Objective, Term, TruthTarget, View};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// Augmentation that grows as long as the student copes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveAugmentation {
    /// First augmentation probability p1 of the first iteration, at most
    /// `p_max`.
    #[serde(default)]
    pub p_first: f64,
    /// Maximum augmentation probability, in [0, 1].
    #[serde(default = "super::default_probability")]
    pub p_max: f64,
    /// Target weight w of the distillation loss in the first iteration.
    #[serde(default = "super::default_weight")]
    pub weight: f64,
    /// Distillation temperature.
    #[serde(default = "super::default_temperature")]
    pub temperature: f64,
    /// How student and teacher are compared.
    #[serde(default)]
    pub divergence: Divergence,
    /// The truth value of the truth-value loss.
    #[serde(default)]
    pub truth: TruthTarget,
    /// How p2 comes from p1, `p_max` and the number of iterations.
    #[serde(default)]
    pub p2: SecondProbability,
    /// Which of p1 and w moves.
    #[serde(default)]
    pub update: Update,
}

impl Method for AdaptiveAugmentation {
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        let problems = self.problems(*context);
        if !problems.is_empty() {
            return Err(problems);
        }
        let second = self.p2.value(self.p_first, self.p_max, context.iterations);
        Ok(Objective {
            views: vec![View::numbered(1), View::numbered(2)],
            terms: vec![
                Term {
                    name: "distill".to_owned(),
                    weight: "w".to_owned(),
                    loss: Loss::Distill {
                        views: vec![0],
                        divergence: self.divergence,
                        temperature: "temperature".to_owned(),
                    },
                },
                Term {
                    name: "truth".to_owned(),
                    weight: "w_truth".to_owned(),
                    loss: Loss::Truth {
                        view: 1,
                        target: self.truth,
                    },
                },
            ],
            knobs: vec![
                Knob::constant("p1", Range::PROBABILITY, self.p_first),
                Knob::constant("p2", Range::PROBABILITY, second),
                Knob::constant("w", Range::WEIGHT, self.weight),
                Knob::constant("w_truth", Range::WEIGHT, 1.0),
                Knob::constant("temperature", Range::TEMPERATURE, self.temperature),
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

impl AdaptiveAugmentation {
    fn problems(&self, context: ExpansionContext) -> Vec<Problem> {
        let mut problems = Vec::new();
        check(&mut problems, "p_first", self.p_first, Range::PROBABILITY);
        check(&mut problems, "p_max", self.p_max, Range::PROBABILITY);
        check(&mut problems, "weight", self.weight, Range::WEIGHT);
        check(
            &mut problems,
            "temperature",
            self.temperature,
            Range::TEMPERATURE,
        );
        check_divergence(&mut problems, "divergence", self.divergence, context);
        if self.p_first > self.p_max {
            problems.push(
                Problem::new(
                    "p_first",
                    format!("{} is above p_max, which is {}", self.p_first, self.p_max),
                )
                .help("lower it, or raise p_max")
                .depends_on("p_max"),
            );
        }
        if !context.labelled && self.truth == TruthTarget::Label {
            problems.push(
                Problem::new("truth", "Label needs labelled training images")
                    .help("use TeacherHard or TeacherSoft"),
            );
        }
        problems.extend(
            check_update(&self.update)
                .into_iter()
                .map(|p| p.under("update")),
        );
        problems
    }
}

/// Ranges of an update rule's values.
pub(super) fn check_update(update: &Update) -> Vec<Problem> {
    let mut problems = Vec::new();
    match update {
        Update::Feedback {
            decay,
            w_min,
            tolerance,
        } => {
            if !(*decay > 0.0 && *decay < 1.0) {
                problems.push(Problem::new(
                    "Feedback.decay",
                    format!("{decay} is not between 0 and 1, both excluded"),
                ));
            }
            check(&mut problems, "Feedback.w_min", *w_min, Range::WEIGHT);
            check(
                &mut problems,
                "Feedback.tolerance",
                *tolerance,
                Range {
                    min: 0.0,
                    max: 10.0,
                },
            );
        }
        Update::Scheduled(ScheduledKnob::P1(schedule)) => problems.extend(
            schedule
                .problems(Range::PROBABILITY)
                .into_iter()
                .map(|p| p.under("Scheduled.P1")),
        ),
        Update::Scheduled(ScheduledKnob::W(schedule)) => problems.extend(
            schedule
                .problems(Range::WEIGHT)
                .into_iter()
                .map(|p| p.under("Scheduled.W")),
        ),
    }
    problems
}
