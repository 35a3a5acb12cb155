//! Which operations are applied to an image, and with which draws.

use image::RgbImage;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::change::{Change, Interpolation};
use super::draw::{self, AffineRange, Jitter};
use super::mix::Mixing;
use super::recipes::{self, Mixture, MixtureRange};
use super::trivial::Choice;
use super::{colour, erase, filter, geometry, resample, tone};
use crate::data::stream::{StreamKey, between};
use crate::experiment::augment::{Operation, Steer};

/// A copy of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Its pixels.
    pub image: RgbImage,
    /// Whether an operation was applied to them.
    pub changed: bool,
    /// How they are to be mixed with those of another image, one after another.
    pub mixing: Vec<Mixing>,
}

/// What a pipeline did to an image.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Applied {
    /// Whether an operation was applied, or is to be.
    pub changed: bool,
    /// How the image is to be mixed with another one, one after another.
    pub mixing: Vec<Mixing>,
}

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

    /// The views of one image: copies of it, each augmented with its own
    /// probability. `key` is that of the first view; the others' differ in the
    /// number of the view alone.
    pub fn views<'a>(
        &'a self,
        image: &'a RgbImage,
        probabilities: &'a [f64],
        key: StreamKey,
    ) -> impl Iterator<Item = View> + 'a {
        let numbered = (key.view..).zip(probabilities);
        numbered.map(move |(view, &probability)| {
            self.view(image, probability, StreamKey { view, ..key })
        })
    }

    /// One view of an image, with the key of its stream.
    #[must_use]
    pub fn view(&self, image: &RgbImage, probability: f64, key: StreamKey) -> View {
        let mut image = image.clone();
        let Applied { changed, mixing } = self.apply(&mut image, probability, &key);
        View {
            image,
            changed,
            mixing,
        }
    }

    /// Applies each operation to the image, independently, with this
    /// probability (at 0 and below none, at 1 and above all). One whose magnitude
    /// is steered is applied at any above 0, that much of its magnitude. The size
    /// of the image does not change.
    ///
    /// Everything that is drawn comes from the stream of `key`. Sub-stream 0
    /// decides which operations are applied, one number for each; operation i
    /// draws its parameters from sub-stream i + 1. So an operation that is
    /// applied at one probability is applied with the same parameters at every
    /// higher one, whatever the others do. Operations that mix it with another image are
    /// drawn, not applied.
    pub fn apply(&self, image: &mut RgbImage, probability: f64, key: &StreamKey) -> Applied {
        // False for NaN too.
        let any = probability > 0.0;
        if !any || self.operations.is_empty() || image.is_empty() {
            return Applied::default();
        }
        let mut applied = Applied::default();
        let unread = key.rng();
        let mut coins = unread.clone();
        for (operation, stream) in self.operations.iter().zip(1..) {
            let is_drawn = coins.random::<f64>() < probability;
            if is_drawn || operation.is_steered_by_magnitude() {
                let mut draws = unread.clone();
                draws.set_stream(stream);
                let mixing = perform(operation, image, probability.min(1.0), &mut draws);
                applied.mixing.extend(mixing);
                applied.changed = true;
            }
        }
        applied
    }

    /// Share of the images of a view with this probability that no operation is
    /// applied to, on average.
    #[must_use]
    pub fn untouched_share(&self, probability: f64) -> f64 {
        let always = self
            .operations
            .iter()
            .any(Operation::is_steered_by_magnitude);
        if always && probability > 0.0 {
            return 0.0;
        }
        let left = 1.0 - probability.clamp(0.0, 1.0);
        left.powi(self.operations.len().try_into().unwrap_or(i32::MAX))
    }
}

/// Draws an operation's parameters and changes the image, or says how it is to be mixed
/// with another one. The probability of the view is the strength of what is steered by
/// magnitude.
fn perform(
    operation: &Operation,
    image: &mut RgbImage,
    probability: f64,
    draws: &mut ChaCha8Rng,
) -> Option<Mixing> {
    let size = image.dimensions();
    match *operation {
        Operation::HorizontalFlip => geometry::flip_horizontal(image),
        Operation::VerticalFlip => geometry::flip_vertical(image),
        Operation::PadCrop(padding) => {
            let (right, down) = draw::pad_crop(padding, draws);
            geometry::shift(image, right, down);
        }
        Operation::RandomResizedCrop { scale, ratio } => {
            let window = draw::crop_window(size, scale, ratio, draws);
            resample::resized_crop(image, window);
        }
        Operation::Rotate(degrees) => {
            let map = resample::Affine {
                degrees: draw::symmetric(draws, degrees),
                ..resample::Affine::default()
            };
            resample::affine(image, &map);
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
            resample::affine(image, &map);
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
        Operation::Cutout(hole) => {
            let centre = (draws.random_range(0..size.0), draws.random_range(0..size.1));
            erase::cutout(image, centre, hole);
        }
        Operation::Solarize(threshold) => tone::solarize(image, threshold),
        Operation::Posterize(bits) => tone::posterize(image, bits),
        Operation::Equalize => tone::equalize(image),
        Operation::TrivialAugment => Choice::draw(draws).apply(image),
        Operation::RandomErasing {
            scale,
            ratio,
            value,
        } => {
            if let Some(window) = draw::erased_window(size, scale, ratio, draws) {
                erase::erase(image, window, value, draws);
            }
        }
        Operation::RandAugment {
            n,
            magnitude,
            steer,
        } => {
            let is_steered = steer == Steer::Magnitude;
            let share = if is_steered { probability as f32 } else { 1.0 };
            let magnitude = share * f32::from(magnitude);
            make(image, recipes::rand_augment(n, magnitude, size, draws));
        }
        Operation::AutoAugment(policy) => make(image, recipes::auto_augment(policy, size, draws)),
        Operation::AugMix {
            severity,
            width,
            depth,
            alpha,
        } => {
            let range = MixtureRange {
                severity,
                width,
                depth,
                alpha,
            };
            Mixture::draw(range, size, draws).apply(image);
        }
        Operation::MixUp(alpha) => return Some(Mixing::blend(alpha, draws)),
        Operation::CutMix(alpha) => return Some(Mixing::paste(alpha, size, draws)),
    }
    None
}

/// Makes the changes of a recipe that takes the nearest pixel.
fn make(image: &mut RgbImage, changes: impl Iterator<Item = Change>) {
    for change in changes {
        change.apply(image, Interpolation::Nearest);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::experiment::augment::{AutoAugmentPolicy, ErasedValue};
    use crate::experiment::catalogue::{Shape, Type};

    const KEY: StreamKey = StreamKey {
        seed: 1,
        epoch: 2,
        sample: 3,
        view: 0,
    };

    fn every_operation() -> Vec<Operation> {
        vec![
            Operation::HorizontalFlip,
            Operation::VerticalFlip,
            Operation::PadCrop(4),
            Operation::RandomResizedCrop {
                scale: (0.08, 1.0),
                ratio: (0.75, 4.0 / 3.0),
            },
            Operation::Rotate(30.0),
            Operation::Translate(0.2),
            Operation::Affine {
                degrees: 20.0,
                translate: 0.1,
                scale: (0.8, 1.2),
                shear: 10.0,
            },
            Operation::ColorJitter {
                brightness: 0.4,
                contrast: 0.4,
                saturation: 0.4,
                hue: 0.1,
            },
            Operation::Grayscale,
            Operation::GaussianBlur { sigma: (0.1, 2.0) },
            Operation::GaussianNoise(0.05),
            Operation::Cutout(8),
            Operation::Solarize(128),
            Operation::Posterize(4),
            Operation::Equalize,
            Operation::TrivialAugment,
            Operation::RandomErasing {
                scale: (0.02, 0.33),
                ratio: (0.3, 3.3),
                value: ErasedValue::Rgb(0, 255, 0),
            },
            Operation::RandAugment {
                n: 2,
                magnitude: 9,
                steer: Steer::Probability,
            },
            Operation::AutoAugment(AutoAugmentPolicy::Cifar10),
            Operation::AugMix {
                severity: 3,
                width: 3,
                depth: None,
                alpha: 1.0,
            },
            Operation::MixUp(0.2),
            Operation::CutMix(1.0),
        ]
    }

    fn steered(magnitude: u8) -> Operation {
        Operation::RandAugment {
            n: 2,
            magnitude,
            steer: Steer::Magnitude,
        }
    }

    fn picture(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            image::Rgb([
                (x * 37 + y * 11) as u8,
                (x * x + 90) as u8,
                (y * 23 + x * 5) as u8,
            ])
        })
    }

    fn applied(operations: &[Operation], probability: f64, key: &StreamKey) -> RgbImage {
        let mut image = picture(24, 20);
        Pipeline::new(operations).apply(&mut image, probability, key);
        image
    }

    fn keys(count: u64) -> impl Iterator<Item = StreamKey> {
        (0..count).map(|sample| StreamKey { sample, ..KEY })
    }

    #[test]
    fn every_operation_of_the_catalogue_is_walked() {
        let Shape::Enum(variants) = Type::named("Operation").unwrap().shape else {
            panic!("an operation is one of several");
        };
        let named: Vec<&str> = variants.iter().map(|variant| variant.name).collect();
        let walked = every_operation().into_iter().map(|operation| {
            let written = format!("{operation:?}");
            let end = written.find(['(', ' ']).unwrap_or(written.len());
            written[..end].to_owned()
        });
        assert_eq!(walked.collect::<Vec<_>>(), named);
    }

    #[test]
    fn a_probability_that_steers_magnitude_is_how_strongly_not_how_often() {
        let at = |magnitude, probability, key: &StreamKey| {
            applied(&[steered(magnitude)], probability, key)
        };
        let pipeline = Pipeline::new(&[Operation::HorizontalFlip, steered(30)]);
        assert_eq!(pipeline.untouched_share(0.0), 1.0);
        assert_eq!(pipeline.untouched_share(0.01), 0.0);
        for key in keys(200) {
            assert_eq!(at(30, 0.0, &key), picture(24, 20));
            let mut image = picture(24, 20);
            assert!(pipeline.apply(&mut image, 0.01, &key).changed);
            // A third of 30 is 10, and all of it what is not steered does.
            assert_eq!(at(30, 1.0 / 3.0, &key), at(10, 1.0, &key));
            let unsteered = Operation::RandAugment {
                n: 2,
                magnitude: 30,
                steer: Steer::Probability,
            };
            assert_eq!(at(30, 1.0, &key), applied(&[unsteered], 1.0, &key));
        }
    }

    #[test]
    fn what_mixes_images_is_drawn_for_each_and_leaves_its_pixels_to_the_batch() {
        let pipeline = Pipeline::new(&[Operation::MixUp(1.0), Operation::CutMix(1.0)]);
        let mut mixings = [0; 3];
        for key in keys(1000) {
            let image = picture(24, 20);
            let View {
                image,
                changed,
                mixing,
            } = pipeline.views(&image, &[0.5], key).next().unwrap();
            assert_eq!(image, picture(24, 20));
            assert_eq!(changed, !mixing.is_empty());
            mixings[mixing.len()] += 1;
        }
        // 250, 500 and 250 expected, standard deviation at most 16.
        assert!((170..330).contains(&mixings[0]) && (170..330).contains(&mixings[2]));
    }

    #[test]
    fn what_is_steered_takes_no_part_in_how_often_others_are_applied() {
        let flip = Operation::HorizontalFlip;
        let steered = Pipeline::new(&[steered(0), flip.clone()]);
        let plain = Pipeline::new(&[
            Operation::RandAugment {
                n: 2,
                magnitude: 0,
                steer: Steer::Probability,
            },
            flip,
        ]);
        // Two greys side by side, which nothing of magnitude 0 changes places of.
        let before = RgbImage::from_fn(2, 1, |x, _| image::Rgb([100 + 50 * x as u8; 3]));
        for key in keys(100) {
            let (mut first, mut second) = (before.clone(), before.clone());
            steered.apply(&mut first, 0.5, &key);
            plain.apply(&mut second, 0.5, &key);
            let rises = |image: &RgbImage| image.get_pixel(0, 0).0[0] < image.get_pixel(1, 0).0[0];
            assert_eq!(rises(&first), rises(&second));
        }
    }

    #[test]
    fn the_same_key_gives_the_same_bits() {
        for operation in every_operation() {
            let operations = [operation];
            assert_eq!(
                applied(&operations, 1.0, &KEY),
                applied(&operations, 1.0, &KEY)
            );
        }
    }

    #[test]
    fn every_field_of_the_key_changes_the_draws() {
        let operations = [Operation::GaussianNoise(0.1)];
        let keys = [
            KEY,
            StreamKey { seed: 9, ..KEY },
            StreamKey { epoch: 9, ..KEY },
            StreamKey { sample: 9, ..KEY },
            StreamKey { view: 9, ..KEY },
        ];
        let images: HashSet<Vec<u8>> = keys
            .iter()
            .map(|key| applied(&operations, 1.0, key).into_raw())
            .collect();
        assert_eq!(images.len(), keys.len());
    }

    #[test]
    fn a_probability_of_zero_leaves_the_image_alone() {
        for probability in [0.0, -1.0, f64::NAN] {
            for key in keys(20) {
                assert_eq!(
                    applied(&every_operation(), probability, &key),
                    picture(24, 20)
                );
            }
        }
    }

    #[test]
    fn a_probability_of_one_applies_every_operation_in_order() {
        let operations = [
            Operation::HorizontalFlip,
            Operation::Solarize(100),
            Operation::Posterize(3),
        ];
        let mut expected = picture(24, 20);
        geometry::flip_horizontal(&mut expected);
        tone::solarize(&mut expected, 100);
        tone::posterize(&mut expected, 3);
        for key in keys(50) {
            assert_eq!(applied(&operations, 1.0, &key), expected);
        }
    }

    #[test]
    fn every_operation_changes_the_picture_for_some_key() {
        for operation in every_operation() {
            if operation.mixes_images() {
                continue;
            }
            let operations = [operation];
            let changed = keys(20).any(|key| applied(&operations, 1.0, &key) != picture(24, 20));
            assert!(changed, "{operations:?}");
        }
    }

    #[test]
    fn operations_apply_as_often_as_the_probability_says_and_independently() {
        // The level in the corner shows which of the two were applied.
        let operations = [Operation::HorizontalFlip, Operation::VerticalFlip];
        let pipeline = Pipeline::new(&operations);
        let blank = RgbImage::from_fn(2, 2, |x, y| image::Rgb([(2 * y + x) as u8; 3]));
        for probability in [0.1, 0.5, 0.8] {
            let draws = 10_000_u32;
            let (mut across, mut down, mut both) = (0_u32, 0_u32, 0_u32);
            for key in keys(u64::from(draws)) {
                let mut image = blank.clone();
                pipeline.apply(&mut image, probability, &key);
                let corner = image.get_pixel(0, 0).0[0];
                across += u32::from(corner & 1 == 1);
                down += u32::from(corner & 2 == 2);
                both += u32::from(corner == 3);
            }
            // Five standard deviations of the most variable count are 250.
            let expected = |probability: f64| (probability * f64::from(draws)) as u32;
            assert!(across.abs_diff(expected(probability)) < 250, "{across}");
            assert!(down.abs_diff(expected(probability)) < 250, "{down}");
            let joint = expected(probability * probability);
            assert!(both.abs_diff(joint) < 250, "{both}");
        }
    }

    #[test]
    fn what_applies_at_a_low_probability_applies_alike_at_a_higher_one() {
        // Noise reads thousands of numbers and must not shift the shift's.
        let shift = Operation::PadCrop(4);
        let alone = Pipeline::new(&[Operation::Grayscale, shift.clone()]);
        let crowded = Pipeline::new(&[Operation::GaussianNoise(0.0), shift]);
        let grey = RgbImage::from_fn(9, 9, |x, y| image::Rgb([(9 * y + x + 1) as u8; 3]));
        let mut shifted = 0;
        for key in keys(300) {
            let (mut low, mut high) = (grey.clone(), grey.clone());
            alone.apply(&mut low, 0.3, &key);
            crowded.apply(&mut high, 0.9, &key);
            if low != grey {
                assert_eq!(low, high);
                shifted += 1;
            }
        }
        assert!((50..150).contains(&shifted), "{shifted}");
    }

    #[test]
    fn an_image_without_pixels_stays_one() {
        for (width, height) in [(0, 0), (0, 5), (5, 0)] {
            let mut image = RgbImage::new(width, height);
            Pipeline::new(&every_operation()).apply(&mut image, 1.0, &KEY);
            assert_eq!(image.dimensions(), (width, height));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_operation_panics_or_changes_the_size(
            size in prop_oneof![
                Just((1, 1)), Just((1, 7)), Just((7, 1)), Just((2, 2)), Just((300, 200)),
                (1_u32..40, 1_u32..40),
            ],
            operation in any_operation(),
            seed: u64, sample: u64, epoch: u32, view: u32,
        ) {
            let key = StreamKey { seed, epoch, sample, view };
            let mut image = picture(size.0, size.1);
            Pipeline::new(&[operation]).apply(&mut image, 1.0, &key);
            prop_assert_eq!(image.dimensions(), size);
        }
    }

    /// Every operation, with parameters up to and beyond what makes sense.
    fn any_operation() -> impl Strategy<Value = Operation> {
        let range = |least: f32, most: f32| {
            (least..most, least..most).prop_map(|(a, b)| (a.min(b), a.max(b)))
        };
        prop_oneof![
            4 => proptest::sample::select(every_operation()),
            1 => any::<u32>().prop_map(Operation::PadCrop),
            1 => any::<u32>().prop_map(Operation::Cutout),
            1 => any::<u8>().prop_map(Operation::Posterize),
            1 => any::<u8>().prop_map(Operation::Solarize),
            1 => any::<f32>().prop_map(Operation::Rotate),
            1 => any::<f32>().prop_map(Operation::Translate),
            1 => any::<f32>().prop_map(Operation::GaussianNoise),
            1 => any::<u8>().prop_map(steered),
            1 => any::<f32>().prop_map(Operation::MixUp),
            1 => any::<f32>().prop_map(Operation::CutMix),
            1 => (any::<u8>(), 0_u32..9, proptest::option::of(0_u32..9), any::<f32>()).prop_map(
                |(severity, width, depth, alpha)| Operation::AugMix {
                    severity,
                    width,
                    depth,
                    alpha,
                }
            ),
            1 => (range(1e-6, 1.0), range(1e-3, 1e3)).prop_map(|(scale, ratio)| {
                Operation::RandomErasing {
                    scale,
                    ratio,
                    value: ErasedValue::Noise,
                }
            }),
            1 => range(1e-3, 1e3).prop_map(|sigma| Operation::GaussianBlur { sigma }),
            1 => (range(1e-6, 1.0), range(1e-3, 1e3))
                .prop_map(|(scale, ratio)| Operation::RandomResizedCrop { scale, ratio }),
            1 => (any::<f32>(), any::<f32>(), range(1e-3, 1e3), any::<f32>()).prop_map(
                |(degrees, translate, scale, shear)| Operation::Affine {
                    degrees,
                    translate,
                    scale,
                    shear,
                }
            ),
            1 => any::<[f32; 4]>().prop_map(|[brightness, contrast, saturation, hue]| {
                Operation::ColorJitter {
                    brightness,
                    contrast,
                    saturation,
                    hue,
                }
            }),
        ]
    }
}
