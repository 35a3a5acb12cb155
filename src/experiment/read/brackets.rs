//! Whether brackets match, looked at before anything else: most of what is wrong
//! after one that is not closed only follows from it.

use ronin_core::SyntaxKind;

use super::finding::Finding;
use super::tree::Span;
use crate::experiment::tokens::Token;

/// A bracket without its counterpart.
pub(super) struct Unmatched {
    /// From here on nothing can be said.
    pub start: usize,
    pub finding: Finding,
}

/// An open bracket.
struct Open {
    span: Span,
    closer: SyntaxKind,
    /// Blanks before its line.
    indent: usize,
}

/// The first bracket that has no counterpart. What follows the end of the
/// experiment is not looked at.
pub(super) fn unmatched(text: &str, tokens: &[Token]) -> Option<Unmatched> {
    let mut open: Vec<Open> = Vec::new();
    let mut suspect = None;
    for token in tokens {
        match token.kind {
            SyntaxKind::LParen | SyntaxKind::LBracket | SyntaxKind::LBrace => open.push(Open {
                span: token.span.clone(),
                closer: counterpart(token.kind),
                indent: indent(text, token.span.start),
            }),
            SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace => {
                let closed = open.pop()?;
                if closed.closer == token.kind {
                    // A bracket that begins a line closes what began one as deep.
                    let begins = starts_line(text, token.span.start);
                    if begins && indent(text, token.span.start) < closed.indent {
                        suspect.get_or_insert(closed);
                    }
                } else if open.iter().any(|outer| outer.closer == token.kind) {
                    return Some(never_closed(text, &closed, Some(&token.span)));
                } else {
                    return Some(closes_nothing(text, token.span.clone()));
                }
            }
            _ => {}
        }
    }
    // The innermost is the last that was opened; but where a line's indentation
    // shows another one, that is it.
    let left = open.pop()?;
    Some(never_closed(text, &suspect.unwrap_or(left), None))
}

fn never_closed(text: &str, open: &Open, instead: Option<&Span>) -> Unmatched {
    let bracket = &text[open.span.clone()];
    let closer = written(open.closer);
    let message = match instead {
        Some(span) => format!(
            "this `{bracket}` is not closed before the `{}` of line {}",
            &text[span.clone()],
            1 + text[..span.start].matches('\n').count()
        ),
        None => format!("this `{bracket}` is never closed"),
    };
    Unmatched {
        start: open.span.start,
        finding: Finding::new(open.span.clone(), message)
            .help(format!("add `{closer}`"))
            .leading(),
    }
}

fn closes_nothing(text: &str, span: Span) -> Unmatched {
    let message = format!("this `{}` closes nothing", &text[span.clone()]);
    Unmatched {
        start: span.start,
        finding: Finding::new(span, message)
            .help("it is one too many, here or above")
            .leading(),
    }
}

/// The bracket that closes one.
fn counterpart(kind: SyntaxKind) -> SyntaxKind {
    match kind {
        SyntaxKind::LParen => SyntaxKind::RParen,
        SyntaxKind::LBracket => SyntaxKind::RBracket,
        _ => SyntaxKind::RBrace,
    }
}

/// A closing bracket as it is written.
pub(super) fn written(closer: SyntaxKind) -> &'static str {
    match closer {
        SyntaxKind::RParen => ")",
        SyntaxKind::RBracket => "]",
        _ => "}",
    }
}

/// The line of a place, up to it.
fn before(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    &text[start..at]
}

fn starts_line(text: &str, at: usize) -> bool {
    before(text, at).trim_start().is_empty()
}

fn indent(text: &str, at: usize) -> usize {
    let before = before(text, at);
    before.len() - before.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokens;
    use super::*;

    /// Place and message of the bracket without a counterpart.
    fn problem(text: &str) -> Option<(usize, String)> {
        let found = unmatched(text, &tokens(text).tokens)?;
        Some((found.start, found.finding.message))
    }

    #[test]
    fn brackets_that_match_are_passed_over_in_texts_and_comments_too() {
        assert_eq!(problem("A(a: [1, {\"]\": 2}], /* ( */ b: ())"), None);
        // That is reported as what follows the experiment.
        assert_eq!(problem("A())"), None);
    }

    #[test]
    fn the_bracket_that_is_not_closed_is_found_and_the_line_of_the_other_named() {
        let (at, message) = problem("A(\n  a: [1, 2\n  b: 3,\n)").unwrap();
        assert_eq!(at, 8);
        assert_eq!(message, "this `[` is not closed before the `)` of line 4");
        let (at, message) = problem("A(a: [1)").unwrap();
        assert_eq!(
            (at, message.as_str()),
            (5, "this `[` is not closed before the `)` of line 1")
        );
    }

    #[test]
    fn a_bracket_that_closes_nothing_is_reported_where_it_stands() {
        let (at, message) = problem("A(a: 1], b: 2)").unwrap();
        assert_eq!((at, message.as_str()), (6, "this `]` closes nothing"));
    }

    #[test]
    fn indentation_shows_which_of_two_brackets_is_not_closed() {
        let never = "this `(` is never closed".to_owned();
        let text = "A(\n  a: (\n    b: C(1),\n  d: 2,\n)\n";
        assert_eq!(problem(text), Some((8, never.clone())));
        assert_eq!(problem("A(\n  a: (b: 1),\n"), Some((1, never)));
    }
}
