use std::fs;

use super::*;
use crate::event::testing::run_started;
use crate::event::{Command, CommandRecord, Origin, Outcome, Phase, Position};
use crate::experiment::schedule::Schedule;
use crate::store::RunStore;
use crate::untrusted::testing::{grow_sparse, make_pipe};

fn events() -> Vec<RunEvent> {
    vec![
        RunEvent::Warned {
            message: "a line\nfeed and an ü".to_owned(),
        },
        RunEvent::Paused(true),
        RunEvent::RunEnded(Outcome::Completed),
    ]
}

fn next_process() -> RunEvent {
    run_started("small", None)
}

fn written(path: &Path) {
    write(path, &events());
}

fn write(path: &Path, events: &[RunEvent]) {
    let mut journal = Journal::append_to(path).unwrap();
    for event in events {
        journal.append(event).unwrap();
    }
    journal.sync().unwrap();
}

fn read(path: &Path) -> Result<Vec<RunEvent>, JournalError> {
    JournalReader::new(path).read_all()
}

/// Whether each line of the written journal is an event.
const ARE_EVENTS: [bool; 5] = [false, true, true, false, true];

#[test]
fn a_journal_cut_at_any_byte_gives_every_complete_event_and_can_be_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    written(&path);
    let whole = fs::read(&path).unwrap();
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let lines = whole[..cut].split(|&byte| byte == b'\n').count() - 1;
        let complete = ARE_EVENTS[..lines].iter().filter(|is| **is).count();
        assert_eq!(read(&path).unwrap(), events()[..complete], "cut at {cut}");

        let mut journal = Journal::append_to(&path).unwrap();
        journal.append(&next_process()).unwrap();
        journal.sync().unwrap();
        let after = read(&path).unwrap();
        assert_eq!(after.len(), complete + 1, "cut at {cut}");
        assert_eq!(after[complete], next_process());
    }
}

#[test]
fn garbage_in_the_middle_is_an_error_that_names_the_line_and_the_remedy() {
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
    assert!(error.contains("restore the file from a copy"), "{error}");
}

#[test]
fn a_reader_that_only_looks_reads_on_behind_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    written(&path);
    let text = fs::read_to_string(&path).unwrap();
    let damaged = text
        .replace("workbench-journal", "workbench-jour")
        .replace(r#"{"Paused":true}"#, r#"{"Paused":tr"#);
    fs::write(&path, damaged).unwrap();
    let mut reader = JournalReader::new(&path);
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    loop {
        match reader.next_event() {
            Ok(None) => break,
            Ok(Some(event)) => found.push(event),
            Err(error) if error.is_damage() => errors.push(error),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(found, [events()[0].clone(), events()[2].clone()]);
    assert!(matches!(
        errors.as_slice(),
        [
            JournalError::NotAJournal { .. },
            JournalError::Garbage { line: 3, .. },
            JournalError::Changed {
                first: 1,
                last: 3,
                ..
            }
        ]
    ));
}

#[test]
fn a_line_that_was_changed_added_or_deleted_is_noticed_though_it_is_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut journal = Journal::append_to(&path).unwrap();
    for number in 0..6 {
        journal
            .append(&RunEvent::Warned {
                message: format!("number {number}"),
            })
            .unwrap();
        if number % 2 == 1 {
            journal.sync().unwrap();
        }
    }
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 1 + 6 + 3);
    assert_eq!(read(&path).unwrap().len(), 6);
    let changed = |lines: &[&str]| {
        fs::write(&path, lines.concat()).unwrap();
        match read(&path) {
            Ok(events) => {
                // What was lost is the end, which no seal comes after.
                assert!(events.iter().eq(read_prefix(&text, events.len()).iter()));
                None
            }
            Err(JournalError::Changed { first, last, .. }) => Some((first, last)),
            Err(error) => panic!("{error}"),
        }
    };
    let other = lines[4].replace("number 2", "number 7");
    assert_eq!(
        changed(&[&lines[..4], &[other.as_str()], &lines[5..]].concat()),
        Some((5, 6))
    );
    let added = [&lines[..5], &lines[4..]].concat();
    assert_eq!(changed(&added), Some((5, 7)));
    for at in 1..lines.len() {
        let deleted = [&lines[..at], &lines[at + 1..]].concat();
        assert_eq!(changed(&deleted).is_none(), at == lines.len() - 1, "{at}");
    }
    for end in 1..lines.len() {
        assert_eq!(changed(&lines[..end]), None, "{end}");
    }
    // Without seals it is accepted as it is, as older programs wrote it.
    let unsealed: Vec<&str> = added
        .into_iter()
        .filter(|line| !line.starts_with("{\"Sealed\""))
        .collect();
    fs::write(&path, unsealed.concat()).unwrap();
    assert_eq!(read(&path).unwrap().len(), 7);
    let mut journal = Journal::append_to(&path).unwrap();
    journal.append(&RunEvent::Paused(true)).unwrap();
    journal.sync().unwrap();
    assert_eq!(read(&path).unwrap().len(), 8);
}

#[test]
fn any_bit_of_what_decides_is_noticed_before_the_next_checkpoint_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let applied = |step| RunEvent::CommandApplied {
        id: "a".to_owned(),
        phase: Phase::Student,
        step,
        from: None,
    };
    let mut journal = Journal::append_to(&path).unwrap();
    let written = [events()[0].clone(), applied(57), events()[1].clone()];
    for event in &written {
        journal.append(event).unwrap();
    }
    let whole = fs::read(&path).unwrap();
    assert_eq!(read(&path).unwrap(), written);
    let text = String::from_utf8(whole.clone()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let start = lines[..2].concat().len();
    let end = lines[..4].concat().len();
    for at in start..end {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << bit;
            fs::write(&path, &damaged).unwrap();
            assert!(read(&path).is_err(), "bit {bit} of byte {at}");
        }
    }
    // Without its seal it is torn, as if it had not been written to its end.
    fs::write(&path, lines[..3].concat()).unwrap();
    assert_eq!(read(&path).unwrap(), written[..1]);
    let mut reader = JournalReader::new(&path);
    while reader.next_event().unwrap().is_some() {}
    assert!(reader.has_torn_end());
    write(&path, &[applied(60)]);
    assert_eq!(read(&path).unwrap(), [written[0].clone(), applied(60)]);
    // Older programs wrote no such seals.
    let older = [&lines[..3], &lines[4..]].concat().concat();
    fs::write(&path, older.replacen("\"version\":5", "\"version\":3", 1)).unwrap();
    assert_eq!(read(&path).unwrap(), written);
    // What was taken out of the middle leaves its trace.
    fs::write(&path, [&lines[..3], &lines[4..]].concat().concat()).unwrap();
    assert!(matches!(
        read(&path),
        Err(JournalError::Changed {
            first: 3,
            last: 3,
            ..
        })
    ));
}

#[test]
fn the_end_of_a_process_comes_right_behind_a_seal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    written(&path);
    let text = fs::read_to_string(&path).unwrap();
    for damaged in [
        format!("{text}{{\"RunEnded\":\"Completed\"}}\n"),
        text.replace("{\"RunEnded\"", "{\"Paused\":false}\n{\"RunEnded\""),
    ] {
        fs::write(&path, damaged).unwrap();
        assert!(matches!(read(&path), Err(JournalError::Changed { .. })));
        // Who only looks gets every event all the same.
        let (mut reader, mut seen) = (JournalReader::new(&path), 0);
        loop {
            match reader.next_event() {
                Ok(Some(_)) => seen += 1,
                Ok(None) => break,
                Err(error) => assert!(error.is_damage()),
            }
        }
        assert_eq!(seen, 4);
    }
}

/// The first events of a journal's text.
fn read_prefix(text: &str, count: usize) -> Vec<RunEvent> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    fs::write(&path, text).unwrap();
    let mut events = read(&path).unwrap();
    events.truncate(count);
    events
}

#[test]
fn what_ends_a_process_is_the_last_line_though_it_is_synced_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    written(&path);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().last(), Some(r#"{"RunEnded":"Completed"}"#));
    assert_eq!(text.matches("Sealed").count(), 1);
}

#[test]
fn a_line_that_is_nested_without_end_is_garbage_and_overflows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    write(&path, &events()[..2]);
    let whole = fs::read_to_string(&path).unwrap();
    for opening in ["[", "{\"a\":", "{\"Warned\":{\"x\":[", "{\"RoundEnded\":["] {
        fs::write(&path, format!("{whole}{}\n", opening.repeat(1_000_000))).unwrap();
        let error = read(&path).unwrap_err();
        assert!(matches!(error, JournalError::Garbage { line: 5, .. }));
        assert!(error.to_string().len() < 1000);
    }
}

#[test]
fn zeros_at_the_end_are_torn_off_however_many_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    written(&path);
    let length = fs::metadata(&path).unwrap().len();
    for zeros in [1, 511, 1 << 40] {
        grow_sparse(&path, zeros);
        assert_eq!(read(&path).unwrap(), events());
        drop(Journal::append_to(&path).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().len(), length);
    }
}

#[test]
fn an_event_that_could_not_be_read_back_for_its_length_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let mut journal = Journal::append_to(&path).unwrap();
    let warned = |length| RunEvent::Warned {
        message: "x".repeat(length),
    };
    let error = journal.append(&warned(LONGEST_LINE)).unwrap_err();
    assert!(matches!(error, JournalError::Unstorable { .. }));
    journal.append(&warned(LONGEST_LINE / 2)).unwrap();
    assert_eq!(read(&path).unwrap(), [warned(LONGEST_LINE / 2)]);
}

#[test]
fn a_pipe_or_a_folder_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    make_pipe(&path);
    for error in [
        read(&path).unwrap_err(),
        Journal::append_to(&path).unwrap_err(),
        read(folder.path()).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.ends_with("not a regular file"), "{text}");
        assert!(!error.is_damage());
    }
}

#[test]
fn a_newer_journal_is_refused_for_reading_and_writing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let text = "{\"format\":\"workbench-journal\",\"version\":99}\n";
    fs::write(&path, text).unwrap();
    let expected = format!("version 99, and this version reads up to {JOURNAL_VERSION}");
    let expected = expected.as_str();
    assert!(read(&path).unwrap_err().to_string().contains(expected));
    let error = Journal::append_to(&path).unwrap_err().to_string();
    assert!(error.contains(expected));
    let mut reader = JournalReader::new(&path);
    for _ in 0..2 {
        let error = reader.next_event().unwrap_err();
        assert!(error.to_string().contains(expected) && !error.is_damage());
    }
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

#[test]
fn of_a_long_journal_no_more_is_kept_than_decides_how_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let saved = |step| RunEvent::CheckpointSaved {
        at: Position {
            phase: Phase::Student,
            step,
        },
        folder: "latest".into(),
        best: false,
        weights: None,
    };
    let command = RunEvent::CommandReceived(CommandRecord {
        id: "a".to_owned(),
        origin: Origin::User,
        command: Command::Pause,
    });
    let mut journal = Journal::append_to(&path).unwrap();
    for step in 0..1000 {
        let message = format!("warning {step}");
        for event in [
            RunEvent::Paused(true),
            RunEvent::Warned { message },
            saved(step),
        ] {
            journal.append(&event).unwrap();
        }
        if step == 500 {
            journal.append(&command).unwrap();
        }
    }
    let ended = RunEvent::RunEnded(Outcome::Completed);
    journal.append(&ended).unwrap();
    drop(journal);
    let mut before = RunStore::new();
    let kept = JournalReader::new(&path).read_decisive(Some(&mut before));
    assert_eq!(kept.unwrap(), [saved(500), command, saved(999), ended]);
    let mut whole = RunStore::new();
    for event in read(&path).unwrap() {
        whole.apply_journalled(&event);
    }
    assert_eq!(before, whole);
    assert_eq!(before.warnings.len(), 1000);
}
