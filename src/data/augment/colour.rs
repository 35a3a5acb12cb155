//! Operations on colour: brightness, contrast, saturation, hue, grey.
//!
//! Brightness, contrast and saturation are blends of the picture with a
//! degenerate one (black, mean grey, grey), a factor of 0 giving the degenerate
//! one, 1 the picture and more than 1 an exaggeration, in the arithmetic of
//! Pillow's `ImageEnhance`, bit by bit.

use image::RgbImage;

use super::tone::map_levels;
use super::{pixels, pixels_mut, to_level};

/// Luma of a pixel (ITU-R 601-2), in Pillow's 16-bit fixed point: 0.299 R +
/// 0.587 G + 0.114 B.
fn luma(pixel: [u8; 3]) -> u8 {
    let [red, green, blue] = pixel.map(u32::from);
    ((19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16) as u8
}

/// Pillow truncates a blend, and clips it where the factor extrapolates.
fn blend(degenerate: u8, value: u8, factor: f32) -> u8 {
    let (degenerate, value) = (f32::from(degenerate), f32::from(value));
    (degenerate + factor * (value - degenerate)) as u8
}

/// Blends with black.
pub fn adjust_brightness(image: &mut RgbImage, factor: f32) {
    map_levels(image, |value| blend(0, value, factor));
}

/// Blends with a grey of the image's mean luma.
pub fn adjust_contrast(image: &mut RgbImage, factor: f32) {
    let count = pixels(image).len() as u64;
    if count == 0 {
        return;
    }
    let total: u64 = pixels(image)
        .iter()
        .map(|&pixel| u64::from(luma(pixel)))
        .sum();
    let mean = ((2 * total + count) / (2 * count)) as u8;
    map_levels(image, |value| blend(mean, value, factor));
}

/// Blends with the picture in grey.
pub fn adjust_saturation(image: &mut RgbImage, factor: f32) {
    for pixel in pixels_mut(image) {
        let grey = luma(*pixel);
        *pixel = pixel.map(|value| blend(grey, value, factor));
    }
}

/// Replaces each pixel by its luma, in three equal channels.
pub fn grayscale(image: &mut RgbImage) {
    for pixel in pixels_mut(image) {
        *pixel = [luma(*pixel); 3];
    }
}

/// Turns hues by `turns` of the colour circle, keeping value and saturation
/// of the HSV cone. Computed without rounding in between, unlike Pillow's
/// 8-bit HSV.
pub fn adjust_hue(image: &mut RgbImage, turns: f32) {
    let sextants = (6.0 * turns).rem_euclid(6.0);
    for pixel in pixels_mut(image) {
        *pixel = turn_hue(*pixel, sextants);
    }
}

/// Turns by `sextants` in [0, 6). In the hexagon of hues the largest channel is
/// the value, the smallest is the grey part, and the third runs up and down
/// between them.
fn turn_hue(pixel: [u8; 3], sextants: f32) -> [u8; 3] {
    let [red, green, blue] = pixel.map(f32::from);
    let most = red.max(green).max(blue);
    let least = red.min(green).min(blue);
    let chroma = most - least;
    if chroma == 0.0 {
        return pixel;
    }
    let hue = if most == red {
        (green - blue) / chroma
    } else if most == green {
        2.0 + (blue - red) / chroma
    } else {
        4.0 + (red - green) / chroma
    };
    // Between −1 and 12: one step round the circle is enough.
    let hue = match hue + sextants {
        below if below < 0.0 => below + 6.0,
        beyond if beyond >= 6.0 => beyond - 6.0,
        hue => hue,
    };
    let sextant = hue as u8;
    let along = chroma * (hue - f32::from(sextant));
    let (most_level, least_level) = (to_level(most), to_level(least));
    let (rising, falling) = (to_level(least + along), to_level(most - along));
    match sextant {
        1 => [falling, most_level, least_level],
        2 => [least_level, most_level, rising],
        3 => [least_level, falling, most_level],
        4 => [rising, least_level, most_level],
        5 => [most_level, least_level, falling],
        // 6 is red again, as 0 is: adding to less than nothing may round up to it.
        _ => [most_level, rising, least_level],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(pixel: [u8; 3]) -> RgbImage {
        RgbImage::from_pixel(1, 1, image::Rgb(pixel))
    }

    fn after(pixel: [u8; 3], change: impl FnOnce(&mut RgbImage)) -> [u8; 3] {
        let mut image = one(pixel);
        change(&mut image);
        image.get_pixel(0, 0).0
    }

    #[test]
    fn a_factor_of_one_changes_nothing() {
        for change in [adjust_brightness, adjust_contrast, adjust_saturation] {
            for level in 0..=255 {
                let pixel = [level, 255 - level, level / 2];
                assert_eq!(after(pixel, |image| change(image, 1.0)), pixel);
            }
        }
    }

    #[test]
    fn a_factor_of_zero_gives_black_and_grey() {
        let pixel = [200, 100, 50];
        assert_eq!(after(pixel, |image| adjust_brightness(image, 0.0)), [0; 3]);
        let grey = after(pixel, grayscale);
        assert_eq!(after(pixel, |image| adjust_saturation(image, 0.0)), grey);
        assert_eq!(after(pixel, |image| adjust_contrast(image, 0.0)), grey);
    }

    #[test]
    fn thirds_of_a_turn_permute_the_primaries() {
        let [red, green, blue] = [[255, 0, 0], [0, 255, 0], [0, 0, 255]];
        assert_eq!(after(red, |image| adjust_hue(image, 1.0 / 3.0)), green);
        assert_eq!(after(green, |image| adjust_hue(image, 1.0 / 3.0)), blue);
        assert_eq!(after(blue, |image| adjust_hue(image, 1.0 / 3.0)), red);
        assert_eq!(after(red, |image| adjust_hue(image, 0.5)), [0, 255, 255]);
    }

    #[test]
    fn no_turn_and_a_whole_turn_leave_every_hue_within_one_level() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for turns in [0.0, 1.0, -1.0] {
                    let pixel = [red, green, 90];
                    let turned = after(pixel, |image| adjust_hue(image, turns));
                    for (before, now) in pixel.iter().zip(turned) {
                        assert!(before.abs_diff(now) <= 1, "{pixel:?} became {turned:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn grey_has_no_hue_to_turn() {
        assert_eq!(after([93; 3], |image| adjust_hue(image, 0.3)), [93; 3]);
    }
}
