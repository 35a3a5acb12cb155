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
    /// strength (Müller and Hutter, 2021). Geometric changes are bilinear.
    TrivialAugment,
    /// Erases a rectangle of random area, shape and place that lies within the
    /// image (Zhong et al., 2017), as torchvision's `RandomErasing`.
    RandomErasing {
        /// Least and greatest fraction of the image's area, in (0, 1].
        #[serde(default = "default_erased_scale")]
        scale: (f32, f32),
        /// Least and greatest height / width of the rectangle, positive.
        #[serde(default = "default_erased_ratio")]
        ratio: (f32, f32),
        /// What stands in place of its pixels.
        #[serde(default)]
        value: ErasedValue,
    },
    /// `n` operations drawn one after another from fourteen, all at the same
    /// magnitude (Cubuk et al., 2019), as torchvision's `RandAugment` with its
    /// 31 bins. Geometric changes take the nearest pixel, and black beyond the border.
    RandAugment {
        /// How many are drawn, 1 to 16.
        #[serde(default = "default_rand_n")]
        n: u32,
        /// Their magnitude, 0 to 30.
        #[serde(default = "default_rand_magnitude")]
        magnitude: u8,
        /// What the view's augmentation probability moves.
        #[serde(default)]
        steer: Steer,
    },
    /// One of the pairs of operations that were found for a set of images, each
    /// with a probability and a magnitude of its own (Cubuk et al., 2018), as
    /// torchvision's `AutoAugment`. Geometric changes take the nearest pixel.
    AutoAugment(AutoAugmentPolicy),
    /// The image mixed with chains of operations on it (Hendrycks et al., 2019),
    /// as torchvision's `AugMix`. Geometric changes are bilinear.
    AugMix {
        /// Greatest magnitude of an operation, 1 to 10.
        #[serde(default = "default_severity")]
        severity: u8,
        /// Chains, 1 to 16.
        #[serde(default = "default_width")]
        width: u32,
        /// Operations of a chain, 1 to 16; 1 to 3 at random if absent.
        #[serde(default)]
        depth: Option<u32>,
        /// Concentration of the weights of the image and of each chain, positive:
        /// the higher, the more even.
        #[serde(default = "one")]
        alpha: f32,
    },
    /// Blends the image with another one of the batch (Zhang et al., 2018); its share,
    /// and that of its label, has a beta distribution with both parameters this.
    MixUp(f32),
    /// Puts a rectangle of another image of the batch into the image (Yun et al., 2019).
    /// Its share, before the rectangle is cut off at the border, has a beta distribution
    /// with both parameters this; that of its label is the area that is left.
    CutMix(f32),
}

impl Operation {
    /// Whether it mixes an image with another one of the batch, after which the image has
    /// two labels.
    #[must_use]
    pub fn mixes_images(&self) -> bool {
        matches!(self, Self::MixUp(_) | Self::CutMix(_))
    }

    /// Whether a view's augmentation probability moves its magnitude, not how often it is
    /// applied.
    #[must_use]
    pub fn is_steered_by_magnitude(&self) -> bool {
        matches!(
            self,
            Self::RandAugment {
                steer: Steer::Magnitude,
                ..
            }
        )
    }
}

/// What stands in place of erased pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErasedValue {
    /// One colour: levels of red, green and blue.
    Rgb(u8, u8, u8),
    /// Independent levels, all equally likely.
    Noise,
}

impl Default for ErasedValue {
    fn default() -> Self {
        Self::Rgb(0, 0, 0)
    }
}

/// What a view's augmentation probability p moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Steer {
    /// How often the operation is applied.
    #[default]
    Probability,
    /// How strongly: it is always applied, with p times its magnitude. With p = 0 it
    /// is not applied, as no operation is.
    Magnitude,
}

/// Which images a policy was found for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AutoAugmentPolicy {
    /// `ImageNet`.
    ImageNet,
    /// CIFAR-10.
    Cifar10,
    /// Street View House Numbers.
    Svhn,
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

fn default_erased_scale() -> (f32, f32) {
    (0.02, 0.33)
}

fn default_erased_ratio() -> (f32, f32) {
    (0.3, 3.3)
}

fn default_rand_n() -> u32 {
    2
}

fn default_rand_magnitude() -> u8 {
    9
}

fn default_severity() -> u8 {
    3
}

fn default_width() -> u32 {
    3
}

fn one() -> f32 {
    1.0
}
