//! What an experiment says of weights that were trained elsewhere.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Names of classes in the order of a model's outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClassNames {
    /// The names.
    Names(Vec<String>),
    /// A text file with one name a line, or a JSON file with a list of names,
    /// such as `model.json`.
    File(PathBuf),
}

/// What becomes of the classifier of a student that starts from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Head {
    /// It starts from the file's, which has an output for every class of the data.
    #[default]
    Keep,
    /// It starts at random; the file's may be of any other classes, or missing.
    New,
}

/// How a model's own images are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum InputNormalize {
    /// As torchvision's models were trained on `ImageNet`.
    ImageNet,
    /// Given, for red, green and blue, of pixels in [0, 1].
    Given {
        /// Means.
        mean: [f32; 3],
        /// Standard deviations, positive.
        std: [f32; 3],
    },
}

impl InputNormalize {
    /// Mean and standard deviation of red, green and blue.
    #[must_use]
    pub fn values(&self) -> ([f32; 3], [f32; 3]) {
        match self {
            Self::ImageNet => ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            Self::Given { mean, std } => (*mean, *std),
        }
    }
}

/// Order of the colours of a model's images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ChannelOrder {
    /// Red, green, blue, as the data's.
    #[default]
    Rgb,
    /// Blue, green, red, as `OpenCV` reads them.
    Bgr,
}

/// What runs an ONNX file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OnnxEngine {
    /// onnxruntime where its library is there, else rten.
    #[default]
    Auto,
    /// rten, which is part of the program.
    Rten,
    /// onnxruntime; its library is required.
    OnnxRuntime,
    /// onnxruntime on the NVIDIA GPU of that number; its library and its CUDA provider
    /// are required.
    OnnxRuntimeCuda(u32),
}

/// What a model's scores of the classes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scores {
    /// As they come out of the last layer.
    Logits,
    /// After a softmax. Their logarithms are logits of the same model.
    Probabilities,
}
