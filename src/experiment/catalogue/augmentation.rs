//! Operations of the augmentation pipeline.

use super::Value::{Number, Tuple, Whole};
use super::{Field, Type, Variant, bare, choice, field, holding, named, needed};

pub(super) static OPERATION: Type = choice("Operation", "operation", VARIANTS);

static VARIANTS: &[Variant] = &[
    bare("HorizontalFlip", "Mirrors left and right."),
    bare("VerticalFlip", "Mirrors top and bottom."),
    holding(
        "PadCrop",
        &[Whole("in 1 to 1024, pixels")],
        "Pads every side with black, then crops the original size at a random place.",
    ),
    named(
        "RandomResizedCrop",
        &[
            field(
                "scale",
                Tuple(&[Number("in (0, 1]"), Number("in (0, 1]")]),
                "(0.08, 1.0)",
                "Minimum and maximum share of the image area.",
            ),
            field(
                "ratio",
                Tuple(&[Number("above 0"), Number("above 0")]),
                "(0.75, 1.3333334)",
                "Minimum and maximum aspect ratio (width / height) of the crop.",
            ),
        ],
        "Crops a random area and aspect ratio and resizes it back.",
    ),
    holding(
        "Rotate",
        &[Number("in [0, 180], degrees")],
        "Rotates about the centre by up to this angle either way.",
    ),
    holding(
        "Translate",
        &[Number("in [0, 1]")],
        "Shifts by up to this fraction of the width and of the height.",
    ),
    named(
        "Affine",
        AFFINE,
        "Rotation, translation, scale and shear in one resampling.",
    ),
    named(
        "ColorJitter",
        JITTER,
        "Changes brightness, contrast, saturation and hue, in a random order.",
    ),
    bare(
        "Grayscale",
        "Replaces colour by luma, keeping three channels.",
    ),
    named(
        "GaussianBlur",
        &[needed(
            "sigma",
            Tuple(&[Number("of pixels"), Number("of pixels")]),
            "Minimum and maximum standard deviation, above 0.",
        )],
        "Gaussian blur of a random strength.",
    ),
    holding(
        "GaussianNoise",
        &[Number("in [0, 1]")],
        "Adds noise of this standard deviation, a share of full scale, to every channel.",
    ),
    holding(
        "Cutout",
        &[Whole("in 1 to 1024, pixels")],
        "Blanks a square of this side at a random centre (DeVries and Taylor, 2017).",
    ),
    holding(
        "Solarize",
        &[Whole("in 0 to 255")],
        "Inverts every value at or above this threshold.",
    ),
    holding(
        "Posterize",
        &[Whole("in 1 to 8, bits")],
        "Keeps the high bits of each channel.",
    ),
    bare("Equalize", "Equalises the histogram of each channel."),
    bare(
        "TrivialAugment",
        "One operation of a wide space at a random strength (Mueller and Hutter, 2021).",
    ),
];

static AFFINE: &[Field] = &[
    field("degrees", Number("in [0, 180]"), "0.0", "Maximum rotation."),
    field(
        "translate",
        Number("in [0, 1]"),
        "0.0",
        "Maximum shift as a fraction of width and height.",
    ),
    field(
        "scale",
        Tuple(&[Number("above 0"), Number("above 0")]),
        "(1.0, 1.0)",
        "Minimum and maximum scale factor.",
    ),
    field(
        "shear",
        Number("in [0, 89], degrees"),
        "0.0",
        "Maximum horizontal shear.",
    ),
];

static JITTER: &[Field] = &[
    field(
        "brightness",
        Number("in [0, 1]"),
        "0.0",
        "Strength; 0 leaves brightness alone.",
    ),
    field(
        "contrast",
        Number("in [0, 1]"),
        "0.0",
        "Strength; 0 leaves contrast alone.",
    ),
    field(
        "saturation",
        Number("in [0, 1]"),
        "0.0",
        "Strength; 0 leaves saturation alone.",
    ),
    field(
        "hue",
        Number("in [0, 0.5]"),
        "0.0",
        "Maximum hue shift, as a share of the colour circle.",
    ),
];
