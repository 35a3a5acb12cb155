//! The journal: everything that happened in a run, one JSON value a line.
//!
//! The first line is `{"format":"workbench-journal","version":1}`, every other
//! one a [`RunEvent`]. Lines are only ever appended, each with one write, so a
//! process killed at any instant leaves at most one torn line at the end. A
//! torn line is dropped on reading and cut off before the next append. A line
//! in the middle that can't be read was never written by us: it is an error
//! that names the line.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lines::LineReader;
use crate::event::{JOURNAL_VERSION, RunEvent};
use crate::run::append_file::{AppendFile, Refused};

const FORMAT: &str = "workbench-journal";

/// The first line of a journal.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
}

/// A journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refuses.
    #[error("could not {action} the journal {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The journal.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a journal: its first line is not {{\"format\":\"{FORMAT}\",…}}", path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "the journal {} has version {found}, and this program reads up to {JOURNAL_VERSION}; \
         open it with a newer version of the program",
        path.display()
    )]
    TooNew {
        /// The journal.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A line in the middle is no event.
    #[error("{}, line {line}: not an event: {reason}", path.display())]
    Garbage {
        /// The journal.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// An event holds something that can't be read back, such as a schedule
    /// with NaN in it. Nothing was written.
    #[error("an event can't be kept in the journal: {reason}")]
    Unstorable {
        /// What is wrong with it.
        reason: String,
    },
}

/// A journal that is written. Hold the run's lock.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: AppendFile,
}

impl Journal {
    /// Opens a journal to append to, or begins one. A torn last line is cut
    /// off; that the lines before are events is not looked at.
    pub fn append_to(path: &Path) -> Result<Self, JournalError> {
        let mut reader = JournalReader::new(path);
        let begun = reader.read_header()?;
        reader.lines.skip_all().map_err(|e| reader.io(e))?;
        let mut journal = Self {
            path: path.to_owned(),
            file: AppendFile::open(path, reader.lines.offset()).map_err(|e| refused(e, path))?,
        };
        if !begun {
            let header = Header {
                format: FORMAT.to_owned(),
                version: JOURNAL_VERSION,
            };
            journal.write_line(&header)?;
        }
        Ok(journal)
    }

    /// Appends one event. It survives the death of the process; for that of
    /// the machine, [`sync`](Self::sync).
    pub fn append(&mut self, event: &RunEvent) -> Result<(), JournalError> {
        if matches!(event, RunEvent::CommandReceived(_)) {
            must_read_back(event)?;
        }
        self.write_line(event)
    }

    /// Waits until everything appended is on the disk.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.file.sync().map_err(|e| refused(e, &self.path))
    }

    fn write_line(&mut self, value: &impl Serialize) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(value).map_err(|error| JournalError::Unstorable {
            reason: error.to_string(),
        })?;
        line.push(b'\n');
        self.file.append(&line).map_err(|e| refused(e, &self.path))
    }
}

/// Commands come from people and other processes, and are the only events with
/// values that nobody has checked yet.
fn must_read_back(event: &RunEvent) -> Result<(), JournalError> {
    serde_json::to_vec(event)
        .and_then(|line| serde_json::from_slice::<RunEvent>(&line))
        .map(|_| ())
        .map_err(|error| JournalError::Unstorable {
            reason: error.to_string(),
        })
}

/// Reads a journal from the start, also while it is being written.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    lines: LineReader,
    version: Option<u32>,
}

impl JournalReader {
    /// A reader at the start of a journal, which need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            lines: LineReader::new(path),
            version: None,
        }
    }

    /// The next event; none at the end so far. Asking again after that gives
    /// what was appended since.
    pub fn next_event(&mut self) -> Result<Option<RunEvent>, JournalError> {
        if self.version.is_none() && !self.read_header()? {
            return Ok(None);
        }
        let Some((line, text)) = self.lines.next().map_err(|e| self.io(e))? else {
            return Ok(None);
        };
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| JournalError::Garbage {
                path: self.path.clone(),
                line,
                reason: error.to_string(),
            })
    }

    /// Every event from here to the end.
    pub fn read_all(&mut self) -> Result<Vec<RunEvent>, JournalError> {
        let mut events = Vec::new();
        while let Some(event) = self.next_event()? {
            events.push(event);
        }
        Ok(events)
    }

    /// The format's version, once the first line was read.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        self.version
    }

    /// Whether a torn line followed the last event, when the end was reached.
    #[must_use]
    pub fn has_torn_end(&self) -> bool {
        self.lines.has_torn_end()
    }

    /// Reads the first line; false if there is none yet.
    fn read_header(&mut self) -> Result<bool, JournalError> {
        let Some((_, line)) = self.lines.next().map_err(|e| self.io(e))? else {
            return Ok(false);
        };
        let header: Header =
            serde_json::from_slice(&line).map_err(|_| JournalError::NotAJournal {
                path: self.path.clone(),
            })?;
        if header.format != FORMAT {
            return Err(JournalError::NotAJournal {
                path: self.path.clone(),
            });
        }
        if header.version > JOURNAL_VERSION {
            return Err(JournalError::TooNew {
                path: self.path.clone(),
                found: header.version,
            });
        }
        self.version = Some(header.version);
        Ok(true)
    }

    fn io(&self, source: io::Error) -> JournalError {
        failed("read", &self.path, source)
    }
}

fn refused(refused: Refused, path: &Path) -> JournalError {
    failed(refused.action, path, refused.source)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> JournalError {
    JournalError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
