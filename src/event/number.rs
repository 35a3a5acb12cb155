//! Numbers that survive a format without NaN.
//!
//! JSON has neither NaN nor infinities: they would be written as `null`, which
//! does not read back as a number, and one class without images would make a
//! journal unreadable. Finite numbers are written as numbers, the others as the
//! strings `"NaN"`, `"inf"` and `"-inf"`; `null` is read as NaN.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes one number.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number(*value).serialize(serializer)
}

/// Reads one number.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Number::deserialize(deserializer).map(|number| number.0)
}

/// Lists of numbers.
pub(super) mod list {
    use super::{Deserialize, Deserializer, Number, Serializer};

    /// Writes a list.
    pub fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().copied().map(Number))
    }

    /// Reads a list.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<f64>, D::Error> {
        Ok(Vec::<Number>::deserialize(d)?
            .into_iter()
            .map(|number| number.0)
            .collect())
    }
}

/// Named numbers.
pub(super) mod map {
    use super::{BTreeMap, Deserialize, Deserializer, Number, Serializer};

    /// Writes named numbers.
    pub fn serialize<S: Serializer>(
        values: &BTreeMap<String, f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(values.iter().map(|(name, value)| (name, Number(*value))))
    }

    /// Reads named numbers.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, f64>, D::Error> {
        Ok(BTreeMap::<String, Number>::deserialize(d)?
            .into_iter()
            .map(|(name, number)| (name, number.0))
            .collect())
    }
}

/// A number with the encoding above.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() || !serializer.is_human_readable() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.collect_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(NumberVisitor)
        } else {
            deserializer.deserialize_f64(NumberVisitor)
        }
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, \"NaN\", \"inf\" or \"-inf\"")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_unit<E: Error>(self) -> Result<Number, E> {
        Ok(Number(f64::NAN))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        match text {
            "NaN" => Ok(Number(f64::NAN)),
            "inf" => Ok(Number(f64::INFINITY)),
            "-inf" => Ok(Number(f64::NEG_INFINITY)),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        one: f64,
        #[serde(with = "super::list")]
        many: Vec<f64>,
        #[serde(with = "super::map")]
        named: BTreeMap<String, f64>,
    }

    fn holder() -> Holder {
        Holder {
            one: f64::NAN,
            many: vec![f64::NEG_INFINITY, 3.0, 0.25],
            named: BTreeMap::from([("loss".to_owned(), f64::INFINITY)]),
        }
    }

    fn check(back: &Holder) {
        assert!(back.one.is_nan());
        assert_eq!(back.many, [f64::NEG_INFINITY, 3.0, 0.25]);
        assert_eq!(back.named["loss"], f64::INFINITY);
    }

    #[test]
    fn numbers_that_json_lacks_come_back_from_json() {
        let text = serde_json::to_string(&holder()).unwrap();
        assert!(!text.contains("null"), "{text}");
        check(&serde_json::from_str(&text).unwrap());
    }

    #[test]
    fn numbers_come_back_from_ron_too() {
        check(&ron::from_str(&ron::to_string(&holder()).unwrap()).unwrap());
    }

    #[test]
    fn whole_numbers_and_null_are_numbers() {
        let back: Holder =
            serde_json::from_str(r#"{"one":null,"many":[1,-2],"named":{}}"#).unwrap();
        assert!(back.one.is_nan());
        assert_eq!(back.many, [1.0, -2.0]);
    }

    #[test]
    fn other_text_is_refused() {
        let back = serde_json::from_str::<Holder>(r#"{"one":"many","many":[],"named":{}}"#);
        assert!(back.unwrap_err().to_string().contains("\"NaN\""));
    }
}
