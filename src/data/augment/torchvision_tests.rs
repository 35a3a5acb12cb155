//! Compares the pixels with what torchvision makes of the same pictures with
//! the same parameters. The pictures and `tests/fixtures/augment.py`, which
//! writes them, say which of torchvision's two implementations is meant.

use std::path::PathBuf;

use image::{GenericImageView, RgbImage};
use serde::Deserialize;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::change::{Interpolation, Kind, Space};
use super::mix::Mixing;
use super::recipes::{self, Mixture};
use super::resample::{Affine, Window};
use super::trivial::Choice;
use super::{colour, erase, filter, geometry, resample, size, tone};
use crate::experiment::augment::{AutoAugmentPolicy, ErasedValue};

/// Operations on 8-bit levels are defined to the bit.
const EXACT: u8 = 0;
/// Both compute in floats and round once, but torchvision rounds halves to
/// even (resampling) or scales by 255.999 and cuts off (hue).
const ROUNDING: u8 = 1;
/// Inputs of every case, side by side.
const INPUTS: u32 = 2;

#[derive(Deserialize)]
struct Case {
    operation: String,
    values: Vec<f32>,
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/augment")
        .join(name)
}

fn picture(name: &str) -> RgbImage {
    image::open(fixture(name)).unwrap().to_rgb8()
}

fn cases() -> Vec<Case> {
    serde_json::from_slice(&std::fs::read(fixture("cases.json")).unwrap()).unwrap()
}

/// Makes the change of a case and says how far it may be off.
fn perform(case: &Case, image: &mut RgbImage) -> u8 {
    if let Some((recipe, kind)) = case.operation.split_once('/') {
        let kind = kind_of(kind);
        return match recipe {
            "trivial" => perform_trivial(kind, &case.values, image),
            "rand" => perform_of(Space::RAND_AUGMENT, kind, &case.values, image),
            "auto" => perform_of(Space::AUTO_AUGMENT, kind, &case.values, image),
            other => panic!("nothing here is called {other}"),
        };
    }
    match (case.operation.as_str(), case.values.as_slice()) {
        ("flip_horizontal", []) => geometry::flip_horizontal(image),
        ("flip_vertical", []) => geometry::flip_vertical(image),
        ("shift", &[right, down]) => geometry::shift(image, right as i64, down as i64),
        ("grayscale", []) => colour::grayscale(image),
        ("invert", []) => tone::invert(image),
        ("equalize", []) => tone::equalize(image),
        ("autocontrast", []) => tone::autocontrast(image),
        ("solarize", &[threshold]) => tone::solarize(image, threshold as u8),
        ("posterize", &[bits]) => tone::posterize(image, bits as u8),
        ("brightness", &[factor]) => colour::adjust_brightness(image, factor),
        ("contrast", &[factor]) => colour::adjust_contrast(image, factor),
        ("saturation", &[factor]) => colour::adjust_saturation(image, factor),
        ("sharpness", &[factor]) => filter::adjust_sharpness(image, factor),
        ("erase", &[left, top, width, height, red, green, blue]) => {
            let value = ErasedValue::Rgb(red as u8, green as u8, blue as u8);
            let window = window([left, top, width, height]);
            erase::erase(image, window, value, &mut ChaCha8Rng::seed_from_u64(0));
        }
        ("rand_augment", [magnitude, changes @ ..]) => {
            for change in changes.chunks_exact(2) {
                let kind = Kind::FOURTEEN[change[0] as usize];
                perform_of(Space::RAND_AUGMENT, kind, &[*magnitude, change[1]], image);
            }
        }
        ("auto_augment", &[policy, pair, first, first_negative, second, second_negative]) => {
            let policy = [
                AutoAugmentPolicy::ImageNet,
                AutoAugmentPolicy::Cifar10,
                AutoAugmentPolicy::Svhn,
            ][policy as usize];
            let steps = recipes::pairs(policy)[pair as usize];
            let draws = [(first, first_negative), (second, second_negative)];
            for (step, (coin, negative)) in steps.into_iter().zip(draws) {
                let size = image.dimensions();
                if let Some(change) = recipes::made(step, f64::from(coin), negative != 0.0, size) {
                    change.apply(image, Interpolation::Nearest);
                }
            }
        }
        ("mix_up", &[own, label]) => {
            mix_with_mirror(Mixing::Blend { own }, label, image);
            return ROUNDING;
        }
        ("cut_mix", &[left, x, y, label]) => {
            let centre = (x as u32, y as u32);
            let mixing = Mixing::paste_at(left, centre, image.dimensions());
            mix_with_mirror(mixing, label, image);
        }
        ("aug_mix", [original, chains @ ..]) => {
            mixture(*original, chains, image.dimensions()).apply(image);
            // Its geometric changes are bilinear.
            return ROUNDING;
        }
        _ => {
            perform_in_floats(case, image);
            return ROUNDING;
        }
    }
    EXACT
}

fn perform_in_floats(case: &Case, image: &mut RgbImage) {
    match (case.operation.as_str(), case.values.as_slice()) {
        ("hue", &[turns]) => colour::adjust_hue(image, turns),
        ("affine", &[degrees, right, down, scale, shear]) => {
            let map = Affine {
                degrees,
                translate: (right, down),
                scale,
                shear: (shear, 0.0),
                ..Affine::default()
            };
            resample::affine(image, &map);
        }
        ("rotate", &[degrees]) => {
            let map = Affine {
                degrees: -degrees,
                ..Affine::default()
            };
            resample::affine(image, &map);
        }
        ("gaussian_blur", &[sigma]) => filter::gaussian_blur(image, sigma),
        ("resized_crop", &[left, top, width, height]) => {
            resample::resized_crop(image, window([left, top, width, height]));
        }
        (operation, values) => panic!("nothing here does {operation} with {values:?}"),
    }
}

fn window([left, top, width, height]: [f32; 4]) -> Window {
    Window {
        left: left as u32,
        top: top as u32,
        width: width as u32,
        height: height as u32,
    }
}

fn kind_of(name: &str) -> Kind {
    match name {
        "Identity" => Kind::Identity,
        "ShearX" => Kind::ShearX,
        "ShearY" => Kind::ShearY,
        "TranslateX" => Kind::TranslateX,
        "TranslateY" => Kind::TranslateY,
        "Rotate" => Kind::Rotate,
        "Brightness" => Kind::Brightness,
        "Color" => Kind::Saturation,
        "Contrast" => Kind::Contrast,
        "Sharpness" => Kind::Sharpness,
        "Posterize" => Kind::Posterize,
        "Solarize" => Kind::Solarize,
        "AutoContrast" => Kind::AutoContrast,
        "Equalize" => Kind::Equalize,
        "Invert" => Kind::Invert,
        other => panic!("torchvision has a new operation, {other}"),
    }
}

/// A change of a recipe that takes the nearest pixel, of a magnitude and a direction.
fn perform_of(space: Space, kind: Kind, values: &[f32], image: &mut RgbImage) -> u8 {
    let change = space.change(kind, values[0], values[1] != 0.0, image.dimensions());
    change.apply(image, Interpolation::Nearest);
    EXACT
}

/// Mixes a picture with its mirror image, which leaves this share of its label.
fn mix_with_mirror(mixing: Mixing, label: f32, image: &mut RgbImage) {
    let mut other = image.clone();
    geometry::flip_horizontal(&mut other);
    mixing.mix_pixels(image, &other);
    let own = mixing.own_share(image.dimensions());
    assert!(
        (own - label).abs() < 1e-6,
        "{mixing:?}: {own} is not {label}"
    );
}

/// A mixture as the fixture writes it.
fn mixture(original: f32, mut rest: &[f32], size: (u32, u32)) -> Mixture {
    let mut chains = Vec::new();
    while let [weight, length, after @ ..] = rest {
        let (changes, after) = after.split_at(3 * *length as usize);
        let changes = changes.chunks_exact(3).map(|change| {
            let kind = recipes::MIXED[change[0] as usize];
            Space::AUG_MIX.change(kind, change[1], change[2] != 0.0, size)
        });
        chains.push((*weight, changes.collect()));
        rest = after;
    }
    Mixture { original, chains }
}

fn perform_trivial(kind: Kind, values: &[f32], image: &mut RgbImage) -> u8 {
    let tolerance = match kind {
        // Bilinear. Factors are made in 32 bits here and in 64 there, and a blend
        // is cut off: what should come out whole may fall on either side.
        Kind::ShearX
        | Kind::ShearY
        | Kind::Rotate
        | Kind::Brightness
        | Kind::Saturation
        | Kind::Contrast
        | Kind::Sharpness => ROUNDING,
        _ => EXACT,
    };
    let choice = Choice {
        kind,
        bin: values[0] as u8,
        negative: values[1] != 0.0,
    };
    choice.apply(image);
    tolerance
}

#[test]
fn pixels_are_torchvision_s_for_the_same_parameters() {
    let (inputs, expected, cases) = (picture("inputs.png"), picture("expected.png"), cases());
    let (width, height) = (inputs.width() / INPUTS, inputs.height());
    assert_eq!(expected.height(), height * cases.len() as u32);
    let mut failures = Vec::new();
    for (row, case) in (0_u32..).zip(&cases) {
        for column in 0..INPUTS {
            let mut image = inputs.view(column * width, 0, width, height).to_image();
            let tolerance = perform(case, &mut image);
            assert_eq!(size(&image), (width as usize, height as usize));
            let expected = expected.view(column * width, row * height, width, height);
            let worst = image
                .iter()
                .zip(expected.to_image().iter())
                .map(|(ours, theirs)| ours.abs_diff(*theirs))
                .max();
            if worst > Some(tolerance) {
                let Case { operation, values } = case;
                failures.push(format!(
                    "{operation} {values:?}, picture {column}: off by {worst:?}, {tolerance} allowed"
                ));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_operation_with_an_equal_in_torchvision_is_compared() {
    let compared = |name: &str| cases().iter().any(|case| case.operation == name);
    for name in [
        "flip_horizontal",
        "flip_vertical",
        "shift",
        "resized_crop",
        "rotate",
        "affine",
        "brightness",
        "contrast",
        "saturation",
        "hue",
        "grayscale",
        "gaussian_blur",
        "solarize",
        "posterize",
        "equalize",
        "erase",
        "rand_augment",
        "auto_augment",
        "aug_mix",
        "mix_up",
        "cut_mix",
    ] {
        assert!(compared(name), "{name}");
    }
    for (recipe, kinds) in [("trivial", 14), ("rand", 14), ("auto", 14)] {
        let walked = cases()
            .iter()
            .filter_map(|case| {
                let (of, kind) = case.operation.split_once('/')?;
                (of == recipe).then(|| kind_of(kind))
            })
            .collect::<std::collections::HashSet<_>>();
        assert_eq!(walked.len(), kinds, "{recipe}");
    }
}
