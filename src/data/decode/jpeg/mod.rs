//! JPEG: where the image ends, and whether all of it is there.
//!
//! Format: ITU-T T.81. The decoder fills what is missing with grey or zeros and calls it a
//! success; half a grey image must not be learnt from. So the data of every scan must
//! have as many blocks as the image, no fewer and no more, whether the mark of the end
//! follows or not. What follows the mark is passed over: phones append films.
//!
//! Nearly all images are of one kind, one scan without restarts, and there the decoder
//! itself shows it ([`decode_counted`]), at no cost. Blocks of the other kinds are
//! counted first ([`entropy`]).

mod entropy;
mod frame;
mod reader;

use image::RgbImage;
use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use self::entropy::{Entropy, Fault};
use self::frame::{Frame, segment};
use self::reader::{Reader, Search};
use super::header::{Header, HeaderError};
use crate::data::image_error::ImageError;

const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;
const DEFINE_HUFFMAN_TABLES: u8 = 0xC4;

/// Longest header, metadata not counted. Tables take some thousand bytes.
const LONGEST_HEADER: usize = 1 << 20;

/// Bytes of ones behind the data; the decoder reads at most eight ahead.
const ONES: [u8; 32] = {
    let mut ones = [0xFF; 32];
    let mut at = 1;
    while at < ones.len() {
        ones[at] = 0;
        at += 2;
    }
    ones
};

/// The mark of the end.
const EOI: [u8; 2] = [0xFF, END_OF_IMAGE];

/// Bytes that are appended to those of a file at most.
pub(super) const ROOM: usize = ONES.len() + EOI.len();

/// Segments that no pixel depends on: profiles, other metadata and comments. They
/// can be many and long; the decoder need not see them.
fn is_metadata(marker: u8) -> bool {
    matches!(marker, 0xE1..=0xED | 0xEF | 0xFE)
}

/// The scans of an image.
#[derive(Debug)]
struct Layout {
    /// Where the data of the last one ends.
    end: usize,
    /// Whether the mark of the end follows.
    is_marked: bool,
    /// Whether there is one scan, of all coefficients and without restarts.
    is_single: bool,
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
    let is_buffered = frame.progressive || scan.components.len() < frame.components.len();
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

/// Finds the scans. With `entropy`, their blocks are counted.
fn layout(bytes: &[u8], mut entropy: Option<&mut Entropy>) -> Result<Layout, ImageError> {
    let mut frame = Frame::default();
    let (mut end, mut at) = (None, 2);
    let (mut is_marked, mut is_single) = (false, false);
    while let Some(segment) = segment(bytes, at) {
        at = segment.end;
        match segment.marker {
            END_OF_IMAGE => {
                is_marked = true;
                break;
            }
            START_OF_SCAN => {
                let scan = frame.start_of_scan(segment.data)?;
                let (found, restarts) = entropy_coded(bytes, at);
                let data = &bytes[at..found.unwrap_or(bytes.len())];
                if let Some(entropy) = &mut entropy {
                    let walked = entropy.walk(&frame, &scan, data, found.is_some());
                    walked.map_err(|fault| unusable(fault, found.is_some()))?;
                }
                let is_all = !frame.progressive && scan.components.len() == frame.components.len();
                is_single = is_all && end.is_none() && restarts + frame.restart_interval == 0;
                at += data.len();
                end = Some(at);
            }
            DEFINE_HUFFMAN_TABLES => {
                if let Some(entropy) = &mut entropy {
                    entropy.read_tables(segment.data)?;
                }
            }
            _ => frame.read(&segment)?,
        }
    }
    match end {
        Some(end) if frame.is_complete() => Ok(Layout {
            end,
            is_marked,
            is_single,
        }),
        _ => Err(ImageError::CutOff),
    }
}

fn unusable(fault: Fault, is_ended: bool) -> ImageError {
    match fault {
        Fault::Short if is_ended => damaged("its data ends before the last pixels"),
        Fault::Short => ImageError::CutOff,
        Fault::Invalid => damaged("its data is not valid"),
        Fault::LeftOver => damaged("it has more data than pixels"),
    }
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
    let Layout {
        end,
        is_marked,
        is_single,
    } = layout(&bytes, None)?;
    let start = without_metadata(&mut bytes)?;
    bytes.truncate(end);
    if is_marked && is_single && !bytes.ends_with(&[0, 0]) {
        bytes.extend_from_slice(&ONES);
        bytes.extend_from_slice(&EOI);
        if let Some(image) = decode_counted(&bytes[start..], end - start, size) {
            return Ok(image);
        }
        bytes.truncate(end);
    }
    if is_marked {
        bytes.extend_from_slice(&EOI);
    }
    layout(&bytes[start..], Some(&mut Entropy::default()))?;
    if !is_marked {
        // A first byte of the mark is one that fills up before it.
        bytes.extend_from_slice(&EOI);
    }
    decode_whole(
        Reader::new(&bytes[start..], &Search::default()),
        size,
        false,
    )
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

/// Decodes an image whose data ends at `end`, with ones behind it, if it is seen at once
/// that its blocks end there, too. No code begins with so many ones: a block that is read
/// from them is an error. And up to the last block the decoder reads ahead: what it
/// has not read then belongs to no block. Only what is lost or more within the last
/// eight bytes can stay unseen.
fn decode_counted(bytes: &[u8], end: usize, size: (u32, u32)) -> Option<RgbImage> {
    let search = Search::default();
    let image = decode_whole(Reader::new(bytes, &search), size, true).ok()?;
    (search.start() >= end).then_some(image)
}

fn decode_whole(reader: Reader, size: (u32, u32), is_strict: bool) -> Result<RgbImage, ImageError> {
    let options = DecoderOptions::default()
        .set_strict_mode(is_strict)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(reader, options);
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
