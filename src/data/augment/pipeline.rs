//! Which operations are applied to an image, and with which draws.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::draw::{self, AffineRange, Jitter};
use super::trivial::Choice;
use super::{colour, erase, filter, geometry, tone};
use crate::data::stream::{StreamKey, between};
use crate::experiment::augment::Operation;

/// The operations of an experiment, ready to be applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    operations: Vec<Operation>,
}

impl Pipeline {
    /// The pipeline of these operations, in this order.
    #[must_use]
    pub fn new(operations: &[Operation]) -> Self {
        Self {
            operations: operations.to_vec(),
        }
    }

    /// Applies each operation to the image, independently, with this
    /// probability (at 0 and below none, at 1 and above all). The size of the
    /// image does not change.
    ///
    /// Everything that is drawn comes from the stream of `key`. Sub-stream 0
    /// decides which operations are applied, one number for each; operation i
    /// draws its parameters from sub-stream i + 1. So an operation that is
    /// applied at one probability is applied with the same parameters at every
    /// higher one, whatever the others do.
    pub fn apply(&self, image: &mut RgbImage, probability: f64, key: &StreamKey) {
        // False for NaN too.
        let any = probability > 0.0;
        if !any || self.operations.is_empty() || image.is_empty() {
            return;
        }
        let unread = key.rng();
        let mut coins = unread.clone();
        for (operation, stream) in self.operations.iter().zip(1..) {
            if coins.random::<f64>() < probability {
                let mut draws = unread.clone();
                draws.set_stream(stream);
                perform(operation, image, &mut draws);
            }
        }
    }
}

/// Draws an operation's parameters and changes the image.
fn perform(operation: &Operation, image: &mut RgbImage, draws: &mut ChaCha8Rng) {
    match *operation {
        Operation::HorizontalFlip => geometry::flip_horizontal(image),
        Operation::VerticalFlip => geometry::flip_vertical(image),
        Operation::PadCrop(padding) => {
            let (right, down) = draw::pad_crop(padding, draws);
            geometry::shift(image, right, down);
        }
        Operation::RandomResizedCrop { scale, ratio } => {
            let window = draw::crop_window(image.dimensions(), scale, ratio, draws);
            geometry::resized_crop(image, window);
        }
        Operation::Rotate(degrees) => {
            let map = geometry::Affine {
                degrees: draw::symmetric(draws, degrees),
                ..geometry::Affine::default()
            };
            geometry::affine(image, &map);
        }
        Operation::Translate(fraction) => {
            let (right, down) = draw::shift(image, fraction, draws);
            geometry::shift(image, right, down);
        }
        Operation::Affine {
            degrees,
            translate,
            scale,
            shear,
        } => {
            let range = AffineRange {
                degrees,
                translate,
                scale,
                shear,
            };
            let map = draw::affine(image, range, draws);
            geometry::affine(image, &map);
        }
        Operation::ColorJitter {
            brightness,
            contrast,
            saturation,
            hue,
        } => {
            for change in Jitter::draw([brightness, contrast, saturation, hue], draws) {
                change.apply(image);
            }
        }
        Operation::Grayscale => colour::grayscale(image),
        Operation::GaussianBlur { sigma } => {
            filter::gaussian_blur(image, between(draws, sigma.0, sigma.1));
        }
        Operation::GaussianNoise(deviation) => erase::gaussian_noise(image, deviation, draws),
        Operation::Cutout(side) => {
            let centre = (
                draws.random_range(0..image.width()),
                draws.random_range(0..image.height()),
            );
            erase::cutout(image, centre, side);
        }
        Operation::Solarize(threshold) => tone::solarize(image, threshold),
        Operation::Posterize(bits) => tone::posterize(image, bits),
        Operation::Equalize => tone::equalize(image),
        Operation::TrivialAugment => Choice::draw(draws).apply(image),
    }
}
