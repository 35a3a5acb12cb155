//! `TrivialAugment` in its wide space (Müller and Hutter, "`TrivialAugment`:
//! Tuning-free Yet State-of-the-Art Data Augmentation", 2021): one of fourteen
//! changes, at one of 31 strengths.
//!
//! The space is that of torchvision's `TrivialAugmentWide`. Unlike its
//! default, geometric changes resample bilinearly.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::geometry::shift;
use super::resample::{Affine, affine};
use super::{colour, filter, size, tone};

/// Number of strengths.
pub const BINS: u8 = 31;

/// Pixels of the greatest shift, whatever the size of the image.
const MOST_SHIFT: f32 = 32.0;
/// Degrees of the greatest rotation.
const MOST_TURN: f32 = 135.0;
/// Greatest slope of a shear, and greatest distance of a factor from 1.
const MOST_FACTOR: f32 = 0.99;
/// Most bits that posterising drops.
const MOST_BITS: f32 = 6.0;

/// One of the fourteen changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Leaves the image alone.
    Identity,
    /// Slants along x, the first row staying in place.
    ShearX,
    /// Slants along y, the first column staying in place.
    ShearY,
    /// Moves right or left by up to 32 pixels.
    TranslateX,
    /// Moves down or up by up to 32 pixels.
    TranslateY,
    /// Rotates by up to 135°.
    Rotate,
    /// Changes brightness by a factor from 0.01 to 1.99.
    Brightness,
    /// Changes saturation by a factor from 0.01 to 1.99.
    Saturation,
    /// Changes contrast by a factor from 0.01 to 1.99.
    Contrast,
    /// Changes sharpness by a factor from 0.01 to 1.99.
    Sharpness,
    /// Keeps 8 to 2 bits.
    Posterize,
    /// Inverts from 255 down to 0.
    Solarize,
    /// Stretches each channel to full range.
    AutoContrast,
    /// Equalises the histogram of each channel.
    Equalize,
}

impl Kind {
    /// All changes, in torchvision's order.
    pub const ALL: [Self; 14] = [
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
}

/// A change with its strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Choice {
    /// What is changed.
    pub kind: Kind,
    /// How strongly, 0 to [`BINS`] − 1.
    pub bin: u8,
    /// Whether a change that has a direction goes the other way.
    pub negative: bool,
}

impl Choice {
    /// Every change, strength and direction equally likely.
    #[must_use]
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        Self {
            kind: Kind::ALL[rng.random_range(0..Kind::ALL.len() as u32) as usize],
            bin: rng.random_range(0..BINS),
            negative: rng.random(),
        }
    }

    /// Makes the change.
    pub fn apply(self, image: &mut RgbImage) {
        let factor = 1.0 + self.signed(MOST_FACTOR);
        match self.kind {
            Kind::Identity => {}
            Kind::ShearX | Kind::ShearY | Kind::Rotate => {
                let map = self.map(image);
                affine(image, &map);
            }
            // Cut to whole pixels, as torchvision does.
            Kind::TranslateX => shift(image, self.signed(MOST_SHIFT) as i64, 0),
            Kind::TranslateY => shift(image, 0, self.signed(MOST_SHIFT) as i64),
            Kind::Brightness => colour::adjust_brightness(image, factor),
            Kind::Saturation => colour::adjust_saturation(image, factor),
            Kind::Contrast => colour::adjust_contrast(image, factor),
            Kind::Sharpness => filter::adjust_sharpness(image, factor),
            Kind::Posterize => tone::posterize(image, 8 - (MOST_BITS * self.share()).round() as u8),
            Kind::Solarize => tone::solarize(image, (255.0 * (1.0 - self.share())).ceil() as u8),
            Kind::AutoContrast => tone::autocontrast(image),
            Kind::Equalize => tone::equalize(image),
        }
    }

    /// The strength as a share of the greatest, 0 to 1.
    fn share(self) -> f32 {
        f32::from(self.bin.min(BINS - 1)) / f32::from(BINS - 1)
    }

    fn signed(self, most: f32) -> f32 {
        let strength = most * self.share();
        if self.negative { -strength } else { strength }
    }

    fn map(self, image: &RgbImage) -> Affine {
        let (width, height) = size(image);
        let corner = (-(width as f32) / 2.0, -(height as f32) / 2.0);
        let slant = self.signed(MOST_FACTOR).atan().to_degrees();
        match self.kind {
            Kind::ShearX => Affine {
                shear: (slant, 0.0),
                fixed: corner,
                ..Affine::default()
            },
            Kind::ShearY => Affine {
                shear: (0.0, slant),
                fixed: corner,
                ..Affine::default()
            },
            // Positive angles turn counterclockwise in torchvision's `rotate`.
            _ => Affine {
                degrees: -self.signed(MOST_TURN),
                ..Affine::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn every_change_and_every_strength_is_drawn_equally_often() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let draws = 31_000;
        let (mut kinds, mut bins, mut negative) = (HashMap::new(), HashMap::new(), 0_u32);
        for _ in 0..draws {
            let choice = Choice::draw(&mut rng);
            *kinds.entry(choice.kind).or_insert(0_u32) += 1;
            *bins.entry(choice.bin).or_insert(0_u32) += 1;
            negative += u32::from(choice.negative);
        }
        assert_eq!((kinds.len(), bins.len()), (14, 31));
        // Five standard deviations: 45 of 2214, 31 of 1000, 88 of 15,500.
        assert!(kinds.values().all(|count| count.abs_diff(2214) < 230));
        assert!(bins.values().all(|count| count.abs_diff(1000) < 160));
        assert!(negative.abs_diff(15_500) < 440);
    }

    #[test]
    fn the_least_strength_leaves_a_picture_nearly_alone() {
        let before = RgbImage::from_fn(16, 12, |x, y| {
            image::Rgb([(9 * x) as u8, (20 * y) as u8, (5 * x + 7 * y) as u8])
        });
        for kind in Kind::ALL {
            if matches!(kind, Kind::AutoContrast | Kind::Equalize) {
                continue;
            }
            let mut image = before.clone();
            let choice = Choice {
                kind,
                bin: 0,
                negative: true,
            };
            choice.apply(&mut image);
            assert_eq!(image, before, "{kind:?}");
        }
    }
}
