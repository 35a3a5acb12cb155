//! Operations that look at a pixel's neighbourhood: blur and sharpness.

use image::RgbImage;

use super::{pixels, pixels_mut, size, to_level};

/// Standard deviations after which the Gaussian is cut off; what is left out
/// is 0.3 % of its weight.
const REACH: f32 = 3.0;

/// Blurs with a Gaussian of standard deviation `sigma` in pixels, cut off at
/// three of them, with borders mirrored about the outermost pixel. The kernel
/// reaches no further than the image does.
pub fn gaussian_blur(image: &mut RgbImage, sigma: f32) {
    let (width, height) = size(image);
    if width == 0 || height == 0 || sigma.is_nan() || sigma <= 0.0 {
        return;
    }
    // Along rows and then along columns, in floats throughout: one rounding.
    let across = kernel(sigma, width);
    let down = kernel(sigma, height);
    let stride = 3 * width;
    let mut blurred = vec![0.0; stride * height];
    let mut padded = Vec::with_capacity(3 * (width + across.len()));
    for (source, target) in pixels(image)
        .chunks_exact(width)
        .zip(blurred.chunks_exact_mut(stride))
    {
        pad(source, across.len() / 2, &mut padded);
        for (tap, &weight) in across.iter().enumerate() {
            add_scaled(target, &padded[3 * tap..][..stride], weight);
        }
    }
    let mut sums = vec![0.0; stride];
    for (y, target) in image.chunks_exact_mut(stride).enumerate() {
        sums.fill(0.0);
        for (tap, &weight) in down.iter().enumerate() {
            let row = mirrored(y + tap, down.len() / 2, height);
            add_scaled(&mut sums, &blurred[row * stride..][..stride], weight);
        }
        for (value, &sum) in target.iter_mut().zip(&sums) {
            *value = to_level(sum);
        }
    }
}

/// Weights of an odd number of taps that sum to 1, for an axis this long.
fn kernel(sigma: f32, length: usize) -> Vec<f32> {
    // A mirror at the border shows each pixel of the image once within this.
    let furthest = length - 1;
    let radius = ((REACH * sigma).ceil() as usize).min(furthest);
    let weights: Vec<f32> = (0..=2 * radius)
        .map(|tap| {
            let distance = tap as f32 - radius as f32;
            (-0.5 * (distance / sigma).powi(2)).exp()
        })
        .collect();
    let total: f32 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// The pixel at `place − radius` of an axis that is mirrored about its ends.
fn mirrored(place: usize, radius: usize, length: usize) -> usize {
    let from_start = place.abs_diff(radius);
    if place >= radius && from_start >= length {
        2 * (length - 1) - from_start
    } else {
        from_start
    }
}

/// One row as floats, with `radius` mirrored pixels on each side.
fn pad(row: &[[u8; 3]], radius: usize, padded: &mut Vec<f32>) {
    padded.clear();
    for place in 0..row.len() + 2 * radius {
        let pixel = row[mirrored(place, radius, row.len())];
        padded.extend(pixel.map(f32::from));
    }
}

fn add_scaled(target: &mut [f32], source: &[f32], weight: f32) {
    for (target, source) in target.iter_mut().zip(source) {
        *target += weight * source;
    }
}

/// Blends with a smoothed picture: a factor of 0 smooths, 1 changes nothing,
/// 2 sharpens. Smooths by the 3×3 kernel of ones with a centre of 5, except
/// for the outermost pixels (Pillow's `ImageEnhance.Sharpness`).
pub fn adjust_sharpness(image: &mut RgbImage, factor: f32) {
    const CENTRE: f32 = 5.0;
    const TOTAL: f32 = CENTRE + 8.0;
    let (width, height) = size(image);
    if width < 3 || height < 3 {
        return;
    }
    let source = image.clone();
    let source = pixels(&source);
    let target = pixels_mut(image);
    for y in 1..height - 1 {
        for x in 1..width - 1 {
            let here = y * width + x;
            for channel in 0..3 {
                let row = |middle: usize| -> u32 {
                    source[middle - 1..=middle + 1]
                        .iter()
                        .map(|pixel| u32::from(pixel[channel]))
                        .sum()
                };
                let value = f32::from(source[here][channel]);
                let ones = row(here - width) + row(here) + row(here + width);
                let smooth = (ones as f32 + (CENTRE - 1.0) * value) / TOTAL;
                let smooth = f32::from(to_level(smooth));
                // Truncated, and saturated by the cast, as every blend is.
                target[here][channel] = (smooth + factor * (value - smooth)) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(side: u32) -> RgbImage {
        let mut image = RgbImage::new(side, side);
        image.put_pixel(side / 2, side / 2, image::Rgb([255, 128, 0]));
        image
    }

    #[test]
    fn a_blur_leaves_a_flat_picture_alone() {
        for (width, height) in [(1, 1), (1, 7), (2, 2), (9, 5)] {
            let flat = RgbImage::from_pixel(width, height, image::Rgb([3, 130, 255]));
            for sigma in [0.1, 1.0, 50.0, 1e30] {
                let mut image = flat.clone();
                gaussian_blur(&mut image, sigma);
                assert_eq!(image, flat, "{width}×{height}, sigma {sigma}");
            }
        }
    }

    #[test]
    fn a_blur_adds_the_variance_that_was_asked_for() {
        let sigma = 1.5_f64;
        // A square of 4 by 4: a single dot spreads too thin for eight bits.
        let mut image = RgbImage::from_fn(32, 32, |x, y| {
            let inside = (14..18).contains(&x) && (14..18).contains(&y);
            image::Rgb([0, if inside { 255 } else { 0 }, 0])
        });
        gaussian_blur(&mut image, sigma as f32);
        let (mut weight, mut moment) = (0.0, 0.0);
        for (x, _, pixel) in image.enumerate_pixels() {
            let value = f64::from(pixel.0[1]);
            weight += value;
            moment += value * (f64::from(x) - 15.5).powi(2);
        }
        // The square has a variance of (4² − 1) / 12 itself.
        let variance = moment / weight - 15.0 / 12.0;
        assert!((variance - sigma * sigma).abs() < 0.15, "{variance}");
    }

    #[test]
    fn a_mirror_does_not_repeat_the_outermost_pixel() {
        let seen: Vec<usize> = (0..8).map(|place| mirrored(place, 2, 4)).collect();
        assert_eq!(seen, [2, 1, 0, 1, 2, 3, 2, 1]);
    }

    #[test]
    fn a_sharpness_of_one_changes_nothing_and_zero_spreads_a_dot() {
        let mut image = dot(5);
        adjust_sharpness(&mut image, 1.0);
        assert_eq!(image, dot(5));
        adjust_sharpness(&mut image, 0.0);
        // 255 · 5 / 13 and 255 / 13.
        assert_eq!(image.get_pixel(2, 2).0[0], 98);
        assert_eq!(image.get_pixel(1, 1).0[0], 20);
    }
}
