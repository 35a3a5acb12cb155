//! The changes that the recipes draw from: `RandAugment`, `AutoAugment`, `AugMix`
//! and `TrivialAugment` differ in which they draw and how strong they are.
//!
//! Strengths are torchvision's: a [`Space`] says what a magnitude comes to, a
//! [`Change`] is one change with its strength settled.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::geometry::{self, shift};
use super::resample::{Affine, affine};
use super::{colour, filter, size, tone};

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Leaves the image alone.
    Identity,
    /// Slants along x, the first row staying in place.
    ShearX,
    /// Slants along y, the first column staying in place.
    ShearY,
    /// Moves right or left.
    TranslateX,
    /// Moves down or up.
    TranslateY,
    /// Rotates about the centre.
    Rotate,
    /// Changes brightness.
    Brightness,
    /// Changes saturation, which torchvision calls `Color`.
    Saturation,
    /// Changes contrast.
    Contrast,
    /// Changes sharpness.
    Sharpness,
    /// Keeps some of the bits.
    Posterize,
    /// Inverts from a level on.
    Solarize,
    /// Stretches each channel to full range.
    AutoContrast,
    /// Equalises the histogram of each channel.
    Equalize,
    /// Inverts every level.
    Invert,
}

impl Kind {
    /// What `RandAugment` and `TrivialAugment` draw from, in torchvision's order.
    pub const FOURTEEN: [Self; 14] = [
        Self::Identity,
        Self::ShearX,
        Self::ShearY,
        Self::TranslateX,
        Self::TranslateY,
        Self::Rotate,
        Self::Brightness,
        Self::Saturation,
        Self::Contrast,
        Self::Sharpness,
        Self::Posterize,
        Self::Solarize,
        Self::AutoContrast,
        Self::Equalize,
    ];

    /// One of several, all equally likely.
    pub(super) fn draw(kinds: &[Self], rng: &mut ChaCha8Rng) -> Self {
        kinds[rng.random_range(0..kinds.len() as u32) as usize]
    }
}

/// What lies between pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest pixel, as Pillow finds it.
    Nearest,
    /// The bilinear mean of four.
    Bilinear,
}

/// One change with its strength.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// None.
    Identity,
    /// Slope along x.
    ShearX(f32),
    /// Slope along y.
    ShearY(f32),
    /// Pixels to the right.
    TranslateX(i64),
    /// Pixels down.
    TranslateY(i64),
    /// Degrees counterclockwise.
    Rotate(f32),
    /// Factor.
    Brightness(f32),
    /// Factor.
    Saturation(f32),
    /// Factor.
    Contrast(f32),
    /// Factor.
    Sharpness(f32),
    /// Bits that are kept.
    Posterize(u8),
    /// Least level that is inverted.
    Solarize(u8),
    /// Stretches each channel to full range.
    AutoContrast,
    /// Equalises the histogram of each channel.
    Equalize,
    /// Inverts every level.
    Invert,
}

impl Change {
    /// Makes the change. What comes into view is black.
    pub fn apply(self, image: &mut RgbImage, between: Interpolation) {
        match self {
            Self::Identity => {}
            Self::ShearX(_) | Self::ShearY(_) | Self::Rotate(_) => self.resample(image, between),
            Self::TranslateX(right) => shift(image, right, 0),
            Self::TranslateY(down) => shift(image, 0, down),
            Self::Brightness(factor) => colour::adjust_brightness(image, factor),
            Self::Saturation(factor) => colour::adjust_saturation(image, factor),
            Self::Contrast(factor) => colour::adjust_contrast(image, factor),
            Self::Sharpness(factor) => filter::adjust_sharpness(image, factor),
            Self::Posterize(bits) => tone::posterize(image, bits),
            Self::Solarize(threshold) => tone::solarize(image, threshold),
            Self::AutoContrast => tone::autocontrast(image),
            Self::Equalize => tone::equalize(image),
            Self::Invert => tone::invert(image),
        }
    }

    fn resample(self, image: &mut RgbImage, between: Interpolation) {
        match (between, self) {
            (Interpolation::Nearest, Self::ShearX(slope)) => {
                geometry::affine_nearest(image, [[1.0, f64::from(slope), 0.0], [0.0, 1.0, 0.0]]);
            }
            (Interpolation::Nearest, Self::ShearY(slope)) => {
                geometry::affine_nearest(image, [[1.0, 0.0, 0.0], [f64::from(slope), 1.0, 0.0]]);
            }
            (Interpolation::Nearest, Self::Rotate(degrees)) => {
                geometry::rotate_nearest(image, f64::from(degrees));
            }
            (Interpolation::Bilinear, Self::ShearX(slope)) => {
                let shear = (slope.atan().to_degrees(), 0.0);
                affine(image, &slanted(image, shear));
            }
            (Interpolation::Bilinear, Self::ShearY(slope)) => {
                let shear = (0.0, slope.atan().to_degrees());
                affine(image, &slanted(image, shear));
            }
            (Interpolation::Bilinear, Self::Rotate(degrees)) => {
                let map = Affine {
                    degrees: -degrees,
                    ..Affine::default()
                };
                affine(image, &map);
            }
            _ => {}
        }
    }
}

/// A shear that leaves the first pixel's corner in place.
fn slanted(image: &RgbImage, shear: (f32, f32)) -> Affine {
    let (width, height) = size(image);
    Affine {
        shear,
        fixed: (-(width as f32) / 2.0, -(height as f32) / 2.0),
        ..Affine::default()
    }
}

/// What magnitudes come to. They are counted in bins, from 0 to `last`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Space {
    /// Greatest magnitude.
    pub last: f32,
    /// Greatest shift, as a fraction of the side.
    shift: f64,
    /// Bits that posterising keeps at magnitude 0; it drops four at the greatest.
    bits: f32,
}

impl Space {
    /// `RandAugment`'s: 31 bins.
    pub const RAND_AUGMENT: Self = Self {
        last: 30.0,
        shift: 150.0 / 331.0,
        bits: 8.0,
    };
    /// `AutoAugment`'s: 10 bins.
    pub const AUTO_AUGMENT: Self = Self {
        last: 9.0,
        ..Self::RAND_AUGMENT
    };
    /// `AugMix`'s: 10 bins.
    pub const AUG_MIX: Self = Self {
        last: 9.0,
        shift: 1.0 / 3.0,
        bits: 4.0,
    };

    /// Greatest slope of a shear.
    const SLOPE: f32 = 0.3;
    /// Greatest rotation, degrees.
    const TURN: f32 = 30.0;
    /// Greatest distance of a factor from 1.
    const FACTOR: f32 = 0.9;
    /// Most bits that posterising drops.
    const DROPPED: f32 = 4.0;

    /// The change of this magnitude to an image. Those that have a direction go the
    /// other way if `negative`.
    #[must_use]
    pub fn change(
        self,
        kind: Kind,
        magnitude: f32,
        negative: bool,
        (width, height): (u32, u32),
    ) -> Change {
        let signed = |most: f32| {
            let strength = self.along(most, magnitude);
            if negative { -strength } else { strength }
        };
        // Cut to whole pixels, as torchvision does.
        let pixels = |side: u32| signed((self.shift * f64::from(side)) as f32) as i64;
        // In 64 bits, as Python adds them.
        let factor = || (1.0 + f64::from(signed(Self::FACTOR))) as f32;
        match kind {
            Kind::Identity => Change::Identity,
            Kind::ShearX => Change::ShearX(signed(Self::SLOPE)),
            Kind::ShearY => Change::ShearY(signed(Self::SLOPE)),
            Kind::TranslateX => Change::TranslateX(pixels(width)),
            Kind::TranslateY => Change::TranslateY(pixels(height)),
            Kind::Rotate => Change::Rotate(signed(Self::TURN)),
            Kind::Brightness => Change::Brightness(factor()),
            Kind::Saturation => Change::Saturation(factor()),
            Kind::Contrast => Change::Contrast(factor()),
            Kind::Sharpness => Change::Sharpness(factor()),
            Kind::Posterize => {
                let dropped = magnitude / (self.last / Self::DROPPED);
                Change::Posterize((self.bits - dropped).round_ties_even() as u8)
            }
            Kind::Solarize => Change::Solarize(self.threshold(magnitude)),
            Kind::AutoContrast => Change::AutoContrast,
            Kind::Equalize => Change::Equalize,
            Kind::Invert => Change::Invert,
        }
    }

    /// The least level that is inverted, from all but none to all. A threshold that should
    /// come out whole falls on the side of torchvision's, which does not round in between.
    fn threshold(self, magnitude: f32) -> u8 {
        let step = -1.0 / self.last;
        let share = if self.is_first_half(magnitude) {
            step.mul_add(magnitude, 1.0)
        } else {
            -step * (self.last - magnitude)
        };
        (255.0 * f64::from(share)).ceil() as u8
    }

    fn is_first_half(self, magnitude: f32) -> bool {
        magnitude < f32::midpoint(self.last, 1.0).floor()
    }

    /// The value at `magnitude` of a line from 0 to `most`, counted from the nearer end as
    /// `torch.linspace` does.
    fn along(self, most: f32, magnitude: f32) -> f32 {
        let step = most / self.last;
        if self.is_first_half(magnitude) {
            step * magnitude
        } else {
            most - step * (self.last - magnitude)
        }
    }
}
