//! What is wrong, where, and what to do: data for screens, text for people.

use std::fmt;

use super::tree::Span;
use crate::format::plural;
use crate::untrusted::text::{clean_line, is_active};

/// Longer lines are kept and shown around the place only.
const MAX_LINE: usize = 100;

/// More errors are counted, not listed: nobody reads them, and a text of nothing
/// but errors would take a thousand times its size.
pub(super) const MAX_DIAGNOSTICS: usize = 100;

/// Characters of a message, which may quote what was written.
pub(super) const MAX_MESSAGE: usize = 400;

/// Characters of a help, which may list every known name.
pub(super) const MAX_HELP: usize = 4000;

/// Columns of a help, after its label.
const HELP_WIDTH: usize = 68;

/// How bad it is. Neither kind of experiment can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The text is wrong.
    Error,
    /// The text is right, and a file or folder that it names is not there.
    Missing,
}

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named, or `--set`.
    pub origin: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Bytes of the text.
    pub span: std::ops::Range<usize>,
    /// The line without its end; of a long one the part around the place.
    pub source_line: String,
    /// Characters of the line before that part.
    pub skipped: usize,
    /// Characters to underline, at least one.
    pub width: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, with the value and what was expected.
    pub message: String,
    /// Where; none for a file that cannot be read.
    pub place: Option<Place>,
    /// What to do about it.
    pub help: Option<String>,
    /// The known name that was probably meant.
    pub nearest: Option<String>,
}

/// Everything that is wrong with an experiment, in the order of its text; a
/// bracket without its counterpart comes first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Report {
    /// What is wrong, at least one.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there are.
    pub more: usize,
}

impl Place {
    /// The place of `span` in `text`.
    pub(super) fn new(origin: &str, text: &str, span: Span) -> Self {
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let on_line = end.min(line_end);
        let column = 1 + text[line_start..start].chars().count();
        let line = text[line_start..line_end].trim_end_matches('\r');
        // A character has at least one byte, so a short line is not counted.
        let is_long = line.len() > MAX_LINE && line.chars().count() > MAX_LINE;
        let skipped = if is_long {
            column.saturating_sub(1 + MAX_LINE / 2)
        } else {
            0
        };
        Self {
            origin: origin.to_owned(),
            line: 1 + text[..start].matches('\n').count(),
            column,
            width: text[start..on_line.max(start)].chars().count().max(1),
            source_line: line.chars().skip(skipped).take(MAX_LINE).collect(),
            skipped,
            span: start..end,
        }
    }

    /// The source line with its place underlined.
    fn fmt_source(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self
            .source_line
            .chars()
            // One column each, so that the underline stays below its place.
            .map(|c| if is_active(c) { ' ' } else { c })
            .collect();
        let gutter = self.line.to_string().len();
        let before = self.column - 1 - self.skipped;
        let width = self.width.min(MAX_LINE.saturating_sub(before)).max(1);
        writeln!(f, "{:gutter$} |", "")?;
        writeln!(f, "{} | {}", self.line, shown.trim_end())?;
        write!(f, "{:gutter$} | {:before$}{}", "", "", "^".repeat(width))
    }
}

/// Lines of a help that fit a terminal.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        if let Some(line) = lines.last_mut() {
            let fits = line.chars().count() + 1 + word.chars().count() <= HELP_WIDTH;
            if line.is_empty() {
                line.push_str(word);
            } else if fits {
                line.push(' ');
                line.push_str(word);
            } else {
                lines.push(word.to_owned());
            }
        }
    }
    lines
}

/// The nearest character boundary at or before `offset`.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", clean_line(&self.message))?;
        let mut indent = 1;
        if let Some(place) = &self.place {
            indent = place.line.to_string().len();
            write!(
                f,
                "\n{:indent$}--> {}:{}:{}",
                "",
                clean_line(&place.origin),
                place.line,
                place.column
            )?;
            if !place.source_line.trim().is_empty() {
                writeln!(f)?;
                place.fmt_source(f)?;
            }
        }
        match &self.help {
            Some(help) => {
                let gap = format!("\n{:indent$}         ", "");
                let lines = wrapped(&clean_line(help));
                write!(f, "\n{:indent$} = help: {}", "", lines.join(&gap))
            }
            None => Ok(()),
        }
    }
}

impl Report {
    /// What is wrong on one line, for a log; of a single error also what to do.
    #[must_use]
    pub fn one_line(&self) -> String {
        if let ([only], 0) = (self.diagnostics.as_slice(), self.more)
            && let Some(help) = &only.help
        {
            return format!("{} ({help})", only.message);
        }
        let messages = self.diagnostics.iter();
        let messages = messages.map(|it| it.message.clone());
        let messages: Vec<String> = messages.chain(self.and_more()).collect();
        messages.join("; ")
    }

    /// How many errors there are, listed or not.
    #[must_use]
    pub fn count(&self) -> usize {
        self.diagnostics.len() + self.more
    }

    /// What is said of the errors that are not listed.
    fn and_more(&self) -> Option<String> {
        let more = plural(self.more, "more error", "more errors");
        (self.more > 0).then(|| format!("and {more}"))
    }

    /// Several reports as one, each error once; none of no reports.
    #[must_use]
    pub fn all(reports: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut all = Self {
            diagnostics: Vec::new(),
            more: 0,
        };
        for report in reports {
            for diagnostic in report.diagnostics {
                if all.diagnostics.len() >= MAX_DIAGNOSTICS {
                    all.more += 1;
                } else if !all.diagnostics.contains(&diagnostic) {
                    all.diagnostics.push(diagnostic);
                }
            }
            all.more += report.more;
        }
        (all.count() > 0).then_some(all)
    }

    /// The reports of things that are alike, by their names, as one. An error of all `things` has no
    /// name before it, one of several the first of theirs.
    #[must_use]
    pub fn of_alike(things: usize, reports: &[(String, Self)]) -> Option<Self> {
        let named = reports.iter().map(|(_, report)| {
            let mut report = report.clone();
            for diagnostic in &mut report.diagnostics {
                let theirs = reports
                    .iter()
                    .filter(|(_, other)| other.diagnostics.contains(diagnostic));
                let names: Vec<&str> = theirs.map(|(name, _)| name.as_str()).collect();
                let whose = match names.as_slice() {
                    [] => continue,
                    [_, ..] if names.len() == things && things > 1 => continue,
                    [only] => (*only).to_owned(),
                    [first, others @ ..] => {
                        format!("{first} and {}", plural(others.len(), "other", "others"))
                    }
                };
                diagnostic.message = format!("{whose}: {}", diagnostic.message);
            }
            report
        });
        Self::all(named)
    }

    /// The same report, of whose errors each names what it is about.
    #[must_use]
    pub fn about(mut self, what: &str) -> Self {
        for diagnostic in &mut self.diagnostics {
            diagnostic.message = format!("{what}: {}", diagnostic.message);
        }
        self
    }

    /// A report of one diagnostic.
    pub(super) fn of(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostics: vec![diagnostic],
            more: 0,
        }
    }

    /// A report of one diagnostic without a place.
    pub(super) fn placeless(message: String, help: Option<&str>) -> Self {
        Self::of(Diagnostic {
            severity: Severity::Error,
            message,
            place: None,
            help: help.map(ToOwned::to_owned),
            nearest: None,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.diagnostics.iter().enumerate() {
            if i > 0 {
                write!(f, "\n\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        match self.and_more() {
            Some(more) => write!(f, "\n\n{more}"),
            None => Ok(()),
        }
    }
}
