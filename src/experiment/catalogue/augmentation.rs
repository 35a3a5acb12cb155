//! Operations of the augmentation pipeline.

use super::Value::{Number, Of, Optional, Tuple, Whole};
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
    named(
        "RandomErasing",
        ERASING,
        "Erases a rectangle of random area, shape and place (Zhong et al., 2017).",
    ),
    named(
        "RandAugment",
        RAND_AUGMENT,
        "A number of random operations, all at one magnitude (Cubuk et al., 2019).",
    ),
    holding(
        "AutoAugment",
        &[Of(&POLICY)],
        "A random pair of operations of a policy that was searched for (Cubuk et al., 2018).",
    ),
    named(
        "AugMix",
        AUG_MIX,
        "Mixes the image with random chains of operations on it (Hendrycks et al., 2019).",
    ),
    holding(
        "MixUp",
        &[Number("in [0.001, 100]")],
        "Blends with another image of the batch, share and label from Beta(a, a) (Zhang et al., 2018).",
    ),
    holding(
        "CutMix",
        &[Number("in [0.001, 100]")],
        "Pastes a rectangle of another image of the batch, area from Beta(a, a) (Yun et al., 2019).",
    ),
];

static ERASING: &[Field] = &[
    field(
        "scale",
        Tuple(&[Number("in (0, 1]"), Number("in (0, 1]")]),
        "(0.02, 0.33)",
        "Minimum and maximum share of the image area.",
    ),
    field(
        "ratio",
        Tuple(&[Number("above 0"), Number("above 0")]),
        "(0.3, 3.3)",
        "Minimum and maximum aspect ratio (height / width) of the rectangle.",
    ),
    field(
        "value",
        Of(&ERASED),
        "Rgb(0, 0, 0)",
        "What stands in place of its pixels.",
    ),
];

pub(super) static ERASED: Type = choice(
    "ErasedValue",
    "value of erased pixels",
    &[
        holding(
            "Rgb",
            &[
                Whole("in 0 to 255"),
                Whole("in 0 to 255"),
                Whole("in 0 to 255"),
            ],
            "One colour.",
        ),
        bare("Noise", "A random level for every value."),
    ],
);

static RAND_AUGMENT: &[Field] = &[
    field(
        "n",
        Whole("in 1 to 16"),
        "2",
        "How many operations are drawn.",
    ),
    field("magnitude", Whole("in 0 to 30"), "9", "Their magnitude."),
    field(
        "steer",
        Of(&STEER),
        "Probability",
        "What the view's augmentation probability moves.",
    ),
];

pub(super) static STEER: Type = choice(
    "Steer",
    "what is steered",
    &[
        bare("Probability", "How often the operation is applied."),
        bare(
            "Magnitude",
            "How strongly: always applied (unless p is 0), at p times its magnitude.",
        ),
    ],
);

pub(super) static POLICY: Type = choice(
    "AutoAugmentPolicy",
    "policy of AutoAugment",
    &[
        bare("ImageNet", "Found for ImageNet."),
        bare("Cifar10", "Found for CIFAR-10."),
        bare("Svhn", "Found for Street View House Numbers."),
    ],
);

static AUG_MIX: &[Field] = &[
    field(
        "severity",
        Whole("in 1 to 10"),
        "3",
        "Maximum magnitude of an operation.",
    ),
    field("width", Whole("in 1 to 16"), "3", "Number of chains."),
    field(
        "depth",
        Optional(&Whole("in 1 to 16")),
        "None",
        "Operations of a chain; 1 to 3 at random if absent.",
    ),
    field(
        "alpha",
        Number("in [0.001, 100]"),
        "1.0",
        "Concentration of the weights of image and chains: the higher, the more even.",
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
