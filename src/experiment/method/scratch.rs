//! `Scratch`: no teacher; cross-entropy with the label on one view.

use serde::{Deserialize, Serialize};

use super::{ExpansionContext, Method, check, truth};
use crate::experiment::knob::{Knob, KnobRole};
use crate::experiment::objective::{Objective, TruthTarget, View};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// The student alone, as a floor for every other method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scratch {
    /// Augmentation probability of the view, in [0, 1].
    #[serde(default = "super::default_probability")]
    pub p1: f64,
}

impl Method for Scratch {
    fn expand(&self, _context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        let mut problems = Vec::new();
        check(&mut problems, "p1", self.p1, Range::PROBABILITY);
        let objective = Objective {
            views: vec![View::numbered(1)],
            terms: vec![truth(0, TruthTarget::Label)],
            knobs: vec![
                Knob::constant("p1", KnobRole::Probability, self.p1),
                Knob::constant("w_truth", KnobRole::Weight, 1.0),
            ],
            controller: None,
        };
        if problems.is_empty() {
            Ok(objective)
        } else {
            Err(problems)
        }
    }
}
