//! GIF, WebP and BMP, as the image library decodes them.

use std::io::{Cursor, ErrorKind};

use image::{DynamicImage, ImageDecoder, ImageError as Refusal, ImageFormat, ImageReader, Limits};
use image::{RgbImage, RgbaImage};

use super::format::Format;
use super::header::{Header, HeaderError};
use super::{on_white, webp};
use crate::data::image_error::ImageError;

/// Memory beside that for pixels: tables, and a frame that is a little larger
/// than its picture.
const WORKING: u64 = 4 << 20;

fn decoder(bytes: &[u8], format: Format, limit: u64) -> Result<impl ImageDecoder + '_, ImageError> {
    let format = match format {
        Format::Gif => ImageFormat::Gif,
        Format::WebP => ImageFormat::WebP,
        _ => ImageFormat::Bmp,
    };
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(limit);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    reader.into_decoder().map_err(unreadable)
}

/// What is known before anything is decoded, of the first bytes of a file of this
/// length.
pub(super) fn header(bytes: &[u8], format: Format, length: u64) -> Result<Header, HeaderError> {
    if format == Format::WebP && !webp::fits(bytes, length) {
        return Err(ImageError::CutOff.into());
    }
    let read = || {
        let mut decoder = decoder(bytes, format, u64::MAX)?;
        let (width, height) = decoder.dimensions();
        Ok(Header {
            width,
            height,
            orientation: decoder.orientation().map_err(unreadable)?,
            per_pixel: per_pixel(bytes, format),
            working: WORKING,
        })
    };
    read().map_err(|error| {
        if bytes.len() as u64 == length {
            HeaderError::Image(error)
        } else {
            HeaderError::Further
        }
    })
}

/// Bytes for each pixel: of the result, up to four before transparency is laid on
/// white, and of what it is decoded from.
fn per_pixel(bytes: &[u8], format: Format) -> u64 {
    match (format, bytes.get(12..16)) {
        // A frame, which is laid onto the picture.
        (Format::Gif, _) => 4 + 4,
        // Brightness, and colours of a quarter each.
        (Format::WebP, Some(b"VP8 ")) => 3 + 2,
        // The pixels with transparency, and transforms.
        (Format::WebP, Some(b"VP8L")) => 4 + 4 + 2,
        // A frame, what it is decoded from, and the picture that it is laid onto.
        (Format::WebP, _) => 4 + 4 + 4 + 4,
        _ => 4,
    }
}

/// Bytes of memory that decoding takes beside what the header declares.
pub(super) fn hidden(bytes: &[u8], format: Format) -> Result<u64, ImageError> {
    match format {
        Format::WebP => Ok(webp::tables(bytes)?.saturating_sub(WORKING / 2)),
        _ => Ok(0),
    }
}

/// Decodes, what is transparent on white.
pub(super) fn decode(bytes: &[u8], format: Format, limit: u64) -> Result<RgbImage, ImageError> {
    let decoder = decoder(bytes, format, limit)?;
    match DynamicImage::from_decoder(decoder).map_err(unreadable)? {
        DynamicImage::ImageRgb8(image) => Ok(image),
        DynamicImage::ImageRgba8(image) => flatten(image),
        other => Ok(other.into_rgb8()),
    }
}

/// In place: the result needs three quarters of the room.
fn flatten(image: RgbaImage) -> Result<RgbImage, ImageError> {
    let (width, height) = image.dimensions();
    let mut bytes = image.into_raw();
    for at in 0..bytes.len() / 4 {
        let pixel = &bytes[4 * at..4 * at + 4];
        let flat = on_white([pixel[0], pixel[1], pixel[2]], pixel[3]);
        bytes[3 * at..3 * at + 3].copy_from_slice(&flat);
    }
    bytes.truncate(bytes.len() / 4 * 3);
    RgbImage::from_raw(width, height, bytes)
        .ok_or_else(|| ImageError::Damaged("has no pixels".to_owned()))
}

fn unreadable(error: Refusal) -> ImageError {
    let ends_early = |error: &(dyn std::error::Error + 'static)| {
        let io = error.downcast_ref::<std::io::Error>();
        io.is_some_and(|error| error.kind() == ErrorKind::UnexpectedEof)
            || error
                .to_string()
                .to_lowercase()
                .contains("unexpected end of file")
    };
    match error {
        Refusal::IoError(error) if ends_early(&error) => ImageError::CutOff,
        // The format is known from the name; its decoder's words say the rest.
        Refusal::Decoding(error) => match std::error::Error::source(&error) {
            Some(source) if ends_early(source) => ImageError::CutOff,
            Some(source) => ImageError::Damaged(source.to_string()),
            None => ImageError::Damaged(error.to_string()),
        },
        error => ImageError::Damaged(error.to_string()),
    }
}
