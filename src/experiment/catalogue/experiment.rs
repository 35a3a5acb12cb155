//! The fields of the experiment itself.

use super::Value::{List, Map, Metric, Number, Of, Optional, Path, Text, Truth, Whole};
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
    needed("data", Of(&DATA), "Datasets and their preprocessing."),
    field(
        "teacher",
        Optional(&Of(&TEACHER)),
        "None",
        "The teacher; required by every method but Scratch.",
    ),
    needed("student", Of(&STUDENT), "The student."),
    field(
        "augment",
        List(&Of(&OPERATION)),
        "[]",
        "Operations of the augmentation pipeline, in order.",
    ),
    needed("method", Of(&METHOD), "Distillation method."),
    field(
        "optimizer",
        Of(&OPTIMIZER),
        "Sgd(momentum: 0.9, nesterov: false, weight_decay: 0.0)",
        "Optimizer; norms and biases get no weight decay.",
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
        "Schedules of other knobs by name, such as \"temperature\"; others keep their method's \
         value.",
    ),
    needed(
        "epochs",
        Whole("from 1"),
        "Passes over the training images.",
    ),
    field(
        "batch",
        Whole("in 1 to 65536, images"),
        "128",
        "Batch size: labelled and unlabelled images of a step, before views are made.",
    ),
    field(
        "sampler",
        Of(&SAMPLER),
        "Shuffle",
        "Which training images an epoch has.",
    ),
    field(
        "accumulate",
        Whole("in 1 to batch, parts"),
        "1",
        "Gradient accumulation: parts that a batch passes in, in the memory of one.",
    ),
    field(
        "precision",
        Of(&PRECISION),
        "Fp32",
        "Mixed precision: numbers that convolutions and linear layers are computed with.",
    ),
    field(
        "round",
        Of(&ROUND),
        "Epoch",
        "What counts as a round of an adaptive method.",
    ),
    field(
        "clip",
        Optional(&Number("from 1e-30 to 1e30")),
        "None",
        "Maximum global L2 norm of the gradient (gradient clipping).",
    ),
    field(
        "ema",
        Optional(&Number("in (0, 1)")),
        "None",
        "Decay of a moving average (EMA) of the weights, evaluated and saved instead.",
    ),
    field(
        "label_smoothing",
        Number("in [0, 1)"),
        "0.0",
        "Label smoothing.",
    ),
    field(
        "class_weights",
        Optional(&Of(&CLASS_WEIGHTS)),
        "None",
        "What a label counts by its class in the truth term; all alike if absent.",
    ),
    field(
        "truth_loss",
        Of(&TRUTH_LOSS),
        "CrossEntropy",
        "How truth terms compare the student with their target.",
    ),
    field(
        "log_every",
        Whole("from 1, steps"),
        "10",
        "Steps between logged rows; the last step of an epoch is logged, too.",
    ),
    field(
        "checkpoint_every",
        Optional(&Whole("from 1, steps")),
        "None",
        "Steps between checkpoints; every epoch if absent.",
    ),
    field(
        "metric",
        Of(&VALID_METRIC),
        "Top1",
        "By what the best checkpoint is chosen, on the validation images.",
    ),
    field(
        "early_stop",
        Optional(&Of(&EARLY_STOP)),
        "None",
        "Ends the student's training where a validation metric no longer improves.",
    ),
    field(
        "finish",
        Optional(&Of(&FINISH)),
        "None",
        "What follows the student's training, by the same method.",
    ),
    field(
        "export",
        Optional(&Of(&EXPORT)),
        "None",
        "Export of the student when the run completes, verified on the validation images.",
    ),
    field(
        "gates",
        List(&Of(&GATE)),
        "[]",
        "Conditions on metrics that decide the exit code.",
    ),
];

pub(super) static PRECISION: Type = choice(
    "Precision",
    "precision",
    &[
        bare("Fp32", "32-bit floats."),
        bare(
            "Bf16",
            "bfloat16 on a GPU or a processor with bf16 units; weights and losses stay 32-bit.",
        ),
    ],
);

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

pub(super) static SAMPLER: Type = choice(
    "SamplerSpec",
    "sampler",
    &[
        bare("Shuffle", "Every image once, shuffled."),
        bare(
            "Balanced",
            "As many places for every class: images of rare classes come more than once.",
        ),
    ],
);

pub(super) static CLASS_WEIGHTS: Type = choice(
    "ClassWeights",
    "class weights",
    &[
        bare(
            "Balanced",
            "Every class alike: n / (C · n of the class), of n training images of C classes.",
        ),
        holding(
            "Each",
            &[List(&Number("above 0"))],
            "A weight for every class in order; it can be written as a list without Each(…).",
        ),
    ],
);

pub(super) static TRUTH_LOSS: Type = choice(
    "TruthLossSpec",
    "truth loss",
    &[
        bare(
            "CrossEntropy",
            "Cross-entropy of the student's softmax with the target.",
        ),
        named(
            "BinaryCrossEntropy",
            &[
                field(
                    "target_threshold",
                    Optional(&Number("in (0, 1)")),
                    "None",
                    "Targets above this are 1, and all others 0; they stay as they are if absent.",
                ),
                field(
                    "sum_classes",
                    Truth,
                    "false",
                    "Whether an image's loss is the sum over the classes in place of their mean.",
                ),
            ],
            "Binary cross-entropy of every class for itself (BCE; Wightman et al., 2021).",
        ),
    ],
);

pub(super) static EARLY_STOP: Type = structure(
    "EarlyStopSpec",
    "early stop",
    &[
        needed(
            "patience",
            Whole("from 1, epochs"),
            "Epochs without an improvement after which the training ends.",
        ),
        field(
            "min_delta",
            Number("from 0, in the metric's unit"),
            "0.0",
            "What an improvement over the last one has to exceed.",
        ),
        field(
            "metric",
            Optional(&Of(&VALID_METRIC)),
            "None",
            "What has to improve; that by which the best checkpoint is chosen if absent.",
        ),
    ],
);

pub(super) static VALID_METRIC: Type = choice(
    "ValidMetric",
    "metric of the validation images",
    &[
        bare("Top1", "Accuracy (`valid/top1`)."),
        bare(
            "BalancedAccuracy",
            "Mean recall over the classes (`valid/balanced_accuracy`).",
        ),
        bare("MacroF1", "Mean F1 over the classes (`valid/macro_f1`)."),
        bare(
            "Loss",
            "Cross-entropy with the label (`valid/loss`); lower is better.",
        ),
        bare(
            "Agreement",
            "Agreement with the teacher (`valid/agreement`).",
        ),
        bare("Kl", "KL(teacher ‖ student) (`valid/kl`); lower is better."),
    ],
);

pub(super) static FINISH: Type = choice(
    "FinishSpec",
    "finish",
    &[named(
        "Quantize",
        &[
            needed(
                "epochs",
                Whole("from 1"),
                "Passes over the training images, after the others.",
            ),
            field(
                "learning_rate",
                Optional(&Number("above 0")),
                "None",
                "Learning rate at their start, which falls to 0; a hundredth of the greatest of \
                 the training if absent.",
            ),
            field("weight_bits", Whole("7 or 8"), "8", "Bits of a weight."),
        ],
        "More epochs in which weights and activations are rounded as 8-bit integers are.",
    )],
);

pub(super) static EXPORT: Type = choice(
    "ExportSpec",
    "export",
    &[
        bare("Onnx", "An ONNX file that takes normalised floats."),
        bare(
            "OnnxUint8",
            "An ONNX file that takes RGB bytes and normalises them itself.",
        ),
        named(
            "Fp16",
            FP16,
            "An ONNX file that computes with 16-bit floats.",
        ),
        named("Int8", INT8, "An ONNX file quantized to 8-bit integers."),
    ],
);

static FP16: &[Field] = &[TAKES_BYTES];

static INT8: &[Field] = &[
    field(
        "images",
        Whole("from 1"),
        "512",
        "Number of training images to calibrate the ranges of activations on.",
    ),
    field(
        "seed",
        Whole("from 0"),
        "0",
        "Seed for choosing the calibration images.",
    ),
    field(
        "weight_bits",
        Optional(&Whole("7 or 8")),
        "None",
        "Bits of a weight; if absent those of a finish, else 8, or 7 where this processor has no VNNI.",
    ),
    TAKES_BYTES,
];

const TAKES_BYTES: Field = field("uint8", Truth, "false", "Whether the file takes RGB bytes.");

pub(super) static GATE: Type = choice(
    "Gate",
    "gate",
    &[
        holding(
            "AtLeast",
            &[Metric, Of(&BOUND)],
            "The metric is at least the bound.",
        ),
        holding(
            "AtMost",
            &[Metric, Of(&BOUND)],
            "The metric is at most the bound.",
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
                    Number("from 0, in the metric's unit"),
                    "0.0",
                    "How much worse still passes.",
                ),
            ],
            "The same metric of a completed run, ± a tolerance.",
        ),
    ],
);
