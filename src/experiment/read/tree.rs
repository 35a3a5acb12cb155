//! The tree of values in a RON text, with the place of each.
//!
//! Types are not known here: `Name(a: 1)` may turn out to be a variant or a
//! struct. The tree is complete even where the text is not: what could not be
//! read is a [`Kind::Broken`] node.

use std::ops::Range;

use crate::experiment::catalogue::current_name;

/// Bytes of the text.
pub(super) type Span = Range<usize>;

/// A value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub span: Span,
    pub kind: Kind,
}

/// What a value looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A number without fraction or exponent.
    Whole(String),
    /// Any other number.
    Decimal(String),
    /// Text, unescaped.
    Text(String),
    /// `'c'`, for which no field has a use.
    Character,
    /// `true` or `false`.
    Truth(bool),
    /// `Name`.
    Name(String),
    /// `(a: 1)` or `Name(a: 1)`.
    Fields(Option<Word>, Vec<Field>),
    /// `()`, `(1, 2)`, `Name()` or `Name(1, 2)`.
    Items(Option<Word>, Vec<Node>),
    /// `[1, 2]`.
    List(Vec<Node>),
    /// `{"a": 1}`.
    Map(Vec<(Node, Node)>),
    /// What could not be read. It has been reported.
    Broken,
}

/// A name and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub span: Span,
}

/// `name: value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub name: Word,
    pub value: Node,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// A field, a map's key, or a variant.
    Name(String),
    /// An element, from 0.
    Index(usize),
}

/// Where a path leads: as far as the text has it.
#[derive(Debug)]
pub(super) struct Found<'t> {
    /// The value at the end, or the last one on the way.
    pub node: &'t Node,
    /// Segments that the text does not have.
    pub missing: Vec<Segment>,
}

impl Node {
    /// Its variant or struct name, if it has one.
    pub fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Name(name) => Some(name),
            Kind::Fields(Some(name), _) | Kind::Items(Some(name), _) => Some(&name.text),
            _ => None,
        }
    }

    /// Its field of this name, whether the field or the name is spelt as it once
    /// was.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let Kind::Fields(_, fields) = &self.kind else {
            return None;
        };
        let wanted = current_name(self.name(), name);
        fields
            .iter()
            .find(|field| current_name(self.name(), &field.name.text) == wanted)
    }

    /// The place to underline: the name alone where the value has parts, the
    /// one item of `Name(item)`.
    pub fn focus(&self) -> Span {
        match &self.kind {
            Kind::Items(Some(_), items) if items.len() == 1 => items[0].focus(),
            Kind::Fields(Some(name), _) | Kind::Items(Some(name), _) => name.span.clone(),
            _ => self.span.clone(),
        }
    }

    /// Follows a path as far as the text has it.
    pub fn find(&self, path: &[Segment]) -> Found<'_> {
        let Some((first, rest)) = path.split_first() else {
            return Found {
                node: self,
                missing: Vec::new(),
            };
        };
        let below = match first {
            Segment::Name(name) => self.find_name(name, path, rest),
            Segment::Index(index) => self.find_index(*index, path, rest),
        };
        below.unwrap_or_else(|| Found {
            node: self,
            missing: path.to_vec(),
        })
    }

    fn find_name(&self, name: &str, path: &[Segment], rest: &[Segment]) -> Option<Found<'_>> {
        match &self.kind {
            Kind::Fields(..) if self.field(name).is_some() => {
                self.field(name).map(|field| field.value.find(rest))
            }
            Kind::Map(entries) => entries
                .iter()
                .find(|(key, _)| matches!(&key.kind, Kind::Text(text) if text == name))
                .map(|(_, value)| value.find(rest)),
            // The variant's own name stays at its node.
            _ if self.name() == Some(name) => Some(self.find(rest)),
            // `Some(x)` and variants around another value are seen through.
            Kind::Items(Some(_), items) if items.len() == 1 => {
                Some(items[0].find(path)).filter(|found| found.missing.len() < path.len())
            }
            _ => None,
        }
    }

    fn find_index(&self, index: usize, path: &[Segment], rest: &[Segment]) -> Option<Found<'_>> {
        match &self.kind {
            Kind::Items(Some(_), items)
                if items.len() == 1 && matches!(items[0].kind, Kind::List(_)) =>
            {
                Some(items[0].find(path)).filter(|found| found.missing.len() < path.len())
            }
            Kind::List(items) | Kind::Items(_, items) => {
                items.get(index).map(|item| item.find(rest))
            }
            _ => None,
        }
    }
}

/// Reads `a.B[2].c` and the place of every segment in it. `None` where a
/// segment is empty or an index is no number.
pub(super) fn segments(path: &str) -> Option<Vec<(Segment, Span)>> {
    let mut segments = Vec::new();
    let mut start = 0;
    while start < path.len() {
        let rest = &path[start..];
        if let Some(inner) = rest.strip_prefix('[') {
            let length = inner.find(']')?;
            segments.push((
                Segment::Index(inner[..length].parse().ok()?),
                start..start + length + 2,
            ));
            start += length + 2;
        } else {
            let length = rest.find(['.', '[']).unwrap_or(rest.len());
            if length == 0 {
                return None;
            }
            segments.push((
                Segment::Name(rest[..length].to_owned()),
                start..start + length,
            ));
            start += length;
        }
        if let Some(after) = path[start..].strip_prefix('.') {
            if after.is_empty() || after.starts_with('[') {
                return None;
            }
            start += 1;
        }
    }
    Some(segments)
}
