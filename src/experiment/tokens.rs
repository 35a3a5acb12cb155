//! A RON text split into tokens by `ronin-core`, for its readers and its editor.

use std::ops::Range;

use ronin_core::SyntaxKind;
use ronin_core::lexer::tokenize;

/// A token and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: SyntaxKind,
    /// Where it stands, bytes.
    pub span: Range<usize>,
}

/// Splits any text, however broken. Together the tokens are the whole of it;
/// what is never closed reaches to its end, and so can only be the last.
pub fn tokens(text: &str) -> impl Iterator<Item = Token> {
    tokenize(text).into_iter().scan(0, |end, token| {
        let span = *end..*end + token.text.len();
        *end = span.end;
        Some(Token {
            kind: token.kind,
            span,
        })
    })
}

impl Token {
    /// Whether a comment or a text, whose place is in `text`, has its end.
    #[must_use]
    pub fn is_closed(&self, text: &str) -> bool {
        let written = &text[self.span.clone()];
        match self.kind {
            SyntaxKind::BlockComment => {
                let (opened, closed) =
                    (written.matches("/*").count(), written.matches("*/").count());
                written.len() >= 4 && written.ends_with("*/") && opened <= closed
            }
            SyntaxKind::String => is_quoted(written, '"'),
            SyntaxKind::Char => is_quoted(written, '\''),
            SyntaxKind::RawString => {
                let hashes = written[1..]
                    .bytes()
                    .take_while(|&byte| byte == b'#')
                    .count();
                let body = written[1 + hashes..].strip_prefix('"');
                let end = format!("\"{}", "#".repeat(hashes));
                body.is_some_and(|body| body.ends_with(&end))
            }
            _ => true,
        }
    }
}

/// Whether it begins with this quote and ends with one that is not escaped.
fn is_quoted(written: &str, quote: char) -> bool {
    let Some(inner) = written
        .strip_prefix(quote)
        .and_then(|rest| rest.strip_suffix(quote))
    else {
        return false;
    };
    inner.chars().rev().take_while(|&c| c == '\\').count() % 2 == 0
}
