//! JPEG: where the image ends, and whether all of it is there.
//!
//! Format: ITU-T T.81. The decoder fills what is missing with grey and calls it a
//! success; half a grey image must not be learnt from. An image that ends with
//! its mark is whole, whatever follows: telephones append films. One that ends
//! without the mark is whole if all of its pixels are there, which shows in that
//! nothing that might follow would change any of them.

mod frame;

use image::RgbImage;
use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use self::frame::{Frame, segment};
use super::header::{Header, HeaderError};
use crate::data::image_error::ImageError;

const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

/// Longest header, metadata not counted. Tables take some thousand bytes.
const LONGEST_HEADER: usize = 1 << 20;

/// Bytes of a continuation that is tried.
const TRIED: usize = 2048;

/// Bytes that are appended to those of a file at most.
pub(super) const ROOM: usize = TRIED + 2;

/// Segments that no pixel depends on: profiles, other metadata and comments. They
/// can be many and long; the decoder need not see them.
fn is_metadata(marker: u8) -> bool {
    matches!(marker, 0xE1..=0xED | 0xEF | 0xFE)
}

/// Where the data of an image ends.
#[derive(Debug)]
enum End {
    /// Behind the mark.
    Marked(usize),
    /// With the file, in the data of a scan that has no rest to come, or has.
    InScan { is_last: bool },
    /// With the file, elsewhere.
    Elsewhere,
}

/// What is known before anything is decoded.
pub(super) fn header(bytes: &[u8]) -> Result<Header, HeaderError> {
    let mut frame = Frame::default();
    let mut at = 2;
    let scan = loop {
        let segment = segment(bytes, at).ok_or(HeaderError::Further)?;
        if segment.marker == START_OF_SCAN {
            break frame.start_of_scan(segment.data)?;
        }
        if segment.marker == END_OF_IMAGE {
            return Err(damaged("has no pixels").into());
        }
        frame.read(&segment)?;
        at = segment.end;
    };
    let is_buffered = frame.progressive || scan.len() < frame.components.len();
    // Rows of blocks before and after they are made larger, for every component.
    let rows = u64::from(frame.width) * 4 * 4 * 16 * 2 * 2;
    Ok(Header {
        width: frame.width,
        height: frame.height,
        orientation: frame.orientation.unwrap_or(Orientation::NoTransforms),
        per_pixel: 3,
        working: rows + if is_buffered { frame.coefficients() } else { 0 },
    })
}

/// Finds the end of the image.
fn end(bytes: &[u8]) -> Result<End, ImageError> {
    let mut frame = Frame::default();
    let mut at = 2;
    while let Some(segment) = segment(bytes, at) {
        match segment.marker {
            END_OF_IMAGE => return Ok(End::Marked(segment.end)),
            START_OF_SCAN => {
                let scan = frame.start_of_scan(segment.data)?;
                let (end, restarts) = entropy_coded(bytes, segment.end);
                let Some(end) = end else {
                    let interval = frame.restart_interval;
                    let are_all = interval == 0
                        || restarts + 1 == frame.mcus(&scan).div_ceil(interval.max(1));
                    return Ok(End::InScan {
                        is_last: frame.is_complete() && are_all,
                    });
                };
                at = end;
            }
            _ => {
                frame.read(&segment)?;
                at = segment.end;
            }
        }
    }
    Ok(End::Elsewhere)
}

/// Where the data of a scan ends, if a marker other than a restart follows, and
/// the number of restarts in it. Within it 0xFF is always escaped.
fn entropy_coded(bytes: &[u8], mut at: usize) -> (Option<usize>, u64) {
    let mut restarts = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(found) = rest.iter().position(|&byte| byte == 0xFF) else {
            return (None, restarts);
        };
        match rest.get(found + 1) {
            None => return (None, restarts),
            Some(0xFF) => at += found + 1,
            Some(0) => at += found + 2,
            Some(0xD0..=0xD7) => {
                restarts += 1;
                at += found + 2;
            }
            Some(_) => return (Some(at + found), restarts),
        }
    }
}

/// Decodes the bytes of a file with this header, which should have room for
/// [`ROOM`] more.
pub(super) fn decode(mut bytes: Vec<u8>, header: &Header) -> Result<RgbImage, ImageError> {
    let size = (header.width, header.height);
    let end = end(&bytes)?;
    let start = without_metadata(&mut bytes)?;
    match end {
        End::Marked(end) => decode_whole(&bytes[start..end], size),
        End::InScan { is_last: true } => decode_unmarked(bytes, start, size),
        End::InScan { is_last: false } | End::Elsewhere => Err(ImageError::CutOff),
    }
}

/// Moves the segments that pixels depend on together before the first scan, and
/// returns where they begin.
fn without_metadata(bytes: &mut [u8]) -> Result<usize, ImageError> {
    let mut kept: Vec<u8> = bytes[..2].to_vec();
    let mut at = 2;
    while let Some(segment) = segment(bytes, at) {
        if segment.marker == START_OF_SCAN {
            let start = segment.start - kept.len();
            bytes[start..start + kept.len()].copy_from_slice(&kept);
            return Ok(start);
        }
        if !is_metadata(segment.marker) {
            kept.extend_from_slice(&bytes[segment.start..segment.end]);
            if kept.len() > LONGEST_HEADER {
                return Err(damaged("its header is too long"));
            }
        }
        at = segment.end;
    }
    Err(damaged("has no pixels"))
}

/// Decodes an image that ends without its mark, if all of its pixels are there:
/// whatever is appended, they are the same, and without the last byte they are
/// not. The latter distinguishes data from what stands in place of a lost end. That is
/// often zeros; data is filled up to a whole byte with ones.
fn decode_unmarked(
    mut bytes: Vec<u8>,
    start: usize,
    size: (u32, u32),
) -> Result<RgbImage, ImageError> {
    if bytes.last() == Some(&0xFF) {
        bytes.pop();
    }
    let escaped = usize::from(bytes.ends_with(&[0xFF, 0]));
    if escaped == 0 && bytes.last() == Some(&0) {
        return Err(ImageError::CutOff);
    }
    let length = bytes.len();
    let less = bytes.split_off(length - 1 - escaped);
    if is_settled(&mut bytes, start, size) {
        return Err(ImageError::CutOff);
    }
    bytes.extend_from_slice(&less);
    if !is_settled(&mut bytes, start, size) {
        return Err(ImageError::CutOff);
    }
    bytes.extend_from_slice(&[0xFF, END_OF_IMAGE]);
    decode_whole(&bytes[start..], size)
}

/// Whether no continuation changes the image. What is tried is taken away again.
fn is_settled(bytes: &mut Vec<u8>, start: usize, size: (u32, u32)) -> bool {
    let length = bytes.len();
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Never the beginning of a marker.
        (state >> 24) as u8 & 0x7F
    };
    let mut continuations = vec![[0xFF, 0].repeat(TRIED / 2), vec![0; TRIED]];
    for _ in 0..3 {
        continuations.push((0..TRIED).map(|_| noise()).collect());
    }
    let mut first = None;
    continuations.iter().all(|continuation| {
        bytes.extend_from_slice(continuation);
        bytes.extend_from_slice(&[0xFF, END_OF_IMAGE]);
        let image = decode_whole(&bytes[start..], size);
        bytes.truncate(length);
        image.is_ok_and(|image| {
            let hash = blake3::hash(&image);
            hash == *first.get_or_insert(hash)
        })
    })
}

fn decode_whole(bytes: &[u8], size: (u32, u32)) -> Result<RgbImage, ImageError> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(unreadable)?;
    let (Some((width, height)), Some(space)) = (decoder.dimensions(), decoder.input_colorspace())
    else {
        return Err(damaged("has no header"));
    };
    // Memory was set aside for this size.
    if (width as u32, height as u32) != size {
        return Err(damaged("its headers differ"));
    }
    let is_grey = space == ColorSpace::Luma;
    let wanted = if is_grey { space } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let mut image = RgbImage::new(width as u32, height as u32);
    let pixels: &mut [u8] = &mut image;
    let area = if is_grey {
        pixels.len() / 3
    } else {
        pixels.len()
    };
    decoder
        .decode_into(&mut pixels[..area])
        .map_err(unreadable)?;
    if is_grey {
        // From the end, so that no grey is overwritten before it is spread.
        for at in (0..area).rev() {
            let grey = pixels[at];
            pixels[3 * at..3 * at + 3].fill(grey);
        }
    }
    Ok(image)
}

fn damaged(reason: &str) -> ImageError {
    ImageError::Damaged(reason.to_owned())
}

fn unreadable(error: DecodeErrors) -> ImageError {
    match error {
        DecodeErrors::ExhaustedData => ImageError::CutOff,
        error => ImageError::Damaged(error.to_string()),
    }
}
