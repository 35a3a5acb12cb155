//! Words that were replaced by those of the field, kept out of what people read:
//! documents, examples, and strings of the program.

use std::path::Path;

use crate::rules::{File, Violation};
use crate::tokens::strings;

/// Whether the screens are looked at, too: their strings, their pictures in the
/// documents, and the list of keys.
const SCREENS_TOO: bool = true;

/// What is not written, and what is written in its place.
const REPLACED: &[(&str, &str)] = &[
    ("truth-value loss", "truth loss"),
    ("student copes", "truth loss improved"),
    ("it underfits,", "truth loss got worse"),
    ("every gate holds", "all gates passed"),
    ("could not be judged", "not evaluated"),
    ("knob turned", "knob changed"),
    ("knobs turned", "knobs changed"),
    ("turns knobs", "changes knobs"),
    ("multiply-accumulates", "MACs"),
    ("trained to the end", "completed"),
    ("must be there", "required"),
    ("nothing to take back", "nothing to undo"),
    ("nothing was taken back", "nothing to redo"),
    ("laid out", "formatted, arranged or reset, by what is meant"),
    ("lay out", "format, or arrange"),
    ("begun", "started"),
    ("figures", "metrics, results or benchmarks"),
    ("mistakes", "errors"),
    ("asked for", "requested or required"),
    ("not sent", "pending"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("goes on with", "resumes"),
    ("goes on as it was", "continues unchanged"),
    ("no run is so", "no matches"),
    ("nothing is so", "no matches"),
    ("waits for you", "paused"),
    ("the workbench was left", "workbench closed"),
    ("has no future", "no steps remain"),
    ("no step is left that", "no steps remain"),
    ("standard output is none", "stdout is not a terminal"),
    ("the run is whole", "intact"),
    ("of an earlier training", "cached"),
    ("give or take", "±"),
    (
        "were not counted so",
        "not available for the full validation set",
    ),
    ("whatever its name says", "is not a valid image file"),
    ("its classes are others", "the classes differ: …"),
    ("leaves nothing of a training", "covers the whole training"),
    ("warm-up", "warmup"),
];

/// Parts of pages that the program's screens have made.
const OF_THE_SCREENS: &[(&str, &str)] = &[
    ("<!-- screen:", "<!-- end of screen -->"),
    ("<!-- keys:", "<!-- end of keys -->"),
];

/// No replaced word in a document, an example or a string.
pub fn replaced(file: &File) -> Vec<Violation> {
    let path = file.path.as_str();
    let is = |kind: &str| Path::new(path).extension().is_some_and(|of| of == kind);
    let is_document = matches!(
        path,
        "README.md" | "ARCHITECTURE.md" | "CHANGELOG.md" | "CONTRIBUTING.md"
    ) || path.starts_with("docs/") && is("md")
        || path.starts_with("experiments/") && is("ron");
    if is_document {
        return in_text(file, 1, &read_by_people(&file.text));
    }
    let is_source = path.starts_with("src/") && is("rs") && !file.is_tests();
    if !is_source || path.starts_with("src/ui/") && !SCREENS_TOO {
        return Vec::new();
    }
    let literals = strings(&file.text).into_iter();
    literals
        .flat_map(|string| in_text(file, string.line, &without_values(&string.text)))
        .collect()
}

/// A document without what screens have made, line for line.
fn read_by_people(text: &str) -> String {
    let mut until = None;
    let mut kept = String::new();
    for line in text.lines() {
        let begun = OF_THE_SCREENS
            .iter()
            .find(|(begin, _)| line.starts_with(begin) && !SCREENS_TOO);
        until = until.or(begun.map(|(_, end)| *end));
        if until.is_none() {
            kept += line;
        }
        kept.push('\n');
        until = until.filter(|end| !line.starts_with(end));
    }
    kept
}

/// A string without what is put into it: `{mended}` is a name of the code.
fn without_values(text: &str) -> String {
    let mut depth = 0_usize;
    let mut kept = String::new();
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '\n' => kept.push(c),
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// Replaced words of a text that begins in this line of the file. A phrase may
/// be broken over lines of prose, comments or a string.
fn in_text(file: &File, first: usize, text: &str) -> Vec<Violation> {
    let mut joined = String::new();
    let mut begins = Vec::new();
    for (number, line) in (first..).zip(text.lines()) {
        begins.push((joined.len(), number));
        let line = line.trim().trim_start_matches("//").trim_end_matches('\\');
        joined += &line.trim().to_lowercase();
        joined.push(' ');
    }
    let mut found = Vec::new();
    for (phrase, instead) in REPLACED {
        for (at, _) in joined.match_indices(phrase) {
            let before = joined[..at].chars().next_back();
            let after = joined[at + phrase.len()..].chars().next();
            let whole = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            if whole(before) && whole(after) {
                let line = begins.iter().rev().find(|(from, _)| *from <= at);
                let number = line.map_or(first, |(_, number)| *number);
                let message = format!("`{phrase}` was replaced; write: {instead}");
                found.push(file.violation(number, message));
            }
        }
    }
    found
}
