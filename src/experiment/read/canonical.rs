//! What was written, without how: the same text for experiments that differ in comments, in
//! spaces, in the order of their fields, and in what results do not depend on.

use std::fmt::{self, Write as _};

use super::tree::{Field, Kind, Node, Word};
use crate::experiment::catalogue::CHANGED_DEFAULTS;

/// Fields that no result depends on.
const WITHOUT_EFFECT: [&str; 4] = ["name", "gates", "data.workers", "data.memory_mb"];

/// The text of an experiment.
pub(super) fn canonical(root: &Node) -> String {
    let mut text = String::new();
    write(root, "", &mut text);
    text
}

fn write(node: &Node, path: &str, text: &mut String) {
    match &node.kind {
        Kind::Whole(number) => text.push_str(number),
        Kind::Decimal(number) => match ron::from_str::<f64>(number) {
            Ok(value) => write_debug(&value, text),
            Err(_) => text.push_str(number),
        },
        Kind::Text(value) => write_debug(value, text),
        Kind::Truth(value) => text.push_str(&value.to_string()),
        Kind::Name(name) => text.push_str(name),
        Kind::Fields(name, fields) => write_fields(name.as_ref(), fields, path, text),
        Kind::Items(name, items) if items.is_empty() => {
            write_fields(name.as_ref(), &[], path, text);
        }
        Kind::Items(name, items) => {
            text.push_str(name.as_ref().map_or("", |name| &name.text));
            write_all(items, ('(', ')'), path, text);
        }
        Kind::List(items) => write_all(items, ('[', ']'), path, text),
        Kind::Map(entries) => {
            let key = |node: &Node| match &node.kind {
                Kind::Text(text) => text.clone(),
                _ => String::new(),
            };
            let mut entries: Vec<(String, &Node)> = entries
                .iter()
                .map(|(name, value)| (key(name), value))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            text.push('{');
            for (name, value) in entries {
                write_debug(&name, text);
                text.push(':');
                write(value, &format!("{path}.{name}"), text);
                text.push(',');
            }
            text.push('}');
        }
        // An experiment that was read has none of these.
        Kind::Character | Kind::Broken => text.push('?'),
    }
}

/// What a field has.
enum Value<'a> {
    Written(&'a Node),
    Default(&'static str),
}

fn write_fields(name: Option<&Word>, fields: &[Field], path: &str, text: &mut String) {
    let name = name.map_or("", |name| &*name.text);
    // As if written, so that what an older version trained without it is not taken for what this
    // one would train.
    let defaults = CHANGED_DEFAULTS.iter().filter(|changed| {
        let is_left_out = || fields.iter().all(|field| field.name.text != changed.field);
        changed.variant == name && is_left_out()
    });
    let mut values: Vec<(&str, Value<'_>)> = fields
        .iter()
        .map(|field| (&*field.name.text, Value::Written(&field.value)))
        .chain(defaults.map(|changed| (changed.field, Value::Default(changed.today))))
        .collect();
    values.sort_by_key(|(name, _)| *name);
    // The experiment's own name may be left out.
    text.push_str(if path.is_empty() { "" } else { name });
    text.push('(');
    for (name, value) in values {
        let path = match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        if !WITHOUT_EFFECT.contains(&path.as_str()) {
            text.push_str(name);
            text.push(':');
            match value {
                Value::Written(value) => write(value, &path, text),
                Value::Default(value) => text.push_str(value),
            }
            text.push(',');
        }
    }
    text.push(')');
}

/// A number or a text as it can be read again.
fn write_debug(value: &impl fmt::Debug, text: &mut String) {
    let _ = write!(text, "{value:?}");
}

fn write_all(items: &[Node], (open, close): (char, char), path: &str, text: &mut String) {
    text.push(open);
    for (at, item) in items.iter().enumerate() {
        write(item, &format!("{path}[{at}]"), text);
        text.push(',');
    }
    text.push(close);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::experiment::load_text;
    use crate::experiment::read::parse::parse;

    fn of(text: &str) -> String {
        canonical(&parse(text).root.unwrap())
    }

    #[test]
    fn how_an_experiment_is_written_makes_no_difference_and_what_is_written_does() {
        let text = "Experiment(name: \"a\", epochs: 3, lr: Cosine(from: 0.1, to: 0.0), \
                    knobs: {\"w\": Constant(1.0)}, data: (train: F(\"x y\"), workers: 2))";
        let other = "(\n  // Longer.\n  data: (workers: 8, train: F(\"x y\")),\n  \
                     knobs: {\"w\": Constant(1.00),},\n  lr: Cosine(to: 0e0, from: 1e-1),\n  \
                     epochs: 3,\n  gates: [],\n)";
        assert_eq!(of(text), of(other));
        for (from, to) in [
            ("epochs: 3", "epochs: 4"),
            ("0.1", "0.2"),
            ("x y", "xy"),
            ("Cosine", "Linear"),
            ("\"w\"", "\"v\""),
        ] {
            assert_ne!(of(text), of(&text.replace(from, to)), "{from}");
        }
    }

    #[test]
    fn a_default_that_changed_is_the_one_that_is_trained() {
        for changed in CHANGED_DEFAULTS {
            let objective = |fields: &str| {
                let text = format!(
                    "(data: (train: Shapes(count: 90)), student: (model: Mlp(hidden: [8])), \
                     teacher: (model: Mlp(hidden: [8]), weights: Train(epochs: 1)), \
                     method: {}({fields}), epochs: 3)",
                    changed.variant
                );
                let loaded = load_text(&text, Path::new("a.ron"), &[]).unwrap();
                loaded.plan.training.objective
            };
            let written = format!("{}: {}", changed.field, changed.today);
            assert_eq!(objective(""), objective(&written));
        }
    }

    #[test]
    fn a_default_that_changed_is_as_if_written() {
        let with = |method: &str| of(&format!("Experiment(epochs: 3, method: {method})"));
        let left_out = with("AdaptiveAugmentation()");
        assert_ne!(left_out, "(epochs:3,method:AdaptiveAugmentation(),)");
        assert_eq!(left_out, with("AdaptiveAugmentation(update: Gap())"));
        assert_ne!(left_out, with("AdaptiveAugmentation(update: Feedback())"));
        let one = with("AdaptiveAugmentation(w: 0.5)");
        assert_eq!(one, with("AdaptiveAugmentation(update: Gap(), w: 0.5)"));
        let of_custom = "Custom(controller: AdaptiveAugmentation(first: 1, second: [2]))";
        assert!(with(of_custom).contains("update:Gap()"), "{of_custom}");
        assert!(!with("Vanilla()").contains("Gap"));
    }
}
