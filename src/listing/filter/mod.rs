//! A small language of conditions on runs.
//!
//! ```text
//! adaptive tag:paper                 every word must match
//! state:crashed or best < 90%        and binds tighter than or
//! student.model ~ "ResNet|VGG"       any field of the frozen experiment
//! not (batch=128 and epochs>=10)
//! ```
//!
//! [`tokens`] splits a text and [`parse`] makes a condition of it or says at which
//! column it cannot.

mod parse;
mod tokens;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use regex::Regex;

use super::field::{Field, Fields, Value};
use super::summary::Subject;

/// Which runs are shown.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    text: String,
    /// Without one, every run is shown.
    condition: Option<Condition>,
}

/// A text that is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct FilterError {
    /// Letter at which it goes wrong, from 1.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

#[derive(Debug, Clone)]
enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    /// In lower case.
    Word(String),
    Compare(Field, Test),
}

/// How a field is held against what was written.
#[derive(Debug, Clone)]
enum Test {
    /// Equal, or for texts of several words: holds it.
    Has(Literal),
    Equals(Literal),
    /// Below, or also equal.
    Below(Literal, bool),
    /// Above, or also equal.
    Above(Literal, bool),
    Matches(Regex),
}

/// What was written after an operator.
#[derive(Debug, Clone)]
struct Literal {
    /// In lower case.
    text: String,
    /// As a number, if it is one.
    number: Option<f64>,
    /// How far a number may be from it to be shown as it is: of a percentage half of its last
    /// digit, as tables write it.
    half_digit: f64,
}

impl Literal {
    /// How a number stands to it; a percentage is compared as it is shown. None if it is no
    /// number.
    fn compared(&self, number: f64) -> Option<Ordering> {
        let own = self.number?;
        if (number - own).abs() < self.half_digit {
            return Some(Ordering::Equal);
        }
        number.partial_cmp(&own)
    }
}

impl Filter {
    /// Reads a filter. `fields` are those of any run's configuration.
    ///
    /// # Errors
    /// The first thing that is wrong, with its column.
    pub fn parse(text: &str, fields: &Fields) -> Result<Self, FilterError> {
        Ok(Self {
            text: text.trim().to_owned(),
            condition: parse::parse(text, fields)?,
        })
    }

    /// As it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether every run is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.condition.is_none()
    }

    /// Whether a run is shown.
    #[must_use]
    pub fn shows(&self, run: &Subject) -> bool {
        self.condition
            .as_ref()
            .is_none_or(|condition| condition.holds(run))
    }
}

impl Condition {
    fn holds(&self, run: &Subject) -> bool {
        match self {
            Self::All(all) => all.iter().all(|condition| condition.holds(run)),
            Self::Any(any) => any.iter().any(|condition| condition.holds(run)),
            Self::Not(condition) => !condition.holds(run),
            Self::Word(word) => run.has_word(word),
            Self::Compare(field, test) => match field.value(run) {
                Value::Nothing => false,
                Value::Number(number) => test.holds_for_number(number),
                Value::Text(written) => test.holds_for_text(&written, None),
                Value::Settings(values) => values
                    .iter()
                    .any(|value| test.holds_for_text(&value.text, value.number)),
                Value::Words(words) => words.iter().any(|word| test.holds_for_word(word)),
            },
        }
    }
}

impl Test {
    fn holds_for_number(&self, number: f64) -> bool {
        match self {
            Self::Has(literal) | Self::Equals(literal) => {
                literal.compared(number) == Some(Ordering::Equal)
            }
            Self::Below(literal, or_equal) => literal
                .compared(number)
                .is_some_and(|order| order.is_lt() || *or_equal && order.is_eq()),
            Self::Above(literal, or_equal) => literal
                .compared(number)
                .is_some_and(|order| order.is_gt() || *or_equal && order.is_eq()),
            Self::Matches(regex) => regex.is_match(&number.to_string()),
        }
    }

    /// A text that is a number on both sides is compared as one; else as text,
    /// which suits dates.
    fn holds_for_text(&self, text: &str, number: Option<f64>) -> bool {
        let folded = text.to_lowercase();
        match self {
            Self::Has(literal) => folded.contains(&literal.text),
            Self::Matches(regex) => regex.is_match(text),
            Self::Equals(Literal {
                number: Some(_), ..
            })
            | Self::Below(
                Literal {
                    number: Some(_), ..
                },
                _,
            )
            | Self::Above(
                Literal {
                    number: Some(_), ..
                },
                _,
            ) if number.is_some() => number.is_some_and(|number| self.holds_for_number(number)),
            Self::Equals(literal) => folded == literal.text,
            Self::Below(literal, or_equal) => {
                folded < literal.text || (*or_equal && folded == literal.text)
            }
            Self::Above(literal, or_equal) => {
                folded > literal.text || (*or_equal && folded == literal.text)
            }
        }
    }

    /// A word is had or not: `tag:paper` does not mean `paper-2`.
    fn holds_for_word(&self, word: &str) -> bool {
        match self {
            Self::Has(literal) => word.to_lowercase() == literal.text,
            _ => self.holds_for_text(word, None),
        }
    }
}
