use std::fs;

use super::*;
use crate::event::{Command, CommandRecord, Origin, Outcome};
use crate::experiment::schedule::Schedule;

fn events() -> Vec<RunEvent> {
    vec![
        RunEvent::Warned {
            message: "a line\nfeed and an ü".to_owned(),
        },
        RunEvent::Paused(true),
        RunEvent::RunEnded(Outcome::Completed),
    ]
}

fn written(path: &Path) {
    let mut journal = Journal::append_to(path).unwrap();
    for event in events() {
        journal.append(&event).unwrap();
    }
    journal.sync().unwrap();
}

fn read(path: &Path) -> Result<Vec<RunEvent>, JournalError> {
    JournalReader::new(path).read_all()
}

#[test]
fn a_journal_cut_at_any_byte_gives_every_complete_event_and_can_be_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    written(&path);
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let lines = whole[..cut].split(|&byte| byte == b'\n').count() - 1;
        let complete = lines.saturating_sub(1);
        assert_eq!(read(&path).unwrap(), events()[..complete], "cut at {cut}");

        let mut journal = Journal::append_to(&path).unwrap();
        journal.append(&RunEvent::Paused(false)).unwrap();
        let after = read(&path).unwrap();
        assert_eq!(after.len(), complete + 1, "cut at {cut}");
        assert_eq!(after[complete], RunEvent::Paused(false));
    }
}

#[test]
fn garbage_in_the_middle_is_an_error_that_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    written(&path);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(r#"{"Paused":true}"#, r#"{"Paused":tr"#)).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(
        error.contains("journal.jsonl, line 3: not an event"),
        "{error}"
    );
}

#[test]
fn a_newer_journal_is_refused_for_reading_and_writing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let text = "{\"format\":\"workbench-journal\",\"version\":99}\n";
    fs::write(&path, text).unwrap();
    let expected = format!("version 99, and this program reads up to {JOURNAL_VERSION}");
    let expected = expected.as_str();
    assert!(read(&path).unwrap_err().to_string().contains(expected));
    let error = Journal::append_to(&path).unwrap_err().to_string();
    assert!(error.contains(expected));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_file_that_is_something_else_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    for text in ["my notes\n", "{\"format\":\"other\",\"version\":1}\n"] {
        fs::write(&path, text).unwrap();
        assert!(matches!(
            Journal::append_to(&path),
            Err(JournalError::NotAJournal { .. })
        ));
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_command_that_would_not_read_back_is_refused_instead_of_spoiling_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut journal = Journal::append_to(&path).unwrap();
    let command = |value| {
        RunEvent::CommandReceived(CommandRecord {
            id: "1".to_owned(),
            origin: Origin::User,
            command: Command::Adjust {
                knob: "lr".to_owned(),
                schedule: Schedule::Constant(value),
            },
        })
    };
    assert!(matches!(
        journal.append(&command(f64::NAN)),
        Err(JournalError::Unstorable { .. })
    ));
    journal.append(&command(0.5)).unwrap();
    assert_eq!(read(&path).unwrap(), [command(0.5)]);
}

#[test]
fn a_reader_follows_a_journal_that_is_being_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut reader = JournalReader::new(&path);
    assert_eq!(reader.next_event().unwrap(), None);
    let mut journal = Journal::append_to(&path).unwrap();
    for event in events() {
        assert_eq!(reader.next_event().unwrap(), None);
        journal.append(&event).unwrap();
        assert_eq!(reader.next_event().unwrap(), Some(event));
    }
}
