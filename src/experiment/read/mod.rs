//! Reading experiment files: text → tree → spec → plan, with every error of
//! every stage in one report.
//!
//! [`parse`] gets a tree past syntax errors, [`typed`] a spec past type errors,
//! and the plan's problems are put at their places in the tree; what depends on
//! a value that could not be read is left out.

mod brackets;
mod canonical;
mod describe;
mod diagnostic;
mod document;
mod elements;
mod finding;
mod freeze;
mod notes;
mod overrides;
mod parse;
mod places;
mod source;
mod tokens;
mod tree;
mod typed;

#[cfg(test)]
mod older_names_tests;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io;
use std::path::Path;

pub use diagnostic::{Diagnostic, Place, Report, Severity};
pub use document::{Anything, Document};
pub use overrides::Override;
pub use parse::Whole;
pub use source::SourceText;

use super::catalogue::{CHANGED_DEFAULTS, successor};
use super::plan::Plan;
use super::problem::Problem;
use super::schedule::Schedule;
use super::spec::Spec;
use crate::untrusted::{Show as _, read_limited};
use diagnostic::MAX_DIAGNOSTICS;
use finding::Finding;
use tree::{Kind, Node, Segment};

/// A larger file is no experiment; most have a few kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// An experiment that was read and planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What it means.
    pub plan: Plan,
    /// What was written, overrides applied.
    pub spec: Spec,
    /// The file's text with overrides applied and comments kept.
    pub text: String,
    frozen: String,
    source: SourceText,
}

impl Loaded {
    /// The text that a run's folder keeps: as [`Loaded::text`], with every path
    /// absolute and the name written out, so that it means the same anywhere.
    #[must_use]
    pub fn frozen_text(&self) -> &str {
        &self.frozen
    }

    /// The report of a problem that the file alone does not have, at its place in what a
    /// person wrote.
    #[must_use]
    pub fn report(&self, problem: &Problem) -> Report {
        let root = parse::parse(&self.text).root;
        let findings = root.map_or_else(Vec::new, |root| {
            places::findings(std::slice::from_ref(problem), &root, &[])
        });
        report(&self.source, Found::from(findings))
    }
}

/// Reads a schedule that stands alone.
///
/// # Errors
/// What is wrong with it first, and what to write instead.
pub fn read_schedule(text: &str) -> Result<Schedule, String> {
    let with_help = |finding: Finding| match finding.help {
        Some(help) => format!("{}; {help}", finding.message),
        None => finding.message,
    };
    let parsed = parse::parse_value(text);
    let typed = parsed.root.map(|root| typed::read::<Schedule>(&root));
    let (value, findings) = typed.map_or((None, Vec::new()), |typed| (typed.value, typed.findings));
    match parsed.findings.into_iter().chain(findings).next() {
        Some(finding) => Err(with_help(finding)),
        None => value.ok_or_else(|| format!("`{text}` is no schedule")),
    }
}

/// Reads and plans the experiment file at `path`, changed by `overrides` in
/// their order.
///
/// # Errors
/// Every error in the file and the overrides.
pub fn load(path: &Path, overrides: &[Override]) -> Result<Loaded, Report> {
    let text = read_text(path)?;
    load_text(&text, path, overrides)
}

/// As [`load`], for the `text` of a file at `origin`, which need not exist:
/// relative paths start at its folder.
///
/// # Errors
/// Every error in the text and the overrides.
pub fn load_text(text: &str, origin: &Path, overrides: &[Override]) -> Result<Loaded, Report> {
    let source = SourceText::new(origin, text.to_owned());
    load_source(&source, origin, overrides)
}

/// As [`load_text`], where relative paths start at the folder of the file `home`.
///
/// # Errors
/// Every error in the text and the overrides.
pub fn load_source(
    source: &SourceText,
    home: &Path,
    overrides: &[Override],
) -> Result<Loaded, Report> {
    let source = changed(source, overrides)?;
    read(&source, home).map_err(|found| report(&source, found))
}

/// A text with these changes, each made to what the ones before it left.
fn changed(source: &SourceText, overrides: &[Override]) -> Result<SourceText, Report> {
    let mut source = source.clone();
    for change in overrides {
        let parsed = parse::parse(source.text());
        let Some(root) = parsed.root.filter(|_| parsed.findings.is_empty()) else {
            break;
        };
        change
            .apply(&mut source, &root)
            .map_err(|diagnostic| Report::of(*diagnostic))?;
    }
    Ok(source)
}

/// As [`load_text`], for the text of a run that keeps no plan, as an older program wrote
/// it: what it leaves out is what was the default then.
///
/// # Errors
/// Every error in the text.
pub fn load_frozen(text: &str, origin: &Path) -> Result<Loaded, Report> {
    let text = with_names_of_today(text);
    let loaded = load_text(&text, origin, &older_defaults(&text));
    loaded.map_err(|mut report| {
        for diagnostic in &mut report.diagnostics {
            diagnostic.help = Some(FROZEN.to_owned());
        }
        report
    })
}

/// The fields that a text leaves out and whose default is another today than when runs kept no
/// plan, written out.
fn older_defaults(text: &str) -> Vec<Override> {
    let Some(root) = parse::parse(text).root else {
        return Vec::new();
    };
    // Where a variant with such a field may stand.
    let places = ["method", "method.controller"]
        .into_iter()
        .filter_map(|path| {
            let names = path.split('.').map(|name| Segment::Name(name.to_owned()));
            let found = root.find(&names.collect::<Vec<_>>());
            found.missing.is_empty().then_some((path, found.node))
        });
    let left_out = places.flat_map(|(path, node)| {
        let changed = CHANGED_DEFAULTS.iter().filter(|changed| {
            node.name() == Some(changed.variant) && node.field(changed.field).is_none()
        });
        changed.map(move |changed| format!("{path}.{}={}", changed.field, changed.older))
    });
    left_out
        .filter_map(|setting| Override::parse(&setting).ok())
        .collect()
}

/// What to do about an error in what a run keeps.
const FROZEN: &str = "a run's experiment stays as it was: restore what it names, or start a new \
                      run from a copy of it";

/// The text of an older program with the names that fields have today.
#[must_use]
pub fn with_names_of_today(text: &str) -> Cow<'_, str> {
    let Some(root) = parse::parse(text).root else {
        return Cow::Borrowed(text);
    };
    let Kind::Fields(_, fields) = &root.kind else {
        return Cow::Borrowed(text);
    };
    let mut today = String::new();
    let mut copied = 0;
    for name in fields.iter().map(|field| &field.name) {
        if let Some(successor) = successor(&name.text) {
            today.push_str(&text[copied..name.span.start]);
            today.push_str(successor);
            copied = name.span.end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    today.push_str(&text[copied..]);
    Cow::Owned(today)
}

/// Reads the `text` of a file at `origin` without planning it: what a run's
/// folder keeps can be shown after its images are gone.
///
/// # Errors
/// Every error in the text that is not one of its values.
pub fn read_spec(text: &str, origin: &Path) -> Result<Spec, Report> {
    let source = SourceText::new(origin, text.to_owned());
    read_changed(&source, &[]).map(|written| written.spec)
}

/// An experiment that was read and not planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// What was written, overrides applied.
    pub spec: Spec,
    /// The file's text with overrides applied and comments kept.
    pub text: String,
    /// BLAKE3 of that, hexadecimal: the same however it is written, and whatever the runs
    /// are called.
    pub fingerprint: String,
}

/// As [`read_spec`], with overrides.
///
/// # Errors
/// Every error in the text and the overrides that is not one of their values.
pub fn read_changed(source: &SourceText, overrides: &[Override]) -> Result<Written, Report> {
    let source = changed(source, overrides)?;
    let parsed = parse::parse(source.text());
    let mut found = Found::from(parsed.findings);
    if let Some(root) = parsed.root {
        let typed = typed::read::<Spec>(&root);
        found.add(typed.findings, typed.more);
        if let Some(spec) = typed.value.filter(|_| found.findings.is_empty()) {
            let canonical = canonical::canonical(&root);
            let fingerprint = blake3::hash(canonical.as_bytes()).to_hex().to_string();
            return Ok(Written {
                spec,
                text: source.text().to_owned(),
                fingerprint,
            });
        }
    }
    Err(report(&source, found))
}

/// What is wrong with a text, and how much more than that.
struct Found {
    findings: Vec<Finding>,
    more: usize,
}

impl From<Vec<Finding>> for Found {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings, more: 0 }
    }
}

impl Found {
    fn add(&mut self, findings: Vec<Finding>, more: usize) {
        self.findings.extend(findings);
        self.more += more;
    }
}

fn read(source: &SourceText, origin: &Path) -> Result<Loaded, Found> {
    let text = source.text();
    let parsed = parse::parse(text);
    let mut found = Found::from(parsed.findings);
    let Some(root) = parsed.root else {
        return Err(found);
    };
    let typed = typed::read::<Spec>(&root);
    found.add(typed.findings, typed.more);
    // Where values are placeholders by the hundred, what they mean says nothing.
    let Some(spec) = typed.value.filter(|_| found.more == 0) else {
        return Err(found);
    };
    let planned = Plan::new(spec.clone(), origin);
    if let Err(problems) = &planned {
        let (looked_at, rest) = problems.split_at(problems.len().min(MAX_DIAGNOSTICS));
        found.add(
            places::findings(looked_at, &root, &typed.tainted),
            rest.len(),
        );
    }
    match planned {
        Ok(plan) if found.findings.is_empty() => {
            let frozen = freeze::frozen(text, &root, &plan, origin);
            Ok(Loaded {
                plan,
                spec,
                text: text.to_owned(),
                frozen,
                source: source.clone(),
            })
        }
        // Placeholders can hide the only problem there is; never say nothing.
        _ if found.findings.is_empty() => {
            let finding = Finding::new(root.focus(), "this experiment cannot be read");
            Err(Found::from(vec![finding]))
        }
        _ => Err(found),
    }
}

fn report(source: &SourceText, found: Found) -> Report {
    let Found { mut findings, more } = found;
    findings.sort_by_key(|finding| (!finding.leads, finding.span.start));
    findings.dedup();
    let beyond = findings.len().saturating_sub(MAX_DIAGNOSTICS);
    findings.truncate(MAX_DIAGNOSTICS);
    Report {
        diagnostics: findings
            .into_iter()
            .map(|finding| source.diagnose(finding))
            .collect(),
        more: more + beyond,
    }
}

/// A text whose lines end with `\n` alone.
#[must_use]
pub fn unix(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// Reads an experiment file's text.
///
/// # Errors
/// If there is no file, it is no text, or far too large for an experiment.
pub fn read_text(path: &Path) -> Result<String, Report> {
    read_text_of(path, &Whole::EXPERIMENT)
}

/// Reads the text of a file that holds one of these.
fn read_text_of(path: &Path, whole: &Whole) -> Result<String, Report> {
    let Whole {
        a_noun, example, ..
    } = whole;
    let folder = example.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let shown = path.shown();
    let fail = |message: String, help: &str| Err(Report::placeless(message, Some(help)));
    let such_as = format!("name {a_noun} file, such as {example}");
    if path.is_dir() {
        return fail(format!("`{shown}` is a folder"), &such_as);
    }
    let bytes = match read_limited(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound => fail(
                    format!("there is no file `{shown}`"),
                    &format!("check the path; {folder}/ holds some to start from"),
                ),
                // Too large, or no file at all.
                io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                    fail(format!("`{shown}` is not {a_noun}: {error}"), &such_as)
                }
                _ => fail(
                    format!("`{shown}` cannot be read: {error}"),
                    "check its permissions",
                ),
            };
        }
    };
    String::from_utf8(bytes).or_else(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        fail(
            format!("`{shown}` is not text: byte {at} is {byte:#04x}, which is not UTF-8"),
            &format!("{a_noun} file is RON, saved as UTF-8"),
        )
    })
}

/// What a text that has been read before holds, without what stands around it.
#[must_use]
pub fn whole_text(text: &str) -> &str {
    root_of(text).map_or(text, |root| &text[root.span])
}

/// The value of a text that has been read before.
fn root_of(text: &str) -> Option<Node> {
    parse::parse(text).root
}
