//! The bytes of one block. The layout stands in [`super`].

use std::collections::BTreeSet;

use crate::event::{Phase, Position, StepRow};
use crate::store::table::SeriesTable;

/// Version of the series' format. History: 1, the first.
pub(super) const VERSION: u32 = 1;
/// What a file begins with.
pub(super) const FILE_MAGIC: [u8; 8] = *b"WBSERIES";
/// Bytes before the first block.
pub(super) const FILE_HEADER: usize = 16;
/// Bytes before a block's payload.
pub(super) const HEADER: usize = 32;

/// Bytes of the largest payload: a writer puts no more than a few into a block,
/// and a reader takes no memory for more.
pub(super) const LARGEST_PAYLOAD: u32 = 64 << 20;

const MAGIC: [u8; 4] = *b"BLCK";
/// Columns that every row has: step, epoch, seconds.
const SHARED: usize = 3;
/// Bytes of a value.
const WIDTH: usize = 8;

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rows,
    Rewind,
}

/// The header of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) phase: Phase,
    columns: u16,
    pub(super) rows: u32,
    pub(super) payload: u32,
    pub(super) step: u64,
    crc: u32,
}

/// The bytes that a file begins with.
pub(super) fn file_header() -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[..8].copy_from_slice(&FILE_MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    header
}

/// The block that takes a series back to `position`.
pub(super) fn rewind(position: Position) -> Vec<u8> {
    Header {
        kind: Kind::Rewind,
        phase: position.phase,
        columns: 0,
        rows: 0,
        payload: 0,
        step: position.step,
        crc: crc32c::crc32c(&[]),
    }
    .bytes()
    .to_vec()
}

/// The block of `rows`, which are of one training and ascend. Metrics beyond
/// what the format can count or name are left out: 65,535 of 65,535 bytes.
/// None without rows, or with more than fit.
pub(super) fn rows(rows: &[StepRow]) -> Option<Vec<u8>> {
    let first = rows.first()?;
    let names: Vec<(&str, u16)> = rows
        .iter()
        .flat_map(|row| row.values.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter_map(|name| Some((name.as_str(), u16::try_from(name.len()).ok()?)))
        .take(usize::from(u16::MAX))
        .collect();
    let mut bytes = vec![0; HEADER];
    for (name, length) in &names {
        bytes.extend(length.to_le_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes.extend(rows.iter().flat_map(|row| row.step.to_le_bytes()));
    bytes.extend(rows.iter().flat_map(|row| row.epoch.to_le_bytes()));
    bytes.extend(rows.iter().flat_map(|row| row.seconds.to_le_bytes()));
    for (name, _) in &names {
        let value = |row: &StepRow| row.values.get(*name).copied().unwrap_or(f64::NAN);
        bytes.extend(rows.iter().flat_map(|row| value(row).to_le_bytes()));
    }
    let header = Header {
        kind: Kind::Rows,
        phase: first.phase,
        columns: u16::try_from(names.len()).ok()?,
        rows: u32::try_from(rows.len()).ok()?,
        payload: u32::try_from(bytes.len() - HEADER).ok()?,
        step: first.step,
        crc: crc32c::crc32c(&bytes[HEADER..]),
    };
    bytes[..HEADER].copy_from_slice(&header.bytes());
    Some(bytes)
}

impl Header {
    fn bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = u8::from(self.kind == Kind::Rewind);
        bytes[5] = u8::from(self.phase == Phase::Student);
        bytes[6..8].copy_from_slice(&self.columns.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.rows.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.payload.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.step.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.crc.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header; none if it is damaged.
    pub(super) fn read(bytes: &[u8; HEADER]) -> Option<Self> {
        if bytes[..4] != MAGIC || u32_at(bytes, 28) != crc32c::crc32c(&bytes[..28]) {
            return None;
        }
        Some(Self {
            kind: match bytes[4] {
                0 => Kind::Rows,
                1 => Kind::Rewind,
                _ => return None,
            },
            phase: match bytes[5] {
                0 => Phase::Teacher,
                1 => Phase::Student,
                _ => return None,
            },
            columns: u16::from_le_bytes([bytes[6], bytes[7]]),
            rows: u32_at(bytes, 8),
            payload: u32_at(bytes, 12),
            step: (u64::from(u32_at(bytes, 20)) << 32) | u64::from(u32_at(bytes, 16)),
            crc: u32_at(bytes, 24),
        })
    }

    pub(super) fn position(&self) -> Position {
        Position {
            phase: self.phase,
            step: self.step,
        }
    }

    /// Whether the payload has the bytes that the rows need and no more than a
    /// block may have, before anything is reserved for them.
    pub(super) fn is_plausible(&self) -> bool {
        let values = u64::from(self.rows) * (SHARED as u64 + u64::from(self.columns));
        match self.kind {
            Kind::Rows => {
                values * WIDTH as u64 <= u64::from(self.payload) && self.payload <= LARGEST_PAYLOAD
            }
            Kind::Rewind => self.payload == 0,
        }
    }

    pub(super) fn agrees_with(&self, payload: &[u8]) -> bool {
        self.crc == crc32c::crc32c(payload)
    }

    /// Appends the payload's rows to `table`; `total` rows are expected in all.
    /// None if the payload is not one, with the table as it was.
    pub(super) fn append(
        &self,
        payload: &[u8],
        table: &mut SeriesTable,
        total: usize,
    ) -> Option<()> {
        let rows = self.rows as usize;
        let (names, mut values) = self.names(payload)?;
        let mut column = || {
            let (column, rest) = values.split_at_checked(rows * WIDTH)?;
            values = rest;
            Some(column)
        };
        let steps: Vec<u64> = words(column()?).map(u64::from_le_bytes).collect();
        if !steps.is_sorted_by(|a, b| a < b) || steps.first() != Some(&self.step) {
            return None;
        }
        let (epochs, seconds) = (column()?, column()?);
        let columns: Vec<&[u8]> = names.iter().map_while(|_| column()).collect();
        if columns.len() != names.len() || !values.is_empty() {
            return None;
        }
        table.truncate_from(self.step);
        let before = table.steps.len();
        table.steps.extend(steps);
        table.epochs.extend(words(epochs).map(f64::from_le_bytes));
        table.extend_seconds(words(seconds).map(f64::from_le_bytes));
        for (name, column) in names.into_iter().zip(columns) {
            let values = words(column).map(f64::from_le_bytes);
            if let Some(known) = table.columns.get_mut(name) {
                known.extend(values);
            } else {
                let mut new = Vec::with_capacity(total.max(before + rows));
                new.resize(before, f64::NAN);
                new.extend(values);
                table.columns.insert(name.to_owned(), new);
            }
        }
        table.fill_gaps();
        Some(())
    }

    /// The columns' names, all different, and the bytes after them.
    fn names<'a>(&self, mut payload: &'a [u8]) -> Option<(Vec<&'a str>, &'a [u8])> {
        let mut names = Vec::with_capacity(usize::from(self.columns));
        for _ in 0..self.columns {
            let (length, rest) = payload.split_first_chunk::<2>()?;
            let (name, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            names.push(std::str::from_utf8(name).ok()?);
            payload = rest;
        }
        names.is_sorted_by(|a, b| a < b).then_some((names, payload))
    }
}

fn u32_at(bytes: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; WIDTH]> {
    let (words, _) = bytes.as_chunks::<WIDTH>();
    words.iter().copied()
}
