//! The directory of a zip archive, which is what PyTorch saves: read to recognise
//! what the archive is and how large it says its parts are, before any of them
//! is read. Only names and sizes; no part is unpacked here.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use flate2::Crc;

use super::fault::Fault;
use crate::untrusted::clean_line;

/// Longest directory that is read, bytes. That of a network with a thousand
/// arrays has a tenth of a megabyte.
const MAX_DIRECTORY: u64 = 16 << 20;
/// Longest pickle that is read, bytes. It holds names and shapes, a hundred
/// bytes an array; what it says of an object takes many times its own length.
const MAX_PICKLE: u64 = 4 << 20;

/// Length of the end record without its comment, and of the longest comment.
const END: usize = 22;
const MAX_COMMENT: usize = 0xffff;
/// Length of the record of a long archive's end, and of what points to it.
const LONG_END: usize = 56;
const LOCATOR: usize = 20;
/// Length of an entry without its name and what follows it.
const ENTRY: usize = 46;
/// Length of the header before a part's content, without its name and what follows.
const LOCAL: usize = 30;
/// The compression that is none.
const STORED: u16 = 0;
/// What stands in place of a size that takes 64 bits.
const ELSEWHERE: u32 = u32::MAX;

/// A part of an archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, with that of the archive's folder.
    pub name: String,
    /// Whether it is compressed.
    pub packed: bool,
    /// Length of its content, bytes.
    pub size: u64,
    /// Checksum of its content; 0 where none was made.
    checksum: u32,
    /// Where in the file its own header is; none in a very long file.
    start: Option<u64>,
}

/// Checks that an archive of `length` bytes is one of PyTorch's weights, and that
/// no part of it is larger than is of use for a network of `needed` bytes.
///
/// # Errors
/// It is damaged, or holds something else.
pub fn check(file: &File, length: u64, needed: u64) -> Result<(), Fault> {
    let entries = entries(file, length)?;
    let root = entries
        .iter()
        .filter_map(|entry| entry.name.strip_suffix("data.pkl"))
        .filter(|root| root.is_empty() || root.ends_with('/'))
        .min_by_key(|root| root.len())
        .ok_or_else(|| without_weights(&entries))?;
    for entry in &entries {
        let Some(name) = entry.name.strip_prefix(root) else {
            continue;
        };
        if name == "constants.pkl" || name.starts_with("code/") {
            return Err(Fault::TorchScript);
        }
        let (what, limit) = match name {
            "data.pkl" => ("its pickle", MAX_PICKLE),
            // What is not packed lies in the file as it is.
            _ if entry.packed => ("a part of the archive", super::limit(needed)),
            _ => continue,
        };
        if entry.size > limit {
            return Err(Fault::TooLong {
                what,
                bytes: entry.size,
                limit,
            });
        }
    }
    Ok(())
}

/// A part of an archive of `length` bytes that is not as it was written: of those
/// that lie in it as they are, that have a checksum, and that are no longer than a
/// pickle. None if there is none.
pub fn damaged_part(file: &File, length: u64) -> Option<Fault> {
    let entries = entries(file, length).ok()?;
    let checked = entries
        .iter()
        .filter(|entry| !entry.packed && entry.checksum != 0 && entry.size <= MAX_PICKLE);
    let is_damaged = |entry: &&Entry| {
        let mut found = Crc::new();
        content(file, entry).is_some_and(|content| {
            found.update(&content);
            found.sum() != entry.checksum
        })
    };
    checked
        .into_iter()
        .find(is_damaged)
        .map(|entry| Fault::wrong_checksum(&entry.name))
}

/// The content of a part that lies in the archive as it is; none if it does not.
pub fn content(file: &File, entry: &Entry) -> Option<Vec<u8>> {
    let start = entry.start.filter(|_| !entry.packed)?;
    let header = read(file, start, LOCAL as u64).ok()?;
    let length = |at| u16_at(&header, at).map_or(0, u64::from);
    let before = LOCAL as u64 + length(26) + length(28);
    read(file, start + before, entry.size).ok()
}

fn without_weights(entries: &[Entry]) -> Fault {
    const WEIGHTS: [&str; 5] = [".safetensors", ".pt", ".pth", ".ckpt", ".bin"];
    if entries
        .iter()
        .any(|entry| entry.name.ends_with("archive_format"))
    {
        return Fault::Exported;
    }
    let packed = entries
        .iter()
        .find(|entry| WEIGHTS.iter().any(|end| entry.name.ends_with(end)));
    if let Some(entry) = packed {
        return Fault::Packed(clean_line(&entry.name).into_owned());
    }
    if entries.iter().any(|entry| {
        Path::new(&entry.name)
            .extension()
            .is_some_and(|end| end == "npy")
    }) {
        return Fault::OtherFormat("an archive of NumPy's arrays");
    }
    Fault::OtherArchive(match entries.first() {
        Some(entry) => format!("`{}`", clean_line(&entry.name)),
        None => "nothing in it".to_owned(),
    })
}

/// The parts of an archive of `length` bytes.
///
/// # Errors
/// It is cut off or damaged.
pub fn entries(file: &File, length: u64) -> Result<Vec<Entry>, Fault> {
    let tail_length = length.min((END + MAX_COMMENT) as u64);
    let tail = read(file, length - tail_length, tail_length)?;
    let end = find_end(&tail).ok_or(Fault::CutArchive)?;
    let at = length - tail_length + end as u64;
    let (size, start) = directory(file, &tail[end..], at)?;
    if size > MAX_DIRECTORY {
        return Err(Fault::TooLong {
            what: "the archive's directory",
            bytes: size,
            limit: MAX_DIRECTORY,
        });
    }
    if start.checked_add(size).is_none_or(|end| end > at) {
        return Err(damaged("its directory lies beyond its end"));
    }
    let bytes = read(file, start, size)?;
    let mut rest = bytes.as_slice();
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, length) = entry(rest).ok_or_else(|| damaged("its directory is cut off"))?;
        rest = &rest[length..];
        entries.push(entry);
    }
    Ok(entries)
}

/// Where the end record starts: the last whose comment reaches to the end.
fn find_end(tail: &[u8]) -> Option<usize> {
    (0..=tail.len().checked_sub(END)?).rev().find(|&at| {
        tail[at..].starts_with(b"PK\x05\x06")
            && u16_at(tail, at + 20)
                .is_some_and(|comment| at + END + usize::from(comment) == tail.len())
    })
}

/// Length of the directory and where it starts, by the end record at `at`.
fn directory(file: &File, end: &[u8], at: u64) -> Result<(u64, u64), Fault> {
    let cut = || damaged("its end is cut off");
    let (size, start) = u32_at(end, 12).zip(u32_at(end, 16)).ok_or_else(cut)?;
    if size != ELSEWHERE && start != ELSEWHERE {
        return Ok((u64::from(size), u64::from(start)));
    }
    let before = at.checked_sub(LOCATOR as u64).ok_or_else(cut)?;
    let locator = read(file, before, LOCATOR as u64)?;
    let long_end = u64_at(&locator, 8)
        .filter(|_| locator.starts_with(b"PK\x06\x07"))
        .filter(|place| {
            place
                .checked_add(LONG_END as u64)
                .is_some_and(|end| end <= before)
        })
        .ok_or_else(cut)?;
    let record = read(file, long_end, LONG_END as u64)?;
    u64_at(&record, 40)
        .zip(u64_at(&record, 48))
        .filter(|_| record.starts_with(b"PK\x06\x06"))
        .ok_or_else(cut)
}

/// The first entry of a directory, and its length there.
fn entry(bytes: &[u8]) -> Option<(Entry, usize)> {
    if !bytes.starts_with(b"PK\x01\x02") {
        return None;
    }
    let length = |at| u16_at(bytes, at).map(usize::from);
    let name_end = ENTRY + length(28)?;
    let extra_end = name_end + length(30)?;
    let end = extra_end + length(32)?;
    let name = bytes.get(ENTRY..name_end)?;
    let extra = bytes.get(name_end..extra_end)?;
    if bytes.len() < end {
        return None;
    }
    let size = match u32_at(bytes, 24)? {
        ELSEWHERE => long_size(extra)?,
        size => u64::from(size),
    };
    let entry = Entry {
        name: String::from_utf8_lossy(name).into_owned(),
        packed: u16_at(bytes, 10)? != STORED,
        size,
        checksum: u32_at(bytes, 16)?,
        start: Some(u32_at(bytes, 42)?)
            .filter(|start| *start != ELSEWHERE)
            .map(u64::from),
    };
    Some((entry, end))
}

/// The size of content, where an entry's own field has no room for it: the first
/// number of the extra field 1.
fn long_size(mut extra: &[u8]) -> Option<u64> {
    loop {
        let (kind, length) = u16_at(extra, 0).zip(u16_at(extra, 2))?;
        if kind == 1 {
            return u64_at(extra, 4);
        }
        extra = extra.get(4 + usize::from(length)..)?;
    }
}

/// Bytes of the file; those that are requested are known to be few.
fn read(mut file: &File, from: u64, length: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![0; length as usize];
    file.seek(SeekFrom::Start(from))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(|error| damaged(&error.to_string()))?;
    Ok(bytes)
}

fn damaged(reason: &str) -> Fault {
    Fault::DamagedArchive(reason.to_owned())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
