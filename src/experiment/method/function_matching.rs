//! `FunctionMatching` (Beyer et al., 2022). One view that student and teacher see alike, changed
//! as strongly as `augment` says on every image; `L = w · divergence(student, teacher)`, and no
//! label. What else belongs to it is the experiment's: `MixUp` in `augment`, and many epochs.

use serde::{Deserialize, Serialize};

use super::{ExpansionContext, Method, check, check_distillation, distilled_view};
use crate::experiment::objective::{Divergence, Objective};
use crate::experiment::problem::Problem;
use crate::experiment::range::Range;

/// The student as the same function of images as its teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionMatching {
    /// Augmentation probability of the view, in [0, 1].
    #[serde(default = "one")]
    pub p1: f64,
    /// Weight of the distillation loss, the only one.
    #[serde(default = "one")]
    pub w: f64,
    /// Distillation temperature.
    #[serde(default = "one")]
    pub temperature: f64,
    /// How student and teacher are compared.
    #[serde(default)]
    pub divergence: Divergence,
}

impl FunctionMatching {
    /// The method's name, in files and for people.
    pub const NAME: &str = "FunctionMatching";
}

fn one() -> f64 {
    1.0
}

impl Method for FunctionMatching {
    fn expand(&self, context: &ExpansionContext) -> Result<Objective, Vec<Problem>> {
        let mut problems = Vec::new();
        check(&mut problems, "p1", self.p1, Range::PROBABILITY);
        let strength = (self.w, self.temperature);
        check_distillation(&mut problems, strength, self.divergence, *context);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(distilled_view(self.p1, strength, self.divergence))
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
        let method: FunctionMatching = ron::from_str(text).unwrap();
        method.expand(&CONTEXT)
    }

    #[test]
    fn it_is_distillation_alone_on_one_view_of_which_every_image_is_changed() {
        let objective = expanded("()").unwrap();
        let custom = "(views: [(p: 1.0)], terms: [Distill(w: 1.0)], temperature: 1.0)";
        let custom: super::super::Custom = ron::from_str(custom).unwrap();
        let custom = custom.expand(&CONTEXT).unwrap();
        assert_eq!(objective.views, custom.views);
        assert_eq!(objective.terms, custom.terms);
        assert_eq!(objective.knobs, custom.knobs);
        let without = objective.clone().without_labels().unwrap();
        assert_eq!(without, objective, "it needs no label");
    }

    #[test]
    fn every_value_out_of_range_is_refused_with_its_field() {
        for (text, path) in [
            ("(p1: 1.5)", "p1"),
            ("(w: -1.0)", "w"),
            ("(temperature: 0.0)", "temperature"),
            ("(divergence: Dkd(alpha: -1.0))", "divergence.Dkd.alpha"),
        ] {
            let problems = expanded(text).unwrap_err();
            let paths: Vec<&str> = problems.iter().map(|it| it.path.as_str()).collect();
            assert_eq!(paths, [path], "{text}");
        }
    }
}
