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
    let mut lines = Lines::of(text);
    let mut suspect = None;
    for token in tokens {
        match token.kind {
            SyntaxKind::LParen | SyntaxKind::LBracket | SyntaxKind::LBrace => open.push(Open {
                span: token.span.clone(),
                closer: counterpart(token.kind),
                indent: lines.indent(token.span.start),
            }),
            SyntaxKind::RParen | SyntaxKind::RBracket | SyntaxKind::RBrace => {
                let closed = open.pop()?;
                if closed.closer == token.kind {
                    // A bracket that begins a line closes what began one as deep.
                    let at = token.span.start;
                    if lines.starts(at) && lines.indent(at) < closed.indent {
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

/// The lines of a text, gone through once.
struct Lines<'t> {
    text: &'t str,
    /// Where the line of the place asked for last starts.
    start: usize,
    /// Where what is written on it starts.
    written: usize,
    /// Where the next one starts.
    next: usize,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let mut lines = Self {
            text,
            start: 0,
            written: 0,
            next: 0,
        };
        lines.go_on();
        lines
    }

    fn go_on(&mut self) {
        let line = self.text[self.next..].split_inclusive('\n').next();
        let line = line.unwrap_or_default();
        self.start = self.next;
        self.written = self.start + line.len() - line.trim_start().len();
        self.next += line.len();
    }

    /// Blanks before what the line of a place holds, up to the place. Places come
    /// in their order.
    fn indent(&mut self, at: usize) -> usize {
        while self.next <= at && self.next < self.text.len() {
            self.go_on();
        }
        self.written.min(at) - self.start
    }

    /// Whether a place is the first on its line that is not blank.
    fn starts(&mut self, at: usize) -> bool {
        self.indent(at) == at - self.start
    }
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
