//! Draws the parameters of operations from the ranges of the experiment.
//!
//! Every function takes a stream of its own and may read as much of it as it
//! likes. Bounds were checked when the experiment was planned; bounds that
//! slipped through give an odd picture, never a panic.

use image::RgbImage;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::colour;
use super::erase::two_normals;
use super::resample::{Affine, Window};
use crate::data::stream::between;

/// Tries before a crop falls back to the middle of the image, and before nothing is
/// erased, as many as torchvision makes.
const TRIES: usize = 10;

/// Shapes of gamma variates that make a difference.
const SHAPES: std::ops::RangeInclusive<f64> = 1e-3..=1e3;

/// Right and down, uniform in ±`padding` pixels: the place of an uncut window
/// in a picture that was padded by as much.
pub(super) fn pad_crop(padding: u32, rng: &mut ChaCha8Rng) -> (i64, i64) {
    let most = i64::from(padding);
    (
        rng.random_range(-most..=most),
        rng.random_range(-most..=most),
    )
}

/// Right and down, whole pixels, up to a fraction of width and height.
pub(super) fn shift(image: &RgbImage, fraction: f32, rng: &mut ChaCha8Rng) -> (i64, i64) {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let mut along = |length: f32| symmetric(rng, fraction * length).round() as i64;
    (along(width), along(height))
}

/// A number uniform in ±`most`.
pub(super) fn symmetric(rng: &mut ChaCha8Rng, most: f32) -> f32 {
    between(rng, -most, most)
}

/// A window of random area and aspect ratio at a random place (Szegedy et al.,
/// 2015, as in torchvision's `RandomResizedCrop`): the ratio is uniform in its
/// logarithm. Where no window fits, the largest in the middle of the image
/// whose ratio is in range.
pub(super) fn crop_window(
    (width, height): (u32, u32),
    scale: (f32, f32),
    ratio: (f32, f32),
    rng: &mut ChaCha8Rng,
) -> Window {
    let area = width as f32 * height as f32;
    for _ in 0..TRIES {
        let target = area * between(rng, scale.0, scale.1);
        let ratio = between(rng, ratio.0.ln(), ratio.1.ln()).exp();
        let columns = (target * ratio).sqrt().round();
        let rows = (target / ratio).sqrt().round();
        let fits = |wanted: f32, most: u32| wanted >= 1.0 && wanted <= most as f32;
        if fits(columns, width) && fits(rows, height) {
            let (columns, rows) = (columns as u32, rows as u32);
            return Window {
                left: rng.random_range(0..=width - columns),
                top: rng.random_range(0..=height - rows),
                width: columns,
                height: rows,
            };
        }
    }
    let actual = width as f32 / height as f32;
    let (columns, rows) = if actual < ratio.0 {
        (width, (width as f32 / ratio.0).round() as u32)
    } else if actual > ratio.1 {
        ((height as f32 * ratio.1).round() as u32, height)
    } else {
        (width, height)
    };
    let (columns, rows) = (columns.clamp(1, width), rows.clamp(1, height));
    Window {
        left: (width - columns) / 2,
        top: (height - rows) / 2,
        width: columns,
        height: rows,
    }
}

/// A rectangle of random area and shape at a random place within the image, narrower and
/// lower than it (Zhong et al., "Random Erasing Data Augmentation", 2017, as in
/// torchvision's `RandomErasing`): height / width is uniform in its logarithm. None where
/// none of ten fits.
pub(super) fn erased_window(
    (width, height): (u32, u32),
    scale: (f32, f32),
    ratio: (f32, f32),
    rng: &mut ChaCha8Rng,
) -> Option<Window> {
    let area = width as f32 * height as f32;
    for _ in 0..TRIES {
        let target = area * between(rng, scale.0, scale.1);
        let ratio = between(rng, ratio.0.ln(), ratio.1.ln()).exp();
        let rows = (target * ratio).sqrt().round_ties_even();
        let columns = (target / ratio).sqrt().round_ties_even();
        if columns < width as f32 && rows < height as f32 {
            let (columns, rows) = (columns as u32, rows as u32);
            return Some(Window {
                left: rng.random_range(0..=width - columns),
                top: rng.random_range(0..=height - rows),
                width: columns,
                height: rows,
            });
        }
    }
    None
}

/// Fills in weights that sum to 1, from a symmetric Dirichlet distribution: gamma variates
/// of this shape, divided by their sum. Two of them are a beta variate and the rest.
pub(super) fn dirichlet(shape: f32, weights: &mut [f32], rng: &mut ChaCha8Rng) {
    // Not a number is the least, too.
    let shape = f64::from(shape).max(*SHAPES.start()).min(*SHAPES.end());
    // As logarithms: small shapes give variates below the least of all floats.
    let mut most = f64::NEG_INFINITY;
    let logarithms: Vec<f64> = weights
        .iter()
        .map(|_| {
            let logarithm = ln_gamma_variate(shape, rng);
            most = most.max(logarithm);
            logarithm
        })
        .collect();
    let total: f64 = logarithms.iter().map(|&ln| (ln - most).exp()).sum();
    for (weight, ln) in weights.iter_mut().zip(logarithms) {
        *weight = ((ln - most).exp() / total) as f32;
    }
}

/// The logarithm of a gamma variate of this shape and scale 1 (Marsaglia and Tsang, "A
/// simple method for generating gamma variables", 2000).
fn ln_gamma_variate(shape: f64, rng: &mut ChaCha8Rng) -> f64 {
    // Below 1 it is one of a shape greater by 1, times u^(1 / shape).
    let (shape, ln_power) = if shape < 1.0 {
        // 1 − u is never 0, of which there is no logarithm.
        (shape + 1.0, (1.0 - rng.random::<f64>()).ln() / shape)
    } else {
        (shape, 0.0)
    };
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let [normal, _] = two_normals(rng).map(f64::from);
        let v = (1.0 + c * normal).powi(3);
        let u = 1.0 - rng.random::<f64>();
        if v > 0.0 && u.ln() < 0.5 * normal * normal + d - d * v + d * v.ln() {
            return (d * v).ln() + ln_power;
        }
    }
}

/// The greatest changes that an affine map may make.
#[derive(Debug, Clone, Copy)]
pub(super) struct AffineRange {
    /// Rotation, degrees either way.
    pub degrees: f32,
    /// Shift either way, fraction of width and height.
    pub translate: f32,
    /// Least and greatest scale factor.
    pub scale: (f32, f32),
    /// Horizontal shear, degrees either way.
    pub shear: f32,
}

/// An affine map about the centre. The shift is by whole pixels, so that a
/// translation alone does not blur.
pub(super) fn affine(image: &RgbImage, range: AffineRange, rng: &mut ChaCha8Rng) -> Affine {
    let degrees = symmetric(rng, range.degrees);
    let (right, down) = shift(image, range.translate, rng);
    Affine {
        degrees,
        translate: (right as f32, down as f32),
        scale: between(rng, range.scale.0, range.scale.1),
        shear: (symmetric(rng, range.shear), 0.0),
        ..Affine::default()
    }
}

/// One of the four changes of colour, with what is to be changed by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Jitter {
    /// Factor.
    Brightness(f32),
    /// Factor.
    Contrast(f32),
    /// Factor.
    Saturation(f32),
    /// Part of the colour circle.
    Hue(f32),
}

impl Jitter {
    /// The four changes in a random order, of strengths drawn from ±`most`
    /// [brightness, contrast, saturation, hue].
    pub(super) fn draw(most: [f32; 4], rng: &mut ChaCha8Rng) -> [Self; 4] {
        let [brightness, contrast, saturation, hue] = most.map(|most| symmetric(rng, most));
        let mut changes = [
            Self::Brightness(1.0 + brightness),
            Self::Contrast(1.0 + contrast),
            Self::Saturation(1.0 + saturation),
            Self::Hue(hue),
        ];
        changes.shuffle(rng);
        changes
    }

    /// Makes the change, unless it is none.
    pub(super) fn apply(self, image: &mut RgbImage) {
        match self {
            Self::Brightness(factor) if factor != 1.0 => colour::adjust_brightness(image, factor),
            Self::Contrast(factor) if factor != 1.0 => colour::adjust_contrast(image, factor),
            Self::Saturation(factor) if factor != 1.0 => colour::adjust_saturation(image, factor),
            Self::Hue(turns) if turns != 0.0 => colour::adjust_hue(image, turns),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const DRAWS: usize = 4000;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(11)
    }

    /// Asserts that the values reach both ends of the range, stay in it, and
    /// have its middle as their mean.
    fn assert_uniform(values: &[f64], low: f64, high: f64) {
        let width = high - low;
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!((low..low + 0.01 * width).contains(&least), "{least}");
        assert!(most <= high && most > high - 0.01 * width, "{most}");
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        // Five standard errors of a uniform mean.
        let error = 5.0 * width / (12.0 * values.len() as f64).sqrt();
        assert!((mean - f64::midpoint(low, high)).abs() < error, "{mean}");
    }

    #[test]
    fn every_place_of_a_padded_crop_is_equally_likely() {
        let mut counts = [[0_u32; 5]; 5];
        let mut rng = rng();
        for _ in 0..25_000 {
            let (right, down) = pad_crop(2, &mut rng);
            counts[(down + 2) as usize][(right + 2) as usize] += 1;
        }
        // 1000 expected, standard deviation 31.
        for count in counts.iter().flatten() {
            assert!(count.abs_diff(1000) < 160, "{counts:?}");
        }
    }

    #[test]
    fn shifts_are_up_to_the_fraction_of_each_side() {
        let image = RgbImage::new(40, 20);
        let mut rng = rng();
        let shifts: Vec<(i64, i64)> = (0..DRAWS).map(|_| shift(&image, 0.25, &mut rng)).collect();
        assert_eq!(shifts.iter().map(|shift| shift.0).min(), Some(-10));
        assert_eq!(shifts.iter().map(|shift| shift.0).max(), Some(10));
        assert_eq!(shifts.iter().map(|shift| shift.1).min(), Some(-5));
        assert_eq!(shifts.iter().map(|shift| shift.1).max(), Some(5));
    }

    #[test]
    fn crops_stay_inside_and_keep_to_scale_and_ratio() {
        let mut rng = rng();
        let mut areas = Vec::new();
        for _ in 0..DRAWS {
            let window = crop_window((200, 200), (0.2, 0.6), (0.75, 4.0 / 3.0), &mut rng);
            assert!(window.left + window.width <= 200 && window.top + window.height <= 200);
            let (width, height) = (f64::from(window.width), f64::from(window.height));
            // Sides are rounded to pixels: 1 % of them at this size.
            assert!((0.74..1.35).contains(&(width / height)), "{window:?}");
            areas.push(width * height / 40_000.0);
        }
        let mean = areas.iter().sum::<f64>() / areas.len() as f64;
        assert!((mean - 0.4).abs() < 0.01, "{mean}");
        assert!(areas.iter().all(|area| (0.19..0.61).contains(area)));
    }

    #[test]
    fn a_crop_that_cannot_fit_is_the_middle_of_the_image() {
        let window = crop_window((30, 10), (1.0, 1.0), (1.0, 1.0), &mut rng());
        let middle = Window {
            left: 10,
            top: 0,
            width: 10,
            height: 10,
        };
        assert_eq!(window, middle);
        let thin = crop_window((1, 7), (0.08, 0.1), (3.0, 4.0), &mut rng());
        assert_eq!((thin.left, thin.width, thin.height), (0, 1, 1));
    }

    #[test]
    fn erased_rectangles_stay_inside_and_keep_to_scale_and_ratio() {
        let mut rng = rng();
        let mut areas = Vec::new();
        for _ in 0..DRAWS {
            let window = erased_window((200, 200), (0.02, 0.33), (0.3, 3.3), &mut rng);
            let Some(window) = window else { continue };
            assert!(window.left + window.width <= 200 && window.top + window.height <= 200);
            let (width, height) = (f64::from(window.width), f64::from(window.height));
            // Sides are rounded to pixels, of which the least have fifteen.
            assert!((0.28..3.5).contains(&(height / width)), "{window:?}");
            areas.push(width * height / 40_000.0);
        }
        assert!(areas.len() > DRAWS * 99 / 100);
        let mean = areas.iter().sum::<f64>() / areas.len() as f64;
        assert!((mean - 0.175).abs() < 0.01, "{mean}");
        assert!(areas.iter().all(|area| (0.018..0.34).contains(area)));
    }

    #[test]
    fn nothing_is_erased_where_no_rectangle_fits() {
        let whole = erased_window((30, 30), (1.0, 1.0), (1.0, 1.0), &mut rng());
        assert_eq!(whole, None);
    }

    #[test]
    fn weights_sum_to_one_and_vary_as_their_concentration_says() {
        let mut rng = rng();
        for shape in [0.001_f32, 0.2, 1.0, 5.0, 100.0] {
            let mut of_first = Vec::new();
            for _ in 0..DRAWS {
                let mut weights = [f32::NAN; 3];
                dirichlet(shape, &mut weights, &mut rng);
                assert!(
                    (weights.iter().sum::<f32>() - 1.0).abs() < 1e-6,
                    "{weights:?}"
                );
                of_first.push(f64::from(weights[0]));
            }
            let mean = of_first.iter().sum::<f64>() / DRAWS as f64;
            let variance =
                of_first.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / DRAWS as f64;
            // Mean 1/3 and variance (1/3)(2/3)/(3 shape + 1); five standard errors.
            let expected = (2.0 / 9.0) / (3.0 * f64::from(shape) + 1.0);
            let error = 5.0 * (expected / DRAWS as f64).sqrt();
            assert!((mean - 1.0 / 3.0).abs() < error, "{shape}: {mean}");
            assert!(
                (variance / expected - 1.0).abs() < 0.15,
                "{shape}: {variance}"
            );
        }
    }

    #[test]
    fn affine_parts_are_uniform_in_their_ranges() {
        let range = AffineRange {
            degrees: 30.0,
            translate: 0.1,
            scale: (0.8, 1.3),
            shear: 12.0,
        };
        let image = RgbImage::new(100, 100);
        let mut rng = rng();
        let maps: Vec<Affine> = (0..DRAWS)
            .map(|_| affine(&image, range, &mut rng))
            .collect();
        let part = |part: fn(&Affine) -> f32| -> Vec<f64> {
            maps.iter().map(|map| f64::from(part(map))).collect()
        };
        assert_uniform(&part(|map| map.degrees), -30.0, 30.0);
        assert_uniform(
            &part(|map| map.scale),
            f64::from(0.8_f32),
            f64::from(1.3_f32),
        );
        assert_uniform(&part(|map| map.shear.0), -12.0, 12.0);
        assert!(
            part(|map| map.translate.0)
                .iter()
                .all(|right| right.abs() <= 10.0)
        );
        assert!(part(|map| map.shear.1).iter().all(|shear| *shear == 0.0));
    }

    #[test]
    fn jitter_is_uniform_around_no_change_and_comes_in_every_order() {
        let mut rng = rng();
        let mut factors: [Vec<f64>; 4] = Default::default();
        let mut first = [0_u32; 4];
        for _ in 0..DRAWS {
            for (place, change) in Jitter::draw([0.4, 0.3, 0.2, 0.1], &mut rng)
                .into_iter()
                .enumerate()
            {
                let (kind, value) = match change {
                    Jitter::Brightness(factor) => (0, factor - 1.0),
                    Jitter::Contrast(factor) => (1, factor - 1.0),
                    Jitter::Saturation(factor) => (2, factor - 1.0),
                    Jitter::Hue(turns) => (3, turns),
                };
                factors[kind].push(f64::from(value));
                first[kind] += u32::from(place == 0);
            }
        }
        for (values, most) in factors.iter().zip([0.4, 0.3, 0.2, 0.1]) {
            // Rounding of 1 + x in 32 bits.
            assert_uniform(values, -most - 1e-7, most + 1e-7);
        }
        // 1000 expected, standard deviation 27.
        for count in first {
            assert!(count.abs_diff(1000) < 140, "{first:?}");
        }
    }
}
