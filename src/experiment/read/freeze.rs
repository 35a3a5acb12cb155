//! The text a run keeps: the same experiment, wherever the file lies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::root_of;
use super::tree::{Kind, Node};
use crate::experiment::catalogue::{EXPERIMENT, Holds, Shape, Type, Value};
use crate::experiment::plan::Plan;
use crate::experiment::plan::paths::Paths;

/// Names of the fields and variants that hold paths, from the table of all.
fn path_places() -> BTreeSet<&'static str> {
    let mut places = BTreeSet::new();
    let mut seen = Vec::new();
    let mut types = vec![&EXPERIMENT];
    while let Some(kind) = types.pop() {
        if seen.contains(&kind.name) {
            continue;
        }
        seen.push(kind.name);
        let mut look = |name: &'static str, value: &Value| {
            if holds(value, &mut types) {
                places.insert(name);
            }
        };
        match kind.shape {
            Shape::Struct(fields) => {
                for field in fields {
                    look(field.name, &field.value);
                }
            }
            Shape::Enum(variants) => {
                for variant in variants {
                    match variant.holds {
                        Holds::Nothing => {}
                        Holds::Fields(fields) => {
                            for field in fields {
                                look(field.name, &field.value);
                            }
                        }
                        Holds::Values(values) => {
                            for value in values {
                                look(variant.name, value);
                            }
                        }
                    }
                }
            }
        }
    }
    places
}

/// Whether a value is made of paths. Types that it is made of are added.
fn holds(value: &Value, types: &mut Vec<&'static Type>) -> bool {
    match value {
        Value::Path(_) => true,
        Value::Of(kind) => {
            types.push(kind);
            false
        }
        Value::List(inner) | Value::Map(inner) | Value::Optional(inner) => holds(inner, types),
        Value::Tuple(values) => {
            let found: Vec<bool> = values.iter().map(|value| holds(value, types)).collect();
            found.contains(&true)
        }
        _ => false,
    }
}

/// `text` with absolute paths and the run's name.
pub(super) fn frozen(text: &str, root: &Node, plan: &Plan, origin: &Path) -> String {
    let paths = Paths::beside(origin);
    let mut edits = Vec::new();
    collect(root, &paths, &path_places(), &mut edits);
    edits.sort_by_key(|(node, _)| node.span.start);
    let mut frozen = text.to_owned();
    for (node, path) in edits.into_iter().rev() {
        frozen.replace_range(node.span.clone(), &quoted(&path.to_string_lossy()));
    }
    with_field(frozen, "name", &plan.name)
}

/// Texts that are paths, with what they become.
fn collect<'t>(
    node: &'t Node,
    paths: &Paths,
    places: &BTreeSet<&str>,
    edits: &mut Vec<(&'t Node, PathBuf)>,
) {
    match &node.kind {
        Kind::Fields(_, fields) => {
            for field in fields {
                if places.contains(field.name.text.as_str()) {
                    absolute(&field.value, paths, edits);
                }
                collect(&field.value, paths, places, edits);
            }
        }
        Kind::Items(name, items) => {
            let holds_path = name
                .as_ref()
                .is_some_and(|name| places.contains(name.text.as_str()));
            for item in items {
                if holds_path {
                    absolute(item, paths, edits);
                }
                collect(item, paths, places, edits);
            }
        }
        Kind::List(items) => {
            for item in items {
                collect(item, paths, places, edits);
            }
        }
        Kind::Map(entries) => {
            for (_, value) in entries {
                collect(value, paths, places, edits);
            }
        }
        _ => {}
    }
}

fn absolute<'t>(node: &'t Node, paths: &Paths, edits: &mut Vec<(&'t Node, PathBuf)>) {
    match &node.kind {
        Kind::Text(text) => edits.push((node, paths.resolve(Path::new(text)))),
        Kind::Items(Some(name), items) if name.text == "Some" => {
            for item in items {
                absolute(item, paths, edits);
            }
        }
        Kind::List(items) => {
            for item in items {
                absolute(item, paths, edits);
            }
        }
        _ => {}
    }
}

/// RON text that reads as `value`.
fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            _ if c.is_control() => text.extend(c.escape_unicode()),
            _ => text.push(c),
        }
    }
    text.push('"');
    text
}

/// `text` with a field that holds this text, if it does not.
pub(super) fn with_field(mut text: String, name: &str, value: &str) -> String {
    let Some(root) = root_of(&text) else {
        return text;
    };
    let Kind::Fields(_, fields) = &root.kind else {
        return text;
    };
    let Some(first) = fields.first() else {
        return text;
    };
    match fields.iter().find(|field| field.name.text == name) {
        Some(field) if matches!(&field.value.kind, Kind::Text(text) if text == value) => {}
        Some(field) => text.replace_range(field.value.span.clone(), &quoted(value)),
        None => {
            let start = first.name.span.start;
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let indent = &text[line..start];
            let separator = if line > 0 && indent.trim().is_empty() {
                format!("\n{indent}")
            } else {
                " ".to_owned()
            };
            text.insert_str(start, &format!("{name}: {},{separator}", quoted(value)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_file_that_an_experiment_names_is_known() {
        let places = path_places();
        for known in [
            "ImageFolder",
            "Cifar10",
            "Cifar100",
            "images",
            "labels",
            "File",
            "Onnx",
            "Logits",
            "weights",
            "file",
        ] {
            assert!(places.contains(known), "{known}: {places:?}");
        }
        assert!(!places.contains("Train"), "{places:?}");
    }
}
