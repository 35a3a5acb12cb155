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

/// The beginning of a picture of this width and height with a title, which its content as text
/// describes; it ends with `</svg>`.
pub(super) fn beginning(
    (width, height): (f64, f64),
    style: &str,
    title: &str,
    description: &str,
) -> String {
    let lines: Vec<String> = description.lines().map(escaped).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title desc\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"12\">\n<title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n\
         <style>{style}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n",
        escaped(title),
        lines.join("\n"),
    )
}

/// A text as it stands in HTML and XML, between tags and in quotes.
pub(super) fn escaped(text: &str) -> String {
    clean_line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
