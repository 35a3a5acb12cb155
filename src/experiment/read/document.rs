//! A file that holds something else than an experiment in the same language: read with the
//! same errors at their places. Parts of it may be changes to an experiment, or a whole one;
//! their errors are shown where they stand in the file.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::{self, DeserializeOwned};

use super::diagnostic::Report;
use super::freeze::with_field;
use super::overrides::Override;
use super::parse::{Whole, parse_whole};
use super::source::{Original, SourceText};
use super::tree::{Kind, Node};
use super::typed::ANYTHING;
use super::{Found, places, read_text_of, report, typed};
use crate::experiment::problem::Problem;

/// A file that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<T> {
    /// What it holds.
    pub value: T,
    /// The file; it need not exist.
    pub origin: PathBuf,
    root: Node,
    source: SourceText,
}

/// A value of any type, by its place in the text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Anything(Range<usize>);

impl<T: DeserializeOwned> Document<T> {
    /// Reads the file at `path`, which holds one of these.
    ///
    /// # Errors
    /// Every error in it that is not one of its values.
    pub fn load(path: &Path, whole: &Whole) -> Result<Self, Report> {
        let text = read_text_of(path, whole)?;
        Self::parse(&text, path, whole)
    }

    /// The same for the `text` of a file at `origin`, which need not exist.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(text: &str, origin: &Path, whole: &Whole) -> Result<Self, Report> {
        let source = SourceText::new(origin, text.to_owned());
        let parsed = parse_whole(text, whole);
        let mut found = Found::from(parsed.findings);
        if let Some(root) = parsed.root {
            let typed = typed::read::<T>(&root);
            found.add(typed.findings, typed.more);
            if let Some(value) = typed.value.filter(|_| found.findings.is_empty()) {
                return Ok(Self {
                    value,
                    origin: origin.to_owned(),
                    root,
                    source,
                });
            }
        }
        Err(report(&source, found))
    }
}

impl<T> Document<T> {
    /// The report of problems with its values, at their places.
    #[must_use]
    pub fn report(&self, problems: &[Problem]) -> Report {
        let findings = places::findings(problems, &self.root, &[]);
        report(&self.source, Found::from(findings))
    }

    /// A value as it is written.
    #[must_use]
    pub fn text_of(&self, value: &Anything) -> &str {
        self.source.text().get(value.0.clone()).unwrap_or_default()
    }

    /// A value that is a text in quotes.
    #[must_use]
    pub fn quoted(&self, value: &Anything) -> Option<String> {
        ron::from_str(self.text_of(value)).ok()
    }

    /// Its text with something else in place of a value, and with fields that hold these
    /// texts.
    #[must_use]
    pub fn changed(&self, value: &Anything, by: &str, fields: &[(&str, &str)]) -> String {
        let mut text = self.source.text().to_owned();
        text.replace_range(value.0.clone(), by);
        let fields = fields.iter();
        fields.fold(text, |text, (name, value)| with_field(text, name, value))
    }

    /// A value whose errors are shown where it stands in the file.
    #[must_use]
    pub fn source_of(&self, value: &Anything) -> SourceText {
        let place = self.part(&[(0, value.0.start)]);
        SourceText::of(place, self.text_of(value).to_owned())
    }

    /// The change of an experiment that is written as a text in quotes at `path`.
    ///
    /// # Errors
    /// As [`Override::parse`].
    pub fn change(&self, path: &str, argument: &str) -> Result<Override, Report> {
        let written = self
            .start_in_quotes(path, argument)
            .map_or_else(|| self.apart(argument), |start| self.part(&[(0, start)]));
        Override::parse_written(argument, written)
    }

    /// The change that sets a field, whose path is a key of the map at `path`, to a value.
    ///
    /// # Errors
    /// As [`Override::parse`].
    pub fn change_to(&self, path: &str, field: &str, value: &Anything) -> Result<Override, Report> {
        let argument = format!("{field}={}", self.text_of(value));
        let key = match &self.root.find(&places::names(path)).node.kind {
            Kind::Map(entries) => entries
                .iter()
                .find(|(key, _)| matches!(&key.kind, Kind::Text(text) if text == field)),
            _ => None,
        };
        let key = key.and_then(|(key, _)| self.inside(key, field));
        let written = key.map_or_else(
            || self.apart(&argument),
            |key| self.part(&[(0, key), (field.len() + 1, value.0.start)]),
        );
        Override::parse_written(&argument, written)
    }

    fn part(&self, pieces: &[(usize, usize)]) -> Original {
        let name = self.origin.to_string_lossy().into_owned();
        Original::part(name, self.source.text().to_owned(), pieces)
    }

    /// A text that does not stand in the file as it is.
    fn apart(&self, argument: &str) -> Original {
        let name = self.origin.to_string_lossy().into_owned();
        Original::whole(name, argument.to_owned())
    }

    fn start_in_quotes(&self, path: &str, text: &str) -> Option<usize> {
        let found = self.root.find(&places::names(path));
        found.missing.is_empty().then_some(())?;
        self.inside(found.node, text)
    }

    /// Where a text begins inside its quotes, unless it is written with escapes.
    fn inside(&self, node: &Node, text: &str) -> Option<usize> {
        let start = node.span.start + 1;
        let is_as_written = self.source.text().get(start..)?.starts_with(text);
        is_as_written.then_some(start)
    }
}

impl<'de> de::Deserialize<'de> for Anything {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(ANYTHING, Place)
    }
}

struct Place;

impl<'de> de::Visitor<'de> for Place {
    type Value = Anything;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Anything, A::Error> {
        let mut next = || Ok(seq.next_element()?.unwrap_or_default());
        let (start, end) = (next()?, next()?);
        Ok(Anything(start..end))
    }

    /// A placeholder.
    fn visit_newtype_struct<D: de::Deserializer<'de>>(self, _: D) -> Result<Anything, D::Error> {
        Ok(Anything::default())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::experiment::load_source;

    const WHOLE: Whole = Whole {
        noun: "study",
        a_noun: "a study",
        name: "Study",
        fields: "base: …",
        example: "experiments/studies/quickstart.ron",
    };

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields, rename = "Study")]
    struct Held {
        base: Anything,
        set: Vec<String>,
    }

    fn read(text: &str) -> Document<Held> {
        Document::parse(text, Path::new("a.ron"), &WHOLE).unwrap()
    }

    #[test]
    fn a_value_of_any_type_is_kept_as_it_is_written_and_where() {
        let document = read("Study(\n    base: Experiment(epochs: 3), // three\n    set: [],\n)");
        let base = &document.value.base;
        assert_eq!(document.text_of(base), "Experiment(epochs: 3)");
        assert_eq!(document.quoted(base), None);
        let report = load_source(&document.source_of(base), &document.origin, &[]).unwrap_err();
        let place = report.diagnostics[0].place.clone().unwrap();
        assert_eq!((place.line, place.column), (2, 11));
        let document = read("(base: \"b.ron\", set: [])");
        assert_eq!(
            document.quoted(&document.value.base).as_deref(),
            Some("b.ron")
        );
    }

    #[test]
    fn an_error_in_a_change_is_at_its_place_in_the_file() {
        let document =
            read("Study(\n    base: \"b.ron\",\n    set: [\"epochs=2\", \"batch=\"],\n)");
        let argument = &document.value.set[1];
        let report = document.change("set[1]", argument).unwrap_err();
        let place = report.diagnostics[0].place.clone().unwrap();
        assert_eq!(
            (place.origin.as_str(), place.line, place.column),
            ("a.ron", 3, 29)
        );
        // A text with escapes does not stand there as it is.
        let escaped = read("(base: 1, set: [\"\\u{62}atch\"])");
        let report = escaped.change("set[0]", "batch").unwrap_err();
        let place = report.diagnostics[0].place.clone().unwrap();
        assert_eq!((place.line, place.column, place.width), (1, 1, 5));
    }

    #[test]
    fn a_file_that_holds_something_else_is_reported_in_its_own_words() {
        let wrong = |text: &str| {
            let read = Document::<Held>::parse(text, Path::new("a.ron"), &WHOLE);
            read.unwrap_err().to_string()
        };
        assert!(wrong("").contains("there is no study in this file"));
        assert!(wrong("3").contains("expected Study(…)"));
        assert!(wrong("Experiment(epochs: 3)").contains("write Study(…)"));
        assert!(wrong("Study(bsae: 1, set: [])").contains("did you mean `base`?"));
    }
}
