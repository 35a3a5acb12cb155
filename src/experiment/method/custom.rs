//! `Custom`: any views, terms and controller, so that methods can be combined
//! and new ones tried without code.

use serde::{Deserialize, Serialize};

use super::custom_controller::{CustomController, one_view};
use super::{ExpansionContext, Method, check, check_divergence};
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::objective::{
    ConsistencySpace, Divergence, Loss, Objective, Term, TruthTarget, View,
};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// Views, terms and controller as written. Views count from 1 in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// Augmented copies of the batch; view k has the knob `p<k>`.
    pub views: Vec<CustomView>,
    /// Losses.
    pub terms: Vec<CustomTerm>,
    /// Distillation temperature.
    #[serde(default = "super::default_temperature")]
    pub temperature: f64,
    /// The rule that moves knobs at the end of a round.
    #[serde(default)]
    pub controller: Option<CustomController>,
}

/// One augmented copy of the batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomView {
    /// Augmentation probability, in [0, 1]; ignored where a controller derives
    /// it.
    #[serde(default)]
    pub p: f64,
}

/// One loss. Its weight is the field and the knob `w` for `Distill`, `w_truth`
/// for `Truth` and `w_consistency` for `Consistency`; a second one of its kind
/// needs a `name` and has the knob `w_<name>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum CustomTerm {
    /// Student against teacher.
    Distill {
        /// Name; `distill` if absent.
        #[serde(default)]
        name: Option<String>,
        /// Views, from 1; the losses are averaged.
        #[serde(default = "first_view")]
        views: Vec<usize>,
        /// Weight.
        #[serde(default = "super::default_weight")]
        w: f64,
        /// How the two are compared.
        #[serde(default)]
        divergence: Divergence,
    },
    /// Student against a truth value.
    Truth {
        /// Name; `truth` if absent.
        #[serde(default)]
        name: Option<String>,
        /// View, from 1.
        #[serde(default = "one_view")]
        view: usize,
        /// Weight.
        #[serde(default = "super::default_truth_weight")]
        w_truth: f64,
        /// Where the truth value comes from.
        #[serde(default)]
        target: TruthTarget,
    },
    /// Student against itself across views.
    Consistency {
        /// Name; `consistency` if absent.
        #[serde(default)]
        name: Option<String>,
        /// At least two views, from 1; every view if absent.
        #[serde(default)]
        views: Vec<usize>,
        /// Weight.
        #[serde(default = "super::default_truth_weight")]
        w_consistency: f64,
        /// Where results are compared.
        #[serde(default)]
        space: ConsistencySpace,
    },
}

fn first_view() -> Vec<usize> {
    vec![1]
}

impl Method for Custom {
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        let mut problems = self.view_problems();
        let mut objective = Objective {
            views: (1..=self.views.len()).map(View::numbered).collect(),
            terms: Vec::new(),
            knobs: self
                .views
                .iter()
                .enumerate()
                .map(|(i, view)| {
                    Knob::constant(format!("p{}", i + 1), KnobRole::Probability, view.p)
                })
                .collect(),
            controller: None,
        };
        check(
            &mut problems,
            "temperature",
            self.temperature,
            Range::TEMPERATURE,
        );
        for (i, written) in self.terms.iter().enumerate() {
            let place = format!("terms[{i}].{}", written.kind());
            let (term, (field, weight)) = written.term(self.views.len());
            let mut found = self.term_problems(&term, *context, &objective);
            check(&mut found, field, weight, Range::WEIGHT);
            problems.extend(found.into_iter().map(|p| p.under(&place)));
            let knob = Knob::constant(term.weight.clone(), KnobRole::Weight, weight);
            objective.knobs.push(knob);
            objective.terms.push(term);
        }
        if self.terms.is_empty() {
            problems.push(
                Problem::new("terms", "there is no loss to minimise").help("add Truth(view: 1)"),
            );
        }
        if objective
            .terms
            .iter()
            .any(|term| matches!(term.loss, Loss::Distill { .. }))
        {
            objective.knobs.push(Knob::constant(
                "temperature",
                KnobRole::Temperature,
                self.temperature,
            ));
        }
        if let Some(controller) = &self.controller {
            problems.extend(controller.problems(self.views.len(), &objective, *context));
            if problems.is_empty() {
                controller.attach(*context, &mut objective);
            }
        }
        if problems.is_empty() {
            Ok(objective)
        } else {
            Err(problems)
        }
    }
}

impl Custom {
    fn view_problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.views.is_empty() {
            problems
                .push(Problem::new("views", "there is no view").help("write views: [(p: 0.5)]"));
        }
        for (i, view) in self.views.iter().enumerate() {
            check(
                &mut problems,
                &format!("views[{i}].p"),
                view.p,
                Range::PROBABILITY,
            );
        }
        problems
    }

    fn term_problems(
        &self,
        term: &Term,
        context: ExpansionContext,
        before: &Objective,
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        if before
            .terms
            .iter()
            .any(|other| other.name == term.name || other.weight == term.weight)
        {
            problems.push(
                Problem::new("", format!("a second term is called `{}`", term.name))
                    .help("give it a name of its own"),
            );
        }
        let views = term.loss.views();
        let field = if matches!(term.loss, Loss::Truth { .. }) {
            "view"
        } else {
            "views"
        };
        if views.iter().any(|&view| view >= self.views.len()) {
            problems.push(Problem::new(
                field,
                format!("views count from 1 to {}", self.views.len()),
            ));
        }
        if let Loss::Distill { divergence, .. } = term.loss {
            check_divergence(&mut problems, "divergence", divergence, context);
        }
        match &term.loss {
            Loss::Consistency { .. } if views.len() < 2 => {
                problems.push(Problem::new(
                    "views",
                    "consistency needs at least two views",
                ));
            }
            Loss::Distill { .. } if views.is_empty() => {
                problems.push(Problem::new("views", "there is no view to compare on"));
            }
            Loss::Truth {
                target: TruthTarget::Label,
                ..
            } if !context.labelled => {
                problems.push(
                    Problem::new("target", "Label needs labelled training images")
                        .help("use TeacherHard or TeacherSoft"),
                );
            }
            _ => {}
        }
        problems
    }
}

impl CustomTerm {
    fn kind(&self) -> &'static str {
        match self {
            Self::Distill { .. } => "Distill",
            Self::Truth { .. } => "Truth",
            Self::Consistency { .. } => "Consistency",
        }
    }

    /// The term, and the field and value of its weight. View 0 of the file, which
    /// does not exist, becomes one past the last, which the check refuses.
    fn term(&self, view_count: usize) -> (Term, (&'static str, f64)) {
        let index = |view: usize| view.checked_sub(1).unwrap_or(view_count);
        let indices = |views: &[usize]| views.iter().map(|&view| index(view)).collect::<Vec<_>>();
        let (name, default, field, weight, loss) = match self {
            Self::Distill {
                name,
                views,
                w,
                divergence,
            } => (
                name,
                "distill",
                "w",
                *w,
                Loss::Distill {
                    views: indices(views),
                    divergence: *divergence,
                    temperature: "temperature".to_owned(),
                },
            ),
            Self::Truth {
                name,
                view,
                w_truth,
                target,
            } => (
                name,
                "truth",
                "w_truth",
                *w_truth,
                Loss::Truth {
                    view: index(*view),
                    target: *target,
                },
            ),
            Self::Consistency {
                name,
                views,
                w_consistency,
                space,
            } => (
                name,
                "consistency",
                "w_consistency",
                *w_consistency,
                Loss::Consistency {
                    views: if views.is_empty() {
                        (0..view_count).collect()
                    } else {
                        indices(views)
                    },
                    space: *space,
                },
            ),
        };
        let term = match name {
            Some(name) => Term {
                name: name.clone(),
                weight: format!("w_{name}"),
                loss,
            },
            None => Term {
                name: default.to_owned(),
                weight: field.to_owned(),
                loss,
            },
        };
        (term, (field, weight))
    }
}
