//! `commands.jsonl`: requests of other processes to a running training, one
//! JSON [`CommandRecord`] a line, only ever appended to.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::lines::LineReader;
use crate::event::CommandRecord;

/// Asks the training that runs in the folder of this commands file.
///
/// # Errors
/// What the file system says, or that a schedule holds NaN.
pub fn append_command(path: &Path, record: &CommandRecord) -> io::Result<()> {
    let mut line = Vec::new();
    let mut file = File::options()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    if ends_torn(&mut file)? {
        // Somebody died while writing. Its line is given up, not ours.
        line.push(b'\n');
    }
    let text = serde_json::to_vec(record)?;
    serde_json::from_slice::<CommandRecord>(&text)?;
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

/// Reads commands as they arrive.
#[derive(Debug)]
pub struct CommandTail {
    lines: LineReader,
    problems: Vec<String>,
}

impl CommandTail {
    /// A tail that gives every command in the file, which need not exist yet.
    #[must_use]
    pub fn from_start(path: &Path) -> Self {
        Self {
            lines: LineReader::new(path),
            problems: Vec::new(),
        }
    }

    /// A tail that gives commands that are still to come: those already there
    /// were meant for an earlier process of the run.
    ///
    /// # Errors
    /// What the file system says.
    pub fn from_end(path: &Path) -> io::Result<Self> {
        let mut tail = Self::from_start(path);
        tail.lines.skip_all()?;
        Ok(tail)
    }

    /// Commands that arrived since the last call, oldest first. Lines that are
    /// no commands are left out and told by
    /// [`take_problems`](Self::take_problems).
    pub fn poll(&mut self) -> Vec<CommandRecord> {
        let mut commands = Vec::new();
        loop {
            match self.lines.next() {
                Ok(None) => return commands,
                Ok(Some((_, line))) if line.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some((number, line))) => match serde_json::from_slice(&line) {
                    Ok(command) => commands.push(command),
                    Err(error) => self.problems.push(format!(
                        "commands.jsonl, line {number}: not a command: {error}"
                    )),
                },
                Err(error) => {
                    self.problems
                        .push(format!("commands.jsonl could not be read: {error}"));
                    return commands;
                }
            }
        }
    }

    /// What was wrong since the last call, for a warning.
    pub fn take_problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::event::{Command, Origin};

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
        assert!(problems[0].starts_with("commands.jsonl, line 2: not a command"));
    }
}
