//! What may stand in an experiment file, as a table: every field and variant
//! with its type, range, unit and default, in a line for people.
//!
//! An editor completes and explains from it. The types of [`super::spec`] stay
//! the truth: tests ask serde what each of them accepts, and whether a field
//! that is left out equals the default that is named here.

mod augmentation;
mod data;
mod experiment;
mod methods;
mod models;
mod objective;
mod renamed;
mod schedules;

use std::fmt;

pub use experiment::EXPERIMENT;
pub use renamed::{CHANGED_DEFAULTS, ChangedDefault, current_name, successor};

/// A type of the experiment file.
#[derive(Debug, PartialEq)]
pub struct Type {
    /// Name in the program, for people who read it.
    pub name: &'static str,
    /// What its values are, as a noun.
    pub noun: &'static str,
    /// What it is made of.
    pub shape: Shape,
}

/// What a type is made of.
#[derive(Debug, PartialEq)]
pub enum Shape {
    /// Named values in parentheses.
    Struct(&'static [Field]),
    /// One of several.
    Enum(&'static [Variant]),
}

/// A named value.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub value: Value,
    /// What it holds if it is left out, as it would be written; `None` where it
    /// must be there.
    pub default: Option<&'static str>,
    /// What it means.
    pub help: &'static str,
}

/// One of several forms of a value.
#[derive(Debug, PartialEq)]
pub struct Variant {
    /// Its name.
    pub name: &'static str,
    /// What stands in its parentheses.
    pub holds: Holds,
    /// What it means.
    pub help: &'static str,
}

/// What stands in a variant's parentheses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Holds {
    /// Nothing; there are none.
    Nothing,
    /// Named values.
    Fields(&'static [Field]),
    /// Values in this order.
    Values(&'static [Value]),
}

/// What a field or a place holds. The texts are ranges and units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A number.
    Number(&'static str),
    /// A number without fraction.
    Whole(&'static str),
    /// `true` or `false`.
    Truth,
    /// A text in quotes.
    Text(&'static str),
    /// The name of a result, in quotes.
    Metric,
    /// A path in quotes.
    Path(&'static str),
    /// A type of its own.
    Of(&'static Type),
    /// `[…]`.
    List(&'static Value),
    /// `(…, …)`.
    Tuple(&'static [Value]),
    /// `{"name": …}`.
    Map(&'static Value),
    /// The value, or `None`.
    Optional(&'static Value),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, word: &str, rest: &str| match rest {
            "" => f.write_str(word),
            _ => write!(f, "{word} {rest}"),
        };
        match self {
            Self::Number(range) => joined(f, "number", range),
            Self::Whole(range) => joined(f, "whole number", range),
            Self::Truth => f.write_str("true or false"),
            Self::Text(what) => joined(f, "text", what),
            Self::Metric => f.write_str("metric name"),
            Self::Path(what) => joined(f, "path", what),
            Self::Of(kind) => f.write_str(kind.noun),
            Self::List(value) => write!(f, "list: {value}"),
            Self::Tuple(values) => {
                f.write_str("(")?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Self::Map(value) => write!(f, "map of names to: {value}"),
            Self::Optional(value) => write!(f, "{value}, or None"),
        }
    }
}

impl Type {
    /// The type of this name, which an experiment file holds somewhere.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        all().into_iter().find(|known| known.name == name)
    }

    /// The variant that holds nothing but a number, or nothing but a text: what a person who
    /// writes the bare value means.
    #[must_use]
    pub fn holder(&self, is_held: impl Fn(&Value) -> bool) -> Option<&'static str> {
        let Shape::Enum(variants) = self.shape else {
            return None;
        };
        let holds =
            |variant: &&Variant| matches!(variant.holds, Holds::Values([only]) if is_held(only));
        variants.iter().find(holds).map(|variant| variant.name)
    }
}

/// Every type that an experiment file holds.
fn all() -> Vec<&'static Type> {
    let mut types = vec![&EXPERIMENT];
    let mut at = 0;
    while let Some(known) = types.get(at) {
        for value in known.values() {
            if let Some(inner) = value.inner()
                && !types.iter().any(|it| std::ptr::eq(*it, inner))
            {
                types.push(inner);
            }
        }
        at += 1;
    }
    types
}

/// Dotted paths to the fields of this name below those of a struct or variant that has these
/// fields, the shortest only; as `--set` writes them, without the names of variants.
#[must_use]
pub fn paths_below(fields: &[&str], name: &str) -> Vec<String> {
    let is_it = |known: &&[Field]| {
        known
            .iter()
            .map(|field| field.name)
            .eq(fields.iter().copied())
    };
    let groups = all().into_iter().flat_map(Type::groups);
    let Some(start) = groups.into_iter().find(is_it) else {
        return Vec::new();
    };
    let mut level: Vec<(String, &'static [Field])> = vec![(String::new(), start)];
    for _ in 0..DEEPEST {
        let mut below = Vec::new();
        for (path, fields) in level {
            for field in fields {
                let groups = field.value.part().map(Type::groups).unwrap_or_default();
                let path = format!("{path}{}.", field.name);
                below.extend(groups.into_iter().map(|group| (path.clone(), group)));
            }
        }
        let has_it = |group: &[Field]| group.iter().any(|field| field.name == name);
        let found = below.iter().filter(|(_, group)| has_it(group));
        let mut paths: Vec<String> = found.map(|(path, _)| format!("{path}{name}")).collect();
        paths.dedup();
        if !paths.is_empty() {
            return paths;
        }
        level = below;
    }
    Vec::new()
}

/// Fields within fields that are looked for. Schedules hold schedules without end.
const DEEPEST: usize = 3;

impl Type {
    /// The fields of a struct, or those of each variant that has some.
    fn groups(&'static self) -> Vec<&'static [Field]> {
        match self.shape {
            Shape::Struct(fields) => vec![fields],
            Shape::Enum(variants) => variants
                .iter()
                .filter_map(|variant| match variant.holds {
                    Holds::Fields(fields) => Some(fields),
                    _ => None,
                })
                .collect(),
        }
    }

    /// Everything that is held.
    fn values(&'static self) -> Vec<&'static Value> {
        let fields = self.groups().into_iter().flatten();
        let mut values: Vec<&Value> = fields.map(|field| &field.value).collect();
        if let Shape::Enum(variants) = self.shape {
            for variant in variants {
                if let Holds::Values(held) = variant.holds {
                    values.extend(held);
                }
            }
        }
        values
    }
}

impl Value {
    /// The type of its own that it is, or that it holds.
    fn inner(&self) -> Option<&'static Type> {
        match self {
            Self::List(value) | Self::Map(value) => value.inner(),
            Self::Tuple(values) => values.iter().find_map(Self::inner),
            _ => self.part(),
        }
    }

    /// The type of its own that a dotted path goes on into.
    fn part(&self) -> Option<&'static Type> {
        match self {
            Self::Of(inner) => Some(inner),
            Self::Optional(value) => value.part(),
            _ => None,
        }
    }
}

impl Field {
    /// Type, range and default in a line.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.default {
            Some(default) => format!("{}, default {default}", self.value),
            None => format!("{}, required", self.value),
        }
    }
}

impl Variant {
    /// The variant as it is written, with what it holds in short.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.holds {
            Holds::Nothing => self.name.to_owned(),
            Holds::Fields(fields) => {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                format!("{}({})", self.name, names.join(", "))
            }
            Holds::Values(values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                format!("{}({})", self.name, values.join(", "))
            }
        }
    }
}

/// A field that may be left out.
const fn field(
    name: &'static str,
    value: Value,
    default: &'static str,
    help: &'static str,
) -> Field {
    Field {
        name,
        value,
        default: Some(default),
        help,
    }
}

/// A field that must be there.
const fn needed(name: &'static str, value: Value, help: &'static str) -> Field {
    Field {
        name,
        value,
        default: None,
        help,
    }
}

/// A variant without parentheses.
const fn bare(name: &'static str, help: &'static str) -> Variant {
    Variant {
        name,
        holds: Holds::Nothing,
        help,
    }
}

/// A variant with named values.
const fn named(name: &'static str, fields: &'static [Field], help: &'static str) -> Variant {
    Variant {
        name,
        holds: Holds::Fields(fields),
        help,
    }
}

/// A variant with values in order.
const fn holding(name: &'static str, values: &'static [Value], help: &'static str) -> Variant {
    Variant {
        name,
        holds: Holds::Values(values),
        help,
    }
}

/// A type of named values.
const fn structure(name: &'static str, noun: &'static str, fields: &'static [Field]) -> Type {
    Type {
        name,
        noun,
        shape: Shape::Struct(fields),
    }
}

/// A type of several forms.
const fn choice(name: &'static str, noun: &'static str, variants: &'static [Variant]) -> Type {
    Type {
        name,
        noun,
        shape: Shape::Enum(variants),
    }
}

#[cfg(test)]
mod tests;
