//! Where images come from and how they are prepared.

use super::Value::{List, Number, Of, Optional, Path, Text, Tuple, Whole};
use super::{Field, Type, bare, choice, field, holding, named, needed, structure};

pub(super) static DATA: Type = structure("DataSpec", "data", FIELDS);

static FIELDS: &[Field] = &[
    needed("train", Of(&SOURCE), "Training images."),
    field(
        "valid",
        Of(&VALID),
        "Holdout(0.1)",
        "Validation images: choose the best checkpoint, evaluated every epoch.",
    ),
    field(
        "test",
        Optional(&Of(&SOURCE)),
        "None",
        "Test images: evaluated once at the end.",
    ),
    field(
        "unlabelled",
        Optional(&Of(&UNLABELLED)),
        "None",
        "Unlabelled images, mixed into every batch.",
    ),
    field(
        "size",
        Optional(&Tuple(&[Whole("of pixels"), Whole("of pixels")])),
        "None",
        "Height and width to which every image is resized; the most common size if absent.",
    ),
    field(
        "normalize",
        Of(&NORMALIZE),
        "Measure",
        "Mean and standard deviation for normalization.",
    ),
    field("order", Of(&ORDER), "Bytes", "Order of class folders."),
    field(
        "max_bad",
        Number("in [0, 1]"),
        "0.01",
        "Maximum share of unreadable images.",
    ),
    field(
        "max_pixels",
        Whole("of pixels"),
        "178956970",
        "Maximum pixels of an image that is decoded; decoding takes 2 bytes per pixel.",
    ),
    field(
        "memory_mb",
        Whole("of megabytes"),
        "2048",
        "Decoded images are kept in memory up to this; larger sets are read every epoch.",
    ),
    field(
        "workers",
        Optional(&Whole("of threads")),
        "None",
        "Threads that decode and augment; one per core if absent. Results don't depend on it.",
    ),
];

pub(super) static SOURCE: Type = choice(
    "Source",
    "source of images",
    &[
        holding(
            "ImageFolder",
            &[Path("of a folder")],
            "One subfolder per class, images anywhere below it.",
        ),
        named(
            "List",
            &[
                needed(
                    "file",
                    Path("of a .csv, .tsv or text file"),
                    "A header with the columns path and label, and a row per image; or, in other files than .csv and .tsv, lines of a path and a label. Paths start at the list's folder.",
                ),
                field(
                    "split",
                    Optional(&Text("value of the column split")),
                    "None",
                    "Takes the rows of this split; all rows if absent.",
                ),
            ],
            "A table of image files, of which one can hold all splits.",
        ),
        named(
            "Idx",
            &[
                needed(
                    "images",
                    Path("of a file"),
                    "The file of images, plain or .gz.",
                ),
                needed(
                    "labels",
                    Path("of a file"),
                    "The file of labels, plain or .gz.",
                ),
            ],
            "MNIST-style IDX files, plain or .gz.",
        ),
        holding(
            "Cifar10",
            &[List(&Path("of a file"))],
            "CIFAR-10 binary batches, plain or .gz.",
        ),
        holding(
            "Cifar100",
            &[List(&Path("of a file"))],
            "CIFAR-100 binary batches, plain or .gz; the fine labels are used.",
        ),
        named(
            "Shapes",
            SHAPES,
            "Generated pictures of shapes; needs no files.",
        ),
    ],
);

static SHAPES: &[Field] = &[
    field("classes", Whole("in 2 to 10"), "4", "Number of classes."),
    needed(
        "count",
        Whole("of images"),
        "Number of images, spread evenly over the classes; at most ten million.",
    ),
    field(
        "size",
        Whole("in 8 to 256, pixels"),
        "32",
        "Height and width.",
    ),
    field(
        "difficulty",
        Number("in [0, 1]"),
        "0.5",
        "0 is clean; 1 is strong noise, clutter and low contrast.",
    ),
    field(
        "seed",
        Whole("from 0"),
        "0",
        "Seed of the pictures; sets with different seeds share no image.",
    ),
];

pub(super) static VALID: Type = choice(
    "ValidSpec",
    "validation set",
    &[
        holding(
            "Holdout",
            &[Number("in (0, 1)")],
            "This fraction of the training images, the same of every class, not trained on.",
        ),
        holding("Set", &[Of(&SOURCE)], "A separate set."),
    ],
);

pub(super) static UNLABELLED: Type = structure(
    "UnlabelledSpec",
    "unlabelled images",
    &[
        needed("source", Of(&SOURCE), "The images."),
        field(
            "ratio",
            Number("above 0"),
            "1.0",
            "Unlabelled images per labelled image in a batch.",
        ),
    ],
);

pub(super) static ORDER: Type = choice(
    "ClassOrder",
    "class order",
    &[
        bare(
            "Bytes",
            "By the characters of their names, as torchvision's ImageFolder: 1, 10, 2.",
        ),
        bare("Natural", "Numbers in names count as numbers: 1, 2, 10."),
    ],
);

pub(super) static NORMALIZE: Type = choice(
    "NormalizeSpec",
    "normalization",
    &[
        bare(
            "Measure",
            "Mean and std (standard deviation) of the training images, measured.",
        ),
        named("Given", MEAN_AND_STD, "Given for red, green and blue."),
    ],
);

pub(super) static MEAN_AND_STD: &[Field] = &[
    needed(
        "mean",
        Tuple(&[Number("red"), Number("green"), Number("blue")]),
        "Means of pixels in [0, 1].",
    ),
    needed(
        "std",
        Tuple(&[Number("red"), Number("green"), Number("blue")]),
        "Standard deviations of pixels in [0, 1], from 0.001 to 1.",
    ),
];
