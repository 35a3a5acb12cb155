//! `Custom`: any views, terms and controller, so that methods can be combined
//! and new ones tried without code.

use serde::{Deserialize, Serialize};

use super::custom_controller::{CustomController, one_view};
use super::features::{Attention, FeatureTerm, Hint, Relation, Similarity};
use super::terms::{first_view, index, term_problems};
use super::{ExpansionContext, Method, check};
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
/// for `Truth`, `w_consistency` for `Consistency`, and so on; a second one of its kind
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
    /// The teacher's feature map from the student's (`FitNets`; Romero et al., 2015).
    Hint(Hint),
    /// Attention maps (Zagoruyko and Komodakis, 2017).
    Attention(Attention),
    /// Similarities of the images of a batch (Tung and Mori, 2019).
    Similarity(Similarity),
    /// Distances and angles between the images of a batch (Park et al., 2019).
    Relation(Relation),
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
            let mut found = term_problems(&term, &objective, *context);
            let role = if let Some(features) = written.features() {
                found.extend(features.problems());
                KnobRole::FeatureWeight
            } else {
                check(&mut found, field, weight, Range::WEIGHT);
                KnobRole::Weight
            };
            problems.extend(found.into_iter().map(|p| p.under(&place)));
            let knob = Knob::constant(term.weight.clone(), role, weight);
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
}

impl CustomTerm {
    fn kind(&self) -> &'static str {
        match self {
            Self::Distill { .. } => "Distill",
            Self::Truth { .. } => "Truth",
            Self::Consistency { .. } => "Consistency",
            Self::Hint(_) => "Hint",
            Self::Attention(_) => "Attention",
            Self::Similarity(_) => "Similarity",
            Self::Relation(_) => "Relation",
        }
    }

    /// The same where it is one over feature maps.
    fn features(&self) -> Option<FeatureTerm> {
        match self {
            Self::Hint(hint) => Some(FeatureTerm::Hint(hint.clone())),
            Self::Attention(attention) => Some(FeatureTerm::Attention(attention.clone())),
            Self::Similarity(similarity) => Some(FeatureTerm::Similarity(similarity.clone())),
            Self::Relation(relation) => Some(FeatureTerm::Relation(relation.clone())),
            Self::Distill { .. } | Self::Truth { .. } | Self::Consistency { .. } => None,
        }
    }

    /// The term, and the field and value of its weight.
    fn term(&self, view_count: usize) -> (Term, (&'static str, f64)) {
        let index = |view: usize| index(view, view_count);
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
            Self::Hint(hint) => return FeatureTerm::Hint(hint.clone()).term(view_count),
            Self::Attention(it) => return FeatureTerm::Attention(it.clone()).term(view_count),
            Self::Similarity(it) => return FeatureTerm::Similarity(it.clone()).term(view_count),
            Self::Relation(it) => return FeatureTerm::Relation(it.clone()).term(view_count),
        };
        let term = Term::named(name.as_deref(), (default, field), loss);
        (term, (field, weight))
    }
}
