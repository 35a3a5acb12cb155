//! `commands.jsonl`: requests of other processes to a running training, one
//! JSON [`CommandRecord`] a line, only ever appended to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::Value;

use super::lines::LineReader;
use crate::event::{CommandRecord, Origin};
use crate::format;
use crate::untrusted::files::open_regular_with;

/// Bytes of the longest command: as many as an experiment file may have, from
/// which its schedule may come.
const LONGEST: usize = 1 << 20;

/// Lines that are read at a time, commands or not; the others are read next, so
/// that no file keeps a training from its steps.
const MOST_AT_ONCE: usize = 1000;

/// Problems that are reported of one file; a process that fills it with others would fill
/// the journal.
const MOST_PROBLEMS: usize = 20;

/// Characters of a problem.
const LONGEST_PROBLEM: usize = 300;

/// Asks the training that runs in the folder of this commands file.
///
/// # Errors
/// What the file system says, or that a schedule holds NaN or is too long.
pub fn append_command(path: &Path, record: &CommandRecord) -> io::Result<()> {
    let mut line = Vec::new();
    let mut file = open_regular_with(path, File::options().read(true).append(true).create(true))?;
    if ends_torn(&mut file)? {
        // Somebody died while writing. Its line is given up, not ours.
        line.push(b'\n');
    }
    let text = serde_json::to_vec(record)?;
    serde_json::from_slice::<CommandRecord>(&text)?;
    if text.len() > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "the command takes {} bytes, and at most {} are read",
                text.len(),
                format::binary(LONGEST as u64)
            ),
        ));
    }
    line.extend(text);
    line.push(b'\n');
    file.write_all(&line)
}

fn ends_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Commands that were received, by their ids: as hashes, because schedules are
/// long.
#[derive(Debug, Clone, Default)]
pub struct ReceivedCommands(BTreeMap<String, Vec<blake3::Hash>>);

/// What a command is beside those received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Not received before.
    New,
    /// Received before: the file is read from its start by every process.
    Again,
    /// Another one was received under this id.
    SameId,
}

impl ReceivedCommands {
    /// Receives a command.
    pub fn receive(&mut self, record: &CommandRecord) -> Received {
        let text = serde_json::to_vec(&record.command).unwrap_or_default();
        let hash = blake3::hash(&text);
        let hashes = self.0.entry(record.id.clone()).or_default();
        let received = if hashes.contains(&hash) {
            return Received::Again;
        } else if hashes.is_empty() {
            Received::New
        } else {
            Received::SameId
        };
        hashes.push(hash);
        received
    }
}

impl<'a> FromIterator<&'a CommandRecord> for ReceivedCommands {
    fn from_iter<I: IntoIterator<Item = &'a CommandRecord>>(records: I) -> Self {
        let mut received = Self::default();
        for record in records {
            received.receive(record);
        }
        received
    }
}

/// Reads commands as they arrive. Asking costs one look at the file's entry as
/// long as nothing arrives.
///
/// A file that is removed, replaced or written anew is read from its start;
/// commands have ids, by which the training knows them again.
#[derive(Debug)]
pub struct CommandTail {
    lines: LineReader,
    /// Whether there may be more lines than were read.
    is_behind: bool,
    problems: Vec<String>,
    reported: BTreeSet<String>,
}

impl CommandTail {
    /// A tail that gives every command in the file, which need not exist yet.
    #[must_use]
    pub fn from_start(path: &Path) -> Self {
        Self {
            lines: LineReader::new(path, LONGEST),
            is_behind: false,
            problems: Vec::new(),
            reported: BTreeSet::new(),
        }
    }

    /// A tail that gives commands that are still to come: those already there
    /// were meant for an earlier process of the run.
    ///
    /// # Errors
    /// What the file system says.
    pub fn from_end(path: &Path) -> io::Result<Self> {
        let mut tail = Self::from_start(path);
        tail.lines.look()?;
        tail.lines.skip_all()?;
        tail.lines.remember()?;
        Ok(tail)
    }

    /// Commands that arrived since the last call, oldest first. Lines that are
    /// no commands are left out and reported by
    /// [`take_problems`](Self::take_problems).
    pub fn poll(&mut self) -> Vec<CommandRecord> {
        let mut commands = Vec::new();
        match self.lines.look() {
            Ok(changed) if changed || self.is_behind => {
                if let Err(error) = self.read(&mut commands) {
                    self.report(&format!("could not be read: {error}"));
                }
            }
            Ok(_) => {}
            Err(error) => self.report(&format!("could not be looked at: {error}")),
        }
        commands
    }

    fn read(&mut self, commands: &mut Vec<CommandRecord>) -> io::Result<()> {
        for _ in 0..MOST_AT_ONCE {
            self.is_behind = self.lines.advance()?;
            if !self.is_behind {
                if self.lines.has_oversized_end() {
                    self.report(&oversized(self.lines.number() + 1));
                }
                return self.lines.remember();
            }
            let number = self.lines.number();
            match self.lines.line() {
                None => self.report(&oversized(number)),
                Some(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                Some(line) => match command(line) {
                    Ok(command) => commands.push(command),
                    Err(why) => self.report(&format!("line {number}: not a command: {why}")),
                },
            }
        }
        Ok(())
    }

    /// Notes a problem that was not reported yet, of a line or of what it asks for.
    pub fn report(&mut self, problem: &str) {
        let problem: String = problem.chars().take(LONGEST_PROBLEM).collect();
        if self.reported.len() > MOST_PROBLEMS || self.reported.contains(&problem) {
            return;
        }
        if self.reported.len() == MOST_PROBLEMS {
            let more = "commands.jsonl: further errors are not shown";
            self.problems.push(more.to_owned());
        } else {
            self.problems.push(format!("commands.jsonl: {problem}"));
        }
        self.reported.insert(problem);
    }

    /// What was wrong since the last call, for a warning: each problem once.
    pub fn take_problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }
}

/// The command of a line. What others write is taken at its word or not at all: only
/// this process knows what it applies again and which signals it got.
fn command(line: &[u8]) -> Result<CommandRecord, String> {
    let record: CommandRecord = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if let Origin::Replay | Origin::Signal = record.origin {
        return Err(format!(
            "`origin` cannot be {:?}; another process's is Process",
            record.origin
        ));
    }
    let written = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let read = serde_json::to_value(&record).map_err(|error| error.to_string())?;
    match unknown_field(&written, &read) {
        Some(name) => Err(format!("unknown field `{name}`")),
        None => Ok(record),
    }
}

/// A field that was written and not read.
fn unknown_field<'w>(written: &'w Value, read: &Value) -> Option<&'w str> {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            written
                .iter()
                .find_map(|(name, value)| match read.get(name) {
                    Some(read) => unknown_field(value, read),
                    // An absent value may be written out.
                    None => (!value.is_null()).then_some(name.as_str()),
                })
        }
        _ => None,
    }
}

fn oversized(number: u64) -> String {
    format!(
        "line {number} is longer than {} or filled with zeros, which is not a command; skipped",
        format::binary(LONGEST as u64)
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::event::Command;
    use crate::untrusted::testing::{grow_sparse, make_pipe};

    fn command(id: &str) -> CommandRecord {
        CommandRecord {
            id: id.to_owned(),
            origin: Origin::Process,
            command: Command::Pause,
        }
    }

    #[test]
    fn commands_are_given_once_each_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commands.jsonl");
        let mut tail = CommandTail::from_start(&path);
        assert!(tail.poll().is_empty());
        append_command(&path, &command("a")).unwrap();
        append_command(&path, &command("b")).unwrap();
        assert_eq!(tail.poll(), [command("a"), command("b")]);
        append_command(&path, &command("c")).unwrap();
        assert_eq!(tail.poll(), [command("c")]);
        assert!(tail.take_problems().is_empty());
    }

    #[test]
    fn a_line_that_claims_what_only_the_training_knows_or_says_more_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commands.jsonl");
        let line = |origin: &str, more: &str, command: &str| {
            format!("{{\"id\":\"{origin}\",\"origin\":\"{origin}\"{more},\"command\":{command}}}\n")
        };
        let extend = |more: &str| format!("{{\"Extend\":{{\"epochs\":9{more}}}}}");
        let text = [
            line("Replay", "", &extend("")),
            line("Signal", "", "\"Stop\""),
            line("Process", ",\"when\":\"step 5\"", "\"Pause\""),
            line("Process", "", &extend(",\"schedule_end\":5")),
            line("File", "", &extend(",\"schedules_end\":null")),
        ];
        fs::write(&path, text.concat()).unwrap();
        let mut tail = CommandTail::from_start(&path);
        let taken: Vec<String> = tail.poll().into_iter().map(|it| it.id).collect();
        assert_eq!(taken, ["File"]);
        let refused = tail.take_problems();
        let refused: Vec<&str> = refused
            .iter()
            .filter_map(|line| line.split("not a command: ").nth(1))
            .collect();
        assert_eq!(
            refused,
            [
                "`origin` cannot be Replay; another process's is Process",
                "`origin` cannot be Signal; another process's is Process",
                "unknown field `when`",
                "unknown field `schedule_end`",
            ]
        );
    }

    #[test]
    fn a_tail_from_the_end_leaves_out_what_was_meant_for_an_earlier_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commands.jsonl");
        append_command(&path, &command("old")).unwrap();
        let mut tail = CommandTail::from_end(&path).unwrap();
        append_command(&path, &command("new")).unwrap();
        assert_eq!(tail.poll(), [command("new")]);
    }

    #[test]
    fn a_torn_line_costs_itself_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commands.jsonl");
        append_command(&path, &command("a")).unwrap();
        let mut text = fs::read(&path).unwrap();
        text.extend(b"{\"id\":\"to");
        fs::write(&path, text).unwrap();
        let mut tail = CommandTail::from_start(&path);
        assert_eq!(tail.poll(), [command("a")]);
        append_command(&path, &command("b")).unwrap();
        assert_eq!(tail.poll(), [command("b")]);
        let problems = tail.take_problems();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("commands.jsonl: line 2: not a command"));
    }

    #[test]
    fn a_pipe_or_a_folder_is_reported_once_and_the_file_that_takes_its_place_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commands.jsonl");
        let mut tail = CommandTail::from_start(&path);
        make_pipe(&path);
        for _ in 0..3 {
            assert!(tail.poll().is_empty());
        }
        let problems = tail.take_problems();
        assert_eq!(
            problems,
            ["commands.jsonl: could not be read: it is a pipe, not a regular file"]
        );
        assert!(append_command(&path, &command("a")).is_err());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        for _ in 0..3 {
            assert!(tail.poll().is_empty());
        }
        assert_eq!(tail.take_problems().len(), 1);
        fs::remove_dir(&path).unwrap();
        append_command(&path, &command("a")).unwrap();
        assert_eq!(tail.poll(), [command("a")]);
    }

    #[test]
    fn a_file_that_was_removed_or_written_over_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commands.jsonl");
        let mut tail = CommandTail::from_start(&path);
        append_command(&path, &command("a")).unwrap();
        assert_eq!(tail.poll(), [command("a")]);
        fs::remove_file(&path).unwrap();
        append_command(&path, &command("b")).unwrap();
        assert_eq!(tail.poll(), [command("b")]);
        fs::remove_file(&path).unwrap();
        assert!(tail.poll().is_empty());
        append_command(&path, &command("c")).unwrap();
        assert_eq!(tail.poll(), [command("c")]);
        // As `>` of a shell does, with a line of the same length.
        let line = fs::read_to_string(&path).unwrap().replace("\"c\"", "\"d\"");
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&path, line).unwrap();
        assert_eq!(tail.poll(), [command("d")]);
        assert!(tail.take_problems().is_empty());
    }

    #[test]
    fn hundreds_of_megabytes_without_a_line_feed_are_one_problem_and_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commands.jsonl");
        append_command(&path, &command("a")).unwrap();
        let mut file = File::options().append(true).open(&path).unwrap();
        for _ in 0..64 {
            file.write_all(&vec![b'x'; LONGEST]).unwrap();
        }
        grow_sparse(&path, 1 << 40);
        let mut tail = CommandTail::from_start(&path);
        assert_eq!(tail.poll(), [command("a")]);
        assert!(tail.poll().is_empty());
        assert_eq!(
            tail.take_problems(),
            [format!("commands.jsonl: {}", oversized(2))]
        );
        append_command(&path, &command("b")).unwrap();
        assert_eq!(tail.poll(), [command("b")]);
        assert!(tail.take_problems().is_empty());
    }

    #[test]
    fn a_flood_of_nonsense_is_read_bit_by_bit_and_does_not_become_a_flood_of_warnings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commands.jsonl");
        let long = format!("{{\"{}\":1}}\n", "x".repeat(LONGEST / 2));
        let deep = format!("{}\n", "[".repeat(LONGEST / 2));
        let nonsense = "nonsense\n".repeat(10_000);
        fs::write(&path, format!("{long}{deep}{nonsense}")).unwrap();
        let mut tail = CommandTail::from_start(&path);
        assert!(tail.poll().is_empty());
        let problems = tail.take_problems();
        assert_eq!(problems.len(), MOST_PROBLEMS + 1);
        assert_eq!(tail.lines.number(), MOST_AT_ONCE as u64);
        for _ in 0..10 {
            assert!(tail.poll().is_empty());
        }
        assert_eq!(tail.lines.number(), 10_002);
        assert!(
            problems
                .iter()
                .all(|problem| problem.len() < 4 * LONGEST_PROBLEM)
        );
        append_command(&path, &command("b")).unwrap();
        assert_eq!(tail.poll(), [command("b")]);
    }

    #[test]
    fn more_commands_than_are_read_at_once_are_given_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("commands.jsonl");
        let line = serde_json::to_string(&command("a")).unwrap() + "\n";
        fs::write(&path, line.repeat(MOST_AT_ONCE + 5)).unwrap();
        let mut tail = CommandTail::from_start(&path);
        assert_eq!(tail.poll().len(), MOST_AT_ONCE);
        assert_eq!(tail.poll().len(), 5);
        assert!(tail.poll().is_empty());
    }
}
