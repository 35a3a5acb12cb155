//! The parts of structs, lists, maps and variants as serde asks for them, and
//! the placeholder that stands in for any type.

use std::collections::HashSet;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

use super::{Value, named, seeded};
use crate::experiment::catalogue::{current_name, paths_below, successor};
use crate::experiment::read::describe::{describe, name_span};
use crate::experiment::read::finding::{Finding, listed};
use crate::experiment::read::notes::Failure;
use crate::experiment::read::tree::{Field, Kind, Node};

/// Answers any type with its plainest value: 1, "", nothing, no elements, the
/// first variant.
#[derive(Clone, Copy)]
pub(super) struct Placeholder;

/// Named values of a struct or variant.
pub(super) struct Fields<'t> {
    known: std::vec::IntoIter<(&'static str, Option<Value<'t>>)>,
    /// The value of the key that was requested; a placeholder if there is none.
    value: Option<Value<'t>>,
}

impl<'t> Fields<'t> {
    /// No fields at all, for a map.
    pub fn none() -> Self {
        Self {
            known: Vec::new().into_iter(),
            value: None,
        }
    }

    /// Visits the fields of a node. Unknown and repeated ones are noted and
    /// left out, missing ones are noted and answered with placeholders.
    pub fn visit<V: Visitor<'t>>(
        parent: Value<'t>,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let mut known = Vec::new();
        match &parent.node.kind {
            Kind::Fields(_, written) => known = written_fields(parent, written, fields),
            Kind::Items(_, items) if items.is_empty() => {}
            _ => {
                let subject = match parent.node.name() {
                    Some(name) => format!("the values of `{name}`"),
                    None => "these values".to_owned(),
                };
                let span = match &parent.node.kind {
                    Kind::Items(_, items) => items[0].focus(),
                    _ => parent.node.focus(),
                };
                parent.refuse(|| {
                    Finding::new(
                        span,
                        format!(
                            "{subject} have names, found {}",
                            describe_first(parent.node)
                        ),
                    )
                    .help(match fields {
                        [only] => format!("write {only}: …"),
                        _ => format!("write {}: …; fields are {}", fields[0], listed(fields)),
                    })
                });
                return Self::visit_placeholders(fields, visitor);
            }
        }
        for field in parent.notes.missing(parent.node.span.start) {
            let answered = known.iter().any(|(name, _)| *name == field);
            if fields.contains(&field) && !answered {
                let subject = match parent.node.name() {
                    Some(name) => format!("`{name}` needs `{field}`"),
                    None => format!("`{field}` is missing here"),
                };
                parent.notes.find(|| {
                    Finding::new(name_span(parent.node), subject).help(format!("add {field}: …"))
                });
                known.push((field, None));
            }
        }
        let access = Self {
            known: known.into_iter(),
            value: None,
        };
        visitor.visit_map(access).map_err(|failure| match failure {
            Failure::Missing(field) if parent.notes.miss(parent.node, field) => Failure::Again,
            Failure::Missing(field) => Failure::Other(format!("`{field}` is missing")),
            failure => failure,
        })
    }

    /// Visits placeholders for every field.
    pub fn visit_placeholders<V: Visitor<'t>>(
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let known: Vec<_> = fields.iter().map(|field| (*field, None)).collect();
        visitor.visit_map(Self {
            known: known.into_iter(),
            value: None,
        })
    }
}

fn describe_first(node: &Node) -> String {
    match &node.kind {
        Kind::Items(_, items) if !items.is_empty() => describe(&items[0]),
        _ => describe(node),
    }
}

fn written_fields<'t>(
    parent: Value<'t>,
    written: &'t [Field],
    fields: &'static [&'static str],
) -> Vec<(&'static str, Option<Value<'t>>)> {
    let mut known: Vec<(&'static str, Option<Value<'t>>)> = Vec::new();
    let current = |field: &'t Field| current_name(parent.node.name(), &field.name.text);
    for field in written {
        let name = &field.name;
        match fields.iter().find(|known| **known == current(field)) {
            None if let Some(today) = successor(&name.text).filter(|n| fields.contains(n)) => {
                let message = format!("`{}` is now called `{today}`", name.text);
                parent.notes.find(|| {
                    Finding::new(name.span.clone(), message).help(format!("write {today}: …"))
                });
            }
            None => parent.notes.find(|| {
                let message = match parent.node.name() {
                    Some(parent) => format!("`{parent}` has no field `{}`", name.text),
                    None => format!("there is no field `{}` here", name.text),
                };
                let finding =
                    Finding::new(name.span.clone(), message).known("fields", &name.text, fields);
                let finding = further_in(finding, fields, &name.text);
                // A misspelt field is most likely the one that is missing.
                if let Some(meant) = &finding.nearest
                    && let Some(meant) = fields.iter().find(|field| *field == meant)
                    && !written.iter().any(|other| current(other) == *meant)
                    && !known.iter().any(|(field, _)| field == meant)
                {
                    parent.notes.miss(parent.node, meant);
                    known.push((meant, None));
                }
                finding
            }),
            Some(field_name) if known.iter().any(|(other, _)| other == field_name) => {
                parent.notes.find(|| {
                    let mut spelt = written.iter().filter(|other| current(other) == *field_name);
                    let older = spelt.find(|other| other.name.text != *field_name);
                    let message = match older {
                        Some(older) => format!(
                            "`{field_name}` is written twice: `{}` is its older name",
                            older.name.text
                        ),
                        None => format!("`{field_name}` is written twice"),
                    };
                    Finding::new(name.span.clone(), message).help("keep one of them")
                });
            }
            Some(field_name) => known.push((field_name, Some(parent.at(&field.value)))),
        }
    }
    known
}

/// A finding of a field that there is not here, with the paths of those of its name that are
/// further in: `temperature` is `method.temperature`.
fn further_in(finding: Finding, fields: &[&str], name: &str) -> Finding {
    let paths = paths_below(fields, name);
    let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    match (&finding.nearest, &finding.help) {
        (None, Some(known)) if !paths.is_empty() => {
            let help = format!("did you mean {}? {known}", paths.join(" or "));
            finding.help(help)
        }
        _ => finding,
    }
}

impl<'t> de::MapAccess<'t> for Fields<'t> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'t>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Some((name, value)) = self.known.next() else {
            return Ok(None);
        };
        self.value = value;
        named(seed, name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        seeded(seed, self.value.take())
    }
}

/// Elements of a list or tuple.
pub(super) struct Sequence<'t> {
    values: std::vec::IntoIter<Option<Value<'t>>>,
}

impl<'t> Sequence<'t> {
    pub fn of(parent: Value<'t>, items: &'t [Node]) -> Self {
        let values: Vec<_> = items.iter().map(|item| Some(parent.at(item))).collect();
        Self {
            values: values.into_iter(),
        }
    }

    pub fn placeholders(length: usize) -> Self {
        Self {
            values: vec![None; length].into_iter(),
        }
    }
}

impl<'t> de::SeqAccess<'t> for Sequence<'t> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'t>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Failure> {
        self.values
            .next()
            .map(|value| seeded(seed, value))
            .transpose()
    }
}

/// Entries of a map with text keys.
pub(super) struct Pairs<'t> {
    entries: std::vec::IntoIter<(&'t str, Value<'t>)>,
    value: Option<Value<'t>>,
}

impl<'t> Pairs<'t> {
    pub fn new(parent: Value<'t>, written: &'t [(Node, Node)]) -> Self {
        let mut entries: Vec<(&'t str, Value<'t>)> = Vec::new();
        let mut names = HashSet::new();
        for (key, value) in written {
            match &key.kind {
                Kind::Text(name) if !names.insert(name) => parent.notes.find(|| {
                    let message = format!("\"{name}\" is written twice");
                    Finding::new(key.span.clone(), message).help("keep one of them")
                }),
                Kind::Text(name) => entries.push((name, parent.at(value))),
                Kind::Name(name) => {
                    parent.at(key).refuse(|| {
                        Finding::new(key.span.clone(), "names in a map stand in quotes")
                            .help(format!("write \"{name}\": …"))
                    });
                    entries.push((name, parent.at(value)));
                }
                _ => parent.at(key).expected("a name in quotes"),
            }
        }
        Self {
            entries: entries.into_iter(),
            value: None,
        }
    }
}

impl<'t> de::MapAccess<'t> for Pairs<'t> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'t>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'t>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        seeded(seed, self.value.take())
    }
}

/// A variant and what it holds.
pub(super) struct Variant<'t> {
    name: &'static str,
    value: Option<Value<'t>>,
}

impl<'t> Variant<'t> {
    pub fn of(value: Value<'t>, name: &'static str) -> Self {
        Self {
            name,
            value: Some(value),
        }
    }

    /// The first variant, holding a placeholder.
    pub fn placeholder(variants: &'static [&'static str]) -> Self {
        Self {
            name: variants.first().copied().unwrap_or_default(),
            value: None,
        }
    }
}

impl<'t> de::EnumAccess<'t> for Variant<'t> {
    type Error = Failure;
    type Variant = Payload<'t>;

    fn variant_seed<V: DeserializeSeed<'t>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Payload<'t>), Failure> {
        let variant = named(seed, self.name)?;
        Ok((variant, Payload { value: self.value }))
    }
}

/// What a variant holds, or a placeholder.
pub(super) struct Payload<'t> {
    pub value: Option<Value<'t>>,
}

impl<'t> de::VariantAccess<'t> for Payload<'t> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        if let Some(value) = self.value
            && !matches!(value.node.kind, Kind::Name(_))
        {
            let name = value.node.name().unwrap_or_default();
            value.refuse(|| {
                Finding::new(name_span(value.node), format!("`{name}` holds no values"))
                    .help(format!("write {name} without parentheses"))
            });
        }
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<S::Value, Failure> {
        match self.value {
            Some(value) => seed.deserialize(Inner(value)),
            None => seed.deserialize(Placeholder),
        }
    }

    fn tuple_variant<V: Visitor<'t>>(self, length: usize, visitor: V) -> Result<V::Value, Failure> {
        let Some(value) = self.value else {
            return visitor.visit_seq(Sequence::placeholders(length));
        };
        match &value.node.kind {
            Kind::Items(_, items) if items.len() == length => {
                visitor.visit_seq(Sequence::of(value, items))
            }
            _ => {
                let name = value.node.name().unwrap_or_default();
                value.refuse(|| {
                    Finding::new(
                        name_span(value.node),
                        format!(
                            "`{name}` holds {length} values, found {}",
                            count(value.node)
                        ),
                    )
                });
                visitor.visit_seq(Sequence::placeholders(length))
            }
        }
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.value {
            Some(value) => named_values(value, fields, visitor),
            None => Fields::visit_placeholders(fields, visitor),
        }
    }
}

fn count(node: &Node) -> usize {
    match &node.kind {
        Kind::Items(_, items) => items.len(),
        Kind::Fields(_, fields) => fields.len(),
        _ => 0,
    }
}

/// Named values in the variant's own parentheses.
fn named_values<'t, V: Visitor<'t>>(
    value: Value<'t>,
    fields: &'static [&'static str],
    visitor: V,
) -> Result<V::Value, Failure> {
    if let Kind::Name(name) = &value.node.kind {
        value.refuse(|| {
            Finding::new(
                value.node.span.clone(),
                format!("`{name}` holds named values"),
            )
            .help(format!("write {name}() for the defaults"))
        });
        return Fields::visit_placeholders(fields, visitor);
    }
    Fields::visit(value, fields, visitor)
}

/// The one thing inside a variant's parentheses. A struct has no parentheses of
/// its own there.
struct Inner<'t>(Value<'t>);

impl<'t> Inner<'t> {
    /// The value in the parentheses.
    fn only(&self) -> Option<Value<'t>> {
        let value = self.0;
        match &value.node.kind {
            Kind::Items(_, items) if items.len() == 1 => return Some(value.at(&items[0])),
            // The short forms of `Value(number)` and `Each(list)`.
            Kind::Whole(_) | Kind::Decimal(_) | Kind::List(_) => return Some(value),
            kind => {
                let name = value.node.name().unwrap_or_default();
                let (message, help) = match kind {
                    Kind::Fields(..) => (
                        format!("`{name}` holds one value without a name"),
                        format!("write {name}(…)"),
                    ),
                    _ => (
                        format!("`{name}` holds one value, found {}", count(value.node)),
                        format!("write {name}(…)"),
                    ),
                };
                value.refuse(|| Finding::new(name_span(value.node), message).help(help));
            }
        }
        None
    }
}

macro_rules! see_through {
    ($($method:ident $(($($argument:ident: $type:ty),*))?)*) => {
        $(fn $method<V: Visitor<'t>>(
            self,
            $($($argument: $type,)*)?
            visitor: V,
        ) -> Result<V::Value, Failure> {
            match self.only() {
                Some(value) => value.$method($($($argument,)*)? visitor),
                None => Placeholder.$method($($($argument,)*)? visitor),
            }
        })*
    };
}

impl<'t> de::Deserializer<'t> for Inner<'t> {
    type Error = Failure;

    see_through! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32
        deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit
        deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_unit_struct(name: &'static str)
    }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        named_values(self.0, fields, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }
}

macro_rules! placeholders {
    ($($method:ident => $visit:ident($value:expr);)*) => {
        $(fn $method<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
            visitor.$visit($value)
        })*
    };
}

impl<'t> de::Deserializer<'t> for Placeholder {
    type Error = Failure;

    placeholders! {
        deserialize_any => visit_u64(1);
        deserialize_bool => visit_bool(false);
        deserialize_f32 => visit_f64(1.0);
        deserialize_f64 => visit_f64(1.0);
        deserialize_str => visit_str("");
        deserialize_string => visit_str("");
        deserialize_seq => visit_seq(Sequence::placeholders(0));
        deserialize_map => visit_map(Fields::none());
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_none()
    }

    fn deserialize_tuple<V: Visitor<'t>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_seq(Sequence::placeholders(length))
    }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        Fields::visit_placeholders(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_enum(Variant::placeholder(variants))
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'t>>
        i8 i16 i32 i64 u8 u16 u32 u64 char bytes byte_buf unit unit_struct
        newtype_struct tuple_struct identifier ignored_any
    }
}
