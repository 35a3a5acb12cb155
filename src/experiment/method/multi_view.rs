//! `MultiView` (after US20220004811). K augmented samples of every original
//! sample; the student agrees with itself across them (first constraint) and
//! with its teacher on one or all of them (second constraint). A truth term is
//! added for labelled images.

use serde::{Deserialize, Serialize};

use super::{ExpansionContext, Method, check, check_distillation, distillation, truth};
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::objective::{
    ConsistencySpace, Divergence, Loss, Objective, Term, TruthTarget, View,
};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// Greatest number of views: pairs grow with its square.
const MAX_VIEWS: usize = 16;

/// The student agrees with itself across augmented copies, and with its
/// teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiView {
    /// Number of views K, 2 to 16.
    #[serde(default = "default_views")]
    pub views: usize,
    /// Augmentation probability of every view, in [0, 1]: the value of the knobs
    /// `p1` to `p<K>`.
    #[serde(default = "super::default_probability")]
    pub p: f64,
    /// Weight of the first constraint.
    #[serde(default = "one")]
    pub w_consistency: f64,
    /// Where the student's results are compared.
    #[serde(default)]
    pub space: ConsistencySpace,
    /// Weight of the second constraint.
    #[serde(default = "super::default_weight")]
    pub w: f64,
    /// Views on which student and teacher are compared.
    #[serde(default)]
    pub teacher_views: TeacherViews,
    /// How student and teacher are compared.
    #[serde(default)]
    pub divergence: Divergence,
    /// Distillation temperature.
    #[serde(default = "super::default_temperature")]
    pub temperature: f64,
    /// Weight of the cross-entropy with the label, on the first view.
    #[serde(default = "super::default_truth_weight")]
    pub w_truth: f64,
}

/// Views on which student and teacher are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TeacherViews {
    /// The first.
    #[default]
    One,
    /// Every one; the losses are averaged.
    All,
}

fn default_views() -> usize {
    3
}

fn one() -> f64 {
    1.0
}

impl Method for MultiView {
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        let problems = self.problems(*context);
        if !problems.is_empty() {
            return Err(problems);
        }
        let all: Vec<usize> = (0..self.views).collect();
        let taught = match self.teacher_views {
            TeacherViews::One => vec![0],
            TeacherViews::All => all.clone(),
        };
        let mut terms = vec![
            Term {
                name: "consistency".to_owned(),
                weight: "w_consistency".to_owned(),
                loss: Loss::Consistency {
                    views: all,
                    space: self.space,
                },
            },
            distillation(taught, self.divergence),
        ];
        let mut knobs: Vec<Knob> = (1..=self.views)
            .map(|view| Knob::constant(format!("p{view}"), KnobRole::Probability, self.p))
            .collect();
        knobs.extend([
            Knob::constant("w_consistency", KnobRole::Weight, self.w_consistency),
            Knob::constant("w", KnobRole::Weight, self.w),
            Knob::constant("temperature", KnobRole::Temperature, self.temperature),
        ]);
        if context.labelled {
            terms.push(truth(0, TruthTarget::Label));
            knobs.push(Knob::constant("w_truth", KnobRole::Weight, self.w_truth));
        }
        Ok(Objective {
            views: (1..=self.views).map(View::numbered).collect(),
            terms,
            knobs,
            controller: None,
        })
    }
}

impl MultiView {
    fn problems(&self, context: ExpansionContext) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !(2..=MAX_VIEWS).contains(&self.views) {
            problems.push(Problem::new(
                "views",
                format!(
                    "{} is not a number of views from 2 to {MAX_VIEWS}",
                    self.views
                ),
            ));
        }
        check(&mut problems, "p", self.p, Range::PROBABILITY);
        check(
            &mut problems,
            "w_consistency",
            self.w_consistency,
            Range::WEIGHT,
        );
        check(&mut problems, "w_truth", self.w_truth, Range::WEIGHT);
        let strength = (self.w, self.temperature);
        check_distillation(&mut problems, strength, self.divergence, context);
        problems
    }
}
