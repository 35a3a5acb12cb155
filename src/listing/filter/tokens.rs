//! A filter's text in pieces, each with the column where it begins.

use super::FilterError;

/// A piece and the letter where it begins, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) column: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    And,
    Or,
    Not,
    Operator(Operator),
    /// A word, or a text in quotes.
    Word(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Has,
    Equals,
    Differs,
    Below,
    AtMost,
    Above,
    AtLeast,
    Matches,
    MatchesNot,
}

/// Operators as they are written, longer ones before those they begin with.
const OPERATORS: [(&str, Operator); 10] = [
    ("!=", Operator::Differs),
    ("!~", Operator::MatchesNot),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equals),
    (":", Operator::Has),
    ("=", Operator::Equals),
    ("<", Operator::Below),
    (">", Operator::Above),
    ("~", Operator::Matches),
];

/// Splits a text.
///
/// # Errors
/// A quote that is not closed.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let column = at + 1;
        let after_operator = matches!(
            tokens.last(),
            Some(Token {
                kind: Kind::Operator(_),
                ..
            })
        );
        let (kind, length) = if letter.is_whitespace() {
            at += 1;
            continue;
        } else if letter == '"' {
            quoted(&letters[at..], column)?
        } else if after_operator {
            value(&letters[at..])
        } else {
            plain(&letters[at..])
        };
        tokens.push(Token { column, kind });
        at += length;
    }
    Ok(tokens)
}

/// A text up to the next quote; `\"` is a quote inside.
fn quoted(letters: &[char], column: usize) -> Result<(Kind, usize), FilterError> {
    let mut text = String::new();
    let mut at = 1;
    while let Some(&letter) = letters.get(at) {
        match letter {
            '"' => return Ok((Kind::Word(text), at + 1)),
            '\\' if letters.get(at + 1) == Some(&'"') => {
                text.push('"');
                at += 1;
            }
            _ => text.push(letter),
        }
        at += 1;
    }
    Err(FilterError {
        column,
        message: "unclosed quote; add a `\"`".to_owned(),
    })
}

/// What follows an operator continues to the next space, or to a parenthesis that
/// it did not open, so that patterns such as `(a|b)` need no quotes.
fn value(letters: &[char]) -> (Kind, usize) {
    let mut open = 0_usize;
    let end = letters.iter().position(|letter| {
        match letter {
            '(' => open += 1,
            ')' if open == 0 => return true,
            ')' => open -= 1,
            _ => {}
        }
        letter.is_whitespace()
    });
    let length = end.unwrap_or(letters.len());
    if length == 0 {
        return plain(letters);
    }
    (Kind::Word(letters[..length].iter().collect()), length)
}

/// An operator, a parenthesis, or a word up to one of them.
fn plain(letters: &[char]) -> (Kind, usize) {
    match letters[0] {
        '(' => return (Kind::Open, 1),
        ')' => return (Kind::Close, 1),
        _ => {}
    }
    if let Some((operator, length)) = operator(letters) {
        return (Kind::Operator(operator), length);
    }
    if letters[0] == '!' {
        return (Kind::Not, 1);
    }
    let ends = |at: usize| {
        let letter = letters[at];
        letter.is_whitespace()
            || matches!(letter, '(' | ')' | '"')
            || operator(&letters[at..]).is_some()
    };
    let length = (1..letters.len())
        .find(|&at| ends(at))
        .unwrap_or(letters.len());
    let word: String = letters[..length].iter().collect();
    let kind = match word.to_lowercase().as_str() {
        "and" | "&" | "&&" => Kind::And,
        "or" | "|" | "||" => Kind::Or,
        "not" => Kind::Not,
        _ => Kind::Word(word),
    };
    (kind, length)
}

fn operator(letters: &[char]) -> Option<(Operator, usize)> {
    let found = OPERATORS.iter().find(|(written, _)| {
        let length = written.chars().count();
        letters.len() >= length && written.chars().eq(letters[..length].iter().copied())
    });
    found.map(|(written, operator)| (*operator, written.chars().count()))
}
