//! Files of lines that another process may be appending to.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes asked for at a time.
const CHUNK: u64 = 64 * 1024;

/// Reads complete lines and remembers where it is, so that asking again after
/// the file has grown gives what is new. What follows the last line feed is a
/// line that is being written, or one whose writer died: it is not a line yet.
#[derive(Debug)]
pub(super) struct LineReader {
    path: PathBuf,
    file: Option<File>,
    /// Read ahead; lines before `start` have been returned.
    buffer: Vec<u8>,
    start: usize,
    /// Bytes of the complete lines returned so far.
    offset: u64,
    number: u64,
    torn: bool,
}

impl LineReader {
    /// A reader at the start of the file, which need not exist yet.
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            number: 0,
            torn: false,
        }
    }

    /// The next complete line without its line feed, and its number from 1.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        let mut searched = self.start;
        loop {
            let unsearched = &self.buffer[searched..];
            if let Some(length) = unsearched.iter().position(|&byte| byte == b'\n') {
                let end = searched + length;
                let line = self.buffer[self.start..end].to_vec();
                self.offset += (end + 1 - self.start) as u64;
                self.start = end + 1;
                self.number += 1;
                return Ok(Some((self.number, line)));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            searched = self.buffer.len();
            if !self.fill()? {
                // A writer that comes back after a crash cuts a torn line off
                // before it appends, so what was read of it can't be kept.
                self.torn = !self.buffer.is_empty();
                self.buffer.clear();
                return Ok(None);
            }
        }
    }

    /// Skips what is there: the next line is one that is still to come.
    pub(super) fn skip_all(&mut self) -> io::Result<()> {
        while self.next()?.is_some() {}
        Ok(())
    }

    /// Bytes up to the end of the last complete line that was returned.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether something followed the last line when the end was reached.
    pub(super) fn has_torn_end(&self) -> bool {
        self.torn
    }

    /// Reads on; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        let file = match &mut self.file {
            Some(file) => file,
            None => match File::open(&self.path) {
                Ok(file) => self.file.insert(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            },
        };
        let before = self.buffer.len();
        file.seek(SeekFrom::Start(self.offset + before as u64))?;
        file.take(CHUNK).read_to_end(&mut self.buffer)?;
        Ok(self.buffer.len() > before)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn texts(reader: &mut LineReader) -> Vec<String> {
        std::iter::from_fn(|| reader.next().unwrap())
            .map(|(_, line)| String::from_utf8(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_is_given_once_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let mut reader = LineReader::new(&path);
        assert!(texts(&mut reader).is_empty());
        fs::write(&path, "one\ntw").unwrap();
        assert_eq!(texts(&mut reader), ["one"]);
        assert!(reader.has_torn_end());
        fs::write(&path, "one\ntwo\n\n").unwrap();
        assert_eq!(texts(&mut reader), ["two", ""]);
        assert!(!reader.has_torn_end());
        assert_eq!(reader.offset(), 9);
    }

    #[test]
    fn a_torn_line_that_was_cut_off_and_replaced_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        fs::write(&path, "one\ntorn").unwrap();
        let mut reader = LineReader::new(&path);
        assert_eq!(texts(&mut reader), ["one"]);
        fs::write(&path, "one\nwhole again\n").unwrap();
        assert_eq!(texts(&mut reader), ["whole again"]);
    }

    #[test]
    fn lines_longer_than_a_chunk_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let long = "x".repeat(3 * CHUNK as usize + 17);
        fs::write(&path, format!("{long}\nshort\n{long}\n")).unwrap();
        let lines = texts(&mut LineReader::new(&path));
        assert!(lines == [long.as_str(), "short", long.as_str()]);
    }
}
