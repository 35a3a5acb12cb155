//! The tokens of a RON text, and what swallows the rest of it.

use ronin_core::{ParseOptions, SyntaxKind};

use super::finding::Finding;
use super::tree::Span;

/// A token and its place.
pub(super) struct Token {
    pub kind: SyntaxKind,
    pub span: Span,
}

/// The tokens of a text, without blanks and comments.
pub(super) struct Tokens {
    pub tokens: Vec<Token>,
    /// A text or comment that is never closed.
    pub unclosed: Option<Finding>,
}

/// Splits `text`. `max_depth` keeps `ronin-core` from descending further; its
/// tree is not used.
pub(super) fn tokens(text: &str, max_depth: usize) -> Tokens {
    let options = ParseOptions::default().with_max_depth(max_depth);
    let mut tokens: Vec<Token> = ronin_core::parse_with_options(text, options)
        .root()
        .descendant_tokens()
        .map(|token| Token {
            kind: token.kind(),
            span: token.text_range().start()..token.text_range().end(),
        })
        .collect();
    let unclosed = unclosed(text, &tokens);
    tokens.retain(|token| !token.kind.is_trivia());
    Tokens { tokens, unclosed }
}

fn unclosed(text: &str, tokens: &[Token]) -> Option<Finding> {
    let last = tokens.last()?;
    let written = &text[last.span.clone()];
    match last.kind {
        SyntaxKind::BlockComment if written.len() < 4 || !written.ends_with("*/") => {
            let span = last.span.start..last.span.start + 2;
            Some(Finding::new(span, "this comment is never closed").help("end it with `*/`"))
        }
        SyntaxKind::String if !is_closed(written) => {
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

/// Whether a text token ends with a quote that is not escaped.
fn is_closed(token: &str) -> bool {
    let Some(inner) = token.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return false;
    };
    inner.chars().rev().take_while(|&c| c == '\\').count() % 2 == 0
}
