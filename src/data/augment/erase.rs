//! Operations that destroy information: blanked squares, erased rectangles and noise.

use std::f32::consts::TAU;

use image::RgbImage;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use super::resample::Window;
use super::{pixels_mut, size, to_level};
use crate::experiment::augment::ErasedValue;

/// Blanks a square of this side around the pixel (x, y), with black. What of
/// it hangs over the border is cut off. An even side has one more pixel before
/// the centre than behind it, as in the Cutout paper (arXiv:1708.04552).
pub fn cutout(image: &mut RgbImage, centre: (u32, u32), side: u32) {
    let (width, height) = size(image);
    let (columns, rows) = (span(centre.0, side, width), span(centre.1, side, height));
    let band = &mut pixels_mut(image)[rows.start * width..rows.end * width];
    for row in band.chunks_exact_mut(width.max(1)) {
        row[columns.clone()].fill([0; 3]);
    }
}

/// Replaces the pixels of a rectangle within the image by a value.
pub fn erase(image: &mut RgbImage, window: Window, value: ErasedValue, rng: &mut ChaCha8Rng) {
    let width = image.width() as usize;
    let (left, columns) = (window.left as usize, window.width as usize);
    let rows = pixels_mut(image).chunks_exact_mut(width.max(1));
    for row in rows.skip(window.top as usize).take(window.height as usize) {
        let row = &mut row[left..left + columns];
        match value {
            ErasedValue::Rgb(red, green, blue) => row.fill([red, green, blue]),
            ErasedValue::Noise => rng.fill_bytes(row.as_flattened_mut()),
        }
    }
}

/// The part of the square along one axis, inside 0 to `length`.
fn span(centre: u32, side: u32, length: usize) -> std::ops::Range<usize> {
    let (centre, side) = (u64::from(centre), u64::from(side));
    let end = (centre + side - side / 2).min(length as u64);
    centre.saturating_sub(side / 2).min(end) as usize..end as usize
}

/// Adds independent Gaussian noise to every value. The standard deviation is a
/// fraction of full scale; sums are rounded and clipped to 0 to 255.
pub fn gaussian_noise(image: &mut RgbImage, deviation: f32, rng: &mut ChaCha8Rng) {
    let levels = 255.0 * deviation;
    for pair in image.chunks_mut(2) {
        for (value, normal) in pair.iter_mut().zip(two_normals(rng)) {
            *value = to_level(f32::from(*value) + levels * normal);
        }
    }
}

/// Two independent standard normal numbers (Box and Muller, 1958).
pub(super) fn two_normals(rng: &mut ChaCha8Rng) -> [f32; 2] {
    // 1 − u is never 0, of which there is no logarithm.
    let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
    let (sine, cosine) = (TAU * rng.random::<f32>()).sin_cos();
    [radius * cosine, radius * sine]
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn blanked(centre: (u32, u32), side: u32) -> Vec<(u32, u32)> {
        let mut image = RgbImage::from_pixel(5, 4, image::Rgb([255; 3]));
        cutout(&mut image, centre, side);
        image
            .enumerate_pixels()
            .filter(|(_, _, pixel)| pixel.0 == [0; 3])
            .map(|(x, y, _)| (x, y))
            .collect()
    }

    #[test]
    fn a_square_is_blanked_around_its_centre() {
        let square: Vec<(u32, u32)> = (0..3).flat_map(|y| (1..4).map(move |x| (x, y))).collect();
        assert_eq!(blanked((2, 1), 3), square);
        assert_eq!(blanked((2, 1), 2), [(1, 0), (2, 0), (1, 1), (2, 1)]);
    }

    #[test]
    fn a_square_may_hang_over_every_border() {
        assert_eq!(blanked((0, 0), 3), [(0, 0), (1, 0), (0, 1), (1, 1)]);
        assert_eq!(blanked((4, 3), 3), [(3, 2), (4, 2), (3, 3), (4, 3)]);
        assert_eq!(blanked((2, 2), u32::MAX).len(), 20);
        assert!(blanked((2, 2), 0).is_empty());
        assert!(blanked((u32::MAX, u32::MAX), 9).is_empty());
    }

    #[test]
    fn a_rectangle_is_erased_and_nothing_else() {
        let before = RgbImage::from_pixel(6, 5, image::Rgb([9; 3]));
        let window = Window {
            left: 1,
            top: 2,
            width: 4,
            height: 3,
        };
        for value in [ErasedValue::Rgb(1, 2, 3), ErasedValue::Noise] {
            let mut image = before.clone();
            erase(&mut image, window, value, &mut ChaCha8Rng::seed_from_u64(5));
            let changed: Vec<(u32, u32)> = (image.enumerate_pixels())
                .filter(|(_, _, pixel)| pixel.0 != [9; 3])
                .map(|(x, y, _)| (x, y))
                .collect();
            let inside: Vec<(u32, u32)> =
                (2..5).flat_map(|y| (1..5).map(move |x| (x, y))).collect();
            assert_eq!(changed, inside);
            let corner = image.get_pixel(1, 2).0;
            assert_eq!(corner == [1, 2, 3], value != ErasedValue::Noise);
        }
    }

    #[test]
    fn noise_has_the_mean_and_deviation_that_were_asked_for() {
        let mut image = RgbImage::from_pixel(200, 200, image::Rgb([128; 3]));
        gaussian_noise(&mut image, 0.1, &mut ChaCha8Rng::seed_from_u64(5));
        let count = image.as_raw().len() as f64;
        let mean = image.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        let variance = image
            .iter()
            .map(|&value| (f64::from(value) - mean).powi(2))
            .sum::<f64>()
            / count;
        // 120,000 values: the standard error of the mean is 0.07.
        assert!((mean - 128.0).abs() < 0.4, "{mean}");
        assert!((variance.sqrt() - 25.5).abs() < 0.4, "{}", variance.sqrt());
    }

    #[test]
    fn no_deviation_is_no_noise() {
        let mut image = RgbImage::from_pixel(3, 3, image::Rgb([0, 77, 255]));
        let before = image.clone();
        gaussian_noise(&mut image, 0.0, &mut ChaCha8Rng::seed_from_u64(5));
        assert_eq!(image, before);
    }
}
