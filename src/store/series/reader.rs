//! Reading a series, also while it is being written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::block::{FILE_HEADER, FILE_MAGIC, HEADER, Header, Kind, VERSION};
use super::{SeriesError, failed};
use crate::event::Phase;
use crate::store::table::Tables;
use crate::untrusted::files::only_zeros_from;
use crate::untrusted::open_regular;

/// Reads blocks and remembers where it is, so that asking again gives what was
/// appended since.
#[derive(Debug)]
pub struct SeriesReader {
    path: PathBuf,
    file: Option<File>,
    /// End of the last complete block.
    offset: u64,
    torn: bool,
    payload: Vec<u8>,
    /// What was passed over: the first damaged block, and how many more.
    passed_over: Option<(SeriesError, u64)>,
}

/// What stands at a place where a block may begin.
enum Found {
    Block(Header),
    /// The end, or an incomplete block.
    End,
}

/// What a block's payload turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Payload {
    Whole,
    /// The last of the file, and damaged: a write that never reached the disk.
    Torn,
    Damaged(&'static str),
}

impl SeriesReader {
    /// A reader at the start of a series, which need not exist yet.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            offset: 0,
            torn: false,
            payload: Vec::new(),
            passed_over: None,
        }
    }

    /// Appends what is new to `tables`. Returns whether anything was. A block
    /// whose rows are damaged is passed over, and reported by
    /// [`problem`](Self::problem).
    ///
    /// # Errors
    /// If the file cannot be read, is no series, or it cannot be known where the
    /// next block begins. What came before is in the tables.
    pub fn read_into(&mut self, tables: &mut Tables) -> Result<bool, SeriesError> {
        let started = self.offset;
        if !self.read_file_header()? {
            return Ok(false);
        }
        let expected = self.count_rows()?;
        for (phase, rows) in [Phase::Teacher, Phase::Student].into_iter().zip(expected) {
            let table = tables.of_mut(phase);
            // Growing is for series that are followed; one that is opened
            // knows its size.
            if table.is_empty() {
                table.reserve(rows);
            }
        }
        while let Found::Block(header) = self.header_at(self.offset)? {
            let mut payload = self.read_payload(&header)?;
            match (payload, header.kind) {
                (Payload::Whole, Kind::Rewind) => tables.rewind(header.position()),
                (Payload::Whole, Kind::Rows) => {
                    let total = expected[usize::from(header.phase == Phase::Student)];
                    let table = tables.of_mut(header.phase);
                    if header.append(&self.payload, table, total).is_none() {
                        payload = Payload::Damaged("its columns do not add up");
                    }
                }
                _ => {}
            }
            match payload {
                Payload::Whole => {}
                Payload::Torn => break,
                Payload::Damaged(reason) => self.pass_over(reason),
            }
            self.offset += (HEADER + self.payload.len()) as u64;
        }
        Ok(self.offset > started)
    }

    /// What was passed over so far, for people.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let (first, more) = self.passed_over.as_ref()?;
        Some(match more {
            0 => first.to_string(),
            1 => format!("{first} (and another block)"),
            more => format!("{first} (and {more} more blocks)"),
        })
    }

    /// Whether an incomplete block followed, when the end was reached.
    #[must_use]
    pub fn has_torn_end(&self) -> bool {
        self.torn
    }

    /// Goes to the end without keeping anything; returns where complete blocks
    /// end, 0 if not even the file's header is complete.
    ///
    /// # Errors
    /// If any block is damaged: nothing is appended behind it.
    pub(super) fn skip_all(&mut self) -> Result<u64, SeriesError> {
        if !self.read_file_header()? {
            return Ok(0);
        }
        while let Found::Block(header) = self.header_at(self.offset)? {
            match self.read_payload(&header)? {
                Payload::Whole => {}
                Payload::Torn => break,
                Payload::Damaged(reason) => return Err(self.damaged(reason)),
            }
            self.offset += (HEADER + self.payload.len()) as u64;
        }
        Ok(self.offset)
    }

    fn pass_over(&mut self, reason: &'static str) {
        let error = self.damaged(reason);
        match &mut self.passed_over {
            Some((_, more)) => *more += 1,
            none => *none = Some((error, 0)),
        }
    }

    /// Rows from here to the end, or to what is damaged, by training.
    fn count_rows(&mut self) -> Result<[usize; 2], SeriesError> {
        let mut rows = [0, 0];
        let mut at = self.offset;
        loop {
            match self.header_at(at) {
                Ok(Found::Block(header)) => {
                    rows[usize::from(header.phase == Phase::Student)] += header.rows as usize;
                    at += HEADER as u64 + u64::from(header.payload);
                }
                Ok(Found::End) | Err(SeriesError::Damaged { .. }) => return Ok(rows),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads the file's header; false if it is not complete yet.
    fn read_file_header(&mut self) -> Result<bool, SeriesError> {
        if self.offset > 0 {
            return Ok(true);
        }
        let mut header = [0; FILE_HEADER];
        if self.read_at(0, &mut header)? < FILE_HEADER {
            return Ok(false);
        }
        let (magic, rest) = header.split_at(FILE_MAGIC.len());
        if magic != FILE_MAGIC {
            return Err(SeriesError::NotASeries {
                path: self.path.clone(),
            });
        }
        let found = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
        if found > VERSION {
            return Err(SeriesError::TooNew {
                path: self.path.clone(),
                found,
            });
        }
        self.offset = FILE_HEADER as u64;
        Ok(true)
    }

    fn header_at(&mut self, at: u64) -> Result<Found, SeriesError> {
        let mut bytes = [0; HEADER];
        let read = self.read_at(at, &mut bytes)?;
        if read < HEADER {
            self.torn = read > 0;
            return Ok(Found::End);
        }
        let Some(header) = Header::read(&bytes).filter(Header::is_plausible) else {
            // After a loss of power a file may end in zeros that were never
            // written over.
            if self.only_zeros_from(at)? {
                self.torn = true;
                return Ok(Found::End);
            }
            return Err(SeriesError::Damaged {
                path: self.path.clone(),
                offset: at,
                reason: "its header does not match its checksum",
            });
        };
        if at + HEADER as u64 + u64::from(header.payload) > self.length()? {
            self.torn = true;
            return Ok(Found::End);
        }
        self.torn = false;
        Ok(Found::Block(header))
    }

    /// Reads the payload of the block at the offset.
    fn read_payload(&mut self, header: &Header) -> Result<Payload, SeriesError> {
        let mut payload = std::mem::take(&mut self.payload);
        payload.resize(header.payload as usize, 0);
        let begin = self.offset + HEADER as u64;
        let read = self.read_at(begin, &mut payload)?;
        self.payload = payload;
        if read == self.payload.len() && header.agrees_with(&self.payload) {
            return Ok(Payload::Whole);
        }
        let end = begin + u64::from(header.payload);
        if end >= self.length()? || self.only_zeros_from(end)? {
            self.torn = true;
            return Ok(Payload::Torn);
        }
        Ok(Payload::Damaged("its payload does not match its checksum"))
    }

    fn only_zeros_from(&mut self, at: u64) -> Result<bool, SeriesError> {
        self.with_file(|file| only_zeros_from(file, at))
            .map(|only| only.unwrap_or(true))
    }

    fn length(&mut self) -> Result<u64, SeriesError> {
        self.with_file(|file| Ok(file.metadata()?.len()))
            .map(Option::unwrap_or_default)
    }

    /// Fills `bytes` from the file as far as it goes.
    fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> Result<usize, SeriesError> {
        self.with_file(|file| {
            let mut read = 0;
            while read < bytes.len() {
                match file.read_at(&mut bytes[read..], at + read as u64) {
                    Ok(0) => break,
                    Ok(more) => read += more,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(read)
        })
        .map(Option::unwrap_or_default)
    }

    /// Does something with the file; none as long as there is no file.
    fn with_file<T>(
        &mut self,
        work: impl FnOnce(&File) -> io::Result<T>,
    ) -> Result<Option<T>, SeriesError> {
        if self.file.is_none() {
            match open_regular(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed("open", &self.path, error)),
            }
        }
        let done = self.file.as_ref().map(work).transpose();
        done.map_err(|error| failed("read", &self.path, error))
    }

    fn damaged(&self, reason: &'static str) -> SeriesError {
        SeriesError::Damaged {
            path: self.path.clone(),
            offset: self.offset,
            reason,
        }
    }
}
