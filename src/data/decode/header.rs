//! What is known of an image before anything is decoded.

use image::metadata::Orientation;

use super::memory::Memory;
use crate::data::image_error::ImageError;

/// Size, orientation and what decoding takes.
#[derive(Debug, Clone)]
pub(super) struct Header {
    /// Pixels of a row of the file.
    pub width: u32,
    /// Rows of the file.
    pub height: u32,
    /// How the image is to be turned.
    pub orientation: Orientation,
    /// Bytes of memory that decoding takes for each pixel, the result included.
    pub per_pixel: u64,
    /// Bytes of memory that decoding takes beside that, the file not included.
    pub working: u64,
}

/// Why there is no header.
#[derive(Debug)]
pub(super) enum HeaderError {
    /// The bytes end before the header does.
    Further,
    /// The image is not to be used.
    Image(ImageError),
}

impl From<ImageError> for HeaderError {
    fn from(error: ImageError) -> Self {
        Self::Image(error)
    }
}

/// Where it is known that no more bytes follow.
impl From<HeaderError> for ImageError {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Further => Self::CutOff,
            HeaderError::Image(error) => error,
        }
    }
}

impl Header {
    /// Whether the image is turned so that rows become columns.
    fn is_turned(&self) -> bool {
        matches!(self.orientation.to_exif(), 5..=8)
    }

    /// Width and height as they will be.
    pub fn dimensions(&self) -> (u32, u32) {
        if self.is_turned() {
            (self.height, self.width)
        } else {
            (self.width, self.height)
        }
    }

    /// Bytes of memory that it takes to decode a file of this length.
    fn memory(&self, length: u64) -> u64 {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let turned = if self.is_turned() { 3 } else { 0 };
        pixels
            .saturating_mul(self.per_pixel + turned)
            .saturating_add(self.working)
            .saturating_add(length)
    }

    /// Checks the size and returns the bytes of memory that decoding takes.
    pub fn check(&self, length: u64, max_pixels: u64, memory: &Memory) -> Result<u64, ImageError> {
        let &Self { width, height, .. } = self;
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
        let bytes = self.memory(length);
        if bytes > memory.limit() {
            return Err(ImageError::TooMuchMemory {
                width,
                height,
                bytes,
                limit: memory.limit(),
            });
        }
        Ok(bytes)
    }
}
