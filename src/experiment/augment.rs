//! Augmentation operations as they are written in an experiment file.
//!
//! An operation names what is done and how strongly. *Whether* it is done is
//! not its business: each view applies each operation to each image
//! independently with the view's augmentation probability. The pixels are
//! changed in `crate::data`; this file only says what was requested.

use serde::{Deserialize, Serialize};

/// One operation of the augmentation pipeline, applied to 8-bit RGB images in
/// the order in which the file lists them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Operation {
    /// Mirrors left and right.
    HorizontalFlip,
    /// Mirrors top and bottom.
    VerticalFlip,
    /// Pads every side with this many pixels of black, then crops a window of
    /// the original size at a uniformly random place.
    PadCrop(u32),
    /// Crops a random area and aspect ratio and resizes it back (bilinear).
    RandomResizedCrop {
        /// Least and greatest fraction of the image's area, in (0, 1].
        #[serde(default = "default_crop_scale")]
        scale: (f32, f32),
        /// Least and greatest width / height of the crop, positive.
        #[serde(default = "default_crop_ratio")]
        ratio: (f32, f32),
    },
    /// Rotates about the centre by an angle drawn from ±this many degrees.
    Rotate(f32),
    /// Shifts by up to this fraction of the width and of the height.
    Translate(f32),
    /// Rotation, translation, scale and shear in one resampling (bilinear).
    Affine {
        /// Greatest rotation, degrees.
        #[serde(default)]
        degrees: f32,
        /// Greatest shift as a fraction of width and height.
        #[serde(default)]
        translate: f32,
        /// Least and greatest scale factor.
        #[serde(default = "default_affine_scale")]
        scale: (f32, f32),
        /// Greatest horizontal shear, degrees.
        #[serde(default)]
        shear: f32,
    },
    /// Brightness, contrast and saturation factors drawn from 1 ± the given
    /// strength, hue shift from ± the given fraction of the colour circle, in
    /// a random order.
    ColorJitter {
        /// Strength in [0, 1]; 0 leaves brightness alone.
        #[serde(default)]
        brightness: f32,
        /// Strength in [0, 1].
        #[serde(default)]
        contrast: f32,
        /// Strength in [0, 1].
        #[serde(default)]
        saturation: f32,
        /// Strength in [0, 0.5].
        #[serde(default)]
        hue: f32,
    },
    /// Replaces colour by luma (ITU-R 601-2), keeping three channels.
    Grayscale,
    /// Gaussian blur with a standard deviation drawn from this range, pixels.
    GaussianBlur {
        /// Least and greatest standard deviation, pixels, positive.
        sigma: (f32, f32),
    },
    /// Adds independent Gaussian noise of this standard deviation, as a
    /// fraction of full scale, to every channel.
    GaussianNoise(f32),
    /// Blanks a square of this side, in pixels, at a uniformly random centre
    /// (`DeVries` and Taylor, 2017). The square may hang over the border.
    Cutout(u32),
    /// Inverts every value at or above this threshold, 0 to 255.
    Solarize(u8),
    /// Keeps this many high bits of each channel, 1 to 8.
    Posterize(u8),
    /// Equalises the histogram of each channel.
    Equalize,
    /// One operation of the wide `TrivialAugment` space at a uniformly random
    /// strength (Müller and Hutter, 2021).
    TrivialAugment,
}

fn default_crop_scale() -> (f32, f32) {
    (0.08, 1.0)
}

fn default_crop_ratio() -> (f32, f32) {
    (3.0 / 4.0, 4.0 / 3.0)
}

fn default_affine_scale() -> (f32, f32) {
    (1.0, 1.0)
}
