//! Operations that read between pixels, bilinear: affine maps and enlarged
//! crops.

use image::RgbImage;

use super::{pixels, pixels_mut, size, to_level};

/// An affine map as its parts. The default is the identity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Rotation, degrees, clockwise as seen.
    pub degrees: f32,
    /// Shift to the right and down, pixels.
    pub translate: (f32, f32),
    /// Scale factor; more than 1 magnifies.
    pub scale: f32,
    /// Shear along x and along y, degrees.
    pub shear: (f32, f32),
    /// The point that rotation, scale and shear leave in place, pixels from
    /// the image's centre.
    pub fixed: (f32, f32),
}

impl Default for Affine {
    fn default() -> Self {
        Self {
            degrees: 0.0,
            translate: (0.0, 0.0),
            scale: 1.0,
            shear: (0.0, 0.0),
            fixed: (0.0, 0.0),
        }
    }
}

impl Affine {
    /// The rows of the inverse map, from a place in the result to the place in
    /// the source that it shows, both from the image's centre. The forward map
    /// is translation · to fixed · rotation · shear y · shear x · scale · from
    /// fixed, as in torchvision's `affine`.
    fn inverse(&self) -> [[f32; 3]; 2] {
        let turn = f64::from(self.degrees).to_radians();
        let shear_x = f64::from(self.shear.0).to_radians();
        let shear_y = f64::from(self.shear.1).to_radians();
        let fixed = (f64::from(self.fixed.0), f64::from(self.fixed.1));
        // Rotation · shear y · shear x, columns before they are sheared along x.
        let (first, second) = (
            (turn - shear_y).cos() / shear_y.cos(),
            (turn - shear_y).sin() / shear_y.cos(),
        );
        let forward = [
            [first, -first * shear_x.tan() - turn.sin()],
            [second, -second * shear_x.tan() + turn.cos()],
        ];
        // Its determinant is 1, so that the inverse is its adjugate.
        let scale = f64::from(self.scale);
        let inverse = [
            [forward[1][1] / scale, -forward[0][1] / scale],
            [-forward[1][0] / scale, forward[0][0] / scale],
        ];
        let right = -fixed.0 - f64::from(self.translate.0);
        let down = -fixed.1 - f64::from(self.translate.1);
        let row = |[across, along]: [f64; 2], fixed: f64| {
            [across, along, across * right + along * down + fixed].map(|entry| entry as f32)
        };
        [row(inverse[0], fixed.0), row(inverse[1], fixed.1)]
    }
}

/// Resamples the picture under an affine map, bilinear. What comes into view
/// from beyond the border is black.
pub fn affine(image: &mut RgbImage, map: &Affine) {
    let (width, height) = size(image);
    let source = image.clone();
    let source = Sampler {
        pixels: pixels(&source),
        width,
        height,
    };
    let [to_x, to_y] = map.inverse();
    let (middle_x, middle_y) = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
    let rows = pixels_mut(image).chunks_exact_mut(width.max(1));
    for (row, target) in rows.enumerate() {
        let down = row as f32 - middle_y;
        let start_x = to_x[1] * down + to_x[2] + middle_x;
        let start_y = to_y[1] * down + to_y[2] + middle_y;
        for (column, pixel) in target.iter_mut().enumerate() {
            let right = column as f32 - middle_x;
            *pixel = source.at(to_x[0] * right + start_x, to_y[0] * right + start_y);
        }
    }
}

/// Reads a picture between its pixels.
struct Sampler<'a> {
    pixels: &'a [[u8; 3]],
    width: usize,
    height: usize,
}

impl Sampler<'_> {
    /// The bilinear mean of the four pixels around (x, y), those beyond the
    /// border counting as black. Pixel centres are at whole numbers.
    fn at(&self, x: f32, y: f32) -> [u8; 3] {
        let (width, height) = (self.width as f32, self.height as f32);
        // False for NaN too.
        let near = x > -1.0 && y > -1.0 && x < width && y < height;
        if !near {
            return [0; 3];
        }
        // Counted from the pixel before the first one, so that cutting off the
        // fraction is rounding down; `floor` is a call on older processors.
        let (column, row) = ((x + 1.0) as usize, (y + 1.0) as usize);
        let (right, lower) = (x + 1.0 - column as f32, y + 1.0 - row as f32);
        if column > 0 && row > 0 && column < self.width && row < self.height {
            let second = row * self.width + column;
            let first = second - self.width;
            let (upper_row, lower_row) = (
                &self.pixels[first - 1..=first],
                &self.pixels[second - 1..=second],
            );
            return blend_rows(
                mix(upper_row[0], upper_row[1], right),
                mix(lower_row[0], lower_row[1], right),
                lower,
            );
        }
        blend_rows(
            mix(self.tap(column, row), self.tap(column + 1, row), right),
            mix(
                self.tap(column, row + 1),
                self.tap(column + 1, row + 1),
                right,
            ),
            lower,
        )
    }

    /// A pixel, its column and row counted from one.
    fn tap(&self, column: usize, row: usize) -> [u8; 3] {
        if (1..=self.width).contains(&column) && (1..=self.height).contains(&row) {
            self.pixels[(row - 1) * self.width + column - 1]
        } else {
            [0; 3]
        }
    }
}

/// (1 − share) · first + share · second, channel by channel.
fn mix(first: [u8; 3], second: [u8; 3], share: f32) -> [f32; 3] {
    std::array::from_fn(|channel| {
        let (first, second) = (f32::from(first[channel]), f32::from(second[channel]));
        first + share * (second - first)
    })
}

fn blend_rows(upper: [f32; 3], lower: [f32; 3], share: f32) -> [u8; 3] {
    std::array::from_fn(|channel| {
        to_level(upper[channel] + share * (lower[channel] - upper[channel]))
    })
}

/// A rectangle inside an image, pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Enlarges a window to the size of the whole image, bilinear, borders
/// repeated. What of the window lies outside the image is left out.
pub fn resized_crop(image: &mut RgbImage, window: Window) {
    let (width, height) = size(image);
    let columns = Taps::new(window.left as usize, window.width as usize, width);
    let rows = Taps::new(window.top as usize, window.height as usize, height);
    let source = image.clone();
    let source = pixels(&source);
    // Each row's two neighbours are computed for every pixel and the columns'
    // once, because columns are walked many times.
    let columns: Vec<Tap> = (0..width).map(|x| columns.at(x)).collect();
    let targets = pixels_mut(image).chunks_exact_mut(width.max(1));
    for (y, target) in targets.enumerate() {
        let row = rows.at(y);
        let upper = &source[row.first * width..][..width];
        let lower = &source[row.second * width..][..width];
        for (pixel, column) in target.iter_mut().zip(&columns) {
            *pixel = blend_rows(
                mix(upper[column.first], upper[column.second], column.share),
                mix(lower[column.first], lower[column.second], column.share),
                row.share,
            );
        }
    }
}

/// Where along one axis the pixels of an enlarged window come from.
struct Taps {
    start: usize,
    last: usize,
    ratio: f32,
}

/// Two neighbours and the share of the second.
struct Tap {
    first: usize,
    second: usize,
    share: f32,
}

impl Taps {
    fn new(start: usize, length: usize, full: usize) -> Self {
        let start = start.min(full.saturating_sub(1));
        let length = length.clamp(1, (full - start).max(1));
        Self {
            start,
            last: length - 1,
            ratio: length as f32 / full.max(1) as f32,
        }
    }

    fn at(&self, place: usize) -> Tap {
        // Pixel centres lie at halves, so that both pictures cover the same area.
        let source = ((place as f32 + 0.5) * self.ratio - 0.5).clamp(0.0, self.last as f32);
        let first = source as usize;
        Tap {
            first: self.start + first,
            second: self.start + (first + 1).min(self.last),
            share: source - first as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::geometry::tests::picture;
    use super::super::geometry::{flip_horizontal, flip_vertical, shift};
    use super::*;

    #[test]
    fn the_identity_map_changes_nothing() {
        let before = picture(9, 6);
        let mut image = before.clone();
        affine(&mut image, &Affine::default());
        assert_eq!(image, before);
    }

    #[test]
    fn an_affine_translation_is_a_shift() {
        let mut mapped = picture(9, 6);
        let map = Affine {
            translate: (3.0, -2.0),
            ..Affine::default()
        };
        affine(&mut mapped, &map);
        let mut shifted = picture(9, 6);
        shift(&mut shifted, 3, -2);
        assert_eq!(mapped, shifted);
    }

    #[test]
    fn half_a_turn_is_both_flips() {
        let mut turned = picture(8, 6);
        let map = Affine {
            degrees: 180.0,
            ..Affine::default()
        };
        affine(&mut turned, &map);
        let mut flipped = picture(8, 6);
        flip_horizontal(&mut flipped);
        flip_vertical(&mut flipped);
        // The sine of π is not quite 0 and the border fades by that much.
        for (turned, flipped) in turned.iter().zip(flipped.iter()) {
            assert!(turned.abs_diff(*flipped) <= 1);
        }
    }

    #[test]
    fn a_degenerate_map_gives_black_and_no_panic() {
        for scale in [0.0, f32::NAN, f32::INFINITY] {
            let mut image = picture(4, 4);
            let map = Affine {
                scale,
                degrees: 30.0,
                ..Affine::default()
            };
            affine(&mut image, &map);
            assert_eq!(image.dimensions(), (4, 4));
        }
    }

    #[test]
    fn a_crop_of_everything_changes_nothing() {
        let before = picture(9, 6);
        let mut image = before.clone();
        let window = Window {
            left: 0,
            top: 0,
            width: 9,
            height: 6,
        };
        resized_crop(&mut image, window);
        assert_eq!(image, before);
    }

    #[test]
    fn a_crop_of_one_pixel_fills_the_image_with_it() {
        let mut image = picture(9, 6);
        let window = Window {
            left: 8,
            top: 5,
            width: 1,
            height: 1,
        };
        resized_crop(&mut image, window);
        assert!(image.pixels().all(|pixel| pixel.0 == [8, 5, 71]));
    }

    #[test]
    fn a_window_that_hangs_out_of_the_image_is_cut_off() {
        let mut image = picture(4, 3);
        let window = Window {
            left: 90,
            top: 1,
            width: u32::MAX,
            height: 0,
        };
        resized_crop(&mut image, window);
        assert!(image.pixels().all(|pixel| pixel.0[0] == 3));
    }
}
