//! Reading a journal, also while it is being written.

use std::io;
use std::path::{Path, PathBuf};

use super::{FORMAT, Header, JournalError, LONGEST_LINE, Seal, failed};
use crate::event::{JOURNAL_VERSION, RunEvent};
use crate::format;
use crate::store::RunStore;
use crate::store::lines::LineReader;

/// What a seal begins with.
const SEALED: &[u8] = b"{\"Sealed\":";

/// What events begin with that decide how a run is resumed and evaluated.
const DECISIVE: [&[u8]; 4] = [
    b"{\"CommandReceived\":",
    b"{\"CommandApplied\":",
    b"{\"CommandRejected\":",
    b"{\"Evaluated\":",
];
const RUN_ENDED: &[u8] = b"{\"RunEnded\":";

/// The version of the format since which [`decides`] holds.
const SEALS_WHAT_DECIDES: u32 = 4;

/// Whether an event is sealed as it is written.
pub(super) fn decides(line: &[u8]) -> bool {
    DECISIVE.iter().any(|kind| line.starts_with(kind))
}

/// Characters of the reason why a line is no event.
const LONGEST_REASON: usize = 300;

/// Reads a journal from the start, also while it is being written.
#[derive(Debug)]
pub struct JournalReader {
    path: PathBuf,
    lines: LineReader,
    /// Whether the first line was passed, whatever it said.
    started: bool,
    /// What it said.
    version: Option<u32>,
    /// CRC-32C of everything that was read.
    crc: u32,
    /// Number of the line after the last seal.
    unsealed: u64,
    /// A line that decides, whose seal was not read yet.
    pending: Option<Pending>,
    /// A line that decides, with its seal, that [`text`](Self::text) is.
    sealed: Option<Vec<u8>>,
    /// Whether the line that was read last is to be looked at again.
    again: bool,
}

/// A line that decides, and where the lines before it end.
#[derive(Debug)]
struct Pending {
    line: Vec<u8>,
    number: u64,
    before: (u64, u32),
}

/// What was passed on the way to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Skipped {
    /// Bytes of complete lines.
    pub length: u64,
    /// Their checksum; behind a seal that does not agree, what it says.
    pub crc: u32,
    /// Seals that do not agree with what stands before them.
    pub changes: u64,
}

impl JournalReader {
    /// A reader at the start of a journal, which need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            lines: LineReader::new(path, LONGEST_LINE),
            started: false,
            version: None,
            crc: 0,
            unsealed: 1,
            pending: None,
            sealed: None,
            again: false,
        }
    }

    /// The next event; none at the end so far. Asking again after that gives
    /// what was appended since, and asking again after an error that
    /// [is damage](JournalError::is_damage) what is behind it.
    pub fn next_event(&mut self) -> Result<Option<RunEvent>, JournalError> {
        if (!self.started && !self.read_header()?) || !self.advance()? {
            return Ok(None);
        }
        let Some(text) = self.text() else {
            let most = format::binary(LONGEST_LINE as u64);
            return Err(self.garbage(&format!("longer than {most} or filled with zeros")));
        };
        match serde_json::from_slice(text) {
            Ok(event) => Ok(Some(event)),
            Err(error) => Err(self.garbage(&error.to_string())),
        }
    }

    /// Every event from here to the end, for who resumes or replays the run: an
    /// adjustment may have stood in what cannot be read.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read_all(&mut self) -> Result<Vec<RunEvent>, JournalError> {
        let mut events = Vec::new();
        while let Some(event) = self.next_event()? {
            events.push(event);
        }
        Ok(events)
    }

    /// As [`read_all`](Self::read_all), but keeps only what decides how the run is
    /// resumed or replayed. `before` takes in everything: evaluations of many
    /// classes are long, and kept once are long enough.
    ///
    /// # Errors
    /// As [`read_all`](Self::read_all).
    pub fn read_decisive(
        &mut self,
        mut before: Option<&mut RunStore>,
    ) -> Result<Vec<RunEvent>, JournalError> {
        let mut kept = Vec::new();
        let mut has_data = false;
        while let Some(event) = self.next_event()? {
            if let Some(before) = &mut before {
                before.apply_journalled(&event);
            }
            match &event {
                RunEvent::RunStarted { .. }
                | RunEvent::RunForked { .. }
                | RunEvent::StoppedEarly { .. }
                | RunEvent::CommandReceived(_)
                | RunEvent::CommandApplied { .. }
                | RunEvent::CommandRejected { .. } => kept.push(event),
                // The first says what the images were.
                RunEvent::DataIndexed(_) if !has_data => {
                    has_data = true;
                    kept.push(event);
                }
                // The last of a process says where it stood.
                RunEvent::CheckpointSaved { best: false, .. } | RunEvent::RunEnded(_) => {
                    let replaced = kept.pop_if(|last| {
                        std::mem::discriminant(last) == std::mem::discriminant(&event)
                    });
                    drop(replaced);
                    kept.push(event);
                }
                _ => {}
            }
        }
        Ok(kept)
    }

    /// The format's version, once the first line was read.
    #[must_use]
    pub fn version(&self) -> Option<u32> {
        self.version
    }

    /// Whether a torn line followed the last event, when the end was reached.
    #[must_use]
    pub fn has_torn_end(&self) -> bool {
        self.lines.has_torn_end() || self.pending.is_some()
    }

    /// Whether a seal stands behind the last complete line.
    pub(super) fn is_sealed(&self) -> bool {
        self.pending.is_none() && self.unsealed == self.lines.number() + 1
    }

    /// Goes to the end without keeping anything.
    pub(super) fn skip_all(&mut self) -> Result<Skipped, JournalError> {
        let mut changes = 0;
        loop {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => {
                    let (length, crc) = self.whole();
                    return Ok(Skipped {
                        length,
                        crc,
                        changes,
                    });
                }
                Err(error) if error.is_damage() => changes += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the first line; false if there is none yet.
    pub(super) fn read_header(&mut self) -> Result<bool, JournalError> {
        if self.version.is_none() {
            if !self.advance()? {
                return Ok(false);
            }
            let text = self.text().unwrap_or_default();
            let header = serde_json::from_slice::<Header>(text).ok();
            self.version = header
                .filter(|header| header.format == FORMAT)
                .map(|header| header.version);
        }
        match self.version {
            Some(found) if found > JOURNAL_VERSION => Err(JournalError::TooNew {
                path: self.path.clone(),
                found,
            }),
            version => {
                // What follows may be events all the same.
                self.started = true;
                version.map(|_| true).ok_or(JournalError::NotAJournal {
                    path: self.path.clone(),
                })
            }
        }
    }

    /// The line that was read last; none if it is too long.
    fn text(&self) -> Option<&[u8]> {
        self.sealed.as_deref().or_else(|| self.lines.line())
    }

    /// Bytes and checksum of the complete lines. One that decides is complete
    /// with its seal.
    fn whole(&self) -> (u64, u32) {
        let pending = self.pending.as_ref().map(|pending| pending.before);
        pending.unwrap_or((self.lines.offset(), self.crc))
    }

    /// Goes to the next line that is not a seal; false if there is none yet.
    fn advance(&mut self) -> Result<bool, JournalError> {
        self.sealed = None;
        loop {
            let before = (self.lines.offset(), self.crc);
            let again = std::mem::take(&mut self.again);
            if !again && !self.lines.advance().map_err(|e| self.io(e))? {
                return Ok(false);
            }
            let number = self.lines.number();
            let line = self.lines.line().unwrap_or_default();
            if let Some(stated) = seal_of(line) {
                let agrees = stated == self.crc;
                self.crc = after(stated, line);
                let first = std::mem::replace(&mut self.unsealed, number + 1);
                self.sealed = self.pending.take().map(|pending| pending.line);
                if !agrees {
                    self.sealed = None;
                    return Err(self.changed(first, number - 1));
                }
                if self.sealed.is_some() {
                    return Ok(true);
                }
                continue;
            }
            if self
                .version
                .is_some_and(|version| version >= SEALS_WHAT_DECIDES)
            {
                let decides = decides(line);
                // The end of a process comes right behind a seal.
                let is_late = line.starts_with(RUN_ENDED) && self.unsealed != number;
                if let Some(pending) = self.pending.take() {
                    self.again = true;
                    return Err(self.changed(pending.number, pending.number));
                }
                if is_late {
                    self.again = true;
                    let first = std::mem::replace(&mut self.unsealed, number);
                    return Err(self.changed(first, number));
                }
                if decides {
                    self.pending = Some(Pending {
                        line: line.to_vec(),
                        number,
                        before,
                    });
                }
            }
            self.crc = self
                .lines
                .line()
                .map_or(self.crc, |line| after(self.crc, line));
            if self.pending.is_none() {
                return Ok(true);
            }
        }
    }

    fn changed(&self, first: u64, last: u64) -> JournalError {
        JournalError::Changed {
            path: self.path.clone(),
            first,
            last,
        }
    }

    fn garbage(&self, reason: &str) -> JournalError {
        JournalError::Garbage {
            path: self.path.clone(),
            line: self.lines.number(),
            reason: reason.chars().take(LONGEST_REASON).collect(),
        }
    }

    fn io(&self, source: io::Error) -> JournalError {
        failed("read", &self.path, source)
    }
}

/// The checksum that a line states, if it is a seal.
fn seal_of(line: &[u8]) -> Option<u32> {
    if !line.starts_with(SEALED) {
        return None;
    }
    let Seal::Sealed { crc32c } = serde_json::from_slice(line).ok()?;
    Some(crc32c)
}

/// The checksum of what has the checksum `crc`, and a line.
fn after(crc: u32, line: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc, line), b"\n")
}
