//! IDX files as MNIST has them: big-endian header, then bytes.
//!
//! Images: magic 0x00000803, count, height, width, one byte per pixel. Labels:
//! magic 0x00000801, count, one byte each. Format: Y. `LeCun`, C. Cortes and
//! C. Burges, *The MNIST database of handwritten digits*.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Mutex;

use super::binary::{self, Layout, RecordFile, Records};
use super::{Found, Origin, SourceError};
use crate::experiment::spec::IdxFiles;
use crate::untrusted::Show as _;

const IMAGES: u32 = 0x0803;
const LABELS: u32 = 0x0801;

/// Lists a pair of files. Classes are the labels that occur, named by their
/// number, so that a set that counts from 1 has no empty class 0.
pub(super) fn find(files: &IdxFiles, max_pixels: u64) -> Result<Found, SourceError> {
    let [count, height, width] = header::<3>(&files.images, IMAGES)?;
    let area = u64::from(height) * u64::from(width);
    if area == 0 || area > max_pixels {
        return Err(SourceError::IdxSize {
            path: files.images.clone(),
            height,
            width,
            limit: max_pixels,
        });
    }
    // Both counts before any memory is taken for so many.
    let [label_count] = header::<1>(&files.labels, LABELS)?;
    if label_count != count {
        return Err(SourceError::IdxCounts {
            images: files.images.clone(),
            image_count: count,
            labels: files.labels.clone(),
            label_count,
        });
    }
    if count == 0 {
        return Err(SourceError::NoRecords {
            path: files.images.clone(),
        });
    }
    super::check_records(u64::from(count), || files.images.shown().to_string())?;
    let (values, stamp) = labels(&files.labels, count)?;
    let need = u64::from(count).saturating_mul(area).saturating_add(16);
    let content = binary::seekable(&files.images, need)?;
    check_length(&files.images, content.length, need)?;

    let present: Vec<u8> = values
        .iter()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut number = [0; 256];
    for (label, &value) in (0..).zip(&present) {
        number[usize::from(value)] = label;
    }
    let records = Records {
        files: vec![RecordFile {
            path: files.images.clone(),
            content: Mutex::new(content.file),
            stamp: [content.stamp, stamp].concat(),
            version: content.version,
            header: 16,
            skip: 0,
            count: count as usize,
        }],
        layout: Layout::Grey,
        size: (height, width),
    };
    Ok(Found::outside_folders(
        present.iter().map(u8::to_string).collect(),
        values.iter().map(|&v| number[usize::from(v)]).collect(),
        Origin::Records(records),
    ))
}

/// All labels of a file, of which there should be so many, and its length and times
/// of change.
fn labels(path: &Path, count: u32) -> Result<(Vec<u8>, Vec<u8>), SourceError> {
    let need = u64::from(count) + 8;
    let mut bytes = Vec::new();
    let (reader, stamp) = binary::reader(path)?;
    reader
        .take(need + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| binary::unpacking(path, &e))?;
    check_length(path, bytes.len() as u64, need)?;
    bytes.drain(..8);
    Ok((bytes, stamp))
}

/// Checks the magic number and returns the numbers that follow it.
fn header<const N: usize>(path: &Path, magic: u32) -> Result<[u32; N], SourceError> {
    let mut bytes = Vec::new();
    let length = 4 + 4 * N as u64;
    let (reader, _) = binary::reader(path)?;
    reader
        .take(length)
        .read_to_end(&mut bytes)
        .map_err(|e| binary::unpacking(path, &e))?;
    let (words, _) = bytes.as_chunks::<4>();
    let found = words.first().map(|word| u32::from_be_bytes(*word));
    if found != Some(magic) {
        return Err(wrong_magic(path, magic, &bytes));
    }
    let numbers: Vec<u32> = words[1..].iter().map(|w| u32::from_be_bytes(*w)).collect();
    numbers.try_into().map_err(|_| SourceError::IdxLength {
        path: path.to_owned(),
        have: bytes.len().to_string(),
        need: length,
    })
}

fn wrong_magic(path: &Path, expected: u32, bytes: &[u8]) -> SourceError {
    let start = &bytes[..bytes.len().min(4)];
    let other = if expected == IMAGES { LABELS } else { IMAGES };
    let hint = if start == other.to_be_bytes() {
        "; images and labels are exchanged: swap the two paths"
    } else if start.is_empty() {
        "; the file is empty: download it again"
    } else if start.starts_with(b"<") {
        "; it looks like a web page: download it again"
    } else {
        "; give an MNIST-style file, plain or .gz"
    };
    let found: Vec<String> = start.iter().map(|byte| format!("{byte:02x}")).collect();
    let found = found.concat();
    SourceError::IdxMagic {
        path: path.to_owned(),
        what: if expected == IMAGES {
            "images"
        } else {
            "labels"
        },
        found: if found.is_empty() {
            "nothing".to_owned()
        } else {
            found
        },
        expected: format!("{expected:08x}"),
        hint,
    }
}

fn check_length(path: &Path, have: u64, need: u64) -> Result<(), SourceError> {
    if have == need {
        return Ok(());
    }
    Err(SourceError::IdxLength {
        path: path.to_owned(),
        have: if have > need {
            format!("more than {need}")
        } else {
            have.to_string()
        },
        need,
    })
}
