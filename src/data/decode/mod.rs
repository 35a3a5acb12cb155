//! From the bytes of an image file to 8-bit RGB.
//!
//! The format is recognised by the content, never by the name. JPEG, PNG, WebP, BMP
//! and GIF are read; of an animation, the first frame. Grey becomes three equal
//! channels, 16 bits are rounded to 8, CMYK is converted, and what is
//! transparent is laid on white, as a viewer would show it. The EXIF
//! orientation is applied. Files are checked from their header before anything
//! is allocated for their pixels, all decoders together take no more than a
//! fixed amount of memory, and a decoder's panic is an error like any other.

mod format;
mod header;
mod jpeg;
mod memory;
mod png;
mod simple;
mod webp;

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use image::{DynamicImage, RgbImage};

use self::format::{Content, Format, foreign_by_name, recognise};
use self::header::{Header, HeaderError};
use self::memory::{Memory, Share};
use super::file;
use super::image_error::{ENTRY_CHANGED, ImageError};
use crate::untrusted::{FileVersion, StandIn};

pub(super) use self::format::{SIGNATURE, is_named_like_image, looks_like_image};

/// As much of a file as nearly always holds its header, metadata included.
const HEAD: u64 = 64 << 10;

/// As much of a file that is no image as shows what was left in its place.
const STAND_IN: usize = 1024;

/// Bytes for each pixel of a raw image: three of a file, three of the result.
const RAW_BYTES: u64 = 6;

/// Decodes image files, several at a time within one amount of memory. Cheap to
/// clone; clones share it.
#[derive(Debug, Clone)]
pub struct Decoder {
    max_pixels: u64,
    memory: Arc<Memory>,
}

/// A decoded image, with the memory that was set aside for it.
#[derive(Debug)]
pub struct Decoded {
    image: RgbImage,
    _share: Option<Share>,
}

/// A file whose header has been read.
struct Opened {
    file: File,
    length: u64,
    version: FileVersion,
    format: Format,
    header: Header,
    /// The beginning of the file.
    head: Vec<u8>,
}

impl Decoder {
    /// A decoder of images of at most so many pixels.
    #[must_use]
    pub fn new(max_pixels: u64) -> Self {
        Self {
            max_pixels,
            memory: Memory::for_pixels(max_pixels),
        }
    }

    /// Reads and decodes an image file.
    ///
    /// # Errors
    /// If the file cannot be read, is no image, has too many pixels, takes too
    /// much memory, or is damaged or cut off.
    pub fn read(&self, path: &Path) -> Result<Decoded, ImageError> {
        self.read_known(path, None)
    }

    /// As [`Self::read`], of a file that was looked at before.
    ///
    /// # Errors
    /// Also if it is not the `known` version any more.
    pub(super) fn read_known(
        &self,
        path: &Path,
        known: Option<FileVersion>,
    ) -> Result<Decoded, ImageError> {
        let Opened {
            mut file,
            length,
            format,
            mut header,
            head,
            ..
        } = self.open(path, known)?;
        let needed = header.check(length, self.max_pixels, &self.memory)?;
        let mut share = self.memory.take(needed);
        let mut bytes = load(&mut file, length, head)?;
        let hidden = guarded(|| hidden(&bytes, format))?;
        if hidden > 0 {
            // Nothing may be held while more is waited for.
            drop((share, bytes));
            header.working += hidden;
            share = self
                .memory
                .take(header.check(length, self.max_pixels, &self.memory)?);
            rewind(&mut file, 0)?;
            bytes = load(&mut file, length, Vec::new())?;
        }
        if known.is_some() {
            // What was written while it was read is noticed, too.
            check_version(&file.metadata().map_err(|e| ImageError::io(&e))?, known)?;
        }
        let image = guarded(|| decode(bytes, format, &header, needed))?;
        Ok(Decoded {
            image,
            _share: share,
        })
    }

    /// Width and height of an image file as it will be decoded, from its header.
    ///
    /// # Errors
    /// As [`Self::read`], except that damage past the header is not seen.
    pub fn dimensions(&self, path: &Path) -> Result<(u32, u32), ImageError> {
        Ok(self.look(path)?.header.dimensions())
    }

    /// Checks an image file as far as its header goes, and says which version of
    /// it that was.
    pub(super) fn version(&self, path: &Path) -> Result<FileVersion, ImageError> {
        Ok(self.look(path)?.version)
    }

    fn look(&self, path: &Path) -> Result<Opened, ImageError> {
        let opened = self.open(path, None)?;
        opened
            .header
            .check(opened.length, self.max_pixels, &self.memory)?;
        Ok(opened)
    }

    /// Greatest number of pixels of an image in a file of raw pixels.
    pub(super) fn max_raw_pixels(&self) -> u64 {
        self.max_pixels.min(self.memory.limit() / RAW_BYTES)
    }

    /// An image that is made of so many pixels of a file of pixels.
    pub(super) fn raw(
        &self,
        pixels: u64,
        make: impl FnOnce() -> Result<RgbImage, ImageError>,
    ) -> Result<Decoded, ImageError> {
        let share = self.memory.take(pixels.saturating_mul(RAW_BYTES));
        Ok(Decoded {
            image: make()?,
            _share: share,
        })
    }

    /// Feeds the bytes of an image file to a hash.
    pub(super) fn hash(
        &self,
        path: &Path,
        known: Option<FileVersion>,
        hasher: &mut blake3::Hasher,
    ) -> Result<(), ImageError> {
        let (file, metadata) = self.open_file(path, known)?;
        let read = hasher.update_reader(file.take(metadata.len()));
        read.map(drop).map_err(|e| ImageError::io(&e))
    }

    /// Opens a file that is not implausibly long, and is the known version.
    fn open_file(
        &self,
        path: &Path,
        known: Option<FileVersion>,
    ) -> Result<(File, Metadata), ImageError> {
        let (file, metadata) = file::open(path).map_err(ImageError::open)?;
        check_version(&metadata, known)?;
        let length = metadata.len();
        if length > self.memory.limit() {
            return Err(ImageError::TooLong {
                bytes: length,
                limit: self.memory.limit(),
            });
        }
        Ok((file, metadata))
    }

    /// Opens a file and reads its header.
    fn open(&self, path: &Path, known: Option<FileVersion>) -> Result<Opened, ImageError> {
        let (mut file, metadata) = self.open_file(path, known)?;
        let length = metadata.len();
        let mut head = Vec::with_capacity(length.min(HEAD) as usize + jpeg::ROOM);
        read_on(&mut file, length.min(HEAD), &mut head)?;
        let format = match recognise(&head) {
            Content::Read(format) => format,
            Content::Foreign(name) => return Err(ImageError::Unsupported(name)),
            Content::Unknown => {
                let start = String::from_utf8_lossy(&head[..head.len().min(STAND_IN)]);
                return Err(match (StandIn::of(&start), foreign_by_name(path)) {
                    (Some(stand_in), _) => ImageError::StandIn(stand_in),
                    (None, Some(name)) => ImageError::UnsupportedName(name),
                    (None, None) => ImageError::NotAnImage,
                });
            }
        };
        let is_whole = head.len() as u64 == length;
        let header = match guarded(|| Ok(header(&head, format, length)))? {
            // Long metadata may have pushed the header out of what was read.
            Err(HeaderError::Further) if !is_whole => {
                self.header_of_all(&mut file, length, format)?
            }
            found => found?,
        };
        Ok(Opened {
            file,
            length,
            version: FileVersion::of(&metadata),
            format,
            header,
            head,
        })
    }

    /// The header of a file that is read to its end for it.
    fn header_of_all(
        &self,
        file: &mut File,
        length: u64,
        format: Format,
    ) -> Result<Header, ImageError> {
        let _share = self.memory.take(length);
        let mut bytes = Vec::with_capacity(length as usize);
        rewind(file, 0)?;
        read_on(file, length, &mut bytes)?;
        let found = guarded(|| Ok(header(&bytes, format, length)))?;
        rewind(file, HEAD)?;
        Ok(found?)
    }
}

impl Decoded {
    /// An image that was made and not decoded.
    pub(super) fn made(image: RgbImage) -> Self {
        Self {
            image,
            _share: None,
        }
    }

    /// The pixels. What was set aside for them is given back.
    #[must_use]
    pub fn into_image(self) -> RgbImage {
        self.image
    }

    /// The pixels at another size; see [`super::resize::cover`].
    pub(super) fn cover(self, size: (u32, u32)) -> Result<RgbImage, ImageError> {
        super::resize::cover(self.image, size)
    }
}

fn check_version(metadata: &Metadata, known: Option<FileVersion>) -> Result<(), ImageError> {
    let now = FileVersion::of(metadata);
    match known {
        Some(known) if known != now => Err(ImageError::Changed(
            known.difference(&now).unwrap_or(ENTRY_CHANGED),
        )),
        _ => Ok(()),
    }
}

/// Reads a file of this length to its end, of which the first bytes have been
/// read.
fn load(file: &mut File, length: u64, mut head: Vec<u8>) -> Result<Vec<u8>, ImageError> {
    let rest = length - head.len() as u64;
    if rest > 0 {
        head.reserve_exact(rest as usize + jpeg::ROOM);
        read_on(file, rest, &mut head)?;
    }
    Ok(head)
}

/// Reads so many more bytes.
fn read_on(file: &mut File, count: u64, bytes: &mut Vec<u8>) -> Result<(), ImageError> {
    let read = file.take(count).read_to_end(bytes);
    let read = read.map_err(|e| ImageError::io(&e))?;
    if (read as u64) < count {
        // It was longer a moment ago.
        return Err(ImageError::CutOff);
    }
    Ok(())
}

fn rewind(file: &mut File, to: u64) -> Result<(), ImageError> {
    let moved = file.seek(SeekFrom::Start(to));
    moved.map(drop).map_err(|e| ImageError::io(&e))
}

/// The header of a file of this length, of which these are the first bytes.
fn header(bytes: &[u8], format: Format, length: u64) -> Result<Header, HeaderError> {
    match format {
        Format::Jpeg => jpeg::header(bytes),
        Format::Png => png::header(bytes),
        Format::Gif | Format::WebP | Format::Bmp => simple::header(bytes, format, length),
    }
}

/// Bytes of memory that decoding takes beside what the header declares.
fn hidden(bytes: &[u8], format: Format) -> Result<u64, ImageError> {
    match format {
        Format::Jpeg | Format::Png => Ok(0),
        Format::Gif | Format::WebP | Format::Bmp => simple::hidden(bytes, format),
    }
}

fn decode(
    bytes: Vec<u8>,
    format: Format,
    header: &Header,
    limit: u64,
) -> Result<RgbImage, ImageError> {
    let image = match format {
        Format::Jpeg => jpeg::decode(bytes, header),
        Format::Png => png::decode(&bytes, limit),
        Format::Gif | Format::WebP | Format::Bmp => simple::decode(&bytes, format, limit),
    }?;
    let mut image = DynamicImage::from(image);
    image.apply_orientation(header.orientation);
    Ok(image.into_rgb8())
}

/// A colour of this opacity on white.
fn on_white(color: [u8; 3], opacity: u8) -> [u8; 3] {
    let opacity = u32::from(opacity);
    color.map(|value| {
        let blended = u32::from(value) * opacity + 255 * (255 - opacity);
        ((blended + 127) / 255) as u8
    })
}

/// Runs a decoder; a panic in it is a damaged image, not the end of training.
fn guarded<T>(run: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(ImageError::Damaged("the decoder failed on it".to_owned())))
}

#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole_tests;
