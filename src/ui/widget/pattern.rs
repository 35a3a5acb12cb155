//! A text that is looked for in other texts.

use regex::{Regex, RegexBuilder};

/// A regular expression, or a text that is none and is looked for as it is.
/// Capital and small letters are alike.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// The pattern of what a person wrote; none of blanks.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let built = |pattern: &str| RegexBuilder::new(pattern).case_insensitive(true).build();
        let regex = built(text).or_else(|_| built(&regex::escape(text))).ok()?;
        Some(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// What was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is found in a text.
    #[must_use]
    pub fn finds(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_one_and_what_is_none_is_looked_for_as_it_stands() {
        let finds = |pattern: &str, text: &str| Pattern::new(pattern).unwrap().finds(text);
        assert!(finds("cat|dog", "a/Dog/1.png") && !finds("cat|dog", "bird"));
        assert!(finds("a[", "x/a[1].png") && !finds("a[", "x/a1.png"));
        assert!(Pattern::new("  ").is_none());
    }
}
