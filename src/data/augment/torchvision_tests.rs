//! Compares the pixels with what torchvision makes of the same pictures with
//! the same parameters. The pictures and `tests/fixtures/augment.py`, which
//! writes them, say which of torchvision's two implementations is meant.

use std::path::PathBuf;

use image::{GenericImageView, RgbImage};
use serde::Deserialize;

use super::resample::{Affine, Window};
use super::trivial::{Choice, Kind};
use super::{colour, filter, geometry, resample, size, tone};

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
    if let Some(kind) = case.operation.strip_prefix("trivial/") {
        return perform_trivial(kind, &case.values, image);
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
            let window = Window {
                left: left as u32,
                top: top as u32,
                width: width as u32,
                height: height as u32,
            };
            resample::resized_crop(image, window);
        }
        (operation, values) => panic!("nothing here does {operation} with {values:?}"),
    }
}

fn perform_trivial(name: &str, values: &[f32], image: &mut RgbImage) -> u8 {
    let (kind, tolerance) = match name {
        "Identity" => (Kind::Identity, EXACT),
        "ShearX" => (Kind::ShearX, ROUNDING),
        "ShearY" => (Kind::ShearY, ROUNDING),
        "TranslateX" => (Kind::TranslateX, EXACT),
        "TranslateY" => (Kind::TranslateY, EXACT),
        "Rotate" => (Kind::Rotate, ROUNDING),
        // Factors are made in 32 bits here and in 64 there, and a blend is cut
        // off: what should come out whole may fall on either side.
        "Brightness" => (Kind::Brightness, ROUNDING),
        "Color" => (Kind::Saturation, ROUNDING),
        "Contrast" => (Kind::Contrast, ROUNDING),
        "Sharpness" => (Kind::Sharpness, ROUNDING),
        "Posterize" => (Kind::Posterize, EXACT),
        "Solarize" => (Kind::Solarize, EXACT),
        "AutoContrast" => (Kind::AutoContrast, EXACT),
        "Equalize" => (Kind::Equalize, EXACT),
        other => panic!("torchvision has a new operation, {other}"),
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
    ] {
        assert!(compared(name), "{name}");
    }
    let trivial = cases()
        .iter()
        .filter_map(|case| case.operation.strip_prefix("trivial/").map(str::to_owned))
        .collect::<std::collections::HashSet<_>>();
    assert_eq!(trivial.len(), Kind::ALL.len());
}
