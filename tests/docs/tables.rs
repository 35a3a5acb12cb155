//! Tables that are made from the program: its keys, and every field of an
//! experiment.

use std::fmt::Write as _;
use std::fs;

use workbench::experiment::catalogue::{EXPERIMENT, Field, Holds, Shape, Type, Value, Variant};
use workbench::ui::Keymap;
use workbench::ui::action::ACTIONS;

use super::pages::{root, slug};

/// Compares what stands between the marks of a page with what should, or writes
/// it there.
pub fn compare(path: &str, name: &str, expected: &str) {
    let begin = format!("<!-- {name}: made by tests/docs.rs -->\n");
    let end = format!("<!-- end of {name} -->\n");
    let place = root().join(path);
    let text = fs::read_to_string(&place).unwrap();
    let from = text.find(&begin).unwrap() + begin.len();
    let to = text.find(&end).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let written = format!("{}{expected}{}", &text[..from], &text[to..]);
        fs::write(place, written).unwrap();
        return;
    }
    assert_eq!(
        &text[from..to],
        expected,
        "{path} is out of date: UPDATE_DOCS=1 cargo test --test docs"
    );
}

/// A table of keys for every context.
pub fn keys() -> String {
    let keymap = Keymap::default();
    let mut text = String::new();
    let mut context = None;
    for entry in ACTIONS {
        if context.replace(entry.context) != Some(entry.context) {
            let title = entry.context.title();
            write!(text, "\n### {title}\n\n| key | action | |\n|---|---|---|\n").unwrap();
        }
        let keys = keymap.keys(entry.action).replace('|', "\\|");
        let keys = match keys.as_str() {
            "" => keys,
            // A backtick is code only between two of them.
            _ if keys.contains('`') => format!("`` {keys} ``"),
            _ => format!("`{keys}`"),
        };
        let (name, description) = (entry.name, plain(entry.description));
        writeln!(text, "| {keys} | `{name}` | {description} |").unwrap();
    }
    text + "\n"
}

/// A section for every type, the experiment's first, each before those that it
/// is the first to name.
pub fn reference() -> String {
    let mut reference = Reference {
        types: vec![&EXPERIMENT],
        text: String::new(),
    };
    let mut at = 0;
    while let Some(kind) = reference.types.get(at).copied() {
        reference.section(kind);
        at += 1;
    }
    let mut slugs: Vec<String> = reference.types.iter().map(|kind| slug(kind.noun)).collect();
    slugs.sort();
    slugs.dedup();
    assert_eq!(
        slugs.len(),
        reference.types.len(),
        "two types have one name"
    );
    reference.text + "\n"
}

struct Reference {
    types: Vec<&'static Type>,
    text: String,
}

impl Reference {
    fn section(&mut self, kind: &'static Type) {
        let (first, rest) = kind.noun.split_at(1);
        write!(self.text, "\n## {}{rest}\n", first.to_uppercase()).unwrap();
        match kind.shape {
            Shape::Struct(fields) => self.fields(fields),
            Shape::Enum(variants) => self.variants(variants),
        }
    }

    fn fields(&mut self, fields: &'static [Field]) {
        self.text += "\n| field | value | default | meaning |\n|---|---|---|---|\n";
        for field in fields {
            let value = self.value(&field.value);
            let default = match field.default {
                Some(default) => format!("`{default}`"),
                None => "required".to_owned(),
            };
            let (name, help) = (field.name, plain(field.help));
            writeln!(self.text, "| `{name}` | {value} | {default} | {help} |").unwrap();
        }
    }

    fn variants(&mut self, variants: &'static [Variant]) {
        self.text += "\n| one of | meaning |\n|---|---|\n";
        for variant in variants {
            let name = variant.name;
            let form = match variant.holds {
                Holds::Nothing => format!("`{name}`"),
                Holds::Fields(_) => format!("`{name}(…)`"),
                Holds::Values(values) => {
                    let values: Vec<String> =
                        values.iter().map(|value| self.value(value)).collect();
                    format!("`{name}(…)`: {}", values.join("; "))
                }
            };
            writeln!(self.text, "| {form} | {} |", plain(variant.help)).unwrap();
        }
        // Some have the same fields.
        let mut shown: Vec<&'static [Field]> = Vec::new();
        for variant in variants {
            let Holds::Fields(fields) = variant.holds else {
                continue;
            };
            if shown.iter().any(|other| std::ptr::eq(*other, fields)) {
                continue;
            }
            shown.push(fields);
            let same = variants.iter().filter(
                |other| matches!(other.holds, Holds::Fields(of) if std::ptr::eq(of, fields)),
            );
            let names: Vec<String> = same.map(|other| format!("`{}`", other.name)).collect();
            write!(self.text, "\nFields of {}:\n", names.join(" and ")).unwrap();
            self.fields(fields);
        }
    }

    /// A value in words, with links to the sections of what it is made of.
    fn value(&mut self, value: &'static Value) -> String {
        match value {
            Value::Of(kind) => {
                if !self.types.iter().any(|known| std::ptr::eq(*known, *kind)) {
                    self.types.push(kind);
                }
                format!("[{}](#{})", kind.noun, slug(kind.noun))
            }
            Value::List(of) => format!("list: {}", self.value(of)),
            Value::Map(of) => format!("map of names to: {}", self.value(of)),
            Value::Optional(of) => format!("{}, or `None`", self.value(of)),
            Value::Tuple(values) => {
                let values: Vec<String> = values.iter().map(|value| self.value(value)).collect();
                format!("({})", values.join(", "))
            }
            other => plain(&other.to_string()),
        }
    }
}

/// Text in which nothing is taken for Markdown.
fn plain(text: &str) -> String {
    text.replace('<', "&lt;").replace('|', "\\|")
}
