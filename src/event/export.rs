//! Students that were written for other programs, and what their verification found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bench::Variant;
use super::inspection::Weights;

/// How an image of another size becomes a model's.
pub const RESIZE: &str = "scaled until it covers the size (antialiased bilinear), then cropped at \
                          the centre: torchvision's Resize and CenterCrop";

/// What a student is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// One ONNX file.
    Onnx,
    /// Weights, and a script that loads them into PyTorch.
    Torch,
}

/// How an ONNX file takes images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelFormat {
    /// Normalised floats `[batch, 3, height, width]`.
    #[default]
    Float,
    /// RGB bytes `[batch, height, width, 3]`, as cameras and decoders give them.
    Uint8,
}

impl PixelFormat {
    /// Its name, as `--input` takes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Uint8 => "uint8",
        }
    }
}

/// Floats that an ONNX file computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Floats {
    /// 32-bit floats.
    #[default]
    Fp32,
    /// 16-bit floats.
    Fp16,
}

impl Floats {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Floats> for Variant {
    fn from(floats: Floats) -> Self {
        match floats {
            Floats::Fp32 => Self::Fp32,
            Floats::Fp16 => Self::Fp16,
        }
    }
}

/// The files that were written of a run, by name where they lie in its own folder
/// for them, else by path.
pub type Exports = BTreeMap<String, Export>;

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// As what.
    pub format: ExportFormat,
    /// Of which weights.
    pub weights: Weights,
    /// Steps that these have behind them.
    pub step: u64,
    /// BLAKE3 of their file, hexadecimal, as a journal names a checkpoint's; absent in
    /// records of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_of: Option<String>,
    /// How it takes images, of an ONNX file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<PixelFormat>,
    /// Floats that it computes with, of an ONNX file.
    #[serde(default, skip_serializing_if = "Floats::is_usual")]
    pub floats: Floats,
    /// Its length.
    pub bytes: u64,
    /// BLAKE3 of it, hexadecimal.
    pub blake3: String,
    /// What its verification found; absent where it was not run.
    pub proof: Option<ExportProof>,
    /// How it came to 8-bit integers, of a file that computes with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8: Option<Box<Int8>>,
}

impl Export {
    /// What it computes with.
    #[must_use]
    pub fn variant(&self) -> Variant {
        match self.int8 {
            Some(_) => Variant::Int8,
            None => self.floats.into(),
        }
    }
}

/// The validation images went through a file, in an engine that did not train it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportProof {
    /// The engine and its version.
    pub engine: String,
    /// Number of images.
    pub images: usize,
    /// Greatest absolute difference between a logit of the file and the network's.
    pub max_difference: f64,
    /// Greatest absolute logit of the network.
    pub max_logit: f64,
    /// Share of images on which both choose the same class.
    pub agreement: f64,
    /// Top-1 of the file; absent without labels.
    pub top1: Option<f64>,
    /// Top-1 of the network; absent without labels.
    pub network_top1: Option<f64>,
}

/// How a file with 8-bit integers was made, and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Int8 {
    /// Training images by which the ranges of activations were found.
    pub images: usize,
    /// Seed by which these were chosen.
    pub seed: u64,
    /// The scheme that was chosen.
    pub scheme: QuantScheme,
    /// The engine by which it was, and its version.
    pub engine: String,
    /// All that were tried, in order.
    pub trials: Vec<QuantTrial>,
    /// The file beside what it was made from.
    pub rows: Vec<PrecisionRow>,
}

/// What becomes of floats when they become 8-bit integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuantScheme {
    /// What has a scale of its own.
    pub weights: WeightScales,
    /// Bits of a weight: 8, or 7 where sums of two products would overflow.
    pub weight_bits: u8,
    /// How the range of an activation is found.
    pub activations: RangeRule,
    /// Layers that keep floats.
    pub float_layers: FloatLayers,
}

/// Which weights share a scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightScales {
    /// All of a layer.
    PerTensor,
    /// Those of an output channel.
    PerChannel,
}

/// How the range of an activation is found in what calibration saw of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeRule {
    /// From the least to the greatest.
    MinMax,
    /// Without the outermost hundredth of a percent.
    Percentile,
    /// By the least information that is lost: `TensorRT`'s rule.
    Entropy,
    /// As the weights were trained with, in a finish with `Quantize`.
    Trained,
}

/// Layers that keep floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FloatLayers {
    /// None.
    None,
    /// The first.
    First,
    /// The last.
    Last,
    /// Both.
    FirstAndLast,
}

/// What a scheme was found to be worth on the validation images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuantTrial {
    /// The scheme.
    pub scheme: QuantScheme,
    /// Top-1; absent without labels.
    pub top1: Option<f64>,
    /// Share of images that get the class that the network gives them.
    pub agreement: f64,
    /// Greatest absolute difference between a logit and the network's.
    pub max_difference: f64,
}

/// A model of the table that an int8 file is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRow {
    /// Which.
    pub model: PrecisionModel,
    /// Top-1 on the validation images.
    pub top1: Option<f64>,
    /// Share of images on which it agrees with the teacher.
    pub teacher_agreement: Option<f64>,
    /// Share of images on which it agrees with the student in floats.
    pub agreement: Option<f64>,
    /// Length of its file.
    pub bytes: Option<u64>,
    /// Median time of an answer to one image on one thread, milliseconds.
    pub p50_ms: Option<f64>,
    /// The engine in which this was measured.
    pub engine: Option<String>,
}

/// The models of that table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionModel {
    /// The run's teacher.
    Teacher,
    /// The student with 32-bit floats.
    Fp32,
    /// The student with 16-bit floats.
    Fp16,
    /// The student with 8-bit integers.
    Int8,
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// An ONNX file that is not verified.
    pub(crate) fn export() -> Export {
        Export {
            format: ExportFormat::Onnx,
            weights: Weights::Best,
            step: 8,
            made_of: None,
            input: None,
            floats: Floats::Fp32,
            bytes: 8605,
            blake3: "0d68a6".to_owned(),
            proof: None,
            int8: None,
        }
    }

    /// A verification that passed.
    pub(crate) fn proof() -> ExportProof {
        ExportProof {
            engine: "rten 0.27".to_owned(),
            images: 150,
            max_difference: 4.77e-6,
            max_logit: 12.38,
            agreement: 1.0,
            top1: Some(0.62),
            network_top1: Some(0.62),
        }
    }
}
