//! Reading a series, also while it is being written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::block::{FILE_HEADER, FILE_MAGIC, HEADER, Header, Kind, VERSION};
use super::{SeriesError, failed};
use crate::event::Phase;
use crate::store::table::Tables;

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
}

/// What stands at a place where a block may begin.
enum Found {
    Block(Header),
    /// The end, or an incomplete block.
    End,
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
        }
    }

    /// Appends what is new to `tables`. Returns whether anything was.
    pub fn read_into(&mut self, tables: &mut Tables) -> Result<bool, SeriesError> {
        let begun = self.offset;
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
            if !self.read_payload(&header)? {
                break;
            }
            match header.kind {
                Kind::Rewind => tables.rewind(header.position()),
                Kind::Rows => {
                    let total = expected[usize::from(header.phase == Phase::Student)];
                    let table = tables.of_mut(header.phase);
                    if header.append(&self.payload, table, total).is_none() {
                        return Err(self.damaged("its columns do not add up"));
                    }
                }
            }
            self.offset += (HEADER + self.payload.len()) as u64;
        }
        Ok(self.offset > begun)
    }

    /// Whether an incomplete block followed, when the end was reached.
    #[must_use]
    pub fn has_torn_end(&self) -> bool {
        self.torn
    }

    /// Goes to the end without keeping anything; returns where complete blocks
    /// end, 0 if not even the file's header is complete.
    pub(super) fn skip_all(&mut self) -> Result<u64, SeriesError> {
        if !self.read_file_header()? {
            return Ok(0);
        }
        while let Found::Block(header) = self.header_at(self.offset)? {
            if !self.read_payload(&header)? {
                break;
            }
            self.offset += (HEADER + self.payload.len()) as u64;
        }
        Ok(self.offset)
    }

    /// Rows from here to the end, by training.
    fn count_rows(&mut self) -> Result<[usize; 2], SeriesError> {
        let mut rows = [0, 0];
        let mut at = self.offset;
        while let Found::Block(header) = self.header_at(at)? {
            rows[usize::from(header.phase == Phase::Student)] += header.rows as usize;
            at += HEADER as u64 + u64::from(header.payload);
        }
        Ok(rows)
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
            self.offset = at;
            return Err(self.damaged("its header does not agree with its checksum"));
        };
        if at + HEADER as u64 + u64::from(header.payload) > self.length()? {
            self.torn = true;
            return Ok(Found::End);
        }
        self.torn = false;
        Ok(Found::Block(header))
    }

    /// Reads the payload of the block at the offset. False if it is damaged
    /// and the last: that is a write that never reached the disk.
    fn read_payload(&mut self, header: &Header) -> Result<bool, SeriesError> {
        let mut payload = std::mem::take(&mut self.payload);
        payload.resize(header.payload as usize, 0);
        let begin = self.offset + HEADER as u64;
        let read = self.read_at(begin, &mut payload)?;
        self.payload = payload;
        if read == self.payload.len() && header.agrees_with(&self.payload) {
            return Ok(true);
        }
        if begin + u64::from(header.payload) >= self.length()? {
            self.torn = true;
            return Ok(false);
        }
        Err(self.damaged("its payload does not agree with its checksum"))
    }

    fn only_zeros_from(&mut self, at: u64) -> Result<bool, SeriesError> {
        let mut rest = Vec::new();
        let path = self.path.clone();
        if let Some(file) = self.file()? {
            file.seek(SeekFrom::Start(at))
                .and_then(|_| file.read_to_end(&mut rest))
                .map_err(|e| failed("read", &path, e))?;
        }
        Ok(rest.iter().all(|&byte| byte == 0))
    }

    fn length(&mut self) -> Result<u64, SeriesError> {
        let path = self.path.clone();
        match self.file()? {
            None => Ok(0),
            Some(file) => Ok(file.metadata().map_err(|e| failed("read", &path, e))?.len()),
        }
    }

    /// Fills `bytes` from the file as far as it goes.
    fn read_at(&mut self, at: u64, bytes: &mut [u8]) -> Result<usize, SeriesError> {
        let path = self.path.clone();
        let Some(file) = self.file()? else {
            return Ok(0);
        };
        let mut read = 0;
        file.seek(SeekFrom::Start(at))
            .map_err(|e| failed("read", &path, e))?;
        while read < bytes.len() {
            match file.read(&mut bytes[read..]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed("read", &path, error)),
            }
        }
        Ok(read)
    }

    fn file(&mut self) -> Result<Option<&mut File>, SeriesError> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed("open", &self.path, error)),
            }
        }
        Ok(self.file.as_mut())
    }

    fn damaged(&self, reason: &'static str) -> SeriesError {
        SeriesError::Damaged {
            path: self.path.clone(),
            offset: self.offset,
            reason,
        }
    }
}
