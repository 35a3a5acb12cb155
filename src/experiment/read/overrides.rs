//! `--set key=value`: changes to an experiment from the command line.

use super::diagnostic::{Diagnostic, Report};
use super::finding::Finding;
use super::parse::parse_value;
use super::source::{Original, Piece, SourceText};
use super::tree::{Kind, Node, Segment, Span, segments};
use crate::experiment::nearest::nearest;

/// One change: a path and the RON value to put there.
///
/// The path is dotted, with `[i]` for elements of lists and the names of
/// variants left out at will: `optimizer.Sgd.momentum=0.8` and
/// `optimizer.momentum=0.8` are the same for a file that has `Sgd`. Fields that
/// the file does not have are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    argument: String,
    path: Vec<(Segment, Span)>,
    value_start: usize,
    written: Original,
}

impl Override {
    /// Reads an argument.
    ///
    /// # Errors
    /// No `=`, a path that is none, or a value that is not RON.
    pub fn parse(argument: &str) -> Result<Self, Report> {
        Self::parse_written(argument, Original::argument(argument))
    }

    /// As [`parse`](Self::parse), of an argument that is written somewhere.
    pub(super) fn parse_written(argument: &str, written: Original) -> Result<Self, Report> {
        let fail = |finding: Finding| Report::of(written.diagnose(finding));
        let Some(equals) = argument.find('=') else {
            let end = argument.len();
            return Err(fail(
                Finding::new(0..end, "there is no `=` in this change")
                    .help("write a field and its value: --set epochs=20"),
            ));
        };
        let key = argument[..equals].trim_end();
        let path = segments(key).filter(|path| !path.is_empty());
        let Some(path) = path else {
            return Err(fail(
                Finding::new(
                    0..equals.max(1),
                    format!("`{key}` is not the path of a field"),
                )
                .help("write fields with dots between them: --set optimizer.momentum=0.8"),
            ));
        };
        let after = &argument[equals + 1..];
        let value_start = argument.len() - after.trim_start().len();
        let value = &argument[value_start..];
        if value.trim().is_empty() {
            return Err(fail(Finding::new(
                equals..equals + 1,
                format!("`{key}` is given no value"),
            )));
        }
        let parsed = parse_value(value);
        if let Some(finding) = parsed.findings.into_iter().next() {
            let span = finding.span.start + value_start..finding.span.end + value_start;
            return Err(fail(Finding { span, ..finding }));
        }
        Ok(Self {
            argument: argument.to_owned(),
            path,
            value_start,
            written,
        })
    }

    /// Refuses a path that is given twice, in whatever way it is written.
    ///
    /// # Errors
    /// Where the second of two begins.
    pub fn each_once(set: &[Self]) -> Result<(), Report> {
        let twice = set.iter().enumerate().find(|(at, change)| {
            let mut before = set.iter().take(*at);
            before.any(|earlier| earlier.is_of_what(change))
        });
        let Some((_, change)) = twice else {
            return Ok(());
        };
        let key = change.argument.split('=').next().unwrap_or_default().trim();
        let finding = Finding::new(0..key.len().max(1), format!("`{key}` is set twice"))
            .help("write it once");
        Err(Report::of(change.written.diagnose(finding)))
    }

    /// Whether it changes what another one does, in whatever way that is written.
    #[must_use]
    pub fn is_of_what(&self, other: &Self) -> bool {
        let named = |change: &Self| -> Vec<Segment> {
            let segments = change.path.iter().map(|(segment, _)| segment);
            segments.filter(|s| !is_variant(s)).cloned().collect()
        };
        self.path == other.path || named(self) == named(other)
    }

    /// The field of the experiment that it changes, or a part of it.
    #[must_use]
    pub fn field(&self) -> &str {
        match self.path.first() {
            Some((Segment::Name(name), _)) => name,
            _ => "",
        }
    }

    /// A problem with it, where it is written.
    #[must_use]
    pub fn report(&self, message: impl Into<String>, help: impl Into<String>) -> Report {
        let key = self.path.last().map_or(0, |(_, span)| span.end);
        let finding = Finding::new(0..key.max(1), message).help(help);
        Report::of(self.written.diagnose(finding))
    }

    /// Makes the change in `source`, whose value is `root`. Only the value
    /// itself changes; comments stay.
    pub(super) fn apply(
        &self,
        source: &mut SourceText,
        root: &Node,
    ) -> Result<(), Box<Diagnostic>> {
        let original = source.add_argument(self.written.clone());
        let path: Vec<Segment> = self
            .path
            .iter()
            .map(|(segment, _)| segment.clone())
            .collect();
        let found = root.find(&path);
        let depth = path.len() - found.missing.len();
        let value = (
            self.argument[self.value_start..].trim_end().to_owned(),
            self.value_start,
        );
        if found.missing.is_empty() {
            let target = self.target(found.node);
            source.splice(target, vec![copied(original, value)]);
            return Ok(());
        }
        match self.insertion(found.node, depth, original, value, source.text()) {
            Ok((at, parts)) => {
                source.splice(at.field..at.field, parts);
                if let Some(comma) = at.comma {
                    source.splice(comma..comma, vec![(",".to_owned(), put(original, 0, ","))]);
                }
                Ok(())
            }
            Err(finding) => Err(Box::new(source.diagnose_in(original, finding))),
        }
    }

    /// What a path to an existing value replaces. A path that ends with the
    /// name of a variant means what the variant holds.
    fn target(&self, node: &Node) -> Span {
        let last = match self.path.last() {
            Some((Segment::Name(name), _)) => Some(name.as_str()),
            _ => None,
        };
        match &node.kind {
            Kind::Items(Some(name), items) if items.len() == 1 && last == Some(&name.text) => {
                items[0].span.clone()
            }
            _ => node.span.clone(),
        }
    }

    /// Where to put a value that the file does not have, and around what.
    fn insertion(
        &self,
        node: &Node,
        depth: usize,
        original: usize,
        value: (String, usize),
        text: &str,
    ) -> Result<(Point, Vec<(String, Piece)>), Finding> {
        let (first, place) = &self.path[depth];
        let Segment::Name(_) = first else {
            return Err(Finding::new(
                place.clone(),
                match &node.kind {
                    Kind::List(items) | Kind::Items(_, items) => {
                        format!(
                            "there is no such element: they count from 0 and there are {}",
                            items.len()
                        )
                    }
                    _ => "there is no list here".to_owned(),
                },
            )
            .help("set the whole list"));
        };
        // A map's entries have quoted names; everything else has fields.
        let quoted = matches!(node.kind, Kind::Map(_));
        let accepts = match &node.kind {
            Kind::Fields(..) | Kind::Map(_) => true,
            Kind::Items(_, items) => items.is_empty(),
            _ => false,
        };
        if !accepts || (is_variant(first) && !quoted) {
            return Err(self.refused(node, depth));
        }
        let glue = |text: &str| (text.to_owned(), put(original, place.start, text));
        let point = insertion_point(node, text);
        let mut parts = vec![glue(&point.before)];
        let mut closers = 0;
        for (i, (segment, span)) in self.path[depth..].iter().enumerate() {
            let Segment::Name(name) = segment else {
                return Err(
                    Finding::new(span.clone(), "there is no list here").help("set the whole list")
                );
            };
            let key = (name.clone(), span.start);
            let is_last = depth + i + 1 == self.path.len();
            if i == 0 && quoted || self.is_knob(depth + i) {
                parts.push(glue(if i == 0 { "\"" } else { "{\"" }));
                parts.push(copied(original, key));
                parts.push(glue("\": "));
                continue;
            }
            let variant = is_variant(segment);
            let follows_field = i == 0 || !is_variant(&self.path[depth + i - 1].0);
            if i > 0 && !(variant && follows_field) {
                parts.push(glue("("));
                closers += 1;
            }
            parts.push(copied(original, key));
            if !variant {
                parts.push(glue(": "));
            } else if is_last {
                parts.push(glue("("));
                closers += 1;
            }
        }
        parts.push(copied(original, value));
        parts.push(glue(&")".repeat(closers)));
        if depth == 0 && self.is_knob(1) {
            parts.push(glue("}"));
        }
        parts.retain(|(text, _)| !text.is_empty());
        Ok((point, parts))
    }

    /// Whether the segment is a knob's name, which is a key of a map.
    fn is_knob(&self, index: usize) -> bool {
        index == 1 && self.path[0].0 == Segment::Name("knobs".to_owned()) && self.path.len() > 1
    }

    /// Why a value cannot be put below `node`.
    fn refused(&self, node: &Node, depth: usize) -> Finding {
        let (segment, place) = &self.path[depth];
        let Segment::Name(name) = segment else {
            return Finding::new(place.clone(), "there is no list here");
        };
        let Some((_, last)) = self.path[..depth].last() else {
            let message = format!("`{name}` is not a field of the experiment");
            return Finding::new(place.clone(), message)
                .help("variants stand inside a field, such as optimizer.Sgd");
        };
        let above = &self.argument[..last.end];
        if let (Kind::List(_), _) | (_, None) = (&node.kind, node.name()) {
            let help = if matches!(node.kind, Kind::List(_)) {
                format!("its elements are {above}[0] and so on")
            } else {
                "set the value as a whole".to_owned()
            };
            return Finding::new(place.clone(), format!("`{above}` has no `{name}`")).help(help);
        }
        let written = node.name().unwrap_or_default();
        let message = format!("`{above}` is `{written}` in the file, which has no `{name}`");
        let near = nearest(name, [written]).map(ToOwned::to_owned);
        let help = match &near {
            Some(near) => format!("did you mean `{near}`?"),
            None if is_variant(segment) => {
                format!("set the whole value: --set '{above}={name}(…)'")
            }
            None => {
                format!("set the whole value, of which `{name}` is a part: --set '{above}=…'")
            }
        };
        Finding {
            nearest: near,
            ..Finding::new(place.clone(), message).help(help)
        }
    }
}

fn is_variant(segment: &Segment) -> bool {
    matches!(segment, Segment::Name(name) if name.starts_with(char::is_uppercase))
}

/// Where a new last field goes and what stands before it.
struct Point {
    field: usize,
    before: String,
    /// Where the field before it still needs a comma.
    comma: Option<usize>,
}

/// Right after the last field and the comment on its line.
fn insertion_point(node: &Node, text: &str) -> Point {
    let last = match &node.kind {
        Kind::Fields(_, fields) => fields
            .last()
            .map(|field| (field.name.span.start, field.value.span.end)),
        Kind::Map(entries) => entries
            .last()
            .map(|(key, value)| (key.span.start, value.span.end)),
        _ => None,
    };
    let Some((start, end)) = last else {
        return Point {
            field: node.span.end - 1,
            before: String::new(),
            comma: None,
        };
    };
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let before = &text[line..start];
    let indent = if before.trim().is_empty() && line > 0 {
        format!("\n{before}")
    } else {
        " ".to_owned()
    };
    let comma = end + trivia(&text[end..]);
    let (comma, after) = if text[comma..].starts_with(',') {
        (None, comma + 1)
    } else {
        (Some(end), end)
    };
    Point {
        field: after + comment_on_line(&text[after..]),
        before: indent,
        comma,
    }
}

/// Length of the line comment that ends the line a text starts in, with the
/// blanks before it; 0 if there is none.
fn comment_on_line(text: &str) -> usize {
    let line = text.lines().next().unwrap_or_default();
    if line.trim_start().starts_with("//") {
        line.trim_end().len()
    } else {
        0
    }
}

/// Length of the blanks and comments a text starts with.
fn trivia(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let end = if rest.starts_with("//") {
            rest.find('\n')
        } else if rest.starts_with("/*") {
            rest.find("*/").map(|at| at + 2)
        } else {
            None
        };
        match end {
            Some(end) => rest = &rest[end..],
            None => return text.len() - rest.len(),
        }
    }
}

fn copied(original: usize, (text, start): (String, usize)) -> (String, Piece) {
    let piece = Piece {
        length: text.len(),
        original,
        start,
        copied: true,
    };
    (text, piece)
}

fn put(original: usize, start: usize, text: &str) -> Piece {
    Piece {
        length: text.len(),
        original,
        start,
        copied: false,
    }
}
