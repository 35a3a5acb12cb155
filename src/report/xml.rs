//! Parts of pictures that are written as SVG.

use std::fmt::Write as _;

use crate::untrusted::clean_line;

/// A line of this class.
pub(super) fn line(out: &mut String, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(
        out,
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

/// A text of this class, which begins here unless more attributes say otherwise.
pub(super) fn text(out: &mut String, (x, y): (f64, f64), class: &str, more: &str, words: &str) {
    let _ = writeln!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" {more}>{}</text>",
        escaped(words)
    );
}

/// A text as it stands in HTML and XML, between tags and in quotes.
pub(super) fn escaped(text: &str) -> String {
    clean_line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
