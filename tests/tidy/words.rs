//! Words that were replaced by those of the field, kept out of what people read:
//! documents, examples, strings of the program, and names in its source.

use std::path::Path;

use crate::rules::{File, Violation};
use crate::tokens::{Token, strings, tokens};

/// What is not written, and what is written in its place.
const REPLACED: &[(&str, &str)] = &[
    ("truth-value loss", "truth loss"),
    ("student copes", "truth loss … better than the best so far"),
    ("it underfits,", "truth loss … worse than the best so far"),
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
    ("told", "reported, shown or named"),
    ("obey", "apply"),
    ("whoever", "the caller, the user, or who it is"),
    ("goes on", "continues or resumes"),
    ("judge", "evaluate"),
    ("judges", "evaluates"),
    ("judged", "evaluated"),
    ("run is gone", "run no longer exists"),
    ("are gone", "are missing"),
];

/// What no name in the source has as a part, and what names say in its place.
const REPLACED_IN_NAMES: &[(&str, &str)] = &[
    ("begun", "started"),
    ("deed", "action"),
    ("deeds", "actions"),
    ("figure", "metric"),
    ("figures", "metrics"),
    ("gone", "removed, missing or lost"),
    ("heard", "received"),
    ("judge", "evaluate"),
    ("judged", "result, or evaluated"),
    ("judgement", "status"),
    ("mend", "fix"),
    ("mended", "fixed"),
    ("misfit", "mismatch"),
    ("misshapen", "mismatch"),
    ("mistake", "error"),
    ("mistakes", "errors"),
    ("obey", "apply"),
    ("obeys", "applies"),
    ("past", "previous, logged or undo"),
    ("said", "what it holds: message, output, value"),
    ("tallies", "counts"),
    ("tally", "counts, or metrics"),
    ("tell", "report"),
    ("telling", "informative"),
    ("tells", "reports"),
    ("told", "report, describe, or what it holds"),
    ("whoever", "the caller, or who it is"),
];

/// No replaced word in a document, an example or a string, nor in a name.
pub fn replaced(file: &File) -> Vec<Violation> {
    let path = file.path.as_str();
    let is = |kind: &str| Path::new(path).extension().is_some_and(|of| of == kind);
    let is_document = matches!(
        path,
        "README.md" | "ARCHITECTURE.md" | "CHANGELOG.md" | "CONTRIBUTING.md"
    ) || path.starts_with("docs/") && is("md")
        || path.starts_with("experiments/") && is("ron");
    if is_document {
        return in_text(file, 1, &file.text);
    }
    if !is("rs") {
        return Vec::new();
    }
    let mut found = in_names(file);
    if path.starts_with("src/") && !file.is_tests() {
        found.extend(
            strings(&file.text)
                .into_iter()
                .flat_map(|string| in_text(file, string.line, &without_values(&string.text))),
        );
    }
    found
}

/// Names of the source with a replaced word between underscores or capitals.
fn in_names(file: &File) -> Vec<Violation> {
    let names = tokens(&file.text).into_iter().filter(Token::is_word);
    names
        .flat_map(|name| {
            let parts = parts_of(&name.text);
            REPLACED_IN_NAMES
                .iter()
                .filter(move |(word, _)| parts.iter().any(|part| part == word))
                .map(move |(word, instead)| {
                    let message = format!("`{word}` in `{}`: write {instead}", name.text);
                    file.violation(name.line, message)
                })
        })
        .collect()
}

/// `is_told`, `IsTold` and `IS_TOLD` as `is` and `told`.
fn parts_of(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if c == '_' || c.is_uppercase() && was_lower {
            parts.push(String::new());
        }
        was_lower = c.is_lowercase();
        if let Some(part) = parts.last_mut().filter(|_| c != '_') {
            part.extend(c.to_lowercase());
        }
    }
    parts
}

/// A string without what is put into it: `{name}` is a name of the code.
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
