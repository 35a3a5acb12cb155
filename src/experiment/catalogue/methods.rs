//! Methods and what is in their parentheses.

use super::Value::{List, Number, Of, Optional, Text, Whole};
use super::objective::{
    DIVERGENCE, FEATURES, MARGIN, PATIENCE, SPACE, TERM, TRUTH, UPDATE, WINDOW,
};
use super::{Field, Type, bare, choice, field, named, needed, structure};

pub(super) static METHOD: Type = choice(
    "MethodSpec",
    "method",
    &[
        named(
            "Scratch",
            &[P1],
            "No teacher: cross-entropy on one view. The lower baseline of every method.",
        ),
        named(
            "Vanilla",
            VANILLA,
            "One view; cross-entropy and distillation. The baseline.",
        ),
        named(
            "AdaptiveAugmentation",
            ADAPTIVE,
            "A rule moves the augmentation probabilities, or w, after a round (after US20240070454).",
        ),
        named(
            "SteeredKd",
            STEERED,
            "One view; distillation whose p1 is steered by truth loss and validation loss (ours).",
        ),
        named(
            "FunctionMatching",
            MATCHING,
            "One view, the same for both; distillation alone, for MixUp and many epochs (Beyer et al., 2022).",
        ),
        named(
            "MultiView",
            MULTI_VIEW,
            "Consistency of the student across augmented views, and with its teacher (after \
             US20220004811).",
        ),
        named("Custom", CUSTOM, "Any views, terms, knobs and controller."),
    ],
);

const P1: Field = field(
    "p1",
    Number("in [0, 1]"),
    "0.5",
    "Augmentation probability of the view.",
);
const W: Field = field(
    "w",
    Number("in [0, 1000]"),
    "0.9",
    "Weight of the distillation loss.",
);
const TEMPERATURE: Field = field(
    "temperature",
    Number("in 0.05 to 100"),
    "4.0",
    "Distillation temperature: higher ones show more of what the teacher knows.",
);
const COMPARED: Field = field(
    "divergence",
    Of(&DIVERGENCE),
    "Kd",
    "Divergence between student and teacher.",
);
const W_TRUTH: Field = field(
    "w_truth",
    Number("in [0, 1000]"),
    "1.0",
    "Weight of the truth loss.",
);
const P2: Field = field(
    "p2",
    Of(&SECOND),
    "EqualSteps",
    "How p2 comes from p1, p_max and the number of rounds.",
);
const MOVES: Field = field(
    "update",
    Of(&UPDATE),
    "Gap(margin: 0.0, window: 1, patience: 1, when_underfitting: StepBack)",
    "Rule that decides which of p1 and w moves after a round.",
);
const P_MAX: Field = field(
    "p_max",
    Number("in [0, 1]"),
    "0.5",
    "Maximum augmentation probability.",
);

static VANILLA: &[Field] = &[
    P1,
    W,
    W_TRUTH,
    TEMPERATURE,
    COMPARED,
    field(
        "features",
        Optional(&Of(&FEATURES)),
        "None",
        "What of the feature maps is compared besides.",
    ),
];

const FIRST_P1: Field = field(
    "p1",
    Number("in [0, p_max]"),
    "0.0",
    "First augmentation probability of the first round.",
);

static ADAPTIVE: &[Field] = &[
    FIRST_P1,
    P_MAX,
    W,
    TEMPERATURE,
    COMPARED,
    field("truth", Of(&TRUTH), "Label", "Target of the truth loss."),
    P2,
    MOVES,
    field(
        "views",
        Of(&VIEW_IMAGES),
        "All",
        "Which images of a batch the two views show.",
    ),
];

pub(super) static VIEW_IMAGES: Type = choice(
    "ViewImages",
    "images of the views",
    &[
        bare("All", "All of them, both: two passes of the student."),
        bare("Halves", "Each its own half: one pass of the student."),
    ],
);

static STEERED: &[Field] = &[
    FIRST_P1,
    field(
        "p_max",
        Number("in [0, 1]"),
        "1.0",
        "Maximum augmentation probability.",
    ),
    field(
        "step",
        Of(&SECOND),
        "EqualSteps",
        "How far p1 moves at a time.",
    ),
    W,
    field(
        "w_truth",
        Number("in [0, 1000]"),
        "1.0",
        "Weight of the truth loss.",
    ),
    TEMPERATURE,
    COMPARED,
    field("truth", Of(&TRUTH), "Label", "Target of the truth loss."),
    MARGIN,
    WINDOW,
    PATIENCE,
];

static MATCHING: &[Field] = &[
    field(
        "p1",
        Number("in [0, 1]"),
        "1.0",
        "Augmentation probability of the view.",
    ),
    field(
        "w",
        Number("in [0, 1000]"),
        "1.0",
        "Weight of the distillation loss, the only one.",
    ),
    field(
        "temperature",
        Number("in 0.05 to 100"),
        "1.0",
        "Distillation temperature: higher ones show more of what the teacher knows.",
    ),
    COMPARED,
];

static MULTI_VIEW: &[Field] = &[
    field("views", Whole("in 2 to 16"), "3", "Number of views K."),
    field(
        "p",
        Number("in [0, 1]"),
        "0.5",
        "Augmentation probability of every view: p1, p2 and so on.",
    ),
    field(
        "w_consistency",
        Number("in [0, 1000]"),
        "1.0",
        "Weight of the consistency loss.",
    ),
    field(
        "space",
        Of(&SPACE),
        "Probabilities",
        "Where the student's views are compared.",
    ),
    W,
    field(
        "teacher_views",
        Of(&TEACHER_VIEWS),
        "One",
        "Views on which student and teacher are compared.",
    ),
    COMPARED,
    TEMPERATURE,
    W_TRUTH,
];

static CUSTOM: &[Field] = &[
    needed(
        "views",
        List(&Of(&VIEW)),
        "Augmented copies of the batch; view k has the knob p<k>.",
    ),
    needed(
        "terms",
        List(&Of(&TERM)),
        "Losses; the total loss is their weighted sum.",
    ),
    TEMPERATURE,
    field(
        "controller",
        Optional(&Of(&CONTROLLER)),
        "None",
        "The rule that moves knobs at the end of a round.",
    ),
];

pub(super) static VIEW: Type = structure(
    "CustomView",
    "view",
    &[field(
        "p",
        Number("in [0, 1]"),
        "0.0",
        "Augmentation probability; ignored where a controller derives it.",
    )],
);

pub(super) static CONTROLLER: Type = choice(
    "CustomController",
    "controller",
    &[named(
        "AdaptiveAugmentation",
        &[
            field(
                "first",
                Whole("from 1"),
                "1",
                "View that is augmented with p1.",
            ),
            needed(
                "second",
                List(&Whole("from 1")),
                "Views that are augmented with p2; [] where one view alone is steered.",
            ),
            field(
                "w",
                Text("that names a term"),
                "\"distill\"",
                "Term whose weight is the target weight.",
            ),
            field(
                "truth",
                Text("that names a term"),
                "\"truth\"",
                "Term that is the truth loss.",
            ),
            P_MAX,
            P2,
            MOVES,
        ],
        "Adaptive augmentation over the views and terms of this method.",
    )],
);

pub(super) static TEACHER_VIEWS: Type = choice(
    "TeacherViews",
    "views",
    &[
        bare("One", "The first."),
        bare("All", "Every one; the losses are averaged."),
    ],
);

pub(super) static SECOND: Type = choice(
    "SecondProbability",
    "rule for p2",
    &[
        bare(
            "EqualSteps",
            "p2 = min(p_max, p1 + p_max / E); the published text leaves the formula open.",
        ),
        bare(
            "Ratio",
            "p2 = min(p_max, max(p_max / E, p1 · E^(1 / (E − 1)))): slower at first.",
        ),
    ],
);
