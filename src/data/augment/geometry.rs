//! Operations that move whole pixels: flips, shifts, and affine maps that take the
//! nearest pixel.

use image::RgbImage;

use super::{pixels, pixels_mut, size};

/// Mirrors left and right.
pub fn flip_horizontal(image: &mut RgbImage) {
    let (width, _) = size(image);
    for row in pixels_mut(image).chunks_exact_mut(width.max(1)) {
        row.reverse();
    }
}

/// Mirrors top and bottom.
pub fn flip_vertical(image: &mut RgbImage) {
    let (width, height) = size(image);
    let (top, bottom) = pixels_mut(image).split_at_mut(height.div_ceil(2) * width);
    let upper = top.chunks_exact_mut(width.max(1));
    let lower = bottom.chunks_exact_mut(width.max(1)).rev();
    for (above, below) in upper.zip(lower) {
        above.swap_with_slice(below);
    }
}

/// Moves the picture `right` and `down` by whole pixels; negative numbers move
/// it left and up. What comes into view is black.
pub fn shift(image: &mut RgbImage, right: i64, down: i64) {
    let (width, height) = size(image);
    let pixels = pixels_mut(image);
    let (columns, rows) = (right.unsigned_abs(), down.unsigned_abs());
    if columns >= width as u64 || rows >= height as u64 {
        pixels.fill([0; 3]);
        return;
    }
    let (columns, rows) = (columns as usize, rows as usize);
    let kept = width - columns;
    let (from_column, to_column) = if right > 0 {
        (0, columns)
    } else {
        (columns, 0)
    };
    // The column where the uncovered strip begins.
    let bare = if right > 0 { 0 } else { kept };
    for step in 0..height {
        // Rows are overwritten only after they have been read.
        let to = if down > 0 { height - 1 - step } else { step };
        let from = if down > 0 {
            to.checked_sub(rows)
        } else {
            Some(to + rows).filter(|&row| row < height)
        };
        let start = to * width;
        let Some(from) = from else {
            pixels[start..start + width].fill([0; 3]);
            continue;
        };
        let source = from * width + from_column;
        pixels.copy_within(source..source + kept, start + to_column);
        pixels[start + bare..start + bare + columns].fill([0; 3]);
    }
}

/// Resamples under an affine map, each pixel being the nearest to its place in the
/// source. `inverse` leads from a place in the result to that in the source, both in
/// pixels from the upper left corner. What comes into view is black. The arithmetic is
/// Pillow's, in units of 1/65536 of a pixel.
pub fn affine_nearest(image: &mut RgbImage, inverse: [[f64; 3]; 2]) {
    const ONE: f64 = 65_536.0;
    let (width, height) = size(image);
    let source = image.clone();
    let source = pixels(&source);
    let fixed = |value: f64| (value * ONE + 0.5).floor() as i64;
    // The first pixel's centre lies at (0.5, 0.5).
    let line = |[x, y, start]: [f64; 3]| [fixed(x), fixed(y), fixed(start + 0.5 * x + 0.5 * y)];
    let ([x_right, x_down, x_start], [y_right, y_down, y_start]) =
        (line(inverse[0]), line(inverse[1]));
    for (row, target) in (0..).zip(pixels_mut(image).chunks_exact_mut(width.max(1))) {
        let mut x = x_start.saturating_add(x_down.saturating_mul(row));
        let mut y = y_start.saturating_add(y_down.saturating_mul(row));
        for pixel in target {
            // What is negative becomes too large.
            let (column, row) = ((x >> 16) as usize, (y >> 16) as usize);
            *pixel = if column < width && row < height {
                source[row * width + column]
            } else {
                [0; 3]
            };
            x = x.saturating_add(x_right);
            y = y.saturating_add(y_right);
        }
    }
}

/// Rotates counterclockwise about the centre, each pixel being the nearest to its place
/// in the source.
pub fn rotate_nearest(image: &mut RgbImage, degrees: f64) {
    let (width, height) = size(image);
    let (middle_x, middle_y) = (width as f64 / 2.0, height as f64 / 2.0);
    // Pillow rounds them so that right angles come out whole.
    let rounded = |value: f64| (value * 1e15).round() / 1e15;
    let turn = -degrees.to_radians();
    let (cosine, sine) = (rounded(turn.cos()), rounded(turn.sin()));
    let x = [cosine, sine, middle_x - cosine * middle_x - sine * middle_y];
    let y = [
        -sine,
        cosine,
        middle_y + sine * middle_x - cosine * middle_y,
    ];
    affine_nearest(image, [x, y]);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A picture whose every pixel is different: (x, y, 7x + 3y).
    pub fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([x as u8, y as u8, (7 * x + 3 * y) as u8])
        })
    }

    #[test]
    fn a_flip_twice_is_no_flip_for_odd_and_even_sizes() {
        for (width, height) in [(1, 1), (4, 6), (5, 7), (1, 7)] {
            let before = picture(width, height);
            for flip in [flip_horizontal, flip_vertical] {
                let mut image = before.clone();
                flip(&mut image);
                flip(&mut image);
                assert_eq!(image, before);
            }
        }
    }

    #[test]
    fn a_shift_moves_every_pixel_and_uncovers_black() {
        let before = picture(5, 4);
        for right in -6..=6_i64 {
            for down in -5..=5_i64 {
                let mut image = before.clone();
                shift(&mut image, right, down);
                for (x, y, pixel) in image.enumerate_pixels() {
                    let (from_x, from_y) = (i64::from(x) - right, i64::from(y) - down);
                    let expected = if (0..5).contains(&from_x) && (0..4).contains(&from_y) {
                        before.get_pixel(from_x as u32, from_y as u32).0
                    } else {
                        [0; 3]
                    };
                    assert_eq!(pixel.0, expected, "({x}, {y}) by ({right}, {down})");
                }
            }
        }
    }

    #[test]
    fn a_shift_beyond_any_size_is_black() {
        let mut image = picture(5, 4);
        shift(&mut image, i64::MIN, 0);
        assert!(image.iter().all(|&value| value == 0));
    }
}
