//! Files of raw pixels, plain or gzip, read one record at a time.
//!
//! A compressed file is unpacked once into an unnamed temporary file, so that
//! any record can be reached without holding the whole set in memory.
//! Compression is recognised by the content, not by the name.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use flate2::bufread::GzDecoder;
use flate2::read::MultiGzDecoder;
use image::RgbImage;

use super::SourceError;
use crate::data::file;
use crate::data::image_error::{ENTRY_CHANGED, ImageError};
use crate::untrusted::FileVersion;
use crate::untrusted::files::no_temporary;

/// How many times their length packed images unpack to at most. Drawings of two
/// tones unpack to thirty times it, empty ones to a thousand.
const EXPANSION: u64 = 200;

/// Bytes that may be unpacked whatever the length.
const LITTLE: u64 = 64 << 20;

/// How the bytes of a record make an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One byte per pixel, `[height, width]`.
    Grey,
    /// Red, then green, then blue: `[3, height, width]`.
    Planes,
}

/// Images in one or more files of records.
#[derive(Debug)]
pub(in crate::data) struct Records {
    pub(super) files: Vec<RecordFile>,
    pub(super) layout: Layout,
    /// Height and width of every image, pixels.
    pub(super) size: (u32, u32),
}

/// One file of records of equal length.
#[derive(Debug)]
pub(super) struct RecordFile {
    /// The file that was named.
    pub path: PathBuf,
    /// It, or what was unpacked from it. Readers take turns: a record is short.
    pub content: Mutex<File>,
    /// Length and times of change of it, and of the file of its labels, when they
    /// were opened.
    pub stamp: Vec<u8>,
    /// Which version of it was opened; none if it was unpacked, since nobody else
    /// has what was unpacked.
    pub version: Option<FileVersion>,
    /// Bytes before the first record.
    pub header: u64,
    /// Bytes of a record before its pixels.
    pub skip: u64,
    /// Number of records.
    pub count: usize,
}

impl Records {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.files.iter().map(|file| file.count).sum()
    }

    /// Width and height of every image.
    pub fn dimensions(&self) -> (u32, u32) {
        (self.size.1, self.size.0)
    }

    /// The file's name and the number of the record in it.
    pub fn name(&self, index: usize) -> PathBuf {
        let (file, record) = self.locate(index);
        PathBuf::from(format!("{}#{record}", file.path.to_string_lossy()))
    }

    /// Length and times of change of the image's file when it was opened.
    pub fn stamp(&self, index: usize) -> &[u8] {
        &self.locate(index).0.stamp
    }

    /// What makes other images of the same bytes, where it is the file that says it:
    /// height and width.
    pub fn shape(&self) -> Vec<u8> {
        let (height, width) = self.size;
        match self.layout {
            Layout::Grey => [height.to_le_bytes(), width.to_le_bytes()].concat(),
            Layout::Planes => Vec::new(),
        }
    }

    /// Which version of the image's file was opened; none if it was unpacked.
    pub fn version(&self, index: usize) -> Option<FileVersion> {
        self.locate(index).0.version
    }

    /// Which version of it that is now.
    pub fn version_now(&self, index: usize) -> Option<FileVersion> {
        let (file, _) = self.locate(index);
        file.version?;
        let content = file.content.lock().unwrap_or_else(PoisonError::into_inner);
        Some(FileVersion::of(&content.metadata().ok()?))
    }

    /// The bytes of one image's pixels, of the known version of its file.
    pub fn bytes(&self, index: usize, known: Option<FileVersion>) -> Result<Vec<u8>, ImageError> {
        let (file, record) = self.locate(index);
        let (height, width) = self.size;
        let area = height as usize * width as usize;
        let length = match self.layout {
            Layout::Grey => area,
            Layout::Planes => 3 * area,
        };
        let mut bytes = vec![0; length];
        let start = file.header + record as u64 * (file.skip + length as u64) + file.skip;
        let mut content = file.content.lock().unwrap_or_else(PoisonError::into_inner);
        let read = content
            .seek(SeekFrom::Start(start))
            .and_then(|_| content.read_exact(&mut bytes));
        if let Some(known) = known {
            // After reading: what is written meanwhile is noticed, too.
            let now = content.metadata().map_err(|e| ImageError::io(&e))?;
            let now = FileVersion::of(&now);
            if now != known {
                let what = known.difference(&now).unwrap_or(ENTRY_CHANGED);
                return Err(ImageError::Changed(what));
            }
        }
        read.map_err(|e| ImageError::io(&e))?;
        Ok(bytes)
    }

    /// The pixels of one image, of the known version of its file.
    pub fn read(&self, index: usize, known: Option<FileVersion>) -> Result<RgbImage, ImageError> {
        let bytes = self.bytes(index, known)?;
        let (height, width) = self.size;
        let area = height as usize * width as usize;
        let mut image = RgbImage::new(width, height);
        for (at, pixel) in image.pixels_mut().enumerate() {
            pixel.0 = match self.layout {
                Layout::Grey => [bytes[at]; 3],
                Layout::Planes => [bytes[at], bytes[area + at], bytes[2 * area + at]],
            };
        }
        Ok(image)
    }

    fn locate(&self, index: usize) -> (&RecordFile, usize) {
        let mut record = index;
        for file in &self.files {
            if record < file.count {
                return (file, record);
            }
            record -= file.count;
        }
        unreachable!("image {index} of {}", self.len())
    }
}

/// Opens a file and says whether it is gzip.
fn open(path: &Path) -> Result<(File, Metadata, bool), SourceError> {
    let (mut file, metadata) = file::open(path).map_err(SourceError::open(path))?;
    let packed = is_gzip(&mut file).map_err(SourceError::io(path))?;
    Ok((file, metadata, packed))
}

/// A reader over what a file holds, unpacked if it is gzip, and the file's length and
/// times of change.
pub(super) fn reader(path: &Path) -> Result<(Box<dyn Read>, Vec<u8>), SourceError> {
    let (file, metadata, packed) = open(path)?;
    let file = BufReader::new(file);
    let reader: Box<dyn Read> = if packed {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    Ok((reader, FileVersion::of(&metadata).stamp()))
}

/// What a file holds, where any byte of it can be reached.
pub(super) struct Content {
    /// The file, or what was unpacked from it.
    pub file: File,
    /// Its bytes.
    pub length: u64,
    /// Length and times of change of the file that was named.
    pub stamp: Vec<u8>,
    /// Which version of it this is; none if it was unpacked.
    pub version: Option<FileVersion>,
}

/// Opens a file so that any byte can be reached. A packed file should hold `most`
/// bytes or less; one more is unpacked to notice it, no further one.
///
/// # Errors
/// If it cannot be read, or if it unpacks to so many times its length as no
/// images do.
pub(super) fn seekable(path: &Path, most: u64) -> Result<Content, SourceError> {
    let (file, metadata, packed) = open(path)?;
    let stamp = FileVersion::of(&metadata).stamp();
    if !packed {
        return Ok(Content {
            file,
            length: metadata.len(),
            stamp,
            version: Some(FileVersion::of(&metadata)),
        });
    }
    let plausible = (metadata.len().saturating_mul(EXPANSION)).max(LITTLE);
    let spill = tempfile::tempfile().map_err(|e| SourceError::Unreadable {
        path: path.to_owned(),
        reason: format!("could not be unpacked: {}", no_temporary(&e)),
    })?;
    let mut writer = BufWriter::new(spill);
    let limit = most.min(plausible).saturating_add(1);
    let mut source = MultiGzDecoder::new(BufReader::new(file)).take(limit);
    let length = io::copy(&mut source, &mut writer).map_err(|e| unpacking(path, &e))?;
    if length > plausible {
        return Err(SourceError::Expands {
            path: path.to_owned(),
            times: EXPANSION,
        });
    }
    let file = writer
        .flush()
        .map_err(|e| unpacking(path, &e))
        .and_then(|()| writer.into_inner().map_err(|e| unpacking(path, e.error())))?;
    Ok(Content {
        file,
        length,
        stamp,
        version: None,
    })
}

/// The error of reading what may be a damaged gzip file.
pub(super) fn unpacking(path: &Path, error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput if has_trailing(path) => {
            SourceError::Gzip {
                path: path.to_owned(),
                reason: "other bytes follow its end".to_owned(),
            }
        }
        io::ErrorKind::UnexpectedEof => SourceError::Gzip {
            path: path.to_owned(),
            reason: "it is cut off".to_owned(),
        },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => SourceError::Gzip {
            path: path.to_owned(),
            reason: error.to_string(),
        },
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::FileTooLarge
        | io::ErrorKind::ReadOnlyFilesystem => SourceError::Unreadable {
            path: path.to_owned(),
            reason: format!("could not be unpacked: {}", no_temporary(error)),
        },
        _ => SourceError::io(path)(io::Error::new(error.kind(), error.to_string())),
    }
}

/// Whether a gzip file that could not be read is whole and has other bytes after
/// its end.
fn has_trailing(path: &Path) -> bool {
    let Ok((file, metadata, true)) = open(path) else {
        return false;
    };
    let most = metadata.len().saturating_mul(EXPANSION).max(LITTLE);
    let mut rest = BufReader::new(file);
    loop {
        let mut member = GzDecoder::new(&mut rest);
        if io::copy(&mut Read::by_ref(&mut member).take(most), &mut io::sink()).is_err() {
            return false;
        }
        match rest.fill_buf() {
            Ok([]) | Err(_) => return false,
            Ok(next) if GZIP.starts_with(next) || next.starts_with(&GZIP) => {}
            Ok(_) => return true,
        }
    }
}

const GZIP: [u8; 2] = [0x1F, 0x8B];

fn is_gzip(file: &mut File) -> io::Result<bool> {
    let mut magic = Vec::with_capacity(2);
    Read::by_ref(file).take(2).read_to_end(&mut magic)?;
    file.rewind()?;
    Ok(magic == GZIP)
}

#[cfg(test)]
#[path = "binary_tests.rs"]
mod tests;
