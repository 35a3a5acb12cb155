//! The fields of the experiment itself.

use super::Value::{List, Map, Metric, Number, Of, Optional, Path, Text, Whole};
use super::augmentation::OPERATION;
use super::data::DATA;
use super::methods::METHOD;
use super::models::{DEVICE, OPTIMIZER, STUDENT, TEACHER};
use super::schedules::SCHEDULE;
use super::{Field, Type, bare, choice, field, holding, named, needed, structure};

/// The experiment: where every path into a file begins.
pub static EXPERIMENT: Type = structure("Experiment", "experiment", FIELDS);

static FIELDS: &[Field] = &[
    field(
        "name",
        Optional(&Text("of at most 80 characters")),
        "None",
        "Name of the runs; the file's name without extension if absent.",
    ),
    field(
        "seed",
        Whole("from 0"),
        "0",
        "Seed of everything random: split, initial weights, order, augmentation.",
    ),
    field("device", Of(&DEVICE), "Auto", "Where tensors live."),
    needed(
        "data",
        Of(&DATA),
        "Images to learn from, and how they are prepared.",
    ),
    field(
        "teacher",
        Optional(&Of(&TEACHER)),
        "None",
        "The model that teaches; every method but Scratch needs one.",
    ),
    needed("student", Of(&STUDENT), "The model that learns."),
    field(
        "augment",
        List(&Of(&OPERATION)),
        "[]",
        "Operations of the augmentation pipeline, in order.",
    ),
    needed("method", Of(&METHOD), "How the student is taught."),
    field(
        "optimizer",
        Of(&OPTIMIZER),
        "Sgd(momentum: 0.9, nesterov: false, weight_decay: 0.0)",
        "How weights are updated; norms and biases are not decayed.",
    ),
    field(
        "lr",
        Of(&SCHEDULE),
        "Cosine(from: 0.1, to: 0.0)",
        "Learning rate over time, in [0, 100].",
    ),
    field(
        "knobs",
        Map(&Of(&SCHEDULE)),
        "{}",
        "Schedules of other knobs by name, such as \"temperature\"; others keep their method's value.",
    ),
    needed(
        "epochs",
        Whole("from 1"),
        "RecordedForward over the training images.",
    ),
    field(
        "batch",
        Whole("in 1 to 65536, images"),
        "128",
        "Images in a step, before views are made.",
    ),
    field(
        "round",
        Of(&ROUND),
        "Epoch",
        "What counts as a round of an adaptive method.",
    ),
    field(
        "clip",
        Optional(&Number("above 0")),
        "None",
        "Greatest global L2 norm of the gradient; longer ones are scaled down.",
    ),
    field(
        "ema",
        Optional(&Number("in (0, 1)")),
        "None",
        "Decay of a moving average of the weights that is evaluated and saved in their place.",
    ),
    field(
        "label_smoothing",
        Number("in [0, 1)"),
        "0.0",
        "Share of the label's probability that is spread over all classes.",
    ),
    field(
        "log_every",
        Whole("from 1, steps"),
        "10",
        "Steps between two rows of numbers in the run's series.",
    ),
    field(
        "checkpoint_every",
        Optional(&Whole("from 1, steps")),
        "None",
        "Steps between two checkpoints; one at the end of every epoch if absent.",
    ),
    field(
        "gates",
        List(&Of(&GATE)),
        "[]",
        "Conditions on the results that decide the exit code.",
    ),
];

pub(super) static ROUND: Type = choice(
    "RoundSpec",
    "round",
    &[
        bare("Epoch", "One pass over the training images."),
        holding(
            "Steps",
            &[Whole("from 1, steps")],
            "This many steps; the last round may be shorter.",
        ),
    ],
);

pub(super) static GATE: Type = choice(
    "Gate",
    "gate",
    &[
        holding(
            "AtLeast",
            &[Metric, Of(&BOUND)],
            "The result is at least the bound.",
        ),
        holding(
            "AtMost",
            &[Metric, Of(&BOUND)],
            "The result is at most the bound.",
        ),
    ],
);

pub(super) static BOUND: Type = choice(
    "Bound",
    "number or Run(…)",
    &[
        holding(
            "Value",
            &[Number("")],
            "A number; it can be written without Value(…).",
        ),
        named(
            "Run",
            &[
                needed("run", Path("of a run's folder"), "The run's folder."),
                field(
                    "tolerance",
                    Number("from 0, in the result's unit"),
                    "0.0",
                    "How much worse still passes.",
                ),
            ],
            "The same result of a finished run, give or take a tolerance.",
        ),
    ],
);
