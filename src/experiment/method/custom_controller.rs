//! The controller of a custom method, over the views and terms it names.

use serde::{Deserialize, Serialize};

use super::moved::Moved;
use super::{ExpansionContext, check};
use crate::experiment::controller::{
    AdaptiveAugmentationRule, Controller, SecondProbability, Update,
};
use crate::experiment::nearest::nearest;
use crate::experiment::objective::{Loss, Objective, Term};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;
use crate::experiment::schedule::Schedule;

/// A controller of a custom method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum CustomController {
    /// Adaptive augmentation over the views and terms of this method.
    AdaptiveAugmentation {
        /// View augmented with p1, from 1.
        #[serde(default = "one_view")]
        first: usize,
        /// Views augmented with p2, from 1; none where one view alone is steered.
        second: Vec<usize>,
        /// Term whose weight is the target weight w.
        #[serde(default = "distill_term")]
        w: String,
        /// Term that is the truth loss.
        #[serde(default = "truth_term")]
        truth: String,
        /// Maximum augmentation probability, in [0, 1].
        #[serde(default = "super::default_probability")]
        p_max: f64,
        /// How p2 comes from p1, `p_max` and the number of rounds.
        #[serde(default)]
        p2: SecondProbability,
        /// Which of p1 and w moves.
        #[serde(default)]
        update: Update,
    },
}

fn distill_term() -> String {
    "distill".to_owned()
}

fn truth_term() -> String {
    "truth".to_owned()
}

/// Views are numbered from 1.
pub(super) fn one_view() -> usize {
    1
}

/// The knob that is the weight of this term.
fn weight_of(term: &str, objective: &Objective) -> String {
    let known = objective.terms.iter().find(|known| known.name == term);
    known.map_or_else(|| "w".to_owned(), |term| term.weight.clone())
}

/// Why the loss of a term is nothing to compare with that on validation images.
fn not_comparable(field: &str, term: &Term, update: &Update) -> Option<Problem> {
    let compares = field == "truth" && matches!(update, Update::Gap(_));
    (compares && !matches!(term.loss, Loss::Truth { .. })).then(|| {
        let message = format!(
            "`{}` is not a Truth term, and `Gap` compares one",
            term.name
        );
        Problem::new(field, message)
            .help("name a Truth term; the validation images are evaluated against its target")
            .depends_on("terms")
    })
}

impl CustomController {
    /// What is wrong with it over these views and terms.
    pub(super) fn problems(
        &self,
        views: usize,
        objective: &Objective,
        context: ExpansionContext,
    ) -> Vec<Problem> {
        let Self::AdaptiveAugmentation {
            first,
            second,
            w,
            truth,
            p_max,
            update,
            ..
        } = self;
        let mut problems = Vec::new();
        let is_view = |view: usize| (1..=views).contains(&view);
        if !is_view(*first) {
            problems.push(Problem::new(
                "first",
                format!("views count from 1 to {views}"),
            ));
        }
        if !second.iter().all(|&view| is_view(view)) || second.contains(first) {
            problems.push(Problem::new(
                "second",
                format!("name views from 1 to {views} other than the first"),
            ));
        }
        let is_unused = !update.moves_weight() && *w == distill_term();
        let weight = (!is_unused).then_some(("w", w));
        for (field, name) in weight.into_iter().chain([("truth", truth)]) {
            let term = objective.terms.iter().find(|term| term.name == *name);
            if let Some(term) = term {
                problems.extend(not_comparable(field, term, update));
            } else {
                let known: Vec<&str> = objective.terms.iter().map(|t| t.name.as_str()).collect();
                let help = match nearest(name, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the terms are {}", known.join(", ")),
                };
                problems.push(
                    Problem::new(field, format!("there is no term `{name}`"))
                        .help(help)
                        .depends_on("terms"),
                );
            }
        }
        check(&mut problems, "p_max", *p_max, Range::PROBABILITY);
        if let Some(p1) = objective.knob(&format!("p{first}"))
            && p1.schedule.at(0.0, 1.0) > *p_max
        {
            problems.push(Problem::new(
                "p_max",
                format!("view {first} starts above it"),
            ));
        }
        let moved = Moved {
            first: &format!("p{first}"),
            weight: &weight_of(w, objective),
            p_max: *p_max,
            epochs: context.epochs,
        };
        problems.extend(moved.problems(update));
        problems
            .into_iter()
            .map(|p| p.under("controller.AdaptiveAugmentation"))
            .collect()
    }

    /// Adds the rule and gives the second views their first probability.
    pub(super) fn attach(&self, context: ExpansionContext, objective: &mut Objective) {
        let Self::AdaptiveAugmentation {
            first,
            second,
            w,
            truth,
            p_max,
            p2,
            update,
        } = self;
        let first = format!("p{first}");
        let second: Vec<String> = second.iter().map(|view| format!("p{view}")).collect();
        let p1 = objective
            .knob(&first)
            .map_or(0.0, |knob| knob.schedule.at(0.0, 1.0));
        let start = p2.value(p1, *p_max, context.rounds);
        for knob in objective
            .knobs
            .iter_mut()
            .filter(|knob| second.contains(&knob.name))
        {
            knob.schedule = Schedule::Constant(start);
        }
        let weight = weight_of(w, objective);
        objective.controller = Some(Controller::AdaptiveAugmentation(AdaptiveAugmentationRule {
            first,
            second,
            weight,
            truth: truth.clone(),
            p_max: *p_max,
            p2_rule: *p2,
            update: update.clone(),
        }));
    }
}
