//! Values over time.

use super::Value::{List, Number, Of, Optional, Tuple};
use super::{Field, Type, Variant, choice, field, holding, named, needed};

pub(super) static SCHEDULE: Type = choice("Schedule", "schedule", VARIANTS);

static VARIANTS: &[Variant] = &[
    holding("Constant", &[Number("")], "Constant value."),
    named(
        "Linear",
        LINE,
        "A straight line, to the end of training or over some epochs.",
    ),
    named(
        "Cosine",
        LINE,
        "Half a cosine wave (Loshchilov and Hutter, 2017).",
    ),
    named(
        "Exponential",
        &[
            needed("from", Number(""), "Value at the start."),
            needed("decay", Number("above 0"), "Factor per epoch."),
        ],
        "Multiplies by a factor every epoch, continuously.",
    ),
    named(
        "Steps",
        &[
            needed("from", Number(""), "Value at the start."),
            needed("factor", Number("above 0"), "Factor at each milestone."),
            needed("at", List(&Number("of epochs")), "Milestones, ascending."),
        ],
        "Multiplies by a factor at each of the given epochs.",
    ),
    holding(
        "Piecewise",
        &[List(&Tuple(&[Number("of epochs"), Number("")]))],
        "Straight lines through points (epoch, value), constant outside them.",
    ),
    named(
        "Warmup",
        &[
            needed("epochs", Number("above 0"), "Duration of the rise."),
            needed("then", Of(&SCHEDULE), "The schedule after the warmup."),
        ],
        "Rises from 0 to the start of what follows.",
    ),
    named(
        "Until",
        &[
            needed("epochs", Number("above 0"), "Duration of the first."),
            needed(
                "first",
                Of(&SCHEDULE),
                "The schedule at first, as in a training of so many epochs.",
            ),
            needed("then", Of(&SCHEDULE), "The schedule after it."),
        ],
        "One schedule, then another.",
    ),
];

static LINE: &[Field] = &[
    needed("from", Number(""), "Value at the start."),
    needed("to", Number(""), "Value at the end."),
    field(
        "epochs",
        Optional(&Number("above 0")),
        "None",
        "Duration; the rest of training if absent.",
    ),
];
