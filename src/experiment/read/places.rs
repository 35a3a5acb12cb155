//! From a problem's path to its place in the tree.

use super::describe::name_span;
use super::diagnostic::Severity;
use super::finding::Finding;
use super::notes::Taint;
use super::tree::{Kind, Node, Segment, Span, segments};
use crate::experiment::problem::Problem;

/// The problems at their places, without those that a placeholder caused.
pub(super) fn findings(problems: &[Problem], root: &Node, tainted: &[Taint]) -> Vec<Finding> {
    problems
        .iter()
        .filter(|problem| {
            is_sound(&problem.path, root, tainted)
                && problem
                    .depends_on
                    .iter()
                    .all(|path| is_untouched(path, root, tainted))
        })
        .map(|problem| {
            let span = if problem.on_name {
                name_place(&problem.path, root)
            } else {
                place(&problem.path, root)
            };
            let mut finding = Finding::new(span, message(problem));
            finding.help.clone_from(&problem.help);
            if problem.is_missing {
                finding.severity = Severity::Missing;
            }
            finding
        })
        .collect()
}

/// What is wrong, with the name of what it is wrong with.
fn message(problem: &Problem) -> String {
    let is_about_value = problem
        .message
        .starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let name = names(&problem.path)
        .into_iter()
        .rev()
        .find_map(|segment| match segment {
            Segment::Name(name) => Some(name),
            Segment::Index(_) => None,
        });
    match name {
        Some(name) if is_about_value => format!("{name}: {}", problem.message),
        _ => problem.message.clone(),
    }
}

/// The place of the name at the end of a path.
fn name_place(path: &str, root: &Node) -> Span {
    let mut above = names(path);
    let Some(Segment::Name(last)) = above.pop() else {
        return place(path, root);
    };
    let parent = root.find(&above).node;
    let key = match &parent.kind {
        Kind::Fields(..) => parent.field(&last).map(|field| field.name.span.clone()),
        Kind::Map(entries) => entries
            .iter()
            .find(|(key, _)| matches!(&key.kind, Kind::Text(text) if *text == last))
            .map(|(key, _)| key.span.clone()),
        _ => None,
    };
    key.unwrap_or_else(|| place(path, root))
}

pub(super) fn names(path: &str) -> Vec<Segment> {
    let parsed = segments(path).unwrap_or_default();
    parsed.into_iter().map(|(segment, _)| segment).collect()
}

fn place(path: &str, root: &Node) -> Span {
    let found = root.find(&names(path));
    if found.missing.is_empty() {
        found.node.focus()
    } else {
        // A value that is absent stands for its parent's name.
        name_span(found.node)
    }
}

/// Whether the value at a path was read as written: neither it nor anything it
/// is part of is a placeholder, nor an element of it.
fn is_sound(path: &str, root: &Node, tainted: &[Taint]) -> bool {
    let found = root.find(&names(path));
    let span = &found.node.span;
    let has_elements = matches!(found.node.kind, Kind::List(_) | Kind::Map(_))
        || matches!(&found.node.kind, Kind::Items(_, items) if !items.is_empty());
    tainted.iter().all(|taint| match taint {
        Taint::Value(start, end) => {
            let around = *start <= span.start && span.end <= *end;
            let element = has_elements && span.contains(start);
            !around && !element
        }
        Taint::Missing(start, field) => {
            !(*start == span.start
                && found.missing.first() == Some(&Segment::Name((*field).to_owned())))
        }
    })
}

/// Whether a value was read as written with all its parts.
fn is_untouched(path: &str, root: &Node, tainted: &[Taint]) -> bool {
    let found = root.find(&names(path));
    let span = &found.node.span;
    is_sound(path, root, tainted)
        && (!found.missing.is_empty()
            || tainted.iter().all(|taint| {
                let start = match taint {
                    Taint::Value(start, _) | Taint::Missing(start, _) => *start,
                };
                !span.contains(&start)
            }))
}
