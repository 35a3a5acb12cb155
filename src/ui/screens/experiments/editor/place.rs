//! Where in an experiment a place of its text is: inside which struct or
//! variant, at which field, and what can stand there. It reads tokens, so it
//! knows the place in a text that is half typed as well.

use std::ops::Range;

use super::tokens::{Kind, Token};
use crate::experiment::catalogue::{
    EXPERIMENT, Field, Holds, Shape, Type, Value, Variant, current_name,
};

/// What is known of a place.
#[derive(Debug, PartialEq)]
pub struct Place<'t> {
    /// The word that the place is in or at, or nothing at the place.
    pub word: Range<usize>,
    /// What can stand there.
    pub expected: Expected<'t>,
    /// What the word, or else what it stands in, is.
    pub about: Option<About>,
    /// Whether a bracket follows the word.
    pub opens: bool,
    /// Whether a colon follows the word.
    pub named: bool,
}

/// What can stand at a place.
#[derive(Debug, PartialEq)]
pub enum Expected<'t> {
    /// The name of one of these fields; some are written already.
    Field(&'static [Field], Vec<&'t str>),
    /// A value, of a field if it belongs to one.
    Value(Value, Option<&'static Field>),
    /// Nothing that is known.
    Unknown,
}

/// Something that has a description.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum About {
    /// A field.
    Field(&'static Field),
    /// A variant.
    Variant(&'static Variant),
}

/// An open bracket and what was read behind it.
#[derive(Default)]
struct Frame<'t> {
    bracket: &'t str,
    /// The word before the bracket.
    name: Option<&'t str>,
    /// The field that is being written.
    key: Option<&'t str>,
    after_colon: bool,
    /// Commas so far.
    index: usize,
    written: Vec<&'t str>,
}

/// What stands behind an open bracket.
enum Scope {
    Fields(&'static [Field]),
    InOrder(&'static [Value]),
    Every(Value),
    Map(Value),
    Unknown,
}

/// What is known of the place `at`, bytes.
#[must_use]
pub fn place<'t>(text: &'t str, tokens: &[Token], at: usize) -> Place<'t> {
    let under = tokens
        .iter()
        .position(|token| is_word(token.kind) && token.span.start <= at && at <= token.span.end);
    let word = under.map_or(at..at, |number| tokens[number].span.clone());
    let before = tokens.partition_point(|token| token.span.end <= word.start);
    let mut frames = frames(text, &tokens[..before]);
    let after = under.map_or(before, |number| number + 1);
    let follows = |kind| tokens.get(after).is_some_and(|token| token.kind == kind);
    let (opens, named) = (follows(Kind::Open), follows(Kind::Colon));
    if let Some(frame) = frames.last_mut() {
        written_after(text, &tokens[after..], &mut frame.written);
    }
    let in_comment = tokens
        .iter()
        .any(|token| token.kind == Kind::Comment && token.span.start < at && at <= token.span.end);
    let (mut expected, owner) = resolve(frames);
    let about = explained(&text[word.clone()], &expected, owner);
    if in_comment {
        expected = Expected::Unknown;
    }
    Place {
        word,
        expected,
        about,
        opens,
        named,
    }
}

fn is_word(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Name | Kind::Field | Kind::Word | Kind::Number | Kind::Text
    )
}

/// The brackets that are open behind the tokens, the file itself first.
fn frames<'t>(text: &'t str, tokens: &[Token]) -> Vec<Frame<'t>> {
    let mut frames = vec![Frame::default()];
    let mut before: Option<&Token> = None;
    for token in tokens.iter().filter(|token| token.kind != Kind::Comment) {
        let written = &text[token.span.clone()];
        match token.kind {
            Kind::Open => {
                let name = before.filter(|token| matches!(token.kind, Kind::Name | Kind::Word));
                frames.push(Frame {
                    bracket: written,
                    name: name.map(|token| &text[token.span.clone()]),
                    ..Frame::default()
                });
            }
            Kind::Close => {
                // A bracket that closes nothing is passed over.
                let opener = frames
                    .iter()
                    .rposition(|frame| closes(frame.bracket, written));
                frames.truncate(opener.unwrap_or(frames.len()));
            }
            _ => {
                if let Some(frame) = frames.last_mut() {
                    frame.take(token.kind, written);
                }
            }
        }
        before = Some(token);
    }
    frames
}

impl<'t> Frame<'t> {
    fn take(&mut self, kind: Kind, written: &'t str) {
        match kind {
            Kind::Field => {
                self.key = Some(written);
                self.written.push(written);
            }
            Kind::Colon => self.after_colon = true,
            Kind::Comma => {
                self.key = None;
                self.after_colon = false;
                self.index += 1;
            }
            _ => {}
        }
    }
}

fn closes(open: &str, close: &str) -> bool {
    matches!((open, close), ("(", ")") | ("[", "]") | ("{", "}"))
}

/// Adds the fields that are written between a place and the end of its bracket.
fn written_after<'t>(text: &'t str, tokens: &[Token], written: &mut Vec<&'t str>) {
    let mut depth = 0_usize;
    for token in tokens {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close if depth == 0 => return,
            Kind::Close => depth -= 1,
            Kind::Field if depth == 0 => written.push(&text[token.span.clone()]),
            _ => {}
        }
    }
}

/// What can stand in the innermost bracket, and what that bracket belongs to.
fn resolve(frames: Vec<Frame<'_>>) -> (Expected<'_>, Option<About>) {
    let mut value = Some(Value::Of(&EXPERIMENT));
    let mut field = None;
    let mut owner = None;
    let mut innermost = Expected::Value(Value::Of(&EXPERIMENT), None);
    for frame in frames.into_iter().skip(1) {
        let scope = value.map_or(Scope::Unknown, |value| inside(value, &frame));
        if let Some(variant) = value.and_then(|value| variant(value, frame.name?)) {
            owner = Some(About::Variant(variant));
        } else if field.is_some() {
            owner = field.map(About::Field);
        }
        (value, field) = slot(&scope, &frame);
        innermost = match (scope, value) {
            (Scope::Fields(fields), _) if !frame.after_colon => {
                let current = |name| current_name(frame.name, name);
                Expected::Field(fields, frame.written.into_iter().map(current).collect())
            }
            (_, Some(value)) => Expected::Value(value, field),
            _ => Expected::Unknown,
        };
    }
    (innermost, owner)
}

/// What stands behind a bracket where `value` is expected.
fn inside(value: Value, frame: &Frame) -> Scope {
    match (value, frame.bracket) {
        (Value::Of(kind), "(") => match kind.shape {
            Shape::Struct(fields) if frame.name.is_none_or(|name| name == kind.name) => {
                Scope::Fields(fields)
            }
            Shape::Struct(_) => Scope::Unknown,
            Shape::Enum(_) => match frame.name.and_then(|name| variant(value, name)) {
                Some(variant) => match variant.holds {
                    Holds::Fields(fields) => Scope::Fields(fields),
                    Holds::Values(values) => Scope::InOrder(values),
                    Holds::Nothing => Scope::Unknown,
                },
                None => Scope::Unknown,
            },
        },
        (Value::List(value), "[") => Scope::Every(*value),
        (Value::Tuple(values), "(") => Scope::InOrder(values),
        (Value::Map(value), "{") => Scope::Map(*value),
        (Value::Optional(value), "(") if frame.name == Some("Some") => Scope::Every(*value),
        (Value::Optional(value), _) => inside(*value, frame),
        _ => Scope::Unknown,
    }
}

/// The value that is being written in a scope, and its field.
fn slot(scope: &Scope, frame: &Frame) -> (Option<Value>, Option<&'static Field>) {
    match scope {
        Scope::Fields(fields) if frame.after_colon => {
            let key = frame.key.map(|key| current_name(frame.name, key));
            let field = fields.iter().find(|field| Some(field.name) == key);
            (field.map(|field| field.value), field)
        }
        Scope::InOrder(values) => (values.get(frame.index).copied(), None),
        Scope::Every(value) => (Some(*value), None),
        Scope::Map(value) if frame.after_colon => (Some(*value), None),
        _ => (None, None),
    }
}

/// The type of several forms that a value is of, if it is.
#[must_use]
pub fn choice(value: Value) -> Option<&'static Type> {
    match value {
        Value::Of(kind) if matches!(kind.shape, Shape::Enum(_)) => Some(kind),
        Value::Optional(value) => choice(*value),
        _ => None,
    }
}

fn variant(value: Value, name: &str) -> Option<&'static Variant> {
    match choice(value)?.shape {
        Shape::Enum(variants) => variants.iter().find(|variant| variant.name == name),
        Shape::Struct(_) => None,
    }
}

/// What a word is, or else what it belongs to.
fn explained(word: &str, expected: &Expected, owner: Option<About>) -> Option<About> {
    match expected {
        Expected::Field(fields, _) => {
            let variant = match owner {
                Some(About::Variant(variant)) => Some(variant.name),
                _ => None,
            };
            let name = current_name(variant, word);
            let field = fields.iter().find(|field| field.name == name);
            field.map(About::Field).or(owner)
        }
        Expected::Value(value, field) => variant(*value, word)
            .map(About::Variant)
            .or(field.map(About::Field))
            .or(owner),
        Expected::Unknown => owner,
    }
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
