//! `JUnit` XML, as test servers read it: one case for the run, one per gate.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write};
use std::path::Path;

use super::gates::{Judgement, Verdict};
use super::{Ending, Reporter, figures, wording};
use crate::event::{Outcome, RunEvent};
use crate::store::RunStore;
use crate::untrusted::files::open_output;
use crate::untrusted::text::is_active;

/// Bytes in which a report says that it is one, comments before that included.
const LONGEST_START: u64 = 4096;

/// Writes the XML when the run is over.
pub struct JunitReporter<W> {
    out: W,
}

impl<W: Write> JunitReporter<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Reporter for JunitReporter<W> {
    fn observe(&mut self, _: &RunEvent, _: &RunStore) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self, ending: &Ending<'_>) -> io::Result<()> {
        self.out.write_all(xml(ending).as_bytes())?;
        self.out.flush()
    }
}

/// Opens the file of a report to write it anew. What stands there must be a
/// report, or nothing: anything else is a file that was named by mistake.
///
/// # Errors
/// As [`open_output`], and that it is not a report; it is then untouched.
pub fn replace_report(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(false);
    let file = open_output(path, options)?;
    if file.metadata()?.is_file() {
        let mut start = Vec::new();
        (&file).take(LONGEST_START).read_to_end(&mut start)?;
        if !is_report(&start) {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it holds something other than a JUnit report, which would be lost",
            ));
        }
        file.set_len(0)?;
        (&file).rewind()?;
    }
    Ok(file)
}

/// Whether a file that begins like this may be replaced by a report.
fn is_report(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    start.is_empty() || text.starts_with('<') && text.contains("<testsuite")
}

/// The XML of a run that did not begin or has not ended, and why: whoever looks
/// for a result finds this and not that of an earlier run.
#[must_use]
pub fn junit_of_no_run(reason: &str) -> String {
    let counts = "name=\"run\" tests=\"1\" failures=\"0\" errors=\"1\" time=\"0.000\"";
    let error = Some(("error", reason.to_owned()));
    suite(counts, &case("workbench.run", "run", "0.000", error, None))
}

fn suite(counts: &str, cases: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  \
         <testsuite {counts}>\n{cases}  </testsuite>\n</testsuites>\n"
    )
}

fn xml(ending: &Ending<'_>) -> String {
    let identity = ending.store.identity.as_ref();
    let name = identity.map_or("run", |identity| identity.name.as_str());
    let class = format!("workbench.{name}");
    let failures = ending
        .verdicts
        .iter()
        .filter(|verdict| !verdict.holds())
        .count();
    let errors = usize::from(*ending.outcome != Outcome::Completed);
    let counts = format!(
        "name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{:.3}\"",
        escaped(name),
        ending.verdicts.len() + 1,
        figures::seconds(ending.store)
    );
    let mut cases = run_case(ending, &class);
    for verdict in ending.verdicts {
        cases.push_str(&gate_case(verdict, &class));
    }
    suite(&counts, &cases)
}

fn run_case(ending: &Ending<'_>, class: &str) -> String {
    let problem = match ending.outcome {
        Outcome::Completed => None,
        outcome => Some(("error", wording::outcome(outcome))),
    };
    let mut output = String::new();
    for (name, figures) in figures::best_and_last(ending.store) {
        // Writing to a string can't fail.
        let _ = writeln!(output, "{name}: {}", figures.join("  "));
    }
    let _ = write!(output, "run: {}", ending.folder.display());
    let time = format!("{:.3}", figures::seconds(ending.store));
    case(class, "run", &time, problem, Some(&output))
}

fn gate_case(verdict: &Verdict, class: &str) -> String {
    let problem = match &verdict.judgement {
        Judgement::Passed => None,
        Judgement::Failed | Judgement::NotEvaluated(_) => Some(("failure", verdict.to_string())),
    };
    case(class, &verdict.gate, "0.000", problem, None)
}

fn case(
    class: &str,
    name: &str,
    time: &str,
    problem: Option<(&str, String)>,
    output: Option<&str>,
) -> String {
    let mut xml = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{time}\">\n",
        escaped(class),
        escaped(name)
    );
    if let Some((kind, message)) = problem {
        let _ = writeln!(xml, "      <{kind} message=\"{}\"/>", escaped(&message));
    }
    if let Some(output) = output {
        let _ = writeln!(xml, "      <system-out>{}</system-out>", escaped(output));
    }
    xml.push_str("    </testcase>\n");
    xml
}

/// Text as an XML attribute or element may hold it. Control characters, most of
/// which XML 1.0 can't hold at all, become the replacement character.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            c if is_active(c) || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_would_break_xml_is_escaped() {
        assert_eq!(
            escaped("a < b && \"c\" > 'd'\n\u{1b}[31m"),
            "a &lt; b &amp;&amp; &quot;c&quot; &gt; &apos;d&apos;&#10;\u{fffd}[31m"
        );
    }
}
