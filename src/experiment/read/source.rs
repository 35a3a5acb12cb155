//! A text in pieces that remember where they come from, so that an error made
//! in a `--set` argument is shown in the argument and one in the file in the
//! file, at its own line.

use std::path::Path;

use super::diagnostic::{Diagnostic, MAX_HELP, MAX_MESSAGE, Place};
use super::finding::Finding;
use super::tree::Span;
use crate::format::shorten;

/// The origin that is shown for arguments.
const ARGUMENT: &str = "--set";

/// A text put together from a file, or a part of one, and arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    text: String,
    pieces: Vec<Piece>,
    originals: Vec<Original>,
}

/// A text of which parts are taken, and where a person wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Original {
    /// What places in it are shown by.
    name: String,
    /// Where it stands: the text itself, or what surrounds it.
    text: String,
    /// From where in it on it stands where there.
    pieces: Vec<(usize, usize)>,
}

impl Original {
    /// A file, or all of a text.
    pub fn whole(name: String, text: String) -> Self {
        Self {
            name,
            text,
            pieces: Vec::new(),
        }
    }

    /// An argument of `--set`.
    pub fn argument(text: &str) -> Self {
        Self::whole(ARGUMENT.to_owned(), text.to_owned())
    }

    /// Put together from parts of a file: from where on it stands where there.
    pub fn part(name: String, text: String, pieces: &[(usize, usize)]) -> Self {
        Self {
            name,
            text,
            pieces: pieces.to_vec(),
        }
    }

    /// A finding in it with its place in what a person wrote.
    pub fn diagnose(&self, finding: Finding) -> Diagnostic {
        let Span { start, end } = finding.span;
        let piece = self.pieces.iter().rev().find(|(from, _)| *from <= start);
        let (from, there) = piece.copied().unwrap_or_default();
        let span = start - from + there..end - from + there;
        Diagnostic {
            severity: finding.severity,
            message: shorten(&finding.message, MAX_MESSAGE),
            place: Some(Place::new(&self.name, &self.text, span)),
            help: finding.help.map(|help| shorten(&help, MAX_HELP)),
            nearest: finding.nearest,
        }
    }
}

/// A run of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub length: usize,
    /// 0 is the file, k the kth argument.
    pub original: usize,
    /// Where it starts in its original.
    pub start: usize,
    /// Whether it is a copy; otherwise it was put in on behalf of `start`.
    pub copied: bool,
}

impl SourceText {
    /// The text of a file at `origin`, which need not exist.
    #[must_use]
    pub fn new(origin: &Path, text: String) -> Self {
        let name = origin.to_string_lossy().into_owned();
        Self::of(Original::whole(name, text.clone()), text)
    }

    /// A text that stands in an original.
    pub(super) fn of(original: Original, text: String) -> Self {
        Self {
            pieces: vec![Piece {
                length: text.len(),
                original: 0,
                start: 0,
                copied: true,
            }],
            originals: vec![original],
            text,
        }
    }

    /// The text as it stands.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Makes an argument known and returns its number.
    pub(super) fn add_argument(&mut self, argument: Original) -> usize {
        self.originals.push(argument);
        self.originals.len() - 1
    }

    /// Replaces `span` by `parts`, texts with their origins.
    pub(super) fn splice(&mut self, span: Span, parts: Vec<(String, Piece)>) {
        let mut pieces = Vec::with_capacity(self.pieces.len() + parts.len() + 1);
        let mut start = 0;
        let mut parts = Some(parts);
        let mut inserted = String::new();
        let mut insert = |pieces: &mut Vec<Piece>| {
            for (text, piece) in parts.take().into_iter().flatten() {
                inserted.push_str(&text);
                pieces.push(piece);
            }
        };
        for piece in &self.pieces {
            let end = start + piece.length;
            let keep_before = span.start.clamp(start, end) - start;
            let skip = span.end.clamp(start, end) - start;
            if keep_before > 0 {
                pieces.push(Piece {
                    length: keep_before,
                    ..piece.clone()
                });
            }
            if span.start < end {
                insert(&mut pieces);
            }
            if skip < piece.length {
                pieces.push(Piece {
                    length: piece.length - skip,
                    start: piece.start + if piece.copied { skip } else { 0 },
                    ..piece.clone()
                });
            }
            start = end;
        }
        insert(&mut pieces);
        self.text.replace_range(span, &inserted);
        self.pieces = pieces;
    }

    /// A finding with its place in what a person wrote.
    pub(super) fn diagnose(&self, finding: Finding) -> Diagnostic {
        let (original, span) = self.locate(&finding.span);
        self.diagnose_in(original, Finding { span, ..finding })
    }

    /// A finding in an original.
    pub(super) fn diagnose_in(&self, original: usize, finding: Finding) -> Diagnostic {
        self.originals[original].diagnose(finding)
    }

    /// Which original a span of the text comes from, and from where in it. A
    /// span over several pieces is cut to the first that is a copy.
    fn locate(&self, span: &Span) -> (usize, Span) {
        let mut start = 0;
        let mut put_in = None;
        for piece in &self.pieces {
            let end = start + piece.length;
            let touches = span.start < end || (span.start == end && span.is_empty());
            let beyond = start >= span.end && !(span.is_empty() && start == span.start);
            if beyond {
                break;
            }
            if touches && piece.copied {
                let from = piece.start + span.start.saturating_sub(start);
                let to = piece.start + span.end.min(end) - start;
                return (piece.original, from..to.max(from));
            }
            if touches && put_in.is_none() {
                put_in = Some((piece.original, piece.start..piece.start + 1));
            }
            start = end;
        }
        let of_file = self.pieces.iter().filter(|piece| piece.original == 0);
        let last = of_file.map(|piece| piece.start + piece.length).max();
        let last = last.unwrap_or_default();
        put_in.unwrap_or((0, last..last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceText {
        SourceText::new(Path::new("a.ron"), text.to_owned())
    }

    fn put(text: &str, start: usize) -> (String, Piece) {
        let piece = Piece {
            length: text.len(),
            original: 1,
            start,
            copied: true,
        };
        (text.to_owned(), piece)
    }

    #[test]
    fn a_place_after_a_splice_keeps_its_own_line_and_column() {
        let mut source = file("(a: 1,\n b: 2)");
        source.add_argument(Original::argument("a=\n\n100"));
        source.splice(4..5, vec![put("\n\n100", 2)]);
        assert_eq!(source.text(), "(a: \n\n100,\n b: 2)");
        let at = source.text().find('2').unwrap();
        let place = source
            .diagnose(Finding::new(at..at + 1, "two"))
            .place
            .unwrap();
        assert_eq!(
            (place.origin.as_str(), place.line, place.column),
            ("a.ron", 2, 5)
        );
    }

    #[test]
    fn a_place_inside_a_splice_is_shown_in_its_argument() {
        let mut source = file("(a: 1)");
        source.add_argument(Original::argument("a=xyz"));
        source.splice(4..5, vec![put("xyz", 2)]);
        let place = source.diagnose(Finding::new(5..7, "yz")).place.unwrap();
        assert_eq!(
            (place.origin.as_str(), place.column, place.width),
            ("--set", 4, 2)
        );
    }

    #[test]
    fn a_place_inside_an_argument_of_a_file_is_shown_in_that_file() {
        let study = "(\n  set: [\"a=xyz\"],\n)".to_owned();
        let start = study.find("a=").unwrap();
        let mut source = file("(a: 1)");
        source.add_argument(Original::part("study.ron".to_owned(), study, &[(0, start)]));
        source.splice(4..5, vec![put("xyz", 2)]);
        let place = source.diagnose(Finding::new(5..7, "yz")).place.unwrap();
        assert_eq!(
            (place.origin.as_str(), place.line, place.column),
            ("study.ron", 2, 13)
        );
    }

    #[test]
    fn a_splice_at_either_end_keeps_every_byte_accounted_for() {
        let mut source = file("abc");
        source.add_argument(Original::argument("xy"));
        source.splice(0..0, vec![put("x", 0)]);
        source.splice(4..4, vec![put("y", 1)]);
        assert_eq!(source.text(), "xabcy");
        assert_eq!(source.locate(&(0..1)), (1, 0..1));
        assert_eq!(source.locate(&(1..4)), (0, 0..3));
        assert_eq!(source.locate(&(4..5)), (1, 1..2));
    }
}
