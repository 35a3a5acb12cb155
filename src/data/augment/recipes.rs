//! Recipes that draw several changes at a time, as torchvision's transforms of the
//! same names: `RandAugment`, `AutoAugment` and `AugMix`.
//!
//! Each is drawn first, as data, and applied then: what is compared with torchvision
//! is the second half, on given draws.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::change::{Change, Interpolation, Kind, Space};
use super::draw::dirichlet;
use crate::experiment::augment::AutoAugmentPolicy;

/// What `AugMix` draws from, in torchvision's order: without the identity.
pub(super) const MIXED: [Kind; 13] = [
    Kind::ShearX,
    Kind::ShearY,
    Kind::TranslateX,
    Kind::TranslateY,
    Kind::Rotate,
    Kind::Posterize,
    Kind::Solarize,
    Kind::AutoContrast,
    Kind::Equalize,
    Kind::Brightness,
    Kind::Saturation,
    Kind::Contrast,
    Kind::Sharpness,
];

/// `count` changes of the same magnitude (Cubuk et al., "`RandAugment`: Practical automated
/// data augmentation with a reduced search space", 2019).
pub(super) fn rand_augment(
    count: u32,
    magnitude: f32,
    size: (u32, u32),
    rng: &mut ChaCha8Rng,
) -> impl Iterator<Item = Change> {
    (0..count).map(move |_| {
        let kind = Kind::draw(&Kind::FOURTEEN, rng);
        Space::RAND_AUGMENT.change(kind, magnitude, rng.random(), size)
    })
}

/// A change of a policy: how often it is made, and its magnitude.
pub(super) type Step = (Kind, f64, u8);

/// A pair of changes of the policy, of which those are left out that chance does (Cubuk et
/// al., "`AutoAugment`: Learning Augmentation Policies from Data", 2018).
pub(super) fn auto_augment(
    policy: AutoAugmentPolicy,
    size: (u32, u32),
    rng: &mut ChaCha8Rng,
) -> impl Iterator<Item = Change> {
    let pairs = pairs(policy);
    let pair = &pairs[rng.random_range(0..pairs.len() as u32) as usize];
    pair.iter().filter_map(move |&step| {
        let (coin, negative) = (rng.random(), rng.random());
        made(step, coin, negative, size)
    })
}

/// The change of a step, unless the coin, in [0, 1), leaves it out.
pub(super) fn made(
    (kind, probability, magnitude): Step,
    coin: f64,
    negative: bool,
    size: (u32, u32),
) -> Option<Change> {
    let magnitude = f32::from(magnitude);
    (coin < probability).then(|| Space::AUTO_AUGMENT.change(kind, magnitude, negative, size))
}

/// The image and chains of changes of it, with the weights of each (Hendrycks et al.,
/// "`AugMix`: A Simple Data Processing Method to Improve Robustness and Uncertainty",
/// 2019).
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    /// Weight of the image as it is.
    pub original: f32,
    /// Weight and changes of each chain.
    pub chains: Vec<(f32, Vec<Change>)>,
}

/// The ranges that a [`Mixture`] is drawn from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct MixtureRange {
    /// Magnitudes are below this.
    pub severity: u8,
    /// Chains.
    pub width: u32,
    /// Changes of a chain; 1 to 3 if absent.
    pub depth: Option<u32>,
    /// Concentration of the weights.
    pub alpha: f32,
}

impl Mixture {
    /// A mixture for an image of this size.
    pub(super) fn draw(range: MixtureRange, size: (u32, u32), rng: &mut ChaCha8Rng) -> Self {
        let mut parts = [0.0; 2];
        dirichlet(range.alpha, &mut parts, rng);
        let [original, rest] = parts;
        let mut weights = vec![0.0; range.width as usize];
        dirichlet(range.alpha, &mut weights, rng);
        let chains = weights.iter().map(|weight| {
            let some = rng.random_range(1..=3);
            let changes = (0..range.depth.unwrap_or(some)).map(|_| {
                let kind = Kind::draw(&MIXED, rng);
                let magnitude = f32::from(rng.random_range(0..range.severity.max(1)));
                Space::AUG_MIX.change(kind, magnitude, rng.random(), size)
            });
            (weight * rest, changes.collect())
        });
        Self {
            original,
            chains: chains.collect(),
        }
    }

    /// Makes it of an image.
    pub fn apply(&self, image: &mut RgbImage) {
        let mut sums: Vec<f32> = image
            .iter()
            .map(|&value| self.original * f32::from(value))
            .collect();
        let mut changed = image.clone();
        for (weight, changes) in &self.chains {
            changed.copy_from_slice(image);
            for change in changes {
                change.apply(&mut changed, Interpolation::Bilinear);
            }
            for (sum, &value) in sums.iter_mut().zip(changed.iter()) {
                *sum += weight * f32::from(value);
            }
        }
        for (value, sum) in image.iter_mut().zip(sums) {
            // Truncated, as torchvision does.
            *value = sum as u8;
        }
    }
}

/// The pairs of a policy. Where a magnitude is 0 the change has none, or it is.
pub(super) fn pairs(policy: AutoAugmentPolicy) -> &'static [[Step; 2]; 25] {
    match policy {
        AutoAugmentPolicy::ImageNet => &IMAGE_NET,
        AutoAugmentPolicy::Cifar10 => &CIFAR10,
        AutoAugmentPolicy::Svhn => &SVHN,
    }
}

const IMAGE_NET: [[Step; 2]; 25] = [
    [(Kind::Posterize, 0.4, 8), (Kind::Rotate, 0.6, 9)],
    [(Kind::Solarize, 0.6, 5), (Kind::AutoContrast, 0.6, 0)],
    [(Kind::Equalize, 0.8, 0), (Kind::Equalize, 0.6, 0)],
    [(Kind::Posterize, 0.6, 7), (Kind::Posterize, 0.6, 6)],
    [(Kind::Equalize, 0.4, 0), (Kind::Solarize, 0.2, 4)],
    [(Kind::Equalize, 0.4, 0), (Kind::Rotate, 0.8, 8)],
    [(Kind::Solarize, 0.6, 3), (Kind::Equalize, 0.6, 0)],
    [(Kind::Posterize, 0.8, 5), (Kind::Equalize, 1.0, 0)],
    [(Kind::Rotate, 0.2, 3), (Kind::Solarize, 0.6, 8)],
    [(Kind::Equalize, 0.6, 0), (Kind::Posterize, 0.4, 6)],
    [(Kind::Rotate, 0.8, 8), (Kind::Saturation, 0.4, 0)],
    [(Kind::Rotate, 0.4, 9), (Kind::Equalize, 0.6, 0)],
    [(Kind::Equalize, 0.0, 0), (Kind::Equalize, 0.8, 0)],
    [(Kind::Invert, 0.6, 0), (Kind::Equalize, 1.0, 0)],
    [(Kind::Saturation, 0.6, 4), (Kind::Contrast, 1.0, 8)],
    [(Kind::Rotate, 0.8, 8), (Kind::Saturation, 1.0, 2)],
    [(Kind::Saturation, 0.8, 8), (Kind::Solarize, 0.8, 7)],
    [(Kind::Sharpness, 0.4, 7), (Kind::Invert, 0.6, 0)],
    [(Kind::ShearX, 0.6, 5), (Kind::Equalize, 1.0, 0)],
    [(Kind::Saturation, 0.4, 0), (Kind::Equalize, 0.6, 0)],
    [(Kind::Equalize, 0.4, 0), (Kind::Solarize, 0.2, 4)],
    [(Kind::Solarize, 0.6, 5), (Kind::AutoContrast, 0.6, 0)],
    [(Kind::Invert, 0.6, 0), (Kind::Equalize, 1.0, 0)],
    [(Kind::Saturation, 0.6, 4), (Kind::Contrast, 1.0, 8)],
    [(Kind::Equalize, 0.8, 0), (Kind::Equalize, 0.6, 0)],
];

const CIFAR10: [[Step; 2]; 25] = [
    [(Kind::Invert, 0.1, 0), (Kind::Contrast, 0.2, 6)],
    [(Kind::Rotate, 0.7, 2), (Kind::TranslateX, 0.3, 9)],
    [(Kind::Sharpness, 0.8, 1), (Kind::Sharpness, 0.9, 3)],
    [(Kind::ShearY, 0.5, 8), (Kind::TranslateY, 0.7, 9)],
    [(Kind::AutoContrast, 0.5, 0), (Kind::Equalize, 0.9, 0)],
    [(Kind::ShearY, 0.2, 7), (Kind::Posterize, 0.3, 7)],
    [(Kind::Saturation, 0.4, 3), (Kind::Brightness, 0.6, 7)],
    [(Kind::Sharpness, 0.3, 9), (Kind::Brightness, 0.7, 9)],
    [(Kind::Equalize, 0.6, 0), (Kind::Equalize, 0.5, 0)],
    [(Kind::Contrast, 0.6, 7), (Kind::Sharpness, 0.6, 5)],
    [(Kind::Saturation, 0.7, 7), (Kind::TranslateX, 0.5, 8)],
    [(Kind::Equalize, 0.3, 0), (Kind::AutoContrast, 0.4, 0)],
    [(Kind::TranslateY, 0.4, 3), (Kind::Sharpness, 0.2, 6)],
    [(Kind::Brightness, 0.9, 6), (Kind::Saturation, 0.2, 8)],
    [(Kind::Solarize, 0.5, 2), (Kind::Invert, 0.0, 0)],
    [(Kind::Equalize, 0.2, 0), (Kind::AutoContrast, 0.6, 0)],
    [(Kind::Equalize, 0.2, 0), (Kind::Equalize, 0.6, 0)],
    [(Kind::Saturation, 0.9, 9), (Kind::Equalize, 0.6, 0)],
    [(Kind::AutoContrast, 0.8, 0), (Kind::Solarize, 0.2, 8)],
    [(Kind::Brightness, 0.1, 3), (Kind::Saturation, 0.7, 0)],
    [(Kind::Solarize, 0.4, 5), (Kind::AutoContrast, 0.9, 0)],
    [(Kind::TranslateY, 0.9, 9), (Kind::TranslateY, 0.7, 9)],
    [(Kind::AutoContrast, 0.9, 0), (Kind::Solarize, 0.8, 3)],
    [(Kind::Equalize, 0.8, 0), (Kind::Invert, 0.1, 0)],
    [(Kind::TranslateY, 0.7, 9), (Kind::AutoContrast, 0.9, 0)],
];

const SVHN: [[Step; 2]; 25] = [
    [(Kind::ShearX, 0.9, 4), (Kind::Invert, 0.2, 0)],
    [(Kind::ShearY, 0.9, 8), (Kind::Invert, 0.7, 0)],
    [(Kind::Equalize, 0.6, 0), (Kind::Solarize, 0.6, 6)],
    [(Kind::Invert, 0.9, 0), (Kind::Equalize, 0.6, 0)],
    [(Kind::Equalize, 0.6, 0), (Kind::Rotate, 0.9, 3)],
    [(Kind::ShearX, 0.9, 4), (Kind::AutoContrast, 0.8, 0)],
    [(Kind::ShearY, 0.9, 8), (Kind::Invert, 0.4, 0)],
    [(Kind::ShearY, 0.9, 5), (Kind::Solarize, 0.2, 6)],
    [(Kind::Invert, 0.9, 0), (Kind::AutoContrast, 0.8, 0)],
    [(Kind::Equalize, 0.6, 0), (Kind::Rotate, 0.9, 3)],
    [(Kind::ShearX, 0.9, 4), (Kind::Solarize, 0.3, 3)],
    [(Kind::ShearY, 0.8, 8), (Kind::Invert, 0.7, 0)],
    [(Kind::Equalize, 0.9, 0), (Kind::TranslateY, 0.6, 6)],
    [(Kind::Invert, 0.9, 0), (Kind::Equalize, 0.6, 0)],
    [(Kind::Contrast, 0.3, 3), (Kind::Rotate, 0.8, 4)],
    [(Kind::Invert, 0.8, 0), (Kind::TranslateY, 0.0, 2)],
    [(Kind::ShearY, 0.7, 6), (Kind::Solarize, 0.4, 8)],
    [(Kind::Invert, 0.6, 0), (Kind::Rotate, 0.8, 4)],
    [(Kind::ShearY, 0.3, 7), (Kind::TranslateX, 0.9, 3)],
    [(Kind::ShearX, 0.1, 6), (Kind::Invert, 0.6, 0)],
    [(Kind::Solarize, 0.7, 2), (Kind::TranslateY, 0.6, 7)],
    [(Kind::ShearY, 0.8, 4), (Kind::Invert, 0.8, 0)],
    [(Kind::ShearX, 0.7, 9), (Kind::TranslateY, 0.8, 3)],
    [(Kind::ShearY, 0.8, 5), (Kind::AutoContrast, 0.7, 0)],
    [(Kind::ShearX, 0.7, 2), (Kind::Invert, 0.1, 0)],
];
