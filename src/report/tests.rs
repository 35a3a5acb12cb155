use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use indicatif::ProgressDrawTarget;

use super::*;
use crate::event::{Command, CommandRecord, Origin, Phase, SkippedImage};
use crate::experiment::schedule::Schedule;
use crate::experiment::spec::{Bound, Gate};
use crate::format::Symbols;
use crate::store::Frozen;
use crate::store::testing::{data_summary, small_run};
use crate::untrusted::text::is_active;

const EXPERIMENT: &str = include_str!("../../experiments/quickstart.ron");

/// What was written, readable after the reporter is gone.
#[derive(Clone, Default)]
struct Written(Rc<RefCell<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gates() -> Vec<Gate> {
    let value = |metric: &str, value| (metric.to_owned(), Bound::Value(value));
    let (metric, bound) = value("test/accuracy", 0.75);
    let (other, tight) = value("test/kl", 0.1);
    let (third, missing) = value("test/top9", 0.5);
    vec![
        Gate::AtLeast(metric, bound),
        Gate::AtMost(other, tight),
        Gate::AtLeast(third, missing),
    ]
}

/// What a reporter writes about the small distillation.
fn reported<R: Reporter + 'static>(reporter: impl FnOnce(Written) -> R) -> String {
    reported_of(small_run(), reporter)
}

fn reported_of<R: Reporter + 'static>(
    mut events: Vec<RunEvent>,
    reporter: impl FnOnce(Written) -> R,
) -> String {
    let written = Written::default();
    let mut reporters = Reporters::new();
    reporters.add(reporter(written.clone()));
    let mut store = RunStore::new();
    events.push(RunEvent::RunEnded(Outcome::Completed));
    for event in &events {
        store.apply(event);
        assert!(reporters.observe(event, &store).is_empty());
    }
    let ending = Ending {
        folder: &PathBuf::from("checkpoints/small-20261123-133848-abcdef"),
        store: &store,
        config: &Frozen::of(EXPERIMENT, None, &store).config,
        outcome: &Outcome::Completed,
        verdicts: &evaluate_gates(&gates(), &store, true),
    };
    assert!(reporters.finish(&ending).is_empty());
    written.text()
}

fn lines_to<W: Write>(out: W) -> TextReporter<W> {
    TextReporter::new(out, Symbols::Unicode)
}

#[test]
fn without_utf_8_lines_are_ascii() {
    let text = reported(|out| TextReporter::new(out, Symbols::Ascii));
    assert!(text.is_ascii(), "{text}");
    let unicode = reported(lines_to);
    assert_eq!(text.lines().count(), unicode.lines().count());
}

#[test]
fn plain_lines_describe_the_run() {
    insta::assert_snapshot!(reported(lines_to));
}

#[test]
fn counts_are_grouped_for_people_and_plain_for_programs() {
    let mut events = small_run();
    for event in &mut events {
        match event {
            RunEvent::DataIndexed(data) => data.train = 50_000,
            RunEvent::PhaseStarted { steps, .. } => *steps = 78_000,
            _ => {}
        }
    }
    let text = reported_of(events.clone(), lines_to);
    for line in [
        "images: 50\u{202f}000 train, ",
        "student: 78\u{202f}000 steps, ",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let json = reported_of(events, JsonReporter::new);
    assert!(
        json.contains(":50000,") && json.contains(":78000,"),
        "{json}"
    );
}

#[test]
fn what_was_changed_while_it_trained_is_listed_at_the_end() {
    let mut events = small_run();
    events.push(RunEvent::CommandReceived(CommandRecord {
        id: "a".to_owned(),
        origin: Origin::User,
        command: Command::Adjust {
            knob: "temperature".to_owned(),
            schedule: Schedule::Constant(2.5),
        },
    }));
    events.push(RunEvent::CommandApplied {
        id: "a".to_owned(),
        phase: Phase::Student,
        step: 11,
        from: None,
    });
    let text = reported_of(events.clone(), lines_to);
    assert!(
        text.contains("\ntemperature → 2.5, applied at step 11\n"),
        "{text}"
    );
    let change = "method.temperature 4 → 2.5 at step 11\n";
    assert!(text.contains(&format!("\nchanged  {change}")), "{text}");
    let summary = reported_of(events, |out| GithubReporter::new(Some(Box::new(out)), None));
    assert!(
        summary.contains(&format!("\n- changed: {change}\n")),
        "{summary}"
    );
}

#[test]
fn lines_above_bars_are_the_plain_lines() {
    let bars =
        reported(|out| BarsReporter::new(out, ProgressDrawTarget::hidden(), Symbols::Unicode));
    assert_eq!(bars, reported(lines_to));
}

#[test]
fn json_is_every_event_one_a_line() {
    let text = reported(JsonReporter::new);
    let events: Vec<RunEvent> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let mut expected = small_run();
    expected.push(RunEvent::RunEnded(Outcome::Completed));
    assert_eq!(events, expected);
}

#[test]
fn junit_has_a_case_for_the_run_and_one_for_every_gate() {
    let xml = reported(JunitReporter::new);
    assert_well_formed(&xml);
    insta::assert_snapshot!(xml);
}

#[test]
fn a_step_summary_is_a_table_and_annotations_name_what_failed() {
    let annotations = Written::default();
    let summary = reported(|out| {
        GithubReporter::new(Some(Box::new(out)), Some(Box::new(annotations.clone())))
    });
    insta::assert_snapshot!(format!("{summary}\n{}", annotations.text()));
    for table in summary.split("\n\n").filter(|part| part.starts_with('|')) {
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        let widths: Vec<usize> = table.lines().map(columns).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{table}");
    }
}

/// A name that a terminal would act on and a workflow would take for a command.
const HOSTILE: &str = "a\u{1b}[2J\u{9b}\u{202e}\n::error title=x::y\n##[group]z\r::notice::w.png";

/// Events with that name wherever one comes from outside.
fn hostile_events() -> Vec<RunEvent> {
    let mut data = data_summary(&[HOSTILE, "::warning::b"], 10, 5);
    data.skipped.push(SkippedImage {
        path: HOSTILE.into(),
        reason: HOSTILE.to_owned(),
    });
    let mut events = vec![
        RunEvent::RunStarted {
            name: format!("::error ::{HOSTILE}"),
            version: "0".to_owned(),
            device: HOSTILE.to_owned(),
            device_kind: None,
            resumed: None,
            experiment: String::new(),
            pending: Vec::new(),
        },
        RunEvent::DataIndexed(data),
        RunEvent::TeacherLoaded {
            path: HOSTILE.into(),
            cached: false,
            engine: Some(HOSTILE.to_owned()),
        },
        RunEvent::Warned {
            message: HOSTILE.to_owned(),
        },
        RunEvent::CommandRejected {
            id: HOSTILE.to_owned(),
            reason: HOSTILE.to_owned(),
        },
    ];
    for event in small_run() {
        if let RunEvent::StepLogged(mut row) = event {
            row.values.insert(format!("knob/{HOSTILE}"), 0.5);
            row.values.insert(format!("loss/{HOSTILE}"), 0.5);
            events.push(RunEvent::StepLogged(row));
        } else {
            events.push(event);
        }
    }
    events
}

#[test]
fn no_name_from_outside_acts_on_a_terminal_or_a_workflow() {
    let outcome = Outcome::Failed {
        message: HOSTILE.to_owned(),
    };
    let [text, bars, json, junit, summary, annotations] = [(); 6].map(|()| Written::default());
    let mut reporters = Reporters::new();
    reporters.add(lines_to(text.clone()));
    reporters.add(BarsReporter::new(
        bars.clone(),
        ProgressDrawTarget::hidden(),
        Symbols::Unicode,
    ));
    reporters.add(JsonReporter::new(json.clone()));
    reporters.add(JunitReporter::new(junit.clone()));
    reporters.add(GithubReporter::new(
        Some(Box::new(summary.clone())),
        Some(Box::new(annotations.clone())),
    ));
    let mut store = RunStore::new();
    for event in hostile_events() {
        store.apply(&event);
        assert!(reporters.observe(&event, &store).is_empty());
    }
    let ending = Ending {
        folder: &PathBuf::from(HOSTILE),
        store: &store,
        config: &Frozen::of(EXPERIMENT, None, &store).config,
        outcome: &outcome,
        verdicts: &evaluate_gates(
            &[Gate::AtLeast(HOSTILE.to_owned(), Bound::Value(0.5))],
            &store,
            false,
        ),
    };
    assert!(reporters.finish(&ending).is_empty());
    for written in [&text, &bars, &json, &junit, &summary, &annotations] {
        let written = written.text();
        assert!(written.contains("title=x"), "{written}");
        for line in written.split('\n') {
            assert!(!line.contains(is_active), "{line:?}");
        }
    }
    for written in [text, bars, json, junit, summary] {
        for line in written.text().lines() {
            let line = line.trim_start();
            assert!(
                !line.starts_with("::") && !line.starts_with("##["),
                "{line}"
            );
        }
    }
    for line in annotations.text().lines() {
        let title = "title=workbench::";
        assert!(line.starts_with("::") && line.contains(title), "{line}");
    }
}

#[test]
fn a_run_that_did_not_begin_is_an_error_in_the_reports() {
    let mut xml = Vec::new();
    report_no_run(&mut xml, "there is no file `a<b>.ron`\n\"why\"").unwrap();
    let xml = String::from_utf8(xml).unwrap();
    assert_well_formed(&xml);
    assert!(
        xml.contains("errors=\"1\"") && xml.contains("a&lt;b&gt;.ron"),
        "{xml}"
    );
    let summary = summary_of_no_run("error: <b>\n::error::x");
    assert!(
        summary.ends_with("\n    error: <b>\n    \\::error::x\n\n"),
        "{summary}"
    );
}

#[test]
fn a_reporter_that_can_no_longer_write_is_dropped_and_the_others_go_on() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let written = Written::default();
    let mut reporters = Reporters::new();
    reporters.add(JsonReporter::new(Closed));
    reporters.add(JsonReporter::new(written.clone()));
    let store = RunStore::new();
    assert_eq!(reporters.observe(&RunEvent::Paused(true), &store).len(), 1);
    assert_eq!(reporters.observe(&RunEvent::Paused(false), &store).len(), 0);
    assert_eq!(written.text(), "{\"Paused\":true}\n{\"Paused\":false}\n");
}

/// Every element that is opened is closed, in order, and attributes hold no
/// bare markup.
fn assert_well_formed(xml: &str) {
    let mut open = Vec::new();
    let body = xml
        .strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>")
        .unwrap();
    for tag in body.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "bare markup in {text:?}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.to_owned()));
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap().to_owned());
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in {tag:?}");
    }
    assert!(open.is_empty(), "{open:?} left open");
}
