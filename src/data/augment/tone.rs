//! Operations that map each channel's levels by a table: solarise, posterise,
//! equalise and their kin.

use image::RgbImage;

use super::{pixels, pixels_mut};

/// Number of levels of a channel.
const LEVELS: usize = 256;

/// Replaces every level by what `change` says, the same in all channels.
pub(super) fn map_levels(image: &mut RgbImage, change: impl Fn(u8) -> u8) {
    let table: [u8; LEVELS] = std::array::from_fn(|level| change(level as u8));
    for value in image.iter_mut() {
        *value = table[usize::from(*value)];
    }
}

/// Inverts every value.
pub fn invert(image: &mut RgbImage) {
    for value in image.iter_mut() {
        *value = !*value;
    }
}

/// Inverts every value at or above `threshold`.
pub fn solarize(image: &mut RgbImage, threshold: u8) {
    for value in image.iter_mut() {
        *value = if *value >= threshold { !*value } else { *value };
    }
}

/// Keeps the `bits` highest bits of each value; 8 and more keep all.
pub fn posterize(image: &mut RgbImage, bits: u8) {
    let dropped = 8_u32.saturating_sub(u32::from(bits));
    let mask = u8::MAX.checked_shl(dropped).unwrap_or(0);
    for value in image.iter_mut() {
        *value &= mask;
    }
}

/// Spreads each channel's levels so that its histogram is as even as a table
/// can make it (Pillow's `ImageOps.equalize`).
pub fn equalize(image: &mut RgbImage) {
    map_channels(image, |histogram| {
        let total: u64 = histogram.iter().sum();
        // The brightest level that occurs becomes 255 and takes no share.
        let brightest = histogram.iter().rev().find(|&&count| count > 0)?;
        let step = (total - brightest) / 255;
        if step == 0 {
            return None;
        }
        let mut below = step / 2;
        Some(std::array::from_fn(|level| {
            let target = (below / step).min(255) as u8;
            below += histogram[level];
            target
        }))
    });
}

/// Stretches each channel so that its darkest level becomes 0 and its
/// brightest 255 (Pillow's `ImageOps.autocontrast`).
pub fn autocontrast(image: &mut RgbImage) {
    map_channels(image, |histogram| {
        let darkest = histogram.iter().position(|&count| count > 0)?;
        let brightest = histogram.iter().rposition(|&count| count > 0)?;
        if darkest == brightest {
            return None;
        }
        let scale = 255.0 / (brightest - darkest) as f64;
        let offset = -(darkest as f64) * scale;
        // Truncated, and saturated by the cast, as the model is.
        Some(std::array::from_fn(|level| {
            (level as f64 * scale + offset) as u8
        }))
    });
}

/// Maps each channel by a table made from its histogram, if one is made.
fn map_channels(image: &mut RgbImage, table: impl Fn(&[u64; LEVELS]) -> Option<[u8; LEVELS]>) {
    let mut histograms = [[0_u64; LEVELS]; 3];
    for pixel in pixels(image) {
        for (histogram, &value) in histograms.iter_mut().zip(pixel) {
            histogram[usize::from(value)] += 1;
        }
    }
    for (channel, histogram) in histograms.iter().enumerate() {
        let Some(table) = table(histogram) else {
            continue;
        };
        for pixel in pixels_mut(image) {
            pixel[channel] = table[usize::from(pixel[channel])];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every level once, in each channel.
    fn ramp() -> RgbImage {
        RgbImage::from_fn(16, 16, |x, y| {
            let level = (16 * y + x) as u8;
            image::Rgb([level, 255 - level, level])
        })
    }

    #[test]
    fn solarize_inverts_from_the_threshold_on() {
        let mut image = RgbImage::from_pixel(1, 1, image::Rgb([127, 128, 255]));
        solarize(&mut image, 128);
        assert_eq!(image.get_pixel(0, 0).0, [127, 127, 0]);
    }

    #[test]
    fn solarize_from_zero_is_an_inversion() {
        let (mut solarized, mut inverted) = (ramp(), ramp());
        solarize(&mut solarized, 0);
        invert(&mut inverted);
        assert_eq!(solarized, inverted);
    }

    #[test]
    fn posterize_leaves_two_to_the_bits_levels() {
        for bits in 0..=9 {
            let mut image = ramp();
            posterize(&mut image, bits);
            let mut levels: Vec<u8> = image.pixels().map(|pixel| pixel.0[0]).collect();
            levels.sort_unstable();
            levels.dedup();
            assert_eq!(levels.len(), 1 << bits.min(8));
        }
    }

    #[test]
    fn equalize_leaves_an_even_histogram_and_a_flat_picture_alone() {
        let mut image = ramp();
        equalize(&mut image);
        assert_eq!(image, ramp());
        let flat = RgbImage::from_pixel(20, 20, image::Rgb([9, 99, 199]));
        let mut image = flat.clone();
        equalize(&mut image);
        assert_eq!(image, flat);
    }

    #[test]
    fn autocontrast_reaches_both_ends() {
        let mut image = RgbImage::from_fn(3, 1, |x, _| image::Rgb([100 + x as u8; 3]));
        autocontrast(&mut image);
        let levels: Vec<u8> = image.pixels().map(|pixel| pixel.0[0]).collect();
        assert_eq!(levels, [0, 127, 255]);
    }
}
