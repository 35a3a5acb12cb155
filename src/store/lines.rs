//! Files of lines that another process may be appending to.
//!
//! A line is kept in memory only up to a limit, and what is not a line yet is
//! not read again until the file changes, so that neither a line without an end
//! nor gigabytes of nothing cost more than once.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::untrusted::files::next_data;
use crate::untrusted::{FileId, open_regular};

/// Bytes read at a time.
const CHUNK: usize = 64 * 1024;

/// Bytes before the end of the last line by which a file is known again.
const KNOWN_AGAIN: usize = 256;

/// Reads complete lines and remembers where it is, so that asking again after
/// the file has grown gives what is new. What follows the last line feed is a
/// line that is being written, or one whose writer died: it is not a line yet.
#[derive(Debug)]
pub(super) struct LineReader {
    path: PathBuf,
    /// Bytes of the longest line.
    limit: usize,
    reader: Option<BufReader<File>>,
    /// The line that was read last.
    line: Vec<u8>,
    /// Whether that line is too long to be kept.
    oversized: bool,
    /// Bytes of the complete lines returned so far.
    offset: u64,
    number: u64,
    torn: Option<Torn>,
    seen: Option<Seen>,
    /// What stands before the offset, when the end was reached.
    known: Vec<u8>,
}

/// What follows the last line.
#[derive(Debug)]
struct Torn {
    length: u64,
    /// Whether it is more than a line can be: then it is not read again.
    oversized: bool,
    modified: SystemTime,
}

/// What is looked at to see whether a file changed.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    id: FileId,
    length: u64,
    modified: SystemTime,
}

impl LineReader {
    /// A reader at the start of the file, which need not exist yet. A line of
    /// more than `limit` bytes is passed over.
    pub(super) fn new(path: &Path, limit: usize) -> Self {
        Self {
            path: path.to_owned(),
            limit,
            reader: None,
            line: Vec::new(),
            oversized: false,
            offset: 0,
            number: 0,
            torn: None,
            seen: None,
            known: Vec::new(),
        }
    }

    /// Goes to the next complete line; false if there is none yet.
    pub(super) fn advance(&mut self) -> io::Result<bool> {
        if self.reader.is_none() {
            self.reader = match open_regular(&self.path) {
                Ok(file) => Some(BufReader::with_capacity(CHUNK, file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            };
        }
        let Some(reader) = &mut self.reader else {
            return Ok(false);
        };
        self.line.clear();
        self.oversized = false;
        let mut length = 0;
        if let Some(torn) = self.torn.take() {
            let now = reader.get_ref().metadata()?;
            let end = self.offset + torn.length;
            if now.len() == end && now.modified()? == torn.modified {
                self.torn = Some(torn);
                return Ok(false);
            }
            // A writer that comes back after a crash cuts a torn line off before
            // it appends, so what was read of it can't be kept.
            if torn.oversized && now.len() > end {
                self.oversized = true;
                length = torn.length;
            }
            reader.seek(SeekFrom::Start(self.offset + length))?;
        }
        loop {
            let before = self.line.len();
            let read = reader
                .by_ref()
                .take(CHUNK as u64)
                .read_until(b'\n', &mut self.line)?;
            length += read as u64;
            let new = &self.line[before..];
            if new.ends_with(b"\n") {
                self.line.pop();
                self.oversized |= self.line.len() > self.limit;
                self.offset += length;
                self.number += 1;
                return Ok(true);
            }
            if read == 0 {
                self.torn = if length == 0 {
                    None
                } else {
                    Some(Torn {
                        length,
                        oversized: self.oversized,
                        modified: reader.get_ref().metadata()?.modified()?,
                    })
                };
                // What waits for the rest of a line needs no room meanwhile.
                self.line = Vec::new();
                return Ok(false);
            }
            // No text holds a zero, least of all so many.
            let nothing = read == CHUNK && new.iter().all(|&byte| byte == 0);
            self.oversized |= nothing || self.line.len() > self.limit;
            if self.oversized {
                self.line = Vec::new();
            }
            if nothing {
                length = pass_hole(reader, self.offset + length)? - self.offset;
            }
        }
    }

    /// The line that was reached, without its line feed; none if it is too long.
    pub(super) fn line(&self) -> Option<&[u8]> {
        (!self.oversized).then_some(&self.line)
    }

    /// Its number, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Skips what is there: the next line is one that is still to come.
    pub(super) fn skip_all(&mut self) -> io::Result<()> {
        while self.advance()? {}
        Ok(())
    }

    /// Bytes up to the end of the last complete line that was returned.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether something followed the last line when the end was reached.
    pub(super) fn has_torn_end(&self) -> bool {
        self.torn.is_some()
    }

    /// Whether what followed it is already too long to become one.
    pub(super) fn has_oversized_end(&self) -> bool {
        self.torn.as_ref().is_some_and(|torn| torn.oversized)
    }

    /// Looks whether the file changed since the last look, which costs next to
    /// nothing if it did not. One that was removed, replaced, cut or written
    /// anew is read from its start.
    pub(super) fn look(&mut self) -> io::Result<bool> {
        let metadata = match fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.start_over();
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let seen = Seen {
            id: FileId::of(&metadata),
            length: metadata.len(),
            modified: metadata.modified()?,
        };
        if self.seen.as_ref() == Some(&seen) {
            return Ok(false);
        }
        if self.reader.is_some() && !self.is_known_again(&metadata)? {
            self.start_over();
        }
        self.seen = Some(seen);
        Ok(true)
    }

    /// Remembers the end of the last line, by which [`look`](Self::look) knows
    /// the file again.
    pub(super) fn remember(&mut self) -> io::Result<()> {
        if let Some(reader) = &self.reader {
            let length = KNOWN_AGAIN.min(self.offset as usize);
            self.known.resize(length, 0);
            let begin = self.offset - length as u64;
            reader.get_ref().read_exact_at(&mut self.known, begin)?;
        }
        Ok(())
    }

    /// Whether the file is the one that is open, and still begins with the lines
    /// that were read from it.
    fn is_known_again(&self, now: &Metadata) -> io::Result<bool> {
        let Some(reader) = &self.reader else {
            return Ok(false);
        };
        let file = reader.get_ref();
        if FileId::of(&file.metadata()?) != FileId::of(now) || now.len() < self.offset {
            return Ok(false);
        }
        let mut there = vec![0; self.known.len()];
        let Some(begin) = self.offset.checked_sub(there.len() as u64) else {
            return Ok(false);
        };
        match file.read_exact_at(&mut there, begin) {
            Ok(()) => Ok(there == self.known),
            // It was cut at this very moment.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn start_over(&mut self) {
        if self.reader.is_some() || self.seen.is_some() {
            *self = Self::new(&self.path, self.limit);
        }
    }
}

/// Puts the reader where the next byte may be that is not in a hole, and says
/// where that is.
fn pass_hole(reader: &mut BufReader<File>, at: u64) -> io::Result<u64> {
    let next = match next_data(reader.get_ref(), at)? {
        Some(next) => next,
        None => reader.get_ref().metadata()?.len().max(at),
    };
    reader.seek(SeekFrom::Start(next))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::untrusted::testing::{grow_sparse, make_pipe};

    const LIMIT: usize = 1 << 20;

    fn texts(reader: &mut LineReader) -> Vec<String> {
        let mut texts = Vec::new();
        while reader.advance().unwrap() {
            let line = reader.line().map(<[u8]>::to_vec);
            texts.push(line.map_or("oversized".to_owned(), |line| {
                String::from_utf8(line).unwrap()
            }));
        }
        texts
    }

    fn append(path: &Path, bytes: &[u8]) {
        let mut file = File::options()
            .append(true)
            .create(true)
            .open(path)
            .unwrap();
        file.write_all(bytes).unwrap();
    }

    #[test]
    fn a_line_is_given_once_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut reader = LineReader::new(&path, LIMIT);
        assert!(texts(&mut reader).is_empty());
        append(&path, b"one\ntw");
        assert_eq!(texts(&mut reader), ["one"]);
        assert!(reader.has_torn_end());
        assert!(texts(&mut reader).is_empty() && reader.has_torn_end());
        append(&path, b"o\n\n");
        assert_eq!(texts(&mut reader), ["two", ""]);
        assert!(!reader.has_torn_end());
        assert_eq!((reader.offset(), reader.number()), (9, 3));
    }

    #[test]
    fn a_torn_line_that_was_cut_off_and_replaced_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        append(&path, b"one\ntorn");
        let mut reader = LineReader::new(&path, LIMIT);
        assert_eq!(texts(&mut reader), ["one"]);
        fs::write(&path, "one\nwhole again\n").unwrap();
        assert_eq!(texts(&mut reader), ["whole again"]);
    }

    #[test]
    fn lines_longer_than_a_chunk_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let long = "x".repeat(3 * CHUNK + 17);
        fs::write(&path, format!("{long}\nshort\n{long}\n")).unwrap();
        let lines = texts(&mut LineReader::new(&path, LIMIT));
        assert!(lines == [long.as_str(), "short", long.as_str()]);
    }

    #[test]
    fn a_line_longer_than_the_limit_is_passed_over_without_being_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let fits = "x".repeat(LIMIT);
        fs::write(
            &path,
            format!("{fits}\n{fits}x\n{fits}{fits}{fits}\nlast\n"),
        )
        .unwrap();
        let mut reader = LineReader::new(&path, LIMIT);
        assert!(texts(&mut reader) == [fits.as_str(), "oversized", "oversized", "last"]);
        assert_eq!(reader.number(), 4);
        assert!(reader.line.capacity() <= CHUNK);
    }

    #[test]
    fn a_line_without_an_end_is_read_once_and_not_at_every_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        append(&path, &vec![b'x'; 8 * LIMIT]);
        let mut reader = LineReader::new(&path, LIMIT);
        assert!(texts(&mut reader).is_empty() && reader.has_oversized_end());
        assert!(reader.line.capacity() == 0);
        let started = std::time::Instant::now();
        for _ in 0..1000 {
            append(&path, b"x");
            assert!(texts(&mut reader).is_empty());
        }
        // Reading all of it each time would be eight gigabytes.
        assert!(
            started.elapsed().as_secs_f64() < 2.0,
            "{:?}",
            started.elapsed()
        );
        append(&path, b"\nnext\n");
        assert_eq!(texts(&mut reader), ["oversized", "next"]);
    }

    #[test]
    fn gigabytes_of_nothing_cost_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        append(&path, b"one\n");
        grow_sparse(&path, 1 << 40);
        let mut reader = LineReader::new(&path, LIMIT);
        assert_eq!(texts(&mut reader), ["one"]);
        assert!(reader.has_oversized_end() && reader.offset() == 4);
        append(&path, b"\ntwo\n");
        assert_eq!(texts(&mut reader), ["oversized", "two"]);
        assert_eq!(reader.offset(), fs::metadata(&path).unwrap().len());
    }

    #[test]
    fn a_file_that_is_removed_replaced_cut_or_written_anew_is_read_from_its_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut reader = LineReader::new(&path, LIMIT);
        let mut next = || {
            let changed = reader.look().unwrap();
            let texts = texts(&mut reader);
            reader.remember().unwrap();
            assert!(changed || texts.is_empty());
            texts
        };
        assert!(next().is_empty());
        append(&path, b"one\n");
        assert_eq!(next(), ["one"]);
        assert!(next().is_empty());
        append(&path, b"two\n");
        assert_eq!(next(), ["two"]);
        fs::remove_file(&path).unwrap();
        assert!(next().is_empty());
        fs::write(&path, "three\nfour\n").unwrap();
        assert_eq!(next(), ["three", "four"]);
        let beside = folder.path().join("beside");
        fs::write(&beside, "three\nfour\nfive\n").unwrap();
        fs::rename(&beside, &path).unwrap();
        assert_eq!(next(), ["three", "four", "five"]);
        fs::write(&path, "cut\n").unwrap();
        assert_eq!(next(), ["cut"]);
        fs::write(&path, "written anew\n").unwrap();
        assert_eq!(next(), ["written anew"]);
    }

    #[test]
    fn a_pipe_is_an_error_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        make_pipe(&path);
        let error = LineReader::new(&path, LIMIT).advance().unwrap_err();
        assert!(error.to_string().starts_with("it is a pipe"));
    }
}
