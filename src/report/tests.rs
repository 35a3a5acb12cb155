use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::rc::Rc;

use indicatif::ProgressDrawTarget;

use super::*;
use crate::experiment::spec::{Bound, Gate};
use crate::store::testing::small_run;

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
    let written = Written::default();
    let mut reporters = Reporters::new();
    reporters.add(reporter(written.clone()));
    let mut store = RunStore::new();
    let mut events = small_run();
    events.push(RunEvent::RunEnded(Outcome::Completed));
    for event in &events {
        store.apply(event);
        assert!(reporters.observe(event, &store).is_empty());
    }
    let ending = Ending {
        folder: &PathBuf::from("checkpoints/small-20261123-133848-abcdef"),
        store: &store,
        outcome: &Outcome::Completed,
        verdicts: &judge(&gates(), &store, &Outcome::Completed),
    };
    assert!(reporters.finish(&ending).is_empty());
    written.text()
}

#[test]
fn plain_lines_tell_the_run() {
    insta::assert_snapshot!(reported(TextReporter::new));
}

#[test]
fn lines_above_bars_are_the_plain_lines() {
    let bars = reported(|out| BarsReporter::new(out, ProgressDrawTarget::hidden()));
    assert_eq!(bars, reported(TextReporter::new));
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
