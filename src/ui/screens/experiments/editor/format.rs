//! Laying a text out anew: indentation, blanks, commas. What was broken over
//! lines gets a line for each of its values, what was on one line stays there.
//! Comments, order and values stay, and comments stay with what they are about;
//! whatever else came out would be refused.

use std::path::Path;

use super::indent::STEP;
use super::tokens::{Kind, Token, tokens};
use crate::experiment::read_spec;

/// The text, laid out.
///
/// # Errors
/// Why it stays as it is.
pub fn formatted(text: &str, path: &Path) -> Result<String, String> {
    let Ok(before) = read_spec(text, path) else {
        return Err("fix the errors before formatting".to_owned());
    };
    let new = Layout::of(text, &tokens(text));
    let same = read_spec(&new, path).is_ok_and(|after| after == before);
    if same && meaning(text) == meaning(&new) {
        Ok(new)
    } else {
        Err("formatting would change its meaning; left unchanged".to_owned())
    }
}

/// What must not change: every token but commas, which may follow a last value
/// or not.
fn meaning(text: &str) -> Vec<&str> {
    let tokens = tokens(text);
    let kept = tokens.iter().filter(|token| token.kind != Kind::Comma);
    kept.map(|token| text[token.span.clone()].trim_end())
        .collect()
}

/// A text while it is formatted.
struct Layout<'t> {
    text: &'t str,
    out: String,
    /// Open brackets: whether each is broken over lines.
    open: Vec<bool>,
    /// The last token that is no comment, and where it ends in `out`.
    last: Option<(Kind, usize)>,
    /// The last token.
    before: Option<&'t Token>,
}

impl<'t> Layout<'t> {
    fn of(text: &'t str, tokens: &'t [Token]) -> String {
        let mut layout = Self {
            text,
            out: String::with_capacity(text.len()),
            open: Vec::new(),
            last: None,
            before: None,
        };
        for (number, token) in tokens.iter().enumerate() {
            layout.take(token, &tokens[number..]);
        }
        layout.out.push('\n');
        layout.out
    }

    /// Puts in the first token of `rest`.
    fn take(&mut self, token: &'t Token, rest: &[Token]) {
        match token.kind {
            Kind::Comment => self.comment(token),
            Kind::Comma => self.comma(),
            Kind::Close => self.close(token),
            _ => {
                self.gap(token);
                self.out.push_str(&self.text[token.span.clone()]);
                if token.kind == Kind::Open {
                    self.open.push(self.is_broken(rest));
                }
                self.last = Some((token.kind, self.out.len()));
            }
        }
        self.before = Some(token);
    }

    /// Whether the bracket that `rest` begins with is closed on another line.
    fn is_broken(&self, rest: &[Token]) -> bool {
        let mut depth = 0_usize;
        let closer = rest.iter().find(|token| {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let end = closer.map_or(self.text.len(), |token| token.span.start);
        self.text[rest[0].span.start..end].contains('\n')
    }

    /// Lines that a token was below the one before it.
    fn lines(&self, token: &Token) -> usize {
        let end = self.before.map_or(0, |before| before.span.end);
        self.text[end..token.span.start].matches('\n').count()
    }

    /// What goes before a value, a name, a colon or an open bracket.
    fn gap(&mut self, token: &Token) {
        let Some((last, _)) = self.last else {
            if self.before.is_some() {
                self.new_line(token);
            }
            return;
        };
        let broken = self.open.last().copied().unwrap_or(true);
        let after_comment = self
            .before
            .is_some_and(|before| before.kind == Kind::Comment);
        let begins = match last {
            Kind::Open | Kind::Comma => true,
            _ => self.open.is_empty() && self.lines(token) > 0,
        };
        let glued = self
            .before
            .is_some_and(|before| before.span.end == token.span.start);
        let together = token.kind == Kind::Colon
            || last == Kind::Open
            || (token.kind == Kind::Open && matches!(last, Kind::Name | Kind::Word))
            || (glued && (token.kind == Kind::Other || last == Kind::Other));
        if broken && (begins || after_comment) {
            self.new_line(token);
        } else if !together {
            self.out.push(' ');
        }
    }

    /// Begins a line; one blank line above it is kept, but not at the beginning
    /// of a bracket.
    fn new_line(&mut self, token: &Token) {
        let first = self.before.is_some_and(|before| before.kind == Kind::Open);
        self.out.push('\n');
        if self.lines(token) > 1 && !first {
            self.out.push('\n');
        }
        self.out.push_str(&" ".repeat(STEP * self.open.len()));
    }

    fn comment(&mut self, token: &Token) {
        if self.before.is_some() {
            if self.lines(token) > 0 {
                self.new_line(token);
            } else {
                self.out.push(' ');
            }
        }
        self.out.push_str(self.text[token.span.clone()].trim_end());
    }

    /// A comma goes behind the value, even if a comment is between them.
    fn comma(&mut self) {
        if let Some((_, end)) = self.last {
            self.out.insert(end, ',');
            self.last = Some((Kind::Comma, end + 1));
        }
    }

    fn close(&mut self, token: &Token) {
        let broken = self.open.pop().unwrap_or(false);
        match self.last {
            Some((Kind::Comma, end)) if !broken => _ = self.out.remove(end - 1),
            Some((Kind::Comma | Kind::Open, _)) => {}
            Some(_) if broken => self.comma(),
            _ => {}
        }
        if broken {
            self.out.push('\n');
            self.out.push_str(&" ".repeat(STEP * self.open.len()));
        }
        self.out.push_str(&self.text[token.span.clone()]);
        self.last = Some((Kind::Close, self.out.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIDY: [&str; 5] = [
        include_str!("../../../../../experiments/quickstart.ron"),
        include_str!("../../../../../experiments/cifar10-adaptive.ron"),
        include_str!("../../../../../experiments/cifar10-combined.ron"),
        include_str!("../../../../../experiments/folder-template.ron"),
        include_str!("../template.ron"),
    ];

    fn format(text: &str) -> Result<String, String> {
        formatted(text, Path::new("a.ron"))
    }

    #[test]
    fn what_is_tidy_stays_as_it_is() {
        for text in TIDY {
            assert_eq!(format(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_was_untidied_is_tidy_again() {
        let untidy: String = TIDY[0]
            .lines()
            .flat_map(|line| {
                if line.trim_start().starts_with("//") {
                    [line.to_owned(), "\n".to_owned()]
                } else {
                    [
                        line.replace("    ", "\t ").replace(": ", " :"),
                        "  \n".to_owned(),
                    ]
                }
            })
            .collect();
        let tidy = format(&untidy).unwrap();
        assert_ne!(untidy, TIDY[0]);
        assert_eq!(tidy, TIDY[0]);
    }

    #[test]
    fn commas_follow_last_values_on_lines_of_their_own_and_comments_stay_behind() {
        let text = "Experiment(data:(train:Shapes(count:9,), // images\n), \
                    student:(model:Cnn(channels:[4,])), method:Scratch(),\n epochs:3 // few\n)";
        let expected = "Experiment(\n    data: (\n        train: Shapes(count: 9), // images\n    ),\n    \
                        student: (model: Cnn(channels: [4])),\n    method: Scratch(),\n    \
                        epochs: 3, // few\n)\n";
        assert_eq!(format(text).as_deref(), Ok(expected));
    }

    #[test]
    fn a_text_with_errors_is_refused() {
        assert!(format("Experiment(").is_err());
        assert!(format("Experiment(epochs: 3)").is_err());
    }
}
