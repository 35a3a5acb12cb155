//! The tokens that a reader needs, and what swallows the rest of a text.

use ronin_core::SyntaxKind;

use super::finding::Finding;
use crate::experiment::tokens::{self, Token};

/// The tokens of a text, without blanks and comments.
pub(super) struct Tokens {
    pub tokens: Vec<Token>,
    /// A text or comment that is never closed.
    pub unclosed: Option<Finding>,
}

/// Splits `text`.
pub(super) fn tokens(text: &str) -> Tokens {
    let mut tokens: Vec<Token> = tokens::tokens(text).collect();
    let unclosed = unclosed(text, &tokens);
    tokens.retain(|token| !token.kind.is_trivia());
    Tokens { tokens, unclosed }
}

fn unclosed(text: &str, tokens: &[Token]) -> Option<Finding> {
    let last = tokens.last().filter(|last| !last.is_closed(text))?;
    match last.kind {
        SyntaxKind::BlockComment => {
            let span = last.span.start..last.span.start + 2;
            Some(Finding::new(span, "this comment is never closed").help("end it with `*/`"))
        }
        SyntaxKind::String => {
            // The quote that is missing is most likely that of the first text
            // that runs over a line's end.
            let culprit = tokens
                .iter()
                .find(|token| {
                    token.kind == SyntaxKind::String && text[token.span.clone()].contains('\n')
                })
                .unwrap_or(last);
            let line = text[culprit.span.clone()].lines().next();
            let length = line.map_or(1, |line| line.trim_end().len());
            let span = culprit.span.start..culprit.span.start + length;
            Some(Finding::new(span, "this text is never closed").help("end it with `\"`"))
        }
        _ => None,
    }
}
