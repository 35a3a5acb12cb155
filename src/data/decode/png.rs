//! PNG: from the rows of the file to rows of 8-bit RGB, one after the other.
//!
//! Of the file's chunks only those that pixels are made of are shown to the
//! decoder. Profiles and texts may unpack to a thousand times their length, and
//! no pixel depends on them. Nor does anything depend on what follows the
//! pixels: a file without its end is whole if all of its pixels are there.

use std::io::{self, BufRead, Chain, Read, Seek, SeekFrom};

use image::RgbImage;
use image::metadata::Orientation;
use png::{BitDepth, ColorType, DecodingError, InterlaceInfo, Transformations};

use super::header::{Header, HeaderError};
use super::on_white;

use crate::data::image_error::ImageError;

const SIGNATURE: usize = 8;

/// Length, type and check sum of a chunk.
const FRAME: usize = 12;

/// The last chunk, which every PNG ends with.
const END: &[u8; FRAME] = b"\0\0\0\0IEND\xAE\x42\x60\x82";

/// Longest of the chunks that are kept beside those of pixels: a palette.
const LONGEST_KEPT: usize = 768;

/// The chunks of a file that pixels are made of.
struct Chunks<'a> {
    /// Signature, header, palette and transparency.
    start: Vec<u8>,
    /// The chunks of pixels, which follow one another.
    pixels: &'a [u8],
    /// Whether the last of them is whole.
    is_whole: bool,
    exif: Option<&'a [u8]>,
}

/// Chooses chunks.
fn chunks(bytes: &[u8]) -> Result<Chunks<'_>, HeaderError> {
    let mut start = bytes.get(..SIGNATURE).ok_or(HeaderError::Further)?.to_vec();
    let mut seen: Vec<[u8; 4]> = Vec::new();
    let mut exif = None;
    let mut at = SIGNATURE;
    loop {
        let (kind, end) = chunk(bytes, at).ok_or(HeaderError::Further)?;
        if kind == b"IDAT" {
            break;
        }
        let whole = bytes.get(at..end).ok_or(HeaderError::Further)?;
        match kind {
            b"IHDR" if at == SIGNATURE && whole.len() == FRAME + 13 => {
                start.extend_from_slice(whole);
            }
            b"PLTE" | b"tRNS" if whole.len() <= FRAME + LONGEST_KEPT && !seen.contains(kind) => {
                start.extend_from_slice(whole);
                seen.push(*kind);
            }
            b"eXIf" => exif = exif.or(whole.get(8..whole.len() - 4)),
            b"IEND" => return Err(damaged("has no pixels").into()),
            _ => {}
        }
        at = end;
    }
    let first = at;
    while let Some((b"IDAT", end)) = chunk(bytes, at) {
        if end > bytes.len() {
            break;
        }
        at = end;
    }
    // Less than the beginning of a chunk may follow: it is none of pixels then,
    // or the rows show that one is missing.
    let is_whole = !matches!(chunk(bytes, at), Some((b"IDAT", _)));
    Ok(Chunks {
        start,
        pixels: &bytes[first..at],
        is_whole,
        exif,
    })
}

/// Type and end of the chunk that begins here, wherever the file ends.
fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8; 4], usize)> {
    let head = bytes.get(at..at.checked_add(8)?)?;
    let (length, kind) = head.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length) as usize;
    Some((
        kind.first_chunk()?,
        at.checked_add(FRAME)?.checked_add(length)?,
    ))
}

/// What is known before anything is decoded.
pub(super) fn header(bytes: &[u8]) -> Result<Header, HeaderError> {
    let (kind, _) = chunk(bytes, SIGNATURE).ok_or(HeaderError::Further)?;
    if kind != b"IHDR" {
        return Err(damaged("does not begin with its header").into());
    }
    let fields = bytes.get(16..29).ok_or(HeaderError::Further)?;
    let number = |at: usize| {
        u32::from_be_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]])
    };
    let (width, height) = (number(0), number(4));
    let exif = chunks(bytes)?.exif;
    // A row as it is, the one before it, and what both are unpacked from and
    // expanded to, of up to four channels of 16 bits; and one of the result.
    let rows = u64::from(width) * (4 * 8 + 3);
    Ok(Header {
        width,
        height,
        orientation: exif
            .and_then(Orientation::from_exif_chunk)
            .unwrap_or(Orientation::NoTransforms),
        working: rows + (1 << 20),
        per_pixel: 3,
    })
}

/// Decodes, what is transparent on white.
pub(super) fn decode(bytes: &[u8], limit: u64) -> Result<RgbImage, ImageError> {
    let chunks = chunks(bytes)?;
    if !chunks.is_whole {
        return Err(ImageError::CutOff);
    }
    let pieces = Pieces(chunks.start.chain(chunks.pixels).chain(END.as_slice()));
    let limits = png::Limits {
        bytes: usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let mut decoder = png::Decoder::new_with_limits(pieces, limits);
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(unreadable)?;
    let (width, height) = reader.info().size();
    let (color, depth) = reader.output_color_type();
    let mut image = RgbImage::new(width, height);
    let pixels: &mut [u8] = &mut image;
    let stride = 3 * width as usize;
    if !reader.info().interlaced && (color, depth) == (ColorType::Rgb, BitDepth::Eight) {
        // As they are.
        for row in pixels.chunks_exact_mut(stride) {
            reader.read_row(row).map_err(unreadable)?;
        }
    } else {
        let mut row_of_pass = vec![0; stride];
        let mut number = 0;
        while let Some(row) = reader.next_interlaced_row().map_err(unreadable)? {
            let count = row.data().len() / bytes_per_pixel(color, depth);
            let out = &mut row_of_pass[..3 * count];
            flatten(row.data(), color, depth, out);
            match row.interlace() {
                InterlaceInfo::Adam7(pass) => {
                    png::expand_interlaced_row(pixels, stride, out, pass, 24);
                }
                InterlaceInfo::Null(_) => {
                    pixels[number * stride..(number + 1) * stride].copy_from_slice(out);
                    number += 1;
                }
            }
        }
    }
    // To the end, so that the check sum of the last chunk is looked at too.
    reader.finish().map_err(unreadable)?;
    Ok(image)
}

/// A row of any kind as 8-bit RGB.
fn flatten(row: &[u8], color: ColorType, depth: BitDepth, out: &mut [u8]) {
    /// Two bytes as one.
    fn short(bytes: &[u8], at: usize) -> u8 {
        to_eight(u16::from_be_bytes([bytes[2 * at], bytes[2 * at + 1]]))
    }
    let (out, _) = out.as_chunks_mut::<3>();
    match (color, depth == BitDepth::Sixteen) {
        (ColorType::Grayscale | ColorType::Indexed, false) => each(row, out, |&[v]| [v; 3]),
        (ColorType::GrayscaleAlpha, false) => each(row, out, |&[v, a]| on_white([v; 3], a)),
        (ColorType::Rgb, false) => each(row, out, |rgb: &[u8; 3]| *rgb),
        (ColorType::Rgba, false) => each(row, out, |&[r, g, b, a]| on_white([r, g, b], a)),
        (ColorType::Grayscale | ColorType::Indexed, true) => {
            each(row, out, |v: &[u8; 2]| [short(v, 0); 3]);
        }
        (ColorType::GrayscaleAlpha, true) => {
            each(row, out, |v: &[u8; 4]| {
                on_white([short(v, 0); 3], short(v, 1))
            });
        }
        (ColorType::Rgb, true) => {
            each(row, out, |v: &[u8; 6]| [0, 1, 2].map(|at| short(v, at)));
        }
        (ColorType::Rgba, true) => each(row, out, |v: &[u8; 8]| {
            on_white([0, 1, 2].map(|at| short(v, at)), short(v, 3))
        }),
    }
}

/// Makes a pixel of every `N` bytes.
fn each<const N: usize>(row: &[u8], out: &mut [[u8; 3]], pixel: impl Fn(&[u8; N]) -> [u8; 3]) {
    for (out, bytes) in out.iter_mut().zip(row.as_chunks::<N>().0) {
        *out = pixel(bytes);
    }
}

fn bytes_per_pixel(color: ColorType, depth: BitDepth) -> usize {
    color.samples() * if depth == BitDepth::Sixteen { 2 } else { 1 }
}

/// The nearest of 256 values.
fn to_eight(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

fn damaged(reason: &str) -> ImageError {
    ImageError::Damaged(reason.to_owned())
}

fn unreadable(error: DecodingError) -> ImageError {
    match error {
        DecodingError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ImageError::CutOff
        }
        DecodingError::LimitsExceeded => damaged("needs more memory than it may take"),
        error => ImageError::Damaged(error.to_string()),
    }
}

/// Parts of a file, read one after the other as if they were the whole of it.
struct Pieces<'a>(Chain<Chain<&'a [u8], &'a [u8]>, &'a [u8]>);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.0.consume(amount);
    }
}

/// The decoder asks for readers that can seek, and never does.
impl Seek for Pieces<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
