//! Augmentation of 8-bit RGB images on the CPU.
//!
//! [`Pipeline`] applies an experiment's operations to an image; that is all
//! that the rest of the program needs. Below it, the pixels and the dice are
//! kept apart: [`geometry`], [`resample`], [`colour`], [`tone`], [`filter`]
//! and [`erase`] change an image by parameters that are handed in, and are
//! compared with torchvision on fixed parameters; [`change`] says what the
//! magnitudes of recipes come to; `draw`, [`trivial`] and [`recipes`] draw the
//! parameters from the experiment's ranges.
//!
//! [`mix`] is for operations on two images of a batch: an image is mixed where the
//! other one is at hand, not in the pipeline.
//!
//! No operation ever changes the size of an image. Nothing here reads files,
//! knows labels or holds state between images: what comes out is determined by
//! the image, the operations, the probability and the stream key.

pub mod change;
pub mod colour;
mod draw;
pub mod erase;
pub mod filter;
pub mod geometry;
pub mod mix;
mod pipeline;
pub mod recipes;
pub mod resample;
pub mod tone;
pub mod trivial;

#[cfg(test)]
mod torchvision_tests;

pub use pipeline::{Pipeline, View};

use image::RgbImage;

/// The image as pixels of three bytes, row by row.
fn pixels_mut(image: &mut RgbImage) -> &mut [[u8; 3]] {
    (**image).as_chunks_mut().0
}

/// The image as pixels of three bytes, row by row.
fn pixels(image: &RgbImage) -> &[[u8; 3]] {
    (**image).as_chunks().0
}

/// Width and height, pixels.
fn size(image: &RgbImage) -> (usize, usize) {
    (image.width() as usize, image.height() as usize)
}

/// The nearest level to a value; what lies outside 0 to 255 is clipped.
pub(super) fn to_level(value: f32) -> u8 {
    // A cast from float to u8 saturates, and takes NaN to 0.
    (value + 0.5) as u8
}
