//! Writing a series.

use std::path::{Path, PathBuf};

use super::reader::SeriesReader;
use super::{SeriesError, block, refused};
use crate::event::{Position, StepRow};
use crate::run::append_file::{AppendFile, crc_of};
use crate::untrusted::FileId;

/// Rows of a full block: with twenty metrics 184 kB, so that names and headers
/// cost nothing and reading is sequential.
const ROWS_OF_A_BLOCK: usize = 1024;
/// Values of a full block, where rows are wide: 8 MiB, of the 64 that are read.
const VALUES_OF_A_BLOCK: usize = 1 << 20;

/// A series that is written. Hold the run's lock.
#[derive(Debug)]
pub struct SeriesWriter {
    path: PathBuf,
    file: AppendFile,
    /// Rows of the next block, of one training and ascending.
    rows: Vec<StepRow>,
    /// Values in them.
    values: usize,
    /// CRC-32C of everything that was written.
    crc: u32,
}

impl SeriesWriter {
    /// Opens a series to append to, or begins one. An incomplete block at the
    /// end is cut off.
    pub fn append_to(path: &Path) -> Result<Self, SeriesError> {
        let length = SeriesReader::new(path).skip_all()?;
        let mut writer = Self {
            path: path.to_owned(),
            file: AppendFile::open(path, length).map_err(|e| refused(e, path))?,
            rows: Vec::new(),
            values: 0,
            crc: 0,
        };
        if length > 0 {
            writer.crc = crc_of(path, length).map_err(|source| SeriesError::Io {
                action: "read",
                path: path.to_owned(),
                source,
            })?;
        }
        if length == 0 {
            writer.write(&block::file_header())?;
        }
        Ok(writer)
    }

    /// Bytes of the blocks that were written, and their CRC-32C.
    #[must_use]
    pub fn mark(&self) -> (u64, u32) {
        (self.file.length(), self.crc)
    }

    /// Whether keeping this row writes a block.
    #[must_use]
    pub fn writes_with(&self, row: &StepRow) -> bool {
        !self.is_followed_by(row)
            || self.rows.len() + 1 >= ROWS_OF_A_BLOCK
            || self.values + row.values.len() >= VALUES_OF_A_BLOCK
    }

    fn is_followed_by(&self, row: &StepRow) -> bool {
        let follows = |last: &StepRow| last.phase == row.phase && last.step < row.step;
        self.rows.last().is_none_or(follows)
    }

    /// Keeps a row, and writes a block when there are enough.
    pub fn push(&mut self, row: StepRow) -> Result<(), SeriesError> {
        if !self.is_followed_by(&row) {
            self.flush()?;
        }
        self.values += row.values.len();
        self.rows.push(row);
        if self.rows.len() >= ROWS_OF_A_BLOCK || self.values >= VALUES_OF_A_BLOCK {
            self.flush()?;
        }
        Ok(())
    }

    /// Voids what was logged after `position`.
    pub fn rewind(&mut self, position: Position) -> Result<(), SeriesError> {
        self.flush()?;
        self.write(&block::rewind(position))
    }

    /// Writes the rows that are kept. If it fails they are kept on.
    pub fn flush(&mut self) -> Result<(), SeriesError> {
        if let Some(bytes) = block::rows(&self.rows) {
            self.write(&bytes)?;
        }
        self.rows.clear();
        self.values = 0;
        Ok(())
    }

    /// Writes the rows that are kept and waits until all is on the disk.
    pub fn sync(&mut self) -> Result<(), SeriesError> {
        self.flush()?;
        self.file.sync().map_err(|e| refused(e, &self.path))
    }

    /// Whether the file has the bytes that were written and no others, by their
    /// number.
    pub fn is_whole(&self) -> Result<bool, SeriesError> {
        let found = self.file.length_on_disk();
        Ok(found.map_err(|e| refused(e, &self.path))? == self.file.length())
    }

    /// Reads all of the file again: whether it has what was written.
    pub fn reads_back(&self) -> Result<bool, SeriesError> {
        match SeriesReader::new(&self.path).skip_all() {
            Ok(length) => Ok(length == self.file.length()),
            Err(SeriesError::Io {
                action,
                path,
                source,
            }) => Err(SeriesError::Io {
                action,
                path,
                source,
            }),
            Err(_) => Ok(false),
        }
    }

    /// The file that is written, to be held against what its path leads to.
    pub fn id(&self) -> Result<FileId, SeriesError> {
        self.file.id().map_err(|e| refused(e, &self.path))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), SeriesError> {
        self.file
            .append(bytes)
            .map_err(|e| refused(e, &self.path))?;
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        Ok(())
    }
}
