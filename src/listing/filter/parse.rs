//! From pieces to a condition, by recursive descent:
//!
//! ```text
//! any  = all { "or" all }
//! all  = one { ["and"] one }
//! one  = "not" one | "(" any ")" | word [operator word]
//! ```

use regex::RegexBuilder;

use super::tokens::{Kind, Operator, Token, tokens};
use super::{Condition, FilterError, Literal, Test};
use crate::listing::field::{Field, Fields};

/// Parentheses and `not`s in one another. More are no filter, and would only
/// try the stack.
const DEEPEST: usize = 32;

/// Bytes of a compiled pattern.
const LARGEST_PATTERN: usize = 1 << 20;

/// Reads a condition; none of an empty text.
pub(super) fn parse(text: &str, fields: &Fields) -> Result<Option<Condition>, FilterError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser {
        end: text.chars().count() + 1,
        tokens,
        at: 0,
        depth: 0,
        fields,
    };
    let condition = parser.any()?;
    match parser.next() {
        None => Ok(Some(condition)),
        Some(token) => Err(wrong(token.column, "unmatched `)`")),
    }
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    /// Column after the text.
    end: usize,
    depth: usize,
    fields: &'a Fields,
}

fn wrong(column: usize, message: impl Into<String>) -> FilterError {
    FilterError {
        column,
        message: message.into(),
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn any(&mut self) -> Result<Condition, FilterError> {
        let mut any = vec![self.all()?];
        while self.peek() == Some(&Kind::Or) {
            self.at += 1;
            any.push(self.all()?);
        }
        Ok(one_or(any, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, FilterError> {
        let mut all = vec![self.one()?];
        loop {
            match self.peek() {
                None | Some(Kind::Or | Kind::Close) => return Ok(one_or(all, Condition::All)),
                Some(Kind::And) => self.at += 1,
                Some(_) => {}
            }
            all.push(self.one()?);
        }
    }

    fn one(&mut self) -> Result<Condition, FilterError> {
        let end = self.end;
        let Some(token) = self.next() else {
            return Err(wrong(end, "missing condition"));
        };
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(wrong(token.column, "nested too deeply"));
        }
        let condition = match token.kind {
            Kind::Not => Condition::Not(Box::new(self.one()?)),
            Kind::Open => {
                let inside = self.any()?;
                match self.next() {
                    Some(Token {
                        kind: Kind::Close, ..
                    }) => inside,
                    _ => return Err(wrong(token.column, "unclosed `(`")),
                }
            }
            Kind::Word(word) => match self.peek() {
                Some(&Kind::Operator(operator)) => {
                    self.at += 1;
                    self.comparison(&word, token.column, operator)?
                }
                _ => Condition::Word(word.to_lowercase()),
            },
            Kind::Operator(_) => {
                return Err(wrong(
                    token.column,
                    "missing field before this, as in best>0.9",
                ));
            }
            Kind::And | Kind::Or | Kind::Close => {
                return Err(wrong(token.column, "missing condition before this"));
            }
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(
        &mut self,
        name: &str,
        column: usize,
        operator: Operator,
    ) -> Result<Condition, FilterError> {
        let field = Field::named(name, self.fields).map_err(|message| wrong(column, message))?;
        let end = self.end;
        let (value, column) = match self.next() {
            Some(Token {
                column,
                kind: Kind::Word(word),
            }) => (word, column),
            Some(token) => return Err(wrong(token.column, "missing value before this")),
            None => return Err(wrong(end, format!("missing value after `{name}`"))),
        };
        if matches!(operator, Operator::Matches | Operator::MatchesNot) {
            let regex = pattern(&value).map_err(|message| wrong(column, message))?;
            let matches = Condition::Compare(field, Test::Matches(regex));
            return Ok(negated(matches, operator == Operator::MatchesNot));
        }
        let mut literal = Literal::read(&value);
        // As the table writes it: 90 %.
        if literal.number.is_some() && self.peek() == Some(&Kind::Word("%".to_owned())) {
            self.at += 1;
            literal = Literal::read(&format!("{value}%"));
        }
        if literal.number.is_none() && field.is_number() {
            let message = format!("`{name}` is compared with a number, such as 0.9, 90% or 10m");
            return Err(wrong(column, message));
        }
        if let Some(problem) = no_share(name, &field, &literal) {
            return Err(wrong(column, problem));
        }
        if let Some(known) = field.unknown_word(&literal.text) {
            return Err(wrong(column, known));
        }
        let test = match operator {
            Operator::Has => Test::Has(literal),
            Operator::Below => Test::Below(literal, false),
            Operator::AtMost => Test::Below(literal, true),
            Operator::Above => Test::Above(literal, false),
            Operator::AtLeast => Test::Above(literal, true),
            _ => Test::Equals(literal),
        };
        let holds = Condition::Compare(field, test);
        Ok(negated(holds, operator == Operator::Differs))
    }
}

/// What is wrong with a number that a share never is: 90 for 90 %.
fn no_share(name: &str, field: &Field, literal: &Literal) -> Option<String> {
    let value = literal.number.filter(|_| field.is_share())?;
    if (0.0..=1.0).contains(&value) {
        return None;
    }
    let share = format!("`{name}` is a share, from 0 to 1");
    Some(if value > 1.0 && value <= 100.0 && literal.is_plain() {
        format!("{share}; write {} or {value}%", value / 100.0)
    } else {
        format!("{share} (0% to 100%)")
    })
}

fn one_or(mut several: Vec<Condition>, many: fn(Vec<Condition>) -> Condition) -> Condition {
    match several.pop() {
        Some(one) if several.is_empty() => one,
        Some(last) => {
            several.push(last);
            many(several)
        }
        None => many(several),
    }
}

fn negated(condition: Condition, negate: bool) -> Condition {
    if negate {
        Condition::Not(Box::new(condition))
    } else {
        condition
    }
}

fn pattern(text: &str) -> Result<regex::Regex, String> {
    RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(LARGEST_PATTERN)
        .build()
        .map_err(|error| {
            // The error draws the pattern over several lines; the last says why.
            let message = error.to_string();
            let why = message.lines().last().unwrap_or_default();
            let why = why.trim().trim_start_matches("error: ");
            format!("`{text}` is not a regular expression: {why}")
        })
}

impl Literal {
    /// Whether it is a number without a unit.
    fn is_plain(&self) -> bool {
        self.text.parse::<f64>().is_ok()
    }

    /// `0.9`, `90%` and durations in seconds: `30s`, `10m`, `2h`, `1d`.
    pub(super) fn read(text: &str) -> Self {
        const UNITS: [(char, f64); 4] = [('s', 1.0), ('m', 60.0), ('h', 3600.0), ('d', 86_400.0)];
        let with_unit = UNITS.iter().find_map(|(unit, size)| {
            let number: f64 = text.strip_suffix(*unit)?.trim_end().parse().ok()?;
            Some(number * size)
        });
        let percentage = text.strip_suffix('%').map(str::trim_end);
        // A division gives the nearest number; a hundredth is none.
        let share = percentage.and_then(|text| Some(text.parse::<f64>().ok()? / 100.0));
        let number: Option<f64> = text.parse().ok().or(share).or(with_unit);
        // Tables write one digit behind the point.
        let half_digit = percentage.map_or(0.0, |text| {
            let digits = text.split_once('.').map_or("", |(_, digits)| digits);
            let further = digits.chars().skip(1).take(8);
            further.fold(0.000_5, |half, _| half / 10.0)
        });
        Self {
            text: text.to_lowercase(),
            number: number.filter(|number| number.is_finite()),
            half_digit,
        }
    }
}
