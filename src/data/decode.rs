//! From the bytes of an image file to 8-bit RGB.
//!
//! The format is told by the content, never by the name. JPEG, PNG, WebP, BMP
//! and GIF are read; of an animation, the first frame. Grey becomes three equal
//! channels, 16 bits are rounded to 8, CMYK is converted, and what is
//! transparent is laid on white, as a viewer would show it. The EXIF
//! orientation is applied. Files are checked from their header before anything
//! is allocated for their pixels, and a decoder's panic is an error like any
//! other.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Cursor, Read, Take};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use super::file;
use super::image_error::ImageError;

/// Bytes that no pixel of a supported format exceeds: four channels of 16 bits.
const BYTES_PER_PIXEL: u64 = 8;

/// Room for metadata and a decoder's own tables beside the pixels.
const SLACK: u64 = 64 << 20;

/// As much of a file as nearly always holds its header, metadata included.
const HEADER: u64 = 64 << 10;

/// Reads and decodes an image file.
///
/// # Errors
/// If the file cannot be read, is no image, has more than `max_pixels` pixels
/// or is damaged or cut off.
pub fn read(path: &Path, max_pixels: u64) -> Result<RgbImage, ImageError> {
    let bytes = load(path, max_pixels, u64::MAX)?;
    decode(&bytes, max_pixels)
}

/// Width and height of an image file as it will be decoded, from its header.
///
/// # Errors
/// As [`read`], except that damage past the header is not seen.
pub fn dimensions(path: &Path, max_pixels: u64) -> Result<(u32, u32), ImageError> {
    let head = load(path, max_pixels, HEADER)?;
    let found = guarded(|| header(&head, max_pixels));
    let whole = (head.len() as u64) < HEADER;
    match found {
        // Long metadata may have pushed the header out of what was read.
        Err(ImageError::Damaged(_) | ImageError::CutOff) if !whole => {
            let bytes = load(path, max_pixels, u64::MAX)?;
            guarded(|| header(&bytes, max_pixels))
        }
        found => found,
    }
}

/// Decodes the bytes of an image file.
///
/// # Errors
/// As [`read`].
pub fn decode(bytes: &[u8], max_pixels: u64) -> Result<RgbImage, ImageError> {
    guarded(|| {
        let mut decoder = decoder(bytes, max_pixels)?;
        let orientation = decoder.orientation().map_err(damaged)?;
        if is_jpeg(bytes) && is_cut_off(bytes) {
            return Err(ImageError::CutOff);
        }
        let mut image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
        image.apply_orientation(orientation);
        Ok(flatten(image))
    })
}

/// Endings by which a file claims to be an image, decoded here or not.
const ENDINGS: [&str; 17] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "dib", "gif", "tif", "tiff", "heic",
    "heif", "avif", "jxl", "jp2", "ppm",
];

/// Whether a file's name says that it is an image.
pub(super) fn is_named_like_image(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str);
    ending.is_some_and(|ending| ENDINGS.iter().any(|e| ending.eq_ignore_ascii_case(e)))
}

/// What the first bytes of a file say it is, if they say anything.
pub(super) fn looks_like_image(start: &[u8]) -> bool {
    image::guess_format(start).is_ok()
}

/// Feeds the bytes of an image file to a hash.
pub(super) fn hash(
    path: &Path,
    max_pixels: u64,
    hasher: &mut blake3::Hasher,
) -> Result<(), ImageError> {
    let (file, _) = open(path, max_pixels)?;
    hasher.update_reader(file).map_err(|e| ImageError::io(&e))?;
    Ok(())
}

/// Reads a file, at most `most` bytes of it.
fn load(path: &Path, max_pixels: u64, most: u64) -> Result<Vec<u8>, ImageError> {
    let (file, length) = open(path, max_pixels)?;
    let mut bytes = Vec::with_capacity(length.min(most) as usize);
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(|e| ImageError::io(&e))?;
    Ok(bytes)
}

/// Opens a file that is not implausibly long, to be read up to the length that
/// it has now.
fn open(path: &Path, max_pixels: u64) -> Result<(Take<File>, u64), ImageError> {
    let (file, metadata) = file::open(path).map_err(ImageError::open)?;
    let limit = max_pixels
        .saturating_mul(BYTES_PER_PIXEL)
        .saturating_add(SLACK);
    let length = metadata.len();
    if length > limit {
        return Err(ImageError::TooLong {
            bytes: length,
            limit: max_pixels,
        });
    }
    Ok((file.take(length), length))
}

fn header(bytes: &[u8], max_pixels: u64) -> Result<(u32, u32), ImageError> {
    let mut decoder = decoder(bytes, max_pixels)?;
    let (width, height) = decoder.dimensions();
    let turned = matches!(decoder.orientation().map_err(damaged)?.to_exif(), 5..=8);
    Ok(if turned {
        (height, width)
    } else {
        (width, height)
    })
}

/// A decoder whose header has been read and found acceptable.
fn decoder(bytes: &[u8], max_pixels: u64) -> Result<impl ImageDecoder + '_, ImageError> {
    if bytes.is_empty() {
        return Err(ImageError::Empty);
    }
    let format = image::guess_format(bytes).map_err(|_| foreign(bytes))?;
    if let Some(name) = unsupported(format) {
        return Err(ImageError::Unsupported(name));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(
        max_pixels
            .saturating_mul(BYTES_PER_PIXEL)
            .saturating_add(SLACK),
    );
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(ImageError::Damaged("has no pixels".to_owned()));
    }
    if u64::from(width) * u64::from(height) > max_pixels {
        return Err(ImageError::TooManyPixels {
            width,
            height,
            limit: max_pixels,
        });
    }
    Ok(decoder)
}

/// Formats that are recognised but not decoded.
fn unsupported(format: ImageFormat) -> Option<&'static str> {
    match format {
        ImageFormat::Jpeg
        | ImageFormat::Png
        | ImageFormat::WebP
        | ImageFormat::Bmp
        | ImageFormat::Gif => None,
        ImageFormat::Tiff => Some("TIFF"),
        ImageFormat::Avif => Some("AVIF"),
        ImageFormat::Ico => Some("an icon"),
        ImageFormat::Pnm => Some("PNM"),
        ImageFormat::OpenExr => Some("OpenEXR"),
        ImageFormat::Hdr => Some("Radiance HDR"),
        _ => Some("an image format"),
    }
}

/// Formats that the decoding library does not know by their first bytes.
fn foreign(bytes: &[u8]) -> ImageError {
    let brand = bytes.get(4..12);
    if brand.is_some_and(|b| b.starts_with(b"ftyphei") || b.starts_with(b"ftypmif1")) {
        ImageError::Unsupported("HEIC")
    } else if bytes.starts_with(b"<svg") || bytes.starts_with(b"<?xml") {
        ImageError::Unsupported("SVG")
    } else {
        ImageError::NotAnImage
    }
}

fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xD8])
}

/// Whether a JPEG ends within its last scan.
///
/// The decoder fills what is missing with grey and calls it a success; half a
/// grey image must not be learnt from. Within a scan 0xFF is always escaped, so
/// an end marker after the last start of a scan is a true one.
fn is_cut_off(bytes: &[u8]) -> bool {
    let last = |marker: u8| bytes.windows(2).rposition(|pair| pair == [0xFF, marker]);
    match (last(0xDA), last(0xD9)) {
        (Some(scan), Some(end)) => end < scan,
        _ => true,
    }
}

/// Any image as 8-bit RGB, what is transparent on white.
fn flatten(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let layered = image.into_rgba8();
    let mut flat = RgbImage::new(layered.width(), layered.height());
    for (out, pixel) in flat.pixels_mut().zip(layered.pixels()) {
        let alpha = u32::from(pixel.0[3]);
        for (out, &value) in out.0.iter_mut().zip(&pixel.0[..3]) {
            let blended = u32::from(value) * alpha + 255 * (255 - alpha);
            *out = ((blended + 127) / 255) as u8;
        }
    }
    flat
}

fn damaged(error: image::ImageError) -> ImageError {
    match error {
        image::ImageError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            ImageError::CutOff
        }
        // The format is known from the name; its decoder's words say the rest.
        image::ImageError::Decoding(error) => ImageError::Damaged(
            std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), ToString::to_string),
        ),
        error => ImageError::Damaged(error.to_string()),
    }
}

/// Runs a decoder; a panic in it is a damaged image, not the end of training.
fn guarded<T>(run: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(ImageError::Damaged("the decoder failed on it".to_owned())))
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
