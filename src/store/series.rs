//! `series.bin`: the numbers of every logged step, as checksummed column
//! blocks that are only ever appended, so that millions of points open at once.
//!
//! All integers and floats are little-endian. The file begins with 16 bytes:
//!
//! | at | bytes | what |
//! |---:|------:|------|
//! | 0 | 8 | `WBSERIES` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | 0 |
//!
//! Then blocks, each with a header of 32 bytes and a payload:
//!
//! | at | bytes | what |
//! |---:|------:|------|
//! | 0 | 4 | `BLCK` |
//! | 4 | 1 | kind: 0 rows, 1 rewind |
//! | 5 | 1 | training: 0 teacher, 1 student |
//! | 6 | 2 | columns C |
//! | 8 | 4 | rows R |
//! | 12 | 4 | bytes of the payload |
//! | 16 | 8 | first step of the rows, or the steps that a rewind keeps |
//! | 24 | 4 | CRC-32C of the payload |
//! | 28 | 4 | CRC-32C of the 28 bytes before |
//!
//! The payload of rows: C times the length of a name (u16) and the name
//! (UTF-8); R steps (u64), R epochs (f64), R seconds (f64); then column after
//! column, R values (f64) each, NaN where a step has none. Steps ascend. A
//! rewind has no payload: the run was resumed there, and what was logged later
//! is void.
//!
//! Each block is one write, so a killed process leaves at most one incomplete
//! block at the end. It is dropped on reading and cut off before the next
//! append. A block that is damaged elsewhere is an error that names its place.

mod block;
mod reader;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

use crate::run::append_file::Refused;
use crate::untrusted::Show as _;

pub use reader::SeriesReader;
pub use writer::SeriesWriter;

/// A series could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The file system refuses.
    #[error("could not {action} the series {}: {source}", path.shown())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{} is not a series: it does not begin with WBSERIES", path.shown())]
    NotASeries {
        /// The file.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error(
        "the series {} has version {found}, and this version reads up to {}; \
         open it with a newer version of the program",
        path.shown(), block::VERSION
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A block in the middle is damaged.
    #[error(
        "{}: the block at byte {offset} is damaged ({reason}); restore the file from a copy, or \
         move it away to open the run without its curves",
        path.shown()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the block begins.
        offset: u64,
        /// What does not agree.
        reason: &'static str,
    },
}

fn refused(refused: Refused, path: &Path) -> SeriesError {
    failed(refused.action, path, refused.source)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> SeriesError {
    SeriesError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests;
