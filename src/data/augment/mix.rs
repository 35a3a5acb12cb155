//! Operations that mix an image with another one of its batch.
//!
//! What is drawn for an image says how it is mixed, not with which one: the batch does,
//! where the other image is at hand. Arithmetic and rectangles are torchvision's `MixUp`
//! and `CutMix`, with draws for each image in place of one for the batch.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::draw::dirichlet;
use super::resample::Window;
use super::{pixels, pixels_mut, to_level};

/// How an image is mixed with another one of the same size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mixing {
    /// own · image + (1 − own) · other (Zhang et al., "mixup: Beyond Empirical Risk
    /// Minimization", 2018).
    Blend {
        /// Share of the image, 0 to 1.
        own: f32,
    },
    /// A rectangle of the other in its place (Yun et al., "`CutMix`: Regularization Strategy
    /// to Train Strong Classifiers with Localizable Features", 2019).
    Paste {
        /// The rectangle, within the image.
        window: Window,
    },
}

impl Mixing {
    /// A blend whose share has a beta distribution with both parameters `alpha`.
    pub(super) fn blend(alpha: f32, rng: &mut ChaCha8Rng) -> Self {
        let own = beta(alpha, rng);
        Self::Blend { own }
    }

    /// A rectangle at a uniformly random centre, cut off at the border; the share of the
    /// area that it leaves, were it not cut off, has a beta distribution.
    pub(super) fn paste(alpha: f32, size: (u32, u32), rng: &mut ChaCha8Rng) -> Self {
        let left = beta(alpha, rng);
        let centre = (rng.random_range(0..size.0), rng.random_range(0..size.1));
        Self::paste_at(left, centre, size)
    }

    /// The rectangle for this share that is left, centre, and width and height.
    #[must_use]
    pub fn paste_at(left: f32, (x, y): (u32, u32), (width, height): (u32, u32)) -> Self {
        let half = 0.5 * (1.0 - f64::from(left)).max(0.0).sqrt();
        let span = |centre: u32, side: u32| {
            let reach = (half * f64::from(side)) as u32;
            (
                centre.saturating_sub(reach),
                centre.saturating_add(reach).min(side),
            )
        };
        let ((left, right), (top, bottom)) = (span(x, width), span(y, height));
        Self::Paste {
            window: Window {
                left,
                top,
                width: right - left,
                height: bottom - top,
            },
        }
    }

    /// Share of the image that is left, for this width and height.
    #[must_use]
    pub fn own_share(self, (width, height): (u32, u32)) -> f32 {
        match self {
            Self::Blend { own } => own,
            Self::Paste { window } => {
                let pasted = f64::from(window.width) * f64::from(window.height);
                (1.0 - pasted / (f64::from(width) * f64::from(height))) as f32
            }
        }
    }

    /// Mixes values `[channel][row][column]` of an image of this width.
    pub fn mix_values(self, image: &mut [f32], other: &[f32], (width, height): (u32, u32)) {
        match self {
            Self::Blend { own } => {
                for (value, other) in image.iter_mut().zip(other) {
                    *value = (1.0 - own) * other + own * *value;
                }
            }
            Self::Paste { window } => {
                let (width, height) = (width as usize, height as usize);
                let left = window.left as usize;
                let rows = window.top as usize..(window.top + window.height) as usize;
                for channel in 0..image.len() / (width * height).max(1) {
                    for row in rows.clone() {
                        let from = (channel * height + row) * width + left;
                        let span = from..from + window.width as usize;
                        image[span.clone()].copy_from_slice(&other[span]);
                    }
                }
            }
        }
    }

    /// Mixes pixels, for people to look at.
    pub fn mix_pixels(self, image: &mut RgbImage, other: &RgbImage) {
        match self {
            Self::Blend { own } => {
                for (value, &other) in image.iter_mut().zip(other.iter()) {
                    *value = to_level((1.0 - own) * f32::from(other) + own * f32::from(*value));
                }
            }
            Self::Paste { window } => {
                let width = image.width() as usize;
                let left = window.left as usize;
                for row in window.top as usize..(window.top + window.height) as usize {
                    let span = row * width + left..row * width + left + window.width as usize;
                    pixels_mut(image)[span.clone()].copy_from_slice(&pixels(other)[span]);
                }
            }
        }
    }
}

/// A beta variate with both parameters `alpha`.
fn beta(alpha: f32, rng: &mut ChaCha8Rng) -> f32 {
    let mut shares = [0.0; 2];
    dirichlet(alpha, &mut shares, rng);
    shares[0]
}

/// The place of the image that one at `place` is mixed with, of as many as there are: the
/// one before it. Batches are shuffled, so that it is any other one.
#[must_use]
pub fn partner(place: usize, of: usize) -> usize {
    place.checked_sub(1).unwrap_or(of.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::geometry::tests::picture;
    use super::*;

    /// Values as a batch has them.
    fn values(image: &RgbImage) -> Vec<f32> {
        (0..3)
            .flat_map(|channel| image.pixels().map(move |pixel| f32::from(pixel.0[channel])))
            .collect()
    }

    #[test]
    fn pixels_and_values_are_mixed_alike() {
        let (image, other) = (
            picture(9, 6),
            RgbImage::from_pixel(9, 6, image::Rgb([200; 3])),
        );
        for mixing in [
            Mixing::Blend { own: 0.25 },
            Mixing::paste_at(0.4, (7, 1), (9, 6)),
        ] {
            let mut mixed = image.clone();
            mixing.mix_pixels(&mut mixed, &other);
            let mut mixed_values = values(&image);
            mixing.mix_values(&mut mixed_values, &values(&other), (9, 6));
            for (level, value) in values(&mixed).into_iter().zip(mixed_values) {
                assert!((level - value).abs() <= 0.5, "{mixing:?}: {level}, {value}");
            }
            assert_ne!(mixed, image);
        }
    }

    #[test]
    fn a_share_is_that_of_the_pixels_that_are_left() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let mut shares = Vec::new();
        for _ in 0..2000 {
            let mixing = Mixing::paste(1.0, (12, 10), &mut rng);
            let mut image = RgbImage::new(12, 10);
            let other = RgbImage::from_pixel(12, 10, image::Rgb([255; 3]));
            mixing.mix_pixels(&mut image, &other);
            let left = image.pixels().filter(|pixel| pixel.0 == [0; 3]).count();
            let share = mixing.own_share((12, 10));
            assert!((share - left as f32 / 120.0).abs() < 1e-6, "{mixing:?}");
            shares.push(share);
        }
        assert!(shares.iter().any(|&share| share < 0.4));
        assert!(shares.iter().any(|&share| share > 0.95));
    }

    #[test]
    fn every_image_is_the_partner_of_one() {
        let mut partners: Vec<usize> = (0..5).map(|place| partner(place, 5)).collect();
        assert_eq!(partners, [4, 0, 1, 2, 3]);
        partners.sort_unstable();
        assert_eq!(partners, [0, 1, 2, 3, 4]);
        assert_eq!(partner(0, 1), 0);
    }
}
