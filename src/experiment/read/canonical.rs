//! What was written, without how: the same text for experiments that differ in comments, in
//! spaces, in the order of their fields, and in what results do not depend on.

use std::fmt::{self, Write as _};

use super::tree::{Kind, Node};

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
        Kind::Fields(name, fields) => {
            let mut written: Vec<(&str, &Node)> = fields
                .iter()
                .map(|field| (field.name.text.as_str(), &field.value))
                .collect();
            written.sort_by_key(|(name, _)| *name);
            // The experiment's own name may be left out.
            let name = name.as_ref().filter(|_| !path.is_empty());
            text.push_str(name.map_or("", |name| &name.text));
            text.push('(');
            for (name, value) in written {
                let path = match path {
                    "" => name.to_owned(),
                    path => format!("{path}.{name}"),
                };
                if !WITHOUT_EFFECT.contains(&path.as_str()) {
                    text.push_str(name);
                    text.push(':');
                    write(value, &path, text);
                    text.push(',');
                }
            }
            text.push(')');
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
    use super::*;
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
}
