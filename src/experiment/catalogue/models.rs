//! Teacher, student, their models, optimizers and devices.

use super::Value::{List, Number, Of, Optional, Path, Text, Truth, Tuple, Whole};
use super::schedules::SCHEDULE;
use super::{Field, Type, Variant, bare, choice, field, holding, named, needed, structure};

pub(super) static TEACHER: Type = structure(
    "TeacherSpec",
    "teacher",
    &[
        field(
            "model",
            Optional(&Of(&MODEL)),
            "None",
            "The teacher's model; absent with Onnx and TorchScript, whose files hold their architecture.",
        ),
        needed(
            "weights",
            Of(&TEACHER_WEIGHTS),
            "Where its weights come from.",
        ),
        field(
            "ema",
            Optional(&Truth),
            "None",
            "The moving average in its file, or not; the average where there is one if absent.",
        ),
        field(
            "classes",
            Optional(&Of(&CLASS_NAMES)),
            "None",
            "Names of its file's classes, in order; from model.json beside the file if absent.",
        ),
        field(
            "normalize",
            Optional(&Of(&INPUT_NORMALIZE)),
            "None",
            "Mean and std of its own images; from model.json, else the data's, if absent.",
        ),
        field(
            "size",
            Optional(&Tuple(&[Whole("of pixels"), Whole("of pixels")])),
            "None",
            "Height and width of its own images; from model.json, else the data's, if absent.",
        ),
        field(
            "channels",
            Of(&CHANNELS),
            "Rgb",
            "Order of the colours of its own images.",
        ),
        field(
            "output",
            Optional(&Text("name of an output")),
            "None",
            "Its file's output with the scores, by name or place; the only possible one if absent.",
        ),
        field(
            "scores",
            Optional(&Of(&SCORES)),
            "None",
            "What these scores are; probabilities after a softmax, else logits, if absent.",
        ),
        field("engine", Of(&ENGINE), "Auto", "What runs its ONNX file."),
        field(
            "trusted",
            Truth,
            "false",
            "Use the teacher even if its validation accuracy is no better than chance.",
        ),
        field(
            "share",
            Optional(&Number("from 0.001 to 1000")),
            "None",
            "In an Ensemble: its share of the mean, as a part of the sum of all; 1 if absent.",
        ),
    ],
);

pub(super) static CLASS_NAMES: Type = choice(
    "ClassNames",
    "names of classes",
    &[
        holding(
            "Names",
            &[List(&Text("name of a class"))],
            "The names, in the order of the outputs.",
        ),
        holding(
            "File",
            &[Path("of a text or JSON file")],
            "A file with one name a line, or a list of names in JSON, such as model.json.",
        ),
    ],
);

pub(super) static INPUT_NORMALIZE: Type = choice(
    "InputNormalize",
    "teacher normalization",
    &[
        bare(
            "ImageNet",
            "As torchvision's models were trained on ImageNet.",
        ),
        named(
            "Given",
            super::data::MEAN_AND_STD,
            "Given, of pixels in [0, 1].",
        ),
    ],
);

pub(super) static CHANNELS: Type = choice(
    "ChannelOrder",
    "order of colours",
    &[
        bare("Rgb", "Red, green, blue."),
        bare("Bgr", "Blue, green, red, as OpenCV reads them."),
    ],
);

pub(super) static ENGINE: Type = choice(
    "OnnxEngine",
    "engine",
    &[
        bare("Auto", "onnxruntime where its library is there, else rten."),
        bare("Rten", "rten, which is part of the program."),
        bare("OnnxRuntime", "onnxruntime; its library is required."),
        holding(
            "OnnxRuntimeCuda",
            &[Whole("from 0")],
            "onnxruntime on the NVIDIA GPU of that index; a library with the CUDA provider is required.",
        ),
    ],
);

pub(super) static SCORES: Type = choice(
    "Scores",
    "scores",
    &[
        bare("Logits", "As they come out of the last layer."),
        bare(
            "Probabilities",
            "After a softmax; their logarithms are taken for logits.",
        ),
    ],
);

pub(super) static STUDENT: Type = structure(
    "StudentSpec",
    "student",
    &[
        needed("model", Of(&MODEL), "The student's model."),
        field(
            "weights",
            Optional(&Path("of a file")),
            "None",
            "Weights to start from; random if absent.",
        ),
        field(
            "ema",
            Optional(&Truth),
            "None",
            "The moving average in that file, or not; the average where there is one if absent.",
        ),
        field(
            "head",
            Of(&HEAD),
            "Keep",
            "Whether its classifier starts from that file, too.",
        ),
        field(
            "freeze",
            List(&Text("path of a module, such as layer1")),
            "[]",
            "Modules whose parameters training leaves as they are, by PyTorch's paths.",
        ),
        field(
            "layer_decay",
            Number("from 0.01 to 1"),
            "1.0",
            "Layer-wise decay: the learning rate of a block as a factor of the next block's.",
        ),
    ],
);

pub(super) static HEAD: Type = choice(
    "Head",
    "classifier",
    &[
        bare(
            "Keep",
            "It starts from the file's, which has an output for every class.",
        ),
        bare(
            "New",
            "It starts at random: the file was trained on other classes, as ImageNet's.",
        ),
    ],
);

pub(super) static TEACHER_WEIGHTS: Type = choice(
    "TeacherWeights",
    "weights",
    &[
        holding(
            "File",
            &[Path("of a .safetensors, .pt or .pth file")],
            "A file of weights with torchvision-style names.",
        ),
        holding(
            "Onnx",
            &[Path("of a .onnx file")],
            "An ONNX file, with the architecture and the weights of any classifier.",
        ),
        holding(
            "TorchScript",
            &[Path("of a .pt file that torch.jit.save wrote")],
            "A TorchScript file: the same, run by libtorch on the student's device.",
        ),
        holding(
            "Logits",
            &[Path(
                "of a .safetensors file that scripts/make-logits wrote",
            )],
            "Precomputed logits, for images that no view changes.",
        ),
        holding(
            "Ensemble",
            &[List(&Of(&TEACHER))],
            "Several teachers from files of models, whose logits are averaged by their shares.",
        ),
        named(
            "Train",
            &[
                needed(
                    "epochs",
                    Whole("from 1"),
                    "Passes over the training images.",
                ),
                field(
                    "p1",
                    Number("in [0, 1]"),
                    "0.5",
                    "Augmentation probability.",
                ),
                field(
                    "lr",
                    Optional(&Of(&SCHEDULE)),
                    "None",
                    "Learning rate over time; the student's if absent.",
                ),
                field(
                    "optimizer",
                    Optional(&Of(&OPTIMIZER)),
                    "None",
                    "How weights are updated; as the student's if absent.",
                ),
            ],
            "Trained first on the same images, and kept for every later run for which it is the \
             same.",
        ),
    ],
);

pub(super) static MODEL: Type = choice("Model", "model", MODELS);

static MODELS: &[Variant] = &[
    named(
        "Mlp",
        &[needed(
            "hidden",
            List(&Whole("of units")),
            "Units of each hidden layer.",
        )],
        "Fully connected layers with ReLU between them.",
    ),
    named(
        "Cnn",
        &[needed(
            "channels",
            List(&Whole("of channels")),
            "Output channels of each convolution.",
        )],
        "3×3 convolutions, each followed by 2×2 pooling, and one linear layer.",
    ),
    named(
        "ResNetCifar",
        &[
            needed(
                "depth",
                Whole("of the form 6n + 2"),
                "8, 14, 20, 32, 44, 56, 110.",
            ),
            field(
                "width",
                Whole("of channels"),
                "16",
                "Channels of the first stage; the next have two and four times as many.",
            ),
        ],
        "The residual network for small images of He et al. (2016).",
    ),
    named(
        "WideResNet",
        &[
            needed("depth", Whole("of the form 6n + 4"), "10, 16, 22, 28, 40."),
            needed(
                "width",
                Whole("from 1"),
                "Widening factor of the 16-32-64 channels.",
            ),
        ],
        "Wide residual network (Zagoruyko and Komodakis, 2016).",
    ),
    named(
        "Vgg",
        &[needed(
            "depth",
            Whole("of 8, 11, 13, 16"),
            "Number of layers.",
        )],
        "VGG with batch normalization (Simonyan and Zisserman, 2015).",
    ),
    named(
        "ResNet",
        &[
            needed("depth", Whole("of 18, 34, 50"), "Number of layers."),
            field("stem", Of(&STEM), "Auto", "The first layers."),
        ],
        "ResNet as torchvision builds it.",
    ),
    named(
        "MobileNetV2",
        &[
            field("width", Number("in 0.05 to 10"), "1.0", "Width multiplier."),
            field("stem", Of(&STEM), "Auto", "The first layers."),
        ],
        "MobileNetV2 as torchvision builds it (Sandler et al., 2018).",
    ),
    named(
        "MobileNetV3",
        &[
            needed("variant", Of(&MOBILENET_V3), "Which of the two."),
            field("stem", Of(&STEM), "Auto", "The first layers."),
        ],
        "MobileNetV3 as torchvision builds it (Howard et al., 2019).",
    ),
    named(
        "ShuffleNetV2",
        &[
            field(
                "width",
                Number("of 0.5, 1, 1.5, 2"),
                "1.0",
                "Width multiplier.",
            ),
            field("stem", Of(&STEM), "Auto", "The first layers."),
        ],
        "ShuffleNetV2 as torchvision builds it (Ma et al., 2018).",
    ),
    named(
        "EfficientNet",
        &[
            needed("variant", Of(&EFFICIENTNET), "Which of them."),
            field("stem", Of(&STEM), "Auto", "The first layers."),
        ],
        "EfficientNet as torchvision (B0) and timm (Lite0) build it (Tan and Le, 2019).",
    ),
    named(
        "PpLcNet",
        &[
            field(
                "width",
                Number("of 0.35, 0.5, 0.75, 1, 1.5"),
                "1.0",
                "Width multiplier.",
            ),
            field("stem", Of(&STEM), "Auto", "The first layers."),
        ],
        "PP-LCNet as timm builds it (Cui et al., 2021).",
    ),
    named(
        "RegNet",
        &[
            needed("variant", Of(&REGNET), "Which of them."),
            field("stem", Of(&STEM), "Auto", "The first layers."),
        ],
        "RegNet as torchvision builds it (Radosavovic et al., 2020).",
    ),
];

pub(super) static MOBILENET_V3: Type = choice(
    "MobileNetV3Variant",
    "variant of MobileNetV3",
    &[
        bare("Small", "mobilenet_v3_small: 2.5 million parameters."),
        bare("Large", "mobilenet_v3_large: 5.5 million parameters."),
    ],
);

pub(super) static EFFICIENTNET: Type = choice(
    "EfficientNetVariant",
    "variant of EfficientNet",
    &[
        bare(
            "B0",
            "torchvision's efficientnet_b0: 5.3 million parameters.",
        ),
        bare(
            "Lite0",
            "timm's efficientnet_lite0, without squeeze and excitation: 4.7 million parameters.",
        ),
    ],
);

pub(super) static REGNET: Type = choice(
    "RegNetVariant",
    "variant of RegNet",
    &[bare("Y400MF", "regnet_y_400mf: 4.3 million parameters.")],
);

pub(super) static STEM: Type = choice(
    "Stem",
    "first layers",
    &[
        bare(
            "Auto",
            "Small for images under 64 pixels, standard otherwise.",
        ),
        bare(
            "Standard",
            "As published: the image is a quarter as high and wide after them.",
        ),
        bare(
            "Small",
            "3×3, with stride 1 in place of the first two halvings, for images of 32 or 64 pixels.",
        ),
    ],
);

pub(super) static OPTIMIZER: Type = choice(
    "OptimizerSpec",
    "optimizer",
    &[
        named(
            "Sgd",
            SGD,
            "Stochastic gradient descent as PyTorch defines it.",
        ),
        named(
            "AdamW",
            ADAM_W,
            "Adam with decoupled weight decay (Loshchilov and Hutter, 2019).",
        ),
    ],
);

static SGD: &[Field] = &[
    field("momentum", Number("in [0, 1)"), "0.9", "Momentum."),
    field(
        "nesterov",
        Truth,
        "false",
        "Nesterov momentum; needs a momentum above 0.",
    ),
    field(
        "weight_decay",
        Number("in [0, 10]"),
        "0.0",
        "Added to the gradient: decay · weight.",
    ),
];

static ADAM_W: &[Field] = &[
    field(
        "betas",
        Tuple(&[Number("in [0, 1)"), Number("in [0, 1)")]),
        "(0.9, 0.999)",
        "Decay of the first and second moment.",
    ),
    field(
        "epsilon",
        Number("above 0"),
        "1e-8",
        "Added to the denominator.",
    ),
    field(
        "weight_decay",
        Number("in [0, 10]"),
        "0.0",
        "Multiplied with the learning rate and the weight.",
    ),
];

pub(super) static DEVICE: Type = choice(
    "DeviceSpec",
    "device",
    &[
        bare(
            "Auto",
            "A CUDA GPU if libtorch has one, else libtorch on the CPU, else Cpu.",
        ),
        bare("Cpu", "The pure-Rust CPU backend; always available."),
        holding(
            "LibTorch",
            &[Of(&LIBTORCH)],
            "libtorch; needs a build with the feature libtorch.",
        ),
    ],
);

pub(super) static LIBTORCH: Type = choice(
    "LibTorchDevice",
    "device of libtorch",
    &[
        bare("Cpu", "The processor."),
        holding("Cuda", &[Whole("from 0")], "GPU index."),
    ],
);
