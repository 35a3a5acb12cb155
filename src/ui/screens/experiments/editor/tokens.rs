//! The tokens of a RON text, for colours, brackets and places. Any text is
//! split, however broken; nothing is refused here.

use std::ops::Range;

/// What a token looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `// …`, `/* … */`.
    Comment,
    /// `"…"`, `r#"…"#`, `'c'`.
    Text,
    /// A number.
    Number,
    /// The name of a field: a colon follows.
    Field,
    /// The name of a variant or a struct.
    Name,
    /// `true`, `false`, `None`, `Some`.
    Word,
    /// `(`, `[`, `{`.
    Open,
    /// `)`, `]`, `}`.
    Close,
    /// `:`.
    Colon,
    /// `,`.
    Comma,
    /// Anything else.
    Other,
}

/// A token and its place in the text, bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it looks like.
    pub kind: Kind,
    /// Where it stands.
    pub span: Range<usize>,
}

/// Splits a text. Blanks are left out.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        }
        let rest = &text[at..];
        let (kind, length) = next(rest, letter);
        if kind == Kind::Colon
            && let Some(before) = tokens.last_mut()
            && matches!(before.kind, Kind::Name | Kind::Word)
        {
            before.kind = Kind::Field;
        }
        tokens.push(Token {
            kind,
            span: at..at + length,
        });
        at += length;
    }
    tokens
}

/// Kind and length of the token that `rest` begins with.
fn next(rest: &str, first: char) -> (Kind, usize) {
    match first {
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        ':' => (Kind::Colon, 1),
        ',' => (Kind::Comma, 1),
        '/' if rest.starts_with("//") => (Kind::Comment, line(rest)),
        '/' if rest.starts_with("/*") => (Kind::Comment, block_comment(rest)),
        '"' => (Kind::Text, quoted(rest)),
        'r' if raw(rest).is_some() => (Kind::Text, raw(rest).unwrap_or(1)),
        '\'' => character(rest).map_or((Kind::Other, 1), |length| (Kind::Text, length)),
        _ if is_number(rest) => (Kind::Number, number(rest)),
        _ if first.is_alphabetic() || first == '_' => {
            let length = run(rest, |letter| letter.is_alphanumeric() || letter == '_');
            let kind = match &rest[..length] {
                "true" | "false" | "None" | "Some" => Kind::Word,
                _ => Kind::Name,
            };
            (kind, length)
        }
        _ => (Kind::Other, first.len_utf8()),
    }
}

/// Bytes of the letters in a row that are wanted.
fn run(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !wanted(letter)).unwrap_or(text.len())
}

fn line(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// To the end of a comment, which may hold others; of one that is never closed,
/// to the end of the text.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// To the closing quote. Of a text that is never closed, only its line: else
/// the rest of the file would look like text while one types a quote.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    line(text)
}

/// Length of `r"…"` or `r#"…"#`, if the text begins with it.
fn raw(text: &str) -> Option<usize> {
    let hashes = run(&text[1..], |letter| letter == '#');
    let body = text[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end).map(|at| at + end.len());
    Some(length.map_or_else(|| line(text), |length| 2 + hashes + length))
}

/// Length of `'c'` or `'\n'`, if the text begins with it.
fn character(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().skip(1);
    let (_, first) = letters.next()?;
    if first == '\\' {
        letters.next()?;
    }
    let (at, last) = letters.next()?;
    (last == '\'' && first != '\n').then_some(at + 1)
}

fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    let digits = digits.strip_prefix('.').unwrap_or(digits);
    digits.starts_with(|letter: char| letter.is_ascii_digit())
}

fn number(text: &str) -> usize {
    let mut before = ' ';
    let mut length = 0;
    for letter in text.chars() {
        let sign = matches!(letter, '+' | '-') && (length == 0 || matches!(before, 'e' | 'E'));
        if !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_') || sign) {
            break;
        }
        before = letter;
        length += letter.len_utf8();
    }
    length.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<(Kind, &str)> {
        let tokens = tokens(text);
        let seen = tokens
            .iter()
            .map(|token| (token.kind, &text[token.span.clone()]));
        seen.collect()
    }

    #[test]
    fn every_kind_of_token_is_told_apart() {
        assert_eq!(
            seen("Cnn(width: -1.5e-3, on: true) // end"),
            [
                (Kind::Name, "Cnn"),
                (Kind::Open, "("),
                (Kind::Field, "width"),
                (Kind::Colon, ":"),
                (Kind::Number, "-1.5e-3"),
                (Kind::Comma, ","),
                (Kind::Field, "on"),
                (Kind::Colon, ":"),
                (Kind::Word, "true"),
                (Kind::Close, ")"),
                (Kind::Comment, "// end"),
            ]
        );
        assert_eq!(
            seen(r##""a\"b" r#"x"y"# 'c' '\n' /* a /* b */ c */ ?"##),
            [
                (Kind::Text, r#""a\"b""#),
                (Kind::Text, r##"r#"x"y"#"##),
                (Kind::Text, "'c'"),
                (Kind::Text, r"'\n'"),
                (Kind::Comment, "/* a /* b */ c */"),
                (Kind::Other, "?"),
            ]
        );
    }

    #[test]
    fn a_quote_that_is_never_closed_takes_its_line_only() {
        assert_eq!(
            seen("a: \"b\nc"),
            [
                (Kind::Field, "a"),
                (Kind::Colon, ":"),
                (Kind::Text, "\"b"),
                (Kind::Name, "c"),
            ]
        );
    }

    #[test]
    fn any_text_is_covered_without_overlap() {
        for text in [
            "\u{feff}日本 '",
            "r",
            "r#",
            "/*",
            "'\\",
            "-",
            "..",
            "é\"é",
            "*/ /",
            "\\\"'",
        ] {
            let mut end = 0;
            for token in tokens(text) {
                assert!(
                    token.span.start >= end && token.span.end > token.span.start,
                    "{text}"
                );
                assert!(text.get(token.span.clone()).is_some(), "{text}");
                end = token.span.end;
            }
        }
    }
}
