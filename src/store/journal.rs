//! The journal: everything that happened in a run, one JSON value a line.
//!
//! The first line is `{"format":"workbench-journal","version":1}`, every other
//! one a [`RunEvent`] or a seal. Lines are only ever appended, each with one
//! write, so a process killed at any instant leaves at most one torn line at the
//! end. A torn line is dropped on reading and cut off before the next append.
//!
//! A seal, `{"Sealed":{"crc32c":…}}`, is the checksum of everything before it. It
//! is written before a checkpoint and before the end, and shows that a line was
//! changed, added or taken away since. What decides how a run is resumed or evaluated
//! (commands and evaluations) is written with its seal at once, and is torn without
//! it. Journals of older programs have no seals, or fewer.
//!
//! What cannot be believed is an error that names the line. Reading can continue
//! behind it: who shows a run is better off with what is left of it, who resumes
//! or replays it must not be, because an adjustment may be missing.

mod reader;

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::event::channel::JournalMark;
use crate::event::{JOURNAL_VERSION, RunEvent};
use crate::format;
use crate::run::append_file::{AppendFile, Refused};
use crate::untrusted::{FileId, Show as _};

pub use reader::JournalReader;
use reader::{Skipped, decides};

const FORMAT: &str = "workbench-journal";

/// Bytes of the longest line. An evaluation on 1,000 classes has a confusion
/// matrix of 2 to 4 MiB; this is room for 4,000.
const LONGEST_LINE: usize = 64 << 20;

/// The first line of a journal.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
}

/// What a seal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Seal {
    /// Of all bytes before the line, line feeds included.
    Sealed {
        /// The checksum.
        crc32c: u32,
    },
}

/// A journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refuses.
    #[error("could not {action} the journal {}: {source}", path.shown())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The journal.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a journal: its first line is not {{\"format\":\"{FORMAT}\",…}}", path.shown())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "the journal {} has version {found}, and this version reads up to {JOURNAL_VERSION}; \
         open it with a newer version of the program",
        path.shown()
    )]
    TooNew {
        /// The journal.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A line in the middle is no event.
    #[error(
        "{}, line {line}: not an event: {reason}; restore the file from a copy",
        path.shown()
    )]
    Garbage {
        /// The journal.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Lines are not those that were written.
    #[error(
        "{}: something in lines {first} to {last} was changed, added or deleted since they were \
         written; restore the file from a copy",
        path.shown()
    )]
    Changed {
        /// The journal.
        path: PathBuf,
        /// The first line that may be it, from 1.
        first: u64,
        /// The last.
        last: u64,
    },
    /// An event holds something that can't be read back, such as a schedule
    /// with NaN in it. Nothing was written.
    #[error("an event cannot be kept in the journal: {reason}")]
    Unstorable {
        /// What is wrong with it.
        reason: String,
    },
}

impl JournalError {
    /// Whether reading can continue behind it: something is damaged, the rest is
    /// not.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::NotAJournal { .. } | Self::Garbage { .. } | Self::Changed { .. } => true,
            Self::Io { .. } | Self::TooNew { .. } | Self::Unstorable { .. } => false,
        }
    }
}

/// A journal that is written. Hold the run's lock.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: AppendFile,
    /// CRC-32C of everything in it.
    crc: u32,
    /// Seals in it that did not agree when it was opened.
    changes: u64,
    /// Whether the last line is a seal, or needs none.
    sealed: bool,
}

impl Journal {
    /// Opens a journal to append to, or begins one. A torn last line is cut
    /// off; that the lines before are events is not looked at.
    pub fn append_to(path: &Path) -> Result<Self, JournalError> {
        let mut reader = JournalReader::new(path);
        let started = reader.read_header()?;
        let Skipped {
            length,
            crc,
            changes,
        } = reader.skip_all()?;
        let mut journal = Self {
            path: path.to_owned(),
            file: AppendFile::open(path, length).map_err(|e| refused(e, path))?,
            crc,
            changes,
            sealed: reader.is_sealed(),
        };
        if !started {
            let header = Header {
                format: FORMAT.to_owned(),
                version: JOURNAL_VERSION,
            };
            journal.write(&line_of(&header)?)?;
        }
        Ok(journal)
    }

    /// Appends one event. It survives the death of the process; for that of
    /// the machine, [`sync`](Self::sync).
    pub fn append(&mut self, event: &RunEvent) -> Result<(), JournalError> {
        if matches!(event, RunEvent::CommandReceived(_)) {
            must_read_back(event)?;
        }
        let ends = matches!(event, RunEvent::RunEnded(_));
        if ends {
            self.seal()?;
        }
        let mut lines = line_of(event)?;
        let decides = decides(&lines);
        if decides {
            let crc32c = crc32c::crc32c_append(self.crc, &lines);
            lines.extend(line_of(&Seal::Sealed { crc32c })?);
        }
        self.write(&lines)?;
        // What ends a process stays the last that is read of it.
        self.sealed = ends || decides;
        Ok(())
    }

    /// Seals what was appended and waits until everything is on the disk.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.seal()?;
        self.file.sync().map_err(|e| refused(e, &self.path))
    }

    /// The file that is written, to be held against what its path leads to.
    pub fn id(&self) -> Result<FileId, JournalError> {
        self.file.id().map_err(|e| refused(e, &self.path))
    }

    /// Whether the file has the bytes that were written and no others, by their
    /// number.
    pub fn is_whole(&self) -> Result<bool, JournalError> {
        let found = self.file.length_on_disk();
        Ok(found.map_err(|e| refused(e, &self.path))? == self.file.length())
    }

    /// Reads all of the file again: whether it has what was written.
    pub fn reads_back(&self) -> Result<bool, JournalError> {
        let mut reader = JournalReader::new(&self.path);
        match reader.read_header() {
            Ok(_) => {
                let written = Skipped {
                    length: self.file.length(),
                    crc: self.crc,
                    changes: self.changes,
                };
                Ok(reader.skip_all()? == written)
            }
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How far it is, beside a series of so many bytes with this CRC-32C.
    #[must_use]
    pub fn mark(&self, (series, series_crc32c): (u64, u32)) -> JournalMark {
        JournalMark {
            bytes: self.file.length(),
            crc32c: self.crc,
            series,
            series_crc32c,
        }
    }

    fn seal(&mut self) -> Result<(), JournalError> {
        if !self.sealed {
            self.write(&line_of(&Seal::Sealed { crc32c: self.crc })?)?;
            self.sealed = true;
        }
        Ok(())
    }

    /// Appends complete lines, with one write.
    fn write(&mut self, lines: &[u8]) -> Result<(), JournalError> {
        self.file
            .append(lines)
            .map_err(|e| refused(e, &self.path))?;
        self.crc = crc32c::crc32c_append(self.crc, lines);
        Ok(())
    }
}

fn line_of(value: &impl Serialize) -> Result<Vec<u8>, JournalError> {
    let mut line = serde_json::to_vec(value).map_err(|error| JournalError::Unstorable {
        reason: error.to_string(),
    })?;
    if line.len() > LONGEST_LINE {
        let reason = format!(
            "it takes {} bytes, and a line has at most {}",
            line.len(),
            format::binary(LONGEST_LINE as u64)
        );
        return Err(JournalError::Unstorable { reason });
    }
    line.push(b'\n');
    Ok(line)
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
