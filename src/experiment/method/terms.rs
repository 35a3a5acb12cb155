//! What the terms of all methods that write them have in common.

use super::{ExpansionContext, check_divergence};
use crate::experiment::objective::{Loss, Objective, Term, TruthTarget};
use crate::experiment::problem::Problem;

/// The views of a term that names none.
pub(super) fn first_view() -> Vec<usize> {
    vec![1]
}

/// The number of a view that is written from 1. View 0, which does not exist, becomes one
/// past the last, which the check refuses.
pub(super) fn index(view: usize, view_count: usize) -> usize {
    view.checked_sub(1).unwrap_or(view_count)
}

/// What is wrong with a term behind those of an objective, by its fields.
pub(super) fn term_problems(
    term: &Term,
    before: &Objective,
    context: ExpansionContext,
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
    if views.iter().any(|&view| view >= before.views.len()) {
        problems.push(Problem::new(
            field,
            format!("views count from 1 to {}", before.views.len()),
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
        Loss::Distill { .. } | Loss::Features { .. } if views.is_empty() => {
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
