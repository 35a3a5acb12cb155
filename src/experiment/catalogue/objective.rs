//! Terms, divergences, truth values and update rules.

use super::Value::{List, Number, Of, Optional, Text, Tuple, Whole};
use super::schedules::SCHEDULE;
use super::{Field, Type, bare, choice, field, holding, named};

pub(super) static DIVERGENCE: Type = choice(
    "Divergence",
    "divergence",
    &[
        bare(
            "Kd",
            "KL of teacher and student at temperature T, times T² (Hinton et al., 2015).",
        ),
        named(
            "L2",
            &[field(
                "space",
                Of(&SPACE),
                "Probabilities",
                "Which of the two is compared.",
            )],
            "Mean squared difference of the probabilities or of the logits.",
        ),
        named(
            "Dkd",
            &[
                field(
                    "alpha",
                    Number("in [0, 1000]"),
                    "1.0",
                    "Weight of the target-class part.",
                ),
                field(
                    "beta",
                    Number("in [0, 1000]"),
                    "8.0",
                    "Weight of the non-target-class part.",
                ),
            ],
            "Decoupled distillation (Zhao et al., 2022). Needs labels.",
        ),
        bare("LogitStd", "Kd of standardised logits (Sun et al., 2024)."),
        bare(
            "SymmetricKl",
            "Mean of both directions of KL at temperature 1 (deep mutual learning; Zhang et al., 2018).",
        ),
        bare(
            "Mlkd",
            "Multi-level logit distillation (Jin et al., 2023): images, batch and classes at five temperatures.",
        ),
        named(
            "Dist",
            &[
                field(
                    "beta",
                    Number("in [0, 1000]"),
                    "1.0",
                    "Weight of the part over the classes of an image.",
                ),
                field(
                    "gamma",
                    Number("in [0, 1000]"),
                    "1.0",
                    "Weight of the part over the images of a class.",
                ),
            ],
            "Correlations over rows and columns (DIST; Huang et al., 2022).",
        ),
    ],
);

pub(super) static SPACE: Type = choice(
    "ConsistencySpace",
    "space",
    &[
        bare("Probabilities", "Softmax probabilities at temperature 1."),
        bare("Logits", "Logits."),
    ],
);

pub(super) static TRUTH: Type = choice(
    "TruthTarget",
    "truth target",
    &[
        bare("Label", "The label; unlabelled images are left out."),
        bare(
            "TeacherHard",
            "The teacher's most likely class on the same view.",
        ),
        bare("TeacherSoft", "The teacher's softmax on the same view."),
    ],
);

pub(super) const MARGIN: Field = field(
    "margin",
    Number("in [0, 1)"),
    "0.0",
    "How far the two losses must lie apart, a share of the validation loss.",
);
pub(super) const WINDOW: Field = field(
    "window",
    Whole("in 1 to 1000, rounds"),
    "1",
    "Rounds over which both losses are averaged.",
);
pub(super) const PATIENCE: Field = field(
    "patience",
    Whole("in 1 to 1000, rounds"),
    "1",
    "Rounds in a row that must find the same before a knob moves.",
);
const DECAY: Field = field(
    "decay",
    Number("in (0, 1)"),
    "0.9",
    "Factor on w when the student underfits.",
);
const W_MIN: Field = field("w_min", Number("from 0"), "0.01", "Minimum weight.");

pub(super) static UPDATE: Type = choice(
    "Update",
    "update rule",
    &[
        named(
            "Feedback",
            &[
                DECAY,
                W_MIN,
                field(
                    "tolerance",
                    Number("from 0"),
                    "0.01",
                    "How much worse than the best loss still counts as no worse, a share of the \
                     best.",
                ),
            ],
            "p1 grows while the student's truth loss improves; otherwise w shrinks (the patent's \
             reading).",
        ),
        named(
            "Gap",
            &[
                MARGIN,
                WINDOW,
                PATIENCE,
                field(
                    "when_underfitting",
                    Of(&WHEN_UNDERFITTING),
                    "StepBack",
                    "What moves when the student underfits.",
                ),
            ],
            "p1 grows while the truth loss is below the validation loss; above it the student \
             underfits.",
        ),
        holding(
            "Scheduled",
            &[Of(&SCHEDULED)],
            "p1 or w follows a schedule; the other stays.",
        ),
    ],
);

pub(super) static WHEN_UNDERFITTING: Type = choice(
    "WhenUnderfitting",
    "reaction to underfitting",
    &[
        bare("StepBack", "p1 goes one step back; w follows its schedule."),
        named(
            "LowerWeight",
            &[DECAY, W_MIN],
            "w ← max(w_min, decay · w), as in the published text; p1 stays.",
        ),
    ],
);

pub(super) static SCHEDULED: Type = choice(
    "ScheduledKnob",
    "scheduled knob",
    &[
        holding(
            "P1",
            &[Of(&SCHEDULE)],
            "The first augmentation probability follows the schedule.",
        ),
        holding(
            "W",
            &[Of(&SCHEDULE)],
            "The target weight follows the schedule.",
        ),
    ],
);

pub(super) static TERM: Type = choice(
    "CustomTerm",
    "term",
    &[
        named("Distill", DISTILL, "Student against teacher."),
        named("Truth", TRUTH_TERM, "Student against the truth target."),
        named(
            "Consistency",
            CONSISTENCY,
            "Student against itself across views.",
        ),
        named("Hint", HINT, HINT_HELP),
        named("Attention", ATTENTION, ATTENTION_HELP),
        named("Similarity", SIMILARITY, SIMILARITY_HELP),
        named("Relation", RELATION, RELATION_HELP),
    ],
);

pub(super) static FEATURES: Type = choice(
    "FeatureTerm",
    "term over feature maps",
    &[
        named("Hint", HINT, HINT_HELP),
        named("Attention", ATTENTION, ATTENTION_HELP),
        named("Similarity", SIMILARITY, SIMILARITY_HELP),
        named("Relation", RELATION, RELATION_HELP),
    ],
);

const HINT_HELP: &str = "The teacher's feature map from the student's, by a 1×1 convolution (FitNets; Romero et al., 2015).";
const ATTENTION_HELP: &str = "Attention maps of both (Zagoruyko and Komodakis, 2017).";
const SIMILARITY_HELP: &str = "Similarities of the images of a batch (Tung and Mori, 2019).";
const RELATION_HELP: &str =
    "Distances and angles between the images of a batch (RKD; Park et al., 2019).";

const VIEWS: Field = field(
    "views",
    List(&Whole("from 1")),
    "[1]",
    "Views; the losses are averaged.",
);

const fn name(help: &'static str) -> Field {
    field("name", Optional(&Text("")), "None", help)
}

const fn stages(help: &'static str) -> Field {
    field(
        "stages",
        List(&Tuple(&[Text("of the student"), Text("of the teacher")])),
        "[]",
        help,
    )
}

static HINT: &[Field] = &[
    name("Name; hint if absent."),
    VIEWS,
    field("w_hint", Number("in [0, 100000]"), "1.0", "Weight."),
    stages("Stages of student and teacher; the middle one of those of equal size if empty."),
];

static ATTENTION: &[Field] = &[
    name("Name; attention if absent."),
    VIEWS,
    field("w_attention", Number("in [0, 100000]"), "1000.0", "Weight."),
    stages("Stages of student and teacher; all of equal size if empty."),
];

static SIMILARITY: &[Field] = &[
    name("Name; similarity if absent."),
    VIEWS,
    field(
        "w_similarity",
        Number("in [0, 100000]"),
        "3000.0",
        "Weight.",
    ),
    stages("Stages of student and teacher; the last maps of both if empty."),
];

static RELATION: &[Field] = &[
    name("Name; relation if absent."),
    VIEWS,
    field("w_relation", Number("in [0, 100000]"), "1.0", "Weight."),
    field(
        "distance",
        Number("in [0, 1000]"),
        "25.0",
        "Weight of the part over pairs of images.",
    ),
    field(
        "angle",
        Number("in [0, 1000]"),
        "50.0",
        "Weight of the part over triples of images.",
    ),
    stages("Stages of student and teacher; the embeddings of both if empty."),
];

static DISTILL: &[Field] = &[
    field(
        "name",
        Optional(&Text("")),
        "None",
        "Name; distill if absent.",
    ),
    field(
        "views",
        List(&Whole("from 1")),
        "[1]",
        "Views; the losses are averaged.",
    ),
    field("w", Number("in [0, 1000]"), "0.9", "Weight."),
    field(
        "divergence",
        Of(&DIVERGENCE),
        "Kd",
        "How the two are compared.",
    ),
];

static TRUTH_TERM: &[Field] = &[
    field(
        "name",
        Optional(&Text("")),
        "None",
        "Name; truth if absent.",
    ),
    field("view", Whole("from 1"), "1", "The view."),
    field("w_truth", Number("in [0, 1000]"), "1.0", "Weight."),
    field(
        "target",
        Of(&TRUTH),
        "Label",
        "Where the truth target comes from.",
    ),
];

static CONSISTENCY: &[Field] = &[
    field(
        "name",
        Optional(&Text("")),
        "None",
        "Name; consistency if absent.",
    ),
    field(
        "views",
        List(&Whole("from 1")),
        "[]",
        "At least two views; every view if absent.",
    ),
    field("w_consistency", Number("in [0, 1000]"), "1.0", "Weight."),
    field(
        "space",
        Of(&SPACE),
        "Probabilities",
        "Where results are compared.",
    ),
];
