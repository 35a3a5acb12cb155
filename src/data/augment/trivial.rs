//! `TrivialAugment` in its wide space (Müller and Hutter, "`TrivialAugment`:
//! Tuning-free Yet State-of-the-Art Data Augmentation", 2021): one of fourteen
//! changes, at one of 31 strengths.
//!
//! The space is that of torchvision's `TrivialAugmentWide`. Unlike its
//! default, geometric changes resample bilinearly.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::change::{Change, Interpolation, Kind};

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
            kind: Kind::draw(&Kind::FOURTEEN, rng),
            bin: rng.random_range(0..BINS),
            negative: rng.random(),
        }
    }

    /// Makes the change.
    pub fn apply(self, image: &mut RgbImage) {
        self.change().apply(image, Interpolation::Bilinear);
    }

    fn change(self) -> Change {
        let factor = 1.0 + self.signed(MOST_FACTOR);
        // Cut to whole pixels, as torchvision does.
        let pixels = self.signed(MOST_SHIFT) as i64;
        match self.kind {
            Kind::Identity => Change::Identity,
            Kind::ShearX => Change::ShearX(self.signed(MOST_FACTOR)),
            Kind::ShearY => Change::ShearY(self.signed(MOST_FACTOR)),
            Kind::Rotate => Change::Rotate(self.signed(MOST_TURN)),
            Kind::TranslateX => Change::TranslateX(pixels),
            Kind::TranslateY => Change::TranslateY(pixels),
            Kind::Brightness => Change::Brightness(factor),
            Kind::Saturation => Change::Saturation(factor),
            Kind::Contrast => Change::Contrast(factor),
            Kind::Sharpness => Change::Sharpness(factor),
            Kind::Posterize => Change::Posterize(8 - (MOST_BITS * self.share()).round() as u8),
            Kind::Solarize => Change::Solarize((255.0 * (1.0 - self.share())).ceil() as u8),
            Kind::AutoContrast => Change::AutoContrast,
            Kind::Equalize => Change::Equalize,
            Kind::Invert => Change::Invert,
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
        for kind in Kind::FOURTEEN {
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
