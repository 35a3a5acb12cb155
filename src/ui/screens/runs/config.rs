//! A run's frozen experiment as a list of fields: dotted paths and their values
//! as text, to filter by and to tell runs apart.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::experiment::spec::Spec;
use crate::experiment::{read_spec, with_names_of_today};

/// Fields of an experiment by dotted path: `student.model` → `ResNetCifar`,
/// `student.model.depth` → `8`. Absent options have no field; items of lists
/// count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Config {
    fields: BTreeMap<String, String>,
}

/// What a run's frozen text says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Frozen {
    /// As it was written; none if it cannot be read.
    pub(super) spec: Option<Spec>,
    /// As fields.
    pub(super) config: Config,
    /// Why it cannot be read, if so.
    pub(super) problem: Option<String>,
}

impl Frozen {
    /// Reads an experiment's text. An empty text is one that nobody has read
    /// from the disk yet.
    pub(super) fn read(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        match read_spec(&with_names_of_today(text), Path::new("experiment.ron")) {
            Ok(spec) => Self {
                config: Config::of(&spec),
                spec: Some(spec),
                problem: None,
            },
            Err(report) => Self {
                problem: report
                    .diagnostics
                    .first()
                    .map(|diagnostic| diagnostic.message.clone()),
                ..Self::default()
            },
        }
    }
}

impl Config {
    /// The fields of an experiment.
    pub(super) fn of(spec: &Spec) -> Self {
        let mut config = Self::default();
        // A spec is plain data with texts for keys, which always has a tree.
        if let Ok(Value::Object(fields)) = serde_json::to_value(spec) {
            config.add_fields("", &fields);
        }
        config
    }

    /// The value of a field.
    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.fields.get(path).map(String::as_str)
    }

    /// Paths of the fields, sorted.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    fn add_fields(&mut self, path: &str, fields: &Map<String, Value>) {
        for (name, value) in fields {
            let below = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            self.add(&below, value);
        }
    }

    fn add(&mut self, path: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Object(fields) => match variant(fields) {
                Some(_) => self.add_variant(path, value),
                None => self.add_fields(path, fields),
            },
            Value::Array(items) if items.iter().any(is_record) => {
                for (at, item) in items.iter().enumerate() {
                    self.add(&format!("{path}.{}", at + 1), item);
                }
            }
            _ => self.set(path, written(value)),
        }
    }

    /// `Train(epochs: 3)` is `Train` with a field `epochs` below it;
    /// `Holdout(0.1)` and `LibTorch(Cuda(0))` are values as they stand.
    fn add_variant(&mut self, path: &str, value: &Value) {
        let mut names = Vec::new();
        let mut inner = value;
        while let Some((name, next)) = inner.as_object().and_then(variant) {
            names.push(name);
            inner = next;
        }
        match inner {
            Value::Object(fields) => {
                let closing = ")".repeat(names.len().saturating_sub(1));
                self.set(path, names.join("(") + &closing);
                self.add_fields(path, fields);
            }
            _ => self.set(path, written(value)),
        }
    }

    fn set(&mut self, path: &str, value: String) {
        self.fields.insert(path.to_owned(), value);
    }
}

/// The name and content of a variant: serde writes it as an object with one
/// field, and variants are the only names that begin with a capital.
fn variant(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, value) = fields.iter().next().filter(|_| fields.len() == 1)?;
    name.starts_with(|first: char| first.is_uppercase())
        .then_some((name.as_str(), value))
}

/// Whether a value has named fields, which are better told one by one.
fn is_record(value: &Value) -> bool {
    let fields = value.as_object();
    fields.is_some_and(|fields| variant(fields).is_none())
}

/// A value on one line, nearly as in the file.
fn written(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // What was a 32-bit number in the experiment is shown as short as
            // it was written.
            Some(wide) if f64::from(wide as f32) == wide => (wide as f32).to_string(),
            _ => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(written).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => written_object(fields),
    }
}

fn written_object(fields: &Map<String, Value>) -> String {
    if let Some((name, inner)) = variant(fields) {
        let inner = written(inner);
        return if inner.starts_with('(') {
            format!("{name}{inner}")
        } else {
            format!("{name}({inner})")
        };
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}: {}", written(value)))
        .collect();
    format!("({})", fields.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adaptive() -> Config {
        let text = include_str!("../../../../experiments/cifar10-adaptive.ron");
        Frozen::read(text).config
    }

    #[test]
    fn variants_are_values_and_their_fields_lie_below_them() {
        let config = adaptive();
        for (path, value) in [
            ("batch", "128"),
            ("student.model", "ResNetCifar"),
            ("student.model.depth", "8"),
            ("teacher.weights", "Train"),
            ("teacher.weights.epochs", "10"),
            ("data.valid", "Holdout(0.1)"),
            ("data.train", "ImageFolder(../data/cifar10/train)"),
            ("augment", "[HorizontalFlip, PadCrop(4), Cutout(8)]"),
            ("method", "AdaptiveAugmentation"),
            ("method.update", "Feedback"),
            ("method.update.decay", "0.9"),
            ("lr", "Warmup"),
            ("lr.then", "Cosine"),
            ("lr.then.from", "0.1"),
            ("device", "Auto"),
        ] {
            assert_eq!(config.get(path), Some(value), "{path}");
        }
        assert_eq!(config.get("clip"), None, "what is absent has no field");
    }

    #[test]
    fn records_in_a_list_are_numbered_and_short_numbers_stay_short() {
        let combined = include_str!("../../../../experiments/cifar10-combined.ron");
        let config = Frozen::read(combined).config;
        assert_eq!(config.get("method.views.3.p"), Some("0"));
        let text = "Experiment(data: (train: Shapes(count: 9, difficulty: 0.3)), \
                    student: (model: Mlp(hidden: [8, 4])), method: Scratch(), \
                    augment: [Rotate(0.1)], epochs: 1)";
        let config = Frozen::read(text).config;
        assert_eq!(config.get("data.train.difficulty"), Some("0.3"));
        assert_eq!(config.get("student.model.hidden"), Some("[8, 4]"));
        assert_eq!(config.get("augment"), Some("[Rotate(0.1)]"));
    }

    #[test]
    fn a_text_that_cannot_be_read_has_no_fields_and_says_why() {
        let frozen = Frozen::read("Experiment(");
        assert_eq!(frozen.config, Config::default());
        assert!(frozen.problem.is_some());
        assert_eq!(Frozen::read("").problem, None);
    }
}
