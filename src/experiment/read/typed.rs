//! From a tree to a typed value, past every error.
//!
//! serde stops at the first error. This deserializer does not: where a value
//! is wrong it notes the finding, marks the place as tainted and gives a
//! placeholder, so that one pass finds every error. Only a missing field
//! cannot be answered on the spot (its type is not known); it is remembered and
//! the pass is made again with a placeholder for it. Checks of values then leave
//! out whatever depends on a tainted place.

mod parts;

use serde::de::value::SeqDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use self::parts::{Fields, Pairs, Placeholder, Sequence, Variant};
use super::describe::{a_noun, describe, name_span, noun};
use super::finding::Finding;
use super::notes::{Failure, Notes, Taint};
use super::tree::{Kind, Node, Span};
use crate::experiment::catalogue;

/// Name of the type that takes every value, by its place.
pub(super) const ANYTHING: &str = "Anything";

/// Passes after which no further missing field is looked for.
const MAX_PASSES: usize = 200;

/// What came of it.
pub(super) struct Typed<T> {
    /// The value, with placeholders in tainted places; `None` if even those
    /// could not save it.
    pub value: Option<T>,
    /// Errors.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub more: usize,
    /// Places whose values are placeholders.
    pub tainted: Vec<Taint>,
}

/// Reads a value of type `T` from a tree.
pub(super) fn read<T: DeserializeOwned>(root: &Node) -> Typed<T> {
    let notes = Notes::default();
    let mut value = None;
    for _ in 0..MAX_PASSES {
        notes.clear();
        match T::deserialize(Value {
            node: root,
            notes: &notes,
        }) {
            Ok(complete) => {
                value = Some(complete);
                break;
            }
            // There is enough to fix first.
            Err(Failure::Again) if notes.is_full() => break,
            Err(Failure::Again) => {}
            Err(failure) => {
                notes.find(|| Finding::new(root.focus(), failure.to_string()));
                break;
            }
        }
    }
    Typed {
        value,
        findings: notes.findings.into_inner(),
        more: notes.more.get(),
        tainted: notes.tainted.into_inner().into_iter().collect(),
    }
}

/// A value of the tree as serde sees it.
#[derive(Clone, Copy)]
pub(super) struct Value<'t> {
    pub node: &'t Node,
    pub notes: &'t Notes,
}

impl<'t> Value<'t> {
    pub fn at(self, node: &'t Node) -> Self {
        Self { node, ..self }
    }

    /// Notes what is wrong with this value and taints it. What could not even
    /// be read has been reported.
    pub fn refuse(self, finding: impl FnOnce() -> Finding) {
        if self.node.kind != Kind::Broken {
            self.notes.find(finding);
        }
        self.notes.taint(&self.node.span);
    }

    /// Notes that another kind of value was expected.
    pub fn expected(self, what: &str) {
        self.refuse(|| {
            let message = format!("expected {what}, found {}", describe(self.node));
            Finding::new(self.node.focus(), message)
        });
    }

    fn expected_text(self) {
        self.refuse(|| {
            let message = format!("expected text in quotes, found {}", describe(self.node));
            let finding = Finding::new(self.node.focus(), message);
            match &self.node.kind {
                Kind::Name(name) => finding.help(format!("write {name:?}")),
                _ => finding,
            }
        });
    }

    fn expected_list(self) {
        self.refuse(|| {
            let message = format!("expected a list `[…]`, found {}", describe(self.node));
            let finding = Finding::new(self.node.focus(), message);
            match &self.node.kind {
                Kind::Name(name) => finding.help(format!("write [{name}]")),
                Kind::Items(Some(name), _) | Kind::Fields(Some(name), _) => {
                    finding.help(format!("write [{}(…)]", name.text))
                }
                _ => finding,
            }
        });
    }

    fn expected_tuple(self, length: usize) {
        self.refuse(|| {
            let message = format!(
                "expected {length} values in parentheses, found {}",
                describe(self.node)
            );
            let dots = vec!["…"; length].join(", ");
            Finding::new(self.node.focus(), message).help(format!("write ({dots})"))
        });
    }

    fn whole<V: Visitor<'t>>(self, visitor: V, min: i128, max: i128) -> Result<V::Value, Failure> {
        let placeholder = 1_u64;
        let value = match &self.node.kind {
            Kind::Whole(text) => Some(whole_number(text)),
            _ => None,
        };
        match value {
            Some(value) if (min..=max).contains(&value) => {
                match (u64::try_from(value), i64::try_from(value)) {
                    (Ok(value), _) => visitor.visit_u64(value),
                    (_, Ok(value)) => visitor.visit_i64(value),
                    _ => visitor.visit_u64(placeholder),
                }
            }
            Some(value) => {
                let bound = if value < min {
                    format!("at least {min}")
                } else {
                    format!("at most {max}")
                };
                self.expected(&format!("a whole number, {bound}"));
                visitor.visit_u64(placeholder)
            }
            None => {
                self.expected("a whole number");
                visitor.visit_u64(placeholder)
            }
        }
    }

    fn real<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        let value = match &self.node.kind {
            Kind::Whole(text) | Kind::Decimal(text) => ron::from_str::<f64>(text).ok(),
            _ => None,
        };
        if let Some(value) = value.filter(|value| value.is_finite()) {
            visitor.visit_f64(value)
        } else {
            self.expected("a number");
            visitor.visit_f64(1.0)
        }
    }

    /// The elements of a list or, with `length`, of a tuple.
    fn elements<V: Visitor<'t>>(
        self,
        visitor: V,
        length: Option<usize>,
    ) -> Result<V::Value, Failure> {
        let (items, fits) = match (&self.node.kind, length) {
            (Kind::List(items), None) => (items, true),
            (Kind::Items(None, items), Some(length)) => (items, items.len() == length),
            _ => {
                match length {
                    None => self.expected_list(),
                    Some(length) => self.expected_tuple(length),
                }
                return visitor.visit_seq(Sequence::placeholders(length.unwrap_or(0)));
            }
        };
        if !fits {
            let length = length.unwrap_or(0);
            self.refuse(|| {
                let message = format!("expected {length} values, found {}", items.len());
                Finding::new(self.node.span.clone(), message)
            });
            return visitor.visit_seq(Sequence::placeholders(length));
        }
        visitor.visit_seq(Sequence::of(self, items))
    }
}

macro_rules! whole_numbers {
    ($($method:ident: $type:ty;)*) => {
        $(fn $method<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.whole(visitor, i128::from(<$type>::MIN), i128::from(<$type>::MAX))
        })*
    };
}

impl<'t> de::Deserializer<'t> for Value<'t> {
    type Error = Failure;

    whole_numbers! {
        deserialize_i8: i8; deserialize_i16: i16; deserialize_i32: i32; deserialize_i64: i64;
        deserialize_u8: u8; deserialize_u16: u16; deserialize_u32: u32; deserialize_u64: u64;
    }

    fn deserialize_f32<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.real(visitor)
    }

    fn deserialize_f64<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.real(visitor)
    }

    fn deserialize_bool<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        if let Kind::Truth(value) = self.node.kind {
            visitor.visit_bool(value)
        } else {
            self.expected("true or false");
            visitor.visit_bool(false)
        }
    }

    fn deserialize_str<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        if let Kind::Text(text) = &self.node.kind {
            visitor.visit_str(text)
        } else {
            self.expected_text();
            visitor.visit_str("")
        }
    }

    fn deserialize_string<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.kind {
            Kind::Name(name) if name == "None" => visitor.visit_none(),
            Kind::Items(Some(name), items) if name.text == "Some" && items.len() == 1 => {
                visitor.visit_some(self.at(&items[0]))
            }
            Kind::Broken => {
                self.notes.taint(&self.node.span);
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.elements(visitor, None)
    }

    fn deserialize_tuple<V: Visitor<'t>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.elements(visitor, Some(length))
    }

    fn deserialize_map<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        if let Kind::Map(entries) = &self.node.kind {
            visitor.visit_map(Pairs::new(self, entries))
        } else {
            self.expected("`{\"name\": value, …}`");
            visitor.visit_map(Fields::none())
        }
    }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match &self.node.kind {
            Kind::Fields(written, _) | Kind::Items(written, _) => {
                if let Some(written) = written
                    && written.text != name
                {
                    // Only what a file holds has a name worth showing.
                    let help = if matches!(name, "Experiment" | "Study") {
                        format!("write {name}(…)")
                    } else {
                        "write the parentheses without a name".to_owned()
                    };
                    let message = format!("`{}` is not expected here", written.text);
                    self.notes
                        .find(|| Finding::new(written.span.clone(), message).help(help));
                }
                Fields::visit(self, fields, visitor)
            }
            _ => {
                self.expected(&format!("`({}: …)`", fields.first().unwrap_or(&"")));
                Fields::visit_placeholders(fields, visitor)
            }
        }
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let Some(written) = self.node.name() else {
            // A bare number is short for `Value(number)`, a list for `Each(list)`.
            let short_for = match self.node.kind {
                Kind::Whole(_) | Kind::Decimal(_) => "Value",
                Kind::List(_) => "Each",
                _ => "",
            };
            if let Some(value) = variants.iter().find(|variant| **variant == short_for) {
                return visitor.visit_enum(Variant::of(self, value));
            }
            self.refuse(|| {
                let finding = Finding::new(
                    self.node.focus(),
                    format!("expected {}, found {}", a_noun(name), describe(self.node)),
                )
                .known("choices", "", variants);
                match (held_in(name, self.node), &finding.help) {
                    (Some(meant), Some(choices)) => {
                        let help = format!("write {meant}; {choices}");
                        finding.help(help)
                    }
                    _ => finding,
                }
            });
            return visitor.visit_enum(Variant::placeholder(variants));
        };
        if let Some(variant) = variants.iter().find(|variant| **variant == written) {
            return visitor.visit_enum(Variant::of(self, variant));
        }
        self.refuse(|| {
            let message = format!("there is no {} `{written}`", noun(name));
            Finding::new(name_span(self.node), message).known("choices", written, variants)
        });
        visitor.visit_enum(Variant::placeholder(variants))
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        if name == ANYTHING {
            let Span { start, end } = self.node.span;
            return visitor.visit_seq(SeqDeserializer::new([start, end].into_iter()));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    /// No type of an experiment asks what there is.
    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.expected("nothing of the kind");
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'t>>
        char bytes byte_buf unit unit_struct tuple_struct identifier
    }
}

/// Reads one value with a seed, or a placeholder.
pub(super) fn seeded<'t, S: DeserializeSeed<'t>>(
    seed: S,
    value: Option<Value<'t>>,
) -> Result<S::Value, Failure> {
    match value {
        Some(value) => seed.deserialize(value),
        None => seed.deserialize(Placeholder),
    }
}

/// A field's or variant's name as serde reads it.
pub(super) fn named<'t, S: DeserializeSeed<'t>>(
    seed: S,
    name: &'static str,
) -> Result<S::Value, Failure> {
    seed.deserialize(name.into_deserializer())
}

/// A bare number or text as the variant of this type that holds one: `0.05` as
/// `Constant(0.05)`.
fn held_in(type_name: &str, node: &Node) -> Option<String> {
    use catalogue::Value::{Number, Path, Text, Whole};
    let known = catalogue::Type::named(type_name)?;
    let (variant, written) = match &node.kind {
        Kind::Whole(text) => (
            known.holder(|held| matches!(held, Number(_) | Whole(_))),
            text.clone(),
        ),
        Kind::Decimal(text) => (known.holder(|held| matches!(held, Number(_))), text.clone()),
        Kind::Text(text) => (
            known.holder(|held| matches!(held, Path(_) | Text(_))),
            format!("\"{text}\""),
        ),
        _ => return None,
    };
    Some(format!("{}({written})", variant?))
}

/// A whole number, or one beyond every range.
fn whole_number(text: &str) -> i128 {
    let unsigned = ron::from_str::<u64>(text).map(i128::from);
    let signed = || ron::from_str::<i64>(text).map(i128::from);
    unsigned
        .or_else(|_| signed())
        .unwrap_or(if text.starts_with('-') {
            i128::MIN
        } else {
            i128::MAX
        })
}
