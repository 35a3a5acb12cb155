//! Rows of a label and a text, wrapped.

use serde::Serialize;

use crate::untrusted::Show as _;

/// Columns of a terminal that is not wide.
const WIDTH: usize = 80;

/// Columns of a label with its indent.
const LABEL: usize = 17;

/// A page of text.
#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    pub fn heading(&mut self, title: &str) {
        self.line("");
        self.line(title);
    }

    /// A label and its text; long texts continue below themselves. Line breaks in it are
    /// of names that it holds.
    pub fn row(&mut self, label: &str, text: &str) {
        let text = text.shown().to_string();
        let mut line = format!("  {label}");
        let pad = LABEL.saturating_sub(line.chars().count()).max(1);
        line.push_str(&" ".repeat(pad));
        let mut column = line.chars().count();
        let mut fresh = true;
        for word in text.split(' ') {
            let length = word.chars().count();
            if !fresh && column + 1 + length > WIDTH {
                self.line(&line);
                line = " ".repeat(LABEL);
                column = LABEL;
                fresh = true;
            }
            if !fresh {
                line.push(' ');
                column += 1;
            }
            line.push_str(word);
            column += length;
            fresh = false;
        }
        self.line(&line);
    }

    pub fn finish(self) -> String {
        self.text
    }
}

/// A value as it would be written in an experiment file, on one line.
pub(super) fn written<T: Serialize>(value: &T) -> String {
    let config = ron::ser::PrettyConfig::new()
        .depth_limit(0)
        .extensions(ron::extensions::Extensions::UNWRAP_VARIANT_NEWTYPES);
    let text = ron::Options::default()
        .with_default_extension(ron::extensions::Extensions::UNWRAP_VARIANT_NEWTYPES)
        .to_string_pretty(value, config);
    text.unwrap_or_else(|error| format!("({error})"))
}
