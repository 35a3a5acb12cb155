//! Where a new line begins, and where a closing bracket goes.

use super::tokens::{Kind, Token};

/// Blanks of one level.
pub const STEP: usize = 4;

/// What is put in at the cursor `at` (bytes) by a line break, and how many
/// bytes of it lie before the cursor afterwards.
#[must_use]
pub fn line_break(text: &str, at: usize) -> (String, usize) {
    let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[line..at];
    let blanks: String = before.chars().take_while(|letter| *letter == ' ').collect();
    let opens = before.trim_end().ends_with(['(', '[', '{']) && !before.contains("//");
    if !opens {
        let text = format!("\n{blanks}");
        let length = text.len();
        return (text, length);
    }
    let inner = format!("\n{blanks}{}", " ".repeat(STEP));
    let length = inner.len();
    let closes = text[at..]
        .trim_start_matches(' ')
        .starts_with([')', ']', '}']);
    let rest = if closes {
        format!("\n{blanks}")
    } else {
        String::new()
    };
    (inner + &rest, length)
}

/// How many blanks are to go before a closing bracket that is typed at `at`:
/// on a line that is blank so far, it stands below the line that it closes.
#[must_use]
pub fn before_closer(text: &str, tokens: &[Token], at: usize) -> Option<usize> {
    let line = text[..at].rfind('\n')? + 1;
    if !text[line..at].bytes().all(|byte| byte == b' ') {
        return None;
    }
    let mut depth = 0_usize;
    let before = tokens.partition_point(|token| token.span.end <= at);
    let opener = tokens[..before]
        .iter()
        .rev()
        .find(|token| match token.kind {
            Kind::Close => {
                depth += 1;
                false
            }
            Kind::Open if depth == 0 => true,
            Kind::Open => {
                depth -= 1;
                false
            }
            _ => false,
        })?;
    let above = text[..opener.span.start]
        .rfind('\n')
        .map_or(0, |end| end + 1);
    let wanted = text[above..]
        .bytes()
        .take_while(|byte| *byte == b' ')
        .count();
    (at - line).checked_sub(wanted).filter(|extra| *extra > 0)
}

/// The bracket at the cursor or before it, and the one that it belongs to.
#[must_use]
pub fn matching(text: &str, tokens: &[Token], at: usize) -> Option<(usize, usize)> {
    let is_bracket = |token: &&Token| matches!(token.kind, Kind::Open | Kind::Close);
    let on = tokens
        .iter()
        .filter(is_bracket)
        .find(|token| token.span.start == at);
    let before = || {
        tokens
            .iter()
            .filter(is_bracket)
            .find(|token| token.span.end == at)
    };
    let from = on.or_else(before)?;
    let mut open: Vec<&Token> = Vec::new();
    for token in tokens.iter().filter(is_bracket) {
        if token.kind == Kind::Open {
            open.push(token);
        } else if let Some(opener) = open.pop() {
            let pair = [&text[opener.span.clone()], &text[token.span.clone()]];
            let fits = matches!(pair, ["(", ")"] | ["[", "]"] | ["{", "}"]);
            if opener == from || token == from {
                return fits.then_some((opener.span.start, token.span.start));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::screens::experiments::editor::tokens::tokens;

    #[test]
    fn a_line_begins_where_the_one_above_did_and_deeper_behind_a_bracket() {
        assert_eq!(line_break("  a,", 4), ("\n  ".to_owned(), 3));
        assert_eq!(line_break("  a(", 4), ("\n      ".to_owned(), 7));
        assert_eq!(line_break("  a()", 4), ("\n      \n  ".to_owned(), 7));
        assert_eq!(line_break("// see (", 8), ("\n".to_owned(), 1));
    }

    #[test]
    fn a_closing_bracket_goes_below_the_line_that_it_closes() {
        let text = "a(\n    b(1),\n    ";
        assert_eq!(before_closer(text, &tokens(text), text.len()), Some(4));
        let text = "  a(\n    b";
        assert_eq!(before_closer(text, &tokens(text), text.len()), None);
    }

    #[test]
    fn brackets_find_each_other_and_wrong_ones_find_nothing() {
        let text = "a([1], \")\")";
        let found = |at| matching(text, &tokens(text), at);
        assert_eq!(found(1), Some((1, 10)));
        assert_eq!(found(11), Some((1, 10)));
        assert_eq!(found(3), Some((2, 4)));
        assert_eq!(found(8), None);
        let text = "(]";
        assert_eq!(matching(text, &tokens(text), 0), None);
    }
}
