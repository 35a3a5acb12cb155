//! Every image at the size of the experiment.
//!
//! An image is scaled until it covers the target and what hangs over is cut
//! off evenly on both sides: for a square target, torchvision's
//! `Resize(size)` followed by `CenterCrop(size)`. Nothing is stretched. The
//! filter is the antialiased bilinear one, torchvision's default for resizing
//! (a triangle whose width grows with the scale when shrinking). Where one side
//! has the right length already, nothing is resampled: the other is cut where
//! torchvision cuts it.

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use image::imageops::crop_imm;

use super::image_error::ImageError;

/// Scales and crops an image to `size`, height and width in pixels. An image
/// that already has the size is returned as it is.
///
/// # Errors
/// If the image or the target has no pixels.
pub fn cover(image: RgbImage, size: (u32, u32)) -> Result<RgbImage, ImageError> {
    let (height, width) = size;
    if image.dimensions() == (width, height) {
        return Ok(image);
    }
    if image.is_empty() || width == 0 || height == 0 {
        return Err(ImageError::Damaged("has no pixels".to_owned()));
    }
    let (over_x, over_y) = (
        image.width().checked_sub(width),
        image.height().checked_sub(height),
    );
    if let (Some(x), Some(0)) | (Some(0), Some(x)) = (over_x, over_y) {
        let at = |over: Option<u32>| if over == Some(0) { 0 } else { margin(x) };
        let view = crop_imm(&image, at(over_x), at(over_y), width, height);
        return Ok(view.to_image());
    }
    let mut resized = RgbImage::new(width, height);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
        .fit_into_destination(Some((0.5, 0.5)));
    Resizer::new()
        .resize(&image, &mut resized, &options)
        .map_err(|e| ImageError::Damaged(format!("cannot be resized: {e}")))?;
    Ok(resized)
}

/// What is cut off at the left or at the top of so much that hangs over: half,
/// and of the two whole numbers nearest to it the even one. torchvision's
/// `CenterCrop` has `int(round((height - crop_height) / 2.0))`.
fn margin(over: u32) -> u32 {
    let half = over / 2;
    half + (over % 2) * (half % 2)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::cover;

    #[test]
    fn an_image_of_the_right_size_keeps_its_bits() {
        let image = RgbImage::from_fn(5, 3, |x, y| Rgb([x as u8, y as u8, 77]));
        assert_eq!(cover(image.clone(), (3, 5)).unwrap(), image);
    }

    #[test]
    fn halving_averages_with_the_antialiased_triangle() {
        // Triangle of half-width 2 sampled at ±0.5 and ±1.5: weights 3, 3, 1, 1.
        let image = RgbImage::from_fn(4, 4, |x, _| Rgb([if x < 2 { 0 } else { 240 }; 3]));
        let half = cover(image, (2, 2)).unwrap();
        // Left pixel sees columns 0, 1 (3/7 each) and 2 (1/7): 240 / 7.
        assert_eq!(half.get_pixel(0, 0).0, [34; 3]);
        assert_eq!(half.get_pixel(1, 1).0, [206; 3]);
    }

    #[test]
    fn a_wide_image_loses_its_sides_and_is_not_stretched() {
        let image = RgbImage::from_fn(30, 10, |x, _| {
            if (10..20).contains(&x) {
                Rgb([200, 10, 10])
            } else {
                Rgb([0, 0, 0])
            }
        });
        let square = cover(image, (10, 10)).unwrap();
        assert!(square.pixels().all(|p| p.0 == [200, 10, 10]));
    }

    #[test]
    fn where_one_side_fits_every_pixel_that_is_left_keeps_its_bits() {
        let image = |width, height| {
            RgbImage::from_fn(width, height, |x, y| {
                Rgb([(x * 37) as u8, (y * 53) as u8, 9])
            })
        };
        // Columns that hang over, and how many of them torchvision's
        // CenterCrop cuts off at the left: round() goes to the even number.
        for (over, left) in [
            (1, 0),
            (2, 1),
            (3, 2),
            (4, 2),
            (5, 2),
            (6, 3),
            (7, 4),
            (9, 4),
        ] {
            let wide = cover(image(6 + over, 5), (5, 6)).unwrap();
            let tall = cover(image(6, 5 + over), (5, 6)).unwrap();
            for (x, y) in (0..6).flat_map(|x| (0..5).map(move |y| (x, y))) {
                let (at, down) = (((x + left) * 37) as u8, ((y + left) * 53) as u8);
                assert_eq!(wide.get_pixel(x, y).0, [at, (y * 53) as u8, 9], "{over}");
                assert_eq!(tall.get_pixel(x, y).0, [(x * 37) as u8, down, 9], "{over}");
            }
        }
    }

    #[test]
    fn a_tall_target_is_covered_too() {
        let image = RgbImage::from_pixel(7, 7, Rgb([9, 8, 7]));
        let tall = cover(image, (20, 5)).unwrap();
        assert_eq!(tall.dimensions(), (5, 20));
        assert!(tall.pixels().all(|p| p.0 == [9, 8, 7]));
    }

    #[test]
    fn an_image_without_pixels_is_an_error() {
        assert!(cover(RgbImage::new(0, 0), (4, 4)).is_err());
    }
}
