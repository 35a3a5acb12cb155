//! What the tokens of a RON text look like, for colours, brackets and places. Any
//! text is split, however broken; nothing is refused here.

use std::ops::Range;

use ronin_core::SyntaxKind;

use crate::experiment::tokens;

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

/// Splits a text. Blanks are left out. What is never closed takes its line only:
/// else the rest of the file would look like text while one types a quote.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::new();
    let mut from = 0;
    while from < text.len() {
        let rest = &text[from..];
        let mut end = text.len();
        for token in tokens::tokens(rest) {
            let mut span = from + token.span.start..from + token.span.end;
            if !token.is_closed(rest) && token.kind != SyntaxKind::BlockComment {
                span.end = text[span.start..]
                    .find('\n')
                    .map_or(text.len(), |line| span.start + line);
                end = span.end;
            }
            let Some(kind) = kind(token.kind, &text[span.clone()]) else {
                continue;
            };
            if kind == Kind::Colon
                && let Some(before) = found.last_mut()
                && matches!(before.kind, Kind::Name | Kind::Word)
            {
                before.kind = Kind::Field;
            }
            found.push(Token { kind, span });
        }
        from = end;
    }
    found
}

/// What a token looks like; none for blanks.
fn kind(kind: SyntaxKind, written: &str) -> Option<Kind> {
    Some(match kind {
        SyntaxKind::Whitespace => return None,
        SyntaxKind::LineComment | SyntaxKind::BlockComment => Kind::Comment,
        SyntaxKind::String | SyntaxKind::RawString | SyntaxKind::Char => Kind::Text,
        SyntaxKind::Integer | SyntaxKind::Float => Kind::Number,
        SyntaxKind::TrueKw | SyntaxKind::FalseKw => Kind::Word,
        SyntaxKind::Ident if matches!(written, "None" | "Some") => Kind::Word,
        SyntaxKind::Ident | SyntaxKind::EnableKw => Kind::Name,
        SyntaxKind::LParen | SyntaxKind::LBracket | SyntaxKind::LBrace => Kind::Open,
        SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace => Kind::Close,
        SyntaxKind::Colon => Kind::Colon,
        SyntaxKind::Comma => Kind::Comma,
        _ => Kind::Other,
    })
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
    fn every_kind_of_token_is_distinguished() {
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
