//! Ranges of optimizers' values.

use super::checks::{below_one, between, positive};
use crate::experiment::problem::Problem;
use crate::experiment::spec::OptimizerSpec;

/// Stronger decay leaves nothing of the weights.
const MAX_DECAY: f64 = 10.0;

/// Problems of an optimizer at `place`.
pub(super) fn problems(optimizer: &OptimizerSpec, place: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    match optimizer {
        OptimizerSpec::Sgd {
            momentum,
            nesterov,
            weight_decay,
        } => {
            below_one(&mut problems, "Sgd.momentum", *momentum);
            between(
                &mut problems,
                "Sgd.weight_decay",
                *weight_decay,
                0.0,
                MAX_DECAY,
            );
            if *nesterov && *momentum == 0.0 {
                problems.push(
                    Problem::new("Sgd.nesterov", "nesterov needs a momentum above 0")
                        .help("write momentum: 0.9, or nesterov: false")
                        .depends_on("Sgd.momentum"),
                );
            }
        }
        OptimizerSpec::AdamW {
            betas,
            epsilon,
            weight_decay,
        } => {
            below_one(&mut problems, "AdamW.betas[0]", betas.0);
            below_one(&mut problems, "AdamW.betas[1]", betas.1);
            positive(&mut problems, "AdamW.epsilon", *epsilon);
            between(
                &mut problems,
                "AdamW.weight_decay",
                *weight_decay,
                0.0,
                MAX_DECAY,
            );
        }
    }
    problems
        .into_iter()
        .map(|problem| problem.under(place))
        .collect()
}
