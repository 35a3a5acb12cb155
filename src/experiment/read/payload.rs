//! What a variant holds: `Sgd(momentum: 0.9)`, `PadCrop(4)`, `Vanilla()`.

use serde::de::{self, DeserializeSeed, Visitor};

use super::compound::{Fields, Placeholder, Sequence};
use super::describe::name_span;
use super::finding::Finding;
use super::notes::Failure;
use super::tree::{Kind, Node};
use super::typed::Value;

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
            value.refuse(
                Finding::new(name_span(value.node), format!("`{name}` holds no values"))
                    .help(format!("write {name} without parentheses")),
            );
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
                value.refuse(Finding::new(
                    name_span(value.node),
                    format!(
                        "`{name}` holds {length} values, found {}",
                        count(value.node)
                    ),
                ));
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
        value.refuse(
            Finding::new(
                value.node.span.clone(),
                format!("`{name}` holds named values"),
            )
            .help(format!("write {name}() for the defaults")),
        );
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
            // The short form of `Value(number)`.
            Kind::Whole(_) | Kind::Decimal(_) => return Some(value),
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
                value.refuse(Finding::new(name_span(value.node), message).help(help));
            }
        }
        None
    }
}

macro_rules! see_through {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.only() {
                Some(value) => value.$method(visitor),
                None => Placeholder.$method(visitor),
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
    }

    fn deserialize_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        named_values(self.0, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'t>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.only() {
            Some(value) => value.deserialize_enum(name, variants, visitor),
            None => Placeholder.deserialize_enum(name, variants, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'t>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.only() {
            Some(value) => value.deserialize_tuple(length, visitor),
            None => Placeholder.deserialize_tuple(length, visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'t>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_tuple(length, visitor)
    }
}
